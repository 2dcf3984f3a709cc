"""Models that are wrong, and what is said about them: an error of symgrad's family that names the cause."""

import pytest
from sympy import (
    Eq,
    Function,
    I,
    Idx,
    IndexedBase,
    Integral,
    MatrixSymbol,
    Piecewise,
    Sum,
    Symbol,
    exp,
    log,
    sqrt,
    symbols,
    zeta,
)
from sympy.matrices.expressions.determinant import Permanent

from symgrad import Model, ModelError, UnsupportedError, total

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
X, w, W1, b = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("W1", M, K), MatrixSymbol("b", 1, M)
A = MatrixSymbol("A", N, N)
x, v = IndexedBase("x", shape=(N,)), IndexedBase("v", shape=(M,))
W, Y, q3 = IndexedBase("W", shape=(M, K)), IndexedBase("Y", shape=(N, M)), IndexedBase("q", shape=(3,))
s, r = symbols("s r")
h = IndexedBase("h", shape=(N,))

CASES = {
    "columns meet rows": (lambda: Model(total(X * MatrixSymbol("w", K, 1)), [X]), ModelError, "M columns meet K rows"),
    "parameter not in the loss": (lambda: Model(s**2, [r]), ModelError, "r does not occur"),
    "matrix loss": (lambda: Model(X * w, [w]), ModelError, "not a scalar"),
    "list loss": (lambda: Model([s], [s]), ModelError, "not a scalar"),
    "reserved name": (lambda: Model(Symbol("scipy") ** 2, [Symbol("scipy")]), ModelError, "'scipy' is reserved"),
    "numpy's alias": (lambda: Model(Symbol("np") ** 2, [Symbol("np")]), ModelError, "'np' is reserved"),
    "no identifier": (
        lambda: Model(Symbol(r"\theta") ** 2, [Symbol(r"\theta")]),
        ModelError,
        "not a Python identifier",
    ),
    "injection": (lambda: Model(Symbol("x); import os") ** 2, [Symbol("x); import os")]), ModelError, "identifier"),
    "no shape": (
        lambda: Model(Sum(IndexedBase("a")[i], (i, 0, N - 1)), [IndexedBase("a")]),
        ModelError,
        "IndexedBase a has no shape",
    ),
    "no parameters": (lambda: Model(s**2, []), ModelError, "no parameters"),
    "parameter twice": (lambda: Model(s**2, [s, s]), ModelError, "given twice"),
    "complex symbol": (
        lambda: Model(Symbol("c", complex=True) ** 2, [Symbol("c", complex=True)]),
        ModelError,
        "complex",
    ),
    "imaginary unit": (lambda: Model(s * I, [s]), ModelError, "imaginary unit"),
    "index torn out by SymPy": (
        lambda: Model(Sum(Sum(Piecewise((x[i] * v[j], i < j), (0, True)), (j, 0, M - 1)) ** 2, (i, 0, N - 1)), [v]),
        ModelError,
        "index j is free where it must not be.*if_else",
    ),
    "Idx over a free symbol": (lambda: Model(Sum(x[i], Idx("i", N)), [x]), ModelError, "index i is free"),
    "free index": (lambda: Model(Sum(x[i] ** 2, (i, 0, N - 1)) + x[i], [x]), ModelError, "index i is free"),
    "parameter as a subscript": (
        lambda: Model(Sum(x[q3[i]], (i, 0, 2)) + q3[0], [x, q3]),
        ModelError,
        "the parameter q subscripts an array",
    ),
    "free index in a sum": (
        lambda: Model(Sum(x[n + i], (n, 0, 1)) + Sum(x[i], (i, 0, 1)), [x]),
        ModelError,
        "index i is free",
    ),
    "two bases of one name": (
        lambda: Model(Sum(IndexedBase("x")[i] * x[i], (i, 0, N - 1)), [x]),
        ModelError,
        "two different symbols are called x",
    ),
    "two symbols of one name": (
        lambda: Model(s * Symbol("s", positive=True), [s]),
        ModelError,
        "two different symbols are called s.*positive=True",
    ),
    "range of another axis": (
        lambda: Model(Sum(W[j, k] * Y[n, j], (j, 0, K - 1), (k, 0, K - 1), (n, 0, N - 1)), [W]),
        ModelError,
        "goes up to K - 1, but the axis has size M",
    ),
    "literal out of range": (lambda: Model(q3[5] ** 2, [q3]), ModelError, "goes up to 5, but the axis has size 3"),
    "shifted out of range": (lambda: Model(Sum(x[n + 1], (n, 0, N - 1)), [x]), ModelError, "goes up to N"),
    "negative subscript": (lambda: Model(x[-1] ** 2, [x]), ModelError, "do not wrap around"),
    "row added to a matrix": (lambda: Model(total(X + b), [b]), ModelError, r"OneMatrix\(N, 1\)\*b"),
    "sides that SymPy lets pass": (lambda: Model(total(X * W1.T), [W1]), ModelError, "M columns meet K rows"),
    "square of a matrix": (lambda: Model(total(X**2), [X]), ModelError, "entry by entry a power is power"),
    "root of a matrix": (lambda: Model(total(sqrt(X)), [X]), ModelError, "entry by entry a power is power"),
    "exp of a matrix": (lambda: Model(exp(X * w), [w]), ModelError, r"applyfunc\(exp\)"),
    "equation folded to False": (lambda: Model(s**2, [s], where=[Eq(W1, X)]), ModelError, r"where\[0\] is False"),
    "where without an equation": (lambda: Model(s**2, [s], where=[s]), ModelError, r"where\[0\]"),
    "name defined twice": (lambda: Model(r * s, [s], where=[Eq(r, s), Eq(r, s**2)]), ModelError, "second time"),
    "circular": (
        lambda: Model(h[0], [x], where=[Eq(h[i], h[i] * x[i])]),
        ModelError,
        "refers to itself and has no base case",
    ),
    "unknown matrix function": (lambda: Model(log(Permanent(A)), [A]), UnsupportedError, "Permanent"),
    "unknown function": (lambda: Model(zeta(s), [s]).source(), UnsupportedError, "zeta"),
    "undefined function": (lambda: Model(Function("f")(s), [s]).source(), UnsupportedError, "derivative of f"),
    "piecewise without default": (lambda: Model(Piecewise((s, s > 0)), [s]), UnsupportedError, r"\(value, True\)"),
    "integral": (lambda: Model(Integral(s * r, (r, 0, 1)), [s]), UnsupportedError, "Integral"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_model_is_refused(case):
    make, kind, message = CASES[case]
    with pytest.raises(kind, match=f"(?s){message}"):
        make()


def test_the_place_of_an_unknown_expression_is_named():
    with pytest.raises(UnsupportedError, match=r"(?s)Permanent.*in .*log"):
        Model(s + log(Permanent(A)) ** 2, [s, A])


def test_an_empty_sum_is_zero_not_karrs_convention():
    module = Model(Sum(x[j], (j, 1, -2)) + x[0] ** 2, [x]).compile(check=False)
    assert module.value([3.0]) == 9.0


@pytest.mark.parametrize("wrong", ["w", "X[0, 0]", "other"])
def test_asking_for_what_is_no_parameter(wrong):
    model = Model(total(X), [X])
    with pytest.raises(ModelError, match="not a parameter"):
        model.gradient(Symbol(wrong))
