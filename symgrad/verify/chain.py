"""The chain from the SymPy loss to the generated code, link by link, each compared with the one before it at 50 digits.

    SymPy loss ─reading─► graph ─derivation─► derivatives ─simplification─► formulas ─schedule─► terms of the code
                                 ─float64 code─► module ─float32 code─► module in single precision

The left end is evaluated by `reference`, which knows no graph, everything up to the code by `graph.evaluation`,
which knows no printer. What reverse mode derives is compared with differences of the loss as read, what forward mode
derives with those of the gradient or the named quantity, at a step of 1e-20 that 50 digits allow; all else with the
link before it. So a wrong number is blamed on the stage that made it, and a wrong gradient is not blamed again.

The schedule is evaluated after every phase of it, and every rewriting step by itself, so that what is wrong is named: a
phase, or a rule.

*Formulas* must agree to 1e-20. Where a fact holds of the inputs to the rounding of float64 only, or the model has
floating numbers, they agree as well as that. *Code* may be off by the rounding errors that any code has: those of the
inputs, as measured by moving every input by one rounding error and evaluating the formula at 50 digits again, and those
that the code shows by itself between points that lie close together.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.errors import UnsupportedError
from symgrad.functions import constant
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.scans import within
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Scan, Use, postorder
from symgrad.outputs.stages import Staged
from symgrad.verify.arrays import EPS, Array, count, entry_name, exactly, in_precision, largest, moved
from symgrad.verify.calls import BOTH
from symgrad.verify.compiled import Compiled
from symgrad.verify.directions import Direction
from symgrad.verify.loss import StatedLoss
from symgrad.verify.numbers import DIGITS, Number, link_of, scale_of
from symgrad.verify.point import Point
from symgrad.verify.report import Link
from symgrad.verify.stated import MOST_ENTRIES

Column = list[Any]  # the numbers of one array that are compared

_GUARD_DIGITS = 10

EXACT = mpf(10) ** -20
"""How well formulas have to agree, relative to the largest derivative by the parameter. The differences' error is 1e-40
times the third derivative, which leaves room for a loss that changes within 1e-5 of its inputs' size."""

ROUNDINGS = 4096.0
"""How many rounding errors of the inputs and the result code may be off by. Right modules are seldom off by ten."""

MOST_NUMBERS = 2000  # of the inputs: beyond it, 50 digits would take too long
_BLIND, _BLIND_SINGLE = 1e-4, 0.1  # code whose rounding errors are larger, relative to its numbers, proves nothing
_STEP = mpf(10) ** -20
_FEWEST_STEPS_TO_KINK = 1e3
_MOVES = 3
_JUMP = 1e-8  # of the value, or of the largest derivative, where the inputs move by a rounding error
_FLOOR = 16.0
_SINGLE = 2.0**29  # rounding errors of float32 in those of float64
_FAR = mpf(10) ** -5  # of what is differentiated: what differences cannot tell from zero, in units of EXACT


def chain_links(point: Point) -> Iterator[Link]:
    """The verdict on every link of every function at one draw of inputs.

    None where the inputs hold more than MOST_NUMBERS numbers; at a kink those of value and gradient only.
    """
    compiled, stated, draw = point.subject.compiled, point.subject.stated, point.draw
    if compiled is None or stated is None or count(draw.inputs) > MOST_NUMBERS:
        return
    with mpmath.workdps(DIGITS + _GUARD_DIGITS), np.errstate(all="ignore"):
        chain = _Chain(point, compiled, stated)
        second = draw.distance >= math.sqrt(float(_STEP))
        functions = dict.fromkeys(one.function for one in compiled.arrays)
        yield from [link for name in functions if name == BOTH or second for link in chain.links(name)]


@dataclass(frozen=True)
class _Numbers:
    """One array at the draw, as the numbers of it that are compared.

    Attributes
    ----------
    stage : the array at all stages.
    labels : the numbers' names.
    along : of a gradient the directions in which the parameter may be moved, whose components are compared alone.
    now : the numbers by the simplified formula.
    noise : how far a rounding error in every input moves them.
    slack : how far formulas may be apart.
    """

    stage: Staged
    labels: Sequence[str]
    along: Sequence[Direction] | None
    now: Column = ()  # type: ignore[assignment]
    noise: Column = ()  # type: ignore[assignment]
    slack: Column = ()  # type: ignore[assignment]

    def column(self, array: Array, size: bool = False) -> Column:
        """The numbers of an array, or their sizes of one of rounding errors."""
        if self.along is None:
            return list(array.ravel())
        vectors = [np.abs(direction.vector) if size else direction.vector for direction in self.along]
        return [_inner(array, vector) for vector in vectors]

    def by_formula(self, evaluator: GraphEvaluator, use: Use) -> Column:
        """The numbers as a term has them."""
        return self.column(_array(evaluator, self.stage, use))

    def against(
        self, before: Column, after: Column, allowed: Column, said: str = "", single: bool = False
    ) -> list[Number]:
        """The numbers of two stages side by side."""
        scale = scale_of(before) if self.stage.by else 1
        rows = zip(self.labels, before, after, allowed, strict=True)
        return [Number(f"{label}{said}", a, b, slack, scale, single) for label, a, b, slack in rows]


