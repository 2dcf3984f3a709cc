"""Renders the generated module: prints its functions, then fills the template."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Environment
from sympy import Symbol

from symgrad.arguments import Argument
from symgrad.codegen.sizes import size_text
from symgrad.errors import ModelError
from symgrad.frontend.program import Program
from symgrad.frontend.signature import SIDE
from symgrad.graph.nodes import Node, postorder
from symgrad.outputs.function import Function
from symgrad.outputs.requirements import Length, conventions, is_thin, notes, requirements
from symgrad.outputs.second_order import HESSIAN, PRODUCT
from symgrad.targets.numpy.function import PrintedBody, PrintedFunction, print_function
from symgrad.targets.numpy.runtime import closure, import_lines, source_text, special_functions
from symgrad.univariate import code, with_name


def module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    environment: Environment,
    workspace: bool = False,
) -> str:
    """The text of the module.

    Parameters
    ----------
    program : the model, for what the module says of its arguments and of itself.
    functions : in their order, with terms as code should compute them.
    workspace : whether those that take all arguments can be computed in arrays that are kept between calls.
    name, formulas, version : for the module's docstring.
    environment : of the templates.

    Raises
    ------
    ModelError : an argument has a name that the functions need.
    """
    printed = [print_function(function, program, workspace and function.takes_all) for function in functions]
    _refuse_taken_names(program.arguments, printed)
    helpers = {helper for one in printed for helper in one.helpers}
    checks = _all_checks(program, printed)
    rendered = _rendered(printed, checks)
    blocks, keeps = any(f["first_sparse"] for f in rendered), any(f["kept"] for f in rendered)
    parameters = [a for a in program.arguments if a.role == "parameter"]
    alone = ["_OneArray"] if len(parameters) == 1 else []
    shown = [*(["Workspace"] if keeps else []), *(["Blocks"] if blocks else []), *alone]
    needs = [
        *_of_checks(list(checks.values())),
        *(f"_{helper}" for helper in sorted(helpers) if with_name(helper) is None),
        *_of_results(functions, rendered),
        *("_by_name", "_unpacked", "_packed"),
    ]
    inside = closure(needs, shown)
    return environment.get_template("module.py.j2").render(
        name=name,
        formulas=formulas,
        notes=notes(program),
        version=version,
        arguments=[_described(a) for a in program.arguments],
        parameters=[_described(a) for a in parameters],
        conventions=conventions(postorder([program.loss.node])),
        dimensions=[str(d) for d in program.dimensions],
        parameter_dimensions=[str(d) for d in program.dimensions if _is_side(d, parameters)],
        helpers=sorted(helpers),
        scipy=sorted({name for one in printed for name in one.scipy} | special_functions(inside)),
        checks=checks,
        functions=rendered,
        workspace=keeps,
        imports=import_lines([*shown, *inside], ["Any", "NamedTuple"]),
        runtime="\n\n".join([source_text(inside), *_of_one_argument(helpers)]),
        blocks=source_text(one for one in shown if one == "Blocks"),
        one_array=source_text(alone),
        workspace_class=source_text(one for one in shown if one == "Workspace"),
    )


def _of_results(functions: Sequence[Function], rendered: Sequence[Mapping[str, Any]]) -> list[str]:
    """The functions of the runtime that results are given out by."""
    arrays = ["_array"] if any(one["given_shapes"] for one in rendered) else []
    return arrays + (["_needed"] if {HESSIAN, PRODUCT} & {function.name for function in functions} else [])


def _is_side(dimension: Symbol, arguments: Sequence[Argument]) -> bool:
    return any(dimension in side.free_symbols for argument in arguments for side in argument.shape)


def _of_one_argument(helpers: Iterable[str]) -> list[str]:
    """The functions of one argument that the module calls."""
    found = [with_name(helper) for helper in sorted(helpers)]
    return [code(function.expression) for function in found if function is not None]


def _check_of(printed: PrintedFunction) -> str:
    """The name of the function that checks a function's arguments."""
    return "_arguments" if printed.function.takes_all else f"_arguments_of_{printed.function.name}"


def _all_checks(program: Program, printed: Sequence[PrintedFunction]) -> dict[str, dict[str, Any]]:
    """By the names of functions that check arguments what each looks at."""
    found: dict[str, list[PrintedFunction]] = {}
    for one in printed:
        if one.arguments:
            found.setdefault(_check_of(one), []).append(one)
    return {
        name: _checks(
            program, those[0].arguments, list(dict.fromkeys(node for one in those[::-1] for node in one.nodes))
        )
        for name, those in found.items()
    }


