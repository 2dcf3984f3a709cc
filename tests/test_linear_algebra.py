"""Inverses, determinants, powers, Kronecker products, blocks and norms: constructs, facts, code, errors."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from sympy import (
    Abs,
    BlockDiagMatrix,
    BlockMatrix,
    Determinant,
    DiagMatrix,
    Eq,
    HadamardPower,
    HadamardProduct,
    Identity,
    IndexedBase,
    Inverse,
    KroneckerDelta,
    Matrix,
    MatrixSymbol,
    Mod,
    OneMatrix,
    Q,
    Sum,
    Symbol,
    Trace,
    acos,
    asin,
    atan,
    cos,
    exp,
    log,
    sign,
    sin,
    sqrt,
    symbols,
    tan,
    tanh,
)
from sympy.matrices.expressions.kronecker import KroneckerProduct

from symgrad import Model, ModelError, UnsupportedError, det, inverse, logdet, norm1, norm2, relu, total
from tests.families import one_in
from tests.independent import Independent

N, M, K, D = symbols("N M K D", integer=True, positive=True)
i, j, k, i_ = symbols("i j k i_", integer=True)
A, B, C = (MatrixSymbol(name, N, N) for name in "ABC")
X, V = MatrixSymbol("X", N, M), MatrixSymbol("V", M, K)
b, c, w = MatrixSymbol("b", N, 1), MatrixSymbol("c", N, 1), MatrixSymbol("w", M, 1)
E, P = MatrixSymbol("E", M, M), MatrixSymbol("P", N, N)
S, v = IndexedBase("S", shape=(K, D, D)), IndexedBase("v", shape=(K, D))
s = Symbol("s")
T, label = IndexedBase("T", shape=(D, K, D)), IndexedBase("label", shape=(K,))
H, G, Y1 = MatrixSymbol("H", N, N), MatrixSymbol("G", M, M), MatrixSymbol("Y", 1, 1)
ROWS, COLUMNS = (i, 0, D - 1), (j, 0, D - 1)


def quadratic(matrix, vector=b):
    return Trace(vector.T * matrix * vector)


# fmt: off
MODELS = {
    "inverse": lambda: Model(quadratic(A.I), [A, b]),
    "inverse entry": lambda: Model(A.I[0, 1] + A.I[1, 1]**2, [A]),
    "inverse of a product": lambda: Model(Trace(B*Inverse(A*C)), [A, B, C]),
    "negative power": lambda: Model(Trace(B*A**-2), [A]),
    "high power": lambda: Model(Trace(A**10), [A]),
    "log det": lambda: Model(log(Determinant(A))**2, [A]),
    "log |det|": lambda: Model(log(Abs(Determinant(A))), [A]),
    "log of multiples of det": lambda: Model(log(exp(s)*sqrt(Determinant(A*A.T + Identity(N)))), [A, s]),
    "log det of a multiple": lambda: Model(logdet((1 + s**2)*(A*A.T + Identity(N))), [A, s]),
    "gram": lambda: Model(logdet(X.T*X), [X]),
    "det": lambda: Model(Determinant(A*B + Identity(N)), [A, B]),
    "det of diag": lambda: Model(Determinant(DiagMatrix(b)*3) + logdet(DiagMatrix(b.applyfunc(exp))), [b]),
    "inverse of diag": lambda: Model(Trace(DiagMatrix(b.applyfunc(exp)).I*A), [A, b]),
    "ridge": lambda: Model(quadratic((X*X.T + s**2*Identity(N)).I) + logdet(X*X.T + s**2*Identity(N)), [X, b, s]),
    "schur": lambda: Model(Trace(E - X.T*A.I*X), [X, A, E]),
    "stack": lambda: Model(
        Sum(v[k, i]*inverse(S[k, i, j], ROWS, COLUMNS)*v[k, j], (k, 0, K-1), ROWS, COLUMNS), [S, v]),
    "stack of solves": lambda: Model(
        Sum(Sum(inverse(S[k, i, j], ROWS, COLUMNS)*v[k, j], COLUMNS)**2, (k, 0, K-1), ROWS), [v, S]),
    "stack of entries": lambda: Model(Sum(inverse(S[k, i, j], ROWS, COLUMNS).subs(i, 0).subs(j, 0), (k, 0, K-1)), [S]),
    "stack of labelled rows": lambda: Model(
        Sum(inverse(S[k, i, j], ROWS, COLUMNS).subs(i, label[k])*v[k, j], (k, 0, K-1), COLUMNS), [S, v]),
    "stack in the middle": lambda: Model(
        Sum(v[k, i]*inverse(T[i, k, j], ROWS, COLUMNS)*v[k, j], (k, 0, K-1), ROWS, COLUMNS), [T, v]),
    "limits from one": lambda: Model(
        Sum(inverse(S[k, i-1, j-1], (i, 1, D), (j, 1, D))*v[k, i-1]*v[k, j-1]**2,
            (k, 0, K-1), (i, 1, D), (j, 1, D)), [S]),
    "named": lambda: Model(Trace(H*B*H), [A], where=[Eq(H, (A*A.T + Identity(N)).I)]),
    "named gram": lambda: Model(logdet(G) + Trace(G.I*E), [X], where=[Eq(G, X.T*X)]),
    "named definite": lambda: Model(
        logdet(H) + quadratic(H.I), [s, b], where=[Eq(H, P + s**2*Identity(N))], facts=[Q.positive_definite(P)]),
    "nested": lambda: Model(Trace((A + (B + 2*Identity(N)).I).I*C), [A, B]),
    "one by one": lambda: Model(Trace(Y1.I*3) + logdet(Y1), [Y1]),
    "stack of log dets": lambda: Model(
        Sum(logdet(Sum(S[k, i, i_]*S[k, j, i_], (i_, 0, D-1)), ROWS, COLUMNS), (k, 0, K-1)), [S]),
    "stack of dets": lambda: Model(Sum(det(S[k, i, j], ROWS, COLUMNS)**2, (k, 0, K-1)), [S]),
    "kronecker": lambda: Model(Trace(KroneckerProduct(A, B)*KroneckerProduct(B, A)), [A, B]),
    "kronecker, unequal": lambda: Model(total(KroneckerProduct(X, V).applyfunc(sin)), [X, V]),
    "kronecker of three": lambda: Model(total(KroneckerProduct(b, X, w).applyfunc(sin)), [b, X, w]),
    "kronecker, log det": lambda: Model(log(Abs(Determinant(KroneckerProduct(A, B)))), [A, B]),
    "blocks": lambda: Model(Determinant(BlockMatrix([[A, X], [X.T, E]])), [A, X, E]),
    "block diagonal": lambda: Model(logdet(BlockDiagMatrix(A*A.T + Identity(N), X.T*X + Identity(M))), [A, X]),
    "numbers before blocks": lambda: Model(
        total(BlockMatrix([[2*A.T, 3*b], [-b.T, Identity(1)]]).applyfunc(sin)), [A, b]),
    "rows of blocks": lambda: Model(total((BlockMatrix([[A, X]])*BlockMatrix([[b], [w]])).applyfunc(sin)), [A, b, w]),
    "explicit": lambda: Model(Determinant(Matrix([[1 + s**2, s], [s, 2 + s]])*MatrixSymbol("F", 2, 2)), [s]),
    "explicit vector": lambda: Model(total(Matrix([[s, s**2]])*MatrixSymbol("F", 2, 2)), [s, MatrixSymbol("F", 2, 2)]),
    "frobenius": lambda: Model(sqrt(Trace(X.T*X)), [X]),
    "norms": lambda: Model(norm2(X*w) + norm1(X) + norm2(A), [X, w, A]),
    "distance": lambda: Model(Sum(sqrt(Sum((v[k, i] - S[k, i, i])**2, ROWS)), (k, 0, K-1)), [v]),
    "symmetric": lambda: Model(quadratic(P.I) + log(Determinant(P))**2 + Trace(A*P), [P], facts=[Q.symmetric(P)]),
    "positive definite": lambda: Model(quadratic(P.I) + logdet(P), [P, b], facts=[Q.positive_definite(P)]),
    "definite plus noise": lambda: Model(
        quadratic((P + s**2*Identity(N)).I) + logdet(P + s**2*Identity(N)), [b, s], facts=[Q.positive_definite(P)]),
    "diagonal": lambda: Model(quadratic(P.I) + Determinant(P), [P, b], facts=[Q.diagonal(P)]),
    "lower triangular": lambda: Model(
        quadratic((P*P.T).I) + log(Abs(Determinant(P))), [P], facts=[Q.lower_triangular(P)]),
    "kronecker sum": lambda: Model(
        logdet(KroneckerProduct(A*A.T, Identity(M)) + KroneckerProduct(Identity(N), E*E.T)), [A, E]),
    "inverse of a kronecker product": lambda: Model(Trace(KroneckerProduct(A, E).I*MatrixSymbol("G", N*M, N*M)), [A]),
    "kronecker times a vector": lambda: Model(
        total((KroneckerProduct(A, E)*MatrixSymbol("g", N*M, 1)).applyfunc(sin)), [A, E, MatrixSymbol("g", N*M, 1)]),
    "upper triangular": lambda: Model(Trace(P.I*A) + Determinant(P), [P], facts=[Q.upper_triangular(P)]),
    "orthogonal": lambda: Model(quadratic(P.T*A*P) + Trace(P.I*A*P), [A, b], facts=[Q.orthogonal(P)]),
    "orthogonal parameter": lambda: Model(quadratic(P.T*A*P) + Trace(P.I*A), [P], facts=[Q.orthogonal(P)]),
}
# fmt: on


@pytest.mark.parametrize("name", one_in(21, MODELS))
def test_a_model_compiles_and_is_right(name):
    report = MODELS[name]().check()
    assert report.ok, report
    assert len(report.runs) >= 3


R1, R2, y = MatrixSymbol("W1", M, K), MatrixSymbol("W2", K, 1), MatrixSymbol("y", N, 1)


def arrays(**shapes):
    rng = np.random.default_rng(3)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_the_derivatives_that_sympy_gets_wrong():
    # `diff` of SymPy 1.14 gives zero for the first four, and for the last a ShapeError or another matrix
    given = arrays(A=(4, 4), w=(4, 1), R=(4, 3), U=(4, 2), V=(2, 3), X=(4, 3), W1=(3, 2), W2=(2, 1), y=(4, 1))
    a, u = given["A"] @ given["A"].T + np.eye(4), MatrixSymbol("w", N, 1)
    (found,) = Model(log(Determinant(A)), [A]).compile(check=False).gradient(a)
    assert np.allclose(found, np.linalg.inv(a).T, rtol=1e-11)
    (found,) = Model(exp(Trace(A)), [A]).compile(check=False).gradient(a)
    assert np.allclose(found, np.exp(np.trace(a)) * np.eye(4), rtol=1e-13)
    (found,) = Model(log((u.T * A * u)[0, 0]), [u]).compile(check=False).gradient(given["w"], a)
    assert np.allclose(found, (a + a.T) @ given["w"] / (given["w"].T @ a @ given["w"]), rtol=1e-12)

    target, left, right = MatrixSymbol("R", N, M), MatrixSymbol("U", N, K), MatrixSymbol("V", K, M)
    residual = target - left * right
    loss = Trace(residual.T * residual) + Trace(left.T * left)
    (found,) = Model(loss, [left]).compile(check=False).gradient(U=given["U"], R=given["R"], V=given["V"])
    expected = -2 * (given["R"] - given["U"] @ given["V"]) @ given["V"].T + 2 * given["U"]
    assert np.allclose(found, expected, rtol=1e-12)

    network = (X * R1).applyfunc(tanh) * R2 - y
    module = Model(Trace(network.T * network), [R1]).compile(check=False)
    (found,) = module.gradient(**{name: given[name] for name in ("X", "W1", "W2", "y")})
    hidden = np.tanh(given["X"] @ given["W1"])
    slope = 2 * (hidden @ given["W2"] - given["y"]) @ given["W2"].T * (1 - hidden**2)
    assert np.allclose(found, given["X"].T @ slope, rtol=1e-11)


# matrixcalculus.org's grammar: + - * / ^ .* ./ .^ ' and its functions; a, d: NumPy's A and b
GRAMMAR = {
    "+ - * '": (lambda: (total(A.T * b + b - A * b), b), lambda a, d: (a.sum(1) + 1 - a.sum(0))[:, None]),
    "/ by a scalar": (
        lambda: (total(A * b) / Trace(b.T * b), b),
        lambda a, d: a.sum(0)[:, None] / (d.T @ d) - 2 * d * (a @ d).sum() / (d.T @ d) ** 2,
    ),
    "^ integer": (lambda: (Trace(A**3), A), lambda a, d: 3 * (a @ a).T),
    "^ -1": (lambda: (Trace(A**-1), A), lambda a, d: -(np.linalg.inv(a) @ np.linalg.inv(a)).T),
    ".*": (lambda: (total(HadamardProduct(b, A * b)), b), lambda a, d: a @ d + a.T @ d),
    "./": (
        lambda: (total(HadamardProduct(A * b, HadamardPower(b, -1))), b),
        lambda a, d: a.T @ (1 / d) - (a @ d) / d**2,
    ),
    ".^": (lambda: (total(HadamardPower(b, 3)), b), lambda a, d: 3 * d**2),
    "sin": (lambda: (total(b.applyfunc(sin)), b), lambda a, d: np.cos(d)),
    "cos": (lambda: (total(b.applyfunc(cos)), b), lambda a, d: -np.sin(d)),
    "tan": (lambda: (total(b.applyfunc(tan)), b), lambda a, d: 1 / np.cos(d) ** 2),
    "arcsin": (lambda: (total(b.applyfunc(asin)), b), lambda a, d: 1 / np.sqrt(1 - d**2)),
    "arccos": (lambda: (total(b.applyfunc(acos)), b), lambda a, d: -1 / np.sqrt(1 - d**2)),
    "arctan": (lambda: (total(b.applyfunc(atan)), b), lambda a, d: 1 / (1 + d**2)),
    "exp": (lambda: (total(b.applyfunc(exp)), b), lambda a, d: np.exp(d)),
    "log": (lambda: (total(b.applyfunc(log)), b), lambda a, d: 1 / d),
    "tanh": (lambda: (total(b.applyfunc(tanh)), b), lambda a, d: 1 - np.tanh(d) ** 2),
    "abs": (lambda: (total((A * b).applyfunc(Abs)), b), lambda a, d: a.T @ np.sign(a @ d)),
    "sign": (lambda: (total(HadamardProduct(b.applyfunc(sign), b)), b), lambda a, d: np.sign(d)),
    "relu": (lambda: (total(relu(A * b)), b), lambda a, d: a.T @ (a @ d > 0)),
    "sum": (lambda: (total(A) ** 2, A), lambda a, d: np.full(a.shape, 2 * a.sum())),
    "norm1": (lambda: (norm1(A * b), b), lambda a, d: a.T @ np.sign(a @ d)),
    "norm2": (lambda: (norm2(A * b), b), lambda a, d: a.T @ a @ d / np.linalg.norm(a @ d)),
    "tr": (lambda: (Trace(A * A.T), A), lambda a, d: 2 * a),
    "det": (lambda: (Determinant(A), A), lambda a, d: np.linalg.det(a) * np.linalg.inv(a).T),
    "logdet": (lambda: (logdet(A), A), lambda a, d: np.linalg.inv(a).T),
    "inv": (lambda: (quadratic(A.I), A), lambda a, d: -np.linalg.inv(a).T @ d @ d.T @ np.linalg.inv(a).T),
    "vector of ones": (lambda: (quadratic(A, OneMatrix(N, 1)), A), lambda a, d: np.ones(a.shape)),
    "identity": (lambda: (Trace((A + Identity(N)) * (A + Identity(N)).T), A), lambda a, d: 2 * (a + np.eye(len(a)))),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, GRAMMAR))
def test_what_matrixcalculus_org_knows(name):
    build, expected = GRAMMAR[name]
    loss, parameter = build()
    rng = np.random.default_rng(5)
    a, d = rng.uniform(0.1, 0.5, (4, 4)) + np.eye(4), rng.uniform(0.1, 0.7, (4, 1))
    model = Model(loss, [parameter])
    given = {argument.name: {"A": a, "b": d}[argument.name] for argument in model.arguments if argument.name != "N"}
    (found,) = model.compile(check=False).gradient(**given)
    assert np.allclose(found, expected(a, d), rtol=1e-12)
    if name != "sign":
        assert model.check().ok


# --- facts ------------------------------------------------------------------------------------------------------------


def test_a_symmetric_parameter_has_a_symmetric_gradient():
    loss = Trace(A * P)
    assert Model(loss, [P]).gradient(P) == A.T
    model = Model(loss, [P], facts=[Q.symmetric(P)])
    a = arrays(A=(3, 3))["A"]
    assert np.allclose(model.compile().gradient(np.eye(3), a).P, (a + a.T) / 2)
    assert "(G + Gᵀ)/2" in model.source()
    assert Model(logdet(P), [P], facts=[Q.positive_definite(P)]).gradient(P) == P.I


def test_transposes_of_symmetric_matrices_are_dropped():
    facts = [Q.symmetric(P)]
    assert Model(quadratic(P), [b], facts=facts).gradient(b) == 2 * P * b
    assert Model(quadratic(P.I), [b], facts=facts).gradient(b) == 2 * P.I * b
    assert Model(Trace(X.T * P * X), [X], facts=facts).gradient(X) == 2 * P * X
    assert Model(quadratic(P), [b]).gradient(b) == (P + P.T) * b


def test_orthogonal_matrices_vanish():
    facts = [Q.orthogonal(P)]
    assert Model(quadratic(P.T * P), [b], facts=facts).gradient(b) == 2 * b
    assert Model(Trace(P.I * A), [A], facts=facts).gradient(A) == P


def test_a_vector_times_a_number_in_an_inner_product():
    model = Model(total((exp(2 * s) * P * P.T + Identity(N)).inverse() * b), [s], facts=[Q.orthogonal(P)])
    assert str(model.gradient(s)) == "-2*exp(2*s)*DotProduct(1/(exp(2*s) + 1)*1, 1/(exp(2*s) + 1)*b)"


def test_of_a_diagonal_matrix_only_the_diagonal_matters():
    module = Model(quadratic(P.I), [P, b], facts=[Q.diagonal(P)]).compile()
    assert "linalg" not in Model(quadratic(P.I), [P, b], facts=[Q.diagonal(P)]).source().split("def value")[1]
    p, d = np.diag([1.0, 2.0, 4.0]), np.array([[1.0], [1.0], [2.0]])
    assert np.allclose(module.gradient(p, d).P, np.diag([-1.0, -0.25, -0.25]))


def test_the_determinant_of_a_triangular_matrix_is_the_product_of_its_diagonal():
    model = Model(log(Abs(Determinant(P))), [P], facts=[Q.lower_triangular(P)])
    assert "linalg" not in model.source().split("def value")[1]
    assert np.allclose(model.compile().gradient(np.array([[2.0, 0.0], [3.0, 4.0]])).P, [[0.5, 0], [0, 0.25]])


# --- generated code ---------------------------------------------------------------------------------------------------


def body(model, function="value_and_gradient"):
    return model.source().split(f"def {function}(")[1].split("\ndef ")[0]


def test_an_inverse_times_a_vector_is_a_solve():
    code = body(Model(quadratic(A.I), [b], facts=[Q.symmetric(A)]))
    assert code.count("np.linalg.solve(A, b)") == 1 and "inv" not in code
    assert "np.linalg.solve(S, " in body(MODELS["stack of solves"](), "value")
    assert "np.linalg.solve" in body(Model(quadratic(A.I), [b]), "value")


def test_an_inverse_that_meets_its_matrix_vanishes():
    code = body(Model(Determinant(A * C * B), [C]), "gradient")
    assert "_adjugate(C, np.linalg.det(C))" in code and "inv" not in code
    entries = Sum(inverse(S[k, i, j], ROWS, COLUMNS) * S[k, j, i_] * v[k, i_], COLUMNS, (i_, 0, D - 1))
    assert Model(Sum(v[k, i] * entries, (k, 0, K - 1), ROWS), [v]).gradient(v[k, i]) == 2 * v[k, i]


def test_one_factorisation_is_shared():
    code = body(MODELS["positive definite"]())
    assert code.count("_cholesky(") == 1 and code.count("np.linalg.inv(") == 1
    assert "slogdet" not in code and "solve" not in code
    code = body(Model(quadratic(A.I) + logdet(A), [A, b]))
    assert code.count("np.linalg.inv(") == 1 and code.count("_logdet(") == 1


def test_blocks_and_kronecker_products_are_spelled_as_such():
    assert "np.block([[A, X], [X.T, E]])" in MODELS["blocks"]().source()
    assert "np.concatenate([b, w])" in MODELS["rows of blocks"]().source()
    assert "np.array([[1 + s ** 2, s], [s, 2 + s]], dtype=s.dtype)" in MODELS["explicit"]().source()
    assert "np.kron(A, E)" in Model(Determinant(KroneckerProduct(A, E)), [A, E]).source()
    assert "_scatter(" not in "".join(MODELS[name]().source() for name in ("blocks", "block diagonal", "explicit"))
    products = body(MODELS["kronecker times a vector"]())  # A G Eᵀ with G = g.reshape(N, M): A ⊗ E is never formed
    assert "kron" not in products and "g.reshape(N, M)" in products


def test_generated_modules_take_stacks_in_float32_without_warnings():
    module = MODELS["stack of dets"]().compile(check=False)
    stack = np.stack([np.eye(3), 2 * np.eye(3)]).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = module.value_and_gradient(stack)
    assert value.dtype == gradient.S.dtype == np.float32
    assert np.allclose(gradient.S, [2 * np.eye(3), 2 * 64 / 2 * np.eye(3)])


def test_log_det_of_many_rows_does_not_overflow():
    module = Model(log(Determinant(A)), [A]).compile(check=False)
    assert np.isclose(module.value(10 * np.eye(400)), 400 * np.log(10))


def test_log_det_is_not_a_number_where_the_determinant_is_negative():
    module = Model(log(Determinant(A)), [A]).compile(check=False)
    assert np.isnan(module.value(np.diag([1.0, -1.0])))
    assert Model(log(Abs(Determinant(A))), [A]).compile(check=False).value(np.diag([1.0, -1.0])) == 0.0


def test_a_singular_matrix_is_numpys_error():
    with pytest.raises(np.linalg.LinAlgError):
        Model(quadratic(A.I), [A]).compile(check=False).gradient(np.ones((3, 3)), np.ones((3, 1)))


@pytest.mark.parametrize("loss", [norm2(X), sqrt(Trace(X.T * X)), sqrt(Trace(X * X.T) + total(X) ** 2)])
def test_the_gradient_of_a_norm_at_zero_is_zero(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = Model(loss, [X]).compile(check=False).value_and_gradient(np.zeros((2, 3)))
    assert value == 0 and np.array_equal(gradient.X, np.zeros((2, 3)))


# --- formulas ---------------------------------------------------------------------------------------------------------


def test_formulas_are_matrix_expressions():
    assert Model(log(Determinant(A)), [A]).gradient(A) == A.I.T
    assert Model(quadratic(A.I, b), [A]).gradient(A) == -A.I.T * b * b.T * A.I.T
    assert Model(Trace(KroneckerProduct(A, B)), [A]).gradient(A) == Trace(B) * Identity(N)
    assert "∂C/∂A = A⁻ᵀ" in Model(log(Determinant(A)), [A]).show()


def test_formulas_in_index_notation():
    model = MODELS["stack of dets"]()
    found = model.gradient(S[k, i, j])
    expected = 2 * det(S[k, i, j], ROWS, COLUMNS) ** 2 * inverse(S[k, j, i], COLUMNS, ROWS)
    assert str(found) == str(expected) or "inverse" in str(found)
    assert found.free_symbols >= {k, i, j}


def test_substituting_an_index_of_an_inverse_moves_the_entry():
    entry_of = inverse(S[k, i, j], ROWS, COLUMNS)
    assert entry_of.subs(i, 2).function == S[k, i, j]
    assert tuple(entry_of.subs(i, 2).at) == (2, j)


def test_what_is_put_into_an_inverse_meets_no_index_of_it():
    """The rows and columns are names of the inverse's own: what is replaced outside of it is not inside."""
    entry_of = inverse(S[k, i, Mod(j, D)], ROWS, COLUMNS)
    assert entry_of.xreplace({Mod(j, D): k}) == entry_of
    assert entry_of.subs(Mod(j, D), k) == entry_of
    i1 = Symbol("i1", integer=True)
    for moved in (entry_of.xreplace({k: i}), entry_of.subs(k, i)):
        assert moved.function == S[i, i1, Mod(j, D)]
        assert tuple(moved.at) == (i, j)
    assert entry_of.xreplace({i: j}).at == (j, j)


