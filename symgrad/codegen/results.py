"""Writes what a function returns, after the terms that it is made of.

An array is its dense part, or zeros, with the parts that deltas tie added on the diagonals that they live on: views of
the array, no identity matrix. A sparse array is its blocks with the indices of their entries.
"""

import re
from collections.abc import Mapping, Sequence

from sympy import Expr

from symgrad.calculus.structure import Block
from symgrad.codegen.printer import Printer
from symgrad.codegen.values import ATOM, Value
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Node, Shape, Use
from symgrad.outputs.documentation import INDICES
from symgrad.outputs.function import Array, Pattern, Record, Result, Sparse

RecordType = tuple[str, tuple[tuple[str, str], ...]]  # the name of a NamedTuple, and its fields with their types

# the text of an array that is a variable, or a view of one
_VIEW = re.compile(r"([^\W\d]\w*)(?:\.T|\.transpose\([\d, ]*\)|\[[^\]]*\])*")
_NEW = ("np.where(", "np.asarray(", "np.array(", "_place(", "_accumulate(")  # of these a scalar is an array


def type_of(result: Result) -> str:
    """The type of a result in the annotations of generated code."""
    match result:
        case Record(name=name):
            return name
        case Sparse():
            return "Blocks"
        case tuple() if len(result) > 1:
            return f"tuple[{', '.join(map(type_of, result))}]"
    return "Any"


def record_types(result: Result) -> list[RecordType]:
    """The records of a result, inner ones first, each with its fields and their types."""
    if not isinstance(result, Record):
        return []
    inner = [made for part in result.fields.values() for made in record_types(part)]
    fields = tuple((n, "Any" if isinstance(p, tuple) else type_of(p)) for n, p in result.fields.items())
    return [*inner, (result.name, fields)]


