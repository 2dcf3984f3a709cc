"""The reference evaluator: every rule against a value worked out by hand, or against plain Python on the numbers."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from mpmath import mpf
from sympy import (
    Eq,
    Idx,
    IndexedBase,
    KroneckerDelta,
    Matrix,
    MatrixSymbol,
    Piecewise,
    Product,
    Rational,
    Sum,
    pi,
    symbols,
)
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.special import OneMatrix

from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions import (
    LogSumExp,
    MaxOver,
    MinOver,
    constant,
    if_else,
    log_sigmoid,
    relu,
    sigmoid,
    softmax,
    softplus,
    step,
    total,
)
from symgrad.reference import evaluate
from tests.differences import differences

i, j, k, l, t = symbols("i j k l t", integer=True)  # noqa: E741
N, M, K, T = symbols("N M K T", integer=True, positive=True)
a, b, s = symbols("a b s")
x = IndexedBase("x", shape=(N,))
y = IndexedBase("y", shape=(N,))
W = IndexedBase("W", shape=(N, M))
A, B = MatrixSymbol("A", 2, 2), MatrixSymbol("B", 2, 3)
X, w = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1)

TWO = {A: [[1, 2], [3, 4]], B: [[1, 0, 2], [-1, 3, 1]]}


def entries(expr, values):
    """A matrix expression's value as nested lists of floats, entry by entry through `evaluate`."""
    height, width = (int(side) for side in expr.shape)
    # Not `expr[p, q]`, by which SymPy itself would do the work, but products with unit vectors.
    rows = [sp.eye(height)[p, :] for p in range(height)]
    columns = [sp.eye(width)[:, q] for q in range(width)]
    return [[float(evaluate(sp.MatMul(row, expr, column), values, {})) for column in columns] for row in rows]


# ---- numbers and functions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (sp.Integer(7), 7),
        (Rational(3, 4), 0.75),
        (a + b - 2, 1),
        (3 * a * b, 6),
        (a**b, 1),
        (b**-2, 0.25),
        (sp.sqrt(b + 2), 2),
        ((-b) ** 3, -8),
        (sp.Max(a, b, -5), 2),
        (sp.Min(a, b, -5), -5),
        (sp.Abs(a - b), 1),
        (sp.sign(a - b), -1),
        (sp.sign(a - 1), 0),
        (sp.Heaviside(a - b), 0),
        (sp.Heaviside(b - 2), 0.5),
        (sp.Heaviside(b - 2, 1), 1),
        (sp.floor(-a / 2), -1),
        (sp.ceiling(-a / 2), 0),
        (sp.Mod(-a, 3), 2),
        (sp.factorial(b + 2), 24),
        (sp.binomial(b + 3, b), 10),
        (KroneckerDelta(a, b), 0),
        (KroneckerDelta(a + 1, b), 1),
        (relu(-a), 0),
        (relu(b), 2),
        (step(a - 1), 0),
        (step(b), 1),
        (constant(b) * a, 2),
    ],
)
def test_exact_values(expr, value):
    assert evaluate(expr, {a: 1, b: 2.0}, {}) == value


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (f, 0.7)
        for f in (
            *(sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh),
            *(sp.atanh, sp.erf, sp.erfc, sp.erfinv, sp.gamma, sp.loggamma, sp.digamma, sp.LambertW, sp.sinc, sp.sec),
        )
    ]
    + [(sp.acosh, 1.7)],
)
def test_functions_agree_with_sympy(function, at):
    value = evaluate(function(s), {s: at}, {}, digits=40)
    with mpmath.workdps(40):
        assert abs(value / mpf(str(function(Rational(at)).evalf(60))) - 1) < mpf("1e-39")


@pytest.mark.parametrize(
    ("expr", "fifty"),
    [
        (pi + s, "4.1415926535897932384626433832795028841971693993751"),
        (sigmoid(-1000 * s), "5.0759588975494567652918094795743369193055992828928e-435"),
        (softplus(-1000 * s), "5.0759588975494567652918094795743369193055992828928e-435"),
        (log_sigmoid(1000 * s), "-5.0759588975494567652918094795743369193055992828928e-435"),
        (sp.exp(-1000 * s) + Rational(1, 3), "0." + "3" * 50),
    ],
)
def test_digits(expr, fifty):
    with mpmath.workdps(50):
        assert abs(evaluate(expr, {s: 1}, {}, digits=50) / mpf(fifty) - 1) < mpf("1e-48")


