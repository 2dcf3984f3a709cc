"""Who owns a name: what a function or a sum binds is no argument, and no name means two things."""

import inspect

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Lambda, Matrix, MatrixSymbol, Sum, Symbol, Trace, sqrt, symbols

from symgrad import Model, ModelError, total

N, M, K, T = symbols("N M K T", integer=True, positive=True)
n, k = symbols("n k", integer=True)
u, c = symbols("u c", real=True)
v, y = MatrixSymbol("v", N, 1), IndexedBase("y", shape=(N,))
x = IndexedBase("x", shape=(K,))

V, Y = np.array([[3.0], [8.0]]), np.array([0.5, 2.0])

BOUND = {
    "a variable": (lambda: Model(total(v.applyfunc(Lambda(u, c * u**3))), [v]), {"v": V, "c": 2.0}, 6 * V**2),
    "an integer": (lambda: Model(total(v.applyfunc(Lambda(k, 1 / sqrt(k)))), [v]), {"v": V}, -(V**-1.5) / 2),
    "a parameter outside": (
        lambda: Model(total(v.applyfunc(Lambda(u, u**2))) + u**3, [v, u]), {"v": V, "u": 5.0}, 2 * V,
    ),
    "a dimension outside": (lambda: Model(total(v.applyfunc(Lambda(N, N**2))), [v]), {"v": V}, 2 * V),
    "an index inside": (
        lambda: Model(total(v.applyfunc(Lambda(n, n**2 * Sum(n * y[n], (n, 0, N - 1))))), [v]),
        {"v": V, "y": Y},
        2 * V * 2.0,
    ),
    "an index outside": (
        lambda: Model(Sum(n * total(v.applyfunc(Lambda(n, n**2))), (n, 0, 2)), [v]), {"v": V}, 6 * V,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUND)
def test_what_a_function_binds_means_its_argument_and_nothing_else(case):
    build, given, right = BOUND[case]
    model = build()
    module = model.compile()
    assert set(inspect.signature(module.value).parameters) == given.keys()
    np.testing.assert_allclose(module.gradient(**given).v, right, rtol=1e-14)  # by hand


SQUARE, TARGETS, ITSELF = MatrixSymbol("K", K, K), MatrixSymbol("T", N, T), IndexedBase("K", shape=(K,))
TWICE = {
    "a matrix called like its side": lambda: Model(Trace(SQUARE * SQUARE), [SQUARE]),
    "a matrix called like its columns": lambda: Model(Trace(TARGETS.T * TARGETS), [TARGETS]),
    "an array called like its side": lambda: Model(ITSELF[0] ** 2, [ITSELF]),
    "a number called like a side": lambda: Model(Symbol("N", real=True) * Sum(y[n], (n, 0, N - 1)), [y]),
    "a name called like a side": lambda: Model(
        Sum(y[n] * Symbol("N", real=True), (n, 0, N - 1)), [y], where=[Eq(Symbol("N", real=True), 2)]
    ),
}


@pytest.mark.parametrize("case", TWICE)
def test_two_things_of_one_name_are_refused(case):
    with pytest.raises(ModelError, match="two different symbols are called"):
        TWICE[case]()


def test_an_index_that_is_a_side_of_an_array_is_refused():
    with pytest.raises(ModelError, match="K is an index and a side of x"):
        Model(Sum(Sum(x[k], (k, 0, K - 1)), (K, 1, 3)), [x])


def test_a_matrix_of_symbols_stands_for_its_symbols():
    weights, data = symbols("w0:3", real=True), np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    column = Matrix(weights)
    residual = Matrix(data) * column
    for given in (column, [column], [column.as_immutable()], weights):
        model = Model(residual.dot(residual), given)
        assert model.parameters == weights
        found = model.compile().gradient(1.0, -1.0, 2.0)
        np.testing.assert_allclose(found, 2 * data.T @ data @ [1.0, -1.0, 2.0], rtol=1e-14)  # by hand
    with pytest.raises(ModelError, match="is a matrix of symbols; ask for one of them at a time"):
        model.gradient(column)
