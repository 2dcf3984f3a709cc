"""Logarithms of 1 + (y/x)ⁿ, whose quotient or power may be beyond all numbers where the logarithm is not."""

from collections.abc import Sequence

from sympy import Integer, Number, S, igcd
from sympy.codegen.cfunctions import log1p

from symgrad.functions.logarithms import log_growth
from symgrad.graph.build import apply, const, number, product_of_powers, split_coefficient
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Apply, Use
from symgrad.graph.transform import factors_of, place, see_through
from symgrad.rewrite.record import HIGHAM, record


@record("log(1 + yⁿ/xⁿ) = n·(log|y| − log|x|) far out", "the quotient overflows where its logarithm does not", HIGHAM)
def log_of_growth(use: Use) -> Use | None:
    """log1p of a quotient, or of an even power, by the parts of it."""
    if not (isinstance(use.node, Apply) and use.node.head is log1p):
        return None
    made = log_of(place(use.node.args[0], use.letters))
    return None if made == use else made


def log_of(growth: Use) -> Use:
    """log(1 + growth), by the parts of a quotient or of an even power."""
    coefficient, product = split_coefficient(see_through(growth))
    factors = factors_of(product)
    power = _power(factors) if coefficient.is_positive else S.One
    parts = [[(f, abs(e) / power) for f, e in factors if s * e > 0] for s in (1, -1)]
    y, x = (
        product_of_powers([(const(c ** (1 / power)), S.One), *part])
        for c, part in zip(coefficient.as_numer_denom(), parts, strict=True)
    )
    if power == 1:
        return apply(log1p, [growth]) if number(x) is not None else apply(log_growth, [y, x])
    return apply(log_growth, [y, x, const(power)])


def growth_of(use: Use) -> Use:
    """(y/x)ⁿ of log(1 + (y/x)ⁿ)."""
    y, x, *power = (place(arg, use.letters) for arg in use.node.uses())
    n = (number(power[0]) if power else None) or S.One
    return product_of_powers([(y, n), (x, -n)])


def _power(factors: Sequence[tuple[Use, Number]]) -> Number:
    """The power that a product is of real numbers: of whole ones, or of roots of positive numbers beside squares."""
    if not all(e.is_Integer for _, e in factors):
        return S.One
    common = Integer(igcd(*(e for _, e in factors), 0))
    if common.is_even:
        return common
    odd = [factor for factor, e in factors if e.is_odd]
    rooted = len(odd) < len(factors) and all(is_positive(factor) and not factor.letters for factor in odd)
    return Integer(2) if rooted else S.One
