"""One function of a module for a library of tensors: the statements of its terms, and what it returns.

What the libraries differ in is their `Library`; a target of such modules is one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.chunks import PrintedChunks, chunk_parts, split
from symgrad.codegen.lines import Line, Listing, listing
from symgrad.codegen.parts import PrintedParts, printed_parts
from symgrad.codegen.runtime import Sources
from symgrad.codegen.signature import Called, Signature, signature, taken_arguments
from symgrad.codegen.speller import Dialect, Speller
from symgrad.codegen.types import RecordType, Types
from symgrad.frontend.program import Program
from symgrad.graph.affine import along_one
from symgrad.graph.nodes import Use, postorder
from symgrad.lowering.dense import DenseResults
from symgrad.lowering.functions import UNIVARIATE
from symgrad.lowering.validity import Validity
from symgrad.outputs.function import Function, Sparse, arrays_of, terms_of
from symgrad.outputs.requirements import lengths_of
from symgrad.schedule.rows import RowPlan, Tie
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import TUPLE, Group
from symgrad.statements.needed import needed
from symgrad.statements.seam import with_numbers
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, Rows, every, operations_of

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
    shape : how the shape of an argument `{name}` is read off before it is looked at.
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
    shape: str
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


@dataclass(frozen=True)
class PrintedBody:
    """The statements of a function, as they are spelled.

    Attributes
    ----------
    body : its statements.
    parts : their lines, and the functions that they call.
    helpers : the functions of the module that it calls.
    special : whether it calls special functions.
    """

    body: Body
    parts: PrintedParts
    helpers: frozenset[str]
    special: bool


def print_function(function: Function, program: Program, library: Library) -> PrintedFunction:
    """The statements of a function, and the arguments that they mention."""
    made = signature(function, program, library.dtype)
    body, speller, checked = _statements(made, program, library)
    printed = _printed(body, speller, printed_parts(body, speller), library)
    said = body.dimensions
    arguments = taken_arguments(made, said, program)
    return PrintedFunction(
        function,
        tuple(postorder([use.node for use in terms_of(function.result)])),
        arguments,
        made.given_shapes,
        body,
        tuple(length_lines(lengths_of(arguments), said)),
        printed.parts.lines,
        printed.parts.result,
        Types().of(made.result),
        Types().records(made.result),
        printed.helpers,
        printed.special,
        checked,
    )


def print_chunks(one: PrintedFunction, program: Program, library: Library) -> PrintedChunks | list[Tie]:
    """The same for rows that come in chunks, or what ties them together."""
    found = split(one.function, program, library.dtype)
    if isinstance(found, list):
        return found
    made, plan = found
    body, speller, _ = _statements(made, program, library, plan)
    numbered = with_numbers(body)
    parts = chunk_parts(numbered, speller, one.returns)
    printed = _printed(numbered, speller, parts, library)
    arguments = taken_arguments(made, numbered.dimensions, program)
    called = replace(one, arguments=arguments, helpers=printed.helpers, special=printed.special)
    return PrintedChunks(called, numbered, parts)


def _places(made: Signature) -> dict[str, Use]:
    """The places of entries that a dense array is written at, by names, of those that are no slices."""
    patterns = [one.pattern for one in arrays_of(made.result) if isinstance(one, Sparse)]
    terms = dict.fromkeys(term for one in patterns for part in one.parts for term in part.places)
    return {f"places_{n}": term for n, term in enumerate(terms) if along_one(term) is None}


def _statements(
    made: Signature, program: Program, library: Library, plan: RowPlan | None = None
) -> tuple[Body, Speller, bool]:
    """The statements of a function, how they are spelled, and whether subscripts are looked at."""
    names, shapes = [a.name for a in made.arguments], made.given_shapes
    taken = [*library.reserved, *_TAKEN, *map(str, program.dimensions), *shapes.values()]
    terms = library.terms(names, taken)
    terms.look_at(made.arguments, plan)
    places = _places(made) if plan is None else {}
    terms.places = [use.node for use in places.values()]
    terms.compute({**made.roots, **places}, plan)
    writer = DenseResults(terms, shapes)
    returned = tuple(map(writer.write, made.result if isinstance(made.result, tuple) else (made.result,)))
    valid = terms.all_valid()
    if valid is not None:
        returned = (operation("or_nan", valid, Group(TUPLE, returned) if len(returned) > 1 else returned[0]),)
    body = validated(needed(validated(Body(tuple(terms.statements), returned), "terms")), "needed")
    speller = library.speller(library.dialect, made.dtype, function=made.function.name, typed=made.typed)
    speller.arrays = [a.name for a in made.arguments if a.role != "dimension"]
    speller.fresh = terms.fresh
    return body, speller, valid is not None


def _printed(body: Body, speller: Speller, parts: PrintedParts, library: Library) -> PrintedBody:
    """What a function calls, after it is spelled."""
    operations = operations_of(body)
    heads = {one.head for one in operations}
    univariate = {one.option("name") for one in operations if one.head == UNIVARIATE}
    own = {f"_{name}" for name in (heads & set(library.dialect.own)) | univariate} | speller.calls
    if any("largest" in one.joins for one in every(body.statements) if isinstance(one, Rows)):
        own.add("_after_the_larger")
    return PrintedBody(body, parts, frozenset(own), bool(heads & library.dialect.special[1]))
