"""Models of sequences: hidden Markov models, tags, alignments, filters, point processes, epidemics, cells."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy.special import logsumexp
from sympy import (
    And,
    Eq,
    IndexedBase,
    Ne,
    Sum,
    exp,
    log,
    oo,
    pi,
    sqrt,
    symbols,
    tanh,
)

from symgrad import LogSumExp, Model, if_else, sigmoid, softmax
from tests.real_models.record import Inputs, RealModel

N, T, K, D, S = symbols("N T K D S", integer=True, positive=True)
n, t, j, k, d, s = symbols("n t j k d s", integer=True)


# --- hidden Markov models: Baum et al. (1970), Rabiner (1989) --------------------------------------------------------


def forbidden_transitions() -> Model:
    """The forward algorithm in logarithms; a transition that is forbidden has the log-probability −∞."""
    emission = IndexedBase("emission", shape=(T, K))
    step = IndexedBase("step", shape=(K, K))
    start = IndexedBase("start", shape=(K,))
    alpha = IndexedBase("alpha", shape=(T, K))
    where = [
        Eq(alpha[0, k], start[k] + emission[0, k]),
        Eq(alpha[t, k], emission[t, k] + LogSumExp(alpha[t - 1, j] + step[j, k], (j, 0, K - 1))),
    ]
    return Model(-LogSumExp(alpha[T - 1, k], (k, 0, K - 1)), [emission, step, start], where=where)


def forbidden_inputs(size: int, rng: np.random.Generator) -> Inputs:
    step = rng.normal(size=(4, 4))
    step[2, 0] = step[3, 1] = -np.inf
    start = np.array([0.0, -1.0, -np.inf, -np.inf])
    return {"emission": rng.normal(size=(size, 4)), "step": step, "start": start}


def forbidden_reference(emission, step, start):
    # JAX's logsumexp has no derivative where all entries are -inf, and 0·inf on the way: a large number does as well
    step, start = (jnp.where(jnp.isinf(x), -1e5, x) for x in (step, start))

    def forward(alpha, now):
        return now + logsumexp(alpha[:, None] + step, axis=0), None

    alpha, _ = jax.lax.scan(forward, start + emission[0], emission[1:])
    return -logsumexp(alpha)


def regimes() -> Model:
    """Normal observations, and probabilities that are scaled to sum to 1 at each time."""
    mean, log_scale, start = (IndexedBase(name, shape=(K,)) for name in ("mean", "log_scale", "start"))
    logits, y = IndexedBase("logits", shape=(K, K)), IndexedBase("y", shape=(T,))
    A, likelihood = IndexedBase("A", shape=(K, K)), IndexedBase("likelihood", shape=(T, K))
    total, forward = IndexedBase("total", shape=(T,)), IndexedBase("forward", shape=(T, K))
    density = exp(-(((y[t] - mean[k]) / exp(log_scale[k])) ** 2) / 2) / (exp(log_scale[k]) * sqrt(2 * pi))
    first = softmax(start[k], (k, 0, K - 1)) * likelihood[0, k]
    reached = Sum(forward[t - 1, j] * A[j, k], (j, 0, K - 1)) * likelihood[t, k]
    where = [
        Eq(A[j, k], softmax(logits[j, k], (k, 0, K - 1))),
        Eq(likelihood[t, k], density),
        Eq(total[0], Sum(first, (k, 0, K - 1))),
        Eq(forward[0, k], first / total[0]),
        Eq(total[t], Sum(reached, (k, 0, K - 1))),
        Eq(forward[t, k], reached / total[t]),
    ]
    return Model(-Sum(log(total[t]), (t, 0, T - 1)), [mean, log_scale, logits, start], where=where)


def regimes_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {name: rng.normal(size=3) for name in ("mean", "log_scale", "start")}
    return made | {"logits": rng.normal(size=(3, 3)), "y": rng.normal(size=size)}


def regimes_reference(mean, log_scale, logits, start, y):
    density = jax.scipy.stats.norm.logpdf(y[:, None], mean, jnp.exp(log_scale))

    def forward(alpha, now):
        return now + logsumexp(alpha[:, None] + jax.nn.log_softmax(logits), axis=0), None

    alpha, _ = jax.lax.scan(forward, jax.nn.log_softmax(start) + density[0], density[1:])
    return -logsumexp(alpha)


# --- a chain of tags: Lafferty, McCallum and Pereira (2001) ----------------------------------------------------------


def tags() -> Model:
    """A conditional random field: the score of the right tags less the logarithm of the sum over all."""
    W, A, x = IndexedBase("W", shape=(D, K)), IndexedBase("A", shape=(K, K)), IndexedBase("x", shape=(T, D))
    tag = IndexedBase("tag", shape=(T,), integer=True)
    emission, alpha = IndexedBase("emission", shape=(T, K)), IndexedBase("alpha", shape=(T, K))
    score = Sum(emission[t, tag[t]], (t, 0, T - 1)) + Sum(A[tag[t - 1], tag[t]], (t, 1, T - 1))
    where = [
        Eq(emission[t, k], Sum(x[t, d] * W[d, k], (d, 0, D - 1))),
        Eq(alpha[0, k], emission[0, k]),
        Eq(alpha[t, k], log(Sum(exp(alpha[t - 1, j] + A[j, k]), (j, 0, K - 1))) + emission[t, k]),
    ]
    return Model(log(Sum(exp(alpha[T - 1, k]), (k, 0, K - 1))) - score, [W, A], where=where)


def tags_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"W": rng.normal(size=(5, 4)), "A": rng.normal(size=(4, 4))}
    return made | {"x": rng.normal(size=(size, 5)), "tag": rng.integers(0, 4, size)}


def tags_reference(W, A, x, tag):
    emission = x @ W

    def forward(alpha, now):
        return now + logsumexp(alpha[:, None] + A, axis=0), None

    alpha, _ = jax.lax.scan(forward, emission[0], emission[1:])
    score = jnp.sum(emission[jnp.arange(len(tag)), tag]) + jnp.sum(A[tag[:-1], tag[1:]])
    return logsumexp(alpha) - score


def tags_exact(W, A, x, tag):
    emission = [[mpmath.fdot(row, column) for column in zip(*W, strict=True)] for row in x]
    alpha, score = emission[0], emission[0][tag[0]]
    for t in range(1, len(x)):
        terms = [[mpmath.exp(a + row[k]) for a, row in zip(alpha, A, strict=True)] for k in range(len(A))]
        alpha = [mpmath.log(mpmath.fsum(into)) + e for into, e in zip(terms, emission[t], strict=True)]
        score += A[tag[t - 1]][tag[t]] + emission[t][tag[t]]
    return mpmath.log(mpmath.fsum(map(mpmath.exp, alpha))) - score


def large_scores() -> Inputs:
    rng = np.random.default_rng(3)
    return tags_inputs(6, rng) | {"x": 500 * rng.normal(size=(6, 5))}


# --- alignments: Graves et al. (2006) --------------------------------------------------------------------------------


def alignments() -> Model:
    """Connectionist temporal classification: `label` has blanks (0) between its S symbols and at its ends."""
    logits, label = IndexedBase("logits", shape=(T, K)), IndexedBase("label", shape=(S,), integer=True)
    p, alpha = IndexedBase("p", shape=(T, K)), IndexedBase("alpha", shape=(T, S))
    stay = alpha[t - 1, s]
    one = if_else(s >= 1, alpha[t - 1, s - 1], -oo)
    two = if_else(s >= 2, if_else(And(Ne(label[s], 0), Ne(label[s], label[s - 2])), alpha[t - 1, s - 2], -oo), -oo)
    where = [
        Eq(p[t, k], logits[t, k] - LogSumExp(logits[t, j], (j, 0, K - 1))),
        Eq(alpha[0, s], if_else(s <= 1, p[0, label[s]], -oo)),
        Eq(alpha[t, s], log(exp(stay) + exp(one) + exp(two)) + p[t, label[s]]),
    ]
    ends = log(exp(alpha[T - 1, S - 1]) + exp(alpha[T - 1, S - 2]))
    return Model(-ends, [logits], where=where, facts=[S >= 3])


def alignments_inputs(size: int, rng: np.random.Generator) -> Inputs:
    symbols = rng.integers(1, 5, size // 3)
    label = np.zeros(2 * len(symbols) + 1, int)
    label[1::2] = symbols
    return {"logits": rng.normal(size=(size, 5)), "label": label}


def alignments_reference(logits, label):
    p = jax.nn.log_softmax(logits)[:, label]
    hop = jnp.where((label[2:] != 0) & (label[2:] != label[:-2]), 0.0, -1e9)

    def forward(alpha, now):
        one = jnp.concatenate([jnp.array([-1e9]), alpha[:-1]])
        two = jnp.concatenate([jnp.array([-1e9, -1e9]), alpha[:-2] + hop])
        return now + logsumexp(jnp.stack([alpha, one, two]), axis=0), None

    alpha, _ = jax.lax.scan(forward, jnp.where(jnp.arange(len(label)) < 2, p[0], -1e9), p[1:])
    return -jnp.logaddexp(alpha[-1], alpha[-2])


# --- an LSTM that reads a batch of sequences of different lengths ----------------------------------------------------


def lstm() -> Model:
    x, length = IndexedBase("x", shape=(N, T, D)), IndexedBase("length", shape=(N,), integer=True)
    y, out = IndexedBase("y", shape=(N,)), IndexedBase("out", shape=(K,))
    W = {gate: IndexedBase(f"W{gate}", shape=(D, K)) for gate in "ifog"}
    U = {gate: IndexedBase(f"U{gate}", shape=(K, K)) for gate in "ifog"}
    h, c = IndexedBase("h", shape=(T + 1, N, K)), IndexedBase("c", shape=(T + 1, N, K))

    def into(gate):
        return Sum(x[n, t - 1, d] * W[gate][d, k], (d, 0, D - 1)) + Sum(h[t - 1, n, j] * U[gate][j, k], (j, 0, K - 1))

    i, f, o, g = (IndexedBase(name, shape=(T + 1, N, K)) for name in "ifog")
    goes = t <= length[n]
    where = [
        Eq(h[0, n, k], 0),
        Eq(c[0, n, k], 0),
        *(Eq(gate[t, n, k], sigmoid(into(name))) for gate, name in ((i, "i"), (f, "f"), (o, "o"))),
        Eq(g[t, n, k], tanh(into("g"))),
        Eq(c[t, n, k], if_else(goes, f[t, n, k] * c[t - 1, n, k] + i[t, n, k] * g[t, n, k], c[t - 1, n, k])),
        Eq(h[t, n, k], if_else(goes, o[t, n, k] * tanh(c[t, n, k]), h[t - 1, n, k])),
    ]
    loss = Sum((Sum(h[T, n, k] * out[k], (k, 0, K - 1)) - y[n]) ** 2, (n, 0, N - 1)) / N
    return Model(loss, [*W.values(), *U.values(), out], where=where)


def lstm_inputs(size: int, rng: np.random.Generator) -> Inputs:
    length = rng.integers(1, size + 1, 3)
    x = rng.normal(size=(3, size, 2))
    made = {f"W{gate}": rng.normal(size=(2, 4)) for gate in "ifog"}
    made |= {f"U{gate}": 0.5 * rng.normal(size=(4, 4)) for gate in "ifog"}
    return made | {"x": x, "length": length, "y": rng.normal(size=3), "out": rng.normal(size=4)}


def lstm_reference(x, length, y, out, **weights):
    def step(state, now):
        h, c = state
        t, row = now
        i, f, o, g = (row @ weights[f"W{gate}"] + h @ weights[f"U{gate}"] for gate in "ifog")
        cell = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        goes = (t < length)[:, None]
        return (jnp.where(goes, jax.nn.sigmoid(o) * jnp.tanh(cell), h), jnp.where(goes, cell, c)), None

    start = jnp.zeros((x.shape[0], out.shape[0]))
    (h, _), _ = jax.lax.scan(step, (start, start), (jnp.arange(x.shape[1]), jnp.swapaxes(x, 0, 1)))
    return jnp.mean((h @ out - y) ** 2)


def padded() -> Inputs:
    made = lstm_inputs(6, np.random.default_rng(1))
    made["length"] = np.array([2, 6, 1])
    made["x"][0, 2:] = 1e300
    return made


MODELS = (
    RealModel(
        "forbidden transitions", forbidden_transitions, forbidden_inputs, forbidden_reference, (5, 200), hvp=False
    ),
    RealModel("regimes", regimes, regimes_inputs, regimes_reference, (5, 300)),
    RealModel(
        "conditional random field", tags, tags_inputs, tags_reference, (5, 300), {"large": large_scores}, tags_exact
    ),
    RealModel("alignments", alignments, alignments_inputs, alignments_reference, (9, 150)),
    RealModel("LSTM", lstm, lstm_inputs, lstm_reference, (4, 30), {"padded": padded}),
)
