"""Renders the generated module: prints its functions, then fills the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import MatrixSymbol

from symgrad.arguments import Argument
from symgrad.codegen.environment import environment
from symgrad.codegen.slices import loops
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Input, Node, Use, postorder
from symgrad.outputs.function import Array, Function, Record, Result, arrays_of, terms_of, with_terms
from symgrad.outputs.requirements import conventions, lengths_of, notes, requirements
from symgrad.targets.jax.arguments import check, labels, length_line
from symgrad.targets.jax.loop import LoopPrinter
from symgrad.targets.jax.results import ResultWriter
from symgrad.targets.jax.sources import closure, import_lines, in_jax
from symgrad.targets.jax.values import mentioned, size_text, tuple_text
from symgrad.univariate import code, with_name

RESERVED = frozenset({"jax", "jnp", "direction", "parts", "states", "valid"})
_TAKEN = ("Any", "Gradient", "NamedTuple", "Parameters", "ARGUMENTS", "PARAMETERS", "SHAPES", "DIMENSIONS", "PRECISION")


@dataclass(frozen=True)
class Printed:
    """A function as the template needs it.

    Attributes
    ----------
    function : what was printed.
    nodes : those of its terms, as they were scheduled.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : the variables that hold the shapes in which arguments are given, by argument.
    lines : its statements.
    result : the text of what it returns.
    helpers : the functions of the module that it calls.
    special : whether it calls `jax.scipy.special`.
    valid : the conditions under which its subscripts are on their axes.
    """

    function: Function
    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    lines: tuple[str, ...]
    result: str
    helpers: frozenset[str]
    special: bool
    valid: tuple[str, ...]

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
    def returns(self) -> str:
        """The type of its result."""
        return _type(self.function.result)

    @property
    def types(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The types that only it returns."""
        return [(r.name, [(n, _type(p)) for n, p in r.fields.items()]) for r in _records(self.function.result)]


def module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
) -> str:
    """The text of the module; see `targets.ModuleWriter`."""
    if workspace:
        raise UnsupportedError("the target jax has no workspace: XLA itself reuses the memory of intermediate arrays")
    printed = [_printed(function, program) for function in functions]
    taken = RESERVED | {record for one in printed for record, _ in one.types}
    for argument in program.arguments:
        if argument.name in taken:
            raise ModelError(f"the name {argument.name!r} is taken in modules for JAX: rename the symbol")
    nodes: dict[str, list[Node]] = {}
    for one in printed[::-1]:
        nodes.setdefault(one.check, []).extend(one.nodes)
    last = {one.check: one for one in printed if one.arguments}
    checks = [check(n, requirements(program, one.arguments, nodes[n])) for n, one in last.items()]
    helpers = sorted({helper for one in printed for helper in one.helpers})
    of_one_argument = {helper: found for helper in helpers if (found := with_name(helper[1:])) is not None}
    calls = list(dict.fromkeys(call for one in checks for call in one.calls))
    calls += ["_or_nan", "_in_range"] if any(one.valid for one in printed) else []
    calls += [helper for helper in helpers if helper not in of_one_argument]
    sources = closure(calls, [in_jax(code(found.expression)) for found in of_one_argument.values()])
    parameters = [a for a in program.arguments if a.role == "parameter"]
    template = environment().get_template("jax/module.py.j2")
    return template.render(
        name=name,
        formulas=formulas,
        notes=notes(program),
        conventions=conventions(postorder([program.loss.node])),
        version=version,
        arguments=[_described(a) for a in program.arguments],
        parameters=[a.name for a in parameters],
        dimensions=[str(d) for d in program.dimensions],
        static=[a.name for a in program.arguments if a.role == "dimension"],
        functions=printed,
        checks=checks,
        imports=import_lines(sources),
        special=any(one.special for one in printed) or any("scipy" in source.names for source in sources),
        runtime="\n\n\n".join(source.text.strip() for source in sources),
    )


def _printed(function: Function, program: Program) -> Printed:
    terms = terms_of(function.result)
    result = with_terms(function.result, dict(zip(terms, loops(terms), strict=True)))
    roots: dict[str, Use] = {}
    for array in arrays_of(result):
        for number, use in enumerate(terms_of(array)):
            roots[array.label + (f"_{number}" if number else "")] = use
    read = {node.name for node in postorder([use.node for use in roots.values()]) if isinstance(node, Input)}
    arguments = [*function.directions, *(a for a in function.arguments if function.takes_all or a.name in read)]
    names, dimensions = [a.name for a in arguments], [str(d) for d in program.dimensions]
    real = next((a.name for a in arguments if not a.integer), None)
    shapes = _given_shapes(function, {*names, *dimensions})
    taken = [*RESERVED, *_TAKEN, *names, *dimensions, *shapes.values()]
    printer = LoopPrinter(f"{real}.dtype" if real else "float", taken)
    with mentioned() as found:
        printer.compute(roots)
        writer = ResultWriter(printer, shapes)
        text = ", ".join(map(writer.write, result)) if isinstance(result, tuple) else writer.write(result)
        checked = [f"_in_range({a.name}, {size_text(a.upper)})" for a in arguments if a.upper is not None]
    if not function.takes_all:
        arguments += _loose(arguments, found, function, program)
    lengths = lengths_of(arguments)
    for length in lengths[::-1]:  # each may be computed from those before it
        found |= length.expression.free_symbols if length.dimension in found else set()
    return Printed(
        function,
        tuple(postorder([use.node for use in terms])),
        tuple(arguments),
        shapes,
        (*(length_line(length) for length in lengths if length.dimension in found), *printer.lines),
        text,
        frozenset(printer.helpers),
        printer.special,
        tuple(dict.fromkeys([*checked, *printer.valid])),
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


def _described(argument: Argument) -> dict[str, Any]:
    sides = labels(argument.shape)
    shape = tuple_text([str(side) for side in sides])
    kind = f"{argument.role}, integers" if argument.integer and argument.role == "data" else argument.role
    said = f"{shape if sides else 'scalar'}, {kind}" if argument.role != "dimension" else "integer size"
    return {"name": argument.name, "labels": sides, "said": said}
