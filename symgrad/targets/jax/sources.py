"""The functions of a generated module beside its formulas, by their sources.

Most are those of `symgrad.runtime`, with JAX's names in place of NumPy's; what JAX has to do in another way, such as
choose without branches, is in `runtime` beside this file.
"""

import ast
import inspect
import io
import tokenize
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from symgrad.runtime import arguments, entries, gamma, matrices, normal, pieces

_SHARED: tuple[ModuleType, ...] = (arguments, entries, gamma, matrices, normal, pieces)
_RENAMED = {"np": "jnp", "scipy": "jax.scipy"}
_IMPORTS = {"factorial": "math"}


@dataclass(frozen=True)
class Source:
    """The text of a function, and all names in it."""

    text: str
    names: tuple[str, ...]


def in_jax(text: str) -> Source:
    """A function that calls NumPy as one that calls JAX by the same names."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    names = [token for token in tokens if token.type == tokenize.NAME]
    for token in reversed(names):
        (row, first), (_, last) = token.start, token.end
        if token.string in _RENAMED and lines[row - 1][last : last + 1] == ".":
            lines[row - 1] = lines[row - 1][:first] + _RENAMED[token.string] + lines[row - 1][last:]
    return Source("".join(lines), tuple(dict.fromkeys(token.string for token in names)))


@cache
def _known() -> dict[str, Source]:
    shared = {
        name: in_jax(inspect.getsource(value))
        for file in _SHARED
        for name, value in vars(file).items()
        if getattr(value, "__module__", None) == file.__name__
    }
    # it imports JAX: it is read, not imported
    text = Path(__file__).with_name("runtime.py").read_text(encoding="utf-8")
    own = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return shared | {node.name: Source(f"{ast.get_source_segment(text, node)}\n", _names(node)) for node in own}


def _names(function: ast.FunctionDef) -> tuple[str, ...]:
    found = (node for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute))
    return tuple(dict.fromkeys(node.id if isinstance(node, ast.Name) else node.attr for node in found))


def closure(wanted: Iterable[str], known: Iterable[Source] = ()) -> list[Source]:
    """The functions of these names with all that they need, in the order of use; `known` ones come first."""
    found: dict[str, Source] = {}
    first = list(known)
    stack = [*wanted, *(name for source in first for name in source.names if name in _known())][::-1]
    while stack:
        name = stack.pop()
        if name not in found:
            found[name] = _known()[name]
            stack.extend(other for other in reversed(found[name].names) if other in _known() and other != name)
    return [*first, *found.values()]


def import_lines(sources: Collection[Source]) -> list[str]:
    """What they import from the standard library."""
    used = {name for source in sources for name in source.names if name in _IMPORTS}
    return [f"from {_IMPORTS[name]} import {name}" for name in sorted(used)]
