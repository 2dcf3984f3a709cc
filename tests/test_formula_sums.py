"""Sums as formulas show them: the same numbers, with constants in front and no delta or shift that need not be."""

import numpy as np
import pytest
from sympy import IndexedBase, KroneckerDelta, Mod, Sum, Symbol, sqrt, symbols

from symgrad import Model, softmax
from symgrad.formula.sums import sums_tidied
from symgrad.functions import IndexedSoftmax, if_else

K, N = symbols("K N", integer=True, positive=True)
i, j = symbols("i j", integer=True)
x, a = IndexedBase("x"), Symbol("a")
SIZES = {K: 2, N: 5}
CASES = {
    "a delta": (Sum(KroneckerDelta(i, j) * x[j], (j, 0, N - 1)), None),
    "a shifted delta": (
        Sum(KroneckerDelta(i, j + 1) * x[j], (j, 0, N - 1)),
        if_else((i - 1 >= 0) & (i - 1 <= N - 1), x[i - 1], 0),
    ),
    "a delta around a circle": (Sum(KroneckerDelta(i, Mod(j + 1, N)) * x[j], (j, 0, N - 1)), x[Mod(i - 1, N)]),
    "two steps around a circle": (Sum(KroneckerDelta(i, Mod(j - 2, N)) * x[j], (j, 0, N - 1)), x[Mod(i + 2, N)]),
    "a count from K on": (Sum(x[K + j], (j, 0, N - K - 1)), Sum(x[j], (j, K, N - 1))),
    "a count that is a factor": (Sum(j * x[K + j], (j, 0, N - K - 1)), None),
    "two counts": (Sum(x[j] * x[K + j], (j, 0, N - K - 1)), None),
    "two differences": (
        a * Sum(x[i] - x[j], (j, 0, i)) - 2 * Sum(x[j] - x[i], (j, i, N - 1)),
        a * Sum(x[i] - x[j], (j, 0, i)) + 2 * Sum(x[i] - x[j], (j, i, N - 1)),
    ),
    "one difference": (a - 2 * Sum(x[j] - x[i], (j, i, N - 1)), None),
    "a constant": (Sum(3 * a * x[j], (j, 0, N - 1)), 3 * a * Sum(x[j], (j, 0, N - 1))),
    "a constant of all terms": (
        Sum(x[j] * (sqrt(a) * x[j] - 2 * sqrt(a)), (j, 0, N - 1)),
        sqrt(a) * Sum(x[j] * (x[j] - 2), (j, 0, N - 1)),
    ),
    "a constant of a term": (Sum(a * x[j] - x[j] ** 2, (j, 0, N - 1)), None),
    "what all terms have of the index": (Sum(x[j] * a - x[j], (j, 0, N - 1)), None),
    "a constant in a sum": (Sum(x[j] * (2 * x[i] - 2 * a), (j, 0, N - 1)), None),
}


def number(expr, place):
    """A value at sizes, for entries of one array."""
    entries = np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0])
    made = expr.subs(SIZES).subs({i: place, a: 1.5})
    made = made.replace(lambda part: isinstance(part, Sum), lambda part: part.doit())
    made = made.replace(
        lambda part: isinstance(part, if_else), lambda part: part.args[1] if part.args[0] else part.args[2]
    )
    return float(made.replace(lambda part: part.is_Indexed, lambda part: entries[int(part.indices[0])]))


@pytest.mark.parametrize("name", CASES)
def test_a_sum_says_the_same(name):
    given, expected = CASES[name]
    made = sums_tidied(given)
    if expected is not None:
        assert made == expected
    for place in range(5):
        assert number(made, place) == pytest.approx(number(given, place))


def test_a_delta_puts_nothing_into_a_softmax_that_names_the_index_that_it_is_over() -> None:
    """softmaxₖ(x[j + k]) at j = i − k is not softmaxₖ(x[i])."""
    share = IndexedSoftmax(x[j + i], (i, 0, 2))
    body = Sum(KroneckerDelta(K, i + j) * share, (j, 0, N - 1), (i, 0, 2))
    assert all(part.function.has(part.index) for part in sums_tidied(body).atoms(IndexedSoftmax))
    y = IndexedBase("y", shape=(N + 2,))
    windows = Sum(softmax(y[i + j], (i, 0, 2)) ** 2, (i, 0, 2), (j, 0, N - 1))
    written = Model(windows, [y]).gradient(y[i])
    assert all(part.function.has(part.index) for part in written.atoms(IndexedSoftmax))
