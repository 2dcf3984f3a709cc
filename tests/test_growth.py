"""Logarithms of 1 + (y/x)ⁿ with the quotient or its power beyond all numbers, against mpmath, warnings as errors."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, log, loggamma, symbols

from symgrad import Model
from symgrad.runtime.logarithms import _log_growth, _log_growth_excess

from .tails import Tail, check_first_order

x, y, k, r = symbols("x y k r", positive=True)
u, v = symbols("u v", real=True)
FAR = {"x": [1e-300, 1e-200, 1.0, 1e200], "y": [1e-200, 1.0, 1e200]}


def of_shares(x, y):
    return -mpmath.log1p(y / x)


TAILS = {
    "a share": Tail(lambda: log(x / (x + y)), of_shares, FAR, True),
    "its inverse": Tail(lambda: -log((x + y) / x), of_shares, FAR, True),
    "one and a quotient": Tail(lambda: -log(1 + y / x), of_shares, FAR, True),
    "a difference": Tail(lambda: log(x) - log(x + y), of_shares, FAR, True),
}


@pytest.mark.parametrize("name", TAILS)
def test_the_logarithm_of_a_share_keeps_its_digits(name):
    check_first_order(TAILS[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entries_of_any_size(dtype):
    far = {np.float32: 1e30, np.float64: 1e200}[dtype]
    y = np.array([0, 1, far, far, 1 / far, np.inf, 1, -far], dtype)
    x = np.array([2, 1, 1, 1 / far, far, 1, np.inf, 1], dtype)
    made = _log_growth(y, x, 2)
    assert made.dtype == dtype
    right = [float(mpmath.log1p((mpmath.mpf(float(a)) / mpmath.mpf(float(b))) ** 2)) for a, b in zip(y, x, strict=True)]
    assert made == pytest.approx(right, rel=4 * float(np.finfo(dtype).eps), abs=float(np.finfo(dtype).tiny))


@pytest.mark.parametrize("n", [1, 2])
def test_what_a_logarithm_exceeds_its_share_by(n):
    y = np.array([0.0, 1e-9, 0.1, 0.2, 3.0, 1e300])
    for x in (1e-200, 1.0):
        with mpmath.workdps(60):
            growth = [(mpmath.mpf(a) / mpmath.mpf(x)) ** n for a in y]
            right = [float(mpmath.log1p(g) - g / (1 + g)) for g in growth]
        assert _log_growth_excess(y, np.float64(x), n) == pytest.approx(right, rel=2e-14)


def test_one_that_is_no_number_stays_none():
    with np.errstate(all="ignore"):
        made = _log_growth(np.array([-1e200, 1e200]), np.array([1e-200, 1e-200]))
    assert np.isnan(made[0])
    assert made[1] == pytest.approx(400 * np.log(10), rel=1e-15)


def test_differences_of_logarithms_have_one_function_for_it():
    counts = loggamma(y + r) - loggamma(r) - loggamma(y + 1)
    source = Model(counts + r * log(r) - (r + y) * log(r + x) + y * log(x), [r, x]).source()
    value = source[source.index("def value(") : source.index("def gradient(")]
    assert "_log_growth(x, r)" in value
    assert "where" not in value


def test_powers_are_those_of_all_factors():
    n, size = symbols("n", integer=True), symbols("N", integer=True, positive=True)
    data = IndexedBase("d", shape=(size,))
    source = Model(Sum(log(1 + (data[n] - u) ** 2 / (k * x**2)), (n, 0, size - 1)), [u, x]).source()
    assert "_log_growth(diff_d, np.sqrt(k) * x, 2)" in source or "_log_growth(diff_d, prod_k, 2)" in source
    assert "_log_growth(u, 1, 4)" in Model(log(1 + u**4), [u]).source()
    assert "np.log1p(0.5 * u)" in Model(log(1 + u / 2), [u]).source()


def test_what_is_taken_from_one_is_no_power():
    taken = Model(log(1 - u**2 / x**2), [u, x]).compile(check=False)
    value, gradient = taken.value_and_gradient(1.0, 2.0)
    assert value == pytest.approx(np.log(0.75), rel=1e-15)
    assert gradient == pytest.approx([-2 / 3, 1 / 3], rel=1e-15)


def test_what_may_be_negative_has_no_root():
    module = Model(log(1 + v * u**2), [u]).compile(check=False)
    assert module.value(1.0, -0.5) == pytest.approx(np.log(0.5), rel=1e-15)
