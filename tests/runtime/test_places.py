"""Windows, and values placed or added at positions, against loops over entries."""

import numpy as np
import pytest

from symgrad.runtime.places import _accumulate, _add_windows, _place, _rolled, _windows


def test_windows_walk_along_axes_by_steps() -> None:
    x = np.arange(12.0).reshape(3, 4)
    made = _windows(x, (2, 3, 2), (0, 1, 1), (1, 1, -1), (1, 1))
    for i, j, k in np.ndindex(made.shape):
        assert made[i, j, k] == x[1 + i, 1 + j - k]
    assert not made.flags.writeable


def test_added_windows_are_the_adjoint_of_windows() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 2))
    shape, walk = (3, 4), ((0, 1, 1), (1, 1, -1), (1, 1))
    x = np.random.default_rng(1).normal(size=shape)
    total = _add_windows(shape, values, *walk)
    np.testing.assert_allclose(np.sum(total * x), np.sum(values * _windows(x, values.shape, *walk)), rtol=1e-14)
    out = np.full(shape, 7.0)
    assert _add_windows(shape, values, *walk, out=out) is out
    np.testing.assert_array_equal(out, total)


def test_values_are_placed_and_accumulated() -> None:
    index = (np.array([0, 2, 0]),)
    placed = _place((3,), (np.array([0, 2]),), np.array([1.0, 2.0]), np.float32)
    assert placed.dtype == np.float32 and placed.tolist() == [1.0, 0.0, 2.0]
    assert _accumulate((3,), index, np.array([1.0, 2.0, 4.0]), np.float64).tolist() == [5.0, 0.0, 2.0]
    rows = _accumulate((3, 2), index, np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.float64)
    assert rows.tolist() == [[6.0, 8.0], [0.0, 0.0], [3.0, 4.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("axes", [1, 2])
def test_rows_are_added_along_any_leading_axes(axes: int, dtype: type) -> None:
    rng = np.random.default_rng(axes)
    shape = (3, 4, 2)
    index = tuple(rng.integers(0, side, (5, 6 if n == 0 else 1)) for n, side in enumerate(shape[:axes]))
    values = rng.normal(size=(5, 6, *shape[axes:])).astype(dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, index, values)
    found = _accumulate(shape, index, values, dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float32 else 1e-14)
    assert _accumulate((0, 2), (np.zeros(0, int),), np.zeros((0, 2)), dtype).shape == (0, 2)


def test_a_position_beyond_the_array_is_an_error() -> None:
    for index in (np.array([0, 3]), np.array([-1, 0])):
        with pytest.raises((IndexError, ValueError)):
            _accumulate((3,), (index,), np.array([1.0, 2.0]), np.float64)
        with pytest.raises((IndexError, ValueError)):
            _accumulate((3, 2), (index,), np.ones((2, 2)), np.float64)
    assert _accumulate((2,), (np.array([[1, 1]]),), 2.0, np.float32).tolist() == [0.0, 4.0]


def test_entries_are_moved_around() -> None:
    for side in range(4):
        x = np.arange(2.0 * side).reshape(side, 2)
        for shift in range(-5, 6):
            np.testing.assert_array_equal(_rolled(x, shift, axis=0), np.roll(x, shift, 0))
            np.testing.assert_array_equal(_rolled(x.T, shift, axis=1), np.roll(x.T, shift, 1))
