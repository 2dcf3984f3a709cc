"""Patterns of sparse matrices that follow from data: made once for the same data, anew as soon as these change."""

import numpy as np
import pytest

from symgrad.runtime.sparse import Entries, Pattern, _pattern_of


def test_the_last_pattern_is_kept_for_the_same_data_alone():
    made = []

    def make(labels, size):
        made.append(labels.copy())
        return Pattern((size, 4), [((len(labels),), np.arange(len(labels)), labels)])

    labels = np.array([0, 2, 1])
    first = _pattern_of(None, make, labels, 3)
    assert _pattern_of(None, make, labels.copy(), 3) is first
    labels[1] = 3  # in place, as a caller may
    changed = _pattern_of(None, make, labels, 3)
    np.testing.assert_array_equal(changed.columns, [0, 3, 1])
    assert _pattern_of(None, make, labels, 5).shape == (5, 4)
    assert _pattern_of(None, make, np.array([0, 3]), 5).columns.tolist() == [0, 3]
    assert len(made) == 4
    assert _pattern_of(first, make, labels, 3) is first


def test_each_function_has_a_pattern_of_its_own():
    labels = np.array([1, 0])
    one, other = (lambda labels, k=k: Pattern((2, 2 + k), [((2,), labels, labels)]) for k in (0, 1))
    assert [_pattern_of(None, make, labels).shape for make in (one, other, one)] == [(2, 2), (2, 3), (2, 2)]


def test_what_callers_do_with_a_matrix_leaves_the_pattern_as_it_is():
    pattern = Pattern((2, 3), [((3,), np.array([0, 0, 1]), np.array([0, 2, 1]))])
    matrix = Entries(np.array([0.0, 2.0, 3.0]), pattern).to_scipy()
    matrix.eliminate_zeros()  # in place
    again = Entries(np.array([1.0, 2.0, 3.0]), pattern)
    np.testing.assert_array_equal(again.to_scipy().toarray(), [[1, 0, 2], [0, 3, 0]])
    with pytest.raises(ValueError, match="read-only"):
        again.rows[0] = 1
