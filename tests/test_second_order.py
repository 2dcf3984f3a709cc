"""Hessians, Hessian-vector products, Jacobians: closed forms, generated code, structure, and the check of them."""

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import (
    Abs,
    Determinant,
    Eq,
    HadamardPower,
    HadamardProduct,
    IndexedBase,
    Integer,
    KroneckerDelta,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    OneMatrix,
    Product,
    Q,
    Sum,
    Trace,
    ZeroMatrix,
    exp,
    log,
    sign,
    sin,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagMatrix

from symgrad import LogSumExp, Model, ModelError, if_else, logdet, relu, sigmoid, total
from symgrad.calculus import forward
from symgrad.graph.build import scale
from symgrad.graph.nodes import Node
from symgrad.verify.agreement import combine
from tests.families import one_in

N, M, K, R = symbols("N M K R", integer=True, positive=True)
i, j, k, m, n, o = symbols("i j k m n o", integer=True)
A, x, X = MatrixSymbol("A", N, N), MatrixSymbol("x", N, 1), MatrixSymbol("X", N, M)
w, t, y = MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1), MatrixSymbol("y", N, 1)
U, V, B = MatrixSymbol("U", N, K), MatrixSymbol("V", M, K), MatrixSymbol("B", N, M)
s = symbols("s")
z, p, target = (IndexedBase(name, shape=(K,)) for name in ("z", "p", "target"))
a, label = IndexedBase("a", shape=(N,)), IndexedBase("label", shape=(R,), integer=True)
other = IndexedBase("other", shape=(R,), integer=True)

ONES = OneMatrix(N, 1)
QUADRATIC = Model(x.T * A * x, [x])
LOGISTIC = Model(
    -(t.T * y.applyfunc(log) + (ONES - t).T * (ONES - y).applyfunc(log)), [w], where=[Eq(y, sigmoid(X * w))]
)
FACTORISATION = Model(Trace((B - U * V.T).T * (B - U * V.T)), [U, V])
CROSS_ENTROPY = Model(
    -Sum(target[k] * log(p[k]), (k, 0, K - 1)),
    [z],
    where=[Eq(p[k], exp(z[k]) / Sum(exp(z[j]), (j, 0, K - 1)))],
    facts=[Eq(Sum(target[k], (k, 0, K - 1)), 1)],
)
r = IndexedBase("r", shape=(R,))
EDGES = Model(Sum(r[o] ** 2, (o, 0, R - 1)), [a], where=[Eq(r[o], a[label[o]] ** 2 - a[other[o]])])


def body(source: str, function: str) -> str:
    """The statements of one generated function."""
    return re.search(rf"^def {function}\(.*?(?=^\S)", source, re.M | re.S)[0]


def signature(source: str, function: str) -> str:
    """The arguments of a function, without their types."""
    (found,) = (one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef) and one.name == function)
    for argument in (*found.args.args, *found.args.kwonlyargs):
        argument.annotation = None
    return ast.unparse(found.args).replace("=", " = ")


# --- closed forms, as formulas ----------------------------------------------------------------------------------------


def test_a_quadratic_form() -> None:
    assert QUADRATIC.hessian(x, x) == A + A.T


def test_logistic_regression() -> None:
    assert LOGISTIC.hessian(w, w) == X.T * DiagMatrix(HadamardProduct(y, ONES - y)) * X


def test_softmax_cross_entropy_by_logits() -> None:
    assert CROSS_ENTROPY.hessian(z[i], z[j]) == p[i] * KroneckerDelta(i, j) - p[i] * p[j]
    logits, probability = MatrixSymbol("z", K, 1), MatrixSymbol("p", K, 1)
    targets, ones = MatrixSymbol("t", K, 1), OneMatrix(1, K)
    quotient = logits.applyfunc(exp) * HadamardPower(ones * logits.applyfunc(exp), -1)
    model = Model(
        -targets.T * probability.applyfunc(log),
        [logits],
        where=[Eq(probability, quotient)],
        facts=[Eq((ones * targets)[0, 0], 1)],
    )
    assert model.hessian(logits, logits) == DiagMatrix(probability) - probability * probability.T