def test_floats_are_the_doubles_they_are():
    assert evaluate(sp.Float(0.1) - s, {s: 0.1}, {}) == 0
    # 0.1 as a double is 5.55e-18 more than a tenth.
    assert float(evaluate(s - Rational(1, 10), {s: 0.1}, {})) == pytest.approx(5.551115123125783e-18, rel=1e-15)
    assert evaluate(s, {s: np.float32(0.1)}, {}) == float(np.float32(0.1))
    assert evaluate(s, {s: mpf("0.25")}, {}) == 0.25
    assert evaluate(s, {s: np.array(3)}, {}) == 3


def test_infinite_and_undefined():
    assert evaluate(sp.log(s), {s: 0}, {}) == -mpmath.inf
    assert evaluate(sp.Max(-sp.oo, s), {s: 2}, {}) == 2
    with pytest.raises(ZeroDivisionError):
        evaluate(1 / s, {s: 0}, {})
    for expr in (sp.log(s), sp.sqrt(s), sp.asin(s - 1)):
        with pytest.raises(ValueError, match="not real"):
            evaluate(expr, {s: -1}, {})


# ---- conditions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (a < b, True),
        (a > b, False),
        (a <= 1, True),
        (a >= b, False),
        (Eq(a, 1), True),
        (sp.Ne(a, 1), False),
        (sp.And(a < b, b < 2), False),
        (sp.Or(a > b, b > 1), True),
        (sp.Not(sp.Or(a > b, sp.Eq(b, 7))), True),
        (sp.Xor(a < b, b > 1), False),
        (sp.Implies(a < b, b < 1), False),
        (sp.Equivalent(a < b, b > 1), True),
        (sp.ITE(a < b, b < 1, b > 1), False),
    ],
)
def test_conditions(condition, holds):
    values = {a: 1, b: 2}
    assert evaluate(if_else(condition, a + 10, a), values, {}) == (11 if holds else 1)
    assert evaluate(Piecewise((a + 10, condition), (a, True)), values, {}) == (11 if holds else 1)


def test_branches_not_taken_are_not_evaluated():
    assert evaluate(Piecewise((1 / s, sp.Ne(s, 0)), (5, True)), {s: 0}, {}) == 5
    assert evaluate(if_else(s > 0, sp.log(-1 - s), 5), {s: 0}, {}) == 5
    # `And` stops at the first part that is false: x[-1] is never read.
    shifted = Sum(if_else(i > 0, x[i - 1], 0), (i, 0, N - 1))
    assert evaluate(shifted, {x: [1, 2, 4]}, {N: 3}) == 3


def test_piecewise_takes_the_first_condition_that_holds():
    pieces = Piecewise((1, s < 1), (2, s < 2), (3, s < 3))
    assert [evaluate(pieces, {s: v}, {}) for v in (0, 1, 2)] == [1, 2, 3]
    assert mpmath.isnan(evaluate(pieces, {s: 3}, {}))


# ---- sums and reductions --------------------------------------------------------------------------------------------


def test_sums_and_products():
    values, sizes = {x: [1, 2, 4], y: [3, 5, 7]}, {N: 3}
    assert evaluate(Sum(x[i] * y[i], (i, 0, N - 1)), values, sizes) == 41
    assert evaluate(Product(x[i] + 1, (i, 0, N - 1)), values, sizes) == 30
    assert evaluate(Sum(x[i] * y[j], (j, 0, i), (i, 0, N - 1)), values, sizes) == 1 * 3 + 2 * 8 + 4 * 15
    assert evaluate(Sum(x[2 * i], (i, 0, (N - 1) / 2)), values, sizes) == 5
    assert evaluate(Sum(x[i], (i, 0, N - 1)) / (N + 1), values, sizes) == 1.75


def test_empty_ranges_are_zero_and_one_not_karrs():
    assert evaluate(Sum(i, (i, 1, s)), {s: -2}, {}) == 0
    assert Sum(i, (i, 1, -2)).doit() != 0  # what SymPy says of the same sum
    assert evaluate(Product(i + 5, (i, 1, s)), {s: -2}, {}) == 1
    assert evaluate(MaxOver(i, (i, 1, s)), {s: 0}, {}) == -mpmath.inf
    assert evaluate(MinOver(i, (i, 1, s)), {s: 0}, {}) == mpmath.inf
    assert evaluate(LogSumExp(i, (i, 1, s)), {s: 0}, {}) == -mpmath.inf


