"""Checks of the arguments: arrays of one floating type, their shapes and ranges."""

from typing import Any

import numpy as np
import numpy.typing as npt

from symgrad.runtime.declared import SHAPES, SPARSE


def _thin(given: Any, axis: int) -> Any:
    """An array of one row or column, which has length one along the axis, as a vector; anything else as it is."""
    if type(given) is np.ndarray and given.ndim == 2 and given.shape[axis] == 1:
        return given[:, 0] if axis else given[0]
    return given


def _fitted(*whole: str, **arrays: Any) -> list[Any]:
    """The arrays once their sides agree, without sides of length one, which those in `whole` keep."""
    sizes: dict[str, tuple[int, str]] = {}
    for name, array in arrays.items():
        labels = _read_sizes(name, array.shape, sizes, name not in whole)
        if 1 in labels and name not in whole:
            arrays[name] = array.reshape([n for n, label in zip(array.shape, labels, strict=True) if label != 1])[()]
    return [*arrays.values()]


def _read_sizes(name: str, shape: tuple[int, ...], sizes: dict[str, tuple[int, str]], flat: bool = True) -> list[Any]:
    """What the sides of an array, which may lack those of one if it is `flat`, are called; their sizes are noted."""
    labels = sides = [*SHAPES[name.removeprefix("direction_")]]
    if flat and len(shape) != len(sides):
        labels = [label for label in sides if label != 1] or sides[: len(shape)]
    if len(shape) != len(labels):
        raise ValueError(f"{name}: expected shape ({', '.join(map(str, sides))}), got shape {shape}")
    for axis, (label, side) in enumerate(zip(labels, shape, strict=True)):
        named = side, f"{label} = {side} by {name}"  # what errors say of it
        size, said = (label, str(label)) if isinstance(label, int) else sizes.setdefault(label, named)
        if side != size:
            raise ValueError(f"{name}: side {axis} is {said}, got {side}")
    return labels


def _floating(**given: Any) -> list[npt.NDArray[Any]]:
    """Arrays of their common floating type; integers and scalars take the type of the floating arrays."""
    arrays = [_array(name, one) for name, one in given.items()]
    floats = [(array, hasattr(one, "dtype")) for array, one in zip(arrays, given.values(), strict=True)]
    floats = [(array, typed) for array, typed in floats if array.dtype.kind == "f"]
    types = [array.dtype for array, _ in floats if array.ndim] or [array.dtype for array, typed in floats if typed]
    dtype = np.result_type(np.float32, *(types or [np.dtype(np.float64)]))
    return [array.astype(dtype, copy=False) if array.ndim else array.astype(dtype)[()] for array in arrays]


def _array(name: str, given: Any, kinds: str = "fiub") -> npt.NDArray[Any]:
    """What NumPy makes of an argument, or an error that says which argument it cannot use."""
    sparse, wanted = hasattr(given, "tocsr"), "real numbers" if "f" in kinds else "integers"
    found = f"got {'a sparse ' if sparse else ''}{type(given).__name__}"
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected {wanted}, got a masked array; fill it first")
    try:
        array: npt.NDArray[Any] = given.tocsr() if sparse and name in SPARSE else np.asarray(given)
    except Exception as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{name}: expected {wanted}, {found}: {error}") from error
    if array.dtype.kind not in kinds and (array.size or "f" in kinds):
        raise TypeError(f"{name}: expected {wanted}, {found} of type {array.dtype}")
    return array


def _integers(name: str, given: Any) -> npt.NDArray[Any]:
    return _array(name, given, "iu").astype(np.int64, copy=False)


def _size(name: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise TypeError(f"{name}: expected an integer size, got {given!r} ({type(given).__name__})")
    if given < 0:
        raise ValueError(f"{name}: expected a size of at least 0, got {given}")
    return int(given)


def _check_range(name: str, array: npt.NDArray[Any], size: int) -> None:
    outside = (array < 0) | (array >= size)
    if np.any(outside):
        position = tuple(int(k) for k in np.argwhere(outside)[0])
        raise IndexError(f"{name}{list(position) or ''} is {array[position]}, expected 0 ... {size - 1}")
