"""Every branch of a condition is seen, or the verdict says which was not; kinks know conditions and smooth powers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sympy import (
    Abs,
    And,
    Eq,
    IndexedBase,
    KroneckerDelta,
    Lambda,
    MatrixSymbol,
    Max,
    Min,
    Ne,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    cos,
    exp,
    sin,
    sqrt,
    symbols,
)

from symgrad import GradientCheckError, Model, if_else, relu
from symgrad.errors import UnsupportedError
from symgrad.generated import imported
from symgrad.reference import Reading
from symgrad.verify.check import check_module
from symgrad.verify.guarded import guarded
from symgrad.verify.report import CheckReport
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
n, i, j, t = symbols("n i j t", integer=True)
s, c = symbols("s c", real=True)
x, h, R = IndexedBase("x", (N,)), IndexedBase("h", (N,)), IndexedBase("R", (N,))
label = IndexedBase("label", (N,), integer=True)
over_n = (n, 0, N - 1)
pairs = ((i, 0, N - 1), (j, 0, N - 1))
u = Symbol("u", real=True)
X = MatrixSymbol("X", N, M)


def checked(model: Model, old: str, new: str) -> CheckReport:
    """The check of the model's module with a piece of its text replaced, wherever it occurs."""
    text = model.source()
    assert re.search(old, text)
    return check_module(model._checking.subject(imported(re.sub(old, new, text), "wrong")))


# The branches that no usual draw takes, by what decides on them.

FAR: dict[str, Any] = {
    "a parameter": lambda: Model(if_else(s > 10**6, s**3 / 10**9, s**2), [s]),
    "the other branch": lambda: Model(if_else(s <= 10**6, s**2, s**3 / 10**9), [s]),
    "a curve": lambda: Model(if_else(exp(s) > 1000, s**3, s**2), [s]),
    "data": lambda: Model(Sum(if_else(R[n] > 50, x[n] ** 3, x[n] ** 2), over_n), [x]),
    "data that are a scalar": lambda: Model(Sum(if_else(c < -50, x[n] ** 3, x[n] ** 2), over_n), [x]),
    "data that are equal": lambda: Model(Sum(if_else(Eq(R[n], 3), x[n] ** 3, x[n] ** 2), over_n), [x]),
    "labels": lambda: Model(Sum(if_else(Eq(label[n], 9), x[n] ** 3, x[n] ** 2), over_n), [x]),
    "a delta": lambda: Model(Sum(x[n] ** 2 + x[n] ** 3 * KroneckerDelta(label[n], 9), over_n), [x]),
    "an index": lambda: Model(Sum(if_else(Eq(n, 7), x[n] ** 3, x[n] ** 2), over_n), [x]),
    "a sum": lambda: Model(if_else(Sum(x[n], over_n) > 100, Sum(x[n] ** 3, over_n), Sum(x[n] ** 2, over_n)), [x]),
    "several": lambda: Model(Sum(if_else(And(x[n] > 20, R[n] < -20), x[n] ** 3, x[n] ** 2), over_n), [x]),
    "pieces": lambda: Model(Sum(Piecewise((x[n], x[n] < -30), (x[n] ** 2, x[n] < 30), (x[n] ** 3, True)), over_n), [x]),
    "nested": lambda: Model(if_else(s > 40, if_else(s > 80, s**3, s**2), s), [s]),
    "a maximum": lambda: Model(Sum(Max(x[n] - 60, -x[n]) ** 2, over_n), [x]),
    "an absolute value": lambda: Model(Sum(Abs(x[n] - 60) * x[n], over_n), [x]),
    "a ramp": lambda: Model(Sum(relu(x[n] - 60) + x[n] ** 2, over_n), [x]),
    "a name": lambda: Model(Sum(if_else(h[n] > 70, h[n] ** 2, h[n]), over_n), [x], where=[Eq(h[n], x[n] ** 3)]),
    "a recurrence": lambda: Model(
        h[N - 1] ** 2,
        [x],
        where=[Eq(h[0], x[0]), Eq(h[t], if_else(h[t - 1] > 30, h[t - 1] / 2, h[t - 1]) + x[t])],
    ),
    "an entry of a matrix": lambda: Model(
        Sum(X.applyfunc(Lambda(u, Piecewise((u**3, u > 40), (u**2, True))))[i, j], (i, 0, N - 1), (j, 0, M - 1)), [X]
    ),
}


