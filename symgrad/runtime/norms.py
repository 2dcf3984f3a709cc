"""Norms whose squares overflow or vanish where they themselves do not."""

from math import prod
from typing import Any

import numpy as np


def _norm(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """√Σ x² over axes; what the plain sum of squares does not tell is computed again, in units of the largest x."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = [k for k in range(x.ndim) if k not in axes]
    with np.errstate(over="ignore"):
        flat = x.ravel() if not kept else x
        squares = np.einsum(x, [*range(x.ndim)], x, [*range(x.ndim)], kept) if kept else flat.dot(flat)
    number, norms = np.finfo(squares.dtype), np.sqrt(squares)
    told = (squares > number.tiny / number.eps) & (squares < np.inf)
    if told.all():
        return norms
    norms, lost = np.array(norms), np.nonzero(np.atleast_1d(~told))
    rows = np.moveaxis(x, axes, range(-len(axes), 0))[lost if kept else None]
    rows = rows.reshape(len(lost[0]), prod(x.shape[k] for k in axes))
    unit = np.max(np.abs(rows), axis=-1, initial=0)
    unit = np.where((unit > 0) & (unit < np.inf), unit, 1).astype(unit.dtype)
    scaled = rows / unit[:, None]
    rescaled = unit * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    norms[lost if kept else ...] = rescaled if kept else rescaled[0]
    return norms[()]
