"""Cases with one matrix product on the way forward: logistic and softmax regression, factorisation, mixtures."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Arrays, Case, one_hot, products, softmax_and_cross_entropy, softplus_and_sigmoid
from sympy import (
    Eq,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Sum,
    Trace,
    exp,
    log,
    symbols,
)

from symgrad import LogSumExp, Model, if_else, sigmoid, softmax

N, M, K, D = symbols("N M K D", integer=True, positive=True)
n, j, k, d, e = symbols("n j k d e", integer=True)

# --- logistic regression ----------------------------------------------------------------------------------------------


def logistic_model() -> Model:
    X, t = MatrixSymbol("X", N, M), MatrixSymbol("t", N, 1)
    w, y = MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
    ones = OneMatrix(N, 1)
    loss = -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log))
    return Model(loss, [w], where=[Eq(y, sigmoid(X * w))], name="logistic regression")


def logistic_arrays(rows: int, columns: int) -> Callable[[np.random.Generator], Arrays]:
    def arrays(rng: np.random.Generator) -> Arrays:
        return {
            "w": rng.normal(size=columns) / np.sqrt(columns),
            "X": rng.normal(size=(rows, columns)),
            "t": rng.integers(2, size=rows).astype(float),
        }

    return arrays


def logistic_loss(xp: Any, w: Any, X: Any, t: Any) -> Any:
    z = X @ w
    return xp.sum(xp.softplus(z) - t * z)


def _logistic_expert(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    z = X @ w
    softplus, y = softplus_and_sigmoid(z)
    loss = softplus.sum() - t @ z
    y -= t
    return loss, y @ X


def _logistic_limit(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> Callable[[], None]:
    return products((X, w))  # X is read once: whoever works in blocks has both products of a block for that


def logistic(rows: int, columns: int, quick: bool) -> Case:
    return Case(
        name=f"logistic-{rows}x{columns}",
        model=logistic_model,
        arrays=logistic_arrays(rows, columns),
        parameters=("w",),
        expert=_logistic_expert,
        loss=logistic_loss,
        limit=_logistic_limit,
        quick=quick,
    )


# --- softmax regression -----------------------------------------------------------------------------------------------


def softmax_model() -> Model:
    X, t = IndexedBase("X", shape=(N, M)), IndexedBase("t", shape=(N, K))
    W, b = IndexedBase("W", shape=(M, K)), IndexedBase("b", shape=(K,))
    z, p = IndexedBase("z", shape=(N, K)), IndexedBase("p", shape=(N, K))
    return Model(
        -Sum(t[n, k] * log(p[n, k]), (k, 0, K - 1), (n, 0, N - 1)),
        [W, b],
        where=[
            Eq(z[n, k], Sum(X[n, j] * W[j, k], (j, 0, M - 1)) + b[k]),
            Eq(p[n, k], softmax(z[n, k], (k, 0, K - 1))),
        ],
        facts=[Eq(Sum(t[n, k], (k, 0, K - 1)), 1)],
        name="softmax regression",
    )


def softmax_arrays(rows: int, columns: int, classes: int) -> Callable[[np.random.Generator], Arrays]:
    def arrays(rng: np.random.Generator) -> Arrays:
        return {
            "W": rng.normal(size=(columns, classes)) / np.sqrt(columns),
            "b": rng.normal(size=classes),
            "X": rng.normal(size=(rows, columns)),
            "t": one_hot(rng, rows, classes),
        }

    return arrays


def softmax_loss(xp: Any, W: Any, b: Any, X: Any, t: Any) -> Any:
    return -xp.sum(t * xp.log_softmax(X @ W + b))


def _softmax_expert(W: np.ndarray, b: np.ndarray, X: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    z = X @ W
    z += b
    p, loss = softmax_and_cross_entropy(z, t)
    p -= t
    return loss, X.T @ p, p.sum(axis=0)


def _softmax_limit(W: np.ndarray, b: np.ndarray, X: np.ndarray, t: np.ndarray) -> Callable[[], None]:
    return products((X, W), (X.T, t))


def softmax_regression(rows: int, columns: int, classes: int, quick: bool) -> Case:
    return Case(
        name=f"softmax-{rows}x{columns}x{classes}",
        model=softmax_model,
        arrays=softmax_arrays(rows, columns, classes),
        parameters=("W", "b"),
        expert=_softmax_expert,
        loss=softmax_loss,
        limit=_softmax_limit,
        quick=quick,
    )


# --- matrix factorisation ---------------------------------------------------------------------------------------------


def factorisation_model() -> Model:
    A, U, V = MatrixSymbol("A", N, M), MatrixSymbol("U", N, K), MatrixSymbol("V", M, K)
    residual = A - U * V.T
    return Model(Trace(residual.T * residual), [U, V], name="matrix factorisation")


def factorisation_arrays(rows: int, columns: int, rank: int) -> Callable[[np.random.Generator], Arrays]:
    def arrays(rng: np.random.Generator) -> Arrays:
        return {
            "U": rng.normal(size=(rows, rank)),
            "V": rng.normal(size=(columns, rank)),
            "A": rng.normal(size=(rows, columns)),
        }

    return arrays


def factorisation_loss(xp: Any, U: Any, V: Any, A: Any) -> Any:
    residual = A - U @ V.T
    return xp.sum(residual * residual)


def _factorisation_expert(U: np.ndarray, V: np.ndarray, A: np.ndarray) -> tuple[Any, ...]:
    residual = U @ V.T
    residual -= A
    loss = np.vdot(residual, residual)
    by_U, by_V = residual @ V, residual.T @ U
    by_U *= 2
    by_V *= 2
    return loss, by_U, by_V


def _factorisation_limit(U: np.ndarray, V: np.ndarray, A: np.ndarray) -> Callable[[], None]:
    return products((U, V.T), (A, V), (A.T, U))


def factorisation(rows: int, columns: int, rank: int) -> Case:
    return Case(
        name=f"factorisation-{rows}x{columns}x{rank}",
        model=factorisation_model,
        arrays=factorisation_arrays(rows, columns, rank),
        parameters=("U", "V"),
        expert=_factorisation_expert,
        loss=factorisation_loss,
        limit=_factorisation_limit,
    )


# --- a mixture of Gaussians with full covariances ---------------------------------------------------------------------
# L_k, lower triangular with diagonal exp(q_k), is a factor of the inverse covariance. The parametrisation is that of
# F. Srajer, Z. Kukelova, A. Fitzgibbon, A benchmark of selected algorithmic differentiation tools on some problems in
# computer vision and machine learning, Optimization Methods and Software 33 (2018), without its Wishart prior.


def _gmm_model() -> Model:
    x, mu, alpha = IndexedBase("x", shape=(N, D)), IndexedBase("mu", shape=(K, D)), IndexedBase("alpha", shape=(K,))
    q, lower = IndexedBase("q", shape=(K, D)), IndexedBase("l", shape=(K, D, D))
    L, s = IndexedBase("L", shape=(K, D, D)), IndexedBase("s", shape=(N, K))
    c, y = IndexedBase("c", shape=(K, N, D)), IndexedBase("y", shape=(K, N, D))
    return Model(
        N * LogSumExp(alpha[k], (k, 0, K - 1)) - Sum(LogSumExp(s[n, k], (k, 0, K - 1)), (n, 0, N - 1)),
        [alpha, mu, q, lower],
        where=[
            Eq(L[k, d, e], if_else(Eq(d, e), exp(q[k, d]), if_else(e < d, lower[k, d, e], 0))),
            Eq(c[k, n, d], x[n, d] - mu[k, d]),
            Eq(y[k, n, d], Sum(L[k, d, e] * c[k, n, e], (e, 0, D - 1))),
            Eq(s[n, k], alpha[k] + Sum(q[k, d], (d, 0, D - 1)) - Sum(y[k, n, d] ** 2, (d, 0, D - 1)) / 2),
        ],
        name="Gaussian mixture",
    )


def gmm_loss(xp: Any, alpha: Any, mu: Any, q: Any, l: Any, x: Any) -> Any:  # noqa: E741
    c = x[None] - mu[:, None]
    y = c @ xp.swap(xp.strictly_lower(l)) + c * xp.exp(q)[:, None]
    s = (alpha + xp.sum(q, 1))[:, None] - xp.sum(y * y, 2) / 2
    return xp.side(x, 0) * xp.logsumexp(alpha, 0) - xp.sum(xp.logsumexp(s, 0))


def gmm_expert(alpha: np.ndarray, mu: np.ndarray, q: np.ndarray, l: np.ndarray, x: np.ndarray) -> tuple[Any, ...]:  # noqa: E741
    diagonal = np.exp(q)
    L = np.tril(l, -1)
    np.einsum("kdd->kd", L)[:] = diagonal
    c = x - mu[:, None]
    y = c @ L.swapaxes(1, 2)
    s = np.einsum("knd,knd->kn", y, y)
    s *= -0.5
    s += (alpha + q.sum(axis=1))[:, None]
    top = s.max(axis=0)
    s -= top
    r = np.exp(s, out=s)
    totals = r.sum(axis=0)
    loss = -(np.log(totals).sum() + top.sum())
    r /= totals
    shifted = np.exp(alpha - alpha.max())
    loss += len(x) * (np.log(shifted.sum()) + alpha.max())
    weight = r.sum(axis=1)
    y *= r[:, :, None]
    by_L = y.swapaxes(1, 2) @ c
    by_mu = -np.einsum("kd,kde->ke", y.sum(axis=1), L)
    by_q = np.einsum("kdd->kd", by_L) * diagonal - weight[:, None]
    return loss, len(x) * shifted / shifted.sum() - weight, by_mu, by_q, np.tril(by_L, -1)


def _gmm_limit(alpha: np.ndarray, mu: np.ndarray, q: np.ndarray, l: np.ndarray, x: np.ndarray) -> Callable[[], None]:  # noqa: E741
    y = np.ones((len(mu), *x.shape), dtype=x.dtype)
    return products((y, l.swapaxes(1, 2)), (y.swapaxes(1, 2), y))


def mixture(rows: int, columns: int, components: int, quick: bool) -> Case:
    def arrays(rng: np.random.Generator) -> Arrays:
        return {
            "alpha": rng.normal(size=components),
            "mu": rng.normal(size=(components, columns)),
            "q": 0.1 * rng.normal(size=(components, columns)),
            "l": rng.normal(size=(components, columns, columns)) / columns,
            "x": rng.normal(size=(rows, columns)),
        }

    return Case(
        name=f"gmm-{rows}x{columns}x{components}",
        model=_gmm_model,
        arrays=arrays,
        parameters=("alpha", "mu", "q", "l"),
        expert=gmm_expert,
        loss=gmm_loss,
        limit=_gmm_limit,
        quick=quick,
    )


CASES = [
    logistic(100, 10, quick=True),
    logistic(1000, 50, quick=True),
    logistic(10_000, 100, quick=True),
    logistic(100_000, 100, quick=True),
    logistic(100_000, 1000, quick=False),
    softmax_regression(1797, 64, 10, quick=True),
    softmax_regression(60_000, 784, 10, quick=False),
    factorisation(2000, 1000, 20),
    mixture(1000, 10, 50, quick=True),
    mixture(1000, 64, 25, quick=True),
    mixture(10_000, 10, 50, quick=False),
    mixture(10_000, 64, 25, quick=False),
]
