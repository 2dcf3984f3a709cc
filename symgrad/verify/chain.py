"""The chain from the SymPy loss to the generated code, link by link, each compared with the one before it at 50 digits.

    SymPy loss ─reading─► graph ─derivation─► adjoints as reverse mode gives them ─simplification─► formulas
               ─schedule─► terms of the code ─float64 code─► module ─float32 code─► module in single precision

The left end is evaluated by `verify.reference`, which knows no graph, everything up to the code by `verify.graph_eval`,
which knows no printer. What reverse mode derives is compared with differences of the loss as read, at a step of 1e-20
that 50 digits allow; all else with the link before it. So a wrong number is blamed on the stage that made it.

The schedule is evaluated after every phase of it, and every rewriting step by itself, so that what is wrong is named: a
phase, or a rule.

*Formulas* must agree to 1e-20. Where a fact holds of the inputs to the rounding of float64 only, or the model has
floating numbers, they agree as well as that. *Code* may be off by the rounding errors that any code has: those of the
inputs, as measured by moving every input by one rounding error and evaluating the formula at 50 digits again, and those
that the code shows by itself between points that lie close together.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from sympy import Basic

from symgrad.errors import SymgradError, UnsupportedError
from symgrad.functions import constant
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Input, Scan, Use, postorder
from symgrad.graph.scan import within
from symgrad.verify.differences import EPS, Neighbourhood
from symgrad.verify.directions import Direction, Tangents
from symgrad.verify.graph_eval import GraphEvaluator
from symgrad.verify.numbers import Number, link_of
from symgrad.verify.report import Link
from symgrad.verify.sampling import Draw

Array = np.ndarray[Any, Any]

DIGITS = 50
GUARD_DIGITS = 10

EXACT = mpf(10) ** -20
"""How well formulas have to agree, relative to the largest derivative by the parameter. The differences' error is 1e-40
times the third derivative, which leaves room for a loss that changes within 1e-5 of its inputs' size."""

ROUNDINGS = 4096.0
"""How many rounding errors of the inputs and the result code may be off by. Right modules are seldom off by ten."""

MOST_NUMBERS = 2000  # of the inputs: beyond it, 50 digits would take too long
_BLIND, _BLIND_SINGLE = 1e-4, 0.1  # code whose rounding errors are larger, relative to its numbers, proves nothing
STEP = mpf(10) ** -20
_FEWEST_STEPS_TO_KINK = 1e3
MOVES = 3
_JUMP = 1e-8  # of the value, or of the largest derivative, where the inputs move by a rounding error
_FLOOR = 16.0
SINGLE = 2.0**29  # rounding errors of float32 in those of float64


@dataclass(frozen=True)
class Stages:
    """What the compiler makes of a model, stage by stage.

    Attributes
    ----------
    parameters : the nodes differentiated by, in order.
    loss : as read, and with known functions recognised.
    derived : the adjoints of the parameters straight from reverse mode, or the reason why there are none.
    simplified : the adjoints simplified, as code starts from them.
    shown : the same as formulas show them, with what has a name written out.
    scheduled : after each phase of the schedule, by its name, the loss as `value` has it, then loss and adjoints as
        `value_and_gradient` has them; the last are what the code computes.
    rewrites : what each rewriting step found and made of it, by the name of its rule.
    exact : whether formulas agree to all digits, whatever the rounding of the inputs.
    """

    parameters: tuple[Input, ...]
    loss: tuple[Use, Use]
    derived: tuple[Use, ...] | str
    simplified: tuple[Use, ...]
    shown: tuple[Use, ...]
    scheduled: tuple[tuple[str, tuple[Use, ...]], ...]
    rewrites: tuple[tuple[str, Use, Use], ...]
    exact: bool

    @property
    def computed(self) -> tuple[Use, ...]:
        """Loss and adjoints as the code of `value_and_gradient` computes them."""
        return self.scheduled[-1][1][1:]


