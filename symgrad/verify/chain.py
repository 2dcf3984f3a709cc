"""The chain from the SymPy loss to the generated code, link by link, each compared with the one before it at 50 digits.

    SymPy loss ─reading─► graph ─derivation─► derivatives ─simplification─► formulas ─schedule─► terms of the code
                                 ─float64 code─► module ─float32 code─► module in single precision

The left end is evaluated by `verify.reference`, which knows no graph, everything up to the code by `graph.evaluation`,
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
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from symgrad.graph.nodes import Apply, Input, Scan, Use, postorder
from symgrad.verify.arrays import EPS, Array, count, entry_name, exactly, in_precision, largest, moved
from symgrad.verify.calls import BOTH, Arrays, Calls
from symgrad.verify.differences import Neighbourhood
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.draw import Draw
from symgrad.verify.numbers import DIGITS, Number, link_of, scale_of
from symgrad.verify.report import Link
from symgrad.verify.stages import Compiled, Staged

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


def check_chain(compiled: Compiled, calls: Calls, draw: Draw, rng: np.random.Generator) -> tuple[Link, ...]:
    """The verdict on every link of every function at one draw of inputs.

    Parameters
    ----------
    compiled : the model, as each stage of the compiler has it.
    calls : the functions of the generated module.
    draw : the inputs.
    rng : chooses directions, and how the inputs are moved.

    Returns
    -------
    tuple of Link
        Empty where the inputs hold more than MOST_NUMBERS numbers; at a kink those of value and gradient only.
    """
    if count(draw.inputs) > MOST_NUMBERS:
        return ()
    with mpmath.workdps(DIGITS + _GUARD_DIGITS), np.errstate(all="ignore"):
        chain = _Chain(compiled, calls, draw, rng)
        second = draw.distance >= math.sqrt(float(_STEP))
        functions = dict.fromkeys(one.function for one in compiled.arrays)
        return tuple(link for name in functions if name == BOTH or second for link in chain.links(name))


class _Chain:
    def __init__(self, compiled: Compiled, calls: Calls, draw: Draw, rng: np.random.Generator) -> None:
        self._compiled, self._calls, self._draw, self._rng = compiled, calls, draw, rng
        nodes = dict.fromkeys(node for one in compiled.arrays for node in one.by)
        self._tangents = {node.name: Tangents(node.name, draw.inputs[node.name], draw.constraints) for node in nodes}
        self._entries = {name: tangents.entries() for name, tangents in self._tangents.items()}
        self._random = {name: tangents.random(1, rng) for name, tangents in self._tangents.items()}
        vectors = {node.name: self._vector(node) for node in nodes}
        self._inputs = {**draw.inputs, **{f"direction_{name}": vector for name, vector in vectors.items()}}
        self._here = self._at(self._inputs)
        # At a kink a formula is right if it keeps to the conventions, and that is for the recognised functions to say:
        # the plain spelling of a function may have another one. Nor may anything move there by its rounding errors.
        self._at_kink = draw.distance < _FEWEST_STEPS_TO_KINK * float(_STEP)
        self._value = self._here(compiled.arrays[0].simplified).item()

    @cached_property
    def _near(self) -> list[GraphEvaluator]:
        """Evaluators where every number of the inputs is off by a rounding error."""
        return [self._at(moved(self._inputs, self._rng)) for _ in range(_MOVES)]

    def links(self, function: str) -> list[Link]:
        """The links of one function; the worst number of all its arrays stands for each."""
        ones = [one for one in self._compiled.arrays if one.function == function]
        title = "" if function == BOTH else f"{function.replace('hessian_vector_product', 'hvp')} "
        found = [self._reading(ones[0])] if function == BOTH else []
        found += self._derivation(title, ones)
        simplified = [self._column(self._here, one, one.simplified) for one in ones]
        noise = [self._noise(one, column) for one, column in zip(ones, simplified, strict=True)]
        numbers: list[Number] = []
        phases: list[Number] = []
        for one, now, errors in zip(ones, simplified, noise, strict=True):
            slack = self._slack(one, now, errors)
            before = (
                now
                if (self._at_kink and one.by) or isinstance(one.derived, str)
                else self._column(self._here, one, one.derived)
            )
            for use in (one.simplified, *one.shown):
                numbers += self._numbers(one, before, self._column(self._here, one, use), slack)
            phases += self._phases(one, now, slack)
        link = link_of(f"{title}simplification", numbers)
        found.append(self._rewriting(link) if function == BOTH else link)
        found.append(link_of(f"{title}schedule", phases))
        if not self._at_kink:  # an algorithm may lose more digits than the inputs' rounding explains
            measured = self._measured(function, ones, noise)
            noise = [[max(pair) for pair in zip(*both, strict=True)] for both in zip(noise, measured, strict=True)]
        found.append(self._code(f"{title}float64 code", function, ones, self._inputs, noise, 1.0))
        single = in_precision(np.float32, self._inputs)
        found.append(self._code(f"{title}float32 code", function, ones, single, noise, _SINGLE))
        return found

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _at(self, inputs: Mapping[str, Any]) -> GraphEvaluator:
        return GraphEvaluator(inputs, self._draw.sizes)

    def _vector(self, node: Input) -> Array:
        """A direction in a parameter that moves all of it."""
        random = self._random[node.name]
        return random[0].vector if random else np.zeros(np.shape(self._draw.inputs[node.name]))

    def _array(self, evaluator: GraphEvaluator, one: Staged, use: Use) -> Array:
        return np.array(np.broadcast_to(evaluator(use, len(one.axes)), evaluator.shape(one.axes)), dtype=object)

    def _column(self, evaluator: GraphEvaluator, one: Staged, use: Use) -> Column:
        return self._compared(one, self._array(evaluator, one, use))

    def _compared(self, one: Staged, array: Array) -> Column:
        """The numbers of an array; of a gradient those along the directions in which the parameter may be moved."""
        if not one.along:
            return list(array.ravel())
        whole = array.reshape(np.shape(self._draw.inputs[one.label]))
        return [_inner(whole, direction) for direction in self._entries[one.label]]

    def _labels(self, one: Staged) -> list[str]:
        if one.along:
            return [direction.label for direction in self._entries[one.label]]
        return [entry_name(one.label, at) for at in np.ndindex(self._here.shape(one.axes))]

    def _numbers(
        self, one: Staged, before: Column, after: Column, allowed: Column, single: bool = False
    ) -> list[Number]:
        scale = scale_of(before) if one.by else 1
        rows = zip(self._labels(one), before, after, allowed, strict=True)
        return [Number(label, a, b, slack, scale, single) for label, a, b, slack in rows]

    def _noise(self, one: Staged, now: Column) -> Column:
        """How far a rounding error in every input moves the numbers; at a kink beside which they jump, not at all."""
        others = [self._column(near, one, one.simplified) for near in self._near]
        noise = [max(abs(other - a) for other in column) for a, *column in zip(now, *others, strict=True)]
        most = _JUMP * (scale_of(now) + (not one.by))
        return [n if n <= most else mpf(0) for n in noise] if self._at_kink else noise

    def _slack(self, one: Staged, column: Column, noise: Column) -> Column:
        """How far formulas may be apart."""
        scale, rounding = scale_of(column), 0.0 if self._compiled.exact else ROUNDINGS
        unit = _FAR * (1 + abs(self._value)) if one.along else 1
        return [EXACT * (unit + scale) + rounding * (n + EPS * scale) for n in noise]

    # --- links --------------------------------------------------------------------------------------------------------

    def _reading(self, value: Staged) -> Link:
        stated, read = self._compiled.stated.at(self._draw.inputs, self._draw.sizes).value, self._here(value.of).item()
        return link_of("reading", [Number("value", stated, read, EXACT * (1 + abs(read)), 1)])

    def _derivation(self, title: str, ones: Sequence[Staged]) -> list[Link]:
        """Derivatives against differences; nothing at a kink, where there is no derivative to derive."""
        name = f"{title}derivation"
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
        assert not isinstance(one.derived, str)
        derived = self._array(self._here, one, one.derived)
        numbers = self._slopes(one, derived, {n.name: d for n in one.by for d in self._random[n.name]})
        if one.along and any(number.ratio > 1 for number in numbers):
            single = [n for d in self._entries[one.label] for n in self._slopes(one, derived, {one.label: d})]
            worst = max(single, key=lambda number: number.ratio)
            return [worst] if worst.ratio > 1 else numbers
        return numbers

    def _slopes(self, one: Staged, derived: Array, along: Mapping[str, Direction]) -> list[Number]:
        """The difference of what is differentiated along directions, against the derivative; none if nothing moves."""
        if not along:
            return []
        ends = []
        for step in (_STEP, -_STEP):
            inputs = dict(self._draw.inputs)
            for name, direction in along.items():
                inputs[name] = np.asarray(exactly(inputs[name]) + step * exactly(direction.vector), dtype=object)
            evaluator = GraphEvaluator(inputs, self._draw.sizes, self._here)
            ends.append(np.broadcast_to(evaluator(one.of, len(one.shape)), evaluator.shape(one.shape)))
        slope = np.asarray((ends[0] - ends[1]) / (2 * _STEP), dtype=object)
        entries = scale_of(derived.ravel())
        if not one.product:
            vector = exactly(along[one.by[0].name].vector).reshape(self._here.shape(one.by[0].shape))
            derived = np.asarray(np.tensordot(derived, vector, axes=vector.ndim), dtype=object)
            size = max(1, largest(along[one.by[0].name].vector) * vector.size)
        else:
            size = 1
        relative = EXACT + (0 if self._compiled.exact else ROUNDINGS * EPS)  # floating coefficients are rounded
        allowed = relative * entries * size + EXACT * _FAR * (1 + scale_of(np.ravel(ends[0])))
        if one.along:
            (direction,) = along.values()
            return [Number(direction.label, slope.item(), derived.item(), allowed, entries)]
        labels = [entry_name(one.label, at) for at in np.ndindex(slope.shape)]
        rows = zip(labels, slope.ravel(), derived.ravel(), strict=True)
        return [Number(label, a, b, allowed, entries) for label, a, b in rows]

    def _rewriting(self, link: Link) -> Link:
        """A link of formulas, unless a rewriting step by itself is wrong: then that step."""
        numbers = [] if self._at_kink else self._steps()  # at a kink the two sides may have other conventions
        steps = [number for number in numbers if number.ratio > 1]
        return link_of(link.name, steps) if steps else link

    def _steps(self) -> list[Number]:
        """What each rewriting step found and what it made of it, entry by entry where both are numbers.

        What a step of a recurrence refers to has no value outside of it, and a function outside of its domain is nan,
        which a condition around both may leave out.
        """
        found = []
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
            label = f"what “{name}” rewrites"
            found += [
                Number(label, a, b, allowed, scale) for a, b in numeric if mpmath.isfinite(a) and mpmath.isfinite(b)
            ]
        return found

    def _phases(self, one: Staged, before: Column, allowed: Column) -> list[Number]:
        """An array after each phase of the schedule against what it was before it."""
        numbers: list[Number] = []
        for name, uses in one.scheduled:
            after = before
            for use in uses:
                after = self._column(self._here, one, use)
                now = self._numbers(one, before, after, allowed)
                numbers += [replace(number, label=f"{number.label} after “{name}”") for number in now]
            before = after
        return numbers

    # --- code ---------------------------------------------------------------------------------------------------------

    def _measured(self, function: str, ones: Sequence[Staged], noise: Sequence[Column]) -> list[Column]:
        """The rounding errors that the code itself shows around the inputs; zeros if it fails.

        They are noise: a number that is wrong in the same way at all of the points stays wrong.
        """
        try:
            near = Neighbourhood.of(self._inputs, list(self._tangents), self._rng)
            results = [self._calls(function, point) for point in near.points]
            spreads = [np.nan_to_num(near.spread(np.array([r[one.label] for r in results]))) for one in ones]
        except Exception:  # the comparison calls it again, and reports that
            return [[mpf(0)] * len(column) for column in noise]
        return [self._spread(one, exactly(spread)) for one, spread in zip(ones, spreads, strict=True)]

    def _spread(self, one: Staged, spread: Array) -> Column:
        """Rounding errors of an array as those of the numbers that are compared."""
        if not one.along:
            return list(spread.ravel())
        whole = spread.reshape(np.shape(self._draw.inputs[one.label]))
        return [_inner(whole, replace(d, vector=np.abs(d.vector))) for d in self._entries[one.label]]

    def _code(
        self,
        name: str,
        function: str,
        ones: Sequence[Staged],
        inputs: Mapping[str, Any],
        noise: Sequence[Column],
        coarser: float,
    ) -> Link:
        """What the module computes, against the terms that it computes, at the same inputs."""
        single = coarser > 1
        evaluator = self._at(inputs) if single else self._here
        expected = [self._array(evaluator, one, one.computed) for one in ones]
        try:
            got: Arrays = self._calls(function, inputs)
            pairs = zip(ones, expected, strict=True)
            arrays = [got[one.label].astype(np.float64).reshape(wanted.shape) for one, wanted in pairs]
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            return Link(name, "fail", math.inf, reason=f"it raised {type(problem).__name__}: {problem}")
        if single and not all(np.isfinite(array).all() for array in arrays):
            return Link(name, "inconclusive", reason="it is not finite there")
        least = float(np.finfo(np.float32 if single else np.float64).tiny)  # what is smaller may become zero
        numbers: list[Number] = []
        for one, array, wanted, errors in zip(ones, arrays, expected, noise, strict=True):
            column = self._compared(one, wanted)
            scale, floor = scale_of(column), coarser * self._floor(one, column, noise[0][0]) + least
            if not one.by and scale <= EPS**2:  # of a zero loss there may be what rounding leaves of terms of about one
                scale = mpf(1)
            allowed = [ROUNDINGS * coarser * (n + EPS * scale) + floor for n in errors]
            numbers += self._numbers(one, column, self._compared(one, exactly(array)), allowed, single)
        link = link_of(name, numbers)
        blind = [n for n in numbers if n.allowed > (_BLIND_SINGLE if single else _BLIND) * n.size > 0]
        if link.verdict == "pass" and blind:
            return replace(link, verdict="inconclusive", reason=f"a wrong {blind[0].label} could hide in its rounding")
        return link

    def _floor(self, one: Staged, column: Column, value_noise: Any) -> Any:
        """What no number of an array is known better than, in float64."""
        if not one.by:
            return mpf(0)
        if one.along:  # what moves the loss by its own rounding error
            size = largest(self._draw.inputs[one.label]) or 1.0
            return _FLOOR * (value_noise + EPS * abs(self._value)) / size
        # entries that cancel are as exact as what they are made of, of which the inputs say the size
        terms = max(map(largest, self._inputs.values()), default=0.0)
        return _FLOOR * EPS * max(mpf(1), mpf(terms))


def _inner(part: Array, direction: Direction) -> Any:
    places = [tuple(place) for place in np.argwhere(direction.vector).tolist()]
    return mpmath.fsum(part[place] * mpf(direction.vector[place]) for place in places)


def _holds_in_a_recurrence(use: Use) -> bool:
    """Whether there is a `constant` inside a step, whose value at other inputs is not kept."""
    scans = [node for node in postorder([use.node]) if isinstance(node, Scan)]
    return any(isinstance(part, Apply) and part.head is constant for scan in scans for part in within(scan))
