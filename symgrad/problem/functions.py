"""The generated functions of a problem: objective, gradient, constraints, their Jacobian, the Lagrangian's Hessian."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Symbol

from symgrad.arguments import Argument
from symgrad.compiler import Derivation, derive
from symgrad.frontend.program import Program
from symgrad.frontend.signature import determined
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Array, Function, Record, Result, Sparse, axes_of
from symgrad.outputs.quantities import quantity_value
from symgrad.outputs.second_order import Formulas, Request, ready, second_order

OBJECTIVE, GRADIENT, BOTH = "objective", "gradient", "objective_and_gradient"
CONSTRAINTS, JACOBIAN, HESSIAN = "constraints", "jacobian", "hessian_of_lagrangian"


def problem_functions(
    derivation: Derivation,
    objective: Symbol,
    names: Sequence[Any],
    given: Sequence[Any],
    multipliers: Sequence[str],
    formulas: Formulas,
) -> list[Function]:
    """All functions of a problem, as code should compute them.

    Parameters
    ----------
    derivation : that of the Lagrangian.
    objective, names : the names of the objective and of the constraints among its quantities.
    given : the names of the model's own quantities.
    multipliers : the arguments that only the Lagrangian has.
    formulas : the texts of derivatives, for docstrings.
    """
    program = derivation.program
    arguments = own_arguments(program, multipliers)
    made = _objective(program, objective, given, arguments)
    if names:
        values = Record("Constraints", {program.names[name].name: quantity_value(derivation, name) for name in names})
        doc = ("What is held to be zero, at most zero or at least zero: left sides less right sides, by constraint.",)
        slopes = second_order(derivation, Request(jacobian=tuple(names)), formulas)
        labels = [program.names[name].name for name in names]
        fields = {label: _relabelled(one.result, label) for label, one in zip(labels, slopes, strict=True)}
        lines = [line for one in slopes for line in one.doc]
        made += [
            *ready([Function(CONSTRAINTS, doc, arguments, values, takes_all=True)], derivation),
            *ready(
                [Function(JACOBIAN, ("The derivatives of the constraints: J.c.x by constraint and variable.", *lines),
                arguments, Record("Jacobian", fields), takes_all=True)], derivation,
            ),
        ]  # fmt: skip
    hessian = second_order(derivation, Request(hessian=True), formulas)[0]
    said = (
        "Of factor·objective + Σ multiplier·constraint the second derivatives: H.x.y has the axes of x, then of y.",
        *hessian.doc[1:],
    )
    return [*made, *ready([replace(hessian, name=HESSIAN, doc=said)], derivation)]


def own_arguments(program: Program, multipliers: Sequence[str]) -> tuple[Argument, ...]:
    """The arguments without multipliers, off which some dimension may have been read."""
    kept = [one for one in program.arguments if one.name not in multipliers and one.role != "dimension"]
    read = determined([axes_of(one) for one in kept])
    loose = [Argument(str(d), d, (), "dimension", True) for d in program.dimensions if d not in read]
    return (*kept, *loose)


def _objective(
    program: Program, objective: Symbol, given: Sequence[Any], arguments: tuple[Argument, ...]
) -> list[Function]:
    """Objective and gradient, by reverse mode over the objective alone."""
    names = {base: program.names[base] for base in given}
    alone = replace(program, loss=program.names[objective].arg, names=names, arguments=arguments)
    value, gradient, both = first_order(derive(alone))
    return [
        replace(value, name=OBJECTIVE, doc=("The objective.",)),
        replace(gradient, name=GRADIENT, doc=("The derivative of the objective by every variable.",)),
        replace(both, name=BOTH, doc=("The objective and its gradient together.",)),
    ]


def _relabelled(result: Result, prefix: str) -> Any:
    """The Jacobian of a constraint with variables of its own: that of another has arrays by the same parameters."""
    if isinstance(result, Record):
        return replace(result, fields={name: _relabelled(part, prefix) for name, part in result.fields.items()})
    assert not isinstance(result, tuple)
    label = f"{prefix}_{result.label}"
    if isinstance(result, Array):
        return replace(result, label=label)
    assert isinstance(result, Sparse)
    values = tuple(replace(part, label=f"{prefix}_{part.label}") for part in result.values)
    return replace(result, label=label, values=values)
