"""Renders a module for a library of tensors: prints its functions, then fills the target's template."""

from collections.abc import Sequence

from symgrad.codegen.arguments import Check, check
from symgrad.codegen.chunks import FUNCTIONS as OF_CHUNKS
from symgrad.codegen.chunks import Chunks, chunk_functions, without_functions
from symgrad.codegen.environment import environment
from symgrad.codegen.library import Library, PrintedFunction, print_chunks, print_function
from symgrad.codegen.runtime import Definition
from symgrad.codegen.signature import described, has_loss, subject
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, postorder
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, Pattern, Sparse
from symgrad.outputs.requirements import conventions, notes, requirements
from symgrad.univariate import code, with_name

_DRAWN = "`batches` draws some of these at a time."


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
    _refuse(library, functions, workspace)
    functions = [function for function in functions if not isinstance(function.result, Pattern)]
    made = [print_function(function, program, library) for function in functions]
    taken = library.reserved | {record for one in made for record, _ in one.types}
    for argument in program.arguments:
        if argument.name in taken:
            raise ModelError(f"the name {argument.name!r} is taken in modules for {library.title}: rename the symbol")
    checks = _checks(made, program)
    split = _split(program, made, library, chunks)
    every = [*made, *(one.printed for one in split.functions if isinstance(one.printed, PrintedFunction))]
    helpers = sorted({helper for one in every for helper in one.helpers})
    derived = {helper: found for helper in helpers if (found := with_name(helper[1:])) is not None}
    calls = list(dict.fromkeys(call for one in checks for call in one.calls))
    calls += ["_or_nan", "_in_range"] if any(one.checked for one in made) else []
    calls += [helper for helper in helpers if helper not in derived] + (["_in_pieces", "_series"] if derived else [])
    runtime = library.sources()
    own = [Definition(code(one.expression), ()).renamed(library.libraries) for one in derived.values()]
    calls += library.with_loss if has_loss(functions) else ()
    parameters = [a for a in program.arguments if a.role == "parameter"]
    drawn = [*OF_CHUNKS] if split.functions else ["batches"] if split.dimension is not None else []
    inside = runtime.closure([*library.always, *calls, *(name for one in own for name in one.names), *drawn])
    texts = [one.source for one in [*own, *(runtime.known[name] for name in inside if name not in drawn)]]
    template = environment().get_template(f"{library.target}/module.py.j2")
    return template.render(
        name=name,
        subject=subject(functions),
        has_loss=has_loss(functions),
        formulas=formulas,
        notes=[*(f"{said} {_DRAWN}" for said in split.remark(program)), *notes(program)],
        conventions=conventions(postorder([program.loss.node])),
        version=version,
        arguments=[described(a) for a in program.arguments],
        parameters=[a.name for a in parameters],
        dimensions=[str(d) for d in program.dimensions],
        static=[a.name for a in program.arguments if a.role == "dimension"],
        rows=None if split.dimension is None else str(split.dimension),
        drawn=runtime.text(drawn),
        in_chunks=split.functions,
        shape_of=library.shape,
        functions=made,
        checks=checks,
        imports=runtime.import_lines(inside),
        special=any(one.special for one in every) or bool(runtime.special(inside)),
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


def _split(program: Program, made: Sequence[PrintedFunction], library: Library, chunks: bool) -> Chunks:
    """What the loss is summed over, with functions for rows in chunks if they are asked for."""
    known = {one.function.name: one for one in made}
    if chunks:
        asked = [one.function for one in made]
        return chunk_functions(program, asked, lambda function: print_chunks(known[function.name], program, library))
    both = known.get(BOTH)
    return Chunks() if both is None else without_functions(program, both.function, both.body)


def _refuse(library: Library, functions: Sequence[Function], workspace: bool) -> None:
    """What modules of libraries have not is an error."""
    if workspace:
        raise UnsupportedError(f"the target {library.target} has no workspace: {library.no_workspace}")
    if any(isinstance(function.result, Sparse) for function in functions):
        raise UnsupportedError(
            f"the target {library.target} has no sparse Hessian: how many entries it has would depend on data; "
            "hessian=True gives the dense one and hvp=True products with it, and the targets numpy and numba have "
            'hessian="sparse"'
        )
