"""What a condition or a delta leaves out contributes nothing, whatever the data hold there.

Every function of a module has to return the same numbers where the entries that are left out hold nan, infinities or
1e200 as where they hold ordinary numbers, without a complaint from NumPy. That those numbers are right the check says.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sympy import *

from symgrad import *
from symgrad.matrix_functions import LogDetOver
from tests.families import one_in

N, M, K, T, P = symbols("N M K T P", integer=True, positive=True)
n, m, k, t, i, j, u = symbols("n m k t i j u", integer=True)
s, b, flag = symbols("s b flag", real=True)
R, c, p, q, y, eta = (IndexedBase(name, shape=(N,)) for name in ("R", "c", "p", "q", "y", "eta"))
kind, who = (IndexedBase(name, shape=(N,), integer=True) for name in ("kind", "who"))
X, w, e = IndexedBase("X", shape=(N, K)), IndexedBase("w", shape=(K,)), IndexedBase("e", shape=(N,))
U, V, F = IndexedBase("U", shape=(N, K)), IndexedBase("V", shape=(M, K)), IndexedBase("F", shape=(M, K))
S_, C = IndexedBase("S", shape=(N, M)), IndexedBase("C", shape=(N, M))
A, x, z = IndexedBase("A", shape=(N, N)), IndexedBase("x", shape=(N,)), IndexedBase("z", shape=(N,))
theta, h, f = IndexedBase("theta", shape=(P,)), IndexedBase("h", shape=(T + 1,)), IndexedBase("f", shape=(T,))
g, v = IndexedBase("g", shape=(T,)), IndexedBase("v", shape=(T,))
a = symbols("a", real=True)
E, shares = IndexedBase("E", shape=(N + K - 1,)), IndexedBase("shares", shape=(N, N))
lab, B = IndexedBase("lab", shape=(N,), integer=True), IndexedBase("B", shape=(N, K, K))
ym, Xm, wm, cm = (
    MatrixSymbol(name, *shape) for name, shape in {"ym": (N, 1), "Xm": (N, K), "wm": (K, 1), "cm": (N, 1)}.items()
)

SIZES = {N: 4, M: 3, K: 2, T: 5, P: 3}
HOSTILE = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1e200, "-huge": -1e200}

rng = np.random.default_rng(5)
SEEN = np.array([1.0, 0.0, 1.0, 0.0])
RATED = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
STEPS = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
UPPER = np.triu(np.ones((4, 4), bool), 1)
INPUTS = {
    "s": 0.5, "b": 0.25, "a": 0.75, "flag": -1.0, "c": SEEN, "C": RATED, "g": STEPS,
    "kind": np.array([1, 0, 1, 2]), "who": np.array([2, 1, 0, 1]),
    **{name: rng.uniform(0.5, 1.5, 4) for name in ("R", "p", "q", "y", "x", "eta", "e")},
    "X": rng.normal(size=(4, 2)), "w": rng.normal(size=2), "U": rng.normal(size=(4, 2)), "V": rng.normal(size=(3, 2)),
    "F": rng.normal(size=(3, 2)), "S": rng.normal(size=(4, 3)), "A": rng.uniform(0.5, 1.5, (4, 4)),
    "theta": rng.normal(size=3), "f": rng.normal(size=5), "v": rng.normal(size=5),
}  # fmt: skip
INPUTS |= {
    "lab": np.array([0, -1, 2, -1]), "B": rng.normal(size=(4, 2, 2)), "cm": SEEN[:, None],
    "E": rng.normal(size=5), "ym": rng.normal(size=(4, 1)), "Xm": rng.normal(size=(4, 2)), "wm": rng.normal(size=(2, 1)),
}  # fmt: skip
UNSEEN, UNRATED, SKIPPED = SEEN == 0, RATED == 0, STEPS == 0


@dataclasses.dataclass(frozen=True)
class Masked:
    """A model, and which entries of its inputs are left out."""

    loss: Any
    parameters: tuple[Any, ...]
    left_out: Mapping[str, Any]
    where: tuple[Any, ...] = ()
    options: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"hessian": True, "hvp": True})


def over(body: Any, *indices: Any) -> Sum:
    lengths = {n: N, m: M, k: K, t: T, i: N, j: N, u: P}
    return Sum(body, *[(index, 0, lengths[index] - 1) for index in indices])


def seen(entry: Any, otherwise: Any = 0, condition: Any = c[n] > 0) -> Sum:
    return over(if_else(condition, entry, otherwise), n)


linear = Sum(X[n, k] * w[k], (k, 0, K - 1))
square = (R[n] - s) ** 2
error = S_[n, m] - Sum(U[n, k] * V[m, k], (k, 0, K - 1))
featured = S_[n, m] - Sum(U[n, k] * F[m, k], (k, 0, K - 1))
scores = Sum(U[i, k] * X[j, k], (k, 0, K - 1))


def attention(condition: Any) -> Any:
    """The share of key j of query i."""
    return softmax(if_else(condition, scores, -oo), (j, 0, N - 1))


ROWS, LAST = np.repeat(UNSEEN[:, None], 2, axis=1), np.arange(4) == 3
LAST_ROW = np.repeat(LAST[:, None], 2, axis=1)
unseen, unlabelled = {"R": UNSEEN}, {"R": INPUTS["lab"] < 0}
gram = LogDetOver(Sum(B[n, i, k] * B[n, j, k], (k, 0, K - 1)) * s**2, (i, 0, K - 1), (j, 0, K - 1))
residual = ym - Xm * wm
step_of_mask = Lambda(s, if_else(s > 0, 1, 0))
three = {"hessian": True, "hvp": True, "jacobian": ["z"]}

CASES: dict[str, Masked] = {
    # spellings
    "if_else": Masked(seen(square), (s,), unseen),
    "otherwise": Masked(over(if_else(c[n] <= 0, 0, square), n), (s,), unseen),
    "not": Masked(seen(square, condition=Not(c[n] <= 0)), (s,), unseen),
    "both branches": Masked(seen(square * p[n], q[n] ** 2 * s), (s, p), {"R": UNSEEN, "q": ~UNSEEN}),
    "piecewise": Masked(over(Piecewise((square, c[n] > 0), (0, True)), n), (s,), unseen),
    "three pieces": Masked(
        over(Piecewise((square, kind[n] < 1), (R[n] * s, kind[n] < 2), (0, True)), n),
        (s,), {"R": np.array([0, 0, 0, 1], bool)},
    ),
    "delta of data": Masked(over(KroneckerDelta(kind[n], 1) * square, n), (s,), {"R": INPUTS["kind"] != 1}),
    "delta of data, inside": Masked(over(exp(KroneckerDelta(kind[n], 1) * R[n] * s), n), (s,), {"R": INPUTS["kind"] != 1}),
    "no delta": Masked(over((1 - KroneckerDelta(kind[n], 1)) * square, n), (s,), {"R": INPUTS["kind"] == 1}),
    "delta of indices": Masked(over(KroneckerDelta(i, j) * A[i, j] ** 2 * s, i, j), (s, A), {"A": ~np.eye(4, dtype=bool)}),
    "delta of shifted indices": Masked(
        over(KroneckerDelta(i, j + 1) * A[i, j] ** 2 * s, i, j), (s,), {"A": ~np.eye(4, k=-1, dtype=bool)}
    ),
    "no delta of indices": Masked(over((1 - KroneckerDelta(i, j)) * log(A[i, j]) * x[i], i, j), (x,), {"A": np.eye(4, dtype=bool)}),
    "mask as a factor": Masked(over(if_else(c[n] > 0, 1, 0) * square, n), (s,), unseen),
    "equal to a number": Masked(seen(square, condition=Eq(kind[n], 1)), (s,), {"R": INPUTS["kind"] != 1}),
    "two conditions": Masked(
        seen(square * p[n], condition=And(c[n] > 0, q[n] > 1)), (s, p), {"R": UNSEEN | (INPUTS["q"] <= 1), "p": UNSEEN}
    ),
    "either condition": Masked(
        seen(square, condition=Or(c[n] > 0, q[n] > 1)), (s,), {"R": UNSEEN & (INPUTS["q"] <= 1)}
    ),
    "nested": Masked(
        seen(if_else(q[n] > 1, square * p[n], 0)), (s, p), {"R": UNSEEN | (INPUTS["q"] <= 1), "q": UNSEEN}
    ),
    "nested the other way": Masked(
        over(if_else(c[n] > 0, if_else(q[n] <= 1, 0, square), 0) * p[n], n), (s, p), {"R": UNSEEN | (INPUTS["q"] <= 1)}
    ),
    "its own condition": Masked(
        seen(log(R[n] * s), condition=And(R[n] > 1, R[n] < 2)), (s,), {"R": INPUTS["R"] <= 1}
    ),
    # what stands under the mask
    "product": Masked(seen(R[n] * p[n]), (p,), {"R": UNSEEN, "p": UNSEEN}),
    "cube": Masked(seen(R[n] * p[n] ** 3 * s), (p, s), {"R": UNSEEN, "p": UNSEEN}),
    "exponential": Masked(seen(exp(R[n] * s)), (s,), unseen),
    "inside of an exponential": Masked(over(exp(if_else(c[n] > 0, R[n] * s, 0)), n), (s,), unseen),
    "logarithm": Masked(seen(log(R[n] + s**2)), (s,), unseen),
    "quotient": Masked(seen(s / R[n] + p[n] / (R[n] - 3)), (s, p), unseen),
    "root": Masked(seen(sqrt(R[n] ** 2 + s**2)), (s,), unseen),
    "sine": Masked(seen(sin(R[n] * s) * p[n]), (s, p), unseen),
    "distance": Masked(seen(Abs(R[n] - s) * p[n]), (s, p), unseen),
    "difference of two": Masked(seen((R[n] - y[n]) * s + (R[n] - y[n]) ** 2 * s), (s,), {"R": UNSEEN, "y": UNSEEN}),
    "maximum of two": Masked(seen(Max(R[n], y[n]) * s), (s,), {"R": UNSEEN, "y": UNSEEN}),
    "power": Masked(seen(p[n] ** R[n]), (p,), {"R": UNSEEN, "p": UNSEEN}),
    "sum outside": Masked(seen(square + R[n] * s + p[n] ** 2 * y[n]), (s, p), {"R": UNSEEN, "y": UNSEEN}),
    "in a product": Masked(over(p[n] * if_else(c[n] > 0, square, 0) * q[n], n), (s, p), unseen),
    "square of the mask": Masked(over(if_else(c[n] > 0, R[n] * s, 0) ** 2 * p[n], n), (s, p), unseen),
    "mean of what is there": Masked(seen(R[n] * s**2) / seen(1), (s,), unseen),
    "used as a parameter elsewhere": Masked(seen(p[n] * R[n]) + over(p[n] ** 2, n), (p,), unseen),
    "probabilities": Masked(
        seen(p[n] * q[n], condition=q[n] > -oo) + over(exp(q[n]) * s, n), (p, s), {}
    ),
    # regressions
    "targets": Masked(seen((y[n] - linear) ** 2), (w,), {"y": UNSEEN}),
    "rows": Masked(seen((y[n] - linear) ** 2), (w,), {"y": UNSEEN, "X": np.repeat(UNSEEN[:, None], 2, axis=1)}),
    "named rows": Masked(
        seen((y[n] - eta[n]) ** 2 * s), (w, s), {"y": UNSEEN, "X": np.repeat(UNSEEN[:, None], 2, axis=1)},
        (Eq(eta[n], linear),),
    ),
    "counts": Masked(seen(exp(linear) - y[n] * linear + loggamma(y[n] + 1)), (w,), {"y": UNSEEN}),
    "classes": Masked(seen(y[n] * log_sigmoid(linear) + (1 - y[n]) * log_sigmoid(-linear)), (w,), {"y": UNSEEN}),
    "cells": Masked(over(if_else(c[n] > 0, if_else(X[n, k] > 0, 0, w[k] * X[n, k]), 0) ** 2, n, k), (w,), {"X": np.repeat(UNSEEN[:, None], 2, axis=1)}),
    "groups": Masked(seen((y[n] - theta[who[n]]) ** 2), (theta,), {"y": UNSEEN}),
    # factorisations
    "ratings": Masked(over(if_else(C[n, m] > 0, error**2, 0), n, m), (U, V), {"S": UNRATED}),
    "who rated nothing": Masked(
        over(if_else(C[n, m] > 0, featured**2, 0), n, m), (U,),
        {"S": UNRATED, "F": np.repeat(UNRATED.all(0)[:, None], 2, axis=1)},
    ),
    "biases": Masked(over(if_else(C[n, m] > 0, (S_[n, m] - p[n] - b) ** 2, 0), n, m), (p, b), {"S": UNRATED}),
    # reductions
    "maximum": Masked(MaxOver(if_else(c[n] > 0, R[n] * s, -oo), (n, 0, N - 1)) * s, (s,), unseen),
    "minimum": Masked(MinOver(if_else(c[n] > 0, R[n] ** 2 * s, oo), (n, 0, N - 1)) * s, (s,), unseen),
    "log-sum-exp": Masked(LogSumExp(if_else(c[n] > 0, R[n] * s, -oo), (n, 0, N - 1)), (s,), unseen),
    "log of a sum": Masked(log(seen(exp(R[n] * s))), (s,), unseen),
    "product over": Masked(Product(if_else(c[n] > 0, R[n] * s + p[n], 1), (n, 0, N - 1)), (s, p), unseen, (), {"hvp": False}),
    "softmax": Masked(
        over(softmax(if_else(c[n] > 0, R[n] * s, -oo), (n, 0, N - 1)) * p[n], n), (s, p), unseen
    ),
    "sum under a mask": Masked(
        over(if_else(c[n] > 0, Sum(S_[n, m] * s, (m, 0, M - 1)) ** 2, 0), n), (s,), {"S": np.repeat(UNSEEN[:, None], 3, axis=1)}
    ),
    "log-sum-exp under a mask": Masked(
        seen(LogSumExp(S_[n, m] * s, (m, 0, M - 1))), (s,), {"S": np.repeat(UNSEEN[:, None], 3, axis=1)}
    ),
    "softmax under a mask": Masked(
        over(if_else(c[n] > 0, softmax(S_[n, m] * s, (m, 0, M - 1)) * C[n, m], 0), n, m), (s,), {"S": np.repeat(UNSEEN[:, None], 3, axis=1)}
    ),
    # conditions on indices
    "triangle": Masked(over(if_else(j <= i, A[i, j] ** 2 * x[j], 0), i, j), (x, A), {"A": UPPER}),
    "range": Masked(Sum(A[i, j] ** 2 * x[j], (j, 0, i), (i, 0, N - 1)), (x, A), {"A": UPPER}),
    "off the diagonal": Masked(over(if_else(Ne(i, j), Abs(x[i] - x[j]) * A[i, j], 0), i, j), (x,), {"A": np.eye(4, dtype=bool)}),
    "pairs of two arrays": Masked(over(if_else(i < j, (x[i] * y[j]) ** 2, 0), i, j), (x,), {"x": np.arange(4) == 3, "y": np.arange(4) == 0}),
    "pairs": Masked(over(if_else(i < j, if_else(c[i] > 0, Abs(x[i] - x[j]) * y[i], 0), 0), i, j), (x,), {"y": UNSEEN}),
    "but the first": Masked(over(if_else(n > 0, R[n] * s + R[n] ** 2, s), n), (s,), {"R": np.arange(4) == 0}),
    "differences": Masked(over(if_else(n > 1, (R[n] - R[n - 1]) ** 2 * s, 0), n), (s,), {"R": np.arange(4) == 0}),
    # scalars
    "scalar": Masked(if_else(flag > 0, over(square, n), s**2), (s,), {"R": np.ones(4, bool)}),
    "scalar around a mask": Masked(if_else(flag < 0, seen(square), s**2), (s,), unseen),
    "sizes": Masked(over(if_else(n < N - 2, square, 0), n), (s,), {"R": np.arange(4) >= 2}),
    # weights that vanish, and others under masks
    "step": Masked(over(Heaviside(c[n] - S.Half) * square, n), (s,), unseen),
    "weights": Masked(
        over(Piecewise((1, kind[n] > 1), (2, kind[n] > 0), (0, True)) * square, n), (s,), {"R": INPUTS["kind"] == 0}
    ),
    "robust": Masked(
        over(if_else(Abs(R[n] - s) < 1, (R[n] - s) ** 2 / 2, Abs(R[n] - s) - S.Half) * if_else(c[n] > 0, 1, 0), n), (s,), unseen
    ),
    "maximum under a mask": Masked(
        seen(MaxOver(S_[n, m] * s, (m, 0, M - 1))), (s,), {"S": np.repeat(UNSEEN[:, None], 3, axis=1)}
    ),
    "determinants under a mask": Masked(seen(gram), (s,), {"B": np.repeat(UNSEEN, 4).reshape(4, 2, 2)}),
    "matrices": Masked(
        total(HadamardProduct(cm.applyfunc(step_of_mask), HadamardProduct(residual, residual))), (wm,), {"ym": UNSEEN[:, None]}
    ),
    "entries of matrices": Masked(
        seen(residual[n, 0] ** 2, condition=cm[n, 0] > 0), (wm,), {"ym": UNSEEN[:, None], "Xm": np.repeat(UNSEEN[:, None], 2, axis=1)}
    ),
    "labels beside the axis": Masked(over(KroneckerDelta(lab[n], m) * R[n] * V[m, k], n, m, k), (V,), unlabelled),
    "sums at labels": Masked(
        over(Sum(KroneckerDelta(lab[n], m) * R[n] * s, (n, 0, N - 1)) ** 2 * F[m, 0], m), (s,), unlabelled
    ),
    "labels": Masked(over(if_else(lab[n] >= 0, (R[n] - theta[lab[n]]) ** 2, 0), n), (theta,), unlabelled),
    "cumulative sums": Masked(over(Sum(if_else(c[j] > 0, R[j] * s, 0), (j, 0, n)) ** 2, n), (s,), unseen),
    "two masks": Masked(
        seen(z[n] ** 2) + over(if_else(q[n] > 1, z[n] * b, 0), n), (s, b), {"R": UNSEEN & (INPUTS["q"] <= 1)},
        (Eq(z[n], R[n] * s),),
    ),
    "a mask for each of a pair": Masked(
        over(if_else(And(c[i] > 0, c[j] > 0, Ne(i, j)), s / Abs(x[i] - x[j]), 0), i, j), (s, x), {"x": UNSEEN}
    ),
    "shares": Masked(seen(exp(R[n] * s) / Sum(if_else(c[j] > 0, exp(R[j] * s), 0), (j, 0, N - 1)) * p[n]), (s, p), unseen),
    "jacobian": Masked(
        over(z[n], n), (s, p), unseen, (Eq(z[n], if_else(c[n] > 0, exp(R[n] * s) * p[n] ** 2, s * p[n])),), three
    ),
    "jacobian of a regression": Masked(
        over(z[n] ** 2, n), (w,), {"X": np.repeat(UNSEEN[:, None], 2, axis=1), "y": UNSEEN},
        (Eq(z[n], if_else(c[n] > 0, (y[n] - linear) ** 2, 0)),), three,
    ),
    "windows that no delta chooses": Masked(
        over(KroneckerDelta(kind[n], 7) * over(E[n + k] * w[k], k) ** 2, n) + over(w[k] ** 2, k), (w,), {"E": np.ones(5, bool)}
    ),
    # the keys of masked attention, and their values: what has no share because of a condition is left out
    "keys": Masked(over(over(attention(c[j] > 0) * p[j], j) ** 2, i), (U,), {"X": ROWS, "p": UNSEEN}),
    "keys whose scores get −∞": Masked(
        over(over(softmax(scores + if_else(c[j] > 0, 0, -oo), (j, 0, N - 1)) * p[j], j) ** 2, i), (U,), {"X": ROWS, "p": UNSEEN}
    ),
    "keys of shares": Masked(
        over(over(exp(if_else(c[j] > 0, scores, -oo)) * p[j], j) / over(if_else(c[j] > 0, exp(scores), 0), j), i), (U,),
        {"X": ROWS, "p": UNSEEN},
    ),
    "keys of named shares": Masked(
        over(over(shares[i, j] * p[j], j) ** 2, i), (U,), {"X": ROWS, "p": UNSEEN},
        (Eq(shares[i, m], attention(c[j] > 0).subs(j, m)),),
    ),
    "values of sigmoids": Masked(over(sigmoid(if_else(c[n] > 0, R[n] * s, -oo)) * p[n], n), (s,), {"R": UNSEEN, "p": UNSEEN}),
    "values beside a logarithm of zero": Masked(
        over(over(softmax(log(if_else(c[j] > 0, y[j], 0)) + scores, (j, 0, N - 1)) * p[j], j) ** 2, i), (U,),
        {"X": ROWS, "p": UNSEEN, "y": UNSEEN},
    ),
    "keys before a query": Masked(
        over(if_else(j < i, over(U[i, k] * X[j, k], k) * p[j], 0), i, j), (U,), {"X": LAST_ROW, "p": LAST}
    ),
    "keys before a query, with shares": Masked(
        over(if_else(i > 0, over(attention(j < i) * p[j], j) ** 2, 0), i), (U,), {"X": LAST_ROW, "p": LAST}
    ),
    "values after a query": Masked(over(if_else(j > i, q[i] * w[0] * y[j], 0), i, j), (w,), {"y": np.arange(4) == 0, "q": LAST}),
    # names and recurrences
    "name": Masked(over(z[n] ** 2 * p[n], n), (s, p), unseen, (Eq(z[n], if_else(c[n] > 0, R[n] * s, p[n])),)),
    "names": Masked(
        seen(z[n] * eta[n]), (s,), {"R": UNSEEN, "y": UNSEEN}, (Eq(eta[n], R[n] * s), Eq(z[n], sin(eta[n]) + y[n] * s))
    ),
    "steps": Masked(
        h[T] ** 2 + over(h[t] * v[t], t), (a, b), {"f": SKIPPED},
        (Eq(h[0], b), Eq(h[t + 1], if_else(g[t] > 0, tanh(a * h[t] + f[t] * b), h[t]))), {"hvp": True},
    ),
    "sum of steps": Masked(
        over(if_else(g[t] > 0, (h[t] - f[t]) ** 2, 0), t), (a, b), {"f": SKIPPED},
        (Eq(h[0], b), Eq(h[t + 1], a * h[t] + b)), {"hvp": True},
    ),
}  # fmt: skip


def arguments(case: Masked, held: float | None = None) -> dict[str, Any]:
    """The inputs of a model by name, with `held` in all entries that are left out."""
    made = dict(INPUTS)
    for name, mask in case.left_out.items() if held is not None else ():
        made[name] = np.where(mask, held, made[name])
    return made


def results(case: Masked, module: Any, held: float | None = None) -> dict[str, np.ndarray]:
    """Everything that the functions of a module return, flattened, by a path."""
    given = arguments(case, held) | {str(size): length for size, length in SIZES.items()}
    found: dict[str, np.ndarray] = {}

    def put(path: str, part: Any) -> None:
        if hasattr(part, "to_dense"):
            found[path] = part.to_dense()
        elif isinstance(part, tuple):
            for name, inner in zip(getattr(part, "_fields", range(len(part))), part, strict=True):
                put(f"{path}.{name}", inner)
        else:
            found[path] = np.asarray(part)

    ones = tuple(np.ones(np.shape(given[name])) for name in module.PARAMETERS)
    functions = ["value", "gradient", "value_and_gradient", "hessian", "hessian_compact", "hessian_vector_product"]
    functions += [name for name in dir(module) if name.startswith("jacobian_")]
    for function in functions:
        if hasattr(module, function):
            taken = inspect.signature(getattr(module, function)).parameters
            read = {name: given[name] for name in taken if name in given} | (
                {"direction": ones} if "direction" in taken else {}
            )
            with np.errstate(all="raise"):
                put(function, getattr(module, function)(**read))
    return found


@pytest.mark.parametrize("name", one_in(27, CASES))
def test_what_is_left_out_contributes_nothing(name: str) -> None:
    case = CASES[name]
    module = Model(case.loss, list(case.parameters), where=list(case.where)).compile(check=False, **case.options)
    expected = results(case, module)
    assert all(np.isfinite(part).all() for part in expected.values())
    for held, number in HOSTILE.items():
        got = results(case, module, number)
        for path, part in expected.items():
            np.testing.assert_allclose(got[path], part, rtol=1e-14, err_msg=f"{held}: {path}")


def test_two_factors_that_are_zero_by_one_condition_do_not_rely_on_each_other():
    """(2 if c else 0)·exp(u if c else −∞): one of them has to stay zero where c does not hold."""
    M, k, j = symbols("M", integer=True, positive=True), *symbols("k j", integer=True)
    t, u = IndexedBase("t", shape=(M,)), IndexedBase("u", shape=(M,))
    later = t[j] >= t[k]
    kept = Sum(if_else(later, 2, 0) * exp(if_else(later, u[j], -oo)), (j, 0, M - 1))
    module = Model(Sum(kept**2, (k, 0, M - 1)), [u]).compile(check=False)
    times, scores = np.array([3.0, 1.0, 2.0, 2.0]), np.array([1.0, -2.0, 0.0, 1.5])
    sums = 2 * ((times >= times[:, None]) * np.exp(scores)).sum(axis=1)
    np.testing.assert_allclose(module.value(u=scores, t=times), (sums**2).sum(), rtol=1e-14)


N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
w, x, y = (IndexedBase(name, shape=(side,)) for name, side in (("w", N), ("x", M), ("y", N)))
labels = IndexedBase("labels", shape=(N,), integer=True)
APART = {
    "factor": Sum(if_else(w[n] > 0, y[n] * Sum(x[m] ** 2, (m, 0, M - 1)), 0), (n, 0, N - 1)),
    "array": Sum(if_else(w[n] > 0, y[n] * x[m], 0), (n, 0, N - 1), (m, 0, M - 1)),
    "square": Sum(if_else(w[n] > 0, (y[n] - y[n] * Sum(x[m], (m, 0, M - 1))) ** 2, 0), (n, 0, N - 1)),
    "delta": Sum(KroneckerDelta(labels[n], 1) * y[n] * Sum(x[m], (m, 0, M - 1)), (n, 0, N - 1)),
}


@pytest.mark.parametrize("name", APART)
def test_data_that_share_no_index_with_a_condition_are_left_out_where_it_never_holds(name: str) -> None:
    """Σₙ [wₙ > 0]·yₙ·Σₘ xₘ² is 0 if no w is above 0, whatever x is; else the x that are there count."""
    module = Model(APART[name], [y]).compile(check=False, hvp=True)
    given = {"w": np.array([-1.0, 0.0]), "labels": np.array([0, 2])}
    y_is = np.array([1.0, 2.0])
    read = {key: value for key, value in given.items() if key in module.ARGUMENTS}
    for held in (np.nan, np.inf, 1e200):
        data = {**read, "x": np.array([held, 1.0])}
        with np.errstate(all="raise"):
            value, gradient = module.value_and_gradient(y=y_is, **data)
            assert value == 0 and not np.any(gradient.y)
            assert not np.any(module.hessian_vector_product((y_is,), y=y_is, **data).y)
    there = {key: np.array([0, 1]) if key == "labels" else np.array([0.0, 1.0]) for key in read}
    assert np.isnan(module.value(y=y_is, x=np.array([np.nan, 1.0]), **there))


LEFT = {
    "risk sets": Sum(
        if_else(c[i] > 0, x[i] - log(Sum(if_else(y[j] >= y[i], exp(x[j]), 0), (j, 0, N - 1))), 0), (i, 0, N - 1)
    ),
    "squares": Sum(if_else(c[i] > 0, Sum(if_else(y[j] >= y[i], x[j] ** 2, 0), (j, 0, N - 1)) ** 2, 0), (i, 0, N - 1)),
    "largest": Sum(if_else(c[i] > 0, MaxOver(if_else(y[j] >= y[i], x[j], -oo), (j, 0, N - 1)) ** 2, 0), (i, 0, N - 1)),
}


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("held", HOSTILE.values(), ids=HOSTILE)
def test_what_only_groups_read_that_are_left_out(name: str, held: float) -> None:
    """Cox's sum over j with y[j] >= y[i] of those i that have an event: a j before all of them is in none.

    What is expected is what the module says of the data without these rows.
    """
    M, m = symbols("M", integer=True, positive=True), symbols("m", integer=True)
    Z, beta = IndexedBase("Z", shape=(N, M)), IndexedBase("beta", shape=(M,))
    scores = LEFT[name].replace(lambda part: getattr(part, "base", None) == x, lambda part: _score(Z, beta, m, part))
    module = Model(scores, [beta]).compile(check=False, hvp=True, hessian=True)
    data = {"c": np.array([1.0, 0, 1, 0, 0]), "y": np.array([2.0, 1.5, 3, 3, 0.5]), "Z": rng.normal(size=(5, 2))}
    seen = np.array([0, 2, 3])
    right = {key: array[seen] for key, array in data.items()}
    data["Z"][[1, 4]] = held
    at, direction = np.array([0.3, -0.8]), np.array([1.0, 2.0])
    with np.errstate(all="raise"):
        value, (slope,) = module.value_and_gradient(beta=at, **data)
        assert value == pytest.approx(module.value(beta=at, **right), rel=1e-14)
        np.testing.assert_allclose(slope, module.gradient(beta=at, **right).beta, rtol=1e-13)
        for function in (module.hessian, lambda **given: module.hessian_vector_product((direction,), **given)):
            found, expected = (function(beta=at, **given) for given in (data, right))
            while isinstance(found, tuple):
                found, expected = found[0], expected[0]
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def _score(Z: Any, beta: Any, m: Any, part: Any) -> Any:
    return Sum(Z[part.indices[0], m] * beta[m], (m, 0, Z.shape[1] - 1))
