"""Functions of second order by one vector: arguments by name."""

import warnings
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgrad.runtime.declared import SHAPES, Parameters


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


def _square(parameters: Any, rows: Any) -> NDArray[Any]:
    """The second derivatives by two parameters each as blocks of one matrix."""
    sizes = [np.size(one) for one in parameters]
    pairs = zip(sizes, rows, strict=True)
    return np.block([[np.reshape(part, (m, n)) for n, part in zip(sizes, row, strict=True)] for m, row in pairs])


def _warn_of_zeros(*parameters: NDArray[Any]) -> None:
    """A warning that a dense Hessian by these is large, and mostly zero."""
    entries = sum(np.size(one) for one in parameters) ** 2
    if entries > 10_000_000:
        warnings.warn(
            f"the dense Hessian has {entries:,} entries, most of which are zero by the model's structure: "
            'compile(hessian="sparse") makes hessian_sparse, which has only the others',
            stacklevel=3,
        )


def _named(parameters: Parameters, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the parameters, and of the sizes that these have, that a function takes."""
    known = parameters._asdict()
    for name, array in parameters._asdict().items():
        known.update({str(label): side for label, side in zip(SHAPES[name], np.shape(array), strict=True)})
    return {name: known[name] for name in names if name in known}
