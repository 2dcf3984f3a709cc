"""Loops over single numbers, in Python's own: an operation of two of NumPy's takes as long as three to ten of these.

A loop goes along lists of what it reads, has variables for what it carries from step to step, and lists of what it
sets, which are put into the arrays after it. One that does more than a list of Python's numbers can stays as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Expr, Float, Integer, S, Symbol, expand

from symgrad.statements.arithmetic import number, operation, product
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    FloatingType,
    Length,
    Number,
    Operation,
    Place,
    Read,
    Sides,
    Size,
    Slice,
    Subscript,
    Total,
    buffers_of,
    parts_of,
)
from symgrad.statements.needed import needed
from symgrad.statements.operations import COMPARISONS, memory_of
from symgrad.statements.statements import Body, Define, Loop, Statement, Store
from symgrad.targets.numpy.functions import FLOAT_FUNCTIONS

Fresh = Callable[[str], str]  # makes a name that nothing else has of one that it would like

_SAME = COMPARISONS | {"multiply", "negative", "and", "or"}  # what Python's numbers do as NumPy's do
_PLAIN = {"number", "float", "scalar", "real_part", "asarray"}  # what is nothing for them
_NAMES = {"divide": "quotient", "invert": "not", "logical_not": "not", **{name: name for name in FLOAT_FUNCTIONS}}
_NAMES |= {"where": "where", "abs": "abs"}
_MOST_FACTORS = 4  # of a power that is a product


def with_floats(body: Body, fresh: Fresh) -> Body:
    """The function with loops over single numbers in Python's."""
    made: list[Statement] = []
    fixed: dict[Buffer, Buffer] = {}
    for n, one in enumerate(body.statements):
        if not isinstance(one, Loop):
            made.append(one)
            continue
        others = [*body.statements[:n], *body.statements[n + 1 :]]
        steps = _Steps(one, fresh, body.read_at_the_end.union(*map(_read, others)), fixed)
        if not steps.are_numbers or _has_views(body.statements[:n], steps.written):
            made.append(one)
            continue
        found = steps.rewritten()
        again = {buffer for part in found for buffer in part.defines}  # arrays that are made of lists
        made = [part for part in made if not (isinstance(part, Define) and part.buffer in again)] + found
    return body if len(made) == len(body.statements) else needed(replace(body, statements=tuple(made)))


def _read(statement: Statement) -> frozenset[Buffer]:
    """The arrays whose entries a statement needs."""
    return statement.reads if isinstance(statement, Define) else statement.reads - set(_only_set(statement))


def _only_set(statement: Statement) -> Iterator[Buffer]:
    if isinstance(statement, Store) and isinstance(statement.target, Subscript):
        target = statement.target.array
        if isinstance(target, Read) and target.buffer not in buffers_of(statement.expression):
            yield target.buffer


def _has_views(statements: Sequence[Statement], arrays: Sequence[Buffer]) -> bool:
    """Whether other variables may be parts of arrays."""
    shared = (s for s in statements if isinstance(s, Define) and s.buffer.shape and memory_of(s.expression) != "new")
    return any(s.reads.intersection(arrays) for s in shared)


@dataclass(frozen=True)
class _Entry:
    """An entry of an array at a distance from the clock; in the other axes, if any, at fixed places."""

    array: Buffer
    places: tuple[Place, ...]  # with the whole axis for the clock
    offset: Integer


