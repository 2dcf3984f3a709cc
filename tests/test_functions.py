"""The SymPy objects of `symgrad.functions`: values, derivatives, binding, and how they live among SymPy's own."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import exp as mp_exp
from mpmath import log1p, mpf, workdps
from sympy import (
    Abs,
    And,
    Derivative,
    E,
    Eq,
    Float,
    I,
    Idx,
    IndexedBase,
    Integer,
    Interval,
    Lambda,
    Matrix,
    MatrixSymbol,
    Max,
    Min,
    Ne,
    Piecewise,
    Rational,
    S,
    Sum,
    Symbol,
    Trace,
    Tuple,
    ZeroMatrix,
    cos,
    eye,
    latex,
    log,
    nan,
    oo,
    pi,
    sin,
    srepr,
    symbols,
)
from sympy import exp as sp_exp
from sympy.core.function import ArgumentIndexError
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions import (
    Constant,
    ConstantMatrix,
    IfElse,
    IndexedSoftmax,
    LogSumExp,
    MaxOver,
    MinOver,
    Softmax,
    Total,
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

ELEMENTWISE = [sigmoid, softplus, log_sigmoid, relu, step]
REDUCTIONS = [MaxOver, MinOver, LogSumExp]

i, j, k, l = symbols("i j k l", integer=True)  # noqa: E741
J, K = symbols("J K", integer=True, positive=True)
a, b, x = symbols("a b x", real=True)
anything = Symbol("anything")  # no assumptions, as users write them
z = IndexedBase("z", shape=(K,))
X = IndexedBase("X", shape=(J, K))
A = MatrixSymbol("A", J, K)


# ---- elementwise ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (sigmoid(x), sigmoid(x) * (1 - sigmoid(x))),
        (softplus(x), sigmoid(x)),
        (log_sigmoid(x), sigmoid(-x)),
        (relu(x), step(x)),
        (step(x), 0),
        (softplus(3 * x), 3 * sigmoid(3 * x)),
    ],
)
def test_derivatives_are_the_closed_forms(value, derivative):
    assert value.diff(x) == derivative


@pytest.mark.parametrize(
    ("value", "fifty_digits"),
    [
        # exp(-1000) to 50 digits; the next term of each series, exp(-2000), is 434 digits further down.
        (sigmoid(-1000), "5.0759588975494567652918094795743369193055992828928e-435"),
        (softplus(-1000), "5.0759588975494567652918094795743369193055992828928e-435"),
        (log_sigmoid(1000), "-5.0759588975494567652918094795743369193055992828928e-435"),
        (sigmoid(1000), "1." + "0" * 49),
        (softplus(1000), "1000." + "0" * 46),
        (log_sigmoid(-1000), "-1000." + "0" * 46),
        (sigmoid(log(3)), "0.75" + "0" * 48),
        (softplus(log(3)), str(log(4).evalf(50))),
        (log_sigmoid(log(3)), str(log(Rational(3, 4)).evalf(50))),
    ],
)
def test_fifty_digits_also_far_in_the_tails(value, fifty_digits):
    assert str(value.evalf(50)) == fifty_digits


def test_the_argument_is_evaluated_with_the_digits_that_the_tail_takes_away():
    # σ(-10²⁰π) = exp(-10²⁰π)(1 - ...): the exponent needs 20 digits more than the result.
    with workdps(90):
        from_exp = mp_exp(mpf(-(10**20)) * mpf(str(pi.evalf(90))))
    assert abs(sigmoid(-(10**20) * pi).evalf(30) / Float(from_exp, 30) - 1) < Float("1e-29", 30)


@given(st.floats(-2000, 2000, allow_subnormal=False))
def test_values_against_mpmath(number):
    with workdps(80):
        wanted = {
            sigmoid: 1 / (1 + mp_exp(-mpf(number))),
            softplus: log1p(mp_exp(mpf(number))),
            log_sigmoid: -log1p(mp_exp(-mpf(number))),
            relu: max(mpf(0), mpf(number)),
            step: mpf(number > 0),
        }
    for function, value in wanted.items():
        got = function(Rational(number)).evalf(40)
        assert abs(got - Float(value, 40)) <= Float("1e-38", 40) * abs(Float(value, 40))


@pytest.mark.parametrize(
    ("function", "at_zero", "at_infinity", "at_minus_infinity"),
    [
        (sigmoid, Rational(1, 2), 1, 0),
        (softplus, log(2), oo, 0),
        (log_sigmoid, -log(2), 0, -oo),
        (relu, 0, oo, 0),
        (step, 0, 1, 0),
    ],
)
def test_exact_values(function, at_zero, at_infinity, at_minus_infinity):
    assert (function(0), function(oo), function(-oo)) == (at_zero, at_infinity, at_minus_infinity)
    assert function(nan) is nan


def test_only_trivial_arguments_are_evaluated():
    assert sigmoid(1).func is sigmoid
    assert relu(Rational(-1, 2)) == 0
    assert relu(Rational(1, 2)) == Rational(1, 2)
    assert step(Rational(1, 2)) == 1
    assert sigmoid(0.0) == 0.5


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("argument", [x, anything, z[k], A[i, j], x - z[k], log(x)])
def test_real_whatever_the_symbols_assume(function, argument):
    value = function(argument)
    assert value.is_real and value.is_extended_real and value.is_finite
    assert function(pi - I).is_real is None


def test_signs():
    assert sigmoid(x).is_positive and softplus(x).is_positive
    assert relu(x).is_nonnegative and relu(x).is_positive is None
    assert step(x).is_nonnegative and step(x).is_integer
    assert log_sigmoid(x).is_negative
    assert (sigmoid(x) > 0) == S.true
    assert (log_sigmoid(x) >= 0) == S.false


@pytest.mark.parametrize("argument", [x, anything, z[k]])
def test_they_live_inside_max_abs_and_comparisons(argument):
    assert Max(0, sigmoid(argument)) == sigmoid(argument)
    assert Max(0, log_sigmoid(argument)) == 0
    assert Abs(log_sigmoid(argument)) == -log_sigmoid(argument)
    for function in ELEMENTWISE:
        value = function(argument)
        assert Max(value, argument).args == Max(argument, value).args and Max(value, argument).has(function)
        assert Min(value, argument).has(function)
        assert Abs(value - argument).has(function)
        assert (value < argument).args == (value, argument)


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_of_a_matrix_entry_by_entry(function):
    applied = function(A)
    assert isinstance(applied, ElementwiseApplyFunction)
    assert applied.shape == (J, K)
    assert applied[i, j] == function(A[i, j])
    assert function(A) == applied and hash(function(A)) == hash(applied)
    assert pickle.loads(pickle.dumps(applied)) == applied
    assert function(Matrix([[0, x]])) == Matrix([[function(0), function(x)]])
    single = MatrixSymbol("s", 1, 1)
    assert function(single)[0, 0] == function(single[0, 0])
    assert function(single) == single.applyfunc(function)
    # No symbol of the model can be the placeholder inside.
    assert applied.subs(Symbol("x", real=True), 3) == applied


def test_rewriting():
    assert sigmoid(x).rewrite(sp_exp) == 1 / (1 + sp_exp(-x))
    assert softplus(x).rewrite(sp_exp) == log(1 + sp_exp(x))
    assert log_sigmoid(x).rewrite(sp_exp) == -log(1 + sp_exp(-x))
    assert relu(x).rewrite(Max) == Max(0, x)


# ---- if_else and constant -------------------------------------------------------------------------------------------


def test_if_else_stays_inside_nested_sums():
    masked = if_else(k <= j, X[j, k], 0)
    nested = Sum(Sum(masked, (k, 0, K - 1)) ** 2, (j, 0, J - 1))
    assert nested.function == Sum(masked, (k, 0, K - 1)) ** 2
    assert not {j, k} & nested.free_symbols
    # The sum SymPy would have torn: over k ≤ j of a 3x3 matrix of ones, squared: 1 + 4 + 9.
    ones = nested.subs({J: 3, K: 3}).doit().subs({X.subs({J: 3, K: 3})[p, q]: 1 for p in range(3) for q in range(3)})
    assert ones == 14


def test_if_else_folds_only_on_literal_truth():
    assert if_else(S.true, a, b) == a
    assert if_else(S.false, a, b) == b
    assert if_else(Eq(k, 3), a, b).subs(k, 3) == a
    assert if_else(Eq(k, 3), a, b).subs(k, 4) == b
    assert isinstance(if_else(x > 0, a, a), IfElse)
    assert isinstance(if_else(x > 0, 1.0, 2.0), IfElse)


@pytest.mark.parametrize("cond", [x > 0, And(x > 0, x < 1), ~Eq(k, j), Ne(k, j) | (x > 2)])
def test_if_else_takes_any_condition(cond):
    assert if_else(cond, a, b).args == (cond, a, b)


def test_if_else_derivative():
    chosen = if_else(x > 0, x**2, sin(x))
    assert chosen.diff(x) == if_else(x > 0, 2 * x, cos(x))
    assert chosen.diff(a) == 0
    assert if_else(x > 0, a, b).diff(x) == 0  # the condition has no derivative
    assert chosen.fdiff(2) == if_else(x > 0, 1, 0)
    assert chosen.fdiff(3) == if_else(x > 0, 0, 1)
    with pytest.raises(ArgumentIndexError):
        chosen.fdiff(1)


def test_if_else_evaluates_the_branch_taken_alone():
    assert if_else(x > 0, log(x), 7).subs(x, 0) == 7
    assert if_else(x > 0, log(x), 7).evalf(30, subs={x: 2}) == log(2).evalf(30)
    assert Sum(if_else(k > 0, 1 / k, 5), (k, 0, 2)).doit() == Rational(13, 2)
    unfolded = if_else(Eq(Sum(k, (k, 0, 2)), 3), log(2), a)  # SymPy leaves this Eq alone until it is evaluated
    assert isinstance(unfolded, IfElse) and unfolded.evalf(30) == log(2).evalf(30)


def test_if_else_is_what_both_branches_are():
    assert if_else(x > 0, a, b).is_real
    assert if_else(x > 0, a, anything).is_real is None
    assert if_else(x > 0, a**2, 1).is_nonnegative
    assert if_else(x > 0, k, 2).is_integer
    assert if_else(x > 0, a, a**2).is_nonnegative is None
    assert Max(0, if_else(x > 0, z[k], 0)).has(if_else)
    assert Abs(if_else(x > 0, a, b)).has(if_else)


def test_if_else_refuses_what_is_no_choice_between_scalars():
    with pytest.raises(ModelError, match="condition"):
        if_else(3, a, b)
    with pytest.raises(ModelError, match="A"):
        if_else(x > 0, A, 0)
    assert if_else(x > 0, a, 0).rewrite(Piecewise) == Piecewise((a, x > 0), (0, True))
    assert str(if_else(x > 0, a, 0)) == "if_else(x > 0, a, 0)"


def test_applyfunc_of_a_choice_to_a_matrix_of_one_entry():
    row, column, u = MatrixSymbol("row", 1, 3), MatrixSymbol("column", 3, 1), Symbol("u")
    chosen = (row * column).applyfunc(Lambda(u, if_else(x > 0, u, 0)))  # SymPy tries the function of the matrix
    assert isinstance(chosen, ElementwiseApplyFunction) and chosen.expr == row * column
    assert if_else(x > 0, row * column, 0).doit() == if_else(x > 0, (row * column)[0, 0].doit(), 0)


def test_constant_has_no_derivative_and_the_same_value():
    assert (x * constant(x**2)).diff(x) == constant(x**2)
    assert constant(x).diff(x) == 0
    assert constant(x**2).subs(x, pi).evalf(30) == (pi**2).evalf(30)
    assert isinstance(constant(x), Constant)
    assert constant(3) == 3
    assert constant(constant(x)) == constant(x)
    assert constant(x).is_real and constant(anything).is_real is None and constant(x**2).is_nonnegative


def test_constant_of_a_matrix():
    held = constant(A)
    assert isinstance(held, ConstantMatrix) and held.shape == (J, K)
    assert held[i, j] == constant(A[i, j])
    assert (held * A.T).shape == (J, J)
    assert constant(Matrix([[x, 2]])) == Matrix([[constant(x), 2]])
    square = MatrixSymbol("S", 3, 3)
    assert Trace(constant(square) * square).diff(square) == constant(square).T


# ---- reductions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
class TestReduction:
    def test_limits(self, reduction):
        assert reduction(z[k], (k, 0, K - 1)).limits == (Tuple(k, 0, K - 1),)
        index = Idx("k", K)
        assert reduction(z[index], index).args == (z[index], Tuple(index, 0, K - 1))
        assert reduction(z[index], index) == reduction(z[index], (index, 0, K - 1))
        assert len(reduction(X[j, k], (k, 0, K - 1), (j, 0, J - 1)).limits) == 2

    @pytest.mark.parametrize("limits", [(), (k,), ((k, 0),), ((k, Interval(0, 1)),), ((1, 0, 2),), (Idx("k"),)])
    def test_missing_or_malformed_limits(self, reduction, limits):
        with pytest.raises(ModelError, match="limits"):
            reduction(z[k], *limits)

    def test_a_piecewise_stays_inside(self, reduction):
        masked = Piecewise((z[k], k <= j), (0, True))
        reduced = reduction(masked, (k, 0, K - 1))
        assert reduced.func is reduction and reduced.function == masked
        assert k not in reduced.free_symbols and j in reduced.free_symbols

    def test_real_and_comparable(self, reduction):
        reduced = reduction(z[k] * anything, (k, 0, K - 1))
        assert reduced.is_real and reduced.is_extended_real
        assert Max(0, reduced).has(reduction) and Abs(reduced).has(reduction) and (reduced > 0).lhs == reduced
        numeric = reduction(sin(k), (k, 0, 3))
        assert Max(numeric, x).has(reduction) and (numeric < 100) == S.true

    def test_free_symbols(self, reduction):
        assert reduction(z[k] * x, (k, 0, K - 1)).free_symbols == {z.label, x, K}
        assert reduction(X[j, k], (k, 0, j)).free_symbols >= {j}
        assert k not in reduction(X[j, k], (k, 0, j)).free_symbols

    def test_substitution_does_not_capture(self, reduction):
        captured = reduction(z[k] * k, (k, 0, K - 1))
        safe = reduction(z[k] * j, (k, 0, K - 1)).subs(j, k)
        assert safe != captured and k in safe.free_symbols
        assert safe.subs(K, 2).doit() == reduction(z[l] * k, (l, 0, K - 1)).subs(K, 2).doit()
        assert reduction(z[k] * j, (k, 0, j)).subs(j, k).limits[0][2] == k
        # The bound index itself is not there to be replaced.
        assert captured.subs(k, 5) == captured

    def test_substitution_for_the_size_of_an_idx(self, reduction):
        index = Idx("k", K)
        sized = z.subs(K, 3)
        assert reduction(z[index], index).subs(K, 3).doit() == reduction(sized[k], (k, 0, 2)).doit()
        index = Idx("k", J)
        assert reduction(index * x, index).subs(J, 2).doit() == reduction(k * x, (k, 0, 1)).doit()

    def test_sympy_leaves_the_derivative_alone(self, reduction):
        reduced = reduction(z[k] * x, (k, 0, K - 1))
        assert reduced.diff(x) == Derivative(reduced, x)
        assert reduced.diff(a) == 0

    def test_symbolic_limits_stay(self, reduction):
        assert reduction(z[k], (k, 0, K - 1)).doit() == reduction(z[k], (k, 0, K - 1))
        assert reduction(z[k], (k, 0, K - 1)).evalf() == reduction(z[k], (k, 0, K - 1))


def test_reductions_written_out():
    square = ((k, 0, j), (j, 0, 2))  # k is the inner index, up to the outer one
    assert MaxOver(k - 2 * j, *square).doit() == 0
    assert MinOver(k - 2 * j, *square).doit() == -4
    terms = sp_exp(0) + sp_exp(-2) + sp_exp(-1) + sp_exp(-4) + sp_exp(-3) + sp_exp(-2)
    assert LogSumExp(k - 2 * j, *square).doit() == log(terms)
    assert MaxOver(x * k, (k, 0, 2)).doit() == Max(0, x, 2 * x)
    assert MinOver(x * k, (k, 0, 2)).doit() == Min(0, x, 2 * x)


def test_reductions_over_nothing():
    assert MaxOver(x, (k, 0, -1)).doit() == -oo
    assert MinOver(x, (k, 0, -1)).doit() == oo
    assert LogSumExp(x, (k, 0, -1)).doit() == -oo
    assert LogSumExp(x, 2 * x, 3) == log(sp_exp(x) + sp_exp(2 * x) + sp_exp(3)) and LogSumExp(-oo, -oo) == -oo
    with pytest.raises(ModelError, match="limits"):
        LogSumExp(x, k)
    # Below zero, too: this is not Karr's convention.
    assert MaxOver(x, (k, 0, -5)).evalf() == -oo


def test_an_inner_index_of_the_same_name_shadows():
    inner = MaxOver(k, (k, 0, 3))
    assert MaxOver(k + 10 * inner, (k, 0, 1)).doit() == 31
    assert MaxOver(k, (k, 0, 3), (k, 0, 1)).doit() == 3


def test_reductions_at_high_precision():
    assert MaxOver(pi * k * (3 - k), (k, 0, 3)).evalf(50) == (2 * pi).evalf(50)
    assert MinOver(-pi * k, (k, 0, 3)).evalf(50) == (-3 * pi).evalf(50)
    assert LogSumExp(1000 * k, (k, 0, 1)).evalf(50) == Float(1000, 50)
    assert LogSumExp(log(k), (k, 1, 3)).evalf(50) == log(6).evalf(50)
    # log(½(1 + e^δ) + ½) loses 40 digits against its terms; log(⅓ + ⅓ + ⅓) loses all.
    small = LogSumExp(k * Rational(1, 10**40) - log(3), (k, 0, 2))
    assert abs(small.evalf(20) / Float("1e-40", 20) - 1) < Float("1e-18", 20)
    assert abs(LogSumExp(-log(3), (k, 0, 2)).evalf(20)) < Float("1e-40", 20)
    assert abs(Sum(LogSumExp(j * k, (k, 0, 1)), (j, 0, 1)).evalf(30) - (log(2) + log(1 + E)).evalf(30)) < 1e-28


# ---- softmax and total ----------------------------------------------------------------------------------------------


def test_indexed_softmax_keeps_its_index_free():
    soft = softmax(z[k], (k, 0, K - 1))
    assert isinstance(soft, IndexedSoftmax) and soft.args == (z[k], Tuple(k, 0, K - 1))
    assert soft.free_symbols >= {k, K, z.label}
    assert soft.is_real and soft.is_nonnegative and soft.is_positive is None  # 0 at a score of −∞
    assert Max(soft, 0) == soft and Abs(soft) == soft
    assert k not in Sum(soft, (k, 0, K - 1)).free_symbols
    index = Idx("k", K)
    assert softmax(z[index], index).index == index
    assert soft.diff(z[j]) == Derivative(soft, z[j])


def test_indexed_softmax_at_a_number():
    soft = softmax(k * x, (k, 0, 2))
    entries = [sp_exp(n * x) / (1 + sp_exp(x) + sp_exp(2 * x)) for n in range(3)]
    assert [soft.subs(k, n).doit() for n in range(3)] == entries
    assert soft.xreplace({k: Integer(1)}).doit() == entries[1]
    assert Sum(soft * k, (k, 0, 2)).doit() == entries[1] + 2 * entries[2]
    assert softmax(log(k), (k, 1, 3)).subs(k, 3).evalf(40) == Float("0.5", 40)
    assert soft.rewrite(Sum).subs(k, 2).doit() == entries[2]
    index = Idx("k", K)
    assert softmax(index * x, index).subs(K, 3).subs(index.subs(K, 3), 1).doit() == entries[1]


def test_indexed_softmax_under_substitution():
    soft = softmax(X[j, k], (k, 0, K - 1))
    assert soft.subs(k, l) == softmax(X[j, l], (l, 0, K - 1))
    assert soft.subs(j, l) == softmax(X[l, k], (k, 0, K - 1))
    diagonal = soft.subs(k, j)  # the entry at (j, j), normalised over the second subscript alone
    assert diagonal == soft.subs(j, k).subs(k, j)
    numerator, denominator = diagonal.as_numer_denom()
    assert numerator == sp_exp(X[j, j])
    assert denominator.function == sp_exp(X[j, denominator.variables[0]])


def test_softmax_of_a_matrix():
    soft = softmax(A)
    assert isinstance(soft, Softmax) and soft.shape == (J, K)
    assert soft.T.shape == (K, J) and (A - soft).shape == (J, K)
    numerator, denominator = soft[i, j].as_numer_denom()
    assert numerator == sp_exp(A[i, j])
    assert denominator == Sum(sp_exp(A[i, l]), (l, 0, K - 1))
    assert softmax(Matrix([[0, log(2)], [5, 5]])) == Matrix([[Rational(1, 3), Rational(2, 3)], [S.Half, S.Half]])
    small = MatrixSymbol("B", 1, 2)
    assert softmax(small)[0, 1] == sp_exp(small[0, 1]) / (sp_exp(small[0, 0]) + sp_exp(small[0, 1]))


def test_softmax_refuses():
    with pytest.raises(ModelError, match="limits"):
        softmax(x)
    with pytest.raises(ModelError, match="limits"):
        softmax(x, k)
    with pytest.raises(ModelError, match="scalar"):
        softmax(A, (k, 0, 1))


def test_total():
    assert isinstance(total(A), Total) and total(A).is_real
    assert total(A).rewrite(Sum) == Sum(A[i, j], (i, 0, J - 1), (j, 0, K - 1))
    assert total(Matrix([[1, x], [3, 4]])) == 8 + x
    assert total(MatrixSymbol("s", 1, 1)).rewrite(Sum).doit() == MatrixSymbol("s", 1, 1)[0, 0]
    square = MatrixSymbol("S", 2, 2)
    assert total(square * square).subs(square, Matrix([[1, 2], [3, 4]])).doit() == 54
    assert total(square + eye(2)).subs(square, eye(2)).evalf() == 4.0
    assert Max(total(A), 0).has(Total) and Abs(total(A)).has(Total)
    assert total(x * A).diff(x) == Derivative(total(x * A), x)
    with pytest.raises(ModelError, match="matrix"):
        total(x)


square = MatrixSymbol("S", 3, 3)


@pytest.mark.parametrize(
    "expr",
    [
        total(square),
        Trace(softmax(square)),
        sigmoid(Trace(square)),
        if_else(x > 0, Trace(square), 0),
        MaxOver(square[0, k], (k, 0, 2)),
        softmax(square[0, k], (k, 0, 2)),
    ],
)
def test_no_silent_zero_from_sympys_matrix_derivative(expr):
    with pytest.raises(UnsupportedError, match="by the whole matrix S"):
        expr.diff(square)
    assert expr.diff(MatrixSymbol("other", 2, 3)) == ZeroMatrix(2, 3)


# ---- printing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (sigmoid(x), r"\sigma\left(x\right)"),
        (sigmoid(x) ** 2, r"\sigma^{2}\left(x\right)"),
        (log_sigmoid(x), r"\log \sigma\left(x\right)"),
        (MaxOver(z[k], (k, 0, K - 1)), r"\max_{k}\left({z}_{k}\right)"),
        (MinOver(X[j, k], (k, 0, K - 1), (j, 0, J - 1)), r"\min_{k, j}\left({X}_{j,k}\right)"),
        (LogSumExp(z[k], (k, 0, K - 1)), r"\log\left(\sum_{k} \exp\left({z}_{k}\right)\right)"),
        (softmax(z[k], (k, 0, K - 1)), r"\operatorname{softmax}_{k}\left({z}_{k}\right)"),
        (total(A), r"\operatorname{total}\left(A\right)"),
        (if_else(x > 0, a, b), latex(Piecewise((a, x > 0), (b, True)))),
    ],
)
def test_latex(expr, text):
    assert latex(expr) == text


@pytest.mark.parametrize(
    "expr",
    [
        sigmoid(x),
        if_else(x > 0, a, b),
        constant(x),
        constant(A),
        softmax(A),
        total(A),
        softmax(z[k], (k, 0, K - 1)),
        *(reduction(z[k], (k, 0, K - 1)) for reduction in REDUCTIONS),
    ],
)
def test_every_object_is_its_class_of_its_arguments(expr):
    assert expr.func(*expr.args) == expr
    assert pickle.loads(pickle.dumps(expr)) == expr
    assert str(expr).startswith(type(expr).__name__) and srepr(expr).startswith(type(expr).__name__)
