"""Terms that are the same for all entries of a sum, or the same for all parameters, are taken out of it."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import gammaln
from sympy import Eq, IndexedBase, Sum, Symbol, exp, log, loggamma, pi, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
n, j = symbols("n j", integer=True)
x, w, y = IndexedBase("x", shape=(N, M)), IndexedBase("w", shape=(M,)), IndexedBase("y", shape=(N,))
s, a = Symbol("s", positive=True), Symbol("a", real=True)
MEAN = Sum(x[n, j] * w[j], (j, 0, M - 1))
NORMAL = Model(Sum(log(2 * pi * s**2) / 2 + (y[n] - MEAN) ** 2 / (2 * s**2), (n, 0, N - 1)), [w, s])
POISSON = Model(Sum(exp(MEAN) - y[n] * MEAN + loggamma(y[n] + 1), (n, 0, N - 1)), [w])
rng = np.random.default_rng(0)
X, W, Y = rng.normal(size=(7, 3)), rng.normal(size=3), rng.integers(0, 5, 7) * 1.0


def rows(model, function, part="rows"):
    source = model.source()
    start = source.index(f"def _{function}_{part}(")
    return source[start : source.index("\n\n\n", start)].splitlines()[2:]


def test_a_normal_likelihood_takes_no_more_than_the_sum_of_its_squares():
    assert rows(NORMAL, "value_and_gradient") == [
        "    diff_x = x.dot(w)",
        "    np.subtract(y, diff_x, out=diff_x)",
        "    return diff_x.dot(diff_x), x.T.dot(diff_x)",
    ]
    module = NORMAL.compile(check=False)
    r = Y - X @ W
    loss = 7 / 2 * np.log(2 * np.pi * 0.49) + r @ r / 0.98
    np.testing.assert_allclose(module.value(W, 0.7, X, Y), loss, rtol=1e-14)


def test_what_depends_on_data_alone_has_a_sum_of_its_own():
    assert rows(POISSON, "value", "rows_of_data") == ["    return scipy.special.gammaln(y + 1).sum()"]
    module = POISSON.compile(check=False)
    for x_ in (X, csr_array(X)):
        found = [module.value(W, x_, Y), module.bind(x=x_, y=Y).value(W)]
        np.testing.assert_allclose(found, np.sum(np.exp(X @ W) - Y * (X @ W) + gammaln(Y + 1)), rtol=1e-14)


def test_terms_with_names_are_taken_apart_too():
    rate = IndexedBase("rate", shape=(N,))
    terms = rate[n] - y[n] * log(rate[n]) + loggamma(y[n] + 1)
    named = Model(Sum(terms, (n, 0, N - 1)), [w], where=[Eq(rate[n], exp(MEAN))])
    assert rows(named, "value", "rows_of_data") == ["    return scipy.special.gammaln(y + 1).sum()"]


@pytest.mark.parametrize("scale", [1.0, 1e9])
def test_a_difference_to_data_is_taken_entry_by_entry(scale):
    """Σ (y − a) is exact near a, where Σ y − N·a would have the rounding errors of both."""
    module = Model(Sum(y[n] - a, (n, 0, N - 1)) ** 2, [a]).compile(check=False)
    given = scale + np.array([0.25, 0.5, 0.75])
    assert module.value(scale, given) == 2.25


@pytest.mark.parametrize("model", [NORMAL, POISSON], ids=["normal", "poisson"])
def test_the_check_passes(model):
    assert model.check(hessian=True).ok


def test_a_product_taken_out_keeps_its_letters():
    """A factor over the letters of the sum in another order than its own axes is no transposed one."""
    k, m = symbols("k m", integer=True)
    square, left, right = IndexedBase("A", shape=(M, M)), IndexedBase("L", shape=(M, N)), IndexedBase("R", shape=(N, M))
    product = Sum(left[m, n] * right[n, k], (n, 0, N - 1))
    loss = Sum(square[m, k] * product + Sum(exp(left[m, n]) * right[n, k], (n, 0, N - 1)), (k, 0, M - 1), (m, 0, M - 1))
    module = Model(loss, [square]).compile(check=False)
    at, first, second = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    expected = np.sum(at * (first @ second) + np.exp(first) @ second)
    value, (slope,) = module.value_and_gradient(at, first, second)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(slope, first @ second, rtol=1e-13)
