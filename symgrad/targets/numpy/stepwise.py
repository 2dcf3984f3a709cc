"""What a loop does entry by entry, as operations of whole arrays: all of its steps at once, one axis more.

`array[t - 1]` of every step is `array[:T - 1]`; what has other axes gets that of the steps before these.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Expr, S, Symbol, expand

from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import (
    NEW_AXIS,
    WHOLE_AXIS,
    Buffer,
    Expression,
    Length,
    Number,
    Operation,
    Place,
    Read,
    Size,
    Slice,
    Subscript,
    Total,
    buffers_of,
)
from symgrad.statements.operations import BINARY, COMPARISONS, REDUCTIONS, UNARY, memory_of
from symgrad.statements.spaces import SCALAR
from symgrad.statements.statements import Define, Loop, Statement

_ENTRYWISE = UNARY | BINARY | COMPARISONS | SCALAR


class Unknown(Exception):
    """Something that is not known to be done entry by entry, for all steps at once."""


@dataclass(frozen=True)
class Entry:
    """What a step refers to of an array: along an axis the entry at a distance from the clock, along others all."""

    array: Buffer
    axis: int
    offset: Expr


@dataclass(frozen=True)
class Whole:
    """The values of an expression at all steps.

    Attributes
    ----------
    expression : an array with the steps first, or what is the same for all of them.
    steps : whether the steps are an axis.
    rank : how many other axes it has.
    """

    expression: Expression
    steps: bool
    rank: int

    def with_axes(self, rank: int) -> Expression:
        """The same with so many axes beside that of the steps, if there are steps."""
        places: list[Place] = [WHOLE_AXIS, *[NEW_AXIS] * (rank - self.rank)]
        return Subscript(self.expression, tuple(places)) if self.steps and self.rank < rank else self.expression


@dataclass(frozen=True)
class Stepwise:
    """A loop, and what its expressions are at all steps."""

    loop: Loop
    _variables: dict[Buffer, Whole] = field(default_factory=dict)  # the step's own, of all steps

    @cached_property
    def clock(self) -> Symbol:
        return Symbol(self.loop.clock, integer=True)

    @cached_property
    def written(self) -> frozenset[Buffer]:
        """The states."""
        return frozenset(buffer for one in self.loop.body for buffer in one.writes)

    @cached_property
    def stated(self) -> dict[Buffer, Expression]:
        """What the step's own variables are."""
        return {one.buffer: one.expression for one in self.loop.body if isinstance(one, Define)}

    def entry(self, expression: Expression) -> Entry | None:
        """What a step refers to of an array, if that is one entry along an axis, and all along the others."""
        if not isinstance(expression, Subscript) or not isinstance(expression.array, Read):
            return None
        timed = [axis for axis, place in enumerate(expression.places) if place != WHOLE_AXIS]
        if len(timed) != 1 or (offset := self._offset(expression.places[timed[0]])) is None:
            return None
        return Entry(expression.array.buffer, timed[0], offset)

    def _offset(self, place: Place) -> Expr | None:
        """c of a position t + c, with t the clock."""
        offset = expand(place.value - self.clock) if isinstance(place, Length) else None
        return None if offset is None or self.clock in offset.free_symbols else offset

    def variables_of(self, expression: Expression) -> Iterator[Statement]:
        """The step's own variables that an expression reads, of all steps."""
        for buffer in dict.fromkeys(buffers_of(expression)):
            if buffer in self.stated and buffer not in self._variables:
                yield from self.variables_of(self.stated[buffer])
                whole = self.whole(self.stated[buffer])
                if whole.steps and self.is_new(whole.expression) and whole.rank == len(buffer.shape or ()):
                    made = replace(buffer, shape=(expand(self.loop.end - self.loop.first), *(buffer.shape or ())))
                    yield Define(made, whole.expression)
                    whole = replace(whole, expression=Read(made))
                self._variables[buffer] = whole

    def is_new(self, expression: Expression) -> bool:
        """Whether an expression makes an array of real numbers of its own."""
        return memory_of(expression) == "new" and all(buffer.kind == "real" for buffer in buffers_of(expression))

    def along(self, entry: Entry) -> Expression:
        """The entries that all steps refer to, in the order of the array."""
        side = S((entry.array.shape or ())[entry.axis])
        first, last = expand(self.loop.first + entry.offset), expand(self.loop.end + entry.offset)
        part = Slice(None if first == 0 else first, None if expand(last - side) == 0 else last)
        if part == WHOLE_AXIS:
            return Read(entry.array)
        return Subscript(Read(entry.array), (*(WHOLE_AXIS,) * entry.axis, part))

    def first(self, array: Expression, entry: Entry) -> Expression:
        """The entries of an array at all steps, the steps first."""
        axes = _steps_first(entry)
        return array if entry.axis == 0 else operation("transpose", array, axes=axes)

    def as_target(self, array: Expression, entry: Entry) -> Expression:
        """An array with the steps first, its axes as the array of an entry has them."""
        axes = _steps_first(entry)
        return (
            array if entry.axis == 0 else operation("transpose", array, axes=tuple(map(axes.index, range(len(axes)))))
        )

    def whole(self, expression: Expression) -> Whole:
        """The values of an expression of one step at all of them.

        Raises
        ------
        Unknown : it does more than what is done entry by entry.
        """
        match expression:
            case Read(buffer=buffer) if buffer in self._variables:
                return self._variables[buffer]
            case Read(buffer=buffer) if buffer.shape is not None and buffer not in self.written:
                return Whole(expression, False, len(buffer.shape))
            case Number() | Size() | Operation(head="least_number"):
                return Whole(expression, False, 0)
            case Length(value=value) if self.clock not in value.free_symbols:
                return Whole(expression, False, 0)
            case Subscript():
                return self._part(expression)
            case Operation(head=head, options=()) if head in _ENTRYWISE:
                return self._of_parts(expression)
            case Total():
                return self._of_parts(expression)
            case Operation(head="transpose", parts=(part,)):
                of, axes = self.whole(part), expression.option("axes")
                after = (0, *(axis + 1 for axis in axes)) if of.steps else axes
                return replace(of, expression=operation("transpose", of.expression, axes=after))
            case Operation(head=head, parts=(part,)) if head in REDUCTIONS:
                return self._reduced(expression, self.whole(part))
        raise Unknown

    def _reduced(self, expression: Operation, part: Whole) -> Whole:
        axis = expression.option("axis")
        if not isinstance(axis, int) or axis < 0 or expression.option("keepdims") is not None:
            raise Unknown
        options = {**dict(expression.options), "axis": axis + part.steps}
        return Whole(operation(expression.head, part.expression, **options), part.steps, part.rank - 1)

    def _of_parts(self, expression: Expression) -> Whole:
        parts = [self.whole(part) for part in expression.operands]
        rank = max(part.rank for part in parts)
        steps = any(part.steps for part in parts)
        return Whole(expression.rebuilt([part.with_axes(rank) for part in parts]), steps, rank)

    def _part(self, expression: Subscript) -> Whole:
        entry = self.entry(expression)
        if entry is not None and entry.array.shape is not None:
            return Whole(self.first(self.along(entry), entry), True, len(entry.array.shape) - 1)
        array = self.whole(expression.array)
        if array.steps and all(place in (WHOLE_AXIS, NEW_AXIS) for place in expression.places):
            places: list[Place] = [WHOLE_AXIS, *expression.places]
            return Whole(Subscript(array.expression, tuple(places)), True, array.rank + places.count(NEW_AXIS))
        fixed = [place for place in expression.places if isinstance(place, Expression)]
        numbers = all(isinstance(place, Number | Length) for place in fixed) and not array.steps
        if not numbers or any(self._offset(place) is not None for place in fixed):
            raise Unknown
        added = sum(place == NEW_AXIS for place in expression.places)
        return Whole(expression, False, array.rank - len(fixed) + added)


def _steps_first(entry: Entry) -> tuple[int, ...]:
    """The axes of the array of an entry, that of the steps first."""
    return (entry.axis, *(axis for axis in range(len(entry.array.shape or ())) if axis != entry.axis))
