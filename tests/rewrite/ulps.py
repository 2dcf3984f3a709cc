"""Errors in units of the last place over a logarithmic grid, of two forms of one thing side by side."""

from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

GOOD = 4.0
"""Ulps. A form is good where its error is at most this; no replacement may be worse there, or only by what the
rounding of its inputs makes of the value: σ(x − y) beside exp(x)/(exp(x) + exp(y)), whose x − y is rounded."""

_DECADES = [float(f"1e{e}") for e in (-300, -200, -100, -50, -20, -17, -16, -15, -12, -9, -8, -6, -4, -3, -2, -1)]
_ONES = [
    0.02,
    0.047,
    0.12,
    0.2,
    0.25,
    0.3,
    0.37,
    0.5,
    0.7,
    1.0,
    1.1,
    2.0,
    2.5,
    3.0,
    7.0,
    10.0,
    17.0,
    19.0,
    20.0,
    30.0,
    36.0,
    37.0,
    38.0,
    40.0,
]
_ENDS = [100.0, 300.0, 354.0, 356.0, 700.0, 708.0, 709.5, 710.0, 740.0, 745.0, 746.0, 1e3, 1e4, 1e8, 1e50, 1e200, 1e300]
POSITIVE = _DECADES + _ONES + _ENDS
GRID = np.array([*(-v for v in reversed(POSITIVE)), 0.0, *POSITIVE])

COARSE = np.array(sorted({*GRID[::6], *(s * v for v in (1e-300, 710.0, 1e300) for s in (-1, 1))}))

NEAR = (1e-9, -1e-9, 2e-9, -2e-9, 3e-9, -3e-9)
EXACT_DIGITS = 700  # 1 + 1e-300 and its logarithm need them


class Errors(NamedTuple):
    """The errors of one rule in ulps at every point of the grid."""

    points: list[tuple[float, ...]]
    plain: np.ndarray[Any, Any]  # at the point and, where it is good there, beside it: a lucky rounding is no merit
    replaced: np.ndarray[Any, Any]
    condition: np.ndarray[Any, Any]  # the change of the exact value where the inputs move by a rounding error

    @property
    def worse(self) -> list[int]:
        """Where the plain form is good, and the replacement neither good nor as good as its inputs allow."""
        with np.errstate(over="ignore"):
            allowed = GOOD * np.maximum(1, self.condition)
        found = np.flatnonzero((self.plain <= GOOD) & (self.replaced > allowed))
        return [int(n) for n in found]

    @property
    def worst_where_good(self) -> float:
        """The largest error of the replacement where the plain form is good and the value well-conditioned."""
        return float(np.max(self.replaced[(self.plain <= GOOD) & (self.condition <= GOOD)], initial=0.0))

    @property
    def cured(self) -> int:
        """At how many points the replacement is good and the plain form is not."""
        return int(np.sum((self.plain > GOOD) & (self.replaced <= GOOD)))


def ulps(value: Any, exact: Any, unit: Any = None) -> float:
    """The error of a float64 in ulps of the exact value (or of `unit`), which is infinite from where float64 ends."""
    nearest = float(exact)
    if value == nearest:
        return 0.0
    if not mpmath.isfinite(value) or not np.isfinite(nearest):
        return float("inf")
    if abs(mpf(value) - exact) < float(np.finfo(float).tiny):  # numbers below it may count as 0
        return 0.0
    return float(abs(mpf(value) - exact) / mpf(float(np.spacing(abs(float(exact if unit is None else unit))))))


def row(name: str, found: Errors) -> list[str]:
    """A line of the table, and one for each of the first points where the replacement is worse."""
    numbers = (found.plain.max(), found.replaced.max(), found.worst_where_good)
    cells = "".join(f" {number:>9.3g}" for number in numbers)
    lines = [f"{name:<28} {len(found.points):>6}{cells} {found.cured:>6}"]
    return lines + [
        f"    at {found.points[n]}: {found.plain[n]:.3g} became {found.replaced[n]:.3g}" for n in found.worse[:3]
    ]


HEAD = f"{'rewrite':<28} {'points':>6} {'plain':>9} {'replaced':>9} {'good':>9} {'cured':>6}"
