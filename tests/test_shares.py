"""Quotients by sums where products of their parts overflow or vanish, as Kalman gains have them, against mpmath."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import Model

from .tails import Tail, check_first_order

P, r, a, b, c = symbols("P r a b c", positive=True)
m, y = symbols("m y", real=True)
FAR = {"P": [1e-200, 1e200, 3e-300, 1.0], "r": [2e-200, 3e200, 2.0, 1e300]}
MODELS = {
    "of two variances": Tail(lambda: P * r / (P + r), lambda P, r: P * r / (P + r), FAR),
    "harmonic mean": Tail(lambda: 2 / (1 / P + 1 / r), lambda P, r: 2 / (1 / P + 1 / r), FAR),
    "of three": Tail(
        lambda: 1 / (1 / a + 1 / b + 1 / c),
        lambda a, b, c: 1 / (1 / a + 1 / b + 1 / c),
        {"a": [1e-200, 1e200], "b": [2e-200, 3e200], "c": [3e-200, 1e200]},
    ),
    "saturation": Tail(
        lambda: a * P / (r + P), lambda a, P, r: a * P / (r + P), {**FAR, "a": [1e-200, 3e200, 2.0, 1e-10]}
    ),
    "update": Tail(
        lambda: (y - (m + P / (P + r) * (y - m))) ** 2,
        lambda m, y, P, r: (y - (m + P / (P + r) * (y - m))) ** 2,
        {**FAR, "m": [1.0, 2.0, 1.0, 1.0], "y": [2.0, 1.0, 3.0, 2.0]},
    ),
    "mean by weights": Tail(
        lambda: (P * m + r * y) / (P + r),
        lambda m, y, P, r: (P * m + r * y) / (P + r),
        {**FAR, "m": [1.0, 2.0, 1.0, 1.0], "y": [2.0, 1.0, 3.0, 2.0]},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_value_and_gradient(name):
    check_first_order(MODELS[name])


def test_rows():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    s, t = IndexedBase("s", shape=(N,), positive=True), IndexedBase("t", shape=(N,), positive=True)
    module = Model(Sum(a * s[n] / (t[n] + s[n]), (n, 0, N - 1)), [a, s, t]).compile(check=False)
    near = module.value_and_gradient(a=3.0, s=np.array([1.0, 3.0]), t=np.array([2.0, 1.0]))
    for size in (1e-200, 1e200):
        with np.errstate(all="raise", under="ignore"):
            value, slopes = module.value_and_gradient(
                a=3.0 * size, s=size * np.array([1.0, 3.0]), t=size * np.array([2.0, 1.0])
            )
        assert value == pytest.approx(size * near[0], rel=1e-14)
        for far, one in zip(slopes, near[1], strict=True):
            assert far == pytest.approx(one, rel=1e-14)


def test_a_factor_of_a_sum_is_divided_inside():
    """What is summed vanishes where the gain's divisor is large; the variance in front of the sum is as large."""
    T, t = symbols("T", integer=True, positive=True), symbols("t", integer=True)
    y, m = IndexedBase("y", shape=(T,), real=True), IndexedBase("m", shape=(T + 1,), real=True)
    p, lq, lr = IndexedBase("p", shape=(T + 1,), positive=True), *symbols("lq lr", real=True)
    prior, noise = p[t - 1] + exp(lq), exp(lr)
    where = [
        Eq(m[0], 0), Eq(p[0], 1), Eq(m[t], m[t - 1] + prior / (prior + noise) * (y[t - 1] - m[t - 1])),
        Eq(p[t], prior * noise / (prior + noise)),
    ]  # fmt: skip
    spread = p[t] + exp(lq) + noise
    module = Model(Sum(log(spread) + (y[t] - m[t]) ** 2 / spread, (t, 0, T - 1)), [lq, lr], where=where).compile(
        check=False
    )
    gradients = [module.gradient(lq=at, lr=at, y=np.array([0.5, -1.0, 2.0, 0.3])) for at in (100.0, 400.0)]
    assert np.allclose(*map(list, gradients), rtol=1e-13)  # p[0] and y do not count beside them


def test_what_is_left_of_a_whole_still_cancels_exactly():
    """m − m·P/(P + r) is m·r/(P + r)."""
    module = Model(m - m * P / (P + r), [m, P]).compile(check=False)
    assert module.value(m=3.0, P=1.0, r=1e-20) == pytest.approx(3e-20, rel=1e-15)


def test_a_share_alone_stays_a_quotient():
    assert "P / (P + r)" in Model(P / (P + r), [P]).source()
