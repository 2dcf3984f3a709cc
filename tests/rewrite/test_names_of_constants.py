"""Names that are defined as a number: what is equal to that number elsewhere keeps its meaning."""

import numpy as np
import pytest
from sympy import Eq, Expr, Integer, Rational, Sum, log, sqrt, symbols
from sympy.tensor import IndexedBase

from symgrad import Model
from symgrad.functions import if_else

K = symbols("K", integer=True, positive=True)
k, m = symbols("k m", integer=True)
q = symbols("q", real=True)
scale = symbols("gamma", positive=True)
gap, seen = IndexedBase("gap", shape=(K,)), IndexedBase("seen", shape=(K,))
VALUES = {"zero": Integer(0), "one": Integer(1), "minus one": -Integer(1), "half": Rational(1, 2), "root": sqrt(2)}
AT = {"gamma": 2.0, "gap": np.array([1.0, np.inf, 2.0]), "seen": np.array([1.0, 0.0, 1.0])}


def masked(value: Expr) -> Model:
    term = log(scale**2 * gap[k] ** 2 + 1) * if_else(seen[k] > 0, 1, 0) / 2
    return Model(q + Sum(term, (k, 0, K - 1)), [scale], where=[Eq(q, value)])


def right(model: Model, value: float) -> None:
    loss, gradient = model.compile(check=False).value_and_gradient(**AT)
    assert loss == pytest.approx(value + (np.log(5) + np.log(17)) / 2, rel=1e-14)
    assert gradient.gamma == pytest.approx(2 * (1 / 5 + 4 / 17), rel=1e-14)


def test_a_mask_beside_a_name_for_nothing_leaves_out_what_is_infinite() -> None:
    right(masked(Sum(0, (m, 0, K - 1))), 0.0)


@pytest.mark.long
@pytest.mark.parametrize("name", VALUES)
def test_a_mask_beside_a_name_for_a_number(name: str) -> None:
    right(masked(VALUES[name]), float(VALUES[name]))


def test_sizes_and_indices_are_no_definitions_to_be_found_again() -> None:
    last, place = symbols("last", integer=True), IndexedBase("place", shape=(K,))
    x = IndexedBase("x", shape=(K,))
    where = [Eq(last, K - 1), Eq(place[k], k)]
    loss = (last * x[K - 1] + Sum(if_else(k < m, x[m] ** 2 * place[k], 0), (k, 0, K - 1), (m, 0, K - 1))) / 2
    model = Model(loss, [x], where=where)
    assert "x[K - 1]" in str(model.loss)
    source = model.source()
    assert "x[K - 1]" in source or "x[-1]" in source, source
    gradient = model.compile(check=False).gradient(x=np.array([1.0, 2.0, 3.0]))
    assert np.asarray(gradient) == pytest.approx([0, 0, 1 + 3], rel=1e-14)
