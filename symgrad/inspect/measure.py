"""What the report measures: errors of differences against their step, time and memory, operations."""

import math
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, S, Symbol, expand

from symgrad.dimensions import format_sizes
from symgrad.errors import ModelError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import (
    Contract,
    Node,
    postorder,
)
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, terms_of
from symgrad.schedule.estimate import size_estimate
from symgrad.verify.derivatives import moving
from symgrad.verify.differences import derivative
from symgrad.verify.directions import Tangents
from symgrad.verify.draw import Draw

MOST_CURVES = 5  # parameters whose curves are drawn; more could not be told apart
STEPS = [10.0 ** (-exponent / 2) for exponent in range(0, 29)]  # 1 ... 1e-14

# Sample count and feature count of each timing; the next is tried if it should take less than LONG seconds a call.
SIZES = ((20, 5), (200, 20), (1000, 50))
LONG = 0.2
PATIENCE = 0.1  # seconds of repetition that a timing is worth


@dataclass(frozen=True)
class Curve:
    """The error of a central difference at each step, and the step and error that the check arrived at."""

    parameter: str
    steps: tuple[float, ...]
    errors: tuple[float, ...]
    chosen: float
    reached: float


@dataclass(frozen=True)
class Timing:
    """Median seconds of each function, and the most memory that value_and_gradient held beside its arguments."""

    sizes: str
    seconds: dict[str, float]
    memory: int
    inputs: int


def curves(module: Any, draw: Draw, parameters: Sequence[str], seed: int) -> list[Curve]:
    """|D(h) − analytic| / |analytic| of central differences D(h) along a random direction in each parameter."""
    _, gradient = module.value_and_gradient(**draw.inputs)
    made: list[Curve] = []
    for name, part in list(zip(parameters, gradient, strict=True))[:MOST_CURVES]:
        tangents = Tangents(name, draw.inputs[name], draw.constraints)
        rng = np.random.default_rng([seed, len(made)])
        for direction in tangents.random(1, rng) if np.ndim(tangents.value) else tangents.entries():
            analytic = float(np.sum(np.asarray(part, dtype=np.float64) * direction.vector))
            loss = moving(lambda inputs: module.value(**inputs), draw.inputs, [direction])
            if not math.isfinite(analytic) or analytic == 0:
                continue
            points = []
            for step in STEPS:
                slope = float(loss(step)[0] - loss(-step)[0]) / (2 * step)
                error = abs(slope - analytic) / abs(analytic)
                if math.isfinite(error):
                    points.append((step, max(error, 1e-17)))
            best = derivative(lambda t: float(loss(t)[0]))  # noqa: B023
            reached = max(abs(best.value - analytic) / abs(analytic), 1e-17)
            if points and math.isfinite(reached) and best.step > 0:
                steps, errors = zip(*points, strict=True)
                made.append(Curve(name, steps, errors, best.step, reached))
    return made


def timings(model: Any, module: Any, seed: int, operations: Expr) -> list[Timing]:
    """Time and memory at growing sizes, as long as these should not take long: time grows as the `operations` do."""
    made: list[Timing] = []
    speed = 0.0  # seconds an operation
    for sizes in _sizes(model):
        if made and speed * float(operations.subs(sizes)) > LONG:
            break
        try:
            (draw,) = model.draws(module, seed=seed, sizes=sizes, timed=True)
        except ModelError:  # the model's facts or shapes do not allow these
            continue
        seconds = {
            name: _median(lambda name=name, draw=draw: getattr(module, name)(**draw.inputs))  # type: ignore[misc]
            for name in ("value", "gradient", "value_and_gradient")
        }
        tracemalloc.start()
        try:
            module.value_and_gradient(**draw.inputs)
            memory = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        inputs = sum(np.asarray(value).nbytes for value in draw.inputs.values())
        made.append(Timing(format_sizes(draw.sizes), seconds, memory, inputs))
        if not model.program.dimensions:
            break
        speed = max(seconds.values()) / max(1.0, float(operations.subs(draw.sizes)))
    return made


def _sizes(model: Any) -> Iterator[dict[Symbol, int]]:
    parameters = [argument for argument in model.arguments if argument.role == "parameter"]
    features = {symbol for argument in parameters for side in argument.shape for symbol in side.free_symbols}
    for many, few in SIZES:
        yield {dimension: few if dimension in features else many for dimension in model.program.dimensions}


def _median(call: Callable[[], Any]) -> float:
    seconds: list[float] = []
    with np.errstate(all="ignore"):
        while not seconds or (sum(seconds) < PATIENCE and len(seconds) < 1000):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


# --- operations -------------------------------------------------------------------------------------------------------


def operation_counts(program: Program, functions: Sequence[Function]) -> tuple[Expr, Expr]:
    """The scalar operations of the loss, and of the loss with its gradient, as polynomials of the dimensions.

    A sum of products counts as its factors are paired by the greedy order of the code; a function counts as one.
    """
    estimate = size_estimate(program.arguments, program.sizes)
    (both,) = (function for function in functions if function.name == BOTH)
    roots = [use.node for use in terms_of(both.result)]
    forward = sum((_cost(node, estimate) for node in postorder(roots[:1])), S.Zero)
    return expand(forward), expand(sum((_cost(node, estimate) for node in postorder(roots)), S.Zero))


def _cost(node: Node, estimate: Callable[[Expr], float]) -> Expr:
    return _contraction(node, estimate) if isinstance(node, Contract) else node.operations()


def _contraction(node: Contract, estimate: Callable[[Expr], float]) -> Expr:
    sizes = {letter: size for use, _ in node.factors for letter, size in zip(use.letters, use.node.shape, strict=True)}
    groups = [frozenset(use.letters) for use, _ in node.factors]
    powers = sum(exponent not in (1, -1) for _, exponent in node.factors)
    total = powers * prod(node.shape, start=S.One)
    out = frozenset(range(node.rank))

    def volume(letters: frozenset[Any]) -> Expr:
        return prod((sizes[letter] for letter in letters), start=S.One)

    while len(groups) > 1:
        pairs = combinations(range(len(groups)), 2)
        first, second = min(pairs, key=lambda pair: estimate(volume(groups[pair[0]] | groups[pair[1]])))
        together = groups[first] | groups[second]
        rest = [group for n, group in enumerate(groups) if n not in (first, second)]
        kept = together & (out | frozenset().union(*rest))
        total += volume(together) * (2 if kept != together else 1)
        groups = [*rest, kept]
    if len(node.factors) == 1 and node.bound:
        total += volume(groups[0])
    return total