def test_idx_is_an_index_too():
    p, q = Idx("p", N), Idx("q", (1, N - 1))
    values, sizes = {x: [1, 2, 4]}, {N: 3}
    assert evaluate(Sum(x[p], p), values, sizes) == 7
    assert evaluate(Sum(p * x[q], p, q), values, sizes) == 18
    assert evaluate(MaxOver(x[p] * (2 - p), p), values, sizes) == 2


def test_bound_indices_of_the_same_name_shadow():
    values, sizes = {x: [1, 2, 4]}, {N: 3}
    inner = Sum(x[i], (i, 0, 1))  # 3, whatever the outer i
    assert evaluate(Sum(i * inner + i, (i, 0, 2)), values, sizes) == 12
    # A sum remembered for one value of an outer index is not used for another.
    assert evaluate(Sum(Sum(x[j], (j, 0, i)) * i, (i, 0, 2)), values, sizes) == 0 * 1 + 1 * 3 + 2 * 7
    # A data symbol called like the index is hidden inside the sum alone.
    assert evaluate(i + Sum(i, (i, 0, 2)), {i: 100}, {}) == 103


def test_reductions():
    values, sizes = {W: [[1, 5, 2], [7, 0, 3]]}, {N: 2, M: 3}
    assert evaluate(Sum(MaxOver(W[i, j], (j, 0, M - 1)), (i, 0, N - 1)), values, sizes) == 12
    assert evaluate(MinOver(W[i, j], (j, 0, M - 1), (i, 0, N - 1)), values, sizes) == 0
    assert evaluate(LogSumExp(1000 * W[i, 1], (i, 0, N - 1)), values, sizes) == 5000
    logsumexp = evaluate(LogSumExp(sp.log(W[0, j]), (j, 0, M - 1)), values, sizes)
    assert mpmath.almosteq(logsumexp, mpmath.log(8), rel_eps=1e-15)


def test_softmax_over_an_index():
    soft = softmax(sp.log(x[k]), (k, 0, N - 1))
    values, sizes = {x: [1, 2, 5]}, {N: 3}
    # Σ k p_k = (1·2 + 2·5)/8, and Σ p_k = 1.
    assert float(evaluate(Sum(k * soft, (k, 0, N - 1)), values, sizes)) == 1.5
    assert evaluate(Sum(soft, (k, 0, N - 1)), values, sizes) == pytest.approx(1, abs=1e-50)
    gathered = Sum(softmax(sp.log(W[i, k]), (k, 0, M - 1)).subs(k, t), (i, 0, N - 1))
    assert float(evaluate(gathered, {W: [[1, 3], [1, 1]], t: 1}, {N: 2, M: 2})) == 1.25


def test_data_that_subscript():
    label = IndexedBase("label", shape=(N,), integer=True)
    picked = Sum(W[i, label[i]], (i, 0, N - 1))
    values, sizes = {W: [[1, 5, 2], [7, 0, 3]], label: np.array([2, 0])}, {N: 2, M: 3}
    assert evaluate(picked, values, sizes) == 9
    with pytest.raises(IndexError, match="out of range"):
        evaluate(picked, {**values, label: [2, 3]}, sizes)
    with pytest.raises(IndexError, match="out of range"):  # does not count from the end
        evaluate(picked, {**values, label: [2, -1]}, sizes)
    with pytest.raises(IndexError, match="integer"):
        evaluate(picked, {**values, label: [2, 0.5]}, sizes)


