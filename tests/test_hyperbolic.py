"""Products of hyperbolic functions and exponentials whose factors overflow where they do not, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, cosh, exp, sinh, symbols, tanh

from symgrad import Model
from symgrad.rewrite.hyperbolic import _far_out
from symgrad.univariate import X
from tests.families import one_in

from . import array_tails
from .tails import Tail, shortfalls

x, y = symbols("x y", real=True)
a = symbols("a", positive=True)
FAR = {"x": [800.0, -800.0], "y": [801.0, -790.0]}
TAILS = {
    "cosh over cosh": Tail(lambda: cosh(x) / cosh(y), lambda x, y: mpmath.cosh(x) / mpmath.cosh(y), FAR),
    "bar": Tail(
        lambda: sinh(a * (1 - x)) / sinh(a),
        lambda x, a: mpmath.sinh(a * (1 - x)) / mpmath.sinh(a),
        {"x": [0.25, 0.5], "a": [900.0, 3.0]},
    ),
    "sinh over cosh": Tail(lambda: sinh(x) / cosh(y), lambda x, y: mpmath.sinh(x) / mpmath.cosh(y), FAR),
    "beside an exponential": Tail(
        lambda: exp(-(x**2)) * cosh(x * y),
        lambda x, y: mpmath.exp(-(x**2)) * mpmath.cosh(x * y),
        {"x": [40.0, -30.0, 1.0], "y": [39.0, -30.0, 3.0]},
    ),
    "exp over sinh": Tail(lambda: exp(x) / sinh(y), lambda x, y: mpmath.exp(x) / mpmath.sinh(y), FAR),
    "squares": Tail(lambda: cosh(x) ** 2 / sinh(y) ** 2, lambda x, y: (mpmath.cosh(x) / mpmath.sinh(y)) ** 2, FAR),
}


@pytest.mark.parametrize("name", one_in(len(TAILS), TAILS))
def test_products_of_what_grows_and_what_vanishes(name):
    assert not shortfalls(TAILS[name])


@pytest.mark.parametrize("term", [cosh(X) ** 2 - sinh(X) ** 2, (tanh(X) ** 2 - 1) * cosh(X), cosh(X) + sinh(X)])
def test_the_order_of_terms_that_cancel_is_not_that_of_their_sum(term):
    assert _far_out(term) is None
    assert _far_out((2 * tanh(X) ** 2 - 1) / cosh(X)).order == -1


def test_rows():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    u, v = IndexedBase("u", shape=(N,)), IndexedBase("v", shape=(N,))
    at = {"u": np.array([800.0, -900.0, 0.0]), "v": np.array([801.0, 900.0, -2.0])}

    def truth(u, v):
        return mpmath.fsum(mpmath.sinh(one) / mpmath.cosh(other) for one, other in zip(u, v, strict=True))

    assert not array_tails.shortfalls(Model(Sum(sinh(u[n]) / cosh(v[n]), (n, 0, N - 1)), [u, v]), truth, at)
