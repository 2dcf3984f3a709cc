"""Conditions narrow the range of an index: what is legal under them, what is not, and that nothing outside is read."""

import numpy as np
import pytest
from sympy import And, Eq, Ge, IndexedBase, Mod, Ne, Not, Or, Piecewise, Sum, exp, symbols

from symgrad import Model, ModelError, if_else
from tests.families import one_in

N, M, S = symbols("N M S", integer=True, positive=True)
i, j, k, m = symbols("i j k m", integer=True)
x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(M,))
longer = IndexedBase("longer", shape=(S,))
A = IndexedBase("A", shape=(N, M))
kinds = IndexedBase("kinds", shape=(N,), integer=True)


def over(body, *limits, parameters=(x,), **options):
    return Model(Sum(body, *(limits or [(i, 0, N - 1)])), [*parameters], **options)


LEGAL = {
    "not the first": lambda: over(if_else(Ne(i, 0), x[i] * x[i - 1], x[0] ** 2)),
    "the first": lambda: over(if_else(Eq(i, 0), x[0] ** 2, x[i] * x[i - 1])),
    "the last": lambda: over(if_else(Eq(i, N - 1), x[i] ** 2, exp(x[i]) * x[i + 1])),
    "at no end": lambda: over(if_else(And(Ne(i, 0), Ne(i, N - 1)), x[i + 1] * x[i - 1], x[i] ** 2)),
    "at an end": lambda: over(if_else(Or(Eq(i, 0), Eq(N - 1, i)), x[i] ** 2, x[i + 1] * x[i - 1])),
    "not at an end": lambda: over(if_else(Not(Or(Eq(i, 0), Eq(i, N - 1))), x[i + 1] * x[i - 1], x[i] ** 2)),
    "neither of the first two": lambda: over(if_else(And(Ne(i, 0), Ne(i, 1)), x[i - 2] * x[i], x[i] ** 2)),
    "one after the other": lambda: over(
        if_else(Eq(i, 0), x[i] ** 2, if_else(Eq(i, 1), x[i] * x[i - 1], x[i] * x[i - 1] * x[i - 2]))
    ),
    "pieces": lambda: over(Piecewise((x[i] ** 2, Eq(i, 0)), (x[i - 1] * x[i], Eq(i, 1)), (x[i - 2] * x[i], True))),
    "one of two": lambda: over(if_else(Or(Eq(i, 1), Ge(i, 3)), x[i - 1] * x[i], x[i] ** 2)),
    "beside data": lambda: over(if_else(And(Ne(i, 0), x[i] > 0), x[i - 1] * x[i], x[i] ** 2)),
    "beside data at a distance": lambda: over(if_else(And(i >= 2, Ne(kinds[i], kinds[i - 2])), x[i - 2] * x[i], 0)),
    "or else data at a distance": lambda: over(
        if_else(Or(i < 2, Eq(kinds[i], kinds[i - 2])), x[i] ** 2, x[i - 2] * x[i])
    ),
    "not either of two": lambda: over(if_else(Not(Or(i < 1, Eq(kinds[i], kinds[i - 1]))), x[i - 1] * x[i], 0)),
    "a kind, and its entry": lambda: over(
        if_else(And(kinds[i] >= 0, kinds[i] < M, y[kinds[i]] > 0), x[i] * y[kinds[i]], 0), parameters=(x, y)
    ),
    "the kind before": lambda: over(if_else(i >= 1, y[kinds[i - 1]] * x[i], 0), parameters=(x, y)),
    "a neighbour on either side": lambda: over(
        if_else(Eq(i, 0), x[i], x[i - 1]) * if_else(Eq(i, N - 1), x[i], x[i + 1]) * x[i]
    ),
    "the distance of two": lambda: over(if_else(Eq(i, j), x[i - j], x[i]) * x[j], (i, 0, N - 1), (j, 0, N - 1)),
    "compared in turn": lambda: over(
        if_else(And(i <= j, j <= N - 2), A[i + 1, kinds[i] - 1] * x[j], x[i] ** 2), (i, 0, N - 1), (j, 0, N - 1)
    ),
    "compared by way of others": lambda: over(
        x[N - 1 - k + i] * x[j] * x[m], (k, j, N - 1), (j, m, N - 1), (m, i, N - 1), (i, 0, N - 1)
    ),
    "an entry of another array": lambda: Model(
        Sum(if_else(Eq(i, 0), y[i + 2], 1) * x[i] ** 2, (i, 0, N - 1)), [x, y]
    ),
    "sizes": lambda: Model(if_else(N >= 2, x[1] * x[0], x[0] ** 2), [x]),
    "a definition": lambda: Model(
        Sum(y[j] ** 2, (j, 0, M - 1)), [x], where=[Eq(y[j], if_else(Eq(j, 0), x[0], exp(x[Mod(j, N)] * j)))]
    ),
    "a definition of its own earlier entries": lambda: Model(
        Sum(y[j] ** 2, (j, 0, M - 1)), [longer],
        where=[Eq(y[j], if_else(Ne(j, 0), longer[j - 1], 1) * longer[j])], facts=[M <= S],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(12, LEGAL))
def test_a_condition_keeps_subscripts_on_their_axes(name):
    report = LEGAL[name]().check()  # against mpmath, which reads no entry beyond an axis, at several sizes
    assert report.ok, report


BEYOND = {
    "another entry left out": lambda: over(if_else(Ne(i, 1), x[i - 1], x[i])),
    "the other branch": lambda: over(if_else(Eq(i, 0), x[i - 1], x[i])),
    "one too few": lambda: over(if_else(Ne(i, 0), x[i - 2], x[i])),
    "one of two that does not keep it": lambda: over(if_else(Or(Ne(i, 0), Ne(i, 1)), x[i - 1], x[i])),
    "real numbers": lambda: over(if_else(Ne(x[i], 0), x[i - 1], x[i])),
    "no multiple": lambda: over(if_else(Eq(Mod(i, 2), 0), x[i - 1], x[i])),
    "one too few beside data": lambda: over(if_else(And(i >= 1, Ne(kinds[i], kinds[i - 2])), x[i], 0)),
    "one of two, the other of data": lambda: over(if_else(Or(i >= 2, Ne(kinds[i], kinds[i - 2])), x[i], 0)),
    "an index inside another sum": lambda: over(if_else(Ne(i, 0), Sum(x[i - 1] * x[i], (i, 0, N - 1)), 0)),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_condition_that_does_not_suffice_is_none(name):
    with pytest.raises(ModelError, match="do not wrap around"):
        BEYOND[name]()


def test_a_chain_by_hand():
    module = LEGAL["the first"]().compile(check=False)
    for size in (1, 2, 5):
        values = np.arange(1.0, size + 1) ** 2
        value, slope = module.value_and_gradient(values)
        expected = np.append(0.0, values[:-1]) + np.append(values[1:], 0.0)
        expected[0] += 2 * values[0]
        assert value == values[0] ** 2 + values[1:] @ values[:-1]
        np.testing.assert_array_equal(slope.x, expected)


def test_whole_numbers_at_a_distance_are_compared_as_such_in_any_precision():
    module = LEGAL["beside data at a distance"]().compile(check=False)
    kind = 2**24 + np.array([0, 1, 1, 1, 2])  # of which single precision tells every other one apart
    value, slope = module.value_and_gradient(np.arange(1, 6, dtype=np.float32), kinds=kind)
    assert value == 1 * 3 + 3 * 5
    np.testing.assert_array_equal(slope.x, [3, 0, 1 + 5, 0, 3])


def test_a_kind_that_is_none_looks_nothing_up_in_a_condition():
    module = LEGAL["a kind, and its entry"]().compile(check=False)
    value, slope = module.value_and_gradient([2.0, 3.0, 5.0, 7.0], [-1.0, 4.0], kinds=[1, -1, 0, 9])
    assert value == 2 * 4
    np.testing.assert_array_equal(slope.x, [4, 0, 0, 0])
    np.testing.assert_array_equal(slope.y, [0, 2])


def test_one_side_of_an_end_needs_no_mask():
    source = over(if_else(Ne(i, 0), x[i] * x[i - 1], 0)).source()
    assert "where" not in source[source.index("\ndef value(") : source.index("\ndef pack")]


SIZES = {
    "at most": lambda: over(longer[i] ** 2 * x[i], parameters=(longer,), facts=[N <= S]),
    "less": lambda: over(longer[i + 1] ** 2 * x[i], parameters=(longer,), facts=[N < S]),
    "in turn": lambda: over(longer[i] ** 2 * x[i], parameters=(longer,), facts=[And(N <= M, M <= S), y[0] > 0]),
    "twice": lambda: over(longer[2 * i + 1] ** 2 * x[i], parameters=(longer,), facts=[S >= 2 * N]),
    "beside each other": lambda: over(longer[i + j] * x[i] * y[j], (i, 0, N - 1), (j, 0, M - 1), facts=[N + M <= S]),
    "equal": lambda: over(longer[2 * i + 1] ** 2 * x[i], parameters=(longer,), facts=[Eq(S, 2 * N)]),
    "a number": lambda: Model(x[2] ** 2 * x[0], [x], facts=[N >= 3]),
}


@pytest.mark.parametrize("name", SIZES)
def test_facts_about_sizes_are_kept_by_the_draws_and_used_for_subscripts(name):
    report = SIZES[name]().check()
    assert report.ok, report


def test_sizes_against_a_fact_are_refused():
    module = SIZES["at most"]().compile(check=False)
    assert module.value(np.array([2.0, 3.0, 9.0]), np.array([1.0, 2.0])) == 22.0
    with pytest.raises(ValueError, match="the sizes do not fit: -N \\+ S is -1"):
        module.value(np.array([2.0]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="N >= 3"):
        SIZES["a number"]().compile(check=False).value(np.array([1.0, 2.0]))


def test_a_fact_about_sizes_that_does_not_suffice_is_none():
    with pytest.raises(ModelError, match="goes up to N"):
        over(longer[i + 1] ** 2 * x[i], parameters=(longer,), facts=[N <= S])
    with pytest.raises(ModelError, match="goes up to N"):
        over(longer[i] ** 2 * x[i], parameters=(longer,), facts=[N >= S])
    with pytest.raises(ModelError, match="holds for no sizes"):
        over(x[i] ** 2 * longer[0], facts=[N + S <= 1])