# ---- matrices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (A, [[1, 2], [3, 4]]),
        (A + 2 * A.T, [[3, 8], [7, 12]]),
        (A * B, [[-1, 6, 4], [-1, 12, 10]]),
        (sp.Trace(A) * B / 5, [[1, 0, 2], [-1, 3, 1]]),
        (B.T, [[1, -1], [0, 3], [2, 1]]),
        (sp.HadamardProduct(A, A.T), [[1, 6], [6, 16]]),
        (sp.HadamardPower(A, 2), [[1, 4], [9, 16]]),
        (sp.HadamardPower(A, A.T), [[1, 8], [9, 256]]),
        (sp.HadamardPower(2, A), [[2, 4], [8, 16]]),
        (A**2, [[7, 10], [15, 22]]),
        (A.applyfunc(sp.Lambda(s, s**2 - 1)), [[0, 3], [8, 15]]),
        (relu(B), [[1, 0, 2], [0, 3, 1]]),
        (sp.Identity(2) + OneMatrix(2, 2), [[2, 1], [1, 2]]),
        (A + sp.ZeroMatrix(2, 2), [[1, 2], [3, 4]]),
        (DiagMatrix(B[:, 0]), [[1, 0], [0, -1]]),
        (sp.diagonalize_vector(B[0, :].T), [[1, 0, 0], [0, 0, 0], [0, 0, 2]]),
        (DiagonalMatrix(A), [[1, 0], [0, 4]]),
        (DiagonalOf(A), [[1], [4]]),
        (sp.BlockMatrix([[A, B]]), [[1, 2, 1, 0, 2], [3, 4, -1, 3, 1]]),
        (sp.BlockMatrix([[A], [B.T]]), [[1, 2], [3, 4], [1, -1], [0, 3], [2, 1]]),
        (BlockDiagMatrix(A, B), [[1, 2, 0, 0, 0], [3, 4, 0, 0, 0], [0, 0, 1, 0, 2], [0, 0, -1, 3, 1]]),
        (KroneckerProduct(A, B), np.kron(TWO[A], TWO[B]).tolist()),
        (KroneckerProduct(B, A, A.T), np.kron(TWO[B], np.kron(TWO[A], np.transpose(TWO[A]))).tolist()),
        (B[:, 1:3], [[0, 2], [3, 1]]),
        (constant(A) * A, [[7, 10], [15, 22]]),
        (A + Matrix([[s, 0], [0, 1]]), [[10, 2], [3, 5]]),
        (sp.FunctionMatrix(2, 2, sp.Lambda((i, j), i + 2 * j)), [[0, 2], [1, 3]]),
        (A.inverse() * 2, [[-4, 2], [3, -1]]),
        (A**-2 * 4, [[22, -10], [-15, 7]]),
    ],
)
def test_matrix_expressions(expr, value):
    np.testing.assert_allclose(entries(expr, {**TWO, s: 9}), value, rtol=1e-14, atol=1e-30)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (sp.Trace(A * A.T), 30),
        (sp.Determinant(A), -2),
        (DotProduct(B[:, 0], B[:, 1]), -3),
        (DotProduct(B[0, :].T, B[1, :].T), 1),
        (total(B), 6),
        (total(A * B), 30),
        (total(B[:, ::2]), 3),  # columns 0 and 2, though SymPy takes the shape of this slice for 2x1
        (A[1, 0] * B[0, 2], 6),
        ((A * B)[1, 2], 10),
        (relu(-A)[0, 0], 0),
        (B[0:1, :] * B[1:2, :].T, 1),  # a 1x1 matrix is a scalar
        (Sum(B[i, j] * (j + 1), (i, 0, 1), (j, 0, 2)), 1 + 6 - 1 + 6 + 3),
        (MatrixSymbol("unused", 1, 1)[0, 0] * 0 + 1, 1),
    ],
)
def test_scalars_of_matrices(expr, value):
    assert float(evaluate(expr, TWO, {})) == pytest.approx(value, rel=1e-15)


def test_an_entry_of_an_expression():
    entry = A.inverse()[i, 0]
    assert float(evaluate(entry, {**TWO, i: 1}, {})) == 1.5
    for outside in (-1, 2):
        with pytest.raises(IndexError, match="out of range"):
            evaluate(entry, {**TWO, i: outside}, {})


def test_softmax_of_rows():
    logs = {A: [[0.0, math.log(3)], [1000.0, 1000.0]]}
    np.testing.assert_allclose(entries(softmax(A), logs), [[0.25, 0.75], [0.5, 0.5]], rtol=1e-15)


