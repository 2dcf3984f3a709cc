"""Regressions with the likelihoods in use: counts, classes, ranks, proportions, censored and heavy-tailed numbers."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy import stats
from jax.scipy.special import gammaln
from sympy import (
    Eq,
    HadamardProduct,
    Idx,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Sum,
    exp,
    log,
    loggamma,
    pi,
    symbols,
)

from symgrad import Model, if_else, sigmoid, softplus
from tests.real_models.record import Inputs, RealModel

N, D, K = symbols("N D K", integer=True, positive=True)
n, d, k = Idx("n", N), Idx("d", D), Idx("k", K)
x, beta, eta, y, count = (
    IndexedBase(name, shape=shape)
    for name, shape in {"x": (N, D), "beta": (D,), "eta": (N,), "y": (N,), "count": (N,)}.items()
)
linear = Eq(eta[n], Sum(x[n, d] * beta[d], d))
X, w, ones = MatrixSymbol("X", N, D), MatrixSymbol("w", D, 1), OneMatrix(N, 1)


def design(size: int, rng: np.random.Generator, features: int = 3) -> Inputs:
    return {"x": rng.normal(size=(size, features)), "beta": 0.5 * rng.normal(size=features)}


def matrix(size: int, rng: np.random.Generator) -> Inputs:
    made = design(size, rng)
    return {"X": made["x"], "w": made["beta"][:, None]}


# --- logistic regression with a normal prior, over the margin --------------------------------------------------------


def logistic() -> Model:
    sign = MatrixSymbol("sign", N, 1)
    margin = HadamardProduct(sign, X * w)
    return Model(-ones.T * sigmoid(margin).applyfunc(log) + w.T * w / 2, [w])


def logistic_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return matrix(size, rng) | {"sign": rng.choice([-1.0, 1.0], size=(size, 1))}


def logistic_reference(X, w, sign):
    return -jnp.sum(jax.nn.log_sigmoid(sign * (X @ w))) + jnp.sum(w**2) / 2


def separated() -> Inputs:
    return {"X": np.array([[900.0], [-800.0], [0.0], [1e-9]]), "w": np.ones((1, 1)), "sign": np.ones((4, 1))}


# --- Poisson regression with exposures -------------------------------------------------------------------------------


def poisson() -> Model:
    y, exposure = MatrixSymbol("y", N, 1), MatrixSymbol("exposure", N, 1)
    predictor = X * w + exposure.applyfunc(log)
    return Model(ones.T * predictor.applyfunc(exp) - y.T * predictor + ones.T * (y + ones).applyfunc(loggamma), [w])


def poisson_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return matrix(size, rng) | {"y": rng.poisson(2.0, (size, 1)), "exposure": 0.1 + rng.random((size, 1))}


def poisson_reference(X, w, y, exposure):
    return -jnp.sum(stats.poisson.logpmf(y, exposure * jnp.exp(X @ w)))


# --- negative binomial with the mean and the dispersion, as Stan's neg_binomial_2_log ---------------------------------


def negative_binomial() -> Model:
    log_phi = symbols("log_phi", real=True)
    phi, mu = exp(log_phi), exp(eta[n])
    choose = loggamma(count[n] + phi) - loggamma(phi) - loggamma(count[n] + 1)
    term = choose + phi * log(phi / (phi + mu)) + count[n] * log(mu / (phi + mu))
    return Model(-Sum(term, n), [beta, log_phi], where=[linear])


def negative_binomial_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"count": rng.poisson(3.0, size), "log_phi": 0.7}


def negative_binomial_reference(x, beta, count, log_phi):
    phi, eta = jnp.exp(log_phi), x @ beta
    choose = gammaln(count + phi) - gammaln(phi) - gammaln(count + 1.0)
    both = jnp.logaddexp(log_phi, eta)
    return -jnp.sum(choose + phi * (log_phi - both) + count * (eta - both))


def negative_binomial_exact(x, beta, count, log_phi):
    phi, loss = mpmath.exp(log_phi), 0
    for row, number in zip(x, count, strict=True):
        mu = mpmath.exp(mpmath.fdot(row, beta))
        loss -= mpmath.loggamma(number + phi) - mpmath.loggamma(phi) - mpmath.loggamma(number + 1)
        loss -= phi * mpmath.log(phi / (phi + mu)) + number * mpmath.log(mu / (phi + mu))
    return loss


def nearly_poisson() -> Inputs:
    x = np.array([[1.0, 0.3], [1.0, -2.0], [1.0, 0.0]])
    return {"x": x, "beta": np.array([1.0, 0.5]), "count": np.array([3, 0, 40]), "log_phi": 9.0}


# --- robust regression: Student's t with free degrees of freedom -----------------------------------------------------


def robust() -> Model:
    log_nu, log_sigma = symbols("log_nu log_sigma", real=True)
    nu, sigma = exp(log_nu), exp(log_sigma)
    constant = loggamma((nu + 1) / 2) - loggamma(nu / 2) - log(nu * pi) / 2 - log_sigma
    density = constant - (nu + 1) / 2 * log(1 + ((y[n] - eta[n]) / sigma) ** 2 / nu)
    return Model(-Sum(density, n), [beta, log_nu, log_sigma], where=[linear])


def robust_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"y": rng.standard_t(3.0, size), "log_nu": 1.1, "log_sigma": 0.2}


def robust_reference(x, beta, y, log_nu, log_sigma):
    return -jnp.sum(stats.t.logpdf(y, jnp.exp(log_nu), x @ beta, jnp.exp(log_sigma)))


def outlier() -> Inputs:
    x = np.array([[1.0, 0.3], [1.0, -2.0], [1.0, 0.0]])
    return {"x": x, "beta": np.array([1.0, 0.5]), "y": np.array([1e9, 0.1, 2]), "log_nu": 0.5, "log_sigma": -1.0}


# --- zero-inflated Poisson: Lambert (1992) ---------------------------------------------------------------------------


def zero_inflated() -> Model:
    gamma, zero = IndexedBase("gamma", shape=(D,)), IndexedBase("zero", shape=(N,))
    rate = exp(eta[n])
    poisson = count[n] * eta[n] - rate - loggamma(count[n] + 1)
    none = log(zero[n] + (1 - zero[n]) * exp(-rate))
    loss = -Sum(if_else(Eq(count[n], 0), none, log(1 - zero[n]) + poisson), n)
    return Model(loss, [beta, gamma], where=[linear, Eq(zero[n], sigmoid(Sum(x[n, d] * gamma[d], d)))])


def zero_inflated_inputs(size: int, rng: np.random.Generator) -> Inputs:
    count = rng.poisson(2.0, size) * rng.integers(0, 2, size)
    return design(size, rng) | {"gamma": 0.5 * rng.normal(size=3), "count": count}


def zero_inflated_reference(x, beta, gamma, count):
    eta, logit = x @ beta, x @ gamma
    none = jnp.logaddexp(logit, -jnp.exp(eta)) - jax.nn.softplus(logit)
    some = -jax.nn.softplus(logit) + count * eta - jnp.exp(eta) - gammaln(count + 1.0)
    return -jnp.sum(jnp.where(count == 0, none, some))


def zero_inflated_exact(x, beta, gamma, count):
    loss = 0
    for row, number in zip(x, count, strict=True):
        eta, zero = mpmath.fdot(row, beta), 1 / (1 + mpmath.exp(-mpmath.fdot(row, gamma)))
        some = mpmath.log(1 - zero) + number * eta - mpmath.exp(eta) - mpmath.loggamma(number + 1)
        loss -= some if number else mpmath.log(zero + (1 - zero) * mpmath.exp(-mpmath.exp(eta)))
    return loss


def hardly_a_zero() -> Inputs:
    x = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, -1.0]])
    return {"x": x, "beta": np.array([1.0, 6.0]), "gamma": np.array([-300.0, 60.0]), "count": np.array([0, 0, 400, 0])}


# --- beta regression: Ferrari and Cribari-Neto (2004) ----------------------------------------------------------------


def beta_regression() -> Model:
    log_phi, mu = symbols("log_phi", real=True), IndexedBase("mu", shape=(N,))
    phi = exp(log_phi)
    a, b = mu[n] * phi, (1 - mu[n]) * phi
    term = loggamma(phi) - loggamma(a) - loggamma(b) + (a - 1) * log(y[n]) + (b - 1) * log(1 - y[n])
    return Model(-Sum(term, n), [beta, log_phi], where=[Eq(mu[n], sigmoid(Sum(x[n, d] * beta[d], d)))])


def beta_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"y": rng.beta(2.0, 3.0, size), "log_phi": 1.6}


def beta_reference(x, beta, y, log_phi):
    mu, phi = jax.nn.sigmoid(x @ beta), jnp.exp(log_phi)
    return -jnp.sum(stats.beta.logpdf(y, mu * phi, (1 - mu) * phi))


# --- dose and response with four parameters, binomial ----------------------------------------------------------------


def dose_response() -> Model:
    bottom, top, log_half, log_hill = symbols("bottom top log_half log_hill", real=True)
    dose, trials, hits = (IndexedBase(name, shape=(N,), nonnegative=True) for name in ("dose", "trials", "hits"))
    rise = dose[n] ** exp(log_hill) / (exp(log_half) ** exp(log_hill) + dose[n] ** exp(log_hill))
    logit = bottom + (top - bottom) * rise
    return Model(Sum(trials[n] * softplus(logit) - hits[n] * logit, n), [bottom, top, log_half, log_hill])


def dose_inputs(size: int, rng: np.random.Generator) -> Inputs:
    trials = rng.integers(5, 20, size)
    at = {"bottom": -2.0, "top": 1.5, "log_half": 0.3, "log_hill": 0.4}
    return at | {"dose": rng.lognormal(size=size), "trials": trials, "hits": rng.binomial(trials, 0.3)}


def dose_reference(bottom, top, log_half, log_hill, dose, trials, hits):
    safe = jnp.where(dose > 0, dose, 1.0)
    rise = jnp.where(dose > 0, jax.nn.sigmoid(jnp.exp(log_hill) * (jnp.log(safe) - log_half)), 0.0)
    logit = bottom + (top - bottom) * rise
    return jnp.sum(trials * jax.nn.softplus(logit) - hits * logit)


def no_dose() -> Inputs:
    return dose_inputs(4, np.random.default_rng(0)) | {"dose": np.array([0.0, 0.0, 1.0, 1e3])}


MODELS = (
    RealModel("logistic regression", logistic, logistic_inputs, logistic_reference, (6, 5000), {"apart": separated}),
    RealModel("Poisson regression", poisson, poisson_inputs, poisson_reference, (6, 5000)),
    RealModel(
        "negative binomial regression",
        negative_binomial,
        negative_binomial_inputs,
        negative_binomial_reference,
        (6, 2000),
        {"nearly Poisson": nearly_poisson},
        negative_binomial_exact,
        tolerance=1e-9,
    ),
    RealModel("robust regression", robust, robust_inputs, robust_reference, (6, 2000), {"outlier": outlier}),
    RealModel(
        "zero-inflated Poisson",
        zero_inflated,
        zero_inflated_inputs,
        zero_inflated_reference,
        (8, 2000),
        {"hardly a zero": hardly_a_zero},
        zero_inflated_exact,
    ),
    RealModel("beta regression", beta_regression, beta_inputs, beta_reference, (6, 2000)),
    RealModel("dose response", dose_response, dose_inputs, dose_reference, (6, 200), {"no dose": no_dose}),
)
