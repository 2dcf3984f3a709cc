"""Sequences of several lengths in one array: what stands beyond the end of one contributes nothing, whatever it is.

The loss leaves the steps beyond the end out; the recurrence itself runs over all of them. Values, gradients and
Hessian-vector products have to be those of the same data with ordinary numbers beyond the ends, without a complaint
from NumPy, and the gradient is compared with central differences besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sympy import And, Eq, IndexedBase, KroneckerDelta, Sum, exp, log, sin, symbols, tanh

from symgrad import LogSumExp, Model, if_else, sigmoid
from tests.families import one_in

N, T, D, K = symbols("N T D K", integer=True, positive=True)
n, t, d, i, j, k = symbols("n t d i j k", integer=True)
a, b, w0 = symbols("a b w0", real=True)
L = IndexedBase("L", shape=(N,), integer=True)
x, r, o = (IndexedBase(name, shape=shape) for name, shape in {"x": (N, T, D), "r": (N, T), "o": (N, T, K)}.items())
y = IndexedBase("y", shape=(N, T, K))
U, W, V, P = (
    IndexedBase(name, shape=shape) for name, shape in {"U": (D, K), "W": (K, K), "V": (D, K), "P": (K, K)}.items()
)
start = IndexedBase("start", shape=(K,))

LENGTHS = np.array([5, 2, 1, 4])
SIZES = {N: 4, T: 5, D: 2, K: 3}
rng = np.random.default_rng(7)
INPUTS: dict[str, Any] = {
    "L": LENGTHS, "x": rng.normal(size=(4, 5, 2)), "r": rng.normal(size=(4, 5)), "o": rng.normal(size=(4, 5, 3)),
    "y": rng.normal(size=(4, 5, 3)), "U": rng.normal(size=(2, 3)), "V": rng.normal(size=(2, 3)),
    "W": rng.normal(size=(3, 3)) / 2, "P": rng.normal(size=(3, 3)) / 2, "start": rng.normal(size=3),
    "a": 0.1, "b": 0.7, "w0": 0.3,
}  # fmt: skip
INPUTS |= {"g": np.where(np.arange(5) < LENGTHS[:, None], [3.0, 0, 1, 3, 1], 0), "drift": rng.normal(size=6)}
INPUTS["g"][np.arange(4), LENGTHS - 1] = 1
INPUTS["which"] = 2 * (INPUTS["g"] > 0)
BEYOND = np.arange(5) >= LENGTHS[:, None]


@dataclass(frozen=True)
class Padded:
    """A model of sequences; `padded` are the data that end, and which of their entries are beyond the ends."""

    loss: Any
    parameters: tuple[Any, ...]
    where: tuple[Any, ...]
    padded: Mapping[str, Any]


def over(body: Any, *indices: Any) -> Any:
    lengths = {n: N, t: T, d: D, j: K, k: K}
    return Sum(body, *[(index, 0, lengths[index] - 1) for index in indices])


def state(name: str, later: int = 1) -> Any:
    return IndexedBase(name, shape=(N, T + later, K))


h, c, h0 = state("h"), state("c"), state("h", 0)
v = IndexedBase("v", shape=(N, T + 1))
u = IndexedBase("u", shape=(N, T + 2))
alpha, v0, g = IndexedBase("alpha", shape=(N, T, K)), IndexedBase("v0", shape=(N, T)), IndexedBase("g", shape=(N, T))
e = IndexedBase("e", shape=(N, T))
which, walk = IndexedBase("which", shape=(N, T), integer=True), IndexedBase("walk", shape=(T + 2,))
drift = IndexedBase("drift", shape=(T + 1,))
within = t < L[n]


def layer(read: Any, inputs: Any, weights: Any) -> Any:
    return over(read * weights, j) + over(x[n, t, d] * inputs[d, k], d)


CASES = {
    "layer": Padded(
        over(if_else(within, (h[n, t + 1, k] - y[n, t, k]) ** 2, 0), n, t, k), (U, W),
        (Eq(h[n, 0, k], 0), Eq(h[n, t + 1, k], tanh(layer(h[n, t, j], U, W[j, k])))), {"x": BEYOND, "y": BEYOND},
    ),
    "the same at the step itself": Padded(
        over(if_else(within, (h0[n, t, k] - y[n, t, k]) ** 2, 0), n, t, k), (U, W, start),
        (Eq(h0[n, 0, k], start[k] + over(x[n, 0, d] * U[d, k], d)),
         Eq(h0[n, t, k], tanh(layer(h0[n, t - 1, j], U, W[j, k])))), {"x": BEYOND, "y": BEYOND},
    ),
    "the condition the other way": Padded(
        over(if_else(L[n] <= t, 0, (h[n, t + 1, k] - y[n, t, k]) ** 2), n, t, k), (U, W),
        (Eq(h[n, 0, k], 0), Eq(h[n, t + 1, k], tanh(layer(h[n, t, j], U, W[j, k])))), {"x": BEYOND, "y": BEYOND},
    ),
    "cells and outputs": Padded(
        over(if_else(within, (h[n, t + 1, k] - y[n, t, k]) ** 2, 0), n, t, k), (U, W, V, P),
        (Eq(h[n, 0, k], 0), Eq(c[n, 0, k], 0),
         Eq(c[n, t + 1, k], c[n, t, k] * sigmoid(layer(h[n, t, j], U, W[j, k])) + tanh(layer(h[n, t, j], V, P[j, k]))),
         Eq(h[n, t + 1, k], tanh(c[n, t + 1, k]))), {"x": BEYOND, "y": BEYOND},
    ),
    "variances": Padded(
        over(if_else(within, log(v[n, t]) + r[n, t] ** 2 / v[n, t], 0), n, t), (a, b, w0),
        (Eq(v[n, 0], 1), Eq(v[n, t + 1], exp(w0) + a**2 * r[n, t] ** 2 + b**2 * v[n, t])), {"r": BEYOND},
    ),
    "added without a factor": Padded(
        over(if_else(within, v[n, t + 1] ** 2, 0), n, t), (a,),
        (Eq(v[n, 0], 1), Eq(v[n, t + 1], a * v[n, t] + r[n, t])), {"r": BEYOND},
    ),
    "two steps back": Padded(
        over(if_else(within, (u[n, t + 2] - r[n, t]) ** 2, 0), n, t), (a, b),
        (Eq(u[n, 0], 0), Eq(u[n, 1], 1), Eq(u[n, t + 2], a * u[n, t + 1] + b * sin(u[n, t]) * r[n, t])), {"r": BEYOND},
    ),
    "read before and after the step": Padded(
        over(if_else(within, v[n, t + 1] ** 2 + v[n, t] * r[n, t], 0), n, t), (a,),
        (Eq(v[n, 0], 1), Eq(v[n, t + 1], a * v[n, t] + r[n, t])), {"r": BEYOND},
    ),
    "paths": Padded(
        over(if_else(within, LogSumExp(alpha[n, t, k], (k, 0, K - 1)), 0), n, t), (W, start),
        (Eq(alpha[n, 0, k], start[k] + o[n, 0, k]),
         Eq(alpha[n, t, k], o[n, t, k] + LogSumExp(alpha[n, t - 1, j] + W[j, k], (j, 0, K - 1)))), {"o": BEYOND},
    ),
    "a mask of the steps that count": Padded(
        over(if_else(g[n, t] > 0, (v[n, t + 1] - r[n, t]) ** 2, 0), n, t), (a, b),
        (Eq(v[n, 0], b), Eq(v[n, t + 1], tanh(a * v[n, t] + r[n, t] * b))), {"r": BEYOND},
    ),
    "a delta of the steps that count, and cells": Padded(
        over(KroneckerDelta(which[n, t], 2) * (h[n, t + 1, k] - y[n, t, k]) ** 2, n, t, k), (U, W, V, P),
        (Eq(h[n, 0, k], 0), Eq(c[n, 0, k], 0),
         Eq(c[n, t + 1, k], c[n, t, k] * sigmoid(layer(h[n, t, j], U, W[j, k])) + tanh(layer(h[n, t, j], V, P[j, k]))),
         Eq(h[n, t + 1, k], tanh(c[n, t + 1, k]))), {"x": BEYOND, "y": BEYOND},
    ),
    "two masks": Padded(
        over(if_else(g[n, t] > 0, v[n, t + 1] ** 2, 0) + if_else(And(within, g[n, t] > 2), v[n, t] * r[n, t], 0), n, t),
        (a, b), (Eq(v[n, 0], b), Eq(v[n, t + 1], tanh(a * v[n, t] + log(r[n, t] ** 2 + b)))), {"r": BEYOND},
    ),
    "the state at the end": Padded(
        over(h[n, L[n], k] * start[k], n, k) ** 2, (U, W),
        (Eq(h[n, 0, k], 0), Eq(h[n, t + 1, k], tanh(layer(h[n, t, j], U, W[j, k])))), {"x": BEYOND},
    ),
    "the last state": Padded(
        over(v0[n, L[n] - 1] ** 2, n), (a, b),
        (Eq(v0[n, 0], b * r[n, 0]), Eq(v0[n, t], tanh(a * v0[n, t - 1] + r[n, t] * b))), {"r": BEYOND},
    ),
    "the last of some": Padded(
        over(if_else(L[n] > 1, v[n, L[n]] ** 2, 0), n), (a, b),
        (Eq(v[n, 0], b), Eq(v[n, t + 1], tanh(a * v[n, t] + r[n, t] * b))),
        {"r": BEYOND | (LENGTHS < 2)[:, None]},
    ),
    "paths to the end": Padded(
        over(LogSumExp(alpha[n, L[n] - 1, k], (k, 0, K - 1)), n), (W, start),
        (Eq(alpha[n, 0, k], start[k] + o[n, 0, k]),
         Eq(alpha[n, t, k], o[n, t, k] + LogSumExp(alpha[n, t - 1, j] + W[j, k], (j, 0, K - 1)))), {"o": BEYOND},
    ),
    "one sequence, looked up at several times": Padded(
        over(walk[L[n]] ** 2, n), (a,), (Eq(walk[0], 1), Eq(walk[t + 1], tanh(a * walk[t] + drift[t]))),
        {"drift": np.arange(6) >= 5},
    ),
    "a mask from the end": Padded(
        over(if_else(g[n, t] <= 0, v[n, t] ** 2, 0), n, t), (a,),
        (Eq(v[n, T], 1), Eq(v[n, t], a * v[n, t + 1] + r[n, t])), {"r": np.cumsum(INPUTS["g"] <= 0, axis=1) == 0},
    ),
    "all earlier entries": Padded(
        over(if_else(within, v0[n, t] ** 2, 0), n, t), (a, b),
        (Eq(v0[n, 0], b), Eq(v0[n, t], a * r[n, t] + Sum(v0[n, i] * r[n, t - i], (i, 0, t - 1)))), {"r": BEYOND},
    ),
    "all earlier entries of vectors, up to the last that a mask has": Padded(
        over(if_else(g[n, t] > 0, (h0[n, t, k] - y[n, t, k]) ** 2, 0), n, t, k), (W, start),
        (Eq(h0[n, 0, k], start[k]),
         Eq(h0[n, t, k], tanh(over(Sum(h0[n, i, j] * r[n, t - i], (i, 0, t - 1)) * W[j, k], j) + o[n, t, k]))),
        {"r": BEYOND, "o": BEYOND, "y": (INPUTS["g"] <= 0)},
    ),
    "weights of what comes before": Padded(
        over(if_else(within, (Sum(if_else(i <= t, exp(a * r[n, i]) * r[n, i], 0), (i, 0, T - 1))
                              / Sum(if_else(i <= t, exp(a * r[n, i]), 0), (i, 0, T - 1)) - r[n, t]) ** 2, 0), n, t),
        (a,), (), {"r": BEYOND},
    ),
    "two that need all earlier entries": Padded(
        over(if_else(within, v0[n, t] * e[n, t], 0), n, t), (a, b),
        (Eq(v0[n, 0], b), Eq(e[n, 0], a), Eq(v0[n, t], sin(e[n, t - 1]) + r[n, t] * a),
         Eq(e[n, t], Sum(v0[n, i] * r[n, t - i], (i, 0, t)))), {"r": BEYOND},
    ),
    "all later entries": Padded(
        over(if_else(t >= L[n], v0[n, t] ** 2, 0), n, t), (a, b),
        (Eq(v0[n, T - 1], b), Eq(v0[n, t], r[n, t] + a * Sum(v0[n, i] * r[n, t], (i, t + 1, T - 1)))), {"r": ~BEYOND},
    ),
    "from the end": Padded(
        over(if_else(t >= L[n], v[n, t] ** 2, 0), n, t), (a,),
        (Eq(v[n, T], 1), Eq(v[n, t], a * v[n, t + 1] + r[n, t])), {"r": ~BEYOND},
    ),
}  # fmt: skip


def results(case: Padded, module: Any, held: float | None) -> list[Any]:
    given = dict(INPUTS)
    for name, left_out in case.padded.items() if held is not None else ():
        given[name] = INPUTS[name].copy()
        given[name][left_out] = held
    taken = {name: given[name] for name in module.ARGUMENTS}
    directions = tuple(
        np.cos(np.arange(np.size(given[name]))).reshape(np.shape(given[name])) for name in module.PARAMETERS
    )
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(**taken)
        product = module.hessian_vector_product(**taken, direction=directions)
        return [value, module.value(**taken), *gradient, *module.gradient(**taken), *product]


@pytest.mark.parametrize("name", one_in(12, CASES))
def test_what_is_beyond_the_end_contributes_nothing(name: str) -> None:
    case = CASES[name]
    module = Model(case.loss, list(case.parameters), where=list(case.where)).compile(check=False, hvp=True)
    expected = results(case, module, None)
    for held in (np.nan, np.inf, 1e200):
        for got, wanted in zip(results(case, module, held), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)
    taken = {name: INPUTS[name] for name in module.ARGUMENTS}
    for parameter, slope in zip(module.PARAMETERS, module.gradient(**taken), strict=True):
        ones = np.ones(np.shape(taken[parameter]))
        up, down = (module.value(**taken | {parameter: taken[parameter] + step * ones}) for step in (1e-5, -1e-5))
        np.testing.assert_allclose(np.sum(slope), (up - down) / 2e-5, rtol=1e-6)
