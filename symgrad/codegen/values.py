"""Pieces of text that compute arrays: with their precedence, their index letters in axis order, and what they hold.

What is here and in the files that import it is for targets whose arrays have NumPy's operators, subscripts and names.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

from sympy import Expr, Integer, Rational, S, Symbol, oo

from symgrad.codegen.sizes import size_text as _size_text
from symgrad.graph.nodes import Letter

Kind = Literal["real", "integer", "boolean", "python"]

# Python's precedence, coarsely; `@` is kept apart from `*` because a * b @ c groups to the left.
COMPARE, ADD, MATMUL, MUL, UNARY, POWER, ATOM = range(7)

LARGEST_INTEGER = 2**31  # larger ones are for arrays of 64 bits, of which there may be none

_mentioned: ContextVar[set[Symbol] | None] = ContextVar("mentioned", default=None)


@contextmanager
def mentioned() -> Iterator[set[Symbol]]:
    """The symbols of all lengths that are written while it lasts."""
    found: set[Symbol] = set()
    token = _mentioned.set(found)
    try:
        yield found
    finally:
        _mentioned.reset(token)


def size_text(size: Any) -> str:
    """A length as Python text, in integers."""
    found = _mentioned.get()
    if found is not None:
        found |= S(size).free_symbols
    return _size_text(size)


@dataclass(frozen=True)
class Value:
    """`text` computes an array whose axis k runs along `letters[k]`; `python` values are plain Python numbers.

    `about` is the first variable that the text reads. Where the text is an inverse that nothing else needs,
    `inverse_of` is the matrix, over the same letters. A size is a `whole` number of Python.
    """

    text: str
    level: int
    letters: tuple[Letter, ...]
    kind: Kind = "real"
    about: str = ""
    inverse_of: "Value | None" = None
    whole: bool = False

    def at(self, level: int) -> str:
        """The text, in parentheses unless it binds at least this tightly."""
        return self.text if self.level >= level else f"({self.text})"


def number_text(value: Expr, library: str = "") -> str:
    """A number as Python text; an infinity, which coefficients and exponents are not, is the library's."""
    if value in (oo, -oo):
        return f"{'' if value is oo else '-'}{library}.inf"
    if isinstance(value, Integer):
        return str(int(value)) if abs(value) < LARGEST_INTEGER else repr(float(value))
    if isinstance(value, Rational):
        return repr(float(value)) if Rational(float(value)) == value else f"({value.p} / {value.q})"
    return repr(float(value.evalf(17)))


def transpose(value: Value, order: Sequence[Letter]) -> Value:
    """The same array with its axes in the given order of its letters."""
    order = tuple(order)
    if value.letters == order:
        return value
    assert sorted(map(str, order)) == sorted(map(str, value.letters))
    axes = ", ".join(str(value.letters.index(letter)) for letter in order)
    turned = ".T" if len(order) == 2 else f".transpose({axes})"
    return replace(value, text=f"{value.at(ATOM)}{turned}", level=ATOM, letters=order, inverse_of=None)


def broadcast(value: Value, letters: Sequence[Letter]) -> Value:
    """The array with a new axis of length one for each letter it lacks after its first, ready for `*` and `+`."""
    present = [letter for letter in letters if letter in value.letters]
    moved = transpose(value, present)
    tail = list(letters)[list(letters).index(present[0]) :] if present else []
    if all(letter in present for letter in tail):
        return moved
    picks = ", ".join(":" if letter in present else "None" for letter in tail)
    return replace(moved, text=f"{moved.at(ATOM)}[{picks}]", level=ATOM)


def tuple_text(parts: Sequence[Expr | str]) -> str:
    """A tuple of sizes or expressions as Python text."""
    texts = [part if isinstance(part, str) else size_text(part) for part in parts]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
