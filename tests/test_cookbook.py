"""Section 2 of Petersen and Pedersen, The Matrix Cookbook (version of 15 November 2012): derivatives of scalars.

Each record is an identity of the book: a loss, what it is differentiated by, and the book's formula, all in matrix
notation. The gradient that is derived, and the module that is generated, must equal the book's formula numerically, and
the derived formula must have no more operations than the book's, by the same count. The derivative of a matrix by a
scalar (59) is taken of a bilinear form with it; derivatives by a scalar are by the x of Y = A + x·B.
"""

import re
from inspect import signature

import numpy as np
import pytest
from sympy import Determinant, Eq, IndexedBase, MatrixSymbol, Sum, Trace, sin, symbols, tanh

from symgrad import Model, ModelError, logdet, norm2
from tests.cookbook_records import (
    ELSEWHERE,
    RECORDS,
    SYMMETRIC_PARAMETER,
    A,
    B,
    C,
    K,
    M,
    N,
    P,
    W,
    X,
    Z,
    a,
    b,
    w,
    x,
)
from tests.families import one_in
from tests.matrix_numerics import operations, value

SIZES = {N: 4, M: 3, K: 2}


def inputs(model, facts=(), seed=7):
    """Arguments by name: matrices near to the identity, so that they are regular; as the facts say."""
    rng = np.random.default_rng(seed)
    found = {}
    for argument in model.arguments:
        shape = tuple(int(side.subs(SIZES)) for side in argument.shape)
        array = rng.standard_normal(shape) / 2
        if len(shape) == 2 and shape[0] == shape[1]:
            array += 2 * np.eye(shape[0])
            kinds = {fact.function.name for fact in facts if fact.arguments[0] == argument.symbol}
            if kinds & {"symmetric", "positive_definite"}:
                array = (array + array.T) / 2
            if "diagonal" in kinds:
                array = np.diag(np.diag(array))
        found[argument.name] = array
    return found


def gradient_and_book(record):
    """The derived formula, its value, the generated module's gradient, and the value of the book's formula."""
    model = Model(record.loss, [record.by], facts=record.facts)
    given = inputs(model, record.facts)
    arrays = {argument.symbol: given[argument.name] for argument in model.arguments}
    arrays |= {MatrixSymbol("J", N, N): np.ones((SIZES[N], SIZES[N]))}
    formula = model.gradient(record.by)
    (generated,) = model.compile(check=False).gradient(**given)
    return formula, value(formula, arrays, SIZES), generated, lambda book: value(book, arrays, SIZES)


@pytest.mark.parametrize("record", one_in(4, RECORDS), ids=[record.equation for record in RECORDS])
def test_an_identity_of_the_book(record):
    formula, derived, generated, of = gradient_and_book(record)
    expected = of(record.book)
    scale = np.max(np.abs(expected))
    # rounding errors of a few products and inverses of well-conditioned 4 x 4 matrices
    assert np.allclose(derived, expected, rtol=0, atol=1e-11 * scale)
    assert np.allclose(generated, expected, rtol=0, atol=1e-11 * scale)
    assert operations(formula) <= operations(record.book), (formula, record.book)


@pytest.mark.parametrize("record", SYMMETRIC_PARAMETER, ids=[record.equation for record in SYMMETRIC_PARAMETER])
def test_an_identity_for_a_symmetric_matrix(record):
    formula, derived, generated, of = gradient_and_book(record)
    expected = of(record.book)
    close = {"rtol": 0, "atol": 1e-11 * np.max(np.abs(expected))}
    assert np.allclose(2 * derived - derived * np.eye(SIZES[N]), expected, **close)
    assert np.allclose(generated, derived, **close)
    assert operations(formula) <= operations(record.book)


def test_every_equation_of_the_section_is_accounted_for():
    named = [*(record.equation for record in (*RECORDS, *SYMMETRIC_PARAMETER)), *ELSEWHERE]
    numbers = {int(number) for name in named for number in re.findall(r"\b\d{2,3}\b", name.removeprefix("before"))}
    assert numbers >= set(range(46, 145))


# --- what is no derivative of a scalar by a vector or matrix ----------------------------------------------------------


def test_a_property_of_the_derivative_of_a_determinant():
    # (47), (50): Σ_k ∂det(X)/∂X_ik · X_jk = δ_ij det(X)
    array = inputs(Model(Determinant(X), [X]))["X"]
    (gradient,) = Model(Determinant(X), [X]).compile(check=False).gradient(array)
    assert np.allclose(gradient @ array.T, np.linalg.det(array) * np.eye(4), rtol=0, atol=1e-11)


def test_second_derivatives():
    # (48), with Y = A + x B + x² C, whose second derivative is 2C
    model = Model(Determinant(A + x * B + x**2 * C), [x])
    given = inputs(model)
    Y = given["A"] + given["x"] * given["B"] + given["x"] ** 2 * given["C"]
    first = np.linalg.solve(Y, given["B"] + 2 * given["x"] * given["C"])
    expected = 2 * np.trace(np.linalg.solve(Y, given["C"])) + np.trace(first) ** 2 - np.trace(first @ first)
    found = model.compile(check=False, hessian=True).hessian(**given).x.x
    assert np.isclose(found, np.linalg.det(Y) * expected, rtol=1e-11)
    # (98)
    assert Model(w.T * A * w + b.T * w, [w]).hessian(w, w) == A + A.T


