"""Functions that only the check of a model calls: named quantities, the distance from kinks, what is held constant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

from symgrad.arguments import Argument
from symgrad.calculus.conditioning import conditioning
from symgrad.calculus.kinks import kink_distance, kinks
from symgrad.compiler import Derivation
from symgrad.frontend.program import Program
from symgrad.functions import constant
from symgrad.graph.nodes import Apply, Input, Use, intern, postorder
from symgrad.graph.scan import finished
from symgrad.graph.transform import own, substitute
from symgrad.outputs.function import Function, scheduled, whole

KINK_DISTANCE, CONDITIONING = "kink_distance", "conditioning"


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
    return _probe(f"quantity_{node.name}", f"{node.name}.", derivation.program, own(node))


def distance_from_kinks(held: HeldProgram) -> Function | None:
    """`kink_distance`: how far inputs are from the nearest kink; None for a smooth model."""
    found = kink_distance(held.program.loss, held.program.parameters.values())
    doc = "How far the inputs are from the nearest kink."
    return None if found is None else _probe(KINK_DISTANCE, doc, held.program, found)


def distance_from_singular(held: HeldProgram) -> Function | None:
    """`conditioning`: how far matrices are from singular; None where none has to be regular."""
    found = conditioning(held.program.loss)
    doc = "The least 1/(‖M‖·‖M⁻¹‖) of all matrices M that are inverted."
    return None if found is None else _probe(CONDITIONING, doc, held.program, found)


def _probe(name: str, doc: str, program: Program, use: Use) -> Function:
    array = whole("found", use, use.node.shape)
    function = Function(name, (doc,), program.arguments, array, takes_all=True)
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


def kink_terms(found: HeldProgram) -> list[tuple[str, Use]]:
    """The distance from each kink by itself, with the name of its kind."""
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