def test_symbolic_shapes_and_vectors():
    loss = (X * w).applyfunc(sp.tanh).T * OneMatrix(N, 1)
    values = {X: [[0.5, 1.0], [2.0, -1.0], [0.0, 0.0]], w: [1.0, 0.5]}
    assert float(evaluate(loss, values, {N: 3, M: 2})) == pytest.approx(math.tanh(1.0) + math.tanh(1.5), rel=1e-15)
    as_matrix = {**values, w: [[1.0], [0.5]]}
    assert evaluate(loss, as_matrix, {N: 3, M: 2}) == evaluate(loss, values, {N: 3, M: 2})


def test_sides_of_zero():
    values = {X: np.zeros((0, 2)), w: [3.0, 4.0]}
    assert evaluate(total((X * w).applyfunc(sp.exp)), values, {N: 0, M: 2}) == 0
    assert evaluate(total(X.T * X + sp.Identity(M)), values, {N: 0, M: 2}) == 2


# ---- names from where -----------------------------------------------------------------------------------------------


def test_indexed_and_matrix_names():
    z, r = IndexedBase("z", shape=(N,)), IndexedBase("r")
    H = MatrixSymbol("H", N, 1)
    where = [Eq(H, X * w), Eq(z[i], H[i, 0] ** 2), Eq(r[j], z[j] + a), Eq(b, Sum(r[i], (i, 0, N - 1)))]
    values = {X: [[1, 2], [3, 4]], w: [1, 1], a: 10}
    assert evaluate(b + total(H), values, {N: 2, M: 2}, where) == (9 + 10) + (49 + 10) + 10


def test_matrix_named_entry_by_entry():
    G = MatrixSymbol("G", N, N)
    where = [Eq(G[i, j], i + 10 * j)]
    assert evaluate(total(G * G), {}, {N: 2}, where) == np.sum(np.linalg.matrix_power([[0, 10], [1, 11]], 2))


def test_recurrence_takes_its_base_case_whatever_the_order():
    h = IndexedBase("h", shape=(T + 1, K))
    base, general = Eq(h[0, k], k + 1), Eq(h[t, k], h[t - 1, k] * 2 + Sum(h[t - 1, l], (l, 0, K - 1)))
    # (1, 2) → (5, 7) → (22, 26)
    for where in ([base, general], [general, base]):
        assert evaluate(100 * h[T, 0] + h[T, 1], {}, {T: 2, K: 2}, where) == 2226


def test_recurrence_written_forwards():
    h = IndexedBase("h", shape=(T + 1,))
    where = [Eq(h[0], 1), Eq(h[t + 1], 3 * h[t])]
    assert evaluate(h[T], {}, {T: 4}, where) == 81
    last = [Eq(h[T], 1), Eq(h[t], h[t + 1] + 1)]  # backwards in time
    assert evaluate(h[0], {}, {T: 4}, last) == 5


def test_diagonal_of_a_name():
    d = IndexedBase("d", shape=(N, N))
    where = [Eq(d[i, j], 1), Eq(d[i, i], 5)]
    assert evaluate(Sum(d[i, j], (i, 0, N - 1), (j, 0, N - 1)), {}, {N: 3}, where) == 21


def test_long_recurrences_and_deep_chains_are_no_recursion_error():
    h = IndexedBase("h", shape=(T + 1,))
    where = [Eq(h[0], a), Eq(h[t], h[t - 1] + Sum(sp.tanh(h[t - 1] * 0), (i, 0, 0)) + 1)]
    assert evaluate(h[T], {a: 0}, {T: 500}, where) == 500
    layers = [MatrixSymbol(f"H{n}", 1, 1) for n in range(101)]
    chain = [Eq(layers[0], w.T * w), *(Eq(new, old + old) for old, new in pairwise(layers))]
    assert evaluate(layers[-1], {w: [1, 0]}, {M: 2}, chain) == 2**100


def test_names_that_define_themselves():
    h = IndexedBase("h", shape=(N,))
    with pytest.raises(ModelError, match=r"h\[1\] is defined by itself"):
        evaluate(h[1], {}, {N: 3}, [Eq(h[i], sp.exp(h[i]))])
    ring = [Eq(h[i], h[sp.Mod(i + 1, N)])]
    with pytest.raises(ModelError, match="defined by itself"):
        evaluate(h[0], {}, {N: 50}, ring)
    with pytest.raises(IndexError, match=r"h\[-1\] is out of range"):  # no base case
        evaluate(h[2], {}, {N: 3}, [Eq(h[t], h[t - 1])])
    with pytest.raises(IndexError, match=r"no equation in where defines h\[2\]"):
        evaluate(h[2], {}, {N: 3}, [Eq(h[0], 1)])


