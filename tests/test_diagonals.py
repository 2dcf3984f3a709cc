"""Diagonals of matrices that rules know of: what holds of two indices need not hold of one that stands for both."""

import numpy as np
import pytest
from sympy import DiagMatrix, Eq, IndexedBase, MatrixSymbol, OneMatrix, Sum, Symbol, Trace, exp, log, sin, symbols
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import Model, if_else, softmax
from tests.families import one_in

from .comparison import Comparison
from .random_arrays import Drawn, N

i, j, m = symbols("i j m", integer=True)
a = Symbol("a", real=True)
A, P = MatrixSymbol("A", N, N), MatrixSymbol("P", N, N)
u, v, w = (MatrixSymbol(name, N, 1) for name in "uvw")
p, t, x, y = (IndexedBase(name, shape) for name, shape in [("p", (N, N)), ("t", (N, N)), ("x", (N,)), ("y", (N,))])
ONE = OneMatrix(N, 1)
PROBABILITIES = [Eq(p[i, j], softmax(A[i, j], (j, 0, N - 1)))]
entry = MatrixElement(softmax(A), m, m)  # softmax(A)[m, m] would be written out

MODELS = {
    "trace of a softmax": (Trace(softmax(A)), []),
    "sum of entries": (Sum(entry * x[i], (m, 0, N - 1), (i, 0, N - 1)), []),
    "along rows": (Trace(softmax(A.T).T * DiagMatrix(u)), []),
    "constant along rows": (Trace(softmax(A + u * ONE.T)), []),
    "logarithm": (Sum(log(p[m, m]), (m, 0, N - 1)), PROBABILITIES),
    "logarithm of a matrix": (Sum(log(P[m, m]), (m, 0, N - 1)), [Eq(P, softmax(A))]),
    "under a mask": (Sum(if_else(m > i, entry * x[i] / (x[i] - y[m]), 0), (m, 0, N - 1), (i, 0, N - 1)), []),
}


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_a_diagonal_of_a_softmax(name):
    loss, where = MODELS[name]
    assert Comparison(Drawn(loss, (A,), tuple(where), (), frozenset()), seed=0, second=True, entries=False).run() == ""


def test_the_formula_of_a_diagonal_of_a_softmax():
    (index,) = (gradient := Model(Sum(x[m] * entry, (m, 0, N - 1)), [x]).gradient(x)).variables
    diagonal = exp(A[index, index]) / Sum(exp(A[index, i]), (i, 0, N - 1))
    assert str(gradient.expr) == str(diagonal)
    stretched = softmax((u * ONE.T + ONE * v.T).applyfunc(sin))
    assert not Model(Trace(DiagMatrix(w) * stretched), [w]).gradient(w).has(softmax)


def test_a_fact_about_sums_says_nothing_of_the_diagonal():
    model = Model(a * Sum(t[m, m], (m, 0, N - 1)), [a], facts=[Eq(Sum(t[i, j], (j, 0, N - 1)), 1)])
    assert model.gradient(a) == Sum(t[m, m], (m, 0, N - 1))
    # an index that only a fact has is no argument
    assert np.isclose(model.compile().value(2.0, t=np.array([[0.25, 0.75], [0.5, 0.5]])), 1.5)


@pytest.mark.parametrize("inner", [lambda i, j: A[i, j], lambda i, j: Sum(A[i, m] * P[m, j], (m, 0, N - 1))])
def test_a_function_is_computed_on_the_diagonal_alone_however_it_is_written(inner):
    whole = A if inner(i, j) == A[i, j] else A * P
    one = Model(Trace(whole.applyfunc(exp).applyfunc(sin)), [A])
    other = Model(Sum(sin(exp(inner(i, i))), (i, 0, N - 1)), [A])
    heart = [model.source().split("def value(")[1].split('"""')[2] for model in (one, other)]
    assert heart[0] == heart[1] and "@" not in heart[0]
    assert str(one.gradient(A)) == str(other.gradient(A))


def test_an_entry_of_a_softmax_written_out_is_known_on_the_diagonal():
    written = Sum(exp(A[i, i]) / Sum(exp(A[i, j]), (j, 0, N - 1)) + A[i, i], (i, 0, N - 1))
    codes = [Model(loss, [A]).source().split('"""')[2:] for loss in (written, Trace(softmax(A) + A))]
    assert codes[0] == codes[1]
