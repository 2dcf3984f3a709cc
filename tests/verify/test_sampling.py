"""Inputs that are drawn satisfy the symbols' assumptions and the facts, at several sizes."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sympy import (
    Abs,
    And,
    Basic,
    Eq,
    Identity,
    IndexedBase,
    Integer,
    MatrixSymbol,
    Ne,
    Not,
    OneMatrix,
    Or,
    Q,
    S,
    Sum,
    Symbol,
    loggamma,
    sqrt,
    symbols,
)

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.frontend.facts import Bound, FactReader, Simplex, Structure, Unread
from symgrad.functions import total
from symgrad.verify.draw import MARGIN
from symgrad.verify.draws import given_inputs
from symgrad.verify.kink_points import Kinks
from symgrad.verify.loss import StatedLoss
from symgrad.verify.sampling import Sampler
from symgrad.verify.sizes import size_sets
from symgrad.verify.subject import Settings, Subject

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, n, k = symbols("i j n k", integer=True)
SIZES: dict[Basic, int] = {N: 6, M: 4, K: 3}

A = MatrixSymbol("A", M, M)
B = MatrixSymbol("B", M, M)
T = MatrixSymbol("T", N, K)
t = IndexedBase("t", shape=(N, K))
x = IndexedBase("x", shape=(N,))
z = IndexedBase("z", shape=(N,))
lam = Symbol("lam", real=True)
rho = Symbol("rho", real=True)


def _spelled(value: Any) -> str | None:
    """A parameter's name in a test's: the text of a fact; a function's text has an address that differs by process."""
    return str(value) if isinstance(value, Basic | list) else None


def argument(symbol: Any, role: Any = "data", **options: Any) -> Argument:
    name = str(symbol.label) if isinstance(symbol, IndexedBase) else symbol.name
    return Argument(name, symbol, tuple(getattr(symbol, "shape", ()) or ()), role, **options)


def sampler(
    arguments: Sequence[Argument], *facts: Basic, seed: int = 0, given: Any = None, loss: Any = None, **known: Any
) -> Sampler:
    module = SimpleNamespace(value=lambda **inputs: 0.0 if loss is None else loss(inputs))
    subject = Subject(module, arguments, facts, **known)
    return Sampler(subject, SIZES, seed, given_inputs(subject, Settings(inputs=given)))


def drawn(symbol: Any, *facts: Basic, seed: int = 0, **options: Any) -> Any:
    one = argument(symbol, **options)
    return sampler([one], *facts, seed=seed).draw().inputs[one.name]


# What the symbols say.


@pytest.mark.parametrize(
    ("assumption", "holds"),
    [
        ("positive", lambda values: values > 0),
        ("negative", lambda values: values < 0),
        ("nonnegative", lambda values: values >= 0),
        ("nonpositive", lambda values: values <= 0),
    ],
)
def test_assumptions_on_symbols(assumption: str, holds: Any) -> None:
    scalar = drawn(Symbol("a", **{assumption: True}))
    vector = drawn(IndexedBase("a", shape=(N,), **{assumption: True}))
    assert isinstance(scalar, np.float64) and holds(scalar)
    assert vector.shape == (6,) and vector.dtype == np.float64 and np.all(holds(vector))


def test_labels_are_integers_below_the_size_of_their_axis() -> None:
    labels = np.concatenate([drawn(x, seed=seed, integer=True, upper=K) for seed in range(20)])
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == [0, 1, 2]


def test_integers_without_an_axis_are_small_counts() -> None:
    counts = drawn(Symbol("c", integer=True), integer=True)
    assert isinstance(counts, np.int64) and 0 <= counts <= 4


def test_integers_respect_bounds() -> None:
    values = np.concatenate([drawn(x, x[i] >= 2, x[i] < M, seed=seed, integer=True) for seed in range(10)])
    assert set(values.tolist()) == {2, 3}


def test_a_dimension_is_its_size() -> None:
    assert sampler([argument(N, role="dimension")]).draw().inputs == {"N": 6}


# What the facts say.


