"""Running sums of exponentials beside sums of mpmath, of each entry by itself."""

import mpmath as mp
import numpy as np
import pytest

from symgrad.runtime.cumulative import _largest_so_far, _sums_of_exponentials

rng = np.random.default_rng(0)
EXPONENTS = {
    "near": rng.normal(size=20),
    "far": 1000 * rng.normal(size=20),
    "rising": np.linspace(-5000.0, 5000.0, 25),
    "falling": np.linspace(5000.0, -5000.0, 25),
    "of nothing": np.array([-np.inf, -np.inf, 0.0, 800.0, -np.inf, 1600.0]),
    "empty": np.array([]),
}


@pytest.mark.parametrize("backwards", [False, True], ids=["up to", "from"])
@pytest.mark.parametrize("name", EXPONENTS)
def test_every_entry_keeps_its_digits(name, backwards):
    x = EXPONENTS[name]
    weights = rng.uniform(0.5, 2.0, size=x.shape)
    with np.errstate(all="raise", under="ignore"):
        found = _sums_of_exponentials(x, weights, 0, backwards)
    largest = _largest_so_far(x, 0, backwards)
    for place in range(len(x)):
        part = slice(place, None) if backwards else slice(place + 1)
        assert largest[place] == x[part].max()
        if largest[place] > -np.inf:
            pairs = zip(weights[part], x[part], strict=True)
            right = mp.fsum(mp.mpf(w) * mp.exp(mp.mpf(u) - mp.mpf(largest[place])) for w, u in pairs)
            assert abs(found[place] / right - 1) < 1e-14
        else:
            assert found[place] == 0


def test_axes_and_types_are_kept():
    x = 300 * rng.normal(size=(3, 7, 2)).astype(np.float32)
    found = _sums_of_exponentials(x, 1, 1, True)
    assert found.dtype == np.float32
    for row, column in np.ndindex(3, 2):
        np.testing.assert_array_equal(found[row, :, column], _sums_of_exponentials(x[row, :, column], 1, 0, True))
