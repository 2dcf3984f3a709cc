"""Functions of entries that NumPy lacks."""

import numpy as np
import pytest

from symgrad.runtime.entries import _balanced, _centred, _near_one


@pytest.mark.parametrize("into", [None, 0, 1])
@pytest.mark.parametrize("spread", [1, 30, 1000])  # shares alike, one near 1, and one that is 1
def test_a_centred_array_may_take_the_place_of_an_operand(spread, into):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 4, 6)) * spread
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    given = [100 * rng.normal(size=scores.shape), shares]
    x, p = (np.asarray(one, np.longdouble) for one in given)
    expected = x - np.sum(p * x, axis=1, keepdims=True)
    found = _centred(*given, axis=1, out=None if into is None else given[into])
    np.testing.assert_allclose(found, expected.astype(float), rtol=0, atol=1e-12 * 100)
    assert into is None or np.shares_memory(found, given[into])


def test_shares_over_nothing_have_nothing_to_centre():
    assert _centred(np.ones((3, 0)), np.ones((3, 0)), axis=1).shape == (3, 0)


def test_a_total_may_be_the_same_along_an_axis():
    """Against the same with the total written out."""
    rng = np.random.default_rng(0)
    x, taken, total = rng.uniform(size=(3, 2, 4)), rng.uniform(size=(3, 2, 4)), np.array([[1.0], [2.0]])
    found = _balanced(x, taken, total, axis=0)
    np.testing.assert_array_equal(found, _balanced(x, taken, total + np.zeros((2, 4)), axis=0))
    np.testing.assert_allclose(found[:, 0].sum(axis=0), 0, atol=1e-15)
    np.testing.assert_array_equal(found[:, 1], (x - taken)[:, 1])


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1.0025), (np.float32, 1.07)])
def test_totals_near_one_are_found_by_the_smallest(dtype, bound):
    totals = np.array([[bound + 1e-6, 3], [2, np.inf]], dtype)
    assert _near_one(totals) is None and _near_one(totals[:0]) is None and _near_one(totals[0, 0]) is None
    totals[0, 1] = bound - 1e-6
    for other in (2, np.nan):  # which is no number does not hide it
        totals[1, 0] = other
        np.testing.assert_array_equal(_near_one(totals), [[False, True], [False, False]])
    assert _near_one(totals[0, 1])