@pytest.mark.parametrize(
    "fact",
    [
        Eq(Sum(t[n, k], (k, 0, K - 1)), 1),
        Eq(1, Sum(t[n, k], (k, 0, K - 1))),
        Eq(Sum(T[n, k], (k, 0, K - 1)), 1),
        Eq(T * OneMatrix(K, 1), OneMatrix(N, 1)),
        Eq(OneMatrix(N, 1), T * OneMatrix(K, 1)),
        Eq(OneMatrix(1, K) * T.T, OneMatrix(1, N)),
    ],
    ids=str,
)
def test_a_simplex_over_the_last_axis_mixes_one_hot_and_soft_rows(fact: Basic) -> None:
    symbol = t if fact.has(t) else T
    rows = np.concatenate([drawn(symbol, fact, seed=seed) for seed in range(5)])
    assert np.allclose(rows.sum(axis=1), 1, atol=1e-14) and np.all(rows >= 0)
    hot = np.max(rows, axis=1) == 1
    assert 5 < np.sum(hot) < 25
    assert np.all(rows[~hot] > 0)


@pytest.mark.parametrize(
    ("fact", "axes", "sum_"),
    [
        (Eq(Sum(t[n, k], (n, 0, N - 1)), 1), (0,), 1),
        (Eq(T.T * OneMatrix(N, 1), OneMatrix(K, 1)), (0,), 1),
        (Eq(OneMatrix(1, N) * T, 2 * OneMatrix(1, K)), (0,), 2),
        (Eq(Sum(t[n, k], (n, 0, N - 1), (k, 0, K - 1)), 1), (0, 1), 1),
        (Eq(total(T), N), (0, 1), 6),
    ],
    ids=str,
)
def test_a_simplex_over_other_axes(fact: Basic, axes: tuple[int, ...], sum_: float) -> None:
    values = drawn(t if fact.has(t) else T, fact)
    assert np.allclose(values.sum(axis=axes), sum_)


def test_a_simplex_parameter_lies_inside() -> None:
    values = drawn(t, Eq(Sum(t[n, k], (k, 0, K - 1)), 1), role="parameter")
    assert np.all(values > 0.01)


def test_a_sum_over_part_of_an_axis_is_no_simplex() -> None:
    reader = FactReader([argument(t)], SIZES)
    assert isinstance(reader.read([Eq(Sum(t[n, k], (k, 0, K - 2)), 1)])[0], Unread)


@pytest.mark.parametrize(
    ("fact", "holds"),
    [
        (x[i] >= 1, lambda v: v >= 1),
        (x[i] < 0, lambda v: v < 0),
        (And(x[i] > 2, x[i] < 3), lambda v: (v > 2) & (v < 3)),
        (1 - x[i] >= 0, lambda v: v <= 1),
        (2 * x[i] > N, lambda v: v > 3),
        (Abs(x[i]) < Integer(1) / 4, lambda v: np.abs(v) < 0.25),
        (Q.positive(x), lambda v: v > 0),
        (Q.positive(x[i]), lambda v: v > 0),
        (Q.negative(x), lambda v: v < 0),
        (Eq(x[i], 2), lambda v: v == 2),
        (x[i] > 1000, lambda v: v > 1000),
    ],
    ids=_spelled,
)
def test_bounds_on_entries(fact: Basic, holds: Any) -> None:
    values = drawn(x, fact)
    assert values.shape == (6,) and np.all(holds(values))


def test_a_bound_on_one_entry_or_on_the_diagonal_leaves_the_others_free() -> None:
    first = np.stack([drawn(x, x[0] > 1, seed=seed) for seed in range(20)])
    assert np.all(first[:, 0] > 1) and np.any(first[:, 1:] < 0)
    square = np.stack([drawn(A, A[i, i] > 1, seed=seed) for seed in range(20)])
    assert np.all(np.diagonal(square, axis1=1, axis2=2) > 1) and np.any(square < 0)


