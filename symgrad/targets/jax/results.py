"""Writes what a function returns, after the terms that it is made of.

An array is its dense part, or zeros, with the parts that deltas tie added at the entries that they live on.
"""

from collections.abc import Mapping, Sequence

from sympy import Symbol

from symgrad.calculus.structure import Block, Hits, Ties
from symgrad.codegen.operands import Operands
from symgrad.codegen.values import ATOM, Value, size_text, tuple_text
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Shape, Use
from symgrad.outputs.documentation import INDICES
from symgrad.outputs.function import Array, Record, Result, Sparse


class ResultWriter:
    """Writes the results of one function.

    Parameters
    ----------
    printer : has printed the terms.
    given_shapes : for each argument in whose shape something is returned, the variable that has this shape.
    """

    def __init__(self, printer: Operands, given_shapes: Mapping[str, str]) -> None:
        self._printer, self._given_shapes = printer, given_shapes

    def write(self, result: Result) -> str:
        """The text of a result; what it needs is assigned before."""
        match result:
            case Record(name=name, fields=fields):
                return f"{name}({', '.join(map(self.write, fields.values()))})"
            case tuple():
                return f"({', '.join(map(self.write, result))})"
            case Sparse(label=label, shape=shape, patterns=patterns):
                arrays = [(p.ties, p.hits, self._array(p.values)) for p in patterns]
                return self._kept(label, self._added(self._zeros(shape), arrays, shape))
        return self._kept(result.label, self._array(result))

    def _kept(self, label: str, value: Value) -> str:
        if value.text.isidentifier():
            return value.text
        return self._printer.assign(self._printer.fresh(label), value).text

    def _array(self, array: Array) -> Value:
        tied = [part for part in array.parts if part.tied]
        start = next((part.cofactor for part in array.parts if not part.tied), None)
        found = self._zeros(array.shape) if start is None else self._printer.full(start, array.shape)
        if not array.shape and found.kind == "python":
            found = Value(f"jnp.asarray({found.text}, {self._printer.dtype})", ATOM, ())
        if array.like is not None and array.like.name in self._given_shapes:
            found = Value(f"{found.at(ATOM)}.reshape({self._given_shapes[array.like.name]})", ATOM, found.letters)
        return self._added(found, [(p.ties, p.hits, self._cofactor(p, array.shape)) for p in tied], array.shape)

    def _zeros(self, shape: Shape) -> Value:
        return Value(f"jnp.zeros({tuple_text(shape)}, {self._printer.dtype})", ATOM, tuple(range(len(shape))))

    def _cofactor(self, part: Block, shape: Shape) -> Value:
        return self._printer.aligned(part.cofactor, [axis for axis in range(len(shape)) if axis not in part.tied])

    def _added(self, start: Value, parts: Sequence[tuple[Ties, Hits, Value]], shape: Shape) -> Value:
        """An array with each of these added at the entries where the deltas in front of it are 1."""
        text = start.at(ATOM) if parts else start.text
        for ties, hits, value in parts:
            columns, positions = {column: row for row, column in ties}, dict(hits)
            kept = [axis for axis in range(len(shape)) if axis not in columns and axis not in positions]
            names = {axis: self._printer.fresh(INDICES[axis]) for axis in kept}
            if kept:
                comma = "," if len(kept) == 1 else ""
                sides = ", ".join(f":{size_text(shape[axis])}" for axis in kept)
                self._printer.lines.append(f"{', '.join(names.values())}{comma} = jnp.ogrid[{sides}{comma}]")
            index = ", ".join(
                self._position(positions[axis], kept, names) if axis in positions else names[columns.get(axis, axis)]
                for axis in range(len(shape))
            )
            text += f".at[{index}].add({value.text})"
        return Value(text, ATOM if parts else start.level, start.letters, start.kind)

    def _position(self, sub: Use, kept: Sequence[int], names: Mapping[int, str]) -> str:
        """A subscript along the axes that are kept; one that is affine is no array that has been printed."""
        found = along_one(sub)
        if found is None:
            return self._printer.position(sub, kept)
        letter, step, start = found
        return size_text(start if letter is None else start + step * Symbol(names[letter], integer=True))
