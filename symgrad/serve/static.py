"""The page as a folder for any static host: answers come from Python in the browser, Pyodide."""

import json
from pathlib import Path

from symgrad.errors import SymgradError
from symgrad.files import write_folder
from symgrad.serve.bundle import bundle
from symgrad.serve.document import page, worker
from symgrad.serve.home import in_browser

OLDEST = (3, 11)  # the first Python that symgrad runs on
_MAIN = ("pyodide.asm.mjs", "pyodide.asm.js")  # since Pyodide 314, and before
_LOCK = "pyodide-lock.json"
_NEEDED = ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip", _LOCK)
_NOTICE = "package.json"  # says whose Pyodide is, under which licence, and where its source is
_WHEEL = "numpy-*.whl"
_PAGE = ("index.html", "worker.js", "symgrad.zip")
HAVE_IT = "`npm pack pyodide` fetches it, and its folder is `package` in that archive"


def write_static(folder: Path, pyodide: Path) -> None:
    """Write the page and all that it needs.

    Parameters
    ----------
    folder : a new one, an empty one, or one that was written so before.
    pyodide : the folder of the npm package `pyodide`. Where the wheel of NumPy that belongs to it is there, too, the
        page offers the check.

    Raises
    ------
    SymgradError : Pyodide is not whole, or its Python is too old; or the folder has files of somebody else.
    OSError : the operating system refuses. In each case the folder is as it was.
    """
    files = _pyodide_files(pyodide)
    wheel = next((name for name in files if Path(name).match(_WHEEL)), None)
    home = in_browser(wheel)
    _check_ours(folder)
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents |= dict(zip(_PAGE, (page(home).encode(), worker(home).encode(), bundle()), strict=True))
    write_folder(folder, contents)


def _pyodide_files(pyodide: Path) -> dict[str, Path]:
    """What the page needs of Pyodide, by name."""
    inner = pyodide / "node_modules" / "pyodide"
    if not pyodide.is_dir():
        raise SymgradError(f"{pyodide}: there is no such folder; name that of Pyodide ({HAVE_IT})")
    if inner.is_dir():
        raise SymgradError(f"{pyodide}: the folder of Pyodide itself is {inner}; name that")
    main = next((name for name in _MAIN if (pyodide / name).is_file()), _MAIN[0])
    needed = (*_NEEDED, main)
    missing = [name for name in needed if not (pyodide / name).is_file()]
    if missing:
        raise SymgradError(f"{pyodide} is not the folder of Pyodide: {', '.join(missing)} is missing ({HAVE_IT})")
    _check_version(pyodide / _LOCK)
    wheels = sorted(pyodide.glob(_WHEEL))
    if len(wheels) > 1:
        raise SymgradError(f"{pyodide} has {len(wheels)} wheels of NumPy; leave the one that belongs to this Pyodide")
    return {name: pyodide / name for name in (*needed, _NOTICE) if (pyodide / name).is_file()} | {
        wheel.name: wheel for wheel in wheels
    }


def _check_version(lock: Path) -> None:
    try:
        version = str(json.loads(lock.read_bytes())["info"]["python"])
        numbers = tuple(int(part) for part in version.split(".")[:2])
    except (ValueError, KeyError, TypeError):
        raise SymgradError(f"{lock} does not say which Python this Pyodide is; take another version of it") from None
    if numbers < OLDEST:
        raise SymgradError(
            f"{lock.parent} is Python {version}, and symgrad needs {'.'.join(map(str, OLDEST))} or later; take a newer "
            "Pyodide"
        )


def _check_ours(folder: Path) -> None:
    """A folder is replaced only where all in it is what this command writes."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SymgradError(f"{folder} is a file; name a folder")
    known = {*_PAGE, *_NEEDED, *_MAIN, _NOTICE}
    others = [path.name for path in sorted(folder.iterdir()) if path.name not in known and not path.match(_WHEEL)]
    if others:
        raise SymgradError(
            f"{folder} has files that are not of the page, such as {others[0]}; name a new folder, or an empty one"
        )