def test_a_factorisation_is_a_kronecker_product_with_an_identity() -> None:
    c = symbols("c", integer=True)
    expected = 2 * KroneckerDelta(i, k) * Sum(V[c, j] * V[c, m], (c, 0, M - 1))
    assert FACTORISATION.hessian(U[i, j], U[k, m]).as_dummy() == expected.as_dummy()
    assert FACTORISATION.hessian(U, U)(i, j, k, m).as_dummy() == expected.as_dummy()


def test_a_jacobian_is_a_matrix_or_a_function_of_indices() -> None:
    assert LOGISTIC.jacobian(y, w) == LOGISTIC.jacobian("y", w) == DiagMatrix(HadamardProduct(y, ONES - y)) * X
    assert CROSS_ENTROPY.jacobian(p[i], z[j]) == p[i] * KroneckerDelta(i, j) - p[i] * p[j]
    entry = EDGES.jacobian(r[o], a[n])
    assert entry == 2 * a[label[o]] * KroneckerDelta(n, label[o]) - KroneckerDelta(n, other[o])


def test_scalars_have_scalar_second_derivatives() -> None:
    model = Model(s**3 * total(x), [s, x])
    assert model.hessian(s, s).diff(s).doit() == 6 * Sum(x[i, 0], (i, 0, N - 1))
    assert model.hessian(s, x) == model.hessian(x, s) == 3 * s**2 * OneMatrix(N, 1)
    assert model.hessian(x, x) == ZeroMatrix(N, N)


def test_names_can_be_substituted() -> None:
    expanded = LOGISTIC.hessian(w, w, expand=True)
    assert not expanded.has(y)
    assert expanded.has(w)


def test_second_derivatives_at_kinks_are_zero() -> None:
    for function in (relu, Abs, lambda u: Max(u, 1), sign):
        assert Model(Sum(function(a[n]), (n, 0, N - 1)), [a]).hessian(a[i], a[j]) == 0


def test_what_is_no_parameter_or_no_name_is_refused() -> None:
    with pytest.raises(ModelError, match="A is not a parameter"):
        QUADRATIC.hessian(x, A)
    with pytest.raises(ModelError, match="not a name of `where`"):
        LOGISTIC.jacobian(X, w)
    with pytest.raises(ModelError, match="not a name of `where`"):
        LOGISTIC.source(jacobian=["w"])


def test_products_over_an_index_have_second_derivatives_where_entries_are_zero() -> None:
    """H[i, j] is the sum of the products that have both, without either."""
    model = Model(Sum(Product(a[j], (j, 0, n)), (n, 0, N - 1)), [a])
    at = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    expected = np.zeros((5, 5))
    for last, one, other in np.ndindex(5, 5, 5):
        if one != other and max(one, other) <= last:
            expected[one, other] += np.prod([at[k] for k in range(last + 1) if k not in (one, other)])
    module = model.compile(hessian=True, hvp=True)
    np.testing.assert_allclose(module.hessian(at).a.a, expected, rtol=1e-15)
    np.testing.assert_allclose(
        module.hessian_vector_product(np.arange(5.0), at).a, expected @ np.arange(5.0), rtol=1e-15
    )
    assert model.check(hessian=True).ok


def test_show_prints_them() -> None:
    assert "∂²C/∂w∂w = Xᵀdiag(y∘(𝟏 − y))X" in LOGISTIC.show(hessian=True)
    assert "∂y/∂w = diag(y∘(𝟏 − y))X" in LOGISTIC.show(jacobian=["y"])
    assert "∂²C/∂U∂U[i,j,k,l] = 2·δ(i, k)·" in FACTORISATION.show(hessian=True)
    assert r"\frac{\partial^{2}C}{\partial w\partial w} &= X^{\top}\operatorname{diag}" in LOGISTIC.show(
        "latex", hessian=True
    )
    assert "²" not in LOGISTIC.show()


# --- generated code ---------------------------------------------------------------------------------------------------


def test_a_module_has_them_on_request_only() -> None:
    plain = LOGISTIC.source()
    assert "def hessian" not in plain and "def jacobian" not in plain
    assert plain == LOGISTIC.source(hessian=False, hvp=False, jacobian=[])
    module = LOGISTIC.compile(hessian=True, hvp=True, jacobian=["y"])
    assert {"hessian", "hessian_vector_product", "jacobian_y"} <= set(vars(module))
    assert not hasattr(module, "hessian_compact")  # it has no structure
    assert LOGISTIC.source(hessian=True) == LOGISTIC.source(hessian=True)


