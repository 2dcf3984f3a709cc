"""What SymPy 1.14 gets wrong, or accepts without a meaning: the right gradient, or an error that says what to write.

SymPy's answers are in the comments. (The derivatives of matrices for which it returns zero are in
`test_linear_algebra.py`.)
"""

import warnings

import numpy as np
import pytest
from sympy import (
    Idx,
    IndexedBase,
    KroneckerDelta,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Max,
    Piecewise,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    sqrt,
    symbols,
    tanh,
)

from symgrad import LogSumExp, MaxOver, Model, ModelError, UnsupportedError, if_else, total

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k, n, o, p = symbols("i j k n o p", integer=True)
x, c, w, q = (IndexedBase(name, shape=(N,)) for name in "xcwq")
X, W1, H, b = MatrixSymbol("X", N, M), MatrixSymbol("W", K, M), MatrixSymbol("H", M, K), MatrixSymbol("b", 1, M)
S, three = MatrixSymbol("S", N, N), IndexedBase("r", shape=(3,))
s = Symbol("s")  # without real=True, as people write it
A2, B2 = IndexedBase("A", shape=(M, K)), IndexedBase("B", shape=(N, M))

vector = np.array([0.5, -1.0, 2.0, 0.25])
weights = np.array([1.0, 3.0, -2.0, 0.5])
square = np.arange(12.0).reshape(4, 3) / 10


