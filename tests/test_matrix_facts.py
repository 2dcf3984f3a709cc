"""Facts about every matrix of a stack: as for one matrix, in the inputs drawn, the gradient, the code and the check."""

import numpy as np
import pytest
from sympy import (
    Abs,
    Determinant,
    DiagMatrix,
    Eq,
    HadamardPower,
    HadamardProduct,
    Identity,
    IndexedBase,
    KroneckerDelta,
    Matrix,
    MatrixSymbol,
    Q,
    Sum,
    Symbol,
    Trace,
    cos,
    exp,
    log,
    sin,
    symbols,
)

from symgrad import Model, ModelError, det, inverse, logdet, total
from tests.families import one_in

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


@pytest.mark.parametrize("name", one_in(4, FACTS))
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
    assert (
        code.split("\n\n\n")[0].count("np.linalg.") == 1
        and "_cholesky(S, 'S')" in code
        and "np.linalg.inv(chol_S)" in code
    )
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


@pytest.mark.parametrize("name", one_in(12, BY_FORM))
def test_what_is_definite_by_its_form_is_factorised_by_cholesky(name):
    matrix, definite, by = BY_FORM[name]
    vector = MatrixSymbol("u", matrix.shape[0], 1)
    model = Model(logdet(matrix) + Trace(vector.T * matrix.I * vector), by, facts=[Q.positive_definite(P)])
    code = model.source().split("def value_and_gradient(")[1]
    assert ("cholesky(" in code) == definite
    assert ("_logdet(" in code.split("\n\n\n")[0]) == (not definite)
    report = model.check()
    assert report.ok, report


# --- facts about names ------------------------------------------------------------------------------------------------

x, y, G = IndexedBase("x", shape=(D, M)), IndexedBase("y", shape=(D,)), IndexedBase("G", shape=(D, D))
Z, B, C = MatrixSymbol("Z", D, D), MatrixSymbol("B", D, D), MatrixSymbol("C", D, D)
R, u = MatrixSymbol("R", 2, 2), MatrixSymbol("u", 2, 1)
length, noise = symbols("length noise", positive=True)
KERNEL = exp(-Sum((x[i, m] - x[j, m]) ** 2, (m, 0, M - 1)) / (2 * length**2)) + noise * KroneckerDelta(i, j)
NEGATIVE_LIKELIHOOD = Sum(y[i] * inverse(G[i, j], *SIDES) * y[j], *SIDES) / 2 + logdet(G[i, j], *SIDES) / 2
ROTATION = Matrix([[cos(s), -sin(s)], [sin(s), cos(s)]])


def quadratic(matrix, vector=b):
    return Trace(vector.T * matrix.I * vector)


NAMED = {  # a model without its facts, the facts, and what the code has and has not with them
    "kernel": (
        NEGATIVE_LIKELIHOOD,
        [length, noise],
        Eq(G[i, j], KERNEL),
        [Q.positive_definite(G)],
        "_cholesky(G",
        "inv(G)",
    ),
    "matrix": (
        quadratic(Z) + logdet(Z),
        [B, s],
        Eq(Z, B * P * B.T + s**2 * EYE),
        [Q.positive_definite(Z), Q.positive_definite(P)],
        "_cholesky(Z",
        "inv(Z)",
    ),
    "symmetric": (
        quadratic(Z) + log(Abs(Determinant(Z))),
        [C],
        Eq(Z, C * (C + 2 * EYE)),
        [Q.symmetric(Z), Q.symmetric(C)],
        "inv_Z",
        "inv_Z.T",
    ),
    "diagonal": (
        quadratic(Z) + logdet(Z),
        [B],
        Eq(Z, DiagMatrix((B * b).applyfunc(exp))),
        [Q.diagonal(Z)],
        "np.diagonal(Z)",
        "np.linalg",
    ),
    "triangular": (
        Trace(Z * B) + log(Abs(Determinant(Z))),
        [C],
        Eq(Z, C * P),
        [Q.lower_triangular(Z), Q.lower_triangular(C), Q.lower_triangular(P)],
        "np.diagonal(Z)",
        "np.linalg",
    ),
    "orthogonal": (
        quadratic(R, u) + Trace((R.I * u).T * (R * u)) + log(Abs(Determinant(R))),
        [s],
        Eq(R, ROTATION),
        [Q.orthogonal(R)],
        "u.dot(R)",
        "np.linalg",
    ),
}


