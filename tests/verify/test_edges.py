"""The check with an empty axis, at kinks, and of the flat functions; Taylor remainders; what is undecided."""

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Eq, IndexedBase, Sum, exp, log, sin, symbols

from symgrad import MaxOver, Model, if_else, norm2, relu, softmax
from symgrad.generated import imported
from symgrad.verify.check import check_module
from symgrad.verify.derivatives import taylor_order
from symgrad.verify.report import CheckReport, Run
from symgrad.verify.subject import Settings
from tests.families import one_in
from tests.verify.wrong_printer import print_wrongly

N, M, K = symbols("N M K", integer=True, positive=True)
n, m, k = symbols("n m k", integer=True)
X, w, t = IndexedBase("X", (N, M)), IndexedBase("w", (M,)), IndexedBase("t", (N,))
x = IndexedBase("x", (N,))
z = Sum(X[n, m] * w[m], (m, 0, M - 1))


def least_squares(weight: Any = 1) -> Model:
    return Model(weight * Sum((z - t[n]) ** 2, (n, 0, N - 1)), [w])


def checked(model: Model, module: Any, **settings: Any) -> CheckReport:
    """The check of another module than the model's own."""
    return check_module(model._checking.subject(module), Settings(**settings))


def edge(report: CheckReport, word: str) -> Run:
    (run,) = [run for run in report.edges if word in run.sizes]
    return run


def wrapped(model: Model, function: str, change: str) -> Any:
    """The model's module with another function around one of its own, whose result is changed before it is returned."""
    arguments = ", ".join(argument.name for argument in model.program.arguments)
    lines = [f"_right = {function}", "", f"def {function}({arguments}):", f"    result = _right({arguments})"]
    text = "\n".join([model.source(), *lines, f"    return {change}", ""])
    return imported(text, f"{function} changed")


# An empty axis.


def test_an_empty_axis_of_the_data() -> None:
    report = least_squares().check()
    run = edge(report, "(no N)")
    assert report.ok and "N=0" in run.sizes and len(run.entries) == 2
    assert all(entry.zero and entry.analytic == entry.numeric == 0 for entry in run.entries)
    assert any(finding.name == "value is the model's loss" for finding in run.findings)


def test_a_wrong_value_with_an_empty_axis_is_found() -> None:
    model = least_squares()
    module = imported(model.source(), "wrong")
    right = module.value

    def wrong(*given: Any, **more: Any) -> Any:
        named = dict(zip(module.ARGUMENTS, given, strict=False)) | more
        return right(*given, **more) + (np.shape(named["X"])[0] == 0)

    vars(module)["value"] = wrong
    report = checked(model, module)
    assert not report.ok and all(not run.failures for run in report.runs)
    assert "N=0" in str(report).rpartition("FAILED")[2]


def test_a_mean_says_that_it_has_no_value_without_samples() -> None:
    report = least_squares(1 / N).check()
    run = edge(report, "(no N)")
    assert report.ok and run.entries == run.findings == ()
    assert run.notes == ("there is no value without N: value is nan",)
    report = Model(MaxOver(z, (n, 0, N - 1)), [w]).check()
    assert report.ok and "there is no value without N: it raised ValueError" in edge(report, "(no N)").notes[0]


def test_a_number_where_the_loss_has_none_is_not_a_pass() -> None:
    model = least_squares(1 / N)
    report = checked(model, wrapped(model, "value", "result if X.shape[0] else 0.0"))
    run = edge(report, "(no N)")
    assert [finding.verdict for finding in run.findings] == ["inconclusive"]
    assert "undecided: 1 property" in str(report)


def mean_in_a_sum() -> Model:
    mean, b = sp.Symbol("mean", real=True), sp.Symbol("b", real=True)
    loss = Sum((t[n] - sin(mean)) ** 2, (n, 0, N - 1)) + b**2
    return Model(loss, [b], where=[Eq(mean, b * Sum(t[n], (n, 0, N - 1)) / N)])


def test_a_derivative_that_divides_by_an_empty_axis_is_no_alarm() -> None:
    report = mean_in_a_sum().check()
    run = edge(report, "(no N)")
    assert report.ok and not run.entries and report.undecided == ()
    assert any("the derivative by b is no number: its formula divides by N = 0" in note for note in run.notes)


