"""Ratings, rankings, embeddings and transport."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import log_sigmoid as jax_log_sigmoid
from jax.nn import log_softmax
from jax.scipy.special import logsumexp
from sympy import And, Eq, HadamardProduct, IndexedBase, MatrixSymbol, Ne, OneMatrix, Sum, exp, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else, relu, sigmoid, softmax
from tests.real_models.record import Inputs, RealModel

N, M, K, R, T = symbols("N M K R T", integer=True, positive=True)
n, m, i, j, k, q, r, t = symbols("n m i j k q r t", integer=True)

# --- embeddings: contrastive with classes (Khosla et al. 2020), triplets, and neighbours ------------------------------


def contrastive() -> Model:
    """Pairs of one class attract each other; an item is not its own pair, and none is compared with padding."""
    z, unit, s = IndexedBase("z", shape=(N, K)), IndexedBase("unit", shape=(N, K)), IndexedBase("s", shape=(N, N))
    label, real, tau = (
        IndexedBase("label", shape=(N,), integer=True),
        IndexedBase("real", shape=(N,)),
        symbols("tau", positive=True),
    )
    compared = And(Ne(i, j), real[i] > 0, real[j] > 0)
    everything = log(Sum(if_else(And(Ne(i, k), real[k] > 0), exp(s[i, k]), 0), (k, 0, N - 1)))
    pair = if_else(And(compared, Eq(label[i], label[j])), everything - s[i, j], 0)
    where = [
        Eq(unit[n, k], z[n, k] / sqrt(Sum(z[n, q] ** 2, (q, 0, K - 1)))),
        Eq(s[i, j], Sum(unit[i, k] * unit[j, k], (k, 0, K - 1)) / tau),
    ]
    return Model(Sum(pair, (i, 0, N - 1), (j, 0, N - 1)) / N, [z], where=where)


def contrastive_inputs(size: int, rng: np.random.Generator) -> Inputs:
    real = np.ones(size)
    real[-1] = 0
    return {"z": rng.normal(size=(size, 5)), "label": rng.integers(0, 3, size), "real": real, "tau": 0.1}


def contrastive_cold() -> Inputs:
    return contrastive_inputs(8, np.random.default_rng(0)) | {"tau": 1e-4}


def contrastive_reference(z, label, real, tau):
    unit = z / jnp.linalg.norm(z, axis=1, keepdims=True)
    s = unit @ unit.T / tau
    compared = ~jnp.eye(len(z), dtype=bool) & (real[None, :] > 0)
    everything = logsumexp(jnp.where(compared, s, -jnp.inf), axis=1, keepdims=True)
    pairs = compared & (real[:, None] > 0) & (label[:, None] == label[None, :])
    return jnp.sum(jnp.where(pairs, everything - s, 0)) / len(z)


def triplets() -> Model:
    z, triple = IndexedBase("z", shape=(N, K)), IndexedBase("triple", shape=(T, 3), integer=True)
    margin = symbols("margin", positive=True)

    def apart(one, other):
        return Sum((z[triple[t, one], k] - z[triple[t, other], k]) ** 2, (k, 0, K - 1))

    return Model(Sum(relu(apart(0, 1) - apart(0, 2) + margin), (t, 0, T - 1)) / T, [z])


def triplets_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"z": rng.normal(size=(10, 4)), "triple": rng.integers(0, 10, (size, 3)), "margin": 0.2}


def triplets_reference(z, triple, margin):
    anchor, same, other = (z[triple[:, q]] for q in range(3))
    return jnp.mean(jax.nn.relu(jnp.sum((anchor - same) ** 2, 1) - jnp.sum((anchor - other) ** 2, 1) + margin))


def neighbours(kernel) -> Model:
    """The divergence of the map's neighbourhoods from those of the data, which are given."""
    y, P, q = IndexedBase("y", shape=(N, 2)), IndexedBase("P", shape=(N, N)), IndexedBase("q", shape=(N, N))
    d = Sum((y[i, k] - y[j, k]) ** 2, (k, 0, 1))
    weight = IndexedBase("weight", shape=(N, N))
    over = (i, 0, N - 1), (j, 0, N - 1)
    everything = Sum(if_else(Ne(i, j), weight[i, j], 0), *over)
    loss = Sum(if_else(Ne(i, j), P[i, j] * (log(P[i, j]) - log(q[i, j])), 0), *over)
    where = [Eq(weight[i, j], kernel(d)), Eq(q[i, j], weight[i, j] / everything)]
    return Model(loss, [y], where=where)


