"""What a statement computes: expressions over buffers, as immutable trees.

Every expression gives its `operands`, in the order in which they are read, and can be made anew with others. What an
operation computes of its operands (a shape, a type, new memory or a view) is in the table of `operations`. What an
expression has in it is looked for once: passes keep the expressions that they do not change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from sympy import Expr, S, Symbol

Kind = Literal["real", "integer", "boolean", "python"]
Shape = tuple[Expr | int, ...]


@dataclass(frozen=True)
class Buffer:
    """A variable of a function.

    Attributes
    ----------
    name : of its own in the function.
    shape : the lengths of its axes; an axis that only broadcasts is 1. None where nothing follows it.
    kind : what its entries are: of the arguments' floating type, integers, truth values, or a number of Python's, which
        changes no type.
    owner : whose memory it is: an `argument`'s, its own (`local`), or perhaps another variable's (`view`).
    """

    name: str
    shape: Shape | None = None
    kind: Kind = "real"
    owner: Literal["argument", "local", "view"] = "local"

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True)
class Expression:
    """Computes an array or a number."""

    @property
    def operands(self) -> tuple["Expression", ...]:
        return ()

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        """The sizes that it mentions beside its operands."""
        return ()

    def rebuilt(self, operands: Sequence["Expression"]) -> "Expression":
        """The same of other operands; itself where they are its own."""
        same = all(new is old for new, old in zip(operands, self.operands, strict=True))
        return self if same else self._of(operands)

    def _of(self, operands: Sequence["Expression"]) -> "Expression":
        raise AssertionError(f"{type(self).__name__} has no operands")

    @cached_property
    def _parts(self) -> tuple["Expression", ...]:
        found: list[Expression] = []
        stack = [self]
        while stack:
            part = stack.pop()
            found.append(part)
            stack += reversed(part.operands)
        return tuple(found)

    @cached_property
    def _buffers(self) -> tuple[Buffer, ...]:
        return tuple([part.buffer for part in self._parts if isinstance(part, Read)])

    @cached_property
    def _sizes(self) -> tuple[Expr, ...]:
        return tuple([size for part in self._parts for size in part.own_sizes])


@dataclass(frozen=True)
class Read(Expression):
    """The value of a variable."""

    buffer: Buffer


@dataclass(frozen=True)
class Number(Expression):
    """A number, ±∞, π or e; or a truth value."""

    value: Any


@dataclass(frozen=True)
class Size(Expression):
    """A number of the model that is made of sizes: those of whole arrays, in a block of rows, too."""

    value: Expr

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return (self.value,)


@dataclass(frozen=True)
class Length(Expression):
    """An integer made of lengths of axes where it stands, of the block in a block of rows; in a loop, of its clock."""

    value: Expr

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return (self.value,)


@dataclass(frozen=True)
class Label(Expression):
    """What an error message calls something."""

    text: str


@dataclass(frozen=True)
class FloatingType(Expression):
    """The floating type of the arguments."""


@dataclass(frozen=True)
class Sides(Expression):
    """A shape."""

    lengths: tuple[Expr | int, ...]

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return tuple(map(S, self.lengths))


@dataclass(frozen=True)
class Operation(Expression):
    """`head` of the operands.

    Attributes
    ----------
    head : a name in the table of `operations`, or one that the target knows; of the last nothing is known.
    parts : the operands.
    options : what else the operation has to know, such as axes, by name.
    """

    head: str
    parts: tuple[Expression, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.parts

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        values = [part for _, value in self.options for part in (value if isinstance(value, tuple) else (value,))]
        return tuple([value for value in values if isinstance(value, Expr)])

    def _of(self, operands: Sequence[Expression]) -> Expression:
        return replace(self, parts=tuple(operands))

    def option(self, name: str) -> Any:
        """The option of a name, or None."""
        for key, value in self.options:
            if key == name:
                return value
        return None


@dataclass(frozen=True)
class Total(Expression):
    """A sum of terms, in their order; those with a sign are subtracted, the first one never."""

    terms: tuple[tuple[bool, Expression], ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return tuple(term for _, term in self.terms)

    def _of(self, operands: Sequence[Expression]) -> Expression:
        return Total(tuple((sign, operand) for (sign, _), operand in zip(self.terms, operands, strict=True)))


@dataclass(frozen=True)
class Slice:
    """A range of subscripts along an axis; None is where the axis starts or ends."""

    start: Expr | None = None
    stop: Expr | None = None
    step: Expr = S.One


@dataclass(frozen=True)
class Axes:
    """In a subscript, a new axis of length one (`count` is 1), or all axes that are left (`count` is 0)."""

    count: int


NEW_AXIS, OTHER_AXES, WHOLE_AXIS = Axes(1), Axes(0), Slice()
Place = Expression | Slice | Axes


def _ends(places: Sequence[Place]) -> tuple[Expr, ...]:
    """The sizes that ranges of subscripts mention."""
    ends = [end for one in places if isinstance(one, Slice) for end in (one.start, one.stop, one.step)]
    return tuple([end for end in ends if end is not None])


@dataclass(frozen=True)
class Subscript(Expression):
    """Part of an array, by a place on each of its first axes."""

    array: Expression
    places: tuple[Place, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.array, *(place for place in self.places if isinstance(place, Expression)))

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return _ends(self.places)

    def _of(self, operands: Sequence[Expression]) -> Expression:
        rest = iter(operands[1:])
        places = tuple(next(rest) if isinstance(place, Expression) else place for place in self.places)
        return Subscript(operands[0], places)


@dataclass(frozen=True)
class Places(Expression):
    """Where something is stored in an array: what stands in a subscript, as a value."""

    places: tuple[Place, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return tuple(place for place in self.places if isinstance(place, Expression))

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return _ends(self.places)

    def _of(self, operands: Sequence[Expression]) -> Expression:
        rest = iter(operands)
        return Places(tuple(next(rest) if isinstance(place, Expression) else place for place in self.places))


@dataclass(frozen=True)
class Group(Expression):
    """Several values: as a list, as a tuple, or as a record with the name `kind`."""

    kind: str
    parts: tuple[Expression, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.parts

    def _of(self, operands: Sequence[Expression]) -> Expression:
        return replace(self, parts=tuple(operands))


LIST, TUPLE = "list", "tuple"


@dataclass(frozen=True)
class Kept(Expression):
    """An array of a workspace, by its name there."""

    name: str
    lengths: tuple[Expr | int, ...]
    kind: Kind = "real"

    @property
    def own_sizes(self) -> tuple[Expr, ...]:
        return tuple(map(S, self.lengths))


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """The expression and everything in it, in the order of reading."""
    return expression._parts


def buffers_of(expression: Expression) -> tuple[Buffer, ...]:
    """The buffers that an expression reads, as often as it does."""
    return expression._buffers


def sizes_of(expression: Expression) -> tuple[Expr, ...]:
    """The sizes that an expression mentions."""
    return expression._sizes


def substituted(expression: Expression, buffer: Buffer, image: Expression) -> Expression:
    """An expression with another one where it reads a variable."""
    if isinstance(expression, Read):
        return image if expression.buffer == buffer else expression
    return expression.rebuilt([substituted(part, buffer, image) for part in expression.operands])


def symbols_of(expressions: Iterable[Expression]) -> frozenset[Symbol]:
    """The dimensions, and clocks of loops, in the sizes that expressions mention."""
    return frozenset([symbol for one in expressions for size in sizes_of(one) for symbol in size.free_symbols])
