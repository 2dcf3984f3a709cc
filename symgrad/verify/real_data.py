"""What is checked on arrays of a user's own that are too large for 50 digits: all of them once, and parts of them.

The whole arrays go through the module: value and gradient are finite, its functions agree, and derivatives along
random directions and of a few entries agree with differences in float64. What needs many digits, or a derivative by
every entry, is checked on parts: blocks of neighbouring entries along each long dimension, with the labels that occur
in them. A part of legal inputs is legal where the facts still hold; a dimension along which they would not stays whole.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Basic, Expr

from symgrad.arguments import Argument
from symgrad.dimensions import concrete
from symgrad.errors import ModelError, SymgradError
from symgrad.verify.calls import SecondOrder
from symgrad.verify.draw import WHOLE, Draw
from symgrad.verify.draws import given_inputs, size_choices
from symgrad.verify.sampling import Sampler
from symgrad.verify.subject import Settings, Subject

MOST_NUMBERS = 1000  # of given arrays that are checked as they are: 50 digits take a second for each comparison
LONGEST = 50  # of their sides: a matrix of so many rows is inverted in a second
MOST_OF_WHOLE = 20  # derivatives by differences of the whole: each calls it thirty times
_LENGTHS = (20, 10, 4)  # of blocks; the shorter ones only where there are still too many numbers
_TRIES = 5  # at random places, where a part has no finite loss


def is_large(subject: Subject, settings: Settings) -> bool:
    """Whether given arrays are too large to be checked as they are."""
    shapes = [np.shape(value) for value in given_inputs(subject, settings).values()]
    return sum(map(math.prod, shapes)) > MOST_NUMBERS or max((max(s, default=0) for s in shapes), default=0) > LONGEST


def whole_arrays(subject: Subject, settings: Settings) -> tuple[Subject, Draw]:
    """The given arrays as they are, and the module without what would need 50 digits of so many numbers.

    Raises
    ------
    ModelError : they do not fit, or do not satisfy a fact.
    NoInputsError : no other inputs make the loss finite beside them.
    """
    given = given_inputs(subject, settings)
    sizes = size_choices(subject, settings, given)[0]
    light = replace(subject, reference=None, stated=None, conditioning=None, second=SecondOrder())
    draw = Sampler(light, sizes, [settings.seed, 0], given).draw(near_kinks=True)
    distance = light.distance(draw.inputs, draw.constraints)
    return light, replace(draw, distance=distance, where="(all of the given arrays)", kind=WHOLE)


def parts(subject: Subject, settings: Settings, whole: Draw) -> tuple[list[Draw], str]:
    """Parts of the given arrays that are small enough, with what was drawn beside them; and why there are none."""
    given = given_inputs(subject, settings)
    cutter = _Cutter(subject, given, whole.sizes)
    rng = np.random.default_rng([settings.seed, 5])
    short = cutter.lengths()
    found: list[Draw] = []
    reason = "facts, or the shapes, hold the arrays together along every long dimension"
    if not short or cutter.numbers({**whole.sizes, **short}) > 2 * MOST_NUMBERS:
        return [], reason
    room = {d: whole.sizes[d] - length for d, length in short.items()}
    random = ({d: int(rng.integers(0, left + 1)) for d, left in room.items()} for _ in range(_TRIES))
    for number, places in enumerate(([dict.fromkeys(room, 0)], [room], random)):  # the first part, the last, another
        for starts in places:
            part = cutter.part(short, starts)
            try:
                draw = Sampler(subject, part.sizes, [settings.seed, number], part.inputs).draw()
            except ModelError as problem:
                reason = str(problem)
                continue
            found.append(replace(draw, where=part.where))
            break
    return found, reason


class _Cutter:
    """Cuts parts out of the given arrays of one model."""

    def __init__(self, subject: Subject, given: Mapping[str, Any], sizes: Mapping[Basic, int]) -> None:
        self._subject, self._given, self._sizes = subject, dict(given), dict(sizes)
        self._arguments = {a.name: a for a in subject.arguments}
        self._least = subject.minimum_sizes
        # Labels 0 … G - 1 that subscript an axis of G entries, by G.
        self._labels: dict[Basic, list[Argument]] = {}
        for argument in subject.arguments:
            if argument.name in given and argument.upper is not None and argument.upper.is_Symbol:
                self._labels.setdefault(argument.upper, []).append(argument)

    def numbers(self, sizes: Mapping[Basic, int]) -> int:
        """How many numbers all inputs hold at some sizes."""
        return sum(
            math.prod(concrete(length, sizes) for length in argument.shape) for argument in self._subject.arguments
        )

    def lengths(self) -> dict[Basic, int]:
        """How long the blocks are along each dimension that is cut: as many of the longest as are needed."""
        short: dict[Basic, int] = {}
        for length in _LENGTHS:
            for dimension in sorted(self._sizes, key=lambda d: (-self._sizes[d], str(d))):
                sizes = {**self._sizes, **short}
                if sizes[dimension] <= LONGEST and self.numbers(sizes) <= MOST_NUMBERS:
                    continue
                tried = max(length, self._least.get(dimension, 1))
                if tried < sizes[dimension] and self._can_be({**short, dimension: tried}, dimension):
                    short[dimension] = tried
        return short

    def _can_be(self, short: Mapping[Basic, int], dimension: Basic) -> bool:
        """Whether a dimension is cut as the others: there is a model, whose facts hold for the first of the blocks."""
        for argument in self._subject.arguments:
            upper, span = argument.upper, argument.span or ()
            labels = upper is not None and upper == dimension and tuple(span) in ((), (0, dimension - 1))
            if not labels and any(
                dimension in end.free_symbols for end in (*span, *([] if upper is None else [upper]))
            ):
                return False  # positions, whose neighbours count
            if labels and any(dimension in length.free_symbols for length in argument.shape):
                return False  # entries that refer to each other
        if not self._subject.fits({**self._sizes, **short}):
            return False
        try:
            part = self.part(short, dict.fromkeys(short, 0))
            Sampler(self._subject, part.sizes, 0, part.inputs).anywhere()
        except SymgradError:
            return False
        return True

    def part(self, short: Mapping[Basic, int], starts: Mapping[Basic, int]) -> Draw:
        """The block from `starts` on; of dimensions with labels the entries that the block's labels name."""
        sizes = {**self._sizes, **short}
        chosen = {d: np.arange(starts[d], starts[d] + short[d]) for d in short}
        said = []
        for dimension in short:
            total = f"{dimension} = {self._sizes[dimension]:,}"
            if dimension in self._labels:
                others = {d: entries for d, entries in chosen.items() if d not in self._labels}
                chosen[dimension] = self._named(dimension, {**self._sizes, **short}, others, starts[dimension])
                sizes[dimension] = len(chosen[dimension])
                said.append(f"{sizes[dimension]:,} of {total} with the labels")
            else:
                said.append(f"{starts[dimension]:,}…{starts[dimension] + short[dimension] - 1:,} of {total}")
        given = {}
        for name, value in self._given.items():
            argument = self._arguments[name]
            if argument.role == "dimension":
                given[name] = sizes[argument.symbol]
                continue
            block = self._block(argument, np.asarray(value), chosen, sizes)
            if argument.upper in chosen and argument.upper in self._labels:
                block = np.searchsorted(chosen[argument.upper], block).astype(block.dtype)
            given[name] = block if block.ndim else block[()]
        return Draw(given, sizes, (), where=f"({', '.join(said)})")

    def _named(
        self, dimension: Basic, sizes: Mapping[Basic, int], chosen: Mapping[Basic, Any], start: int
    ) -> np.ndarray[Any, Any]:
        """The entries of a dimension that the labels of a block name, in order; others beside them if they are few."""
        labels = self._labels[dimension]
        blocks = [np.ravel(self._block(a, np.asarray(self._given[a.name]), chosen, sizes)) for a in labels]
        named = np.unique(np.concatenate(blocks))
        spare = np.setdiff1d((np.arange(self._sizes[dimension]) + start) % self._sizes[dimension], named)
        wanted = max(0, self._least.get(dimension, 1) - len(named))
        return np.sort(np.concatenate([named, spare[: max(wanted, 2)]]))

    def _block(
        self, argument: Argument, value: Any, chosen: Mapping[Basic, Any], sizes: Mapping[Basic, int]
    ) -> np.ndarray[Any, Any]:
        for axis, length in enumerate(argument.shape):
            value = np.take(value, self._places(length, value.shape[axis], chosen, sizes), axis=axis)
        return np.asarray(value)

    def _places(
        self, length: Expr, size: int, chosen: Mapping[Basic, Any], sizes: Mapping[Basic, int]
    ) -> np.ndarray[Any, Any]:
        """Which entries of an axis a block has; of an axis of 2N or N - 1 as many from the matching place on."""
        if length in chosen:
            return np.asarray(chosen[length])
        cut = [d for d in length.free_symbols if d in chosen]
        if not cut:
            return np.arange(size)
        wanted = concrete(length, sizes)
        first = {d: int(chosen[d][0]) for d in cut}
        moved = concrete(length, {**self._sizes, **{d: self._sizes[d] + first[d] for d in cut}}) - size
        start = min(max(moved, 0), size - wanted)
        return np.arange(start, start + wanted)
