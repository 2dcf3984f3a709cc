"""The generated functions of a problem: objective, gradient, constraints, their Jacobian, the Lagrangian's Hessian."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Symbol

from symgrad.arguments import Argument
from symgrad.compiler import Derivation, derive
from symgrad.frontend.program import Program
from symgrad.frontend.signature import determined
from symgrad.graph.nodes import Input, postorder
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Function, Record, Sparse, axes_of
from symgrad.outputs.quantities import quantity_value
from symgrad.outputs.second_order import ready
from symgrad.outputs.sparse import sparse_hessian, sparse_jacobian

OBJECTIVE, GRADIENT, BOTH = "objective", "gradient", "objective_and_gradient"
CONSTRAINTS, JACOBIAN, HESSIAN = "constraints", "jacobian", "hessian_of_lagrangian"
JACOBIAN_PATTERN, HESSIAN_PATTERN = "jacobian_pattern", "hessian_pattern"


def problem_functions(
    derivation: Derivation,
    objective: Symbol,
    names: Sequence[Any],
    given: Sequence[Any],
) -> list[Function]:
    """All functions of a problem, as code should compute them.

    Parameters
    ----------
    derivation : that of the Lagrangian, `with_multipliers`.
    objective, names : the names of the objective and of the constraints among its quantities.
    given : the names of the model's own quantities.
    """
    program = derivation.program
    arguments = own_arguments(program, [one.name for one in program.arguments if one.role == "multiplier"])
    made = _objective(program, objective, given, arguments)
    if names:
        values = Record("Constraints", {program.names[name].name: quantity_value(derivation, name) for name in names})
        doc = ("What is held to be zero, at most zero or at least zero: left sides less right sides, by constraint.",)
        slopes = sparse_jacobian(derivation, names, list(program.parameters), "jacobian", JACOBIAN_PATTERN)
        said = (
            "The derivatives of the constraints by the variables, as a sparse matrix.",
            "Rows count the entries of the constraints, columns those of the variables, one array behind the other.",
            *_where(slopes),
        )
        nodes = postorder([program.names[name] for name in names])
        taken = _parameters(program) | {node.name for node in nodes if isinstance(node, Input)}
        functions = [
            Function(CONSTRAINTS, doc, arguments, values, takes=taken),
            Function(JACOBIAN, said, arguments, slopes, takes=taken),
        ]
        made += ready(functions, derivation)
    second = sparse_hessian(derivation, "hessian", HESSIAN_PATTERN)
    said = (
        "The second derivatives of factor·objective + Σ multiplier·constraint, as a sparse matrix.",
        "Rows and columns count the entries of the variables; each place is there once, in both triangles.",
        *_where(second),
    )
    return [*made, *ready([Function(HESSIAN, said, program.arguments, second)], derivation)]


def with_multipliers(derivation: Derivation, names: Sequence[str]) -> Derivation:
    """That of the Lagrangian, with the arguments of these names as multipliers, which no call has to share."""
    program = derivation.program
    arguments = tuple(replace(one, role="multiplier") if one.name in names else one for one in program.arguments)
    return replace(derivation, program=replace(program, arguments=arguments))


def _where(matrix: Sparse) -> list[str]:
    """Where the entries of a matrix stand, for a docstring."""
    first = "There are entries only for (pattern : what the function of the pattern gave, if that is known)"
    return [first, *(f"    {line}" for line in matrix.pattern.doc)]


def own_arguments(program: Program, multipliers: Sequence[str]) -> tuple[Argument, ...]:
    """The arguments without multipliers, off which some dimension may have been read."""
    kept = [one for one in program.arguments if one.name not in multipliers and one.role != "dimension"]
    read = determined([axes_of(one) for one in kept])
    loose = [Argument(str(d), d, (), "dimension", True) for d in program.dimensions if d not in read]
    return (*kept, *loose)


def _parameters(program: Program) -> frozenset[str]:
    return frozenset(node.name for node in program.parameters.values())


def _objective(
    program: Program, objective: Symbol, given: Sequence[Any], arguments: tuple[Argument, ...]
) -> list[Function]:
    """Objective and gradient, by reverse mode over the objective alone."""
    names = {base: program.names[base] for base in given}
    alone = replace(program, loss=program.names[objective].arg, names=names, arguments=arguments)
    value, gradient, both = first_order(derive(alone))
    return [
        replace(function, name=name, doc=(doc,), takes_all=False, takes=_parameters(program))
        for function, name, doc in (
            (value, OBJECTIVE, "The objective."),
            (gradient, GRADIENT, "The derivative of the objective by every variable."),
            (both, BOTH, "The objective and its gradient together."),
        )
    ]
