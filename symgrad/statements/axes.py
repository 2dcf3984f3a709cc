"""The axes of a function's variables and operations, statement by statement.

A target that fuses loops asks for the spaces of statements: those of the same axes, entry by entry, are one loop, and
sums among them have loops inside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Integer, expand, floor

from symgrad.statements.expressions import (
    NEW_AXIS,
    OTHER_AXES,
    Buffer,
    Expression,
    FloatingType,
    Group,
    Kept,
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
)
from symgrad.statements.spaces import SPACES, Space, UnknownAxes, broadcast, same_length
from symgrad.statements.statements import Body, Define, Kernel, Loop, Once, Rows, Solve, Statement, Store, Unpack

_ARRAYS = (Read, Number, Size, Length, Kept, Total, Subscript, Operation)
_SIDE_BY_SIDE = ("array", "block", "concatenate", "stack")


@dataclass
class Axes:
    """The axes of a function's variables, as far as its statements were followed."""

    known: dict[Buffer, Shape] = field(default_factory=dict)
    # By identity, with what has it: an operation inside others is asked for by each of those around it.
    _spaces: dict[int, tuple[Expression, Space]] = field(default_factory=dict)

    def shape(self, expression: Expression) -> Shape:
        """The lengths of the axes of what an expression computes.

        Raises
        ------
        UnknownAxes : nothing says so; names the operation or the variable.
        """
        match expression:
            case Read(buffer=buffer):
                shape = self.known.get(buffer, buffer.shape)
                if shape is None:
                    raise UnknownAxes(f"the axes of {buffer.name} are not known")
                return shape
            case Number() | Size() | Length():
                return ()
            case Kept(lengths=lengths):
                return lengths
            case Total() | Subscript() | Operation():
                return self.space(expression).axes
        raise UnknownAxes(f"{type(expression).__name__} is no array")

    def space(self, expression: Total | Subscript | Operation) -> Space:
        """The loops of the outermost operation of an expression."""
        if id(expression) not in self._spaces:
            self._spaces[id(expression)] = expression, self._space(expression)
        return self._spaces[id(expression)][1]

    def _space(self, expression: Total | Subscript | Operation) -> Space:
        match expression:
            case Total():
                return Space("", "entries", broadcast(map(self.shape, expression.operands)))
            case Subscript(array=array, places=places):
                picks = any(isinstance(place, Expression) and self.shape(place) for place in places)
                return Space("", "gather" if picks else "view", self._picked(self.shape(array), places))
            case Operation(head=head, parts=(Group() as group, *_)) if head in _SIDE_BY_SIDE:
                return Space(head, "entries", self._joined(group, head))
            case Operation(head="reshape", parts=(array, _)):  # the other operand is a shape
                return SPACES["reshape"](expression, [self.shape(array)])
        if expression.head not in SPACES:
            raise UnknownAxes(f"nothing says which axes the operation {expression.head} has")
        shapes = [self.shape(part) for part in expression.parts if isinstance(part, _ARRAYS)]
        return SPACES[expression.head](expression, shapes)

    def spaces(self, expression: Expression) -> Iterator[Space]:
        """Those of all operations of an expression, from the outermost one inwards."""
        if isinstance(expression, Total | Subscript | Operation):
            yield self.space(expression)
        told = isinstance(expression, Operation) and expression.head == "reshape"
        for part in expression.operands[:1] if told else expression.operands:
            yield from self.spaces(part)

    def follow(self, statements: Sequence[Statement]) -> Iterator[tuple[Statement, tuple[Space, ...]]]:
        """Statements, those inside others included, with the spaces of what each computes itself."""
        for statement in statements:
            self._spaces.clear()  # the statement before may have said what other axes a variable has
            match statement:
                case (
                    Rows(body=body, returned=returned, results=results)
                    | Once(body=body, returned=returned, results=results)
                ):
                    yield from self.follow(body)
                    inner = [one.parts[0] if isinstance(one, Group) else one for one in returned]
                    yield statement, tuple(space for one in inner for space in self.spaces(one))
                    self.known |= dict(zip(results, map(self.shape, inner), strict=True))
                    continue
                case Solve(body=body, tried=tried, results=(result,)):
                    self.known |= dict.fromkeys((tried, result), tried.shape or ())
                    yield from self.follow(body)
                case Loop(body=body, defines=numbers):
                    self.known |= dict.fromkeys(numbers, ())
                    yield statement, ()
                    yield from self.follow(body)
                    continue
                case Define(buffer=buffer, expression=expression):
                    self._learn(buffer, self.shape(expression))
                case Kernel(numbers=numbers, arrays=arrays, shapes=shapes):
                    self.known |= dict.fromkeys((buffer for group in numbers for buffer in group), ())
                    self.known |= dict(zip(arrays, shapes, strict=True))
                case Unpack(buffers=buffers, expression=expression):
                    self._unpack(buffers, expression)
                case Store(target=target, expression=expression):
                    broadcast([self.shape(target), self.shape(expression)])
            yield statement, tuple(space for one in statement.expressions for space in self.spaces(one))

    def _learn(self, buffer: Buffer, shape: Shape) -> None:
        """A variable is as long as what it is given, and as its declaration says; an axis may be left to broadcast."""
        said = shape if buffer.shape is None else buffer.shape
        if len(said) != len(shape) or not all(
            1 in pair or same_length(*pair) for pair in zip(said, shape, strict=True)
        ):
            raise UnknownAxes(f"{buffer.name} of shape {said} is given an array of shape {shape}")
        self.known[buffer] = shape

    def _unpack(self, buffers: Sequence[Buffer], expression: Expression) -> None:
        """Variables along the first axis; those of a grid are each long along an axis of its own."""
        _, *shape = self.shape(expression)
        open_axes = isinstance(expression, Operation) and expression.head == "grid"
        for number, buffer in enumerate(buffers):
            own = [side if axis == number else Integer(1) for axis, side in enumerate(shape)] if open_axes else shape
            self._learn(buffer, tuple(own))

    def _joined(self, group: Group, head: str) -> Shape:
        """Arrays side by side: along a new first axis, or along those that they have."""
        arrays = [self._joined(one, head) if isinstance(one, Group) else self.shape(one) for one in group.parts]
        if head in ("stack", "array"):
            return (Integer(len(arrays)), *broadcast(arrays))
        depth = 0
        inner: Expression = group.parts[0]
        while isinstance(inner, Group):
            depth, inner = depth + 1, inner.parts[0]
        axis = len(arrays[0]) - 1 - depth if head == "block" else 0
        others = broadcast([*shape[:axis], *shape[axis + 1 :]] for shape in map(list, arrays))  # type: ignore[misc]
        length = expand(sum(shape[axis] for shape in arrays))
        return (*others[:axis], length, *others[axis:])

    def _picked(self, shape: Shape, places: Sequence[Place]) -> Shape:
        """The axes of part of an array. Source: NumPy's rules for basic and advanced indexing."""
        taken = sum(place != NEW_AXIS and place != OTHER_AXES for place in places)
        left = list(shape)
        made: list[Expr | int] = []
        picked: list[Shape] = []
        at: list[int] = []  # where positions stand
        for place in places:
            if place == NEW_AXIS:
                made.append(Integer(1))
            elif place == OTHER_AXES:
                others = len(shape) - taken
                made += left[:others]
                del left[:others]
            elif isinstance(place, Slice):
                made.append(_length(place, left.pop(0)))
            else:
                assert isinstance(place, Expression)
                left.pop(0)
                picked.append(self.shape(place))
                at.append(len(made))
        if not any(picked):
            return (*made, *left)
        first = at[0] if len(set(at)) == 1 else 0
        return (*made[:first], *broadcast(picked), *made[first:], *left)


def _length(place: Slice, side: Expr | int) -> Expr | int:
    """How many entries a slice has, which ends a step after the last one, or with the axis."""
    if place.stop is None and place.start is None and place.step in (1, -1):
        return side
    start = place.start or 0
    if place.stop is not None:
        return expand((place.stop - start) / place.step)
    return floor(expand((side - 1 - start) / place.step + 1))


_RECORDS = {"entries", "or_nan", "pattern", "pattern_of"}  # results of several arrays


def spaces_of(body: Body) -> list[tuple[Statement, tuple[Space, ...]]]:
    """The statements of a function, those inside others included, with the spaces of their operations.

    Raises
    ------
    UnknownAxes : nothing says which axes something has, or it does not fit; names it.
    """
    axes = Axes()
    found = list(axes.follow(body.statements))
    stack = list(body.results)
    while stack:
        result = stack.pop()
        if isinstance(result, Group) or (isinstance(result, Operation) and result.head in _RECORDS):
            stack += result.parts
        elif not isinstance(result, Sides | FloatingType):
            list(axes.spaces(result))
    return found
