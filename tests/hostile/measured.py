"""Errors of value and gradient in units of the last place, against mpmath.

An error is that of one entry, in units of the last place (ulps) of the exact entry at the inputs as they are stored:
the spacing of floating numbers there. It is divided by the entry's *condition* where that is above one: by how many
ulps the exact entry moves when every input moves by one ulp, up or down at random (the largest of four draws). Who
computes from rounded inputs cannot do better, so what the mathematics cancels is nobody's error; what is lost by the
way it is computed is.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from mpmath import isfinite, mp, mpf

from .cases import Case, Inputs
from .words import Exact

Array = np.ndarray[Any, Any]

# Differences at a step of 1e-500 have an error of 1e-1000, and 1150 digits leave 300 of a derivative of 1e-300.
_DIGITS, _STEP = 1150, "1e-500"
_DRAWS = 4


@dataclass(frozen=True)
class Exactly:
    """The exact value and gradient, one number after the other, and the condition of each."""

    numbers: list[Any]
    condition: list[float]


@dataclass(frozen=True)
class Errors:
    """The largest error of the value and of the gradient; what is not finite where it should be is infinitely wrong."""

    value: float
    gradient: float
    warned: str = ""


@cache
def compiled(case: Case) -> ModuleType:
    return case.model().compile(check=False)


def as_type(inputs: Inputs, dtype: str) -> Inputs:
    with np.errstate(over="ignore", under="ignore"):
        return {name: np.asarray(value, dtype=dtype) for name, value in inputs.items()}


def exactly(case: Case, inputs: Inputs) -> Exactly | None:
    """Value and gradient at 1150 digits; None where they are no finite real numbers."""
    names = list(compiled(case).PARAMETERS)
    try:
        numbers = _numbers(case, inputs, names)
    except ZeroDivisionError:
        return None
    if not all(isinstance(number, mpf) and isfinite(number) for number in numbers):
        return None
    condition = [1.0] * len(numbers)
    rng = np.random.default_rng(0)
    for _ in range(_DRAWS):
        moved = {name: value if name in case.kept else _moved(value, rng) for name, value in inputs.items()}
        for n, (one, other) in enumerate(zip(numbers, _numbers(case, moved, names), strict=True)):
            if not (isinstance(other, mpf) and isfinite(other)):
                continue  # moved out of the domain
            condition[n] = max(condition[n], float(abs(one - other) / _spacing(one, _dtype(inputs))))
    return Exactly(numbers, condition)


def _dtype(inputs: Inputs) -> Any:
    return next(iter(inputs.values())).dtype


def _moved(value: Array, rng: np.random.Generator) -> Array:
    up = rng.integers(0, 2, size=value.shape) == 1
    towards = np.where(up, np.inf, -np.inf).astype(value.dtype)
    return np.where(value == 0, value, np.nextafter(value, towards))


def _numbers(case: Case, inputs: Inputs, names: list[str]) -> list[Any]:
    with mp.workdps(_DIGITS):
        step = mpf(_STEP)
        given = {name: _exact_array(value) for name, value in inputs.items()}
        words = Exact()
        numbers = [mpf(0) + case.loss(words, **given)]
        for name in names:
            array = given[name]
            for place in np.ndindex(array.shape):
                ends = []
                for move in (step, -step):
                    other = array.copy()
                    other[place] += move
                    ends.append(case.loss(words, **{**given, name: other}))
                if all(isinstance(end, mpf) for end in ends):
                    numbers.append((ends[0] - ends[1]) / (2 * step))
                else:  # 0**1.5 is differentiated from the side where it is real, closer by
                    other[place] = array[place] + step**2
                    numbers.append((case.loss(words, **{**given, name: other}) - numbers[0]) / step**2)
        return numbers


def _exact_array(value: Array) -> Array:
    made = np.empty(value.shape, dtype=object)
    for place in np.ndindex(value.shape):
        made[place] = mpf(float(value[place]))
    return made


def _spacing(exact: Any, dtype: Any) -> Any:
    with np.errstate(over="ignore"):
        nearest = dtype.type(float(exact))
    return mpf(float(np.spacing(np.minimum(abs(nearest), np.finfo(dtype).max / 2))))


def ulps(value: Any, exact: Any, condition: float, dtype: Any) -> float:
    """The error of one number."""
    with np.errstate(over="ignore"):
        nearest = dtype.type(float(exact))
    if value == nearest:
        return 0.0
    if not np.isfinite(value) or not isfinite(exact):
        return float("inf")
    return float(abs(mpf(float(value)) - exact) / _spacing(exact, dtype)) / max(1.0, condition)


def errors(exact: Exactly, value: Any, gradient: list[Any], dtype: Any, warned: str = "") -> Errors:
    found = [
        ulps(number, right, condition, dtype)
        for number, right, condition in zip(
            np.concatenate([np.ravel(value), *(np.ravel(g) for g in gradient)]),
            exact.numbers,
            exact.condition,
            strict=True,
        )
    ]
    return Errors(found[0], max(found[1:], default=0.0), warned)


def of_symgrad(case: Case, inputs: Inputs) -> tuple[Any, list[Any], str]:
    """Value and gradient of the generated module, and the first warning that NumPy gave, if any."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value, gradient = compiled(case).value_and_gradient(**inputs)
    return value, list(gradient), str(caught[0].message) if caught else ""
