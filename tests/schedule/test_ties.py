"""How many entries tie in a maximum is at least one: a division by it needs no guard, however it is spelled."""

import pytest
from sympy import Eq, IndexedBase, Sum, symbols

from symgrad import MaxOver, Model

N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
X, largest = IndexedBase("X", shape=(N, M)), IndexedBase("largest", shape=(N,))
maximum = MaxOver(X[n, m], (m, 0, M - 1))


@pytest.mark.parametrize(
    "model",
    [
        Model(Sum(maximum**2, (n, 0, N - 1)), [X]),
        Model(Sum(largest[n] ** 2, (n, 0, N - 1)), [X], where=[Eq(largest[n], maximum)]),
        Model(Sum(largest[n + 1] * largest[n], (n, 0, N - 2)), [X], where=[Eq(largest[n], maximum)]),
    ],
    ids=["plain", "named", "at other positions"],
)
def test_a_count_of_ties_is_not_guarded(model: Model) -> None:
    source = model.source(hvp=True)
    assert ", 1)" not in source
    assert model.check(hessian=True, hvp=True).ok
