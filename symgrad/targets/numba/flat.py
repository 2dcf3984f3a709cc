"""Costly entries of rows as steps of their own, which one loop over all entries of several rows can do.

Compilers compute eight or sixteen exponentials at a time, and those of a row of ten one by one: of 1797×10 entries a
softmax with its gradient took 252 µs so, and takes 70 with a loop over all entries.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from sympy import Dummy, Expr, Symbol

from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Length,
    Number,
    Operation,
    Read,
    Shape,
    Subscript,
    parts_of,
)
from symgrad.targets.numba.functions import COSTLY
from symgrad.targets.numba.steps import Index, Step, plain

Letters = tuple[Symbol, Symbol]


@dataclass
class Spread:
    """Takes costly operations out of steps.

    Attributes
    ----------
    lengths : of the letters.
    array : makes an array, with a name that begins so.
    temporary : the arrays that nothing outside the kernel sees.
    """

    lengths: dict[Symbol, Expr]
    array: Callable[[str, Shape], Buffer]
    temporary: Collection[Buffer]

    def steps(self, step: Step, letters: Letters) -> list[tuple[Step, Letters]]:
        """A step over rows and their entries, after the steps that are over both at once, and what these need."""
        made: list[tuple[Step, Letters]] = []
        value, written = step.value, Subscript(Read(step.buffer), step.places)
        if step.how == "set" and _is_costly(value) and self._is_by_rows(written, letters):
            parts = [self._operand(self._without(part, letters, made), letters, made) for part in value.operands]
            return [*made, (replace(step, value=value.rebuilt(parts)), letters)]
        value = self._without(value, letters, made)
        return [*made, (replace(step, value=value), letters)]

    def _without(self, value: Expression, letters: Letters, made: list[tuple[Step, Letters]]) -> Expression:
        """An expression that reads what costly operations in it make."""
        if not any(map(_is_costly, parts_of(value))):
            return value
        value = value.rebuilt([self._without(part, letters, made) for part in value.operands])
        if not _is_costly(value):
            return value
        parts = [self._operand(part, letters, made) for part in value.operands]
        assert isinstance(value, Operation)
        return self._named(value.head, value.rebuilt(parts), letters, made)

    def _operand(self, value: Expression, letters: Letters, made: list[tuple[Step, Letters]]) -> Expression:
        """What a costly operation takes: an entry of an array that lies by rows."""
        if isinstance(value, Number) or self._is_by_rows(value, letters):
            return value
        return self._named("given", value, letters, made)

    def _named(self, name: str, value: Expression, letters: Letters, made: list[tuple[Step, Letters]]) -> Expression:
        row, place = (self.lengths[letter] for letter in letters)
        buffer = self.array(name, (row, place))
        own = Dummy("row", integer=True), Dummy("place", integer=True)
        self.lengths |= dict(zip(own, (row, place), strict=True))
        value = _over(value, dict(zip(letters, own, strict=True)))
        made.append((Step(buffer, _index(own), value, own), own))
        return Subscript(Read(buffer), _index(letters))

    def _is_by_rows(self, value: Expression, letters: Letters) -> bool:
        """Whether an expression is an entry of an array that has exactly these rows, one after the other in memory."""
        match value:
            case Subscript(array=Read(buffer=buffer), places=places):
                return buffer in self.temporary and tuple(map(plain, places)) == letters
        return False


def is_flat(step: Step, letters: Letters) -> bool:
    """Whether a step can be a loop over all entries of rows: all that it reads and writes lies by rows."""
    places = {step.places, *(access.places for access in step.reads)}
    return step.how == "set" and _is_costly(step.value) and places == {_index(letters)}


def _is_costly(value: Expression) -> bool:
    return isinstance(value, Operation) and value.head in COSTLY


def _index(letters: Letters) -> Index:
    return tuple(map(Length, letters))


def _over(value: Expression, letters: Mapping[Symbol, Symbol]) -> Expression:
    """An expression over other letters."""
    if isinstance(value, Length):
        return Length(value.value.xreplace(dict(letters)))
    return value.rebuilt([_over(part, letters) for part in value.operands])
