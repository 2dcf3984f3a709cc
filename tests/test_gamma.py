"""Logarithms of gamma functions: densities as textbooks write them, at large arguments and near their edges."""

import mpmath
import numpy as np
import pytest
from sympy import (
    IndexedBase,
    Rational,
    Sum,
    Symbol,
    besseli,
    beta,
    binomial,
    exp,
    factorial,
    gamma,
    log,
    loggamma,
    pi,
    polygamma,
    sqrt,
    symbols,
)
from sympy.stats import Beta, Gamma, NegativeBinomial, Poisson, StudentT, VonMises, density

from symgrad import Model
from tests.families import one_in

from .tails import Tail, shortfalls

x, a, b, r, lam, nu, p = symbols("x a b r lam nu p", positive=True)
u, v = symbols("u v", real=True)
k, n, y = symbols("k n y", integer=True, nonnegative=True)
ln, lg = mpmath.log, mpmath.loggamma


def rising(start, step):
    return loggamma(start + step) - loggamma(start)


def log_beta(a, b):
    return lg(a) + lg(b) - lg(a + b)


def log_choose(n, k):
    return lg(n + 1) - lg(k + 1) - lg(n - k + 1)


def log_student(nu, u):
    return lg((nu + 1) / 2) - lg(nu / 2) - ln(nu * mpmath.pi) / 2 - (nu + 1) / 2 * ln(1 + u * u / nu)


FAR = [1e-300, 1e-10, 0.3, 0.9, 1.7, 2.5, 30.0, 200.0, 1e6, 1e15, 1e100, 1e300]
NEGATIVE_BINOMIAL = loggamma(y + r) - loggamma(r) - loggamma(y + 1) + r * log(r / (r + lam)) + y * log(lam / (lam + r))
STUDENT = log(gamma((nu + 1) / 2) / (sqrt(nu * pi) * gamma(nu / 2)) * (1 + u**2 / nu) ** (-(nu + 1) / 2))

