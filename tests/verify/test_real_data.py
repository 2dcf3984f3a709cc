"""Checks on arrays of the user's own: the whole of them once, and parts of them at all digits."""

import re
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Abs, Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import Model, ModelError, if_else, log_sigmoid
from symgrad.generated import imported
from symgrad.verify.check import check_module
from symgrad.verify.real_data import is_large, parts, whole_arrays
from symgrad.verify.report import CheckReport
from symgrad.verify.subject import Settings, Subject

N, M, G, K = symbols("N M G K", integer=True, positive=True)
n, m, g = symbols("n m g", integer=True)
s, u = symbols("s u", real=True)
X, w, t = IndexedBase("X", shape=(N, M)), IndexedBase("w", shape=(M,)), IndexedBase("t", shape=(N,))
R, seen = IndexedBase("R", shape=(N,)), IndexedBase("seen", shape=(N,))
y, q = IndexedBase("y", shape=(N,)), IndexedBase("q", shape=(N,))
effect, group = IndexedBase("effect", shape=(G,)), IndexedBase("group", shape=(N,), integer=True)

score = Sum(X[n, m] * w[m], (m, 0, M - 1))
logistic = Model(-Sum(t[n] * log_sigmoid(score) + (1 - t[n]) * log_sigmoid(-score), (n, 0, N - 1)) / N, [w])
grouped = Model(Sum((y[n] - effect[group[n]]) ** 2, (n, 0, N - 1)) + Sum(effect[g] ** 2, (g, 0, G - 1)), [effect])
following = Model(Sum((y[n + 1] - s * y[n]) ** 2, (n, 0, N - 2)), [s])


