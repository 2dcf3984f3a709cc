"""The generated derivatives at one draw of inputs against numerical ones, each with its verdict.

Numerical derivatives are central differences of the loss. A complex step replaces them where it agrees with them to
within their error: they say that it is right, and it has digits that they lack.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from symgrad.verify.complex_step import ComplexStep, NotAnalytic
from symgrad.verify.differences import EPS, FIRST_STEP, Array, Estimate, Loss, along, derivative
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.report import TOLERANCE, Entry, Slope
from symgrad.verify.sampling import Draw

BLIND = 1e-4
"""An error beyond this part of a parameter's largest derivative hides too much: the entry is inconclusive. On ordinary
models errors are a million times smaller."""

MOST_ENTRIES = 300  # beyond it, a sample of entries and random directions; up to it, a second for all of the sizes
RANDOM_DIRECTIONS = 3
NEAREST_KINK = 1e-6  # any nearer, and the steps that fit are drowned by rounding
_FEWEST_STEPS_TO_KINK = 8.0  # a step of an eighth of the distance stays on one side, even where a model amplifies it

_COMPLEX_ROUNDING = 64 * EPS
"""The error of a complex step, relative to the parameter's largest derivative: forward mode by hand, in effect, whose
rounding errors are those of the loss."""
_COMPLEX_NOISE = 16.0  # of the gradient's own measured rounding errors: forward and reverse mode round differently

_HALVINGS = 40
_CLEAR = 50.0  # times its rounding error, a Taylor remainder is seen to a hundredth or so


class Derivatives:
    """The derivatives of one loss at one draw.

    Parameters
    ----------
    loss : what is differentiated.
    draw : the inputs.
    names : the parameters.
    noise : the rounding error of one value of the loss.
    rng : chooses among many entries, and random directions.
    complex_step : the same loss on complex numbers, where there is such a thing.
    most : how many entries all of them are looked at of.
    """

    def __init__(
        self,
        loss: Loss,
        draw: Draw,
        names: Sequence[str],
        noise: float,
        rng: np.random.Generator,
        complex_step: ComplexStep | None = None,
        most: int = MOST_ENTRIES,
    ) -> None:
        self._loss, self._draw, self._noise, self._rng, self._most = loss, draw, noise, rng, most
        self._complex_step = complex_step
        self._tangents = [Tangents(name, draw.inputs[name], draw.constraints) for name in names]
        self._first_step = min(FIRST_STEP, max(draw.distance, NEAREST_KINK) / _FEWEST_STEPS_TO_KINK)
        self.notes: list[str] = []

    def entries(self, gradients: Sequence[Array], noises: Sequence[Array]) -> list[Entry]:
        """The verdicts on a gradient, whose rounding errors are `noises`."""
        entries: list[Entry] = []
        sharp = 0
        for tangent, gradient, noise, directions in zip(
            self._tangents, gradients, noises, self._directions(), strict=True
        ):
            estimates = [self._estimate(direction) for direction in directions]
            errors = [float(np.sum(noise * np.abs(direction.vector))) for direction in directions]
            sharpened = self._sharpened(directions, estimates, errors)
            sharp += sum(new is not old for new, old in zip(sharpened, estimates, strict=True))
            seen = [
                abs(estimate.value) * direction.scale
                for direction, estimate in zip(directions, sharpened, strict=True)
                if estimate.error <= 0.1 * abs(estimate.value)
            ]
            for direction, estimate, error in zip(directions, sharpened, errors, strict=True):
                with np.errstate(invalid="ignore"):  # an infinite entry times 0, of which the verdict speaks
                    products = gradient * direction.vector
                error += 4 * EPS * float(np.sum(np.abs(products)))
                scale = max(seen, default=0.0) / direction.scale
                entries.append(judge(tangent.name, direction.label, float(np.sum(products)), error, estimate, scale))
        if sharp:
            self.notes.append(f"{sharp} of {len(entries)} numerical derivatives by a complex step")
        return entries

    def slopes(self, gradients: Sequence[Array]) -> list[Slope]:
        """How fast the remainder of Taylor's first-order formula falls, along a random direction in each parameter."""
        found = []
        for tangent, gradient in zip(self._tangents, gradients, strict=True):
            for direction in tangent.random(1, self._rng):
                function = along(self._loss, self._draw.inputs, tangent.name, direction.vector)
                order = taylor_order(
                    function, float(np.sum(gradient * direction.vector)), self._noise, self._first_step
                )
                found.append(Slope(tangent.name, order))
        return found

    def _directions(self) -> list[list[Direction]]:
        """For each parameter every entry, or a sample of entries and random directions where there are too many."""
        if sum(map(len, self._tangents)) <= self._most:
            return [tangent.entries() for tangent in self._tangents]
        share = max(1, self._most // (2 * len(self._tangents)))
        return [
            tangent.entries()
            if len(tangent) <= share
            else tangent.random(RANDOM_DIRECTIONS, self._rng) + tangent.entries(share, self._rng)
            for tangent in self._tangents
        ]

    def _estimate(self, direction: Direction) -> Estimate:
        function = along(self._loss, self._draw.inputs, direction.parameter, direction.vector)
        found = derivative(function, scale=direction.scale, noise=self._noise, first_step=self._first_step)
        if self._draw.distance < NEAREST_KINK:
            return replace(found, error=math.inf, floor=0.0, reason=f"a kink is as near as {self._draw.distance:.1g}")
        return found

    def _sharpened(
        self, directions: Sequence[Direction], estimates: Sequence[Estimate], errors: Sequence[float]
    ) -> list[Estimate]:
        """The estimates by a parameter, by a complex step where that is more exact and confirmed by the differences."""
        if self._complex_step is None:
            return list(estimates)
        try:
            values = [self._complex_step(self._draw.inputs, direction).imag for direction in directions]
        except NotAnalytic:
            self._complex_step = None
            return list(estimates)
        sizes = [abs(value) * direction.scale for value, direction in zip(values, directions, strict=True)]
        largest = max((size for size in sizes if math.isfinite(size)), default=0.0)
        sharpened = []
        for direction, estimate, value, rounding in zip(directions, estimates, values, errors, strict=True):
            error = _COMPLEX_ROUNDING * (abs(value) + largest / direction.scale) + _COMPLEX_NOISE * rounding
            confirmed = abs(value - estimate.value) <= TOLERANCE * estimate.error < math.inf
            if confirmed and error < estimate.error:
                floor = min(estimate.floor, max(error, TOLERANCE * self._noise / direction.scale))
                estimate = Estimate(value, error, floor, 0.0)
            sharpened.append(estimate)
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
    numeric = estimate.value
    if not math.isfinite(analytic):
        reason = "the loss is finite, its generated derivative is not"
        return Entry(parameter, label, analytic, numeric, estimate.error, "fail", reason=reason)
    if not math.isfinite(estimate.error):
        return Entry(parameter, label, analytic, numeric, estimate.error, "inconclusive", reason=estimate.reason)
    error = estimate.error + analytic_error
    difference, size = abs(analytic - numeric), max(abs(analytic), abs(numeric))
    if size <= estimate.floor:
        seen = (
            size > 0 and difference <= TOLERANCE * error <= 0.1 * size
        )  # a complex step sees what moves no digit of the loss
        return Entry(parameter, label, analytic, numeric, error, "pass", zero=not seen)
    if difference > TOLERANCE * error:
        return Entry(parameter, label, analytic, numeric, error, "fail", reason=estimate.reason)
    # An entry that is small beside its neighbours must still be seen better than to a tenth of itself.
    if TOLERANCE * error > BLIND * max(scale, abs(numeric)) or (analytic != 0 and TOLERANCE * error > 0.1 * size):
        reason = estimate.reason or "a wrong derivative could hide in the numerical one's error"
        return Entry(parameter, label, analytic, numeric, error, "inconclusive", reason=reason)
    return Entry(parameter, label, analytic, numeric, error, "pass")