TAILS = {
    "log of gamma": Tail(lambda: log(gamma(x)), lg, {"x": FAR}),
    "log of gamma of either sign": Tail(
        lambda: log(gamma(u)), lambda u: mpmath.re(lg(u)), {"u": [3.0, 200.0, -1.5, 0.2]}
    ),
    "quotient of gammas": Tail(
        lambda: gamma(x + Rational(1, 2)) / gamma(x),
        lambda x: mpmath.exp(lg(x + 0.5) - lg(x)),
        {"x": [0.3, 1.7, 30.0, 1e6, 1e15, 1e100, 1e300]},
    ),
    "beta-binomial of no counts": Tail(
        lambda: rising(a, u) + rising(b, v - u) - rising(a + b, v),
        lambda a, b, u, v: log_beta(a + u, b + v - u) - log_beta(a, b),
        {
            "a": [1.0, 1e8, 1e15, 1e-9],
            "b": [2.0, 2e8, 3.0, 1e-9],
            "u": [3.0, 3.0, 0.5, 1.0],
            "v": [10.0, 10.0, 9.5, 2.0],
        },
        parameters=("a", "b"),
    ),
    "difference of loggammas": Tail(
        lambda: loggamma(x + a) - loggamma(x),
        lambda x, a: lg(x + a) - lg(x),
        {"x": [1e15, 1e100, 30.0, 0.5, 1e-5, 200.0], "a": [3.0, 0.5, 1e-9, 30.0, 1e10, 0.25]},
    ),
    "log of beta": Tail(
        lambda: log(beta(a, b)), log_beta, {"a": [1e5, 1e15, 0.5, 1e-9, 3.0], "b": [1e6, 2.0, 1e15, 1e-8, 4.0]}
    ),
    "beta-binomial": Tail(
        lambda: log(beta(a + k, b + n - k) / beta(a, b) * binomial(n, k)),
        lambda a, b, k, n: log_beta(a + k, b + n - k) - log_beta(a, b) + log_choose(n, k),
        {"a": [1e9, 2.5, 1e15], "b": [2e9, 0.5, 3.0], "k": [3, 900, 0], "n": [10, 1000, 5]},
    ),
    "negative binomial by its rate": Tail(
        lambda: NEGATIVE_BINOMIAL,
        lambda y, r, lam: log_choose(y + r - 1, y) - r * mpmath.log1p(lam / r) - y * mpmath.log1p(r / lam),
        {"y": [3, 39, 0, 1000, 10**9], "r": [2.0, 1e12, 1e15, 0.5, 3.0], "lam": [4.0, 4.0, 0.1, 900.0, 1e9]},
        parameters=("lam",),
    ),
    "negative binomial of sympy.stats": Tail(
        lambda: log(density(NegativeBinomial("B", a, p))(k)),
        lambda a, p, k: log_choose(a + k - 1, k) + a * ln(p) + k * ln(1 - p),
        {"a": [400.0, 2.5, 1e9], "p": [0.25, 0.999, 0.9999999], "k": [900, 0, 30]},
    ),
    "student": Tail(lambda: STUDENT, log_student, {"nu": [3.0, 500.0, 1e5], "u": [0.5, 0.5, -3.0]}),
    "student of sympy.stats": Tail(
        lambda: log(density(StudentT("T", nu))(u)), log_student, {"nu": [3.0, 500.0, 1e5], "u": [0.5, 0.5, -3.0]}
    ),
    "gamma of sympy.stats": Tail(
        lambda: log(density(Gamma("G", a, b))(x)),
        lambda a, b, x: (a - 1) * ln(x) - x / b - lg(a) - a * ln(b),
        {"a": [300.0, 0.5, 3.0], "b": [0.5, 2.0, 1e-3], "x": [160.0, 1e-100, 0.004]},
    ),
    "beta of sympy.stats": Tail(
        lambda: log(density(Beta("B", a, b))(x)),
        lambda a, b, x: (a - 1) * ln(x) + (b - 1) * ln(1 - x) - log_beta(a, b),
        {"a": [300.0, 0.5, 3e3], "b": [500.0, 2.0, 5.0], "x": [0.4, 1e-100, 0.999]},
    ),
    "poisson of sympy.stats": Tail(
        lambda: log(density(Poisson("P", x))(k)),
        lambda x, k: k * ln(x) - x - lg(k + 1),
        {"x": [210.0, 1e-100, 3.0], "k": [200, 0, 2]},
    ),
    "poisson without a logarithm": Tail(
        lambda: x**k * exp(-x) / factorial(k),
        lambda x, k: mpmath.exp(k * ln(x) - x - lg(k + 1)),
        {"x": [210.0, 3.0, 1e3], "k": [200, 2, 1010]},
    ),
    "binomial of either sign": Tail(
        lambda: log(binomial(n, k) * u**k * (1 - u) ** (n - k)),
        lambda u, k, n: log_choose(n, k) + ln(abs(u)) * k + ln(abs(1 - u)) * (n - k),
        {"u": [0.3, -0.5, 1e-12], "k": [300, 4, 2], "n": [1000, 6, 1000]},
    ),
    "log of a Bessel function": Tail(
        lambda: log(besseli(0, x)), lambda x: ln(mpmath.besseli(0, x)), {"x": [1e-10, 0.3, 3.0, 40.0, 800.0, 5e3]}
    ),
    "log of a Bessel function of order 2": Tail(
        lambda: log(besseli(2, x)), lambda x: ln(mpmath.besseli(2, x)), {"x": [1e-100, 1e-10, 0.3, 3.0, 800.0]}
    ),
    "von Mises of sympy.stats": Tail(
        lambda: log(density(VonMises("V", u, b))(v)),
        lambda u, b, v: b * mpmath.cos(v - u) - ln(2 * mpmath.pi * mpmath.besseli(0, b)),
        {"u": [0.5, 0.1], "b": [800.0, 0.01], "v": [0.4, 3.0]},
    ),
}


@pytest.mark.parametrize("name", one_in(12, TAILS))
def test_value_gradient_and_hessian_keep_their_digits(name):
    assert shortfalls(TAILS[name]) == []


@pytest.mark.parametrize("name", ["gamma of sympy.stats", "log of beta", "log of a Bessel function"])
def test_they_keep_them_in_single_precision(name):
    within = [k for k, point in enumerate(TAILS[name].points()) if all(1e-9 < abs(v) < 1e6 for v in point.values())]
    tail = Tail(
        TAILS[name].loss,
        TAILS[name].truth,
        {key: [column[k] for k in within] for key, column in TAILS[name].at.items()},
    )
    assert shortfalls(tail, tolerance=20 * float(np.finfo(np.float32).eps), dtype=np.float32) == []


