"""One order of phases for all generated functions: none goes past it, and each phase says why it is there."""

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Integer, MatrixSymbol, Q, Sum, Symbol, Trace, symbols

from symgrad import Model, constant, logdet, relu
from symgrad.graph.build import const
from symgrad.schedule import pipeline
from symgrad.schedule.pipeline import PHASES, Phase, schedule

D = symbols("D", integer=True, positive=True)
i, k = symbols("i k", integer=True)
S, A, y = MatrixSymbol("S", D, D), MatrixSymbol("A", D, D), MatrixSymbol("y", D, 1)
b, v = Symbol("b", real=True), IndexedBase("v", shape=(D,))

ORDER = [
    "near certainty",
    "shift exponentials",
    "stabilise",
    "weigh logarithms",
    "guard",
    "accumulate",
    "place labels",
    "split masks",
    "centre",
    "balance",
    "zero probabilities",
    "lower",
    "factorise",
    "square",
    "share vectors",
    "distribute",
    "take out",
    "sum first",
    "add first",
    "keep steps",
    "share",
    "share sums",
    "norms",
    "transpose nothing symmetric",
]


def everything() -> Model:
    """A model with a matrix to invert, a kink, something held constant, a name, and a structured Hessian."""
    loss = logdet(S) + Trace(S * A) + relu(b) * constant(b) + Sum(y[i, 0] ** 3 * b + v[i] ** 4, (i, 0, D - 1))
    return Model(loss, [S, b, v], where=[Eq(y, S * A[:, 0] * b)], facts=[Q.positive_definite(S)])


def entries(result: Any) -> list[np.ndarray]:
    """All arrays of a result, of records within records, and of sparse arrays the entries that they keep."""
    if hasattr(result, "values"):
        return [result.values]
    if isinstance(result, tuple | list):
        return [array for part in result for array in entries(part)]
    return [np.asarray(result)]


def test_the_phases_in_their_order_each_with_a_reason() -> None:
    assert [phase.name for phase in PHASES] == ORDER
    assert all(phase.reason for phase in PHASES)


def test_all_generated_functions_go_through_the_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """With phases that make everything 7, everything is 7."""
    seven = Phase("seven", "so that what goes past it is seen", lambda terms, known: [const(Integer(7))] * len(terms))
    model = everything()
    monkeypatch.setattr(pipeline, "PHASES", (seven,))
    module = model.compile(check=False, hessian=True, hvp=True, jacobian=["y"])
    inputs = {"S": np.eye(3), "b": 0.5, "v": np.ones(3), "A": np.ones((3, 3))}

    def call(function: str, *first: Any) -> Any:
        taken = inspect.signature(getattr(module, function)).parameters
        return getattr(module, function)(*first, **{n: v for n, v in (inputs | {"D": 3}).items() if n in taken})

    found = [call(function) for function in ("value", "gradient", "value_and_gradient", "hessian", "hessian_compact")]
    found += [call("hessian_vector_product", (np.ones((3, 3)), 1.0, np.ones(3))), call("jacobian_y")]
    checking = model._checking
    held, second = checking.held(), checking.second_order(model._request(True, True, ["y"]))
    found += [checking.kinks.gaps(inputs, inputs), checking._conditioning(inputs), second.quantities["y"](inputs)]
    found += [held(function, inputs, inputs) for function in ("value", "gradient")]
    for result in found:
        numbers = np.concatenate([array.ravel() for array in entries(result)])
        assert numbers.any() and not np.any(numbers % 7), result  # several blocks may add up in an entry


def test_every_function_goes_through_the_same_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def noted(phase: Phase) -> Phase:
        def function(terms: Any, known: Any) -> Any:
            seen.append(phase.name)
            return phase.function(terms, known)

        return replace(phase, function=function, together=True)

    monkeypatch.setattr(pipeline, "PHASES", tuple(map(noted, PHASES)))
    model = everything()
    for make in (
        lambda: model.source(),
        lambda: model.source(hessian=True),
        lambda: model.source(hvp=True),
        lambda: model.source(jacobian=["y"]),
        lambda: model._checking.kinks,
        lambda: model._checking._conditioning,
        lambda: model._checking.held(),
        lambda: model._checking.second_order(model._request(True, True, ["y"])),
    ):
        seen.clear()
        make()
        assert seen == ORDER * (len(seen) // len(ORDER)) and seen


def test_terms_of_several_functions_are_scheduled_together_or_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    program = everything().program
    loss, name = program.loss, next(iter(program.names.values())).arg
    seen: list[int] = []

    def counted(terms: Any, known: Any) -> Any:
        seen.append(len(terms))
        return list(terms)

    monkeypatch.setattr(pipeline, "PHASES", (Phase("a", "", counted), Phase("b", "", counted, together=False)))
    assert schedule([[loss], [loss, name]]) == [[loss], [loss, name]]
    assert seen == [2, 1, 2]
