"""Renders the generated module: plans the bodies of its functions, then fills the template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment
from sympy import MatrixSymbol, Symbol

from symgrad.arguments import Argument
from symgrad.codegen.printer import Printer
from symgrad.codegen.values import ATOM, Value
from symgrad.frontend.program import SIDE, determined
from symgrad.graph.nodes import Node, Use
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
    "scipy",
    "rows",
)


@dataclass(frozen=True)
class Body:
    """The statements of one generated function, and the texts of what it returns."""

    lines: tuple[str, ...]
    value: str
    gradient: tuple[str, ...]
    dimensions: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a module computes: terms in the code's form."""

    arguments: tuple[Argument, ...]
    dimensions: tuple[Symbol, ...]
    minimum_sizes: Mapping[Symbol, int]
    loss: Use
    gradient: tuple[Use, ...]


def module_source(plan: Plan, name: str, formulas: Sequence[str], version: str, environment: Environment) -> str:
    """The text of the module.

    `formulas` are lines for its docstring.
    """
    helpers: set[str] = set()
    scipy: set[str] = set()
    parameters = [a for a in plan.arguments if a.role == "parameter"]
    bodies = {
        function: _body(plan, parameters, function, helpers, scipy)
        for function in ("value", "gradient", "value_and_gradient")
    }
    return environment.get_template("module.py.j2").render(
        name=name,
        formulas=formulas,
        version=version,
        arguments=[_described(a) for a in plan.arguments],
        parameters=[_described(a) for a in parameters],
        dimensions=[str(d) for d in plan.dimensions],
        sizes=_sizes(plan),
        parameter_dimensions=[
            str(d) for d in plan.dimensions if any(d in side.free_symbols for a in parameters for side in a.shape)
        ],
        bodies=bodies,
        helpers=sorted(helpers),
        scipy=sorted(scipy),
        indexed=any(a.integer and a.role == "data" for a in plan.arguments),
        bounded=any(a.upper is not None for a in plan.arguments),
    )


def _body(plan: Plan, parameters: Sequence[Argument], function: str, helpers: set[str], scipy: set[str]) -> Body:
    dtype = f"{parameters[0].name}.dtype"
    names = [a.name for a in plan.arguments]
    taken = [*TAKEN, *(str(d) for d in plan.dimensions), *(f"{p.name}_shape" for p in parameters)]
    printer = Printer(dtype, names, taken, size_estimate(plan.arguments))
    roots = {} if function == "gradient" else {"loss": plan.loss}
    if function != "value":
        roots |= {f"grad_{p.name}": use for p, use in zip(parameters, plan.gradient, strict=True)}
    printer.compute(roots, row_plan(list(roots.values()), plan.arguments))
    value, gradient = "", []
    if function != "gradient":
        value = printer.result("loss", _scalar(printer.full(plan.loss, Node((), b"")), dtype))
    if function != "value":
        for parameter, use in zip(parameters, plan.gradient, strict=True):
            found = printer.full(use, _parameter_axes(parameter))
            if (
                printer.is_view(found.text) or found.text in gradient
            ):  # never hand out the caller's own array, or one array twice
                found = replace(found, text=f"np.array({found.text})")
            if not found.letters:
                found = _scalar(found, dtype)
            if any(side == 1 for side in parameter.shape) and isinstance(parameter.symbol, MatrixSymbol):
                found = replace(found, text=f"{found.at(ATOM)}.reshape({parameter.name}_shape)")
            gradient.append(printer.result(f"grad_{parameter.name}", found))
    helpers |= printer.helpers
    scipy |= printer.scipy
    everything = " ".join([*printer.lines, value, *gradient])
    needed = tuple(str(d) for d in plan.dimensions if _mentions(everything, str(d)))
    return Body(tuple(printer.lines), value, tuple(gradient), needed)


def _scalar(value: Value, dtype: str) -> Value:
    """A scalar result in the arguments' floating type: Python numbers and 0-d arrays are turned into NumPy scalars."""
    if value.kind == "real" and not value.text.startswith(("np.where(", "np.asarray(", "np.array(", "_scatter(")):
        return value
    return Value(f"{dtype}.type({value.text})", ATOM, ())


def _mentions(text: str, name: str) -> bool:
    padded = f" {text} "
    return any(
        not (padded[at - 1].isalnum() or padded[at - 1] in "_.")
        and not (padded[at + len(name)].isalnum() or padded[at + len(name)] == "_")
        for at in range(1, len(padded) - len(name))
        if padded.startswith(name, at)
    )


def _parameter_axes(argument: Argument) -> Node:
    """A stand-in with the parameter's axes in the graph, where sides of one are dropped for matrices."""
    sides = argument.shape
    if isinstance(argument.symbol, MatrixSymbol):
        sides = tuple(side for side in sides if side != 1)
    return Node(sides, b"")


def _described(argument: Argument) -> dict[str, Any]:
    labels = tuple(int(side) if side.is_Integer else str(side) for side in argument.shape)
    thin = isinstance(argument.symbol, MatrixSymbol) and 1 in labels
    axes = tuple(label for label in labels if label != 1) if thin else labels
    return {
        "name": argument.name,
        "role": argument.role,
        "integer": argument.integer,
        "labels": labels,
        "axes": axes,
        "sides": [str(label) for label in axes],
        "thin": thin,
        "upper": None if argument.upper is None else str(argument.upper),
        "shape": _tuple_text(labels),
        "kind": ("integer " if argument.integer else "") + ("array" if labels else "scalar"),
    }


def _tuple_text(labels: Sequence[Any]) -> str:
    inside = ", ".join(str(label) for label in labels)
    return f"({inside},)" if len(labels) == 1 else f"({inside})"


def _sizes(plan: Plan) -> list[dict[str, Any]]:
    """How each dimension is read off the arrays, in an order in which each uses only earlier ones."""
    arrays = [a for a in plan.arguments if a.role != "dimension"]
    found = determined([_parameter_axes(a).shape for a in arrays])
    made = []
    for dimension, (array, axis, expression) in found.items():
        numerator, denominator = expression.as_numer_denom()
        side = f"{arrays[array].name}.shape[{axis}]"
        text = str(numerator).replace(str(SIDE), side)
        made.append(
            {
                "name": str(dimension),
                "text": text if denominator == 1 else f"({text}) // {denominator}",
                "source": arrays[array].name,
                "minimum": plan.minimum_sizes.get(dimension, 0),
            }
        )
    return made
