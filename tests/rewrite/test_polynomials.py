"""Factors of rational functions, compared with those that SymPy finds where it is quick."""

import pytest
import sympy
from sympy import symbols
from sympy.core import random

from symgrad.rewrite.polynomials import factored, reduced


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


TEXTS = [
    "(x**2 - y**2)/(x - y)",
    "x**4*z - y**4*z",
    "2*x*y/3 - 4*y*z/3",
    "-x*y - x*z",
    "1/(x - y) + 1/(x + y)",
    "(x*y + 1)**2*(z - 2)**3/(4*x - 8*y)",
    "0*x",
    "x*(y + 1) - x*y - x",
    "(x*(y + 1) - x*y)/(x*y - y*(x - 1))",
    "x**2*y**2*z**2 - 2*x*y*z + 1",
    "(x*y + x)**3*(z**2 - y**2)**2/(x**2*(z - y)*(y + 1))",
    "(2*x - 2*y)/(3*z) + 1/5",
    "sqrt(2)*(x - y)/(x**2 - y**2)",
    "x*z + y*z + x + y",
    "x*z**2 + 2*x*z + x + y*z**2 + 2*y*z + y",
]
MANY = "(x**2*y**2*z**2*t**2 - 1)/(x*y*z*t - 1)"  # of four variables, of degree 1 in none


@pytest.mark.parametrize("text", TEXTS)
def test_factors_are_those_that_sympy_finds(text):
    expr = sympy.sympify(text)
    assert str(factored(expr)) == str(sympy.factor(expr)) or expr.has(sympy.sqrt(2))


@pytest.mark.parametrize("text", [*TEXTS, MANY])
def test_a_product_is_reduced_to_what_sympy_cancels(text):
    expr = sympy.sympify(text)
    assert str(reduced(factored(expr))) == str(sympy.cancel(expr))


def test_what_is_of_degree_1_is_found_without_a_search_for_squares(monkeypatch):
    x, y, z = symbols("x y z")
    monkeypatch.delattr(sympy.Poly, "sqf_list")
    assert factored(x * y**2 + x * y * z + y * z * x) == x * y * (y + 2 * z)
