"""Draws far from ordinary numbers: entries that are exactly zero, very large and small ones, negative whole numbers.

At zero a power or a quotient may have another rule than beside it, and large numbers are where functions overflow that
the true result does not. What is no real number there by its formula is left alone. What is compared is the formula of
each function: where a function oscillates a thousand times within a step, differences say nothing, but formulas do.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from symgrad.verify.accuracy import DOUBLE
from symgrad.verify.calls import BOTH, FLAT, GRADIENT, VALUE, Arrays
from symgrad.verify.differences import EPS
from symgrad.verify.draws import sampler_of
from symgrad.verify.facts import Unread
from symgrad.verify.kink_points import MOST_NUMBERS
from symgrad.verify.numbers import moved
from symgrad.verify.point import Point, difference, finding
from symgrad.verify.report import Finding
from symgrad.verify.sampling import MARGIN, SCALED, ZEROS, Draw
from symgrad.verify.subject import Subject

_ROUNDINGS = 4096.0  # of the inputs, that a derivative may be off by, as everywhere in the chain
_BLIND = 1e-4
_COARSE = 1e-3  # of the largest derivative: an algorithm may lose more digits than the inputs' rounding explains
_SPELLED = 64.0  # rounding errors of the formula as it is spelled, that code may have as well
_DIGITS = 50  # of the truth
POWERS = (1.7, 3.0, 6.5, 20.0, -3.0, -9.0)  # of ten, that the largest numbers of the inputs are put at
_SPREAD = 1.0  # powers of ten between the entries of one argument
_MOST_ALONE = 3  # arguments that are tried by themselves


def extreme_draws(subject: Subject, draw: Draw, seed: Sequence[int]) -> Iterator[Draw]:
    """The inputs of a draw with zeros among them, and of other sizes; none where the loss has no derivative.

    Arguments whose entries facts tie together stay as they are. Of a module without its formula nobody knows where its
    kinks are, and zeros are likely ones.
    """
    if subject.formula is None:
        return
    facts = [c.fact for c in draw.constraints if isinstance(c, Unread)]
    tied = {c.name for c in draw.constraints if not isinstance(c, Unread) and not c.leaves_room}
    free = [
        a
        for a in subject.arguments
        if a.role != "dimension" and a.name not in tied and not any(f.has(a.symbol) for f in facts)
    ]
    whole = [a.name for a in free if a.integer and a.upper is None and not a.span]
    names = [a.name for a in sorted(free, key=lambda a: a.role != "parameter") if not a.integer]
    data = [name for name in names if name not in subject.parameters]
    parameters = [name for name in names if name in subject.parameters]
    groups = [g for g in dict.fromkeys(map(tuple, (names, data, parameters, *zip(names[:_MOST_ALONE])))) if g]
    wanted: list[tuple[str, Any, list[tuple[str, ...]]]] = [("with zeros", _zeros, groups)]
    for power in POWERS:
        said = f"with numbers of 1e{power:g}"
        wanted.append((said, partial(_scaled, power=power, seed=seed), groups))
    if whole:
        wanted.append(("with large whole numbers", partial(_scaled, power=2.4, seed=seed), [tuple(whole)]))
        wanted.append(("with negative whole numbers", _negated, [tuple(whole)]))
    for said, change, choices in wanted:
        for chosen in choices:
            inputs = change(draw.inputs, chosen)
            kind = ZEROS if change is _zeros else SCALED
            distance = subject.distance(inputs, draw.constraints)
            there = replace(draw, inputs=inputs, distance=distance, where=said, kind=kind, notes=())
            if _is_legal(subject, there):
                yield there
                break


def _zeros(inputs: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Every second entry zero, and every second scalar."""
    changed = dict(inputs)
    for number, name in enumerate(names):
        value = np.array(inputs[name])
        value.reshape(-1)[number % 2 :: 2] = 0.0
        changed[name] = value[()]
    return changed


def _scaled(inputs: dict[str, Any], names: Sequence[str], power: float, seed: Sequence[int]) -> dict[str, Any]:
    """Entries of a size, and of sizes up to a tenth or ten times of it; signs stay."""
    rng = np.random.default_rng(seed)
    changed = dict(inputs)
    for name in names:
        value = np.asarray(inputs[name])
        largest = float(np.max(np.abs(value), initial=0.0)) or 1.0
        sizes = value / largest * 10.0 ** (power - _SPREAD * rng.uniform(size=value.shape))
        changed[name] = (sizes if value.dtype.kind == "f" else np.round(sizes).astype(value.dtype))[()]
    return changed


def _negated(inputs: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: -value - 1 if name in names else value for name, value in inputs.items()}


def _is_legal(subject: Subject, there: Draw) -> bool:
    """Whether loss and gradient are numbers, away from all kinks, and the facts hold."""
    if there.distance < MARGIN or not subject.is_regular(there.inputs):
        return False
    if not sampler_of(subject, there.sizes, [0]).satisfies(there.inputs):
        return False
    try:
        value, gradient = subject.module.value_and_gradient(**there.inputs)
        finite = math.isfinite(value) and all(np.isfinite(part).all() for part in gradient)
    except Exception:  # the code under test may fail in any way; elsewhere that is a finding
        return False
    small = sum(map(np.size, there.inputs.values())) <= MOST_NUMBERS
    return finite or (small and all(np.isfinite(part).all() for part in _formula(subject, there, _DIGITS).values()))


def _formula(subject: Subject, there: Draw, digits: int) -> Arrays:
    assert subject.formula is not None
    return subject.formula(there.inputs, there.sizes, digits)


def formula_findings(point: Point) -> Iterator[Finding]:
    """Whether all functions are near to their formulas.

    Nothing is said where rounding errors hide much, be they of the inputs, of the code or of the formula as it is
    spelled: that digits are lost at large numbers is for the audit of digits to say. Nor is there where numbers leave
    the range of floating point, or where there are too many for exact arithmetic.
    """
    subject, sizes = point.subject, point.draw.sizes
    if sum(map(np.size, point.draw.inputs.values())) > MOST_NUMBERS:
        return
    beside = moved(point.inputs, np.random.default_rng(0))
    firsts = [name for name in point.plain if name in (VALUE, GRADIENT, BOTH, FLAT)]
    others = [name for name in point.plain if name not in firsts]
    for formula, functions in ((subject.formula, firsts[-1:]), (subject.second_formula, others)):
        if formula is None or not functions:
            continue
        exact, rounded = (formula(point.inputs, sizes, digits) for digits in (_DIGITS, DOUBLE))
        near = formula(beside, sizes, _DIGITS)
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
    scale = max(float(np.max(np.abs(one[np.isfinite(one)]), initial=0.0)) for one in (exact, got))
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
