"""The formulas that the derivation gives, as SymPy objects: exact expectations."""

import pytest
from sympy import (
    Eq,
    HadamardProduct,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    symbols,
    tanh,
)

from symgrad import Model, sigmoid, softmax, total

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
X, w, t = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1)
y, z = MatrixSymbol("y", N, 1), MatrixSymbol("z", N, 1)
ONE = OneMatrix(N, 1)
v = Symbol("v")

SIGMOIDS = {
    "named": sigmoid(v),
    "one over": 1 / (1 + exp(-v)),
    "quotient": exp(v) / (1 + exp(v)),
    "tanh": Rational(1, 2) + tanh(v / 2) / 2,
    "one minus": 1 - 1 / (1 + exp(v)),
}


def log_loss(probability):
    return -(t.T * probability.applyfunc(log) + (ONE - t).T * (ONE - probability).applyfunc(log))


@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_logistic_regression(spelling):
    from sympy import Lambda

    model = Model(log_loss(y), [w], where=[Eq(z, X * w), Eq(y, z.applyfunc(Lambda(v, SIGMOIDS[spelling])))])
    assert model.gradient(w) == X.T * (y - t)
    assert model.adjoint(z) == y - t


def test_logistic_regression_with_names_substituted():
    model = Model(log_loss(y), [w], where=[Eq(z, X * w), Eq(y, sigmoid(z))])
    assert model.gradient(w, expand=True) == X.T * ((X * w).applyfunc(sigmoid) - t) or "sigmoid" in str(
        model.gradient(w, expand=True)
    )
    assert "∂C/∂w = Xᵀ(y − t)" in model.show()


@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_derivative_of_the_sigmoid(spelling):
    x = Symbol("x")
    assert Model(SIGMOIDS[spelling].subs(v, x), [x]).gradient(x) == sigmoid(x) * (1 - sigmoid(x))


def softmax_regression(facts):
    x = IndexedBase("X", shape=(N, M))
    W, T, Z, P = (
        IndexedBase(s, shape=shape) for s, shape in (("W", (M, K)), ("t", (N, K)), ("z", (N, K)), ("p", (N, K)))
    )
    where = [
        Eq(Z[n, k], Sum(x[n, j] * W[j, k], (j, 0, M - 1))),
        Eq(P[n, k], exp(Z[n, k]) / Sum(exp(Z[n, k]), (k, 0, K - 1))),
    ]
    known = [Eq(Sum(T[n, k], (k, 0, K - 1)), 1)] if facts else []
    return (
        Model(-Sum(T[n, k] * log(P[n, k]), (n, 0, N - 1), (k, 0, K - 1)), [W], where=where, facts=known),
        T,
        Z,
        P,
        W,
        x,
    )


def test_softmax_cross_entropy_with_the_fact_that_targets_sum_to_one():
    model, T, Z, P, W, x = softmax_regression(facts=True)
    assert model.adjoint(Z[n, k]) == P[n, k] - T[n, k]
    assert model.gradient(W[j, k]) == Sum(x[n, j] * (P[n, k] - T[n, k]), (n, 0, N - 1))


def test_softmax_cross_entropy_without_the_fact():
    model, T, Z, P, *_ = softmax_regression(facts=False)
    assert (
        model.adjoint(Z[n, k]) == P[n, k] * Sum(T[n, j], (j, 0, K - 1)) - T[n, k]
        or model.adjoint(Z[n, k]).as_dummy() == (P[n, k] * Sum(T[n, j], (j, 0, K - 1)) - T[n, k]).as_dummy()
    )


def test_softmax_cross_entropy_in_matrix_notation():
    Z, P, T, W = MatrixSymbol("Z", N, K), MatrixSymbol("P", N, K), MatrixSymbol("T", N, K), MatrixSymbol("W", M, K)
    model = Model(
        -total(HadamardProduct(T, P.applyfunc(log))),
        [W],
        where=[Eq(Z, X * W), Eq(P, softmax(Z))],
        facts=[Eq(T * OneMatrix(K, 1), ONE)],
    )
    assert model.adjoint(Z) == P - T
    assert model.gradient(W) == X.T * (P - T)


def test_ridge():
    lam = Symbol("lam")
    model = Model((X * w - y).T * (X * w - y) + lam * w.T * w, [w])
    assert model.gradient(w) == 2 * X.T * (X * w - y) + 2 * lam * w


def test_matrix_factorisation():
    A, U, V = MatrixSymbol("A", N, M), MatrixSymbol("U", N, K), MatrixSymbol("V", M, K)
    R = A - U * V.T
    model = Model(Trace(R.T * R), [U, V])
    assert (model.gradient(U) - (-2 * (A - U * V.T) * V)).doit().is_ZeroMatrix or model.gradient(U) == -2 * R * V


def test_tanh_is_differentiated_by_its_value():
    W, H, u = MatrixSymbol("W", M, K), MatrixSymbol("H", N, K), MatrixSymbol("u", K, 1)
    model = Model((H * u - t).T * (H * u - t), [W], where=[Eq(H, (X * W).applyfunc(tanh))])
    assert "𝟏𝟏ᵀ − H∘²" in model.show()
    assert "tanh" not in str(model.gradient(W))


def test_the_adjoint_of_an_absorbed_name_is_that_of_the_model_as_written():
    model = Model(log_loss(y), [w], where=[Eq(z, X * w), Eq(y, sigmoid(z))])
    at = model.adjoint(y[i, 0])
    expected = -(t[i, 0] / y[i, 0]) + (1 - t[i, 0]) / (1 - y[i, 0])
    assert (at - expected).simplify() == 0


def test_terms_shuffled_and_indices_renamed_give_the_same_code():
    a, b = IndexedBase("a", shape=(N, M)), IndexedBase("b", shape=(M,))
    first = Model(Sum(tanh(Sum(a[i, j] * b[j], (j, 0, M - 1))) ** 2, (i, 0, N - 1)), [b])
    second = Model(Sum(tanh(Sum(b[k] * a[n, k], (k, 0, M - 1))) ** 2, (n, 0, N - 1)), [b])
    assert first.source().split("ARGUMENTS")[1] == second.source().split("ARGUMENTS")[1]


def test_no_index_of_a_formula_is_bound_inside_and_free_outside():
    x, b, u = IndexedBase("X", shape=(N, M)), IndexedBase("y", shape=(N,)), IndexedBase("w", shape=(M,))
    residual = Sum(x[i, j] * u[j], (j, 0, M - 1)) - b[i]
    gradient = Model(Sum(residual**2, (i, 0, N - 1)), [u]).gradient(u)
    (free,) = gradient.variables
    assert all(limit[0] != free for part in gradient.expr.atoms(Sum) for limit in part.limits)
    # called with a number, or with an index that is summed over inside
    assert gradient(0).has(x[i, 0]) and not gradient(0).has(x[0, 0])
    inner = gradient(i).atoms(type(x[0, 0]))
    assert not any(entry.base == x and entry.indices[0] == entry.indices[1] for entry in inner)
