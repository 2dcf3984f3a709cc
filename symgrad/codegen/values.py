"""Pieces of NumPy text: an expression with its precedence, its index letters in axis order, and what it holds."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sympy import Expr, Float, Integer, Number, Rational, oo

from symgrad.graph.nodes import Letter

Kind = Literal["real", "integer", "boolean", "python"]

# Python's precedence, coarsely; `@` is kept apart from `*` because a * b @ c groups to the left.
ADD, MATMUL, MUL, UNARY, POWER, ATOM = range(6)
COMPARE = -1

LARGEST_INTEGER = 2**63  # NumPy's functions do not know what to do with larger ones


@dataclass(frozen=True)
class Value:
    """`text` computes an array whose axis k runs along `letters[k]`; `python` values are plain Python numbers.

    Where the text is an inverse that nothing else needs, `inverse_of` is the matrix, over the same letters. A symmetric
    matrix is its own transpose.
    """

    text: str
    level: int
    letters: tuple[Letter, ...]
    kind: Kind = "real"
    inverse_of: "Value | None" = None
    symmetric: bool = False

    def at(self, level: int) -> str:
        """The text, in parentheses unless it binds at least this tightly."""
        return self.text if self.level >= level else f"({self.text})"


def number_text(value: Expr) -> str:
    """A number as Python text."""
    if value in (oo, -oo):
        return "np.inf" if value is oo else "-np.inf"
    if isinstance(value, Integer):
        return str(int(value)) if abs(value) < LARGEST_INTEGER else repr(float(value))
    if isinstance(value, Rational):
        quotient = float(value)
        exact = Rational(quotient) == value
        return repr(quotient) if exact else f"({value.p} / {value.q})"
    if isinstance(value, Float | Number):
        return repr(float(value))
    return repr(float(value.evalf(17)))


def transpose(value: Value, order: Sequence[Letter]) -> Value:
    """The same array with its axes in the given order of its letters."""
    order = tuple(order)
    if value.letters == order:
        return value
    assert set(order) == set(value.letters) and len(order) == len(value.letters)
    if value.symmetric:
        return replace(value, letters=order)
    if len(order) == 2:
        return replace(value, text=f"{value.at(ATOM)}.T", level=ATOM, letters=order)
    axes = ", ".join(str(value.letters.index(letter)) for letter in order)
    return replace(value, text=f"{value.at(ATOM)}.transpose({axes})", level=ATOM, letters=order)


def broadcast(value: Value, letters: Sequence[Letter]) -> Value:
    """The array with a new axis of length one for each letter it lacks after its first, ready for `*` and `+`."""
    present = [letter for letter in letters if letter in value.letters]
    moved = transpose(value, present)
    if not present:
        return moved
    tail = list(letters)[list(letters).index(present[0]) :]
    if all(letter in present for letter in tail):
        return moved
    picks = ", ".join(":" if letter in present else "None" for letter in tail)
    return replace(moved, text=f"{moved.at(ATOM)}[{picks}]", level=ATOM)


def words(texts: Iterable[str]) -> Counter[str]:
    """The names that Python texts mention, not those of attributes or in comments, with how often they do."""
    code = " ".join(text for text in texts if not text.lstrip().startswith("#"))
    return Counter(re.findall(r"(?<![\w.])[^\W\d]\w*", code))
