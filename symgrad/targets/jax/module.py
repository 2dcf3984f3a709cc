"""Renders the generated module: prints its functions, then fills the template."""

from collections.abc import Sequence

from symgrad.codegen.arguments import check
from symgrad.codegen.environment import environment
from symgrad.codegen.signature import described, has_loss, subject
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, postorder
from symgrad.outputs.function import Function
from symgrad.outputs.requirements import conventions, notes, requirements
from symgrad.targets.jax.function import RESERVED, print_function
from symgrad.targets.jax.sources import of_one_argument, sources
from symgrad.univariate import with_name


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
    made = [print_function(function, program) for function in functions]
    taken = RESERVED | {record for one in made for record, _ in one.types}
    for argument in program.arguments:
        if argument.name in taken:
            raise ModelError(f"the name {argument.name!r} is taken in modules for JAX: rename the symbol")
    nodes: dict[str, list[Node]] = {}
    for one in made[::-1]:
        nodes.setdefault(one.check, []).extend(one.nodes)
    last = {one.check: one for one in made if one.arguments}
    checks = [check(n, requirements(program, one.arguments, nodes[n])) for n, one in last.items()]
    helpers = sorted({helper for one in made for helper in one.helpers})
    derived = {helper: found for helper in helpers if (found := with_name(helper[1:])) is not None}
    calls = list(dict.fromkeys(call for one in checks for call in one.calls))
    calls += ["_or_nan", "_in_range"] if any(one.checked for one in made) else []
    calls += [helper for helper in helpers if helper not in derived] + (["_in_pieces", "_series"] if derived else [])
    runtime = sources()
    inside = runtime.closure(calls)
    texts = [*map(of_one_argument, derived.values()), *(runtime.known[name].source for name in inside)]
    parameters = [a for a in program.arguments if a.role == "parameter"]
    template = environment().get_template("jax/module.py.j2")
    return template.render(
        name=name,
        subject=subject(functions),
        has_loss=has_loss(functions),
        formulas=formulas,
        notes=notes(program),
        conventions=conventions(postorder([program.loss.node])),
        version=version,
        arguments=[described(a) for a in program.arguments],
        parameters=[a.name for a in parameters],
        dimensions=[str(d) for d in program.dimensions],
        static=[a.name for a in program.arguments if a.role == "dimension"],
        functions=made,
        checks=checks,
        imports=runtime.import_lines(inside),
        special=any(one.special for one in made) or bool(runtime.special(inside)),
        runtime="\n\n\n".join(text.strip() for text in texts),
    )