def test_a_value_that_divides_by_an_empty_axis_is_no_alarm() -> None:
    whole = Sum(x[n], (n, 0, N - 1))
    report = Model(Sum(x[n] ** 2 / whole**2, (n, 0, N - 1)), [x]).check()
    run = edge(report, "(no N)")
    assert report.ok and run.findings == () and "its formula divides by N = 0" in run.notes[0]


def test_a_derivative_that_is_no_number_where_its_formula_is_one_is_found() -> None:
    model = least_squares()
    change = "(result[0], Gradient(0 / w.dtype.type(X.shape[0]) + result[1].w))"
    report = checked(model, wrapped(model, "value_and_gradient", change))
    run = edge(report, "(no N)")
    assert "the gradient by w is finite: [nan nan]" in map(str, run.failures)
    assert not report.ok and all(not run.failures for run in report.runs)


def test_an_empty_axis_of_a_parameter() -> None:
    b = sp.Symbol("b", real=True)
    model = Model(Sum((z + b - t[n]) ** 2, (n, 0, N - 1)), [w, b])
    report = model.check()
    run = edge(report, "(no M)")
    assert report.ok and "M=0" in run.sizes and [entry.parameter for entry in run.entries] == ["b"]
    report = checked(model, wrapped(model, "value_and_gradient", "(result[0] + (X.shape[1] == 0), result[1])"))
    assert not report.ok and all(not run.failures for run in report.runs)


def test_sizes_and_inputs_of_the_caller_are_all_there_is() -> None:
    assert least_squares().check(sizes={"N": 3}).edges == ()
    assert least_squares().check(inputs={"t": np.ones(3)}).edges == ()


def test_facts_that_no_empty_axis_satisfies() -> None:
    """One-hot rows sum to 1, which rows without entries do not; without rows it is true of all of them."""
    T = IndexedBase("T", (N, K))
    fact = Eq(Sum(T[n, k], (k, 0, K - 1)), 1)
    W = IndexedBase("W", (M, K))
    logits = Sum(X[n, m] * W[m, k], (m, 0, M - 1))
    model = Model(-Sum(T[n, k] * log(softmax(logits, (k, 0, K - 1))), (n, 0, N - 1), (k, 0, K - 1)), [W],
                  facts=[fact])  # fmt: skip
    report = model.check()
    assert report.ok and "K=" in edge(report, "(no N)").sizes


# Kinks.


CONVENTIONS = {
    "relu": (lambda u: relu(u), 0.0),
    "abs": (lambda u: sp.Abs(u), 0.0),
    "max": (lambda u: sp.Max(u, 2 * u), 1.5),
    "min": (lambda u: sp.Min(u, 2 * u), 1.5),
}


@pytest.mark.parametrize("name", one_in(2, CONVENTIONS))
def test_the_convention_at_a_kink(name: str) -> None:
    function, slope = CONVENTIONS[name]
    model = Model(Sum(t[n] * function(z) + z, (n, 0, N - 1)), [w])
    report = model.check()
    run = edge(report, "with w = 0, a kink")
    assert report.ok and run.entries == ()
    assert [link.name for link in run.links if link.verdict == "pass"][-2:] == ["float64 code", "float32 code"]
    inputs = {"w": np.zeros(2), "X": np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]]), "t": np.array([1.0, -2.0, 3.0])}
    found = imported(model.source(), name).gradient(**inputs).w
    assert np.allclose(found, (slope * inputs["t"] + 1) @ inputs["X"], rtol=1e-14, atol=0)


def test_ties_of_a_maximum_share_and_norms_at_zero_are_flat() -> None:
    model = Model(MaxOver(z, (n, 0, N - 1)), [w])
    found = imported(model.source(), "tie").gradient(w=np.zeros(2), X=np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 2.0]])).w
    assert np.allclose(found, [1.5, 1.0], rtol=1e-15, atol=0)
    module = imported(Model(norm2(sp.MatrixSymbol("v", N, 1)), [sp.MatrixSymbol("v", N, 1)]).source(), "norm")
    assert np.array_equal(module.gradient(v=np.zeros((3, 1))).v, np.zeros((3, 1)))


def test_code_with_another_convention_is_found_at_the_kink_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sign, spelling="(lambda v: np.where(v >= 0, 1, -1).astype(v.dtype))")
    report = Model(Sum(t[n] * sp.Abs(z) + z, (n, 0, N - 1)), [w]).check()
    assert not report.ok and all(not run.failures for run in report.runs)
    failed = [link.name for link in edge(report, "a kink").links if link.verdict == "fail"]
    assert failed[0] == "float64 code"


