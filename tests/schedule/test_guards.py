"""What conditions leave out is guarded once, where it is first computed with, and not where it shows anyway."""

import re

import pytest
from sympy import Abs, And, Eq, Expr, Ge, IndexedBase, Le, Lt, Ne, Or, S, Sum, exp, symbols

from symgrad import Model, if_else
from symgrad.graph.build import apply, const, index, size
from symgrad.graph.nodes import Input, Letter, Use, intern
from symgrad.schedule.conditions import Guard, guards_of
from symgrad.schedule.regions import (
    EVERYWHERE,
    NOWHERE,
    Region,
    condition_of,
    moved,
    union,
    within,
)
from symgrad.schedule.vanishing import Vanishing

N, M, K = symbols("N M K", integer=True, positive=True)
n, m, k = symbols("n m k", integer=True)
s = symbols("s", real=True)
R, c, p, q = (IndexedBase(name, shape=(N,)) for name in ("R", "c", "p", "q"))
X, w, z = IndexedBase("X", shape=(N, K)), IndexedBase("w", shape=(K,)), IndexedBase("z", shape=(N,))
U, V = IndexedBase("U", shape=(N, K)), IndexedBase("V", shape=(M, K))
ratings, rated = IndexedBase("Y", shape=(N, M)), IndexedBase("c", shape=(N, M))


def seen(entry: Expr, condition: Expr = c[n] > 0) -> Sum:
    return Sum(if_else(condition, entry, 0), (n, 0, N - 1))


def body(model: Model) -> str:
    """What `value_and_gradient` computes, also of data alone."""
    text = model.source()
    apart = re.findall(r"^def \w+_of_data\(.*?(?=\n\n\n)", text, re.M | re.S)
    return "\n".join([text[text.index("def value_and_gradient(") : text.index("def pack(")], *apart])


def test_missing_data_are_read_once_through_the_condition() -> None:
    text = body(Model(seen((R[n] - s) ** 2), [s]))
    assert text.count("np.where") == 1 and "np.where(c > 0, R - s, 0)" in text


def test_a_residual_is_guarded_rather_than_what_it_is_made_of() -> None:
    error = ratings[n, m] - Sum(U[n, k] * V[m, k], (k, 0, K - 1))
    text = body(Model(Sum(if_else(rated[n, m] > 0, error**2, 0), (n, 0, N - 1), (m, 0, M - 1)), [U, V]))
    assert text.count("np.where") == 1 and "np.where(above_c, Y - U @ V.T, 0)" in text and "return c > 0" in text


def test_data_that_lack_an_index_are_guarded_by_whether_any_entry_needs_them() -> None:
    error = ratings[n, m] - Sum(U[n, k] * V[m, k], (k, 0, K - 1))
    text = body(Model(Sum(if_else(rated[n, m] > 0, error**2, 0), (n, 0, N - 1), (m, 0, M - 1)), [U]))
    assert "np.where(any_above_c[:, None], V, 0)" in text and "above_c.any(axis=0)" in text and "U @" in text


def test_what_another_term_reads_is_not_guarded() -> None:
    text = body(Model(seen(p[n] * R[n]) + Sum(p[n] ** 3 * q[n], (n, 0, N - 1)), [p]))
    assert "R, 0)" in text and "p, 0)" not in text and "q, 0)" not in text


def test_a_choice_of_two_that_read_the_same_data_guards_none() -> None:
    text = body(Model(Sum(if_else(c[n] > 0, R[n] * s, R[n] * exp(s)), (n, 0, N - 1)), [s]))
    assert "R, 0)" not in text


def test_what_two_conditions_need_is_computed_once() -> None:
    scores = Eq(z[n], Sum(X[n, k] * w[k], (k, 0, K - 1)))
    text = body(Model(seen(z[n] * R[n]) + seen(z[n] ** 2, q[n] > 1), [w], where=[scores]))
    assert len(re.findall(r"X[^\n]*\.dot\(w\)|X[^\n]* @ w", text)) + len(re.findall(r"chosen\w*\.dot\(w\)", text)) == 1


def test_a_branch_that_is_never_taken_where_it_is_needed_is_not_computed() -> None:
    name = Eq(z[n], if_else(c[n] > 0, exp(R[n]), s * p[n]))
    text = body(Model(seen(z[n] ** 2, c[n] <= 0) + Sum(if_else(c[n] > 0, 0, z[n]), (n, 0, N - 1)), [s], where=[name]))
    assert "np.exp" not in text  # where c ≤ 0 holds, c > 0 does not
    other = Eq(z[n], if_else(c[n] > 0, s * p[n], exp(R[n])))
    text = body(Model(Sum(if_else(c[n] <= 0, 0, z[n] ** 2), (n, 0, N - 1)), [s], where=[other]))
    assert "np.exp" in text  # c may be no number: then neither holds
    text = body(Model(Sum(if_else(c[n] > 0, 0, z[n] ** 2), (n, 0, N - 1)), [s], where=[name]))
    assert "np.exp" not in text and "np.where(c > 0, 0, p)" in text