def test_a_formula_with_an_inverse_around_a_circle_is_the_gradient():
    """∂C/∂x has x[i, Mod(i, D)] inside of the inverse, whose row i is no index of the formula."""
    x, c = IndexedBase("x", shape=(D + K - 1, D)), IndexedBase("c", shape=(D,))
    product = Sum(x[i + k, Mod(i, D)] * x[j + k, Mod(j, D)], (k, 0, K - 1))
    entries = inverse(3 * KroneckerDelta(i, j) + product, ROWS, COLUMNS)
    model = Model(Sum(c[i] * entries, ROWS, COLUMNS), [x])
    at = {"x": np.linspace(-1, 2, 12).reshape(4, 3), "c": np.array([0.5, 1.0, -2.0])}
    values, sizes = {x: at["x"], c: at["c"]}, {D: 3, K: 2}
    (found,) = Independent(model.loss, [x], []).formulas(values, sizes, [model.gradient(x)])
    np.testing.assert_allclose(found, model.compile(check=False).gradient(**at).x, rtol=1e-12, atol=1e-15)


def test_the_guide_shows_what_is_printed(capsys):
    guide = (Path(__file__).parents[1] / "examples" / "GUIDE.md").read_text(encoding="utf-8")
    section = guide.split("## Linear algebra")[1]
    exec(section.split("```python\n")[1].split("```")[0], {})
    assert capsys.readouterr().out.strip() == section.split("```text\n")[1].split("```")[0].strip()


