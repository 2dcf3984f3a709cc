"""How functions are called and what they return: what a target that prints whole arrays knows of a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import MatrixSymbol

from symgrad.arguments import Argument
from symgrad.codegen.arguments import labels, length_lines
from symgrad.codegen.expressions import Expressions
from symgrad.codegen.slices import loops
from symgrad.codegen.values import mentioned, size_text, tuple_text
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Input, Node, Use, postorder
from symgrad.outputs.function import Array, Function, Record, Result, arrays_of, terms_of, with_terms
from symgrad.outputs.requirements import lengths_of


@dataclass(frozen=True)
class Signature:
    """A function before it is printed.

    Attributes
    ----------
    function : the function.
    result : what it returns, with recurrences as loops.
    roots : every term of the result with a name for it.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : for arguments in whose shape something is returned, the variable that has this shape.
    dtype : the text of the floating type.
    """

    function: Function
    result: Result
    roots: dict[str, Use]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    dtype: str


def signature(function: Function, program: Program) -> Signature:
    """How a function is called, and its terms."""
    terms = terms_of(function.result)
    result = with_terms(function.result, dict(zip(terms, loops(terms), strict=True)))
    roots: dict[str, Use] = {}
    for array in arrays_of(result):
        for number, use in enumerate(terms_of(array)):
            roots[array.label + (f"_{number}" if number else "")] = use
    read = {node.name for node in postorder([use.node for use in roots.values()]) if isinstance(node, Input)}
    arguments = (*function.directions, *(a for a in function.arguments if function.takes_all or a.name in read))
    real = next((f"{a.name}.dtype" for a in arguments if not a.integer), "float")
    taken = {*(a.name for a in arguments), *map(str, program.dimensions)}
    return Signature(function, result, roots, arguments, _given_shapes(function, taken), real)


@dataclass(frozen=True)
class Printed:
    """A function as a template needs it.

    Attributes
    ----------
    function : what was printed.
    nodes : those of its terms, as they were scheduled.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : the variables that hold the shapes in which arguments are given, by argument.
    lines : its statements.
    result : the text of what it returns.
    helpers : the functions of the module that it calls.
    special : whether it calls special functions.
    checked : whether its statements say in `valid` whether subscripts are on their axes.
    """

    function: Function
    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    lines: tuple[str, ...]
    result: str
    helpers: frozenset[str]
    special: bool
    checked: bool

    @property
    def check(self) -> str:
        """The name of the function that checks its arguments."""
        return "_arguments" if self.function.takes_all else f"_arguments_of_{self.function.name}"

    @property
    def names(self) -> list[str]:
        """Of its arguments."""
        return [a.name for a in self.arguments]

    @property
    def takes(self) -> list[str]:
        """The names of its arguments as it is called."""
        directions = [a.name for a in self.function.directions]
        others = [name for name in self.names if name not in directions]
        return ["direction", *others] if directions else others

    @property
    def unused(self) -> list[str]:
        """The names of the model's other arguments, which it accepts."""
        return [a.name for a in self.function.arguments if a.name not in self.names]

    @property
    def doc(self) -> list[str]:
        """The lines of its docstring: what it does, then what it takes."""
        made = [*self.function.doc, *([""] if len(self.function.doc) > 1 else [])]
        made += [described(a)["line"] for a in self.arguments if a not in self.function.directions]
        return made + ([f"{', '.join(self.unused)} : accepted, and not needed"] if self.unused else [])

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
    function, arguments = made.function, list(made.arguments)
    with mentioned() as found:
        printer.compute(made.roots)
        results = made.result if isinstance(made.result, tuple) else (made.result,)
        text = ", ".join(map(write, results))
        checks = [f"_in_range({a.name}, {size_text(a.upper)})" for a in arguments if a.upper is not None]
    checked = bool(checks or printer.checks)
    lines = [f"valid = {' & '.join(checks) or 'True'}", *printer.lines] if checked else printer.lines
    if not function.takes_all:
        arguments += _loose(arguments, found, function, program)
    return Printed(
        function,
        tuple(postorder([use.node for use in terms_of(function.result)])),
        tuple(arguments),
        made.given_shapes,
        (*length_lines(lengths_of(arguments), found), *lines),
        text,
        frozenset(printer.helpers),
        printer.special,
        checked,
    )


def _given_shapes(function: Function, taken: set[str]) -> dict[str, str]:
    """A variable for the shape in which an argument was given, where something is returned in it."""
    found: dict[str, str] = {}
    for array in arrays_of(function.result):
        like = array.like if isinstance(array, Array) else None
        if like is not None and 1 in like.shape and isinstance(like.symbol, MatrixSymbol):
            name = f"{like.name}_shape"
            while name in taken:
                name += "_given"
            found[like.name] = name
    return found


def _loose(arguments: Sequence[Argument], said: set[Any], function: Function, program: Program) -> list[Argument]:
    """The dimensions that have to be passed since none of the arrays determines them."""
    found = {length.dimension for length in lengths_of(arguments)}
    sides = {s for a in arguments for side in (*a.shape, *filter(None, [a.upper])) for s in side.free_symbols}
    passed = {a.symbol: a for a in function.arguments if a.role == "dimension"}
    return [
        passed.get(d) or Argument(str(d), d, (), "dimension", True)
        for d in program.dimensions
        if d not in found and d in said | sides
    ]


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


def described(argument: Argument) -> dict[str, Any]:
    """What a template says of an argument."""
    sides = labels(argument.shape)
    shape = tuple_text([str(side) for side in sides])
    kind = f"{argument.role}, integers" if argument.integer and argument.role == "data" else argument.role
    said = f"{shape if sides else 'scalar'}, {kind}" if argument.role != "dimension" else "integer size"
    return {"name": argument.name, "labels": sides, "line": f"{argument.name} : {said}"}
