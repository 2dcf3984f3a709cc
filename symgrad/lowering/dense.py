"""What a function returns as dense arrays, after the terms that it is made of.

An array is its dense part, or zeros, with the parts that deltas tie added at the entries that they live on, or put
there.
"""

from collections.abc import Mapping, Sequence

from symgrad.calculus.structure import Block
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Letter, Node, Shape, Use
from symgrad.lowering.recurrences import Recurrences
from symgrad.lowering.values import Value
from symgrad.outputs.documentation import INDICES
from symgrad.outputs.function import Array, Pattern, Record, Result, Sparse
from symgrad.statements.arithmetic import operation, product, total
from symgrad.statements.expressions import TUPLE, Buffer, Expression, FloatingType, Group, Length, Places, Read, Sides
from symgrad.statements.statements import Unpack


class DenseResults:
    """Writes the results of one function.

    Parameters
    ----------
    terms : has written the terms.
    given_shapes : for each argument in whose shape something is returned, the variable that has this shape.
    """

    def __init__(self, terms: Recurrences, given_shapes: Mapping[str, str]) -> None:
        self._terms, self._given_shapes = terms, given_shapes

    def write(self, result: Result) -> Expression:
        """A result; what it needs is assigned before."""
        match result:
            case Record(name=name, fields=fields):
                return Group(name, tuple(map(self.write, fields.values())))
            case tuple():
                return Group(TUPLE, tuple(map(self.write, result)))
            case Sparse():
                return self._sparse(result)
            case Pattern():
                raise TypeError("where entries stand is no dense array")
        return self._array(result)

    def _array(self, array: Array) -> Expression:
        tied = [part for part in array.parts if part.tied]
        start = next((part.cofactor for part in array.parts if not part.tied), None)
        found = _zeros(array.shape) if start is None else self._terms.full(start, Node(array.shape, b""))
        if not array.shape and found.kind == "python":
            found = Value(operation("scalar", found.expression), ())
        found = self._added(found, [(part, self._cofactor(part, array.shape)) for part in tied], array.shape)
        shape = None
        if array.like is not None and array.like.name in self._given_shapes:
            shape = Buffer(self._given_shapes[array.like.name])
            found = Value(operation("reshape", found.expression, Read(shape)), found.letters)
        return self._terms.result(array.label, found, shape)

    def _cofactor(self, part: Block, shape: Shape) -> Value:
        return self._terms.aligned(part.cofactor, [axis for axis in range(len(shape)) if axis not in part.tied])

    def _added(self, start: Value, parts: Sequence[tuple[Block, Value]], shape: Shape) -> Value:
        """An array with each of these added, or put, at the entries where the deltas in front of it are 1."""
        made = start.expression
        for part, value in parts:
            columns, positions = {column: row for row, column in part.ties}, dict(part.hits)
            kept = [axis for axis in range(len(shape)) if axis not in columns and axis not in positions]
            indices = {axis: Buffer(self._terms.fresh(INDICES[axis]), None, "integer") for axis in kept}
            if kept:
                grid = operation("grid", sides=tuple(shape[axis] for axis in kept))
                self._terms.statements.append(Unpack(tuple(indices.values()), grid))
            index = tuple(
                self._position(positions[axis], kept, indices)
                if axis in positions
                else Read(indices[columns.get(axis, axis)])
                for axis in range(len(shape))
            )
            made = operation("put" if part.whole else "added", made, Places(index), value.expression)
        return Value(made, start.letters, start.kind)

    def _sparse(self, sparse: Sparse) -> Expression:
        """A dense array over the axes of its only rows and its only columns, with the parts added at their places."""
        ((_, first),), ((_, second),) = sparse.pattern.rows, sparse.pattern.columns
        values = [Value(self._array(array), ()) for array in sparse.values]
        start = _zeros((*first, *second))
        made = start.expression
        for part in sparse.pattern.parts:
            indices = self._grid(part.lengths)
            letters = range(len(part.lengths))
            index = tuple(self._position(place, letters, indices) for place in part.places)
            made = operation("added", made, Places(index), values[part.value].expression)
        return self._terms.result(sparse.label, Value(made, start.letters, start.kind))

    def _grid(self, lengths: Shape) -> dict[Letter, Buffer]:
        """The index along each of some letters, as arrays that broadcast together."""
        indices = {n: Buffer(self._terms.fresh(INDICES[n]), None, "integer") for n in range(len(lengths))}
        if indices:
            self._terms.statements.append(Unpack(tuple(indices.values()), operation("grid", sides=tuple(lengths))))
        return indices

    def _position(self, sub: Use, kept: Sequence[int], indices: Mapping[Letter, Buffer]) -> Expression:
        """A subscript along the axes that are kept; one that is affine needs no array of its own."""
        found = along_one(sub)
        if found is None:
            return self._terms.aligned(sub, kept, real=False).expression
        letter, step, start = found
        if letter is None:
            return Length(start)
        along: Expression = Read(indices[letter])
        along = along if step == 1 else product([Length(step), along])
        return along if start == 0 else total([(False, along), (False, Length(start))])


def _zeros(shape: Shape) -> Value:
    return Value(operation("zeros", Sides(tuple(shape)), FloatingType()), tuple(range(len(shape))))
