"""The chain from the SymPy loss to the code: each link broken on purpose, and the right one blamed."""

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import Eq, IndexedBase, Max, Sum, exp, log, symbols, tanh

from symgrad import LogSumExp, Model, constant, sigmoid, softmax
from symgrad.calculus import local
from symgrad.graph import scalar
from symgrad.graph.build import add, mul
from symgrad.graph.nodes import Contract
from symgrad.rewrite import pipeline
from symgrad.rewrite.rules import RULES
from symgrad.schedule import pipeline as scheduling
from symgrad.verify.report import Link
from tests.families import one_in
from tests.verify.wrong_printer import print_wrongly

N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
x, X, w, t = IndexedBase("x", (N,)), IndexedBase("X", (N, M)), IndexedBase("w", (M,)), IndexedBase("t", (N,))

LINKS = ["reading", "derivation", "simplification", "schedule", "float64 code", "float32 code"]


def logistic() -> Model:
    y = IndexedBase("y", (N,))
    z = Sum(X[n, m] * w[m], (m, 0, M - 1))
    loss = -Sum(t[n] * log(y[n]) + (1 - t[n]) * log(1 - y[n]), (n, 0, N - 1))
    return Model(loss, [w], where=[Eq(y[n], 1 / (1 + exp(-z)))], name="logistic")


def elementwise(function: Any) -> Model:
    return Model(Sum(t[n] * function(x[n]), (n, 0, N - 1)), [x])


def chain(model: Model, seed: int = 0) -> dict[str, Link]:
    links = model.check(seed=seed).runs[0].links
    assert [link.name for link in links] == LINKS
    return {link.name: link for link in links}


def broken(model: Model, seed: int = 0) -> Link:
    """The one link that fails; all before it pass."""
    links = chain(model, seed)
    failed = [link for link in links.values() if link.verdict == "fail"]
    assert failed, "nothing was found"
    assert all(
        link.verdict == "pass" for name, link in links.items() if LINKS.index(name) < LINKS.index(failed[0].name)
    )
    return failed[0]


@pytest.mark.parametrize("make", [logistic, lambda: elementwise(tanh), lambda: elementwise(sigmoid)])
def test_all_links_hold_and_formulas_are_exact(make: Any) -> None:
    links = chain(make())
    assert all(link.verdict == "pass" for link in links.values())
    assert all(links[name].ulps < 1e-3 for name in LINKS[:4])  # far below one rounding error of a float64
    assert all(0 < links[name].ulps < 100 for name in LINKS[4:])


def test_a_wrong_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    right = scalar.extremum
    monkeypatch.setattr(scalar, "extremum", lambda head, left, right_: right({Max: sp.Min}[head], left, right_))
    link = broken(Model(Sum(Max(x[n], t[n]), (n, 0, N - 1)), [x]))
    assert (link.name, link.label) == ("reading", "value")


def test_a_wrong_derivative_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(local._OWN, exp, lambda args, value, _: mul([value, value]))
    link = broken(elementwise(exp))
    assert link.name == "derivation" and link.label.startswith("x[")
    assert float(link.expected) != float(link.got)
    assert link.label in str(link) and link.expected in str(link) and link.got in str(link)


