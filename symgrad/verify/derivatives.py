"""Generated derivatives at one draw of inputs against numerical ones, each with its verdict.

Numerical derivatives are central differences: of the loss for a gradient, of the gradient for a Hessian, of a named
quantity for a Jacobian. A complex step replaces them where it agrees with them to within their error: they say that it
is right, and it has digits that they lack.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from symgrad.verify.arrays import EPS, Array, Inputs, Rng, entry_name
from symgrad.verify.complex_step import ComplexStep, NotAnalytic
from symgrad.verify.differences import Estimate, derivative
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.draw import NEAREST_KINK, Draw
from symgrad.verify.report import TOLERANCE, Entry

BLIND = 1e-4
"""An error beyond this part of a parameter's largest derivative hides too much: the entry is inconclusive. On ordinary
models errors are a million times smaller."""

MOST_ENTRIES = 300  # beyond it, a sample of entries and random directions; up to it, a second for all of the sizes

_COMPLEX_ROUNDING = 64 * EPS
"""The error of a complex step, relative to the parameter's largest derivative: forward mode by hand, in effect, whose
rounding errors are those of the loss."""
_COMPLEX_NOISE = 16.0  # of the gradient's own measured rounding errors: forward and reverse mode round differently

_HALVINGS = 40
_CLEAR = 50.0  # times its rounding error, a Taylor remainder is seen to a hundredth or so


class Along(NamedTuple):
    """A derivative along directions in which parameters move together: its entries, and their own rounding errors."""

    directions: tuple[Direction, ...]
    analytic: Array
    error: Array

    @property
    def scale(self) -> float:
        """The distance over which what is differentiated may be expected to change."""
        return max(direction.scale for direction in self.directions)

    def __str__(self) -> str:
        return " and ".join(direction.label for direction in self.directions)


@dataclass(frozen=True)
class Derivative:
    """The derivative of an array by one parameter, or by several at once.

    Attributes
    ----------
    label : what the report's table calls it: `w`, `H.w.x`.
    of : what is differentiated, for the names of its entries; "" for the loss.
    function : what is differentiated, from inputs.
    noise : the rounding errors of its entries.
    along : the derivative along some directions, over the entries in one row.
    """

    label: str
    of: str
    function: Callable[[Inputs], Array]
    noise: Array
    along: Sequence[Along]


def along(matrix: Array, noise: Array, directions: Sequence[Direction]) -> list[Along]:
    """A matrix (a row an entry of what is differentiated, a column an entry of the parameter) along directions."""
    found = []
    for direction in directions:
        vector = np.ravel(direction.vector)
        with np.errstate(invalid="ignore"):  # an infinite entry times 0, of which the verdict speaks
            products = matrix * vector
            error = noise @ np.abs(vector) + 4 * EPS * np.sum(np.abs(products), axis=1)
            found.append(Along((direction,), np.sum(products, axis=1), error))
    return found


def chosen_directions(tangents: Tangents, most: int, share: int, random: int, rng: Rng) -> list[Direction]:
    """Every direction of a parameter's entries if these are at most `most`, else random ones and a sample."""
    if len(tangents) <= most:
        return tangents.entries()
    return tangents.random(random, rng) + tangents.entries(share, rng)


def values(function: Callable[[Inputs], Array], inputs: Inputs, size: int = 1) -> Array:
    """An array in one row; nan where it cannot be computed, such as the inverse of a singular matrix."""
    try:
        with np.errstate(all="ignore"):
            return np.ravel(np.asarray(function(inputs), dtype=np.float64))
    except (ArithmeticError, np.linalg.LinAlgError):
        return np.full(size, np.nan)


def moving(
    function: Callable[[Inputs], Array], inputs: Inputs, directions: Sequence[Direction]
) -> Callable[[float], Array]:
    """An array as a function of t, where parameters are moved by t along their directions; what is known is kept."""
    bases = {d.parameter: np.asarray(inputs[d.parameter], dtype=np.float64) for d in directions}
    size = values(function, {**inputs, **{name: base.copy() for name, base in bases.items()}}).size
    known: dict[float, Array] = {}

    def at(t: float) -> Array:
        if t not in known:
            moved = {d.parameter: bases[d.parameter] + t * d.vector for d in directions}
            known[t] = values(function, {**inputs, **moved}, size)
        return known[t]

    return at


def judged(
    of: Derivative,
    draw: Draw,
    rows: Callable[[Array], Sequence[int]],
    complex_step: ComplexStep | None = None,
) -> tuple[list[Entry], int]:
    """The verdicts on a derivative, and how many numerical ones are by a complex step.

    Parameters
    ----------
    of : the derivative.
    draw : the inputs.
    rows : which entries of a derivative along a direction to look at.
    complex_step : the loss on complex numbers, where the derivative is one of the loss.
    """
    value = of.function(draw.inputs)
    shape = np.shape(value)
    looked: list[tuple[Along, int, Estimate]] = []
    for one in of.along:
        at = moving(of.function, draw.inputs, one.directions)
        for row in rows(one.analytic):
            noise = float(np.ravel(of.noise)[row])
            looked.append((one, row, _estimate(_entry(at, row), one.scale, noise, draw)))
    sharpened = looked if complex_step is None else _sharpened(looked, of, draw, complex_step, float(value))
    sharp = sum(new is not old for new, old in zip(sharpened, looked, strict=True))
    seen = [abs(e.value) * one.scale for one, _, e in sharpened if e.error <= 0.1 * abs(e.value)]
    entries = []
    for one, row, estimate in sharpened:
        entry = entry_name(of.of, np.unravel_index(row, shape) if shape else ())
        label = f"{entry} by {one}" if entry else str(one)
        scale = max(seen, default=0.0) / one.scale
        entries.append(judge(of.label, label, float(one.analytic[row]), float(one.error[row]), estimate, scale))
    return entries, sharp


