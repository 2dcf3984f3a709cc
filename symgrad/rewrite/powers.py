"""Derivatives of x**y where x or y is zero: there 0·0**-1 and 0**y·log 0 are to be 0, not undefined."""

from sympy import And, Eq, Ge, Pow, S, log

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, apply, product_of_powers, subtract
from symgrad.graph.nodes import Apply, Contract, Use
from symgrad.graph.transform import place
from symgrad.rewrite.record import record


@record(
    "y·xʸ⁻¹ = 0 where y = 0, xʸ·log x = 0 where x = 0 and y ≥ 0",
    "0·∞ is not a number",
    "limit of xʸ·log x as x tends to 0",
)
def power_at_zero(use: Use) -> Use | None:
    """y·x**(y - 1) is 0 where y is; x**y·log(x) is 0 where x is 0 and y is not negative, as its limit is for y > 0.

    So are products of powers of both, which second derivatives have: x**y·log(x)**2.
    """
    node = use.node
    if not isinstance(node, Contract):
        return None
    factors = list(node.factors)
    for n, (factor, e) in enumerate(factors):
        if not (e > 0 and isinstance(factor.node, Apply) and factor.node.head is Pow):
            continue
        base, exponent = (place(arg, factor.letters) for arg in factor.node.args)
        for m, (other, f) in enumerate(factors):
            if m == n:
                continue
            if e == f == 1 and exponent == subtract(other, ONE):
                safe = apply(if_else, [apply(Eq, [other, ZERO]), ZERO, exponent])
                factors[n] = apply(Pow, [base, safe]), S.One
            elif (
                f > 0
                and isinstance(other.node, Apply)
                and other.node.head is log
                and place(other.node.args[0], other.letters) == base
            ):
                at_zero = apply(And, [apply(Eq, [base, ZERO]), apply(Ge, [exponent, ZERO])])
                factors[m] = apply(log, [apply(if_else, [at_zero, ONE, base])]), f
            else:
                continue
            return place(product_of_powers(factors, dict(enumerate(node.bound, node.rank))), use.letters)
    return None
