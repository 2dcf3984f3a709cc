"""Factors of rational functions, compared with those that SymPy finds where it is quick."""

import pytest
import sympy
from sympy import symbols
from sympy.core import random

from symgrad.rewrite.polynomials import factored


@pytest.mark.parametrize("seed", range(4))
def test_factors_take_no_luck(seed):
    """After the draws of seed 3 SymPy takes minutes for the derivative of a product of two logsumexps."""
    a, b, c, d, e, f, g, h = symbols("a b c d e f g h", real=True)
    expr = c / (a + b) + e / (a + d) - g * (a * f + d * h) / (a + d) ** 2 - c * (a * f + b * h) / (a + b) ** 2
    random.seed(seed)
    state = random.rng.getstate()
    found = factored(expr)
    assert random.rng.getstate() == state
    assert found == factored(found) and sympy.expand(sympy.together(found - expr)) == 0
    assert found.as_numer_denom()[1] == (a + b) ** 2 * (a + d) ** 2


@pytest.mark.parametrize(
    "text",
    [
        "(x**2 - y**2)/(x - y)",
        "x**4*z - y**4*z",
        "2*x*y/3 - 4*y*z/3",
        "-x*y - x*z",
        "1/(x - y) + 1/(x + y)",
        "(x*y + 1)**2*(z - 2)**3/(4*x - 8*y)",
        "0*x",
        "x**2*y**2*z**2 - 2*x*y*z + 1",
    ],
)
def test_factors_are_those_that_sympy_finds(text):
    expr = sympy.sympify(text)
    assert str(factored(expr)) == str(sympy.factor(expr))
