"""Positions that are data where a condition leaves them out: anything there, as long as nothing else reads it."""

import inspect
import re

import numpy as np
import pytest
from sympy import And, Eq, Indexed, IndexedBase, KroneckerDelta, Piecewise, Sum, sin, symbols

from symgrad import LogSumExp, Model, if_else, log_sigmoid
from tests.families import one_in

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


T = symbols("T", integer=True, positive=True)
t = symbols("t", integer=True)
Y, seen = IndexedBase("Y", shape=(N, T)), IndexedBase("seen", shape=(N, T))
kind = IndexedBase("kind", shape=(N,), integer=True)
misses = (Y[n, t] - theta[group[n]]) ** 2


def of_columns(entry):
    return Model(Sum(entry, (t, 0, T - 1), (n, 0, N - 1)), [theta])


BY_COLUMNS = {
    "if_else": lambda: of_columns(if_else(seen[n, t] > 0, misses, 0)),
    "Piecewise": lambda: of_columns(Piecewise((0, seen[n, t] <= 0), (misses, True))),
    "with a condition on indices": lambda: of_columns(if_else(And(seen[n, t] > 0, t <= n), misses, 0)),
    "with one on the row": lambda: of_columns(if_else(shown[n] > 0, if_else(seen[n, t] > 0, misses, 0), 0)),
    "two uses, other names": lambda: Model(
        Sum(if_else(seen[n, t] > 0, misses, 0) / 2, (t, 0, T - 1), (n, 0, N - 1))
        + Sum(if_else(seen[i, n] > 0, (Y[i, n] - theta[group[i]]) ** 2, 0) / 2, (n, 0, T - 1), (i, 0, N - 1)),
        [theta],
    ),
}
BY_DELTA = {
    "delta": lambda: of_groups(KroneckerDelta(kind[n], 0) * miss),
    "1 - delta": lambda: of_groups((1 - KroneckerDelta(kind[n], 1)) * miss),
    "delta around a sum": lambda: of_groups(KroneckerDelta(kind[n], 0) * Sum(miss / K, (i, 0, K - 1))),
    "delta beside a condition": lambda: of_groups(KroneckerDelta(kind[n], 0) * if_else(shown[n] > 0, miss, 0)),
}
COLUMNS = {
    "Y": np.array([[2.0, np.nan], [np.nan, np.nan], [np.nan, 1.0]]),
    "seen": np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
    "kind": [0, 1, 0],
}
REACHED = {"seen": np.ones((3, 2)), "kind": np.zeros(3, int), "shown": np.ones(3)}


@pytest.mark.parametrize("name", [*BY_COLUMNS, *BY_DELTA])
def test_a_group_may_be_any_number_where_nothing_looks_it_up(name: str) -> None:
    """Under conditions with more indices than it has, where none of them holds in its row, and beside deltas."""
    module = (BY_COLUMNS | BY_DELTA)[name]().compile(check=False, hvp=True)
    given = COLUMNS | {"theta": np.array([1.0, 2.0]), "group": GROUPS, "shown": SHOWN, "answers": [2.0, np.nan, 1.0]}
    given = {name: given[name] for name in module.ARGUMENTS}
    with np.errstate(all="raise"):
        value, slope = module.value_and_gradient(**given)
        product = module.hessian_vector_product((np.array([1.0, 3.0]),), **given)
    assert value == 1 + 1
    np.testing.assert_array_equal(slope.theta, [-2, 2])
    np.testing.assert_array_equal(product.theta, [2, 6])
    with pytest.raises(IndexError, match=r"group\[\w\] is -1 at \[1\], expected 0 ... 1"):
        module.value(**given | {name: REACHED[name] for name in given.keys() & REACHED.keys()})


def test_formulas_write_a_group_as_it_is_where_something_looks_it_up():
    for name in ("if_else", "delta", "1 - delta"):
        formula = (BY_COLUMNS | BY_DELTA)[name]().gradient(theta)
        assert {part.indices[0] for part in formula.atoms(Indexed) if part.base == theta} == {group[n]}
        assert KroneckerDelta(formula.variables[0], group[n]) in formula.atoms(KroneckerDelta)
    text = BY_COLUMNS["if_else"]().source()
    assert "np.where(any_above_seen, group, 0)" in text  # over its own indices only


