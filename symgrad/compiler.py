"""The compiler's passes, in the order of the data's way from a SymPy model to a NumPy module.

    SymPy --frontend--> Program --rewrite--> Program --calculus--> adjoints --rewrite--> formulas --schedule--> Plan
"""

from dataclasses import dataclass, replace
from typing import Any

from symgrad.calculus.kinks import kink_distance
from symgrad.calculus.reverse import reverse
from symgrad.codegen.module import Plan
from symgrad.frontend.program import Program
from symgrad.graph.build import ZERO
from symgrad.graph.nodes import Input, Use, intern
from symgrad.graph.transform import own, substitute
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.facts import fold_names
from symgrad.rewrite.pipeline import recognise, simplify, stabilise
from symgrad.schedule.lower import lower


@dataclass(frozen=True)
class Derivation:
    """A model's derived and simplified adjoints.

    Attributes
    ----------
    program : the model with plain spellings recognised.
    gradient : ∂loss/∂parameter by parameter, in the graph's axes of the parameter.
    trace : the rewrites that fired, in order.
    """

    program: Program
    gradient: dict[Any, Use]
    trace: Trace


def derive(program: Program) -> Derivation:
    """Program -> Program with recognised functions -> adjoints -> simplified adjoints."""
    trace = Trace()
    program = _recognised(program, trace)
    adjoints = reverse(program.loss, list(program.parameters.values()))
    formulas = simplify(list(adjoints.values()), list(program.names.values()), program.identities, trace)
    return Derivation(program, dict(zip(program.parameters, formulas, strict=True)), trace)


def _recognised(program: Program, trace: Trace) -> Program:
    loss, *names = recognise([program.loss, *(own(name) for name in program.names.values())], trace)
    named = {base: use.node for base, use in zip(program.names, names, strict=True)}
    (loss,) = fold_names([loss], list(named.values()))
    return replace(program, loss=loss, names=named)


def adjoint(program: Program, quantity: Any) -> Use:
    """∂loss/∂quantity for a parameter or a name of `where`, in its own axes.

    The quantity is cut out of the graph and made a variable before anything is recognised: log(σ(z)) is one function of z,
    but the adjoint of y = σ(z) is still that of log(y).
    """
    if quantity in program.parameters:
        return derive(program).gradient[quantity]
    old = program.names[quantity]
    variable = intern(Input, old.shape, old.name, old.symbol, False)
    images = {old: own(variable)}
    kept = {base: name for base, name in program.names.items() if base != quantity}
    loss, *names = substitute([program.loss, *(own(name) for name in kept.values())], images)
    cut = replace(
        program,
        loss=loss,
        parameters={quantity: variable},
        names={base: use.node for base, use in zip(kept, names, strict=True)},  # type: ignore[misc]
    )
    derived = derive(cut).gradient[quantity]
    (restored,) = substitute([derived], {variable: own(old)})
    return restored


def plan(derivation: Derivation) -> Plan:
    """Adjoints -> stable, lowered terms with what the module needs to know about its arguments."""
    return _plan(derivation.program, derivation.program.loss, list(derivation.gradient.values()))


def kink_plan(derivation: Derivation) -> Plan | None:
    """The plan of a module whose value is the distance from the nearest kink; None for a smooth model."""
    distance = kink_distance(derivation.program.loss)
    return None if distance is None else _plan(derivation.program, distance, [ZERO] * len(derivation.gradient))


def _plan(program: Program, loss: Use, gradient: list[Use]) -> Plan:
    loss, *gradient = lower(stabilise([loss, *gradient], Trace()))
    return Plan(program.arguments, program.dimensions, program.minimum_sizes, loss, tuple(gradient), {})
