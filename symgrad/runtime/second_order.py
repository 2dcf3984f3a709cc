"""Functions of second order: sparse matrices as their entries, arguments by name."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symgrad.runtime.declared import SHAPES, Parameters


class Blocks(NamedTuple):
    """The entries of a sparse matrix that may be different from zero.

    values[k] stands at row rows[k] and column columns[k], for every subscript k of the three arrays; values at the same
    place are to be added. Rows and columns count the entries of arrays in C order.
    """

    values: NDArray[Any]
    rows: NDArray[Any]
    columns: NDArray[Any]
    shape: tuple[int, int]

    def to_scipy(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array`."""
        from scipy.sparse import coo_array  # type: ignore[import-untyped,unused-ignore]

        flat = (np.ravel(self.values), (np.ravel(self.rows), np.ravel(self.columns)))
        return coo_array(flat, shape=self.shape).tocsr()

    def to_dense(self) -> NDArray[Any]:
        """The matrix with its zeros."""
        out = np.zeros(self.shape, dtype=self.values.dtype)
        np.add.at(out, (self.rows, self.columns), self.values)
        return out


def _jacobian(rows: tuple[int, ...], columns: tuple[int, ...], *parts: Any) -> Blocks:
    """A sparse matrix from blocks: their values, and the positions of these along every axis of rows and columns."""
    shape = (int(np.prod(rows, dtype=int)), int(np.prod(columns, dtype=int)))
    made = [
        (
            values,
            np.broadcast_to(_flat_index(row_index, rows), np.shape(values)),
            np.broadcast_to(_flat_index(column_index, columns), np.shape(values)),
        )
        for values, row_index, column_index in parts
    ]
    if not made:
        return Blocks(np.zeros(0), np.zeros(0, dtype=int), np.zeros(0, dtype=int), shape)
    if len(made) == 1:
        values, row, column = made[0]
    else:
        values, row, column = (np.concatenate([np.ravel(part[k]) for part in made]) for k in range(3))
    return Blocks(values, row, column, shape)


def _flat_index(index: list[Any], shape: tuple[int, ...]) -> Any:
    """The position in a flattened array of the entries with the given indices."""
    flat: Any = np.zeros((), dtype=int)
    for position, side in zip(index, shape, strict=True):
        flat = flat * side + position
    return flat


def _matrix(parts: Any, rank: int) -> Any:
    """The derivatives by all parameters side by side, a row an entry of what is differentiated; sparse where one is."""
    sides = [(prod(np.shape(part)[:rank]), prod(np.shape(part)[rank:])) for part in parts]
    flat = [
        part.to_scipy() if hasattr(part, "to_scipy") else np.reshape(part, shape)
        for part, shape in zip(parts, sides, strict=True)
    ]
    if all(isinstance(part, np.ndarray) for part in flat):
        return np.hstack(flat)
    from scipy.sparse import coo_array, hstack  # where a part is sparse, SciPy is there

    return hstack([coo_array(part) for part in flat], format="csr")


def _named(parameters: Parameters, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the parameters, and of the sizes that these have, that a function takes."""
    known = parameters._asdict()
    for name, array in parameters._asdict().items():
        known.update({str(label): side for label, side in zip(SHAPES[name], np.shape(array), strict=True)})
    return {name: known[name] for name in names if name in known}
