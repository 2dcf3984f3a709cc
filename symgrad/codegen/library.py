"""One function of a module for a library of tensors: the statements of its terms, and what it returns.

What the libraries differ in is their `Library`; a target of such modules is one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.lines import Line, Listing, listing
from symgrad.codegen.runtime import Sources
from symgrad.codegen.signature import Called, signature, taken_arguments
from symgrad.codegen.speller import Dialect, Speller
from symgrad.codegen.types import RecordType, Types
from symgrad.frontend.program import Program
from symgrad.graph.nodes import postorder
from symgrad.lowering.dense import DenseResults
from symgrad.lowering.functions import UNIVARIATE
from symgrad.lowering.validity import Validity
from symgrad.outputs.function import Function, axes_of, terms_of
from symgrad.outputs.requirements import lengths_of
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import TUPLE, Buffer, Group, Label, Length, Read
from symgrad.statements.lengths import dimensions_of
from symgrad.statements.needed import needed
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, Statement, operations_of

_TAKEN = ("Any", "Gradient", "NamedTuple", "Parameters", "ARGUMENTS", "PARAMETERS", "SHAPES", "DIMENSIONS")


@dataclass(frozen=True)
class Library:
    """What a target says of the library that its modules import.

    Attributes
    ----------
    target, title : the names of the target and of the library.
    reserved : the names that its modules need themselves.
    dialect : what the library calls its functions.
    speller : spells expressions.
    terms : turns terms into statements.
    lines : prints statements, with a speller, by names that nothing else has.
    dtype : the floating type of functions that take none.
    sources : the functions that a module takes along.
    libraries : in these, what stands in front of functions in place of what does in those for NumPy.
    always, with_loss : of these, those that every module has, or every one that computes a loss.
    no_workspace : why there is none.
    """

    target: str
    title: str
    reserved: frozenset[str]
    dialect: Dialect
    speller: type[Speller]
    terms: type[Validity]
    lines: Callable[[Sequence[Statement], Speller, Callable[[str], str]], list[Line]]
    dtype: str
    sources: Callable[[], Sources]
    libraries: dict[str, str]
    always: tuple[str, ...]
    with_loss: tuple[str, ...]
    no_workspace: str

    def listed(self, function: Function, program: Program) -> Listing:
        """A function as it is printed; see `targets.Lister`."""
        printed = print_function(function, program, self)
        return listing(function.name, printed.takes, printed.body, printed.lines, printed.result)


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


def print_function(function: Function, program: Program, library: Library) -> PrintedFunction:
    """The statements of a function, and the arguments that they mention."""
    made = signature(function, program, library.dtype)
    names, shapes = [a.name for a in made.arguments], made.given_shapes
    taken = [*library.reserved, *_TAKEN, *map(str, program.dimensions), *shapes.values()]
    terms = library.terms(names, taken)
    for argument in made.arguments:
        if argument.upper is not None:
            given = Buffer(argument.name, axes_of(argument), "integer", "argument")
            terms.checked(Read(given), Length(argument.upper), Label(argument.name))
    terms.compute(made.roots)
    writer = DenseResults(terms, shapes)
    returned = tuple(map(writer.write, made.result if isinstance(made.result, tuple) else (made.result,)))
    if terms.valid:
        valid = operation("and", *terms.valid) if len(terms.valid) > 1 else terms.valid[0]
        returned = (operation("or_nan", valid, Group(TUPLE, returned) if len(returned) > 1 else returned[0]),)
    body = validated(needed(validated(Body(tuple(terms.statements), returned), "terms")), "needed")
    real = next((a.name for a in made.arguments if not a.integer), "")
    speller = library.speller(library.dialect, made.dtype, typed=real)
    speller.arrays = [a.name for a in made.arguments if a.role != "dimension"]
    said, operations = dimensions_of(body), operations_of(body)
    arguments, heads = taken_arguments(made, said, program), {one.head for one in operations}
    univariate = {one.option("name") for one in operations if one.head == UNIVARIATE}
    lines, result = (
        tuple(library.lines(body.statements, speller, terms.fresh)),
        ", ".join(map(speller.text, body.results)),
    )
    own = {f"_{name}" for name in (heads & set(library.dialect.own)) | univariate} | speller.calls
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms_of(function.result)])),
        arguments,
        shapes,
        body,
        tuple(length_lines(lengths_of(arguments), said)),
        lines,
        result,
        Types().of(made.result),
        Types().records(made.result),
        frozenset(own),
        bool(heads & library.dialect.special[1]),
        bool(terms.valid),
    )
