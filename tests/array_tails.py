"""Losses of arrays at far inputs: value and gradient of a generated module beside those of the same loss in mpmath.

An entry may be off by 1e-12 of the largest entry of its array, and by as much of what the condition of the problem
does: what the entry changes by where the inputs move.
"""

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

from symgrad import Model

DIGITS = 1000
STEP = mpmath.mpf(10) ** -150  # of central differences
NUDGE = mpmath.mpf(10) ** -60  # by which inputs move to see the condition

Inputs = Mapping[str, Any]
Numbers = dict[str, np.ndarray[Any, Any]]


def shortfalls(
    model: Model, truth: Callable[..., Any], *points: Inputs, tolerance: float = 1e-12, dtype: Any = np.float64
) -> list[str]:
    """What the module of a model has wrong, in words; `truth` takes arrays of mpmath's numbers by name."""
    module = model.compile(check=False)
    wrong = []
    for number, inputs in enumerate(points):
        given = {name: _as(value, dtype) for name, value in inputs.items()}
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_gradient(**given)
        found = {"value": value} | {name: getattr(gradient, name) for name in module.PARAMETERS}
        with mpmath.workdps(DIGITS):
            right, change = _with_condition(truth, {name: _exact(value) for name, value in given.items()}, module)
            for name, entries in right.items():
                largest = max(map(abs, entries.flat))
                for place in np.ndindex(entries.shape):
                    got, wanted = np.asarray(found[name])[place], entries[place]
                    allowed = tolerance * (largest + change[name][place]) + 4 * float(np.finfo(dtype).tiny)
                    if not (np.isfinite(got) and abs(mpmath.mpf(float(got)) - wanted) <= allowed):
                        wrong.append(f"{number}: {name}{list(place)} is {got!r}, right is {mpmath.nstr(wanted, 17)}")
    return wrong


def _as(value: Any, dtype: Any) -> Any:
    return np.asarray(value) if np.asarray(value).dtype.kind in "iu" else np.asarray(value, dtype=dtype)


def _exact(value: Any) -> Any:
    if value.dtype.kind in "iu":
        return value
    exact = np.empty(value.shape, dtype=object)
    for place in np.ndindex(value.shape):
        exact[place] = mpmath.mpf(float(value[place]))
    return exact


def _with_condition(truth: Callable[..., Any], at: Inputs, module: Any) -> tuple[Numbers, Numbers]:
    right = _numbers(truth, at, module)
    change = {name: np.zeros(entries.shape, dtype=object) for name, entries in right.items()}
    for seed in range(2):
        signs = np.random.default_rng(seed)
        moved = {
            name: np.asarray(value * (1 + NUDGE * signs.choice([-1, 1], value.shape).astype(object)), dtype=object)
            if value.dtype == object
            else value
            for name, value in at.items()
        }
        for name, entries in _numbers(truth, moved, module).items():
            change[name] = np.asarray(np.maximum(change[name], np.abs(entries - right[name]) / NUDGE), dtype=object)
    return right, change


def _numbers(truth: Callable[..., Any], at: Inputs, module: Any) -> Numbers:
    """Value and gradient."""

    def value(name: str = "", place: Any = (), by: Any = 0) -> Any:
        moved = {key: array.copy() for key, array in at.items()}
        if name:
            moved[name][place] += by
        return truth(**{key: array if array.ndim else array[()] for key, array in moved.items()})

    found = {"value": np.array(value(), dtype=object)}
    for name in module.PARAMETERS:
        slopes = np.empty(at[name].shape, dtype=object)
        for place in np.ndindex(slopes.shape):
            step = STEP * (abs(at[name][place]) or 1)
            slopes[place] = (value(name, place, step) - value(name, place, -step)) / (2 * step)
        found[name] = slopes
    return found
