"""The check at zeros and at large numbers."""

from typing import Any

import pytest
from sympy import IndexedBase, Sum, log, sin, sqrt, symbols

from symgrad import Model
from symgrad.generated import imported
from symgrad.verify.check import check_module
from symgrad.verify.report import Run

N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
x, t = IndexedBase("x", (N,)), IndexedBase("t", (N,))
X, w = IndexedBase("X", (N, M)), IndexedBase("w", (M,))
over_n = (n, 0, N - 1)


def extremes(model: Model, module: Any = None) -> dict[str, Run]:
    report = check_module(model._checking.subject(module or model.compile(check=False)))
    found = [run for run in report.edges if "with zeros" in run.sizes or "other sizes" in run.sizes]
    return {run.sizes.partition(" ")[2]: run for run in found}


def _passed(run: Run) -> list[str]:
    return [finding.name for finding in run.findings if finding.verdict == "pass"]


def test_zeros_and_large_numbers_are_drawn() -> None:
    found = extremes(Model(Sum(t[n] ** 2 * x[n] ** 3 + x[n], over_n), [x]))
    assert set(found) == {"with zeros", "with numbers of other sizes"}
    assert all(not run.failures for run in found.values())
    assert found["with zeros"].entries and "the gradient by x is that of its formula" in _passed(
        found["with numbers of other sizes"]
    )


def test_a_function_that_oscillates_is_no_alarm() -> None:
    loss = Sum(sin(Sum(X[n, m] * w[m], (m, 0, M - 1)) ** 3) * t[n], over_n)
    found = extremes(Model(loss, [w, X]))
    assert not any(run.failures for run in found.values()), found


def test_what_has_no_derivative_at_zero_has_no_zeros() -> None:
    found = extremes(Model(Sum(log(x[n]) + sqrt(t[n]) * x[n], over_n), [x]))
    assert "with zeros" not in found or not found["with zeros"].failures


@pytest.mark.parametrize(("old", "new", "said"), [
    ("return loss, Gradient(grad_x", "return loss, Gradient(np.where(x == 0, 2, grad_x).astype(x.dtype)", "with zeros"),
    ("return loss, Gradient(grad_x", "return loss, Gradient(np.clip(grad_x, -30, 30)", "with numbers of other sizes"),
])  # fmt: skip
def test_a_derivative_that_is_wrong_there_alone_is_found(old: str, new: str, said: str) -> None:
    model = Model(Sum(t[n] * x[n] ** 3 + x[n], over_n), [x])
    text = model.source()
    assert old in text
    wrong = imported(text.replace(old, new), "wrong")
    report = check_module(model._checking.subject(wrong))
    assert report.verdict == "fail" and all(not run.failures for run in report.runs)
    assert all(said in run.sizes for run in report.edges if run.failures), report


def test_an_overflow_is_owned_up_to_and_left_to_the_audit() -> None:
    model = Model(Sum(x[n] ** 2 * t[n], over_n), [x])
    text = model.source()
    assert "return loss" in text
    wrong = text.replace("return loss", "return loss / loss.dtype.type(np.all(np.abs(x) < 6))")
    (run,) = [run for run in extremes(model, imported(wrong, "wrong")).values() if "other sizes" in run.sizes]
    (said,) = [str(one) for one in run.findings if one.verdict == "inconclusive"]
    assert not run.failures and said.startswith("value is finite: with numbers of 1e1.7, it is")


def test_equal_sizes_show_a_matrix_that_is_transposed_where_it_is_square() -> None:
    model = Model(Sum(X[n, m] * w[m] * t[n], over_n, (m, 0, M - 1)) ** 2, [w])
    report = model.check()
    assert report.ok and any(run.sizes == "M=3, N=3" for run in report.runs)
