"""Arrays of the user's own for a check: an `.npz` file, a folder of `.npy` files, or the columns of a CSV file."""

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

from symgrad.arrays import np
from symgrad.errors import ModelError

Arrays = dict[str, Any]


def load_arrays(path: Path, names: Collection[str]) -> Arrays:
    """The arrays of a file or folder that are arguments of a model, by name.

    Parameters
    ----------
    path : `DATA.npz` (arrays by name), a folder (`NAME.npy` for each array), or `DATA.csv` (a line of names, then
        columns of numbers; an empty field is nan).
    names : the arguments of the model; other arrays are left out.

    Raises
    ------
    ModelError : there is no such file, it is of another kind or damaged, or it has none of the names.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "data.csv").write_text("t,site\\n1,oak\\n0,elm\\n")
    >>> load_arrays(folder / "data.csv", ["t"])
    {'t': array([1, 0])}
    """
    if not path.exists():
        raise ModelError(f"{path}: there is no such file or folder")
    reader = _folder if path.is_dir() else {".npz": _npz, ".csv": _csv}.get(path.suffix.lower())
    if reader is None:
        raise ModelError(f"{path}: expected a file .npz or .csv, or a folder of .npy files")
    found = reader(path, names)
    if not found:
        raise ModelError(f"{path} has none of the model's arguments, which are {', '.join(names)}")
    return found


def _npz(path: Path, names: Collection[str]) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name in names}
    except (ValueError, OSError, EOFError) as error:
        raise ModelError(f"{path}: no arrays can be read from it: {error}") from error


def _folder(path: Path, names: Collection[str]) -> Arrays:
    found = {}
    for file in sorted(path.glob("*.npy")):
        if file.stem in names:
            try:
                found[file.stem] = np.load(file, allow_pickle=False)
            except (ValueError, OSError, EOFError) as error:
                raise ModelError(f"{file}: no array can be read from it: {error}") from error
    return found


def _csv(path: Path, names: Collection[str]) -> Arrays:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    if not rows:
        raise ModelError(f"{path} is empty; its first line has the names of the columns")
    titles, *lines = rows
    found: Arrays = {}
    for place, title in enumerate(title.strip() for title in titles):
        if title in names:
            found[title] = _column(path, title, [line[place] if place < len(line) else "" for line in lines if line])
    return found


def _column(path: Path, title: str, fields: list[str]) -> Any:
    """A column as integers where all of it are, else as floating numbers."""
    try:
        return np.array([int(field) for field in fields])
    except ValueError:
        pass
    numbers = []
    for number, field in enumerate(fields, 2):
        try:
            numbers.append(float(field) if field.strip() else np.nan)
        except ValueError:
            raise ModelError(f"{path}, line {number}: {title} is {field!r}, which is no number") from None
    return np.array(numbers)
