"""What a model divides by whatever its data are: its sizes, as a mean over N rows does.

Products cancel: of Σ c/N over N rows c is left, which is right but for N = 0.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sympy import Basic, Expr, Piecewise, Pow

from symgrad.functions import if_else
from symgrad.graph.dimensions import may_be_zero
from symgrad.walk import Preorder

_CHOICES = (if_else, Piecewise)


def divisors(expressions: Iterable[Basic], dimensions: Collection[Any]) -> tuple[Expr, ...]:
    """The expressions of dimensions that a model divides by and that are 0 for some sizes.

    What a condition on sizes chooses is left out, since it may choose by them: `if_else(N > 0, s/N, 0)`.
    """
    found: dict[Expr, None] = {}
    for expression in expressions:
        for part in (walk := Preorder(expression)):
            if isinstance(part, _CHOICES) and _by_sizes(part, dimensions):
                walk.skip()
            elif isinstance(part, Pow) and part.exp.is_negative:
                found[part.base] = None
    of_sizes = [base for base in found if base.free_symbols <= set(dimensions) and may_be_zero(base)]
    return tuple(sorted(of_sizes, key=str))


def _by_sizes(choice: Basic, dimensions: Collection[Any]) -> bool:
    conditions = [pair.cond for pair in choice.args] if isinstance(choice, Piecewise) else choice.args[:1]
    return any(not condition.free_symbols.isdisjoint(dimensions) for condition in conditions)
