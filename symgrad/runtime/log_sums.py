"""Recurrences of logarithms of sums of exponentials, as the forward algorithm of a hidden Markov model is one."""

from typing import Any

import numpy as np


def _log_sum_recurrence(scores: Any, given: Any, start: Any) -> Any:
    """h of h[t, j] = log Σ_i exp(h[t − 1, i] + scores[t, i, j]) + given[t, j], after `start`.

    scores with two axes are the same for all t. Of few states, pairs of steps are one step, whose scores are
    log Σ_k exp(scores[t − 1, i, k] + scores[t, k, j]); of others, Σ_i is a product with exponentials of scores that
    are computed once (Rabiner, A Tutorial on Hidden Markov Models, 1989, section V.A). A step where a sum is no number,
    or so small that terms of it may be lost, is done term by term.
    """
    h = np.empty((len(given) + 1, len(start)))
    h[0] = start
    scores = np.asarray(scores, float)
    if len(start) < 5 and len(h) > 32 and np.max(scores, initial=0) < np.inf and np.max(given, initial=0) < np.inf:
        _log_sums_by_halves(h, scores + np.asarray(given)[:, None, :])
        return h[1:]
    top = np.maximum(scores.max(axis=-2, initial=-np.inf), np.finfo(float).min)
    shares, added, constant = np.exp(scores - top[..., None, :]), given + top, scores.ndim < 3
    for t, extra in enumerate(added):
        last, part, now = h[t], shares if constant else shares[t], h[t + 1]
        most = np.maximum.reduce(last, initial=-np.inf)
        if -np.inf < most < np.inf and np.minimum.reduce(np.dot(np.exp(last - most), part, out=now)) > 1e-280:
            np.log(now, out=now)
            now += most
            now += extra
        else:
            now[:] = _log_sums(last[:, None] + (scores if constant else scores[t])) + given[t]
    return h[1:]


def _log_sums(x: Any) -> Any:
    """log Σ exp(x) over the last axis but one."""
    most = x.max(axis=-2, initial=-np.inf)
    sums = np.exp(x - np.maximum(most, np.finfo(float).min)[..., None, :]).sum(axis=-2)
    return most + np.log(np.maximum(sums, 1))


def _log_sums_by_halves(h: Any, scores: Any) -> None:
    """h[t, j] = log Σ_i exp(h[t − 1, i] + scores[t − 1, i, j]) for t = 1, 2, ..., by the same for every other entry."""
    if len(h) < 8:
        for t in range(1, len(h)):
            h[t] = _log_sums(h[t - 1][:, None] + scores[t - 1])
        return
    pairs = scores[:-1:2, :, :, None] + scores[1::2, None, :, :]  # over i, k and j
    _log_sums_by_halves(h[::2], _log_sums(pairs))
    h[1::2] = _log_sums(h[:-1:2, :, None] + scores[::2])
