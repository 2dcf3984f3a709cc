"""Prints one generated function: the statements of its terms, and what it returns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sympy import MatrixSymbol

from symgrad.arguments import Argument
from symgrad.codegen.in_place import in_place
from symgrad.codegen.loop import LoopPrinter
from symgrad.codegen.release import released
from symgrad.codegen.results import RecordType, ResultWriter, record_types, type_of
from symgrad.codegen.slices import loops
from symgrad.codegen.values import words
from symgrad.codegen.workspace import HELPERS, keeps, with_kept_arrays
from symgrad.frontend.program import Program, determined
from symgrad.graph.nodes import Input, Node, Use, postorder
from symgrad.outputs.function import Array, Function, Result, arrays_of, axes_of, terms_of, with_terms
from symgrad.schedule.estimate import size_estimate
from symgrad.schedule.rows import row_plan

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
class Body:
    """Statements, and the sizes that they mention."""

    lines: tuple[str, ...]
    dimensions: tuple[str, ...]

    @property
    def keeps(self) -> bool:
        """Whether the function itself asks for arrays of a workspace, not one inside it."""
        return any(map(keeps, self.lines))


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
    result, returns : the text of what it returns, and the type of that.
    types : the types that only this function returns.
    helpers, scipy : what it needs of the module's helpers and of SciPy.
    """

    function: Function
    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    body: Body
    kept: Body | None
    result: str
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
    writer = ResultWriter(printer, dtype, shapes)
    text = ", ".join(map(writer.write, result)) if isinstance(result, tuple) else writer.write(result)
    lines = needed_lines(printer.lines, text)
    reused = in_place(lines, [text], printer.arrays, None if rows is None else rows.dimension)
    body = _body(released(reused, [text], printer.arrays), text, program)
    kept, helpers = None, set(printer.helpers)
    if workspace:
        first = None if rows is None else (rows.dimension, f"{rows.arrays[0]}.shape[0]")
        kept = _body(with_kept_arrays(lines, [text], printer.arrays, first, dtype), text, program)
        helpers |= {name for name in HELPERS if f"_{name}(" in "\n".join(kept.lines)}
    if not function.takes_all:
        arguments += _loose(arguments, body.dimensions, function, program)
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms])),
        tuple(arguments),
        shapes,
        body,
        kept,
        text,
        type_of(result),
        tuple(made for made in record_types(result) if made[0] != "Gradient"),
        frozenset(helpers),
        frozenset(printer.scipy),
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


def _body(lines: Sequence[str], result: str, program: Program) -> Body:
    said = words([*lines, result])
    return Body(tuple(lines), tuple(str(d) for d in program.dimensions if str(d) in said))


def needed_lines(lines: Sequence[str], result: str) -> list[str]:
    """The lines without assignments to variables that nothing reads, such as positions that turned into slices."""
    kept = list(lines)
    while True:
        read = words([*kept, result])
        assigned = [re.match(r"\s*(\w+) = ", line) for line in kept]
        needed = [line for line, name in zip(kept, assigned, strict=True) if name is None or read[name[1]] > 1]
        if len(needed) == len(kept):
            return kept
        kept = needed


def _loose(
    arguments: Sequence[Argument], needed: Sequence[str], function: Function, program: Program
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