@dataclass
class _Steps:
    """A loop in Python's numbers.

    Attributes
    ----------
    loop : the loop.
    fresh : gives names.
    outside : the arrays that are read by others.
    fixed : the numbers from outside that were taken out of their arrays so far.
    """

    loop: Loop
    fresh: Fresh
    outside: frozenset[Buffer]
    fixed: dict[Buffer, Buffer]
    _before: list[Statement] = field(default_factory=list)
    _body: list[Statement] = field(default_factory=list)
    _after: list[Statement] = field(default_factory=list)
    _numbers: dict[_Entry, Buffer] = field(default_factory=dict)
    _defined: set[Buffer] = field(default_factory=set)
    _streams: dict[Buffer, Buffer] = field(default_factory=dict)
    _counts: bool = False

    # --- what the loop does -------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> Symbol:
        return Symbol(self.loop.clock, integer=True)

    @cached_property
    def local(self) -> set[Buffer]:
        """The variables of a step."""
        return {buffer for one in self.loop.body for buffer in one.defines}

    @cached_property
    def written(self) -> tuple[Buffer, ...]:
        """The arrays that the loop sets."""
        return tuple(dict.fromkeys(buffer for one in self.loop.body for buffer in one.writes))

    @property
    def are_numbers(self) -> bool:
        """Whether all that the loop does can be done in Python's numbers."""
        return all(map(self._is_step, self.loop.body))

    def _is_step(self, statement: Statement) -> bool:
        match statement:
            case Define(buffer=buffer, expression=expression, out=None):
                return buffer.shape == () and self._is_number(expression)
            case Store(target=target, expression=expression, repeated=False, direct=False):
                entry = self._entry(target)
                plain = entry is not None and len(entry.places) == 1 and entry.array.kind == "real"
                return plain and statement.accumulate in ("", "add", "subtract") and self._is_number(expression)
        return False

    def _is_number(self, expression: Expression) -> bool:
        match expression:
            case Read(buffer=buffer):
                return buffer.shape == () and buffer not in self.written
            case Subscript():
                return self._entry(expression) is not None
            case Number(value=value):
                return value.is_number is True or value in (S.true, S.false)
            case Size() | Length():
                return True
            case Total():
                return all(map(self._is_number, expression.operands))
            case Operation(head=head, parts=(part, *_)) if head in _PLAIN:
                return self._is_number(part)
            case Operation(head=head, parts=parts, options=()):
                known = head in _SAME or head in _NAMES or head in ("power", "square", "reciprocal")
                return known and all(map(self._is_number, parts))
        return False

    def _entry(self, expression: Expression) -> _Entry | None:
        """The entry of an array that an expression is."""
        if not isinstance(expression, Subscript) or not isinstance(expression.array, Read):
            return None
        array = expression.array.buffer
        if array.shape is None or len(array.shape) != len(expression.places) or array in self.local:
            return None
        places: list[Place] = []
        offsets: list[Expr] = []
        for place in expression.places:
            if not isinstance(place, Length | Number):
                return None
            value = S(place.value)
            if self.clock in value.free_symbols:
                offsets.append(expand(value - self.clock))
                place = Slice()
            places.append(place)
        if len(offsets) != 1 or not isinstance(offsets[0], Integer):
            return None
        return _Entry(array, tuple(places), offsets[0])

    # --- the loop in numbers ------------------------------------------------------------------------------------------

    def rewritten(self) -> list[Statement]:
        """The loop, with what comes before and after it."""
        tracks = [_Track(self, array) for array in self.written]
        for track in tracks:
            track.begin()
        for one in self.loop.body:
            self._statement(one)
        for track in tracks:
            track.end()
        loop = replace(self.loop, body=tuple(self._body), streams=tuple(self._streams.items()), counts=self._counts)
        return [*self._before, loop, *self._after]

    def entries(self) -> Iterator[tuple[_Entry, bool]]:
        """The entries that a step refers to, in order, each with whether it is set to something new."""
        for one in self.loop.body:
            read = [self._entry(part) for part in parts_of(one.expressions[-1])]
            yield from ((entry, False) for entry in read if entry is not None)
            if isinstance(one, Store):
                target = self._entry(one.target)
                assert target is not None
                yield target, not one.accumulate

    def _statement(self, one: Statement) -> None:
        assert isinstance(one, Define | Store)
        value = self.number(one.expression)
        if isinstance(one, Define):
            self._assign(self._local(one.buffer), value)
            return
        entry = self._entry(one.target)
        assert entry is not None
        if one.accumulate:
            self._body.append(Store(Read(self._numbers[entry]), value, one.accumulate))
        else:
            self._assign(self._numbers[entry], value)

    def _assign(self, buffer: Buffer, value: Expression) -> None:
        new = buffer not in self._defined
        self._defined.add(buffer)
        self._body.append(Define(buffer, value) if new else Store(Read(buffer), value))

    def number(self, expression: Expression) -> Expression:
        """An expression of Python's numbers."""
        match expression:
            case Read(buffer=buffer):
                return Read(self._local(buffer) if buffer in self.local else self._fixed(buffer))
            case Subscript():
                return Read(self._listed(expression))
            case Number(value=value) if isinstance(value, Integer):
                return Number(Float(value, 17))  # Python multiplies two of a kind faster
            case Length(value=value) if self.clock in value.free_symbols:
                self._counts = True
                return expression
            case Number() | Size() | Length():
                return expression
            case Operation(head=head, parts=(part, *_)) if head in _PLAIN:
                return self.number(part)
            case Operation(head="square", parts=(base,)):
                return self._power(self.number(base), S(2))
            case Operation(head="power", parts=(base, Number(value=exponent))) if _is_small(exponent):
                return self._power(self.number(base), exponent)
            case Operation(head="power", parts=parts):
                return operation("float_pow", *map(self.number, parts))
            case Operation(head="reciprocal", parts=(part,)):
                return operation("float_quotient", number(1), self.number(part))
            case Operation(head="divide", parts=(above, Number(value=below))) if below.is_nonzero:
                return operation("divide", self.number(above), self.number(Number(below)))
            case Operation(head=head, parts=parts) if head in _NAMES:
                return operation(f"float_{_NAMES[head]}", *map(self.number, parts))
        return expression.rebuilt([self.number(part) for part in expression.operands])

    def _power(self, base: Expression, exponent: Expr) -> Expression:
        if not isinstance(base, Read):
            about = next((buffer.name for buffer in buffers_of(base)), "1")
            named = Buffer(self.fresh(f"base_{about}"), (), "python")
            self._assign(named, base)
            base = Read(named)
        return product([base] * int(exponent))

    def _local(self, buffer: Buffer) -> Buffer:
        return replace(buffer, kind="python")

    def _fixed(self, buffer: Buffer) -> Buffer:
        """A number from outside."""
        if buffer.kind == "python":
            return buffer
        if buffer not in self.fixed:
            self.fixed[buffer] = Buffer(self.fresh(f"float_{buffer.name}"), (), "python")
            self._before.append(Define(self.fixed[buffer], operation("item", Read(buffer))))
        return self.fixed[buffer]

    def _listed(self, expression: Expression) -> Buffer:
        """An entry: that of an array which the loop sets, or of a list."""
        entry = self._entry(expression)
        assert entry is not None
        return self._numbers.get(entry) or self.stream(entry)

    def stream(self, entry: _Entry) -> Buffer:
        """The entries of an array as they are before the loop, one a step."""
        side = next(n for n, place in zip(entry.array.shape or (), entry.places, strict=True) if place == Slice())
        part = self.along(entry, S(side))
        found = Subscript(part, (Slice(step=S.NegativeOne),)) if self.loop.descending else part
        listed = Buffer(self.fresh(f"list_{entry.array.name}"), (self.steps,), "python")
        self._before.append(Define(listed, operation("tolist", found)))
        made = self.named(entry)
        self._streams[made] = listed
        self._defined.add(made)
        return made

    def named(self, entry: _Entry) -> Buffer:
        """The variable of an entry in a step."""
        offset = entry.offset if entry.array in self.written else 0
        when = self.loop.clock if offset == 0 else "before" if offset < 0 else "after"
        label = f"_{abs(offset)}" if abs(offset) > 1 else ""
        made = Buffer(self.fresh(f"{entry.array.name}_{when}{label}"), (), "python")
        self._numbers[entry] = made
        return made

    @property
    def steps(self) -> Expr:
        return expand(self.loop.end - self.loop.first)

    def along(self, entry: _Entry, side: Expr) -> Expression:
        """The entries of an array at all steps, in the array's order."""
        first, last = expand(self.loop.first + entry.offset), expand(self.loop.end + entry.offset)
        part = Slice(None if first == 0 else first, None if expand(last - side) == 0 else last)
        places = tuple(part if place == Slice() else place for place in entry.places)
        return Read(entry.array) if places == (Slice(),) else Subscript(Read(entry.array), places)


