"""What is missing, padded or not at risk: sentences of different lengths, strata, surveys, pieces of time."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from sympy import And, Eq, IndexedBase, Max, Min, Sum, exp, oo, symbols

from symgrad import LogSumExp, Model, if_else, log_sigmoid
from tests.real_models.record import Inputs, RealModel

D, J, K, N, T = symbols("D J K N T", integer=True, positive=True)
d, i, j, k, m, n, t = symbols("d i j k m n t", integer=True)
x, w, eta = IndexedBase("x", shape=(N, D)), IndexedBase("w", shape=(D,)), IndexedBase("eta", shape=(N,))
linear = Eq(eta[n], Sum(x[n, d] * w[d], (d, 0, D - 1)))


# --- tags of sentences of different lengths (Lafferty et al. 2001), nan beyond their ends ----------------------------


def tags() -> Model:
    word, W, U = (
        IndexedBase("word", shape=(N, T, D)),
        IndexedBase("W", shape=(D, K)),
        IndexedBase("U", shape=(K, K)),
    )
    length, tag = IndexedBase("length", shape=(N,), integer=True), IndexedBase("tag", shape=(N, T), integer=True)
    score, a = IndexedBase("score", shape=(N, T, K)), IndexedBase("a", shape=(N, T, K))
    where = [
        Eq(score[n, t, k], Sum(word[n, t, d] * W[d, k], (d, 0, D - 1))),
        Eq(a[n, 0, k], score[n, 0, k]),
        Eq(a[n, t, k], LogSumExp(a[n, t - 1, i] + U[i, k], (i, 0, K - 1)) + score[n, t, k]),
    ]
    gold = Sum(if_else(t < length[n], score[n, t, tag[n, t]], 0), (t, 0, T - 1))
    steps = Sum(if_else(t < length[n], U[tag[n, t - 1], tag[n, t]], 0), (t, 1, T - 1))
    every = LogSumExp(a[n, length[n] - 1, k], (k, 0, K - 1))
    return Model(Sum(every - gold - steps, (n, 0, N - 1)), [W, U], where=where)


def tags_inputs(size: int, rng: np.random.Generator) -> Inputs:
    length, word = rng.integers(1, 7, size), rng.normal(size=(size, 6, 3))
    word[np.arange(6) >= length[:, None]] = np.nan
    made = {"W": rng.normal(size=(3, 4)), "U": rng.normal(size=(4, 4)), "tag": rng.integers(0, 4, (size, 6))}
    return made | {"word": word, "length": length}


def tags_reference(word, W, U, length, tag):
    there = jnp.arange(word.shape[1]) < length[:, None]
    score = jnp.where(there[..., None], word, 0.0) @ W
    a = score[:, 0]
    for step in range(1, word.shape[1]):
        following = logsumexp(a[:, :, None] + U, axis=1) + score[:, step]
        a = jnp.where(there[:, step, None], following, a)
    gold = jnp.sum(jnp.where(there, jnp.take_along_axis(score, tag[..., None], 2)[..., 0], 0))
    steps = jnp.sum(jnp.where(there[:, 1:], U[tag[:, :-1], tag[:, 1:]], 0))
    return jnp.sum(logsumexp(a, axis=1)) - gold - steps


# --- hazards by strata (Cox 1972): what is known of a stratum without events is not read -----------------------------


def strata() -> Model:
    time, event, stratum = (
        IndexedBase("time", shape=(N,)),
        IndexedBase("event", shape=(N,)),
        IndexedBase("stratum", shape=(N,), integer=True),
    )
    at_risk = And(time[m] >= time[n], Eq(stratum[m], stratum[n]))
    risk = LogSumExp(if_else(at_risk, eta[m], -oo), (m, 0, N - 1))
    return Model(-Sum(if_else(Eq(event[n], 1), eta[n] - risk, 0), (n, 0, N - 1)), [w], where=[linear])


def strata_inputs(size: int, rng: np.random.Generator) -> Inputs:
    stratum, event, x = rng.integers(0, 3, size), 1.0 * (rng.random(size) > 0.4), rng.normal(size=(size, 2))
    event[stratum == 2] = 0
    x[stratum == 2] = np.nan
    return {"x": x, "w": rng.normal(size=2), "time": rng.exponential(size=size), "event": event, "stratum": stratum}


def strata_reference(x, w, time, event, stratum):
    eta = jnp.where(jnp.isnan(x), 0.0, x) @ w
    at_risk = (time >= time[:, None]) & (stratum == stratum[:, None])
    risk = logsumexp(jnp.where(at_risk, eta, -1e30), axis=1)
    return -jnp.sum(jnp.where(event == 1, eta - risk, 0))


# --- sites that may be occupied, and visits that see it or not (MacKenzie et al. 2002), some not made -----------------


def occupancy() -> Model:
    seen, made, found = (
        IndexedBase("seen", shape=(N, T)),
        IndexedBase("made", shape=(N, T)),
        IndexedBase("found", shape=(N,)),
    )
    p = symbols("p", real=True)
    visit = seen[n, t] * log_sigmoid(p) + (1 - seen[n, t]) * log_sigmoid(-p)
    there = log_sigmoid(eta[n]) + Sum(if_else(made[n, t] > 0, visit, 0), (t, 0, T - 1))
    where = [linear, Eq(found[n], Sum(if_else(made[n, t] > 0, seen[n, t], 0), (t, 0, T - 1)))]
    site = if_else(found[n] > 0, there, LogSumExp(there, log_sigmoid(-eta[n])))
    return Model(-Sum(site, (n, 0, N - 1)), [w, p], where=where)


def occupancy_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = 1.0 * (rng.random((size, 4)) > 0.3)
    seen = np.where(made > 0, rng.random((size, 4)) < 0.3, np.nan)
    return {"seen": seen, "made": made, "x": rng.normal(size=(size, 2)), "w": rng.normal(size=2), "p": 0.4}


def occupancy_far() -> Inputs:
    return occupancy_inputs(6, np.random.default_rng(0)) | {"w": np.array([300.0, -900.0]), "p": -750.0}


def occupancy_reference(seen, made, x, w, p):
    seen, eta = jnp.where(made > 0, seen, 0.0), x @ w
    visits = jnp.where(made > 0, seen * jax.nn.log_sigmoid(p) + (1 - seen) * jax.nn.log_sigmoid(-p), 0)
    there = jax.nn.log_sigmoid(eta) + visits.sum(axis=1)
    either = jnp.logaddexp(there, jax.nn.log_sigmoid(-eta))
    return -jnp.sum(jnp.where(seen.sum(axis=1) > 0, there, either))


# --- hazards that are constant by pieces of time (Friedman 1982), the last of which has no end ------------------------


def pieces() -> Model:
    time, event = IndexedBase("time", shape=(N,)), IndexedBase("event", shape=(N,))
    edge, height = IndexedBase("edge", shape=(J + 1,)), IndexedBase("height", shape=(J,))
    within = And(time[n] > edge[j], time[n] <= edge[j + 1])
    at_risk = Max(0, Min(time[n], edge[j + 1]) - edge[j])
    total = Sum(at_risk * exp(height[j] + eta[n]), (j, 0, J - 1))
    ends = if_else(event[n] > 0, Sum(if_else(within, height[j], 0), (j, 0, J - 1)) + eta[n], 0)
    return Model(Sum(if_else(event[n] >= 0, total - ends, 0), (n, 0, N - 1)), [height, w], where=[linear])


def pieces_inputs(size: int, rng: np.random.Generator) -> Inputs:
    event, x = 1.0 * rng.integers(-1, 2, size), rng.normal(size=(size, 2))
    x[event < 0] = np.inf
    time = np.where(event >= 0, rng.exponential(size=size), np.nan)
    made = {"time": time, "event": event, "x": x, "edge": np.array([0, 0.5, 1, np.inf])}
    return made | {"height": rng.normal(size=3), "w": rng.normal(size=2)}


def pieces_reference(time, event, edge, height, x, w):
    known, low, high = event >= 0, edge[:-1], edge[1:]
    time, eta = jnp.where(known, time, 0.1)[:, None], jnp.where(known[:, None], x, 0.0) @ w
    at_risk = jnp.maximum(0, jnp.minimum(time, high) - low)
    height_then = jnp.sum(jnp.where((time > low) & (time <= high), height, 0), axis=1)
    total = jnp.sum(at_risk * jnp.exp(height + eta[:, None]), axis=1)
    return jnp.sum(jnp.where(known, total - jnp.where(event > 0, height_then + eta, 0), 0))


MODELS = (
    RealModel("padded sentences", tags, tags_inputs, tags_reference, (3, 200)),
    RealModel("hazards by strata", strata, strata_inputs, strata_reference, (10, 200)),
    RealModel("occupied sites", occupancy, occupancy_inputs, occupancy_reference, hostile={"far": occupancy_far}),
    RealModel("hazards by pieces", pieces, pieces_inputs, pieces_reference, (10, 500)),
)