def test_a_gradient_that_is_no_number_at_the_kink_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sign, spelling="(lambda v: v / np.abs(v))")
    report = Model(Sum(t[n] * sp.Abs(z) + z, (n, 0, N - 1)), [w]).check()
    assert "the gradient by w is finite" in [item.name for item in edge(report, "a kink").failures]  # type: ignore[union-attr]


Z, y = IndexedBase("Z", (N, K)), IndexedBase("y", (N,))
over_n, over_k = (n, 0, N - 1), (k, 0, K - 1)
BEYOND_ZERO = {  # kinks that are not where an argument is zero, where they are met, and at how many points
    "relu(x - 1)": (lambda: Model(Sum(t[n] * relu(x[n] - 1), over_n), [x]), "with x[0] = 1", 1),
    "|X w - t|": (lambda: Model(Sum(sp.Abs(z - t[n]), over_n), [w]), "with w[0] = ", 1),
    "hinge": (lambda: Model(Sum(relu(1 - t[n] * z), over_n) + Sum(w[m] ** 2, (m, 0, M - 1)), [w]), "with w[0] = ", 1),
    "Max(exp(x), exp(y))": (lambda: Model(Sum(sp.Max(exp(x[n]), exp(y[n])), over_n), [x, y]), "a kink", 1),
    "two": (lambda: Model(Sum(sp.Abs(x[n] - y[n] - 1) + relu(y[n] - 4), over_n), [x, y]), "= ", 2),
    "condition": (lambda: Model(Sum(if_else(x[n] > 1, x[n] ** 2, 2 * x[n]), over_n), [x]), "with x[0] = 1", 1),
    "tie": (lambda: Model(Sum(t[n] * MaxOver(1 / Z[n, k], over_k), over_n), [Z]), "with equal entries of Z", 1),
}


@pytest.mark.parametrize("name", one_in(3, BEYOND_ZERO))
def test_kinks_that_are_not_at_zero(name: str) -> None:
    make, said, count = BEYOND_ZERO[name]
    report = make().check()
    found = [run for run in report.edges if "kink" in run.sizes]
    assert report.ok and len(found) == count and all(said in run.sizes and not run.notes for run in found)
    assert all([link.verdict for link in run.links] == ["pass"] * 5 for run in found)


def test_a_tie_that_is_not_shared_equally_is_found_there_alone() -> None:
    model = Model(Sum(t[n] * MaxOver(Z[n, k], over_k), over_n), [Z])
    module = imported(model.source().replace(".sum(axis=1)", ".max(axis=1)"), "all of it")  # each takes it all
    report = checked(model, module)
    assert not report.ok and all(not run.failures for run in report.runs)
    assert next(link for link in edge(report, "a kink").links if link.verdict == "fail").name == "float64 code"


def test_code_with_another_convention_is_found_where_it_was_solved_for(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sign, spelling="(lambda v: np.where(v >= 0, 1, -1).astype(v.dtype))")
    report = Model(Sum(t[n] * sp.Abs(z - t[n] - 1), over_n), [w]).check()
    assert not report.ok and all(not run.failures for run in report.runs)
    failed = [link for link in edge(report, "a kink").links if link.verdict == "fail"]
    assert failed[0].name == "float64 code" and failed[0].label.startswith("w[")


def test_kinks_that_are_not_reached_are_owned_up_to() -> None:
    report = Model(Sum(sp.Abs(z**2 + 1 - t[n]), over_n), [w], facts=[t[n] > 2]).check()
    (run,) = [run for run in report.edges if "kink" in run.sizes]
    assert report.ok and run.notes[0].startswith("no exact kink of Abs was found: its convention")


def test_a_gradient_that_depends_on_the_layout_of_the_inputs_is_found_and_named() -> None:
    model = least_squares()
    for layout in ("X.flags.f_contiguous and X.shape[1] > 1", "not X.data.contiguous"):
        change = f"(result[0], Gradient((1 + 1e-4 * ({layout})) * result[1].w))"
        report = checked(model, wrapped(model, "value_and_gradient", change))
        failed = [item for item in report.runs[0].failures if "the numbers are the same for inputs" in item.name]  # type: ignore[union-attr]
        assert failed and "w[" in str(failed[0]) and " instead of " in str(failed[0])


