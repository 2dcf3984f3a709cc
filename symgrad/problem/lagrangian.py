"""The Lagrangian of a problem as a model: factor·objective + Σ multiplier·constraint, by the variables."""

from collections.abc import Sequence
from typing import Any

from sympy import Add, Eq, IndexedBase, MatrixSymbol, S, Sum, Symbol

from symgrad.errors import SymgradError
from symgrad.functions.norms import dot
from symgrad.model import Model
from symgrad.problem.constraints import MULTIPLIER, Constraint

FACTOR = "factor"


def multiplier_of(constraint: Constraint, prefix: str = MULTIPLIER) -> Any:
    """An array of multipliers of the shape of a constraint."""
    name = f"{prefix}{constraint.name}"
    if isinstance(constraint.symbol, MatrixSymbol):
        return MatrixSymbol(name, *constraint.symbol.shape)
    if isinstance(constraint.symbol, IndexedBase):
        return IndexedBase(name, shape=constraint.symbol.shape)
    return Symbol(name, real=True)


def weighted(constraint: Constraint, multipliers: Any) -> Any:
    """The sum of a constraint's gaps, each times its multiplier."""
    array = constraint.symbol
    if isinstance(array, MatrixSymbol):
        return dot(multipliers, array)
    if not isinstance(array, IndexedBase):
        return multipliers * array
    indices = [one.index for one in constraint.ranges]
    limits = [(index, 0, side - 1) for index, side in zip(indices, array.shape, strict=True)]
    return Sum(multipliers[tuple(indices)] * array[tuple(indices)], *limits)


def lagrangian(
    objective: Any,
    name: Symbol,
    variables: Sequence[Any],
    constraints: Sequence[Constraint],
    where: Sequence[Any],
    options: dict[str, Any],
) -> Model:
    """The model whose loss is the Lagrangian, with objective and constraints among its quantities.

    Raises
    ------
    SymgradError : a part of the problem has no sense; where it is a constraint, the message has its place and text.
    """
    equations = [Eq(name, objective, evaluate=False), *(one.equation for one in constraints)]
    parts = [Symbol(FACTOR, real=True) * name, *(weighted(one, multiplier_of(one)) for one in constraints)]
    try:
        return Model(Add(*parts), variables, where=[*where, *equations], **options)
    except SymgradError as problem:
        blamed = _blamed(variables, constraints, where, options)
        if blamed is None:
            raise
        one, said = blamed
        raise type(problem)(f"{one.said}: {said}") from None


def _blamed(
    variables: Sequence[Any], constraints: Sequence[Constraint], where: Sequence[Any], options: dict[str, Any]
) -> tuple[Constraint, str] | None:
    """The first constraint that cannot be read by itself, and why."""
    anchor = Symbol("every_variable_once", real=True)
    for one in constraints:
        everything = Add(weighted(one, multiplier_of(one)), anchor, *map(_once, variables))
        try:
            Model(everything, variables, where=[*where, one.equation], **{**options, "facts": ()})
        except SymgradError as problem:
            beyond = f" of {one.name} are defined"
            return one, str(problem).replace(beyond, " are on the axes of what it subscripts")
    return None


def _once(variable: Any) -> Any:
    """A scalar that a variable occurs in."""
    if isinstance(variable, MatrixSymbol):
        return variable[0, 0]
    if isinstance(variable, IndexedBase):
        return variable[(0,) * len(variable.shape)] if variable.shape else S.Zero
    return variable
