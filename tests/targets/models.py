"""Models of every kind of node with inputs, also hostile ones: what every target has to give as NumPy does."""

from typing import Any

import numpy as np
from sympy import (
    And,
    Eq,
    IndexedBase,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    Product,
    Q,
    Sum,
    Trace,
    beta,
    exp,
    floor,
    log,
    symbols,
    tanh,
)

from symgrad import LogSumExp, MaxOver, Model, if_else, inverse, log_ndtr, logdet, ndtr, relu, sigmoid, total

N, M, K, T = symbols("N M K T", integer=True, positive=True)
i, j, k, n, t, p = symbols("i j k n t p", integer=True)
a, b = symbols("a b", real=True)
x, y, w, h = (IndexedBase(name, shape=(T,)) for name in "xywh")
X, Z = IndexedBase("X", shape=(N, K)), IndexedBase("Z", shape=(N, K))
L, J = IndexedBase("L", shape=(N,), integer=True), IndexedBase("J", shape=(M,), integer=True)
move, score, state = (IndexedBase(c, shape=s) for c, s in {"move": (K, K), "score": (T, K), "state": (T, K)}.items())
A, S, B = MatrixSymbol("A", K, K), MatrixSymbol("S", K, K), MatrixSymbol("B", K, K)
u = MatrixSymbol("u", K, 1)
image, kernel = IndexedBase("image", shape=(N, T)), IndexedBase("kernel", shape=(3,))
rng = np.random.default_rng(3)
ROWS = rng.normal(size=(4, 3))
SQUARE = ROWS.T @ ROWS + np.eye(3)
SERIES = rng.normal(size=6)

MODELS: dict[str, tuple[Model, dict[str, Any]]] = {
    "subscripts by data, each several times": (
        Model(Sum((X[L[n], k] - Z[n, k]) ** 2, (k, 0, K - 1), (n, 0, N - 1)), [X]),
        {"X": ROWS, "Z": 2 * ROWS, "L": np.array([2, 0, 2, 3])},
    ),
    "windows of a convolution": (
        Model(Sum(relu(Sum(kernel[k] * image[n, t + k], (k, 0, 2))) ** 2, (t, 0, T - 3), (n, 0, N - 1)), [kernel]),
        {"kernel": SERIES[:3], "image": ROWS @ rng.normal(size=(3, 6))},
    ),
    "steps, strides and rounded subscripts": (
        Model(Sum(x[floor(t / 2)] * y[t] ** 2, (t, 0, T - 1)) + Sum(x[2 * t], (t, 0, floor((T - 1) / 2))), [x, y]),
        {"x": SERIES, "y": SERIES + 1},
    ),
    "sums up to an index": (
        Model(Sum(exp(x[t]) / Sum(exp(x[p]), (p, t, T - 1)) * y[t], (t, 0, T - 1)), [x]),
        {"x": SERIES, "y": SERIES},
    ),
    "a maximum where entries tie": (
        Model(Sum(MaxOver(X[n, k], (k, 0, K - 1)) ** 2, (n, 0, N - 1)), [X]),
        {"X": np.round(ROWS)},
    ),
    "products of all entries but one, with zeros": (
        Model(Product(x[t], (t, 0, T - 1)), [x]),
        {"x": np.array([2.0, 0, 3, 1, 5, 7])},
    ),
    "conditions of all kinds": (
        Model(Sum(if_else(And(x[t] > 0, y[t] <= 1), log(Max(x[t], y[t], 1)), a * x[t]), (t, 0, T - 1)), [x, a]),
        {"x": SERIES, "y": np.ones(6), "a": 0.5},
    ),
    "one factorisation for determinants and solves": (
        Model((u.T * S.I * u)[0, 0] + logdet(S), [u, S],
              facts=[Q.symmetric(S), Q.positive_definite(S)]),
        {"u": SERIES[:3, None], "S": SQUARE},
    ),
    "inverses, diagonals and Kronecker products": (
        Model(total(KroneckerProduct(A, B) * KroneckerProduct(inverse(A), B)) + log(Trace(A.T * A)), [A, B]),
        {"A": SQUARE + ROWS[:3], "B": SQUARE},
    ),
    "tails of the normal distribution": (
        Model(Sum(log_ndtr(x[t]) + ndtr(y[t]) * log(1 + exp(x[t])), (t, 0, T - 1)), [x, y]),
        {"x": np.array([-40.0, -5, -0.1, 0, 3, 9]), "y": np.array([-30.0, -3, 0, 1, 6, 9])},
    ),
    "log-gamma differences, far away and near": (
        Model(Sum(log(beta(x[t], exp(a))), (t, 0, T - 1)), [a]),
        {"x": np.array([1e-3, 0.5, 3.0, 20.0, 1e4, 1e9]), "a": 0.25},
    ),
    "what cancels near zero": (
        Model(Sum((exp(x[t]) - 1 - x[t]) / x[t] ** 2, (t, 0, T - 1)), [x]),
        {"x": np.array([1e-9, -1e-4, 1e-2, 1.0, -3.0, 30.0])},
    ),
    "sigmoids in both tails": (
        Model(Sum(log(sigmoid(x[t])) + y[t] * sigmoid(-x[t]), (t, 0, T - 1)), [x]),
        {"x": np.array([-700.0, -30, -1, 1, 30, 700]), "y": SERIES},
    ),
}  # fmt: skip

PADDED = (
    Model(Sum(if_else(k < L[n], (X[n, k] * Z[n, k]) ** 2, 0), (k, 0, K - 1), (n, 0, N - 1)), [X], name="padded"),
    {
        "X": ROWS,
        "Z": np.where(np.arange(3) < np.array([3, 1, 0, 2])[:, None], ROWS, np.nan),
        "L": np.array([3, 1, 0, 2]),
    },
)

_STEP = LogSumExp(state[t - 1, i] + move[i, j], (i, 0, K - 1)) + score[t, j]
FORWARD = (
    Model(
        LogSumExp(state[T - 1, j], (j, 0, K - 1)),
        [move, score],
        where=[Eq(state[0, j], score[0, j]), Eq(state[t, j], _STEP)],
        name="forward",
    ),
    {
        "move": np.where(np.triu(np.ones((3, 3))) > 0, SQUARE, -np.inf),
        "score": rng.normal(size=(5, 3)),
    },
)

RECURRENCE = (
    Model(
        Sum((h[t] - y[t]) ** 2, (t, 0, T - 1)),
        [a, b],
        where=[Eq(h[0], x[0]), Eq(h[t], tanh(a * h[t - 1] + b * x[t]))],
        name="recurrence",
    ),
    {"a": 0.3, "b": 0.7, "x": SERIES, "y": SERIES[::-1]},
)

_PARENT = IndexedBase("parent", shape=(T,), integer=True)
TREE = (
    Model(
        Sum(h[t] * y[t], (t, 0, T - 1)),
        [a],
        where=[Eq(h[0], x[0]), Eq(h[t], tanh(a * h[_PARENT[t]] + x[t]))],
        facts=[_PARENT[t] < t],
        name="tree",
    ),
    {"a": 0.3, "x": SERIES, "y": SERIES[::-1], "parent": np.array([0, 0, 0, 1, 1, 3])},
)
