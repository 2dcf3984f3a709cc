"""The derivation step by step: from the trace, with reasons, and right."""

from typing import Any

from sympy import Eq, IndexedBase, Sum, Symbol, sin, symbols, tanh

from symgrad import Model, if_else
from symgrad.formula.listing import fitted
from symgrad.inspect.narrative import as_text
from symgrad.inspect.steps import steps
from symgrad.inspect.story import Step
from symgrad.rewrite import pipeline
from symgrad.rewrite.reasons import REASONS
from symgrad.rewrite.rules import RULES


def equations(step: Step) -> list[tuple[str, str, str]]:
    return [(e.words, e.left.text, e.right.text) for e in step.equations]


def find(model: Model, title: str) -> Step:
    return next(step for section in steps(model) for step in section.steps if step.title.text == title)


def test_the_chain_rule_as_applied(models: Any) -> None:
    local, rule = equations(find(models.network(2), "∂C/∂Z2"))
    assert local == ("local derivative", "∂H2/∂Z2", "𝟏𝟏ᵀ − H2∘²")
    assert rule[:2] == ("chain rule, through H2", "∂C/∂Z2")
    assert rule[2] in ("∂C/∂H2∘(𝟏𝟏ᵀ − H2∘²)", "(𝟏𝟏ᵀ − H2∘²)∘∂C/∂H2")


def test_softmax_and_cross_entropy_step_by_step(models: Any) -> None:
    step = find(models.classes(), "∂C/∂z")
    assert ("simplified", "∂C/∂z[n, k]", "p[n, k] − T[n, k]") in equations(step)
    fact = next(rewrite for rewrite in step.rewrites if rewrite.name == "fact")
    assert (fact.before.text, fact.after.text) == ("Σ_k T[n, k]", "1")
    assert fact.reason.source == "the model's facts"
    before, after = step.operations
    assert after < before


def test_the_rewrites_are_those_of_the_trace(models: Any) -> None:
    model = models.logistic()
    shown = [rewrite.name for section in steps(model)[:3] for step in section.steps for rewrite in step.rewrites]
    fired = [name for name, _, _ in model.derivation.trace.steps]
    assert set(shown) == set(fired)
    assert {"log sigmoid", "cancel"} <= set(shown)


def test_the_operations_fall_from_the_sum_to_the_result(models: Any) -> None:
    step = find(models.logistic(), "∂C/∂w")
    assert equations(step)[-1] == ("simplified", "∂C/∂w", "Xᵀ(y − t)")
    assert step.operations == (5, 2)


def test_a_name_whose_axes_are_in_another_order_is_told_once() -> None:
    N, T, H, M = symbols("N T H M", integer=True, positive=True)
    n, t, h, m = symbols("n t h m", integer=True)
    x, W = IndexedBase("x", shape=(N, T, M)), IndexedBase("W", shape=(M, H))
    z, y = IndexedBase("z", shape=(N, H, T)), IndexedBase("y", shape=(H, N, T))
    sums = Sum(x[n, t, m] * W[m, h], (m, 0, M - 1))
    loss = Sum(y[h, n, t] ** 2, (n, 0, N - 1), (h, 0, H - 1), (t, 0, T - 1))
    model = Model(loss, [W], where=[Eq(z[n, h, t], sums), Eq(y[h, n, t], tanh(z[n, h, t]))])
    forward = next(section for section in steps(model) if section.title == "Forward pass")
    told = {step.equations[0].left.text: step.equations[0].right.text for step in forward.steps}
    assert [left.partition("[")[0] for left in told] == ["z", "y", "C"]
    assert told["z[n, h, t]"] == "Σ_m W[m, h]·x[n, t, m]" and told["y[h, n, t]"] == "tanh(z[n, h, t])"
    step = find(model, "∂C/∂z")
    assert ("local derivative", "∂y/∂z", "1 − y[h, n, t]²") in equations(step)
    assert step.outcome is not None and step.outcome.left.text == "∂C/∂z[n, h, t]"


def test_a_step_says_what_comes_out(models: Any) -> None:
    outcomes = [step.outcome for section in steps(models.logistic()) for step in section.steps if not step.is_plain]
    assert all(outcome is not None for outcome in outcomes)
    shown = {outcome.left.text: outcome.right.text for outcome in outcomes if outcome is not None}
    assert shown["∂C/∂w"] == "Xᵀ(y − t)" and shown["∂C/∂C"] == "1" and "softplus" in shown["C"]


