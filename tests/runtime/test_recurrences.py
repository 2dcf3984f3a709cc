"""Linear recurrences beside the same in fractions and beside loops, and where they have to be loops."""

from fractions import Fraction

import numpy as np
import pytest

from symgrad.runtime.recurrences import _linear_recurrence, _matrix_recurrence

rng = np.random.default_rng(0)


def looped(a, b, start):
    h = [start]
    for t in range(len(b)):
        h.append((a if np.ndim(a) < np.ndim(b) else a[t]) * h[-1] + b[t])
    return np.array(h[1:]).reshape(np.shape(b))


@pytest.mark.parametrize("length", [0, 1, 2, 63, 199, 200, 201, 600])
@pytest.mark.parametrize("factor", [0.97, -0.9, 1.0, 1.02, "each"])
def test_numbers_have_the_digits_of_a_loop(length, factor):
    rng = np.random.default_rng(length)  # the same in whatever order tests run
    a = rng.uniform(-1, 1, size=length) if factor == "each" else np.float64(factor)
    b = rng.normal(size=length)
    h, exact = Fraction(0.3), []
    for t in range(length):
        h = Fraction(float(a if factor != "each" else a[t])) * h + Fraction(b[t])
        exact.append(h)
    errors = [
        max([abs(float(Fraction(one) - right)) for one, right in zip(found.tolist(), exact, strict=True)], default=0)
        for found in (_linear_recurrence(a, b, np.float64(0.3)), looped(a, b, 0.3))
    ]
    largest = max(map(abs, map(float, exact)), default=0)
    halvings = np.log2(length + 1)  # each rounds products and sums
    assert errors[0] <= 2 * errors[1] + 4 * halvings * np.finfo(float).eps * largest


@pytest.mark.parametrize("shape", [(40,), (40, 3), (40, 2, 2), (40, 300), (40, 0)], ids=str)
@pytest.mark.parametrize("steps", [True, False], ids=["each", "the same"])
def test_series_beside_each_other(shape, steps):
    b = rng.normal(size=shape).repeat(6, axis=0)
    a = rng.uniform(-1, 1, size=b.shape if steps else b.shape[1:])
    start = rng.normal(size=shape[1:])
    np.testing.assert_allclose(_linear_recurrence(a, b, start), looped(a, b, start), rtol=0, atol=1e-13)
    one = a[(slice(None), *[slice(0, 1)] * (b.ndim - 1))] if steps and b.size else a
    np.testing.assert_allclose(_linear_recurrence(one, b, start), looped(one, b, start), rtol=0, atol=1e-13)


MANY = 6400  # so that there are products of a hundred factors
HALVES, ONES = ((np.full(6000, one), np.full(399, one)) for one in (0.5, 1.0))
LIMITS = {
    "growth from zero": (np.full(MANY, 1e3), np.zeros(MANY)),
    "growth": (np.full(MANY, 1e3), np.ones(MANY)),
    "growth from zero that ends": (np.r_[np.full(6000, 1e3), 0.0, HALVES[1]], np.r_[np.zeros(6000), 1.0, ONES[1]]),
    "an infinite factor of zero": (np.r_[HALVES[0], np.inf, HALVES[1]], np.zeros(MANY)),
    "an infinite factor": (np.r_[HALVES[0], np.inf, HALVES[1]], np.ones(MANY)),
    "infinite data": (np.full(MANY, 1e-3), np.r_[ONES[0], -np.inf, ONES[1]]),
    "not-a-number": (np.full(MANY, 0.5), np.r_[ONES[0], np.nan, ONES[1]]),
    "decay from the largest numbers": (np.full(MANY, 1e-3), np.r_[1e308, np.zeros(MANY - 1)]),
}


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.parametrize("wide", [False, True], ids=["numbers", "series"])
def test_infinite_and_missing_entries_are_where_a_loop_has_them(case, wide):
    a, b = (array[:, None] + np.zeros(2) if wide else array for array in LIMITS[case])
    start = np.zeros(b.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        expected = looped(a, b, start)
        np.testing.assert_allclose(_linear_recurrence(a, b, start), expected, rtol=1e-13)
        np.testing.assert_allclose(_linear_recurrence(a[0], b, start), looped(a[0], b, start), rtol=1e-13)


@pytest.mark.parametrize("factors", ["each", "zero"])
@pytest.mark.parametrize("length", [6, 300])
@pytest.mark.parametrize("start", [-np.inf, np.nan, 1e308, 0.5])
def test_what_is_not_kept_is_forgotten(start, length, factors):
    kept = np.arange(length) % 3 < 2
    a = np.where(kept, rng.uniform(0.5, 2, size=length) if factors == "each" else 0.0, 0.0)
    b = rng.normal(size=length)
    h, expected = start, []
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(length):
            h = b[t] + (a[t] * h if kept[t] else 0.0)
            expected.append(h)
    with np.errstate(over="ignore", invalid="ignore" if factors == "zero" else "raise"):
        wide = _linear_recurrence(a[:, None], b[:, None] + np.zeros(2), np.full(2, start), kept[:, None])
        np.testing.assert_allclose(_linear_recurrence(a, b, np.float64(start), kept), expected, rtol=1e-13)
        np.testing.assert_allclose(wide.T, [expected] * 2, rtol=1e-13)
    assert np.isfinite(expected[2:]).all()


def test_single_precision_is_computed_in_double():
    a, b = np.full(300, 0.5, np.float32), np.full(300, 1e30, np.float32)
    found = _linear_recurrence(a, b, np.float32(1e38))
    np.testing.assert_allclose(found, looped(a.astype(float), b.astype(float), float(np.float32(1e38))), rtol=1e-15)


def multiplied(a, b, start):
    h = [start]
    for t, extra in enumerate(b):
        h.append((a if a.ndim == 2 else a[t]) @ h[-1] + extra)
    return np.array(h[1:]).reshape(b.shape)


@pytest.mark.parametrize("states", [1, 2, 5, 14])
@pytest.mark.parametrize("length", [0, 7, 32, 33, 301])
def test_products_with_matrices(states, length):
    a, b = rng.normal(size=(length, states, states)) / states, rng.normal(size=(length, states))
    start = rng.normal(size=states)
    for one in (a, rng.normal(size=(states, states)) / states / 2):
        expected = multiplied(one, b, start)
        np.testing.assert_allclose(_matrix_recurrence(one, b, start), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", LIMITS)
def test_products_are_infinite_where_those_of_steps_are(case):
    a, b = LIMITS[case]
    matrices = np.zeros((len(a), 2, 2))
    matrices[:, 0, 1] = matrices[:, 1, 0] = a
    of = matrices, b[:, None] * np.ones(2), np.zeros(2)
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(_matrix_recurrence(*of), multiplied(*of), rtol=1e-13)
