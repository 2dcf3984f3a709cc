"""Entries of what expressions compute: views, slices and new axes are other indices of the same arrays."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from sympy import Dummy, Expr, S, Symbol, expand

from symgrad.statements.arithmetic import operation
from symgrad.statements.axes import Axes
from symgrad.statements.expressions import (
    NEW_AXIS,
    OTHER_AXES,
    Buffer,
    Expression,
    Length,
    Number,
    Operation,
    Place,
    Read,
    Shape,
    Sides,
    Size,
    Slice,
    Subscript,
    Total,
    parts_of,
)
from symgrad.statements.operations import REDUCTIONS, memory_of
from symgrad.targets.numba.functions import ELEMENTWISE
from symgrad.targets.numba.steps import Index, NotNative, plain

ZERO = Length(S.Zero)


@dataclass
class Entries:
    """Finds entries of expressions.

    Attributes
    ----------
    axes : those of the variables.
    taken : names that no variable may have.
    lengths : of the letters.
    """

    axes: Axes
    taken: set[str]
    lengths: dict[Symbol, Expr] = field(default_factory=dict)
    _aliases: dict[Buffer, Expression] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @abstractmethod
    def named(self, expression: Expression) -> Buffer:
        """The array that an operation's result is in."""

    @abstractmethod
    def _around(self, expression: Operation, index: Index, letters: frozenset[Symbol]) -> Index:
        """The index in an array of an entry of what has its entries moved along an axis, around it."""

    # --- letters ------------------------------------------------------------------------------------------------------

    def _letters(self, shape: Shape) -> Index:
        """An index over all entries of a shape: a new letter for each axis, 0 where it has one entry."""
        return tuple(ZERO if side == 1 else self._letter(side) for side in shape)

    def _letter(self, side: Expr | int) -> Length:
        letter = Dummy(f"letter_{next(self._numbers)}", integer=True)
        self.lengths[letter] = expand(S(side))
        return Length(letter)

    def shape(self, expression: Expression) -> Shape:
        return self.axes.shape(expression)

    def _aligned(self, expression: Expression, index: Index, letters: frozenset[Symbol]) -> Expression:
        """An entry of an array that broadcasts to a place."""
        return self.value(expression, self._broadcast(expression, index), letters)

    # --- entries ------------------------------------------------------------------------------------------------------

    def value(
        self, expression: Expression, index: Index, letters: frozenset[Symbol], as_place: bool = False
    ) -> Expression:
        """An entry of what an expression computes, in a step over these letters."""
        match expression:
            case Read(buffer=buffer):
                if buffer in self._aliases:
                    return self.value(self._aliases[buffer], index, letters, as_place)
                return Subscript(expression, index) if index else expression
            case Number() | Size() | Length():
                return expression
            case Subscript(array=array, places=places):
                return self.value(array, self._picked(self.shape(array), places, index, letters), letters, as_place)
            case Operation(head="transpose", parts=(array,)):
                turned = dict(zip(expression.option("axes"), index, strict=True))
                return self.value(array, tuple(turned[axis] for axis in range(len(index))), letters, as_place)
            case Operation(head="broadcast_to", parts=(array, *_)):
                return self.value(array, self._broadcast(array, index), letters)
            case Operation(head="diagonal", parts=(array,)):
                return self.value(array, _on_diagonal(expression, index), letters)
            case Operation(head="einsum", parts=(array,)) if index_of_view(expression, index) is not None:
                inner = index_of_view(expression, index)
                assert inner is not None
                return self.value(array, inner, letters, as_place)
            case Total() | Operation() if as_place:
                raise NotNative("a place in what is computed")
            case Operation(head="asarray" | "number" | "float" | "ascontiguousarray", parts=(array, *_)) if not index:
                return self.value(array, index, letters)
            case Operation(head="least_number"):
                return expression
            case Operation(head="arange", parts=(_,)):
                return index[0]
            case Operation(head="rolled", parts=(array, _)) if not is_copied(expression, len(index)):
                return self.value(array, self._around(expression, index, letters), letters)
            case Operation(head="asarray" | "whole" | "ascontiguousarray", parts=(array, *_)):
                found = self.value(array, index, letters)
                return operation("whole", found) if expression.head == "whole" else found
            case Total() | Operation() if _is_elementwise(expression) and letters_in(index) == letters:
                parts = [self.value(part, self._broadcast(part, index), letters) for part in expression.operands]
                return (
                    Operation(expression.head, tuple(parts))
                    if isinstance(expression, Operation)
                    else expression.rebuilt(parts)
                )
            case Total() | Operation():
                made = Read(self.named(expression))
                return self.value(made, index, letters)
        raise NotNative(type(expression).__name__)

    def _broadcast(self, part: Expression, index: Index) -> Index:
        """The index of an operand whose axes broadcast to those of the operation."""
        shape = self.shape(part)
        own = index[len(index) - len(shape) :]
        return tuple(ZERO if side == 1 else place for side, place in zip(shape, own, strict=True))

    def _picked(self, shape: Shape, places: Sequence[Place], index: Index, letters: frozenset[Symbol]) -> Index:
        """The index in an array of an entry of part of it. Source: NumPy's rules for basic and advanced indexing."""
        taken = sum(place != NEW_AXIS and place != OTHER_AXES for place in places)
        picks = {n: self.shape(place) for n, place in enumerate(places) if isinstance(place, Expression)}
        rank = max(map(len, picks.values()), default=0)
        basic: list[Place] = []  # all places, with one for each axis
        at: list[int] = []  # how many axes of the result stand before each position
        before = 0
        for place in places:
            if place == OTHER_AXES:
                basic += [Slice()] * (len(shape) - taken)
                before += len(shape) - taken
                continue
            if isinstance(place, Expression):
                at.append(before)
            else:
                before += 1
            basic.append(place)
        basic += [Slice()] * (len(shape) - sum(place != NEW_AXIS for place in basic))
        first = at[0] if rank and len(set(at)) == 1 else 0
        chosen, rest = index[first : first + rank], iter((*index[:first], *index[first + rank :]))
        sides, made = iter(shape), list[Expression]()
        for place in basic:
            if place == NEW_AXIS:
                next(rest)
            elif isinstance(place, Slice):
                made.append(_along(place, next(sides), next(rest)))
            else:
                assert isinstance(place, Expression)
                next(sides)
                own = chosen[rank - len(self.shape(place)) :] if rank else ()
                made.append(self._position(place, self._broadcast(place, own), letters))
        return tuple(made)

    def _position(self, place: Expression, index: Index, letters: frozenset[Symbol]) -> Expression:
        if isinstance(place, Number):
            return Length(S(place.value))
        counts = any(isinstance(part, Operation) and part.head == "arange" for part in parts_of(place))
        return self.value(place, index, letters_in(index) if counts else letters)


