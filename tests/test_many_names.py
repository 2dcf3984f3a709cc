"""Second derivatives through matrices that are stated entry by entry, whose terms multiply from name to name."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, sqrt, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
n, m, i, d, e = symbols("n m i d e", integer=True)
P, Y = IndexedBase("P", shape=(N, 3)), IndexedBase("Y", shape=(N, 3))


def entries(h):
    """A rotation by a quaternion, row by row."""
    a, b, c, s = (h(axis) for axis in range(4))
    return [
        [1 - 2 * (c * c + s * s), 2 * (b * c - a * s), 2 * (b * s + a * c)],
        [2 * (b * c + a * s), 1 - 2 * (b * b + s * s), 2 * (c * s - a * b)],
        [2 * (b * s - a * c), 2 * (c * s + a * b), 1 - 2 * (b * b + c * c)],
    ]


def one_rotation() -> Model:
    q, h, r = IndexedBase("q", shape=(4,)), IndexedBase("h", shape=(4,)), IndexedBase("R", shape=(3, 3))
    length = symbols("length", real=True)
    where = [Eq(length, sqrt(Sum(q[i] ** 2, (i, 0, 3)))), Eq(h[i], q[i] / length)]
    where += [Eq(r[a, b], entry) for a, row in enumerate(entries(lambda k: h[k])) for b, entry in enumerate(row)]
    moved = Sum(r[d, e] * P[n, e], (e, 0, 2)) - Y[n, d]
    return Model(Sum(moved**2, (d, 0, 2), (n, 0, N - 1)), [q], where=where)


def several_rotations() -> Model:
    q, h, r = IndexedBase("q", shape=(M, 4)), IndexedBase("h", shape=(M, 4)), IndexedBase("R", shape=(M, 3, 3))
    where = [Eq(h[m, i], q[m, i] / sqrt(Sum(q[m, d] ** 2, (d, 0, 3))))]
    rows = enumerate(entries(lambda k: h[m, k]))
    where += [Eq(r[m, a, b], entry) for a, row in rows for b, entry in enumerate(row)]
    moved = Sum(r[m, d, e] * P[n, e], (e, 0, 2)) - Y[n, d]
    return Model(Sum(moved**2, (d, 0, 2), (n, 0, N - 1), (m, 0, M - 1)), [q], where=where)


def compared(model: Model, q: np.ndarray) -> np.ndarray:
    """The Hessian, which has to agree with differences of the gradient."""
    module = model.compile(check=False, hessian=True)
    data = {"P": np.array([[1.0, 2, 3], [0.5, -1, 2]]), "Y": np.array([[0.5, -1, 2], [1.0, 2, 3]])}
    found = np.asarray(module.hessian(q=q, **data).q.q).reshape(q.size, q.size)
    step = 1e-5
    for k in range(q.size):
        move = step * np.eye(q.size)[k].reshape(q.shape)
        above, below = (np.ravel(module.gradient(q=q + s * move, **data)) for s in (1, -1))
        error = np.max(np.abs(found[k] - (above - below) / (2 * step)))
        assert error < 1e-7 * np.max(np.abs(found)), (k, error)
    return found


@pytest.mark.long
def test_a_rotation_has_a_hessian() -> None:
    model = one_rotation()
    compared(model, np.array([0.9, 0.1, -0.3, 0.2]))
    assert len(model.source(hessian=True)) < 60_000


@pytest.mark.long
def test_the_hessian_of_several_rotations_keeps_its_diagonal() -> None:
    model = several_rotations()
    found = compared(model, np.array([[0.9, 0.1, -0.3, 0.2], [0.2, 0.4, 0.1, -1.0]]))
    assert not found[:4, 4:].any()
    assert "hessian_compact" in model.source(hessian=True)
