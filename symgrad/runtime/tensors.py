"""What libraries of tensors do in one way, and NumPy's modules in another: without branches, for functions are traced.

Written with NumPy's names, which each library has under its own.
"""

from math import factorial
from typing import Any

import numpy as np

from symgrad.runtime.declared import SHAPES
from symgrad.runtime.gamma import _polygamma, _stirling_rise
from symgrad.runtime.logarithms import _share_excess


def _fitted(*whole: str, **arrays: Any) -> list[Any]:
    """The arrays once their sides agree, without sides of length one, which those in `whole` keep."""
    fitted: list[Any] = []
    sizes: dict[Any, Any] = {}
    given = {name: tuple(array.shape) for name, array in arrays.items()}
    for name, array in arrays.items():
        sides = labels = SHAPES[name.removeprefix("direction_")]
        if array.ndim != len(sides) and name not in whole:
            labels = tuple([label for label in sides if label != 1]) or sides[: array.ndim]
        if array.ndim != len(labels):
            raise ValueError(
                f"{name}: expected shape ({', '.join(map(str, sides))}), got shape {given[name]}; given {given}"
            )
        for axis, (label, side) in enumerate(zip(labels, array.shape, strict=True)):
            first = (label, str(label)) if isinstance(label, int) else (side, f"{label} = {side} by {name}")
            size, said = sizes.setdefault(label, first)
            if side != size:
                raise ValueError(f"{name}: side {axis} is {said}, got {side}; given {given}")
        kept = zip(array.shape, labels, strict=True)
        fitted.append(array.reshape([side for side, label in kept if label != 1 or name in whole]))
    return fitted


def _over_rows(rows: Any, arrays: Any, shared: Any, width: int, size: int, kept: Any = (), joins: Any = None) -> Any:
    """What `rows` makes of all rows of a chunk at once: no blocks, whose number `width` and `size` would say."""
    return rows(*arrays, *[part for part, *_ in kept], *shared)


def _log_growth(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + (y/x)ⁿ), which is n·log|y/x| where the power overflows."""
    growth = (y / x) ** n
    far = growth == np.inf
    sizes = [np.log(np.abs(np.where(far, one, 1))) for one in (y, x)]
    return np.where(far, n * (sizes[0] - sizes[1]), np.log1p(np.where(far, 0, growth)))


def _log_growth_excess(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + g) − g/(1 + g) with g = (y/x)ⁿ ≥ 0, whose terms cancel where g is small."""
    growth = (y / x) ** n
    growth = np.minimum(growth, np.finfo(growth.dtype).max)
    share = growth / (1 + growth)
    return np.where(share < 0.15, _share_excess(share), _log_growth(y, x, n) - share)


def _in_pieces(x: Any, radius: float, near: Any, above: Any, below: Any) -> Any:
    """near(x) where abs(x) < radius, beyond it above(x) and below(-x); x itself where it is not a number."""
    small, size = np.abs(x) < radius, np.abs(x)
    far = np.where(small, radius, size)
    beyond = np.where(x > 0, above(far), below(far))
    return np.where(np.isnan(x), x, np.where(small, near(np.where(small, x, 0.5 * radius)), beyond))


def _polygamma_rise(n: int, x: Any, d: Any, end: Any) -> Any:
    """f(end) − f(x) with end = x + d, for f = log Γ (n = −1) or ψ⁽ⁿ⁾."""
    least = np.minimum(x, end)
    step = np.abs(d) + 0 * least
    small = ~(least >= 12)
    made = _stirling_rise(n, np.where(small, 12, least), step)
    upper, lower = _polygamma(n, np.where(small, end, 1)), _polygamma(n, np.where(small, x, 1))
    plain = upper - lower
    alike = np.abs(plain) < 0.5 * np.maximum(np.abs(upper), np.abs(lower))
    cancels = small & (least > 0) & (alike | (step < 0.25 * least))
    raised = _raised_rise(n, np.where(cancels, least, 1), step)
    plain = np.where(cancels, np.where(d < 0, -raised, raised), plain)
    return np.where(small, plain, np.where(d < 0, -made, made))


def _raised_rise(n: int, x: Any, d: Any) -> Any:
    """f(x + d) − f(x) for small x > 0 and d ≥ 0, raised by f(x + 1) − f(x), which is log x or a power of x."""
    made = _stirling_rise(n, x + 12, d)
    for k in range(12):
        ratio = d / (x + k)
        growth = np.where(ratio < np.inf, np.log1p(ratio), np.log(d + (d == 0)) - np.log(x + k))
        weight = 1 if n == -1 else (-1) ** n * factorial(n) * (x + k) ** -(n + 1.0)
        made = made - (growth if n == -1 else weight * np.expm1(-(n + 1) * growth))
    return made
