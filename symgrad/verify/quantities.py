"""The check that functions of named quantities compute what `where` defines, entry by entry at 50 digits."""

import math
from collections.abc import Iterator

import numpy as np

from symgrad.verify.arrays import EPS, entry_name
from symgrad.verify.draw import EMPTY
from symgrad.verify.point import Point, finding
from symgrad.verify.report import Finding

MOST_ENTRIES = 24  # of a quantity, that are evaluated as they are written: one may cost as much as a loss
_TOLERANCE = 1e-9
_ROUNDING = 1e-40  # what the reference may leave of an entry that is exactly zero


def quantity_findings(point: Point) -> Iterator[Finding]:
    """Whether every quantity of which the module has a function is what the model states."""
    second, stated = point.subject.second, point.subject.stated
    if second is None or stated is None:
        return
    for name, symbol in second.values.items():
        if name in point.plain:
            got, places = point.plain[name][name], _places(point, np.shape(point.plain[name][name]))
            expected = [float(stated.entry(symbol, place, point.draw.inputs, point.draw.sizes)) for place in places]
            yield from _compared(point, name, got, dict(zip(places, expected, strict=True)))


def _places(point: Point, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The entries that are looked at: all if they are few."""
    size = math.prod(shape)
    chosen = np.arange(size) if size <= MOST_ENTRIES else point.rng.choice(size, MOST_ENTRIES, replace=False)
    return [tuple(int(n) for n in np.unravel_index(int(k), shape)) for k in np.sort(chosen)]


def _compared(
    point: Point,
    name: str,
    got: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    expected: dict[tuple[int, ...], float],
) -> Iterator[Finding]:
    statement = f"{name} is what the model says"
    noise = np.broadcast_to(point.noises[name][name], np.shape(got))
    undefined = [place for place, wanted in expected.items() if not math.isfinite(wanted)]
    for place, wanted in expected.items():
        number = float(got[place])
        allowed = _TOLERANCE * abs(wanted) + 100 * float(noise[place]) + _ROUNDING
        if abs(wanted) <= _ROUNDING:
            allowed += 100 * EPS * max(1.0, point.terms)
        if math.isfinite(wanted) and not abs(number - wanted) <= allowed:
            yield finding(statement, False, f"{entry_name(name, place)} is {number!r} instead of {wanted!r}")
            return
    if undefined and point.draw.kind != EMPTY:
        detail = f"{entry_name(name, undefined[0])} is no number as the model says it"
        yield Finding(statement, "inconclusive", detail)
        return
    yield finding(statement, True)
