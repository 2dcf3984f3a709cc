"""Cumulative sums of exponentials that neither overflow nor vanish, however far the exponents are apart."""

from typing import Any

import numpy as np


def _largest_so_far(x: Any, axis: int, backwards: bool) -> Any:
    """For every entry the largest up to it along an axis, or from it on."""
    return np.maximum.accumulate(np.flip(x, axis) if backwards else x, axis=axis)[_turned(x.ndim, axis, backwards)]


def _sums_of_exponentials(x: Any, weights: Any, axis: int, backwards: bool) -> Any:
    """Σ weights[k]·exp(x[k] − m) over the entries k up to each one, or from it on, with m the largest x among them.

    The axis is cut where m has grown by so much that what was added before counts for nothing, or nearly; within a
    part one shift serves all. Exponents that are near each other make one part.
    """
    x, weights = (np.moveaxis(part, axis, -1) for part in np.broadcast_arrays(x, np.asarray(weights, dtype=x.dtype)))
    if backwards:
        x, weights = x[..., ::-1], weights[..., ::-1]
    largest = np.maximum.accumulate(x, axis=-1)
    np.maximum(largest, np.finfo(x.dtype).min, out=largest)
    span = 0.7 * np.log(np.finfo(x.dtype).max)  # so far below the last there are numbers with all digits
    if not x.size or np.all(largest[..., -1] - largest[..., 0] <= span):
        last = largest[..., -1:].copy()
        sums = x - last
        np.exp(sums, out=sums)
        sums *= weights
        np.cumsum(sums, axis=-1, out=sums)
        scale = np.subtract(last, largest, out=largest)
        sums *= np.exp(scale, out=scale)
    else:
        sums = np.empty_like(x)
        for place in np.ndindex(x.shape[:-1]):
            _add_by_parts(sums[place], x[place], weights[place], largest[place], span)
    return np.moveaxis(sums[..., ::-1] if backwards else sums, -1, axis)


def _add_by_parts(sums: Any, x: Any, weights: Any, largest: Any, span: float) -> None:
    start, total, shift = 0, sums.dtype.type(0), largest[0]
    while start < len(x):
        end = int(np.searchsorted(largest, largest[start] + span, side="right"))
        end = end if end > start else len(x)
        last = largest[end - 1]
        part = np.cumsum(weights[start:end] * np.exp(x[start:end] - last)) + total * np.exp(shift - last)
        sums[start:end] = part * np.exp(last - largest[start:end])
        start, total, shift = end, part[-1], last


def _turned(rank: int, axis: int, backwards: bool) -> tuple[slice, ...]:
    """The index that turns an axis back."""
    return tuple(slice(None, None, -1 if backwards and one == axis % rank else 1) for one in range(rank))
