"""Statements as steps: operations on whole arrays taken apart into what is done with single entries.

Views, transposes, new axes and slices are other indices of the same entries, and elementwise operations over the same
letters are one expression. What has fewer letters than the step that it is needed in is a step of its own, computed
once for each of its entries.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Function, Integer, Mod, S, Symbol

from symgrad.statements.arithmetic import number, operation
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Group,
    Kind,
    Length,
    Number,
    Operation,
    Places,
    Read,
    Shape,
    Subscript,
    Total,
    parts_of,
)
from symgrad.statements.spaces import axes_of
from symgrad.statements.statements import Comment, Define, Loop, Statement, Store, Unpack
from symgrad.targets.numba.entries import ZERO, Entries, is_copied, is_view, letters_in
from symgrad.targets.numba.functions import kind_of
from symgrad.targets.numba.letters import counted, in_order, letters_of
from symgrad.targets.numba.steps import How, Index, Item, NotNative, Step, Steps

_FILLS = {"zeros": 0, "ones": 1}
_REDUCED: dict[str, tuple[How, Expression]] = {
    "sum": ("add", number(0)),
    "max": ("maximum", number(-S.Infinity)),
    "min": ("minimum", number(S.Infinity)),
    "any": ("or", Number(S.false)),
}
NEARLY_ONE = Number(
    S("1.07")
)  # the sixth root of float32's rounding: a sum below it may lose digits by its largest term


@dataclass
class Reader(Entries):
    """Takes statements apart.

    Attributes
    ----------
    empty : arrays that are made without being filled.
    made : the variables that the steps make.
    """

    empty: list[Buffer] = field(default_factory=list)
    made: set[Buffer] = field(default_factory=set)
    _items: list[Item] = field(default_factory=list)
    _named: dict[int, tuple[Expression, Buffer]] = field(default_factory=dict)

    def items(self, statements: Iterable[Statement]) -> tuple[Item, ...]:
        """The steps of statements.

        Raises
        ------
        NotNative : some operation is none of a kernel.
        UnknownAxes : nothing says what axes one has.
        """
        outside, self._items = self._items, []
        for statement in statements:
            self._named.clear()
            self._statement(statement)
        made, self._items = tuple(self._items), outside
        return made

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Define(buffer=buffer, expression=expression):
                self.define(buffer, expression)
            case Unpack(buffers=buffers, expression=expression):
                array = self.named(expression)
                for n, buffer in enumerate(buffers):
                    self._aliases[buffer] = Subscript(Read(array), (Length(Integer(n)),))
            case Store():
                self._store(statement)
            case Loop(clock=clock, first=first, end=end, descending=descending, body=body):
                self._items.append(Steps(clock, first, end, descending, self.items(body)))
            case Comment():
                pass
            case _:
                raise NotNative(type(statement).__name__)

    # --- assignments --------------------------------------------------------------------------------------------------

    def define(self, buffer: Buffer, expression: Expression) -> None:
        """Steps that fill a new array."""
        shape = self.shape(expression)
        self.axes.known[buffer] = shape
        if is_view(expression, shape):
            self._aliases[buffer] = expression
            return
        self.made.add(buffer)
        match expression:
            case Operation(head="empty"):
                self.empty.append(buffer)
            case Operation(head="zeros" | "ones" as head):
                self._set(buffer, self._letters(shape), number(_FILLS[head]))
            case Operation(head="place" | "accumulate"):
                self._scattered(buffer, expression, shape)
            case Operation(head="rolled") if is_copied(expression, len(shape)):
                self._rolled(buffer, expression, shape)
            case Operation(head="stack" | "array" | "concatenate", parts=(Group(parts=parts),)):
                self._side_by_side(buffer, parts, shape, expression.head)
            case Operation(head="array" | "ascontiguousarray", parts=(array,)):
                index = self._letters(shape)
                self._set(buffer, index, self.value(array, index, letters_in(index)))
            case Operation(head="log_total" | "balanced" | "centred" as head):
                {"log_total": self._log_total, "balanced": self._balanced, "centred": self._centred}[head](
                    buffer, expression, shape
                )
            case Operation(head=head) if head in _REDUCED:
                self._reduced(buffer, expression)
            case Operation(head="matmul" | "dot" | "vdot" | "einsum" | "tensordot"):
                self._product(buffer, expression)
            case _:
                index = self._letters(shape)
                self._set(buffer, index, self.value(expression, index, letters_in(index)))

    def _set(self, buffer: Buffer, places: Index, value: Expression, how: How = "set", **more: Any) -> None:
        letters = in_order(value, places, self.lengths)
        self._items.append(Step(buffer, places, value, letters, how, **more))

    def _store(self, store: Store) -> None:
        shape = self.shape(store.target)
        index = self._letters(shape)
        letters = letters_in(index)
        target = self.value(store.target, index, letters, as_place=True)
        places = target.places if isinstance(target, Subscript) else ()
        assert isinstance(target, Read | Subscript)
        array = target if isinstance(target, Read) else target.array
        assert isinstance(array, Read)
        buffer = array.buffer
        value = self._aligned(store.expression, index, letters)
        if any(part == array for part in parts_of(value)) and value != target:
            made = self._temporary(store.expression)  # which may read what is written
            value = self._aligned(Read(made), index, letters)
        self._set(buffer, places, value, store.accumulate or "set")  # type: ignore[arg-type]

    def _scattered(self, buffer: Buffer, expression: Operation, shape: Shape) -> None:
        _, where, values, *_ = expression.parts
        self._set(buffer, self._letters(shape), number(0))
        places = where.places if isinstance(where, Places) else where.parts if isinstance(where, Group) else None
        if places is None:
            raise NotNative(expression.head)
        how = "" if expression.head == "place" else "add"
        self._store(Store(Subscript(Read(buffer), tuple(places)), values, how))  # type: ignore[arg-type]

    def _side_by_side(self, buffer: Buffer, parts: Sequence[Expression], shape: Shape, head: str) -> None:
        start: Expr = S.Zero
        for n, part in enumerate(parts):
            if isinstance(part, Group):
                raise NotNative(head)
            own = self.shape(part)
            index = self._letters(own if head == "concatenate" else shape[1:])
            value = self._aligned(part, index, letters_in(index))
            if head == "concatenate":
                first = index[0]
                assert isinstance(first, Length)
                places = (Length(start + first.value), *index[1:])
                start += S(own[0])
            else:
                places = (Length(Integer(n)), *index)
            self._set(buffer, places, value)

    def _around(self, expression: Operation, index: Index, letters: frozenset[Symbol]) -> Index:
        """Its place on the axis is computed once for each entry of the axis: loops over others read whole rows."""
        array, shift = expression.parts
        axis = expression.option("axis")
        assert isinstance(shift, Length)
        side = S(self.shape(array)[axis])
        places = self.array("place", (side,), "integer")
        letter = self._letter(side)
        self._set(places, (letter,), Length(Mod(letter.value - shift.value, side)), late=True)
        return (*index[:axis], self.value(Read(places), (index[axis],), letters), *index[axis + 1 :])

    def _rolled(self, buffer: Buffer, expression: Operation, shape: Shape) -> None:
        """What is moved by one along the last axis, in two parts: all entries but one, and that at the other end."""
        array, shift = expression.parts
        assert isinstance(shift, Length)
        side = S(shape[-1])
        at_most = Function("min")  # of a side that may be zero, whatever SymPy knows of it
        rest, last = (S.Zero, S.One, side - 1), (side - 1, S.Zero, at_most(1, side))
        for first, second, length in (rest, last):
            here, there = (second, first) if shift.value == 1 else (first, second)
            others, along = self._letters(shape[:-1]), self._letter(length)
            read = (*others, counted(there, along))
            letters = letters_in((*others, along))
            self._set(buffer, (*others, counted(here, along)), self.value(array, read, letters), late=True)

    def _temporary(self, expression: Expression) -> Buffer:
        made = Buffer(self._fresh(expression), self.shape(expression), kind_of(expression))
        self.axes.known[made] = self.shape(expression)
        self.define(made, expression)
        return made

    def named(self, expression: Expression) -> Buffer:
        """The array that an operation's result is in."""
        if id(expression) not in self._named:
            self._named[id(expression)] = expression, self._temporary(expression)
        return self._named[id(expression)][1]

    def _fresh(self, expression: Expression) -> str:
        head = expression.head if isinstance(expression, Operation) else "total"
        head = f"{head}_" if head in ("and", "or") else head
        name = next(name for n in self._numbers if (name := f"{head}_{n}") not in self.taken)
        self.taken.add(name)
        return name

    # --- sums ---------------------------------------------------------------------------------------------------------

    def _reduced(self, buffer: Buffer, expression: Operation) -> None:
        (array,) = expression.parts
        how, initial = _REDUCED[expression.head]
        if expression.option("initial") is not None:
            initial = expression.option("initial")
        index = self._letters(self.shape(array))
        gone = axes_of(expression.option("axis"), len(index))
        kept = tuple(place for axis, place in enumerate(index) if axis not in gone)
        value = self.value(array, index, letters_in(index))
        if letters_in(kept) == letters_in(index) and how == "add":
            return self._set(buffer, kept, value)
        self._set(buffer, kept, value, how, initial=initial)

    def _product(self, buffer: Buffer, expression: Operation) -> None:
        shapes = [self.shape(part) for part in expression.parts]
        words, out = letters_of(expression, shapes)
        index: dict[str, Expression] = {}
        for word, shape in zip(words, shapes, strict=True):
            for letter, side in zip(word, shape, strict=True):
                if letter not in index or (index[letter] == ZERO and side != 1):
                    index[letter] = ZERO if side == 1 else self._letter(side)
        every = letters_in(tuple(index.values()))
        factors = [
            self.value(part, tuple(ZERO if side == 1 else index[x] for x, side in zip(word, shape, strict=True)), every)
            for part, word, shape in zip(expression.parts, words, shapes, strict=True)
        ]
        value = operation("multiply", *factors) if len(factors) > 1 else factors[0]
        kept = tuple(index[letter] for letter in out)
        if letters_in(kept) == every:
            return self._set(buffer, kept, value)
        self._set(buffer, kept, value, "add", initial=number(0))

    def _log_total(self, buffer: Buffer, expression: Operation, shape: Shape) -> None:
        """log total where it is not near 1, or else log1p of the sum of all terms but the largest, which is 1."""
        array, total = expression.parts
        (axis,) = axes_of(expression.option("axis"), len(self.shape(array)))
        others = self._along_axis(array, axis, "rest", self._is_near(total))
        index = self._letters(shape)
        letters = letters_in(index)
        near = operation("less", self._aligned(total, index, letters), NEARLY_ONE)
        small = operation("log1p", self.value(Read(others), index, letters))
        self._set(
            buffer, index, operation("where", near, small, operation("log", self._aligned(total, index, letters)))
        )

    def _is_near(self, total: Expression) -> Callable[[Index], Expression]:
        """Whether totals are so near 1 that one term may be most of them, of an index without the axis of the terms."""
        return lambda index: operation("less", self._aligned(total, index, letters_in(index)), NEARLY_ONE)

    def _along_axis(self, array: Expression, axis: int, how: How, only: Callable[[Index], Expression]) -> Buffer:
        """A reduction in order along an axis, of an index without that axis where it is needed at all."""
        shape = self.shape(array)
        index = self._letters(shape)
        kept = tuple(place for n, place in enumerate(index) if n != axis)
        own = tuple(side for n, side in enumerate(shape) if n != axis)
        made = self.array(how, own, "integer" if how == "argmax" else "real")
        value = self.value(array, index, letters_in(index))
        self._set(made, kept, value, how, initial=number(0), only=only(kept))
        return made

    def array(self, name: str, shape: Shape, kind: Kind = "real") -> Buffer:
        """A new array, with a name that begins so."""
        made = Buffer(self._fresh(operation(name)), shape, kind)
        self.axes.known[made] = shape
        self.made.add(made)
        return made

    def _balanced(self, buffer: Buffer, expression: Operation, shape: Shape) -> None:
        """x − taken; of the largest |x|, where the total is near 1, minus the sum of the others'."""
        array, taken, total = expression.parts
        (axis,) = axes_of(expression.option("axis"), len(shape))
        near = self._is_near(total)
        index = self._letters(shape)
        self._set(buffer, index, self.value(Total(((False, array), (True, taken))), index, letters_in(index)))
        largest = self._along_axis(operation("abs", array), axis, "argmax", near)
        index = self._letters(shape)
        letters, place = letters_in(index), index[axis]
        without = tuple(one for n, one in enumerate(index) if n != axis)
        own = tuple(side for n, side in enumerate(shape) if n != axis)
        others = self.array("rest", own)
        here = operation("equal", place, self.value(Read(largest), without, letters))
        entry = operation("where", here, number(0), self.value(Read(buffer), index, letters))
        self._set(others, without, entry, "add", initial=number(0), only=near(without))
        without = self._letters(own)
        letters = letters_in(without)
        there = (*without[:axis], self.value(Read(largest), without, letters), *without[axis:])
        rest = operation("negative", self.value(Read(others), without, letters))
        self._set(buffer, there, rest, only=near(without))

    def _centred(self, buffer: Buffer, expression: Operation, shape: Shape) -> None:
        """x − Σ shares·x, of x less the one whose share is near 1 if there is such a share."""
        array, shares = expression.parts
        (axis,) = axes_of(expression.option("axis"), len(shape))
        own = tuple(side for n, side in enumerate(shape) if n != axis)
        squares, base, mean = (self.array(name, own) for name in ("squares", "base", "mean"))
        if self.shape(shares) != shape:
            raise NotNative("shares that are the same for all rows")

        def near(index: Index) -> Expression:
            return operation("less", Number(S("0.9")), self._aligned(Read(squares), index, letters_in(index)))

        def index() -> tuple[Index, Index, frozenset[Symbol]]:
            place = self._letters(shape)
            return place, tuple(one for n, one in enumerate(place) if n != axis), letters_in(place)

        def difference(place: Index, without: Index, letters: frozenset[Symbol]) -> Total:
            return Total(
                ((False, self._aligned(array, place, letters)), (True, self._aligned(Read(base), without, letters)))
            )

        place, without, letters = index()
        share = self._aligned(shares, place, letters)
        self._set(squares, without, operation("multiply", share, share), "add", initial=number(0))
        largest = self._along_axis(shares, axis, "argmax", near)
        without = self._letters(own)
        letters = letters_in(without)
        there = (*without[:axis], self.value(Read(largest), without, letters), *without[axis:])
        self._set(base, without, operation("where", near(without), self._aligned(array, there, letters), number(0)))
        place, without, letters = index()
        value = operation("multiply", self._aligned(shares, place, letters), difference(place, without, letters))
        self._set(mean, without, value, "add", initial=number(0))
        place, without, letters = index()
        more = self._aligned(Read(mean), without, letters)
        self._set(buffer, place, Total((*difference(place, without, letters).terms, (True, more))))