# The flat functions.


@pytest.mark.parametrize(
    ("old", "new", "statement"),
    one_in(
        2,
        [
            ("np.ravel(array) for", "np.ravel(array.T) for", "pack puts"),
            ("flat[end - prod(shape) : end]", "flat[end - prod(shape) : end][::-1]", "unpack undoes pack"),
            ("return float(loss), pack", "return 2 * float(loss), pack", "flat_value_and_gradient has the same value"),
            ("pack(*slope)\n", "-pack(*slope)\n", "flat_value_and_gradient has the same gradient"),
            ("return float(loss), pack", "return float(los), pack", "flat_value_and_gradient computes"),
        ],
    ),
)
def test_flat_functions(old: str, new: str, statement: str) -> None:
    A = IndexedBase("A", (M, K))
    model = Model(Sum(sin(X[n, m] * A[m, k]), (n, 0, N - 1), (m, 0, M - 1), (k, 0, K - 1)), [A])
    text = model.source()
    assert old in text
    report = checked(model, imported(text.replace(old, new), "wrong"))
    assert any(item.name.startswith(statement) for item in report.failures)  # type: ignore[union-attr]


# Row blocks, and memory.


def test_row_blocks_are_tried_although_the_inputs_are_small() -> None:
    """A gradient that is wrong for blocks of a single row, which no draw of three rows has."""
    model = least_squares()
    text = model.source()
    assert "diff_X.dot(diff_X), " in text
    wrong = imported(text.replace("diff_X.dot(diff_X), ", "diff_X.dot(diff_X), (X.shape[0] == 1) + "), "wrong")
    report = checked(model, wrong, sizes={"N": 3, "M": 2})
    assert {item.name for item in report.failures} == {  # type: ignore[union-attr]
        "blocks of rows give the same numbers by 1 thread",
        "blocks of rows give the same numbers by 2 threads",
    }
    assert wrong._block_rows(1, 1) > 1


def test_memory_that_was_not_written_is_full_of_nan() -> None:
    """An array with an entry that is never set holds by chance what was right in an earlier call."""
    h, U, x0 = IndexedBase("h", (N + 1, K)), IndexedBase("U", (K, K)), IndexedBase("x0", (K,))
    step = Eq(h[n, k], sp.tanh(Sum(U[k, m] * h[n - 1, m], (m, 0, K - 1))))
    model = Model(Sum(h[N, k] ** 2, (k, 0, K - 1)), [U, x0], where=[Eq(h[0, k], x0[k]), step])
    text = model.source()
    assert "h = np.empty(" in text and "h[0] = x0" in text
    wrong = imported(text.replace("h[0] = x0", "h[0, 1:] = x0[1:]"), "wrong")
    report = checked(model, wrong)
    assert "no number depends on memory that was not written" in [getattr(item, "name", "") for item in report.failures]
    assert model.check().ok


# Taylor remainders.


@pytest.mark.parametrize(
    ("function", "slope", "order"),
    [(math.exp, 1.0, 2), (math.exp, 1 + 1e-4, 1), (math.sin, 1.0, 3), (lambda h: 3 * h, 3.0, math.nan),
     (lambda h: math.inf if h > 0.01 else math.exp(h), 1.0, 2)],
)  # fmt: skip
def test_taylor_orders(function: Any, slope: float, order: float) -> None:
    assert taylor_order(function, slope, 1e-16, 0.5) == pytest.approx(order, abs=0.05, nan_ok=True)


def test_the_report_prints_orders_of_two_for_a_right_gradient_and_of_one_for_a_wrong_one() -> None:
    model = Model(Sum(exp(t[n] * x[n]), (n, 0, N - 1)), [x])
    assert "orders of the Taylor remainders: x 2.00" in str(model.check())
    module = imported(model.source().replace("grad_x = ", "grad_x = 1.001 * "), "wrong")
    report = checked(model, module)
    assert not report.ok and "orders of the Taylor remainders: x 1.0" in str(report)


def test_powers_of_exponentials_come_to_an_end() -> None:
    """Where the exponent is 1e1000, whose digits mpmath would multiply one by one."""
    x, shape = IndexedBase("x", shape=(N,)), sp.Symbol("shape", real=True)
    report = Model(Sum(x[n] ** exp(shape), (n, 0, N - 1)), [shape], facts=[x[n] > 0]).check()
    assert report.verdict != "fail", report
