"""What every generated module declares of its own model; here of an example, the loss |X·w|², for types and tests."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ARGUMENTS = ("w", "X")
PARAMETERS = ("w",)
DIMENSIONS: tuple[str, ...] = ("M", "N")
INTEGERS: tuple[str, ...] = ()
SPARSE: tuple[str, ...] = ("X",)
SHAPES: dict[str, tuple[str | int, ...]] = {"w": ("M",), "X": ("N", "M")}
ROWS = "N"
ROUNDS = {"value_and_gradient": 1}
BLOCK_BYTES = 2**21
THREADS: int | None = None
THREAD_WORK = 2**24


class Parameters(NamedTuple):
    """The parameters, in order."""

    w: Any


def _parameter_shapes(_: int, /, *, M: int, **_sizes: int) -> list[tuple[int, ...]]:
    return [(M,)]


def pack(w: Any) -> NDArray[Any]:
    """The parameters, or the fields of a gradient, as one flat vector."""
    return np.ravel(w)
