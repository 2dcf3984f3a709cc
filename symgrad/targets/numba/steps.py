"""What a kernel does, entry by entry: steps, each an assignment of numbers under loops, and the loops around them.

Expressions are those of statements, for single entries: an index is a `Length` whose symbols are letters of loops,
clocks and sizes, an array is read by a `Subscript` with an index on each of its axes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from sympy import Expr, Symbol

from symgrad.statements.expressions import Buffer, Expression, Length, Place, Read, Subscript

How = Literal["set", "add", "subtract", "multiply", "divide", "maximum", "minimum", "or", "rest", "argmax"]
Index = tuple[Expression, ...]

# They are one pass over all entries, in order: of others there may be loops between
IN_ORDER = ("rest", "argmax")


class NotNative(Exception):
    """A kernel cannot do this; the message names it."""


@dataclass(frozen=True)
class Access:
    """An entry of an array, or a number."""

    buffer: Buffer
    places: Index


@dataclass(frozen=True, eq=False)
class Step:
    """buffer[places] = value for all values of the letters; or that is joined with what is there.

    Attributes
    ----------
    letters : the loops around it, in the order in which memory is read best.
    how : `rest` is the sum of all values but the largest, `argmax` the position of the first of the largest.
    initial : what a reduction over the letters that `places` lacks begins with; None where it takes what is there.
    only : where it is done at all, of the letters of its places; None everywhere.
    late : whether it is made for what reads it, and joins its loop: then only a part of it is there at a time.
    """

    buffer: Buffer
    places: Index
    value: Expression
    letters: tuple[Symbol, ...]
    how: How = "set"
    initial: Expression | None = None
    only: Expression | None = None
    late: bool = False

    @cached_property
    def kept(self) -> frozenset[Symbol]:
        """The letters that stand by themselves in the places."""
        return frozenset(letter for one in self.places if (letter := plain(one)) is not None)

    @cached_property
    def over(self) -> tuple[Symbol, ...]:
        """The letters of a reduction: the others."""
        return tuple(letter for letter in self.letters if letter not in self.kept)

    @cached_property
    def reads(self) -> tuple[Access, ...]:
        return tuple(access for one in self.expressions for access in accesses(one))

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """All that it computes."""
        return (self.value, *self.places, *(one for one in (self.initial, self.only) if one is not None))

    @cached_property
    def write(self) -> Access:
        return Access(self.buffer, self.places)

    @property
    def reduces(self) -> bool:
        return self.initial is not None


@dataclass(frozen=True, eq=False)
class Steps:
    """A loop over time: its body is done for one value of the clock after the other."""

    clock: str
    first: Expr
    end: Expr
    descending: bool
    body: "tuple[Item, ...]"


@dataclass(frozen=True, eq=False)
class Nest:
    """A loop over entries, for the letters of all steps in it."""

    length: Expr
    letters: frozenset[Symbol]
    body: "tuple[Item, ...]" = field(default=())


@dataclass(frozen=True, eq=False)
class Flat:
    """A loop over all entries of a block of rows, one after the other: rows alone may be shorter than vectors."""

    length: Expr
    letters: frozenset[Symbol]
    body: tuple[Step]


@dataclass(frozen=True, eq=False)
class Blocks:
    """A loop over entries in blocks: for each of them one loop after the other, of which some are of single numbers."""

    length: Expr
    letters: frozenset[Symbol]
    body: tuple[Nest | Flat, ...]

    @property
    def width(self) -> Expr | None:
        """The length of rows that are in one loop."""
        return next((part.length for part in self.body if isinstance(part, Flat)), None)


Item = Step | Steps | Nest | Flat | Blocks


def plain(place: Place) -> Symbol | None:
    """The letter that an index is."""
    return place.value if isinstance(place, Length) and place.value.is_Symbol else None


def accesses(expression: Expression) -> Iterator[Access]:
    """The entries that an expression reads."""
    match expression:
        case Read(buffer=buffer):
            yield Access(buffer, ())
        case Subscript(array=Read(buffer=buffer), places=places):
            inner = tuple(place for place in places if isinstance(place, Expression))
            yield Access(buffer, inner)
            for place in inner:
                yield from accesses(place)
        case _:
            for part in expression.operands:
                yield from accesses(part)


def all_steps(items: Sequence[Item]) -> Iterator[Step]:
    """The steps, with those in loops."""
    for item in items:
        if isinstance(item, Step):
            yield item
        else:
            yield from all_steps(item.body)
