"""Renders the generated module: plans the bodies of its functions, then fills the template."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import fill
from typing import Any

from jinja2 import Environment
from sympy import Abs, Expr, MatrixSymbol, Max, Min, Mul, S, Symbol

from symgrad.arguments import Argument
from symgrad.codegen.in_place import in_place
from symgrad.codegen.loop import LoopPrinter
from symgrad.codegen.release import released
from symgrad.codegen.runtime import closure, import_lines, source_text, special_functions
from symgrad.codegen.sizes import size_text
from symgrad.codegen.slices import loops
from symgrad.codegen.values import ATOM, Value, words
from symgrad.codegen.workspace import HELPERS, keeps, with_kept_arrays
from symgrad.frontend.dimensions import is_never_empty
from symgrad.frontend.program import SIDE, determined
from symgrad.functions import MaxOver, MinOver, relu, step
from symgrad.graph.masks import masks_all
from symgrad.graph.nodes import Const, Contract, Node, Reduce, Size, Use, postorder
from symgrad.matrix_functions import reciprocal_root
from symgrad.schedule.estimate import size_estimate
from symgrad.schedule.rows import row_plan
from symgrad.univariate import code, with_name

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
)


@dataclass(frozen=True)
class Body:
    """The statements of one generated function, and the texts of what it returns."""

    lines: tuple[str, ...]
    value: str
    gradient: tuple[str, ...]
    dimensions: tuple[str, ...]
    kept: "Body | None" = None  # the same for arrays that a workspace keeps

    @property
    def keeps(self) -> bool:
        """Whether the function itself asks for such arrays, not one inside it."""
        return any(map(keeps, self.lines))


@dataclass(frozen=True)
class Plan:
    """What a module computes: terms in the code's form. `value` is the loss computed alone."""

    arguments: tuple[Argument, ...]
    dimensions: tuple[Symbol, ...]
    minimum_sizes: Mapping[Symbol, int]
    value: Use
    loss: Use
    gradient: tuple[Use, ...]
    notes: tuple[str, ...] = ()
    lengths: tuple[Expr, ...] = ()
    heads: frozenset[Any] = frozenset()  # the functions and reductions of the model itself
    sizes: Mapping[Symbol, int] = field(default_factory=dict)  # that are expected


RecordType = tuple[str, tuple[tuple[str, str], ...]]  # the name of a NamedTuple, and its fields with their types


@dataclass(frozen=True)
class GeneratedFunction:
    """A function beside `value` and `gradient`, printed: its statements and what it returns.

    Attributes
    ----------
    name, doc : its name, and the lines of its docstring.
    arguments : what it takes, in order.
    directions : the first of these, which come packed in one argument `direction`.
    dimensions : the sizes that its statements mention.
    lines, result, returns : the statements, the text of what it returns, and the type of that.
    types : the types that only this function returns.
    helpers, scipy : what it needs of the module's helpers and of SciPy.
    """

    name: str
    doc: tuple[str, ...]
    arguments: tuple[Argument, ...]
    directions: tuple[Argument, ...]
    dimensions: tuple[str, ...]
    lines: tuple[str, ...]
    result: str
    returns: str
    types: tuple[RecordType, ...]
    helpers: frozenset[str]
    scipy: frozenset[str]