def rows(count: int, columns: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {"X": rng.normal(size=(count, columns)), "t": (rng.random(count) < 0.4).astype(float)}


def subject_of(model: Model) -> Subject:
    return model._checking.subject(imported(model.source(), model.name))


def cut(model: Model, inputs: dict[str, Any]) -> tuple[list[Any], str]:
    subject, settings = subject_of(model), Settings(inputs=inputs)
    return parts(subject, settings, whole_arrays(subject, settings)[1])


def wrong(model: Model, inputs: dict[str, Any], factor: float) -> CheckReport:
    """The report on a module whose gradient is off by a factor."""
    names = ", ".join(argument.name for argument in model.arguments)
    more = f"""
right = value_and_gradient
def value_and_gradient({names}):
    value, gradient = right({names})
    return value, type(gradient)(*(part * part.dtype.type({factor!r}) for part in gradient))
"""
    subject = model._checking.subject(imported(model.source() + more, model.name))
    return check_module(subject, Settings(inputs=inputs))


def test_a_report_on_large_arrays_says_what_was_looked_at() -> None:
    report = logistic.check(inputs=rows(20_000, 50))
    assert report.ok, report
    whole, *samples = report.runs
    assert whole.sizes == "M=50, N=20000 (all of the given arrays)"
    assert [run.sizes.partition("(")[2] for run in samples[:2]] == [
        "0…19 of N = 20,000, 0…19 of M = 50)",
        "19,980…19,999 of N = 20,000, 30…49 of M = 50)",
    ]
    assert len(samples) == 3 and all(len(run.links) == 6 and len(run.entries) == 20 for run in samples)
    kept = [finding for run in samples for finding in run.findings if "the digits of" in finding.name]
    assert [finding.verdict for finding in kept] == ["pass"] * 3


def test_parts_are_blocks_of_the_same_rows() -> None:
    inputs = rows(400, 60)
    draws, _ = cut(logistic, inputs)
    for draw in draws:
        first, column = (int(number) for number in re.findall(r"(\d+)…", draw.where))
        assert np.array_equal(draw.inputs["X"], inputs["X"][first : first + 20, column : column + 20])
        assert np.array_equal(draw.inputs["t"], inputs["t"][first : first + 20])
        assert np.shape(draw.inputs["w"]) == (20,)


def test_parts_keep_what_their_labels_name() -> None:
    rng = np.random.default_rng(2)
    inputs = {"group": rng.integers(0, 300, 3000), "y": rng.normal(size=3000), "effect": rng.normal(size=300)}
    draws, _ = cut(grouped, inputs)
    for draw in draws:
        first = int(re.findall(r"(\d[\d,]*)…", draw.where)[0].replace(",", ""))
        labels = inputs["group"][first : first + 20]
        assert np.array_equal(draw.inputs["effect"][draw.inputs["group"]], inputs["effect"][labels])
        assert draw.sizes[G] == len(np.unique(labels)) + 2
    assert grouped.check(inputs=inputs).ok


def test_neighbours_stay_neighbours() -> None:
    values = np.cumsum(np.random.default_rng(3).normal(size=4000))
    draws, _ = cut(following, {"y": values})
    assert len(draws) == 3
    for draw in draws:
        first = np.flatnonzero(values == draw.inputs["y"][0]).item()
        assert np.array_equal(draw.inputs["y"], values[first : first + 20])


def test_gaps_under_a_mask_are_accepted() -> None:
    model = Model(Sum(if_else(seen[n] > 0, exp(R[n] * s), 0), (n, 0, N - 1)), [s])
    mask = np.arange(5000) % 3 == 0
    inputs = {"R": np.where(mask, np.linspace(-1, 1, 5000), np.nan), "seen": mask.astype(float)}
    inputs["R"][[1, 4]] = np.inf, -np.inf
    report = model.check(inputs=inputs)
    assert report.ok, report


@pytest.mark.parametrize("size", [12, 3000])
def test_a_condition_at_its_border_hides_nothing(size: int) -> None:
    model = Model(Sum(if_else(sp.Eq(seen[n], 1), (R[n] - s) ** 4, 0), (n, 0, N - 1)), [s])
    mask = np.arange(size) % 3 > 0  # of ones, beside each of which the condition does not hold
    inputs = {"R": np.where(mask, np.linspace(-1, 1, size), np.nan), "seen": mask.astype(float)}
    assert wrong(model, inputs, 1.0).ok and wrong(model, inputs, 1 + 1e-5).verdict == "fail"


def test_a_fact_that_a_part_breaks_holds_the_array_together() -> None:
    facts = [sp.Eq(Sum(q[n], (n, 0, N - 1)), 1), q[n] > 0]
    model = Model(-Sum(q[n] * log(q[n]) * u, (n, 0, N - 1)), [u], facts=facts)
    inputs = {"q": np.full(2000, 1 / 2000)}
    assert cut(model, inputs) == ([], "facts, or the shapes, hold the arrays together along every long dimension")
    report = model.check(inputs=inputs)
    assert report.verdict == "inconclusive" and not report.failures
    assert any("hold the arrays together" in finding.detail for finding in report.runs[0].findings)


def test_small_arrays_are_checked_as_they_are() -> None:
    assert not is_large(subject_of(logistic), Settings(inputs=rows(12, 3)))
    assert is_large(subject_of(logistic), Settings(inputs=rows(60, 3)))


def test_a_fact_that_the_arrays_break_is_an_error() -> None:
    model = Model(Sum(sp.sqrt(y[n]) * u, (n, 0, N - 1)), [u], facts=[y[n] > 0])
    values = np.ones(5000)
    values[4321] = -1
    with pytest.raises(Exception, match="does not satisfy the fact"):
        model.check(inputs={"y": values})


def test_wrong_code_is_seen_in_the_whole_and_in_the_parts() -> None:
    model = Model(Sum(Abs(y[n] - u) ** 3, (n, 0, N - 1)), [u])
    report = wrong(model, {"y": np.random.default_rng(4).normal(size=3000)}, 1.001)
    assert report.verdict == "fail"
    assert all(run.failures for run in report.runs)


def test_lost_digits_are_seen_in_parts() -> None:
    model = Model(Sum(exp(u * y[n]), (n, 0, N - 1)), [u])
    report = wrong(model, {"y": np.random.default_rng(5).normal(size=3000)}, 1 + 1e-9)
    lost = [{f.name for f in run.findings if f.verdict == "fail"} for run in report.runs]
    assert ["digits of gradient.u" in names for names in lost] == [False, True, True, True]


@pytest.mark.parametrize("sides", [K, K - 1, K + 2], ids=str)
@pytest.mark.parametrize("count", [6, 3000])
def test_sizes_are_those_at_which_the_sides_of_arrays_are_what_they_are(sides: Any, count: int) -> None:
    """Three cut points are K - 1 of K = 4 grades; nobody has to answer the highest."""
    cut, grade = IndexedBase("cut", shape=(sides,)), IndexedBase("grade", shape=(N,), integer=True)
    above = log_sigmoid(cut[grade[n]] - s * y[n])
    model = Model(-Sum(if_else(Eq(grade[n], sides), log_sigmoid(s * y[n]), above), (n, 0, N - 1)), [cut, s])
    rng = np.random.default_rng(2)
    inputs = {"cut": np.array([-1.0, 0.25, 1.5]), "grade": np.arange(count) % 2, "y": rng.normal(size=count)}
    report = model.check(inputs=inputs)
    assert report.ok, report


def test_sides_that_no_size_makes_are_an_error() -> None:
    pairs = IndexedBase("pairs", shape=(2 * N,))
    model = Model(Sum(pairs[2 * n] * pairs[2 * n + 1], (n, 0, N - 1)), [pairs])
    with pytest.raises(ModelError, match=r"pairs in inputs= has a side of 3, which 2\*N is at no size"):
        model.check(inputs={"pairs": np.ones(3)})


@pytest.mark.parametrize("count", [6, 3000])
def test_sizes_that_are_open_have_room_for_the_labels(count: int) -> None:
    report = grouped.check(inputs={"y": np.linspace(-1, 1, count), "group": 7 + np.arange(count) % 5})
    assert report.ok, report
    assert "G=12" in str(report)
