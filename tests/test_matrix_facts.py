"""Facts about every matrix of a stack: as for one matrix, in the inputs drawn, the gradient, the code and the check."""

import numpy as np
import pytest
from sympy import (
    Abs,
    DiagMatrix,
    Eq,
    HadamardPower,
    HadamardProduct,
    Identity,
    IndexedBase,
    MatrixSymbol,
    Q,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    symbols,
)

from symgrad import Model, ModelError, det, inverse, logdet

D, K, M = symbols("D K M", integer=True, positive=True)
i, j, k, m, n = symbols("i j k m n", integer=True)
S, v, T = IndexedBase("S", shape=(K, D, D)), IndexedBase("v", shape=(K, D)), IndexedBase("T", shape=(K, M, D, D))
P, b = MatrixSymbol("P", D, D), MatrixSymbol("v", D, 1)
SIDES, BATCH = ((i, 0, D - 1), (j, 0, D - 1)), (k, 0, K - 1)

QUADRATIC = Sum(v[k, i] * inverse(S[k, i, j], *SIDES) * v[k, j], *SIDES)
LOG_ABS = log(Abs(det(S[k, i, j], *SIDES))), log(Abs(det(P)))
FACTS = {  # the fact, a function of S[k], and the same of P
    "positive definite": (Q.positive_definite, logdet(S[k, i, j], *SIDES), logdet(P)),
    "symmetric": (Q.symmetric, *LOG_ABS),
    "diagonal": (Q.diagonal, *LOG_ABS),
    "lower triangular": (Q.lower_triangular, *LOG_ABS),
    "upper triangular": (Q.upper_triangular, det(S[k, i, j], *SIDES), det(P)),
    "orthogonal": (Q.orthogonal, *LOG_ABS),
}


def models(name):
    """The model of a stack, and that of one of its matrices."""
    fact, of_stack, of_one = FACTS[name]
    stack = Model(Sum(of_stack + QUADRATIC, BATCH), [S, v], facts=[fact(S)])
    return stack, Model(of_one + Trace(b.T * P.I * b), [P, b], facts=[fact(P)])


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_of_a_stack_holds_for_each_matrix(name):
    stack, one = models(name)
    report = stack.check()
    assert report.ok, report
    assert len(report.runs) >= 3
    inputs = drawn(name)
    value, gradient = stack.compile(check=False).value_and_gradient(**inputs)
    module = one.compile(check=False)
    each = [module.value_and_gradient(P=inputs["S"][n], v=inputs["v"][n][:, None]) for n in range(3)]
    assert np.isclose(value, sum(loss for loss, _ in each), rtol=1e-12)
    assert np.allclose(gradient.S, [found.P for _, found in each], rtol=1e-11, atol=1e-12)
    assert np.allclose(gradient.v, [found.v[:, 0] for _, found in each], rtol=1e-11, atol=1e-12)


def drawn(name):
    """Three matrices of the kind, and vectors."""
    rng = np.random.default_rng(2)
    square = rng.standard_normal((3, 4, 4)) / 2 + 2 * np.eye(4)
    made = {
        "positive definite": square @ square.transpose(0, 2, 1),
        "symmetric": (square + square.transpose(0, 2, 1)) / 2,
        "diagonal": square * np.eye(4),
        "lower triangular": np.tril(square),
        "upper triangular": np.triu(square),
        "orthogonal": np.linalg.qr(square)[0],
    }
    return {"S": made[name], "v": rng.standard_normal((3, 4))}


def test_equal_entries_across_the_diagonal_are_the_same_fact():
    loss = Sum(LOG_ABS[0] + QUADRATIC, BATCH)
    spelled = Model(loss, [S], facts=[Eq(S[k, i, j], S[k, j, i])])
    assert spelled.source() == Model(loss, [S], facts=[Q.symmetric(S)]).source()
    assert Model(LOG_ABS[1], [P], facts=[Eq(P[i, j], P[j, i])]).gradient(P) == P.I


