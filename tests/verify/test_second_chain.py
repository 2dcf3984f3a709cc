"""The chain of second derivatives and Jacobians: each link broken on purpose, and the right one blamed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, exp, log, sin, symbols, tanh

from symgrad import Model, constant, logdet, relu, sigmoid
from symgrad.calculus import forward, local
from symgrad.graph.build import add, mul
from symgrad.graph.nodes import Apply, Contract, Node
from symgrad.outputs import derivatives, jacobians
from symgrad.targets.numpy import function as printing
from symgrad.verify.report import Link
from tests.verify.test_chain import with_wrong_phase
from tests.verify.wrong_printer import print_wrongly

N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
x, X, w, t = IndexedBase("x", (N,)), IndexedBase("X", (N, M)), IndexedBase("w", (M,)), IndexedBase("t", (N,))
y, b = IndexedBase("y", (N,)), sp.Symbol("b", real=True)

STAGES = ["derivation", "simplification", "schedule", "float64 code", "float32 code"]
FUNCTIONS = ["hessian", "hvp", "jacobian_y"]


def logistic() -> Model:
    z = Sum(X[n, m] * w[m], (m, 0, M - 1)) + b
    loss = -Sum(t[n] * log(y[n]) + (1 - t[n]) * log(1 - y[n]), (n, 0, N - 1))
    return Model(loss, [w, b], where=[Eq(y[n], sigmoid(z))], name="logistic")


def squares() -> Model:
    return Model(Sum(t[n] * y[n] ** 2, (n, 0, N - 1)), [x], where=[Eq(y[n], sin(x[n]) + tanh(x[n]) * x[n])])


def links(model: Model) -> tuple[Link, ...]:
    return model.check(hessian=True, hvp=True, jacobian=["y"]).runs[0].links


def blamed(model: Model) -> dict[str, Link]:
    """The first link that fails of each function, and of the gradient under the name of ""."""
    found: dict[str, Link] = {}
    for link in links(model):
        function = link.name.split()[0]
        whose = function if function in FUNCTIONS else ""
        if link.verdict == "fail":
            found.setdefault(whose, link)
    return found


@pytest.mark.parametrize("make", [logistic, squares])
def test_all_links_hold_and_formulas_are_exact(make: Any) -> None:
    found = {link.name: link for link in links(make())}
    assert list(found)[6:] == [f"{function} {stage}" for function in FUNCTIONS for stage in STAGES]
    assert all(link.verdict == "pass" for link in found.values())
    for function in FUNCTIONS:
        assert all(found[f"{function} {stage}"].ulps < 1e-3 for stage in STAGES[:3])
        assert 0 < found[f"{function} float64 code"].ulps < 1e4


def test_facts_and_matrices() -> None:
    S, A = MatrixSymbol("S", M, M), MatrixSymbol("A", M, M)
    report = Model(logdet(S) + sp.Trace(S * A * S), [S], facts=[sp.Q.positive_definite(S)]).check(
        hessian=True, hvp=True
    )
    assert report.ok and len(report.runs[0].links) == 16
    assert all(link.verdict == "pass" for link in report.runs[0].links)


def test_what_is_held_constant_stays_so_in_differences_of_the_gradient() -> None:
    loss = Sum(constant(sin(y[n])) * x[n] ** 3 + constant(x[n]) * y[n], (n, 0, N - 1))
    report = Model(loss, [x], where=[Eq(y[n], exp(x[n]))]).check(hessian=True, hvp=True)
    assert report.ok and all(link.verdict == "pass" for link in report.runs[0].links)


def test_a_kink_has_no_second_derivative() -> None:
    report = Model(Sum(relu(x[n]) * (1 + x[n]), (n, 0, N - 1)), [x]).check(hessian=True)
    (edge,) = [run for run in report.edges if "kink" in run.sizes]
    assert report.ok and len(report.runs[0].links) == 11 and len(edge.links) == 5


def _wrong_forward(monkeypatch: pytest.MonkeyPatch, kind: type[Node], change: Any) -> None:
    """The tangents of one kind of node are changed, its adjoints are not."""
    right = forward.push

    def wrong(node: Node, tangents: Any) -> Any:
        return change(right(node, tangents)) if isinstance(node, kind) else right(node, tangents)

    monkeypatch.setattr(forward, "push", wrong)


def test_a_wrong_rule_of_forward_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong_forward(monkeypatch, Contract, lambda tangent: add([(sp.Integer(2), tangent)]))
    found = blamed(squares())
    assert {link.name for link in found.values()} == {"hessian derivation", "hvp derivation"}
    link = found["hessian"]
    assert link.label.startswith("H.x.x[") and float(link.expected) != float(link.got)
    assert link.label in str(link) and link.expected in str(link) and link.got in str(link)


def test_a_wrong_second_derivative_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong_forward(monkeypatch, Apply, lambda tangent: add([(sp.Rational(10001, 10000), tangent)]))
    assert {link.name for link in blamed(squares()).values()} == {"hessian derivation", "hvp derivation"}


@pytest.mark.parametrize("backward", [True, False])
def test_a_wrong_mode_of_jacobians(monkeypatch: pytest.MonkeyPatch, backward: bool) -> None:
    monkeypatch.setattr(jacobians, "is_backward", lambda derivation, quantity: backward)
    assert not blamed(squares())
    name = "reverse_of_array" if backward else "forward"
    right = getattr(jacobians, name)

    def wrong(*given: Any, **named: Any) -> Any:
        found = right(*given, **named)
        terms = found.items() if backward else enumerate(found)
        doubled = {key: add([(sp.Integer(2), use)]) for key, use in terms}
        return doubled if backward else list(doubled.values())

    monkeypatch.setattr(jacobians, name, wrong)
    assert {link.name for link in blamed(squares()).values()} == {"jacobian_y derivation"}


def _times(factor: int, function: Any) -> Any:
    return lambda *given: [add([(sp.Integer(factor), use)]) for use in function(*given)]


def test_a_wrong_simplification(monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in (derivatives, jacobians):
        monkeypatch.setattr(stage, "simplify", _times(2, stage.simplify))
    names = {link.name for link in blamed(logistic()).values()}
    assert names == {f"{function} simplification" for function in FUNCTIONS}


def test_a_wrong_phase_of_the_schedule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with_wrong_phase(monkeypatch, "distribute")
    found = blamed(logistic())
    for function in FUNCTIONS:
        assert found[function].name == f"{function} schedule"
        assert found[function].label.endswith("after “distribute”")


def test_a_wrong_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    right = printing.printed_parts

    def doubled(*given: Any, **options: Any) -> Any:
        wrong, made = ("weighted.T.", "2 * weighted.T."), right(*given, **options)
        functions = [tuple(replace(line, text=line.text.replace(*wrong)) for line in lines) for lines in made.functions]
        return replace(made, functions=tuple(functions))

    monkeypatch.setattr(printing, "printed_parts", doubled)
    found = blamed(logistic())
    assert [link.name for link in found.values()] == ["hessian float64 code"]
    assert found["hessian"].label.startswith("H.w.w[")


def test_code_that_is_wrong_in_single_precision_only(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "(lambda v: np.sin(v) + v.dtype.type(1e-2) * (v.dtype == 'float32'))"
    print_wrongly(monkeypatch, sp.sin, spelling=wrong)
    names = {link.name for link in blamed(squares()).values()}
    assert names == {"float32 code", "hessian float32 code", "hvp float32 code"}


def test_code_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    print_wrongly(monkeypatch, sp.cos, "no_such_function")
    assert "AttributeError" in blamed(squares())["hessian"].reason


def test_a_wrong_gradient_is_blamed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(local._OWN, exp, lambda args, value, _: mul([value, value]))
    found = blamed(Model(Sum(t[n] * exp(x[n]) + y[n], (n, 0, N - 1)), [x], where=[Eq(y[n], x[n] ** 3)]))
    assert found[""].name == "derivation"


@pytest.mark.long
def test_large_inputs_are_left_out() -> None:
    assert squares().check(sizes={"N": 3000}, hessian=True).runs[0].links == ()
    assert not np.any([run.links for run in squares().check(hessian=True, chain=False).runs])
