"""Checks of the arguments: arrays of one floating type, their shapes and ranges."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgrad.runtime.declared import ARGUMENTS, DIMENSIONS, INTEGERS, SHAPES, SPARSE


def _arguments(*given: Any, names: Any = ARGUMENTS, whole: Any = (), dense: Any = ()) -> tuple[NDArray[Any], ...]:
    """Arguments as arrays of one floating type that fit, no sides of 1 but those in `whole`; `dense` are not sparse."""
    kinds = tuple([(one.dtype, one.shape) if type(one) is np.ndarray else type(one) for one in given])
    if (fits := _fits(names, kinds, whole)) is None:
        given = tuple([_array(name, one, dense) for name, one in zip(names, given, strict=True)])
        fits = _fits(names, tuple([(one.dtype, one.shape) for one in given]), whole)
    given = tuple(map(np.float64, given)) if fits[2] else given  # all at once
    for n, dtype, shape in fits[0]:
        one = given[n].astype(dtype, copy=False).reshape(shape) if shape else dtype.type(np.asarray(given[n]).item())
        given = (*given[:n], one, *given[n + 1 :])
    return given


@lru_cache
def _fits(names: tuple[str, ...], kinds: tuple[Any, ...], whole: tuple[str, ...] = ()) -> Any:
    """What arguments of these kinds need, another type and shape, and all sizes; None if some are no real numbers."""
    pairs = [kind if isinstance(kind, tuple) else (np.dtype(kind), ()) for kind in kinds]
    if any(pair[0].kind not in ("iu" if name in INTEGERS else "fiub") for name, pair in zip(names, pairs, strict=True)):
        return None
    floats = [pair for pair, kind in zip(pairs, kinds, strict=True) if pair[0].kind == "f" and kind is not float]
    real = np.result_type(np.float32, *[kind for kind, n in floats if n] or [kind for kind, _ in floats] or [float])
    fits, sizes, given = [], dict[Any, Any](), {name: shape for name, (_, shape) in zip(names, pairs, strict=True)}
    for name, (_, shape) in zip(names, pairs, strict=True):
        sides = labels = SHAPES.get(name.removeprefix("direction_"), (name,))
        if len(shape) != len(sides) and name not in whole:
            labels = tuple([label for label in sides if label != 1]) or sides[: len(shape)]
        if len(shape) != len(labels):
            raise ValueError(f"{name}: expected shape ({', '.join(map(str, sides))}), got shape {shape}; given {given}")
        for axis, (label, side) in enumerate(zip(labels, shape, strict=True)):
            said = f"{label} = {side} {'as passed' if label == name else f'by {name}'}"
            size, said = (label, str(label)) if isinstance(label, int) else sizes.setdefault(label, (side, said))
            if side != size:
                raise ValueError(f"{name}: side {axis} is {said}, got {side}; given {given}")
        kept = tuple([n for n, label in zip(shape, labels, strict=True) if label != 1 or name in whole])
        fits.append((np.dtype(np.int64) if name in INTEGERS else real, kept))
    plain = {*kinds} == {float}  # real numbers of Python's, which fit as soon as they are NumPy's
    changes = [(n, *f) for n, f in enumerate(fits) if f != pairs[n] or not (f[1] or plain or kinds[n] is real.type)]
    return changes, {label: n for label, (n, _) in sizes.items() if label in DIMENSIONS}, plain


def _array(name: str, given: Any, dense: Any = ()) -> Any:
    """What NumPy makes of an argument, or an error that says which argument it cannot use; a size is an integer."""
    if name in DIMENSIONS:
        if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < 0:
            raise TypeError(f"{name}: expected an integer size of at least 0, or data with it, got {given!r}")
        return int(given)
    wanted, kinds = ("integers", "iu") if name in INTEGERS else ("dense " * (name in dense) + "real numbers", "fiub")
    try:
        array = given.tocsr() if name in SPARSE and name not in dense and hasattr(given, "tocsr") else np.asarray(given)
    except Exception as error:
        raise TypeError(f"{name}: expected {wanted}, got {type(given).__name__}: {error}") from error
    if isinstance(given, np.ma.MaskedArray) or (array.size and array.dtype.kind not in kinds):
        said = "; fill it first" if array.dtype.kind in kinds else f" of type {array.dtype}"
        raise TypeError(f"{name}: expected {wanted}, got {str(type(given))[8:-2]}{said}")  # scipy.sparse._csr.csr_array
    return array if array.dtype.kind in kinds else array.astype(np.int64 if name in INTEGERS else float)  # no entries


def _check_range(name: str, array: NDArray[Any], size: int) -> None:
    outside = (array < 0) | (array >= size)
    if np.any(outside):
        position = tuple(int(k) for k in np.argwhere(outside)[0])
        raise IndexError(f"{name}{list(position) or ''} is {array[position]}, expected 0 ... {size - 1}")