def _rendered(printed: Sequence[PrintedFunction], checks: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the template needs of functions."""
    made, blocks = [], False
    for one in printed:
        function, check = one.function, _check_of(one)
        sizes = checks[check]["sizes"] if check in checks else []
        others = [a.name for a in one.arguments if a not in function.directions]
        sparse = "Blocks" in [kind for _, fields in one.types for _, kind in fields]
        made.append(
            {
                "name": function.name,
                "doc": _doc(one),
                "check": check,
                "directions": [a.name for a in function.directions],
                "names": [a.name for a in one.arguments],
                "takes": ["direction", *others] if function.directions else others,
                "unused": [a.name for a in function.arguments if a.name not in others],
                "given_shapes": one.given_shapes,
                "body": _statements(one.body, sizes),
                "kept": None if one.kept is None else _statements(one.kept, sizes),
                "result": one.body.result,
                "returns": one.returns,
                "types": one.types,
                "first_sparse": sparse and not blocks,
            }
        )
        blocks = blocks or sparse
    return made


def _doc(printed: PrintedFunction) -> list[str]:
    """The lines of a docstring: those of the function, then what it takes."""
    function = printed.function
    taken = [a for a in printed.arguments if a not in function.directions]
    unused = [a.name for a in function.arguments if a.name not in {a.name for a in taken}]
    made = [*function.doc, *([""] if len(function.doc) > 1 else [])]
    made += [_described(a)["line"] for a in taken]
    return made + ([f"{', '.join(unused)} : accepted, and not needed"] if unused else [])


def _of_checks(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The functions of the runtime that checks of arguments call, in the order of use."""
    every = [argument for check in checks for argument in check["arguments"]]
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
        "_check_nonempty": any(check["reductions"] for check in checks),
        "_check_minimum": any(check["minimum_sizes"] for check in checks),
    }
    return [name for name, called in calls.items() if called]


def _statements(body: PrintedBody, sizes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The statements of a function, after those for the sizes that they mention."""
    lines = [f"{size['name']} = {size['text']}" for size in sizes if size["name"] in body.dimensions]
    return {"lines": [*lines, *body.lines], "keeps": body.keeps}


def _refuse_taken_names(arguments: Sequence[Argument], printed: Sequence[PrintedFunction]) -> None:
    """Arguments must not hide what functions beside value and gradient, or those with a workspace, refer to."""
    of_second_order = {name for one in printed for name, _ in one.types}
    of_second_order |= {"direction", "Blocks"} if not all(one.function.takes_all for one in printed) else set()
    of_workspaces = {"workspace", "kept"} if any(one.kept is not None for one in printed) else set()
    for argument in arguments:
        for taken, functions in ((of_second_order, "of second order"), (of_workspaces, "with a workspace")):
            if argument.name in taken:
                raise ModelError(
                    f"the name {argument.name!r} is taken by the generated functions {functions}: rename the symbol"
                )


def _checks(program: Program, arguments: Sequence[Argument], nodes: Sequence[Node]) -> dict[str, Any]:
    """What the template needs of what is required of these arguments, before terms of these nodes are computed."""
    required = requirements(program, arguments, nodes)
    return {
        "arguments": [{**_described(a), "checked": a in required.fitting} for a in arguments],
        "sizes": [{**_read_off(length), "checked": length.dimension in required.needed} for length in required.lengths],
        "minimum_sizes": [
            {"name": str(d), "source": source, "minimum": least} for d, source, least in required.minimum
        ],
        "reductions": [
            {"what": one.what, "over": size_text(one.over), "times": size_text(one.times)} for one in required.extrema
        ],
        "lengths": [size_text(length) for length in required.nonnegative],
    }


def _described(argument: Argument) -> dict[str, Any]:
    labels = tuple(int(side) if side.is_Integer else size_text(side) for side in argument.shape)
    thin = is_thin(argument)
    axes = tuple(label for label in labels if label != 1) if thin else labels
    integers = ", integers" if argument.integer and argument.role == "data" else ""
    shaped = f"{_tuple_text(labels) if labels else 'scalar'}, {argument.role}{integers}"
    return {
        "name": argument.name,
        "role": argument.role,
        "integer": argument.integer,
        "labels": labels,
        "sized": [size_text(side, {d: f'sizes["{d}"]' for d in side.free_symbols}) for side in argument.shape],
        "axes": axes,
        "sides": [str(label) for label in axes],
        "thin": thin,
        "declared": argument.name.removeprefix("direction_") if argument.role == "direction" else argument.name,
        "upper": None if argument.upper is None else size_text(argument.upper),
        "line": f"{argument.name} : {'integer size' if argument.role == 'dimension' else shaped}",
    }


def _tuple_text(labels: Sequence[Any]) -> str:
    inside = ", ".join(str(label) for label in labels)
    return f"({inside},)" if len(labels) == 1 else f"({inside})"


def _read_off(length: Length) -> dict[str, Any]:
    """How a dimension is read off an array."""
    numerator, denominator = length.expression.as_numer_denom()
    text = str(numerator.xreplace({SIDE: Symbol(f"{length.array.name}.shape[{length.axis}]")}))
    return {"name": str(length.dimension), "text": text if denominator == 1 else f"({text}) // {denominator}"}
