"""Posteriors as people write them for samplers: the negative logarithm of the joint density."""

import jax.numpy as jnp
import numpy as np
from jax.scipy import stats
from sympy import IndexedBase, Rational, Sum, exp, log, pi, symbols

from symgrad import Model, softplus
from tests.real_models.record import Inputs, RealModel

J, N, K = symbols("J N K", integer=True, positive=True)
j, k, n = symbols("j k n", integer=True)


def normal(x, mean, scale):
    """The negative log-density of a normal distribution."""
    return log(scale) + log(2 * pi) / 2 + ((x - mean) / scale) ** 2 / 2


# --- eight schools: Rubin (1981), not centred -------------------------------------------------------------------------


def eight_schools() -> Model:
    mu, log_tau = symbols("mu log_tau", real=True)
    eta, y, sigma = (IndexedBase(name, shape=(J,)) for name in ("eta", "y", "sigma"))
    theta = mu + exp(log_tau) * eta[j]
    prior = normal(mu, 0, 5) + log(1 + (exp(log_tau) / 5) ** 2) - log_tau
    return Model(prior + Sum(normal(eta[j], 0, 1) + normal(y[j], theta, sigma[j]), (j, 0, J - 1)), [mu, log_tau, eta])


def eight_schools_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "mu": 4.0,
        "log_tau": 0.5,
        "eta": rng.normal(size=size),
        "y": 10 * rng.normal(size=size),
        "sigma": 10 + 5 * rng.random(size),
    }


def eight_schools_reference(mu, log_tau, eta, y, sigma):
    tau = jnp.exp(log_tau)
    prior = -stats.norm.logpdf(mu, 0, 5) + jnp.log1p((tau / 5) ** 2) - log_tau
    theta = mu + tau * eta
    return prior - jnp.sum(stats.norm.logpdf(eta)) - jnp.sum(stats.norm.logpdf(y, theta, sigma))


# --- item response with two parameters: Birnbaum (1968), in long form ------------------------------------------------


def item_response() -> Model:
    ability, hardness, sharpness = (IndexedBase(name, shape=(size,)) for name, size in {"a": J, "b": K, "g": K}.items())
    student, item, right = (IndexedBase(name, shape=(N,), integer=True) for name in ("student", "item", "right"))
    logit = exp(sharpness[item[n]]) * (ability[student[n]] - hardness[item[n]])
    prior = Sum(ability[j] ** 2, (j, 0, J - 1)) / 2
    prior += Sum(hardness[k] ** 2 * Rational(1, 8) + sharpness[k] ** 2, (k, 0, K - 1))
    return Model(prior + Sum(softplus(logit) - right[n] * logit, (n, 0, N - 1)), [ability, hardness, sharpness])


def item_response_inputs(size: int, rng: np.random.Generator) -> Inputs:
    students, items = max(2, size // 3), max(2, size // 10)
    return {
        "a": rng.normal(size=students),
        "b": rng.normal(size=items),
        "g": 0.3 * rng.normal(size=items),
        "student": rng.integers(0, students, size),
        "item": rng.integers(0, items, size),
        "right": rng.integers(0, 2, size),
    }


def item_response_reference(a, b, g, student, item, right):
    logit = jnp.exp(g[item]) * (a[student] - b[item])
    loss = jnp.sum(jnp.logaddexp(0.0, logit) - right * logit)
    return loss + jnp.sum(a**2) / 2 + jnp.sum(b**2) / 8 + jnp.sum(g**2)


MODELS = (
    RealModel("eight schools", eight_schools, eight_schools_inputs, eight_schools_reference, (8, 1000)),
    RealModel("item response", item_response, item_response_inputs, item_response_reference, (30, 3000)),
)