def check_chain(
    stages: Stages,
    module: Any,
    draw: Draw,
    reference: Callable[[Mapping[str, Any], Mapping[Basic, int]], Any],
    rng: np.random.Generator,
) -> tuple[Link, ...]:
    """The verdict on every link at one draw of inputs.

    Parameters
    ----------
    stages : the model, as each stage of the compiler has it.
    module : the generated module.
    draw : the inputs.
    reference : the SymPy loss at 50 digits, from inputs and sizes.
    rng : chooses directions, and how the inputs are moved.

    Returns
    -------
    tuple of Link
        Empty where the inputs hold more than MOST_NUMBERS numbers.
    """
    if sum(np.size(value) for value in draw.inputs.values()) > MOST_NUMBERS:
        return ()
    with mpmath.workdps(DIGITS + GUARD_DIGITS), np.errstate(all="ignore"):
        return _Chain(stages, module, draw, reference, rng).links()


class _Chain:
    def __init__(self, stages: Stages, module: Any, draw: Draw, reference: Any, rng: np.random.Generator) -> None:
        self._stages, self._module, self._draw, self._reference, self._rng = stages, module, draw, reference, rng
        self._names = [node.name for node in stages.parameters]
        self._tangents = [Tangents(name, draw.inputs[name], draw.constraints) for name in self._names]
        self._entries = [tangent.entries() for tangent in self._tangents]

    def links(self) -> tuple[Link, ...]:
        stages, evaluator = self._stages, self._at(self._draw.inputs)
        read, recognised = (evaluator(use).item() for use in stages.loss)
        simplified = self._gradient(evaluator, stages.simplified)
        # At a kink a formula is right if it keeps to the conventions, and that is for the recognised functions to say:
        # the plain spelling of a function may have another one. Nor may anything move there by its rounding errors.
        at_kink = self._draw.distance < _FEWEST_STEPS_TO_KINK * float(STEP)
        near = [self._moved() for _ in range(MOVES)]
        value_noise = max((abs(value - recognised) for value, _ in near), default=mpf(0))
        noise = [
            [max(abs(a - b) for a in column) for b, column in zip(now, zip(*others, strict=True), strict=True)]
            for now, *others in zip(simplified, *(gradient for _, gradient in near), strict=True)
        ]
        if at_kink:  # beside it a derivative jumps, and the value where a condition changes: that is no rounding
            value_noise = value_noise if value_noise <= _JUMP * (1 + abs(recognised)) else mpf(0)
            sizes = [_JUMP * scale_of(column) for column in simplified]
            noise = [[n if n <= s else mpf(0) for n in column] for s, column in zip(sizes, noise, strict=True)]
        found = [link_of("reading", [Number("value", self._loss(), read, EXACT * (1 + abs(read)), 1)])]
        if isinstance(stages.derived, str):
            found.append(Link("derivation", "inconclusive", reason=stages.derived))
            derived = simplified
        elif at_kink:  # where there is no derivative to derive
            if self._draw.distance > 0:
                reason = f"a kink is as near as {self._draw.distance:.1g}"
                found.append(Link("derivation", "inconclusive", reason=reason))
            derived = simplified
        else:
            derived = self._gradient(evaluator, stages.derived)
            if _holds_in_a_recurrence(stages.loss[0]):
                reason = "what a recurrence holds constant moves in differences of its loss"
                found.append(Link("derivation", "inconclusive", reason=reason))
            else:
                found.append(self._derivation(self._whole(evaluator, stages.derived), read, evaluator))
        slack = self._slack(simplified, noise, read)
        loss_slack = EXACT * (1 + abs(read)) + (0 if stages.exact else ROUNDINGS * (value_noise + EPS * abs(read)))
        shown = self._gradient(evaluator, stages.shown)
        numbers = [Number("value", read, recognised, loss_slack, 1)]
        numbers += [number for after in (simplified, shown) for number in self._numbers(derived, after, slack)]
        found.append(self._rewriting(link_of("simplification", numbers), evaluator, at_kink))
        scheduled, planned = recognised, simplified
        numbers = []
        for name, (own_loss, loss, *adjoints) in stages.scheduled:
            earlier, before = scheduled, planned
            alone, scheduled = (evaluator(use).item() for use in (own_loss, loss))
            planned = self._gradient(evaluator, adjoints)
            now = [Number("value", earlier, value, loss_slack, 1) for value in (alone, scheduled)]
            now += self._numbers(before, planned, slack)
            numbers += [replace(number, label=f"{number.label} after “{name}”") for number in now]
        found.append(link_of("schedule", numbers))
        # an algorithm may lose more digits than the inputs' rounding explains: log det(I + E) of a small E
        if not at_kink:
            own_value, own = self._measured(noise)
            value_noise = max(value_noise, own_value)
            noise = [[max(a, b) for a, b in zip(*both, strict=True)] for both in zip(noise, own, strict=True)]
        found.append(self._code("float64 code", self._draw.inputs, scheduled, planned, value_noise, noise, 1.0))
        found.append(self._single(value_noise, noise))
        return tuple(found)

    def _rewriting(self, link: Link, evaluator: GraphEvaluator, at_kink: bool) -> Link:
        """A link of formulas, unless a rewriting step by itself is wrong: then that step."""
        numbers = [] if at_kink else self._steps(evaluator)  # at a kink the two sides may have other conventions
        steps = [number for number in numbers if number.ratio > 1]
        return link_of(link.name, steps) if steps else link

    def _steps(self, evaluator: GraphEvaluator) -> list[Number]:
        """What each rewriting step found and what it made of it, entry by entry where both are numbers.

        What a step of a recurrence refers to has no value outside of it, and a function outside of its domain is nan,
        which a condition around both may leave out.
        """
        found = []
        for name, before, after in dict.fromkeys(self._stages.rewrites):
            letters = list(dict.fromkeys((*before.letters, *after.letters)))
            sides = [relabel(use, {x: k for k, x in enumerate(letters)}) for use in (before, after)]
            try:
                left, right = (np.asarray(evaluator(use, len(letters)), dtype=object) for use in sides)
            except (UnsupportedError, KeyError, IndexError, ValueError, ZeroDivisionError):
                continue
            pairs = list(zip(*(part.ravel() for part in np.broadcast_arrays(left, right)), strict=True))
            numeric = [(a, b) for a, b in pairs if isinstance(a, mpf) and isinstance(b, mpf)]
            scale = scale_of(a for a, _ in numeric)
            allowed = (EXACT + (0 if self._stages.exact else ROUNDINGS * EPS)) * (1 + scale)
            label = f"what “{name}” rewrites"
            found += [
                Number(label, a, b, allowed, scale) for a, b in numeric if mpmath.isfinite(a) and mpmath.isfinite(b)
            ]
        return found

    # What is compared.

    def _at(self, inputs: Mapping[str, Any]) -> GraphEvaluator:
        return GraphEvaluator(inputs, self._draw.sizes)

    def _loss(self) -> Any:
        return self._reference(self._draw.inputs, self._draw.sizes)

    def _whole(self, evaluator: GraphEvaluator, gradient: Sequence[Use]) -> list[Array]:
        """The gradient by every parameter in the shape of its input."""
        shapes = [np.shape(self._draw.inputs[name]) for name in self._names]
        return [
            np.broadcast_to(evaluator(use, node.rank), evaluator.shape(node.shape)).reshape(shape)
            for use, node, shape in zip(gradient, self._stages.parameters, shapes, strict=True)
        ]

    def _along(self, gradient: Sequence[Array]) -> list[list[Any]]:
        """The derivatives along the directions in which the parameters may be moved, one entry's mostly."""
        return [
            [_inner(part, direction) for direction in directions]
            for part, directions in zip(gradient, self._entries, strict=True)
        ]

    def _gradient(self, evaluator: GraphEvaluator, gradient: Sequence[Use]) -> list[list[Any]]:
        return self._along(self._whole(evaluator, gradient))

    def _moved(self) -> tuple[Any, list[list[Any]]]:
        """Value and gradient where every number of the inputs is off by a rounding error."""
        evaluator = self._at(moved(self._draw.inputs, self._rng))
        return evaluator(self._stages.loss[1]).item(), self._gradient(evaluator, self._stages.simplified)

    def _measured(self, known: list[list[Any]]) -> tuple[Any, list[list[Any]]]:
        """The rounding errors that the code itself shows around the inputs, in value and gradient; zeros if it fails.

        They are noise: a number that is wrong in the same way at all of the points stays wrong.
        """
        try:
            near = Neighbourhood.of(self._draw.inputs, self._names, self._rng)
            results = [self._module.value_and_gradient(**point) for point in near.points]
            spreads = [near.spread(np.array([result[1][k] for result in results])) for k in range(len(self._names))]
            value = float(near.spread(np.array([result[0] for result in results])))
            spreads = [
                np.nan_to_num(spread).reshape(np.shape(self._draw.inputs[name]))
                for name, spread in zip(self._names, spreads, strict=True)
            ]
        except Exception:  # the comparison calls it again, and reports that
            return mpf(0), [[mpf(0) for _ in column] for column in known]
        along = [
            [mpf(float(np.sum(part * np.abs(direction.vector)))) for direction in directions]
            for part, directions in zip(spreads, self._entries, strict=True)
        ]
        return mpf(value if math.isfinite(value) else 0.0), along

    def _slack(self, gradient: list[list[Any]], noise: list[list[Any]], loss: Any) -> list[list[Any]]:
        """How far formulas may be apart."""
        rounding = 0.0 if self._stages.exact else ROUNDINGS
        return [
            [EXACT * scale + _last_digits(loss) + rounding * (n + EPS * scale) for n in noises]
            for scale, noises in zip(map(scale_of, gradient), noise, strict=True)
        ]

    def _numbers(
        self, expected: list[list[Any]], got: list[list[Any]], allowed: list[list[Any]], single: bool = False
    ) -> list[Number]:
        return [
            Number(direction.label, a, b, slack, scale, single)
            for directions, before, after, slacks in zip(self._entries, expected, got, allowed, strict=True)
            for scale in [scale_of(before)]
            for direction, a, b, slack in zip(directions, before, after, slacks, strict=True)
        ]

    # Reverse mode against differences of the loss.

    def _derivation(self, derived: Sequence[Array], loss: Any, here: GraphEvaluator) -> Link:
        numbers = []
        for tangent, part, entries in zip(self._tangents, derived, self._entries, strict=True):
            scale = scale_of([_inner(part, direction) for direction in entries])
            relative = EXACT + (0 if self._stages.exact else ROUNDINGS * EPS)  # floating coefficients are rounded
            allowed = relative * scale + _last_digits(loss)
            number = [self._differentiated(d, part, allowed, here) for d in tangent.random(1, self._rng)]
            if any(n.ratio > 1 for n in number):  # one direction sees all entries; now which of them is it?
                number += [self._differentiated(direction, part, allowed, here) for direction in entries]
                number = [max(number[1:], key=lambda n: n.ratio)] if any(n.ratio > 1 for n in number[1:]) else number
            numbers += number
        return link_of("derivation", numbers or [Number("value", loss, loss, EXACT, 1)])

    def _differentiated(self, direction: Direction, derived: Array, allowed: Any, here: GraphEvaluator) -> Number:
        name, value = direction.parameter, np.asarray(self._draw.inputs[direction.parameter])
        ends = []
        for step in (STEP, -STEP):
            moved = np.asarray(exactly(value) + step * exactly(direction.vector), dtype=object)
            inputs = {**self._draw.inputs, name: moved}
            ends.append(GraphEvaluator(inputs, self._draw.sizes, here)(self._stages.loss[0]).item())
        slope = (ends[0] - ends[1]) / (2 * STEP)
        size = mpf(float(np.max(np.abs(direction.vector), initial=0.0)) * max(1, np.size(direction.vector)))
        return Number(direction.label, slope, _inner(derived, direction), allowed * max(size, 1), allowed / EXACT)

    # Code.

    def _code(
        self,
        name: str,
        inputs: Mapping[str, Any],
        value: Any,
        gradient: list[list[Any]],
        value_noise: Any,
        noise: list[list[Any]],
        coarser: float,
    ) -> Link:
        try:
            got_value, got = self._module.value_and_gradient(**inputs)
            shapes = [np.shape(inputs[parameter]) for parameter in self._names]
            parts = [np.asarray(part, dtype=np.float64).reshape(s) for part, s in zip(got, shapes, strict=True)]
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            return Link(name, "fail", math.inf, reason=f"it raised {type(problem).__name__}: {problem}")
        along = self._along([exactly(part) for part in parts])
        if coarser > 1 and not (np.isfinite(got_value) and all(np.isfinite(part).all() for part in parts)):
            return Link(name, "inconclusive", reason="it is not finite there")
        rounding = ROUNDINGS * coarser
        least = float(np.finfo(np.float32 if coarser > 1 else np.float64).tiny)  # what is smaller may become zero
        # a derivative is not known better than what moves the loss by its own rounding error
        floors = [coarser * (value_noise + EPS * abs(value)) / self._size(parameter) for parameter in self._names]
        allowed = [
            [rounding * (n + EPS * scale) + _FLOOR * floor + least for n in noises]
            for scale, noises, floor in zip(map(scale_of, gradient), noise, floors, strict=True)
        ]
        single = coarser > 1
        numbers = self._numbers(gradient, along, allowed, single)
        # of a loss that is zero there may be left what rounding leaves of terms of about one
        value_floor = value_noise + EPS * (abs(value) if abs(value) > EPS**2 else 1)
        number = Number("value", value, mpf(float(got_value)), rounding * value_floor, 1, single)
        link = link_of(name, [number, *numbers])
        blind = [n for n in (number, *numbers) if n.allowed > (_BLIND_SINGLE if single else _BLIND) * n.size > 0]
        if link.verdict == "pass" and blind:
            return replace(link, verdict="inconclusive", reason=f"a wrong {blind[0].label} could hide in its rounding")
        return link

    def _size(self, parameter: str) -> float:
        return float(np.max(np.abs(self._draw.inputs[parameter]), initial=0.0)) or 1.0

    def _single(self, value_noise: Any, noise: list[list[Any]]) -> Link:
        """The code in float32, against the terms that it computes at inputs rounded to float32."""
        inputs = {name: in_single(value) for name, value in self._draw.inputs.items()}
        evaluator = self._at(inputs)
        loss, *adjoints = self._stages.computed
        value = evaluator(loss).item()
        gradient = self._gradient(evaluator, adjoints)
        return self._code("float32 code", inputs, value, gradient, value_noise, noise, SINGLE)


