"""Numbers along a grid without NumPy: what NumPy gives, what it warns of, and pieces as modules have them."""

import operator

import numpy as np
import pytest

from symgrad.runtime.pieces import _in_pieces
from symgrad.univariate.column import CALLED, Column

GRID = [0.0, *(sign * size for sign in (1, -1) for size in (1e-300, 1e-9, 0.3, 1.0, 2.0, 37.5, 800.0, 1e200, np.inf))]
FUNCTIONS = sorted(name for name in vars(CALLED["np"]) if callable(getattr(np, name)) and name != "minimum")
EXPONENTS = (-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 3.0)
OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def same(column: Column, array: np.ndarray) -> None:
    """Up to the last digits: functions of `math` are those of C, and NumPy has some of its own."""
    np.testing.assert_allclose(np.array(column.values), array, rtol=2e-15, atol=0)
    assert np.array_equal(np.signbit(column.values), np.signbit(array)) or np.isnan(array).any()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_those_of_numpy(name: str) -> None:
    with np.errstate(all="ignore"):
        same(getattr(CALLED["np"], name)(Column(GRID)), getattr(np, name)(np.array(GRID)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_strict_column_refuses_what_numpy_warns_of(name: str) -> None:
    for x in GRID[:-1]:
        with np.errstate(all="raise", under="ignore"):
            try:
                getattr(np, name)(np.array([x]))
            except FloatingPointError:
                with pytest.raises(FloatingPointError):
                    getattr(CALLED["np"], name)(Column([x], strict=True))
            else:
                getattr(CALLED["np"], name)(Column([x], strict=True))


@pytest.mark.parametrize("sign", OPERATORS)
def test_arithmetic_is_that_of_numpy(sign: str) -> None:
    compute = OPERATORS[sign]
    with np.errstate(all="ignore"):
        for number in GRID:
            same(compute(Column(GRID), number), compute(np.array(GRID), number))
            same(compute(number, Column(GRID)), compute(number, np.array(GRID)))


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_powers_are_those_of_numpy(exponent: float) -> None:
    with np.errstate(all="ignore"):
        same(Column(GRID) ** exponent, np.array(GRID) ** exponent)


@pytest.mark.parametrize(
    "compute", [lambda x: 1 / x, lambda x: x**-2, lambda x: x**0.5, lambda x: x - x * 1e300 * 1e300]
)
def test_strict_arithmetic_refuses_what_is_no_finite_number(compute) -> None:
    for x in ([0.0], [-1e200]):
        try:
            with np.errstate(all="raise", under="ignore"):
                compute(np.array(x))
        except FloatingPointError:
            with pytest.raises(FloatingPointError):
                compute(Column(x, strict=True))
        else:
            compute(Column(x, strict=True))


def test_pieces_are_those_of_modules() -> None:
    pieces = (lambda x: 2.0 * x, lambda s: s + 1.0, lambda s: s * s)
    grid = [value for value in GRID if np.isfinite(value)] + [np.nan]
    with np.errstate(all="ignore"):
        same(CALLED["_in_pieces"](Column(grid), 0.5, *pieces), _in_pieces(np.array(grid), 0.5, *pieces))
    same(CALLED["_in_pieces"](Column(grid[:3]), 0.5, lambda x: 3.0, *pieces[1:]), np.full(3, 3.0))
