"""The chain of second derivatives and Jacobians, link by link at 50 digits, as `chain` has that of the gradient.

    gradient (or a named quantity) ─derivation─► forward mode ─simplification─► formulas ─schedule─► terms of the code
                                  ─float64 code─► module ─float32 code─► module in single precision

Forward mode is compared with differences of what it differentiates, at a step of 1e-20 that 50 digits allow; all else
with the link before it. So a wrong second derivative is blamed on the stage that made it, and a wrong gradient, which
the chain of the gradient blames, not again.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.graph.nodes import Input, Shape, Use
from symgrad.verify.chain import (
    DIGITS,
    EXACT,
    GUARD_DIGITS,
    MOST_NUMBERS,
    MOVES,
    ROUNDINGS,
    SINGLE,
    STEP,
    exactly,
    in_single,
    moved,
    scale_of,
)
from symgrad.verify.differences import EPS, Neighbourhood
from symgrad.verify.directions import Tangents
from symgrad.verify.graph_eval import GraphEvaluator
from symgrad.verify.numbers import Number, link_of
from symgrad.verify.report import Link
from symgrad.verify.sampling import Draw

Array = np.ndarray[Any, Any]
Numbers = tuple[Number, ...]

_BLIND = 1e-4  # code whose rounding errors are larger, relative to its largest number, proves nothing
_FLOOR = 16.0


@dataclass(frozen=True)
class SecondStages:
    """One derivative of the gradient or of a named quantity, as each stage of the compiler has it.

    Attributes
    ----------
    function : "hessian", "hessian_vector_product" or "jacobian_NAME".
    label : what the report calls it, `H.p.q`.
    of, by : what is differentiated, with its shape, and the parameters that it is differentiated by.
    derived, simplified : terms over the axes of `of`, then those of `by`; of a product those of `of` only.
    scheduled : the same after each phase of the schedule, by its name; the last is what the code computes.
    path : the fields that lead to its array in what the module's function returns.
    product : whether it is the product with a direction in all parameters at once.
    """

    function: str
    label: str
    of: Use
    shape: Shape
    by: tuple[Input, ...]
    derived: Use
    simplified: Use
    scheduled: tuple[tuple[str, Use], ...]
    path: tuple[str, ...]
    product: bool = False

    def computed(self, result: Any) -> Array:
        """Its array, dense, out of what the module's function returns."""
        for name in self.path:
            result = getattr(result, name)
        return np.asarray(result.to_dense() if hasattr(result, "to_dense") else result)


def check_second_chain(
    stages: Sequence[SecondStages],
    call: Callable[..., Any],
    draw: Draw,
    rng: np.random.Generator,
    exact: bool,
) -> tuple[Link, ...]:
    """The verdict on every link of every function at one draw of inputs; empty at a kink or where there is too much.

    Parameters
    ----------
    stages : what there is to compare.
    call : `call(function, inputs, directions)` is what the module's function of that name returns.
    draw : the inputs.
    rng : chooses directions, and how the inputs are moved.
    exact : whether formulas agree to all digits, whatever the rounding of the inputs.
    """
    if draw.distance < math.sqrt(float(STEP)) or sum(map(np.size, draw.inputs.values())) > MOST_NUMBERS:
        return ()
    with mpmath.workdps(DIGITS + GUARD_DIGITS), np.errstate(all="ignore"):
        chain = _SecondChain(call, draw, rng, exact)
        found: list[Link] = []
        for function in dict.fromkeys(one.function for one in stages):
            found += chain.links(function, [one for one in stages if one.function == function])
        return tuple(found)


