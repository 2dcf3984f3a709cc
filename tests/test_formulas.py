"""The formulas that the derivation gives, as SymPy objects: exact expectations."""

import numpy as np
import pytest
from sympy import (
    Abs,
    BlockMatrix,
    DiagMatrix,
    Eq,
    HadamardPower,
    HadamardProduct,
    Identity,
    IndexedBase,
    Lambda,
    MatrixSymbol,
    OneMatrix,
    Product,
    Rational,
    Sum,
    Symbol,
    Trace,
    cos,
    cosh,
    exp,
    log,
    preorder_traversal,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symgrad import LogSumExp, Model, if_else, logdet, sigmoid, softmax, total

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
    "half angles": exp(v / 2) / (exp(v / 2) + exp(-v / 2)),
    "cosh": exp(v / 2) / (2 * cosh(v / 2)),
    "floating numbers": 0.5 * (1 + tanh(0.5 * v)),
}


def log_loss(probability):
    return -(t.T * probability.applyfunc(log) + (ONE - t).T * (ONE - probability).applyfunc(log))


@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_logistic_regression(spelling):
    from sympy import Lambda

    model = Model(log_loss(y), [w], where=[Eq(z, X * w), Eq(y, z.applyfunc(Lambda(v, SIGMOIDS[spelling])))])
    assert model.gradient(w) == X.T * (y - t)
    assert model.adjoint(z) == y - t


@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_the_adjoint_of_a_probability_is_written_with_positive_signs(spelling):
    from sympy import Lambda

    model = Model(log_loss(y), [w], where=[Eq(z, X * w), Eq(y, z.applyfunc(Lambda(v, SIGMOIDS[spelling])))])
    shown = model.show()
    assert "∂C/∂y = (y − t)⊘y⊘(𝟏 − y)" in shown or "∂C/∂y = (y − t)⊘(𝟏 − y)⊘y" in shown


DATA, TARGET = IndexedBase("D", shape=(N, M)), IndexedBase("b", shape=(N,))
LOGIT, PROBABILITY, WEIGHT = IndexedBase("u", shape=(N,)), IndexedBase("p", shape=(N,)), IndexedBase("a", shape=(M,))
LIKELIHOOD = Product(PROBABILITY[n] ** TARGET[n] * (1 - PROBABILITY[n]) ** (1 - TARGET[n]), (n, 0, N - 1))
BERNOULLI = [Eq(LOGIT[n], Sum(DATA[n, j] * WEIGHT[j], (j, 0, M - 1))), Eq(PROBABILITY[n], 1 / (1 + exp(-LOGIT[n])))]


@pytest.mark.parametrize("named", [False, True])
def test_the_logarithm_of_a_likelihood(named):
    likelihood = Symbol("L")
    where = [*BERNOULLI, Eq(likelihood, LIKELIHOOD)] if named else BERNOULLI
    model = Model(-log(likelihood if named else LIKELIHOOD), [WEIGHT], where=where)
    assert model.gradient(WEIGHT[j]) == Sum((PROBABILITY[n] - TARGET[n]) * DATA[n, j], (n, 0, N - 1))
    assert model.adjoint(LOGIT[n]) == PROBABILITY[n] - TARGET[n]
    expected = (PROBABILITY[n] - TARGET[n]) / (PROBABILITY[n] * (1 - PROBABILITY[n]))
    assert (model.adjoint(PROBABILITY[n]) - expected).simplify() == 0
    assert not named or model.adjoint(likelihood) == -1 / likelihood
    assert model.check().ok


def test_the_logarithm_of_a_product_of_unknown_sign_stays_whole():
    model = Model(log(Product(WEIGHT[j], (j, 0, M - 1))), [WEIGHT])
    value, gradient = model.compile(check=False).value_and_gradient(np.array([-2.0, -3.0]))
    assert np.isclose(value, np.log(6)) and np.allclose(gradient.a, [-1 / 2, -1 / 3])


def test_the_logarithm_of_a_product_that_underflows():
    positive = IndexedBase("a", shape=(M,), positive=True)
    value, gradient = (
        Model(log(Product(positive[j], (j, 0, M - 1))), [positive])
        .compile(check=False)
        .value_and_gradient(np.full(4, 1e-200))
    )
    assert np.isclose(value, 4 * np.log(1e-200)) and np.allclose(gradient.a, 1e200)