# --- errors -----------------------------------------------------------------------------------------------------------

WRONG = {
    "power that is not square": (lambda: Model(total(X**2), [X]), ModelError, "shape N x M, which is not square"),
    "det that is not square": (lambda: Model(logdet(X), [X]), ModelError, "N x M, which is not square"),
    "sides of indices": (
        lambda: Model(Sum(det(S[k, i, j], ROWS, (j, 0, D - 2)), (k, 0, K - 1)), [S]),
        ModelError,
        "D rows and D - 1 columns",
    ),
    "entry beyond the matrix": (
        lambda: Model(Sum(inverse(S[k, i, j], ROWS, COLUMNS).subs(i, D).subs(j, 0), (k, 0, K - 1)), [S]),
        ModelError,
        "goes up to D",
    ),
    "entry that would wrap around": (
        lambda: Model(Sum(inverse(S[k, i, j], ROWS, COLUMNS).subs(i, -1).subs(j, 0), (k, 0, K - 1)), [S]),
        ModelError,
        "do not wrap around",
    ),
    "singular for all data": (lambda: Model(Trace(Inverse(b * OneMatrix(1, N))), [b]), ModelError, "singular"),
    "root of a matrix": (lambda: Model(Trace(A ** (s * 2)), [A]), UnsupportedError, "HadamardPower"),
    "free index": (lambda: Model(inverse(S[0, i, j], ROWS, COLUMNS), [S]), ModelError, "index i is free"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case):
    make, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.filterwarnings("error")
def test_the_gradient_of_a_scaled_norm_at_zero_is_zero():
    model = Model(norm2(exp(s) * X) + norm2(2 * X * s**2), [X, s])
    value, gradient = model.compile(check=False).value_and_gradient(np.zeros((2, 3)), 0.5)
    assert value == 0 and not gradient.X.any() and gradient.s == 0
    assert model.check().ok
