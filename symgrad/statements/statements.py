"""Statements: what a function does, in order. Each gives what it `reads`, `writes` and `defines`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sympy import Expr, Symbol

from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Kept,
    Operation,
    Read,
    Shape,
    Size,
    buffers_of,
    parts_of,
    symbols_of,
)

Accumulate = Literal["", "add", "subtract", "multiply", "divide", "append"]
Join = Literal["add", "maximum", "minimum", "hypot", "or", "rows", "largest", "scaled"]


@dataclass(frozen=True)
class Statement:
    """Reads buffers by `expressions`, and writes to others."""

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """What is computed, without what statements inside compute."""
        return ()

    @property
    def defines(self) -> tuple[Buffer, ...]:
        """The variables that the statement introduces."""
        return ()

    @property
    def writes(self) -> tuple[Buffer, ...]:
        """The variables that are there, whose entries it changes."""
        return ()

    @property
    def inside(self) -> tuple["Statement", ...]:
        """The statements that it repeats."""
        return ()

    @cached_property
    def reads(self) -> frozenset[Buffer]:
        """What it reads, with what the statements inside read."""
        own = [buffer for expression in self.expressions for buffer in buffers_of(expression)]
        return frozenset(own).union(*(statement.reads for statement in self.inside))

    @cached_property
    def mentions(self) -> frozenset[Buffer]:
        """All variables in it."""
        own = self.reads.union(self.defines, self.writes)
        return own.union(*(statement.mentions for statement in self.inside))

    @cached_property
    def dimensions(self) -> frozenset[Symbol]:
        """The dimensions that it mentions; a block of rows knows by itself how many rows it has."""
        return self._mentioned

    @cached_property
    def whole(self) -> frozenset[Symbol]:
        """The dimensions in what is said of whole arrays, in a block of rows, too."""
        sizes = {part.value for one in self.expressions for part in parts_of(one) if isinstance(part, Size)}
        own = frozenset(symbol for size in sizes for symbol in size.free_symbols)
        return own.union(*(statement.whole for statement in self.inside))

    @property
    def _mentioned(self) -> frozenset[Symbol]:
        return symbols_of(self.expressions).union(*(statement.dimensions for statement in self.inside))


@dataclass(frozen=True)
class Define(Statement):
    """buffer = expression; with `out`, computed into that array, which the buffer then is."""

    buffer: Buffer
    expression: Expression
    out: Buffer | Kept | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (self.expression,)

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return (self.buffer,)

    @property
    def writes(self) -> tuple[Buffer, ...]:
        return (self.out,) if isinstance(self.out, Buffer) else ()

    @cached_property
    def dimensions(self) -> frozenset[Symbol]:
        return self._mentioned.union(symbols_of([self.out]) if isinstance(self.out, Kept) else ())


@dataclass(frozen=True)
class Unpack(Statement):
    """Several variables at once, each a part of the expression's first axis."""

    buffers: tuple[Buffer, ...]
    expression: Expression

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (self.expression,)

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return self.buffers


@dataclass(frozen=True)
class Store(Statement):
    """Writes entries of an array.

    Attributes
    ----------
    target : the array, or part of it.
    expression : what is written there.
    accumulate : the operation that joins it with what is there; empty where it takes its place.
    repeated : whether the part may have an entry several times, each of which counts.
    direct : whether the operation writes into the part itself, without an array of its own.
    """

    target: Expression
    expression: Expression
    accumulate: Accumulate = ""
    repeated: bool = False
    direct: bool = False

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (self.target, self.expression)

    @property
    def writes(self) -> tuple[Buffer, ...]:
        return (root(self.target),)


@dataclass(frozen=True)
class Loop(Statement):
    """The body for every value of the clock from `first` on, but not `end`; backwards if `descending`.

    Attributes
    ----------
    streams : variables that are one entry of a list after the other, each with the list, which has an entry a step.
    counts : whether the clock is read.
    """

    clock: str
    first: Expr
    end: Expr
    descending: bool
    body: tuple[Statement, ...]
    streams: tuple[tuple[Buffer, Buffer], ...] = ()
    counts: bool = True

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(Read(entries) for _, entries in self.streams)

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return tuple(entry for entry, _ in self.streams)

    @property
    def inside(self) -> tuple[Statement, ...]:
        return self.body

    @cached_property
    def dimensions(self) -> frozenset[Symbol]:
        own = (symbol for symbol in self._mentioned if str(symbol) != self.clock)
        return frozenset(own).union(self.first.free_symbols, self.end.free_symbols)