@pytest.mark.parametrize("name", one_in(3, NAMED))
def test_a_fact_about_a_name_is_used(name):
    loss, by, definition, facts, present, absent = NAMED[name]
    model = Model(loss, by, where=[definition], facts=facts)
    code = model.source().split("def value_and_gradient(")[1].split("\n\n\n")[0]
    assert present in code and absent not in code
    plain = Model(loss, by, where=[definition], facts=facts[1:])
    assert (present not in plain.source()) or (absent in plain.source())
    report = model.check()
    assert report.ok, report
    rng = np.random.default_rng(3)
    sizes = {"D": 4, "M": 2, 2: 2, 1: 1}
    shapes = {a.name: [sizes[int(side) if side.is_number else str(side)] for side in a.shape] for a in model.arguments}
    arrays = {argument: rng.uniform(0.5, 1, size=shape) for argument, shape in shapes.items()}
    for matrix in ("P", "C") if name in ("matrix", "symmetric", "triangular") else ():
        if matrix in arrays:
            arrays[matrix] = np.tril(arrays[matrix]) if name == "triangular" else arrays[matrix] @ arrays[matrix].T
    value, gradient = model.compile(check=False).value_and_gradient(**arrays)
    expected, slopes = plain.compile(check=False).value_and_gradient(**arrays)
    assert value == pytest.approx(expected, rel=1e-12)
    for found, wanted in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_an_error_names_what_is_not_positive_definite():
    loss, by, definition, facts, *_ = NAMED["kernel"]
    module = Model(loss, by, where=[definition], facts=facts).compile(check=False)
    with pytest.raises(np.linalg.LinAlgError, match="G is not positive definite; the model has the fact that it is"):
        module.value(length=1.0, noise=-3.0, x=np.zeros((3, 2)), y=np.ones(3))
    with pytest.raises(np.linalg.LinAlgError, match="S is not positive definite"):
        models("positive definite")[0].compile(check=False).value(S=-np.ones((2, 3, 3)), v=np.ones((2, 3)))


@pytest.mark.parametrize("fact", [Q.positive_definite, Q.symmetric, Q.diagonal, Q.orthogonal, Q.upper_triangular])
def test_a_fact_about_a_name_that_does_not_hold_leaves_nothing_to_check(fact):
    report = Model(quadratic(Z), [B], where=[Eq(Z, B)], facts=[fact(Z)]).check()
    assert report.verdict == "inconclusive"
    assert f"no inputs were found that satisfy the fact {fact(Z)} at D=2" in " ".join(str(report).split())


@pytest.mark.parametrize(
    "facts",
    [
        (Q.symmetric, Q.lower_triangular),
        (Q.positive_definite, Q.upper_triangular),
        (Q.lower_triangular, Q.upper_triangular),
    ],
)
def test_facts_that_leave_only_the_diagonal(facts):
    loss = Trace(B * P * P)
    model = Model(loss, [P], facts=[fact(P) for fact in facts])
    assert model.gradient(P) == Model(loss, [P], facts=[Q.diagonal(P)]).gradient(P)
    assert "P is diagonal: its gradient is the diagonal" in model.source()


def test_a_kernel_is_symmetric_by_its_form():
    loss, by, definition, *_ = NAMED["kernel"]
    code = Model(loss, by, where=[definition]).source()
    assert "inv_G" in code and "inv_G.T" not in code
    distances = Sum((x[i, m] - x[j, m]) ** 3, (m, 0, M - 1))  # an odd power is not
    odd = Model(loss, [length], where=[Eq(G[i, j], exp(distances / length))])
    assert "inv_G.T" in odd.source()
    assert odd.check().ok


@pytest.mark.parametrize(
    ("fact", "part"),
    one_in(
        3,
        [
            (Q.symmetric, lambda m: (m + m.T) / 2),
            (Q.diagonal, lambda m: np.diag(np.diag(m))),
            (Q.lower_triangular, np.tril),
        ],
    ),
    ids=["symmetric", "diagonal", "triangular"],
)
def test_the_hessian_is_the_derivative_of_the_gradient(fact, part):
    A = MatrixSymbol("A", D, D)
    model = Model(total(HadamardProduct(A * P, P * A)) + total((P * A * P).applyfunc(exp)), [A, P], facts=[fact(P)])
    module = model.compile(hessian=True, hvp=True, check=False)
    rng = np.random.default_rng(1)
    at = {"A": rng.normal(size=(3, 3)) / 3, "P": part(rng.normal(size=(3, 3)) / 3)}
    along = {"A": rng.normal(size=(3, 3)), "P": part(rng.normal(size=(3, 3)))}
    step = 1e-6
    ahead, behind = (module.gradient(**{k: at[k] + s * step * along[k] for k in at}) for s in (1, -1))
    product = module.hessian_vector_product((along["A"], along["P"]), **at)
    for row, got, more, less in zip(module.hessian(**at), product, ahead, behind, strict=True):
        whole = sum(np.tensordot(block, along[name], 2) for name, block in zip("AP", row, strict=True))
        np.testing.assert_allclose(whole, got, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(whole, (more - less) / (2 * step), rtol=1e-6, atol=1e-6)
    assert model.check(hessian=True).verdict == "pass"