def test_arguments_that_are_not_needed_may_be_left_out_or_passed_by_name() -> None:
    source = QUADRATIC.source(hessian=True, hvp=True)
    assert signature(source, "hessian") == "A, *, x = None"
    assert signature(source, "hessian_vector_product") == "direction, A, *, x = None"
    assert signature(LOGISTIC.source(hessian=True), "hessian") == "w, X, *, t = None"
    assert signature(FACTORISATION.source(hessian=True), "hessian_compact") == "U, V, *, B = None"
    # nothing is left that would tell how long the axis is
    assert signature(Model(s * x.T * x, [x]).source(hessian=True), "hessian") == "s, N, *, x = None"


def test_the_values_of_closed_forms() -> None:
    rng = np.random.default_rng(0)
    matrix, features, weights = rng.normal(size=(3, 3)), rng.normal(size=(5, 3)), rng.normal(size=3)
    np.testing.assert_array_equal(QUADRATIC.compile(hessian=True).hessian(matrix).x.x, matrix + matrix.T)
    probability = 1 / (1 + np.exp(-features @ weights))
    logistic = LOGISTIC.compile(hessian=True, hvp=True)
    expected = features.T @ np.diag(probability * (1 - probability)) @ features
    np.testing.assert_allclose(logistic.hessian(weights, features).w.w, expected)
    direction = rng.normal(size=3)
    for given in (direction, (direction,), logistic.Parameters(direction)):
        product = logistic.hessian_vector_product(given, weights, features).w
        np.testing.assert_allclose(product, expected @ direction)
    column = logistic.hessian_vector_product(direction[:, None], weights[:, None], features).w
    np.testing.assert_allclose(column, (expected @ direction)[:, None])
    logits = rng.normal(size=4)
    softmax_of = np.exp(logits) / np.exp(logits).sum()
    found = CROSS_ENTROPY.compile(hessian=True).hessian(logits).z.z
    np.testing.assert_allclose(found, np.diag(softmax_of) - np.outer(softmax_of, softmax_of), atol=1e-15)


def test_logistic_regression_takes_one_matrix_product() -> None:
    statements = body(LOGISTIC.source(hessian=True), "_hessian_rows")
    assert "weighted.T.dot(weighted)" in statements  # of an array with itself, at half the operations
    assert statements.count(".dot(") == 2 and "@" not in statements and "X.dot(w)" in statements
    assert "diag" not in statements.split('"""')[2]


def test_a_weight_that_may_be_negative_is_not_drawn_a_root_of() -> None:
    c = IndexedBase("c", shape=(N,))
    model = Model(Sum(c[n] * Sum(X[n, j] * w[j, 0], (j, 0, M - 1)) ** 2, (n, 0, N - 1)), [w])
    source = model.source(hessian=True)
    assert "sqrt" not in source
    rows, signs = np.random.default_rng(7).normal(size=(2, 6, 3))
    found = model.compile(hessian=True).hessian(rows, signs[:, 0]).w.w
    np.testing.assert_allclose(found, 2 * rows.T @ np.diag(signs[:, 0]) @ rows)


def test_products_over_many_rows_go_in_blocks() -> None:
    module = LOGISTIC.compile(hessian=True, hvp=True)
    rng = np.random.default_rng(8)
    features, weights, direction = rng.normal(size=(20_000, 3)), rng.normal(size=3), rng.normal(size=3)
    expected = module.hessian(weights, features).w.w @ direction
    np.testing.assert_allclose(module.hessian_vector_product(direction, weights, features).w, expected, rtol=1e-10)


def test_no_identity_is_built() -> None:
    for model in (FACTORISATION, CROSS_ENTROPY, Model(s * x.T * x, [x])):
        source = model.source(hessian=True)
        assert "np.eye" not in source
        assert "np.einsum(" in body(source, "hessian")  # a view of the diagonal


