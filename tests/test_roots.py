"""Roots of sums of squares where the squares overflow or vanish, against mpmath, with NumPy's warnings as errors."""

import mpmath
import pytest
from sympy import MatrixSymbol, Symbol, pi, sqrt, symbols

from symgrad import Model, norm2

from .tails import Tail, shortfalls

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


def test_arrays_keep_the_sum_of_squares():
    x, n = MatrixSymbol("x", Symbol("N", integer=True, positive=True), 1), norm2
    assert "hypot" not in Model(n(x), [x]).source()
