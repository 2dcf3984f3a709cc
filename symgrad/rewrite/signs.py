"""What has a sign: |p·u| = p·|u| for p > 0, |u²| = u², |1/u| = 1/|u|, max(p, 0) = p."""

from sympy import Abs, Number, S

from symgrad.functions import relu
from symgrad.graph.build import add, apply, product_of_powers, split_coefficient
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Apply, Use
from symgrad.graph.transform import factors_of, place
from symgrad.rewrite.record import record


@record("|p·u| = p·|u| for p > 0, |u²| = u², |1/u| = 1/|u|", "p has no kink", "definition of the absolute value")
def absolute_value(use: Use) -> Use | None:
    """An absolute value without the factors that are never negative, and without exponents."""
    if not (isinstance(use.node, Apply) and use.node.head is Abs):
        return None
    coefficient, inner = split_coefficient(place(use.node.args[0], use.letters))
    outside: list[tuple[Use, Number]] = []
    inside: list[tuple[Use, Number]] = []
    for factor, exponent in factors_of(inner):
        if exponent.is_even or is_nonnegative(factor):
            outside.append((factor, exponent))
        elif exponent == 1 or not exponent.is_integer:
            inside.append((factor, exponent))
        else:
            outside.append((apply(Abs, [factor]), exponent))
    if not outside and coefficient == 1:
        return None
    if inside:
        outside.append((apply(Abs, [product_of_powers(inside)]), S.One))
    return add([(abs(coefficient), product_of_powers(outside))])


@record("max(p, 0) = p for p ≥ 0", "p has no kink", "definition of the maximum")
def positive_part(use: Use) -> Use | None:
    """max(u, 0) = u where u is never negative."""
    if not (isinstance(use.node, Apply) and use.node.head is relu):
        return None
    inner = place(use.node.args[0], use.letters)
    return inner if is_nonnegative(inner) else None