def test_compact_factors_combine_as_the_docstring_says() -> None:
    module = FACTORISATION.compile(hessian=True)
    assert "H.U.U[i, j, k, l] = δ[i, k]·compact.U.U[j, l]" in module.hessian_compact.__doc__
    rng = np.random.default_rng(1)
    left, right, data = rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), rng.normal(size=(4, 3))
    compact = module.hessian_compact(left, right)
    np.testing.assert_allclose(compact.U.U, 2 * right.T @ right)
    dense = module.hessian(left, right, data)
    np.testing.assert_allclose(dense.U.U, np.einsum("ik,jl->ijkl", np.eye(4), compact.U.U))
    np.testing.assert_allclose(dense.U.V, dense.V.U.transpose(2, 3, 0, 1))
    assert not hasattr(compact.U, "V")  # that one has no structure


def test_a_sum_of_kronecker_products_has_a_factor_for_each() -> None:
    left, right = MatrixSymbol("L", N, N), MatrixSymbol("R", K, K)
    model = Model(Trace(U.T * left * U) + Trace(U * right * U.T), [U])
    module = model.compile(hessian=True)
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=(3, 3)), rng.normal(size=(2, 2))
    factors = module.hessian_compact(one, two).U.U
    expected = np.einsum("ik,jl->ijkl", one + one.T, np.eye(2)) + np.einsum("ik,jl->ijkl", np.eye(3), two + two.T)
    np.testing.assert_allclose(module.hessian(one, two).U.U, expected)
    parts = {factor.shape: factor for factor in factors}
    np.testing.assert_allclose(parts[3, 3], one + one.T)
    np.testing.assert_allclose(parts[2, 2], two + two.T)


def test_flat_functions_for_optimisers() -> None:
    module = FACTORISATION.compile(hessian=True, hvp=True)
    rng = np.random.default_rng(3)
    data = rng.normal(size=(3, 4))
    theta, direction = rng.normal(size=(2, 14))
    matrix = module.flat_hessian(theta, A=data) if "A" in module.ARGUMENTS else module.flat_hessian(theta, B=data)
    assert matrix.shape == (14, 14)
    np.testing.assert_allclose(matrix, matrix.T)
    np.testing.assert_allclose(module.flat_hessian_vector_product(theta, direction, B=data), matrix @ direction)
    step = 1e-6 * direction
    above, below = (module.flat_value_and_gradient(theta + sign * step, B=data)[1] for sign in (1, -1))
    np.testing.assert_allclose(matrix @ direction, (above - below) / 2e-6, rtol=1e-6)


def test_float32_stays_float32_and_results_are_nobody_elses() -> None:
    module = FACTORISATION.compile(hessian=True, hvp=True)
    rng = np.random.default_rng(4)
    left, right, data = (rng.normal(size=size).astype(np.float32) for size in ((4, 2), (3, 2), (4, 3)))
    rows = module.hessian(left, right, data)
    entries = [entry for row in rows for entry in row]
    assert all(entry.dtype == np.float32 and entry.flags.writeable for entry in entries)
    assert not any(np.shares_memory(one, two) for n, one in enumerate(entries) for two in entries[:n])
    assert module.hessian_vector_product((left, right), left, right, data).U.dtype == np.float32


def test_wrong_shapes_are_refused() -> None:
    module = LOGISTIC.compile(hessian=True, hvp=True)
    with pytest.raises(ValueError, match="side"):
        module.hessian(np.ones(3), np.ones((5, 4)))
    with pytest.raises(ValueError, match="one array for each"):
        module.hessian_vector_product((np.ones(4), np.ones(4)), np.ones(4), np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"side|shape"):
        module.hessian_vector_product(np.ones(3), np.ones(4), np.ones((5, 4)))


def test_a_name_that_the_functions_need_is_refused() -> None:
    direction = MatrixSymbol("direction", N, 1)
    model = Model(direction.T * A * direction, [direction])
    model.source()
    with pytest.raises(ModelError, match="'direction' is taken"):
        model.source(hvp=True)


def test_the_generated_code_is_typed(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    (tmp_path / "edges.py").write_text(EDGES.source(hessian=True, hvp=True, jacobian=["r"]), encoding="utf-8")
    report, _, code = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "edges.py")])
    assert code == 0, report


# --- sparse Jacobians -------------------------------------------------------------------------------------------------


