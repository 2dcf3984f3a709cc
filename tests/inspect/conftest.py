"""Models to look at, derived once for all tests."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace

import pytest
from sympy import Eq, Idx, IndexedBase, MatrixSymbol, OneMatrix, Sum, Trace, log, symbols, tanh

from symgrad import Model, sigmoid, softmax

N, M, K = symbols("N M K", integer=True, positive=True)
X, w, t, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1), MatrixSymbol("y", N, 1)


@cache
def logistic() -> Model:
    ones = OneMatrix(N, 1)
    loss = -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log))
    return Model(loss, [w], where=[Eq(y, sigmoid(X * w))], name="logistic <regression>")


@cache
def classes() -> Model:
    n, j, k = Idx("n", N), Idx("j", M), Idx("k", K)
    D, W = IndexedBase("D", shape=(N, M)), IndexedBase("W", shape=(M, K))
    T, z, p = (IndexedBase(name, shape=(N, K)) for name in "Tzp")
    return Model(
        -Sum(T[n, k] * log(p[n, k]), (n, 0, N - 1), (k, 0, K - 1)),
        [W],
        where=[Eq(z[n, k], Sum(D[n, j] * W[j, k], (j, 0, M - 1))), Eq(p[n, k], softmax(z[n, k], (k, 0, K - 1)))],
        facts=[Eq(Sum(T[n, k], (k, 0, K - 1)), 1)],
        name="classes",
    )


@cache
def network(depth: int) -> Model:
    sides = symbols(f"n:{depth + 1}", integer=True, positive=True)
    layer, target = MatrixSymbol("X", N, sides[0]), MatrixSymbol("T", N, sides[depth])
    parameters, blocks = [], []
    for level in range(1, depth + 1):
        W = MatrixSymbol(f"W{level}", sides[level - 1], sides[level])
        Z, H = (MatrixSymbol(f"{name}{level}", N, sides[level]) for name in "ZH")
        parameters.append(W)
        blocks += [Eq(Z, layer * W), Eq(H, Z.applyfunc(tanh))]
        layer = H
    difference = layer - target
    return Model(Trace(difference.T * difference), parameters, where=blocks, name=f"{depth} layers")


@pytest.fixture(scope="session")
def models() -> SimpleNamespace:
    """What makes them: `logistic()`, `classes()` and `network(depth)`."""
    return SimpleNamespace(logistic=logistic, classes=classes, network=network)


@pytest.fixture(params=[logistic, classes, lambda: network(2)], ids=["logistic", "classes", "network"])
def model(request: pytest.FixtureRequest) -> Model:
    """One model of several kinds."""
    make: Callable[[], Model] = request.param
    return make()