def module_source(
    plan: Plan,
    name: str,
    formulas: Sequence[str],
    version: str,
    environment: Environment,
    functions: Sequence[GeneratedFunction] = (),
    workspace: bool = False,
) -> str:
    """The text of the module.

    `formulas` are lines for its docstring; `functions` come after those of value and gradient. With a `workspace` value
    and gradient can be computed in arrays that are kept between calls.
    """
    helpers = {helper for function in functions for helper in function.helpers}
    scipy = {special for function in functions for special in function.scipy}
    parameters = [a for a in plan.arguments if a.role == "parameter"]
    bodies = {
        function: _body(plan, parameters, function, helpers, scipy, workspace)
        for function in ("value", "gradient", "value_and_gradient")
    }
    nodes = list(postorder([use.node for use in (plan.loss, *plan.gradient)]))
    reductions = _reductions(nodes)
    described, sizes, minimum_sizes = _checked(plan, reductions)
    rendered = [_rendered(function, plan) for function in functions]
    shown = [*(["Workspace"] if workspace else []), *(["Blocks"] if any(f["sparse"] for f in rendered) else [])]
    needs = [
        *_of_arguments([described, *(f["arguments"] for f in rendered)], bool(reductions)),
        *(["_check_minimum"] if minimum_sizes or any(f["minimum_sizes"] for f in rendered) else []),
        *(f"_{helper}" for helper in sorted(helpers) if with_name(helper) is None),
        *_of_second_order(rendered),
        *("_unpacked", "_packed"),
    ]
    inside = closure(needs, shown)
    return environment.get_template("module.py.j2").render(
        name=name,
        formulas=formulas,
        notes=plan.notes,
        version=version,
        arguments=described,
        parameters=[
            _described(a) | {"shape_name": name} for a, name in zip(parameters, _shape_names(plan), strict=True)
        ],
        conventions=_conventions(plan.heads),
        dimensions=[str(d) for d in plan.dimensions],
        sizes=sizes,
        minimum_sizes=minimum_sizes,
        reductions=reductions,
        composite=any(not side.is_Atom for a in parameters for side in a.shape),
        lengths=[size_text(length) for length in plan.lengths],
        parameter_dimensions=[
            str(d) for d in plan.dimensions if any(d in side.free_symbols for a in parameters for side in a.shape)
        ],
        bodies=bodies,
        helpers=sorted(helpers),
        scipy=sorted(scipy | special_functions(inside)),
        indexed=any(a.integer and a.role == "data" for a in plan.arguments),
        bounded=any(a.upper is not None for a in plan.arguments),
        functions=rendered,
        workspace=workspace,
        imports=import_lines([*shown, *inside], ["Any", "NamedTuple"]),
        runtime="\n\n".join([source_text(inside), *_of_one_argument(helpers)]),
        blocks=source_text(one for one in shown if one == "Blocks"),
        workspace_class=source_text(one for one in shown if one == "Workspace"),
    )


def _of_one_argument(helpers: Iterable[str]) -> list[str]:
    """The functions of one argument that the module calls."""
    found = [with_name(helper) for helper in sorted(helpers)]
    return [code(function.expression) for function in found if function is not None]


def _of_arguments(checked: Sequence[Sequence[Mapping[str, Any]]], reduces: bool) -> list[str]:
    """The functions of the runtime that the checks of some lists of arguments call, in the order of use."""
    every = [argument for arguments in checked for argument in arguments]
    arrays = [argument for argument in every if argument["role"] != "dimension"]
    calls = {
        "_ready": any(argument["axes"] and not argument["integer"] for argument in arrays),
        "_floating": any(not argument["integer"] for argument in every),
        "_array": any(argument["thin"] for argument in arrays),
        "_integers": any(argument["integer"] and argument["role"] == "data" for argument in every),
        "_size": any(argument["role"] == "dimension" for argument in every),
        "_squeezed": any(argument["thin"] for argument in arrays),
        "_check_axes": any(not argument["thin"] for argument in arrays),
        "_check_shape": any(argument["checked"] for argument in every),
        "_check_range": any(argument["upper"] is not None for argument in every),
        "_check_nonempty": reduces,
    }
    return [name for name, called in calls.items() if called]


def _of_second_order(functions: Sequence[Mapping[str, Any]]) -> list[str]:
    """The functions of the runtime that functions of second order call."""
    names = {function["name"] for function in functions}
    return [
        *(["_needed"] if names & {"hessian", "hessian_vector_product"} else []),
        *(["_jacobian"] if any(function["sparse"] for function in functions) else []),
    ]


def _rendered(function: GeneratedFunction, plan: Plan) -> dict[str, Any]:
    """What the template needs of a function, with the sizes that can be read off its own arguments."""
    own = replace(plan, arguments=function.arguments)
    arguments, sizes, minimum_sizes = _checked(own, [])
    return {
        "name": function.name,
        "doc": function.doc,
        "arguments": arguments,
        "directions": [_described(a) for a in function.directions],
        "others": [a.name for a in function.arguments if a not in function.directions],
        "sizes": sizes,
        "minimum_sizes": minimum_sizes,
        "dimensions": function.dimensions,
        "lines": function.lines,
        "result": function.result,
        "returns": function.returns,
        "types": function.types,
        "sparse": "_jacobian(" in function.result,
    }


