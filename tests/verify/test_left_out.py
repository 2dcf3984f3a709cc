"""Data that a condition leaves out are drawn as nan, infinities and huge numbers; a module that lets them in fails."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, KroneckerDelta, Piecewise, Sum, exp, log, oo, symbols

from symgrad import Model, if_else, softmax
from symgrad.verify.check import check_module
from symgrad.verify.draw import Draw
from symgrad.verify.left_out import left_out_findings, unread_entries
from symgrad.verify.point import Point
from symgrad.verify.subject import Subject
from tests.families import one_in

N = symbols("N", integer=True, positive=True)
n, i, j = symbols("n i j", integer=True)
s = symbols("s", real=True)
R, w, x = (IndexedBase(name, (N,)) for name in "Rwx")
kind = IndexedBase("kind", (N,), integer=True)
A = IndexedBase("A", (N, N))
over_n = (n, 0, N - 1)

MASKED: dict[str, Any] = {
    "squares": lambda: Model(Sum(if_else(w[n] > 0, (R[n] - s) ** 2, 0), over_n), [s]),
    "exponentials": lambda: Model(Sum(if_else(w[n] > 0, exp(R[n] * s), 0), over_n), [s]),
    "pieces": lambda: Model(Sum(Piecewise((log(R[n]) * s**2, w[n] > 0), (s, True)), over_n), [s]),
    "a delta": lambda: Model(Sum(KroneckerDelta(kind[n], 1) * (R[n] - s) ** 2, over_n), [s]),
    "a triangle": lambda: Model(Sum(if_else(j < i, A[i, j] * x[i] * x[j], 0), (i, 0, N - 1), (j, 0, N - 1)), [x]),
    "keys before a query": lambda: Model(Sum(if_else(j < i, x[i] * R[j] * w[j], 0), (i, 0, N - 1), (j, 0, N - 1)), [x]),
    "keys before a query, with shares": lambda: Model(
        Sum(softmax(if_else(j < i, x[i] * R[j], -oo), (j, 0, N - 1)) * w[j] * x[i], (j, 0, N - 1), (i, 0, N - 1)), [x]
    ),
}


@pytest.mark.parametrize("name", one_in(3, MASKED))
def test_gaps_are_drawn_and_count_for_nothing(name: str) -> None:
    report = MASKED[name]().check(hessian=True, hvp=True, chain=False)
    assert report.ok, report
    looked = [finding.name for run in report.runs for finding in run.findings if "leave out" in finding.name]
    assert all(any(name.endswith(f"is {filling}") for name in looked) for filling in ("nan", "±inf", "±1e200"))


def masked_sum(weights: Any, square: Any) -> SimpleNamespace:
    """A module for the squares, with a mask of its own making."""

    def value_and_gradient(s: Any, R: Any, w: Any) -> Any:
        rest = R - s
        return np.sum(weights(w, square(rest))), (np.sum(weights(w, -2 * rest)),)

    return SimpleNamespace(
        value=lambda **inputs: value_and_gradient(**inputs)[0],
        gradient=lambda **inputs: value_and_gradient(**inputs)[1],
        value_and_gradient=value_and_gradient,
    )


LEAKS = {
    "a product": (lambda w, term: (w > 0) * term, np.square, "value is nan instead of"),
    "a choice after an overflow": (lambda w, term: np.where(w > 0, term, 0), np.square, "raised FloatingPointError"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_mask_that_leaks_is_found_and_the_entry_is_named(name: str) -> None:
    weights, square, said = LEAKS[name]
    model = MASKED["squares"]()
    stated = model._checking.stated
    module, dimensions = masked_sum(weights, square), model.program.dimensions
    subject = Subject(module, model.arguments, dimensions=dimensions, reference=stated, stated=stated)
    report = check_module(subject)
    found = [item for item in report.failures if "what conditions leave out counts for nothing, where R[" in str(item)]
    assert report.verdict == "fail" and found, report
    assert f"value: {said}" in str(found[0]) or f"value: it {said}" in str(found[0])


def test_which_entries_are_left_out() -> None:
    model = MASKED["squares"]()
    inputs = {"s": np.float64(1.0), "R": np.array([1.0, 2.0, 3.0]), "w": np.array([1.0, 0.0, -1.0])}
    draw = Draw(inputs, {N: 3}, ())

    def total(R: Any, **_: Any) -> Any:
        return R.sum()

    subject = replace(model._checking.subject(model.compile(check=False)), module=SimpleNamespace(value=total))
    assert {name: places.tolist() for name, places in unread_entries(subject, draw).items()} == {
        "R": [False, True, True]
    }
    point = Point(subject, draw, np.random.default_rng(0))
    point.plain["value"] = {"value": np.array(6.0)}
    wrong = [str(one) for one in left_out_findings(point)]
    assert wrong[0].endswith("where R[1] … is nan: value: value is nan instead of 6.0") and len(wrong) == 3


def test_data_that_facts_are_about_are_left_as_they_are() -> None:
    model = Model(Sum(if_else(w[n] > 0, log(R[n]) * s**2, 0), over_n), [s], facts=[R[n] > 0])
    report = model.check(chain=False)
    assert report.ok and not any("leave out" in f.name for run in report.runs for f in run.findings)
