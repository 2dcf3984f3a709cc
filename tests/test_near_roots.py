"""Differences of roots that are near each other, as pseudo-Huber and Charbonnier losses have them, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Rational, Sum, sqrt, symbols

from symgrad import Model
from tests.families import one_in

from .array_tails import shortfalls as shortfalls_of_arrays
from .tails import Tail, check_first_order, shortfalls

N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
u, x = symbols("u x", real=True)
q, r = symbols("q r", positive=True)
NEAR = {"u": [1e-300, 1e-12, -1e-9, 1e-3, 0.5]}
BESIDE = {"x": [1e-9, 1e-3, 1.0, -1e-20, 1e5], "q": [1.0, 2.0, 3.0, 1.0, 1e-3]}

OF_ONE = {
    "pseudo-Huber": Tail(lambda: sqrt(1 + u**2) - 1, lambda u: mpmath.sqrt(1 + u**2) - 1, {"u": [*NEAR["u"], 1e200]}),
    "root": Tail(lambda: sqrt(1 + u) - 1, lambda u: mpmath.sqrt(1 + u) - 1, NEAR),
    "of less": Tail(lambda: 1 - sqrt(1 - u), lambda u: 1 - mpmath.sqrt(1 - u), NEAR),
    "of both": Tail(
        lambda: sqrt(1 + u) - sqrt(1 - u), lambda u: mpmath.sqrt(1 + u) - mpmath.sqrt(1 - u), {"u": NEAR["u"][1:]}
    ),
    "reciprocal": Tail(lambda: 1 - 1 / sqrt(1 + u**2), lambda u: 1 - 1 / mpmath.sqrt(1 + u**2), NEAR),
    "cube root": Tail(lambda: (1 + u) ** Rational(1, 3) - 1, lambda u: mpmath.cbrt(1 + u) - 1, NEAR),
    "power": Tail(lambda: (1 + u) ** Rational(5, 4) - 1, lambda u: (1 + u) ** mpmath.mpf("1.25") - 1, NEAR),
}
BESIDE_OTHERS = {
    "pseudo-Huber": Tail(
        lambda: q**2 * (sqrt(1 + (x / q) ** 2) - 1), lambda x, q: q**2 * (mpmath.sqrt(1 + (x / q) ** 2) - 1), BESIDE
    ),
    "Charbonnier": Tail(lambda: sqrt(x**2 + q**2) - q, lambda x, q: mpmath.sqrt(x**2 + q**2) - q, BESIDE),
    "difference": Tail(lambda: sqrt(q + x) - sqrt(q), lambda x, q: mpmath.sqrt(q + x) - mpmath.sqrt(q), BESIDE),
    "of reciprocals": Tail(
        lambda: 1 / sqrt(q + r) - 1 / sqrt(q),
        lambda r, q: 1 / mpmath.sqrt(q + r) - 1 / mpmath.sqrt(q),
        {"r": [1e-9, 1e-3, 1e-20, 1e5], "q": [1.0, 2.0, 3.0, 1e-3]},
    ),
}


@pytest.mark.parametrize("name", one_in(3, OF_ONE))
def test_value_gradient_and_hessian_of_one_argument(name):
    assert not shortfalls(OF_ONE[name])


@pytest.mark.parametrize("name", BESIDE_OTHERS)
def test_value_and_gradient(name):
    check_first_order(BESIDE_OTHERS[name])


@pytest.mark.parametrize("spelling", ["one", "names", "root"])
def test_rows(spelling):
    y, w, R = (IndexedBase(name, shape=(N,), real=True) for name in "ywR")
    rest = R[n] if spelling == "names" else y[n] - w[n]
    loss = sqrt(rest**2 + q**2) - q if spelling == "root" else q * (sqrt(1 + (rest / q) ** 2) - 1)
    where = [Eq(R[n], y[n] - w[n])] if spelling == "names" else []
    at = {"y": np.array([1 + 2.0**-40, 3.0, 8.0]), "w": np.array([1.0, 3.0 + 2.0**-30, 5.0]), "q": 1.5}

    def truth(y, w, q):
        return mpmath.fsum(mpmath.sqrt((a - b) ** 2 + q**2) - q for a, b in zip(y, w, strict=True))

    assert not shortfalls_of_arrays(Model(Sum(loss, (n, 0, N - 1)), [w], where=where), truth, at)


def test_a_root_alone_stays_a_root():
    X = IndexedBase("X", shape=(N,), real=True)
    assert "np.sqrt" in Model(Sum(sqrt(1 + X[n] ** 2), (n, 0, N - 1)), [X]).source()


def test_derivatives_are_of_the_sum_as_it_stands():
    """q·(√(1 + 2x/q) − 1) − x as x·f(x/q) has second derivatives that cancel, and formulas that nobody reads."""
    model = Model(q * (sqrt(1 + 2 * r / q) - 1) - r, [r])
    assert model.gradient(r) == 1 / sqrt(1 + 2 * r / q) - 1
    module = model.compile(check=False, hessian=True)
    for at in (1e-12, 1e-9, 1e-3):
        exact = mpmath.mpf(at)
        assert float(module.value(at, 1.0)) == pytest.approx(float(mpmath.sqrt(1 + 2 * exact) - 1 - exact), rel=1e-12)
        assert float(module.hessian(at, 1.0).r.r) == pytest.approx(float(-((1 + 2 * exact) ** -1.5)), rel=1e-12)
