"""Checks of the arguments: arrays of one floating type, their shapes and ranges."""

from typing import Any

import numpy as np
import numpy.typing as npt

from symgrad.runtime.declared import FLOATING


def _ready(*given: Any) -> bool:
    """Whether all are plain arrays of one floating type, which are taken as they are."""
    first = given[0]
    if type(first) is not np.ndarray or first.dtype not in FLOATING:
        return False
    for array in given:
        if type(array) is not np.ndarray or array.dtype is not first.dtype:
            return False
    return True


def _floating(**given: Any) -> list[npt.NDArray[Any]]:
    """Arrays of their common floating type; integers and scalars take the type of the floating arrays."""
    arrays = {name: _array(name, value) for name, value in given.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name}: expected real numbers, got {type(given[name]).__name__} of type {array.dtype}")
    typed = [array for name, array in arrays.items() if array.ndim or isinstance(given[name], np.ndarray | np.generic)]
    floats = [array for array in typed if array.dtype.kind == "f"]
    types = [array.dtype for array in floats if array.ndim] or [array.dtype for array in floats]
    dtype = np.result_type(np.float32, *types) if types else np.dtype(np.float64)
    return [array.astype(dtype, copy=False)[()] for array in arrays.values()]


def _array(name: str, given: Any) -> npt.NDArray[Any]:
    """What NumPy makes of an argument, or an error that says which argument it cannot use."""
    if type(given) is np.ndarray:
        return given
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected real numbers, got a masked array; fill it first")
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array, got {type(given).__name__}: {error}") from error
    except Exception as error:
        raise TypeError(f"{name}: expected real numbers, got {type(given).__name__}: {error}") from error


def _integers(name: str, given: Any) -> npt.NDArray[Any]:
    array = _array(name, given)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name}: expected integers, got {type(given).__name__} of type {array.dtype}")
    return array.astype(np.int64, copy=False)


def _size(name: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise TypeError(f"{name}: expected an integer size, got {given!r} ({type(given).__name__})")
    if given < 0:
        raise ValueError(f"{name}: expected a size of at least 0, got {given}")
    return int(given)


def _squeezed(name: str, array: Any, labels: tuple[str | int, ...]) -> Any:
    """A matrix with a side of length one, without that side; a flat vector is taken as it is."""
    longs = [axis for axis, label in enumerate(labels) if label != 1]
    if np.ndim(array) == len(longs):
        return array
    if not longs and np.shape(array) == (1,):
        return array[0]
    _check_axes(name, array, labels)
    for axis, label in enumerate(labels):
        if label == 1 and array.shape[axis] != 1:
            raise ValueError(f"{name}: side {axis} is 1, got shape {array.shape}")
    return array.reshape([array.shape[axis] for axis in longs])[()]


def _check_axes(name: str, array: Any, labels: tuple[str | int, ...]) -> None:
    if np.ndim(array) != len(labels):
        expected = ", ".join(map(str, labels))
        raise ValueError(f"{name}: expected shape ({expected}), got shape {array.shape}")


def _check_shape(name: str, shape: tuple[int, ...], labels: tuple[str, ...], expected: tuple[int, ...]) -> None:
    for axis, (label, wanted, got) in enumerate(zip(labels, expected, shape, strict=True)):
        if wanted != got:
            size = label if label == str(wanted) else f"{label} = {wanted}"
            raise ValueError(f"{name}: side {axis} is {size} by the other arguments, got {got}")


def _check_minimum(source: str, name: str, size: int, minimum: int) -> None:
    if size < minimum:
        raise ValueError(f"{source}: the model needs {name} >= {minimum}, got {name} = {size}")


def _check_nonempty(what: str, name: str, size: int, times: int = 1) -> None:
    if size < 1 and times > 0:
        raise ValueError(f"{name}: the {what} over {name} entries needs {name} >= 1, got {size}")


def _check_range(name: str, array: npt.NDArray[Any], size: int) -> None:
    outside = (array < 0) | (array >= size)
    if np.any(outside):
        position = tuple(int(k) for k in np.argwhere(outside)[0])
        raise IndexError(f"{name}{list(position) or ''} is {array[position]}, expected 0 ... {size - 1}")
