"""The audit of digits: what loses them is found and named, what keeps them passes."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, Sum, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else, sigmoid, softplus
from symgrad.verify.accuracy import Loss, _chosen, _grid, _told, audit
from symgrad.verify.blame import CANCELS, OVERFLOWS, Blame
from symgrad.verify.draw import Draw
from symgrad.verify.report import Finding

u, v = symbols("u v", real=True)
p = symbols("p", positive=True)
i, N = symbols("i N", integer=True)
x = IndexedBase("x", shape=(N,))


def audited(model: Model) -> list[Finding]:
    return list(
        model.check(chain=False, accuracy=True, sizes={"N": 3} if model.program.dimensions else None).edges[-1].findings
    )


@pytest.mark.parametrize(
    "loss",
    [
        u * v**2,
        softplus(u),
        p * log(p),
        LogSumExp(x[i], (i, 0, N - 1)),
        Sum(sp.Abs(x[i]), (i, 0, N - 1)),
        if_else(u > 0, u**2, -u),
        sigmoid(6 * u) * (1 - sigmoid(6 * u)) + sp.exp(-6 * u - 1),  # at 600, 1 − σ is 0 to fewer than 261 digits
        sp.Max(0, u - v + u**3),  # where u = v, rounding decides on which side of the kink it is
    ],
    ids=str,
)
def test_what_keeps_its_digits_passes(loss: sp.Expr) -> None:
    parameter = next(s for s in (u, p, x) if loss.has(s))
    assert [finding.verdict for finding in audited(Model(loss, [parameter]))] == ["pass"]


@pytest.mark.parametrize(
    ("loss", "label", "blamed"),
    [
        ((u + 1) ** 2 - u**2 - 2 * u - 1, "value", "cancels"),
        (sqrt(1 + u**4) - u**2, "value", "cancels"),
        (u**6 / (1 + u**6), "value", "u⁶ overflows"),
        (Sum(x[i] ** 2, (i, 0, N - 1)) - x[0] ** 2 - x[1] ** 2 - x[2] ** 2, "value", "cancels"),
    ],
    ids=str,
)
def test_what_loses_digits_is_named(loss: sp.Expr, label: str, blamed: str) -> None:
    parameter = u if loss.has(u) else x
    findings = audited(Model(sp.Add(*loss.args, evaluate=False) if loss.is_Add else loss, [parameter]))
    found = [finding for finding in findings if label in finding.name]
    assert found and any(blamed in finding.detail for finding in found), findings
    assert all(finding.verdict == "fail" for finding in found)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid of few powers of ten."""
    monkeypatch.setattr("symgrad.verify.accuracy.EXPONENTS", (0, 3, 150))


def test_an_operation_that_does_no_harm_is_not_blamed(few: None) -> None:
    """exp(−v²) is 0 from |v| = 30 on, and cosh(v) overflows at 1000, both of which is right in what they stand in."""
    loss = sp.exp(-(v**2)) + 1 / sp.cosh(v) + sqrt(1 + u**4) - u**2
    findings = audited(Model(loss, [v, u]))
    assert sorted(finding.name for finding in findings) == ["digits of gradient.u", "digits of value"]
    assert all(" − " in f.detail.partition(": ")[0] and " cancels: " in f.detail for f in findings)


def test_an_operation_is_blamed_for_as_much_as_it_does() -> None:
    """A difference that cancels is off by 1e-10, which explains no nan, and no error of 1."""
    model = Model(sqrt(1 + u**4) - u**2, [u])
    subject = model._checking.subject(model.compile(check=False))
    assert subject.compiled is not None
    at = {"u": 1000.0}
    with mpmath.workdps(100):
        right = np.concatenate([np.ravel(one) for one in subject.compiled.values(at, {}, 100).values()])
    blame = Blame(subject.compiled.computed, at, {}, 100, 1e-12)
    blamed = {
        error: [problem for _, problem in blame.culprits([0], right + np.array([error, 0]), right).values()]
        for error in (1e-10, 1.0, np.inf)
    }
    assert blamed == {1e-10: ["cancels"], 1.0: [], np.inf: []}
    assert not blame.culprits([0], right, right + 1e-10)  # formulas that are wrong, whose operations are right