def test_a_name_that_a_rewrite_left_out_is_derived_as_a_variable(models: Any) -> None:
    titles = [section.title for section in steps(models.logistic())]
    assert "Backward pass of y, taken as a variable" in titles
    assert equations(find(models.logistic(), "∂C/∂y"))[-1][2] == "(y − t)⊘y⊘v3"


def test_every_adjoint_of_a_parameter_ends_in_its_gradient(model: Model) -> None:
    told = as_text(steps(model))
    for parameter in model.parameters:
        assert f"∂C/∂{getattr(parameter, 'name', None) or parameter.label}" in told


def test_the_names_of_operations_do_not_clash_with_the_model() -> None:
    v1, u1, x = symbols("v1 u1 x", real=True)
    titles = {step.title.text for section in steps(Model((v1 * x - u1) ** 2, [x])) for step in section.steps}
    assert not any(title.startswith(("v", "u", "∂C/∂v", "∂C/∂u")) for title in titles)


def test_a_condition_is_written_out_where_it_is_used() -> None:
    x, y = symbols("x y", real=True)
    told = Model(if_else(x > y, x**2, x * y), [x]).show(steps=True)
    assert "C = if_else(x > y, v1, v2)" in told
    assert "∂C/∂v1 = if_else(x > y, 1, 0)" in told


def test_every_rewrite_has_a_reason_and_a_source() -> None:
    assert {record.name for record in pipeline.RECORDS} | {rule.name for rule in RULES} <= set(REASONS)
    for name, found in REASONS.items():
        assert found.identity and found.reason and found.source, name


def test_the_text_fits_a_terminal(model: Model) -> None:
    assert max(map(len, fitted(model.show(steps=True)).splitlines())) <= 100


T, t = symbols("T t", integer=True, positive=True)


def growth(last: object) -> Model:
    """h[t] = tanh(u q[t] + s² x[t − 1]), q[t] = h[t − 1]², h[0] = s; s² x is computed outside the loop."""
    u, s = symbols("u s", real=True)
    h, q, data = (IndexedBase(name, shape=(length,)) for name, length in (("h", T + 1), ("q", T + 1), ("x", T)))
    where = [Eq(h[0], s), Eq(h[t], tanh(u * q[t] + s**2 * data[t - 1])), Eq(q[t], h[t - 1] ** 2)]
    return Model(h[last], [u, s], where=where)


def test_a_recurrence_is_one_step_a_state_forward_and_backward() -> None:
    told = growth(T).show(steps=True)
    forward, backward = told.partition("Forward pass")[2].split("Backward pass")
    assert "    h[t] = if_else(t = 0, s, 0) + if_else(t ≥ 1, tanh(u·q[t] + v1[t − 1]), 0)" in forward
    assert "    q[t] = if_else(t ≥ 1, h[t − 1]², 0)" in forward
    assert backward.count("recurrence backward") == 2
    assert "∂C/∂q[t] = if_else(t ≥ 1, u·∂C/∂h[t]·(1 − h[t]²), 0)" in backward
    assert "auxiliary" not in told


def test_a_states_adjoint_is_never_a_part_of_it() -> None:
    """What the loss alone adds to ∂C/∂h is no step of its own: it would be called ∂C/∂h, and be wrong."""
    found = [step for section in steps(growth(T)) for step in section.steps if step.title.text == "∂C/∂h"]
    assert [equation.words for step in found for equation in step.equations] == ["recurrence backward"]
    assert found[0].equations[0].right.text.startswith("δ(T, t) + if_else(t ≤ T − 1, ")


def test_equations_that_refer_to_nothing_earlier_are_no_recurrence() -> None:
    n = Symbol("n", integer=True)
    a, z = IndexedBase("a", shape=(T,)), IndexedBase("z", shape=(T + 1,))
    told = Model(Sum(tanh(z[n]), (n, 0, T)), [a], where=[Eq(z[0], 0), Eq(z[n + 1], sin(a[n]))]).show(steps=True)
    assert "z[n] = if_else(n ≥ 1, v1[n − 1], 0)" in told
    assert "recurrence backward" not in told and "∂C/∂v1[n] = ∂C/∂z[n + 1]" in told
