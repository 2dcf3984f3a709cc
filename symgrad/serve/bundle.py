"""One archive of all that answers need besides Python itself: symgrad, and the libraries that it imports."""

import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from symgrad.codegen.template_folder import template_folder
from symgrad.errors import SymgradError

# What `serve.answers` imports, NumPy aside; all of them run without what some have compiled for one system.
LIBRARIES = ("sympy", "mpmath", "jinja2", "markupsafe", "lark")
_OWN = Path(__file__).resolve().parents[1]
_LEFT_OUT = frozenset({"__pycache__", "tests", "benchmarks", "examples"})
_COMPILED = frozenset({".so", ".pyd", ".c", ".pyc", ".pyi"})
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that archives know: equal files make equal archives


@cache
def bundle() -> bytes:
    """The archive, a zip whose top folders are packages.

    Raises
    ------
    SymgradError : a library is missing, or is no folder of files.
    """
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in _files():
            archive.writestr(zipfile.ZipInfo(name, _DAY), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _files() -> Iterator[tuple[str, Path]]:
    """The names in the archive and where their contents are."""
    yield from _within(_OWN, "symgrad")
    if template_folder().parent != _OWN:  # a checkout has them beside the package
        yield from _within(template_folder(), "symgrad/templates")
    for library in LIBRARIES:
        yield from _within(_folder(library), library)
        yield from _licences(library)


def _within(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and _LEFT_OUT.isdisjoint(parts) and path.suffix not in _COMPILED:
            yield "/".join((name, *parts)), path


def _folder(library: str) -> Path:
    found = find_spec(library)
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    if not places or not places[0].is_dir():
        raise SymgradError(f"{library} is not installed as a folder of files, so that it cannot be copied")
    return places[0]


def _licences(library: str) -> Iterator[tuple[str, Path]]:
    """What has to travel with a library's files."""
    try:
        files = distribution(library).files or []
    except PackageNotFoundError:
        return
    for file in files:
        if file.stem.upper().startswith(("LICEN", "COPYING", "AUTHORS")):
            path = Path(str(file.locate()))
            if path.is_file():
                yield f"licences/{library}/{file.name}", path