@pytest.mark.parametrize("name", one_in(3, FAR))
def test_a_branch_that_is_far_away_is_reached(name: str) -> None:
    report = FAR[name]().check(chain=False)
    assert report.ok, report
    assert any(" where " in run.sizes or " for " in run.sizes for run in report.runs), report


THERE = {"a parameter": "s > 10**6", "data": "np.any(R > 50)", "labels": "np.any(label == 9)", "an index": "len(x) > 7"}


@pytest.mark.parametrize("name", THERE)
def test_a_wrong_derivative_on_a_branch_far_away_is_found(name: str) -> None:
    wrong = f"Gradient(np.float16(1 + ({THERE[name]}) / 16) * grad_"
    report = checked(FAR[name](), r"Gradient\(grad_", wrong)
    assert report.verdict == "fail"
    assert {" where " in run.sizes or " for " in run.sizes for run in report.runs if run.failures} == {True}, report


def unreachable() -> Model:
    """x² + cos x is at least 1 for every real x, which is not written anywhere."""
    return Model(if_else(s**2 + cos(s) < Rational(99, 100), s**3, s**2), [s])


def test_a_branch_that_was_not_reached_is_named_and_no_failure() -> None:
    model = unreachable()
    report = model.check()
    assert report.verdict == "inconclusive" and report.failures == ()
    assert report.unverified == (
        "no draw took the branch s**2 + cos(s) < 99/100 in if_else(s**2 + cos(s) < 99/100, s**3, s**2)",
    )
    assert "INCONCLUSIVE: no draw took the branch s**2 + cos(s) < 99/100" in str(report)
    with pytest.raises(GradientCheckError, match="was inconclusive") as caught:
        model.compile()
    assert "failed" not in str(caught.value) and caught.value.report is not None
    assert model.compile(check=False).value(s=2.0) == 4.0


@pytest.mark.parametrize("loss", [
    Sum(x[Min(Max(n - 1, 0), N - 1)] ** 2, over_n),  # neighbours of the border
    Sum(if_else(n >= 0, x[n] ** 2, x[n]), over_n),
    Sum(if_else(n < N, x[n] ** 2, x[n]), over_n),
    Sum(Abs(x[n] ** 2 + 1) + Max(exp(x[n]), 0), over_n),
], ids=str)  # fmt: skip
def test_what_no_index_and_no_real_number_reaches_is_no_branch(loss: Any) -> None:
    report = Model(loss, [x]).check(chain=False)
    assert report.ok, report


def test_sizes_that_have_no_inputs_leave_no_branch_open() -> None:
    y = IndexedBase("y", shape=(symbols("M", integer=True, positive=True),))
    before = Sum(if_else(n >= 1, x[Max(n - 1, 0)] ** 2 * y[n], 0), over_n)
    assert Model(before, [x], facts=[y.shape[0] >= N]).check(chain=False).ok


def test_a_branch_that_the_facts_rule_out_is_not_taken() -> None:
    report = Model(Sum(if_else(R[n] > 50, x[n] ** 3, x[n] ** 2), over_n), [x], facts=[R[n] <= 10]).check(chain=False)
    assert report.verdict == "inconclusive" and "R[n] > 50" in report.unverified[0]


def test_inputs_of_the_caller_are_moved_only_where_they_have_to_be() -> None:
    model = Model(Sum(if_else(R[n] + c > 50, x[n] ** 3, x[n] ** 2), over_n), [x])
    report = model.check(inputs={"R": np.array([1.0, 2.0])}, chain=False)
    assert report.ok and len(report.runs) == 4


# Zeros.


