"""Linear recurrences in few operations of whole arrays, rather than in one or two for each step.

Two steps are one, h[t] = a[t]·a[t − 1]·h[t − 2] + (a[t]·b[t − 1] + b[t]), so that every other entry is a recurrence of
half the length (Blelloch, Prefix Sums and Their Applications, 1990, section 1.4). Step by step are those that take no
longer so, and those where products of many a[t] might overflow, or underflow beside large entries, while single steps
do not.
"""

from typing import Any

import numpy as np


def _linear_recurrence(a: Any, b: Any, start: Any, kept: Any = True) -> Any:
    """h of h[t] = a[t]·h[t − 1] + b[t] along the first axis, after `start`; a with fewer axes is the same for all t.

    Where `kept` is false a[t] is 0, and h[t − 1], which may be infinite or no number, is forgotten.
    """
    h = _begun(b, start)
    if (h.ndim == 1 and len(h) < 200) or h[0].size > 256:
        _step_by_step(h, a, kept)
    elif np.ndim(a) == 0 and a == 1:
        np.cumsum(h, axis=0, out=h)
    elif _is_small(h, np.abs(a)):
        _by_halves(h, np.asarray(a, float) if np.ndim(a) else float(a))
    else:
        _step_by_step(h, a, kept)
    return h[1:]


def _matrix_recurrence(a: Any, b: Any, start: Any) -> Any:
    """h of h[t] = a[t] h[t − 1] + b[t], after `start`, with matrices a[t]; a with two axes is the same for all t."""
    h = _begun(b, start)
    if len(h) > 32 and h.shape[1] <= 12 and _is_small(h, np.abs(a).sum(axis=-2)):
        _products_by_halves(h, np.asarray(a, float))
    else:
        _products_step_by_step(h, a)
    return h[1:]


def _begun(b: Any, start: Any) -> Any:
    """An array of the start, and of what is added at every step."""
    h = np.empty((len(b) + 1, *np.shape(start)))
    h[0], h[1:] = start, b
    return h


def _is_small(h: Any, factors: Any) -> bool:
    """Whether entries, and products of as many factors as there are steps, are numbers of at most 1e100 in size."""
    most = 1e100  # sums of products are finite then, and what underflows is below 1e-200
    return bool(factors.max(initial=0) <= most ** (1 / len(h)) and np.abs(h).max(initial=0) <= most)


def _by_halves(h: Any, a: Any, power: int = 1) -> None:
    """h[t] += f[t − 1]·h[t − 1] for t = 1, 2, ..., by the same for every other entry; f is a, or a^power for all t.

    Squares of squares would have errors that grow with the power; a power has one in its last digit.
    """
    constant, odd, even = np.ndim(a) < h.ndim, h[1::2], h[2::2]
    factor = a**power if constant else a
    if len(h) < (8 if h.ndim > 1 else 64):
        _step_by_step(h, factor)
        return
    odd += (factor if constant else a[::2]) * h[:-1:2]
    _by_halves(odd, a if constant else a[2::2] * a[1:-1:2], 2 * power)
    even += (factor if constant else a[1::2]) * h[1:-1:2]


def _step_by_step(h: Any, a: Any, kept: Any = True) -> None:
    """h[t] += a[t − 1]·h[t − 1] for t = 1, 2, ..., one by one; single numbers as Python's, which is faster."""
    constant = np.ndim(a) < h.ndim
    if kept is not True:
        kept = np.broadcast_to(kept, h[1:].shape)
    if h.ndim > 1:
        for t in range(1, len(h)):
            last = h[t - 1] if kept is True else np.where(kept[t - 1], h[t - 1], 0)
            h[t] += (a if constant else a[t - 1]) * last
        return
    now, *given = h.tolist()
    factors, found = [float(a)] * len(given) if constant else a.tolist(), [now]
    keeps = [True] * len(given) if kept is True else kept.tolist()
    for factor, keep, one in zip(factors, keeps, given, strict=True):
        now = one + factor * now if keep else one
        found.append(now)
    h[:] = found


def _products_by_halves(h: Any, a: Any) -> None:
    """h[t] += a[t − 1] h[t − 1] for t = 1, 2, ..., by the same for every other entry."""
    constant, odd, even = a.ndim < 3, h[1::2], h[2::2]
    if len(h) < 8:
        _products_step_by_step(h, a)
        return
    odd += np.matmul(a if constant else a[::2], h[:-1:2, :, None])[..., 0]
    _products_by_halves(odd, a @ a if constant else a[2::2] @ a[1:-1:2])
    even += np.matmul(a if constant else a[1::2], h[1:-1:2, :, None])[..., 0]


def _products_step_by_step(h: Any, a: Any) -> None:
    """h[t] += a[t − 1] h[t − 1] for t = 1, 2, ..., one after the other."""
    for t in range(1, len(h)):
        h[t] += (a if a.ndim < 3 else a[t - 1]).dot(h[t - 1])
