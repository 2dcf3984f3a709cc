"""Functions over a parameter that may be small, inside of sums and exponents: (1 + 1/a)·log(1 + a·t), (1 + a·t)^(−1/a).

`univariate.quotient` finds f(a·t)/a as it stands; here it is a part of something else.
"""

from collections.abc import Sequence

from sympy import Pow, S, exp, log

from symgrad.graph.build import add, apply, product_of_powers
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.divided import DERIVED, Factors, divided
from symgrad.rewrite.power_means import is_sum_of_powers, over_exponent
from symgrad.rewrite.readings import reading
from symgrad.rewrite.record import record
from symgrad.rewrite.summands import opened_factors


@record("(b + c/a)·f(a·t) = b·f(a·t) + c·f(a·t)/a, where f(0) = 0", "0/0 for a = 0, and 1/a cancels nearby", DERIVED)
def quotient_in_sum(use: Use) -> Use | None:
    """A product with a sum of which some term divides a function that vanishes with the divisor."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    for n, (factor, e) in enumerate(factors):
        if e != 1 or not isinstance(factor.node, Add):
            continue
        others = [pair for m, pair in enumerate(factors) if m != n]
        products = [(c, [*others, *factors_of(term)]) for c, term in terms_of(factor)]
        if any(divided(product) is not None for _, product in products):
            made = _common(others, [product for _, product in products]) or [product for _, product in products]
            return add([(c, product_of_powers(product, bound)) for (c, _), product in zip(products, made, strict=True)])
    return None


def _common(others: Factors, products: Sequence[Factors]) -> list[Factors] | None:
    """The products with a logarithm of a sum of powers as its exponent times what it is over that, in all of them."""
    divisors = dict.fromkeys(factor for product in products for factor, e in product if e == -1)
    for logarithm, e in others:
        for divisor in divisors if e == 1 else ():
            made = None if reading(logarithm) else over_exponent(logarithm, divisor)
            if made is not None:
                parts = [(made, S.One), (divisor, S.One)]
                return [[*(pair for pair in product if pair[0] != logarithm), *parts] for product in products]
    return None


@record("(1 + a·t)^(c/a) = exp(c·log(1 + a·t)/a)", "the exponent is infinite for a = 0, and cancels nearby", DERIVED)
def power_near_one(use: Use) -> Use | None:
    """A power whose exponent is divided by a factor of its base's distance from 1."""
    if not (isinstance(use.node, Apply) and use.node.head is Pow):
        return None
    base, exponent = (place(arg, use.letters) for arg in use.node.args)
    if not isinstance(see_through(base).node, Add) or not _has_divisor(exponent):
        return None
    logarithm = apply(log, [base])
    products = [(c, [*factors_of(term), (logarithm, S.One)]) for c, term in terms_of(see_through(exponent))]
    quotients = [divided(product) for _, product in products]
    if not any(quotient is not None for quotient in quotients):
        divisors = {factor for _, product in products for factor, e in product if e == -1}
        if not any(is_sum_of_powers(base, divisor) for divisor in divisors):
            return None
    parts = zip(products, quotients, strict=True)
    return apply(exp, [add([(c, product_of_powers(quotient or product)) for (c, product), quotient in parts])])


def _has_divisor(use: Use) -> bool:
    return any(e.is_negative for _, term in terms_of(see_through(use)) for _, e in factors_of(term))
