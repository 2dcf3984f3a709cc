"""Arguments as functions take them: vectors for what is declared as a column or a row."""

import numpy as np
import pytest

from symgrad.runtime.arguments import _thin


@pytest.mark.parametrize(("shape", "axis"), [((3, 1), 1), ((1, 3), 0), ((1, 1), 0), ((0, 1), 1)])
def test_a_column_or_row_is_a_view_of_one_axis(shape, axis):
    array = np.arange(1.0 + np.prod(shape))[1:].reshape(shape)
    thin = _thin(array, axis)
    assert thin.shape == (array.size,) and np.shares_memory(thin, array) == bool(array.size)
    assert thin.tolist() == array.ravel().tolist()


@pytest.mark.parametrize("given", [np.ones(3), np.ones((1, 3)), np.ones((3, 2)), [[1.0], [2.0]], 2.0])
def test_anything_else_is_left_to_the_checks(given):
    assert _thin(given, 1) is given
