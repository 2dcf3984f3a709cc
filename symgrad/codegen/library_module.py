"""Renders a module for a library of tensors: prints its functions, then fills the target's template."""

from collections.abc import Sequence

from sympy import Symbol

from symgrad.codegen.arguments import Check, check
from symgrad.codegen.environment import environment
from symgrad.codegen.library import Library, PrintedFunction, print_function
from symgrad.codegen.rows import rows_of, with_rows
from symgrad.codegen.runtime import Definition
from symgrad.codegen.signature import described, has_loss, subject
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, postorder
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, Pattern, Sparse
from symgrad.outputs.requirements import conventions, notes, requirements
from symgrad.statements.lengths import dimensions_of
from symgrad.univariate import code, with_name


def module_source(
    library: Library,
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
    chunks: bool = False,
) -> str:
    """The text of the module; see `targets.ModuleWriter`."""
    _refuse(library, functions, workspace, chunks)
    functions = [function for function in functions if not isinstance(function.result, Pattern)]
    made = [print_function(function, program, library) for function in functions]
    taken = library.reserved | {record for one in made for record, _ in one.types}
    for argument in program.arguments:
        if argument.name in taken:
            raise ModelError(f"the name {argument.name!r} is taken in modules for {library.title}: rename the symbol")
    checks = _checks(made, program)
    helpers = sorted({helper for one in made for helper in one.helpers})
    derived = {helper: found for helper in helpers if (found := with_name(helper[1:])) is not None}
    calls = list(dict.fromkeys(call for one in checks for call in one.calls))
    calls += ["_or_nan", "_in_range"] if any(one.checked for one in made) else []
    calls += [helper for helper in helpers if helper not in derived] + (["_in_pieces", "_series"] if derived else [])
    runtime = library.sources()
    own = [Definition(code(one.expression), ()).renamed(library.libraries) for one in derived.values()]
    calls += library.with_loss if has_loss(functions) else ()
    parameters = [a for a in program.arguments if a.role == "parameter"]
    rows = _rows(made, program)
    drawn = ["batches"] if rows is not None else []
    inside = runtime.closure([*library.always, *calls, *(name for one in own for name in one.names), *drawn])
    texts = [one.source for one in [*own, *(runtime.known[name] for name in inside if name not in drawn)]]
    template = environment().get_template(f"{library.target}/module.py.j2")
    return template.render(
        name=name,
        subject=subject(functions),
        has_loss=has_loss(functions),
        formulas=formulas,
        notes=[*_of_rows(rows, program), *notes(program)],
        conventions=conventions(postorder([program.loss.node])),
        version=version,
        arguments=[described(a) for a in program.arguments],
        parameters=[a.name for a in parameters],
        dimensions=[str(d) for d in program.dimensions],
        static=[a.name for a in program.arguments if a.role == "dimension"],
        rows=None if rows is None else str(rows),
        batches=runtime.text(drawn),
        functions=made,
        checks=checks,
        imports=runtime.import_lines(inside),
        special=any(one.special for one in made) or bool(runtime.special(inside)),
        runtime="\n\n\n".join(text.strip() for text in texts),
    )


def _checks(made: Sequence[PrintedFunction], program: Program) -> list[Check]:
    """The functions that check arguments, each of what all functions need that call it."""
    nodes: dict[str, list[Node]] = {}
    results: dict[str, list[Node]] = {}
    for one in made[::-1]:
        nodes.setdefault(one.check, []).extend(one.nodes)
        results.setdefault(one.check, []).extend(one.results)
    last = {one.check: one for one in made if one.arguments}
    return [check(n, requirements(program, one.arguments, nodes[n], results[n])) for n, one in last.items()]


def _rows(made: Sequence[PrintedFunction], program: Program) -> Symbol | None:
    """What the loss is summed over, if there is one and it is."""
    both = next((one for one in made if one.function.name == BOTH), None)
    return None if both is None else rows_of(both.function, dimensions_of(both.body), program)


def _of_rows(rows: Symbol | None, program: Program) -> list[str]:
    """What a module says of the rows that its loss is made of sums over."""
    named = ", ".join(with_rows(program.arguments, rows))
    said = f"Rows: the loss is made of sums over the {rows} rows of {named}; `batches` draws some of these at a time."
    return [] if rows is None else [said]


def _refuse(library: Library, functions: Sequence[Function], workspace: bool, chunks: bool) -> None:
    """What modules of libraries have not is an error."""
    if workspace:
        raise UnsupportedError(f"the target {library.target} has no workspace: {library.no_workspace}")
    if chunks:
        raise UnsupportedError(f"the target {library.target} has no chunks of rows: take the target numpy or numba")
    if any(isinstance(function.result, Sparse) for function in functions):
        raise UnsupportedError(
            f"the target {library.target} has no sparse Hessian: how many entries it has would depend on data; "
            "hessian=True gives the dense one and hvp=True products with it, and the targets numpy and numba have "
            'hessian="sparse"'
        )