class ResultWriter:
    """Writes the results of one function; no two of them share memory, with each other or with an argument.

    Parameters
    ----------
    printer : has printed the terms.
    dtype : the text of the floating type.
    given_shapes : for each argument in whose shape something is returned, the variable that has this shape.
    """

    def __init__(self, printer: Printer, dtype: str, given_shapes: Mapping[str, str]) -> None:
        self._printer, self._dtype, self._given_shapes = printer, dtype, given_shapes
        self._returned: set[str] = set()

    def write(self, result: Result) -> str:
        """The text of a result; what it needs is assigned before."""
        match result:
            case Record(name=name, fields=fields):
                return f"{name}({', '.join(map(self.write, fields.values()))})"
            case tuple():
                return f"({', '.join(map(self.write, result))})"
            case Sparse():
                return self._sparse(result)
        return self._array(result)

    def _own(self, use: Use, shape: Shape, changed: bool = False) -> Value:
        """An array that shares its memory with no other result, and with nothing at all if it is `changed` later."""
        found = self._printer.full(use, Node(shape, b""))
        if not found.letters:
            return scalar(found, self._dtype)
        variable = view[1] if (view := _VIEW.fullmatch(found.text)) else None
        shared = variable is not None and (
            variable in self._returned or (changed and not self._printer.is_private(use))
        )
        if shared or self._printer.is_view(found.text):
            return Value(f"np.array({found.text})", ATOM, found.letters)
        self._returned |= {variable} if variable else set()
        return found

    def _array(self, array: Array) -> str:
        dense = next((part.cofactor for part in array.parts if not part.tied), None)
        structured = [part for part in array.parts if part.tied]
        if dense is not None and not structured:
            return self._shaped(array, self._own(dense, array.shape))
        if not array.shape:
            return f"{self._dtype}.type(0)"
        if dense is not None:
            start = self._own(dense, array.shape, changed=True)
        else:
            start = Value(f"np.zeros({_tuple(array.shape)}, dtype={self._dtype})", ATOM, tuple(range(len(array.shape))))
        out = self._printer.result(array.label, start)
        for number, part in enumerate(structured):
            sign = "=" if number == 0 and dense is None else "+="
            self._printer.lines.append(
                f"{self._view(part, out, array.shape)} {sign} {self._cofactor(part, array.shape)}"
            )
        return out

    def _shaped(self, array: Array, found: Value) -> str:
        """An array in the shape in which an argument was given."""
        if array.like is None or array.like.name not in self._given_shapes:
            return self._printer.result(array.label, found)
        shaped = f".reshape({self._given_shapes[array.like.name]})"
        return self._printer.result(array.label, Value(f"{found.at(ATOM)}{shaped}", ATOM, found.letters), shaped)

    def _view(self, part: Block, out: str, shape: Shape) -> str:
        """The entries of an array that a block adds to, as a view: slices, then a diagonal."""
        hits = dict(part.hits)
        slices = [_slice(hits[axis], shape) if axis in hits else ":" for axis in range(len(shape))]
        tied_to: dict[int, int] = {column: row for row, column in part.ties}
        for axis, sub in hits.items():
            letter = along_one(sub)[0]  # type: ignore[index]
            if letter is not None:
                tied_to[axis] = letter
        axes = [axis for axis in range(len(shape)) if axis not in hits or axis in tied_to]
        view = f"{out}[{', '.join(slices)}]" if hits else out
        if not tied_to:
            return view
        spec = "".join(INDICES[tied_to.get(axis, axis)] for axis in axes)
        return f'np.einsum("{spec}->{"".join(INDICES[axis] for axis in axes if axis not in tied_to)}", {view})[...]'

    def _cofactor(self, part: Block, shape: Shape) -> str:
        return self._printer.aligned(part.cofactor, [axis for axis in range(len(shape)) if axis not in part.tied]).text

    def _sparse(self, sparse: Sparse) -> str:
        made = [self._pattern(sparse, pattern) for pattern in sparse.patterns]
        rows, columns = sparse.shape[: sparse.rank], sparse.shape[sparse.rank :]
        return f"_jacobian({', '.join([_tuple(rows), _tuple(columns), *made])})"

    def _pattern(self, sparse: Sparse, pattern: Pattern) -> str:
        """Values over the axes that nothing determines, with the position of each along every axis."""
        columns, hits = {column: row for row, column in pattern.ties}, dict(pattern.hits)
        kept = [axis for axis in range(len(sparse.shape)) if axis not in columns and axis not in hits]
        values = self._array(pattern.values)
        sides = ", ".join(f":{sparse.shape[axis]}" for axis in kept) + ("," if len(kept) == 1 else "")
        grid = self._printer.assign(self._printer.fresh("grid"), Value(f"np.ogrid[{sides}]", ATOM, ()))
        index = [
            self._printer.aligned(hits[axis], kept, real=False).text
            if axis in hits
            else f"{grid}[{kept.index(columns.get(axis, axis))}]"
            for axis in range(len(sparse.shape))
        ]
        return f"({values}, {_list(index[: sparse.rank])}, {_list(index[sparse.rank :])})"


def scalar(value: Value, dtype: str) -> Value:
    """A scalar result in the arguments' floating type: Python numbers and 0-d arrays are turned into NumPy scalars."""
    if value.kind == "real" and not value.text.startswith(_NEW):
        return value
    return Value(f"{dtype}.type({value.text})", ATOM, ())


def _slice(sub: Use, shape: Shape) -> str:
    """A subscript as a basic index or slice."""
    letter, step, start = along_one(sub)  # type: ignore[misc]
    if letter is None:
        return str(start)
    stop = (start + step * (sub.node.shape[sub.letters.index(letter)] - 1) + 1).expand()
    return f"{'' if start == 0 else start}:{stop}" + ("" if step == 1 else f":{step}")


def _tuple(sides: Sequence[Expr]) -> str:
    return f"({', '.join(map(str, sides))}{',' if len(sides) == 1 else ''})"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(texts)}]"
