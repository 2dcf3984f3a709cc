"""Prints one generated function: the statements of its terms, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from sympy import S, Symbol

from symgrad.codegen.arguments import read_off
from symgrad.codegen.chunks import PrintedChunks, chunk_parts, split
from symgrad.codegen.lines import Line, Listing, listing
from symgrad.codegen.parts import PrintedParts, printed_parts
from symgrad.codegen.runtime import Import
from symgrad.codegen.signature import Called, Signature, signature, taken_arguments
from symgrad.codegen.speller import Speller
from symgrad.codegen.types import RecordType, Types
from symgrad.frontend.program import Program
from symgrad.graph.nodes import postorder
from symgrad.lowering.functions import SPECIAL, UNIVARIATE
from symgrad.outputs.function import Function, Pattern, Result, Sparse, arrays_of, axes_of, terms_of
from symgrad.outputs.requirements import Length as Side
from symgrad.schedule.estimate import size_estimate
from symgrad.schedule.rows import RowPlan, Tie, row_plan
from symgrad.statements.expressions import Buffer, Expression, Length, Operation, Read
from symgrad.statements.needed import needed
from symgrad.statements.release import with_releases
from symgrad.statements.reuse import with_reuse
from symgrad.statements.seam import with_numbers
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, Once, Rows, Solve, every, operations_of
from symgrad.statements.workspace import asks_for_arrays, kept_heads, with_kept_arrays
from symgrad.targets.numpy.floats import with_floats
from symgrad.targets.numpy.functions import NUMPY, RUNTIME_HEADS
from symgrad.targets.numpy.invariant import with_invariants
from symgrad.targets.numpy.linear import with_linear_recurrences
from symgrad.targets.numpy.methods import with_methods
from symgrad.targets.numpy.once import with_once, with_shared
from symgrad.targets.numpy.pieces import in_pieces
from symgrad.targets.numpy.results import ResultWriter
from symgrad.targets.numpy.sparse import sparse_arguments
from symgrad.targets.numpy.terms import NumpyTerms
from symgrad.targets.numpy.turned import with_turned_copies

TYPES = Types("ArrayLike", "ArrayLike | SparseMatrix", "NDArray[Any]", "np.floating[Any]", "Entries", "Pattern")
TAKEN = (
    "np",
    "ArrayLike",
    "NDArray",
    "SparseMatrix",
    "value",
    "gradient",
    "Gradient",
    "Parameters",
    "Any",
    "NamedTuple",
    "ARGUMENTS",
    "PARAMETERS",
    "SHAPES",
    "SPARSE",
    "memory",
    "span",
    "DIMENSIONS",
    "BLOCK_BYTES",
    "Callable",
    "scipy",
    "itertools",
    "workspace",
    "kept",
    "direction",
    "pattern",
)


class Compiler(Protocol):
    """Compiles parts of the functions of a module.

    Attributes
    ----------
    library : what compiles, as it is imported.
    imports : what else kernels need, by its names.
    """

    library: str
    imports: Mapping[str, Import]

    def with_kernels(self, function: Function, body: Body) -> Body:
        """The statements of a function, with calls of kernels in place of the statements that are compiled."""
        ...

    def remarks(self) -> list[str]:
        """What the module says of its kernels."""
        ...

    def source(self) -> str:
        """The text of all kernels, with what they call."""
        ...


@dataclass(frozen=True)
class PrintedBody:
    """The statements of a function that returns something of a type, and how they are spelled."""

    body: Body
    speller: Speller
    returns: str

    @cached_property
    def parts(self) -> PrintedParts:
        """Its lines, and the functions that they call."""
        return printed_parts(self.body, self.speller, self.returns)

    def parts_in_place(self, lengths: Sequence[Side]) -> tuple[PrintedParts, frozenset[Symbol]]:
        """The same with fewer variables where rows are called, and the dimensions that are variables still.

        The only result of all rows is computed where it is returned, and the only dimension that nothing but the call
        mentions is read off there, if that is short.
        """
        called = [replace(s, width=S.Zero, size=S.Zero) if isinstance(s, Rows) else s for s in self.body.statements]
        plain = printed_parts(self.body, self.speller, self.returns, in_place=True)
        if len(self.dimensions) != 1 or replace(self.body, statements=tuple(called)).dimensions:
            return plain, self.dimensions
        texts = {length.dimension: read_off(length) for length in lengths if length.dimension in self.dimensions}
        speller = Speller(NUMPY, self.speller.dtype, texts, self.speller.function, self.speller.typed)
        made = printed_parts(self.body, speller, self.returns, in_place=True)
        same = len(made.lines) == len(plain.lines) and len(texts) == 1
        return (made, frozenset()) if same else (plain, self.dimensions)

    def shared(self, made: dict[tuple[object, ...], str]) -> "PrintedBody":
        """The same with what functions before have made of data, too."""
        return replace(self, body=with_shared(self.body, made, bool(self.speller.typed)))

    @property
    def once(self) -> bool:
        """Whether something is computed once for the same data."""
        return any(isinstance(one, Once) for one in every(self.body.statements))

    @property
    def dimensions(self) -> frozenset[Symbol]:
        """The dimensions that the statements mention."""
        return self.body.dimensions

    @property
    def keeps(self) -> bool:
        """Whether the function itself asks for arrays of a workspace, not a block of rows in it."""
        return asks_for_arrays(self.body.statements)

    @cached_property
    def operations(self) -> list[Operation]:
        return operations_of(self.body)

    @cached_property
    def heads(self) -> set[str]:
        into = {f"{head}_into" for head in kept_heads(self.body.statements)}
        return {operation.head for operation in self.operations} | into

    @cached_property
    def helpers(self) -> set[str]:
        """The functions that the module has to have."""
        found = {RUNTIME_HEADS[head] for head in self.heads if head in RUNTIME_HEADS}
        of_one_argument = {one.option("name") for one in self.operations if one.head == UNIVARIATE}
        found |= {*of_one_argument, "in_pieces", "series"} if of_one_argument else set()
        joins = {join for one in every(self.body.statements) if isinstance(one, Rows) for join in ("any", *one.joins)}
        found |= {"once"} if self.once else set()
        found |= {"solution"} if any(isinstance(one, Solve) for one in every(self.body.statements)) else set()
        return found | ({"over_rows"} if joins else set()) | ({"after_the_larger"} if "largest" in joins else set())

    @property
    def scipy(self) -> set[str]:
        """The functions of SciPy."""
        return self.heads & SPECIAL


@dataclass(frozen=True)
class PrintedFunction(Called):
    """A function as the template needs it.

    Attributes
    ----------
    body : its statements.
    kept : the same for arrays that a workspace keeps, if it takes one.
    returns : the type of what it returns.
    types : the types that only this function returns.
    helpers, scipy : what it needs of the module's helpers and of SciPy.
    sparse : the data that may be sparse, none where a workspace may be given.
    """

    body: PrintedBody
    kept: PrintedBody | None
    returns: str
    types: tuple[RecordType, ...]
    helpers: frozenset[str]
    scipy: frozenset[str]
    sparse: frozenset[str]


def listed(function: Function, program: Program) -> Listing:
    """A function as it is printed; see `targets.Lister`."""
    printed = print_function(function, program)
    parts = printed.body.parts
    made = listing(function.name, printed.takes, printed.body.body, parts.lines, parts.result)
    after = [line for lines in parts.functions for line in (Line(""), Line(""), *lines)]
    return replace(made, lines=(*made.lines, *after))


def print_function(
    function: Function, program: Program, workspace: bool = False, compiler: Compiler | None = None
) -> PrintedFunction:
    """The statements of a function, and the arguments that they mention; with those that are compiled in kernels."""
    made = signature(function, program, "np.dtype(np.float64)")
    rows = row_plan(list(made.roots.values()), made.arguments)
    printer, found = _statements(made, program, rows, compiler is None)
    once = validated(with_once(found, function.arguments, function.name, printer.fresh), "once")
    once = once if compiler is None else validated(compiler.with_kernels(function, once), "kernels")
    first = None if rows is None else rows.dimension
    kept = None
    if workspace:
        inside = validated(with_kept_arrays(found, first), "workspace")
        kept = PrintedBody(inside, _speller(made, f"{function.name}_in"), TYPES.of(made.result))
    return _printed(made, program, once, first, kept)


def print_chunks(one: PrintedFunction, program: Program) -> PrintedChunks | list[Tie]:
    """A function for rows that come in chunks, or what ties them together."""
    found = split(one.function, program, "np.dtype(np.float64)")
    if isinstance(found, list):
        return found
    made, plan = found
    _, body = _statements(made, program, plan)
    printed = _printed(made, program, with_numbers(body), plan.dimension)
    last = printed.body
    return PrintedChunks(printed, last.body, chunk_parts(last.body, last.speller, last.returns, one.body.parts))


def _statements(made: Signature, program: Program, rows: RowPlan | None, alone: bool = True) -> tuple[NumpyTerms, Body]:
    """The statements of a function, and what has made them."""
    if alone and rows is None and not isinstance(made.result, Pattern):  # kernels choose entry by entry
        made = made.changed(lambda terms: in_pieces(terms, program))
    names, shapes = [a.name for a in made.arguments], made.given_shapes
    taken = [*TAKEN, *map(str, program.dimensions), *shapes.values()]
    printer = NumpyTerms(names, taken, size_estimate(made.arguments, program.sizes), alone)
    if isinstance(made.result, Pattern):
        printer.places = [use.node for use in terms_of(made.result)]
    printer.compute(made.roots, rows)
    writer = ResultWriter(printer, shapes, _given(made.result, made.function, program))
    results = made.result if isinstance(made.result, tuple) else (made.result,)
    returned = tuple(map(writer.write, results))  # which may take statements, too
    said = validated(Body(tuple(printer.statements), returned), "printing")
    found = validated(needed(said), "needed")
    if not alone:
        return printer, found
    turned = validated(with_turned_copies(found, printer.fresh), "turned")
    linear = validated(with_linear_recurrences(turned), "linear recurrences")
    floats = validated(with_floats(linear, printer.fresh), "floats")
    return printer, validated(with_invariants(floats, printer.fresh), "invariants")


def _speller(made: Signature, name: str) -> Speller:
    return Speller(NUMPY, made.dtype, function=name, typed=made.typed)


def _printed(
    made: Signature, program: Program, body: Body, rows: Symbol | None, kept: PrintedBody | None = None
) -> PrintedFunction:
    """A function of its statements, with the last passes over these."""
    function = made.function
    reused = validated(with_reuse(body, rows), "reuse")
    released = validated(with_releases(reused), "release")
    sparse = sparse_arguments(function.arguments, released)
    last = validated(with_methods(released, sparse), "methods")
    plain = PrintedBody(last, _speller(made, function.name), TYPES.of(made.result))
    printed = [plain, *([] if kept is None else [kept])]
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms_of(function.result)])),
        taken_arguments(made, plain.dimensions, program),
        made.given_shapes,
        plain,
        kept,
        plain.returns,
        TYPES.records(made.result),
        frozenset(helper for one in printed for helper in one.helpers),
        frozenset(special for one in printed for special in one.scipy),
        sparse if kept is None else frozenset(),
    )


def _given(result: Result, function: Function, program: Program) -> dict[str, list[Expression]]:
    """What each function that gives a pattern is called with: the arguments that it has as it is printed."""
    found: dict[str, list[Expression]] = {}
    for array in arrays_of(result):
        if isinstance(array, Sparse):
            pattern = Function(array.pattern.function, array.pattern.doc, function.arguments, array.pattern)
            found[pattern.name] = [
                Length(a.symbol) if a.role == "dimension" else Read(Buffer(a.name, axes_of(a), "integer", "argument"))
                for a in print_function(pattern, program).arguments
            ]
    return found
