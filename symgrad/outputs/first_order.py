"""The loss and its gradient as generated functions."""

from collections.abc import Sequence

from symgrad.compiler import Derivation
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Use
from symgrad.outputs.function import Function, Record, phases, scheduled, terms_of, whole

VALUE, GRADIENT, BOTH = "value", "gradient", "value_and_gradient"


def first_order(derivation: Derivation) -> list[Function]:
    """`value`, `gradient` and `value_and_gradient`, scheduled together."""
    return _with_gradient(derivation.program, *_phases(derivation)[-1][1])


def loss_and_gradient(program: Program, adjoints: Sequence[Use]) -> list[Function]:
    """The same of any program whose adjoints are known.

    What the value alone needs is less than what it needs together with the gradient: it is scheduled for itself where
    that counts. The gradient is that of `value_and_gradient`, with the same digits.
    """
    return _with_gradient(program, *scheduled(unscheduled(program, adjoints), program.identities, adjoints=True))


def _with_gradient(program: Program, value: Function, both: Function) -> list[Function]:
    assert isinstance(both.result, tuple)
    doc = "The derivative of the loss by every parameter."
    gradient = Function(GRADIENT, (doc,), program.arguments, both.result[1], takes_all=True)
    return [value, gradient, both]


def unscheduled(program: Program, adjoints: Sequence[Use]) -> list[Function]:
    """`value` and `value_and_gradient` as they are derived."""
    parameters = [argument for argument in program.arguments if argument.role == "parameter"]
    slopes = Record(
        "Gradient",
        {
            argument.name: whole(f"grad_{argument.name}", use, node.shape, argument)
            for argument, node, use in zip(parameters, program.parameters.values(), adjoints, strict=True)
        },
    )
    loss = whole("loss", program.loss, ())
    together = "The loss and its gradient together."
    return [
        Function(VALUE, ("The loss.",), program.arguments, loss, takes_all=True),
        Function(BOTH, (together,), program.arguments, (loss, slopes), takes_all=True),
    ]


def first_order_phases(derivation: Derivation) -> list[tuple[str, list[Use]]]:
    """After each phase of the schedule the loss as `value` has it, then loss and adjoints of `value_and_gradient`."""
    return [
        (name, [use for function in made for use in terms_of(function.result)]) for name, made in _phases(derivation)
    ]


def _phases(derivation: Derivation) -> list[tuple[str, list[Function]]]:
    """`value` and `value_and_gradient` after each phase: the last is for the code, all of them for the check."""
    if not derivation.scheduled:
        functions = unscheduled(derivation.program, list(derivation.gradient.values()))
        derivation.scheduled.extend(list(phases(functions, derivation.program.identities, adjoints=True)))
    return derivation.scheduled
