"""Which matrices are factorised as positive definite: those that are, for all data."""

import numpy as np
import pytest
from sympy import HadamardProduct, Identity, IndexedBase, MatrixSymbol, Q, Sum, exp, symbols

from symgrad import Model, logdet
from symgrad.matrix_functions import LogDetOver

N, M = symbols("N M", integer=True, positive=True)
i, j, k, l = symbols("i j k l", integer=True)  # noqa: E741
A, B, P = (MatrixSymbol(name, N, N) for name in "ABP")
X = IndexedBase("X", shape=(N, N))
T = IndexedBase("T", shape=(N, N, N))
v, w = IndexedBase("v", shape=(N,)), IndexedBase("w", shape=(N,), positive=True)


def over_sides(entry):
    """log det of a matrix by its entries."""
    return LogDetOver(entry, (i, 0, N - 1), (j, 0, N - 1))


def weighted(matrix):
    return logdet(Identity(N) + A.T * matrix * A)


over_k, over_l = (k, 0, N - 1), (l, 0, N - 1)
apart = v[k] - v[l]
DEFINITE = {
    "Gram matrix": (logdet(Identity(N) + A.T * A), ()),
    "with a definite matrix in its middle": (logdet(A.T * P * A), (Q.positive_definite(P),)),
    "with a diagonal in its middle": (over_sides(Sum(X[k, i] * X[k, j] * w[k], over_k)), ()),
    "with squares as weights": (over_sides(Sum(X[k, i] * X[k, j] * v[k] ** 2, over_k)), ()),
}
INDEFINITE = {
    "symmetric weights that are not negative": (weighted(HadamardProduct(B, B)), (Q.symmetric(B),)),
    "weights by distances": (over_sides(Sum(X[k, i] * X[l, j] * exp(-(apart**2)) * apart**2, over_k, over_l)), ()),
    "definite matrix with weights": (
        weighted(HadamardProduct(HadamardProduct(P, B), B)),
        (Q.positive_definite(P), Q.symmetric(B)),
    ),
    "indices that change places": (over_sides(Sum(T[k, l, i] * T[l, k, j], over_k, over_l)), ()),
    "product entry by entry": (logdet(HadamardProduct(A, A.T)), ()),
    "symmetric matrix in its middle": (logdet(A.T * B * A), (Q.symmetric(B),)),
}


def source(loss, facts):
    parameter = next(symbol for symbol in (A, X, T) if loss.has(symbol))
    return Model(loss, [parameter], facts=facts).source()


@pytest.mark.parametrize("name", DEFINITE)
def test_a_matrix_that_is_definite_by_its_form_has_a_triangular_factor(name):
    assert "np.linalg.cholesky(" in source(*DEFINITE[name])


@pytest.mark.parametrize("name", INDEFINITE)
def test_a_matrix_that_may_be_indefinite_has_none(name):
    assert "np.linalg.cholesky(" not in source(*INDEFINITE[name])


def test_the_logarithm_of_a_positive_determinant_of_an_indefinite_matrix():
    loss, facts = INDEFINITE["symmetric weights that are not negative"]
    module = Model(loss, [A], facts=facts).compile(check=False)
    a, b = 2 * np.eye(4), np.kron(np.eye(2), [[0.0, 1], [1, 0]])  # I + 4·(0 1; 1 0) twice: eigenvalues 5, -3, 5, -3
    value, gradient = module.value_and_gradient(A=a, B=b)
    whole = np.eye(4) + a.T @ (b * b) @ a
    assert np.linalg.eigvalsh(whole)[0] < 0
    np.testing.assert_allclose(value, 2 * np.log(15), rtol=1e-14)
    np.testing.assert_allclose(gradient.A, 2 * (b * b) @ a @ np.linalg.inv(whole), rtol=1e-13, atol=1e-13)