def _checked(plan: Plan, reductions: Sequence[Mapping[str, str]]) -> tuple[list[dict[str, Any]], ...]:
    """The arguments, the sizes and the least sizes; each says whether a check of the arguments needs it.

    An array off whose sides alone its sizes are read has no shape to check.
    """
    arguments, sizes = [_described(a) for a in plan.arguments], _sizes(plan)
    known = {size["name"] for size in sizes} | {a.name for a in plan.arguments}
    minimum_sizes = [m for m in _minimum_sizes(plan) if m["name"] in known]
    texts = [
        *map(size_text, plan.lengths),
        *(m["name"] for m in minimum_sizes),
        *(text for r in reductions for text in (r["over"], r["times"])),
    ]
    for argument in arguments:
        own = [size["side"] for size in sizes if size["source"] == argument["name"]]
        argument["checked"] = argument["role"] != "dimension" and argument["sides"] != own
        texts += [*(argument["sides"] if argument["checked"] else ()), argument["upper"] or ""]
    for size in reversed(sizes):  # each may be computed from those before it
        size["checked"] = size["name"] in words(texts)
        texts += [size["text"]] if size["checked"] else []
    return arguments, sizes, minimum_sizes


def _body(
    plan: Plan, parameters: Sequence[Argument], function: str, helpers: set[str], scipy: set[str], workspace: bool
) -> Body:
    dtype = f"{parameters[0].name}.dtype"
    names = [a.name for a in plan.arguments]
    shape_names = _shape_names(plan)
    taken = [*TAKEN, *(str(d) for d in plan.dimensions), *shape_names]
    printer = LoopPrinter(dtype, names, taken, size_estimate(plan.arguments, plan.sizes))
    wanted = {"value": [plan.value], "gradient": plan.gradient, "value_and_gradient": [plan.loss, *plan.gradient]}
    roots = loops(wanted[function])
    labels = [f"grad_{p.name}" for p in parameters] if function != "value" else []
    labels = labels if function == "gradient" else ["loss", *labels]
    rows = row_plan(roots, plan.arguments)
    printer.compute(dict(zip(labels, roots, strict=True)), rows)
    value, gradient = "", []
    if function != "gradient":
        value = printer.result("loss", _scalar(printer.full(roots.pop(0), Node((), b"")), dtype))
    if function != "value":
        for parameter, shape_name, use in zip(parameters, shape_names, roots, strict=True):
            found = printer.full(use, _parameter_axes(parameter))
            if (
                printer.is_view(found.text) or found.text in gradient
            ):  # never hand out the caller's own array, or one array twice
                found = replace(found, text=f"np.array({found.text})")
            if not found.letters:
                found = _scalar(found, dtype)
            if any(side == 1 for side in parameter.shape) and isinstance(parameter.symbol, MatrixSymbol):
                found = replace(found, text=f"{found.at(ATOM)}.reshape({shape_name})")
            gradient.append(printer.result(f"grad_{parameter.name}", found))
    helpers |= printer.helpers
    scipy |= printer.scipy
    lines = needed_lines(printer.lines, [value, *gradient])
    results = [*([value] if value else []), *gradient]
    reused = in_place(lines, results, printer.arrays, None if rows is None else rows.dimension)
    body = _with_dimensions(plan, released(reused, results, printer.arrays), value, gradient)
    if not workspace:
        return body
    first = None if rows is None else (rows.dimension, f"{rows.arrays[0]}.shape[0]")
    kept = with_kept_arrays(lines, results, printer.arrays, first, dtype)
    helpers |= {name for name in HELPERS if f"_{name}(" in "\n".join(kept)}
    return replace(body, kept=_with_dimensions(plan, kept, value, gradient))


def _with_dimensions(plan: Plan, lines: Sequence[str], value: str, gradient: Sequence[str]) -> Body:
    said = words([*lines, value, *gradient])
    return Body(tuple(lines), value, tuple(gradient), tuple(str(d) for d in plan.dimensions if str(d) in said))


def needed_lines(lines: Sequence[str], results: Sequence[str]) -> list[str]:
    """The lines without assignments to variables that nothing reads, such as positions that turned into slices."""
    kept = list(lines)
    while True:
        read = words([*kept, *results])
        assigned = [re.match(r"\s*(\w+) = ", line) for line in kept]
        needed = [line for line, name in zip(kept, assigned, strict=True) if name is None or read[name[1]] > 1]
        if len(needed) == len(kept):
            return kept
        kept = needed