def test_a_missing_part_of_an_adjoint(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Contract.local
    monkeypatch.setattr(Contract, "local", lambda node, n: [] if n else right(node, n))
    link = broken(Model(Sum(x[n] * t[n], (n, 0, N - 1)) ** 2 + Sum(exp(t[n] * x[n]), (n, 0, N - 1)), [x, t]))
    assert link.name == "derivation"


def test_an_error_in_one_entry_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative is wrong for arguments beyond 0.5 only, by 1e-12 of itself."""

    def nearly(args: Any, value: Any, _: int) -> Any:
        wrong = mul([scalar.lift(sp.Integer(1) + sp.Rational(1, 10**12), {}), value])
        condition = scalar.apply(sp.StrictGreaterThan, [args[0], scalar.const(sp.Rational(1, 2))])
        return scalar.apply(scalar.if_else, [condition, wrong, value])

    monkeypatch.setitem(local._OWN, exp, nearly)
    model = elementwise(exp)
    report = model.check(inputs={"x": np.array([0.25, 0.75, 0.125]), "t": np.ones(3)})
    (link,) = [link for link in report.runs[0].links if link.verdict == "fail"]
    assert (link.name, link.label) == ("derivation", "x[1]")


def _with_rule(monkeypatch: pytest.MonkeyPatch, phase: str, name: str, replacement: Any) -> None:
    rule = next(rule for rule in RULES if rule.name == name)
    rules = [replace(rule, replacement=replacement) if other is rule else other for other in getattr(pipeline, phase)]
    monkeypatch.setattr(pipeline, phase, rules)


def test_a_wrong_rewrite(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_rule(monkeypatch, "_RECOGNISE", "sigmoid", sigmoid(sp.Symbol("x", real=True)))
    assert broken(elementwise(lambda u: 1 / (1 + exp(u)))).name == "simplification"


def test_a_wrong_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewrite that acts on the gradient alone: the value stays right, and the rewrite is named."""
    right = pipeline.simplify_cluster
    monkeypatch.setattr(pipeline, "simplify_cluster", replace(right, function=lambda node: _doubled(right(node))))
    link = broken(logistic())
    assert link.name == "simplification" and link.label == f"what “{right.name}” rewrites"


def _doubled(found: Any) -> Any:
    return None if found is None else add([(sp.Integer(2), found)])


def test_a_wrong_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_rule(monkeypatch, "_STABILISE", "log1p", log(sp.Symbol("x", real=True)))
    link = broken(Model(Sum(t[n] * log(1 + x[n] ** 2), (n, 0, N - 1)), [x]))
    assert (link.name, link.label) == ("schedule", "value after “stabilise”")


@pytest.mark.parametrize("name", one_in(3, [phase.name for phase in scheduling.PHASES]))
def test_a_wrong_phase_of_the_schedule_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with_wrong_phase(monkeypatch, name)
    links = logistic().check(sizes={N: 3, M: 2}).runs[0].links
    link = next(link for link in links if link.verdict == "fail")
    assert link.name == "schedule" and link.label.endswith(f" after “{name}”")


def with_wrong_phase(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make a phase of the schedule change the sign of everything."""

    def wrong(phase: scheduling.Phase) -> scheduling.Phase:
        def negated(terms: Any, known: Any) -> Any:
            return [add([(sp.Integer(-1), use)]) for use in phase.function(terms, known)]

        return replace(phase, function=negated) if phase.name == name else phase

    monkeypatch.setattr(scheduling, "PHASES", tuple(map(wrong, scheduling.PHASES)))


def test_a_wrong_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, tanh, "arctan")
    assert broken(elementwise(tanh)).name == "float64 code"


def test_code_that_loses_five_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sin, spelling="(lambda v: np.sin(v) * (1 + 1e-11))")
    assert broken(elementwise(sp.sin)).name == "float64 code"


def test_code_that_is_wrong_in_single_precision_only(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sin, spelling="(lambda v: np.sin(v) + v.dtype.type(1e-2) * (v.dtype == 'float32'))")
    assert broken(elementwise(sp.sin)).name == "float32 code"


def test_code_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.sin, "no_such_function")
    link = broken(elementwise(sp.sin))
    assert link.name == "float64 code" and "AttributeError" in link.reason


def test_facts_that_hold_to_rounding_only() -> None:
    """Σ t = 1 of float64 numbers is off by 1e-16, and so are formulas that use it."""
    k, K = symbols("k", integer=True), symbols("K", integer=True, positive=True)
    z, T = IndexedBase("z", (N, K)), IndexedBase("T", (N, K))
    loss = -Sum(T[n, k] * log(softmax(z[n, k], (k, 0, K - 1))), (n, 0, N - 1), (k, 0, K - 1))
    links = chain(Model(loss, [z], facts=[Eq(Sum(T[n, k], (k, 0, K - 1)), 1)]))
    assert all(link.verdict == "pass" for link in links.values())


def test_what_is_held_constant_is_not_differentiated() -> None:
    links = chain(Model(Sum(constant(x[n] ** 2) * x[n], (n, 0, N - 1)), [x]))
    assert all(link.verdict == "pass" for link in links.values())


def test_hostile_logits_are_no_alarm() -> None:
    model = Model(LogSumExp(x[n], (n, 0, N - 1)), [x])
    report = model.check(inputs={"x": np.array([-1e4, 0.0, 700.0, 1e4])})
    assert all(link.verdict == "pass" for link in report.runs[0].links)


def test_inputs_too_large_for_50_digits_are_left_out() -> None:
    report = elementwise(tanh).check(sizes={"N": 3000})
    assert report.runs[0].links == ()
    assert not elementwise(tanh).check(chain=False).runs[0].links


def test_the_report_has_a_line_a_link() -> None:
    text = str(logistic().check())
    assert "error/ulp" in text and all(f"\n  {name} " in text for name in LINKS)
    assert mpmath.mp.dps == 15


def test_a_wrong_simplification_is_not_undone_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What formulas show is simplified once more than what code starts from."""
    from symgrad import compiler

    right = compiler.simplify
    monkeypatch.setattr(compiler, "simplify", lambda *given: [add([(sp.Integer(-1), use)]) for use in right(*given)])
    for model in (elementwise(sp.sin), logistic()):
        link = broken(model)
        assert link.name == "simplification" and float(link.got) == -float(link.expected)
