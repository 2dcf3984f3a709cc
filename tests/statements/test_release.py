"""Arrays that nothing reads any more make room for others."""

import re

import numpy as np
import pytest
from sympy import Eq, MatrixSymbol, sin, symbols, tanh

import symgrad.targets.numpy.function
from symgrad import Model, total
from symgrad.statements.release import with_releases
from symgrad.statements.spec import check
from symgrad.statements.statements import Release, Rows

from ..test_models import MODELS
from .written import Writing, arrays

N, M = symbols("N M", integer=True, positive=True)
KNOWN = {**arrays("A B", N, N, owner="argument"), **arrays("x y z u", N, N), **arrays("e", N)}


def released(body):
    return [[b.name for b in s.buffers] for s in body.statements if isinstance(s, Release)]


def shown(lines, *results):
    body = with_releases(Writing(KNOWN).body(lines, *(results or "u")))
    check(body)
    return released(body)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("x = A - B\ny = x @ A\nz = y @ A\nu = z @ A", [["x"], ["y"]]),
        ("x = A - B\ny = exp(x, out=x)\nz = y @ A\nu = z @ A", [["x", "y"]]),
        ("x = A - B\nx += A\ny = x.T\nz = y @ A\nu = z @ A", [["x", "y"]]),  # a view of it, too
        ("x = A - B\ny = x @ A\nu = exp(y, out=y)", []),  # nothing is made after it
        ("x = A - B\ny = x @ A\nu = x + y\nz = u @ A", [["x", "y"]]),
        ("x = A.T\ny = x @ A\nu = y @ A", []),  # an argument's memory
        ("x = A - B\ny = unknown(x)\nz = y @ A\nu = z @ A", [["x", "y"]]),  # perhaps the same array
        ("x = A - B\ny = unknown(x, B)\nz = y @ A\nu = z @ A", []),  # perhaps an argument's
        ("e = sum(A, axis=1)\ny = e[:, None] * A\nu = y @ A", []),  # small
        ("x = A - B\nfor t in range(0, K):\n    y = x\nz = A @ B\nu = z @ A", []),
        ("x = A - B\ndef rows(A):\n    return (x @ A,)\nz = A @ A\nu = rows_0 @ z", []),
    ],
)
def test_statements(lines, expected):
    assert shown(lines) == expected


def test_results_stay():
    assert shown("x = A - B\ny = x @ A\nz = y @ A\nu = z @ A", "x.T", "u") == [["y"]]
    assert shown("x = A - B\ny = exp(x, out=x)\nz = y @ A\nu = z @ A", "x", "u") == []


def test_a_block_of_rows_is_treated_by_itself():
    inside = "def rows(A):\n    x = A - B\n    y = x @ A\n    z = y @ A\n    return (z,)"
    (rows,) = with_releases(Writing(KNOWN).body(inside, "rows_0")).statements
    assert isinstance(rows, Rows)
    assert [[b.name for b in s.buffers] for s in rows.body if isinstance(s, Release)] == [["x"]]


@pytest.mark.parametrize("name", [*MODELS][::3])
def test_results_are_the_same(name, monkeypatch):
    module = MODELS[name]().compile(check=False)
    with monkeypatch.context() as patch:
        patch.setattr(symgrad.targets.numpy.function, "with_releases", lambda body: body)
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
    assert all(re.search(rf"^    del .*\bH{n}\b", back, re.M) for n in (2, 3))