def gradient(model, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.compile(check=False).gradient(*arguments)[0]


# fmt: off
RIGHT = {  # a model, its arguments, and the gradient by the first
    # diff gives Sum(c[i], (i, 0, N - 1)): it captures the bound index
    "bound index": (lambda: Model(Sum(c[i]*x[i], (i, 0, N-1)), [x]), (vector, weights), weights),
    "bound index, nested": (
        lambda: Model(Sum(x[i]*Sum(c[i]*x[i], (i, 0, N-1)), (i, 0, N-1)), [x]), (vector, weights),
        weights @ vector + vector.sum()*weights),
    # lambdify is a SyntaxError
    "function of a matrix": (lambda: Model(total(X.applyfunc(tanh)), [X]), (square,), 1 - np.tanh(square)**2),
    # lambdify of exp(x)/(1 + exp(x)) is nan
    "softplus far out": (lambda: Model(log(1 + exp(s)), [s]), (np.float64(800.0),), 1.0),
    "softplus far out on the other side": (lambda: Model(log(1 + exp(s)), [s]), (np.float64(-800.0),), 0.0),
    # logsumexp_2terms_opt gives another function, optims_numpy one that is inf at 1000
    "logsumexp of two": (
        lambda: Model(Sum(log(exp(x[i]) + exp(c[i])), (i, 0, N-1)), [x]), (1000*vector, 1000*weights),
        (vector > weights)*1.0),
    "log of a sigmoid": (lambda: Model(-log(1/(1 + exp(-s))), [s]), (np.float64(-1000.0),), -1.0),
    # simplify gives 1/(4 cosh²(x/2)), which overflows
    "slope of a sigmoid": (lambda: Model((1/(1 + exp(-s)))**2, [s]), (np.float64(-800.0),), 0.0),
    # diff of Max is a Heaviside with ½ at 0
    "kink": (
        lambda: Model(Sum(Max(x[i], 0), (i, 0, N-1)), [x]), (np.array([-1.0, 0.0, 2.0]),), np.array([0.0, 0.0, 1.0])),
    # Karr's convention makes an empty sum negative
    "empty sum": (lambda: Model(x[0]**2 + Sum(x[j]*j, (j, 1, 0)), [x]), (vector,), np.array([1.0, 0, 0, 0])),
    # Sum.doit gives wrong ranges for a delta with a stride
    "stride in a delta": (
        lambda: Model(Sum(x[i]*w[p]*q[2*i + p - 1]*KroneckerDelta(o, 2*i + p), (o, 1, N-1), (i, 0, 0), (p, 1, 1)), [x]),
        (vector, weights, vector), np.array([weights[0]*vector[1], 0, 0, 0])),
    # conditions are taken out of sums
    "piecewise in two sums": (
        lambda: Model(Sum(Sum(Piecewise((x[j], j < i), (0, True)), (j, 0, N-1)), (i, 0, N-1)), [x]), (vector,),
        np.array([3.0, 2, 1, 0])),
    "piecewise in two sums, of the outer index": (
        lambda: Model(Sum(c[i]*Sum(Piecewise((x[j], i > 1), (0, True)), (j, 0, N-1)), (i, 0, N-1)), [x]),
        (vector, weights), np.full(4, weights[2:].sum())),
    # Trace(D.T*D) takes the transpose inside of the function, so that the two are different trees
    "the same twice": (
        lambda: Model(Trace((X*H).applyfunc(tanh).T*(X*H).applyfunc(tanh)), [X]), (square, square[:3, :2]),
        2*(np.tanh(square@square[:3, :2])*(1 - np.tanh(square@square[:3, :2])**2))@square[:3, :2].T),
}
WRONG = {  # a model that SymPy accepts, and what is said
    "range of another axis": (
        lambda: Model(Sum(A2[j, k]*B2[n, j], (j, 0, K-1), (k, 0, K-1), (n, 0, N-1)), [A2]), "goes up to K - 1"),
    "beyond the end": (lambda: Model(three[5]**2, [three]), "goes up to 5"),
    "row added to a matrix": (lambda: Model(total(X + b), [X]), "OneMatrix"),
    "sides that need not agree": (lambda: Model(total(X*W1), [X]), "columns meet"),
    "two symbols of one name": (
        lambda: Model(Sum(IndexedBase("x")[i]*x[i], (i, 0, N-1)), [x]), "two different symbols are called x"),
    "a bound index that is free": (lambda: Model(Sum(x[i], Idx(i, N)), [x]), "i"),
    "square of a matrix that has none": (lambda: Model(total(X**2), [X]), "not square"),
    "root of a matrix": (lambda: Model(total(sqrt(S)), [S]), "HadamardPower"),
    "exponential of a matrix": (lambda: Model(exp(X), [X]), "applyfunc"),
}
# fmt: on


@pytest.mark.parametrize("name", RIGHT)
def test_the_gradient_is_right(name):
    build, arguments, expected = RIGHT[name]
    assert np.allclose(gradient(build(), *arguments), expected, rtol=1e-12, atol=1e-100)


@pytest.mark.parametrize("name", WRONG)
def test_what_has_no_meaning_is_an_error(name):
    build, message = WRONG[name]
    with pytest.raises((ModelError, UnsupportedError), match=message):
        build()


def test_the_same_function_twice_is_computed_once():
    code = RIGHT["the same twice"][0]().source().split("def value_and_gradient(")[1]
    assert code.count("np.tanh(") == 1


def test_the_spelling_that_sums_of_conditions_keep():
    model = Model(Sum(Sum(if_else(j < i, x[j], 0), (j, 0, N - 1)), (i, 0, N - 1)), [x])
    assert np.array_equal(gradient(model, vector), [3.0, 2.0, 1.0, 0.0])


def test_float32_stays_float32_at_a_kink():
    found = gradient(RIGHT["kink"][0](), np.array([-1.0, 0.0, 2.0], dtype=np.float32))
    assert found.dtype == np.float32


def test_multiples_of_transposes_of_vectors_have_a_shape():
    a, b, scale = MatrixSymbol("a", N, 1), MatrixSymbol("b", 1, N), Symbol("scale", real=True)
    model = Model(total(MatAdd(MatMul(-3 * exp(scale), a.T, b.T), MatMul(exp(scale) / 2, a.T, b.T))), [a])
    found = model.compile(check=False).gradient(vector[:, None], np.ones((1, 4)), 0.5).a
    np.testing.assert_allclose(found, np.full((4, 1), -2.5 * np.exp(0.5)))


def test_a_number_times_a_condition_is_of_the_floating_type():
    model = Model(MaxOver(x[i] * LogSumExp(0, (j, 0, N - 1)), (i, 0, N - 1)), [x])
    found = gradient(model, vector.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.where(vector == vector.max(), np.log(4), 0), rtol=1e-6)