def test_softmax_in_named_steps():
    Z, E, P, T, A = (IndexedBase(name, shape=(N, K)) for name in "ZEPTA")
    total_of = IndexedBase("S", shape=(N,))
    where = [
        Eq(Z[n, k], A[n, k] ** 2),
        Eq(E[n, k], exp(Z[n, k])),
        Eq(total_of[n], Sum(E[n, k], (k, 0, K - 1))),
        Eq(P[n, k], E[n, k] / total_of[n]),
    ]
    loss = -Sum(T[n, k] * log(P[n, k]), (n, 0, N - 1), (k, 0, K - 1))
    model = Model(loss, [A], where=where, facts=[Eq(Sum(T[n, k], (k, 0, K - 1)), 1)])
    assert model.adjoint(Z[n, k]) == P[n, k] - T[n, k]
    assert model.check().ok


def test_differences_from_a_mean_sum_to_zero():
    b, mean = IndexedBase("b", shape=(N,)), Symbol("m")
    loss = Sum((b[n] - mean) ** 2, (n, 0, N - 1)) / N
    model = Model(loss, [b], where=[Eq(mean, Sum(b[n], (n, 0, N - 1)) / N)])
    assert model.adjoint(mean) == 0
    assert model.gradient(b[n]).expand() == (2 * (b[n] - mean) / N).expand()


def test_a_gathered_entry_is_a_delta_of_its_subscript():
    Z, label = IndexedBase("Z", shape=(N, K)), IndexedBase("label", shape=(N,))
    model = Model(Sum(LogSumExp(Z[n, k], (k, 0, K - 1)) - Z[n, label[n]], (n, 0, N - 1)), [Z])
    assert "δ(k, label[n])" in model.show()


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


def test_the_variable_of_a_side_of_length_one_is_bound_nowhere_inside():
    larger = if_else(y[i, 0] > y[j, 0], sin(y[j, 0]), 0)
    gradient = Model(Sum(larger, (i, 0, N - 1), (j, 0, N - 1)), [y]).gradient(y)
    bound = {limit[0] for part in gradient.expr.atoms(Sum) for limit in part.limits}
    assert bound and not bound & set(gradient.variables)


def test_a_formula_does_not_ask_whether_vectors_are_diagonal(monkeypatch):
    # SymPy's DiagMatrix does, at every product that it is in: 27 seconds for this gradient
    monkeypatch.setattr("sympy.assumptions.ask", lambda *_: pytest.fail("SymPy was asked"))
    A, B, C = MatrixSymbol("A", K, M), MatrixSymbol("B", K, M), MatrixSymbol("C", M, K)
    v = softmax(C) * (softmax(B) + 3 * A) * OneMatrix(M, 1)
    model = Model(logdet(Identity(M) + v * v.T), [C])
    kinds = {type(part) for part in preorder_traversal(model.gradient(C))}
    assert DiagMatrix in kinds and not any(kind.__name__.startswith("_") for kind in kinds)


@pytest.mark.parametrize(
    "loss, other",
    [
        (lambda A, B, C: total(((A * B) * C).applyfunc(sin)), None),
        (None, lambda a, b, c: sin(Sum(a(i, j) * Sum(b(j, k) * c(k, n), (k, 0, K - 1)), (j, 0, M - 1)))),
        (None, lambda a, b, c: sin(Sum(c(k, n) * Sum(a(i, j) * b(j, k), (j, 0, M - 1)), (k, 0, K - 1)))),
    ],
    ids=["matrices", "from the right", "from the left"],
)
def test_a_chain_of_products_is_one_graph_however_it_is_bracketed(loss, other):
    A, B, C = MatrixSymbol("A", N, M), MatrixSymbol("B", M, K), MatrixSymbol("C", K, N)
    if loss is None:
        entries = other(*(lambda *at, matrix=matrix: matrix[at] for matrix in (A, B, C)))
        chain = Sum(entries, (i, 0, N - 1), (n, 0, N - 1))
    else:
        chain = loss(A, B, C)
    model = Model(chain, [A, B, C])
    assert "A @ B @ C" in model.source() and "(B @ C)" not in model.source()
    assert str(model.gradient(B)) == str(A.T * (A * B * C).applyfunc(cos) * C.T)


