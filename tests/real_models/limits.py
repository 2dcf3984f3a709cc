"""Extreme values, questionnaires with guessing, counts with empty cells, confident choices: models near a limit."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy.special import xlogy
from sympy import Eq, IndexedBase, Sum, exp, log, oo, symbols

from symgrad import LogSumExp, Model, if_else, softmax
from tests.real_models.record import Inputs, RealModel

N, M, K, J = symbols("N M K J", integer=True, positive=True)
n, m, k, j = symbols("n m k j", integer=True)
rows = (n, 0, N - 1)
y = IndexedBase("y", shape=(N,))

# --- generalised extreme values, and excesses over a threshold: Coles (2001), chapters 3 and 4 -----------------------


def extremes() -> Model:
    mu, log_sigma, xi = symbols("mu log_sigma xi", real=True)
    base = 1 + xi * (y[n] - mu) / exp(log_sigma)
    return Model(
        Sum(log_sigma + (1 + 1 / xi) * log(base) + base ** (-1 / xi), rows), [mu, log_sigma, xi], name="extremes"
    )


def extreme_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"y": rng.gumbel(1.0, 2.0, size) + 2, "mu": 2.5, "log_sigma": 0.75, "xi": 0.02}


def extreme_reference(y, mu, log_sigma, xi):
    base = 1 + xi * (y - mu) / jnp.exp(log_sigma)
    return jnp.sum(log_sigma + (1 + 1 / xi) * jnp.log(base) + base ** (-1 / xi))


def extreme_exact(y, mu, log_sigma, xi):
    bases = [1 + xi * (t - mu) / mpmath.exp(log_sigma) for t in y]
    return mpmath.fsum(log_sigma + (1 + 1 / xi) * mpmath.log(base) + base ** (-1 / xi) for base in bases)


def nearly_gumbel() -> Inputs:
    return {"y": np.array([0.5, 3.0, 40.0]), "mu": 1.0, "log_sigma": 0.5, "xi": 1e-10}


def excesses() -> Model:
    log_sigma, xi = symbols("log_sigma xi", real=True)
    return Model(Sum(log_sigma + (1 / xi + 1) * log(1 + xi * y[n] * exp(-log_sigma)), rows), [log_sigma, xi])


def excess_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"y": rng.exponential(2.0, size), "log_sigma": 0.5, "xi": 0.1}


def excess_reference(y, log_sigma, xi):
    return jnp.sum(log_sigma + (1 / xi + 1) * jnp.log(1 + xi * y * jnp.exp(-log_sigma)))


def excess_exact(y, log_sigma, xi):
    return mpmath.fsum(log_sigma + (1 / xi + 1) * mpmath.log(1 + xi * t * mpmath.exp(-log_sigma)) for t in y)


def nearly_exponential() -> Inputs:
    return {"y": np.array([1e-9, 3.0, 100.0]), "log_sigma": 0.5, "xi": -1e-11}


# --- answers that may be guessed: Birnbaum (1968), with answers that are missing -------------------------------------


def guessing() -> Model:
    p, answer = IndexedBase("p", shape=(N, J)), IndexedBase("answer", shape=(N, J))
    ability, slope, hard, floor = (
        IndexedBase(name, shape=(side,)) for name, side in {"ability": N, "slope": J, "hard": J, "floor": J}.items()
    )
    right = Eq(p[n, j], floor[j] + (1 - floor[j]) / (1 + exp(-slope[j] * (ability[n] - hard[j]))))
    surprise = answer[n, j] * log(p[n, j]) + (1 - answer[n, j]) * log(1 - p[n, j])
    prior = Sum(ability[n] ** 2, rows) / 2
    seen = Sum(if_else(answer[n, j] >= 0, surprise, 0), (j, 0, J - 1), rows)
    return Model(prior - seen, [ability, slope, hard, floor], where=[right])


def guessing_inputs(size: int, rng: np.random.Generator) -> Inputs:
    answer = rng.integers(-1, 2, (size, 4)).astype(float)
    answer[answer < 0] = np.nan
    made = {"ability": rng.normal(size=size), "slope": 1 + rng.random(4), "hard": rng.normal(size=4)}
    return made | {"floor": np.array([0.1, 0.2, 0.25, 0.05]), "answer": answer}


def guessing_reference(ability, slope, hard, floor, answer):
    u = slope * (ability[:, None] - hard)
    seen = answer >= 0
    given = jnp.where(seen, answer, 0)
    p = floor + (1 - floor) * jax.nn.sigmoid(u)
    surprise = given * jnp.log(p) + (1 - given) * (jnp.log(1 - floor) - jax.nn.softplus(u))
    return jnp.sum(ability**2) / 2 - jnp.sum(jnp.where(seen, surprise, 0))


def guessing_exact(ability, slope, hard, floor, answer):
    loss = mpmath.fsum(a * a for a in ability) / 2
    for a, given in zip(ability, answer, strict=True):
        for s, h, f, t in zip(slope, hard, floor, given, strict=True):
            if t >= 0:
                p = f + (1 - f) / (1 + mpmath.exp(-s * (a - h)))
                loss -= mpmath.log(p if t else 1 - p)
    return loss


def far_from_hard() -> Inputs:
    answer = np.array([[0.0, 1.0, np.nan], [1.0, 0.0, 1.0]])
    made = {"ability": np.array([60.0, -50.0]), "slope": np.array([2.0, 1.0, 1.5]), "hard": np.zeros(3)}
    return made | {"floor": np.array([0.25, 0.1, 1e-20]), "answer": answer}


# --- factors of counts: Lee and Seung (2001), the divergence of Kullback and Leibler ---------------------------------


def factors() -> Model:
    V, W, H = (IndexedBase(name, shape=shape) for name, shape in {"V": (N, M), "W": (N, K), "H": (K, M)}.items())
    mean = Sum(W[n, k] * H[k, m], (k, 0, K - 1))
    return Model(Sum(V[n, m] * log(V[n, m] / mean) - V[n, m] + mean, rows, (m, 0, M - 1)), [W, H])


def factor_inputs(size: int, rng: np.random.Generator) -> Inputs:
    W, H = rng.gamma(1.0, size=(size, 2)), rng.gamma(1.0, size=(2, 5))
    return {"V": rng.poisson(W @ H).astype(float), "W": W, "H": H}


def factor_reference(V, W, H):
    mean = W @ H
    return jnp.sum(xlogy(V, V) - xlogy(V, jnp.where(V > 0, mean, 1)) - V + mean)


def empty_cells() -> Inputs:
    V = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    return {"V": V, "W": np.array([[1.0, 0.5], [0.0, 2.0]]), "H": np.array([[0.5, 0.0, 1.0], [0.0, 0.0, 1.5]])}


# --- probabilities by the score of Brier (1950), some choices not open -----------------------------------------------


def brier() -> Model:
    score, share, chosen = (IndexedBase(name, shape=(N, K)) for name in ("score", "share", "chosen"))
    open_ = IndexedBase("open_", shape=(N, K))
    masked = if_else(open_[n, k] > 0, score[n, k], -oo)
    error = Sum((share[n, k] - chosen[n, k]) ** 2, (k, 0, K - 1), rows)
    spread = Sum(LogSumExp(masked, (k, 0, K - 1)) ** 2, rows) / 1000
    return Model(error + spread, [score], where=[Eq(share[n, k], softmax(masked, (k, 0, K - 1)))])


def brier_inputs(size: int, rng: np.random.Generator) -> Inputs:
    open_ = rng.integers(0, 2, (size, 4))
    open_[:, 0] = 1
    score = np.where(open_ > 0, rng.normal(size=(size, 4)), np.nan)
    return {"score": score, "chosen": np.eye(4)[rng.integers(0, 4, size)], "open_": open_.astype(float)}


def brier_reference(score, chosen, open_):
    masked = jnp.where(open_ > 0, jnp.where(open_ > 0, score, 0), -1e5)
    spread = jnp.sum(jax.nn.logsumexp(masked, axis=1) ** 2) / 1000
    return jnp.sum((jax.nn.softmax(masked, axis=1) - chosen) ** 2) + spread


MODELS = (
    RealModel(
        "generalised extreme values",
        extremes,
        extreme_inputs,
        extreme_reference,
        (6, 1000),
        {"nearly Gumbel": nearly_gumbel},
        extreme_exact,
    ),
    RealModel(
        "excesses over a threshold",
        excesses,
        excess_inputs,
        excess_reference,
        (6, 1000),
        {"nearly exponential": nearly_exponential},
        excess_exact,
    ),
    RealModel(
        "item response with guessing",
        guessing,
        guessing_inputs,
        guessing_reference,
        (6, 500),
        {"far from hard": far_from_hard},
        guessing_exact,
    ),
    RealModel("factors of counts", factors, factor_inputs, factor_reference, (5, 200), {"empty cells": empty_cells}),
    RealModel("Brier score of choices", brier, brier_inputs, brier_reference, (5, 500)),
)
