"""The functions of `symgrad.runtime` as they stand in a generated module: those it needs, with what those need."""

import inspect
import io
import re
import tokenize
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from symgrad.runtime import (
    arguments,
    cumulative,
    entries,
    gamma,
    matrices,
    normal,
    packing,
    pieces,
    places,
    records,
    rows,
    second_order,
    threads,
    workspace,
)

_FILES: tuple[ModuleType, ...] = (
    arguments,
    cumulative,
    packing,
    records,
    rows,
    threads,
    entries,
    gamma,
    normal,
    pieces,
    places,
    matrices,
    workspace,
    second_order,
)

# Where the names come from that functions of the runtime use; every module imports NumPy itself.
_IMPORTS: dict[str, tuple[str, str | None]] = {
    **{name: (name, None) for name in ("ctypes", "itertools", "threading")},
    "bisect_left": ("bisect", ""),
    **dict.fromkeys(("Callable", "Iterator"), ("collections.abc", "")),
    "ThreadPoolExecutor": ("concurrent.futures", ""),
    "contextmanager": ("contextlib", ""),
    **dict.fromkeys(("cache", "partial", "reduce"), ("functools", "")),
    **dict.fromkeys(("accumulate",), ("itertools", "")),
    **dict.fromkeys(("factorial", "prod"), ("math", "")),
    "iadd": ("operator", ""),
    **dict.fromkeys(("Any", "NamedTuple"), ("typing", "")),
}


@dataclass(frozen=True)
class Definition:
    """A function or class of the runtime: its source, and the names in it that are others' or imported."""

    source: str
    needs: tuple[str, ...]
    imports: frozenset[str]


def closure(names: Iterable[str], known: Collection[str] = ()) -> list[str]:
    """The names with all that they need, in the order of use; without those that are `known` to be there."""
    found: dict[str, None] = {}
    stack = list(names)[::-1]
    while stack:
        name = stack.pop()
        if name not in found and name not in known:
            found[name] = None
            stack.extend(reversed(_definitions()[name].needs))
    return list(found)


def source_text(names: Iterable[str]) -> str:
    """The definitions of the names, with two empty lines between them."""
    return "\n\n".join(_definitions()[name].source for name in names)


def import_lines(names: Iterable[str], more: Iterable[str] = ()) -> list[str]:
    """The import statements for the definitions of the names, and for `more` names; plain imports come first."""
    used = {name for one in names for name in _definitions()[one].imports} | set(more)
    plain = sorted({_IMPORTS[name][0] for name in used if _IMPORTS[name][1] is None})
    parts: dict[str, list[str]] = {}
    for name in sorted(used):
        place, kind = _IMPORTS[name]
        if kind is not None:
            parts.setdefault(place, []).append(name)
    return [
        *(f"import {name}" for name in plain),
        *(f"from {place} import {', '.join(parts[place])}" for place in sorted(parts)),
    ]


def special_functions(names: Iterable[str]) -> set[str]:
    """The functions of SciPy that the definitions of the names call."""
    return {
        special for name in names for special in re.findall(r"\bscipy\.special\.(\w+)", _definitions()[name].source)
    }


@cache
def _definitions() -> dict[str, Definition]:
    """Everything that the files of the runtime define, by name."""
    own = {
        name: value
        for file in _FILES
        for name, value in vars(file).items()
        if getattr(value, "__module__", None) == file.__name__
    }
    return {name: _definition(name, value, own) for name, value in own.items()}


def _definition(name: str, value: Any, own: Collection[str]) -> Definition:
    source = inspect.getsource(value)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    said = dict.fromkeys(token.string for token in tokens if token.type == tokenize.NAME)
    scope = vars(inspect.getmodule(value))
    imports = frozenset(one for one in said if one in _IMPORTS and one in scope)
    return Definition(source, tuple(one for one in said if one in own and one != name), imports)