@pytest.mark.parametrize("function", [sin, cos, tanh, Abs])
def test_odd_and_even_functions_of_a_difference_have_one_sign(function):
    one, other = (Model(total((a - b).applyfunc(function)), [y, z]) for a, b in ((y, z), (z, y)))
    sign = 1 if function in (cos, Abs) else -1
    assert str(one.gradient(y)) == str((sign * other.gradient(y)).doit())
    assert "sin(z - y)" not in other.source() and "np.abs(z - y)" not in other.source()


def test_absolute_values_of_what_has_a_sign():
    forms = [Abs(exp(v) * w[j, 0]), exp(v) * Abs(w[j, 0]), Abs(exp(v) / w[j, 0]) * w[j, 0] ** 2]
    models = [Model(Sum(form, (j, 0, M - 1)), [w]) for form in forms]
    spelled = Model(total((exp(v) * w).applyfunc(Abs)), [w])
    assert len({str(model.program.loss.node.digest) for model in models[:2]}) == 1
    assert str(spelled.gradient(w)) == str(models[0].gradient(w))


def test_the_entries_of_blocks_have_formulas_at_every_block():
    # the last row of the blocks is row N, where x has no entry
    x, y = MatrixSymbol("x", N, 1), MatrixSymbol("y", N, 1)
    model = Model(total(BlockMatrix([[x, y], [y.T * x, y.T * y]]).applyfunc(sin)), [x])
    assert model.gradient(x).has(cos)


@pytest.mark.parametrize("function", [lambda u: tanh(exp(u)), lambda u: log(1 + u**2), lambda u: log(1 + exp(u))])
def test_functions_that_keep_a_sign_have_no_absolute_value(function):
    model = Model(total(y.applyfunc(function).applyfunc(Abs)), [y])
    assert not model.gradient(y).has(Abs, sign)
    half = Model(total(y.applyfunc(lambda u: log(u**2 + Rational(1, 2))).applyfunc(Abs)), [y])
    assert half.gradient(y).has(sign)


def test_a_variable_that_is_part_of_another_name_stands_for_the_matrix_only_by_itself():
    u, mu = Symbol("u", real=True), Symbol("mu", real=True)
    model = Model(total(X.applyfunc(Lambda(u, u * sin(mu * u)))), [X])
    assert "C = sum(X·sin(mu·X))" in model.show()


def test_a_condition_holds_for_its_own_index_only():
    """Inside of a softmax the index is another one, also where it has the same name."""
    alpha, seen, gap = Symbol("alpha", real=True), IndexedBase("s", shape=(M,)), IndexedBase("g", shape=(M,))
    there, over = if_else(seen[n] <= 0, 0, gap[n] - alpha), (n, 0, M - 1)
    slope = Model(LogSumExp(there, over), [alpha]).gradient(alpha)
    assert slope == -Sum(if_else(seen[n] <= 0, 0, softmax(there, over)), over)


def test_signs_inside_a_norm_are_those_of_matrices():
    a, b, c, d = (MatrixSymbol(name, *shape) for name, *shape in [("a", N, 1), ("b", N, 1), ("c", 1, M), ("d", 1, N)])
    outer = exp(v) * (-2 * a - 3 * b).applyfunc(sigmoid) * d * a * c
    assert "‖𝟏 − sigmoid(" in Model(sqrt(total(HadamardPower(outer, 2))), [b, v]).show()


def test_exponentials_of_multiples_are_powers_of_one():
    """Of (y − μ)²/(μ²·y), the exponent of the inverse Gaussian density, with μ = exp(u): terms of size μ/y cancel."""
    sums, b = Sum(DATA[n, j] * WEIGHT[j], (j, 0, M - 1)), IndexedBase("b", shape=(N,))
    for exponent, at in ((sums, WEIGHT), (v - 2 * sums, v)):
        mean = exp(exponent)
        model = Model(Sum((b[n] - mean) ** 2 / (mean**2 * b[n]), (n, 0, N - 1)), [at])
        given = {"D": np.array([[0.5, -1.0], [0.25, 1.0]]), "a": np.array([1.0, 0.5]), "v": np.array(0.75)}
        given = {name: given[name] for name in model.compile(check=False).SHAPES if name != "b"}
        (found,) = model.compile().gradient(**given, b=np.array([1e-20, 1e-20]))
        scores = given["D"] @ given["a"] if at is WEIGHT else given["v"] - 2 * given["D"] @ given["a"]
        slopes = 2 * np.exp(-scores)
        np.testing.assert_allclose(found, given["D"].T @ slopes if at is WEIGHT else slopes.sum(), rtol=1e-14)