def test_a_jacobian_by_gathered_entries_is_sparse() -> None:
    source = EDGES.source(jacobian=["r"])
    assert "J.a : sparse, with entries only where" in source and "r[i], a[label[i]] : i < R" in source
    assert "np.zeros((R" not in body(source, "jacobian_r")
    module = EDGES.compile(jacobian=["r"])
    values = np.array([0.5, -1.0, 2.0, 3.0])
    first, second = np.array([0, 2, 1, 3, 3]), np.array([1, 1, 0, 3, 2])
    found = module.jacobian_r(values, first, second).a
    dense = np.zeros((5, 4))
    for row, (one, two) in enumerate(zip(first, second, strict=True)):
        dense[row, one] += 2 * values[one]
        dense[row, two] -= 1
    assert found.shape == (5, 4)
    assert np.size(found.values) == 9  # of the edge from 3 to itself both derivatives are one entry
    np.testing.assert_allclose(found.to_dense(), dense)
    sparse = pytest.importorskip("scipy.sparse")
    matrix = found.to_scipy()
    assert sparse.issparse(matrix)
    np.testing.assert_allclose(matrix.toarray(), dense)


def test_entries_of_literal_axes_that_are_zero_are_left_out() -> None:
    points, seen = IndexedBase("points", shape=(N, 3)), IndexedBase("seen", shape=(R, 2))
    residual = IndexedBase("e", shape=(R, 2))
    quotient = points[label[o], j] / (2 + points[label[o], 2] ** 2)
    model = Model(
        Sum(residual[o, j] ** 2, (j, 0, 1), (o, 0, R - 1)), [points], where=[Eq(residual[o, j], seen[o, j] - quotient)]
    )
    module = model.compile(jacobian=["e"])
    rng = np.random.default_rng(5)
    where, which = rng.normal(size=(4, 3)), np.array([3, 0, 3])
    found = module.jacobian_e(where, which).points
    assert found.values.shape == (3 * 2 * 2,)  # by the entry beside which it stands, and by the last one
    expected = np.zeros((3, 2, 4, 3))
    for row, c in enumerate(which):
        depth = 2 + where[c, 2] ** 2
        expected[row, :, c, :2] = -np.eye(2) / depth
        expected[row, :, c, 2] = where[c, :2] * 2 * where[c, 2] / depth**2
    np.testing.assert_allclose(found.to_dense(), expected.reshape(6, 12), atol=1e-15)


def test_an_elementwise_jacobian_is_a_diagonal() -> None:
    e = IndexedBase("e", shape=(N,))
    model = Model(Sum(e[n] ** 2, (n, 0, N - 1)), [a], where=[Eq(e[n], sin(a[n]))])
    found = model.compile(jacobian=["e"]).jacobian_e(np.arange(3.0)).a
    np.testing.assert_allclose(found.values, np.cos(np.arange(3.0)))
    np.testing.assert_array_equal(found.rows, found.columns)


def test_a_jacobian_by_what_does_not_matter_is_empty() -> None:
    e = symbols("e")
    model = Model(e * total(x), [s, x], where=[Eq(e, s**2)])
    jacobian = model.compile(jacobian=["e"]).jacobian_e(3.0, 4)
    assert jacobian.s == 6.0
    assert jacobian.x.shape == (1, 4)
    assert np.size(jacobian.x.values) == 0


# --- the check --------------------------------------------------------------------------------------------------------


def _names(model: Model) -> list[object]:
    return list(model.program.names)


@pytest.mark.parametrize("model", one_in(2, [QUADRATIC, LOGISTIC, FACTORISATION, CROSS_ENTROPY, EDGES]))
def test_closed_forms_pass_the_check(model: Model, assert_gradient: object) -> None:
    report = assert_gradient(model, hessian=True, hvp=True, jacobian=_names(model))  # type: ignore[operator]
    labels = {entry.parameter for entry in report.entries}
    first = model.program.arguments[0].name
    assert {f"H.{first}.{first}", f"Hv.{first}"} <= labels


def test_the_check_needs_the_derivatives_to_be_seen() -> None:
    report = LOGISTIC.check(hessian=True)
    assert "H.w.w" in report.parameters
    assert "H.w.w" in str(report)
    assert "H.w.w" not in LOGISTIC.check().parameters


