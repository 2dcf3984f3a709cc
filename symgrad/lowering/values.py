"""Expressions with their index letters in axis order, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import S

from symgrad.graph.nodes import Letter
from symgrad.statements.expressions import (
    NEW_AXIS,
    WHOLE_AXIS,
    Buffer,
    Expression,
    Kind,
    Number,
    Operation,
    Place,
    Read,
    Size,
    Subscript,
)


@dataclass(frozen=True)
class Value:
    """`expression` computes an array whose axis k runs along `letters[k]`; `python` values are plain Python numbers.

    Where it is an inverse that nothing else needs, `inverse_of` is the matrix, over the same letters. A symmetric
    matrix is its own transpose.
    """

    expression: Expression
    letters: tuple[Letter, ...]
    kind: Kind = "real"
    inverse_of: "Value | None" = None
    symmetric: bool = False

    @property
    def buffer(self) -> Buffer | None:
        """The variable that the value is, if it is one."""
        return self.expression.buffer if isinstance(self.expression, Read) else None

    @property
    def named(self) -> bool:
        """Whether the value is a variable, a dimension, or a truth value."""
        return is_named(self.expression)


def is_named(expression: Expression) -> bool:
    """Whether an expression is a single word."""
    match expression:
        case Read():
            return True
        case Size(value=value):
            return bool(value.is_Symbol)
        case Number(value=value):
            return value in (S.true, S.false)
    return False


def python(value: Any) -> Value:
    """A number of Python's."""
    return Value(Number(S(value)), (), "python")


def turned(expression: Expression, axes: Sequence[int]) -> Expression:
    """An array with its axes in another order."""
    return Operation("transpose", (expression,), (("axes", tuple(axes)),))


def transpose(value: Value, order: Sequence[Letter]) -> Value:
    """The same array with its axes in the given order of its letters."""
    order = tuple(order)
    if value.letters == order:
        return value
    assert set(order) == set(value.letters) and len(order) == len(value.letters)
    if value.symmetric:
        return replace(value, letters=order)
    axes = tuple(value.letters.index(letter) for letter in order)
    return replace(value, expression=turned(value.expression, axes), letters=order)


def broadcast(value: Value, letters: Sequence[Letter]) -> Value:
    """The array with a new axis of length one for each letter it lacks after its first, ready for `*` and `+`."""
    present = [letter for letter in letters if letter in value.letters]
    moved = transpose(value, present)
    if not present:
        return moved
    tail = list(letters)[list(letters).index(present[0]) :]
    if all(letter in present for letter in tail):
        return moved
    places: tuple[Place, ...] = tuple(WHOLE_AXIS if letter in present else NEW_AXIS for letter in tail)
    return replace(moved, expression=Subscript(moved.expression, places))
