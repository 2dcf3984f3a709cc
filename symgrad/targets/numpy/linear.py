"""Loops that are linear in what they carry, h[t] = a[t]·h[t − 1] + b[t], as calls of one function of whole arrays.

So are GARCH, exponential smoothing, Hawkes processes, and the adjoint of a recurrence of one number whatever that is.
Of 1,000 numbers the function takes 25 µs, and a loop in Python's numbers 80; of 1,000 steps over ten series 100 µs, and
a loop of NumPy's operations 2,400.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import NamedTuple

from sympy import S, expand

from symgrad.statements.arithmetic import number, operation, product, total, with_sign, without_sign
from symgrad.statements.expressions import (
    WHOLE_AXIS,
    Buffer,
    Expression,
    Length,
    Operation,
    Place,
    Read,
    Slice,
    Subscript,
    Total,
    parts_of,
)
from symgrad.statements.needed import needed
from symgrad.statements.operations import facts
from symgrad.statements.statements import Accumulate, Body, Define, Loop, Statement, Store
from symgrad.targets.numpy.log_sums import LogSum, log_sum
from symgrad.targets.numpy.stepwise import Entry, Stepwise, Unknown, Whole

_MOST_PARTS = 60  # of a step that is one expression: more is not read at a glance
_BACK = (Slice(step=S.NegativeOne),)


def with_linear_recurrences(body: Body) -> Body:
    """The function with calls in place of such loops."""
    made: list[Statement] = []
    for one in body.statements:
        found = _Steps(one).as_calls() if isinstance(one, Loop) and not one.streams else None
        again = {buffer for part in found or () for buffer in part.defines}
        made = [part for part in made if not (isinstance(part, Define) and part.buffer in again)]
        made += [one] if found is None else found
    return body if tuple(made) == body.statements else needed(replace(body, statements=tuple(made)))


@dataclass(frozen=True)
class _Set:
    """What a step does with a state.

    Attributes
    ----------
    entry, accumulate : where it writes, and whether it adds to what is there.
    stated : what it writes, as the step says it.
    expression : the same without the step's own variables.
    alone : the same without what the step has written into other states before, either.
    """

    entry: Entry
    accumulate: Accumulate
    stated: Expression
    expression: Expression
    alone: Expression


class _Line(NamedTuple):
    """An expression as slope·h + rest; None where that is zero.

    `kept` is the condition under which it has h, if there is one: a slope of 0 is no word for that where h is infinite.
    """

    slope: Expression | None
    rest: Expression | None
    kept: Expression | None = None

    def by(self, multiplied: Callable[[Expression], Expression]) -> "_Line":
        """The line multiplied by something."""
        slope, rest = (None if side is None else multiplied(side) for side in (self.slope, self.rest))
        return _Line(slope, rest, self.kept)


class _Product(NamedTuple):
    """An expression as a matrix times h, and rest; None where that is zero."""

    matrix: Expression
    rest: Expression | None


_Found = _Line | _Product | LogSum
_CALLS = {_Line: "linear_recurrence", _Product: "matrix_recurrence", LogSum: "log_sum_recurrence"}


@dataclass(frozen=True)
class _Steps(Stepwise):
    """A loop, of which every step sets states by their last entries."""

    def as_calls(self) -> list[Statement] | None:
        """The statements that do all that the loop does; None if one of its states is not linear in itself."""
        left = self._sets()
        if left is None:
            return None
        made: list[Statement] = []
        done: dict[Buffer, _Set] = {}
        try:
            while left:
                found = next(((one, line) for one in left if (line := self._line_of(one, done)) is not None), None)
                if found is None:
                    return None
                made += self._statements(*found)
                done[found[0].entry.array] = found[0]
                left.remove(found[0])
        except Unknown:
            return None
        return made

    # --- what a step does ---------------------------------------------------------------------------------------------

    def _sets(self) -> list[_Set] | None:
        """What a step does with each state, once for each; None if it does anything else."""
        images: dict[Expression, Expression] = {}  # of the step's own variables
        new: dict[Expression, Expression] = {}  # of the entries that it has set
        sets: list[_Set] = []
        for one in self.loop.body:
            match one:
                case Define(buffer=buffer, expression=expression, out=None):
                    images[Read(buffer)] = _read(expression, images)
                case Store(target=target, repeated=False, direct=False, accumulate="" | "add" | "subtract"):
                    entry, expression = self.entry(target), _read(one.expression, images)
                    if entry is None or any(entry.array == other.entry.array for other in sets):
                        return None
                    alone = _read(expression, new)
                    if sum(1 for _ in parts_of(alone)) > _MOST_PARTS:
                        return None
                    sets.append(_Set(entry, one.accumulate, one.expression, expression, alone))
                    if not one.accumulate:
                        new[target] = alone
                case _:
                    return None
        return sets

    def _line_of(self, one: _Set, done: Mapping[Buffer, _Set]) -> _Found | None:
        """What a state is set to by its last entry, if all other states that it needs are done."""
        direction = 1 if self.loop.descending else -1
        last = replace(one.entry, offset=expand(one.entry.offset + direction))
        for expression in (one.expression, one.alone):
            entries = [entry for part in parts_of(expression) if (entry := self.entry(part)) is not None]
            states = [entry for entry in entries if entry.array in self.written and entry != last]
            if all(entry.array in done and self._is_complete(entry, done[entry.array]) for entry in states):
                line = self._line(expression, last)
                if line is not None and line.slope is None and expression is one.expression:
                    return _Line(None, one.stated)
                if line is not None or len(one.entry.array.shape or ()) != 2:
                    return line
                found = self._product(expression, last)
                return found if one.accumulate or found else log_sum(expression, lambda part: self.entry(part) == last)
        return None

    def _product(self, expression: Expression, last: Entry) -> _Product | None:
        """An expression as a matrix times the last entry of a state, and what is added; None of any other."""
        terms = expression.terms if isinstance(expression, Total) else ((False, expression),)
        read = [any(self.entry(part) == last for part in parts_of(term)) for _, term in terms]
        term = terms[read.index(True)]
        if sum(read) != 1 or term[0] or not isinstance(term[1], Operation) or term[1].head not in ("dot", "matmul"):
            return None
        left, right = term[1].parts
        matrix, state = (
            (left, right) if self.entry(right) == last else (operation("transpose", right, axes=(1, 0)), left)
        )
        if self.entry(state) != last or any(self.entry(part) == last for part in parts_of(matrix)):
            return None
        rest = [one for one, reads in zip(terms, read, strict=True) if not reads]
        return _Product(matrix, total(rest) if rest else None)

    def _is_complete(self, entry: Entry, one: _Set) -> bool:
        """Whether an entry of a state is, when a step reads it, what it is in the end."""
        ahead = (entry.offset - one.entry.offset) * (1 if self.loop.descending else -1)
        return not one.accumulate or expand(ahead).is_positive is True

    def _line(self, expression: Expression, last: Entry) -> _Line | None:
        """An expression as a line in the last entry of a state; None if it is not known to be one."""
        if self.entry(expression) == last:
            return _Line(number(1), None)
        if all(self.entry(part) != last for part in parts_of(expression)):
            return _Line(None, expression)
        match expression:
            case Total(terms=terms):
                lines = [(sign, self._line(term, last)) for sign, term in terms]
                known = [(sign, line) for sign, line in lines if line is not None]
                slope, rest = (
                    _total([(n, line.slope) for n, line in known]),
                    _total([(n, line.rest) for n, line in known]),
                )
                kept = [line.kept for _, line in known if line.slope is not None]
                return _Line(slope, rest, _any_of(kept)) if len(known) == len(lines) else None
            case Operation(head="negative", parts=(part,), options=()):
                line = self._line(part, last)
                return None if line is None else line.by(with_sign)
            case Operation(head="multiply", parts=parts, options=()):
                sloped = [n for n, part in enumerate(parts) if any(self.entry(one) == last for one in parts_of(part))]
                if len(sloped) != 1 or (line := self._line(parts[(place := sloped[0])], last)) is None:
                    return None
                return line.by(partial(_in_place, parts, place))
            case Operation(head="where", parts=(condition, *choices)):
                one, other = (self._line(part, last) for part in choices)
                if one is None or other is None or any(self.entry(part) == last for part in parts_of(condition)):
                    return None
                return _Line(
                    _chosen(condition, (one.slope, other.slope)),
                    _chosen(condition, (one.rest, other.rest)),
                    _kept(condition, one, other),
                )
        return None

    # --- all steps at once --------------------------------------------------------------------------------------------

    def _statements(self, one: _Set, found: _Found) -> Iterator[Statement]:
        """What sets a state for all steps."""
        target, rank = self.along(one.entry), len(one.entry.array.shape or ()) - 1
        factor = found[0]
        if factor is None and found.rest is not None:
            yield from self.variables_of(found.rest)
        rest = self.whole(number(0) if found.rest is None else found.rest)
        if factor is None or (one.accumulate and found.rest is not None) or not (one.accumulate or rest.steps):
            value = self._spread(rest, one.entry)
            if (
                factor is None
                and isinstance(target, Read)
                and self.is_new(value)
                and _fills(value, rest, target.buffer)
            ):
                yield Define(target.buffer, value)
                return
            yield Store(Subscript(target, (WHOLE_AXIS,)) if isinstance(target, Read) else target, value, one.accumulate)
        if factor is None:
            return
        of_steps = self.whole(with_sign(factor) if one.accumulate == "subtract" else factor)
        given = rest.with_axes(rank) if rest.steps and not one.accumulate else self.first(target, one.entry)
        back = self.loop.descending
        start = self.loop.end + one.entry.offset if back else self.loop.first + one.entry.offset - 1
        places: list[Place] = [*[WHOLE_AXIS] * one.entry.axis, Length(expand(start))]
        aligned = of_steps.with_axes(rank if isinstance(found, _Line) else 2)
        made: Expression = operation(
            _CALLS[type(found)],
            Subscript(aligned, _BACK) if back and of_steps.steps else aligned,
            Subscript(given, _BACK) if back else given,
            Subscript(Read(one.entry.array), tuple(places)),
            *self._kept(found, rank),
        )
        yield Store(target, self.as_target(Subscript(made, _BACK) if back else made, one.entry))

    def _kept(self, found: _Found, rank: int) -> Iterator[Expression]:
        """The condition under which steps have the last entry, where there is one."""
        if isinstance(found, _Line) and found.kept is not None:
            kept = self.whole(found.kept)
            aligned = kept.with_axes(rank)
            yield Subscript(aligned, _BACK) if self.loop.descending and kept.steps else aligned

    def _spread(self, whole: Whole, entry: Entry) -> Expression:
        """Values at all steps as they are stored in the array of a state."""
        if whole.steps:
            return self.as_target(whole.with_axes(len(entry.array.shape or ()) - 1), entry)
        if whole.rank and entry.axis:
            raise Unknown
        return whole.expression


def _read(expression: Expression, images: Mapping[Expression, Expression]) -> Expression:
    """An expression with others in place of parts."""
    if expression in images:
        return images[expression]
    return expression.rebuilt([_read(part, images) for part in expression.operands])


def _in_place(parts: Sequence[Expression], place: int, side: Expression) -> Expression:
    """A product with something else in one place, or without that if it is 1."""
    found, minus = without_sign(side)
    made = product([*parts[:place], *(() if found == number(1) else (found,)), *parts[place + 1 :]])
    return with_sign(made) if minus else made


def _total(sides: Sequence[tuple[bool, Expression | None]]) -> Expression | None:
    """The sum of what is not zero, each term subtracted if it has a sign."""
    found = [(sign, *without_sign(side)) for sign, side in sides if side is not None]
    return total([(sign != minus, side) for sign, side, minus in found]) if found else None


def _chosen(condition: Expression, sides: Sequence[Expression | None]) -> Expression | None:
    """Where a condition holds one side, else the other; None is zero."""
    if all(side is None for side in sides):
        return None
    return operation("where", condition, *(number(0) if side is None else side for side in sides))


def _any_of(conditions: Sequence[Expression | None]) -> Expression | None:
    """Where one of the conditions holds; None is always."""
    known = [condition for condition in conditions if condition is not None]
    if not known or len(known) < len(conditions):
        return None
    return reduce(partial(operation, "or"), dict.fromkeys(known))


def _kept(condition: Expression, one: _Line, other: _Line) -> Expression | None:
    """When where(condition, one, other) has the entry that both are lines in; None is always."""
    cases = ((condition, one), (operation("logical_not", condition), other))
    sides = [(case, line.kept) for case, line in cases if line.slope is not None]
    if len(sides) == 2 and one.kept is None and other.kept is None:
        return None
    return _any_of([case if kept is None else operation("and", case, kept) for case, kept in sides])


def _fills(expression: Expression, whole: Whole, array: Buffer) -> bool:
    """Whether an expression of all steps makes an array of the same shape."""
    found = facts(expression)
    numbers = whole.steps and len(array.shape or ()) == 1
    return numbers or (found is not None and found.shape == array.shape)
