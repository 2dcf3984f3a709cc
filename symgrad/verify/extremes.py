"""Draws far from ordinary numbers: with entries that are exactly zero, and with entries of very different sizes.

At zero a power or a quotient may have another rule than beside it, and large numbers are where functions overflow that
the true result does not. What is no real number there by its formula is left alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgrad.verify.chain import moved
from symgrad.verify.computing import difference
from symgrad.verify.differences import EPS
from symgrad.verify.draws import sampler_of
from symgrad.verify.facts import Unread
from symgrad.verify.kink_points import MOST_NUMBERS, untied
from symgrad.verify.report import Finding, Verdict
from symgrad.verify.sampling import MARGIN, Draw
from symgrad.verify.subject import Subject

LARGE = "with large numbers"
_ROUNDINGS = 4096.0  # of the inputs, that a derivative may be off by, as everywhere in the chain
_BLIND = 1e-4
_COARSE = 1e-3  # of the largest derivative: an algorithm may lose more digits than the inputs' rounding explains
_POWERS = (3.0, 1.5)  # of ten, that entries are multiplied by at most
_MOST_ALONE = 3  # arguments that are tried by themselves


def extreme_draws(subject: Subject, draw: Draw, seed: Sequence[int]) -> Iterator[Draw]:
    """The inputs of a draw with zeros among them, and with large entries; none where the loss has no derivative there.

    Arguments that facts are about stay as they are. Of a module without its formula nobody knows where its kinks are,
    and zeros are likely ones.
    """
    if subject.formula is None:
        return
    facts = [c.fact for c in draw.constraints if isinstance(c, Unread)]
    symbols = {a.name: a.symbol for a in subject.arguments}
    names = [n for n in untied(draw, subject.arguments) if not any(fact.has(symbols[n]) for fact in facts)]
    data = [name for name in names if name not in subject.parameters]
    parameters = [name for name in names if name in subject.parameters]
    groups = [g for g in dict.fromkeys(map(tuple, (names, data, parameters, *zip(names[:_MOST_ALONE])))) if g]
    zeros = (_with_zeros(draw, group) for group in groups)
    large = (_enlarged(draw, group, power, seed) for power in _POWERS for group in groups)
    for candidates, said in ((zeros, "with zeros"), (large, LARGE)):
        for inputs in candidates:
            there = replace(draw, inputs=inputs, distance=subject.distance(inputs, draw.constraints), where=said)
            if _is_legal(subject, there):
                yield replace(there, notes=())
                break


def _with_zeros(draw: Draw, names: Sequence[str]) -> dict[str, Any]:
    """Every second entry zero, and every second scalar."""
    inputs = dict(draw.inputs)
    for number, name in enumerate(names):
        value = np.array(inputs[name])
        value.reshape(-1)[number % 2 :: 2] = 0.0
        inputs[name] = value[()]
    return inputs


def _enlarged(draw: Draw, names: Sequence[str], power: float, seed: Sequence[int]) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    inputs = dict(draw.inputs)
    for name in names:
        value = np.asarray(inputs[name])
        inputs[name] = (value * 10.0 ** rng.uniform(power / 2, power, size=value.shape))[()]
    return inputs


def _is_legal(subject: Subject, there: Draw) -> bool:
    """Whether loss and gradient are numbers, away from all kinks, and the facts hold."""
    if there.distance < MARGIN or not subject.is_regular(there.inputs):
        return False
    if not sampler_of(subject, there.sizes, [0]).satisfies(there.inputs):
        return False
    try:
        value, gradient = subject.module.value_and_gradient(**there.inputs)
    except Exception:  # the code under test may fail in any way; elsewhere that is a finding
        return False
    finite = math.isfinite(value) and all(np.isfinite(part).all() for part in gradient)
    if subject.reference is not None and not math.isfinite(subject.reference(there.inputs, there.sizes)):
        return False
    if finite:
        return True
    small = sum(map(np.size, there.inputs.values())) <= MOST_NUMBERS
    return small and subject.formula is not None and all(np.isfinite(part).all() for part in subject.formula(there))


def formula_findings(subject: Subject, draw: Draw) -> list[Finding]:
    """Whether the gradient is near to its formula.

    Nothing is said where rounding errors hide much, or where there are too many numbers for exact arithmetic.
    """
    if subject.formula is None or sum(map(np.size, draw.inputs.values())) > MOST_NUMBERS:
        return []
    beside = replace(draw, inputs=moved(draw.inputs, np.random.default_rng(0)))
    (loss, *exacts), (near, *others) = subject.formula(draw), subject.formula(beside)
    if draw.where == LARGE and float(loss) == 0.0:  # it has left the range of floating point: for the audit of digits
        return []
    pairs = zip(exacts, others, strict=True)
    value, gradient = subject.module.value_and_gradient(**draw.inputs)
    _, shaken = subject.module.value_and_gradient(**beside.inputs)  # an algorithm may lose what the problem does not
    slack = _COARSE * (abs(float(loss)) + EPS * 1e6) + _ROUNDINGS * abs(float(near) - float(loss))
    right = abs(float(value) - float(loss)) <= slack or not math.isfinite(slack)
    said = f"{float(value)!r} instead of {float(loss)!r}"
    found = [Finding("the value is that of its formula", "pass" if right else "fail", "" if right else said)]
    for name, part, after, (exact, other) in zip(subject.parameters, gradient, shaken, pairs, strict=True):
        got, scale = np.asarray(part, dtype=np.float64).reshape(exact.shape), float(np.max(np.abs(exact), initial=0.0))
        # a derivative is not known better than what moves the loss by its own rounding error
        size = float(np.max(np.abs(draw.inputs[name]), initial=0.0)) or 1.0
        floor = EPS * (1 + abs(float(loss))) / size
        own = np.abs(np.asarray(after, dtype=np.float64).reshape(exact.shape) - got)
        allowed = _ROUNDINGS * (np.abs(other - exact) + own + EPS * scale + floor)
        seen = np.isfinite(exact) & np.isfinite(allowed) & (allowed <= _BLIND * scale)
        off = seen & ~(np.abs(got - exact) <= _COARSE * scale)
        verdict: Verdict = "fail" if np.any(off) else "pass" if np.any(seen) else "inconclusive"
        said = difference(name, np.where(off, got, exact), exact) if np.any(off) else ""
        found.append(Finding(f"the gradient by {name} is that of its formula", verdict, said))
    return found
