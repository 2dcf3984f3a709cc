"""Functions of numbers that compiled modules bring along, written so that the compiler can put them into loops.

Those without a branch are computed for several numbers at a time. All take floating numbers and integers, and keep
infinities and nan. A generated module has its own `_native` and `_adding`, which compile.
"""

import math
from typing import Any

import numpy as np

from symgrad.targets.numba.declared import _adding, _native


@_adding
def _plus(total: Any, x: Any) -> Any:
    """The next sum of a row of numbers, which may be added up in any order."""
    return total + x


@_native
def _power_of_two(k: Any) -> Any:
    """2 ** k for integers k as floating numbers, -1075 ≤ k ≤ 1024, as two factors: one of them may be out of range."""
    whole = np.int64(k)
    half = whole >> 1
    return np.int64((half + 1023) << 52).view(np.float64), np.int64((whole - half + 1023) << 52).view(np.float64)


@_native
def _exponential(r: Any) -> Any:
    """(exp(r) - 1 - r) / r² for |r| ≤ log(2)/2, by its series."""
    made = r * 1.6059043836821613e-10 + 2.08767569878681e-09
    made = (made * r + 2.505210838544172e-08) * r + 2.755731922398589e-07
    made = (made * r + 2.7557319223985893e-06) * r + 2.48015873015873e-05
    made = (made * r + 0.0001984126984126984) * r + 0.001388888888888889
    made = (made * r + 0.008333333333333333) * r + 0.041666666666666664
    return (made * r + 0.16666666666666666) * r + 0.5


@_native
def _exp(x: Any) -> Any:
    """exp(x), by 2 ** k exp(r) with |r| ≤ log(2)/2."""
    near = min(max(x, -746.0), 710.0)
    k = (near * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0  # rounds to an integer
    r = (near - k * 0.6931471803691238) - k * 1.9082149292705877e-10  # log(2) in two parts, exact for every k
    one, other = _power_of_two(k)
    made = (1 + (r + r * r * _exponential(r))) * one * other
    return made if x == x else x


@_native
def _expm1(x: Any) -> Any:
    """exp(x) - 1."""
    near = min(max(x, -746.0), 710.0)
    k = (near * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0
    large, small = near - k * 0.6931471803691238, k * 1.9082149292705877e-10
    r = large - small
    one, other = _power_of_two(k)
    rise = r + (((large - r) - small) + r * r * _exponential(r))
    made = (rise * one) * other + (one * other - 1) if k < 1000 else ((1 + rise) * one) * other
    return made if (x == x) & (x != 0) else x


@_native
def _parts_of_log(x: Any) -> Any:
    """k and f with x = 2 ** k (1 + f) and 1 + f between √½ and √2, for positive x that are no subnormals."""
    bits = np.float64(x).view(np.int64) - 4604544271217802189  # those of √½
    k = bits >> 52
    one = np.int64((bits & 0xFFFFFFFFFFFFF) + 4604544271217802189).view(np.float64)
    return np.float64(k), one - 1


@_native
def _log_of_parts(k: Any, f: Any, more: Any) -> Any:
    """k log(2) + log(1 + f) + more, by the series of 2 artanh(s) with s = f / (2 + f), whose square is below 0.03.

    log(1 + f) = 2 artanh(s) = f - f²/2 + s (f²/2 + 2 (s²/3 + s⁴/5 + ...)), of which the first parts are the largest.
    """
    s = f / (2 + f)
    z = s * s
    made = (z * 0.09523809523809523 + 0.10526315789473684) * z + 0.11764705882352941  # 2/21, 2/19, 2/17, ...
    made = ((made * z + 0.13333333333333333) * z + 0.15384615384615385) * z + 0.18181818181818182
    made = ((made * z + 0.2222222222222222) * z + 0.2857142857142857) * z + 0.4
    made = (made * z + 0.6666666666666666) * z
    half = 0.5 * f * f
    return k * 0.6931471803691238 - ((half - (s * (half + made) + (k * 1.9082149292705877e-10 + more))) - f)


@_native
def _log(x: Any) -> Any:
    """log(x)."""
    given = np.float64(x)
    small = given < 2.2250738585072014e-308
    k, f = _parts_of_log(given * 18014398509481984.0 if small else given)
    made = _log_of_parts(k - 54.0 if small else k, f, 0.0)
    made = made if given > 0 else (-np.inf if given == 0 else np.nan)
    return made if given < np.inf else given


@_native
def _log1p(x: Any) -> Any:
    """log(1 + x): the logarithm of the rounded sum, and what was lost by rounding."""
    given = np.float64(x)
    near = 1 + given
    lost = given - (near - 1) if given < 1 else 1 - (near - given)
    k, f = _parts_of_log(near)
    made = _log_of_parts(k, f, lost / near)
    made = made if near > 0 else (-np.inf if near == 0 else np.nan)
    return made if (given < np.inf) & (given != 0) else given


@_native
def _tanh(x: Any) -> Any:
    """tanh(x)."""
    twice = 2 * min(abs(x), 22.0)
    k = (twice * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0
    large, small = twice - k * 0.6931471803691238, k * 1.9082149292705877e-10
    r = large - small
    one = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    rise = (r + (((large - r) - small) + r * r * _exponential(r))) * one + (one - 1)
    made = math.copysign(rise / (rise + 2), x)
    return made if x == x else x


@_native
def _entry_maximum(x: Any, y: Any) -> Any:
    """The larger number; nan if one is."""
    return x if (x >= y) | (x != x) else y


@_native
def _entry_minimum(x: Any, y: Any) -> Any:
    """The smaller number; nan if one is."""
    return x if (x <= y) | (x != x) else y


@_native
def _entry_sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), exact in both tails: the exponential is of -abs(x) and never overflows."""
    tail = _exp(-abs(x))
    return (1.0 if x >= 0 else tail) / (1 + tail)


@_native
def _logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)), without overflow."""
    if x == y:
        return x + _log(2.0)
    return _entry_maximum(x, y) + _log1p(_exp(-abs(x - y)))


@_native
def _xlogy(x: Any, y: Any) -> Any:
    """x log y, and 0 where x is 0."""
    return 0.0 if (x == 0) & (y == y) else x * _log(y)


@_native
def _entry_xdivy(y: Any, x: Any) -> Any:
    """y / x, and 0 where y is 0."""
    return y / (1.0 if y == 0 else x)


@_native
def _entry_log_abs1p(x: Any) -> Any:
    """log |1 + x|."""
    return _log1p(x) if abs(x) < 0.5 else _log(abs(1 + x))


@_native
def _entry_reciprocal_norm(x: Any) -> Any:
    """1/x, and 0 where x = 0: in the gradient of a norm, which is 0 at 0 by convention."""
    return 0.0 if x == 0 else 1 / x


@_native
def _entry_reciprocal_root(x: Any) -> Any:
    """x ** -0.5, and 0 where x = 0: in the gradient of a norm, which is 0 at 0 by convention."""
    return 1 / np.sqrt(x) if x > 0 else 0.0
