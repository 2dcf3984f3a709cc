"""Names with an equation for each entry: put together right, in any order, and what is missing is named."""

from functools import cache

import numpy as np
import pytest
from sympy import Determinant, Eq, IndexedBase, MatrixSymbol, Sum, Symbol, cos, sin, symbols

from symgrad import Model, ModelError
from tests.families import one_in

N, T = symbols("N T", integer=True, positive=True)
i, j, k, n, t = symbols("i j k n t", integer=True)
u, v = symbols("u v", real=True)
a, x = IndexedBase("a", shape=(N,)), IndexedBase("x", shape=(N, 2))
c, R, A = IndexedBase("c", shape=(N, 2)), IndexedBase("R", shape=(N, 2, 2)), IndexedBase("A", shape=(2, 2))
h, y = IndexedBase("h", shape=(T, 2)), IndexedBase("y", shape=(T, 2))
H, column = MatrixSymbol("H", 2, 2), MatrixSymbol("column", 3, 1)

TURN = [
    Eq(R[n, 1, 0], sin(a[n])), Eq(R[n, 0, 0], cos(a[n])), Eq(R[n, 0, 1], -sin(a[n])), Eq(R[n, 1, 1], cos(a[n]))
]  # fmt: skip
TURNED = Sum((i + 1) * Sum(R[n, i, j] * x[n, j], (j, 0, 1)) ** 2 * (n + 1), (i, 0, 1), (n, 0, N - 1))
STEPS = [Eq(h[t, 1], h[t - 1, 1] - v * sin(h[t - 1, 0])), Eq(h[t, 0], h[t - 1, 0] + u * h[t - 1, 1])]
PENDULUM = Sum((h[t, i] - y[t, i]) ** 2, (i, 0, 1), (t, 0, T - 1))

MODELS = {
    "a vector": lambda: Model(column[0, 0] * v + column[2, 0] ** 2, [u, v], where=[
        Eq(column[1, 0], u), Eq(column[0, 0], u * v), Eq(column[2, 0], 2),
    ]),
    "a matrix": lambda: Model(Determinant(H) * v, [u, v], where=[
        Eq(H[1, 1], u * v), Eq(H[0, 0], cos(u)), Eq(H[1, 0], 0), Eq(H[0, 1], 1),
    ]),
    "a constant beside": lambda: Model(Sum(c[n, i] ** 2 * a[n], (i, 0, 1), (n, 0, N - 1)), [a, u], where=[
        Eq(c[n, 1], u), Eq(c[n, 0], a[n] * u),
    ]),
    "rotations": lambda: Model(TURNED, [a, x], where=TURN),
    "other names of an index": lambda: Model(TURNED, [a, x], where=[*TURN[:3], Eq(R[k, 1, 1], cos(a[k]))]),
    "a row beside entries": lambda: Model(Sum(A[i, j] ** 2 * (i + 2 * j), (i, 0, 1), (j, 0, 1)), [u], where=[
        Eq(A[0, 0], u), Eq(A[1, j], sin(u * j + 1)), Eq(A[0, 1], u**2),
    ]),
    "of a recurrence": lambda: Model(PENDULUM, [u, v], where=[Eq(h[0, 1], v), *STEPS, Eq(h[0, 0], u)]),
    "one base case": lambda: Model(PENDULUM, [u, v], where=[*STEPS, Eq(h[0, k], u * k + 1)]),
    "base cases of a whole": lambda: Model(PENDULUM, [u, v], where=[
        Eq(h[0, 1], v), Eq(h[t, k], h[t - 1, 1 - k] * u), Eq(h[0, 0], u),
    ]),
    "all but one": lambda: Model(Sum(A[i, j] * (i + 2 * j), (i, 0, 1), (j, 0, 1)), [u], where=[
        Eq(A[0, 0], u), Eq(A[i, j], u * j), Eq(A[0, 1], u**2),
    ]),
}  # fmt: skip
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_entries_make_one_array(name):
    model = MODELS[name]()
    report = model.check(hvp=True)  # value against mpmath, which looks each entry's equation up by itself
    assert report.ok, report
    assert model.show() and model.show("latex")


def test_rotations_by_hand():
    module = MODELS["rotations"]().compile(check=False)
    angles, points = np.array([0.3, -1.0, 2.0]), np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])
    turned = np.stack([
        np.cos(angles) * points[:, 0] - np.sin(angles) * points[:, 1],
        np.sin(angles) * points[:, 0] + np.cos(angles) * points[:, 1],
    ], axis=1)  # fmt: skip
    weights = np.arange(1, 4)[:, None] * np.array([1, 2])
    value, slope = module.value_and_gradient(angles, points)
    np.testing.assert_allclose(value, np.sum(weights * turned**2), rtol=1e-14)
    around = np.stack([-turned[:, 1], turned[:, 0]], axis=1)
    np.testing.assert_allclose(slope.a, np.sum(2 * weights * turned * around, axis=1), rtol=1e-13)


def test_a_small_array_of_entries_is_written_as_one():
    assert "H = np.array([[np.cos(u), 1], [0, v * u]], dtype=u.dtype)" in MODELS["a matrix"]().source()


WRONG = {
    "missing": ([Eq(A[0, 0], u), Eq(A[1, 0], u)], r"A has no equation for A\[0, 1\], A\[1, 1\]"),
    "a missing row": ([Eq(A[1, j], u)], r"A has no equation for A\[0, :\]"),
    "one of a row": ([Eq(A[0, j], u), Eq(A[1, 1], u)], r"A has no equation for A\[1, 0\]"),
    "twice": ([Eq(A[0, 0], u), Eq(A[0, 1], u), Eq(A[0, 0], v), Eq(A[1, j], 1)], r"A\[0, 0\] a second time"),
    "beyond": ([Eq(A[0, 0], u), Eq(A[0, 2], u)], r"A\[0, 2\] = ...: the subscript 2 is beyond the axis"),
    "an index of another equation": (
        [Eq(A[0, j], u * j), Eq(A[1, 0], u * j), Eq(A[1, 1], u)], "the index j is free where it must not be",
    ),
    "entries of itself": ([Eq(A[0, 0], u), Eq(A[0, 1], A[0, 0]), Eq(A[1, j], 1)], "refers to itself"),
    "an index that is something else": (
        [Eq(A[0, j], u), Eq(A[1, k], k * Symbol("j", integer=True))], "write j for k on its left side",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_array_is_refused(name):
    where, message = WRONG[name]
    with pytest.raises(ModelError, match=message):
        Model(A[0, 0] * v, [u, v], where=where)


def test_components_without_a_shape_are_refused():
    bare = IndexedBase("bare")
    with pytest.raises(ModelError, match=r"bare has no shape; write IndexedBase\('bare', shape="):
        Model(bare[0] * bare[1], [u], where=[Eq(bare[0], u), Eq(bare[1], u**2)])
