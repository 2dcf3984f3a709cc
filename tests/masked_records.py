"""Models with missing data as people of their fields write them, each with its loss of what is there in JAX."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import log_sigmoid as jax_log_sigmoid
from jax.scipy.special import logsumexp
from sympy import (
    And,
    Eq,
    IndexedBase,
    KroneckerDelta,
    Ne,
    Not,
    Or,
    Piecewise,
    Sum,
    exp,
    log,
    oo,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symgrad import LogSumExp, if_else, log_sigmoid, softmax
from symgrad.matrix_functions import LogDetOver

N, M, K, T, D, J = symbols("N M K T D J", integer=True, positive=True)
n, m, k, t, i, j, d, p, g = symbols("n m k t i j d p g", integer=True)
a, b, mu, sg = symbols("a b mu sg", real=True)
LENGTHS = {n: N, m: M, k: K, t: T, i: N, j: N, d: D, p: K}
rng = np.random.default_rng(3)


def base(name: str, *shape: Any, integer: bool | None = None) -> Any:
    return IndexedBase(name, shape=shape, integer=integer)


def over(body: Any, *indices: Any) -> Any:
    return Sum(body, *((x, 0, LENGTHS[x] - 1) for x in indices))


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


@dataclass(frozen=True)
class Case:
    """A model, its inputs, which entries are missing (of leading axes), and the loss of what is there."""

    loss: Any
    parameters: tuple[Any, ...]
    inputs: Mapping[str, Any]
    missing: Mapping[str, Any]
    reference: Callable[..., Any]
    where: tuple[Any, ...] = ()
    hessian: bool = field(default=False)


# --- ratings ----------------------------------------------------------------------------------------------------------

Y, C = base("Y", N, M), base("C", N, M, integer=True)
U, V = base("U", N, K), base("V", M, K)
RATED = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0]])
error = (Y[n, m] - mu - Sum(U[n, k] * V[m, k], (k, 0, K - 1))) ** 2
RATINGS = {"Y": normal(4, 4), "C": RATED, "U": normal(4, 2), "V": normal(4, 2), "mu": 0.3}
SPELLED = {
    "if_else": if_else(C[n, m] > 0, error, 0),
    "pieces": Piecewise((error, Eq(C[n, m], 1)), (0, True)),
    "a delta": KroneckerDelta(C[n, m], 1) * error,
    "not": if_else(Not(Eq(C[n, m], 1)), 0, error),
    "an indicator": if_else(C[n, m] > 0, 1, 0) * error,
}


def of_ratings(Y: Any, C: Any, U: Any, V: Any, mu: Any) -> Any:
    return jnp.sum(jnp.where(RATED > 0, Y - mu - U @ V.T, 0.0) ** 2) / RATED.sum() + jnp.sum(U**2)


# --- sequences --------------------------------------------------------------------------------------------------------

X, L, Wx, Wh = base("X", N, T, D), base("L", N, integer=True), base("Wx", D, K), base("Wh", K, K)
h, y, out = base("h", N, T + 1, K), base("y", N), base("out", K)
ENDS = np.array([4, 1, 3])
BEYOND = np.arange(4) >= ENDS[:, None]
SEQUENCES = {
    "X": normal(3, 4, 2),
    "L": ENDS,
    "Wx": normal(2, 3),
    "Wh": normal(3, 3) / 2,
    "y": normal(3),
    "out": normal(3),
}
cell = tanh(over(X[n, t, d] * Wx[d, k], d) + Sum(h[n, t, p] * Wh[p, k], (p, 0, K - 1)))
first = Eq(h[n, 0, k], 0)


def of_sequences(X: Any, L: Any, Wx: Any, Wh: Any, y: Any, out: Any) -> Any:
    total = 0.0
    for row, end in enumerate(ENDS):
        state = jnp.zeros(3)
        for step in range(end):
            state = jnp.tanh(X[row, step] @ Wx + state @ Wh)
        total += (state @ out - y[row]) ** 2
    return total


def read(at: Any) -> Any:
    return over((Sum(h[n, at, k] * out[k], (k, 0, K - 1)) - y[n]) ** 2, n)


# a Kalman filter with missing observations
z, there, mean, var = base("z", T), base("there", T), base("mean", T + 1), base("var", T + 1)
THERE = np.array([1, 0, 1, 1, 0, 1.0])
gain = var[t] / (var[t] + sg**2)
filtered = (
    Eq(mean[0], 0), Eq(var[0], 1),
    Eq(mean[t + 1], a * if_else(there[t] > 0, mean[t] + gain * (z[t] - mean[t]), mean[t])),
    Eq(var[t + 1], a**2 * if_else(there[t] > 0, var[t] * (1 - gain), var[t]) + b**2),
)  # fmt: skip
missed = log(var[t] + sg**2) + (z[t] - mean[t]) ** 2 / (var[t] + sg**2)


def of_filter(z: Any, there: Any, a: Any, b: Any, sg: Any) -> Any:
    at, spread, total = 0.0, 1.0, 0.0
    for step, seen in enumerate(THERE):
        if seen:
            total += jnp.log(spread + sg**2) + (z[step] - at) ** 2 / (spread + sg**2)
            share = spread / (spread + sg**2)
            at, spread = at + share * (z[step] - at), spread * (1 - share)
        at, spread = a * at, a**2 * spread + b**2
    return total


# a hidden Markov model with forbidden moves, and times at which nothing was seen
alpha, moves, seen = base("alpha", T, K), base("moves", K, K), base("seen", T, K)
allowed, looked = base("allowed", K, K, integer=True), base("looked", T)
ALLOWED, LOOKED = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]]), np.array([1, 1, 0, 1, 1.0])
forward = LogSumExp(if_else(allowed[p, k] > 0, alpha[t - 1, p] + moves[p, k], -oo), (p, 0, K - 1))
states = (
    Eq(alpha[0, k], if_else(Eq(k, 0), seen[0, k], -oo)),
    Eq(alpha[t, k], forward + if_else(looked[t] > 0, seen[t, k], 0)),
)  # fmt: skip


def of_states(moves: Any, seen: Any, allowed: Any, looked: Any) -> Any:
    far = jnp.where(ALLOWED > 0, moves, -1e5)
    row = jnp.where(np.arange(3) == 0, seen[0], -1e5)
    for step in range(1, 5):
        row = logsumexp(row[:, None] + far, axis=0) + (seen[step] if LOOKED[step] else 0.0)
    return -logsumexp(row)


# --- surveys, survival, animals ---------------------------------------------------------------------------------------

answer, asked = base("answer", N, M), base("asked", N, M, integer=True)
theta, hard, sharp = base("theta", N), base("hard", M), base("sharp", M)
ASKED = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]])
logit = sharp[m] * (theta[n] - hard[m])
answered = answer[n, m] * log_sigmoid(logit) + (1 - answer[n, m]) * log_sigmoid(-logit)
time, until, cause, x = base("time", N), base("until", N), base("cause", N, integer=True), base("x", N)
CAUSE = np.array([1, 0, 2, 1, 0])
one_or_both = if_else(And(time[n] > 0, Not(until[n] > 0)), a * x[n] ** 2, sqrt(a + x[n] ** 2))
start, last = base("start", N, integer=True), base("last", N, integer=True)
cov, caught = base("cov", N, T), base("caught", N, T)
START, LAST = np.array([0, 1, 2, 0]), np.array([3, 2, 2, 1])
USED = (np.arange(4) > START[:, None]) & (np.arange(4) <= LAST[:, None])
alive = log_sigmoid(a + b * cov[n, t])
trap = caught[n, t] * log_sigmoid(mu) + (1 - caught[n, t]) * log_sigmoid(-mu)


def of_weibull(time: Any, until: Any, cause: Any, x: Any, a: Any, b: Any) -> Any:
    total = 0.0
    for row, kind in enumerate(CAUSE):
        rate = a + b * x[row]
        if kind == 1:
            total += rate + 0.5 * jnp.log(time[row]) - jnp.exp(rate) * time[row] ** 1.5
        elif kind == 0:
            total -= jnp.exp(rate) * until[row] ** 1.5
    return total


def of_animals(start: Any, last: Any, cov: Any, caught: Any, a: Any, b: Any, mu: Any) -> Any:
    known = caught * jax_log_sigmoid(mu) + (1 - caught) * jax_log_sigmoid(-mu)
    return jnp.sum((jax_log_sigmoid(a + b * cov) + known)[USED])


# --- processes, pictures, graphs, attention ---------------------------------------------------------------------------

place, had, G = base("place", N), base("had", N), base("G", N, N)
HAD = np.array([1, 0, 1, 1, 0.0])
kernel = if_else(And(had[i] > 0, had[j] > 0), exp(-((place[i] - place[j]) ** 2) / 2 / a**2), 0)
picture, target, shown = base("picture", N + 2, M + 2), base("target", N, M), base("shown", N, M, integer=True)
stencil = base("stencil", 3, 3)
SHOWN = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]])
READ = np.zeros((5, 6), bool)
for row, column in np.argwhere(SHOWN):
    READ[row : row + 3, column : column + 3] = True
convolved = Sum(picture[n + i, m + j] * stencil[i, j], (i, 0, 2), (j, 0, 2))
edges, weight, feature, W = (
    base("edges", N, N, integer=True),
    base("weight", N, N),
    base("feature", N, D),
    base("W", D, K),
)
message = Sum(feature[j, d] * W[d, k], (d, 0, D - 1))
EDGES = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
times, values, number = base("times", N, T), base("values", N, T), base("number", N, integer=True)
NUMBER = np.array([4, 2, 3])
PADDED = np.arange(4) >= NUMBER[:, None]
step = times[n, t] - times[n, t - 1]
query, key, value, pairs = (
    base("query", N, D),
    base("key", M, D),
    base("value", M, K),
    base("pairs", N, M, integer=True),
)
share, found = base("share", N, M), base("found", N, K)
likeness = Sum(query[n, d] * key[m, d], (d, 0, D - 1))
PAIRS = np.array([[1, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0]])
UNPAIRED = PAIRS.sum(axis=0) == 0
utility, offered, choice, taste = (
    base("utility", N, M, D),
    base("offered", N, M),
    base("choice", N, integer=True),
    base("taste", D),
)
OFFERED, CHOICE = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1.0]]), np.array([0, 2, 1])
worth = Sum(utility[n, m, d] * taste[d], (d, 0, D - 1))
group, level, about = base("group", N, integer=True), base("level", J), base("about", J, D)
GROUP, ANSWERED = np.array([0, 0, 1, 2, 2]), np.array([1, 0, 0, 1, 1.0])
events, count = base("events", N), symbols("count", integer=True, nonnegative=True)
echo = a * exp(-b * (events[i] - events[j]))


def of_process(place: Any, had: Any, a: Any, sg: Any) -> Any:
    at = place[np.flatnonzero(HAD)]
    return jnp.linalg.slogdet(jnp.exp(-((at[:, None] - at) ** 2) / 2 / a**2) + sg**2 * jnp.eye(len(at)))[1]


def of_picture(picture: Any, target: Any, shown: Any, stencil: Any) -> Any:
    windows = [(picture[r : r + 3, c : c + 3], target[r, c]) for r, c in np.argwhere(SHOWN)]
    return sum((jnp.tanh(jnp.sum(window * stencil)) - right) ** 2 for window, right in windows)


def of_graph(edges: Any, weight: Any, feature: Any, W: Any) -> Any:
    return jnp.sum(jnp.tanh(jnp.where(EDGES > 0, weight, 0.0) @ (feature @ W)) ** 2)


def of_series(times: Any, values: Any, number: Any, a: Any) -> Any:
    total = 0.0
    for row, end in enumerate(NUMBER):
        gaps, decay = jnp.diff(times[row, :end]), jnp.exp(-a * jnp.diff(times[row, :end]))
        rest = values[row, 1:end] - decay * values[row, : end - 1]
        total += jnp.sum(rest**2 / (1 - decay**2) + jnp.log(1 - decay**2) + 0 * gaps)
    return total


def of_attention(query: Any, key: Any, value: Any, pairs: Any) -> Any:
    rows = [(row, np.flatnonzero(PAIRS[row])) for row in range(3)]
    return sum(jnp.sum(jnp.sin(jax.nn.softmax(key[at] @ query[row]) @ value[at])) for row, at in rows)


def of_choices(utility: Any, offered: Any, choice: Any, taste: Any) -> Any:
    rows = [(utility[row, np.flatnonzero(OFFERED[row])] @ taste, utility[row, CHOICE[row]] @ taste) for row in range(3)]
    return sum(logsumexp(those) - chosen for those, chosen in rows)


def of_events(events: Any, count: Any, mu: Any, a: Any, b: Any) -> Any:
    at = events[:4]
    return sum(jnp.log(jnp.exp(mu) + a * jnp.sum(jnp.exp(-b * (at[e] - at[:e])))) for e in range(4))


CASES = {
    **{
        f"ratings, {name}": Case(
            over(body, n, m) / over(C[n, m], n, m) + over(U[n, k] ** 2, n, k), (U, V, mu),
            RATINGS, {"Y": RATED == 0}, of_ratings,
        )
        for name, body in SPELLED.items()
    },
    "sequences that hold": Case(
        read(T), (Wx, Wh, out), SEQUENCES, {"X": BEYOND}, of_sequences,
        (first, Eq(h[n, t + 1, k], if_else(t < L[n], cell, h[n, t, k]))),
    ),
    "sequences looked up": Case(
        read(L[n]), (Wx, Wh, out), SEQUENCES, {"X": BEYOND}, of_sequences, (first, Eq(h[n, t + 1, k], cell)),
        hessian=True,
    ),
    "sequences by a delta": Case(
        over((over(KroneckerDelta(L[n], t + 1) * Sum(h[n, t + 1, k] * out[k], (k, 0, K - 1)), t) - y[n]) ** 2, n),
        (Wx, Wh, out), SEQUENCES, {"X": BEYOND}, of_sequences, (first, Eq(h[n, t + 1, k], cell)), hessian=True,
    ),
    "a Kalman filter": Case(
        over(if_else(there[t] > 0, missed, 0), t), (a, b, sg),
        {"z": normal(6), "there": THERE, "a": 0.8, "b": 0.5, "sg": 0.7}, {"z": THERE == 0}, of_filter, filtered,
    ),
    "forbidden moves": Case(
        -LogSumExp(alpha[T - 1, k], (k, 0, K - 1)), (moves, seen),
        {"moves": normal(3, 3), "seen": normal(5, 3), "allowed": ALLOWED, "looked": LOOKED},
        {"moves": ALLOWED == 0, "seen": (LOOKED == 0)[:, None] | ((np.arange(5)[:, None] == 0) & (np.arange(3) > 0))},
        of_states, states,
    ),
    "a survey": Case(
        over(if_else(Eq(asked[n, m], 1), answered, 0), n, m),
        (theta, hard, sharp),
        {"answer": 1.0 * (normal(4, 3) > 0), "asked": ASKED, "theta": normal(4), "hard": normal(3), "sharp": normal(3)},
        {"answer": ASKED == 0},
        lambda answer, asked, theta, hard, sharp: jnp.sum(
            (answer * jax_log_sigmoid(sharp * (theta[:, None] - hard))
             + (1 - answer) * jax_log_sigmoid(-sharp * (theta[:, None] - hard)))[ASKED > 0]
        ),
    ),
    "survival": Case(
        over(Piecewise(
            (a + b * x[n] + log(time[n]) / 2 - exp(a + b * x[n]) * time[n] ** 1.5, Eq(cause[n], 1)),
            (-exp(a + b * x[n]) * until[n] ** 1.5, Eq(cause[n], 0)), (0, True),
        ), n),
        (a, b),
        {"time": rng.uniform(0.5, 2, 5), "until": rng.uniform(0.5, 2, 5), "cause": CAUSE, "x": normal(5),
         "a": 0.1, "b": 0.2},
        {"time": CAUSE != 1, "until": CAUSE != 0, "x": CAUSE == 2}, of_weibull,
    ),
    "capture and recapture": Case(
        over(if_else(And(t > start[n], t <= last[n]), alive + trap, 0), n, t), (a, b, mu),
        {"start": START, "last": LAST, "cov": normal(4, 4), "caught": 1.0 * (normal(4, 4) > 0),
         "a": 0.2, "b": 0.4, "mu": 0.1},
        {"cov": ~USED, "caught": ~USED}, of_animals, hessian=True,
    ),
    "a Gaussian process": Case(
        LogDetOver(G[i, j], (i, 0, N - 1), (j, 0, N - 1)), (a, sg),
        {"place": normal(5), "had": HAD, "a": 0.7, "sg": 0.4},
        {"place": HAD == 0}, of_process,
        (Eq(G[i, j], kernel + KroneckerDelta(i, j) * if_else(had[i] > 0, sg**2, 1)),),
    ),
    "a masked picture": Case(
        over(if_else(Ne(shown[n, m], 0), (tanh(convolved) - target[n, m]) ** 2, 0), n, m), (stencil,),
        {"picture": normal(5, 6), "target": normal(3, 4), "shown": SHOWN, "stencil": normal(3, 3)},
        {"picture": ~READ, "target": SHOWN == 0}, of_picture, hessian=True,
    ),
    "a graph": Case(
        over(tanh(over(if_else(edges[n, j] > 0, weight[n, j] * message, 0), j)) ** 2, n, k),
        (W,), {"edges": EDGES, "weight": normal(4, 4), "feature": normal(4, 2), "W": normal(2, 3)},
        {"weight": EDGES == 0, "feature": EDGES.sum(axis=0) == 0}, of_graph,
    ),
    "irregular times": Case(
        over(if_else(And(t > 0, t < number[n]),
            (values[n, t] - exp(-a * step) * values[n, t - 1]) ** 2 / (1 - exp(-2 * a * step))
            + log(1 - exp(-2 * a * step)), 0,
        ), n, t),
        (a,), {"times": np.cumsum(rng.uniform(0.2, 1, (3, 4)), axis=1), "values": normal(3, 4),
         "number": NUMBER, "a": 0.6},
        {"times": PADDED, "values": PADDED}, of_series, hessian=True,
    ),
    "attention across": Case(
        over(sin(found[n, k]), n, k), (query,),
        {"query": normal(3, 2), "key": normal(4, 2), "value": normal(4, 3), "pairs": PAIRS},
        {"key": UNPAIRED, "value": UNPAIRED},
        of_attention,
        (Eq(share[n, p], softmax(if_else(pairs[n, m] > 0, likeness, -oo), (m, 0, M - 1)).subs(m, p)),
         Eq(found[n, k], Sum(share[n, m] * value[m, k], (m, 0, M - 1)))),
    ),
    "sets of choices": Case(
        over(log(over(if_else(offered[n, m] > 0, exp(worth), 0), m)) - worth.subs(m, choice[n]), n),
        (taste,), {"utility": normal(3, 3, 2), "offered": OFFERED, "choice": CHOICE, "taste": normal(2)},
        {"utility": OFFERED == 0}, of_choices,
    ),
    "groups of which nobody answered": Case(
        over(if_else(had[n] > 0, (y[n] - level[group[n]]) ** 2, 0), n), (taste,),
        {"about": normal(4, 2), "taste": normal(2), "group": GROUP, "y": normal(5), "had": ANSWERED},
        {"about": np.array([0, 1, 0, 1], bool), "y": ANSWERED == 0},
        lambda about, taste, group, y, had: sum(
            (y[row] - jnp.sin(about[GROUP[row]] @ taste)) ** 2 for row in np.flatnonzero(ANSWERED)
        ),
        (Eq(level[g], sin(Sum(about[g, d] * taste[d], (d, 0, D - 1)))),),
    ),
    "events up to a number": Case(
        over(if_else(i < count, log(exp(mu) + over(if_else(j < i, echo, 0), j)), 0), i),
        (mu, a, b), {"events": np.sort(rng.uniform(0, 3, 6)), "count": 4, "mu": -0.5, "a": 0.3, "b": 0.7},
        {"events": np.arange(6) >= 4}, of_events, hessian=True,
    ),
    "one of two masks": Case(
        over(if_else(Or(time[n] > 0, until[n] > 0), one_or_both, 0), n),
        (a,), {"time": np.array([1, 0, 1, 0, 1.0]), "until": np.array([0, 0, 1, 1, 0.0]), "x": normal(5), "a": 0.4},
        {"x": np.arange(5) == 1},
        lambda time, until, x, a: a * x[0] ** 2 + a * x[4] ** 2 + jnp.sqrt(a + x[2] ** 2) + jnp.sqrt(a + x[3] ** 2),
        hessian=True,
    ),
}  # fmt: skip