def _entry(at: Callable[[float], Array], row: int) -> Callable[[float], float]:
    return lambda t: float(at(t)[row])


def _estimate(function: Callable[[float], float], scale: float, noise: float, draw: Draw) -> Estimate:
    found = derivative(function, scale=scale, noise=noise, first_step=draw.first_step)
    if draw.distance < NEAREST_KINK:
        return replace(found, error=math.inf, floor=0.0, reason=f"a kink is as near as {draw.distance:.1g}")
    return found


def _sharpened(
    looked: list[tuple[Along, int, Estimate]], of: Derivative, draw: Draw, complex_step: ComplexStep, value: float
) -> list[tuple[Along, int, Estimate]]:
    """The same with a complex step where that is more exact and confirmed by the differences."""
    try:
        steps = [complex_step(draw.inputs, one.directions[0]).imag for one, _, _ in looked]
    except NotAnalytic:
        return looked
    sizes = [abs(step) * one.scale for step, (one, _, _) in zip(steps, looked, strict=True)]
    largest = max((size for size in sizes if math.isfinite(size)), default=0.0)
    lost = _COMPLEX_NOISE * EPS * abs(value)  # where terms as large as the loss cancel
    sharpened = []
    for known, step in zip(looked, steps, strict=True):
        one, row, estimate = known
        error = _COMPLEX_ROUNDING * (abs(step) + largest / one.scale) + _COMPLEX_NOISE * float(one.error[row])
        if abs(step - estimate.value) <= TOLERANCE * estimate.error < math.inf and error < estimate.error:
            unseen = max(lost, TOLERANCE * float(np.ravel(of.noise)[row])) / one.scale
            floor = min(estimate.floor, max(error, unseen))
            known = one, row, Estimate(step, error, floor, 0.0)
        sharpened.append(known)
    return sharpened


def taylor_order(function: Callable[[float], float], slope: float, noise: float, first_step: float) -> float:
    """The order at which |f(h) − f(0) − slope·h| falls with h: 2 where `slope` is the derivative at 0, 1 where not.

    It is read off the last halvings of the step before the remainder drowns in `noise`; nan where it is never clear of
    it (a linear function's never is).

    Examples
    --------
    >>> round(taylor_order(math.exp, 1.0, 1e-16, 0.5), 2), round(taylor_order(math.exp, 1.1, 1e-16, 0.5), 2)
    (2.0, 1.0)
    """
    center = function(0.0)
    remainders: list[float] = []
    for halving in range(_HALVINGS):
        step = first_step * 0.5**halving
        remainder = abs(function(step) - center - slope * step)
        if not math.isfinite(remainder):
            remainders = []
            continue
        if remainder <= _CLEAR * (noise + EPS * abs(slope) * step):
            break
        remainders.append(remainder)
    if len(remainders) < 3:
        return math.nan
    return 0.5 * math.log2(remainders[-3] / remainders[-1])


def judge(
    parameter: str, label: str, analytic: float, analytic_error: float, estimate: Estimate, scale: float
) -> Entry:
    """The verdict on one derivative.

    Parameters
    ----------
    parameter, label : what it is the derivative by.
    analytic : the generated derivative.
    analytic_error : its own rounding error.
    estimate : the numerical derivative.
    scale : the largest derivative by this parameter that was seen clearly; 0 where there was none.
    """
    numeric, entry = estimate.value, partial(Entry, parameter, label, analytic, estimate.value)
    if not math.isfinite(analytic):
        return entry(estimate.error, "fail", reason="the loss is finite, its generated derivative is not")
    if not math.isfinite(estimate.error):
        return entry(estimate.error, "inconclusive", reason=estimate.reason)
    error = estimate.error + analytic_error
    difference, size = abs(analytic - numeric), max(abs(analytic), abs(numeric))
    if size <= estimate.floor:
        # a complex step sees what moves no digit of the loss
        return entry(error, "pass", zero=not (size > 0 and difference <= TOLERANCE * error <= 0.1 * size))
    if difference > TOLERANCE * error:
        return entry(error, "fail", reason=estimate.reason)
    # An entry that is small beside its neighbours must still be seen better than to a tenth of itself.
    if TOLERANCE * error > BLIND * max(scale, abs(numeric)) or (analytic != 0 and TOLERANCE * error > 0.1 * size):
        reason = estimate.reason or "a wrong derivative could hide in the numerical one's error"
        return entry(error, "inconclusive", reason=reason)
    return entry(error, "pass")
