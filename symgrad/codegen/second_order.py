"""The generated functions of second order: Hessians, Hessian-vector products, Jacobians.

An `Array` is printed as its dense part, or zeros, with the parts that deltas tie added on the diagonals that they live
on: views of the array, no identity matrix. A `Sparse` array is printed as its blocks with the indices of their entries.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, MatrixSymbol, Symbol

from symgrad.arguments import Argument
from symgrad.calculus.structure import Block, Hits, Ties
from symgrad.codegen.in_place import in_place
from symgrad.codegen.loop import LoopPrinter
from symgrad.codegen.module import TAKEN, GeneratedFunction, RecordType, _parameter_axes, needed_lines
from symgrad.codegen.values import ATOM, Value, words
from symgrad.errors import ModelError
from symgrad.frontend.program import determined
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Input, Node, Shape, Use, postorder
from symgrad.schedule.estimate import size_estimate
from symgrad.schedule.rows import row_plan

INDICES = "ijklmnopqrstuvwxyzabcdefgh"


# the text of an array that is a variable, or a view of one
_VIEW = re.compile(r"[^\W\d]\w*(\.T|\.transpose\([\d, ]*\)|\[[^\]]*\])*")


@dataclass(frozen=True)
class Array:
    """An array of the given shape, as the sum of blocks over the letters 0 ... of its axes."""

    shape: Shape
    parts: tuple[Block, ...]


@dataclass(frozen=True)
class Pattern:
    """Entries of a sparse array: `values` over the axes that neither ties nor hits determine."""

    ties: Ties
    hits: Hits
    values: Array


@dataclass(frozen=True)
class Sparse:
    """A matrix of few non-zero entries, over the row axes (the first `rank`) and the column axes of `shape`."""

    shape: Shape
    rank: int
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True)
class Given:
    """An array in the shape in which an argument was given."""

    argument: Argument
    use: Use


Result = Array | Sparse | Given | tuple[Array, ...]


@dataclass(frozen=True)
class Function:
    """One function of second order, before it is printed.

    Attributes
    ----------
    name : its name.
    doc : the lines of its docstring; the first is the summary.
    record : the name of the `NamedTuple` that it returns.
    results : the fields of that record; for a Hessian, of the records that are its fields.
    variable : what the names of variables for results begin with.
    arguments : those of the model, in order; those that the results do not mention are left out.
    directions : arrays that it takes besides as its first argument.
    """

    name: str
    doc: tuple[str, ...]
    record: str
    results: Mapping[str, Result | Mapping[str, Result]]
    variable: str
    arguments: tuple[Argument, ...]
    directions: tuple[Argument, ...] = ()


def uses_of(result: Result) -> list[Use]:
    """The terms that a result is made of."""
    if isinstance(result, Given):
        return [result.use]
    if isinstance(result, tuple):
        return [use for array in result for use in uses_of(array)]
    if isinstance(result, Sparse):
        subs = [sub for pattern in result.patterns for _, sub in pattern.hits]
        return subs + [use for pattern in result.patterns for use in uses_of(pattern.values)]
    return [part.cofactor for part in result.parts]


def is_slice(sub: Use) -> bool:
    """Whether a subscript picks a basic slice: a constant, or an index times a positive step plus a start."""
    found = along_one(sub)
    return found is not None and (found[0] is None or bool(found[1].is_Integer and found[1] > 0))


def print_function(function: Function, dimensions: Sequence[Symbol], sizes: Mapping[Symbol, int]) -> GeneratedFunction:
    """The statements of a function, and the arguments that they mention."""
    roots = dict(_labelled(function.results, function.variable))
    inputs = {node.symbol for node in postorder([use.node for use in roots.values()]) if isinstance(node, Input)}
    arguments = [*function.directions, *(a for a in function.arguments if a.symbol in inputs)]
    real = next((a.name for a in arguments if not a.integer), None)
    dtype = f"{real}.dtype" if real else "np.dtype(np.float64)"
    taken = [*TAKEN, *map(str, dimensions), *(f"{a.name}_shape" for a in arguments), "direction"]
    printer = LoopPrinter(dtype, [a.name for a in arguments], taken, size_estimate(arguments, sizes))
    rows = row_plan(list(roots.values()), arguments)
    printer.compute(roots, rows)
    types: list[RecordType] = []
    result = _Writer(printer, dtype, types).record(function.record, function.results, function.variable)
    lines = needed_lines(printer.lines, [result])
    lines = in_place(lines, [result], printer.arrays, None if rows is None else rows.dimension)
    said = words([*lines, result])
    needed = [d for d in dimensions if str(d) in said]
    return GeneratedFunction(
        function.name,
        function.doc,
        (*arguments, *_loose(arguments, needed, function.arguments, dimensions)),
        function.directions,
        tuple(map(str, needed)),
        tuple(lines),
        result,
        function.record,
        tuple(types) if not function.directions else (),
        frozenset(printer.helpers),
        frozenset(printer.scipy),
    )


def _labelled(results: Mapping[str, Result | Mapping[str, Result]], label: str) -> Iterator[tuple[str, Use]]:
    """Every term of the results with a name for it."""
    for name, result in results.items():
        if isinstance(result, Mapping):
            yield from _labelled(result, f"{label}_{name}")
        else:
            for number, use in enumerate(uses_of(result)):
                yield f"{label}_{name}" + (f"_{number}" if number else ""), use


def _loose(
    arguments: Sequence[Argument], needed: Sequence[Symbol], known: Sequence[Argument], dimensions: Sequence[Symbol]
) -> list[Argument]:
    """The dimensions that have to be passed since none of the arrays determines them."""
    found = determined([_parameter_axes(a).shape for a in arguments])
    sides = {s for a in arguments for side in (*a.shape, *filter(None, [a.upper])) for s in side.free_symbols}
    passed = {a.symbol: a for a in known if a.role == "dimension"}
    return [
        passed.get(d) or Argument(str(d), d, (), "dimension", True)
        for d in dimensions
        if d not in found and (d in needed or d in sides)
    ]


class _Writer:
    """Writes results after the terms they are made of."""

    def __init__(self, printer: LoopPrinter, dtype: str, types: list[RecordType]) -> None:
        self.printer, self._dtype, self._types = printer, dtype, types

    def record(self, name: str, fields: Mapping[str, Result | Mapping[str, Result]], variable: str) -> str:
        """The text of a record of results; the types that it needs are noted, inner ones first."""
        texts, types = [], []
        for field, result in fields.items():
            if isinstance(result, Mapping):
                types.append((field, f"{name}_{field}"))
                texts.append(self.record(f"{name}_{field}", result, f"{variable}_{field}"))
            else:
                types.append((field, "Blocks" if isinstance(result, Sparse) else "Any"))
                texts.append(self.write(result, f"{variable}_{field}"))
        self._types.append((name, tuple(types)))
        return f"{name}({', '.join(texts)})"

    def write(self, result: Result, name: str) -> str:
        """The text of a result; what it needs is assigned before."""
        if isinstance(result, Sparse):
            return self._sparse(result, name)
        if isinstance(result, tuple):
            return f"({', '.join(self._array(array, f'{name}_{n}') for n, array in enumerate(result, 1))})"
        if isinstance(result, Given):
            found = self._own(result.use, _parameter_axes(result.argument).shape)
            if 1 in result.argument.shape and isinstance(result.argument.symbol, MatrixSymbol):
                array = found.text if found.text.isidentifier() else self.printer.result(name, found)
                return f"{array}.reshape({result.argument.name}_shape)"
            return self.printer.result(name, found)
        return self._array(result, name)

    def _own(self, use: Use, shape: Shape) -> Value:
        """An array that shares its memory with no other."""
        found = self.printer.full(use, Node(shape, b""))
        if not found.letters:
            return Value(f"{self._dtype}.type({found.text})", ATOM, ())
        if self.printer.is_view(found.text) or (_VIEW.fullmatch(found.text) and not self.printer.is_private(use)):
            return Value(f"np.array({found.text})", ATOM, found.letters)
        return found

    def _array(self, array: Array, name: str) -> str:
        dense = next((part.cofactor for part in array.parts if not part.tied), None)
        structured = [part for part in array.parts if part.tied]
        if dense is not None and not structured:
            return self.printer.result(name, self._own(dense, array.shape))
        if not array.shape:
            return f"{self._dtype}.type(0)"
        if dense is not None:
            start = self._own(dense, array.shape)
        else:
            start = Value(f"np.zeros({_tuple(array.shape)}, dtype={self._dtype})", ATOM, tuple(range(len(array.shape))))
        out = self.printer.result(name, start)
        for number, part in enumerate(structured):
            sign = "=" if number == 0 and dense is None else "+="
            self.printer.lines.append(
                f"{self._view(part, out, array.shape)} {sign} {self._cofactor(part, array.shape)}"
            )
        return out

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
        return self.printer.aligned(part.cofactor, [axis for axis in range(len(shape)) if axis not in part.tied]).text

    def _sparse(self, sparse: Sparse, name: str) -> str:
        made = [self._pattern(sparse, pattern, name) for pattern in sparse.patterns]
        rows, columns = sparse.shape[: sparse.rank], sparse.shape[sparse.rank :]
        return f"_jacobian({', '.join([_tuple(rows), _tuple(columns), *made])})"

    def _pattern(self, sparse: Sparse, pattern: Pattern, name: str) -> str:
        """Values over the axes that nothing determines, with the position of each along every axis."""
        columns, hits = {column: row for row, column in pattern.ties}, dict(pattern.hits)
        kept = [axis for axis in range(len(sparse.shape)) if axis not in columns and axis not in hits]
        values = self._array(pattern.values, name)
        sides = ", ".join(f":{sparse.shape[axis]}" for axis in kept) + ("," if len(kept) == 1 else "")
        grid = self.printer.assign(self.printer.fresh("grid"), Value(f"np.ogrid[{sides}]", ATOM, ()))
        index = [
            self.printer.aligned(hits[axis], kept, real=False).text
            if axis in hits
            else f"{grid}[{kept.index(columns.get(axis, axis))}]"
            for axis in range(len(sparse.shape))
        ]
        return f"({values}, {_list(index[: sparse.rank])}, {_list(index[sparse.rank :])})"


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


def refuse_taken_names(arguments: Sequence[Argument], generated: Collection[str]) -> None:
    """Arguments must not hide what the functions of second order refer to.

    Raises
    ------
    ModelError : one does.
    """
    for argument in arguments:
        if argument.name in generated:
            raise ModelError(
                f"the name {argument.name!r} is taken by the generated functions of second order: rename the symbol"
            )
