"""Models of structure between items: graphs, neighbours, factors, inducing points, rotations, orders of finishing."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy.special import logsumexp
from sympy import DiagMatrix, Eq, IndexedBase, MatrixSymbol, Ne, Q, Sum, Trace, exp, log, oo, sqrt, symbols

from symgrad import LogSumExp, Model, dot, if_else, logdet, quad, softplus
from tests.real_models.record import Inputs, RealModel

N, M, K, D, T = symbols("N M K D T", integer=True, positive=True)
n, m, i, j, k, q, t = symbols("n m i j k q t", integer=True)
pairs = (i, 0, N - 1), (j, 0, N - 1)

# --- a block model of a directed graph, without loops, with memberships that are shares or not ------------------------


def blocks() -> Model:
    z, B, A = IndexedBase("z", shape=(N, K)), IndexedBase("B", shape=(K, K)), IndexedBase("A", shape=(N, N))
    score = Sum(z[i, k] * B[k, m] * z[j, m], (k, 0, K - 1), (m, 0, K - 1))
    return Model(Sum(if_else(Ne(i, j), softplus(score) - A[i, j] * score, 0), *pairs), [z, B])


def blocks_inputs(size: int, rng: np.random.Generator) -> Inputs:
    A = 1.0 * rng.integers(0, 2, (size, size))
    np.fill_diagonal(A, np.nan)
    return {"z": rng.normal(size=(size, 2)), "B": rng.normal(size=(2, 2)), "A": A}


def blocks_reference(z, B, A):
    score, off = z @ B @ z.T, ~jnp.eye(len(A), dtype=bool)
    return jnp.sum(jnp.where(off, jnp.logaddexp(0, score) - jnp.where(off, A, 0) * score, 0))


# --- counts of neighbouring areas (Besag et al. 1991) -----------------------------------------------------------------


def areas() -> Model:
    u, y, at_risk = (IndexedBase(name, shape=(N,)) for name in ("u", "y", "at_risk"))
    A = IndexedBase("A", shape=(N, N))
    log_tau, mu = symbols("log_tau mu", real=True)
    counts = Sum(at_risk[n] * exp(mu + u[n]) - y[n] * (mu + u[n]), (n, 0, N - 1))
    rough = Sum(if_else(i < j, A[i, j] * (u[i] - u[j]) ** 2, 0), *pairs)
    return Model(counts + exp(log_tau) * rough / 2 - (N - 1) * log_tau / 2, [u, log_tau, mu])


def areas_inputs(size: int, rng: np.random.Generator) -> Inputs:
    A = np.triu(rng.random((size, size)) < 4 / size, 1) * 1.0
    y, at_risk = 1.0 * rng.poisson(2, size), rng.random(size) + 0.5
    return {"u": rng.normal(size=size), "log_tau": 0.2, "mu": 0.1, "A": A + A.T, "y": y, "at_risk": at_risk}


def areas_reference(u, log_tau, mu, A, y, at_risk):
    counts = jnp.sum(at_risk * jnp.exp(mu + u) - y * (mu + u))
    rough = jnp.sum(jnp.triu(A, 1) * (u[:, None] - u) ** 2)
    return counts + jnp.exp(log_tau) * rough / 2 - (len(u) - 1) * log_tau / 2


# --- factor analysis --------------------------------------------------------------------------------------------------


def factors() -> Model:
    X, W, noise = MatrixSymbol("X", N, D), MatrixSymbol("W", D, K), MatrixSymbol("noise", D, 1)
    C = W * W.T + DiagMatrix(noise)
    return Model(N * logdet(C) / 2 + Trace(X * C.I * X.T) / 2, [W, noise])


def factors_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"X": rng.normal(size=(size, 5)), "W": rng.normal(size=(5, 2)), "noise": rng.random((5, 1)) + 0.5}


def factors_reference(X, W, noise):
    C = W @ W.T + jnp.diag(jnp.ravel(noise))
    return len(X) * jnp.linalg.slogdet(C)[1] / 2 + jnp.trace(X @ jnp.linalg.solve(C, X.T)) / 2


# --- a Gaussian process by inducing points (Titsias 2009), without its trace ------------------------------------------


def inducing_points() -> Model:
    inner, across, y = MatrixSymbol("inner", M, M), MatrixSymbol("across", M, N), MatrixSymbol("y", N, 1)
    s = symbols("s", positive=True)
    C = inner + across * across.T / s
    fit = dot(y, y) / s - quad(across * y, C.I) / s**2
    loss = (logdet(C) - logdet(inner) + N * log(s) + fit) / 2
    return Model(loss, [across, s], facts=[Q.positive_definite(inner)])


def inducing_points_inputs(size: int, rng: np.random.Generator) -> Inputs:
    root = rng.normal(size=(4, 4))
    return {
        "inner": root @ root.T + np.eye(4),
        "across": rng.normal(size=(4, size)),
        "y": rng.normal(size=size),
        "s": 0.5,
    }


def inducing_points_reference(inner, across, y, s):
    C, b = inner + across @ across.T / s, across @ y
    fit = y @ y / s - b @ jnp.linalg.solve(C, b) / s**2
    return (jnp.linalg.slogdet(C)[1] - jnp.linalg.slogdet(inner)[1] + len(y) * jnp.log(s) + fit) / 2


# --- a local level with gaps, filtered --------------------------------------------------------------------------------


def gaps() -> Model:
    y, seen = IndexedBase("y", shape=(T,)), IndexedBase("seen", shape=(T,))
    ahead, level, spread, wide, total, missed, gain = (
        IndexedBase(name, shape=(T,)) for name in ("ahead", "level", "spread", "wide", "total", "missed", "gain")
    )
    a, log_q, log_r = symbols("a log_q log_r", real=True)
    where = [
        Eq(ahead[t], if_else(t > 0, a * level[t - 1], 0)),
        Eq(wide[t], if_else(t > 0, a**2 * spread[t - 1], 1) + exp(log_q)),
        Eq(total[t], wide[t] + exp(log_r)),
        Eq(missed[t], if_else(seen[t] > 0, y[t] - ahead[t], 0)),
        Eq(gain[t], if_else(seen[t] > 0, wide[t] / total[t], 0)),
        Eq(level[t], ahead[t] + gain[t] * missed[t]),
        Eq(spread[t], (1 - gain[t]) * wide[t]),
    ]
    loss = Sum(if_else(seen[t] > 0, (log(total[t]) + missed[t] ** 2 / total[t]) / 2, 0), (t, 0, T - 1))
    return Model(loss, [a, log_q, log_r], where=where)


def gaps_inputs(size: int, rng: np.random.Generator) -> Inputs:
    seen = 1.0 * (rng.random(size) > 0.3)
    y = np.where(seen > 0, rng.normal(size=size), np.nan)
    return {"y": y, "seen": seen, "a": 0.8, "log_q": -0.5, "log_r": -0.3}


def gaps_exact(y, seen, a, log_q, log_r):
    level, spread, loss = mpmath.mpf(0), None, mpmath.mpf(0)
    for now, is_seen in zip(y, seen, strict=True):
        ahead, wide = a * level, (1 if spread is None else a**2 * spread) + mpmath.exp(log_q)
        level, spread = ahead, wide
        if is_seen > 0:
            total = wide + mpmath.exp(log_r)
            loss += (mpmath.log(total) + (now - ahead) ** 2 / total) / 2
            level, spread = ahead + wide / total * (now - ahead), (1 - wide / total) * wide
    return loss


def gaps_reference(y, seen, a, log_q, log_r):
    def step(state, given):
        level, spread, first = state
        y, seen = given
        ahead, wide = jnp.where(first, 0, a * level), jnp.where(first, 1, a**2 * spread) + jnp.exp(log_q)
        total = wide + jnp.exp(log_r)
        missed, gain = jnp.where(seen > 0, y - ahead, 0), jnp.where(seen > 0, wide / total, 0)
        part = jnp.where(seen > 0, (jnp.log(total) + missed**2 / total) / 2, 0)
        return (ahead + gain * missed, (1 - gain) * wide, False), part

    filled = jnp.where(seen > 0, y, 0)
    return jnp.sum(jax.lax.scan(step, (0.0, 0.0, True), (filled, seen))[1])


# --- the mean of rotations (Markley et al. 2007) ----------------------------------------------------------------------


def rotations() -> Model:
    mean, p, weight = IndexedBase("mean", shape=(4,)), IndexedBase("p", shape=(N, 4)), IndexedBase("weight", shape=(N,))
    length = sqrt(Sum(mean[i] ** 2, (i, 0, 3)))
    return Model(Sum(weight[n] * (1 - (Sum(p[n, k] * mean[k], (k, 0, 3)) / length) ** 2), (n, 0, N - 1)), [mean])


def rotations_inputs(size: int, rng: np.random.Generator) -> Inputs:
    p = rng.normal(size=(size, 4))
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    return {"mean": rng.normal(size=4), "p": p, "weight": rng.random(size)}


def tiny_mean() -> Inputs:
    given = rotations_inputs(5, np.random.default_rng(4))
    return given | {"mean": given["mean"] * 1e-100}


def huge_mean() -> Inputs:
    given = rotations_inputs(5, np.random.default_rng(4))
    return given | {"mean": given["mean"] * 1e100}


def rotations_reference(mean, p, weight):
    unit = mean / jnp.max(jnp.abs(mean))
    return jnp.sum(weight * (1 - (p @ unit) ** 2 / jnp.sum(unit**2)))


# --- the first causes of failure; orders of finishing (Plackett 1975); matches at home --------------------------------


def causes() -> Model:
    x, w, log_shape = (
        IndexedBase("x", shape=(N, M)),
        IndexedBase("w", shape=(M, K)),
        IndexedBase("log_shape", shape=(K,)),
    )
    time, cause = IndexedBase("time", shape=(N,)), IndexedBase("cause", shape=(N,), integer=True)
    eta, shape = Sum(x[n, m] * w[m, k], (m, 0, M - 1)), exp(log_shape[k])
    over = (n, 0, N - 1), (k, 0, K - 1)
    failed = if_else(Eq(cause[n], k), log_shape[k] + (shape - 1) * log(time[n]) + eta, 0)
    return Model(Sum(exp(eta) * time[n] ** shape, *over) - Sum(failed, *over), [w, log_shape])


def causes_inputs(size: int, rng: np.random.Generator) -> Inputs:
    given = {"x": rng.normal(size=(size, 3)) / 2, "w": rng.normal(size=(3, 2)), "log_shape": rng.normal(size=2) / 3}
    return given | {"time": rng.random(size) + 0.1, "cause": rng.integers(0, 3, size)}  # 2 is that of none


def causes_reference(x, w, log_shape, time, cause):
    eta, shape, time = x @ w, jnp.exp(log_shape), time[:, None]
    failed = jax.nn.one_hot(cause, len(log_shape)) * (log_shape + (shape - 1) * jnp.log(time) + eta)
    return jnp.sum(jnp.exp(eta) * time**shape - failed)


def finishing() -> Model:
    s, order = IndexedBase("s", shape=(K,)), IndexedBase("order", shape=(N, M), integer=True)
    left = LogSumExp(if_else(j >= m, s[order[n, j]], -oo), (j, 0, M - 1))
    return Model(Sum(left - s[order[n, m]], (m, 0, M - 1), (n, 0, N - 1)), [s])


def finishing_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"s": rng.normal(size=8), "order": np.array([rng.permutation(8)[:5] for _ in range(size)])}


def finishing_far() -> Inputs:
    return finishing_inputs(3, np.random.default_rng(5)) | {"s": np.array([-900.0, 700, 0, 1, 2, 3, -800, 900])}


def finishing_reference(s, order):
    z = s[order]
    return sum(jnp.sum(logsumexp(z[:, first:], axis=1) - z[:, first]) for first in range(z.shape[1]))


def at_home() -> Model:
    r, home = IndexedBase("r", shape=(K,)), symbols("home", real=True)
    one, other = (IndexedBase(name, shape=(N,), integer=True) for name in ("one", "other"))
    won = IndexedBase("won", shape=(N,))
    z = r[one[n]] - r[other[n]] + home
    return Model(Sum(softplus(z) - won[n] * z, (n, 0, N - 1)) + Sum(r[k] ** 2, (k, 0, K - 1)) / 2, [r, home])


def at_home_inputs(size: int, rng: np.random.Generator) -> Inputs:
    teams = {name: rng.integers(0, 6, size) for name in ("one", "other")}
    return teams | {"r": rng.normal(size=6), "home": 0.3, "won": 1.0 * rng.integers(0, 2, size)}


def at_home_reference(r, home, one, other, won):
    z = r[one] - r[other] + home
    return jnp.sum(jnp.logaddexp(0, z) - won * z) + jnp.sum(r**2) / 2


MODELS = (
    RealModel("blocks of a graph", blocks, blocks_inputs, blocks_reference, (5, 60)),
    RealModel("neighbouring areas", areas, areas_inputs, areas_reference, (5, 200)),
    RealModel("factor analysis", factors, factors_inputs, factors_reference),
    RealModel("inducing points", inducing_points, inducing_points_inputs, inducing_points_reference),
    RealModel("a level with gaps", gaps, gaps_inputs, gaps_reference, (6, 200)),
    RealModel(
        "mean rotation",
        rotations,
        rotations_inputs,
        rotations_reference,
        hostile={"tiny": tiny_mean, "huge": huge_mean},
    ),
    RealModel("first causes", causes, causes_inputs, causes_reference),
    RealModel("orders of finishing", finishing, finishing_inputs, finishing_reference, hostile={"far": finishing_far}),
    RealModel("matches at home", at_home, at_home_inputs, at_home_reference),
)