class _Chain:
    def __init__(self, point: Point, compiled: Compiled, stated: StatedLoss) -> None:
        self._point, self._compiled, self._stated, self._draw = point, compiled, stated, point.draw
        self._entries = {name: own.entries() for name, own in point.tangents.items()}
        random = {name: d for name, own in point.tangents.items() for d in own.random(1, point.rng)}
        self._random = {**random, **point.directions}  # the direction of a product is among the inputs
        self._here = self._at(point.inputs)
        # At a kink a formula is right if it keeps to the conventions, and that is for the recognised functions to say:
        # the plain spelling of a function may have another one. Nor may anything move there by its rounding errors.
        self._at_kink = self._draw.distance < _FEWEST_STEPS_TO_KINK * float(_STEP)
        self._value = self._here(compiled.arrays[0].simplified).item()

    @cached_property
    def _near(self) -> list[GraphEvaluator]:
        """Evaluators where every number of the inputs is off by a rounding error."""
        return [self._at(moved(self._point.inputs, self._point.rng)) for _ in range(_MOVES)]

    def links(self, function: str) -> Iterator[Link]:
        """The links of one function; the worst number of all its arrays stands for each."""
        stages = [one for one in self._compiled.arrays if one.function == function]
        title = "" if function == BOTH else f"{function.replace('hessian_vector_product', 'hvp')} "
        if not stages[0].by:
            yield self._reading(f"{title}reading", stages[0])
        yield from self._derivation(f"{title}derivation", stages)
        arrays = [self._numbers(one) for one in stages]
        formulas: dict[str, list[Number]] = {"simplification": [], "schedule": []}
        for one in arrays:
            for link, said, before, after in self._formulas(one.stage):
                left, right = (one.by_formula(self._here, use) for use in (before, after))
                formulas[link] += one.against(left, right, one.slack, said)
        # a rewriting step that is wrong by itself is named; at a kink its two sides may have other conventions
        steps = self._steps() if function == BOTH and not self._at_kink else []
        formulas["simplification"] = [step for step in steps if step.ratio > 1] or formulas["simplification"]
        yield from (link_of(f"{title}{link}", numbers) for link, numbers in formulas.items())
        if not self._at_kink:  # an algorithm may lose more digits than the inputs' rounding explains
            arrays = [replace(one, noise=list(map(max, one.noise, self._measured(one)))) for one in arrays]
        yield self._code(f"{title}float64 code", function, arrays, self._point.inputs, 1.0)
        single = in_precision(np.float32, self._point.inputs)
        yield self._code(f"{title}float32 code", function, arrays, single, _SINGLE)

    def _formulas(self, one: Staged) -> Iterator[tuple[str, str, Use, Use]]:
        """What each stage makes of a formula: the link, what is said of it, the terms before and after."""
        derived = one.simplified if isinstance(one.derived, str) or (self._at_kink and one.by) else one.derived
        for use in (one.simplified, *one.shown):
            yield "simplification", "", derived, use
        before = one.simplified
        for name, uses in one.scheduled:
            yield from (("schedule", f" after “{name}”", before, use) for use in uses)
            before = uses[-1]

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _at(self, inputs: Mapping[str, Any]) -> GraphEvaluator:
        return GraphEvaluator(inputs, self._draw.sizes)

    def _numbers(self, one: Staged) -> _Numbers:
        along = self._entries[one.label] if one.along else None
        places = np.ndindex(self._here.shape(one.axes))
        labels = [entry_name(one.label, at) for at in places] if along is None else [d.label for d in along]
        found = _Numbers(one, labels, along)
        now, *others = (found.by_formula(at, one.simplified) for at in (self._here, *self._near))
        scale, rounding = scale_of(now), 0.0 if self._compiled.exact else ROUNDINGS
        noise = [max(abs(other - a) for other in column) for a, *column in zip(now, *others, strict=True)]
        if self._at_kink:  # beside it they jump, which is no rounding
            noise = [n if n <= _JUMP * (scale + (not one.by)) else mpf(0) for n in noise]
        unit = _FAR * (1 + abs(self._value)) if one.along else 1
        slack = [EXACT * (unit + scale) + rounding * (n + EPS * scale) for n in noise]
        return replace(found, now=now, noise=noise, slack=slack)

    # --- links --------------------------------------------------------------------------------------------------------

    def _reading(self, name: str, one: Staged) -> Link:
        """The loss, or some entries of a named quantity, as they were read, against what the model says."""
        read, inputs, sizes = _array(self._here, one, one.of), self._draw.inputs, self._draw.sizes
        places = list(np.ndindex(read.shape))[:: max(1, read.size // MOST_ENTRIES)]
        if one.function == BOTH:
            stated = [self._stated.at(inputs, sizes).value]
        else:
            symbol = next(s for s, node in self._compiled.program.names.items() if node.name == one.label)
            stated = [self._stated.entry(symbol, place, inputs, sizes) for place in places]
        pairs = [(entry_name(one.label, at), said, read[at]) for at, said in zip(places, stated, strict=True)]
        numbers = [Number(label, said, got, EXACT * (1 + abs(got)), 1) for label, said, got in pairs]
        return link_of(name, numbers or [Number(one.label, 0, 0, EXACT, 1)])

    def _derivation(self, name: str, ones: Sequence[Staged]) -> list[Link]:
        """Derivatives against differences; nothing at a kink, where there is no derivative to derive."""
        reasons = [one.derived for one in ones if isinstance(one.derived, str)]
        if self._at_kink and not reasons:
            if self._draw.distance == 0:
                return []
            reasons = [f"a kink is as near as {self._draw.distance:.1g}"]
        if any(_holds_in_a_recurrence(one.of) for one in ones):
            reasons = reasons or ["what a recurrence holds constant moves in differences of its loss"]
        if reasons:
            return [Link(name, "inconclusive", reason=reasons[0])]
        numbers = [number for one in ones if one.by for number in self._differentiated(one)]
        return [link_of(name, numbers or [Number("value", self._value, self._value, EXACT, 1)])]

    def _differentiated(self, one: Staged) -> list[Number]:
        """A derivative along a random direction, which sees all entries; if it is wrong, which of them it is."""
        names = [node.name for node in one.by if node.name in self._random]
        numbers = self._slopes(one, {name: self._random[name] for name in names}) if names else []
        if one.along and any(number.ratio > 1 for number in numbers):
            single = [n for d in self._entries[one.label] for n in self._slopes(one, {one.label: d})]
            worst = max(single, key=lambda number: number.ratio)
            return [worst] if worst.ratio > 1 else numbers
        return numbers

    def _slopes(self, one: Staged, along: Mapping[str, Direction]) -> list[Number]:
        """The difference of what is differentiated along directions, against the derivative."""
        assert not isinstance(one.derived, str)
        ends = []
        for step in (_STEP, -_STEP):
            inputs = dict(self._draw.inputs)
            for name, direction in along.items():
                inputs[name] = np.asarray(exactly(inputs[name]) + step * exactly(direction.vector), dtype=object)
            evaluator = GraphEvaluator(inputs, self._draw.sizes, self._here)
            ends.append(np.broadcast_to(evaluator(one.of, len(one.shape)), evaluator.shape(one.shape)))
        slope = np.asarray((ends[0] - ends[1]) / (2 * _STEP), dtype=object)
        derived, size = _array(self._here, one, one.derived), 1.0
        entries = scale_of(derived.ravel())
        if not one.product:
            (direction,) = along.values()
            vector = exactly(direction.vector).reshape(self._here.shape(one.by[0].shape))
            derived = np.asarray(np.tensordot(derived, vector, axes=vector.ndim), dtype=object)
            size = max(1.0, largest(direction.vector) * vector.size)
        relative = EXACT + (0 if self._compiled.exact else ROUNDINGS * EPS)  # floating coefficients are rounded
        allowed = relative * entries * size + EXACT * _FAR * (1 + scale_of(np.ravel(ends[0])))
        places = np.ndindex(slope.shape)
        labels = [direction.label] if one.along else [entry_name(one.label, at) for at in places]
        rows = zip(labels, slope.ravel(), derived.ravel(), strict=True)
        return [Number(label, a, b, allowed, entries) for label, a, b in rows]

    def _steps(self) -> Iterator[Number]:
        """What each rewriting step found and what it made of it, entry by entry where both are numbers.

        What a step of a recurrence refers to has no value outside of it, and a function outside of its domain is nan,
        which a condition around both may leave out.
        """
        for name, before, after in dict.fromkeys(self._compiled.derivation.trace.steps):
            letters = list(dict.fromkeys((*before.letters, *after.letters)))
            sides = [relabel(use, {x: k for k, x in enumerate(letters)}) for use in (before, after)]
            try:
                left, right = (np.asarray(self._here(use, len(letters)), dtype=object) for use in sides)
            except (UnsupportedError, KeyError, IndexError, ValueError, ZeroDivisionError):
                continue
            pairs = list(zip(*(part.ravel() for part in np.broadcast_arrays(left, right)), strict=True))
            numeric = [(a, b) for a, b in pairs if isinstance(a, mpf) and isinstance(b, mpf)]
            scale = scale_of(a for a, _ in numeric)
            allowed = (EXACT + (0 if self._compiled.exact else ROUNDINGS * EPS)) * (1 + scale)
            for a, b in numeric:
                if mpmath.isfinite(a) and mpmath.isfinite(b):
                    yield Number(f"what “{name}” rewrites", a, b, allowed, scale)

    # --- code ---------------------------------------------------------------------------------------------------------

    def _measured(self, one: _Numbers) -> Column:
        """The rounding errors that the code itself shows around the inputs; zeros if it fails.

        They are noise: a number that is wrong in the same way at all of the points stays wrong.
        """
        noises = self._point.noises.get(one.stage.function, {})
        if one.stage.label not in noises:
            return [mpf(0)] * len(one.now)
        return one.column(exactly(noises[one.stage.label]), size=True)

    def _code(
        self, name: str, function: str, arrays: Sequence[_Numbers], inputs: Mapping[str, Any], coarser: float
    ) -> Link:
        """What the module computes, against the terms that it computes, at the same inputs."""
        single = coarser > 1
        evaluator = self._at(inputs) if single else self._here
        expected = [_array(evaluator, one.stage, one.stage.computed) for one in arrays]
        try:
            got = self._point.calls(function, inputs)
            pairs = zip(arrays, expected, strict=True)
            found = [got[one.stage.label].astype(np.float64).reshape(wanted.shape) for one, wanted in pairs]
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            return Link(name, "fail", math.inf, reason=f"it raised {type(problem).__name__}: {problem}")
        if single and not all(np.isfinite(array).all() for array in found):
            return Link(name, "inconclusive", reason="it is not finite there")
        least = float(np.finfo(np.float32 if single else np.float64).tiny)  # what is smaller may become zero
        numbers: list[Number] = []
        for one, array, wanted in zip(arrays, found, expected, strict=True):
            column = one.column(wanted)
            scale, floor = scale_of(column), coarser * self._floor(one.stage, arrays[0].noise[0]) + least
            if not one.stage.by and scale <= EPS**2:  # of a zero loss rounding may leave a rest of terms of about one
                scale = mpf(1)
            allowed = [ROUNDINGS * coarser * (n + EPS * scale) + floor for n in one.noise]
            numbers += one.against(column, one.column(exactly(array)), allowed, single=single)
        link = link_of(name, numbers)
        blind = [n for n in numbers if n.allowed > (_BLIND_SINGLE if single else _BLIND) * n.size > 0]
        if link.verdict == "pass" and blind:
            return replace(link, verdict="inconclusive", reason=f"a wrong {blind[0].label} could hide in its rounding")
        return link

    def _floor(self, one: Staged, value_noise: Any) -> Any:
        """What no number of an array is known better than, in float64."""
        if not one.by:
            return mpf(0)
        if one.along:  # what moves the loss by its own rounding error
            return _FLOOR * (value_noise + EPS * abs(self._value)) / self._point.size(one.label)
        # entries that cancel are as exact as what they are made of, of which the inputs say the size
        return _FLOOR * EPS * max(1.0, *map(largest, self._point.inputs.values()))


def _array(evaluator: GraphEvaluator, one: Staged, use: Use) -> Array:
    """A term along all axes of an array."""
    return np.array(np.broadcast_to(evaluator(use, len(one.axes)), evaluator.shape(one.axes)), dtype=object)


def _inner(part: Array, vector: Array) -> Any:
    part = part.reshape(vector.shape)
    places = [tuple(place) for place in np.argwhere(vector).tolist()]
    return mpmath.fsum(part[place] * mpf(vector[place]) for place in places)


def _holds_in_a_recurrence(use: Use) -> bool:
    """Whether there is a `constant` inside a step, whose value at other inputs is not kept."""
    scans = [node for node in postorder([use.node]) if isinstance(node, Scan)]
    return any(isinstance(part, Apply) and part.head is constant for scan in scans for part in within(scan))