def test_zeros_pass_only_where_the_formula_is_zero() -> None:
    assert Model(Sum(x[n], over_n) * c, [x]).check(hessian=True).ok  # the Hessian of what is linear
    assert Model(Sum(sin(c + s) ** 2 + cos(c + s) ** 2, over_n), [s]).check().ok  # at all digits, though not on paper
    model = Model(1 + exp(-(s**2) - 200), [s])
    assert model.check().ok  # by a complex step, which sees any derivative
    tiny = check_module(replace(model._checking.subject(model.compile()), complex_step=None))
    assert tiny.verdict == "inconclusive" and "which their formula is not everywhere" in " ".join(str(tiny).split())


# Kinks.

SMOOTH = {
    "distances": lambda: Sum(Abs(x[i] - x[j]), *pairs),
    "minima": lambda: Sum(Min(x[i], x[j]), *pairs),
    "hinges": lambda: Sum(relu(x[i] - x[j]), *pairs),
    "conditions": lambda: Sum(if_else(x[i] > x[j], x[i] ** 2, x[j] ** 2), *pairs),
    "masked": lambda: Sum(if_else(Ne(i, j), Abs(x[i] - x[j]), 0), *pairs),
    "a kink in what is left out": lambda: Sum(if_else(R[n] > 0, Abs(x[n]) + x[n], relu(0 * R[n]) + x[n] ** 2), over_n),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_the_same_everywhere_is_no_kink(name: str) -> None:
    report = Model(SMOOTH[name](), [x]).check()
    assert report.ok and not report.undecided, report


@pytest.mark.parametrize("loss", [Sum(Abs(x[n]) ** 3, over_n), Sum(relu(x[n]) ** 3, over_n)], ids=str)
def test_a_smooth_power_has_no_kink_even_where_it_is_zero(loss: Any) -> None:
    model = Model(loss, [x])
    assert model.check(hessian=True).ok
    report = model.check(inputs={"x": np.array([0.0, 1.0, -2.0])})
    assert report.ok and not report.undecided, report


def test_a_kink_that_a_condition_leaves_out_is_none() -> None:
    """The entries of x at which |x| has its kink are those that the mask leaves out."""
    model = Model(Sum(if_else(R[n] > 0, Abs(x[n]), x[n]), over_n), [x])
    inputs = {"x": np.array([0.0, 1.5, -2.0]), "R": np.array([-1.0, 1.0, 2.0])}
    report = model.check(inputs=inputs)
    assert report.ok and not report.undecided, report
    there = model.check(inputs=inputs | {"R": np.array([1.0, 1.0, 2.0])})
    assert any(entry.verdict == "inconclusive" for entry in there.entries)


# Nothing ends in a traceback.


def test_whatever_fails_becomes_a_finding_that_names_the_place() -> None:
    module = imported("import numpy as np\ndef value(x):\n    return x + np.ones(3)\n", "text")
    before, *wrong = guarded("the value", map(module.value, [np.ones(3), np.ones(2), np.ones(1)]))
    (other,) = guarded("the noise", (1 / divisor for divisor in [0]))
    assert np.array_equal(before, np.full(3, 2.0)) and list(guarded("the rest", [1])) == [1]
    assert [finding.verdict for finding in (*wrong, other)] == ["fail", "inconclusive"]
    assert "it raised ValueError: operands could not be broadcast" in str(wrong[0])
    assert "the noise could be checked: it raised ZeroDivisionError: " in str(other)


def test_what_the_reference_does_not_know_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(self: Reading, *_: Any) -> Any:
        raise UnsupportedError("the reference evaluator has no rule for it")

    monkeypatch.setattr(Reading, "__call__", unknown)
    report = Model(Sum(exp(x[n]), over_n), [x]).check()
    assert report.verdict == "inconclusive" and report.failures == ()
    assert "could not be compared with the loss: it raised UnsupportedError: the reference" in report.unverified[0]


def test_no_warning_of_a_module_reaches_the_terminal(recwarn: pytest.WarningsRecorder) -> None:
    model = Model(Sum(sqrt(x[n] ** 2 + 1), over_n), [x])
    checked(model, r"\n    return loss\n", "\n    np.log(-np.ones(2)), np.mean(np.ones(0))\n    return loss\n")
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


def test_the_root_of_a_matrix_with_one_entry() -> None:
    v = MatrixSymbol("v", N, 1)
    assert Model(sqrt(v.T * v), [v]).check().ok
