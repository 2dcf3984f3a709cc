"""Likelihoods of one distribution each: counts with more variance, extremes, skewness, angles, amounts with zeros."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy.special import gammaln, i0e, log_ndtr, logsumexp
from sympy import Eq, IndexedBase, Sum, besseli, cos, exp, log, loggamma, symbols

from symgrad import LogSumExp, Model, if_else, log_sigmoid, sigmoid, softplus
from symgrad import log_ndtr as log_normal
from tests.real_models.record import Inputs, RealModel

N, M, K = symbols("N M K", integer=True, positive=True)
n, m, k, j = symbols("n m k j", integer=True)
mu, log_s = symbols("mu log_s", real=True)
x, w = IndexedBase("x", shape=(N, M)), IndexedBase("w", shape=(M,))
y, rows = IndexedBase("y", shape=(N,)), (n, 0, N - 1)
linear = Sum(x[n, m] * w[m], (m, 0, M - 1))
standard = (y[n] - mu) * exp(-log_s)


def regression_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"x": rng.normal(size=(size, 3)) / 2, "w": rng.normal(size=3)}


# --- beta-binomial: as many of several trials, with shares that vary --------------------------------------------------


def beta_binomial() -> Model:
    log_phi, trials = symbols("log_phi", real=True), IndexedBase("trials", shape=(N,))
    phi = exp(log_phi)
    a, b = sigmoid(linear) * phi, sigmoid(-linear) * phi
    hits = loggamma(y[n] + a) - loggamma(a) + loggamma(trials[n] - y[n] + b) - loggamma(b)
    return Model(-Sum(hits + loggamma(phi) - loggamma(trials[n] + phi), rows), [w, log_phi])


def beta_binomial_inputs(size: int, rng: np.random.Generator) -> Inputs:
    trials = rng.integers(1, 30, size)
    return regression_inputs(size, rng) | {
        "trials": 1.0 * trials,
        "y": 1.0 * rng.integers(0, trials + 1),
        "log_phi": 1.5,
    }


def beta_binomial_reference(x, w, y, trials, log_phi):
    phi = jnp.exp(log_phi)
    a, b = jax.nn.sigmoid(x @ w) * phi, jax.nn.sigmoid(-x @ w) * phi
    hits = gammaln(y + a) - gammaln(a) + gammaln(trials - y + b) - gammaln(b)
    return -jnp.sum(hits + gammaln(phi) - gammaln(trials + phi))


# --- generalised extreme values ---------------------------------------------------------------------------------------


def extremes() -> Model:
    xi = symbols("xi", real=True)
    z = 1 + xi * standard
    return Model(Sum(log_s + (1 + 1 / xi) * log(z) + z ** (-1 / xi), rows), [mu, log_s, xi])


def extremes_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"y": rng.gumbel(size=size), "mu": 0.1, "log_s": 0.3, "xi": 0.12}


def extremes_reference(y, mu, log_s, xi):
    z = 1 + xi * (y - mu) * jnp.exp(-log_s)
    return jnp.sum(log_s + (1 + 1 / xi) * jnp.log(z) + z ** (-1 / xi))


# --- the skew normal distribution -------------------------------------------------------------------------------------


def skew() -> Model:
    slant = symbols("slant", real=True)
    return Model(Sum(log_s + standard**2 / 2 - log_normal(slant * standard), rows), [mu, log_s, slant])


def skew_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"y": rng.normal(size=size), "mu": 0.1, "log_s": 0.2, "slant": 3.0}


def skew_far() -> Inputs:
    return {"y": np.array([-9.0, -4.0, 6.0]), "mu": 0.0, "log_s": -0.5, "slant": 5.0}


def skew_reference(y, mu, log_s, slant):
    z = (y - mu) * jnp.exp(-log_s)
    return jnp.sum(log_s + z**2 / 2 - log_ndtr(slant * z))


def skew_exact(y, mu, log_s, slant):
    z = [(one - mu) * mpmath.exp(-log_s) for one in y]
    return mpmath.fsum(log_s + one**2 / 2 - mpmath.log(mpmath.ncdf(slant * one)) for one in z)


# --- a mixture of von Mises' distributions of angles ------------------------------------------------------------------


def angles() -> Model:
    centre, log_kappa, a = (IndexedBase(name, shape=(K,)) for name in ("centre", "log_kappa", "a"))
    kappa, over = exp(log_kappa[k]), (k, 0, K - 1)
    part = a[k] + kappa * cos(y[n] - centre[k]) - log(besseli(0, kappa))
    loss = -Sum(LogSumExp(part, over) - LogSumExp(a[j], (j, 0, K - 1)), rows)
    return Model(loss, [centre, log_kappa, a])


def angles_inputs(size: int, rng: np.random.Generator) -> Inputs:
    parts = {name: rng.normal(size=3) for name in ("centre", "log_kappa", "a")}
    return parts | {"y": rng.uniform(-np.pi, np.pi, size)}


def sharp_angles() -> Inputs:
    return angles_inputs(5, np.random.default_rng(2)) | {"log_kappa": np.array([-20.0, 3.0, 9.0])}


def angles_reference(centre, log_kappa, a, y):
    kappa = jnp.exp(log_kappa)
    part = a + kappa * (jnp.cos(y[:, None] - centre) - 1) - jnp.log(i0e(kappa))
    return -jnp.sum(logsumexp(part, axis=1) - logsumexp(a))


def angles_exact(centre, log_kappa, a, y):
    kappa = list(map(mpmath.exp, log_kappa))
    weight = [mpmath.exp(one) / mpmath.besseli(0, k) for one, k in zip(a, kappa, strict=True)]
    parts = [
        [c * mpmath.exp(k * mpmath.cos(one - m)) for c, k, m in zip(weight, kappa, centre, strict=True)] for one in y
    ]
    return -mpmath.fsum(mpmath.log(mpmath.fsum(part) / mpmath.fsum(map(mpmath.exp, a))) for part in parts)


# --- Tweedie's distribution: amounts that are often zero --------------------------------------------------------------


def amounts() -> Model:
    p = symbols("p", positive=True)
    loss = Sum(exp((2 - p) * linear) / (2 - p) - y[n] * exp((1 - p) * linear) / (1 - p), rows)
    return Model(loss, [w])


def amounts_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return regression_inputs(size, rng) | {"y": rng.gamma(2.0, size=size) * (rng.random(size) > 0.4), "p": 1.5}


def amounts_reference(x, w, y, p):
    eta = x @ w
    return jnp.sum(jnp.exp((2 - p) * eta) / (2 - p) - y * jnp.exp((1 - p) * eta) / (1 - p))


# --- quantiles, smoothed (Zheng 2011) ---------------------------------------------------------------------------------


def quantiles() -> Model:
    q, h = symbols("q", real=True), symbols("h", positive=True)
    r = y[n] - linear
    return Model(Sum(q * r + h * softplus(-r / h), rows) / N, [w])


def quantiles_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return regression_inputs(size, rng) | {"y": rng.normal(size=size), "q": 0.3, "h": 0.1}


def sharp_quantiles() -> Inputs:
    return quantiles_inputs(7, np.random.default_rng(3)) | {"h": 1e-6}


def quantiles_reference(x, w, y, q, h):
    r = y - x @ w
    return jnp.mean(q * r + h * jnp.logaddexp(0, -r / h))


# --- counts with more zeros than their distribution has (Greene 1994), by the logarithm of the mean ------------------


def zeros() -> Model:
    v, alpha = symbols("v", real=True), symbols("alpha", positive=True)
    mean = exp(linear)
    some = loggamma(y[n] + 1 / alpha) - loggamma(1 / alpha) - loggamma(y[n] + 1)
    some += y[n] * log(alpha * mean / (1 + alpha * mean)) - log(1 + alpha * mean) / alpha
    none = log(sigmoid(v) + sigmoid(-v) * exp(some))
    return Model(-Sum(if_else(Eq(y[n], 0), none, log_sigmoid(-v) + some), rows), [w, v, alpha])


def zeros_inputs(size: int, rng: np.random.Generator) -> Inputs:
    counts = rng.poisson(3, size) * (rng.random(size) > 0.3)
    return regression_inputs(size, rng) | {"y": 1.0 * counts, "v": -0.5, "alpha": 0.7}


def zeros_far() -> Inputs:
    x = np.array([[1.0, 2.0], [-10.0, 1.0], [2.0, -1.0], [-3.0, 0.5]])
    return {"x": x, "w": np.array([8.0, 0.5]), "y": np.array([0.0, 1.0, 3000.0, 0.0]), "v": 60.0, "alpha": 50.0}


def zeros_reference(x, w, y, v, alpha):
    eta = x @ w
    some = gammaln(y + 1 / alpha) - gammaln(1 / alpha) - gammaln(y + 1)
    some += -y * jnp.logaddexp(0, -eta - jnp.log(alpha)) - jnp.logaddexp(0, eta + jnp.log(alpha)) / alpha
    none = jnp.logaddexp(jax.nn.log_sigmoid(v), jax.nn.log_sigmoid(-v) + some)
    return -jnp.sum(jnp.where(y == 0, none, jax.nn.log_sigmoid(-v) + some))


def zeros_exact(x, w, y, v, alpha):
    def of(row, count):
        mean = mpmath.exp(sum(a * b for a, b in zip(row, w, strict=True)))
        some = mpmath.loggamma(count + 1 / alpha) - mpmath.loggamma(1 / alpha) - mpmath.loggamma(count + 1)
        some += count * mpmath.log(alpha * mean / (1 + alpha * mean)) - mpmath.log(1 + alpha * mean) / alpha
        share = 1 / (1 + mpmath.exp(v))
        return mpmath.log(1 - share + share * mpmath.exp(some)) if count == 0 else mpmath.log(share) + some

    return -sum(of(row, count) for row, count in zip(x, y, strict=True))


MODELS = (
    RealModel("beta-binomial", beta_binomial, beta_binomial_inputs, beta_binomial_reference),
    RealModel("extremes", extremes, extremes_inputs, extremes_reference),
    RealModel("skewness", skew, skew_inputs, skew_reference, hostile={"in the tail": skew_far}, exact=skew_exact),
    RealModel(
        "angles", angles, angles_inputs, angles_reference, hostile={"sharp and flat": sharp_angles}, exact=angles_exact
    ),
    RealModel("counts with zeros", zeros, zeros_inputs, zeros_reference, hostile={"far": zeros_far}, exact=zeros_exact),
    RealModel("amounts with zeros", amounts, amounts_inputs, amounts_reference),
    RealModel("quantiles", quantiles, quantiles_inputs, quantiles_reference, hostile={"sharp": sharp_quantiles}),
)
