"""How many entries tie in a maximum is at least one: a division by it needs a guard only where data may be left out."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, symbols

from symgrad import LogSumExp, MaxOver, Model, if_else

N, M = symbols("N M", integer=True, positive=True)
n, m, k = symbols("n m k", integer=True)
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


def test_nothing_ties_in_a_maximum_that_a_condition_leaves_out():
    """Where s < 0 all gaps are 0 and the maximum is log M; its derivative is 0, though the sums are not computed there.

    Else the derivative by b is the mean of gap² by its softmax, for the m with the largest sum, taken here by hand.
    """
    b, s = symbols("b s", real=True)
    v, c = IndexedBase("v", shape=(N,)), IndexedBase("c", shape=(N, N))
    gap = if_else(s < 0, 0, v[n]) - if_else(s < 0, 0, v[k])
    scores = LogSumExp(b * gap * if_else(c[k, n] > 0, 0, gap), (k, 0, N - 1))
    module = Model(MaxOver(scores, (n, 0, N - 1)), [b]).compile(check=False, hvp=True)
    data = {"b": 0.75, "v": np.array([0.25, -1.0, 0.5]), "c": np.array([[1.0, -1, 1], [-1, 2, -1], [1, -1, 1]])}
    with np.errstate(all="raise"):
        value, (slope,) = module.value_and_gradient(s=-1.0, **data)
        assert (value, slope) == (pytest.approx(np.log(3), rel=1e-15), 0)
        assert module.hessian_vector_product((1.0,), s=-1.0, **data).b == 0
        value, (slope,) = module.value_and_gradient(s=1.0, **data)
    squares = np.where(data["c"] > 0, 0, (data["v"] - data["v"][:, None]) ** 2)
    sums = np.log(np.exp(0.75 * squares).sum(axis=0))
    largest = squares[:, sums.argmax()]
    assert value == pytest.approx(sums.max(), rel=1e-14)
    assert slope == pytest.approx(np.sum(largest * np.exp(0.75 * largest)) / np.exp(sums.max()), rel=1e-14)