def neighbours_inputs(size: int, rng: np.random.Generator) -> Inputs:
    P = rng.random((size, size))
    P = P + P.T
    np.fill_diagonal(P, 0)
    return {"y": rng.normal(size=(size, 2)), "P": P / P.sum()}


def neighbours_far() -> Inputs:
    return {**neighbours_inputs(4, np.random.default_rng(1)), "y": np.array([[0.0, 0], [40, 0], [0, 50], [60, 60]])}


def neighbours_reference(log_kernel):
    def loss(y, P):
        off = ~jnp.eye(len(y), dtype=bool)
        weight = jnp.where(off, log_kernel(jnp.sum((y[:, None] - y[None, :]) ** 2, axis=2)), -jnp.inf)
        log_q = weight - logsumexp(weight)
        return jnp.sum(jnp.where(off, P * (jnp.log(jnp.where(off, P, 1.0)) - jnp.where(off, log_q, 0)), 0))

    return loss


# --- ratings: factors with biases and missing entries; counts as products of what is positive (Lee and Seung 1999) ----


def ratings() -> Model:
    U, V, b, c = (IndexedBase(q, shape=s) for q, s in {"U": (N, K), "V": (M, K), "b": (N,), "c": (M,)}.items())
    stars, lam, mean = IndexedBase("stars", shape=(N, M)), *symbols("lam mean", real=True)
    given = IndexedBase("given", shape=(N, M), integer=True)
    guess = mean + b[n] + c[m] + Sum(U[n, k] * V[m, k], (k, 0, K - 1))
    error = Sum(if_else(Eq(given[n, m], 1), (stars[n, m] - guess) ** 2, 0), (n, 0, N - 1), (m, 0, M - 1))
    size = Sum(U[n, k] ** 2, (n, 0, N - 1), (k, 0, K - 1)) + Sum(V[m, k] ** 2, (m, 0, M - 1), (k, 0, K - 1))
    return Model(error + lam * size, [U, V, b, c, mean])


def ratings_inputs(size: int, rng: np.random.Generator) -> Inputs:
    given = rng.random((size, 7)) < 0.4
    return {
        "U": rng.normal(size=(size, 3)),
        "V": rng.normal(size=(7, 3)),
        "b": rng.normal(size=size),
        "c": rng.normal(size=7),
        "mean": 3.5,
        "lam": 0.1,
        "given": given.astype(int),
        "stars": np.where(given, rng.integers(1, 6, (size, 7)), np.nan),
    }


def ratings_reference(U, V, b, c, mean, lam, given, stars):
    guess = mean + b[:, None] + c + U @ V.T
    error = jnp.where(given == 1, jnp.where(given == 1, stars, 0) - guess, 0)
    return jnp.sum(error**2) + lam * (jnp.sum(U**2) + jnp.sum(V**2))


def counts() -> Model:
    """Kullback and Leibler's divergence of X from W H, in matrices, with logarithms of the factors."""
    A, B, X, mean = (MatrixSymbol(q, *s) for q, s in {"A": (N, K), "B": (K, M), "X": (N, M), "mean": (N, M)}.items())
    loss = OneMatrix(1, N) * (mean - HadamardProduct(X, mean.applyfunc(log))) * OneMatrix(M, 1)
    return Model(loss, [A, B], where=[Eq(mean, A.applyfunc(exp) * B.applyfunc(exp))])


