"""Norms whose squares overflow or vanish where they themselves do not."""

from math import prod
from typing import Any

import numpy as np


def _norm(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """√Σ x² over axes; what the plain sum of squares does not tell is computed again, in units of the largest x."""
    letters = [*range(x.ndim)]
    axes = tuple(letters) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = [k for k in letters if k not in axes]
    flat = x if kept else x.ravel()
    squares = np.einsum(x, letters, x, letters, kept) if kept else np.vdot(flat, flat)  # both overflow in silence
    norms, least = np.sqrt(squares), 1e-292 if x.itemsize > 4 else 1e-31  # squares below it have lost digits
    if not squares.size:
        return norms
    low, high = (squares.item(squares.argmin()), squares.item(squares.argmax())) if kept else (squares, squares)
    if low > least and high < np.inf:
        return norms
    lost: Any = ...
    count = 1
    if kept:
        lost = np.unravel_index(np.flatnonzero(~((squares > least) & (squares < np.inf))), squares.shape)
        flat, count = np.moveaxis(x, axes, range(-len(axes), 0))[lost], len(lost[0])
    rows = flat.reshape(count, prod(x.shape[k] for k in axes))
    unit = np.max(np.abs(rows), axis=-1, initial=0)
    unit = np.where((unit > 0) & (unit < np.inf), unit, 1).astype(unit.dtype)
    scaled = rows / unit[:, None]
    norms = np.asarray(norms)
    norms[lost] = unit * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return norms[()]
