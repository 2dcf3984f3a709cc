"""Numerical derivatives that say how wrong they may be: central differences, extrapolated to a step of zero.

For a smooth `f` the central difference has an error in even powers of the step,

    D(h) = (f(h) − f(−h)) / 2h = f′(0) + a₂h² + a₄h⁴ + …,

so differences at steps h, h/r, h/r², … combine in a triangular tableau that removes one power a column (Richardson).
Ridders' rule takes the tableau's entry that disagrees least with its neighbours and calls the disagreement its error:
C. J. F. Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", Advances in Engineering Software 4 (1982) 75-76.

Two more terms make that error honest. *Rounding*: neighbours may agree by luck where both are noise, so the function's
noise, as a `Neighbourhood` shows it, over the step is carried through the tableau. *Jump*: at a kink such as that of
|x| at 0, D(h) is the same for every step and wrong; but the difference of the two one-sided slopes,

    S(h) = (f(h) − 2f(0) + f(−h)) / h = b₁h + b₃h³ + …,

tends to zero only where f is smooth. It is extrapolated beside D, and what is left of it counts as error.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.verify.arrays import EPS, Array, Inputs, Rng

Loss = Callable[[dict[str, Any]], float]

FIRST_STEP = 0.5
"""The largest step, relative to the scale of what moves. Large, because a gradient that is tiny beside the function's
value (1e-8 of it) is only visible over large steps; too large a step costs one row of the tableau, not the result."""

RATIO = 3.7
"""Between one step and the next. Ridders has 1.4; with 3.7 five rows span a factor 187, so that a kink, an edge of the
domain or a short length scale of the function soon falls outside the stencil. Not an integer: where one step is a
multiple of a period (of sin(1000x), say) all larger ones would be, and agree with each other on a wrong slope."""

FEWEST_ROWS = 4  # with fewer, two neighbours in the tableau can agree by chance while both steps are far too large
MOST_ROWS = 16  # 3.7**-16 is 8e-10: below that the rounding of x itself leaves no digit of a derivative

_NOISE_POINTS = 9
_NOISE_STEP = 2.0**-26  # 1.5e-8: rounding errors up to that size differ from point to point, and a cubic is exact there


@dataclass(frozen=True, slots=True)
class Estimate:
    """A numerical derivative.

    Attributes
    ----------
    value : the derivative; nan where no stencil was finite.
    error : estimated bound of |value − truth|: truncation, rounding and jump together; inf where there is no value.
    floor : a derivative below this changes the function by no more than its rounding, over the steps that were taken.
    step : the smallest step that entered `value`, in units of the argument.
    reason : why the error is what it is, where there is something to say; else empty.
    """

    value: float
    error: float
    floor: float
    step: float
    reason: str = ""


def derivative(
    function: Callable[[float], float], *, scale: float = 1.0, noise: float = 0.0, first_step: float = FIRST_STEP
) -> Estimate:
    """Differentiate a function of one real number at zero.

    Parameters
    ----------
    function : the function; it may return nan or inf where it is not defined, and those steps are shrunk.
    scale : the distance over which the function may be expected to change, in units of its argument.
    noise : bound of the absolute rounding error of one value of the function; at least eps·|f| is assumed.
    first_step : the largest step, in units of `scale`.

    Examples
    --------
    >>> estimate = derivative(lambda t: math.exp(1 + t))
    >>> abs(estimate.value - math.e) <= estimate.error < 1e-12
    True
    >>> derivative(lambda t: max(t, 0.0)).reason
    'the slopes to the left and to the right differ by 1'
    """
    center = function(0.0)
    if not math.isfinite(center):
        return Estimate(math.nan, math.inf, 0.0, 0.0, "the value is not finite")
    above: _Row | None = None
    best: tuple[float, _Cell] | None = None
    floor = math.inf
    rows = 0
    for exponent in range(MOST_ROWS):
        step = scale * first_step * RATIO**-exponent
        high, low = function(step), function(-step)
        if not (math.isfinite(high) and math.isfinite(low)):
            above, rows = None, 0  # an edge of the domain: start again inside it
            continue
        row = _row(above, high, center, low, step, max(noise, EPS * max(abs(high), abs(low), abs(center))), scale)
        floor = min(floor, row[0].rounding)
        for cell in row[1:]:
            if best is None or cell.error < best[0]:
                best = (cell.error, cell)
        above, rows = row, rows + 1
        # From here on every smaller step is worse, whatever it would show.
        if rows >= FEWEST_ROWS and best is not None and row[0].rounding >= best[0]:
            break
    if best is None:
        return Estimate(math.nan, math.inf, 0.0, 0.0, "no two steps to both sides have finite values")
    error, cell = best
    reason = ""
    if abs(cell.jump) > error / 2 and abs(cell.jump) > 100 * cell.rounding:
        reason = f"the slopes to the left and to the right differ by {abs(cell.jump):.3g}"
    # `floor` so far is the rounding at the largest step alone; the tableau has that of the smaller steps it needs, too.
    return Estimate(cell.slope, error, floor * RATIO**FEWEST_ROWS, cell.step, reason)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One entry of the tableau: the extrapolated slope, the extrapolated jump of slopes, and their error's parts."""

    slope: float
    jump: float
    truncation: float
    rounding: float
    step: float

    @property
    def error(self) -> float:
        return self.truncation + self.rounding + abs(self.jump)


