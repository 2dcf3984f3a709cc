"""A small target, for the tests: modules in NumPy as an array library, without blocks, reuse or checks of arguments."""

from collections.abc import Sequence
from typing import Any

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.lines import Line, Listing, listing
from symgrad.codegen.signature import signature
from symgrad.codegen.speller import Dialect, Form, Speller, after, called
from symgrad.errors import UnsupportedError
from symgrad.frontend.program import Program
from symgrad.generated import imported
from symgrad.graph.nodes import Node
from symgrad.lowering.functions import RUNTIME, SPECIAL
from symgrad.lowering.recurrences import Recurrences
from symgrad.outputs.function import Array, Function, Record, Result
from symgrad.outputs.requirements import lengths_of
from symgrad.statements.expressions import TUPLE, Expression, Group
from symgrad.statements.needed import needed
from symgrad.statements.spec import validated
from symgrad.statements.statements import Body, Define, Loop, Statement, Store
from symgrad.targets import Target

# 1. a table of operations
FORMS: dict[str, Form] = {"asarray": after(".astype({dtype})"), "number": called("float({0})")}
DIALECT = Dialect("np", ("special", frozenset()), {}, 2**63, {}, FORMS)


# 2. what it does in another way
class PlainTerms(Recurrences):
    """Terms as statements, which subscripts with checks are no part of."""

    target, lacks = "plain", SPECIAL | {function.__name__ for function in RUNTIME}


# 3. a printer of statements
def lines_of(statements: Sequence[Statement], speller: Speller) -> list[Line]:
    return [Line(text, one) for one in statements for text in _texts(one, speller)]


def _texts(statement: Statement, speller: Speller) -> list[str]:
    match statement:
        case Define(buffer=buffer, expression=expression):
            return [f"{buffer.name} = {speller.text(expression)}"]
        case Store(target=target, expression=expression, accumulate=sign, repeated=False):
            operator = {"": "=", "add": "+=", "subtract": "-="}[sign]
            return [f"{speller.text(target)} {operator} {speller.text(expression)}"]
        case Loop(clock=clock, first=first, end=end, descending=descending):
            steps = f"range({speller.size(first)}, {speller.size(end)})"
            head = f"for {clock} in {f'reversed({steps})' if descending else steps}:"
            return [head, *(f"    {line.text}" for line in lines_of(statement.body, speller))]
    raise UnsupportedError(f"the target plain has no {type(statement).__name__}")


# 4. what is returned
def written(result: Result, terms: PlainTerms) -> Expression:
    match result:
        case Record(name=name, fields=fields):
            return Group(name, tuple(written(part, terms) for part in fields.values()))
        case tuple():
            return Group(TUPLE, tuple(written(part, terms) for part in result))
        case Array(parts=(part,)) if not part.tied:
            return terms.full(part.cofactor, Node(result.shape, b"")).expression
    raise UnsupportedError("the target plain has no arrays with structure")


def listed(function: Function, program: Program) -> Listing:
    made = signature(function, program, "float")
    names = [argument.name for argument in made.arguments]
    terms = PlainTerms(names, ["np", "Gradient", *map(str, program.dimensions)])
    terms.compute(made.roots)
    result = written(made.result, terms)
    body = validated(needed(Body(tuple(terms.statements), (result,))), "needed")
    speller = Speller(DIALECT, made.dtype)
    given = [Line(f"{name} = np.asarray({name})[()]") for name in names]
    sizes = map(Line, length_lines(lengths_of(made.arguments), program.dimensions))
    lines = [*given, *sizes, *lines_of(body.statements, speller)]
    return listing(function.name, names, body, lines, ", ".join(map(speller.text, body.results)))


# 5. a module
def module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
    chunks: bool = False,
) -> str:
    if workspace or chunks:
        raise UnsupportedError(f"the target plain has no {'workspace' if workspace else 'chunks'}")
    parameters = tuple(a.name for a in program.arguments if a.role == "parameter")
    head = [
        f'"""{name}, by symgrad {version}."""',
        "from collections import namedtuple",
        "import numpy as np",
        f"ARGUMENTS = {tuple(a.name for a in program.arguments)}",
        f"PARAMETERS = {parameters}",
        f"DIMENSIONS = {tuple(map(str, program.dimensions))}",
        f"Gradient = namedtuple('Gradient', {parameters})",
    ]
    bodies = [line.text for function in functions for line in listed(function, program).lines]
    return "\n".join([*head, *bodies, ""])


def on_arrays(module: Any) -> Any:
    return module


TARGET = Target("plain", module_source, listed, imported, on_arrays)