def test_bounds_on_scalars() -> None:
    assert drawn(lam, lam > 0) > 0
    assert 0 <= drawn(lam, And(lam >= 0, lam <= 1)) <= 1
    assert abs(drawn(rho, Abs(rho) < 1)) < 1


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ([Q.symmetric(A)], lambda a: np.array_equal(a, a.T)),
        ([Eq(A, A.T)], lambda a: np.array_equal(a, a.T)),
        ([Eq(A[i, j], A[j, i])], lambda a: np.array_equal(a, a.T)),
        ([Q.positive_definite(A)], lambda a: np.all(np.linalg.eigvalsh(a) > 0.1) and np.allclose(a, a.T)),
        ([Q.symmetric(A), Q.positive_definite(A)], lambda a: np.all(np.linalg.eigvalsh(a) > 0.1)),
        ([Q.diagonal(A)], lambda a: np.array_equal(a, np.diag(np.diag(a)))),
        ([Q.diagonal(A), Q.positive_definite(A)], lambda a: np.all(np.diag(a) > 0) and np.sum(a != 0) == 4),
        ([Q.orthogonal(A)], lambda a: np.allclose(a.T @ a, np.eye(4))),
        ([Eq(A.T * A, Identity(M))], lambda a: np.allclose(a.T @ a, np.eye(4))),
        ([Q.lower_triangular(A)], lambda a: np.array_equal(a, np.tril(a)) and np.all(np.diag(a) != 0)),
        ([Q.upper_triangular(A)], lambda a: np.array_equal(a, np.triu(a))),
        ([Q.lower_triangular(A), A[i, i] > 0], lambda a: np.array_equal(a, np.tril(a)) and np.all(np.diag(a) > 0)),
        ([Q.invertible(A)], lambda a: np.linalg.cond(a) < 100),
        ([And(Q.symmetric(A), Q.positive(A))], lambda a: np.array_equal(a, a.T) and np.all(a > 0)),
    ],
    ids=_spelled,
)
def test_structures_of_matrices(facts: list[Basic], holds: Any) -> None:
    for seed in range(5):
        assert holds(drawn(A, *facts, seed=seed))


def test_facts_that_no_draw_is_shaped_by_are_tested() -> None:
    """Over several arguments, or over a sum: drawn again until they hold."""
    for seed in range(5):
        inputs = sampler([argument(lam), argument(rho)], lam < rho, Ne(lam, 0), seed=seed).draw().inputs
        assert inputs["lam"] < inputs["rho"]
        assert np.sum(drawn(x, Sum(x[i], (i, 0, N - 1)) > 0, seed=seed)) > 0
        pair = sampler([argument(A), argument(B)], Q.positive_definite(A * A.T + B * B.T), seed=seed).draw().inputs
        assert pair["A"].shape == (4, 4)


def test_facts_with_or_and_not_are_tested() -> None:
    either = Or(lam > 1, rho > 1)
    for fact in (either, Not(either, evaluate=False)):
        for seed in range(5):
            inputs = sampler([argument(lam), argument(rho)], fact, seed=seed).draw().inputs
            assert (inputs["lam"] > 1 or inputs["rho"] > 1) == (fact == either)


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ([x[i] >= z[i] + 1], lambda v, w: np.all(v >= w + 1)),
        ([x[i] < x[i + 1]], lambda v, w: np.all(np.diff(v) > 0)),
        ([x[i] > x[i + 1] + 2, x[i] < 30], lambda v, w: np.all(np.diff(v) < -2) and np.all(v < 30)),
        ([2 * x[i] + 3 * z[i] <= -6], lambda v, w: np.all(2 * v + 3 * w <= -6)),
        ([x[i] >= z[j]], lambda v, w: np.min(v) >= np.max(w)),
        ([x[i] >= 10 * z[i], z[i] >= 1], lambda v, w: np.all(v >= 10 * w) and np.all(w >= 1)),
    ],
    ids=_spelled,
)
def test_inequalities_between_entries_hold_by_construction(facts: list[Basic], holds: Any) -> None:
    for seed in range(5):
        inputs = sampler([argument(x), argument(z)], *facts, seed=seed).draw().inputs
        assert holds(inputs["x"], inputs["z"])


def test_inequalities_between_counts() -> None:
    """Trials of which at most half succeed, and labels whose sum is a label, which no range of either is."""
    trials, hits = IndexedBase("trials", shape=(N,), integer=True), IndexedBase("hits", shape=(N,), integer=True)
    for seed in range(5):
        arguments = [argument(trials, integer=True), argument(hits, integer=True)]
        inputs = sampler(arguments, trials[i] > 2 * hits[i], hits[i] >= 1, seed=seed).draw().inputs
        assert inputs["trials"].dtype == np.int64 and np.all(inputs["trials"] > 2 * inputs["hits"])


