"""Quotients of polynomials: in lowest terms, and after a time that their results have, not their spellings."""

import pytest
from sympy import Symbol, cancel, exp, gcd, log, tanh
from sympy.abc import a, b

from symgrad.univariate.far import far, q
from symgrad.univariate.rational import quotient
from symgrad.univariate.series import X


@pytest.mark.parametrize(
    "expr",
    [(a**2 - b**2) / (a + b) ** 2, 1 / (a + 1 / a) - a, (a / 2 + b / 3) / (a + 1), (a - b) * a**-3 - b / (b - a)],
    ids=str,
)
def test_lowest_terms(expr):
    over, under = quotient(expr, a, b)
    assert cancel(over / under - expr) == 0
    assert gcd(over, under) == 1


@pytest.mark.parametrize("expr", [exp(a), a * Symbol("c"), a**0.5], ids=str)
def test_what_is_none(expr):
    with pytest.raises(ValueError):
        quotient(expr, a, b)


def test_derivatives_of_many_divisors():
    """Their common denominator, multiplied out, has a degree of some hundreds."""
    found = far(log(2 - tanh(X)).diff(X, 3), 1)
    assert (found.rest.number, found.rest.decay) == (-16, 2)
    assert [(base.degree(q), e) for base, e in found.rest.factors] == [(8, 1), (2, -3), (2, -3)]
