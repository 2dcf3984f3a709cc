"""Arrays that are kept between calls, and operations into them that have no `out`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Workspace:
    """Arrays for intermediate results, kept between calls that are given it: `value_and_gradient(..., workspace=w)`.

    They grow to the largest sizes they are needed in. Results are arrays of their own, which no later call changes.
    Calls of several threads at a time, and blocks of rows on several threads, take arrays of their own.
    """

    def __init__(self) -> None:
        self._free: list[dict[str, NDArray[Any]]] = []

    @contextmanager
    def arrays(self) -> Iterator[Callable[[str, tuple[int, ...], Any], NDArray[Any]]]:
        """A function that gives the array of a name in a shape and type; nobody else is given it meanwhile."""
        flat = self._free.pop() if self._free else {}

        def kept(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
            size = prod(shape)
            found = flat.get(name)
            if found is None or found.size < size or found.dtype != dtype:
                found = flat[name] = np.empty(size, dtype=dtype)
            return found[:size].reshape(shape)

        try:
            yield kept
        finally:
            self._free.append(flat)


def _zeros_into(out: NDArray[Any]) -> NDArray[Any]:
    """`np.zeros` in `out`."""
    out.fill(0)
    return out


def _contiguous_into(kept: Callable[..., NDArray[Any]], name: str, view: NDArray[Any]) -> NDArray[Any]:
    """`np.ascontiguousarray(view)` in the array that is kept under the name."""
    out = kept(name, view.shape, view.dtype)
    np.copyto(out, view)
    return out


def _where_into(out: NDArray[Any], condition: Any, chosen: Any, other: Any) -> NDArray[Any]:
    """`np.where(condition, chosen, other)` in `out`."""
    np.copyto(out, other)
    np.copyto(out, chosen, where=condition)
    return out


def _tensordot_into(
    out: NDArray[Any], a: NDArray[Any], b: NDArray[Any], axes: tuple[list[int], list[int]]
) -> NDArray[Any]:
    """`np.tensordot(a, b, axes)` in `out`: one product of matrices."""
    count = len(axes[0])
    left, right = np.moveaxis(a, axes[0], range(-count, 0)), np.moveaxis(b, axes[1], range(count))
    rows, length, columns = prod(left.shape[:-count]), prod(right.shape[:count]), prod(right.shape[count:])
    np.matmul(left.reshape(rows, length), right.reshape(length, columns), out=out.reshape(rows, columns))
    return out
