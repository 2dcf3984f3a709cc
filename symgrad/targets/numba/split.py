"""Statements in two kinds: those that a kernel can do, and those that stay with NumPy, such as products of matrices."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import prod

from sympy import S

from symgrad.statements.axes import Axes
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    FloatingType,
    Group,
    Label,
    Length,
    Operation,
    Places,
    Read,
    Sides,
    Subscript,
    Total,
    buffers_of,
    parts_of,
    substituted,
)
from symgrad.statements.operations import memory_of
from symgrad.statements.spaces import UnknownAxes
from symgrad.statements.statements import Define, Loop, Statement, Store, Unpack, every, root
from symgrad.targets.numba.entries import is_view
from symgrad.targets.numba.functions import ELEMENTWISE, kind_of
from symgrad.targets.numba.reading import Reader
from symgrad.targets.numba.steps import NotNative

# What kernels do beside operations of numbers, and what computes nothing
_COMPUTED = {"sum", "max", "min", "any", "matmul", "dot", "vdot", "einsum", "log_total", "balanced", "centred"}
_COMPUTED |= {"place", "accumulate", "zeros", "ones", "empty", "stack", "array", "ascontiguousarray", "concatenate"}
_COMPUTED |= {"rolled"}
_PASSED = {"transpose", "broadcast_to", "diagonal", "least_number", "arange", "reshape", "windows"}
_WRAPPED = {"scalar", "reshape", "or_nan", "array", "transpose"}
FEW = 64  # entries of an array whose product with another is a loop over the entries of the other
SMALL = 16  # the longest side of matrices whose product is no call of BLAS

Part = tuple[bool, Statement]


@dataclass
class Split:
    """Takes statements apart into those of kernels and others, in order.

    Attributes
    ----------
    in_loop : makes kernels of what is done at a step, in a loop that is none.
    parts : the statements, each with whether a kernel can do it.
    """

    axes: Axes
    taken: set[str]
    in_loop: Callable[[Loop], Loop] = field(default=lambda loop: loop)
    parts: list[Part] = field(default_factory=list)
    _shared: set[Buffer] = field(default_factory=set)  # variables that may be part of others
    _views: dict[Buffer, Expression] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def statement(self, statement: Statement) -> None:
        match statement:
            case Define(buffer=buffer, expression=expression):
                self._define(buffer, self._pulled(self._seen(expression)))
            case Unpack(buffers=buffers, expression=expression) if self.is_native(self._seen(expression)):
                array = self._named(self._seen(expression))
                for n, buffer in enumerate(buffers):
                    self._define(buffer, Subscript(array, (Length(S(n)),)))
            case Store(expression=expression):
                self._store(statement, self._seen(expression))
            case Loop():
                inside = self._loop(statement)
                kind = self._is_readable(inside) and all(map(self.is_native, _expressions(inside)))
                kind = kind and all(map(self._is_place, every(inside.body)))
                self.parts.append((kind, inside if kind else self.in_loop(statement)))
            case _:
                self.parts.append((False, statement))

    def result(self, expression: Expression) -> Expression:
        """What a function returns, computed before."""
        match expression:
            case Group():
                return expression.rebuilt([self.result(part) for part in expression.parts])
            case Operation(head="entries" | "pattern" | "pattern_of"):
                return expression.rebuilt([self.result(part) for part in expression.parts])
            case Operation(head=head, parts=(first, *rest)) if head in _WRAPPED:
                return expression.rebuilt([self.result(first), *rest])
        return self._named(self._pulled(self._seen(expression))) if _computes(expression) else expression

    def is_native(self, expression: Expression) -> bool:
        """Whether kernels know all operations of an expression."""
        return all(self._is_known(part) for part in parts_of(expression))

    def _is_known(self, part: Expression) -> bool:
        match part:
            case Operation(head="matmul" | "dot" as head, parts=parts):
                shapes = [self.axes.shape(one) for one in parts]
                sides = {side for shape in shapes for side in shape[-2:]}
                return any(len(shape) < 2 for shape in shapes) or all(
                    S(side).is_Integer and side <= SMALL for side in sides
                )
            case Operation(head="tensordot", parts=parts):
                return any(map(self._is_small, parts))
            case Operation(head=head):
                return head in ELEMENTWISE or head in _COMPUTED or head in _PASSED - {"reshape", "windows"}
        return not isinstance(part, Label)

    def _is_small(self, array: Expression) -> bool:
        """Whether an array has a few entries, which are the same number for all sizes."""
        sides = [S(side) for side in self.axes.shape(array)]
        return all(side.is_Integer for side in sides) and prod(map(int, sides)) <= FEW

    def _is_readable(self, statement: Statement) -> bool:
        try:
            known = Axes(dict(self.axes.known))
            Reader(known, set(self.taken)).items([statement])
        except (NotNative, UnknownAxes, AssertionError):
            return False
        return True

    def _loop(self, loop: Loop) -> Loop:
        return replace(loop, body=tuple(map(self._inside, loop.body)))

    def _inside(self, one: Statement) -> Statement:
        match one:
            case Define() | Unpack() | Store():
                return replace(one, expression=self._seen(one.expression))
            case Loop():
                return self._loop(one)
        return one

    def _seen(self, expression: Expression) -> Expression:
        """An expression with views in place of the variables that they have."""
        for buffer in dict.fromkeys(buffers_of(expression)):
            if buffer in self._views:
                expression = substituted(expression, buffer, self._views[buffer])
        return expression

    def _define(self, buffer: Buffer, expression: Expression) -> None:
        statement = Define(buffer, expression)
        if memory_of(expression) != "new":
            self._shared.add(buffer)
        if is_view(expression, self.axes.shape(expression)):
            self._views[buffer] = expression
            self.parts.append((False, statement))
            return
        kind = self.is_native(expression) and self._is_readable(statement)
        self.parts.append((kind, statement))

    def _store(self, statement: Store, expression: Expression) -> None:
        """A part of an array; products of matrices are computed before, unless they are all of it."""
        if self._is_known(expression) and self._is_place(statement):
            store = replace(statement, expression=self._pulled(expression))
            if self._is_readable(store):
                self.parts.append((True, store))
                return
        self.parts.append((False, statement))

    def _is_place(self, statement: Statement) -> bool:
        """Whether a kernel can write where a statement does: into an array by its own name."""
        if not isinstance(statement, Store):
            return True
        return self.is_native(statement.target) and root(statement.target) not in self._shared

    def _named(self, expression: Expression) -> Expression:
        shape = self.axes.shape(expression)
        name = next(name for n in self._numbers if (name := f"part_{n}") not in self.taken)
        self.taken.add(name)
        buffer = Buffer(name, shape, kind_of(expression))
        self.axes.known[buffer] = shape
        self._define(buffer, expression)
        return Read(buffer)

    def _pulled(self, expression: Expression) -> Expression:
        """An expression with what is none of a kernel computed before; or itself none, of what is computed before."""
        if self.is_native(expression):
            return expression
        if isinstance(expression, Operation | Total) and not self._is_known(expression):
            return expression.rebuilt([self._simple(part) for part in expression.operands])
        parts = [self._pulled(part) for part in expression.operands]
        return expression.rebuilt([p if self.is_native(p) else self._named(p) for p in parts])

    def _simple(self, expression: Expression) -> Expression:
        """An operand of what stays with NumPy."""
        if isinstance(expression, Group | Places):
            return expression.rebuilt([self._simple(part) for part in expression.operands])
        if isinstance(expression, Label | Sides | FloatingType) or not _computes(expression):
            return expression
        return self._named(self._pulled(expression))


def _expressions(loop: Loop) -> Iterator[Expression]:
    """What is computed in a loop."""
    return (expression for one in every(loop.body) for expression in one.expressions)


def _computes(expression: Expression) -> bool:
    """Whether an expression is more than a view of variables, a number or a size."""
    for part in parts_of(expression):
        if isinstance(part, Total) or (isinstance(part, Operation) and part.head not in _PASSED):
            return True
        if isinstance(part, Subscript) and memory_of(part) == "new":
            return True
    return False


def stretches(parts: Sequence[Part]) -> Iterator[tuple[bool, list[Statement]]]:
    """The statements in as few stretches of one kind as their order allows."""
    roots = roots_of(parts)
    left = list(parts)
    while left:
        for native in (False, True):
            taken: list[Statement] = []
            later: list[Part] = []
            written, read = set[Buffer](), set[Buffer]()
            for kind, one in left:
                reads, writes = _memory(one.mentions, roots), _memory((*one.defines, *_written(one)), roots)
                if kind != native or (reads | writes) & written or writes & read:
                    later.append((kind, one))
                    written |= writes
                    read |= reads
                else:
                    taken.append(one)
            left = later
            if taken:
                yield native, taken


def _written(statement: Statement) -> Iterator[Buffer]:
    yield from statement.writes
    for one in statement.inside:
        yield from one.defines
        yield from _written(one)


def _memory(buffers: object, roots: dict[Buffer, set[Buffer]]) -> set[Buffer]:
    return {root for buffer in buffers for root in (buffer, *roots.get(buffer, ()))}  # type: ignore[attr-defined]


def roots_of(parts: Sequence[Part]) -> dict[Buffer, set[Buffer]]:
    """The variables that others may be part of."""
    roots: dict[Buffer, set[Buffer]] = {}
    for _, one in parts:
        if isinstance(one, Define) and memory_of(one.expression) != "new":
            roots[one.buffer] = _memory(one.reads, roots)
    return roots
