"""Arguments that are read across their order more than once are copied into the other order, others are not."""

import numpy as np
from sympy import Eq, HadamardProduct, IndexedBase, MatrixSymbol, Sum, Trace, exp, log, symbols

from symgrad import Model, softmax, total

N, M, K = symbols("N M K", integer=True, positive=True)
X, W, T = MatrixSymbol("X", N, M), MatrixSymbol("W", M, K), MatrixSymbol("T", N, K)


def model():
    return Model(-total(HadamardProduct(T, softmax(X * W).applyfunc(log))), [W])


def test_labels_beside_scores_with_rows_last_are_copied_once():
    made = model()
    text = made.source()
    rows = text[text.index("def _value_and_gradient_rows") :]
    assert rows.count("np.ascontiguousarray(T.T)") == 1
    assert rows.count("T.T") == 1 and rows.count(", T_T") == 2 and "einsum" not in rows
    module = made.compile()
    rng = np.random.default_rng(0)
    x, w, t = rng.normal(size=(50, 4)), rng.normal(size=(4, 3)), rng.random((50, 3))
    p = np.exp(x @ w) / np.exp(x @ w).sum(1, keepdims=True)
    loss, gradient = module.value_and_gradient(W=w, X=x, T=t)
    np.testing.assert_allclose(loss, -np.sum(t * np.log(p)), rtol=1e-12)
    np.testing.assert_allclose(gradient.W, x.T @ (p * t.sum(1, keepdims=True) - t), rtol=1e-10)


def test_what_is_read_across_once_is_not_copied():
    text = Model(Trace((X * W) * T.T) + total(HadamardProduct(W, W)), [W]).source()
    assert "ascontiguousarray" not in text


def test_blocks_of_rows_count_the_copy():
    text = model().source()
    width = {
        name: text[text.index(f"_{name}_rows, (T, X") :].split("get()), ")[1][:3]
        for name in ("gradient", "value_and_gradient")
    }
    assert width == {"gradient": "6*K", "value_and_gradient": "8*K"}


def test_a_trace_for_each_row_is_of_arrays_as_they_lie():
    n, i, j = symbols("n i j", integer=True)
    A, E, w = IndexedBase("A", shape=(N, M, M)), IndexedBase("E", shape=(N, M, M)), symbols("w", real=True)
    trace = Sum(E[n, i, i], (i, 0, M - 1))
    module = Model(Sum(trace**2, (n, 0, N - 1)), [w], where=[Eq(E[n, i, j], exp(w * A[n, i, j]))]).compile(check=False)
    a = np.random.default_rng(0).normal(size=(5, 3, 3))
    diagonals = np.diagonal(a, axis1=1, axis2=2)
    loss, slope = module.value_and_gradient(0.3, a)
    traces, moved = np.exp(0.3 * diagonals).sum(1), (diagonals * np.exp(0.3 * diagonals)).sum(1)
    np.testing.assert_allclose([loss, slope.w], [traces @ traces, 2 * traces @ moved], rtol=1e-13)
