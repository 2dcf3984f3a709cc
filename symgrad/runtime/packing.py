"""Parameters as one flat vector, and the sizes that are found for it."""

from bisect import bisect_left
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from symgrad.runtime.arguments import _array, _floating, _read_sizes, _size
from symgrad.runtime.declared import ARGUMENTS, DIMENSIONS, PARAMETER_SIZES, PARAMETERS, _parameter_shapes


def _by_name(given: tuple[Any, ...], data: dict[str, Any]) -> dict[str, Any]:
    """Data in order, as `scipy.optimize.minimize` passes its `args`, and data by name, all by name."""
    names = [name for name in ARGUMENTS if name not in PARAMETERS]
    if len(given) > len(names):
        raise TypeError(f"expected at most {len(names)} data after theta: {', '.join(names)}; got {len(given)}")
    for name in names[: len(given)]:
        if name in data:
            raise TypeError(f"{name}: given twice, by its place and by its name")
    return {**dict(zip(names, given, strict=False)), **data}


def _unpacked(theta: Any, data: dict[str, Any]) -> list[npt.NDArray[Any]]:
    """The parameters in a flat vector, as views into it, once its length is found to agree with the data."""
    (theta,) = _floating(theta=theta)
    if theta.ndim != 1:
        raise ValueError(f"theta: expected a flat vector, got shape {theta.shape}")
    known = _known_sizes(data)
    sizes = {name: size for name, (size, _) in known.items()}
    unknown = [name for name in PARAMETER_SIZES if name not in sizes]
    if len(unknown) > 1:
        raise ValueError(f"unpack: pass the sizes {', '.join(unknown)} by name; the data do not determine them")
    for name in unknown:  # the number of entries grows with it
        sizes[name] = bisect_left(
            range(theta.size), theta.size, key=lambda size: sum(map(prod, _parameter_shapes({**sizes, name: size})))
        )
    shapes = _parameter_shapes(sizes)
    *_, expected = ends = [*accumulate(map(prod, shapes))]
    if expected != theta.size:
        wanted = [f"{name} {shape}" for name, shape in zip(PARAMETERS, shapes, strict=True)]
        said = ", ".join([*wanted, *(text for _, text in known.values())])
        raise ValueError(f"theta: expected {expected} entries ({said}), got {theta.size}")
    return [theta[end - prod(shape) : end].reshape(shape) for end, shape in zip(ends, shapes, strict=True)]


def _packed(**parts: Any) -> npt.NDArray[Any]:
    """The parameters, in order, as one flat vector, once their shapes are found to agree."""
    arrays = _floating(**parts)
    known: dict[str, tuple[int, str]] = {}
    for name, array in zip(parts, arrays, strict=True):
        _read_sizes(name, array.shape, known)
    sizes = {name: size for name, (size, _) in known.items()}
    if sizes.keys() >= set(PARAMETER_SIZES):
        for name, array, shape in zip(parts, arrays, _parameter_shapes(sizes), strict=True):
            if array.size != prod(shape):
                raise ValueError(f"{name}: expected shape {shape} by the other parameters, got shape {array.shape}")
    return np.concatenate([np.ravel(array) for array in arrays])


def _known_sizes(data: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The sizes that are passed by name or can be read off the data, each with what errors say of it."""
    passed = {name: _size(name, data[name]) for name in DIMENSIONS if name in data}
    sizes = {name: (size, f"{name} = {size} as passed") for name, size in passed.items()}
    for name, given in data.items():
        if name not in DIMENSIONS and (name not in ARGUMENTS or name in PARAMETERS):
            raise TypeError(f"unexpected argument {name!r}; expected data or a size, by name")
        if name not in DIMENSIONS:
            _read_sizes(name, _array(name, given).shape, sizes)
    return sizes
