"""Forms of a rational function that keep its digits, and forms that do not."""

import pytest
from sympy import symbols

from symgrad.rewrite.rounding import keeps_digits

t, x, y, z = symbols("t x y z", real=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((x - y) ** 2 + 1, x**2 + y**2 + 1 - 2 * x * y),
        (x / ((x - y) ** 2 + 1), x / (x**2 + y**2 + 1 - 2 * x * y)),
        ((x - 1) ** 3, x**3 - 3 * x**2 + 3 * x - 1),
        (1 / (1 - x) ** 2, 1 / (x**2 - 2 * x + 1)),
        ((x - y) * (x + y) ** 2, x**3 + x**2 * y - x * y**2 - y**3),
    ],
)
def test_a_form_that_is_multiplied_out_loses_digits(before, after):
    assert before.equals(after)
    assert not keeps_digits(before, after)
    assert keeps_digits(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (y * (1 - y) * (-t / y + (1 - t) / (1 - y)), y - t),
        (x * (1 - y) - y * (1 - x), x - y),
        (x * y / y, x),
        (x * z + y * z, z * (x + y)),
    ],
)
def test_a_form_without_what_cancels_keeps_them(before, after):
    assert before.equals(after)
    assert keeps_digits(before, after)
