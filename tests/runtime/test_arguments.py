"""Arguments as functions take them: vectors for what is declared as a column or a row."""

import numpy as np
import pytest

from symgrad.runtime import arguments
from symgrad.runtime.arguments import _arguments


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    """A model of a column, a row, and an array that keeps its sides of one."""
    shapes = {"column": ("M", 1), "row": (1, "K"), "single": (1, 1), "kept": ("M", 1), "a": ()}
    monkeypatch.setattr(arguments, "SHAPES", shapes)
    arguments._fits.cache_clear()
    yield
    arguments._fits.cache_clear()


@pytest.mark.parametrize("name", ["column", "row", "single"])
def test_a_column_or_row_is_a_view_of_one_axis(name):
    shape = {"column": (3, 1), "row": (1, 3), "single": (1, 1)}[name]
    array = np.arange(1.0 + np.prod(shape))[1:].reshape(shape)
    (thin,) = _arguments(array, names=(name,))
    assert np.shape(thin) == ((array.size,) if name != "single" else ())
    assert name == "single" or np.shares_memory(thin, array)
    assert np.ravel(thin).tolist() == array.ravel().tolist()


@pytest.mark.parametrize("given", [np.ones((3, 1)), np.ones((3, 1), np.float32), [[1.0], [1], [True]]])
def test_an_array_that_is_whole_keeps_its_sides(given):
    (kept,) = _arguments(given, names=("kept",), whole=("kept",))
    assert kept.shape == (3, 1) and (kept is given) == isinstance(given, np.ndarray)


def test_arrays_that_fit_are_looked_at_once_and_handed_on():
    column, row = np.ones(3), np.ones(4)
    for _ in range(2):
        assert all(
            one is two for one, two in zip(_arguments(column, row, names=("column", "row")), (column, row), strict=True)
        )
    assert arguments._fits.cache_info().hits == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((np.float32(1), 2.0), np.float32),
        ((np.ones(3, np.float32), 2.0), np.float32),
        ((np.ones(3, np.float32), np.float64(2)), np.float32),
        (([1, 2, 3], np.float32(2)), np.float32),
        (([1, 2, 3], 2), np.float64),
        ((np.ones(3, np.float16), 2), np.float32),
    ],
)
def test_arrays_decide_the_type_then_scalars_and_a_python_number_never(given, expected):
    names = ("a" if np.ndim(given[0]) == 0 else "column", "a")
    for _ in range(2):
        assert [one.dtype for one in _arguments(*given, names=names)] == [expected] * 2


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_numbers_of_one_type_become_numpy_s_all_at_once(kind, monkeypatch):
    names = ("a", "b", "c")
    monkeypatch.setattr(arguments, "SHAPES", dict.fromkeys(names, ()))
    given = tuple(map(kind, (1.5, 2.5, 3.5)))
    expected = np.float32 if kind is np.float32 else np.float64
    found = _arguments(*given, names=names)
    assert found == given and {type(one) for one in found} == {expected}
    changes, _, of_python = arguments._fits(names, (kind,) * 3)
    assert of_python == (kind is float)
    assert changes == []  # of NumPy's own numbers none is touched
    mixed = _arguments(1, np.array(2.5), np.float64(3.5), names=names)
    assert mixed == (1, 2.5, 3.5) and {type(one) for one in mixed} == {np.float64}
