"""Conditions on indices and labels as structure of sparse matrices: entries where they hold, with their numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import (
    Abs,
    And,
    Eq,
    IndexedBase,
    KroneckerDelta,
    Le,
    Mod,
    Not,
    Or,
    Piecewise,
    Rational,
    Sum,
    floor,
    sin,
    symbols,
)

from symgrad import Model, Problem, if_else
from tests.families import one_in

i, j, e = symbols("i j e", integer=True)
N, E = symbols("N E", integer=True, positive=True)
u, d = IndexedBase("u", (N,)), IndexedBase("d", (N,))
f, w = IndexedBase("f", (E,)), IndexedBase("w", (E,))
a, b = IndexedBase("a", (E,), integer=True), IndexedBase("b", (E,), integer=True)
label = IndexedBase("label", (N,), integer=True)

Places = Callable[[int, Any, Any, Any], set[tuple[int, int]]]


def edges(*ends: Any) -> Any:
    """Σ over edges of a flow where the conditions for node i hold."""
    return Sum(sum(sign * if_else(condition, f[e] ** 2, 0) for sign, condition in ends), (e, 0, E - 1))


def ends(size: int, first: Any, second: Any, _: Any) -> set[tuple[int, int]]:
    return {(int(n), k) for those in (first, second) for k, n in enumerate(those) if 0 <= n < size}


def starts(size: int, first: Any, second: Any, _: Any) -> set[tuple[int, int]]:
    return {(int(n), k) for k, n in enumerate(first) if 0 <= n < size}


FLOWS: dict[str, tuple[Any, Places]] = {
    "if_else": (edges((1, Eq(a[e], i))), starts),
    "turned": (Sum(if_else(Not(Eq(i, a[e])), 0, w[e] * sin(f[e])), (e, 0, E - 1)), starts),
    "delta": (Sum(KroneckerDelta(a[e], i) * f[e] ** 2, (e, 0, E - 1)), starts),
    "both ends": (Sum((KroneckerDelta(a[e], i) - 2 * KroneckerDelta(b[e], i)) * f[e] ** 2, (e, 0, E - 1)), ends),
    "both conditions": (edges((1, Eq(a[e], i)), (-2, Eq(b[e], i))), ends),
    "cases": (Sum(Piecewise((f[e] ** 2, Eq(a[e], i)), (-f[e], Eq(b[e], i)), (0, True)), (e, 0, E - 1)), ends),
    "or": (Sum(if_else(Or(Eq(a[e], i), Eq(b[e], i)), w[e] * f[e] ** 3, 0), (e, 0, E - 1)), ends),
    "and": (Sum(if_else(And(Eq(a[e], i), w[e] > 0), f[e] ** 3, 0), (e, 0, E - 1)), starts),
    "multiple": (
        Sum(if_else(Eq(2 * a[e] + 1, i), f[e] ** 2, 0), (e, 0, E - 1)),
        lambda size, first, second, _: {(2 * n + 1, k) for k, n in enumerate(first) if 0 <= 2 * n + 1 < size},
    ),
    "half of a label": (
        Sum(if_else(Eq(a[e] / 2, i), f[e] ** 2, 0), (e, 0, E - 1)),
        lambda size, first, second, _: {(n // 2, k) for k, n in enumerate(first) if n % 2 == 0 and 0 <= n < 2 * size},
    ),
    "near a label": (
        Sum(if_else(2 * Abs(a[e] - i) < 5, w[e] * f[e] ** 2, 0), (e, 0, E - 1)),
        lambda size, first, second, _: {
            (n + s, k) for k, n in enumerate(first) for s in range(-2, 3) if 0 <= n + s < size
        },
    ),
    "distance of a label": (
        Sum(if_else(Eq(Abs(a[e] - i), 1), f[e] ** 2, 0), (e, 0, E - 1)),
        lambda size, first, second, _: {(n + s, k) for k, n in enumerate(first) for s in (-1, 1) if 0 <= n + s < size},
    ),
}


def where(holds: Callable[[Any, Any, int, Any], Any]) -> Places:
    """The places that a condition on rows, columns, the size and the labels leaves."""

    def places(size: int, first: Any, second: Any, labels: Any) -> set[tuple[int, int]]:
        rows, columns = np.indices((size, size))
        return {*zip(*map(np.ndarray.tolist, np.nonzero(holds(rows, columns, size, labels))), strict=True)}

    return places


PAIRS: dict[str, tuple[Any, Places]] = {
    "square of the distance": ((i - j) ** 2 <= 9, where(lambda m, n, *_: abs(m - n) <= 3)),
    "less than a square": (2 * (i - j) ** 2 < 8, where(lambda m, n, *_: abs(m - n) <= 1)),
    "remainder of the distance": (Eq(Mod(i - j, 3), 0), where(lambda m, n, *_: (m - n) % 3 == 0)),
    "symbolic remainder": (Eq(Mod(i + 2 * j, N), 1), where(lambda m, n, size, _: (m + 2 * n) % size == 1)),
    "equal remainders": (Eq(Mod(i, 3), Mod(j, 3)), where(lambda m, n, *_: m % 3 == n % 3)),
    "remainder too large": (Eq(Mod(j, 3), i), where(lambda m, n, *_: n % 3 == m)),
    "finer and coarser": (Abs(i - 2 * j) <= 1, where(lambda m, n, *_: abs(m - 2 * n) <= 1)),
    "halves": (Abs(i / 2 - j) <= Rational(3, 2), where(lambda m, n, *_: abs(m - 2 * n) <= 3)),
    "both halves": (Abs(i / 2 - j / 2) < 1, where(lambda m, n, *_: abs(m - n) < 2)),
    "half": (Eq(floor(i / 2), j), where(lambda m, n, *_: m // 2 == n)),
    "equal thirds": (Eq(floor(i / 3), floor(j / 3)), where(lambda m, n, *_: m // 3 == n // 3)),
    "thirds of a line": (Eq(floor((2 * j + 1) / 3), i), where(lambda m, n, *_: (2 * n + 1) // 3 == m)),
    "mirror": (Eq(i + j, N - 1), where(lambda m, n, size, _: m + n == size - 1)),
    "twice": (Eq(2 * i, j), where(lambda m, n, *_: 2 * m == n)),
    "common multiple": (Eq(2 * i, 3 * j), where(lambda m, n, *_: 2 * m == 3 * n)),
    "next of a circle": (Eq(Mod(i + 1, N), j), where(lambda m, n, size, _: (m + 1) % size == n)),
    "at a distance of one": (Eq(Abs(i - j), 1), where(lambda m, n, *_: abs(m - n) == 1)),
    "one of two": (Or(Eq(i, j + 1), Eq(2 * i, j)), where(lambda m, n, *_: (m == n + 1) | (2 * m == n))),
    "one row": (Eq(i, 3), where(lambda m, n, *_: m == 3)),
    "label of the row": (Eq(label[i], j), where(lambda m, n, size, labels: labels[m] == n)),
    "label of the column": (Eq(label[j], i + 1), where(lambda m, n, size, labels: labels[n] == m + 1)),
    "band and label": (
        And(Le(Abs(i - j), 2), Eq(label[i], j)),
        where(lambda m, n, size, labels: labels[m] == n),  # and zeros among them
    ),
}


def given(size: int, edges: int, seed: int = 0) -> dict[str, Any]:
    """Data with labels beside the axes, too."""
    rng = np.random.default_rng(seed)
    reals = {"u": size, "d": size, "f": edges, "w": edges}
    labels = {"a": edges, "b": edges, "label": size}
    found = {name: rng.uniform(0.5, 2, n) * rng.choice([-1, 1], n) for name, n in reals.items()}
    return found | {name: rng.integers(-2, size + 2, n) for name, n in labels.items()}


def compare(term: Any, variable: Any, places: Places) -> None:
    """The sparse Jacobian has the places, the numbers of differences, and so have second derivatives."""
    total = Sum(variable[j] ** 2, (j, 0, variable.shape[0] - 1))
    problem = Problem(total, [variable], subject_to={"c": (Eq(term, d[i]), (i, 0, N - 1))})
    module, name = problem.compile(check=False), str(variable)
    for size, edges in ((0, 0), (1, 2), (2, 0), (2, 5), (7, 9), (12, 20)):
        known = {key: value for key, value in given(size, edges, size).items() if key in module.ARGUMENTS}
        known |= {"E": edges} if "E" in module.DIMENSIONS and not {"f", "w"} & known.keys() else {}
        multipliers = {"factor": 0.5, "multiplier_c": np.linspace(1, 2, size)}
        found = module.jacobian(**known)
        there = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
        data = given(size, edges, size)
        expected = places(size, data["a"], data["b"], data["label"])
        assert len({*there}) == len(there) and {*there} == expected
        steps = 1e-6 * np.eye(known[name].size)
        moved = [[{**known, name: known[name] + s * step} for s in (1, -1)] for step in steps]
        slopes = [(module.constraints(**up).c - module.constraints(**down).c) / 2e-6 for up, down in moved]
        np.testing.assert_allclose(found.to_dense(), np.reshape(slopes, (len(steps), size)).T, rtol=1e-6, atol=1e-7)
        hessian = module.hessian_of_lagrangian(**known, **multipliers)
        sides = [[_slope(module, one, name, multipliers) for one in pair] for pair in moved]
        rows = np.reshape([(up - down) / 2e-6 for up, down in sides], (len(steps), len(steps)))
        np.testing.assert_allclose(hessian.to_dense(), rows, rtol=1e-5, atol=1e-6)
        assert {*zip(hessian.rows.tolist(), hessian.columns.tolist(), strict=True)} >= {*map(tuple, np.argwhere(rows))}


def _slope(module: Any, known: Any, name: str, multipliers: Any) -> Any:
    """The gradient of the Lagrangian."""
    gradient = getattr(module.gradient(**known), name)
    return 0.5 * gradient + multipliers["multiplier_c"] @ module.jacobian(**known).to_dense()


@pytest.mark.parametrize("name", one_in(4, FLOWS))
def test_flows_into_nodes_have_an_entry_for_each_end_of_an_edge(name: str) -> None:
    term, places = FLOWS[name]
    compare(term, f, places)


@pytest.mark.parametrize("name", one_in(6, PAIRS))
def test_conditions_on_pairs_leave_the_entries_where_they_hold(name: str) -> None:
    condition, places = PAIRS[name]
    compare(Sum(if_else(condition, u[j] ** 3, 0), (j, 0, N - 1)), u, places)


def test_dense_arrays_of_other_targets_have_nothing_for_labels_beside_the_axis() -> None:
    jax = pytest.importorskip("jax")
    balance = IndexedBase("balance", (N,))
    total = Sum(if_else(Eq(a[e], i), f[e] ** 2, 0), (e, 0, E - 1))
    model = Model(None, [f], where=[Eq(balance[i], total - d[i])])
    module = model.compile(target="jax", check=False, quantities=["balance"], jacobian=["balance"])
    found = module.jacobian_balance(f=jax.numpy.arange(1.0, 6.0), a=np.array([0, 2, -1, 7, 2]), N=3)
    expected = [[2, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 4, 0, 0, 10]]
    np.testing.assert_allclose(np.asarray(found.f), expected)


LAGS: dict[str, tuple[Any, Callable[[Any, Any, int, int], Any]]] = {
    "beyond the end without a lag": (Eq(2 * i, j + 2 - 2 * E), lambda m, n, size, lag: 2 * m == n + 2 - 2 * lag),
    "remainder below zero without a lag": (Eq(Mod(i - j, N), E - 1), lambda m, n, size, lag: (m - n) % size == lag - 1),
}


@pytest.mark.parametrize("name", LAGS)
def test_a_size_in_an_equation_may_be_zero_where_there_are_entries(name: str) -> None:
    condition, holds = LAGS[name]
    term = Sum(if_else(condition, u[j] ** 3, 0), (j, 0, N - 1))
    total = Sum(u[j] ** 2, (j, 0, N - 1)) + Sum(w[e], (e, 0, E - 1))
    module = Problem(total, [u], subject_to={"c": (Eq(term, d[i]), (i, 0, N - 1))}).compile(check=False)
    for size, lag in ((0, 0), (1, 0), (4, 0), (1, 1), (4, 1), (4, 2)):
        known = given(size, lag)
        found = module.jacobian(u=known["u"], d=known["d"], E=lag)
        rows, columns = np.indices((size, size))
        expected = {*map(tuple, np.argwhere(holds(rows, columns, size, lag) if size else rows))}
        assert {*zip(found.rows.tolist(), found.columns.tolist(), strict=True)} == expected
        np.testing.assert_allclose(found.values, 3 * known["u"][found.columns] ** 2)
