"""Writes what a function returns, after the terms that it is made of.

An array is its dense part, or zeros, with the parts that deltas tie added on the diagonals that they live on, or put
there: views of the array, no identity matrix. A sparse matrix is the values of its entries, beside where these stand,
which a function of data and sizes gives.
"""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType

from sympy import Expr, S

from symgrad.calculus.structure import Block
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Node, Shape, Use
from symgrad.lowering.operands import is_view
from symgrad.lowering.subscripts import end_of_slice
from symgrad.lowering.values import Value
from symgrad.outputs.documentation import INDICES
from symgrad.outputs.function import Array, Pattern, Record, Result, Sparse
from symgrad.statements.arithmetic import number, operation
from symgrad.statements.expressions import (
    LIST,
    OTHER_AXES,
    TUPLE,
    WHOLE_AXIS,
    Buffer,
    Expression,
    FloatingType,
    Group,
    Length,
    Operation,
    Place,
    Read,
    Sides,
    Slice,
    Subscript,
)
from symgrad.statements.operations import declared
from symgrad.statements.statements import Store
from symgrad.targets.numpy.terms import NumpyTerms


class ResultWriter:
    """Writes the results of one function; no two of them share memory, with each other or with an argument.

    Parameters
    ----------
    printer : has printed the terms.
    given_shapes : for each argument in whose shape something is returned, the variable that has this shape.
    given : what each function that gives a pattern is called with, by its name.
    """

    def __init__(
        self,
        printer: NumpyTerms,
        given_shapes: Mapping[str, str],
        given: Mapping[str, Sequence[Expression]] = MappingProxyType({}),
    ) -> None:
        self._printer, self._given_shapes, self._given = printer, given_shapes, given
        self._returned: set[Buffer] = set()

    def write(self, result: Result) -> Expression:
        """A result; what it needs is assigned before."""
        match result:
            case Record(name=name, fields=fields):
                return Group(
                    name, tuple(self._sparse(p) if isinstance(p, Sparse) else self.write(p) for p in fields.values())
                )
            case tuple():
                return Group(TUPLE, tuple(map(self.write, result)))
            case Pattern():
                return self._pattern(result)
            case Sparse():
                return self._sparse(result, given=True)
        return self._array(result)

    def _own(self, use: Use, shape: Shape, changed: bool = False) -> Value:
        """An array that shares its memory with no other result, and with nothing at all if it is `changed` later."""
        found = self._printer.full(use, Node(shape, b""))
        if not found.letters:
            return scalar(found)
        variable = _viewed(found.expression)
        shared = variable is not None and (
            variable in self._returned or (changed and not self._printer.is_private(use))
        )
        if shared or is_view(found.expression):
            return Value(operation("array", found.expression), found.letters)
        self._returned |= {variable} if variable else set()
        return found

    def _array(self, array: Array) -> Expression:
        dense = next((part.cofactor for part in array.parts if not part.tied), None)
        structured = [part for part in array.parts if part.tied]
        if dense is not None and not structured:
            return self._shaped(array, self._own(dense, array.shape))
        if not array.shape:
            return operation("scalar", number(0))
        if dense is not None:
            start = self._own(dense, array.shape, changed=True)
        else:
            zeros = operation("zeros", Sides(tuple(array.shape)), dtype=FloatingType())
            start = Value(zeros, tuple(range(len(array.shape))))
        out = self._printer.result(array.label, start)
        for count, part in enumerate(structured):
            target, cofactor = self._view(part, out, array.shape), self._cofactor(part, array.shape)
            alone = part.whole or (count == 0 and dense is None)
            self._printer.statements.append(Store(target, cofactor, "" if alone else "add"))
        return out

    def _shaped(self, array: Array, found: Value) -> Expression:
        """An array in the shape in which an argument was given."""
        if array.like is None or array.like.name not in self._given_shapes:
            return self._printer.result(array.label, found)
        shape = Buffer(self._given_shapes[array.like.name])
        made = operation("reshape", found.expression, Read(shape))
        return self._printer.result(array.label, Value(made, found.letters), shape)

    def _view(self, part: Block, out: Expression, shape: Shape) -> Expression:
        """The entries of an array that a block adds to, as a view: slices, then a diagonal."""
        hits = dict(part.hits)
        places = tuple(_slice(hits[axis], shape) if axis in hits else WHOLE_AXIS for axis in range(len(shape)))
        tied_to: dict[int, int] = {column: row for row, column in part.ties}
        for axis, sub in hits.items():
            letter = along_one(sub)[0]  # type: ignore[index]
            if letter is not None:
                tied_to[axis] = letter
        axes = [axis for axis in range(len(shape)) if axis not in hits or axis in tied_to]
        view = Subscript(out, places) if hits else out
        if not tied_to:
            return view
        inside = "".join(INDICES[tied_to.get(axis, axis)] for axis in axes)
        kept = "".join(INDICES[axis] for axis in axes if axis not in tied_to)
        return Subscript(operation("einsum", view, letters=((inside,), kept)), (OTHER_AXES,))

    def _cofactor(self, part: Block, shape: Shape) -> Expression:
        axes = [axis for axis in range(len(shape)) if axis not in part.tied]
        return self._printer.aligned(part.cofactor, axes).expression

    def _pattern(self, pattern: Pattern) -> Expression:
        """Where entries stand: for each part its sides, the numbers of its arrays, the positions along their axes, and
        the conditions under which it has entries."""
        made = []
        for part in pattern.parts:
            letters = range(len(part.lengths))
            index, inside = (
                [self._printer.aligned(term, letters, real=False).expression for term in terms]
                for terms in (part.places, part.inside)
            )
            rank = len(pattern.rows[part.block[0]][1])
            which = (number(n) for n in part.block)
            places = (Group(LIST, tuple(those)) for those in (index[:rank], index[rank:]))
            made.append(Group(TUPLE, (Sides(part.lengths), *which, *places, *inside)))
        arrays = (Group(TUPLE, tuple(Sides(shape) for _, shape in those)) for those in (pattern.rows, pattern.columns))
        return operation("pattern", *arrays, *made)

    def _sparse(self, sparse: Sparse, given: bool = False) -> Expression:
        """The values of each part, which broadcast along its letters, beside the pattern that data and sizes give.

        A function that returns nothing else may be `given` the pattern.
        """
        arrays = [self._values(array) for array in sparse.values]
        sides = Sides(tuple(_entries_of(those) for those in (sparse.pattern.rows, sparse.pattern.columns)))
        found = operation(
            "pattern_of", *self._given[sparse.pattern.function], name=sparse.pattern.function, given=given
        )
        numbers = [part.value for part in sparse.pattern.parts]
        for n, array in enumerate(sparse.values):
            if numbers.count(n) > 1 and not isinstance(arrays[n], Read):
                name = self._printer.fresh(array.label)
                arrays[n] = self._printer.assign(name, Value(arrays[n], ())).expression
        values = [arrays[n] for n in numbers]
        return operation("entries", found, sides, FloatingType(), *values)

    def _values(self, array: Array) -> Expression:
        (first, *others) = array.parts or (None,)
        if first is not None and not others and not first.tied:
            return self._printer.aligned(first.cofactor, range(len(array.shape))).expression
        return self._array(array)


def _entries_of(arrays: Sequence[tuple[str, Shape]]) -> Expr:
    """How many entries arrays have together."""
    return sum((prod(shape, start=S.One) for _, shape in arrays), S.Zero)


def scalar(value: Value) -> Value:
    """A scalar result in the arguments' floating type: Python numbers and 0-d arrays are turned into NumPy scalars."""
    head = value.expression.head if isinstance(value.expression, Operation) else None
    if value.kind == "real" and not (head is not None and declared(head).boxed):
        return value
    return Value(operation("scalar", value.expression), ())


def _viewed(expression: Expression) -> Buffer | None:
    """The variable that an expression is, or is a view of."""
    match expression:
        case Read(buffer=buffer):
            return buffer
        case Subscript(array=array) | Operation(head="transpose", parts=(array,)):
            return _viewed(array)
    return None


def _slice(sub: Use, shape: Shape) -> Place:
    """A subscript as a basic index or slice."""
    letter, step, start = along_one(sub)  # type: ignore[misc]
    if letter is None:
        return Length(start)
    stop = end_of_slice(start, step, sub.node.shape[sub.letters.index(letter)])
    return Slice(None if start == 0 else start, stop, step)
