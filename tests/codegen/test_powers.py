"""Powers of arrays as squares, products and roots: `z ** 3` takes up to 300 times as long as `z ** 2 * z`."""

import re

import numpy as np
import pytest
from sympy import IndexedBase, Rational, S, Sum, symbols

from symgrad import Model

N = symbols("N", integer=True, positive=True)
n = symbols("n", integer=True)
x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,))

SPELLED = {
    S(3): "x ** 2 * x",
    S(4): "(x ** 2) ** 2",
    S(5): "(x ** 2) ** 2 * x",
    S(6): "(x ** 2 * x) ** 2",
    S(7): "(x ** 2 * x) ** 2 * x",
    S(8): "((x ** 2) ** 2) ** 2",
    S(9): "x ** 9",
    Rational(3, 2): "np.sqrt(x) * x",
    Rational(5, 2): "x ** 2 * np.sqrt(x)",
    Rational(7, 2): "x ** 2 * x * np.sqrt(x)",
    Rational(1, 3): "x ** (1 / 3)",
    S(-3): "1 / (x ** 2 * x)",
}


def source_of(base, exponent):
    return Model(Sum(base**exponent * y[n], (n, 0, N - 1)), [y])


@pytest.mark.parametrize("exponent", SPELLED, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_powers_are_what_they_are_spelled_as(exponent, dtype):
    model = source_of(x[n], exponent)
    source = model.source()  # data alone, of which what costs something is apart
    found = re.search(r"grad_y = (?!_once)(.*)", source) or re.search(r"_of_data\(x.*\n.*\n    return (.*)", source)
    assert found[1] == SPELLED[exponent]
    module = model.compile(check=False)
    tiny, huge = np.finfo(dtype).tiny, np.finfo(dtype).max
    points = np.array([0, tiny, 1e-3, 0.7, 1, 3.3, 1e4, huge], dtype=dtype)
    with np.errstate(all="ignore"):
        found, expected = module.gradient(np.ones(8, dtype), points).y, points ** np.array(float(exponent), dtype)
    # as many roundings as there are operations; np.power itself makes errors of an ulp
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=tiny)
    assert found.dtype == dtype


def test_what_is_raised_is_computed_once():
    source = source_of(1 + x[n] ** 2, 3).source()
    assert re.findall(r"(?<=grad_y = ).*", source)[0] in ("sum_x ** 2 * sum_x", "base_1 ** 2 * base_1")
    assert not re.search(r"\*\* 3", source)
