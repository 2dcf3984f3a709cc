"""Recurrences whose base cases stand in conditions are the same as those that have equations of their own."""

import pytest
from sympy import Eq, IndexedBase, Ne, Piecewise, Sum, sin, symbols, tanh

from symgrad import Model, ModelError, if_else
from tests.families import one_in

T, K, B = symbols("T K B", integer=True, positive=True)
j, k, n, t = symbols("j k n t", integer=True)
u = symbols("u", real=True)
x, w, y = (IndexedBase(name, shape=(T,)) for name in "xwy")
h, U = IndexedBase("h", shape=(T, K)), IndexedBase("U", shape=(K, K))
level, step = IndexedBase("level", shape=(B,)), IndexedBase("step", shape=(B,))
parent = IndexedBase("parent", shape=(B,), integer=True)


def squares(*where, parameters=(w,)):
    return Model(Sum(x[t] ** 2, (t, 0, T - 1)), parameters, where=where)


SAME = {
    "the first entry": lambda: (
        squares(Eq(x[t], if_else(Eq(t, 0), w[0], x[t - 1] * w[t]))),
        squares(Eq(x[0], w[0]), Eq(x[t], x[t - 1] * w[t])),
    ),
    "not the first entry": lambda: (
        squares(Eq(x[t], if_else(Ne(0, t), sin(x[t - 1]) * w[t], w[t] ** 2))),
        squares(Eq(x[0], w[0] ** 2), Eq(x[t], sin(x[t - 1]) * w[t])),
    ),
    "two entries": lambda: (
        squares(Eq(x[t], Piecewise((w[0], Eq(t, 0)), (x[0] * w[1], t <= 1), (x[t - 1] * w[t] - x[t - 2], True)))),
        squares(Eq(x[0], w[0]), Eq(x[1], w[0] * w[1]), Eq(x[t], x[t - 1] * w[t] - x[t - 2])),
    ),
    "shifted": lambda: (
        squares(Eq(x[t + 1], if_else(t >= 0, x[t] * w[t + 1], w[0]))),
        squares(Eq(x[0], w[0]), Eq(x[t + 1], x[t] * w[t + 1])),
    ),
}


@pytest.mark.parametrize("name", one_in(2, SAME))
def test_a_base_case_in_a_condition_is_a_base_case(name):
    written, apart = SAME[name]()
    assert written.program.loss == apart.program.loss
    assert written.check(hvp=True).ok  # the condition as it is written, against mpmath


OTHERS = {
    "inside a sum": lambda: Model(Sum(h[t, k] ** 2, (t, 0, T - 1), (k, 0, K - 1)), [U], where=[
        Eq(h[t, k], tanh(if_else(Eq(t, 0), 0, Sum(h[t - 1, j] * U[j, k], (j, 0, K - 1))) + k + t))]),
    "two states": lambda: Model(Sum(x[t] * y[t], (t, 0, T - 1)), [w, u], where=[
        Eq(x[t], if_else(Eq(t, 0), u, sin(y[t - 1]))), Eq(y[t], if_else(Eq(t, 0), 1, x[t] * w[t]))]),
    "a tree": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parent[n] < n], where=[
        Eq(level[n], if_else(Eq(n, 0), step[0], sin(level[parent[n]]) * step[n]))]),
    "several roots": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parent[n] < n], where=[
        Eq(level[0], step[0]), Eq(level[n], if_else(parent[n] >= 0, sin(level[parent[n]]), 1) * step[n])]),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(2, OTHERS))
def test_a_recurrence_that_starts_in_a_condition_passes_its_check(name):
    report = OTHERS[name]().check(hvp=True)
    assert report.ok, report


def test_a_condition_that_leaves_an_entry_open_is_no_base_case():
    with pytest.raises(ModelError, match="has no base case"):
        squares(Eq(x[t], if_else(Eq(t, 1), w[1], x[t - 1] * w[t])))
    with pytest.raises(ModelError, match="refers 2 steps back"):
        squares(Eq(x[t], if_else(t >= 1, x[t - 2] * w[t], w[0])))