def test_the_dispersion_of_counts_keeps_half_of_its_digits_where_they_are_nearly_poisson():
    """The gradient by r is a sum of terms of order 1/r that is of order 1/r²."""
    i, size = symbols("i N", integer=True)
    counts = IndexedBase("counts", shape=(size,))
    module = Model(Sum(NEGATIVE_BINOMIAL.subs(y, counts[i]), (i, 0, size - 1)), [r]).compile(check=False)
    seen, at = np.array([3.0, 39.0, 0.0]), 1e5
    with mpmath.workdps(50):
        right = mpmath.fsum(
            mpmath.psi(0, c + at) - mpmath.psi(0, at) + ln(at / (mpmath.mpf(at) + 4)) + (4 - c) / (mpmath.mpf(at) + 4)
            for c in map(mpmath.mpf, seen)
        )
    (slope,) = module.gradient(r=at, lam=4.0, counts=seen)
    assert slope == pytest.approx(float(right), rel=1e-8)


def test_a_sum_over_counts_is_one_function_of_each():
    i, size = symbols("i N", integer=True)
    counts = IndexedBase("counts", shape=(size,), integer=True, nonnegative=True)
    loss = Sum(lam * counts[i] + loggamma(counts[i] + 1), (i, 0, size - 1)) + loggamma(size)
    module = Model(loss, [lam]).compile(check=False)
    value, (slope,) = module.value_and_gradient(0.5, np.array([0, 3, 200]))
    assert value == pytest.approx(101.5 + float(lg(4) + lg(201) + lg(3)), rel=1e-14)
    assert slope == 203


def test_whole_numbers_beyond_64_bits():
    module = Model(u * log(10**20) + loggamma(25) + loggamma(301), [u]).compile(check=False)
    value, (slope,) = module.value_and_gradient(2.0)
    assert value == pytest.approx(float(40 * ln(10) + lg(25) + lg(301)), rel=1e-15)
    assert slope == pytest.approx(float(20 * ln(10)), rel=1e-15)


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (log(gamma(x)), "∂C/∂x = digamma(x)"),
        (loggamma(x + a) - loggamma(x), "∂C/∂x = digamma(a + x) − digamma(x)"),
        (x**k * exp(-x) / factorial(k), "∂C/∂x = k·x^k·exp(−x)/(x·factorial(k)) − x^k·exp(−x)/factorial(k)"),
        (log(besseli(0, x)), "∂C/∂x = besseli(1, x)/besseli(0, x)"),
        (polygamma(0, x + a) - polygamma(0, x), "∂C/∂x = polygamma(1, a + x) − polygamma(1, x)"),
    ],
)
def test_formulas_show_functions_that_people_know(loss, shown):
    assert shown in Model(loss, [x]).show().replace("gamma(k + 1)", "factorial(k)")


def test_densities_pass_their_checks():
    for loss in (STUDENT, log(density(Gamma("G", a, b))(x)), log(besseli(1, x)), NEGATIVE_BINOMIAL):
        model = Model(loss, [s for s in sorted(loss.free_symbols, key=str) if not s.is_integer])
        assert model.check(hessian=True).ok


def test_a_count_of_zero_at_a_rate_of_zero_is_certain():
    rate = symbols("rate", nonnegative=True)
    model = Model(log(rate**k * exp(-rate) / factorial(k)), [rate])
    module = model.compile(check=False)
    with np.errstate(all="raise"):
        assert module.value_and_gradient(0.0, 0) == (0.0, (-1.0,))
        value, (slope,) = module.value_and_gradient(2.5, 3)
    assert value == pytest.approx(3 * np.log(2.5) - 2.5 - np.log(6), rel=1e-14)
    assert slope == pytest.approx(0.2, rel=1e-14)
    assert model.check(hessian=True).ok


@pytest.mark.parametrize("count", [Symbol("k", integer=True), Symbol("k", integer=True, nonnegative=True), Symbol("k")])
def test_a_power_of_zero_to_the_zero_is_one_whatever_is_declared(count):
    v, rate = symbols("v rate", real=True)
    for loss in (log(v**count * exp(-rate * v)), log(v**count) - rate * v):
        module = Model(loss, [v, rate]).compile(check=False)
        with np.errstate(all="raise"):
            assert module.value_and_gradient(0.0, 2.0, 0) == (0.0, (-2.0, 0.0))
        assert module.value(0.5, 2.0, 3) == pytest.approx(3 * np.log(0.5) - 1, rel=1e-15)


def test_whole_powers_of_what_is_negative_have_values():
    v, whole = Symbol("v", real=True), Symbol("whole", integer=True)
    module = Model(log(v**whole * exp(v)) + log(1 + v**whole), [v]).compile(check=False)
    with np.errstate(all="raise"):
        value, (slope,) = module.value_and_gradient(-2.0, 4)
    assert value == pytest.approx(4 * np.log(2) - 2 + np.log(17), rel=1e-15)
    assert slope == pytest.approx(4 / -2 + 1 + 4 * -8 / 17, rel=1e-15)