def _is_small(exponent: Expr) -> bool:
    return isinstance(exponent, Integer) and 1 <= exponent <= _MOST_FACTORS


class _Track:
    """An array that a loop sets: the variables of the entries that it has at hand, and the list of those that are done.

    An entry *enters* the loop when the first distance reaches it, at a lag of 0, and has gone through all lags when it
    leaves. Its value is what it was given at the last lag at which something is set.
    """

    def __init__(self, steps: _Steps, array: Buffer) -> None:
        self.steps, self.array = steps, array
        self.sign = -1 if steps.loop.descending else 1
        own = [(entry, new) for entry, new in steps.entries() if entry.array == array]
        self.first = max(self.sign * entry.offset for entry, _ in own) * self.sign
        self.lags = [self._lag(entry) for entry, _ in own]
        self.new: dict[int, bool] = {}  # by lag, whether the first that happens is that something new is set
        for lag, (_, new) in zip(self.lags, own, strict=True):
            self.new.setdefault(lag, new)
        targets = [one.target for one in steps.loop.body if isinstance(one, Store)]
        entries = [entry for target in targets if (entry := steps._entry(target)) is not None]
        self.last = max(self._lag(entry) for entry in entries if entry.array == array)
        self.wanted = array in steps.outside
        self.listed: Buffer | None = None

    def _lag(self, entry: _Entry) -> int:
        return int(self.sign * (self.first - entry.offset))

    def _at(self, lag: int) -> _Entry:
        return _Entry(self.array, (Slice(),), Integer(self.first - self.sign * lag))

    def begin(self) -> None:
        """What is at hand in the first step, and the list."""
        steps, loop = self.steps, self.steps.loop
        start = loop.end - 1 if loop.descending else loop.first
        for lag in range(max(self.lags), 0, -1):
            entry = self._at(lag)
            made = steps.named(entry)
            if not self.new.get(lag, False) or self.last > 0:
                place = Length(expand(start + entry.offset))
                steps._before.append(Define(made, operation("item", Subscript(Read(self.array), (place,)))))
                steps._defined.add(made)
        if self.new[0]:
            steps.named(self._at(0))
        else:
            steps.stream(self._at(0))
        if self.wanted:
            self.listed = Buffer(steps.fresh(f"list_{self.array.name}"), (steps.steps,), "python")
            steps._before.append(Define(self.listed, operation("no_numbers", sides=Sides((steps.steps,)))))

    def end(self) -> None:
        """What is done goes into the list, and the others move on by one; after the loop they go into the array."""
        steps, loop = self.steps, self.steps.loop
        numbers = [steps._numbers[self._at(lag)] for lag in range(max(self.lags) + 1)]
        if self.listed is not None:
            steps._body.append(Store(Read(self.listed), Read(numbers[self.last]), "append"))
        for later, earlier in zip(numbers[:0:-1], numbers[-2::-1], strict=True):
            steps._assign(later, Read(earlier))
        if self.listed is None:
            return
        assert self.array.shape is not None
        place = steps.along(self._at(self.last), S(self.array.shape[0]))
        back = Subscript(Read(self.listed), (Slice(step=S.NegativeOne),))
        found = back if loop.descending else Read(self.listed)
        if isinstance(place, Subscript):
            steps._after.append(Store(place, found))
        else:
            steps._after.append(Define(self.array, operation("array", found, dtype=FloatingType())))
        end = loop.first if loop.descending else loop.end - 1
        for lag in range(self.last):
            left = Length(expand(end + self._at(lag).offset))
            steps._after.append(Store(Subscript(Read(self.array), (left,)), Read(numbers[lag + 1])))
