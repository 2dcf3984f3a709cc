"""Recurrences of logarithms of sums beside sums of mpmath, and beside steps where entries are infinite or missing."""

import mpmath as mp
import numpy as np
import pytest

from symgrad.runtime.log_sums import _log_sum_recurrence, _log_sums

rng = np.random.default_rng(0)


def stepped(scores, given, start):
    h = [start]
    for t, extra in enumerate(given):
        h.append(_log_sums(h[-1][:, None] + (scores if scores.ndim == 2 else scores[t])) + extra)
    return np.array(h[1:])


@pytest.mark.parametrize("states", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("each", [False, True], ids=["the same", "each"])
def test_every_entry_keeps_its_digits(states, each):
    scores, given = 3 * rng.normal(size=(40, states, states)), rng.normal(size=(40, states))
    scores, start = scores if each else scores[0], rng.normal(size=states)
    h, found = [mp.mpf(one) for one in start.tolist()], _log_sum_recurrence(scores, given, start)
    for t, extra in enumerate(given.tolist()):
        now = (scores[t] if each else scores).tolist()
        sums = [mp.fsum(mp.exp(one + row[j]) for one, row in zip(h, now, strict=True)) for j in range(states)]
        h = [mp.log(one) + mp.mpf(more) for one, more in zip(sums, extra, strict=True)]
        for one, right in zip(found[t].tolist(), h, strict=True):
            assert abs(one - right) < 4e-16 * 40 * max(1, abs(right))


def limits(states):
    scores, given = rng.normal(size=(200, states, states)), rng.normal(size=(200, states))
    start = rng.normal(size=states)
    far, upwards, blocked = scores[0].copy(), scores[0].copy(), scores[0].copy()
    far[:] = -np.inf
    far[np.diag_indices(states)] = 0.0  # every state stays what it was, however unlikely that is
    upwards[np.tril_indices(states, -1)] = -np.inf
    blocked[:, 0] = -np.inf
    yield "apart", far, given, -900.0 * np.arange(states)
    yield "upwards", upwards, given, start
    yield "blocked", blocked, given, start
    yield "from one state", upwards, given, np.where(np.arange(states), -np.inf, 0.0)
    yield "from none", scores, given, np.full(states, -np.inf)
    for value in (np.nan, np.inf, -np.inf):
        there = given.copy()
        there[100, 0] = value
        yield f"{value} given", scores[0], there, start
        there = scores.copy()
        there[100, 0, 0] = value
        yield f"{value} among scores", there, given, start
    yield "of no steps", scores[0], given[:0], start


@pytest.mark.parametrize("states", [2, 6])
def test_what_is_infinite_or_missing_is_where_steps_have_it(states):
    for name, *of in limits(states):
        with np.errstate(invalid="ignore"):
            expected = stepped(*of)
            found = _log_sum_recurrence(*of)
        np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-13, atol=1e-13, err_msg=name)
