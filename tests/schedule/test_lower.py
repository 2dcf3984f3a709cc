"""Functions spelled out by the steps that they share."""

import re

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, Symbol, exp, log, symbols

from symgrad import Model, sigmoid, softmax

T, N = symbols("T N", integer=True, positive=True)
t, n = symbols("t n", integer=True)
w = Symbol("w")
A, v = IndexedBase("A", shape=(N, T)), IndexedBase("v", shape=(T,))


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


def cross_entropy():
    z, c = IndexedBase("z", shape=(N,)), IndexedBase("c", shape=(N,))
    y = sigmoid(z[n])
    return Model(-Sum(c[n] * log(y) + (1 - c[n]) * log(1 - y), (n, 0, N - 1)), [z], name="cross-entropy")


@pytest.mark.filterwarnings("error")
def test_a_residual_is_exact_for_zeros_of_both_signs_and_confident_predictions():
    z = np.array([0.0, -0.0, -0.0, 0.0, 40, -40, 40, -40, 745, -745, 1e-300, -1e-300])
    c = np.array([1.0, 1, 0, 0.25, 1, 0, 0, 1, 1, 0, 1, 1])
    module = cross_entropy().compile(check=False)
    value, gradient = module.value_and_gradient(z, c)
    with mpmath.workdps(700):
        σ = [1 / (1 + mpmath.exp(-mpmath.mpf(float(point)))) for point in z]
        expected = [float(s - target) for s, target in zip(σ, c, strict=True)]
        loss = float(-sum(t * mpmath.log(s) + (1 - t) * mpmath.log(1 - s) for s, t in zip(σ, c, strict=True)))
    np.testing.assert_allclose(gradient.z, expected, rtol=4e-16, atol=1e-320)
    np.testing.assert_allclose(value, loss, rtol=1e-15)


def test_a_residual_compares_and_chooses_nothing():
    source = cross_entropy().source()
    body = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert "np.where(" not in body and ">=" not in body
    assert body.count("np.copysign(") == body.count("np.signbit(") == 1
    # two sums of terms of one sign, rather than one of arrays added up before
    assert ("z.dot(missed)" in body or "missed.dot(z)" in body) and "np.log1p(" in body and body.count(".sum()") == 1


def test_products_with_vectors_are_calls_of_dot():
    A, u, v = IndexedBase("A", shape=(N, T)), IndexedBase("u", shape=(N,)), IndexedBase("v", shape=(T,))
    B = IndexedBase("B", shape=(T, T))
    product = Sum(A[n, t] * v[t], (t, 0, T - 1))
    model = Model(Sum(u[n] * product, (n, 0, N - 1)) + Sum(A[n, t] ** 2, (n, 0, N - 1), (t, 0, T - 1)), [A, u, v])
    assert ".dot(" in model.source() and "@ v" not in model.source() and model.check().ok
    k = symbols("k", integer=True)
    squares = Sum(Sum(A[n, t] * B[t, k], (t, 0, T - 1)) ** 2, (n, 0, N - 1), (k, 0, T - 1))
    assert "A @ B" in Model(squares, [A, B]).source()


def test_the_slope_of_a_sigmoid_compares_nothing():
    x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,))
    source = Model(Sum(sigmoid(x[n]) * (1 - sigmoid(x[n])), (n, 0, N - 1)), [x]).source()
    body = source[source.index("def value(") : source.index("def gradient(")]
    assert body.count("np.exp(") == 1 and not re.search(r"np\.(maximum|where)\(|[<>]=? ", body.split("\n", 1)[1])
    logistic = Model(Sum(log(1 + exp(Sum(A[n, t] * v[t], (t, 0, T - 1)))), (n, 0, N - 1)), [v])
    source = logistic.source(hessian=True)
    hessian = source[source.index("def hessian(") : source.index("def flat_hessian(")]
    assert not re.search(r"np\.(maximum|where)\(|[<>]=", hessian)
    assert re.search(r"weighted = (root\[:, None\] \* A|A \* root\[:, None\])\n", hessian)  # one pass over the data
    assert logistic.check(hessian=True).ok
    assert Model(Sum(y[n] ** 2, (n, 0, N - 1)), [x], where=[Eq(y[n], sigmoid(x[n]))]).check().ok


def test_half_of_a_product_serves_another_one_and_lies_by_rows():
    K = Symbol("K", integer=True, positive=True)
    k = Symbol("k", integer=True)
    W, c = IndexedBase("W", shape=(T, K)), IndexedBase("c", shape=(N, K))
    scores = Sum(A[n, t] * W[t, k], (t, 0, T - 1))
    p = IndexedBase("p", shape=(N, K))
    loss = Sum(c[n, k] * log(p[n, k]), (n, 0, N - 1), (k, 0, K - 1))
    one_hot, defined = Eq(Sum(c[n, k], (k, 0, K - 1)), 1), Eq(p[n, k], softmax(scores, (k, 0, K - 1)))
    model = Model(-loss, [W], facts=[one_hot], where=[defined])
    source = model.source(hessian=True)
    hessian = source[source.index("def hessian(") : source.index("def flat_hessian(")]
    assert hessian.count("p.T[:, :, None]") == 1 and len(re.findall(r"np\.tensordot\(A, weighted", hessian)) == 1
    assert 'order="C")' in re.search(r"weighted = (.*)", hessian)[1]
    assert model.check(hessian=True).ok
