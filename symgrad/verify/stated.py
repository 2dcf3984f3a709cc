"""The check that value and named quantities are what the model states: the loss, and `where`, at 50 digits."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from symgrad.verify.arrays import EPS, entry_name
from symgrad.verify.draw import EMPTY
from symgrad.verify.point import REPEAT, Point, finding
from symgrad.verify.report import Finding

VALUE_IS_LOSS = "value is the model's loss"

MOST_ENTRIES = 24  # of a quantity, that are evaluated as they are written: one may cost as much as a loss
_TOLERANCE = 1e-9
_ROUNDING = 1e-40  # what the reference may leave of a number that is exactly zero


def reference_findings(point: Point) -> Iterator[Finding]:
    """Whether the value is the loss as the model states it, and with nothing moved that of what is differentiated."""
    value, reference = point.value, point.subject.reference
    if value is not None and reference is not None:
        expected = float(reference(dict(point.draw.inputs), point.draw.sizes))
        if math.isfinite(expected):
            detail = f"value is {value!r}, the loss {expected!r}"
            yield finding(VALUE_IS_LOSS, _is_near(value, expected, point.noise, 1.0), detail)
        else:
            yield Finding(VALUE_IS_LOSS, "inconclusive", f"the loss is {expected!r} where value is {value!r}")
    if value is not None and point.subject.held is not None:
        held = float(point.differentiated(point.draw.inputs))
        allowed = REPEAT * abs(value) + 10 * point.noise
        yield finding("the loss with constants held is the loss", abs(held - value) <= allowed, f"{held!r}")


def quantity_findings(point: Point) -> Iterator[Finding]:
    """Whether every quantity of which the module has a function is what the model states."""
    for name, symbol in point.subject.second.values.items() if point.subject.stated is not None else ():
        if name in point.plain:
            yield from _compared(point, name, symbol)


def _compared(point: Point, name: str, symbol: Any) -> Iterator[Finding]:
    assert point.subject.stated is not None
    statement, got, undefined = f"{name} is what the model says", point.plain[name][name], ""
    noise = np.broadcast_to(point.noises[name][name], got.shape)
    for place in _places(point, got.shape):
        wanted = float(point.subject.stated.entry(symbol, place, point.draw.inputs, point.draw.sizes))
        if not math.isfinite(wanted):
            undefined = undefined or f"{entry_name(name, place)} is no number as the model says it"
        elif not _is_near(float(got[place]), wanted, float(noise[place]), max(1.0, point.terms)):
            yield finding(statement, False, f"{entry_name(name, place)} is {float(got[place])!r} instead of {wanted!r}")
            return
    said = bool(undefined) and point.draw.kind != EMPTY
    yield Finding(statement, "inconclusive", undefined) if said else finding(statement, True)


def _is_near(got: float, wanted: float, noise: float, terms: float) -> bool:
    """Whether a number is as near as its rounding errors allow; where zero is wanted, terms of some size cancel."""
    # Where large terms cancel, the measured noise says how many digits a number can have.
    allowed = _TOLERANCE * abs(wanted) + 100 * noise + _ROUNDING
    return abs(got - wanted) <= allowed + (100 * EPS * terms if abs(wanted) <= _ROUNDING else 0.0)


def _places(point: Point, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The entries that are looked at: all if they are few."""
    size = math.prod(shape)
    chosen = np.arange(size) if size <= MOST_ENTRIES else point.rng.choice(size, MOST_ENTRIES, replace=False)
    return [tuple(int(n) for n in np.unravel_index(int(k), shape)) for k in np.sort(chosen)]