def counts_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "A": rng.normal(size=(size, 3)),
        "B": rng.normal(size=(3, 6)),
        "X": rng.poisson(2.0, (size, 6)).astype(float),
    }


def counts_reference(A, B, X):
    mean = jnp.exp(A) @ jnp.exp(B)
    return jnp.sum(mean - X * jnp.log(mean))


# --- rankings: pairs (Rendle et al. 2009), lists (Cao et al. 2007), orders (Plackett 1975, Luce 1959) -----------------


def pairwise_ranking() -> Model:
    U, V = IndexedBase("U", shape=(N, K)), IndexedBase("V", shape=(M, K))
    user, liked, other = (IndexedBase(name, shape=(R,), integer=True) for name in ("user", "liked", "other"))
    margin = Sum(U[user[r], k] * (V[liked[r], k] - V[other[r], k]), (k, 0, K - 1))
    return Model(-Sum(log(sigmoid(margin)), (r, 0, R - 1)), [U, V])


def pairwise_ranking_inputs(size: int, rng: np.random.Generator) -> Inputs:
    items = {name: rng.integers(0, 8, size) for name in ("liked", "other")}
    return {"U": rng.normal(size=(5, 3)), "V": rng.normal(size=(8, 3)), "user": rng.integers(0, 5, size)} | items


def pairwise_ranking_certain() -> Inputs:
    made = pairwise_ranking_inputs(6, np.random.default_rng(2))
    return made | {"U": 1e4 * made["U"]}


def pairwise_ranking_reference(U, V, user, liked, other):
    return -jnp.sum(jax_log_sigmoid(jnp.sum(U[user] * (V[liked] - V[other]), axis=1)))


def list_ranking() -> Model:
    X, w, s = IndexedBase("X", shape=(N, M, K)), IndexedBase("w", shape=(K,)), IndexedBase("s", shape=(N, M))
    grade = IndexedBase("grade", shape=(N, M))
    loss = -Sum(
        softmax(grade[n, m], (m, 0, M - 1)) * log(softmax(s[n, m], (m, 0, M - 1))), (n, 0, N - 1), (m, 0, M - 1)
    )
    return Model(loss, [w], where=[Eq(s[n, m], Sum(X[n, m, k] * w[k], (k, 0, K - 1)))])


def list_ranking_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "X": rng.normal(size=(size, 6, 4)),
        "w": rng.normal(size=4),
        "grade": rng.integers(0, 5, (size, 6)).astype(float),
    }


def list_ranking_reference(X, w, grade):
    return -jnp.sum(jax.nn.softmax(grade, axis=1) * log_softmax(X @ w, axis=1))


def orders() -> Model:
    """Each order[n] lists items, the best first; lists have lengths of their own, the rest is padding."""
    worth, order = IndexedBase("worth", shape=(M,)), IndexedBase("order", shape=(N, K), integer=True)
    length = IndexedBase("length", shape=(N,), integer=True)
    rest = Sum(if_else(And(q >= k, q < length[n]), exp(worth[order[n, q]]), 0), (q, 0, K - 1))
    place = if_else(k < length[n], worth[order[n, k]] - log(rest), 0)
    return Model(-Sum(place, (k, 0, K - 1), (n, 0, N - 1)) + Sum(worth[m] ** 2, (m, 0, M - 1)) / 2, [worth])


def orders_inputs(size: int, rng: np.random.Generator) -> Inputs:
    order = np.stack([rng.permutation(9)[:5] for _ in range(size)])
    return {"worth": rng.normal(size=9), "order": order, "length": rng.integers(1, 6, size)}


def orders_reference(worth, order, length):
    valid = jnp.arange(order.shape[1]) < length[:, None]
    listed = jnp.where(valid, worth[order], -1e30)
    rest = jax.lax.cumlogsumexp(listed[:, ::-1], axis=1)[:, ::-1]
    return -jnp.sum(jnp.where(valid, worth[order] - rest, 0)) + jnp.sum(worth**2) / 2


# --- transport: Sinkhorn (1964), Cuturi (2013), in logarithms ---------------------------------------------------------


