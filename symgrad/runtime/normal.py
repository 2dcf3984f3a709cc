"""Functions of the normal distribution that keep digits in both tails, by erfcx(u) = exp(u²)·erfc(u)."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # modules with such functions import SciPy, symgrad itself can do without it
    import scipy.special  # type: ignore[import-untyped,unused-ignore]


def _inverse_mills(x: Any) -> Any:
    """φ(x)/Φ(x), also where both underflow: √(2/π)/erfcx(−x/√2)."""
    return 0.7978845608028654 / scipy.special.erfcx(-0.7071067811865476 * x)


def _mills_tail(x: Any) -> tuple[Any, Any, Any]:
    """e = 1/(t + 2/(t + 3/(t + …))) = x + φ(x)/Φ(x) with t = −x, and its first two derivatives, for x ≤ −4."""
    t = np.maximum(-x, 4)  # from where on 35 terms give all digits
    value = slope = curvature = 0 * t
    for k in range(35, 0, -1):
        below, moved = t + value, 1 + slope
        value = k / below
        slope = -value / below * moved
        curvature = -2 * slope / below * moved - value / below * curvature
    return value, -slope, curvature


def _mills_excess(x: Any) -> Any:
    """x + φ(x)/Φ(x), whose terms cancel far below 0."""
    return np.where(x < -4, _mills_tail(x)[0], x + _inverse_mills(x))[()]


def _mills_slope(x: Any) -> Any:
    """The derivative of φ(x)/Φ(x)."""
    return -_inverse_mills(x) * _mills_excess(x)


def _mills_variance(x: Any) -> Any:
    """1 plus the derivative of φ(x)/Φ(x), which is near −1 far below 0."""
    return np.where(x < -4, _mills_tail(x)[1], 1 + _mills_slope(x))[()]


def _mills_curvature(x: Any) -> Any:
    """The second derivative of φ(x)/Φ(x)."""
    above = np.maximum(x, -4)
    near = _inverse_mills(above) * (_mills_excess(above) ** 2 - _mills_variance(above))
    return np.where(x < -4, _mills_tail(x)[2], near)[()]


def _log_erfc(u: Any) -> Any:
    """log(erfc(u)), also where erfc underflows, and near 0, where it is 1."""
    above = np.maximum(u, 0.5)
    return np.where(
        u < 0.5, np.log1p(-scipy.special.erf(np.minimum(u, 0.5))), np.log(scipy.special.erfcx(above)) - above * above
    )[()]


def _ndtr_difference(low: Any, high: Any) -> Any:
    """Φ(high) − Φ(low), by the tails that are near the interval."""
    mirrored = low + high < 0
    near = np.where(mirrored, -high, low) * 0.7071067811865476
    far = np.where(mirrored, -low, high) * 0.7071067811865476
    central = scipy.special.erf(far) - scipy.special.erf(near)
    return 0.5 * np.where(near < 0.7, central, scipy.special.erfc(near) - scipy.special.erfc(far))[()]


def _interval(low: Any, high: Any) -> tuple[Any, ...]:
    """An interval mirrored so that its nearer end is not below 0 by more than the other is above it.

    Returns whether it was mirrored, both ends, Mills' ratio at both, the density at the farther end by that at the
    nearer one, and Φ(high) − Φ(low) by the latter (where the nearer end is below 1: by 1/√(2π)).
    """
    mirrored = low + high < 0
    near, far = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    width = np.minimum(far - near, 1e3)  # beyond it the farther end does not matter
    central = near < 1
    start = np.where(central, 1, near)
    ends = [1.2533141373155003 * scipy.special.erfcx(0.7071067811865476 * end) for end in (start, start + width)]
    decay = np.exp(-width * (start + 0.5 * width))
    whole = scipy.special.erf(0.7071067811865476 * far) - scipy.special.erf(0.7071067811865476 * near)
    return mirrored, near, far, *ends, decay, np.where(central, 1.2533141373155003 * whole, ends[0] - decay * ends[1])


def _log_ndtr_difference(low: Any, high: Any) -> Any:
    """log(Φ(high) − Φ(low)), also where it underflows."""
    _, near, far, _, _, _, mass = _interval(low, high)
    start = np.where(near < 1, 0, near)
    outside = 0.5 * (scipy.special.erfc(0.7071067811865476 * far) + scipy.special.erfc(-0.7071067811865476 * near))
    inside = np.log(mass) - 0.5 * start * start - 0.9189385332046728
    return np.where(outside < 0.5, np.log1p(-np.minimum(outside, 0.5)), inside)[()]


def _interval_mills(low: Any, high: Any) -> Any:
    """φ(low)/(Φ(high) − Φ(low)), also where both underflow."""
    mirrored, near, _, _, _, decay, mass = _interval(low, high)
    end = np.clip(low, -50, 50)  # where the density is 0
    density = np.where(near < 1, np.exp(-0.5 * end * end), np.where(mirrored, decay, 1))
    return (density / mass)[()]


def _interval_excess(low: Any, high: Any) -> Any:
    """φ(low)/(Φ(high) − Φ(low)) − low, whose terms cancel where low is far above 0."""
    mirrored, near, _, ratio, other, decay, mass = _interval(low, high)
    start = np.where(near < 1, 1, near)
    far = (ratio * _mills_excess(-start) + start * decay * other) / mass
    return np.where(mirrored | (near < 1), _interval_mills(low, high) - low, far)[()]