def lost(exponent: int, got: float, problem: str = CANCELS) -> Loss:
    """A loss at u = 10^exponent, where 1 is right."""
    return Loss("value", "value", got, 1.0, 1.0, False, f"u = 1e{exponent}", exponent, "u − 1", problem)


def test_losses_are_told_with_where_they_begin_and_the_worst() -> None:
    (finding,), notes, beneath = _told([lost(6, 1.1), lost(3, 1.01), lost(4, 2.0)], "digits")
    begins, _, worst = finding.detail.partition("; at 3 points, worst: ")
    assert begins == "u − 1 cancels: value is 1.01 at u = 1e3, right is 1.0"
    assert worst == "value is 2.0 at u = 1e4, right is 1.0"
    assert ([note.partition(":")[0] for note in notes], beneath) == (["cancels"], 0)
    _, notes, _ = _told([lost(3, 1.01, OVERFLOWS)], "digits")
    assert [note.partition(":")[0] for note in notes] == ["overflows, underflows"]


def test_all_operations_whose_losses_are_hidden_are_counted() -> None:
    losses = [replace(lost(0, 1.1), hidden=True, culprit=f"u − {n}") for n in range(20)]
    (finding,), notes, beneath = _told(losses, "digits")
    assert (finding.verdict, beneath) == ("pass", 20)
    assert len(notes) < 20 and notes[-1].endswith(" more operations lose such digits")


def test_what_cancels_beyond_a_third_of_the_range_is_no_end_of_float64() -> None:
    assert [lost(150, 2.0, problem).beyond for problem in (CANCELS, OVERFLOWS, "")] == [False, True, True]
    assert not lost(60, 2.0, OVERFLOWS).beyond


def test_what_a_recurrence_loses_is_named_inside_of_it(few: None) -> None:
    h, t = IndexedBase("h", shape=(N,)), symbols("t", integer=True)
    steps = [sp.Eq(h[0], 1), sp.Eq(h[t], sp.sin(h[t - 1]) + sqrt(1 + (v**2 * h[t - 1]) ** 2) - v**2 * h[t - 1])]
    findings = audited(Model(h[N - 1], [v], where=steps))
    found = next(finding.detail for finding in findings if finding.name == "digits of value")
    assert "+ sin(h[i0]) − v²·h[i0] cancels" in found


def layer(scale: sp.Expr, *parameters: sp.Symbol) -> Model:
    """A sum of squares of units tanh(A x)."""
    h, j, A = IndexedBase("h", shape=(N,)), symbols("j", integer=True), IndexedBase("A", shape=(N, N))
    units = [sp.Eq(h[i], sp.tanh(Sum(A[i, j] * x[j], (j, 0, N - 1))))]
    return Model(scale * (1 + Sum(h[i] ** 2, (i, 0, N - 1))), [x, *parameters], where=units)


