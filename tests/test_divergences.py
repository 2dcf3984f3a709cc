"""Bregman divergences of neighbours, as deviances and generalised Kullback-Leibler divergences are, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import Model, sigmoid
from tests.families import one_in

from .tails import Tail, shortfalls

x, y, u = symbols("x y u", real=True)
p, q, w = symbols("p q w", positive=True)
PAIRS = {
    "p": [1.0, 1 + 2**-40, 3.0, 1e-100, 0.5, 2.0, 1e10, 5e-4, 1e-30],
    "q": [1 + 2**-30, 1.0, 3.0, 2e-100, 0.5 * (1 + 2**-20), 7.0, 1e10 * (1 + 2**-26), 5e2, 1.0],
}
POINTS = {
    "x": [1.0, 1 + 2**-40, -3.0, 40.0, 0.5, 2.0, 1e-5, 300.0],
    "y": [1 + 2**-30, 1.0, -3.0, 40 * (1 + 2**-33), 0.5 * (1 + 2**-20), 7.0, 2e-5, 290.0],
}
ln = mpmath.log

TAILS = {
    "Kullback and Leibler's": Tail(lambda: p * log(p / q) - p + q, lambda p, q: p * ln(p / q) - p + q, PAIRS),
    "by two logarithms": Tail(lambda: p * log(p) - p * log(q) - p + q, lambda p, q: p * ln(p / q) - p + q, PAIRS),
    "Poisson deviance": Tail(lambda: 2 * (p * log(p / q) - (p - q)), lambda p, q: 2 * (p * ln(p / q) - p + q), PAIRS),
    "with a weight": Tail(
        lambda: w * p * log(p / q) - w * (p - q), lambda p, q, w: w * (p * ln(p / q) - p + q), {**PAIRS, "w": [3.0] * 9}
    ),
    "Itakura and Saito's": Tail(lambda: p / q - log(p / q) - 1, lambda p, q: p / q - ln(p / q) - 1, PAIRS),
    "by logarithms": Tail(lambda: p / q - log(p) + log(q) - 1, lambda p, q: p / q - ln(p / q) - 1, PAIRS),
    "gamma deviance": Tail(lambda: 2 * (-log(p / q) + (p - q) / q), lambda p, q: 2 * (-ln(p / q) + (p - q) / q), PAIRS),
    "of a sum": Tail(
        lambda: p * log(p / (q + w)) - p + q + w,
        lambda p, q, w: p * ln(p / (q + w)) - p + q + w,
        {**PAIRS, "w": [2.0**-35, 2.0**-33, 1e-9, 1e-101, 1e-8, 2.0, 1.0, 1e-3, 1e-20]},
    ),
    "Poisson deviance by its logarithm": Tail(
        lambda: p * log(p) - p * u - p + exp(u),
        lambda p, u: p * ln(p) - p * u - p + mpmath.exp(u),
        {"p": [1.0, 2.0, 1e-3, 50.0], "u": [2**-30, float(np.log(2.0)), -7.0, 3.9]},
    ),
    "of exponentials": Tail(
        lambda: exp(x) - exp(y) - (x - y) * exp(y),
        lambda x, y: mpmath.exp(x) - mpmath.exp(y) - (x - y) * mpmath.exp(y),
        POINTS,
    ),
}


@pytest.mark.parametrize("name", one_in(3, TAILS))
def test_neighbours(name):
    assert not shortfalls(TAILS[name])


def test_arrays_keep_what_costs_less():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    Y, E = IndexedBase("Y", shape=(N,)), IndexedBase("E", shape=(N,))
    deviance = Sum(Y[n] * log(Y[n]) - Y[n] * E[n] - Y[n] + exp(E[n]), (n, 0, N - 1))
    assert "_x_minus_log1p" not in Model(deviance, [E]).source()


def test_numbers_below_zero_have_no_logarithm():
    module = Model(x / y - log(x) + log(y) - 1, [x]).compile(check=False)
    with np.errstate(invalid="ignore"):
        assert np.isnan(module.value(x=-1.0, y=-1.0 - 2**-30))
    apart = Model(x * log(x / y) - x + y, [x]).compile(check=False)
    assert float(apart.value(x=-1.0, y=-2.0)) == pytest.approx(np.log(2) - 1, rel=1e-14)


def test_what_is_no_divergence_stays():
    for loss in (
        p * log(p / q) - p + 2 * q,
        p * log(p / q) + p - q,
        log(p) - log(q) - 1 + p / q,
        x * sigmoid(y) + log(q) - q,
    ):
        assert "_x_minus_log1p" not in Model(loss, [s for s in (p, x) if s in loss.free_symbols]).source()
    assert "_x_minus_log1p" in Model(p * log(p / q) - p + q, [p]).source()
