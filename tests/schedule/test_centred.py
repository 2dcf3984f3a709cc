"""The derivative of a softmax keeps its digits where one share is near 1; what is right is the formula at 50 digits."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, symbols

from symgrad import Model, softmax

N, K, D = symbols("N K D", integer=True, positive=True)
n, k, j, d = symbols("n k j d", integer=True)
z, g, p = (IndexedBase(name, shape=(N, K)) for name in "zgp")
X, W, V = IndexedBase("X", shape=(N, D)), IndexedBase("W", shape=(D, K)), IndexedBase("V", shape=(K,))
over, both = (k, 0, K - 1), [(n, 0, N - 1), (k, 0, K - 1)]
shares = [Eq(p[n, k], softmax(z[n, k], over))]

Z = np.array([[40.0, 0.0, 1.0], [0.5, 0.25, 0.125], [-300.0, 300.0, 2.0]])
G = np.array([[1.5, 2.5, 3.5], [0.25, -1.0, 2.0], [1.0, -1.0, 3.0]])


def exact(loss, *arrays):
    """The derivatives of a loss of mpmath matrices by the first of them, row by row."""
    with mpmath.workdps(1500):
        first, *rest = ([[mpmath.mpf(float(entry)) for entry in row] for row in array] for array in arrays)
        step = mpmath.mpf(10) ** -500
        slopes = np.empty((len(first), len(first[0])))
        for r, s in np.ndindex(slopes.shape):
            values = []
            for side in (1, -1):
                moved = [list(row) for row in first]
                moved[r][s] += side * step
                values.append(loss(moved, *rest))
            slopes[r, s] = (values[0] - values[1]) / (2 * step)
        return slopes


def of_row(row):
    exponentials = [mpmath.exp(entry) for entry in row]
    return [entry / mpmath.fsum(exponentials) for entry in exponentials]


def by_row(function):
    return lambda z, *rest: mpmath.fsum(function(of_row(row), *others) for row, *others in zip(z, *rest, strict=True))


LOSSES = {
    "a mean": (g[n, k] * p[n, k], by_row(lambda p, g: mpmath.fdot(p, g))),
    "squares": (
        (g[n, k] - p[n, k]) ** 2,
        by_row(lambda p, g: mpmath.fsum((x - y) ** 2 for x, y in zip(g, p, strict=True))),
    ),
    "a variance": (
        p[n, k] * (g[n, k] - Sum(p[n, j] * g[n, j], (j, 0, K - 1))) ** 2,
        by_row(lambda p, g: mpmath.fdot(p, [a * a for a in g]) - mpmath.fdot(p, g) ** 2),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_row_of_a_gradient_has_its_digits(name):
    term, loss = LOSSES[name]
    module = Model(Sum(term, *both), [z], where=shares).compile(check=False)
    (slopes,) = module.gradient(z=Z, g=G)
    right = exact(loss, Z, G)
    scale = abs(right).max(axis=1, keepdims=True)
    assert 0 < scale.min() < 1e-100
    assert np.all(abs(slopes - right) <= 1e-12 * scale)


def test_shares_that_are_written_out_or_transposed():
    share = exp(z[k, n]) / Sum(exp(z[j, n]), (j, 0, N - 1))
    module = Model(Sum(g[k, n] * share, (k, 0, N - 1), (n, 0, K - 1)), [z]).compile(check=False)
    (slopes,) = module.gradient(z=Z.T.copy(), g=G.T.copy())
    right = exact(LOSSES["a mean"][1], Z, G).T
    assert np.all(abs(slopes - right) <= 1e-12 * abs(right).max(axis=0))


def test_attention():
    scores = softmax(Sum(X[n, d] * W[d, k], (d, 0, D - 1)), over)
    model = Model(Sum(Sum(p[n, k] * V[k], over) ** 2, (n, 0, N - 1)), [W], where=[Eq(p[n, k], scores)])
    slopes = (
        model.compile(check=False).gradient(X=np.eye(2), W=np.array([[40.0, 0.0], [0.0, 60.0]]), V=np.ones(2) * 3).W
    )
    assert not slopes.any()  # of values that are all the same no share matters
    gradient = model.compile(check=False).gradient
    slopes = gradient(X=np.eye(2), W=np.array([[40.0, 0.0], [0.0, 60.0]]), V=np.array([1.0, 3.0])).W
    s, t = np.exp(-40.0), np.exp(-60.0)
    right = np.array([[-4 * s, 4 * s], [-12 * t, 12 * t]])
    assert slopes == pytest.approx(right, rel=1e-13)


def test_no_entries_and_no_shares():
    module = Model(Sum(g[n, k] * p[n, k], *both), [z], where=shares).compile(check=False)
    assert module.gradient(z=np.ones((0, 3)), g=np.ones((0, 3))).z.shape == (0, 3)
    with np.errstate(all="raise"):
        assert np.array_equal(module.gradient(z=np.full((2, 3), -np.inf), g=np.ones((2, 3))).z, np.zeros((2, 3)))
    written = Model(Sum(g[n, k] * exp(z[n, k]) / Sum(exp(z[n, j]), (j, 0, K - 1)), *both), [z]).compile(check=False)
    with np.errstate(all="raise"):
        assert np.array_equal(written.gradient(z=np.full((2, 3), -np.inf), g=np.ones((2, 3))).z, np.zeros((2, 3)))