def test_a_position_stays_on_its_axis_where_the_entry_is_left_out() -> None:
    """Positions are looked up everywhere, also those of entries that no one needs."""
    labels = IndexedBase("labels", shape=(N,), integer=True)
    entry = if_else(And(n <= m, m <= N - 2), ratings[n + 1, labels[n] - 1] * p[m], p[n] ** 2)
    text = body(Model(Sum(entry, (n, 0, N - 1), (m, 0, N - 1)), [p]))
    assert "np.where(below_1, np.where(below_1_2, (np.arange(N) + 1)[:, None], 0), 0)" in text
    assert "_in_range(np.where(below_1, np.where(below_1_2, (labels - 1)[:, None], 0), 0)" in text


@pytest.mark.parametrize("condition", [m <= n, m >= n, Ne(m, n), And(m - n <= 1, n - m <= 1)])
def test_a_mask_of_indices_guards_nothing_that_lacks_one_of_them(condition: Expr) -> None:
    square = IndexedBase("A", shape=(N, N))
    loss = Sum(if_else(condition, square[n, m] * p[n] * q[m], 0), (n, 0, N - 1), (m, 0, N - 1))
    assert not re.search(r"\b[pq], 0\)", body(Model(loss, [p, q])))


def test_where_the_last_of_an_index_is_left_out_it_is_guarded() -> None:
    loss = Sum(if_else(n < m, Abs(p[n] - q[m]), 0), (n, 0, N - 1), (m, 0, N - 1))
    text = body(Model(loss * s, [s]))
    assert "_place((N,), np.s_[1:], q[1:], " in text and "_place((N,), np.s_[:N - 1], p[:N - 1], " in text


# --- regions ----------------------------------------------------------------------------------------------------------

data = intern(Input, (N, M), "d", ratings, False)
row = intern(Input, (N,), "e", R, False)


def above(node: Input, *letters: Letter) -> Guard:
    return Guard(apply(Ge, [Use(node, letters), const(S.Zero)]), True)


def region(*guards: Guard) -> Region:
    return frozenset([frozenset(guards)])


ROW, CELL = above(row, 0), above(data, 0, 1)
NOT_ROW = ROW._replace(holds=False)


def test_cases_that_cover_one_another_are_one() -> None:
    assert union(region(ROW), region(ROW, CELL)) == region(ROW)
    assert union(region(ROW, CELL), region(NOT_ROW, CELL)) == region(CELL)
    assert union(region(ROW), region(NOT_ROW)) == EVERYWHERE
    assert union(region(ROW), NOWHERE) == region(ROW)
    assert len(union(region(ROW), region(CELL))) == 2


def test_a_contradiction_holds_nowhere() -> None:
    assert within(region(ROW), [NOT_ROW]) == NOWHERE
    assert within(EVERYWHERE, [ROW, CELL]) == region(ROW, CELL)


def test_a_region_without_some_of_its_letters() -> None:
    """An entry of x[n] under d[n, m] >= 0 is needed if that holds for any m."""
    ((found,),) = moved(region(CELL), Use(row, (0,)))
    assert found.some and found.condition.letters == (0, ("some", 0))
    assert moved(region(ROW), Use(data, (3, 0))) == region(above(row, 1))


def test_a_region_without_any_of_its_letters() -> None:
    """An array that shares no index with e[n] >= 0 is needed if that holds for any n, as a number by itself is."""
    ((found,),) = moved(region(ROW), Use(row, (1,)))
    assert found == above(row, ("some", 0))
    assert moved(region(ROW), Use(intern(Input, (), "a", R, False), ())) == frozenset([frozenset([found])])


def test_two_conditions_on_a_letter_that_is_left_out_hold_for_one_position() -> None:
    other = above(intern(Input, (N, M), "f", ratings, False), 0, 1)
    ((found,),) = moved(region(CELL, other), Use(row, (0,)))
    assert found.condition.node.head is And


def test_a_comparison_of_two_indices_leaves_a_bound() -> None:
    """n < m for some m < M: n <= M - 2."""
    below = Guard(apply(Lt, [index(0, M), index(1, M)]), True)
    ((first,),) = moved(region(below), Use(row, (0,)))
    assert first == Guard(apply(Le, [index(0, M), size(M - 2)]), True)
    at_most = Guard(apply(Le, [index(0, M), index(1, M)]), True)
    assert moved(region(at_most), Use(row, (0,))) == EVERYWHERE


def test_conjunctions_come_apart() -> None:
    both = apply(And, [ROW.condition, CELL.condition])
    assert set(guards_of(both, True)) == {ROW, CELL}
    assert guards_of(both, False) == [Guard(both, False)]
    either = apply(Or, [ROW.condition, CELL.condition])
    assert {one.holds for one in guards_of(either, False)} == {False}


def test_a_choice_of_zeros_vanishes_where_neither_counts() -> None:
    inner = apply(if_else, [CELL.condition, const(S(2)), const(S.Zero)])
    term = apply(if_else, [ROW.condition, const(S.One), inner])
    (found,) = Vanishing().guards(term)
    assert found.holds and found.condition == condition_of(union(region(ROW), region(NOT_ROW, CELL)))