def test_demands_of_the_loss_are_met_where_it_has_no_value_without() -> None:
    """Binomial coefficients want every n to be at least every k; subscripts that are sums want to stay inside."""
    y, label = IndexedBase("y", shape=(K,)), IndexedBase("label", shape=(N,), integer=True)
    count = loggamma(x[i] - y[k] + 1) + sqrt(x[i] - 4) + t[i, label[i] + label[0]]
    arguments = [argument(x), argument(y), argument(label, integer=True, upper=K)]
    for seed in range(5):
        stated = StatedLoss(Sum(count, (i, 0, N - 1), (k, 0, K - 1)), (), arguments)
        known: dict[str, Any] = {"stated": stated, "reference": lambda point, sizes: _of_counts(point)}
        one = sampler(arguments, seed=seed, loss=lambda point: np.sum(np.sqrt(point["x"] - 4)), **known)
        inputs = one.draw().inputs
        assert np.min(inputs["x"]) > max(4, np.max(inputs["y"]) - 1)


def _of_counts(point: dict[str, Any]) -> float:
    inside = np.min(point["x"]) > np.max(point["y"]) - 1 and np.all(point["label"] + point["label"][0] < SIZES[K])
    return 1.0 if inside else float("nan")


def test_a_fact_about_a_named_intermediate() -> None:
    y = IndexedBase("y", shape=(N,))
    one = sampler([argument(x)], y[i] > 0, where=[Eq(y[i], x[i] ** 2)])
    assert one.draw().inputs["x"].shape == (6,)


@pytest.mark.parametrize(
    "facts",
    [
        [lam > 1, lam < 0],
        [Eq(Sum(x[i], (i, 0, N - 1)), 1), x[i] > 1],
        [Q.orthogonal(A), A[i, j] > 0],
        [Eq(Sum(x[i] ** 2, (i, 0, N - 1)), 1)],
        [S.false],
    ],
    ids=str,
)
def test_facts_that_cannot_be_honoured_are_named(facts: list[Basic]) -> None:
    with pytest.raises(ModelError) as caught:
        sampler([argument(lam), argument(x), argument(A)], *facts).draw()
    if facts != [S.false]:
        assert "inputs=" in str(caught.value)


def test_a_fact_that_cannot_be_tested_is_named() -> None:
    with pytest.raises(ModelError, match=r"Q.singular\(A\)"):
        sampler([argument(A)], Q.singular(A)).draw()
    draw = sampler([argument(A)], Q.singular(A), given={"A": np.zeros((4, 4))}).draw()
    assert draw.untested == (Q.singular(A),)


def test_given_inputs_are_used_copied_and_tested() -> None:
    given = np.full(6, 2.0, dtype=np.float32)
    inputs = sampler([argument(x), argument(lam)], x[i] > 1, given={"x": given}).draw().inputs
    assert inputs["x"].dtype == np.float64 and np.all(inputs["x"] == 2)
    assert not np.shares_memory(inputs["x"], given)
    with pytest.raises(ModelError, match=r"x in inputs= does not satisfy the fact x\[i\] > 1"):
        sampler([argument(x)], x[i] > 1, given={"x": np.zeros(6)}).draw()
    with pytest.raises(ModelError, match="'w', which is no argument"):
        sampler([argument(x)], given={"w": 1.0})


# Where the loss is finite, and away from kinks.


@pytest.mark.parametrize(
    ("loss", "holds"),
    [
        (lambda x, z: np.sum(np.log(x)) + np.sum(z), lambda x, z: np.all(x > 0)),
        (lambda x, z: np.sum(np.sqrt(x * z)), lambda x, z: np.all(x * z > 0)),
        (lambda x, z: np.sum(np.arcsin(x)) + np.sum(np.arccosh(1 + z)), lambda x, z: np.all((np.abs(x) < 1) & (z > 0))),
        (lambda x, z: np.sum(np.arccosh(x)) - np.sum(np.log(1 - z)), lambda x, z: np.all((x > 1) & (z < 1))),
        (lambda x, z: np.sum(np.log(-x) + np.log(z)), lambda x, z: np.all((x < 0) & (z > 0))),
    ],
)
def test_ranges_are_searched_until_the_loss_is_finite(loss: Any, holds: Any) -> None:
    for seed in range(10):
        arguments = [argument(x, role="parameter"), argument(z)]
        assert holds(**sampler(arguments, seed=seed, loss=lambda point: loss(**point)).draw().inputs)


