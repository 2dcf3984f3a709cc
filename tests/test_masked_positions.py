"""Positions that are data where a condition leaves them out: anything there, as long as nothing else reads it."""

import re

import numpy as np
import pytest
from sympy import And, IndexedBase, Piecewise, Sum, sin, symbols

from symgrad import Model, if_else

N, K = symbols("N K", integer=True, positive=True)
n, i = symbols("n i", integer=True)
theta, group = IndexedBase("theta", shape=(K,)), IndexedBase("group", shape=(N,), integer=True)
answers, shown = IndexedBase("answers", shape=(N,)), IndexedBase("shown", shape=(N,))
GROUPS, SHOWN = np.array([0, -1, 1]), np.array([1.0, 0.0, 1.0])


def of_groups(entry):
    return Model(Sum(entry, (n, 0, N - 1)), [theta])


miss = (answers[n] - theta[group[n]]) ** 2
LEFT_OUT = {
    "if_else": lambda: of_groups(if_else(shown[n] > 0, miss, 0)),
    "the other branch": lambda: of_groups(if_else(shown[n] <= 0, 0, miss)),
    "Piecewise": lambda: of_groups(Piecewise((miss, shown[n] > 0), (0, True))),
    "one of two conditions": lambda: of_groups(if_else(And(shown[n] > 0, theta[0] < 9), miss, 0)),
    "several uses, other names": lambda: Model(
        Sum(if_else(shown[n] > 0, miss, 0), (n, 0, N - 1))
        + Sum(if_else(shown[i] > 0, ((theta[group[i]] - 1) * (theta[group[i]] - 2)) ** 2, 0), (i, 0, N - 1)),
        [theta],
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
@pytest.mark.parametrize("target", ["numpy", "jax", "torch"])
def test_a_group_may_be_any_number_where_its_row_is_left_out(name: str, target: str) -> None:
    pytest.importorskip("numpy" if target == "numpy" else target)
    module = LEFT_OUT[name]().compile(check=False, target=target)
    given = {"theta": np.array([1.0, 2.0]), "group": GROUPS, "shown": SHOWN, "answers": [2.0, np.nan, 1.0]}
    value, slope = module.value_and_gradient(**given)
    assert float(value) == 1 + 1
    np.testing.assert_array_equal(np.asarray(slope.theta), [-2, 2])
    if target == "numpy":
        with pytest.raises(IndexError, match=r"group\[\w\] is -1 at \[1\], expected 0 ... 1"):
            module.value(**given | {"shown": np.ones(3)})


IN_USE = {
    "in either branch": lambda: of_groups(if_else(shown[n] > 0, miss, theta[group[n]])),
    "outside, too": lambda: of_groups(if_else(shown[n] > 0, miss, 0) + theta[group[n]]),
    "under one or another condition": lambda: of_groups(
        if_else(shown[n] > 0, miss, 0) - if_else(answers[n] > 0, theta[group[n]], 0)
    ),
    "in the condition": lambda: of_groups(if_else(theta[group[n]] > 0, miss, 0)),
}


@pytest.mark.parametrize("name", IN_USE)
def test_a_group_that_is_used_anyway_is_one(name: str) -> None:
    """What no one condition leaves out everywhere is checked at once, for all entries."""
    model = IN_USE[name]()
    assert '_check_range("group", group, K)' in model.source()
    given = {"theta": [1.0, 2.0], "group": GROUPS, "answers": [2.0, np.nan, 1.0], "shown": SHOWN}
    module = model.compile(check=False)
    with pytest.raises(IndexError, match=r"group\[1\] is -1, expected 0 ... 1"):
        module.value(**{name: given[name] for name in module.ARGUMENTS})


def test_a_ranking_is_padded_with_anything():
    """Two places of a sum share one look-up, whatever their indices are called."""
    length, q = IndexedBase("length", shape=(N,), integer=True), symbols("q", integer=True)
    order = IndexedBase("order", shape=(N, K), integer=True)
    worth = IndexedBase("worth", shape=(5,))
    chosen = if_else(
        i < length[n], worth[order[n, i]] - Sum(if_else(q < length[n], sin(worth[order[n, q]]), 0), (q, i, K - 1)), 0
    )
    model = Model(Sum(chosen, (i, 0, K - 1), (n, 0, N - 1)), [worth])
    module = model.compile(check=False)
    at, rows = np.arange(5.0), np.array([[3, 1, -1], [2, 99, -7]])
    value, slope = module.value_and_gradient(worth=at, order=rows, length=[2, 1])
    assert value == pytest.approx((3 - np.sin(3) - np.sin(1)) + (1 - np.sin(1)) + (2 - np.sin(2)), rel=1e-15)
    expected = [0, 1 - 2 * np.cos(1), 1 - np.cos(2), 1 - np.cos(3), 0]
    np.testing.assert_allclose(slope.worth, expected, rtol=1e-14)
    text = model.source()
    assert (
        len(set(re.findall(r"_in_range\([^)]*\)", text[text.index("def value_and_gradient") : text.index("def pack")])))
        == 1
    )
