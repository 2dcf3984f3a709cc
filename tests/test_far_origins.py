"""Models of differences, with positions far from the origin: the loss is the same there, and so are its digits.

Positions are multiples of 1/16, exact in single precision also with 2¹⁹ added (coordinates of maps in metres), where a
product of a position with a weight is rounded to more than a hundredth of what is left of differences.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sympy import Abs, Eq, Expr, IndexedBase, Mod, Rational, Sum, cos, cosh, exp, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else, softplus
from tests.families import one_in

N, K, D = symbols("N K D", integer=True, positive=True)
i, j, k, d = symbols("i j k d", integer=True)
x, y, c = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,)), IndexedBase("c", shape=(K,))
X, C = IndexedBase("X", shape=(N, D)), IndexedBase("C", shape=(K, D))
m, s = symbols("m s", positive=True)

EACH, PAIRS = [(i, 0, N - 1)], [(i, 0, N - 1), (j, 0, N - 1)]
BETWEEN = Sum((X[i, d] - X[j, d]) ** 2, (d, 0, D - 1))
FROM_CENTRES = Sum((X[i, d] - C[k, d]) ** 2, (d, 0, D - 1))

MODELS: dict[str, tuple[Expr, list[Any]]] = {
    "Cauchy": (Sum(log(1 + ((x[i] - m) / s) ** 2), *EACH), [m, s]),
    "logistic": (Sum((x[i] - m) / s + 2 * log(1 + exp(-(x[i] - m) / s)) + log(s), *EACH), [m, s]),
    "Huber": (Sum(if_else(Abs(x[i] - m) < 1, (x[i] - m) ** 2 / 2, Abs(x[i] - m) - Rational(1, 2)), *EACH), [m]),
    "log cosh": (Sum(log(cosh(x[i] - m)), *EACH), [m]),
    "centred": (Sum(log(1 + (x[i] - Sum(x[j], (j, 0, N - 1)) / N) ** 2), *EACH), [x]),
    "chain": (Sum(sqrt(1 + (x[i] - x[i - 1]) ** 2), (i, 1, N - 1)), [x]),
    "ring": (Sum((x[i] - x[Mod(i - 1, N)]) ** 4, *EACH), [x]),
    "springs": (Sum((sqrt(BETWEEN + 1) - 2) ** 2, *PAIRS), [X]),
    "neighbours": (log(Sum(if_else(Eq(i, j), 0, 1 / (1 + BETWEEN)), *PAIRS)), [X]),
    "kernel": (Sum(y[i] * y[j] * exp(-((x[i] - x[j]) ** 2) / (2 * s**2)), *PAIRS), [x, s]),
    "weights": (Sum(y[i] * y[j] * (x[i] - x[j]) ** 2, *PAIRS), [x]),
    "waves": (Sum(1 - cos(x[i] - x[j]), *PAIRS), [x]),
    "contrast": (Sum(LogSumExp(-((x[i] - x[j]) ** 2), (j, 0, N - 1)), *EACH), [x]),
    "triplets": (
        Sum(
            softplus(
                Sum((X[i, d] - X[i - 1, d]) ** 2, (d, 0, D - 1)) - Sum((X[i, d] - X[i - 2, d]) ** 2, (d, 0, D - 1))
            ),
            (i, 2, N - 1),
        ),
        [X],
    ),
    "clusters": (-Sum(log(Sum(exp(-FROM_CENTRES / 2), (k, 0, K - 1))), *EACH), [C]),
    "clusters on a line": (-Sum(log(Sum(exp(-((x[i] - c[k]) ** 2) / (2 * s**2)), (k, 0, K - 1))), *EACH), [c, s]),
    "radial functions": (Sum((y[i] - Sum(exp(-((x[i] - c[k]) ** 2)), (k, 0, K - 1))) ** 2, *EACH), [c]),
    "ranges": (Sum((sqrt(FROM_CENTRES) - 1) ** 2, *EACH, (k, 0, K - 1)), [C]),
}

NEAR: dict[str, Any] = {
    "x": np.array([0.25, -0.25, 1.25, 0.1875, -1.0625, 0.75]),
    "y": np.array([1.0, -0.5, 0.25, 2.0, 0.75, -1.5]),
    "X": np.array([[2.625, 1.875], [0.1875, -0.3125], [-2.5, 0.875], [-1.4375, -1.25], [0.75, 2.0], [3.0, 0.5]]),
    "C": np.array([[-1.5, 0.5], [0.25, 2.0], [1.125, -0.75]]),
    "c": np.array([-1.5, 0.5, 2.25]),
    "m": 0.25,
    "s": 1.5,
}
MOVED = {"x", "X", "C", "c", "m"}


def answers(module: Any, given: Mapping[str, Any], kind: type[Any]) -> list[Any]:
    """Value, gradient and the product of the Hessian with a direction, as flat vectors."""
    arrays = {name: np.asarray(given[name], dtype=kind) for name in module.ARGUMENTS}
    directions = [np.arange(np.size(NEAR[name])).reshape(np.shape(NEAR[name])) - 1 for name in module.PARAMETERS]
    value, gradient = module.value_and_gradient(**arrays)
    product = module.hessian_vector_product(tuple(along.astype(kind) for along in directions), **arrays)
    return [np.ravel(value), *(np.concatenate([np.ravel(part) for part in found]) for found in (gradient, product))]


@pytest.mark.parametrize("name", one_in(8, MODELS))
def test_digits_are_those_near_the_origin(name):
    loss, parameters = MODELS[name]
    module = Model(loss, parameters).compile(check=False, hvp=True)
    far = {name: array + 2.0**19 if name in MOVED else array for name, array in NEAR.items()}
    expected = answers(module, NEAR, np.float64)
    for kind, most in ((np.float64, 1e-13), (np.float32, 5e-6)):
        for found, right in zip(answers(module, far, kind), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=0, atol=most * np.abs(right).max())
