"""Functions of entries that NumPy lacks."""

from math import prod
from typing import Any

import numpy as np


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), exact in both tails: the exponential is of -abs(x) and never overflows."""
    tail = np.exp(-np.abs(x))
    return np.maximum(x >= 0, tail) / (1 + tail)  # 1 or the tail, which is at most 1


def _reciprocal_norm(x: Any) -> Any:
    """1/x, and 0 where x = 0: in the gradient of a norm, which is 0 at 0 by convention."""
    return np.not_equal(x, 0) / np.where(x == 0, 1, x)


def _reciprocal_root(x: Any) -> Any:
    """x ** -0.5, and 0 where x = 0: in the gradient of a norm, which is 0 at 0 by convention."""
    positive = x > 0
    return positive / np.sqrt(np.where(positive, x, 1))


def _log_abs1p(x: Any) -> Any:
    """log |1 + x|."""
    near = np.abs(x) < 0.5
    return np.where(near, np.log1p(np.where(near, x, 0)), np.log(np.abs(1 + np.where(near, 0, x))))[()]


def _finite_log(x: Any) -> Any:
    """log x, and where x is 0 a number that is finite with its cube: about -6e100, in float32 -7e10."""
    least = -0.01 * float(np.finfo(np.result_type(x, np.float32)).max) ** (1 / 3)
    return np.where(x == 0, least, np.log(np.where(x == 0, 1, x)))[()]


def _xdivy(y: Any, x: Any) -> Any:
    """y / x, and 0 where y is 0."""
    return (y / np.where(y == 0, 1, x))[()]


def _centred(x: Any, shares: Any, axis: int, out: Any = None) -> Any:
    """x − Σ shares·x along an axis for shares that add up to 1; `out` may be one of the two.

    Where one of them is near 1, all x are first taken from the one that has it, which cancels.
    """
    x, shares = (np.moveaxis(array, axis, -1) for array in np.broadcast_arrays(x, shares))
    mean = np.einsum("...i,...i", shares, x)[..., None]
    out = out if out is None else np.moveaxis(out, axis, -1)
    if np.max(shares, initial=0) <= 0.9:  # then no sum of squares is larger
        return np.moveaxis(np.subtract(x, mean, out=out), -1, axis)
    near = np.einsum("...i,...i", shares, shares) > 0.9
    far, high = x[near], shares[near]
    centred = np.subtract(x, mean, out=out)
    far = far - np.take_along_axis(far, high.argmax(-1)[..., None], -1)
    centred[near] = far - np.einsum("...i,...i", high, far)[..., None]
    return np.moveaxis(centred, -1, axis)


def _near_one(total: Any) -> Any:
    """Where sums of x, of which the largest is 1, are so near 1 that this takes digits from the others; None: nowhere.

    Of ordinary sums one look at the smallest is enough, in less than a microsecond.
    """
    bound = 1.0025 if total.itemsize > 4 else 1.07  # by eps ** (1/6): no more than a sixth of the digits is lost
    if not total.size or total.item(total.argmin()) >= bound:
        return None
    return total < bound


def _log_total(x: Any, total: Any, axis: int) -> Any:
    """log total with total = Σ x along an axis, of which the largest x is 1 if not all are 0.

    Where the others are so small that 1 takes digits from them, log1p of their sum.
    """
    near, logs = _near_one(total), np.log(total)
    if near is None or not x.size:
        return logs
    rows, logs = np.moveaxis(x, axis, -1)[near], np.asarray(logs)
    rows[np.arange(len(rows)), rows.argmax(-1)] = 0
    logs[near] = np.log1p(rows.sum(-1))
    return logs[()]


def _balanced(x: Any, taken: Any, total: Any, axis: int, out: Any = None) -> Any:
    """x − taken for x = c·exp(u)/total, whose entries add up to 0 along an axis, with max u = 0.

    Where total is so near 1 that the entry of the largest x cancels, this is minus the sum of the others.
    """
    near = _near_one(total)
    if near is None:
        return np.subtract(x, taken, out=out)
    entries = np.moveaxis(np.broadcast_to(x, np.broadcast_shapes(x.shape, taken.shape)), axis, -1)
    near = np.broadcast_to(near, entries.shape[:-1])
    shares = np.abs(entries[near])
    difference = np.subtract(x, taken, out=out)
    if shares.size:
        moved = np.moveaxis(difference, axis, -1)
        rows = moved[near]
        largest = np.arange(len(rows)), shares.argmax(-1)
        rows[largest] = 0
        rows[largest] = -rows.sum(-1)
        moved[near] = rows
    return difference


def _product_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """For every entry the product of all others along the axes: right where entries are zero, too."""
    moved = np.moveaxis(x, axes, range(-len(axes), 0))
    kept = moved.shape[: x.ndim - len(axes)]
    flat = moved.reshape(*kept, prod(moved.shape[x.ndim - len(axes) :]))
    before = np.ones_like(flat)
    after = np.ones_like(flat)
    np.cumprod(flat[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(flat[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return np.moveaxis((before * after).reshape(moved.shape), range(-len(axes), 0), axes)
