"""Likelihoods in which data alone have a share: what `bind` computes once, the opponents compute in every call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from cases import Arrays, Case, products, softmax_and_cross_entropy
from sympy import Eq, IndexedBase, Sum, Symbol, exp, log, loggamma, pi, symbols

from symgrad import LogSumExp, Model

N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k = symbols("n j k", integer=True)
X, y = IndexedBase("X", shape=(N, M)), IndexedBase("y", shape=(N,))
w = IndexedBase("w", shape=(M,))
MEAN = Sum(X[n, j] * w[j], (j, 0, M - 1))


def _predictors(rng: np.random.Generator, rows: int, columns: int) -> Arrays:
    return {"w": rng.normal(size=columns) / 3, "X": rng.normal(size=(rows, columns)) / np.sqrt(columns)}


def _limit(X: np.ndarray, w: np.ndarray, **others: np.ndarray) -> Callable[[], None]:
    return products((X, w))  # whoever works in blocks reads X once for both products


# --- counts: log Γ(y + 1) is of data alone ----------------------------------------------------------------------------


def poisson_model() -> Model:
    loss = Sum(exp(MEAN) - y[n] * MEAN + loggamma(y[n] + 1), (n, 0, N - 1))
    return Model(loss, [w], name="Poisson regression")


def poisson_loss(xp: Any, w: Any, X: Any, y: Any) -> Any:
    z = X @ w
    return xp.sum(xp.exp(z) - y * z + xp.gammaln(y + 1))


def _poisson_expert(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[Any, ...]:
    z = X @ w
    rate = np.exp(z)
    loss = rate.sum() - y @ z + scipy.special.gammaln(y + 1).sum()
    rate -= y
    return loss, rate @ X


def poisson(rows: int, columns: int, quick: bool) -> Case:
    return Case(
        name=f"poisson-{rows}x{columns}",
        model=poisson_model,
        arrays=lambda rng: _predictors(rng, rows, columns) | {"y": rng.poisson(2.0, rows) * 1.0},
        parameters=("w",),
        expert=_poisson_expert,
        loss=poisson_loss,
        limit=_limit,
        quick=quick,
    )


# --- classes as integers: they are looked at once ---------------------------------------------------------------------


def labels_model() -> Model:
    W, z = IndexedBase("W", shape=(M, K)), IndexedBase("z", shape=(N, K))
    labels = IndexedBase("labels", shape=(N,), integer=True)
    loss = Sum(LogSumExp(z[n, k], (k, 0, K - 1)) - z[n, labels[n]], (n, 0, N - 1))
    return Model(loss, [W], where=[Eq(z[n, k], Sum(X[n, j] * W[j, k], (j, 0, M - 1)))], name="softmax of labels")


def labels_loss(xp: Any, W: Any, X: Any, labels: Any) -> Any:
    scores = xp.log_softmax(X @ W)
    return -xp.sum(scores[np.arange(xp.side(X, 0)), labels])


def _labels_expert(W: np.ndarray, X: np.ndarray, labels: np.ndarray) -> tuple[Any, ...]:
    t = np.eye(W.shape[1], dtype=W.dtype)[labels]
    p, loss = softmax_and_cross_entropy(X @ W, t)
    p -= t
    return loss, X.T @ p


def softmax_of_labels(rows: int, columns: int, classes: int, quick: bool) -> Case:
    def arrays(rng: np.random.Generator) -> Arrays:
        made = _predictors(rng, rows, columns)
        return {"W": rng.normal(size=(columns, classes)), "X": made["X"], "labels": rng.integers(classes, size=rows)}

    return Case(
        name=f"labels-{rows}x{columns}x{classes}",
        model=labels_model,
        arrays=arrays,
        parameters=("W",),
        expert=_labels_expert,
        loss=labels_loss,
        limit=lambda W, X, labels: products((X, W), (X.T, X @ W)),
        quick=quick,
    )


# --- the normal likelihood: its constant terms cost no pass over the rows ---------------------------------------------


def normal_model() -> Model:
    s = Symbol("s", real=True)  # log σ
    loss = Sum((y[n] - MEAN) ** 2 * exp(-2 * s) / 2 + s + log(2 * pi) / 2, (n, 0, N - 1))
    return Model(loss, [w, s], name="normal regression")


def normal_loss(xp: Any, w: Any, s: Any, X: Any, y: Any) -> Any:
    r = y - X @ w
    return xp.sum(r * r) * xp.exp(-2 * s) / 2 + xp.side(X, 0) * (s + float(np.log(2 * np.pi)) / 2)


def _normal_expert(w: np.ndarray, s: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[Any, ...]:
    r = X @ w
    r -= y
    weight, square = np.exp(-2 * s), r @ r
    loss = square * weight / 2 + len(y) * (s + np.log(2 * np.pi) / 2)
    return loss, weight * (r @ X), len(y) - square * weight


def normal(rows: int, columns: int, quick: bool) -> Case:
    return Case(
        name=f"normal-{rows}x{columns}",
        model=normal_model,
        arrays=lambda rng: _predictors(rng, rows, columns) | {"s": np.array(0.3), "y": rng.normal(size=rows)},
        parameters=("w", "s"),
        expert=_normal_expert,
        loss=normal_loss,
        limit=_limit,
        quick=quick,
    )


CASES = [
    poisson(100, 10, quick=True),
    poisson(100_000, 20, quick=True),
    softmax_of_labels(2_000, 20, 5, quick=True),
    softmax_of_labels(60_000, 784, 10, quick=False),
    normal(2_000, 20, quick=True),
    normal(100_000, 20, quick=True),
]
