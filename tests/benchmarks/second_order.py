"""Cases of second order: Hessians, and the direction of a Newton step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Case, products, softplus_and_sigmoid
from regression import (
    factorisation_arrays,
    factorisation_loss,
    logistic_arrays,
    logistic_loss,
    logistic_model,
    softmax_arrays,
    softmax_loss,
)
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, Trace, log, symbols

from symgrad import Model, softmax

N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k = symbols("n j k", integer=True)


# --- xᵀAx -------------------------------------------------------------------------------------------------------------


def _quadratic_model() -> Model:
    x, A = MatrixSymbol("x", N, 1), MatrixSymbol("A", N, N)
    return Model(x.T * A * x, [x], name="quadratic form")


def _quadratic_limit(x: np.ndarray, A: np.ndarray) -> Callable[[], None]:
    out = np.empty_like(A)
    return lambda: np.copyto(out, A)  # A is read and a matrix of its size is written


QUADRATIC = Case(
    name="hessian-quadratic-2048",
    model=_quadratic_model,
    arrays=lambda rng: {"x": rng.normal(size=2048), "A": rng.normal(size=(2048, 2048))},
    parameters=("x",),
    expert=lambda x, A: (A + A.T,),
    loss=lambda xp, x, A: x @ (A @ x),
    limit=_quadratic_limit,
    answer="hessian",
)


# --- logistic regression ----------------------------------------------------------------------------------------------


def _logistic_hessian(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    _, y = softplus_and_sigmoid(X @ w)
    scaled = X * np.sqrt(y * (1 - y))[:, None]
    return (scaled.T @ scaled,)  # BLAS computes the half of a product of an array with itself


def _newton_expert(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    _, y = softplus_and_sigmoid(X @ w)
    scaled = X * np.sqrt(y * (1 - y))[:, None]
    return (np.linalg.solve(scaled.T @ scaled, (y - t) @ X),)


def _logistic_limit(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> Callable[[], None]:
    return products((X.T, X))


def logistic_hessian(rows: int, columns: int) -> Case:
    return Case(
        name=f"hessian-logistic-{rows}x{columns}",
        model=logistic_model,
        arrays=logistic_arrays(rows, columns),
        parameters=("w",),
        expert=_logistic_hessian,
        loss=logistic_loss,
        limit=_logistic_limit,
        answer="hessian",
        quick=rows < 10_000,
    )


NEWTON = Case(
    name="newton-logistic-10000x100",
    model=logistic_model,
    arrays=logistic_arrays(10_000, 100),
    parameters=("w",),
    expert=_newton_expert,
    loss=logistic_loss,
    limit=_logistic_limit,
    answer="newton",
)


# --- matrix factorisation, by U ---------------------------------------------------------------------------------------


def _factorisation_model() -> Model:
    A, U, V = MatrixSymbol("A", N, M), MatrixSymbol("U", N, K), MatrixSymbol("V", M, K)
    residual = A - U * V.T
    return Model(Trace(residual.T * residual), [U], name="matrix factorisation by U")


def _factorisation_dense(U: np.ndarray, V: np.ndarray, A: np.ndarray) -> tuple[Any, ...]:
    rows, rank = U.shape
    out = np.zeros((rows, rank, rows, rank), dtype=V.dtype)
    np.einsum("ikil->ikl", out)[:] = 2 * V.T @ V
    return (out,)


def _factorisation_dense_limit(U: np.ndarray, V: np.ndarray, A: np.ndarray) -> Callable[[], None]:
    out = np.empty((U.size, U.size), dtype=U.dtype)
    return lambda: out.fill(0)


FACTORISATION = Case(
    name="hessian-factorisation-200x5",
    model=_factorisation_model,
    arrays=factorisation_arrays(200, 200, 5),
    parameters=("U",),
    expert=_factorisation_dense,
    loss=factorisation_loss,
    limit=_factorisation_dense_limit,
    answer="hessian",
)

FACTORISATION_COMPACT = Case(
    name="compact-factorisation-200x5",
    model=_factorisation_model,
    arrays=factorisation_arrays(200, 200, 5),
    parameters=("U",),
    expert=lambda U, V, A: (2 * V.T @ V,),
    loss=factorisation_loss,
    limit=lambda U, V, A: products((V.T, V)),
    answer="compact",
    factors=lambda dense: dense[0, :, 0, :],
)


# --- softmax regression, by W -----------------------------------------------------------------------------------------


def _softmax_model() -> Model:
    X, t = IndexedBase("X", shape=(N, M)), IndexedBase("t", shape=(N, K))
    W, b, p = IndexedBase("W", shape=(M, K)), IndexedBase("b", shape=(K,)), IndexedBase("p", shape=(N, K))
    z = Sum(X[n, j] * W[j, k], (j, 0, M - 1)) + b[k]
    return Model(
        -Sum(t[n, k] * log(p[n, k]), (k, 0, K - 1), (n, 0, N - 1)),
        [W],
        where=[Eq(p[n, k], softmax(z, (k, 0, K - 1)))],
        facts=[Eq(Sum(t[n, k], (k, 0, K - 1)), 1)],
        name="softmax regression by W",
    )


def _softmax_hessian(W: np.ndarray, b: np.ndarray, X: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    rows, columns = X.shape
    classes = len(b)
    p = X @ W
    p += b
    p -= p.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    outer = (X[:, :, None] * p[:, None, :]).reshape(rows, -1)
    out = outer.T @ outer
    np.negative(out, out=out)
    out = out.reshape(columns, classes, columns, classes)
    np.einsum("jkik->kji", out)[:] += (X.T * p.T[:, None, :]) @ X
    return (out,)


def _softmax_limit(W: np.ndarray, b: np.ndarray, X: np.ndarray, t: np.ndarray) -> Callable[[], None]:
    outer = (X[:, :, None] * t[:, None, :]).reshape(len(X), -1)
    return products((outer.T, outer))


SOFTMAX = Case(
    name="hessian-softmax-1797x64x10",
    model=_softmax_model,
    arrays=softmax_arrays(1797, 64, 10),
    parameters=("W",),
    expert=_softmax_hessian,
    loss=softmax_loss,
    limit=_softmax_limit,
    answer="hessian",
)

CASES = [
    QUADRATIC,
    logistic_hessian(2048, 256),
    logistic_hessian(100_000, 100),
    FACTORISATION,
    FACTORISATION_COMPACT,
    SOFTMAX,
    NEWTON,
]