def test_a_delta_of_an_index_leaves_labels_checked():
    """It says which of several entries is meant, and is none for every entry."""
    model = Model(Sum(KroneckerDelta(group[n], i) * theta[group[n]] * Y[n, i], (n, 0, N - 1), (i, 0, T - 1)), [theta])
    assert '_check_range("group", group, K)' in model.source()


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


u, w = IndexedBase("u", shape=(N,)), IndexedBase("w", shape=(N,))
table, other = IndexedBase("table", shape=(N, K)), IndexedBase("other", shape=(K,), integer=True)
of_group, row = Eq(u[n], sin(theta[group[n]]) * answers[n]), theta[i] + n
shown_only = if_else(shown[n] > 0, (u[n] - 1) ** 2, 0)
BY_NAME = {
    "a name": (shown_only, of_group),
    "Piecewise": (Piecewise((0, shown[n] <= 0), ((u[n] - 1) ** 2, True)), of_group),
    "a delta": (KroneckerDelta(kind[n], 0) * (u[n] - 1) ** 2, of_group),
    "a name of a name": (
        shown_only, Eq(w[n], theta[group[n]] * answers[n]), Eq(u[n], log_sigmoid(w[n]) + answers[n])),
    "a condition inside of a name": (w[n], of_group, Eq(w[n], if_else(shown[n] > 0, u[n] ** 2, 0))),
    "the label is in the loss, too": (if_else(shown[n] > 0, u[n] ** 2 + theta[group[n]], 0), of_group),
    "an entry of a table": (
        if_else(shown[n] > 0, u[n], 0),
        Eq(table[n, i], row - LogSumExp(row, (i, 0, K - 1))), Eq(u[n], table[n, group[n]])),
    "a group of groups": (shown_only, Eq(u[n], theta[other[group[n]]])),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, BY_NAME))
def test_a_group_may_be_any_number_where_the_name_that_it_stands_in_is_left_out(name: str) -> None:
    """The name itself, which has all entries, needs a group for each of them."""
    loss, *where = BY_NAME[name]
    module = Model(Sum(loss, (n, 0, N - 1)), [theta], where=where).compile(check=False, hvp=True, quantities=["u"])
    given = {"theta": np.array([1.0, 2.0]), "shown": SHOWN, "kind": np.array([0, 1, 0]), "other": np.array([1, 0])}
    given |= {"answers": np.array([2.0, 3.0, 1.0])}

    def results(groups, **more):
        inputs = {name: (given | more | {"group": np.array(groups)})[name] for name in module.ARGUMENTS}
        with np.errstate(all="raise"):
            value, slope = module.value_and_gradient(**inputs)
            return value, *slope, *module.hessian_vector_product((np.array([1.0, 3.0]),), **inputs)

    right = results([0, 1, 1])
    for left_out in (-1, 99, -(2**40)):
        for got, wanted in zip(results([0, left_out, 1]), right, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-15)
    with pytest.raises(IndexError, match="group"):
        results([0, -1, 1], shown=np.ones(3), kind=np.zeros(3, int))
    taken = inspect.signature(module.u).parameters
    with pytest.raises(IndexError, match="group"):
        module.u(**{name: (given | {"group": np.array([0, -1, 1])})[name] for name in taken})


def test_a_condition_on_a_group_leaves_it_out_of_a_name() -> None:
    model = Model(Sum(if_else(group[n] >= 0, u[n], 0), (n, 0, N - 1)), [theta], where=[of_group])
    value, slope = model.compile(check=False).value_and_gradient([1.0, 2.0], [2.0, np.nan, 1.0], GROUPS)
    assert value == pytest.approx(2 * np.sin(1) + np.sin(2), rel=1e-15)
    np.testing.assert_allclose(slope.theta, [2 * np.cos(1), np.cos(2)], rtol=1e-15)


def test_a_name_of_which_anything_is_used_checks_all_groups_at_once() -> None:
    model = Model(Sum(shown_only + u[n], (n, 0, N - 1)), [theta], where=[of_group])
    assert '_check_range("group", group, K)' in model.source()