# --- indices ----------------------------------------------------------------------------------------------------------


def letters_in(index: Iterable[Expression]) -> frozenset[Symbol]:
    """The letters that stand in an index by themselves."""
    return frozenset(letter for place in index if isinstance(letter := plain(place), Dummy))


def _along(place: Slice, side: Expr | int, index: Expression) -> Expression:
    """The index in an array of an entry of a slice."""
    start = place.start
    if start is None:
        start = S.Zero if place.step.is_positive is not False else S(side) - 1
    if start == 0 and place.step == 1:
        return index
    if isinstance(index, Length):
        return Length(expand(start + place.step * index.value))
    return Total(((False, Length(start)), (False, operation("multiply", Length(place.step), index))))


def _on_diagonal(expression: Operation, index: Index) -> Index:
    first = expression.option("axis1") or 0
    second = 1 if expression.option("axis2") is None else expression.option("axis2")
    *others, place = index
    rest = iter(others)
    return tuple(place if axis in (first, second) else next(rest) for axis in range(len(index) + 1))


def index_of_view(expression: Operation, index: Index) -> Index | None:
    """The index in the only operand of a sum of products, if that is a view of the operand, such as its diagonal."""
    (inside,), out = expression.option("letters")
    places = dict(zip(out, index, strict=True))
    return tuple(places[letter] for letter in inside) if set(inside) == set(out) else None


def is_copied(expression: Operation, rank: int) -> bool:
    """Whether what is rolled is copied first: by one place along the last axis, so that loops read it in order."""
    shift = expression.parts[1]
    return isinstance(shift, Length) and abs(shift.value) == 1 and expression.option("axis") == rank - 1


def is_view(expression: Expression, shape: Shape) -> bool:
    """Whether an expression is the memory of others, seen in another way; single numbers are none."""
    return memory_of(expression) == "view" and bool(shape) and all(map(_is_seen, parts_of(expression)))


def _is_seen(part: Expression) -> bool:
    plainly = isinstance(part, Read | Subscript | Length | Sides | Number)
    return plainly or (isinstance(part, Operation) and part.head in _VIEWS)


_VIEWS = ("transpose", "broadcast_to", "diagonal")


def _is_elementwise(expression: Expression) -> bool:
    if isinstance(expression, Total):
        return True
    assert isinstance(expression, Operation)
    if expression.head not in ELEMENTWISE:
        if expression.head in REDUCTIONS or expression.head in _NAMED:
            return False
        raise NotNative(expression.head)
    return True


_NAMED = {"matmul", "dot", "vdot", "einsum", "tensordot", "any", "log_total", "balanced", "centred", "stack", "array"}
_NAMED |= {"place", "accumulate", "zeros", "ones", "empty", "concatenate", "rolled"}
