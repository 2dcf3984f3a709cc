"""The normal distribution function: its spellings are one function, which keeps its digits in both tails."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, erf, erfc, exp, log, pi, sqrt, symbols

from symgrad import Model, if_else, log_ndtr, ndtr
from tests.families import one_in

from .tails import Tail, shortfalls

x, m, low, high, u = symbols("x m low high u", real=True)
s, lam = symbols("s lam", positive=True)
cdf_by_erf = (1 + erf(x / sqrt(2))) / 2


def cdf(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def log_cdf(x):
    return mpmath.log1p(-cdf(-x)) if x > 0 else mpmath.log(cdf(x))


def between(low, high):
    return cdf(high) - cdf(low) if low + high < 0 else cdf(-low) - cdf(-high)


def normal_plus_exponential(lam, u):
    return lam * mpmath.exp(lam**2 / 2 - lam * u) * cdf(u - lam)


FAR = [-1e100, -3e4, -40.0, -12.0, -4.1, -3.9, -0.3, 0.0, 1e-300, 0.5, 3.0, 9.0, 37.0]
ENDS = {
    "low": [10.0, -37.0, -1e4, 1e4, 1e4, -1e-9, -8.0, 0.3, 20.0, -1e3, -30.0, -1.1],
    "high": [37.0, -10.0, -9999.0, 1e6, 10000.0000001, 2e-9, 9.0, 0.30001, 20.5, 1.0, 29.0, -0.9],
}
MODERATE = {"low": [10.0, -37.0, -1e-9, -8.0, 0.3, 20.0], "high": [37.0, -10.0, 2e-9, 9.0, 0.30001, 20.5]}

TAILS = {
    "log of erf": Tail(lambda: log(cdf_by_erf), log_cdf, {"x": FAR}),
    "log of erfc": Tail(lambda: log(erfc(-x / sqrt(2)) / 2), log_cdf, {"x": FAR}),
    "log of the upper tail": Tail(lambda: log(1 - cdf_by_erf), lambda x: log_cdf(-x), {"x": FAR}),
    "log_ndtr": Tail(lambda: log_ndtr(x), log_cdf, {"x": FAR}),
    "log of erfc alone": Tail(
        lambda: log(erfc(x)),
        lambda x: mpmath.log(mpmath.erfc(x)) if x > 0 else mpmath.log1p(mpmath.erf(-x)),
        {"x": [*FAR, -1e-20]},
    ),
    "location and scale": Tail(
        lambda: log(1 - (1 + erf((x - m) / (s * sqrt(2)))) / 2),
        lambda x, m, s: log_cdf((m - x) / s),
        {"x": [3.0, 50.0, -2.0], "m": [1.0, 2.0, 0.5], "s": [0.01, 2.0, 0.3]},
    ),
    "gelu": Tail(lambda: x * cdf_by_erf, lambda x: x * cdf(x), {"x": FAR[1:]}),
    "log of an interval": Tail(
        lambda: log(erf(high / sqrt(2)) / 2 - erf(low / sqrt(2)) / 2),
        lambda low, high: mpmath.log1p(-cdf(low) - cdf(-high)) if low < 0 < high else mpmath.log(between(low, high)),
        ENDS,
    ),
    "an interval": Tail(lambda: ndtr(high) - ndtr(low), between, MODERATE),
    "an interval of erf": Tail(
        lambda: erf(high) - erf(low), lambda low, high: mpmath.erfc(low) - mpmath.erfc(high), MODERATE
    ),
    "log of a normal plus an exponential": Tail(
        lambda: log(lam / 2 * exp(lam**2 / 2 - lam * u) * erfc((lam - u) / sqrt(2))),
        lambda lam, u: mpmath.log(normal_plus_exponential(lam, u)),
        {"lam": [40.0, 60.0, 1.0], "u": [1.0, 2.0, -30.0]},
    ),
    "hazard": Tail(
        lambda: exp(-(x**2) / 2) / (sqrt(2 * pi) * (1 - erf(x / sqrt(2))) / 2),
        lambda x: mpmath.npdf(x) / cdf(-x),
        {"x": [1e100, 3e4, 40.0, 4.1, 3.9, 0.3, 0.0, -9.0]},
    ),
}


@pytest.mark.parametrize("name", one_in(6, TAILS))
def test_value_gradient_and_hessian_keep_their_digits(name):
    assert shortfalls(TAILS[name]) == []


@pytest.mark.parametrize("name", one_in(2, ["log of erf", "log of an interval", "location and scale"]))
def test_they_keep_them_in_single_precision(name):
    kept = [k for k, point in enumerate(TAILS[name].points()) if all(abs(v) < 100 for v in point.values())]
    near = {key: [values[k] for k in kept] for key, values in TAILS[name].at.items()}
    tail = Tail(TAILS[name].loss, TAILS[name].truth, near)
    assert shortfalls(tail, tolerance=20 * float(np.finfo(np.float32).eps), dtype=np.float32) == []


def test_what_loses_digits_is_found():
    tail = Tail(lambda: log(3 + erf(x)), lambda x: mpmath.log(3 + mpmath.erf(x)), {"x": [-9.0, 1.0]})
    assert shortfalls(tail) == []
    wrong = Tail(lambda: log(3 + erf(x) + 1e-10), tail.truth, tail.at)
    assert len(shortfalls(wrong)) > 2


@pytest.mark.parametrize(
    "spelling",
    [
        lambda t: (1 + erf(t / sqrt(2))) / 2,
        lambda t: erfc(-t / sqrt(2)) / 2,
        lambda t: 1 - erfc(t / sqrt(2)) / 2,
        lambda t: 1 - (1 - erf(t / sqrt(2))) / 2,
        lambda t: 1 - ndtr(-t),
        ndtr,
    ],
)
def test_spellings_are_one_function(spelling):
    assert (
        Model(log(spelling((x - m) / s)), [x]).derivation.program.loss == Model(log_ndtr((x - m) / s), [x]).program.loss
    )


@pytest.mark.parametrize(
    "loss",
    [
        lambda t, p: -(t * log(p) + (1 - t) * log(1 - p)),
        lambda t, p: -log(p**t * (1 - p) ** (1 - t)),
    ],
)
def test_probit_regression_knows_no_bad_guess(loss):
    n, size = symbols("n N", integer=True)
    eta, t = IndexedBase("eta", (size,)), IndexedBase("t", (size,))
    p = (1 + erf(eta[n] / sqrt(2))) / 2
    module = Model(Sum(loss(t[n], p), (n, 0, size - 1)), [eta]).compile(check=False)
    at, labels = np.array([-40.0, 9.0, 40.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0])
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        value, (slope,) = module.value_and_gradient(at, labels)
    with mpmath.workdps(40):
        signs = [1 if label else -1 for label in labels]
        right = mpmath.fsum(-log_cdf(mpmath.mpf(sign * e)) for e, sign in zip(at, signs, strict=True))
        slopes = [-sign * mpmath.npdf(e) / cdf(mpmath.mpf(sign * e)) for e, sign in zip(at, signs, strict=True)]
    assert value == pytest.approx(float(right), rel=1e-14)
    assert slope == pytest.approx([float(part) for part in slopes], rel=1e-14)


def test_ranks_by_two_choices_keep_the_digits_of_both_tails():
    n, size = symbols("n N", integer=True)
    eta, rank = IndexedBase("eta", (size,)), IndexedBase("rank", (size,), integer=True)
    upto = if_else(rank[n] < 2, ndtr(rank[n] - eta[n]), 1)
    below = if_else(rank[n] > 0, ndtr(rank[n] - 1 - eta[n]), 0)
    module = Model(Sum(log(upto - below), (n, 0, size - 1)), [eta]).compile(check=False)
    at, ranks = np.array([-37.0, 20.0, -20.0, 37.0, 0.5, -12.0]), np.array([2, 0, 1, 1, 1, 2])
    with np.errstate(all="raise", under="ignore"):
        value, (slope,) = module.value_and_gradient(at, ranks)
    with mpmath.workdps(40):
        edges = [-mpmath.inf, mpmath.mpf(0), mpmath.mpf(1), mpmath.inf]
        ends = [(edges[k] - float(e), edges[k + 1] - float(e)) for e, k in zip(at, ranks, strict=True)]
        masses = [between(low, high) for low, high in ends]
        slopes = [(mpmath.npdf(low) - mpmath.npdf(high)) / mass for (low, high), mass in zip(ends, masses, strict=True)]
        right = mpmath.fsum(mpmath.log(mass) for mass in masses)
    assert value == pytest.approx(float(right), rel=1e-14)
    assert slope == pytest.approx([float(part) for part in slopes], rel=1e-12)


def test_formulas_show_functions_that_people_know():
    shown = Model(log((1 + erf(x / sqrt(2))) / 2), [x]).show()
    assert "∂C/∂x = exp(−x²/2)/(ndtr(x)·√(2·π))" in shown


def test_the_logarithm_of_a_distribution_function_passes_its_check():
    model = Model(log(cdf_by_erf) - log(ndtr(m) - ndtr(x)) + x * erfc(x), [x, m], facts=[m > x])
    assert model.check(hessian=True).ok
