"""Functions spelled out by the steps that they share."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, Symbol, symbols

from symgrad import Model, sigmoid

T, N = symbols("T N", integer=True, positive=True)
t, n = symbols("t n", integer=True)
w = Symbol("w")


def test_the_derivative_of_a_sigmoid_takes_no_other_exponential():
    x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,))
    model = Model(Sum(y[n] ** 2, (n, 0, N - 1)), [x], where=[Eq(y[n], sigmoid(x[n]))])
    source = model.source()
    body = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert body.count("np.exp(") == 1 and "_sigmoid" not in body


@pytest.mark.filterwarnings("error")
def test_it_is_exact_on_both_sides():
    points = np.array([-745.0, -700, -40, -20, -1, -1e-17, 0, 1e-17, 1, 20, 36.5, 37, 40, 700, 745])
    x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,))
    module = Model(Sum(y[n] ** 2, (n, 0, N - 1)), [x], where=[Eq(y[n], sigmoid(x[n]))]).compile(check=False)
    with mpmath.workdps(700):  # 1 - σ needs as many digits
        σ = [1 / (1 + mpmath.exp(-mpmath.mpf(float(point)))) for point in points]
        expected = [float(2 * s * s * (1 - s)) for s in σ]
    # rounding of a few operations; near the least numbers of all, that of these
    np.testing.assert_allclose(module.gradient(points).x, expected, rtol=2e-15, atol=1e-320)


def test_a_loop_keeps_the_sigmoid_and_its_exponential():
    h, x = IndexedBase("h", shape=(T + 1, N)), IndexedBase("x", shape=(T, N))
    model = Model(
        Sum(h[T, n], (n, 0, N - 1)),
        [w],
        where=[Eq(h[0, n], 0), Eq(h[t, n], sigmoid(w * h[t - 1, n] + x[t - 1, n]) + h[t - 1, n])],
    )
    source = model.source()
    body = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert body.count("np.exp(") == 1 and "_sigmoid" not in body
    assert model.check().ok
