"""A function whose statements are text: what the template of a target that prints whole arrays needs of it."""

from collections.abc import Callable
from dataclasses import dataclass

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.expressions import Expressions
from symgrad.codegen.signature import Called, Signature, taken_arguments
from symgrad.codegen.values import mentioned, size_text
from symgrad.frontend.program import Program
from symgrad.graph.nodes import postorder
from symgrad.outputs.function import Record, Result, terms_of
from symgrad.outputs.requirements import lengths_of


@dataclass(frozen=True)
class Printed(Called):
    """A function as a template needs it.

    Attributes
    ----------
    lines : its statements.
    result : the text of what it returns.
    helpers : the functions of the module that it calls.
    special : whether it calls special functions.
    checked : whether its statements say in `valid` whether subscripts are on their axes.
    """

    lines: tuple[str, ...]
    result: str
    helpers: frozenset[str]
    special: bool
    checked: bool

    @property
    def returns(self) -> str:
        """The type of its result."""
        return _type(self.function.result)

    @property
    def types(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The types that only it returns."""
        return [(r.name, [(n, _type(p)) for n, p in r.fields.items()]) for r in _records(self.function.result)]


def printed(made: Signature, program: Program, printer: Expressions, write: Callable[[Result], str]) -> Printed:
    """A function whose terms `printer` prints, and whose results `write` writes."""
    with mentioned() as found:
        printer.compute(made.roots)
        results = made.result if isinstance(made.result, tuple) else (made.result,)
        text = ", ".join(map(write, results))
        checks = [f"_in_range({a.name}, {size_text(a.upper)})" for a in made.arguments if a.upper is not None]
    checked = bool(checks or printer.checks)
    lines = [f"valid = {' & '.join(checks) or 'True'}", *printer.lines] if checked else printer.lines
    arguments = taken_arguments(made, found, program)
    return Printed(
        made.function,
        tuple(postorder([use.node for use in terms_of(made.function.result)])),
        arguments,
        made.given_shapes,
        (*length_lines(lengths_of(arguments), found), *lines),
        text,
        frozenset(printer.helpers),
        printer.special,
        checked,
    )


def _type(result: Result) -> str:
    """The type of a result in the annotations of generated code."""
    match result:
        case Record(name=name):
            return name
        case tuple() if len(result) > 1:
            return f"tuple[{', '.join(map(_type, result))}]"
    return "Any"


def _records(result: Result) -> list[Record]:
    """The records of a result that a module does not have anyway, inner ones first."""
    parts = result if isinstance(result, tuple) else result.fields.values() if isinstance(result, Record) else ()
    inner = [record for part in parts for record in _records(part)]
    return [*inner, result] if isinstance(result, Record) and result.name != "Gradient" else inner
