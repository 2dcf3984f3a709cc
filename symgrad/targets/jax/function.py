"""One generated function: the statements of its terms, and what it returns."""

from dataclasses import dataclass

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.lines import Line, Listing, listing
from symgrad.codegen.signature import Called, signature, taken_arguments
from symgrad.codegen.speller import Speller
from symgrad.codegen.types import RecordType, Types
from symgrad.frontend.program import Program
from symgrad.graph.nodes import postorder
from symgrad.lowering.functions import UNIVARIATE
from symgrad.outputs.function import Function, axes_of, terms_of
from symgrad.outputs.requirements import lengths_of
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import TUPLE, Buffer, Group, Length, Read
from symgrad.statements.lengths import dimensions_of
from symgrad.statements.needed import needed
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, operations_of
from symgrad.targets.jax.functions import HAS, JAX, OWN
from symgrad.targets.jax.lines import lines_of
from symgrad.targets.jax.results import ResultWriter
from symgrad.targets.jax.terms import JaxTerms

RESERVED = frozenset({"jax", "jnp", "direction", "parts", "states"})
_TAKEN = ("Any", "Gradient", "NamedTuple", "Parameters", "ARGUMENTS", "PARAMETERS", "SHAPES", "DIMENSIONS", "PRECISION")


@dataclass(frozen=True)
class PrintedFunction(Called):
    """A function as the template needs it.

    Attributes
    ----------
    body : its statements.
    lengths : the lines that read the dimensions off arrays.
    lines : those of the statements.
    result : the text of what it returns.
    returns : the type of that.
    types : the types that only it returns.
    helpers : the functions of the module that it calls.
    special : whether it calls special functions.
    checked : whether it says whether subscripts are on their axes.
    """

    body: Body
    lengths: tuple[str, ...]
    lines: tuple[Line, ...]
    result: str
    returns: str
    types: tuple[RecordType, ...]
    helpers: frozenset[str]
    special: bool
    checked: bool


def listed(function: Function, program: Program) -> Listing:
    """A function as it is printed; see `targets.Lister`."""
    printed = print_function(function, program)
    return listing(function.name, printed.takes, printed.body, printed.lines, printed.result)


def print_function(function: Function, program: Program) -> PrintedFunction:
    """The statements of a function, and the arguments that they mention."""
    made = signature(function, program, "float")
    names, shapes = [a.name for a in made.arguments], made.given_shapes
    terms = JaxTerms(names, [*RESERVED, *_TAKEN, *map(str, program.dimensions), *shapes.values()])
    for argument in made.arguments:
        if argument.upper is not None:
            given = Buffer(argument.name, axes_of(argument), "integer", "argument")
            terms.checked(Read(given), Length(argument.upper))
    terms.compute(made.roots)
    writer = ResultWriter(terms, shapes)
    returned = tuple(map(writer.write, made.result if isinstance(made.result, tuple) else (made.result,)))
    if terms.valid:
        valid = operation("and", *terms.valid) if len(terms.valid) > 1 else terms.valid[0]
        returned = (operation("or_nan", valid, Group(TUPLE, returned) if len(returned) > 1 else returned[0]),)
    body = validated(needed(validated(Body(tuple(terms.statements), returned), "terms")), "needed")
    speller, said, operations = Speller(JAX, made.dtype), dimensions_of(body), operations_of(body)
    arguments, heads = taken_arguments(made, said, program), {one.head for one in operations}
    univariate = {one.option("name") for one in operations if one.head == UNIVARIATE}
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms_of(function.result)])),
        arguments,
        shapes,
        body,
        tuple(length_lines(lengths_of(arguments), said)),
        tuple(lines_of(body.statements, speller, terms.fresh)),
        ", ".join(map(speller.text, body.results)),
        Types().of(made.result),
        Types().records(made.result),
        frozenset(f"_{name}" for name in (heads & OWN) | univariate),
        bool(heads & HAS),
        bool(terms.valid),
    )
