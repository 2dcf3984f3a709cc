"""A model without a loss: what the check differentiates in its place, and what cannot be asked of it."""

from collections.abc import Sequence
from typing import Any

from sympy import Add, Dummy, IndexedBase, MatrixSymbol, Rational, S, Sum, Symbol
from sympy.core.relational import Equality

from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, occurring
from symgrad.functions.norms import sumsq


def half_squares(where: Sequence[Any]) -> Any:
    """½ Σ q² over all entries of all quantities q that no others are made of.

    Its value, branches and kinks are those of the quantities, and its gradient Jᵀq sees all of their Jacobians: with it
    as the loss a model without one is read, derived and checked as any other.

    Raises
    ------
    ModelError : there are no quantities.
    """
    if not where:
        raise ModelError("a model without a loss is what `where` names; give where=[Eq(r, ...)]")
    made: dict[Any, set[Any]] = {}
    for equation in (one for one in where if isinstance(one, Equality)):
        made.setdefault(base_symbol(equation.lhs), set()).update(occurring([equation.rhs]))
    return Add(*(Rational(1, 2) * _squares(base) for base in _last(made)))


def _last(made: dict[Any, set[Any]]) -> list[Any]:
    """The names that go into no others, but into those that they are made of themselves."""
    reached: dict[Any, set[Any]] = {}
    for base in made:
        waiting, seen = [base], set[Any]()
        while waiting:
            new = (made[waiting.pop()] & made.keys()) - seen
            seen |= new
            waiting += new
        reached[base] = seen
    return [base for base in made if all(other in reached[base] for other in made if base in reached[other])]


def _squares(base: Any) -> Any:
    """The sum of the squares of all entries; 0 of what is no name, which reading it will say."""
    if isinstance(base, MatrixSymbol):
        return sumsq(base)
    if isinstance(base, IndexedBase) and base.shape:
        indices = [Dummy(f"i{axis}", integer=True) for axis in range(len(base.shape))]
        limits = [(index, 0, side - 1) for index, side in zip(indices, base.shape, strict=True)]
        return Sum(base[tuple(indices)] ** 2, *limits)
    return base**2 if isinstance(base, Symbol) else S.Zero


def refuse(loss: Any, what: str, instead: str) -> None:
    """An error where a model has no loss of which something could be asked.

    Raises
    ------
    ModelError : there is none.
    """
    if loss is None:
        raise ModelError(f"the model has no loss, and so no {what}; {instead}")
