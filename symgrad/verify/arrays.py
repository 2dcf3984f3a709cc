"""Inputs as the check handles them: arrays by name, in other precisions, off by rounding errors; names of entries."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

Array = NDArray[Any]
Inputs = Mapping[str, Any]
Rng = np.random.Generator

EPS = float(np.finfo(np.float64).eps)


def entry_name(name: str, place: Any) -> str:
    """`W[0, 3]`; of a scalar the name alone."""
    return f"{name}[{', '.join(str(int(k)) for k in place)}]" if len(place) else name


def count(inputs: Inputs) -> int:
    """How many numbers inputs hold."""
    return sum(map(np.size, inputs.values()))


def largest(values: Any) -> float:
    """The size of the largest entry; 0 where there is none."""
    return float(np.max(np.abs(values), initial=0.0))


def exactly(values: Any) -> Array:
    """Floating numbers as mpf."""
    found = np.frompyfunc(lambda x: x if isinstance(x, mpf) else mpf(float(x)), 1, 1)(np.asarray(values))
    return np.asarray(found, dtype=object)


def in_precision(dtype: type[np.floating[Any]], inputs: Inputs) -> dict[str, Any]:
    """The inputs with floating numbers in another precision; integers as they are."""
    return {name: as_type(dtype, value) if is_float(value) else value for name, value in inputs.items()}


def as_type(dtype: Any, value: Any) -> Any:
    """A number or an array in another type."""
    array = np.asarray(value)
    return array.astype(dtype) if array.ndim else dtype(value)


def is_float(value: Any) -> bool:
    """Whether a number or an array is floating."""
    return np.asarray(value).dtype.kind == "f"


def moved(inputs: Inputs, rng: Rng) -> dict[str, Any]:
    """The inputs with every number off by a rounding error."""

    def off(value: Any) -> Any:
        array = np.asarray(value)
        return array * (1 + EPS * rng.choice([-1.0, 1.0], size=array.shape))

    return {name: off(value) if is_float(value) else np.asarray(value) for name, value in inputs.items()}