def sinkhorn() -> Model:
    """The cost of moving points x to points y, after T rounds of the scaling."""
    x, y = IndexedBase("x", shape=(N, 2)), IndexedBase("y", shape=(M, 2))
    cost, f, g = IndexedBase("cost", shape=(N, M)), IndexedBase("f", shape=(T, N)), IndexedBase("g", shape=(T, M))
    eps, rounds = symbols("eps", positive=True), IndexedBase("rounds", shape=(T,))

    def update(g):
        return -eps * (LogSumExp((g - cost[i, j]) / eps, (j, 0, M - 1)) - log(M))

    def back(f):
        return -eps * (LogSumExp((f - cost[i, j]) / eps, (i, 0, N - 1)) - log(N))

    where = [
        Eq(cost[i, j], Sum((x[i, k] - y[j, k]) ** 2, (k, 0, 1))),
        Eq(f[0, i], 0),
        Eq(g[0, j], back(f[0, i])),
        Eq(f[t, i], update(g[t - 1, j])),
        Eq(g[t, j], back(f[t, i])),
    ]
    value = Sum(f[T - 1, i], (i, 0, N - 1)) / N + Sum(g[T - 1, j], (j, 0, M - 1)) / M
    drift = Sum(rounds[t] * f[t, 0] ** 2, (t, 0, T - 1))
    return Model(value + drift, [x], where=where)


def sinkhorn_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "x": rng.normal(size=(size, 2)),
        "y": rng.normal(size=(size + 1, 2)),
        "eps": 0.3,
        "rounds": np.r_[np.zeros(10), 0.01],
    }


def sinkhorn_sharp() -> Inputs:
    return sinkhorn_inputs(4, np.random.default_rng(4)) | {"eps": 1e-3}


def sinkhorn_reference(x, y, eps, rounds):
    cost = jnp.sum((x[:, None] - y[None, :]) ** 2, axis=2)
    f, g, drift = jnp.zeros(len(x)), jnp.zeros(len(y)), 0.0
    for turn in range(len(rounds)):
        if turn:
            f = -eps * (logsumexp((g - cost) / eps, axis=1) - jnp.log(len(y)))
        g = -eps * (logsumexp((f[:, None] - cost) / eps, axis=0) - jnp.log(len(x)))
        drift = drift + rounds[turn] * f[0] ** 2
    return jnp.mean(f) + jnp.mean(g) + drift


MODELS = (
    RealModel(
        "contrastive", contrastive, contrastive_inputs, contrastive_reference, (7, 100), {"cold": contrastive_cold}
    ),
    RealModel("triplets", triplets, triplets_inputs, triplets_reference, (6, 2000)),
    RealModel(
        "SNE",
        lambda: neighbours(lambda d: exp(-d)),
        neighbours_inputs,
        neighbours_reference(lambda d: -d),
        (5, 100),
        {"far": neighbours_far},
    ),
    RealModel(
        "t-SNE",
        lambda: neighbours(lambda d: 1 / (1 + d)),
        neighbours_inputs,
        neighbours_reference(lambda d: -jnp.log1p(d)),
        (5, 100),
        {"far": neighbours_far},
    ),
    RealModel("ratings", ratings, ratings_inputs, ratings_reference, (5, 1000)),
    RealModel("counts as products", counts, counts_inputs, counts_reference, (4, 500)),
    RealModel(
        "pairwise ranking",
        pairwise_ranking,
        pairwise_ranking_inputs,
        pairwise_ranking_reference,
        (6, 2000),
        {"certain": pairwise_ranking_certain},
    ),
    RealModel("list ranking", list_ranking, list_ranking_inputs, list_ranking_reference, (4, 500)),
    RealModel("orders", orders, orders_inputs, orders_reference, (4, 500)),
    RealModel("Sinkhorn", sinkhorn, sinkhorn_inputs, sinkhorn_reference, (4, 40), {"sharp": sinkhorn_sharp}),
)
