"""The check of how a module computes: row by row, by threads, from any layout, without reading what it has not written.

Inputs as small as the check draws are never split into blocks of rows unless the module is told to, and memory that
nobody has written holds by chance what an earlier call left there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from symgrad.verify.differences import Array
from symgrad.verify.report import Finding
from symgrad.verify.sampling import Draw

_REPEAT_TOLERANCE = 1e-10  # blocks sum in another order


def computing_findings(
    module: Any, draw: Draw, value: float, gradients: Sequence[Array], noise: float
) -> list[Finding]:
    """Whether value and gradient stay the same in blocks, from other layouts, and with new memory full of nan.

    Parameters
    ----------
    module : the generated module; of one written by hand, without these settings, there is nothing to say.
    draw : the inputs.
    value, gradients : the loss and its derivatives there.
    noise : the absolute error that they may have.
    """
    ways: dict[str, dict[str, Any]] = {}
    layouts = {f"the numbers are the same for inputs {said}": laid_out for said, laid_out in _LAYOUTS.items()}
    if hasattr(module, "np"):
        ways["no number depends on memory that was not written"] = {"np": _Filled()}
    if hasattr(module, "_block_rows"):
        rows: Callable[..., int] = lambda *_: 1  # noqa: E731
        for count in (1, 2):
            name = f"blocks of rows give the same numbers by {count} thread{'s' * (count > 1)}"
            ways[name] = {"_block_rows": rows, "BLOCK_BYTES": 0, "THREADS": count, "THREAD_WORK": 0}
    found = []
    for name in (*ways, *layouts):
        there = dict(draw.inputs)
        if name in layouts:
            there = {k: layouts[name](v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in draw.inputs.items()}
        try:
            with _set(module, ways.get(name, {})), np.errstate(all="ignore"):
                other, parts = module.value_and_gradient(**there)
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            found.append(Finding(name, "fail", f"it raised {type(problem).__name__}: {problem}"))
            continue
        labels = ["value", *getattr(parts, "_fields", (f"gradient {n}" for n in range(len(gradients))))]
        pairs = zip(labels, [other, *parts], [value, *gradients], strict=True)
        differing = [pair for pair in pairs if not _close(np.asarray(pair[1]), np.asarray(pair[2]), noise)]
        wrong = difference(*differing[0]) if differing else ""
        found.append(Finding(name, "fail" if wrong else "pass", wrong))
    return found


def _strided(array: Array) -> Array:
    """The same numbers as every second entry of an array, the last first."""
    held = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    view = held[..., ::-2]
    view[...] = array
    return view


_LAYOUTS: dict[str, Callable[[Array], Array]] = {"in Fortran's order": np.asfortranarray, "that are views": _strided}


def difference(label: str, got: Any, wanted: Any) -> str:
    """The worst entry, and both numbers."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    if got.shape != wanted.shape:
        return f"{label} has the shape {got.shape} instead of {wanted.shape}"
    if not got.size:
        return f"{label} is empty"
    with np.errstate(invalid="ignore"):  # infinite less infinite
        off = np.nan_to_num(np.abs(got - wanted), nan=np.inf)
    at = tuple(map(int, np.unravel_index(np.argmax(off), off.shape)))
    where = f"{label}[{', '.join(map(str, at))}]" if at else label
    return f"{where} is {float(got[at])!r} instead of {float(wanted[at])!r}"


class _Filled:
    """NumPy, but its new arrays are full of not-a-number, or of an integer that is no subscript."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any = float, **options: Any) -> Array:
        return self._fill(np.empty(shape, dtype, **options))

    def empty_like(self, prototype: Any, *given: Any, **options: Any) -> Array:
        return self._fill(np.empty_like(prototype, *given, **options))

    def _fill(self, array: Array) -> Array:
        if array.dtype.kind == "f":
            array.fill(np.nan)
        elif array.dtype.kind in "iu":
            array.fill(np.iinfo(array.dtype).max)
        return array


@contextmanager
def _set(module: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """While this lasts, names of the module have other values."""
    before = {name: getattr(module, name) for name in settings}
    try:
        for name, setting in settings.items():
            setattr(module, name, setting)
        yield
    finally:
        for name, setting in before.items():
            setattr(module, name, setting)


def _close(got: Array, wanted: Array, noise: float) -> bool:
    scale = float(np.max(np.abs(wanted), initial=0.0))
    return got.shape == wanted.shape and bool(np.all(np.abs(got - wanted) <= _REPEAT_TOLERANCE * scale + noise))
