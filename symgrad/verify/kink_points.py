"""Kinks: how far inputs are from the nearest one, and inputs that are exactly at one.

Where no argument is zero, inputs at a kink come from a tie, or from solving. Everything is exact there. Inputs are
rounded to powers of two, so that products and sums of them have no rounding errors in code, and what is linear in one
of them vanishes at a number that has few digits; that number is put in its place. The distance is evaluated at 50
digits. Otherwise code might round to one side of a kink, and its formula say what holds on the other.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.arguments import Argument
from symgrad.frontend.facts import Constraint
from symgrad.verify.arrays import Array, Inputs, entry_name, exactly
from symgrad.verify.directions import beside
from symgrad.verify.draw import Draw

_LARGEST = 3  # the power of two
_STEP = mpf(10) ** -20
MOST_NUMBERS = 200  # of the inputs: beyond it, a search at 50 digits would take longer than the rest of the check
_MOST_ENTRIES = 2  # of one argument that are tried
_DIGITS = 50

Gaps = Callable[[Inputs, Inputs], Sequence[Array]]
ExactGaps = Callable[[Inputs, Inputs, Any], Sequence[Sequence[Array]]]


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
    exact : the same at 50 digits, from the sizes as well: of a maximum there is beside it what is 0 at a tie.
    """

    labels: Sequence[str]
    parameters: Sequence[str]
    gaps: Gaps
    exact: ExactGaps | None = None

    def nearest(self, inputs: dict[str, Any], constraints: Sequence[Constraint]) -> float:
        """The distance from the nearest kink; inf where there is none."""
        near = [np.asarray(gaps, dtype=np.float64) for gaps in self.gaps(inputs, inputs)]
        least = [float(np.nanmin(gaps, initial=np.inf)) for gaps in near]
        if 0 in least:
            beyond = self.gaps(beside(inputs, self.parameters, constraints), inputs)
            near = [np.where((a == 0) & (np.asarray(b) == 0), np.inf, a) for a, b in zip(near, beyond, strict=True)]
            least = [float(np.nanmin(gaps, initial=np.inf)) for gaps in near]
        return min(least, default=np.inf)

    def distances(self, inputs: Mapping[str, Any], sizes: Any, constraints: Sequence[Constraint]) -> list[Any]:
        """How far inputs are from the kink of each function, exactly; from a tie, which is one, as well."""
        assert self.exact is not None
        found = []
        beyond: Sequence[Sequence[Array]] | None = None
        for number, parts in enumerate(self.exact(inputs, inputs, sizes)):
            least = mpf("inf")
            for which, gaps in enumerate(parts):
                values = [gap for gap in gaps.ravel() if not mpmath.isnan(gap)]
                if 0 in values:
                    if beyond is None:
                        beyond = self.exact(beside(inputs, self.parameters, constraints), inputs, sizes)
                    pairs = zip(gaps.ravel(), beyond[number][which].ravel(), strict=True)
                    values = [a for a, b in pairs if not mpmath.isnan(a) and (a != 0 or b != 0)]
                least = min([least, *values])
            found.append(least)
        return found

    def reached(self, inputs: Mapping[str, Any], sizes: Any, constraints: Sequence[Constraint]) -> frozenset[int]:
        """Which kinks the inputs are at."""
        with mpmath.workdps(_DIGITS):
            return frozenset(n for n, gap in enumerate(self.distances(inputs, sizes, constraints)) if gap == 0)


class Point(NamedTuple):
    """Inputs, in words, and the numbers of the kinks that are there."""

    said: str
    inputs: dict[str, Any]
    kinks: frozenset[int]


def search(kinks: Kinks, draw: Draw, arguments: Sequence[Argument], wanted: int, allowed: Any) -> Point | None:
    """A point at one of the kinks; `allowed` says whether inputs will do beside that."""
    rounded = _rounded(draw, arguments)
    with mpmath.workdps(_DIGITS):
        for said, inputs in itertools.chain(
            _ties(rounded, arguments), _solutions(kinks, wanted, rounded, draw, arguments)
        ):
            if kinks.distances(inputs, draw.sizes, draw.constraints)[wanted] == 0 and allowed(inputs):
                return Point(said, inputs, kinks.reached(inputs, draw.sizes, draw.constraints))
    return None


def untied(draw: Draw, arguments: Sequence[Argument]) -> list[str]:
    """The arguments whose numbers no fact ties, parameters first."""
    tied = {getattr(constraint, "name", None) for constraint in draw.constraints}
    real = [a for a in arguments if a.role != "dimension" and not a.integer and a.name not in tied]
    return [a.name for a in sorted(real, key=lambda a: a.role != "parameter")]


def _rounded(draw: Draw, arguments: Sequence[Argument]) -> dict[str, Any]:
    inputs = dict(draw.inputs)
    for name in untied(draw, arguments):
        value = np.asarray(inputs[name], dtype=np.float64)
        with np.errstate(divide="ignore"):
            powers = np.clip(np.round(np.log2(np.abs(value))), -_LARGEST, _LARGEST)
        inputs[name] = np.copysign(2.0**powers, value)[()]
    return inputs


def _ties(inputs: Mapping[str, Any], arguments: Sequence[Argument]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One argument in the place of another of its shape, and one with equal entries."""
    real = {a.name: np.shape(inputs[a.name]) for a in arguments if a.role != "dimension" and not a.integer}
    for first, second in itertools.combinations(real, 2):
        if real[first] == real[second]:
            yield f"{first} = {second}", {**inputs, first: inputs[second]}
    for name, shape in real.items():
        if np.prod(shape, dtype=int) > 1:
            yield f"equal entries of {name}", {**inputs, name: np.full(shape, np.ravel(inputs[name])[0])}


def _solutions(
    kinks: Kinks, wanted: int, inputs: Mapping[str, Any], draw: Draw, arguments: Sequence[Argument]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """One entry of an argument where the distance, taken to be linear in it, vanishes."""
    distance = kinks.distances(inputs, draw.sizes, draw.constraints)[wanted]
    for name in untied(draw, arguments):
        value = np.asarray(inputs[name])
        for at in itertools.islice(np.ndindex(value.shape), _MOST_ENTRIES):
            moved = exactly(value).copy()
            moved[at] += _STEP
            after = kinks.distances({**inputs, name: moved}, draw.sizes, draw.constraints)[wanted]
            slope = (after - distance) / _STEP
            if slope == 0 or not mpmath.isfinite(slope):
                continue
            root = mpf(float(value[at])) - distance / slope
            # what is left of rounding errors at 50 digits is none of the number's
            number = float(np.float32(float(root)))
            if abs(root - number) <= mpf(10) ** -15 * (1 + abs(root)):
                solved = np.array(value)
                solved[at] = number
                yield f"{entry_name(name, at)} = {number:.6g}", {**inputs, name: solved[()]}
