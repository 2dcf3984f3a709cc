"""Sparse matrices as their entries: where these stand, computed once for all values, and what they are."""

from functools import cache, cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symgrad.runtime.once import _memory, _once


class Pattern:
    """Where the entries of a sparse matrix stand, each place once.

    Entry k stands at row rows[k] and column columns[k]; `shape` is that of the matrix. Rows and columns count the
    entries of arrays in C order, one array behind the other. Entries whose rows are not below their columns, the lower
    triangle with the diagonal of a symmetric matrix, are those at the positions `lower`.
    """

    def __init__(self, shape: tuple[int, int], parts: list[tuple[Any, ...]]) -> None:
        empty = np.zeros(0, dtype=np.intp)
        rows, columns = (np.concatenate([empty, *(part[n].ravel() for part in parts)]) for n in (1, 2))
        self.shape, self._sides = shape, [part[0] for part in parts]
        self._kept: NDArray[Any] | None = None  # the values that are entries, if some are none
        if any(len(part) > 3 for part in parts):
            inside = [np.all([np.ones(there.shape, dtype=bool), *more], axis=0) for _, there, _, *more in parts]
            self._kept = np.flatnonzero(np.concatenate([one.ravel() for one in inside]))
            rows, columns = rows[self._kept], columns[self._kept]
        keys = rows * shape[1] + columns
        rising = bool(np.all(keys[1:] > keys[:-1]))  # as of residuals line by line
        order = np.arange(len(keys)) if rising else np.argsort(keys, kind="stable")
        self._joined: NDArray[Any] | None = None  # for each value the entry that it is added to, if some share one
        keys = keys if rising else keys[order]
        new = np.concatenate([keys[:1] == keys[:1], keys[1:] != keys[:-1]])
        if not new.all():
            self._joined = np.empty(len(keys), dtype=np.intp)
            self._joined[order] = np.cumsum(new) - 1
            rows, columns = rows[order[new]], columns[order[new]]
            order = np.arange(len(rows))
        self.rows, self.columns, self._order = rows, columns, order
        for one in (rows, columns):  # which later matrices have, too
            one.flags.writeable = False

    @cached_property
    def lower(self) -> NDArray[Any]:
        """The positions of the entries in the lower triangle, with the diagonal."""
        return np.flatnonzero(self.rows >= self.columns)

    @cached_property
    def _csr(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The order of entries row by row, their columns in it, and where rows begin."""
        kind = np.int32 if max(*self.shape, len(self.rows)) < 2**31 else np.int64
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.rows, minlength=self.shape[0]))])
        return self._order, self.columns[self._order].astype(kind), starts.astype(kind)

    def _values(self, dtype: Any, values: tuple[Any, ...]) -> NDArray[Any]:
        """The values of all entries, from those of each part that broadcast to its sides."""
        made = np.empty(sum(map(prod, self._sides)), dtype=dtype)
        end = 0
        for sides, part in zip(self._sides, values, strict=True):
            start, end = end, end + prod(sides)
            made[start:end].reshape(sides)[...] = part
        if self._kept is not None:
            made = made[self._kept]
        if self._joined is None:
            return made
        return np.bincount(self._joined, made, minlength=len(self.rows)).astype(dtype, copy=False)


class Entries(NamedTuple):
    """A sparse matrix: values[k] stands at row rows[k] and column columns[k] of its pattern, each place once."""

    values: NDArray[Any]
    pattern: "Pattern"

    @property
    def rows(self) -> NDArray[Any]:
        return self.pattern.rows

    @property
    def columns(self) -> NDArray[Any]:
        return self.pattern.columns

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    def to_scipy(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array` of its own, both triangles of it."""
        from scipy.sparse import csr_array  # type: ignore[import-untyped,unused-ignore]

        order, columns, starts = self.pattern._csr
        return csr_array((self.values[order], columns.copy(), starts.copy()), shape=self.shape)

    def to_dense(self) -> NDArray[Any]:
        """The matrix with its zeros."""
        out = np.zeros(self.shape, dtype=self.values.dtype)
        out[self.rows, self.columns] = self.values
        return out


def _pattern(rows: tuple[tuple[int, ...], ...], columns: tuple[tuple[int, ...], ...], *parts: Any) -> Pattern:
    """The pattern of a matrix with these arrays as rows and columns.

    A part has the sides along its letters, the numbers of an array of rows and one of columns, the positions along the
    axes of each, and conditions outside which there is no entry.
    """
    starts = [np.concatenate([[0], np.cumsum([prod(shape) for shape in arrays])]) for arrays in (rows, columns)]
    made = []
    for sides, row, column, first_index, second_index, *inside in parts:
        sides = tuple(max(side, 0) for side in sides)
        arrays = rows[row], columns[column]
        first = starts[0][row], starts[1][column]
        flat = [
            np.broadcast_to(start + _flat_index(places, shape), sides)
            for start, places, shape in zip(first, (first_index, second_index), arrays, strict=True)
        ]
        made.append((sides, *flat, *[np.broadcast_to(condition, sides) for condition in inside]))
    return Pattern((int(starts[0][-1]), int(starts[1][-1])), made)


def _flat_index(index: list[Any], shape: tuple[int, ...]) -> Any:
    """The position in a flattened array of the entries with the given indices."""
    flat: Any = np.zeros((), dtype=np.intp)
    for position, side in zip(index, shape, strict=True):
        flat = flat * side + np.asarray(position, dtype=np.intp)
    return flat


def _entries(pattern: Pattern, shape: tuple[int, int], dtype: Any, *values: Any) -> Entries:
    """A sparse matrix of the given shape from a pattern, and the values of its parts."""
    if pattern.shape != shape:
        raise ValueError(f"pattern: expected that of a matrix of shape {shape}, got one of shape {pattern.shape}")
    return Entries(pattern._values(dtype, values), pattern)


def _pattern_of(given: Pattern | None, make: Any, *arguments: Any) -> Pattern:
    """The given pattern, or make(*arguments), which is kept for bound data, and for sizes if it follows from these.

    Of data that are not bound the last pattern is kept, with a copy of what it was made of, which has to be the same.
    """
    if given is not None:
        return given
    if all(isinstance(one, int) for one in arguments):
        return _pattern_of_sizes(make, *arguments)
    memory, last = _memory().get(), _last_patterns()
    found: Pattern
    if memory is not None:
        found = _once(memory, make, *arguments)
        return found
    before, found = last.get(make) or ((), None)  # type: ignore[assignment]
    if len(before) != len(arguments) or not all(map(np.array_equal, before, arguments)):
        found = make(*arguments)
        last[make] = tuple(map(np.copy, arguments)), found
    return found


@cache
def _last_patterns() -> dict[Any, tuple[tuple[Any, ...], Pattern]]:
    """By the function that makes it the last pattern, and what it was made of."""
    return {}


@lru_cache(maxsize=16)
def _pattern_of_sizes(make: Any, *sizes: int) -> Pattern:
    found: Pattern = make(*sizes)
    return found
