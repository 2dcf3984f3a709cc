"""Families with a limit at a parameter of 0, as the generalised extreme values have Gumbel's distribution there.

What is right is the formula at 600 digits, and its limit at 0.
"""

from functools import cache

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, Symbol, exp, log, symbols

from symgrad import Model

N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
y, rows = IndexedBase("y", shape=(N,)), (n, 0, N - 1)
xi, mu, sigma = Symbol("xi", real=True), Symbol("mu", real=True), Symbol("sigma", positive=True)
z = (y[n] - mu) / sigma
base = 1 + xi * z
density = base ** (-1 / xi - 1) * exp(-(base ** (-1 / xi))) / sigma


def extreme(base, xi, sigma):
    return mpmath.log(sigma) + (1 + 1 / xi) * mpmath.log(base) + base ** (-1 / xi)


MODELS = {
    "extreme values": (log(sigma) + (1 + 1 / xi) * log(base) + base ** (-1 / xi), extreme),
    "by their density": (-log(density), extreme),
    "excesses": (
        log(sigma) + (1 + 1 / xi) * log(base),
        lambda base, xi, sigma: mpmath.log(sigma) + (1 + 1 / xi) * mpmath.log(base),
    ),
    "survival": (-log(base ** (-1 / xi)), lambda base, xi, sigma: mpmath.log(base) / xi),
}
DATA = np.array([1.0, 3.0, -0.25])


def exact(loss, at):
    """Value and derivatives; at 0 the limit."""
    with mpmath.workdps(600):
        step = mpmath.mpf(10) ** -120
        point = [mpmath.mpf(value) for value in at]
        point[2] = point[2] or mpmath.mpf(10) ** -60

        def value(mu, sigma, xi):
            return mpmath.fsum(loss(1 + xi * (mpmath.mpf(t) - mu) / sigma, xi, sigma) for t in DATA)

        slopes = []
        for k in range(3):
            up, down = ([p + s * step * (k == m) for m, p in enumerate(point)] for s in (1, -1))
            slopes.append(float((value(*up) - value(*down)) / (2 * step)))
        return float(value(*point)), slopes


@cache
def compiled(name):
    return Model(Sum(MODELS[name][0], rows), [mu, sigma, xi]).compile(check=False)


@pytest.mark.parametrize("shape", [0.25, -0.125, 1e-4, 1e-9, -1e-12, 1e-100, 0.0])
@pytest.mark.parametrize("name", MODELS)
def test_near_the_limit(name, shape):
    loss, module = MODELS[name][1], compiled(name)
    with np.errstate(all="raise", under="ignore"):
        value, slopes = module.value_and_gradient(mu=0.5, sigma=1.25, xi=shape, y=DATA)
    right, gradient = exact(loss, (0.5, 1.25, shape))
    assert value == pytest.approx(right, rel=1e-13)
    assert np.allclose(slopes, gradient, rtol=0, atol=1e-12 * max(map(abs, gradient)))
