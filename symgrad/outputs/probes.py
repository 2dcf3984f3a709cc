"""Functions that only the check of a model calls: named quantities, the distance from kinks, what is held constant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

from symgrad.arguments import Argument
from symgrad.calculus.conditioning import conditioning
from symgrad.calculus.kinks import Kink, kinks
from symgrad.compiler import Derivation
from symgrad.frontend.program import Program
from symgrad.functions import constant
from symgrad.graph.kinds.scans import finished
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Input, Use, intern, postorder
from symgrad.graph.transform import own, substitute
from symgrad.outputs.function import Array, Function, Record, Result, scheduled, whole

KINK_GAPS, CONDITIONING = "kink_gaps", "conditioning"


@dataclass(frozen=True)
class HeldProgram:
    """A model in which parameters inside `constant` are arguments of their own, that are data.

    Attributes
    ----------
    program : the model.
    gradient : its adjoints.
    copies : the names of these arguments by those of the parameters; empty where no parameter is inside.
    """

    program: Program
    gradient: tuple[Use, ...]
    copies: dict[str, str]


def quantity(derivation: Derivation, name: Any) -> Function:
    """`quantity_NAME`, which computes a name of `where`; the check of its Jacobian needs it."""
    node = derivation.program.names[name]
    return _probe(f"quantity_{node.name}", f"{node.name}.", derivation.program, _found(own(node)))


def kink_gaps(held: HeldProgram, found: Sequence[Kink]) -> Function:
    """`kink_gaps`: how far every entry of every kinked function is from its kink."""
    fields = {}
    for number, kink in enumerate(found):
        axes = {letter: axis for axis, letter in enumerate(kink.gaps.letters)}
        fields[f"gap{number}"] = whole(f"gap{number}", relabel(kink.gaps, axes), kink.gaps.node.shape)
    doc = "How far the inputs are from every kink."
    return _probe(KINK_GAPS, doc, held.program, Record("Gaps", fields))


def distance_from_singular(held: HeldProgram) -> Function | None:
    """`conditioning`: how far matrices are from singular; None where none has to be regular."""
    found = conditioning(held.program.loss)
    doc = "The least 1/(‖M‖·‖M⁻¹‖) of all matrices M that are inverted."
    return None if found is None else _probe(CONDITIONING, doc, held.program, _found(found))


def _found(use: Use) -> Array:
    return whole("found", use, use.node.shape)


def _probe(name: str, doc: str, program: Program, result: Result) -> Function:
    function = Function(name, (doc,), program.arguments, result, takes_all=True)
    return scheduled([function], program.identities)[0]


def held(derivation: Derivation) -> HeldProgram:
    """The model and its gradient with what is inside `constant` held."""
    program, gradient = derivation.program, tuple(derivation.gradient.values())
    copies, arguments = _copies(program)
    roots = [program.loss, *gradient]
    nodes = list(postorder([root.node for root in roots]))
    inside = [node for node in nodes if isinstance(node, Apply) and node.head is constant]
    terms = [node.args[0] for node in inside]
    for root in roots:  # an earlier state is held, too
        terms = [finished(term, root.node) for term in terms]
    if not {use.node for use in copies} & set(postorder([term.node for term in terms])):
        return HeldProgram(program, gradient, {})
    loss, *adjoints = substitute(roots, dict(zip(map(own, inside), substitute(terms, copies), strict=True)))
    names = {node.name: cast(Input, copies[own(node)].node).name for node in program.parameters.values()}
    extended = replace(program, loss=loss, arguments=(*program.arguments, *arguments))
    return HeldProgram(extended, tuple(adjoints), names)


def kinks_of(found: HeldProgram) -> list[Kink]:
    """The kinked functions of the loss."""
    return kinks(found.program.loss, found.program.parameters.values())


def _copies(program: Program) -> tuple[dict[Use, Use], Sequence[Argument]]:
    """A copy of each parameter, and the argument that it is."""
    names = {argument.name for argument in program.arguments} | {str(d) for d in program.dimensions}
    copies: dict[Use, Use] = {}
    arguments: list[Argument] = []
    for argument in program.arguments:
        if argument.symbol in program.parameters:
            node = program.parameters[argument.symbol]
            name = next(name for n in count() if (name := f"{argument.name}_held{n or ''}") not in names)
            copies[own(node)] = own(intern(Input, node.shape, name, node.symbol, node.integer))
            arguments.append(replace(argument, name=name, role="data"))
    return copies, arguments
