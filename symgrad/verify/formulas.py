"""The check that all functions are near to their formulas: where differences say nothing, formulas do."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symgrad.verify.arrays import EPS, count, largest, moved
from symgrad.verify.calls import COMPACT, FIRST_ORDER
from symgrad.verify.draw import SCALED
from symgrad.verify.kink_points import MOST_NUMBERS
from symgrad.verify.numbers import DIGITS, DOUBLE
from symgrad.verify.point import Point, difference, finding
from symgrad.verify.report import Finding

_ROUNDINGS = 4096.0  # of the inputs, that a derivative may be off by, as everywhere in the chain
_BLIND = 1e-4
_COARSE = 1e-3  # of the largest derivative: an algorithm may lose more digits than the inputs' rounding explains
_SPELLED = 64.0  # rounding errors of the formula as it is spelled, that code may have as well


def formula_findings(point: Point) -> Iterator[Finding]:
    """Whether all functions are near to their formulas.

    Nothing is said where rounding errors hide much, be they of the inputs, of the code or of the formula as it is
    spelled: that digits are lost at large numbers is for the audit of digits to say. Nor is there where numbers leave
    the range of floating point, or where there are too many for exact arithmetic.
    """
    compiled, sizes = point.subject.compiled, point.draw.sizes
    if count(point.draw.inputs) > MOST_NUMBERS:
        return
    beside = moved(point.inputs, np.random.default_rng(0))
    firsts = [name for name in point.plain if name in FIRST_ORDER]
    others = [name for name in point.plain if name not in (*firsts, COMPACT)]  # which has parts of the Hessian
    for second, functions in ((False, firsts[-1:]), (True, others)):
        if compiled is None or not functions:
            continue
        exact, rounded = (compiled.values(point.inputs, sizes, digits, second) for digits in (DIGITS, DOUBLE))
        near = compiled.values(beside, sizes, DIGITS, second)
        for function in functions:
            shaken = point.computed(function, beside)
            for label, got in point.plain[function].items():
                if label in exact and isinstance(shaken, dict):
                    numbers = (got, exact[label], near[label], rounded[label], shaken[label])
                    yield from _of_formula(point, label, [np.reshape(one, got.shape) for one in numbers])


def _of_formula(point: Point, label: str, numbers: Sequence[Any]) -> Iterator[Finding]:
    got, exact, near, rounded, shaken = (np.asarray(one, dtype=np.float64) for one in numbers)
    whose = "value" if label == "value" else f"gradient by {label}" if label in point.names else label
    lost = ~np.isfinite(got) & np.isfinite(exact)
    if np.any(lost):
        name = f"the {whose} is finite where its formula is"
        verdict = "inconclusive" if point.draw.kind == SCALED else "fail"
        yield Finding(name, verdict, difference(label, got, exact))  # type: ignore[arg-type]
        return
    scale = max(largest(one[np.isfinite(one)]) for one in (exact, got))
    # a derivative is not known better than what moves the loss by its own rounding error
    floor = EPS * (1 + abs(point.value or 0.0)) / (point.size(label) if label in point.names else 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        rounding = np.abs(near - exact) + np.abs(shaken - got) + EPS * scale + floor
        allowed = _ROUNDINGS * rounding + _SPELLED * np.abs(rounded - exact)
        seen = np.isfinite(exact) & np.isfinite(allowed) & (allowed <= _BLIND * scale)
        off = seen & ~(np.abs(got - exact) <= _COARSE * scale)
    if np.any(seen):
        yield finding(
            f"the {whose} is that of its formula", not np.any(off), difference(label, np.where(off, got, exact), exact)
        )
