"""Differences of log Γ and of its derivatives, logarithms of Bessel functions, with their digits at large arguments."""

from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.runtime.logarithms import _share_excess

if TYPE_CHECKING:  # modules with such functions import SciPy, symgrad itself can do without it
    import scipy.special  # type: ignore[import-untyped,unused-ignore]


def _stirling_rise(n: int, x: Any, d: Any) -> Any:
    """f(x + d) − f(x) for f = log Γ (n = −1) or ψ⁽ⁿ⁾, x ≥ 12 and d ≥ 0, from their asymptotic series.

    Source: NIST Digital Library of Mathematical Functions, 5.11.1, 5.11.2 and 5.15.8.
    """
    growth = np.log1p(d / x)
    if n == -1:
        made = d * np.log(x) + ((x + d - 0.5) * growth - d)
    elif n == 0:
        made = growth
    else:
        made = (-1) ** (n + 1) * factorial(n - 1) / x**n * np.expm1(-n * growth)
    return made + _stirling_rest(n, x, growth)


def _stirling_rest(n: int, x: Any, growth: Any) -> Any:
    """What the series adds to the first terms, where x + d is x·exp(growth)."""
    inverse = 1 / x
    made = 0 * inverse
    if n >= 0:
        made = (-1) ** (n + 1) * 0.5 * factorial(n) * inverse ** (n + 1) * np.expm1(-(n + 1) * growth)
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    for k, number in enumerate(bernoulli, 1):
        weight = (-1) ** (n + 1) * number * factorial(2 * k + n - 1) / factorial(2 * k)
        made = made + weight * inverse ** (2 * k + n) * np.expm1(-(2 * k + n) * growth)
    return made


def _polygamma_rise(n: int, x: Any, d: Any, end: Any) -> Any:
    """f(end) − f(x) with end = x + d, for f = log Γ (n = −1) or ψ⁽ⁿ⁾."""
    least = np.minimum(x, end)
    step = abs(d) + 0 * least
    small = ~(least >= 12)
    made = _stirling_rise(n, np.where(small, 12, least), step)
    made = np.where(d < 0, -made, made)
    if not np.any(small):
        return made[()]
    upper, lower = _polygamma(n, np.where(small, end, 1)), _polygamma(n, np.where(small, x, 1))
    plain = upper - lower
    alike = np.abs(plain) < 0.5 * np.maximum(np.abs(upper), np.abs(lower))
    cancels = small & (least > 0) & (alike | (step < 0.25 * least))
    if np.any(cancels):
        raised = _raised_rise(n, np.where(cancels, least, 1), step)
        plain = np.where(cancels, np.where(d < 0, -raised, raised), plain)
    return np.where(small, plain, made).astype(made.dtype)[()]


def _polygamma_excess(n: int, x: Any, d: Any, end: Any) -> Any:
    """ψ⁽ⁿ⁾(end) − ψ⁽ⁿ⁾(x) with end = x + d, less its leading term: d/end where n is 0, 1/end − 1/x where it is 1."""
    far = np.minimum(x, end) >= 12
    share = d / end
    plain = _polygamma_rise(n, x, d, end) - (share if n == 0 else -share / x)
    start, step = np.where(far, x, 12), np.where(far, d + 0 * x, 0)
    growth = np.log1p(step / start)
    made = _stirling_rest(n, start, growth)
    if n == 0:  # log(1 + d/x) is −log(1 − d/end)
        made = made + np.where(abs(share) < 0.15, _share_excess(share), growth - share)
    return np.where(far, made, plain).astype(made.dtype)[()]


def _polygamma(n: int, x: Any) -> Any:
    """log Γ(x) (n = −1) or ψ⁽ⁿ⁾(x)."""
    if n == -1:
        return scipy.special.gammaln(x)
    return scipy.special.digamma(x) if n == 0 else scipy.special.polygamma(n, x)


def _raised_rise(n: int, x: Any, d: Any) -> Any:
    """f(x + d) − f(x) for small x > 0 and d ≥ 0, raised by f(x + 1) − f(x), which is log x or a power of x."""
    made = _stirling_rise(n, x + 12, d)
    for k in range(12):
        with np.errstate(over="ignore"):
            ratio = d / (x + k)
        growth = np.where(ratio < np.inf, np.log1p(ratio), np.log(d + (d == 0)) - np.log(x + k))
        if n == -1:
            made = made - growth
        else:
            made = made - (-1) ** n * factorial(n) * (x + k) ** -(n + 1.0) * np.expm1(-(n + 1) * growth)
    return made


