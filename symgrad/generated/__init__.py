"""Modules that were compiled in memory, each under an import name of its own: `symgrad.generated.logistic_3f29c01d`.

The text of such a module is also in a file of the user's temporary folder, under that name, and that folder is where
this package looks for its modules. So they behave like any other module: tracebacks and `inspect.getsource` show their
lines, and what they define can be pickled, sent to processes that `multiprocessing` or joblib starts, and copied.
The environment variable SYMGRAD_GENERATED names another folder.
"""

import hashlib
import linecache
import os
import re
import sys
import time
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import gettempdir
from types import ModuleType

from symgrad.errors import ModelError
from symgrad.interface import GeneratedModule

_TOUCHED_SECONDS = 24 * 3600  # not oftener: what Numba has compiled is for the file as it was at that time
_KEPT_DAYS = 30  # a pickle of what a module defines can be read for that long without compiling the model again


def load(text: str, name: str, path: Path | None = None) -> GeneratedModule:
    """The module of this text, in `sys.modules` under a name that no other module has.

    Parameters
    ----------
    text : of the module.
    name : the model's, which the import name begins with.
    path : the file that the text is written to as well; it is then the module's `__file__`.
    """
    full = _free_name(f"{__name__}.{_identifier(name)}_{hashlib.sha256(text.encode()).hexdigest()[:8]}")
    kept = _written(full.rpartition(".")[2], text)
    file = kept if path is None else path.resolve()
    shown = f"<{full}>" if file is None else str(file)
    if file is None:
        linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)
        spec: ModuleSpec | None = ModuleSpec(full, None, origin=shown)
    else:
        spec = spec_from_file_location(full, shown, loader=SourceFileLoader(full, shown))
    assert spec is not None, "a specification that is given its loader is always made"
    module = module_from_spec(spec)
    module.__class__ = GeneratedModule
    assert isinstance(module, GeneratedModule)
    sys.modules[full] = module
    try:
        exec(compile(text, shown, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[full]
        raise
    return module


def imported(text: str, name: str) -> ModuleType:
    """The module of this text, which nothing else can import: for what the check calls."""
    module = ModuleType(name)
    exec(compile(text, f"<generated {name}>", "exec"), module.__dict__)
    return module


def require(library: str, title: str, target: str, extra: str) -> None:
    """Import the library that modules of a target import; it is an optional extra, which others need not have.

    Raises
    ------
    ModelError : it is not installed.
    """
    try:
        import_module(library)
    except ImportError:
        raise ModelError(
            f"the target {target} needs {title} to check and to import modules: pip install symgrad[{extra}]"
        ) from None


def _identifier(name: str) -> str:
    """The first words of a model's name as a part of an import name."""
    words = re.sub(r"\W+", "_", name.partition(":")[0], flags=re.ASCII).strip("_").lower()[:40]
    return words if words and not words[0].isdigit() else f"model_{words}".rstrip("_")


def _free_name(name: str) -> str:
    """The name, with a number behind it where such a module is there already."""
    found, number = name, 1
    while found in sys.modules:
        number += 1
        found = f"{name}_{number}"
    return found


def _written(stem: str, text: str) -> Path | None:
    """The file with the text, for other processes; None where there is no folder for it."""
    folder = _folder(make=True)
    if folder is None:
        return None
    _without_old(folder)
    path = folder / f"{stem}.py"
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            draft = folder / f".{stem}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)  # a process that imports the module sees all of it
        elif time.time() - path.stat().st_mtime > _TOUCHED_SECONDS:
            path.touch()
    except OSError:
        return None
    return path


def _folder(make: bool = False) -> Path | None:
    """The folder of the modules; None where it is not there, cannot be made, or others can write to it."""
    given = os.environ.get("SYMGRAD_GENERATED")
    who = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(given) if given else Path(gettempdir()) / f"symgrad-{who}"
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    if hasattr(os, "getuid") and (state.st_uid != os.getuid() or state.st_mode & 0o022):
        return None
    return folder


@cache
def _without_old(folder: Path) -> None:
    """Remove what is old, once in a process."""
    oldest = time.time() - _KEPT_DAYS * 24 * 3600
    for path in folder.glob("*.py"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except OSError:  # another process was faster
            continue


# Where modules of other processes are found; those of this one are in `sys.modules`.
__path__ = [str(folder) for folder in [_folder()] if folder is not None]
