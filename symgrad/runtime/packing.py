"""Parameters as one flat vector, and the sizes that are found for it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from symgrad.runtime.arguments import _array, _floating, _size
from symgrad.runtime.declared import ARGUMENTS, DIMENSIONS, PARAMETER_SIZES, PARAMETERS, SHAPES, _parameter_shapes


def _by_name(given: tuple[Any, ...], data: dict[str, Any]) -> dict[str, Any]:
    """Data in order, as `scipy.optimize.minimize` passes its `args`, and data by name, all by name."""
    names = [name for name in ARGUMENTS if name not in PARAMETERS]
    if len(given) > len(names):
        raise TypeError(f"expected at most {len(names)} data after theta: {', '.join(names)}; got {len(given)}")
    twice = [name for name in names[: len(given)] if name in data]
    if twice:
        raise TypeError(f"{twice[0]}: given twice, by its place and by its name")
    return {**dict(zip(names, given, strict=False)), **data}


def _unpacked(theta: Any, data: dict[str, Any]) -> list[npt.NDArray[Any]]:
    """The parameters in a flat vector, as views into it, once its length is found to agree with the data."""
    (theta,) = _floating(theta=theta)
    if theta.ndim != 1:
        raise ValueError(f"theta: expected a flat vector, got shape {theta.shape}")
    sizes, sources = _known_sizes(data)
    unknown = [name for name in PARAMETER_SIZES if name not in sizes]
    if len(unknown) > 1:
        raise ValueError(f"unpack: pass the sizes {', '.join(unknown)} by name; the data do not determine them")
    if unknown:  # the number of entries grows with the one unknown size: bisection
        low, high = 0, max(1, theta.size)
        while low < high:
            sizes[unknown[0]] = (low + high) // 2
            if sum(_entries(shape) for shape in _parameter_shapes(sizes)) < theta.size:
                low = sizes[unknown[0]] + 1
            else:
                high = sizes[unknown[0]]
        sizes[unknown[0]] = low
    shapes = _parameter_shapes(sizes)
    expected = sum(_entries(shape) for shape in shapes)
    if expected != theta.size:
        wanted = ", ".join(f"{name} {shape}" for name, shape in zip(PARAMETERS, shapes, strict=True))
        known = "".join(f", {name} = {sizes[name]} {source}" for name, source in sources.items())
        raise ValueError(f"theta: expected {expected} entries ({wanted}{known}), got {theta.size}")
    parts = []
    start = 0
    for shape in shapes:
        stop = start + _entries(shape)
        parts.append(theta[start:stop].reshape(shape))
        start = stop
    return parts


def _packed(**parts: Any) -> npt.NDArray[Any]:
    """The parameters, in order, as one flat vector, once their shapes are found to agree."""
    arrays = _floating(**parts)
    sizes: dict[str, int] = {}
    sources: dict[str, str] = {}
    for name, array in zip(parts, arrays, strict=True):
        _read_sizes(name, array.shape, sizes, sources)
    if all(name in sizes for name in PARAMETER_SIZES):
        for name, array, shape in zip(parts, arrays, _parameter_shapes(sizes), strict=True):
            if array.size != _entries(shape):
                raise ValueError(f"{name}: expected shape {shape} by the other parameters, got shape {array.shape}")
    return np.concatenate([np.ravel(array) for array in arrays])


def _known_sizes(data: dict[str, Any]) -> tuple[dict[str, int], dict[str, str]]:
    """The sizes that are passed by name or can be read off the data, and where each comes from."""
    sizes: dict[str, int] = {}
    sources: dict[str, str] = {}
    for name, given in data.items():
        if name in DIMENSIONS:
            sizes[name], sources[name] = _size(name, given), "as passed"
        elif name not in ARGUMENTS or name in PARAMETERS:
            raise TypeError(f"unexpected argument {name!r}; expected data or a size, by name")
    for name, given in data.items():
        if name not in DIMENSIONS:
            _read_sizes(name, _array(name, given).shape, sizes, sources)
    return sizes, sources


def _read_sizes(name: str, shape: tuple[int, ...], sizes: dict[str, int], sources: dict[str, str]) -> None:
    """Read sizes off the sides of an array; those that are known are compared."""
    labels = SHAPES[name]
    if len(shape) != len(labels):  # a matrix with a side of one, given flat
        labels = tuple(label for label in labels if label != 1)
    if not labels and shape == (1,):
        return
    if len(shape) != len(labels):
        raise ValueError(f"{name}: expected shape ({', '.join(map(str, SHAPES[name]))}), got shape {shape}")
    for axis, (label, side) in enumerate(zip(labels, shape, strict=True)):
        if isinstance(label, int):
            if side != label:
                raise ValueError(f"{name}: side {axis} is {label}, got {side}")
        elif label in DIMENSIONS and sizes.setdefault(label, side) != side:
            raise ValueError(f"{name}: side {axis} is {label} = {sizes[label]} {sources[label]}, got {side}")
        elif label in DIMENSIONS:
            sources.setdefault(label, f"by {name}")


def _entries(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=int))