class Called(Statement):
    """A function inside, with its `body`, what it has `returned`, and the variables of these `results`."""

    body: tuple[Statement, ...]
    returned: tuple[Expression, ...]
    results: tuple[Buffer, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.returned

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return self.results

    @property
    def inside(self) -> tuple[Statement, ...]:
        return self.body


@dataclass(frozen=True)
class Rows(Called):
    """Sums and extrema over rows of data, computed for blocks of rows by a function inside.

    Attributes
    ----------
    name : that of the function.
    arguments : the arrays with rows, of which the function takes blocks.
    kept : what earlier ones of these have made of the same blocks, `rows` of their results.
    dimension : how many rows all of them have.
    body, returned : what the function does, and what it returns of the rows of its block.
    results : the variables of the same for all rows.
    joins : for each result the operation that makes one of the results of two blocks; arrays with `rows` stay blocks.
        A first result that is the `largest` u, and those after it that are `scaled` by exp(−u), are joined together.
    width, size : how many numbers a row takes, and how many the results have that have no rows.
    """

    name: str
    arguments: tuple[Buffer, ...]
    kept: tuple[Buffer, ...]
    dimension: Expr
    body: tuple[Statement, ...]
    returned: tuple[Expression, ...]
    results: tuple[Buffer, ...]
    joins: tuple[Join, ...]
    width: Expr
    size: Expr

    @property
    def takes(self) -> tuple[Buffer, ...]:
        """What it takes from outside as a whole: arrays to be split into blocks, and what blocks share."""
        return (*self.arguments, *self.shared)

    @cached_property
    def dimensions_inside(self) -> frozenset[Symbol]:
        """The dimensions that a block of rows has to know."""
        return (self._mentioned - {self.dimension}) | self.whole

    @cached_property
    def dimensions(self) -> frozenset[Symbol]:
        return self.dimensions_inside.union(self.width.free_symbols, self.size.free_symbols)

    @cached_property
    def shared(self) -> tuple[Buffer, ...]:
        """What the function reads beside blocks of rows, in the order of reading."""
        own = {*self.arguments, *self.kept, *(buffer for one in every(self.body) for buffer in one.defines)}
        expressions = [*(part for one in every(self.body) for part in one.expressions), *self.returned]
        read = (buffer for expression in expressions for buffer in buffers_of(expression))
        return tuple(dict.fromkeys(buffer for buffer in read if buffer not in own))


@dataclass(frozen=True)
class Once(Called):
    """What is the same as long as the data are, computed by a function inside, whose results others do not change.

    Attributes
    ----------
    name : that of the function.
    body, returned : what the function does, and what it returns.
    results : the variables of that.
    told : whether the function stands elsewhere, since others need the same.
    """

    name: str
    body: tuple[Statement, ...]
    returned: tuple[Expression, ...]
    results: tuple[Buffer, ...]
    told: bool = False


@dataclass(frozen=True)
class Solve(Called):
    """The array at which equations hold, by Newton's method, which calls a function inside at every step.

    Attributes
    ----------
    body, returned : what the function does, and the equations' left sides and their Jacobian, which it returns.
    results : the variable of the solution.
    name : that of the function.
    tried : its argument.
    start : what the method begins with.
    coupled : whether equations along the last axis are one system.
    minimum : how many equations are constraints, where the solution is a minimum under these.
    of : what errors call the solution.
    """

    body: tuple[Statement, ...]
    returned: tuple[Expression, ...]
    results: tuple[Buffer, ...]
    name: str
    tried: Buffer
    start: Expression
    coupled: bool
    minimum: Expr | None
    of: str

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (*self.returned, self.start)

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return (self.tried, *self.results)


@dataclass(frozen=True)
class Kernel(Statement):
    """A function of a module that the target compiles: others see what it takes, changes and gives, not what it does.

    Attributes
    ----------
    name : that of the function.
    given : what it is called with.
    changed : the arrays of these that it writes to.
    numbers : the variables of the numbers that it returns, those of one kind in one array.
    arrays : the variables of what else it returns.
    shapes : the lengths of the axes of the last.
    """

    name: str
    given: tuple[Expression, ...]
    changed: tuple[Buffer, ...]
    numbers: tuple[tuple[Buffer, ...], ...]
    arrays: tuple[Buffer, ...]
    shapes: tuple[Shape, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.given

    @property
    def defines(self) -> tuple[Buffer, ...]:
        return (*(buffer for group in self.numbers for buffer in group), *self.arrays)

    @property
    def writes(self) -> tuple[Buffer, ...]:
        return self.changed


@dataclass(frozen=True)
class Release(Statement):
    """Nothing reads these any more."""

    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class Comment(Statement):
    """A remark for who reads the text."""

    text: str


@dataclass(frozen=True)
class Body:
    """The statements of a function, and what it returns."""

    statements: tuple[Statement, ...]
    results: tuple[Expression, ...] = ()

    @cached_property
    def dimensions(self) -> frozenset[Symbol]:
        """The dimensions that a function with this body has to know."""
        return symbols_of(self.results).union(*(one.dimensions for one in self.statements))

    @cached_property
    def read_at_the_end(self) -> frozenset[Buffer]:
        return frozenset(buffer for result in self.results for buffer in buffers_of(result))


def root(target: Expression) -> Buffer:
    """The variable of which a target is a view."""
    return next(iter(buffers_of(target)))


def operations_of(body: Body) -> list[Operation]:
    """The operations that statements and results are made of."""
    expressions = [*body.results, *(e for one in every(body.statements) for e in one.expressions)]
    return [part for one in expressions for part in parts_of(one) if isinstance(part, Operation)]


def every(statements: Sequence[Statement]) -> Iterator[Statement]:
    """The statements with those inside them."""
    for statement in statements:
        yield statement
        if inside := statement.inside:
            yield from every(inside)
