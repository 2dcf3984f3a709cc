"""Prints one generated function: the statements of its terms, and what it returns."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sympy import MatrixSymbol

from symgrad.arguments import Argument
from symgrad.codegen.slices import loops
from symgrad.frontend.program import Program
from symgrad.frontend.signature import determined
from symgrad.graph.nodes import Input, Node, Use, postorder
from symgrad.outputs.function import Array, Function, Result, arrays_of, axes_of, terms_of, with_terms
from symgrad.schedule.estimate import size_estimate
from symgrad.schedule.rows import row_plan
from symgrad.statements.expressions import Operation, parts_of
from symgrad.statements.lengths import dimensions_of
from symgrad.statements.needed import needed
from symgrad.statements.release import with_releases
from symgrad.statements.reuse import with_reuse
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, Rows, every
from symgrad.statements.workspace import kept_heads, with_kept_arrays
from symgrad.targets.numpy.functions import RUNTIME_HEADS, SPECIAL, UNIVARIATE
from symgrad.targets.numpy.lines import asks_for_arrays, lines_of
from symgrad.targets.numpy.loop import LoopPrinter
from symgrad.targets.numpy.results import RecordType, ResultWriter, record_types, type_of
from symgrad.targets.numpy.speller import Speller

TAKEN = (
    "np",
    "npt",
    "value",
    "gradient",
    "Gradient",
    "Parameters",
    "Any",
    "NamedTuple",
    "ARGUMENTS",
    "PARAMETERS",
    "SHAPES",
    "DIMENSIONS",
    "FLOATING",
    "BLOCK_BYTES",
    "Callable",
    "scipy",
    "itertools",
    "workspace",
    "kept",
    "direction",
)


@dataclass(frozen=True)
class PrintedBody:
    """The statements of a function, and how they are spelled."""

    body: Body
    speller: Speller

    @cached_property
    def lines(self) -> list[str]:
        return lines_of(self.body.statements, self.speller)

    @property
    def result(self) -> str:
        """The text of what it returns."""
        return ", ".join(map(self.speller.text, self.body.results))

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that the statements mention."""
        return frozenset(map(str, dimensions_of(self.body)))

    @property
    def keeps(self) -> bool:
        """Whether the function itself asks for arrays of a workspace, not a block of rows in it."""
        return asks_for_arrays(self.body.statements)

    @cached_property
    def operations(self) -> list[Operation]:
        """The operations that statements and results are made of."""
        expressions = [*self.body.results, *(e for one in every(self.body.statements) for e in one.expressions)]
        return [part for one in expressions for part in parts_of(one) if isinstance(part, Operation)]

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
        return found | {"over_rows" for one in self.body.statements if isinstance(one, Rows)}

    @property
    def scipy(self) -> set[str]:
        """The functions of SciPy."""
        return self.heads & SPECIAL


@dataclass(frozen=True)
class PrintedFunction:
    """A function as the template needs it.

    Attributes
    ----------
    function : what was printed.
    nodes : those of its terms, as they were scheduled.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : the variables that hold the shapes in which arguments are given, by argument.
    body : its statements.
    kept : the same for arrays that a workspace keeps, if it takes one.
    returns : the type of what it returns.
    types : the types that only this function returns.
    helpers, scipy : what it needs of the module's helpers and of SciPy.
    """

    function: Function
    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    body: PrintedBody
    kept: PrintedBody | None
    returns: str
    types: tuple[RecordType, ...]
    helpers: frozenset[str]
    scipy: frozenset[str]


def print_function(function: Function, program: Program, workspace: bool = False) -> PrintedFunction:
    """The statements of a function, and the arguments that they mention."""
    terms = terms_of(function.result)
    result = with_terms(function.result, dict(zip(terms, loops(terms), strict=True)))
    roots = _labelled(result)
    read = {node.name for node in postorder([use.node for use in roots.values()]) if isinstance(node, Input)}
    own = [a for a in function.arguments if function.takes_all or a.name in read]
    arguments = [*function.directions, *own]
    real = next((a.name for a in arguments if not a.integer), None)
    dtype = f"{real}.dtype" if real else "np.dtype(np.float64)"
    shapes = _given_shapes(function, program)
    taken = [*TAKEN, *map(str, program.dimensions), *shapes.values()]
    printer = LoopPrinter(dtype, [a.name for a in arguments], taken, size_estimate(arguments, program.sizes))
    rows = row_plan(list(roots.values()), arguments)
    printer.compute(roots, rows)
    writer = ResultWriter(printer, shapes)
    parts = tuple(map(writer.write, result)) if isinstance(result, tuple) else (writer.write(result),)
    said = validated(Body(tuple(printer.statements), parts), "printing")
    found = validated(needed(said), "needed")
    first = None if rows is None else rows.dimension
    reused = validated(with_reuse(found, first), "reuse")
    body = PrintedBody(validated(with_releases(reused), "release"), printer.speller)
    kept = PrintedBody(validated(with_kept_arrays(found, first), "workspace"), printer.speller) if workspace else None
    printed = [body, *([] if kept is None else [kept])]
    if not function.takes_all:
        arguments += _loose(arguments, body.dimensions, function, program)
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms])),
        tuple(arguments),
        shapes,
        body,
        kept,
        type_of(result),
        tuple(made for made in record_types(result) if made[0] != "Gradient"),
        frozenset(helper for one in printed for helper in one.helpers),
        frozenset(special for one in printed for special in one.scipy),
    )


def _labelled(result: Result) -> dict[str, Use]:
    """Every term of the result with a name for it."""
    found: dict[str, Use] = {}
    for array in arrays_of(result):
        for number, use in enumerate(terms_of(array)):
            found[array.label + (f"_{number}" if number else "")] = use
    return found


def _given_shapes(function: Function, program: Program) -> dict[str, str]:
    """A variable for the shape in which an argument was given, where something is returned in it."""
    taken = {argument.name for argument in function.arguments} | {str(d) for d in program.dimensions}
    found: dict[str, str] = {}
    for array in arrays_of(function.result):
        like = array.like if isinstance(array, Array) else None
        if like is not None and 1 in like.shape and isinstance(like.symbol, MatrixSymbol):
            name = f"{like.name}_shape"
            while name in taken:
                name += "_given"
            taken.add(name)
            found[like.name] = name
    return found


def _loose(
    arguments: Iterable[Argument], needed: Iterable[str], function: Function, program: Program
) -> list[Argument]:
    """The dimensions that have to be passed since none of the arrays determines them."""
    found = determined([axes_of(a) for a in arguments])
    sides = {s for a in arguments for side in (*a.shape, *filter(None, [a.upper])) for s in side.free_symbols}
    passed = {a.symbol: a for a in function.arguments if a.role == "dimension"}
    return [
        passed.get(d) or Argument(str(d), d, (), "dimension", True)
        for d in program.dimensions
        if d not in found and (str(d) in needed or d in sides)
    ]
