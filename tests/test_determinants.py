"""The derivative of a determinant at matrices that have no inverse, or hardly one: the matrix of cofactors."""

import warnings

import numpy as np
import pytest
from sympy import Abs, Determinant, IndexedBase, KroneckerProduct, MatrixSymbol, Q, Sum, Trace, log, sin, symbols

from symgrad import Model, det, logdet
from tests.families import one_in

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True)
A, B, X, Z = MatrixSymbol("A", N, N), MatrixSymbol("B", N, N), MatrixSymbol("X", N, N), MatrixSymbol("Z", N, M)
S = IndexedBase("S", shape=(K, N, N))

rng = np.random.default_rng(4)
a, b = rng.standard_normal((2, 3, 3))
POINTS = {
    "regular": rng.standard_normal((3, 3)),
    "rank 2": np.arange(1.0, 10).reshape(3, 3),  # np.linalg.inv gives numbers of 1e15 here, and no error
    "rank 2, exactly": np.diag([1.0, 2.0, 0.0]),
    "nearly of rank 2": np.arange(1.0, 10).reshape(3, 3) + 1e-10 * np.eye(3),
    "rank 1": np.outer([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "zero": np.zeros((3, 3)),
}


def cofactors(x):
    """By 2 x 2 minors."""
    minors = [[np.delete(np.delete(x, r, 0), c, 1) for c in range(3)] for r in range(3)]
    return np.array([[(-1) ** (r + c) * (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]) for c, m in enumerate(row)]
                     for r, row in enumerate(minors)])  # fmt: skip


def det3(x):
    return x[0] @ cofactors(x)[0]


LOSSES = {
    "det": (Determinant(X), cofactors),
    "product": (Determinant(A * X * B), lambda x: a.T @ cofactors(a @ x @ b) @ b.T),
    "sum": (Determinant(A + X * B), lambda x: cofactors(a + x @ b) @ b.T),
    "square": (Determinant(X) ** 2, lambda x: 2 * det3(x) * cofactors(x)),
    "power": (Determinant(X**3), lambda x: 3 * det3(x) ** 2 * cofactors(x)),
    "function": (sin(Determinant(X)), lambda x: np.cos(det3(x)) * cofactors(x)),
    "quotient": (Determinant(A.I * X), lambda x: cofactors(x) / np.linalg.det(a)),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_of_a_determinant_at_any_matrix(name, point):
    loss, expected = LOSSES[name]
    model, x = Model(loss, [X]), POINTS[point]
    given = {"X": x, "A": a, "B": b}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.compile(check=False).gradient(
            **{argument.name: given[argument.name] for argument in model.arguments}
        )
    # relative to the largest cofactor that the entries' size allows: the cofactors cancel where the rank is 1
    scale = np.max(np.abs(a)) ** 2 * np.max(np.abs(b)) ** 2 * max(1.0, np.max(np.abs(x))) ** 3
    assert np.allclose(found.X, expected(x), rtol=0, atol=1e-13 * scale)


def test_a_stack_of_which_one_matrix_is_singular():
    model = Model(Sum(det(S[k, i, j], (i, 0, N - 1), (j, 0, N - 1)), (k, 0, K - 1)), [S])
    stack = np.array(list(POINTS.values()))
    found = model.compile(check=False).gradient(stack).S
    assert np.allclose(found, [cofactors(x) for x in stack], rtol=0, atol=1e-12)
    single = model.compile(check=False).gradient(stack.astype(np.float32)).S
    assert single.dtype == np.float32
    assert np.allclose(single, found, rtol=0, atol=2e-4)


def test_a_gram_matrix_without_full_rank():
    # ∂det(ZᵀZ)/∂Z = 2 Z adj(ZᵀZ), here with equal columns
    z = np.array([[1.0, 1], [2, 2], [3, 3]])
    found = Model(Determinant(Z.T * Z), [Z]).compile(check=False).gradient(z).Z
    assert np.allclose(found, 2 * z @ (14 * np.array([[1.0, -1], [-1, 1]])), atol=1e-12)


def test_what_is_not_a_number_stays_so():
    assert np.all(np.isnan(Model(Determinant(X), [X]).compile(check=False).gradient(np.full((3, 3), np.nan)).X))


def test_a_loss_that_inverts_the_matrix_does_so_once():
    code = Model(Determinant(X) * Trace(X.I), [X]).source().split("def value_and_gradient(")[1]
    assert code.count("np.linalg.inv(") == 1 and "_adjugate" not in code


# --- logarithms of several determinants -------------------------------------------------------------------------------

C, P = MatrixSymbol("C", M, M), MatrixSymbol("P", N, N)
LOGARITHMS = {  # a loss, log |det| of A, B, C, and the matrices whose determinants' product has to be positive
    "product": (log(Determinant(A) * Determinant(B)), (1, 1, 0), "AB"),
    "quotient": (log(Determinant(A) / Determinant(B)), (1, -1, 0), "AB"),
    "powers": (log(3 * Determinant(A) ** 2 * Determinant(C) ** 3), (2, 0, 3), "C"),
    "three": (log(Determinant(A) * Determinant(B) * Determinant(C)), (1, 1, 1), "ABC"),
    "absolute": (log(Abs(Determinant(A) * Determinant(B))), (1, 1, 0), ""),
    "Kronecker": (logdet(KroneckerProduct(A, C)), ("M", 0, "N"), "AAC"),
}


@pytest.mark.parametrize("name", one_in(3, LOGARITHMS))
def test_a_logarithm_of_several_determinants_does_not_overflow(name):
    loss, weights, signed = LOGARITHMS[name]
    parameters = [x for x, weight in zip((A, B, C), weights, strict=True) if weight != 0]
    module = Model(loss, parameters).compile(check=False)
    sizes = {"N": 401, "M": 402 if name != "Kronecker" else 2}
    draws = [np.random.default_rng(n).normal(size=(sizes[str(x.rows)],) * 2) for n, x in enumerate(parameters)]
    given = {x.name: 9 * draw for x, draw in zip(parameters, draws, strict=True)}
    weight = {x: sizes.get(w, w) for x, w in zip((A, B, C), weights, strict=True)}
    signs = {x: np.linalg.slogdet(given[x])[0] for x in set(signed)}
    for negative in (0, 1):
        if np.prod([signs[x] for x in signed]) < 0 if signed else False:
            given[signed[-1]][0] *= -1
            signs[signed[-1]] *= -1
        if negative and signed:
            given[signed[-1]][0] *= -1
        expected = sum(weight[x] * np.linalg.slogdet(given[x.name])[1] for x in parameters)
        expected += np.log(3) if name == "powers" else 0
        with np.errstate(invalid="ignore"):
            value, gradient = module.value_and_gradient(**given)
        assert np.isnan(value) if negative and signed else value == pytest.approx(expected, rel=1e-12)
        for x, found in zip(parameters, gradient, strict=True):
            wanted = weight[x] * np.linalg.inv(given[x.name]).T
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12 * np.max(np.abs(wanted)))


def test_definite_matrices_are_factorised_once_in_a_logarithm_of_several():
    facts = [Q.positive_definite(P), Q.positive_definite(A)]
    code = Model(log(Determinant(P) / Determinant(A)), [P, A], facts=facts).source()
    assert "slogdet" not in code and "np.linalg.det" not in code
    code = Model(logdet(KroneckerProduct(P, A)), [P], facts=facts).source()
    assert "slogdet" not in code and "np.kron" not in code