# fmt: off
JACOBIANS = {  # the matrix Y, what it is differentiated by, and ∂Y_kl/∂X_ij by the book
    "60": (X.I, X, lambda X: -np.einsum("ki,jl->klij", np.linalg.inv(X), np.linalg.inv(X))),
    "73": (X, X, lambda X: np.einsum("ki,lj->klij", np.eye(4), np.eye(4))),
    "74": (X*A, X, lambda X, A: np.einsum("ki,jl->klij", np.eye(4), A)),
    "75": (X.T*A, X, lambda X, A: np.einsum("kj,il->klij", np.eye(4), A)),
    "79, 80": (X.T*B*X, X, lambda X, B: np.einsum("lj,ki->klij", np.eye(4), X.T@B)
        + np.einsum("kj,il->klij", np.eye(4), B@X)),
    "90, n = 3": (X**3, X, lambda X: sum(
        np.einsum("ki,jl->klij", np.linalg.matrix_power(X, r), np.linalg.matrix_power(X, 2-r)) for r in range(3))),
    "130": ((w - a)/norm2(w - a), w, lambda w, a: np.eye(4)/np.linalg.norm(w - a)
        - (w - a)@(w - a).T/np.linalg.norm(w - a)**3),
}
# fmt: on


@pytest.mark.parametrize("equation", JACOBIANS)
def test_derivatives_of_a_matrix(equation):
    matrix, by, expected = JACOBIANS[equation]
    Y, weights = MatrixSymbol("Y", *matrix.shape), MatrixSymbol("V", *matrix.shape)
    model = Model(Trace(weights.T * Y.applyfunc(sin)), [by], where=[Eq(Y, matrix)])
    given = inputs(model)
    module = model.compile(check=False, jacobian=["Y"])
    needed = signature(module.jacobian_Y).parameters
    found = getattr(module.jacobian_Y(**{name: given.get(name, SIZES[N]) for name in needed}), by.name)
    found = found.to_scipy().toarray() if hasattr(found, "to_scipy") else found
    reference = expected(**{name: given[name] for name in signature(expected).parameters})
    assert np.allclose(np.asarray(found).reshape(reference.shape), reference, rtol=0, atol=1e-11)


def test_the_chain_rule():
    # (137): ∂g(U)/∂X_ij = tr((∂g/∂U)ᵀ ∂U/∂X_ij), and after (64): ∂J/∂X = -X⁻ᵀ ∂J/∂W X⁻ᵀ with W = X⁻¹
    model = Model(Trace(W.applyfunc(tanh) * A), [X], where=[Eq(W, X.I)])
    given = inputs(model)
    module = model.compile(check=False, jacobian=["W"])
    inverse = np.linalg.inv(given["X"])
    outer = given["A"].T * (1 - np.tanh(inverse) ** 2)
    assert np.allclose(module.gradient(**given).X, -inverse.T @ outer @ inverse.T, rtol=0, atol=1e-11)
    chained = np.einsum("kl,klij->ij", outer, module.jacobian_W(X=given["X"]).X)
    assert np.allclose(module.gradient(**given).X, chained, rtol=0, atol=1e-11)


def test_the_derivative_by_a_pseudo_inverse():
    # (56) with a name for the matrix whose pseudo-inverse is the variable
    model = Model(logdet(Z.T * Z), [P], where=[Eq(Z, P.T * (P * P.T).I)])
    given = inputs(model)
    expected = -2 * np.linalg.pinv(given["P"]).T
    assert np.allclose(model.compile(check=False).gradient(**given).P, expected, rtol=0, atol=1e-11)


def test_a_toeplitz_matrix():
    # (143): of tr(A T) by the diagonals t of T; (144) by those of a symmetric T
    i, j = symbols("i j", integer=True)
    t, T, S = IndexedBase("t", shape=(2 * N - 1,)), IndexedBase("T", shape=(N, N)), IndexedBase("S", shape=(N, N))
    limits = (i, 0, N - 1), (j, 0, N - 1)
    entries = S[j, i] * T[i, j]
    model = Model(Sum(entries, *limits), [t], where=[Eq(T[i, j], t[i - j + N - 1])])
    given = inputs(model)
    sums = np.array([np.trace(given["S"].T, offset=-k) for k in range(-3, 4)])
    assert np.allclose(model.compile().gradient(**given).t, sums, rtol=0, atol=1e-12)
    r = IndexedBase("r", shape=(N,))
    model = Model(Sum(entries, *limits), [r], where=[Eq(T[i, j], r[abs(i - j)])])
    given = {"r": np.ones(4), "S": given["S"]}
    assert np.allclose(model.compile().gradient(**given).r, sums[3:] + np.r_[0, sums[2::-1]], rtol=0, atol=1e-12)


def test_functions_of_matrices_are_errors():
    # (128) is about the sine of a matrix, not of its entries: SymPy itself has no trace of it
    with pytest.raises(TypeError, match="not a matrix"):
        Trace(sin(X))
    with pytest.raises(ModelError, match=re.escape("entry by entry it is (X).applyfunc(sin)")):
        Model(sin(X), [X])
