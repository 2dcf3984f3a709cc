"""Inputs at which a kinked function is exactly at its kink, where no argument is zero: by a tie, or by solving.

Everything is exact. Inputs are rounded to powers of two, so that products and sums of them have no rounding errors in
code, and what is linear in one of them vanishes at a number that has few digits; that number is put in its place. The
distance is evaluated at 50 digits. Otherwise code might round to one side of a kink, and its formula say what holds on
the other.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.arguments import Argument
from symgrad.verify.differences import Array
from symgrad.verify.sampling import Draw

_LARGEST = 3  # the power of two
_STEP = mpf(10) ** -20
MOST_NUMBERS = 200  # of the inputs: beyond it, a search at 50 digits would take longer than the rest of the check
_MOST_ENTRIES = 2  # of one argument that are tried
_DIGITS = 50


class Kinks(NamedTuple):
    """The kinked functions of a loss: what they are called, and how far inputs are from the kink of each, exactly."""

    labels: Sequence[str]
    distances: Callable[[Mapping[str, Any], Any], list[Any]]


class Point(NamedTuple):
    """Inputs, in words, and the numbers of the kinks that are there."""

    said: str
    inputs: dict[str, Any]
    kinks: frozenset[int]


def reached(kinks: Kinks, inputs: Mapping[str, Any], sizes: Any) -> frozenset[int]:
    """Which kinks the inputs are at."""
    with mpmath.workdps(_DIGITS):
        return frozenset(n for n, distance in enumerate(kinks.distances(inputs, sizes)) if distance == 0)


def search(kinks: Kinks, draw: Draw, arguments: Sequence[Argument], wanted: int, allowed: Any) -> Point | None:
    """A point at one of the kinks; `allowed` says whether inputs will do beside that."""
    rounded = _rounded(draw, arguments)
    with mpmath.workdps(_DIGITS):
        for said, inputs in itertools.chain(
            _ties(rounded, arguments), _solutions(kinks, wanted, rounded, draw, arguments)
        ):
            if kinks.distances(inputs, draw.sizes)[wanted] == 0 and allowed(inputs):
                return Point(said, inputs, reached(kinks, inputs, draw.sizes))
    return None


def _free(draw: Draw, arguments: Sequence[Argument]) -> list[str]:
    """The arguments whose numbers no fact ties, parameters first."""
    tied = {getattr(constraint, "name", None) for constraint in draw.constraints}
    real = [a for a in arguments if a.role != "dimension" and not a.integer and a.name not in tied]
    return [a.name for a in sorted(real, key=lambda a: a.role != "parameter")]


def _rounded(draw: Draw, arguments: Sequence[Argument]) -> dict[str, Any]:
    inputs = dict(draw.inputs)
    for name in _free(draw, arguments):
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
    distance = kinks.distances(inputs, draw.sizes)[wanted]
    for name in _free(draw, arguments):
        value = np.asarray(inputs[name])
        for at in itertools.islice(np.ndindex(value.shape), _MOST_ENTRIES):
            moved = _exactly(value)
            moved[at] += _STEP
            slope = (kinks.distances({**inputs, name: moved}, draw.sizes)[wanted] - distance) / _STEP
            if slope == 0 or not mpmath.isfinite(slope):
                continue
            root = mpf(float(value[at])) - distance / slope
            # what is left of rounding errors at 50 digits is none of the number's
            number = float(np.float32(float(root)))
            if abs(root - number) <= mpf(10) ** -15 * (1 + abs(root)):
                solved = np.array(value)
                solved[at] = number
                label = f"{name}[{', '.join(map(str, at))}]" if at else name
                yield f"{label} = {number:.6g}", {**inputs, name: solved[()]}


def _exactly(value: Array) -> Array:
    return np.asarray(np.frompyfunc(lambda x: mpf(float(x)), 1, 1)(value), dtype=object).reshape(value.shape)
