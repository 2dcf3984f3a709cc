"""Vectors that several sums of products have are computed once, and rows are added up before they meet others."""

import numpy as np
import pytest
from sympy import Identity, IndexedBase, Inverse, MatrixSymbol, Sum, exp, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
n, m, i, j = symbols("n m i j", integer=True)
s = symbols("s", positive=True)
A, X, x, y = MatrixSymbol("A", M, M), MatrixSymbol("X", N, M), MatrixSymbol("x", M, 1), MatrixSymbol("y", N, 1)


def body(model: Model, function: str = "value_and_gradient") -> str:
    return model.source().split(f"def {function}(")[1].split("\n\n\n")[0]


def test_a_quadratic_form_and_its_gradient_share_a_product() -> None:
    assert body(Model((x.T * A * x)[0, 0], [x])).count(".dot(x)") == 3  # Aᵀx, (Aᵀx)·x and A x


def test_a_linear_model_is_solved_once() -> None:
    inverse = Inverse(Identity(M) + s * X.T * X)
    model = Model((y.T * X * inverse * X.T * y)[0, 0], [s])
    assert body(model).count("solve(") == 1 and "inv(" not in body(model)
    assert model.check().ok


def test_rows_on_both_sides_of_a_matrix_come_in_chunks() -> None:
    B, g, D = IndexedBase("B", (M, M)), IndexedBase("g", (N,)), IndexedBase("D", (N, M))
    sums = Sum(g[n] * D[n, i] * B[i, j] * D[m, j] * g[m], (n, 0, N - 1), (m, 0, N - 1), (i, 0, M - 1), (j, 0, M - 1))
    model = Model(sums + s * Sum(exp(B[i, i]), (i, 0, M - 1)), [B, s])
    module = model.compile(chunks=True)
    rng = np.random.default_rng(0)
    given = {"B": rng.normal(size=(3, 3)), "s": 0.5}
    rows = {"g": rng.normal(size=7), "D": rng.normal(size=(7, 3))}
    loss, gradient = module.over_chunks([{k: v[a : a + 3] for k, v in rows.items()} for a in (0, 3, 6)], **given)
    v, diagonal = rows["g"] @ rows["D"], np.exp(np.diag(given["B"]))
    assert loss == pytest.approx(v @ given["B"] @ v + 0.5 * diagonal.sum(), rel=1e-13)
    np.testing.assert_allclose(gradient.B, np.outer(v, v) + 0.5 * np.diag(diagonal), rtol=1e-13)
    assert gradient.s == pytest.approx(diagonal.sum(), rel=1e-13)