def test_one_factorisation_of_a_stack_is_shared():
    code = models("positive definite")[0].source().split("def value_and_gradient(")[1]
    assert code.count("np.linalg.") == 2 and "np.linalg.cholesky(S)" in code and "np.linalg.inv(chol_S)" in code
    for name in ("diagonal", "orthogonal"):
        assert "np.linalg" not in models(name)[0].source().split("def value(")[1]


def test_transposes_of_a_stack_are_dropped():
    found = Model(Sum(v[k, i] * S[k, i, j] * v[k, j], *SIDES, BATCH), [v], facts=[Q.symmetric(S)]).gradient(v[k, i])
    assert str(found) == "2*Sum(S[k, i, j]*v[k, j], (j, 0, D - 1))"


def test_products_of_orthogonal_matrices_of_a_stack_vanish():
    rotated = Sum(S[k, n, i] * S[k, n, j] * v[k, i] * v[k, j], (n, 0, D - 1), *SIDES, BATCH)
    assert Model(rotated, [v], facts=[Q.orthogonal(S)]).gradient(v[k, i]) == 2 * v[k, i]


def test_the_docstring_says_what_the_gradient_of_a_stack_is():
    source = models("symmetric")[0].source()
    assert "Every matrix of S is symmetric: its gradient is the symmetric part (G + Gᵀ)/2" in source


def test_four_axes():
    loss = Sum(logdet(T[k, m, i, j], *SIDES), BATCH, (m, 0, M - 1))
    report = Model(loss, [T], facts=[Q.positive_definite(T)]).check()
    assert report.ok, report


def test_data_that_break_a_fact_are_named():
    model, inputs = models("symmetric")[0], drawn("upper triangular")
    with pytest.raises(ModelError, match="the S in inputs= does not satisfy the fact"):
        model.check(inputs=inputs)


X, A, w, s = MatrixSymbol("X", D, M), MatrixSymbol("A", D, D), MatrixSymbol("w", M, 1), Symbol("s", real=True)
EYE = Identity(D)
BY_FORM = {  # a matrix, whether its form or the fact that P is definite makes it so, and what its loss is by
    "gram": (X.T * X, True, [X]),
    "plus noise": (X * X.T + s**2 * EYE, True, [X, s]),
    "plus a diagonal": (X * X.T + DiagMatrix(b.applyfunc(exp)), True, [X, b]),
    "plus a diagonal of squares": (X * X.T + DiagMatrix(HadamardPower(b, 2)), True, [X, b]),
    "plus a diagonal of any sign": (X * X.T + DiagMatrix(b), False, [X, b]),
    "weighted": (X * DiagMatrix(w.applyfunc(exp)) * X.T + EYE, True, [X, w]),
    "weighted with any sign": (X * DiagMatrix(w) * X.T + EYE, False, [X, w]),
    "quadratic": (X.T * P * X, True, [X, P]),
    "quadratic in any matrix": (X.T * (A + A.T) * X, False, [X, A]),
    "inverse": (P.I + 2 * EYE, True, [P]),
    "difference": (P - EYE / 9, False, [P]),
    "entry by entry": (HadamardProduct(A, A.T) + 9 * EYE, False, [A]),
    "any matrix": (A + 9 * EYE, False, [A]),
}


@pytest.mark.parametrize("name", BY_FORM)
def test_what_is_definite_by_its_form_is_factorised_by_cholesky(name):
    matrix, definite, by = BY_FORM[name]
    vector = MatrixSymbol("u", matrix.shape[0], 1)
    model = Model(logdet(matrix) + Trace(vector.T * matrix.I * vector), by, facts=[Q.positive_definite(P)])
    code = model.source().split("def value_and_gradient(")[1]
    assert ("np.linalg.cholesky(" in code) == definite
    assert ("_logdet(" in code.split("\n\n\n")[0]) == (not definite)
    report = model.check()
    assert report.ok, report