def test_ranges_without_warnings_are_preferred() -> None:
    """log|x| of a soft label is finite wherever x is drawn, but only positive numbers pass through sqrt quietly."""
    one = sampler([argument(x)], loss=lambda point: np.nansum(np.sqrt(point["x"])))
    assert np.all(one.draw().inputs["x"] > 0)


def test_a_simplex_inside_of_a_logarithm_has_no_corners() -> None:
    fact = Eq(Sum(t[n, k], (k, 0, K - 1)), 1)
    one = sampler([argument(t)], fact, loss=lambda point: np.sum(point["t"] * np.log(point["t"])))
    assert np.all(one.draw().inputs["t"] > 0)


def test_a_loss_that_is_never_finite_is_an_error() -> None:
    with pytest.raises(ModelError, match="not finite at any inputs"):
        sampler([argument(x)], loss=lambda point: float("nan")).draw()


def test_draws_keep_away_from_kinks() -> None:
    for seed in range(10):
        kinks = Kinks(["abs"], ["x"], lambda point, held: [np.abs(point["x"])])
        loss = lambda point: np.sum(np.abs(point["x"]))  # noqa: E731
        draw = sampler([argument(x, role="parameter")], seed=seed, loss=loss, kinks=kinks).draw()
        assert draw.distance > MARGIN
        assert np.min(np.abs(draw.inputs["x"])) == draw.distance


def test_the_draw_furthest_from_kinks_is_kept_where_all_are_near() -> None:
    distances = iter([1e-5, 3e-4, *[1e-6] * 100])
    kinks = Kinks(["abs"], ["x"], lambda point, held: [np.array(next(distances))])
    assert sampler([argument(x)], kinks=kinks).draw().distance == 3e-4


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (drawn(T, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


# Sizes.


def test_sizes_are_different_in_two_orders_and_ones() -> None:
    sets = size_sets((N, M, K))
    assert len(sets) == 6 and set(sets.pop().values()) == {3}
    first, second, ones = (tuple(sizes.values()) for sizes in sets[:3])
    assert len(set(first)) == len(set(second)) == 3
    assert first == tuple(sorted(first)) and second == tuple(sorted(second, reverse=True))
    assert ones == (1, 1, 1)
    assert all(1 in sizes.values() and max(sizes.values()) > 1 for sizes in sets[3:])


def test_sizes_are_at_least_the_least_ones() -> None:
    sets = size_sets((N, M), {M: 4})
    assert len(sets) >= 3
    assert all(sizes[M] >= 4 and sizes[N] >= 1 for sizes in sets)
    assert all(sizes[M] != sizes[N] for sizes in sets[:2])


def test_sizes_are_legal() -> None:
    sets = size_sets((K, N), legal=lambda sizes: sizes[N] - sizes[K] + 1 >= 1)
    assert len(sets) >= 3 and all(sizes[N] >= sizes[K] for sizes in sets)


def test_without_dimensions_there_are_three_draws() -> None:
    assert size_sets(()) == [{}, {}, {}]


# How facts are read.


def test_facts_are_read_as_constraints() -> None:
    reader = FactReader([argument(t), argument(x), argument(A)], SIZES)
    simplex, bound, structure = reader.read(
        [Eq(Sum(t[n, k], (k, 0, K - 1)), 1), And(x[i] >= -1, S.true), Q.symmetric(A)]
    )
    assert isinstance(simplex, Simplex) and (simplex.name, simplex.axes, simplex.total) == ("t", (1,), 1.0)
    assert isinstance(bound, Bound) and (bound.name, bound.low, bound.strict) == ("x", -1.0, False)
    assert isinstance(structure, Structure) and (structure.name, structure.kind) == ("A", "symmetric")
    assert reader.read([S.true]) == []
