"""The data of a model in batches of rows, in an order by chance."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from symgrad.runtime.arguments import _array
from symgrad.runtime.declared import ARGUMENTS, PARAMETERS, ROWS, SHAPES


def batches(data: Mapping[str, Any], size: int, seed: int) -> Iterable[dict[str, Any]]:
    """The data in batches of `size` rows, in an order of rows by chance: each row once, fewer in the last batch.

    Of a mean over rows, the derivative for a batch is an estimate without bias of that for all N rows; of a sum, N/n
    times the derivative for a batch of n rows is. The order follows from `seed` alone, whatever module it is of.
    """
    if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
        raise ValueError(f"size: expected a number of rows of at least 1, got {size!r}")
    shared = {name: one for name, one in data.items() if name in ARGUMENTS and SHAPES.get(name, ())[:1] != (ROWS,)}
    arrays = _with_rows({name: one for name, one in data.items() if name not in shared})
    rows = next(iter(arrays.values())).shape[0]
    order = np.random.default_rng(seed).permutation(rows)
    drawn = (order[start : start + size] for start in range(0, rows, size))
    chosen = (mine[mine.argsort()] for mine in drawn)
    return ({**shared, **{name: array[mine] for name, array in arrays.items()}} for mine in chosen)


def _with_rows(chunk: Any) -> dict[str, Any]:
    """The arrays of a chunk, all of as many rows."""
    if not isinstance(chunk, Mapping):
        raise TypeError(f"a chunk is a dictionary of arrays with rows, got {type(chunk).__name__}")
    names = [name for name in ARGUMENTS if name not in PARAMETERS and SHAPES.get(name, ())[:1] == (ROWS,)]
    unknown, missing = [name for name in chunk if name not in names], [name for name in names if name not in chunk]
    if unknown or missing:
        said = [*(f"{name!r} has no rows" for name in unknown), *(f"{name!r} is missing" for name in missing)]
        raise ValueError(f"a chunk has the data with rows, {', '.join(names)}: {', '.join(said)}")
    arrays = {name: _indexable(name, chunk[name]) for name in names}
    sides = {name: array.shape[0] if array.ndim else None for name, array in arrays.items()}
    if len(set(sides.values())) > 1 or None in sides.values():
        raise ValueError(f"a chunk has arrays of as many rows each, got {sides}")
    return arrays


def _indexable(name: str, given: Any) -> Any:
    """An array of which rows can be taken."""
    return _array(name, given)
