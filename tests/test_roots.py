"""Roots of sums of squares where the squares overflow or vanish, against mpmath, with NumPy's warnings as errors."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, MatrixSymbol, Sum, Symbol, log, pi, sqrt, symbols

from symgrad import Model, if_else, norm2
from symgrad.runtime.norms import _norm
from tests.families import one_in

from . import array_tails
from .tails import Tail, check_first_order, shortfalls

u, v, w = symbols("u v w", real=True)
root = mpmath.sqrt
FAR = {"u": [3e200, -3e-200, 3.0], "v": [4e200, 4e-200, -4.0]}
TAILS = {
    "of two": Tail(lambda: sqrt(u**2 + v**2), lambda u, v: root(u**2 + v**2), FAR),
    "of three": Tail(
        lambda: sqrt(u**2 + v**2 + w**2),
        lambda u, v, w: root(u**2 + v**2 + w**2),
        {**FAR, "w": [5e200, 1e-200, 2.0]},
    ),
    "weighted": Tail(lambda: 3 * sqrt(2 * u**2 + v**2 / 3), lambda u, v: 3 * root(2 * u**2 + v**2 / 3), FAR),
    "weighted by pi": Tail(lambda: sqrt(pi * u**2 + v**2), lambda u, v: root(mpmath.pi * u**2 + v**2), FAR),
}


@pytest.mark.parametrize("name", TAILS)
def test_a_root_of_squares_keeps_its_digits(name):
    assert not shortfalls(TAILS[name])


def test_a_root_beside_a_number():
    module = Model(sqrt(4 + u**2) + v, [u, v]).compile(check=False)
    for far in (1e200, -1e200):
        assert module.value_and_gradient(far, 0.0) == (1e200, (far / 1e200, 1.0))
    assert module.value_and_gradient(1e-200, 0.0) == (2.0, (0.5e-200, 1.0))


def test_the_gradient_of_a_root_at_zero_is_zero():
    model = Model(sqrt(u**2 + 2 * v**2), [u, v])
    assert model.compile(check=False).value_and_gradient(0.0, 0.0) == (0.0, (0.0, 0.0))
    assert model.check(hessian=True).ok


def test_a_share_of_a_root():
    module = Model(u / sqrt(u**2 + v**2), [u, v]).compile(check=False)
    for size in (1e200, 1.0, 1e-200):
        value, (slope, other) = module.value_and_gradient(3 * size, 4 * size)
        assert value == pytest.approx(0.6, rel=1e-15)
        assert slope * size == pytest.approx(16 / 125, rel=1e-14)
        assert other * size == pytest.approx(-12 / 125, rel=1e-14)


s, m_0 = symbols("s m_0", positive=True)
far = {"u": [-1e200, 1e-200, 2.0, 1e160], "s": [1e-200, 1.0, 1e200]}
OVER_SQUARES = {
    "Cauchy": Tail(
        lambda: -log(1 + ((u - v) / s) ** 2) - log(s),
        lambda u, v, s: -mpmath.log(1 + ((u - v) / s) ** 2) - mpmath.log(s),
        {**far, "v": [3e-201, 1.0, 3e200]},
        True,
    ),
    "Cauchy by squares": Tail(
        lambda: log(s) - log(s**2 + (u - v) ** 2),
        lambda u, v, s: mpmath.log(s) - mpmath.log(s**2 + (u - v) ** 2),
        {**far, "v": [3e-201, 1.0, 3e200]},
        True,
    ),
    "density of Cauchy": Tail(
        lambda: s / (pi * (s**2 + (u - v) ** 2)),
        lambda u, v, s: s / (mpmath.pi * (s**2 + (u - v) ** 2)),
        {"u": [-1e150, 1e-150, 2.0], "s": [1e-100, 1.0, 1e100], "v": [0.0, 1.0]},
        True,
    ),
    "Geman and McClure": Tail(lambda: u**2 / (u**2 + s**2), lambda u, s: u**2 / (u**2 + s**2), far, True),
    "log of one and a square": Tail(lambda: log(1 + u**2), lambda u: mpmath.log(1 + u**2), {"u": far["u"]}),
    "Hill": Tail(
        lambda: s**2 / (s**2 + m_0**2), lambda s, m_0: s**2 / (s**2 + m_0**2), dict.fromkeys(["s", "m_0"], far["s"])
    ),
}


@pytest.mark.parametrize("name", one_in(3, OVER_SQUARES))
def test_what_is_divided_by_a_sum_of_squares_keeps_its_digits(name):
    check_first_order(OVER_SQUARES[name])


def test_a_difference_of_squares_in_a_quotient():
    value, (slope, other) = (
        Model((u**2 - v**2) / s, [u, s]).compile(check=False).value_and_gradient(u=1e200, v=2e200, s=3e200)
    )
    assert (value, slope) == pytest.approx((-1e200, 2 / 3), rel=1e-15)
    assert other == pytest.approx(1 / 3, rel=1e-15)


def test_what_no_square_is_lost_from_stays_plain():
    assert "hypot" not in Model(1 / (1 + u**2), [u]).source().partition("def gradient(")[0]


def test_arrays_have_a_norm():
    x, n = MatrixSymbol("x", Symbol("N", integer=True, positive=True), 1), norm2
    source = Model(n(x), [x]).source()
    assert "_norm(x)" in source and "hypot" not in source
    # the sum of squares is there anyway
    assert "_norm" not in Model(n(x) + n(x) ** 2, [x]).source()


N, M = symbols("N M", integer=True, positive=True)
n, m, i = symbols("n m i", integer=True)
x, y, p = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,)), IndexedBase("p", shape=(N, M))
ALL, EACH = (n, 0, N - 1), (m, 0, M - 1)
SIZES = [
    np.array([3e200, 4e200, -1e190]),
    np.array([3e-200, 4e-200, -1e-190]),
    np.array([3, 4, 1e-200]),
    np.array([3, 4, 1e200]),
]


def length(entries):
    return root(mpmath.fsum(entry * entry for entry in entries))


ARRAYS = {
    "a norm": (lambda: Model(sqrt(Sum(x[n] ** 2, ALL)), [x]), lambda x: length(x), ["x"]),
    "its logarithm": (
        lambda: Model(log(Sum(x[n] ** 2, ALL)), [x]),
        lambda x: 2 * mpmath.log(length(x)),
        ["x"],
    ),
    "a distance": (
        lambda: Model(sqrt(Sum((x[n] - y[n]) ** 2, ALL)), [x, y]),
        lambda x, y: length(x - y),
        ["x", "y"],
    ),
    "lengths of rows": (
        lambda: Model(Sum(sqrt(Sum(p[n, m] ** 2, EACH)), ALL), [p]),
        lambda p: mpmath.fsum(map(length, p)),
        ["p"],
    ),
    "distances of pairs": (
        lambda: Model(Sum(if_else(i < n, sqrt(Sum((p[n, m] - p[i, m]) ** 2, EACH)), 0), (i, 0, N - 1), ALL), [p]),
        lambda p: mpmath.fsum(length(p[k] - p[j]) for k in range(len(p)) for j in range(k)),
        ["p"],
    ),
    "a part along another": (
        lambda: Model(Sum(x[n] * y[n], ALL) / sqrt(Sum(x[n] ** 2, ALL)), [x]),
        lambda x, y: mpmath.fsum(x * y) / length(x),
        ["x", "w"],
    ),
    "a deviation": (
        lambda: Model(sqrt(Sum((x[n] - Sum(x[i], (i, 0, N - 1)) / N) ** 2, ALL) / N), [x]),
        lambda x: length(x - mpmath.fsum(x) / len(x)) / root(len(x)),
        ["x"],
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_norms_of_arrays_keep_their_digits(name):
    model, truth, inputs = ARRAYS[name]
    of = {
        "x": lambda size: ("x", size),
        "y": lambda size: ("y", size[::-1].copy()),
        "w": lambda size: ("y", np.array([1.0, 2.0, -3.0])),
        "p": lambda size: ("p", np.stack([size, size[::-1], 0.3 * size])),
    }
    points = [dict(of[one](size) for one in inputs) for size in SIZES]
    points = points[:3] if name in ("distances of pairs", "a deviation") else points
    assert not array_tails.shortfalls(model(), truth, *points)


def test_norms_of_rows_of_which_one_is_zero():
    module = Model(Sum(sqrt(Sum(p[n, m] ** 2, EACH)), ALL), [p]).compile(check=False)
    with np.errstate(all="raise", under="ignore"):
        value, (slope,) = module.value_and_gradient(np.array([[0.0, 0.0], [3e-200, 4e-200], [3e200, 4e200], [3, 4]]))
    assert value == pytest.approx(5e200, rel=1e-15)
    assert slope == pytest.approx(np.array([[0, 0], [0.6, 0.8], [0.6, 0.8], [0.6, 0.8]]), rel=1e-15)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_norms_over_blocks_of_rows(size):
    X, w = IndexedBase("X", shape=(N, M)), IndexedBase("w", shape=(M,))
    fitted = Sum(X[n, m] * w[m], EACH)
    module = Model(sqrt(Sum((y[n] - fitted) ** 2, ALL)), [w]).compile(check=False)
    rng = np.random.default_rng(1)
    data, out, weights = rng.normal(size=(40_000, 20)), rng.normal(size=40_000), rng.normal(size=20)
    with np.errstate(all="raise", under="ignore"):
        value, (slope,) = module.value_and_gradient(w=size * weights, X=data, y=size * out)
    rest = out - data @ weights
    assert value / size == pytest.approx(np.linalg.norm(rest), rel=1e-13)
    assert slope == pytest.approx(-data.T @ rest / np.linalg.norm(rest), rel=1e-10, abs=1e-12)


def test_norms_over_any_axes():
    given = np.random.default_rng(2).normal(size=(3, 4, 5))
    given[1] *= 1e200
    given[2] *= 1e-200
    exact = np.vectorize(lambda entry: mpmath.mpf(entry) ** 2, otypes=[object])(given)
    for axis in (None, 0, 2, (0, 2), (1, 2)):
        right = np.vectorize(lambda total: float(root(total)))(exact.sum(axis))
        assert _norm(given, axis) == pytest.approx(right, rel=1e-14)
    assert _norm(np.zeros((2, 0)), 1).tolist() == [0, 0]
    assert _norm(np.array([np.inf, 1])) == np.inf
    assert np.isnan(_norm(np.array([np.nan, 1])))
    single = _norm(np.array([3e30, 4e30], np.float32))
    assert single.dtype == np.float32 and single == pytest.approx(5e30, rel=1e-6)
