"""Differences of one function at two arguments that are near each other, or near 0, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, cos, cosh, log, symbols, tanh

from symgrad import Model, softplus
from tests.families import one_in

from . import array_tails
from .tails import Tail, shortfalls

x, y = symbols("x y", real=True)
q, r = symbols("q r", positive=True)
NEAR = {
    "x": [1.0, 1 + 2**-40, -3.0, 40.0, 0.5, 2.0, 1e-5, 300.0],
    "y": [1 + 2**-30, 1.0, -3.0, 40 * (1 + 2**-33), 0.5 * (1 + 2**-20), 7.0, 2e-5, -300 * (1 + 2**-40)],
}
SMALL = {  # beyond, 1 − tanh² cancels in derivatives
    "x": [1.0, 1 + 2**-40, -1.5, 0.5, 1e-5],
    "y": [1 + 2**-30, 1.0, -1.5, 0.5 * (1 + 2**-20), 2e-5],
}
BESIDE = {"x": [1e-9, 1e-3, 1.0, -1e-20, 1e5, -0.5], "q": [1.0, 2.0, 3.0, 1.0, 1e-3, 0.6]}
TAILS = {
    "cosh": Tail(lambda: cosh(x) - cosh(y), lambda x, y: mpmath.cosh(x) - mpmath.cosh(y), NEAR),
    "cos": Tail(lambda: cos(x) - cos(y), lambda x, y: mpmath.cos(x) - mpmath.cos(y), NEAR),
    "tanh": Tail(lambda: tanh(x) - tanh(y), lambda x, y: mpmath.tanh(x) - mpmath.tanh(y), SMALL),
    "softplus": Tail(
        lambda: softplus(x) - softplus(y), lambda x, y: mpmath.log1p(mpmath.exp(x)) - mpmath.log1p(mpmath.exp(y)), NEAR
    ),
    "cosh among others": Tail(
        lambda: r * cosh(x) - r * cosh(y) + r**2,
        lambda x, y, r: r * mpmath.cosh(x) - r * mpmath.cosh(y) + r**2,
        {**NEAR, "r": [1e-20] * 8},
    ),
    "reciprocals": Tail(lambda: 1 / (q + x) - 1 / q, lambda x, q: 1 / (q + x) - 1 / q, BESIDE),
    "inverse squares": Tail(lambda: 1 / (q + x) ** 2 - 1 / q**2, lambda x, q: 1 / (q + x) ** 2 - 1 / q**2, BESIDE),
    "cubes": Tail(lambda: (q + x) ** 3 - q**3, lambda x, q: (q + x) ** 3 - q**3, BESIDE),
    "logarithms": Tail(lambda: log(q + x) - log(q), lambda x, q: mpmath.log(q + x) - mpmath.log(q), BESIDE),
}


@pytest.mark.parametrize("name", one_in(3, TAILS))
def test_neighbours(name):
    assert not shortfalls(TAILS[name])


def test_rows():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    u, v = IndexedBase("u", shape=(N,)), IndexedBase("v", shape=(N,))
    rows = (n, 0, N - 1)
    loss = Sum(1 / (q + v[n]) ** 2 + r * log(q + u[n]), rows) - N / q**2 - Sum(r * log(q), rows)
    at = {"u": np.array([1e-5, 1.0, -2e-9]), "v": np.array([2e-5, 1 + 2.0**-40, 1e-9]), "q": 2.0, "r": 3.0}

    def truth(u, v, q, r):
        pairs = zip(u, v, strict=True)
        return mpmath.fsum(1 / (q + b) ** 2 - 1 / q**2 + r * mpmath.log1p(a / q) for a, b in pairs)

    assert not array_tails.shortfalls(Model(loss, [u, v]), truth, at)


def test_arrays_keep_what_values_and_derivatives_share():
    N, n = symbols("N n", integer=True, positive=True)
    u, v = IndexedBase("u", shape=(N,)), IndexedBase("v", shape=(N,))
    assert "np.sin(" not in Model(Sum(v[n] * (cos(u[n]) - cos(u[n + 1])) ** 2, (n, 0, N - 2)), [v]).source()
