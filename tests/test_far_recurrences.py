"""Recurrences that refer to entries any number of steps back: all earlier ones, and those that data say."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, cos, exp, floor, log, sin, symbols, tanh

from symgrad import LogSumExp, MaxOver, Model, ModelError, UnsupportedError, if_else
from tests.families import one_in

T, B, K, M = symbols("T B K M", integer=True, positive=True)
i, j, k, m, n, r, t = symbols("i j k m n r t", integer=True)
u, v = symbols("u v", real=True)
x, w, y, z = (IndexedBase(name, shape=(T,)) for name in "xwyz")
G = IndexedBase("G", shape=(T, T))
h, A = IndexedBase("h", shape=(T, K)), IndexedBase("A", shape=(K, K))
a, D = IndexedBase("a", shape=(T, K)), IndexedBase("D", shape=(K, T))
level, step = IndexedBase("level", shape=(B,)), IndexedBase("step", shape=(B,))
parent = IndexedBase("parent", shape=(B,), integer=True)
parents = IndexedBase("parents", shape=(B, M), integer=True)
pose, turn = IndexedBase("pose", shape=(B, 2, 2)), IndexedBase("turn", shape=(B, 2, 2))
chain = MatrixSymbol("chain", B, 2)
seen, given, made = (IndexedBase(name, shape=(B,)) for name in ("seen", "given", "made"))
squares = Sum(x[t] ** 2, (t, 0, T - 1))

EARLIER = {
    "renewal": lambda: Model(squares, [u, w], where=[
        Eq(x[0], exp(u)), Eq(x[t], u * Sum(x[r] * w[t - r - 1], (r, 0, t - 1)))]),
    "written with the next entry": lambda: Model(squares, [u, w], where=[
        Eq(x[0], exp(u)), Eq(x[t + 1], u * Sum(x[r] * w[t - r], (r, 0, t)))]),
    "any kernel": lambda: Model(squares, [u, G], where=[
        Eq(x[0], u), Eq(x[t], tanh(Sum(G[t, r] * sin(x[r]), (r, 0, t - 1))))]),
    "some of them": lambda: Model(squares, [u, G], where=[
        Eq(x[0], u), Eq(x[1], u**2), Eq(x[t], Sum(G[t, r] * x[r], (r, 1, t - 1)) + x[t - 2])]),
    "where a condition holds": lambda: Model(squares, [u, w], where=[
        Eq(x[0], u), Eq(x[t], cos(Sum(if_else(r < t, x[r] * w[r], 0), (r, 0, T - 1))))]),
    "also the last": lambda: Model(Sum(x[t] * y[t], (t, 0, T - 1)), [u, w], where=[
        Eq(x[0], u), Eq(y[0], u), Eq(x[t], sin(y[t - 1])), Eq(y[t], Sum(x[r] * w[t - r], (r, 0, t)))]),
    "two that need each other": lambda: Model(Sum(x[t] * y[t], (t, 0, T - 1)), [u, w], where=[
        Eq(x[0], u), Eq(y[0], u**2), Eq(x[t], 1 + Sum(y[r] * w[r], (r, 0, t - 1))),
        Eq(y[t], sin(Sum(x[r] * w[t - r], (r, 0, t - 1))))]),
    "vectors": lambda: Model(Sum(h[t, k] ** 2 * (k + 1), (t, 0, T - 1), (k, 0, K - 1)), [A, w], where=[
        Eq(h[0, k], k + 1), Eq(h[t, k], tanh(Sum(h[r, j] * A[j, k] * w[t - r], (r, 0, t - 1), (j, 0, K - 1))))]),
    "backwards": lambda: Model(squares, [u, w], where=[
        Eq(x[T - 1], u), Eq(x[t], sin(Sum(x[r] * w[r - t - 1], (r, t + 1, T - 1))))]),
    "in logarithms": lambda: Model(LogSumExp(a[T - 1, j], (j, 0, K - 1)), [A, D], where=[
        Eq(a[0, j], D[j, 0]),
        Eq(a[t, j], LogSumExp(a[r, i] + A[i, j] + D[j, t - r - 1], (r, 0, t - 1), (i, 0, K - 1)))]),
    "the largest": lambda: Model(squares, [w], where=[
        Eq(x[0], w[0]), Eq(x[t], w[t] + MaxOver(x[r] * w[t - r], (r, 0, t - 1)))]),
    "half the way": lambda: Model(squares, [u, w], where=[Eq(x[0], u), Eq(x[t], w[t] * sin(x[floor(t / 2)]))]),
    "a product of two": lambda: Model(squares, [u, w], where=[
        Eq(x[0], u), Eq(x[t], w[t] + Sum(x[r] * x[t - r - 1], (r, 0, t - 1)))]),
}  # fmt: skip

ALONG_A_TREE = {
    "scalars": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parent[n] < n], where=[
        Eq(level[0], step[0]), Eq(level[n], sin(level[parent[n]]) * step[n])]),
    "not far back": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parent[n] <= n - 1], where=[
        Eq(level[0], step[0]), Eq(level[n + 1], level[parent[n + 1]] * step[n] + level[n])]),
    "matrices": lambda: Model(
        Sum(pose[n, i, j] ** 2 * (i + 2 * j + 1), (n, 0, B - 1), (i, 0, 1), (j, 0, 1)), [turn],
        facts=[parent[k] < k], where=[
            Eq(pose[0, i, j], turn[0, i, j]),
            Eq(pose[n, i, k], Sum(pose[parent[n], i, j] * turn[n, j, k], (j, 0, 1)))]),
    "several parents": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parents[n, m] < n], where=[
        Eq(level[0], step[0]), Eq(level[n], step[n] + sin(Sum(level[parents[n, m]] * (m + 1), (m, 0, M - 1))))]),
    "rows of a matrix": lambda: Model(
        Sum(chain[n, k] ** 2 * (k + 1), (n, 0, B - 1), (k, 0, 1)), [step], facts=[parent[n] < n], where=[
            Eq(chain[0, k], k + 1), Eq(chain[n, k], tanh(chain[parent[n], 1 - k]) * step[n])]),
    "leaves first": lambda: Model(Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parents[n, m] < n], where=[
        Eq(level[0], step[0]),
        Eq(level[n], if_else(n <= 2, step[n], log(1 + Sum(level[parents[n, m]] ** 2, (m, 0, M - 1)))))]),
    "a fact of more": lambda: Model(
        Sum(level[n] ** 2, (n, 0, B - 1)), [step], facts=[parent[n] + 2 <= n], where=[
            Eq(level[0], step[0]), Eq(level[n + 1], sin(level[parent[n + 1] + 1]) * step[n])]),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(10, [*EARLIER, *ALONG_A_TREE]))
def test_a_recurrence_over_any_distance(name):
    model = {**EARLIER, **ALONG_A_TREE}[name]()
    report = model.check(hvp=name not in ("the largest",))  # the value against mpmath, entry by entry
    assert report.ok, report
    assert model.show() and model.show("latex")


def renewed(u, w):
    x, dx = [np.exp(u)], [np.exp(u)]
    for time in range(1, len(w)):
        total = sum(x[r] * w[time - r - 1] for r in range(time))
        dx.append(total + u * sum(dx[r] * w[time - r - 1] for r in range(time)))
        x.append(u * total)
    return np.sum(np.square(x)), 2 * np.dot(x, dx)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_renewal_by_hand(size):
    module = EARLIER["renewal"]().compile(check=False)
    weights = np.linspace(0.7, 0.1, size)
    value, slope = module.value_and_gradient(0.8, weights)
    np.testing.assert_allclose((value, slope.u), renewed(0.8, weights), rtol=1e-13)


def test_a_tree_by_hand():
    module = ALONG_A_TREE["scalars"]().compile(check=False)
    steps, above = np.array([1.0, -0.5, 2.0, 1.5, 0.3]), np.array([-1, 0, 0, 2, 2])  # a root has no parent
    levels, slopes = np.zeros(5), np.zeros((5, 5))
    levels[0], slopes[0, 0] = steps[0], 1.0
    for node in range(1, 5):
        levels[node] = np.sin(levels[above[node]]) * steps[node]
        slopes[node] = np.cos(levels[above[node]]) * steps[node] * slopes[above[node]]
        slopes[node, node] += np.sin(levels[above[node]])
    value, slope = module.value_and_gradient(steps, above)
    np.testing.assert_allclose(value, levels @ levels, rtol=1e-14)
    np.testing.assert_allclose(slope.step, 2 * levels @ slopes, rtol=1e-13)


def test_the_adjoints_of_a_tree_are_added_where_they_belong():
    source = ALONG_A_TREE["scalars"]().source()
    assert "    d_level[in_range_parent[n - 1]] += d_level[n] * prod_step[n - 1]" in source
    assert "np.add.at(d_level, np.s_[" in ALONG_A_TREE["several parents"]().source()


@pytest.mark.parametrize("above", [[0, 1, 0], [0, 2, 0], [0, 0, 3], [0, -1, 0]])
def test_a_parent_that_does_not_come_before_is_an_index_error(above):
    module = ALONG_A_TREE["scalars"]().compile(check=False)
    with pytest.raises(IndexError, match=r"level\[parent\[n\]\]: parent\[n\]"):
        module.value(np.ones(3), np.array(above))


WRONG = {
    "no fact": (
        [], Eq(level[n], level[parent[n]] * step[n]), ModelError, r"add a fact, such as facts=\[parent\[n\] < n\]",
    ),
    "a fact that does not suffice": (
        [parent[n] <= n], Eq(level[n], level[parent[n]]), ModelError, r"nothing says that parent\[n\] comes before n",
    ),
    "a fact of another array": (
        [parents[n, m] < n], Eq(level[n], level[parent[n]]), ModelError, "nothing says that",
    ),
    "a fact that is shifted": (
        [parent[n] < n], Eq(level[n], level[parent[n] + 1]), ModelError, "nothing says that",
    ),
    "the present": ([], Eq(level[n], Sum(level[r], (r, 0, n))), ModelError, "depends on itself at the same time"),
    "the future": ([], Eq(level[n], Sum(level[r], (r, 0, n + 1))), ModelError, "is not known yet"),
    "all": ([], Eq(level[n], Sum(level[r], (r, 0, B - 1))), ModelError, "is not known yet"),
    "before the first": ([], Eq(level[n], Sum(level[r - 1], (r, 0, n))), ModelError, "do not wrap around"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_known_yet_is_refused(name):
    facts, equation, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        Model(level[B - 1] ** 2, [step], where=[Eq(level[0], step[0]), equation], facts=facts)


def test_data_backwards_in_time_are_refused():
    where = [Eq(level[B - 1], step[0]), Eq(level[n], level[parent[n]] * step[n])]
    with pytest.raises(UnsupportedError, match="data as times of a recurrence that runs down"):
        Model(level[0] ** 2, [step], where=where, facts=[parent[n] > n])


def of_seen(entry, *where, first=step[0]):
    """What is seen of a tree; `given` are data of its nodes."""
    return lambda: Model(
        Sum(if_else(seen[n] > 0, entry, 0), (n, 0, B - 1)), [step], facts=[parent[n] < n],
        where=[Eq(level[0], first), *where])  # fmt: skip


above = level[parent[n]]
MASKED_TREES = {
    "added": of_seen(level[n] ** 2, Eq(level[n], sin(above) * step[n] + given[n])),
    "a factor": of_seen(level[n] ** 2, Eq(level[n], above * step[n] * given[n])),
    "a factor of what is read by itself": of_seen(level[n], Eq(level[n], above * step[n] * given[n])),
    "a divisor": of_seen(exp(level[n]), Eq(level[n], above * step[n] / given[n])),
    "in a function": of_seen(level[n] ** 2, Eq(level[n], above * exp(step[n] * sin(given[n])))),
    "beside what is seen": of_seen((level[n] - given[n]) ** 2, Eq(level[n], above * step[n] * given[n])),
    "in a name": of_seen(
        level[n] ** 2, Eq(level[n], above * made[n]), Eq(made[n], given[n] ** 2 * step[n])),
    "at the root, too": of_seen(
        level[n] ** 2, Eq(level[n], above + step[n] * given[n]), first=step[0] * given[0]),
    "and the one before": of_seen(
        level[n] ** 2, Eq(level[n], level[n - 1] + above * step[n] * given[n])),
    "matrices": lambda: Model(
        Sum(if_else(seen[n] > 0, pose[n, i, j] ** 2, 0), (n, 0, B - 1), (i, 0, 1), (j, 0, 1)), [step],
        facts=[parent[n] < n], where=[
            Eq(pose[0, i, j], i + 2 * j + step[0]),
            Eq(pose[n, i, k], Sum(pose[parent[n], i, j] * step[n] * given[n] * (j + k + 1), (j, 0, 1)))]),
}  # fmt: skip
SEEN = (([1.0, 0, 1, 0, 0], [-1, 0, 0, 2, 2]), ([1.0, 0, 0, 0, 1], [-1, 0, 1, 1, 0]), ([0.0] * 5, [-1, 0, 0, 1, 1]))


@pytest.mark.parametrize("name", one_in(3, MASKED_TREES))
def test_data_of_nodes_from_which_nothing_that_is_seen_descends(name):
    """What is nan there, or far, is the same as anything else, and nothing complains; also of inner nodes."""
    module = MASKED_TREES[name]().compile(check=False, hvp=True)
    direction = (np.ones(5),)
    for shown, parents in SEEN:
        inputs = {"step": np.array([1.0, -0.5, 2.0, 1.5, 0.3]), "parent": np.array(parents), "seen": np.array(shown)}
        kept = needed_by(inputs["seen"] > 0, parents, also_before=5 if name == "and the one before" else 0)
        plain = np.array([0.5, 1.25, 2.0, -1.0, 0.75])

        def results(data, inputs=inputs):
            with np.errstate(all="raise"):
                value, slope = module.value_and_gradient(**inputs, given=data)
                return value, slope.step, module.hessian_vector_product(direction, **inputs, given=data).step

        right = results(plain)
        for held in (np.nan, np.inf, -np.inf, 1e200):
            for got, wanted in zip(results(np.where(kept, plain, held)), right, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-14)
        if np.any(kept[1:]):
            missing = np.where(np.arange(5) == np.flatnonzero(kept)[-1], np.nan, plain)
            assert np.isnan(module.value(**inputs, given=missing))


def needed_by(seen, above, also_before=0):
    """The nodes that are seen, and those that they descend from, or that come before them."""
    kept = seen.copy()
    for node in reversed(range(len(above))):
        if kept[node] and above[node] >= 0:
            kept[above[node]] = True
        if kept[node] and 0 < node <= also_before:
            kept[node - 1] = True
    return kept
