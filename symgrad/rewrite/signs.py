"""What has a sign: |p·u| = p·|u| for p > 0, |u²| = u², |1/u| = 1/|u|, u·sign(u) = |u|, max(p, 0) = p."""

from sympy import Abs, Number, S, sign

from symgrad.functions import relu
from symgrad.graph.build import add, apply, product_of_powers, split_coefficient
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Apply, Contract, Use
from symgrad.graph.transform import factors_of, place
from symgrad.rewrite.record import record
from symgrad.rewrite.summands import opened_summands


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


@record("u·sign(u) = |u|", "1 + |u| − u·sign(u) is 1, as the slope of softsign has it", "definition of the sign")
def times_its_sign(use: Use) -> Use | None:
    """A product, also under a sum, of a sign and all factors that it is the sign of."""
    if not isinstance(use.node, Contract) or not _has_sign(use.node):
        return None
    for factors, bound in opened_summands(use):
        for function, e in factors:
            if e != 1 or not _is_sign(function):
                continue
            assert isinstance(function.node, Apply)
            coefficient, inner = split_coefficient(place(function.node.args[0], function.letters))
            there, wanted = dict(factors), dict(factors_of(inner))
            if any(power * there.get(part, S.Zero) < power**2 for part, power in wanted.items()):
                continue
            left = [(part, power - wanted.get(part, S.Zero)) for part, power in factors if part != function]
            size = apply(Abs, [inner])
            return add([(coefficient / abs(coefficient), product_of_powers([*left, (size, S.One)], bound))])
    return None


def _has_sign(node: Contract) -> bool:
    """Whether a sign is among the factors, or among those of a sum that is one; most products have none."""
    return any(
        _is_sign(factor) or (isinstance(factor.node, Contract) and any(_is_sign(one) for one, _ in factor.node.factors))
        for factor, _ in node.factors
    )


def _is_sign(use: Use) -> bool:
    return isinstance(use.node, Apply) and use.node.head is sign


@record("max(p, 0) = p for p ≥ 0", "p has no kink", "definition of the maximum")
def positive_part(use: Use) -> Use | None:
    """max(u, 0) = u where u is never negative."""
    if not (isinstance(use.node, Apply) and use.node.head is relu):
        return None
    inner = place(use.node.args[0], use.letters)
    return inner if is_nonnegative(inner) else None