def test_the_truth_has_all_digits_it_needs(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 − tanh(300)² is 2e-260, and nothing but 0 to fewer digits."""
    monkeypatch.setattr("symgrad.verify.accuracy._DIGITS", 100)  # doubled as long as it is 0
    model = layer(sp.S.One)
    subject = model._checking.subject(model.compile(check=False))
    draw = Draw({"x": np.ones(1), "A": np.full((1, 1), 0.3)}, {N: 1}, ())
    run = audit(subject, draw)
    assert [finding.verdict for finding in run.findings] == ["pass"] and not run.notes


def test_nothing_is_asked_of_a_loss_that_float64_cannot_hold(few: None) -> None:
    assert [finding.verdict for finding in audited(layer(sp.exp(v), v))] == ["pass"]  # at v = 1000 it is infinite


@pytest.mark.parametrize("weight", [1, sp.Rational(1, 10**9)])
def test_an_error_of_the_gradient_that_the_loss_does_not_show_is_a_note(
    monkeypatch: pytest.MonkeyPatch, weight: sp.Expr
) -> None:
    """The slope of √(1 + u⁴) − u² cancels; at u = 1000 it is off by 1e-13, which is 1e-10 or 1e-19 in a loss of 1."""
    monkeypatch.setattr("symgrad.verify.accuracy.EXPONENTS", (0, 3))
    model = Model(1 + weight * (sqrt(1 + u**4) - u**2), [u])
    report = model.check(chain=False, accuracy=True)
    (run,) = [run for run in report.edges if "grid" in run.sizes]
    notes = [note for note in run.notes if note.startswith("beneath the rounding of the loss, digits of gradient.u")]
    verdicts = {finding.verdict for finding in run.findings}
    assert (verdicts, len(notes)) == (({"pass"}, 1) if weight < 1 else ({"fail"}, 0))
    if weight < 1:  # a verdict says what it allows for
        assert (
            "1 operation loses digits of the gradient beneath the rounding of the loss: see the notes"
            in report.conclusion
        )
        assert run.findings[0].name.endswith("of the grid, as far as the loss shows them")


def test_where_float64_ends_is_a_note_and_no_failure(few: None) -> None:
    """Where products of three inputs leave the range; 1e60 is within it, where only a fourth power and more does."""
    ratio = Model(Sum(x[i] ** 3, (i, 0, N - 1)) / Sum(x[i] ** 2, (i, 0, N - 1)), [x])
    (run,) = [run for run in ratio.check(chain=False, accuracy=True, sizes={"N": 3}).edges if "grid" in run.sizes]
    assert [finding.verdict for finding in run.findings] == ["pass"]
    (note,) = run.notes
    assert "float64 ends at inputs beyond 1e±102" in note and "overflows: value is nan at x scaled to 1e150" in note


def test_facts_restrict_the_grid() -> None:
    above = Model(log(u - 1), [u], facts=[u > 1])  # log(u - 1) is no number elsewhere, and u - 1 is exact
    assert [finding.verdict for finding in audited(above)] == ["pass"]


def test_facts_keep_the_grid_from_where_digits_are_lost(few: None) -> None:
    between = Model(sqrt(1 + u**4) - u**2, [u], facts=[u < 2, u > -2])
    assert [finding.verdict for finding in audited(between)] == ["pass"]


def test_inputs_have_either_sign(few: None) -> None:
    (finding, *_) = audited(Model(sqrt(1 + u**4) + u * sp.Abs(u), [u]))
    assert finding.verdict == "fail" and "u = -1000.0" in finding.detail


def test_large_inputs_are_made_smaller(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(Sum(x[i] ** 2, (i, 0, N - 1)), [x])
    subject = model._checking.subject(model.compile(check=False))
    large = Draw({"x": np.ones(1000)}, {N: 1000}, ())
    run = audit(subject, large)
    assert [finding.verdict for finding in run.findings] == ["pass"]
    assert run.notes[0].startswith("at the smaller sizes N=")
    report = model.check(chain=False, accuracy=True, inputs={"x": np.ones(1100)})
    assert [finding.verdict for finding in report.edges[-1].findings] == ["pass"]  # on parts of them
    monkeypatch.setattr("symgrad.verify.accuracy.MOST_NUMBERS", 0)
    (finding,) = audit(subject, large).findings
    assert finding.verdict == "inconclusive" and "more than 0 numbers" in finding.detail


def test_of_models_that_take_long_a_part_of_the_grid_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    y = IndexedBase("y", shape=(N,))
    model = Model(Sum(x[i] * y[i], (i, 0, N - 1)), [x])
    subject = model._checking.subject(model.compile(check=False))
    draw = Draw({"x": np.ones(2), "y": np.ones(2)}, {N: 2}, ())
    assert audit(subject, draw).findings[0].name == "digits at 138 points of the grid"
    monkeypatch.setattr("symgrad.verify.accuracy.MOST_WORK", 1)
    run = audit(subject, draw)
    assert run.findings[0].name == "digits at 46 points of the grid"
    assert run.notes == ("46 of the 138 points of the grid were looked at",)
    assert subject.compiled is not None
    points = list(_grid(subject.compiled, draw))
    assert all(point.together for point in _chosen(points, 1))  # all inputs at each power of ten
    others = [point.exponent for point in _chosen(points, 66) if not point.together]
    assert len(others) == 20 and min(others) < -20 and max(others) > 20  # and the others evenly spread
