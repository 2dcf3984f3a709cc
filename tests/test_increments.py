"""What powers leave of 1: compound growth, infections, Kumaraswamy's distribution, order statistics, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Rational, Sum, exp, log, symbols

from symgrad import Model, ndtr, sigmoid
from tests.families import one_in

from . import array_tails
from .tails import Tail, shortfalls

x, y, u = symbols("x y u", real=True)
p, a, b = symbols("p a b", positive=True)
m = symbols("m", integer=True, positive=True)
SIGNED = {"x": [1e-20, -1e-12, 1e-4, -0.3, 2.0, -1e-300, 0.5]}
SHARES = {"p": [1e-20, 1e-12, 1e-4, 0.3, 0.9, 1e-100]}
POWERS = [2.5, 0.3, 1.2, 1e-10, 0.5, 3.7]
COUNTS = [2, 3, 10, 5, 4, 1]
FAR = {"u": [-40.0, -3.0, 1e-5, 2.0, 40.0, -600.0]}


def logistic(u):
    return 1 / (1 + mpmath.exp(-u))


TAILS = {
    "growth": Tail(
        lambda: (1 + x) ** y - 1, lambda x, y: (1 + x) ** mpmath.mpf(y) - 1, {**SIGNED, "y": [*POWERS, -1.2]}
    ),
    "infection": Tail(lambda: 1 - (1 - p) ** b, lambda p, b: 1 - (1 - p) ** mpmath.mpf(b), {**SHARES, "b": POWERS}),
    "in steps": Tail(lambda: 1 - (1 - p) ** m, lambda p, m: 1 - (1 - p) ** m, {**SHARES, "m": COUNTS}),
    "log in steps": Tail(
        lambda: log(1 - (1 - p) ** m), lambda p, m: mpmath.log(1 - (1 - p) ** m), {**SHARES, "m": COUNTS}
    ),
    "in steps of either sign": Tail(
        lambda: (1 + x) ** m - 1, lambda x, m: (1 + x) ** m - 1, {**SIGNED, "m": [*COUNTS, 3]}
    ),
    "cube": Tail(lambda: (1 + x) ** 3 - 1, lambda x: (1 + x) ** 3 - 1, SIGNED),
    "seventh": Tail(lambda: (1 + x) ** 7 - 1, lambda x: (1 + x) ** 7 - 1, SIGNED),
    "inverse square": Tail(
        lambda: a - a / (1 + x) ** 2, lambda x, a: a - a / (1 + x) ** 2, {**SIGNED, "a": [*POWERS, 2.0]}
    ),
    "logarithm of growth": Tail(
        lambda: log((1 + x) ** m - 1),
        lambda x, m: mpmath.log((1 + x) ** m - 1),
        {"x": [1e-20, 0.3, 1e-4], "m": [3, 4, 20]},
    ),
    "Kumaraswamy": Tail(
        lambda: 1 - (1 - p**a) ** b,
        lambda p, a, b: 1 - (1 - p**a) ** b,
        {**SHARES, "a": [1.5, 2.5, 0.5, 3.0, 0.2, 0.1], "b": POWERS},
    ),
    "largest of two": Tail(lambda: 1 - (1 - sigmoid(u)) ** 2, lambda u: 1 - (1 - logistic(u)) ** 2, FAR),
    "largest of many": Tail(
        lambda: 1 - (1 - sigmoid(u)) ** m, lambda u, m: 1 - (1 - logistic(u)) ** m, {**FAR, "m": COUNTS}
    ),
    "smallest of normal ones": Tail(
        lambda: 1 - ndtr(u) ** 3, lambda u: 1 - mpmath.ncdf(u) ** 3, {"u": [8.0, 3.0, -1.0, 1e-3]}
    ),
    "failure of all": Tail(
        lambda: 1 - (1 - exp(-p)) ** m,
        lambda p, m: 1 - (1 - mpmath.exp(-p)) ** m,
        {"p": [40.0, 3.0, 1e-3], "m": [3, 7, 2]},
    ),
}


@pytest.mark.parametrize("name", one_in(4, TAILS))
def test_powers_less_one(name):
    assert not shortfalls(TAILS[name])


def test_powers_that_are_no_exponentials_stay():
    module = Model((1 + x) ** m - 1, [x]).compile(check=False)
    with np.errstate(all="raise"):
        assert [float(module.value(x=-3.0, m=k)) for k in (1, 2, 5)] == [-3.0, 3.0, -33.0]
        assert float(module.value(x=-1.0, m=3)) == -1
    bounded = Model(1 - (1 - p) ** b, [p]).compile(check=False)
    with np.errstate(all="raise"):
        assert float(bounded.value(p=1.0, b=2.5)) == 1
    logs = Model(log(1 - (1 - p) ** m), [p]).compile(check=False)
    with np.errstate(all="raise"):
        assert float(logs.value(p=1.0, m=3)) == 0
        assert float(logs.value(p=1.75, m=3)) == pytest.approx(np.log(1 + 0.75**3), rel=1e-15)


def test_rows():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    r, w = IndexedBase("r", shape=(N,)), IndexedBase("w", shape=(N,), positive=True)
    rows = (n, 0, N - 1)
    at = {"r": np.array([1e-18, -1e-9, 0.5]), "w": np.array([1.5, 2.0, 1e-3]), "x": 1e-3}
    whole = Sum(w[n] * (1 + r[n] * x) ** Rational(7, 2), rows) - Sum(w[n], rows)
    each = Sum(w[n] * ((1 + r[n] * x) ** Rational(7, 2) - 1), rows)

    def truth(r, w, x):
        return mpmath.fsum(v * ((1 + s * x) ** mpmath.mpf(3.5) - 1) for s, v in zip(r, w, strict=True))

    for loss in (whole, each):
        assert not array_tails.shortfalls(Model(loss, [r, x]), truth, at)