def _log_rising(x: Any, d: Any, end: Any) -> Any:
    """log Γ(end) − log Γ(x) with end = x + d."""
    return _polygamma_rise(-1, x, d, end)


def _log_beta(a: Any, b: Any) -> Any:
    """log Γ(a) + log Γ(b) − log Γ(a + b)."""
    least = np.minimum(a, b)
    return scipy.special.gammaln(least) - _log_rising(np.maximum(a, b), least, a + b)


def _log_choose(v: Any, w: Any) -> Any:
    """log Γ(v + w − 1) − log Γ(v) − log Γ(w)."""
    least, most = np.minimum(v, w), np.maximum(v, w)
    end = (most - 1) + least  # least - 1 drops the digits of a small one
    return _log_rising(most, least - 1, end) - scipy.special.gammaln(least)


def _bessel_series(n: Any, x: Any) -> Any:
    """I_n(x)·Γ(n + 1)/(x/2)ⁿ − 1 for |x| ≤ 1, by its power series."""
    square = 0.25 * x * x
    made = 0 * square
    for k in range(10, 0, -1):
        made = square / (k * (n + k)) * (1 + made)
    return made


def _hankel(n: Any, x: Any) -> tuple[Any, Any]:
    """H = exp(−x)·I_n(x)·√(2πx) and its derivative by Hankel's expansion, for x ≥ 30·(n + 1)².

    Source: NIST Digital Library of Mathematical Functions, 10.40.1.
    """
    inverse = 1 / x
    term = 1 + 0 * inverse
    value, slope = term, 0 * term
    for k in range(1, 20):
        term = term * ((2 * k - 1) ** 2 - 4 * n * n) * (0.125 / k) * inverse
        value, slope = value + term, slope - k * term * inverse
    return value, slope


def _scaled_bessel(n: Any, x: Any) -> Any:
    """exp(−x)·I_n(x)·√(2πx) for x > 0."""
    far = x > 30 * (n + 1) ** 2
    near = np.where(far, 1, x)
    series, _ = _hankel(n, np.where(far, x, 30 * (n + 1) ** 2))
    scaled = scipy.special.ive(n, near) * np.sqrt(6.283185307179586 * near)
    return np.where(far, series, scaled).astype(series.dtype)


def _log_besseli(n: Any, x: Any) -> Any:
    """log I_n(x) for x > 0, also where I_n(x) overflows, underflows or is near 1."""
    small, large = np.minimum(x, 1), np.maximum(x, 1)
    series = np.log1p(_bessel_series(n, small))
    if np.any(np.not_equal(n, 0)):
        series = series + n * np.log(0.5 * small) - scipy.special.gammaln(n + 1)
    scaled = np.log(_scaled_bessel(n, large)) - 0.5 * np.log(6.283185307179586 * large)
    return np.where(x < 1, series, large + scaled).astype(scaled.dtype)[()]


def _besseli_ratio(n: Any, x: Any) -> Any:
    """I_{n+1}(x)/I_n(x) for x > 0, also where both overflow or underflow."""
    small, large = np.minimum(x, 1), np.maximum(x, 1)
    series = 0.5 * small / (n + 1) * (1 + _bessel_series(n + 1, small)) / (1 + _bessel_series(n, small))
    return np.where(x < 1, series, _scaled_bessel(n + 1, large) / _scaled_bessel(n, large))[()]


def _besseli_slope(n: Any, x: Any) -> Any:
    """The derivative of r = I_{n+1}(x)/I_n(x), 1 − r² − (2n + 1)·r/x."""
    far = x > 8 * (n + 2) ** 2
    (above, rise), (below, fall) = (_hankel(m, np.where(far, x, 8 * (n + 2) ** 2)) for m in (n + 1, n))
    ratio = _besseli_ratio(n, x)
    return np.where(far, ratio * (rise / above - fall / below), 1 - ratio * ratio - (2 * n + 1) * ratio / x)[()]
