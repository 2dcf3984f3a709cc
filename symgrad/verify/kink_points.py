"""Kinks: how far inputs are from the nearest one, and inputs that are exactly at one.

Where no argument is zero, inputs at a kink come from a tie, or from solving. Everything is exact there. Inputs are
rounded to powers of two, so that products and sums of them have no rounding errors in code, and what is linear in one
of them vanishes at a number that has few digits; that number is put in its place. The distance is evaluated at 50
digits. Otherwise code might round to one side of a kink, and its formula say what holds on the other.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np

from symgrad.arguments import Argument
from symgrad.frontend.facts import Constraint
from symgrad.verify.arrays import Array, Inputs, entry_name
from symgrad.verify.directions import beside
from symgrad.verify.draw import Draw

MOST_NUMBERS = 200  # of the inputs: beyond it, a search at 50 digits would take longer than the rest of the check
_DIGITS = 50
_LARGEST = 3  # the power of two
_STEP = 2.0**-20
_MOST_ENTRIES = 2  # of one argument that are tried
_MOST_SETS_OF_ZEROS = 100  # of arguments that are zero together: all pairs of a dozen parameters

Gaps = Callable[[Inputs, Inputs], Sequence[Array]]
ExactGaps = Callable[[Inputs, Inputs, Mapping[Any, int]], Sequence[Array]]
Candidates = Iterator[tuple[str, dict[str, Any]]]  # inputs, and in words what is special about them


@dataclass(frozen=True)
class Kinks:
    """The kinked functions of a loss.

    A function that is at its kink and stays there when the parameters move, as |x[i] - x[j]| does for i = j, has none.

    Attributes
    ----------
    labels : what they are called.
    parameters : the names of what moves.
    gaps : `gaps(inputs, held)` is how far each entry of each is from its kink, in float64; what the model holds
        constant is as it is at `held`.
    exact : the same at the precision of the moment, from the sizes as well, and of a maximum what is 0 at a tie.
    """

    labels: Sequence[str]
    parameters: Sequence[str]
    gaps: Gaps
    exact: ExactGaps | None = None

    def nearest(self, inputs: Inputs, constraints: Sequence[Constraint]) -> float:
        """The distance from the nearest kink; inf where there is none."""
        return min(self._distances(self.gaps, inputs, constraints), default=math.inf)

    def distances(self, inputs: Inputs, sizes: Mapping[Any, int], constraints: Sequence[Constraint]) -> list[float]:
        """How far inputs are from the kink of each function, exactly; from a tie, which is one, as well."""
        assert self.exact is not None
        with mpmath.workdps(_DIGITS):
            return self._distances(partial(self.exact, sizes=sizes), inputs, constraints)  # type: ignore[call-arg]

    def _distances(self, gaps: Gaps, inputs: Inputs, constraints: Sequence[Constraint]) -> list[float]:
        near = [np.asarray(part, dtype=np.float64) for part in gaps(inputs, inputs)]
        if any(np.any(part == 0) for part in near):
            beyond = gaps(beside(inputs, self.parameters, constraints), inputs)
            pairs = zip(near, (np.asarray(part, dtype=np.float64) for part in beyond), strict=True)
            near = [np.where((part == 0) & (moved == 0), np.inf, part) for part, moved in pairs]
        return [float(np.nanmin(part, initial=np.inf)) for part in near]


def at_zeros(draw: Draw, arguments: Sequence[Argument]) -> Candidates:
    """Inputs of which some arguments are zero: one parameter, two, all of them; or one of the data."""
    names = [argument.name for argument in arguments if argument.role == "parameter"]
    data = [(argument.name,) for argument in arguments if argument.role == "data" and not argument.integer]
    pairs = (itertools.combinations(names, count) for count in (1, 2))
    for zero in itertools.islice(itertools.chain(*pairs, [tuple(names)], data), _MOST_SETS_OF_ZEROS):
        inputs = {name: np.zeros_like(value) if name in zero else value for name, value in draw.inputs.items()}
        yield f"{' and '.join(zero)} = 0", inputs


def at_kink(kinks: Kinks, number: int, draw: Draw, arguments: Sequence[Argument]) -> Candidates:
    """Inputs exactly at the kink of one function."""
    tied = {getattr(constraint, "name", None) for constraint in draw.constraints}
    real = [a for a in arguments if a.role != "dimension" and not a.integer]
    free = [a.name for a in sorted(real, key=lambda a: a.role != "parameter") if a.name not in tied]
    inputs = {**draw.inputs, **{name: _rounded(draw.inputs[name]) for name in free}}

    def distance(changed: Mapping[str, Any]) -> float:
        return kinks.distances({**inputs, **changed}, draw.sizes, draw.constraints)[number]

    for said, changed in itertools.chain(
        _ties({a.name: inputs[a.name] for a in real}), _solutions({name: inputs[name] for name in free}, distance)
    ):
        if distance(changed) == 0:
            yield said, {**inputs, **changed}


def _rounded(value: Any) -> Any:
    """Numbers as the nearest powers of two."""
    with np.errstate(divide="ignore"):
        powers = np.clip(np.round(np.log2(np.abs(value))), -_LARGEST, _LARGEST)
    return np.copysign(2.0**powers, value)[()]


def _ties(arrays: Mapping[str, Any]) -> Candidates:
    """One argument in the place of another of its shape, and one with equal entries."""
    for (first, one), (second, other) in itertools.combinations(arrays.items(), 2):
        if np.shape(one) == np.shape(other):
            yield f"{first} = {second}", {first: other}
    for name, value in arrays.items():
        if np.size(value) > 1:
            yield f"equal entries of {name}", {name: np.full(np.shape(value), np.ravel(value)[0])}


def _solutions(arrays: Mapping[str, Any], distance: Callable[[Mapping[str, Any]], float]) -> Candidates:
    """One entry of an argument where the distance, taken to be linear in it, vanishes: at a number of few digits."""
    start = distance({})
    for name, value in arrays.items():
        for at in itertools.islice(np.ndindex(np.shape(value)), _MOST_ENTRIES):

            def moved(number: float, name: str = name, at: tuple[int, ...] = at) -> dict[str, Any]:
                changed = np.array(arrays[name])
                changed[at] = number
                return {name: changed[()]}

            entry = float(np.asarray(value)[at])
            slope = (distance(moved(entry + _STEP)) - start) / _STEP
            if slope != 0 and math.isfinite(slope):
                root = float(np.float32(entry - start / slope))
                yield f"{entry_name(name, at)} = {root:.6g}", moved(root)
