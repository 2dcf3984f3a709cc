"""The files that the commands write: which names are good."""

import keyword
import os
import re
import sys
from pathlib import Path

import click

from symgrad.cli.model_file import DEFAULT_NAME, ModelReference

# A module of one of these names would hide the package itself from every program in its folder, its own test included.
_HIDDEN_PACKAGES = frozenset({"numpy", "scipy", "pytest"})


def default_output(reference: ModelReference, what: str = "gradient", suffix: str = ".py") -> Path:
    """The file that is written where none is named: in the current folder, `MODEL_gradient.py`.

    Characters that no module's name may have become underscores, and a model of a name other than `model` adds it.

    Examples
    --------
    >>> default_output(ModelReference(Path("examples/logistic.py"))).name
    'logistic_gradient.py'
    >>> default_output(ModelReference(Path("examples/logistic.py"), "likelihood")).name
    'logistic_likelihood_gradient.py'
    """
    stem = re.sub(r"\W", "_", reference.path.stem)
    if not stem.isidentifier():
        stem = f"_{stem}"
    parts = [stem] if reference.name == DEFAULT_NAME else [stem, reference.name]
    return Path("_".join([*parts, what]) + suffix)


def output_paths(output: Path, model_file: Path, with_test: bool) -> list[Path]:
    """The files to be written, the module first, each found fit to be written.

    Raises
    ------
    click.UsageError
        If the module's name is not one that Python can import, its folder is missing or closed to writing, or one of
        the files would replace something other than an ordinary file, or the model itself.
    """
    stem = output.stem
    if output.suffix != ".py" or not stem.isidentifier() or keyword.iskeyword(stem):
        raise click.UsageError(
            f"{output}: the file is a Python module, so its name must be a Python name followed by .py"
        )
    if stem in sys.stdlib_module_names or stem in _HIDDEN_PACKAGES:
        raise click.UsageError(f"{output}: a module of this name would hide the library `{stem}`; choose another name")
    _check_folder(output)
    paths = [output, output.parent / f"test_{output.name}"] if with_test else [output]
    for path in paths:
        _check_replaceable(path, model_file)
    return paths


def page_path(output: Path, model_file: Path) -> Path:
    """The path of a file that is no module, found fit to be written.

    Raises
    ------
    click.UsageError
        If its folder is missing or closed to writing, or it would replace something other than an ordinary file, or the
        model itself.
    """
    _check_folder(output)
    _check_replaceable(output, model_file)
    return output


def _check_folder(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise click.UsageError(f"{output}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.UsageError(f"{output}: the folder {folder} is not writable")


def _check_replaceable(path: Path, model_file: Path) -> None:
    if not path.exists():
        return
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder")
    if not path.is_file():
        raise click.UsageError(f"{path} exists and is not an ordinary file")
    if model_file.exists() and path.samefile(model_file):
        raise click.UsageError(f"{path} is the model file itself; writing there would destroy it")
    if not os.access(path, os.W_OK):
        raise click.UsageError(f"{path} exists and is not writable")
