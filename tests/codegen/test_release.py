"""Arrays that nothing reads any more make room for others."""

import re

import numpy as np
import pytest
from sympy import Eq, MatrixSymbol, sin, symbols, tanh

import symgrad.codegen.function
from symgrad import Model, total
from symgrad.codegen.array_text import Array
from symgrad.codegen.release import released

from ..test_models import MODELS

N, M = symbols("N M", integer=True, positive=True)
KNOWN = {name: Array((N, M), True) for name in "ABxyzu"} | {"e": Array((N,), True)}


def shown(text, result="u"):
    lines = text.strip().split("\n")
    return [line for line in released(lines, [result], KNOWN) if line not in lines]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("x = A - B\ny = x @ A\nz = y @ A\nu = z @ A", ["del x", "del y"]),
        ("x = A - B\ny = np.exp(x, out=x)\nz = y @ A\nu = z @ A", ["del x, y"]),
        ("x = A - B\nx += A\ny = x.T\nz = y @ A\nu = z @ A", ["del x, y"]),  # a view of it, too
        ("x = A - B\ny = x @ A\nu = np.exp(y, out=y)", []),  # nothing is made after it
        ("x = A - B\ny = x @ A\nu = x + y\nz = u @ A", ["del x, y"]),
        ("x = A.T\ny = x @ A\nu = y @ A", []),  # an argument's memory
        ("x = A - B\ny = unknown(x, B)\nz = y @ A\nu = z @ A", []),  # perhaps an argument's
        ("e = A.sum(axis=1)\ny = e[:, None] * A\nu = y @ A", []),  # small
        ("x = A - B\nfor n in range(3):\n    y = x\nz = A @ B\nu = z @ A", []),
        ("x = A - B\n\ndef rows(A):\n    return x @ A,\n\n(y,) = run(rows)\nz = A @ A\nu = y @ z", []),
    ],
)
def test_statements(lines, expected):
    assert shown(lines) == expected


def test_results_stay():
    assert shown("x = A - B\ny = x @ A\nz = y @ A\nu = z @ A", "x.T, u") == ["del y"]
    assert shown("x = A - B\ny = np.exp(x, out=x)\nz = y @ A\nu = z @ A", "x, u") == []


def test_a_function_inside_is_treated_by_itself():
    inside = "def rows(A: Any) -> tuple[Any, ...]:\n    x = A - B\n    y = x @ A\n    z = y @ A\n    return (z,)"
    assert shown(inside, "result") == ["    del x"]


@pytest.mark.parametrize("name", [*MODELS][::3])
def test_results_are_the_same(name, monkeypatch):
    module = MODELS[name]().compile(check=False)
    with monkeypatch.context() as patch:
        patch.setattr(symgrad.codegen.function, "released", lambda lines, *rest: list(lines))
        plain = MODELS[name]().compile(check=False)
    for draw in MODELS[name]().draws(module)[:2]:
        (value, gradient), (expected, slopes) = (made.value_and_gradient(**draw.inputs) for made in (module, plain))
        for found, right in zip((value, *gradient), (expected, *slopes), strict=True):
            assert np.asarray(found).tobytes() == np.asarray(right).tobytes()


def test_a_network_of_several_layers_lets_go_of_each_on_the_way_back():
    layer, where = MatrixSymbol("X", N, M), []
    weights = [MatrixSymbol(f"W{n}", M, M) for n in (1, 2, 3)]
    for n, W in enumerate(weights, 1):
        H = MatrixSymbol(f"H{n}", N, M)
        where.append(Eq(H, (layer * W).applyfunc(tanh)))
        layer = H
    source = Model(total(layer.applyfunc(sin)), weights, where=where).source()
    back = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert all(re.search(rf"^        del .*\bH{n}\b", back, re.M) for n in (2, 3))
