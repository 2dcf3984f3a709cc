"""Series in time: filters, volatility, point processes, epidemics."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from sympy import (
    Array,
    Eq,
    Idx,
    IndexedBase,
    KroneckerDelta,
    Sum,
    exp,
    log,
    loggamma,
    pi,
    sqrt,
    symbols,
    tanh,
)

from symgrad import Model, sigmoid
from tests.real_models.record import Inputs, RealModel

N, T, K, D, S = symbols("N T K D S", integer=True, positive=True)
n, t, j, k, d, s = symbols("n t j k d s", integer=True)


# --- local level and trend, by a Kalman filter in matrices: Harvey (1989) --------------------------------------------


def trend() -> Model:
    level, slope, noise = symbols("level slope noise", real=True)
    y = IndexedBase("y", shape=(T,))
    m, P = IndexedBase("m", shape=(T + 1, 2)), IndexedBase("P", shape=(T + 1, 2, 2))
    F, Q = Array([[1, 1], [0, 1]]), Array([[exp(level), 0], [0, exp(slope)]])
    gain, S = IndexedBase("gain", shape=(T + 1, 2)), IndexedBase("S", shape=(T + 1,))
    i, j, p, q = (Idx(name, 2) for name in "ijpq")
    where = [
        Eq(m[0, i], 0),
        Eq(P[0, i, j], 10 * KroneckerDelta(i, j)),
        Eq(S[t], P[t - 1, 0, 0] + exp(noise)),
        Eq(gain[t, i], Sum(F[i, p] * P[t - 1, p, 0], p) / S[t]),
        Eq(m[t, i], Sum(F[i, p] * m[t - 1, p], p) + gain[t, i] * (y[t - 1] - m[t - 1, 0])),
        Eq(P[t, i, j], Sum(F[i, p] * P[t - 1, p, q] * F[j, q], p, q) + Q[i, j] - gain[t, i] * gain[t, j] * S[t]),
    ]
    loss = Sum(log(2 * pi * S[t]) + (y[t - 1] - m[t - 1, 0]) ** 2 / S[t], (t, 1, T)) / 2
    return Model(loss, [level, slope, noise], where=where)


def trend_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"y": np.cumsum(rng.normal(size=size)), "level": -0.5, "slope": -2.0, "noise": 0.3}


def trend_reference(y, level, slope, noise):
    F, Q = jnp.array([[1.0, 1], [0, 1]]), jnp.diag(jnp.exp(jnp.stack([level, slope])))

    def step(state, now):
        m, P = state
        S, error = P[0, 0] + jnp.exp(noise), now - m[0]
        gain = F @ P[:, 0] / S
        term = jnp.log(2 * jnp.pi * S) + error**2 / S
        return (F @ m + gain * error, F @ P @ F.T + Q - S * jnp.outer(gain, gain)), term

    _, terms = jax.lax.scan(step, (jnp.zeros(2), 10 * jnp.eye(2)), y)
    return jnp.sum(terms) / 2


# --- GARCH(1, 1): Bollerslev (1986) ----------------------------------------------------------------------------------


def garch() -> Model:
    mu, omega, a, b = symbols("mu omega a b", real=True)
    r, variance = IndexedBase("r", shape=(T,)), IndexedBase("variance", shape=(T,))
    alpha, beta = sigmoid(a), sigmoid(b) * (1 - sigmoid(a))
    where = [
        Eq(variance[0], exp(omega) / (1 - alpha - beta)),
        Eq(variance[t], exp(omega) + alpha * (r[t - 1] - mu) ** 2 + beta * variance[t - 1]),
    ]
    loss = Sum(log(2 * pi * variance[t]) + (r[t] - mu) ** 2 / variance[t], (t, 0, T - 1)) / 2
    return Model(loss, [mu, omega, a, b], where=where)


def garch_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"r": rng.standard_t(4.0, size), "mu": 0.1, "omega": -2.0, "a": -2.0, "b": 1.5}


def garch_reference(r, mu, omega, a, b):
    alpha = jax.nn.sigmoid(a)
    beta = jax.nn.sigmoid(b) * (1 - alpha)

    def step(variance, before):
        after = jnp.exp(omega) + alpha * (before - mu) ** 2 + beta * variance
        return after, variance

    _, variance = jax.lax.scan(step, jnp.exp(omega) / (1 - alpha - beta), r)
    return jnp.sum(jnp.log(2 * jnp.pi * variance) + (r - mu) ** 2 / variance) / 2


# --- Hawkes's process with exponential memory: Ozaki (1979) ----------------------------------------------------------


def hawkes() -> Model:
    mu, alpha, beta = symbols("log_mu log_alpha log_beta", real=True)
    mu, alpha, beta = exp(mu), exp(alpha), exp(beta)
    time, memory, end = (
        IndexedBase("time", shape=(T,)),
        IndexedBase("memory", shape=(T,)),
        symbols("end", positive=True),
    )
    where = [Eq(memory[0], 0), Eq(memory[t], exp(-beta * (time[t] - time[t - 1])) * (1 + memory[t - 1]))]
    compensator = mu * end + alpha / beta * Sum(1 - exp(-beta * (end - time[t])), (t, 0, T - 1))
    loss = compensator - Sum(log(mu + alpha * memory[t]), (t, 0, T - 1))
    return Model(loss, [*symbols("log_mu log_alpha log_beta", real=True)], where=where)


def hawkes_inputs(size: int, rng: np.random.Generator) -> Inputs:
    time = np.cumsum(rng.exponential(size=size))
    return {"time": time, "end": time[-1] + 1, "log_mu": -0.3, "log_alpha": -0.5, "log_beta": 0.2}


def hawkes_reference(time, end, log_mu, log_alpha, log_beta):
    mu, alpha, beta = jnp.exp(log_mu), jnp.exp(log_alpha), jnp.exp(log_beta)
    gap = time[:, None] - time
    memory = jnp.sum(jnp.tril(jnp.exp(-beta * jnp.where(gap > 0, gap, 0.0)), -1), axis=1)
    compensator = mu * end - alpha / beta * jnp.sum(jnp.expm1(-beta * (end - time)))
    return compensator - jnp.sum(jnp.log(mu + alpha * memory))


def short_memory() -> Inputs:
    return {"time": np.array([0.1, 0.1, 3.0, 3.0 + 1e-9]), "end": 3.0 + 2e-9} | {
        "log_mu": -0.3,
        "log_alpha": 1.0,
        "log_beta": 7.0,
    }


# --- stochastic volatility, not centred: Kim, Shephard and Chib (1998) -----------------------------------------------


def volatility() -> Model:
    mu, phi, sigma = symbols("mu phi sigma", real=True)
    r, z, h = (IndexedBase(name, shape=(T,)) for name in ("r", "z", "h"))
    where = [
        Eq(h[0], mu + exp(sigma) * z[0] / sqrt(1 - tanh(phi) ** 2)),
        Eq(h[t], mu + tanh(phi) * (h[t - 1] - mu) + exp(sigma) * z[t]),
    ]
    loss = Sum(h[t] / 2 + (r[t] * exp(-h[t] / 2)) ** 2 / 2 + z[t] ** 2 / 2, (t, 0, T - 1))
    return Model(loss + (mu / 10) ** 2 / 2 + exp(2 * sigma) / 2 - sigma, [mu, phi, sigma, z], where=where)


def volatility_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"r": rng.normal(size=size), "z": rng.normal(size=size), "mu": -0.5, "phi": 1.5, "sigma": -1.5}


def volatility_reference(r, z, mu, phi, sigma):
    def step(before, now):
        after = mu + jnp.tanh(phi) * (before - mu) + jnp.exp(sigma) * now
        return after, after

    first = mu + jnp.exp(sigma) * z[0] / jnp.sqrt(1 - jnp.tanh(phi) ** 2)
    _, rest = jax.lax.scan(step, first, z[1:])
    h = jnp.concatenate([first[None], rest])
    loss = jnp.sum(h / 2 + r**2 * jnp.exp(-h) / 2 + z**2 / 2)
    return loss + (mu / 10) ** 2 / 2 + jnp.exp(2 * sigma) / 2 - sigma


# --- a renewal epidemic: Cori et al. (2013) --------------------------------------------------------------------------


def epidemic() -> Model:
    seed, log_phi = symbols("seed log_phi", real=True)
    log_R, cases, infections = (IndexedBase(name, shape=(T,)) for name in ("log_R", "cases", "infections"))
    interval, phi = IndexedBase("interval", shape=(T,)), exp(log_phi)
    renewal = exp(log_R[t]) * Sum(infections[s] * interval[t - s], (s, 0, t - 1))
    where = [Eq(infections[0], exp(seed)), Eq(infections[t], renewal)]
    rate = infections[t]
    choose = loggamma(cases[t] + phi) - loggamma(phi) - loggamma(cases[t] + 1)
    counts = choose + phi * log(phi / (phi + rate)) + cases[t] * log(rate / (phi + rate))
    walk = Sum((log_R[t] - log_R[t - 1]) ** 2, (t, 1, T - 1)) * 50
    return Model(walk - Sum(counts, (t, 0, T - 1)), [seed, log_phi, log_R], where=where)


def epidemic_inputs(size: int, rng: np.random.Generator) -> Inputs:
    interval = np.exp(-np.arange(size) / 4.0) * (np.arange(size) > 0)
    made = {"log_R": 0.2 * rng.normal(size=size), "cases": rng.poisson(20, size), "interval": interval / interval.sum()}
    return made | {"seed": 2.0, "log_phi": 1.0}


def epidemic_reference(log_R, cases, interval, seed, log_phi):
    earlier = jnp.arange(len(log_R))

    def renew(infections, t):
        weights = jnp.where(earlier < t, interval[jnp.abs(t - earlier)], 0.0)
        return infections.at[t].set(jnp.exp(log_R[t]) * jnp.dot(infections, weights)), None

    first = jnp.zeros(len(log_R)).at[0].set(jnp.exp(seed))
    rate, _ = jax.lax.scan(renew, first, earlier[1:])
    phi = jnp.exp(log_phi)
    choose = gammaln(cases + phi) - gammaln(phi) - gammaln(cases + 1.0)
    counts = choose + phi * jnp.log(phi / (phi + rate)) + cases * jnp.log(rate / (phi + rate))
    return jnp.sum(jnp.diff(log_R) ** 2) * 50 - jnp.sum(counts)


MODELS = (
    RealModel("local trend", trend, trend_inputs, trend_reference, (6, 300)),
    RealModel("GARCH", garch, garch_inputs, garch_reference, (6, 2000)),
    RealModel("Hawkes process", hawkes, hawkes_inputs, hawkes_reference, (6, 500), {"short memory": short_memory}),
    RealModel("stochastic volatility", volatility, volatility_inputs, volatility_reference, (6, 1000)),
    RealModel("renewal epidemic", epidemic, epidemic_inputs, epidemic_reference, (6, 60)),
)
