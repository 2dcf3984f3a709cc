"""Positions in arrays: windows that walk along axes, values placed or added at positions."""

import itertools
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _in_range(position: Any, size: Any, label: str) -> NDArray[Any]:
    """The positions, if all lie on an axis of the given size, which in a recurrence may be another for each."""
    array = np.asarray(position)
    outside = (array < 0) | (array >= size)
    if np.any(outside):
        at = tuple(int(k) for k in np.argwhere(outside)[0])
        end = np.broadcast_to(size, outside.shape)[at]
        if end == 0:
            raise IndexError(f"{label} is a position on an axis without entries")
        raise IndexError(f"{label} is {array[at]} at {list(at)}, expected 0 ... {end - 1}")
    return array


def _windows(
    x: NDArray[Any],
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    steps: tuple[int, ...],
    start: tuple[int, ...] | None = None,
) -> NDArray[Any]:
    """A read-only view of x: its axis n, of length shape[n], walks along axis axes[n] of x by steps[n] from `start`."""
    if 0 in shape:
        return np.zeros(shape, dtype=x.dtype)
    first = (0,) * x.ndim if start is None else start
    for axis, side in enumerate(x.shape):
        ends = [step * (length - 1) for step, length, along in zip(steps, shape, axes, strict=True) if along == axis]
        low, high = (first[axis] + sum(pick(end, 0) for end in ends) for pick in (min, max))
        if low < 0 or high >= side:
            raise IndexError(f"windows from {low} to {high} leave axis {axis} of size {side}")
    strides = [x.strides[axis] * step for axis, step in zip(axes, steps, strict=True)]
    corner = x[tuple(slice(position, None) for position in first)]
    return np.lib.stride_tricks.as_strided(corner, shape, strides, writeable=False)


def _add_windows(
    shape: tuple[int, ...],
    values: NDArray[Any],
    axes: tuple[int, ...],
    steps: tuple[int, ...],
    start: tuple[int, ...] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Zeros of `shape` with the values added where such windows lie, one offset in the window after the other."""
    if out is None:
        out = np.zeros(shape, dtype=values.dtype)
    else:
        out.fill(0)
    first = (0,) * len(shape) if start is None else start
    # of the axes that walk along one axis of `out` the longest is added as a slice, the others offset by offset
    sliced = {axis: max((values.shape[n], -n) for n, along in enumerate(axes) if along == axis) for axis in set(axes)}
    whole = {-n for _, n in sliced.values()}
    offsets = [range(1) if n in whole else range(length) for n, length in enumerate(values.shape)]
    for offset in itertools.product(*offsets):
        place: list[Any] = list(first)
        for n, axis in enumerate(axes):
            place[axis] += steps[n] * offset[n]
        for n in whole:
            low, step, length = place[axes[n]], steps[n], values.shape[n]
            end = low + step * length
            place[axes[n]] = slice(low, end if end >= 0 else None, step) if length else slice(0, 0)
        part = values[tuple(slice(None) if n in whole else k for n, k in enumerate(offset))]
        order = sorted(whole, key=lambda n: axes[n])
        kept = sorted(whole)
        out[tuple(place)] += part.transpose([kept.index(n) for n in order])
    return out


def _rolled(x: NDArray[Any], shift: int, axis: int) -> NDArray[Any]:
    """x with its entries moved by `shift` places along an axis: those that leave it at one end come in at the other."""
    cut, before = -shift % max(1, x.shape[axis]), (slice(None),) * axis
    return np.concatenate((x[(*before, slice(cut, None))], x[(*before, slice(cut))]), axis)


def _place(
    shape: tuple[int, ...], index: Any, values: Any, dtype: Any, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Zeros of the given shape with the values at the index, which has no position twice."""
    if out is None:
        out = np.zeros(shape, dtype=dtype)
    else:
        out.fill(0)
    out[index] = values
    return out


def _accumulate(shape: tuple[int, ...], index: tuple[Any, ...], values: Any, dtype: Any) -> NDArray[Any]:
    """Zeros of the given shape with the values added at the index; repeated positions accumulate.

    The index is of the leading axes. Entries are summed fastest by `np.bincount` at their place in the flat array, in
    double precision: rows of a few hundred positions four times faster than by `np.add.at`, which types that float64
    does not hold take.
    """
    start = np.asarray(index[0], dtype=np.intp)
    if len(index) > 1:
        start = np.ravel_multi_index(np.broadcast_arrays(*index), shape[: len(index)])
    sides = start.shape + shape[len(index) :]
    weights = values if np.shape(values) == sides else np.broadcast_to(values, sides)  # 3 µs
    width, size = prod(shape[len(index) :]), prod(shape)
    flat = start.ravel() if len(index) == len(shape) else (start.reshape(-1, 1) * width + np.arange(width)).ravel()
    if np.can_cast(dtype, np.float64):
        sums = np.bincount(flat, np.ravel(weights), size)
        if sums.size > size:
            raise IndexError(f"a position is {(sums.size - 1) // width}, expected 0 ... {shape[0] - 1}")
        return sums.astype(dtype, copy=False).reshape(shape)
    out = np.zeros(size, dtype=dtype)
    np.add.at(out, flat, np.asarray(weights, dtype=dtype).ravel())
    return out.reshape(shape)