# Each forward rule, wrong: the check has to see it.
RULES = {
    "Add": FACTORISATION,
    "Contract": LOGISTIC,
    "Apply": LOGISTIC,
    "Reduce": Model(LogSumExp(a[n], (n, 0, N - 1)) ** 2, [a]),
    "AxisMap": CROSS_ENTROPY,
    "Gather": EDGES,
    "Scatter": EDGES,
    "Named": LOGISTIC,
}


@pytest.mark.parametrize("kind", one_in(4, RULES))
def test_a_wrong_rule_fails_the_check(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = forward.push

    def doubled(node: Node, tangents: Any) -> Any:
        found = right(node, tangents)
        return scale(Integer(2), found) if type(node).__name__ == kind else found

    monkeypatch.setattr(forward, "push", doubled)
    given = RULES[kind]  # what was derived of it by the right rule is kept with it
    model = Model(given.loss, given.parameters, where=given.where, facts=given.facts, name=given.name)
    report = model.check(hessian=True, hvp=True, jacobian=_names(model))
    assert not report.ok
    assert report.failures


@pytest.mark.parametrize(
    "change", [("[...] = -(", "[...] = ("), ("[...] = ", "[...] = 2 * "), ("weighted.T.", "1.001 * weighted.T.")]
)
def test_wrong_code_fails_the_check(change: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = LOGISTIC if "weighted" in change[0] else CROSS_ENTROPY if "-" in change[0] else FACTORISATION
    right = Model._source

    def wrong(self: Model, *request: Any) -> str:
        source = right(self, *request)
        start = source.index("def hessian(")
        return source[:start] + source[start:].replace(change[0], change[1], 1)

    monkeypatch.setattr(Model, "_source", wrong)
    report = model.check(hessian=True)
    assert any(failure for failure in report.failures if "H." in getattr(failure, "parameter", "H."))


def test_factors_combine() -> None:
    part = np.arange(4.0).reshape(2, 2)
    dense = combine(part, [(0, 2)], [1, 3], (3, 2, 3, 2))
    np.testing.assert_array_equal(dense, np.einsum("ik,jl->ijkl", np.eye(3), part))


@pytest.mark.parametrize(
    "kind", one_in(2, ["quadratic form", "inverse", "log-determinant", "determinant", "kronecker"])
)
def test_hessians_through_linear_algebra(kind):
    A, v = MatrixSymbol("A", M, M), MatrixSymbol("v", M, 1)
    B = MatrixSymbol("B", K, K)
    model = {
        "quadratic form": lambda: Model(v.T * A.I * v, [v]),
        "inverse": lambda: Model(v.T * A.I * v, [A]),
        "log-determinant": lambda: Model(logdet(A) + Trace(A.T * A), [A], facts=[Q.positive_definite(A)]),
        "determinant": lambda: Model(Determinant(A), [A]),
        "kronecker": lambda: Model(Trace(KroneckerProduct(A, B)) ** 2, [A, B]),
    }[kind]()
    assert model.check(hessian=True, hvp=True).ok


def test_a_hessian_through_padding_has_all_of_its_terms():
    N, i = symbols("N", integer=True, positive=True), symbols("i", integer=True)
    x = IndexedBase("x", shape=(N,))
    before, after = if_else(i > 0, x[i - 1], 0), if_else(i < N - 1, x[i + 1], 0)
    model = Model(Sum((4 * x[i] - before - after) ** 2, (i, 0, N - 1)), [x])
    laplacian = 4 * np.eye(5) - np.eye(5, k=1) - np.eye(5, k=-1)
    np.testing.assert_array_equal(model.compile(hessian=True).hessian(N=5).x.x, 2 * laplacian.T @ laplacian)


def test_the_check_of_formulas_knows_the_parts_of_a_diagonal_beside_a_constant() -> None:
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    w, x, c = IndexedBase("w", shape=(N,)), IndexedBase("x", shape=(N,)), symbols("c", real=True)
    report = str(Model(Sum(x[n] * w[n] ** 2, (n, 0, N - 1)) + c, [w, c]).check(hessian=True))
    assert "PASSED" in report and "could be checked" not in report