_Row = list[_Cell]


def _row(above: _Row | None, high: float, center: float, low: float, step: float, noise: float, scale: float) -> _Row:
    """The tableau's row of one step, from the row of the step RATIO times larger."""
    slope = (high - low) / (2 * step)
    # The argument is rounded too, by eps of its own size, and moves the value by that times the slope.
    rounding = noise / step + EPS * scale / step * abs(slope)
    row = [_Cell(slope, ((high - center) - (center - low)) / step, math.inf, rounding, step)]
    for column, before in enumerate(above or (), start=1):
        left = row[-1]
        even, odd = RATIO ** (2 * column), RATIO ** (2 * column - 1)
        slope = left.slope + (left.slope - before.slope) / (even - 1)
        jump = left.jump + (left.jump - before.jump) / (odd - 1)
        truncation = max(abs(slope - left.slope), abs(slope - before.slope))
        rounding = (even * left.rounding + before.rounding) / (even - 1)
        row.append(_Cell(slope, jump, truncation, rounding, step))
    return row


def typical_size(values: Array) -> Array:
    """The scale of each entry: its magnitude, or the array's root mean square where that is larger; 1 for zeros."""
    values = np.asarray(values, dtype=np.float64)
    mean = math.sqrt(float(np.mean(np.square(values)))) if values.size else 0.0
    return np.asarray(np.maximum(np.abs(values), mean if mean > 0 else 1.0))


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Points on a very short straight line through the inputs, for measuring rounding errors.

    All float arguments move: with the data as they are, terms may cancel exactly. But of data, zeros stay: they may be
    where the loss is not smooth, and it does not matter that it is not. What conditions compare stays as well: another
    branch is no rounding error. The points are not evenly spaced, since steps that are a multiple of the spacing of
    floating-point numbers would all be rounded alike.
    """

    positions: Array
    points: list[dict[str, Any]]

    @classmethod
    def of(cls, inputs: Inputs, parameters: Sequence[str], rng: Rng, compared: Collection[str] = ()) -> "Neighbourhood":
        """The neighbourhood of inputs; zeros of `parameters` (names) move, too, and of `compared` data nothing does."""
        positions = np.arange(_NOISE_POINTS) - _NOISE_POINTS // 2 + rng.uniform(-0.3, 0.3, size=_NOISE_POINTS)
        moves = {}
        for name, value in inputs.items():
            base = np.asarray(value)
            if base.dtype.kind == "f" and name not in compared:
                base = base.astype(np.float64)
                size = typical_size(base) if name in parameters else np.abs(base)
                # No entry may move by so little that the rounded value is the same at all points.
                factors = rng.uniform(0.5, 1.0, size=base.shape) * rng.choice([-1.0, 1.0], size=base.shape)
                moves[name] = (base, size * factors * _NOISE_STEP)
        return cls(
            positions,
            [{**inputs, **{name: base + t * move for name, (base, move) in moves.items()}} for t in positions],
        )

    def spread(self, values: Array) -> Array:
        """Three standard deviations of the rounding errors in values taken at the points, along the first axis.

        What a cubic polynomial leaves of the values: the exact function is a cubic there, to 1e-30 of its fourth
        derivative. In the spirit of J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM J. Sci. Comput.
        33 (2011) 1292-1314, who take high differences for it.
        """
        values = np.asarray(values, dtype=np.float64)
        basis = np.linalg.qr(np.vander(self.positions, 4))[0]
        with np.errstate(invalid="ignore"):  # of infinite values; the spread is nan then
            centred = values - values[_NOISE_POINTS // 2]
            rest = centred - np.tensordot(basis @ basis.T, centred, axes=1)
            return np.asarray(3.0 * np.sqrt(np.sum(np.square(rest), axis=0) / (_NOISE_POINTS - 4)))