# ---- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "named"),
    [
        (sp.Function("f")(s), r"f\(s\)"),
        (sp.Integral(s, (s, 0, 1)), "Integral"),
        (sp.Derivative(sp.Function("f")(s), s), "Derivative"),
        (sp.Trace(A ** Rational(1, 2)), "matrix power"),
        (sp.Trace(sp.PermutationMatrix(sp.combinatorics.Permutation([1, 0]))), "PermutationMatrix"),
    ],
)
def test_a_node_without_a_rule_is_named(expr, named):
    with pytest.raises(UnsupportedError, match=named):
        evaluate(expr, {s: 1, **TWO}, {})


def test_missing_values_and_wrong_shapes():
    with pytest.raises(ModelError, match="a has no value"):
        evaluate(a, {}, {})
    with pytest.raises(ModelError, match="i has no value"):  # an index that is free
        evaluate(x[i], {x: [1]}, {N: 1})
    with pytest.raises(ValueError, match=r"x has shape \(3,\), but its value has shape \(2,\)"):
        evaluate(x[0], {x: [1, 2]}, {N: 3})
    H = MatrixSymbol("H", N, N)
    with pytest.raises(ValueError, match="H has shape"):
        evaluate(total(H), TWO, {N: 3}, [Eq(H, A, evaluate=False)])
    with pytest.raises(ModelError, match="scalar is needed"):
        evaluate(A, TWO, {})
    with pytest.raises(ValueError, match="not square"):
        evaluate(sp.Determinant(X), {X: [[1, 2]]}, {N: 1, M: 2})
    with pytest.raises(ModelError, match="scalar is needed, but A has shape"):
        evaluate(sp.exp(A), TWO, {})
    with pytest.raises(ModelError, match="needs equations"):
        evaluate(a, {a: 1}, {}, [a > 0])
    with pytest.raises(ModelError, match="names nothing"):
        evaluate(a, {a: 1}, {}, [Eq(2 * b, a)])
    with pytest.raises(ValueError, match="real number"):
        evaluate(a, {a: "1"}, {})


# ---- differences ----------------------------------------------------------------------------------------------------


def test_differences_are_right_to_thirty_digits():
    values, sizes = {x: [0.5, -1.25], y: [3.0, 2.0]}, {N: 2}
    loss = Sum(sp.exp(x[i] * y[i]), (i, 0, N - 1))
    slope = differences(loss, values, sizes, x, (1,))
    assert abs(slope - 2 * mpmath.exp(mpf("-2.5"))) < mpf("1e-15")
    with mpmath.workdps(50):
        # The error of a central difference is h²/6 times the third derivative, here 8 exp(-2.5)/6 = 0.11.
        assert abs(slope - 2 * mpmath.exp(mpf("-2.5"))) < mpf("2e-31")


def test_differences_by_each_kind_of_parameter():
    loss = a * total(X * w)
    values = {X: [[1.0, 2.0], [3.0, 4.0]], w: [10.0, 20.0], a: 3.0}
    sizes = {N: 2, M: 2}
    assert float(differences(loss, values, sizes, a)) == pytest.approx(160, rel=1e-28)
    assert float(differences(loss, values, sizes, w, (1,))) == pytest.approx(18, rel=1e-28)
    assert float(differences(loss, values, sizes, X, (1, 0))) == pytest.approx(30, rel=1e-28)
    assert values[w] == [10.0, 20.0]  # the caller's arrays are left alone


def test_differences_go_through_names():
    z = IndexedBase("z", shape=(N,))
    where = [Eq(z[i], x[i] ** 3)]
    assert float(differences(Sum(z[i], (i, 0, N - 1)), {x: [2, 5]}, {N: 2}, x, (0,), where)) == pytest.approx(12)


def test_a_delta_of_zero_ends_its_term() -> None:
    """x[i + 1] is out of range at the last i, and no term needs it there."""
    loss = Sum(x[i + 1] * x[j] * KroneckerDelta(i + 1, j), (i, 0, N - 1), (j, 0, N - 1))
    assert evaluate(loss, {x: [2.0, 3.0, 5.0]}, {N: 3}) == 9 + 25
