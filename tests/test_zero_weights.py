"""y·log(x) where y and x are 0: no weight, no term, as SciPy's xlogy; its derivative by x is y/x, 0 there.

What is compared against: the same sum over the entries that have a weight, in plain NumPy.
"""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import Model, if_else

pytestmark = pytest.mark.filterwarnings("error")

N, K, M = symbols("N K M", integer=True, positive=True)
n, k, m = symbols("n k m", integer=True)
y, x, p = (IndexedBase(name, shape=(N,)) for name in "yxp")
q, r, V = (IndexedBase(name, shape=(N, K)) for name in "qrV")
W, H = IndexedBase("W", shape=(N, M)), IndexedBase("H", shape=(M, K))
rows, both = (n, 0, N - 1), [(n, 0, N - 1), (k, 0, K - 1)]
mean = Sum(W[n, m] * H[m, k], (m, 0, M - 1))

counts, rates = np.array([0.0, 2.0, 0.0, 1.0]), np.array([0.0, 0.5, 3.0, 0.25])
some = counts > 0


def answers(model, **inputs):
    """Value, gradient and Hessian-vector product with ones."""
    module = model.compile(check=False, hvp=True)
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(**inputs)
        ones = tuple(np.ones(np.shape(inputs[name])) for name in gradient._fields)
        product = module.hessian_vector_product(ones, **inputs)
        assert module.value(**inputs) == pytest.approx(value, rel=1e-15)
    return value, gradient, product


@pytest.mark.parametrize(
    "term", [y[n] * log(x[n]) - x[n], 2 * log(x[n]) * y[n] - x[n] - y[n] * log(x[n])], ids=["once", "twice"]
)
def test_a_poisson_likelihood_with_a_rate_of_0_for_a_count_of_0(term):
    value, (slope,), (product,) = answers(Model(Sum(term, rows), [x]), y=counts, x=rates)
    assert value == pytest.approx(np.sum(counts[some] * np.log(rates[some])) - rates.sum(), rel=1e-14)
    ratio = np.divide(counts, rates, where=some, out=np.zeros(4))
    assert slope == pytest.approx(ratio - 1, rel=1e-14)
    assert product == pytest.approx(-np.divide(ratio, rates, where=some, out=np.zeros(4)), rel=1e-14)


@pytest.mark.parametrize(
    "term",
    [y[n] * log(y[n] / x[n]) - y[n] + x[n], y[n] * (log(y[n]) - log(x[n])) - y[n] + x[n]],
    ids=["of a quotient", "of both"],
)
def test_a_deviance_with_both_0(term):
    value, (slope,), _ = answers(Model(Sum(term, rows), [x]), y=counts, x=rates)
    expected = np.sum(counts[some] * np.log(counts[some] / rates[some])) - counts.sum() + rates.sum()
    assert value == pytest.approx(expected, rel=1e-14)
    assert slope == pytest.approx(1 - np.divide(counts, rates, where=some, out=np.zeros(4)), rel=1e-14)


def test_an_entropy_has_an_infinite_slope_at_0():
    """∂/∂x x·log(x) = log(x) + 1."""
    module = Model(Sum(x[n] * log(x[n]), rows), [x]).compile(check=False)
    with np.errstate(all="raise"):
        value, (slope,) = module.value_and_gradient(x=np.array([0.0, 0.5]))
    assert value == pytest.approx(0.5 * np.log(0.5), rel=1e-15)
    assert slope.tolist() == [-np.inf, np.log(0.5) + 1]


def test_a_factorisation_with_empty_columns():
    model = Model(Sum(mean - V[n, k] * log(mean), *both), [W, H])
    V0 = np.array([[1.0, 0.0], [3.0, 0.0]])
    W0, H0 = np.array([[0.5, 1.0], [1.0, 0.25]]), np.array([[1.0, 0.0], [0.25, 0.0]])
    value, slopes, _ = answers(model, V=V0, W=W0, H=H0)
    means = W0 @ H0
    assert value == pytest.approx(means.sum() - np.sum(V0[:, 0] * np.log(means[:, 0])), rel=1e-14)
    ratio = 1 - np.divide(V0, means, where=V0 > 0, out=np.zeros((2, 2)))
    right = ratio @ H0.T, W0.T @ ratio
    assert all(np.allclose(slope, expected, rtol=1e-13, atol=0) for slope, expected in zip(slopes, right, strict=True))


OUTCOMES, CHANCES = np.array([0.0, 1.0, 1.0, 0.0, 0.25]), np.array([0.0, 1.0, 0.5, 0.25, 0.75])
total = IndexedBase("total", shape=(N,))
share = symbols("share", positive=True)


def bernoulli(outcome, chance, trials=1):
    return Sum(outcome * log(chance) + (trials - outcome) * log(1 - chance), rows)


