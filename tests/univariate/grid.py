"""Value, gradient and Hessian of generated modules at the places where functions lose digits, against mpmath.

Right is what mpmath gives at 1500 digits, derivatives by central differences of it, whose error is below 1e-400. An
error is relative, over one and the condition number: what half an ulp of each input does to the value is no fault.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import mpmath
import numpy as np

from symgrad import Model

TINY = (1e-300, 1e-100, 1e-20, 1e-12, 1e-8, 1e-5, 1e-3)
MIDDLE = (0.03, 0.2, 0.4, 0.6, 0.9, 1.3, 3.0, 8.0, 20.0, 40.0)
LARGE = (100.0, 340.0, 400.0, 720.0, 800.0, 1e4, 1e10)
POSITIVE = (*TINY, *MIDDLE, *LARGE)
BOTH = (*(-v for v in POSITIVE), *POSITIVE)

DIGITS = 1500
STEP = mpmath.mpf(10) ** -220
# Below this float64 has no digits left.
LEAST = 1e-290
Truth = Callable[..., Any]


def exact(truth: Truth, at: Mapping[str, float], *by: str) -> Any:
    """The value, or the derivative by these inputs in turn; None where it is no real number."""
    if not by:
        try:
            value = mpmath.mpmathify(truth(**at))
        except (ZeroDivisionError, ValueError):
            return None
        return None if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value) else value
    name, *rest = by
    step = STEP * (abs(at[name]) or 1)
    up, down = (exact(truth, {**at, name: at[name] + side * step}, *rest) for side in (1, -1))
    return None if up is None or down is None else (up - down) / (2 * step)


def condition(truth: Truth, at: Mapping[str, float], *by: str) -> float:
    """Σ |x·f′/f| over the inputs."""
    value, total = exact(truth, at, *by), mpmath.mpf(0)
    for name, x in at.items():
        slope = exact(truth, at, name, *by)
        total += abs(x * slope / value) if value and slope is not None else 0
    return float(total) if total < 1e300 else float("inf")


def errors(
    model: Model, truth: Truth, at: Mapping[str, float], module: Any, dtype: Any = np.float64
) -> dict[str, float]:
    """The error of value, gradient and Hessian where they are finite, with NumPy's warnings as errors."""
    given = {name: dtype(value) for name, value in at.items()}
    found: dict[str, float] = {}
    with np.errstate(all="raise", under="ignore"), mpmath.workdps(DIGITS):
        point = {name: mpmath.mpf(float(value)) for name, value in given.items()}
        names = [parameter.name for parameter in model.parameters]
        wanted: dict[tuple[str, ...], Any] = {(): None} | {(p,): None for p in names}
        wanted |= {(p, r): None for p in names for r in names} if hasattr(module, "hessian") else {}
        right = {by: exact(truth, point, *by) for by in wanted}
        largest = np.finfo(dtype).max
        if any(value is None or abs(value) > largest for value in right.values()):
            return found
        value, gradient = module.value_and_gradient(**given)
        have = {(): value} | {(p,): getattr(gradient, p) for p in names}
        if hasattr(module, "hessian"):
            hessian = module.hessian(**{k: v for k, v in given.items() if k in signature(module.hessian).parameters})
            have |= {(p, r): getattr(getattr(hessian, p), r) for p in names for r in names}
        for by, number in have.items():
            wrong = abs(mpmath.mpf(float(number)) - right[by])
            if wrong > (LEAST if dtype is np.float64 else 1e-35):
                relative = wrong / abs(right[by]) if right[by] else mpmath.inf
                if relative > 8 * np.finfo(dtype).eps:
                    relative /= 1 + condition(truth, point, *by)
                found[" ".join(by) or "value"] = float(relative)
    return found