def moved(inputs: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The inputs with every number off by a rounding error."""
    made = {}
    for name, value in inputs.items():
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array * (1 + EPS * rng.choice([-1.0, 1.0], size=array.shape))
        made[name] = array
    return made


def exactly(values: Any) -> Array:
    """Numbers as mpf."""
    return np.asarray(np.frompyfunc(lambda x: mpf(float(x)), 1, 1)(np.asarray(values)), dtype=object)


def _inner(part: Array, direction: Direction) -> Any:
    terms = [
        part[tuple(place)] * mpf(direction.vector[tuple(place)]) for place in np.argwhere(direction.vector).tolist()
    ]
    return mpmath.fsum(terms)


def scale_of(derivatives: Iterable[Any]) -> Any:
    """The size of the largest derivative by one parameter."""
    return max((abs(part) for part in derivatives if mpmath.isfinite(part)), default=mpf(0))


def _last_digits(loss: Any) -> Any:
    """What differences of a loss cannot tell from zero."""
    return EXACT * (1 + abs(loss)) * mpf(10) ** -5


def in_single(value: Any) -> Any:
    """A number or an array in single precision; integers as they are."""
    array = np.asarray(value)
    return value if array.dtype.kind != "f" else array.astype(np.float32) if array.ndim else np.float32(value)


def stages_or_reason(make: Callable[[], tuple[Use, ...]]) -> tuple[Use, ...] | str:
    """The derived adjoints, or why there are none."""
    try:
        return make()
    except SymgradError as problem:
        return str(problem)


def _holds_in_a_recurrence(loss: Use) -> bool:
    """Whether there is a `constant` inside a step, whose value at other inputs is not kept."""
    scans = [node for node in postorder([loss.node]) if isinstance(node, Scan)]
    return any(isinstance(part, Apply) and part.head is constant for scan in scans for part in within(scan))
