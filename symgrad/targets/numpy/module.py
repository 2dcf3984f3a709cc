"""Renders the generated module: prints its functions, then fills the template."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sympy import Symbol

from symgrad.arguments import Argument
from symgrad.codegen.arguments import declared, length_lines, read_off
from symgrad.codegen.environment import environment
from symgrad.codegen.signature import described
from symgrad.codegen.sizes import size_text
from symgrad.errors import ModelError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, postorder
from symgrad.outputs.function import Function
from symgrad.outputs.requirements import Length, conventions, is_thin, lengths_of, notes, requirements
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
    *,
    workspace: bool = False,
) -> str:
    """The text of the module; see `targets.ModuleWriter`. Functions that take all arguments can have a workspace."""
    printed = [print_function(function, program, workspace and function.takes_all) for function in functions]
    _refuse_taken_names(program.arguments, printed)
    helpers = {helper for one in printed for helper in one.helpers}
    checks = _all_checks(program, printed)
    rendered = _rendered(printed)
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
    return (
        environment()
        .get_template("module.py.j2")
        .render(
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


def _all_checks(program: Program, printed: Sequence[PrintedFunction]) -> dict[str, dict[str, Any]]:
    """By the names of functions that check arguments what each looks at."""
    found: dict[str, list[PrintedFunction]] = {}
    for one in printed:
        if one.arguments:
            found.setdefault(one.check, []).append(one)
    return {
        name: _checks(
            program, those[0].arguments, list(dict.fromkeys(node for one in those[::-1] for node in one.nodes))
        )
        for name, those in found.items()
    }


def _rendered(printed: Sequence[PrintedFunction]) -> list[dict[str, Any]]:
    """What the template needs of functions."""
    made, blocks = [], False
    for one in printed:
        lengths = lengths_of(one.arguments)
        sparse = "Blocks" in [kind for _, fields in one.types for _, kind in fields]
        made.append(
            {
                "name": one.function.name,
                "doc": one.doc,
                "check": one.check,
                "directions": [a.name for a in one.function.directions],
                "names": one.names,
                "takes": one.takes,
                "unused": one.unused,
                "given_shapes": one.given_shapes,
                "body": _statements(one.body, lengths),
                "kept": None if one.kept is None else _statements(one.kept, lengths),
                "result": one.body.result,
                "returns": one.returns,
                "types": one.types,
                "first_sparse": sparse and not blocks,
            }
        )
        blocks = blocks or sparse
    return made


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


def _statements(body: PrintedBody, lengths: Sequence[Length]) -> dict[str, Any]:
    """The statements of a function, after those that read off arrays the dimensions that they mention."""
    return {"lines": [*length_lines(lengths, body.dimensions), *body.lines], "keeps": body.keeps}


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
        "sizes": [
            {"name": str(length.dimension), "text": read_off(length), "checked": length.dimension in required.needed}
            for length in required.lengths
        ],
        "minimum_sizes": [
            {"name": str(d), "source": source, "minimum": least} for d, source, least in required.minimum
        ],
        "reductions": [
            {"what": one.what, "over": size_text(one.over), "times": size_text(one.times)} for one in required.extrema
        ],
        "lengths": [size_text(length) for length in required.nonnegative],
    }


def _described(argument: Argument) -> dict[str, Any]:
    said = described(argument)
    thin = is_thin(argument)
    axes = tuple(label for label in said["labels"] if label != 1) if thin else said["labels"]
    return {
        **said,
        "role": argument.role,
        "integer": argument.integer,
        "sized": [size_text(side, {d: f'sizes["{d}"]' for d in side.free_symbols}) for side in argument.shape],
        "axes": axes,
        "sides": [str(label) for label in axes],
        "thin": thin,
        "declared": declared(argument),
        "upper": None if argument.upper is None else size_text(argument.upper),
    }
