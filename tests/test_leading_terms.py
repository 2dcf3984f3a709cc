"""Derivatives whose terms cancel where a count, a dispersion or a number of degrees of freedom is large."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Rational, Sum, exp, gamma, log, loggamma, sqrt, symbols

from symgrad import Model
from tests.families import one_in

from .tails import Tail, shortfalls

y, r, mu, al, nu, x = symbols("y r mu alpha nu x", positive=True)
z = symbols("z", real=True)
ln, lg = mpmath.log, mpmath.loggamma
counts = loggamma(y + r) - loggamma(r) - loggamma(y + 1)
LARGE = [0.5, 11.0, 13.0, 1e4, 1e7, 1e10, 1e15]
AT = {"y": (3.0,), "r": LARGE, "mu": (2.5, 40.0)}


def negative_binomial(y, r, mu):
    return lg(y + r) - lg(r) - lg(y + 1) + r * ln(r / (r + mu)) + y * ln(mu / (r + mu))


def student(nu, z):
    return lg((nu + 1) / 2) - lg(nu / 2) - ln(nu) / 2 - (nu + 1) / 2 * ln(1 + z * z / nu)


TAILS = {
    "negative binomial": Tail(
        lambda: counts + r * log(r / (r + mu)) + y * log(mu / (r + mu)), negative_binomial, AT, True, ["r", "mu"]
    ),
    "with a difference of logarithms": Tail(
        lambda: counts + r * log(r) - (r + y) * log(r + mu) + y * log(mu), negative_binomial, AT, True, ["r", "mu"]
    ),
    "as a product": Tail(
        lambda: log(gamma(y + r) / (gamma(r) * gamma(y + 1)) * (r / (r + mu)) ** r * (mu / (r + mu)) ** y),
        negative_binomial,
        AT,
        True,
        ["r", "mu"],
    ),
    "student": Tail(
        lambda: log(gamma((nu + 1) / 2) / (gamma(nu / 2) * sqrt(nu)) * (1 + z**2 / nu) ** (-(nu + 1) / 2)),
        student,
        {"nu": [0.5, 30.0, 1e5, 1e8, 1e12], "z": (1.5, -0.01)},
        True,
    ),
    "logarithms alone": Tail(
        lambda: x * (log(x + mu) - log(x)) - mu,
        lambda x, mu: x * mpmath.log1p(mu / x) - mu,
        {"x": [1e-3, 1.0, 1e5, 1e9, 1e14], "mu": (2.5,)},
        True,
        ["x"],
    ),
}


@pytest.mark.parametrize("name", one_in(2, TAILS))
def test_what_is_left_of_the_leading_terms_keeps_its_digits(name):
    assert not shortfalls(TAILS[name])


SIZE = 1 / al
DISPERSED = {
    "by α alone": (y + SIZE) * -log(1 + al * mu) + y * log(al * mu),
    "by 1/α": SIZE * log(SIZE / (SIZE + mu)) + y * log(mu / (SIZE + mu)),
}


@pytest.mark.parametrize("name", DISPERSED)
def test_by_a_dispersion_that_is_small(name):
    """Of a number of successes of 1/α, by α: 1/(α·(1/α + μ)) is 1/(1 + α·μ)."""
    loss = loggamma(y + SIZE) - loggamma(SIZE) - loggamma(y + 1) + DISPERSED[name]
    module = Model(loss, [al]).compile(check=False)
    for dispersion in (1e-3, 1e-8, 1e-13):
        with mpmath.workdps(80):
            right = mpmath.diff(lambda a: negative_binomial(mpmath.mpf(3), 1 / a, mpmath.mpf(2.5)), dispersion)
        assert module.gradient(y=3.0, mu=2.5, alpha=dispersion) == pytest.approx(float(right), rel=1e-12)


def test_no_count_by_a_dispersion_that_is_small():
    """log(p + (1 − p)·(1/(1 + α·μ))^(1/α)) as zero-inflated counts have it, with all second derivatives."""
    p = 1 / (1 + exp(-z))
    tail = Tail(
        lambda: log(p + (1 - p) * (SIZE / (SIZE + mu)) ** SIZE),
        lambda z, mu, alpha: ln(
            1 / (1 + mpmath.exp(-z)) + mpmath.exp(-ln(1 + alpha * mu) / alpha - z) / (1 + mpmath.exp(-z))
        ),
        {"z": [-0.4, 1.0], "mu": [2.5, 0.3], "alpha": [1e-9, 1e-4]},
    )
    assert not shortfalls(tail)


def test_of_arrays():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    d, m = IndexedBase("d", shape=(N,)), IndexedBase("m", shape=(N,), positive=True)
    term = loggamma(d[n] + r) - loggamma(r) + r * log(r / (r + m[n])) + d[n] * log(m[n] / (r + m[n]))
    module = Model(Sum(term, (n, 0, N - 1)), [r]).compile(check=False)
    counts, means = np.array([0.0, 3.0, 7.0]), np.array([0.5, 2.5, 11.0])
    for size in (0.5, 30.0, 1e9):
        with mpmath.workdps(80):
            at = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(counts, means, strict=True)]
            slopes = [mpmath.diff(lambda s, a=a, b=b: negative_binomial(a, s, b), size) for a, b in at]
            right, largest = float(mpmath.fsum(slopes)), float(max(map(abs, slopes)))
        assert module.gradient(r=size, d=counts, m=means) == pytest.approx(right, abs=1e-13 * largest)


def test_a_sum_whose_leading_terms_stay_keeps_its_form():
    source = Model(x * log(1 + mu / x) + loggamma(x + Rational(1, 2)) - loggamma(x), [x, mu]).source()
    assert "_polygamma_rise(0" in source
    assert "excess" not in source