class _SecondChain:
    def __init__(self, call: Callable[..., Any], draw: Draw, rng: np.random.Generator, exact: bool) -> None:
        self._call, self._draw, self._rng, self._exact = call, draw, rng, exact

    def links(self, function: str, stages: Sequence[SecondStages]) -> list[Link]:
        """The links of one function; the worst number of all its arrays stands for each."""
        parameters = dict.fromkeys(node for one in stages for node in one.by)
        along = {node: self._direction(node) for node in parameters}
        inputs = dict(self._draw.inputs)
        if any(one.product for one in stages):
            inputs |= {f"direction_{node.name}": vector for node, vector in along.items()}
        here = GraphEvaluator(inputs, self._draw.sizes)
        derived = [self._array(here, one, one.derived) for one in stages]
        simplified = [self._array(here, one, one.simplified) for one in stages]
        others = [GraphEvaluator(moved(inputs, self._rng), self._draw.sizes) for _ in range(MOVES)]
        noise = [
            np.max([abs(self._array(other, one, one.simplified) - now) for other in others], axis=0)
            for one, now in zip(stages, simplified, strict=True)
        ]
        slack = [self._slack(array, errors) for array, errors in zip(simplified, noise, strict=True)]
        title = function.replace("hessian_vector_product", "hvp")
        pairs = zip(stages, derived, strict=True)
        numbers = [number for one, array in pairs for number in self._derivation(one, array, along, here)]
        found = [link_of(f"{title} derivation", numbers)]
        numbers = [
            number
            for one, a, b, allowed in zip(stages, derived, simplified, slack, strict=True)
            for number in self._numbers(one, a, b, allowed)
        ]
        found.append(link_of(f"{title} simplification", numbers))
        numbers = [
            number
            for one, array, allowed in zip(stages, simplified, slack, strict=True)
            for number in self._phases(here, one, array, allowed)
        ]
        found.append(link_of(f"{title} schedule", numbers))
        directions = tuple(along.values())
        found.append(self._code(f"{title} float64 code", stages, inputs, directions, noise, 1.0))
        found.append(self._code(f"{title} float32 code", stages, inputs, directions, noise, SINGLE))
        return found

    def _phases(self, here: GraphEvaluator, one: SecondStages, before: Array, allowed: Array) -> list[Number]:
        """An array after each phase of the schedule against what it was before it."""
        numbers: list[Number] = []
        for name, use in one.scheduled:
            after = self._array(here, one, use)
            now = self._numbers(one, before, after, allowed)
            numbers += [replace(number, label=f"{number.label} after “{name}”") for number in now]
            before = after
        return numbers

    def _direction(self, node: Input) -> Array:
        """A direction in a parameter that moves all of it."""
        tangents = Tangents(node.name, self._draw.inputs[node.name], self._draw.constraints)
        vectors = [direction.vector for direction in tangents.random(1, self._rng)]
        return vectors[0] if vectors else np.zeros(np.shape(self._draw.inputs[node.name]))

    def _array(self, evaluator: GraphEvaluator, one: SecondStages, use: Use) -> Array:
        shape = one.shape if one.product else (*one.shape, *one.by[0].shape)
        return np.array(np.broadcast_to(evaluator(use, len(shape)), evaluator.shape(shape)), dtype=object)

    def _slack(self, array: Array, noise: Array) -> Array:
        scale = scale_of(array.ravel())
        rounding = 0.0 if self._exact else ROUNDINGS
        return np.asarray(EXACT * (1 + scale) + rounding * (noise + EPS * scale), dtype=object)

    def _numbers(
        self, one: SecondStages, before: Array, after: Array, allowed: Array, coarse: bool = False
    ) -> list[Number]:
        scale = scale_of(before.ravel())
        return [
            Number(_label(one, at), before[at], after[at], allowed[at], scale, coarse)
            for at in np.ndindex(before.shape)
        ]

    def _derivation(
        self, one: SecondStages, derived: Array, along: Mapping[Input, Array], here: GraphEvaluator
    ) -> list[Number]:
        """Forward mode along a direction against the difference of what it differentiates."""
        ends = []
        for step in (STEP, -STEP):
            inputs = dict(self._draw.inputs)
            for node in one.by:
                inputs[node.name] = exactly(inputs[node.name]) + step * exactly(along[node])
            evaluator = GraphEvaluator(inputs, self._draw.sizes, here)
            ends.append(np.broadcast_to(evaluator(one.of, len(one.shape)), evaluator.shape(one.shape)))
        slope = np.asarray((ends[0] - ends[1]) / (2 * STEP), dtype=object)
        if not one.product:
            vector = exactly(along[one.by[0]]).reshape(here.shape(one.by[0].shape))
            derived = np.asarray(np.tensordot(derived, vector, axes=vector.ndim), dtype=object)
        scale = scale_of(np.ravel(derived)) + scale_of(np.ravel(ends[0])) * mpf(10) ** -5
        relative = EXACT + (0 if self._exact else ROUNDINGS * EPS)
        allowed = np.full(slope.shape, relative * (1 + scale), dtype=object)
        return self._numbers(one, slope, derived, allowed)

    def _code(
        self,
        name: str,
        stages: Sequence[SecondStages],
        inputs: Mapping[str, Any],
        directions: tuple[Array, ...],
        noise: Sequence[Array],
        coarser: float,
    ) -> Link:
        """What the module computes, against the terms that it computes, at the same inputs."""
        if coarser > 1:
            inputs, directions = ({k: in_single(v) for k, v in inputs.items()}, tuple(map(in_single, directions)))
        evaluator = GraphEvaluator(inputs, self._draw.sizes)
        function = stages[0].function
        given = (directions,) if stages[0].product else ()
        arguments = {k: v for k, v in inputs.items() if k in self._draw.inputs}
        try:
            result = self._call(function, arguments, *given)
            arrays = [one.computed(result).astype(np.float64) for one in stages]
            expected = [self._array(evaluator, one, one.scheduled[-1][1]) for one in stages]
            arrays = [array.reshape(wanted.shape) for array, wanted in zip(arrays, expected, strict=True)]
        except Exception as problem:  # the code under test may fail in any way, and that is a finding
            return Link(name, "fail", math.inf, reason=f"it raised {type(problem).__name__}: {problem}")
        if coarser > 1 and not all(np.isfinite(array).all() for array in arrays):
            return Link(name, "inconclusive", reason="it is not finite there")
        own = self._measured(function, arguments, given, stages) if coarser == 1 else [mpf(0)] * len(stages)
        numbers: list[Number] = []
        for one, array, wanted, errors, measured in zip(stages, arrays, expected, noise, own, strict=True):
            scale = scale_of(wanted.ravel())
            # entries that cancel are as exact as what they are made of, of which the inputs say the size
            terms = mpf(max((float(np.max(np.abs(v), initial=0.0)) for v in inputs.values()), default=0.0))
            least = float(np.finfo(np.float32 if coarser > 1 else np.float64).tiny)
            allowed = ROUNDINGS * coarser * (errors + EPS * scale) + ROUNDINGS * measured
            allowed = np.asarray(allowed + _FLOOR * coarser * EPS * max(mpf(1), terms) + least, dtype=object)
            numbers += self._numbers(one, wanted, exactly(array), allowed, coarser > 1)
        link = link_of(name, numbers)
        blind = [n for n in numbers if n.allowed > (0.1 if coarser > 1 else _BLIND) * n.size > 0]
        if link.verdict == "pass" and blind:
            return replace(link, verdict="inconclusive", reason=f"a wrong {blind[0].label} could hide in its rounding")
        return link

    def _measured(
        self, function: str, inputs: Mapping[str, Any], given: tuple[Any, ...], stages: Sequence[SecondStages]
    ) -> list[Any]:
        """The largest rounding error that the code itself shows around the inputs, for each array; 0 if it fails."""
        names = [node.name for one in stages for node in one.by]
        near = Neighbourhood.of(inputs, names, self._rng)
        try:
            results = [self._call(function, point, *given) for point in near.points]
            arrays = [np.array([one.computed(result) for result in results]) for one in stages]
            return [mpf(float(np.max(np.nan_to_num(near.spread(part)), initial=0.0))) for part in arrays]
        except Exception:  # the comparison calls it again, and reports that
            return [mpf(0)] * len(stages)


def _label(one: SecondStages, at: tuple[int, ...]) -> str:
    return f"{one.label}[{', '.join(map(str, at))}]" if at else one.label
