"""The check of how a module computes: row by row, by several threads, and without reading memory it has not written.

Inputs as small as the check draws are never split into blocks of rows unless the module is told to, and memory that
nobody has written holds by chance what an earlier call left there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from symgrad.verify.differences import Array
from symgrad.verify.report import Finding

_REPEAT_TOLERANCE = 1e-10  # blocks sum in another order


def computing_findings(
    module: Any, inputs: Mapping[str, Any], value: float, gradients: Sequence[Array], noise: float
) -> list[Finding]:
    """Whether value and gradient stay the same in blocks of one row and with new memory full of not-a-number.

    Parameters
    ----------
    module : the generated module; of one written by hand, without these settings, there is nothing to say.
    inputs : where.
    value, gradients : the loss and its derivatives there.
    noise : the absolute error that they may have.
    """
    ways: dict[str, dict[str, Any]] = {}
    if hasattr(module, "np"):
        ways["no number depends on memory that was not written"] = {"np": _Filled()}
    if hasattr(module, "_block_rows"):
        rows: Callable[..., int] = lambda *_: 1  # noqa: E731
        for count in (1, 2):
            name = f"blocks of rows give the same numbers by {count} thread{'s' * (count > 1)}"
            ways[name] = {"_block_rows": rows, "BLOCK_BYTES": 0, "THREADS": count, "THREAD_WORK": 0}
    found = []
    for name, settings in ways.items():
        try:
            with _set(module, settings), np.errstate(all="ignore"):
                other, parts = module.value_and_gradient(**inputs)
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            found.append(Finding(name, "fail", f"it raised {type(problem).__name__}: {problem}"))
            continue
        pairs = [(np.asarray(other), np.asarray(value)), *zip(parts, gradients, strict=True)]
        same = all(_close(got, wanted, noise) for got, wanted in pairs)
        found.append(Finding(name, "pass" if same else "fail", "" if same else f"value is {value!r}, or {other!r}"))
    return found


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
