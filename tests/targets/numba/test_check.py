"""A Numba module is checked like a NumPy module: with numerical gradients, before it is handed over."""

from typing import Any

import pytest
from sympy import IndexedBase, Sum, cos, exp, symbols

from symgrad import Model
from symgrad.errors import GradientCheckError

numba = pytest.importorskip("numba")

N = symbols("N", integer=True, positive=True)
n = symbols("n", integer=True)
x, a = IndexedBase("x", shape=(N,)), IndexedBase("a", shape=(N,))
MODEL = Model(Sum(a[n] * exp(x[n]) * cos(x[n]), (n, 0, N - 1)), [x], name="waves")


def test_the_check_of_a_right_module_passes():
    report = MODEL.check(target="numba")
    assert report.ok, str(report)


def test_a_wrong_kernel_is_not_handed_over(monkeypatch: pytest.MonkeyPatch):
    right = Model._source

    def wrong(self: Model, *rest: Any) -> str:
        text = right(self, *rest)
        assert text.count("np.cos(") >= 2
        return text.replace("np.cos(", "1.001 * np.cos(")

    monkeypatch.setattr(Model, "_source", wrong)
    with pytest.raises(GradientCheckError):
        MODEL.compile(target="numba")
