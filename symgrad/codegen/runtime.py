"""Hand-written functions that travel into generated modules by their source, with what they need.

What a function needs is read off its compiled code: the names that it loads, and those that its decorators, annotations
and bases load in its file. No text is searched, and no file is executed: one of them imports a library that may be
missing.
"""

import dis
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.abc import InspectLoader
from importlib.util import find_spec
from types import CodeType, MappingProxyType
from typing import cast

# What every generated module imports itself.
_GIVEN = ("jax", "numpy", "scipy", "symgrad", "torch")


@dataclass(frozen=True)
class Import:
    """Where a name comes from; `name` is None for a module itself."""

    module: str
    name: str | None


TYPING = {name: Import("typing", name) for name in ("Any", "NamedTuple")}


@dataclass(frozen=True)
class Definition:
    """A function or class.

    Attributes
    ----------
    source : its text.
    names : all names in it, in the order of use.
    imports : of these, those that its file imports from elsewhere.
    special : the functions of `scipy.special` that it calls.
    before : the names of its decorators, annotations and bases, which it has to come after.
    """

    source: str
    names: tuple[str, ...]
    imports: Mapping[str, Import] = field(default_factory=dict)
    special: frozenset[str] = frozenset()
    before: tuple[str, ...] = ()

    def renamed(self, libraries: Mapping[str, str]) -> "Definition":
        """The same for other libraries, by what stands in front of their functions.

        A function by its whole name, such as `np.maximum`, is one of the module's own.
        """
        text, names = self.source, self.names
        for old, new in sorted(libraries.items(), key=lambda pair: -len(pair[0])):  # what is more special comes first
            if new.startswith("_") and f"{old}(" in text:
                names = (*names, new)
            text = text.replace(f"{old}(", f"{new}(") if new.startswith("_") else text.replace(f"{old}.", f"{new}.")
        return replace(self, source=text, names=names)


@dataclass(frozen=True)
class Sources:
    """Definitions by name."""

    known: Mapping[str, Definition]

    def closure(self, names: Iterable[str], there: Collection[str] = ()) -> list[str]:
        """The names with all that they need, in the order of use; without those that are `there` anyway."""
        found: dict[str, None] = {}
        stack = list(names)[::-1]
        while stack:
            name = stack.pop()
            first = [one for one in self.known[name].before if one in self.known and one not in {name, *found, *there}]
            if first:
                stack += [name, *reversed(first)]
            elif name not in found and name not in there:
                found[name] = None
                stack.extend(other for other in reversed(self.known[name].names) if other in self.known)
        return list(found)

    def text(self, names: Iterable[str]) -> str:
        """The definitions of the names, with two empty lines between them."""
        return "\n\n".join(self.known[name].source for name in names)

    def import_lines(self, names: Iterable[str], others: Mapping[str, Import] = MappingProxyType({})) -> list[str]:
        """The import statements for the definitions of the names, for types and others; plain imports come first.

        Annotations stay text, which is what `help` shows: `ArrayLike`, not the long union that it stands for.
        """
        used = {**TYPING, **others, **{key: one for name in names for key, one in self.known[name].imports.items()}}
        parts: dict[tuple[str, str], list[str]] = {}  # what has another name here has a line of its own, as sorters do
        for key, one in used.items():
            if one.name is not None:
                line = (one.module, "") if key == one.name else (one.module, key)
                parts.setdefault(line, []).append(one.name if key == one.name else f"{one.name} as {key}")
        plain = sorted(one.module for one in used.values() if one.name is None)
        return [
            "from __future__ import annotations",
            "",
            *(f"import {module}" for module in plain),
            *(f"from {line[0]} import {', '.join(sorted(parts[line]))}" for line in sorted(parts)),
        ]

    def special(self, names: Iterable[str]) -> set[str]:
        """The functions of `scipy.special` that the definitions of the names call."""
        return {special for name in names for special in self.known[name].special}


# The files of the runtime whose functions other libraries take with their names in place of NumPy's; what a later file
# has is taken from it: functions that choose without branches, which may be traced.
_RENAMED = (
    *("arguments", "batches", "chunks", "entries", "gamma", "logarithms", "matrices", "normal", "pieces", "scaled"),
    "tensors",
)


def renamed_sources(libraries: Mapping[str, str], *own: str) -> Sources:
    """The functions of modules for another library: those of the runtime, and those in its own files."""
    found = {name: one for file in _RENAMED for name, one in definitions(f"symgrad.runtime.{file}").items()}
    renamed = {name: one.renamed(libraries) for name, one in found.items()}
    return Sources(renamed | {name: one for file in own for name, one in definitions(file).items()})


@cache
def definitions(module: str) -> dict[str, Definition]:
    """The functions and classes of a file, by name."""
    spec = find_spec(module)
    assert spec is not None and spec.loader is not None, module
    loader = cast(InspectLoader, spec.loader)
    code, source = loader.get_code(module), loader.get_source(module)
    assert code is not None and source is not None, module
    steps = list(dis.get_instructions(code))
    lines, imports = source.splitlines(keepends=True), _imports(steps)
    loads = [(_line(step), step.argval) for step in steps if _loads(step)]
    found = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_name.isidentifier():
            own = range(inner.co_firstlineno, _end(inner, lines) + 1)
            block = lines[own.start - 1 : own.stop - 1]
            around = tuple(name for line, name in loads if line in own)  # of decorators, annotations and bases
            names = tuple(n for n in dict.fromkeys([*around, *_names(inner)]) if n != inner.co_name)
            taken = {name: imports[name] for name in names if name in imports}
            special = frozenset(_special(inner)) if "special" in names else frozenset[str]()
            found[inner.co_name] = Definition("".join(block), names, taken, special, around)
    return found


def _end(code: CodeType, lines: Sequence[str]) -> int:
    """The last line of a definition, which an empty one follows."""
    end = max(_line_numbers(code))  # Python may have been told to keep no more than where statements begin
    while end < len(lines) and lines[end].strip():
        end += 1
    return end


def _line_numbers(code: CodeType) -> Iterator[int]:
    """The lines of the instructions of a function or class, and of those inside it."""
    yield code.co_firstlineno
    for first, last, _, _ in code.co_positions():
        yield last or first or 0
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _line_numbers(inner)


def _imports(steps: Sequence[dis.Instruction]) -> dict[str, Import]:
    """What a file imports that generated modules do not have anyway, by the name in the file."""
    found: dict[str, Import] = {}
    module, part = "", None
    for step in steps:
        match step.opname:
            case "IMPORT_NAME":
                module, part = step.argval, None
            case "IMPORT_FROM":
                part = step.argval
            case "STORE_NAME" if module:
                if module.split(".")[0] not in _GIVEN:
                    found[step.argval] = Import(module, part)
                module = module if part is not None else ""
            case "POP_TOP":
                module, part = "", None
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _special(code: CodeType) -> Iterator[str]:
    """What is taken of `scipy.special`."""
    taken = [step.argval for step in dis.get_instructions(code) if _loads(step)]
    for first, second, third in zip(taken, taken[1:], taken[2:], strict=False):
        if (first, second) == ("scipy", "special"):
            yield third
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _special(inner)


def _loads(step: dis.Instruction) -> bool:
    return step.opcode in dis.hasname


def _line(step: dis.Instruction) -> int | None:
    return None if step.positions is None else step.positions.lineno