def _shape_names(plan: Plan) -> list[str]:
    """For each parameter a variable for the shape in which it was given."""
    taken = {a.name for a in plan.arguments} | {str(d) for d in plan.dimensions}
    names = []
    for argument in plan.arguments:
        if argument.role == "parameter":
            name = f"{argument.name}_shape"
            while name in taken:
                name += "_given"
            taken.add(name)
            names.append(name)
    return names


def _scalar(value: Value, dtype: str) -> Value:
    """A scalar result in the arguments' floating type: Python numbers and 0-d arrays are turned into NumPy scalars."""
    if value.kind == "real" and not value.text.startswith(
        ("np.where(", "np.asarray(", "np.array(", "_place(", "_accumulate(")
    ):
        return value
    return Value(f"{dtype}.type({value.text})", ATOM, ())


def _parameter_axes(argument: Argument) -> Node:
    """A stand-in with the parameter's axes in the graph, where sides of one are dropped for matrices."""
    sides = argument.shape
    if isinstance(argument.symbol, MatrixSymbol):
        sides = tuple(side for side in sides if side != 1)
    return Node(sides, b"")


def _described(argument: Argument) -> dict[str, Any]:
    labels = tuple(int(side) if side.is_Integer else size_text(side) for side in argument.shape)
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
        "declared": argument.name.removeprefix("direction_") if argument.role == "direction" else argument.name,
        "upper": None if argument.upper is None else size_text(argument.upper),
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
        text = str(numerator.xreplace({SIDE: Symbol(side)}))
        made.append(
            {
                "name": str(dimension),
                "side": str(dimension) if text == side else None,  # where it is a side as it is
                "text": text if denominator == 1 else f"({text}) // {denominator}",
                "source": arrays[array].name,
            }
        )
    return made


def _minimum_sizes(plan: Plan) -> list[dict[str, Any]]:
    """The least sizes that literal subscripts allow, and those that Python can divide by: it has no 1 / 0."""
    least = dict(plan.minimum_sizes)
    for node in postorder([use.node for use in (plan.loss, *plan.gradient)]):
        if isinstance(node, Contract) and all(isinstance(use.node, Const | Size) for use in node.uses()):
            for use, exponent in node.factors:
                if isinstance(use.node, Size) and use.node.value.is_Symbol and exponent.is_negative:
                    least[use.node.value] = max(1, least.get(use.node.value, 0))
    sources = {size["name"]: size["source"] for size in _sizes(plan)}
    return [
        {"name": str(d), "source": sources.get(str(d), str(d)), "minimum": least[d]}
        for d in plan.dimensions
        if least.get(d, 0) > 0
    ]


def _reductions(nodes: Sequence[Node]) -> list[dict[str, str]]:
    """What each maximum and minimum runs over: over no entries it has no value, unless there are none of it either."""
    extrema = {MaxOver: "maximum", MinOver: "minimum"}
    found: dict[tuple[Expr, Expr], str] = {}
    for node in nodes:
        if isinstance(node, Reduce) and node.head in extrema:
            for length in node.bound:
                if is_never_empty(length):
                    found[length, S.One] = extrema[node.head]
                elif not masks_all(node):
                    found[length, Mul(*node.shape)] = extrema[node.head]
    return [
        {"what": what, "over": size_text(length), "times": size_text(times)}
        for (length, times), what in found.items()
        if not length.is_Integer
    ]


# What a module says about points and sizes where a definition is a matter of convention, if its model has such points.
_CONVENTIONS: tuple[tuple[str, Any], ...] = (
    ("relu'(0) = 0", (relu, step)),
    ("|x|'(0) = 0", (Abs,)),
    ("the gradient of a norm √(Σ x²) at 0 is 0", (reciprocal_root,)),
    ("entries that tie in a maximum or minimum share its derivative equally", (Max, Min, MaxOver, MinOver)),
)


def _conventions(heads: frozenset[Any]) -> str:
    said = [text for text, those in _CONVENTIONS if not heads.isdisjoint(those)]
    return fill(
        f"Conventions: {'; '.join([*said, 'an empty sum is 0'])}. Not-a-number and infinite data are propagated.", 120
    )
