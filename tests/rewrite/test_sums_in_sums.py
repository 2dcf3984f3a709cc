"""Products of a sum with what has an index of another sum: the indices of the two are not taken for the same."""

import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, symbols

from symgrad import Model

A, B = symbols("A B", integer=True, positive=True)
a, b, k = symbols("a b k", integer=True)
t, s, w = (IndexedBase(name, sides, positive=True) for name, sides in (("t", (A,)), ("s", (B,)), ("w", (A, B))))
OUTER, INNER = ((a, 0, A - 1), (b, 0, B - 1)), (k, 0, A - 1)
MODELS = {
    "a divisor of an argument": (
        Sum(w[a, b] / t[a] * Sum(1 - exp(-t[k] * s[b]), INNER), *OUTER),
        lambda t, s, w: np.sum(w / t * np.sum(1 - np.exp(-t * s), axis=0)),
    ),
    "a share of a divisor": (
        Sum(w[a, b] * t[a] * Sum(1 / (t[k] + s[b]) ** 2, INNER), *OUTER),
        lambda t, s, w: np.sum(w * t * np.sum(1 / (t + s) ** 2, axis=0)),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_divided_by_stays_at_its_own_index(name):
    loss, expected = MODELS[name]
    module = Model(loss, [t]).compile(check=False)
    rng = np.random.default_rng(0)
    given = [rng.uniform(1, 2, shape) for shape in (4, 3, (4, 3))]
    np.testing.assert_allclose(module.value(*given), expected(given[0][:, None], *given[1:]), rtol=1e-12)