@pytest.mark.parametrize(
    "loss",
    [
        bernoulli(y[n], p[n]),
        Sum(if_else(y[n] >= 0, y[n] * log(p[n]) + (1 - y[n]) * log(1 - p[n]), 0), rows),
        Sum(y[n] * log(p[n] / y[n]) + (1 - y[n]) * log((1 - p[n]) / (1 - y[n])), rows),
    ],
    ids=["plain", "under a condition", "divergence"],
)
def test_bernoulli_probabilities_of_0_and_1_that_came_true(loss):
    """The slope is y/p − (1 − y)/(1 − p), of which a part without weight is 0: −1 at p = y = 0, 1 at p = y = 1."""
    value, (slope,), (product,) = answers(Model(loss, [p]), y=OUTCOMES, p=CHANCES)
    won = np.divide(OUTCOMES, CHANCES, where=OUTCOMES > 0, out=np.zeros(5))
    lost = np.divide(1 - OUTCOMES, 1 - CHANCES, where=OUTCOMES < 1, out=np.zeros(5))
    np.testing.assert_allclose(slope, won - lost, rtol=1e-14)
    curvature = np.divide(won, CHANCES, where=OUTCOMES > 0, out=np.zeros(5))
    curvature += np.divide(lost, 1 - CHANCES, where=OUTCOMES < 1, out=np.zeros(5))
    np.testing.assert_allclose(product, -curvature, rtol=1e-14)
    assert np.isfinite(value)


def test_counts_of_none_and_of_all():
    """A binomial likelihood whose probability is a product: both parameters, and a count among others."""
    model = Model(bernoulli(y[n], share * p[n], total[n]), [p, share])
    module = model.compile(check=False)
    trials = np.array([4.0, 4.0, 6.0, 2.0, 3.0])
    with np.errstate(all="raise"):
        gradient = module.gradient(y=trials * OUTCOMES, total=trials, p=CHANCES, share=1.0)
    won = np.divide(OUTCOMES, CHANCES, where=OUTCOMES > 0, out=np.zeros(5))
    lost = np.divide(1 - OUTCOMES, 1 - CHANCES, where=OUTCOMES < 1, out=np.zeros(5))
    np.testing.assert_allclose(gradient.p, trials * (won - lost), rtol=1e-14)
    np.testing.assert_allclose(gradient.share, np.sum(trials * CHANCES * (won - lost)), rtol=1e-14)


def test_exponents_of_densities_that_are_0():
    """(α − 1)·log(x) adds nothing where α is 1, whatever x: Dirichlet over columns, beta with one number."""
    alpha, theta = IndexedBase("alpha", shape=(K,)), IndexedBase("theta", shape=(N, K))
    model = Model(Sum((alpha[k] - 1) * log(theta[n, k]), *both), [theta])
    shares = np.array([[0.0, 0.75, 0.25], [0.5, 0.25, 0.25]])
    value, (slope,), (product,) = answers(model, alpha=np.array([1.0, 3.0, 0.5]), theta=shares)
    np.testing.assert_allclose(slope, [[0, 2 / 0.75, -0.5 / 0.25], [0, 2 / 0.25, -0.5 / 0.25]], rtol=1e-14)
    np.testing.assert_allclose(product, -np.array([[0, 2 / 0.75**2, -8], [0, 32, -8]]), rtol=1e-14)
    assert value == pytest.approx(2 * np.log(0.75) + 2 * np.log(0.25) - np.log(0.25), rel=1e-14)
    first, second = symbols("first second", positive=True)
    beta = Model(Sum((first - 1) * log(p[n]) + (second - 1) * log(1 - p[n]), rows), [p])
    _, (slope,), _ = answers(beta, first=1.0, second=3.0, p=np.array([0.0, 0.5]))
    np.testing.assert_allclose(slope, [-2.0, -4.0], rtol=1e-14)


def test_a_named_probability():
    model = Model(Sum(y[n] * log(x[n]), rows), [p], where=[Eq(x[n], p[n] ** 2)])
    value, (slope,), _ = answers(model, y=counts, p=rates)
    assert value == pytest.approx(np.sum(counts[some] * np.log(rates[some] ** 2)), rel=1e-14)
    assert slope == pytest.approx(2 * np.divide(counts, rates, where=some, out=np.zeros(4)), rel=1e-14)


def test_a_weight_does_not_hide_what_is_impossible():
    """log 0 with a weight is −∞, and a weight that is no number shows."""
    module = Model(Sum(y[n] * log(x[n]), rows), [x]).compile(check=False)
    with np.errstate(all="ignore"):
        assert module.value(y=counts, x=np.zeros(4)) == -np.inf
        assert np.isnan(module.value(y=np.array([np.nan, 0.0]), x=np.array([0.5, 0.5])))


def test_what_cannot_be_0_is_not_compared():
    rate = IndexedBase("x", shape=(N,), positive=True)
    assert "np.where" not in Model(Sum(y[n] * log(rate[n]), rows), [rate]).source(hvp=True)
    a = symbols("a", real=True)
    assert "np.where" not in Model(Sum(a * log(x[n]), rows), [a]).source()  # one number before all logarithms


def test_a_weight_takes_no_quotient_inside_of_its_logarithm_apart():
    """y·log(a·eᵘ/(1 + a·eᵘ)), counts by the logarithm of their mean: as a difference of two parts it has no digits."""
    a, u = symbols("a", positive=True), IndexedBase("u", shape=(N,))
    module = Model(Sum(y[n] * log(a * exp(u[n]) / (1 + a * exp(u[n]))), rows), [u, a]).compile(check=False)
    at = np.array([-800.0, -80.0, -25.0, 3.0])
    value, gradient = module.value_and_gradient(u=at, a=50.0, y=np.ones(4))
    assert value == pytest.approx(-np.sum(np.logaddexp(0, -at - np.log(50))), rel=1e-15)
    assert gradient.u == pytest.approx(1 / (1 + 50 * np.exp(at)), rel=1e-15)
