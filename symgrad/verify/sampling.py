"""Draws inputs for a model, as its symbols and facts demand, where the loss is finite and away from kinks."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from sympy import Basic

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.graph.dimensions import concrete, format_sizes
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.differences import Loss, typical_size
from symgrad.verify.entries import RANGES, draw_entries, entry_limits
from symgrad.verify.facts import Bound, Constraint, FactReader, Structure, Unread
from symgrad.verify.inequalities import Inequality, inequalities, settled
from symgrad.verify.sizes import Sizes, concrete_shape
from symgrad.verify.statements import holds

MARGIN = 0.02
"""The distance to the next kink that a draw should have, relative to what is kinked. In a model with a hundred ReLUs
the nearest is seldom further away; the differences' first step is shortened to a part of what was found."""

KINK_DRAWS = 40  # a draw in seven has the nearest of a hundred kinks further away than MARGIN
FACT_DRAWS = 100
RANGE_COMBINATIONS = 200

_OFF_THE_END = 0.01  # of a bound, that numbers which inequalities move stay
_NEIGHBOURS = 4
_NEIGHBOUR_STEP = 0.03  # a quarter of the differences' first step; a nearer edge of the domain only costs them rows


Distance = Callable[[dict[str, Any], Sequence[Constraint]], float]

Kind = Literal["ordinary", "whole", "empty", "kink", "zeros", "scaled"]
ORDINARY: Kind = "ordinary"  # drawn, solved for, or parts of a user's own arrays
WHOLE: Kind = "whole"  # all of a user's own arrays
EMPTY: Kind = "empty"  # with an axis of no entries
KINK: Kind = "kink"  # where a derivative is a matter of convention
ZEROS: Kind = "zeros"
SCALED: Kind = "scaled"  # with very large or very small numbers


@dataclass(frozen=True, eq=False)
class Draw:
    """Inputs that the facts hold for.

    Attributes
    ----------
    inputs : every argument's value by its name: an array, a NumPy scalar for a scalar, an `int` for a dimension.
    sizes : the dimensions.
    constraints : what the facts and the symbols' assumptions say about the inputs.
    distance : the relative distance to the nearest kink; inf where none is known.
    untested : facts that could not be tested on inputs that the caller gave.
    notes : what else the report says of it.
    where : what is special about them, for the report.
    kind : what is special about them, for the check: not everything can be asked everywhere.
    """

    inputs: dict[str, Any]
    sizes: dict[Basic, int]
    constraints: tuple[Constraint, ...]
    distance: float = math.inf
    untested: tuple[Basic, ...] = ()
    notes: tuple[str, ...] = ()
    where: str = ""
    kind: Kind = ORDINARY

    @property
    def said(self) -> str:
        """The sizes, and what is special about the inputs."""
        return format_sizes(self.sizes) + (f" {self.where}" if self.where else "")


def same(left: Any, right: Any) -> bool:
    """Whether two inputs hold the same numbers; nan counts as one."""
    return np.array_equal(left, right, equal_nan=np.asarray(left).dtype.kind == "f")


class NoInputsError(ModelError):
    """No inputs were found at which there is something to check."""


class Sampler:
    """Draws inputs of one model at given sizes.

    Parameters
    ----------
    arguments, facts, where : the model's.
    sizes : an integer for every dimension.
    rng : the source of randomness.
    given : values that the caller wants used for some arguments, by name; the facts are tested on them, too.
    demands : statements under which the loss has a value, as far as they can be satisfied; tried where it has none.

    Raises
    ------
    ModelError
        If `given` names no argument, or a fact is false as it stands.
    """

    def __init__(
        self,
        arguments: Sequence[Argument],
        facts: Sequence[Basic],
        sizes: Sizes,
        rng: np.random.Generator,
        given: Inputs | None = None,
        where: Sequence[Basic] = (),
        demands: Sequence[Basic] = (),
    ) -> None:
        self._arguments = tuple(arguments)
        self._sizes = dict(sizes)
        self._where = tuple(where)
        self._rng = rng
        self._given = {name: _as_given(value) for name, value in (given or {}).items()}
        names = [argument.name for argument in arguments]
        for name in self._given:
            if name not in names:
                raise ModelError(f"inputs= has {name!r}, which is no argument; the arguments are {', '.join(names)}")
        self._reader = FactReader(arguments, sizes)
        assumed = [constraint for argument in arguments for constraint in self._reader.assumptions(argument)]
        self.constraints = (*assumed, *self._reader.read(facts))
        unread = [constraint.fact for constraint in self.constraints if isinstance(constraint, Unread)]
        self._ties = list(inequalities(unread, self._reader))
        self._demands = demands
        self._demanding = False
        self._untested: tuple[Basic, ...] = ()
        self.unmet: Unread | None = None  # the fact beyond the arguments that no inputs were found to satisfy

    def draw(
        self,
        loss: Loss | None = None,
        kink_distance: Distance | None = None,
        stated: Loss | None = None,
    ) -> Draw:
        """Draw inputs.

        Parameters
        ----------
        loss : what shall be finite at the inputs and beside them, and preferably raise no warning of NumPy there.
        kink_distance : the distance of inputs from the nearest kink, from what the facts say of them as well; of
            several draws the first beyond MARGIN is taken, or the furthest.
        stated : what shall be finite at the inputs, too; asked for seldom, since it may be slow.

        Raises
        ------
        ModelError
            If inputs that the caller gave do not satisfy a fact.
        NoInputsError
            If no inputs were found that satisfy a fact (which is named), or none where the loss is finite.
        """
        nowhere = "the loss was not finite"
        for ranges, inputs in self._starts(loss):
            best, distance = self._away(ranges, inputs, loss, kink_distance)
            if stated is None or math.isfinite(stated(best)):
                return self._result(best, distance)
            nowhere = "the loss had no real value"
        intervals = ", ".join(f"[{interval[0]}, {interval[1]}]" for interval in RANGES.values() if interval)
        raise NoInputsError(
            f"{nowhere} at any inputs drawn, neither normal numbers nor in {intervals}: "
            "state facts about the arguments (such as x[i] > 0), or give inputs="
        )

    def _away(
        self, ranges: Mapping[str, str], inputs: dict[str, Any], loss: Loss | None, kink_distance: Distance | None
    ) -> tuple[dict[str, Any], float]:
        """Inputs from the same ranges beyond MARGIN of all kinks, or the furthest found; and how far they are."""
        if kink_distance is None:
            return inputs, math.inf
        best, distance = inputs, float(kink_distance(inputs, self.constraints))
        for _ in range(KINK_DRAWS):
            if distance > MARGIN or len(self._given) == len(self._arguments):
                break
            other = self._satisfying(ranges)
            if other is not None and (loss is None or self._quality(loss, other) == _CALM):
                other_distance = float(kink_distance(other, self.constraints))
                if other_distance > distance:
                    best, distance = other, other_distance
        return best, distance

    def others(self, count: int) -> Iterator[dict[str, Any]]:
        """Inputs that the facts hold for, wherever the loss may be there."""
        for _, ranges in zip(range(count), itertools.cycle(self._range_choices())):
            inputs = self._satisfying(ranges)
            if inputs is not None:
                yield inputs

    def _result(self, inputs: dict[str, Any], distance: float) -> Draw:
        return Draw(inputs, self._sizes, self.constraints, distance, self._untested)

    def _starts(self, loss: Loss | None) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """Ranges in which the loss is finite, and inputs drawn from them; those without warnings first."""
        tolerable: list[tuple[dict[str, str], dict[str, Any], bool]] = []
        drawn = False
        for ranges, demanding in itertools.product(self._range_choices(), (False, True) if self._demands else (False,)):
            self._demanding = demanding
            inputs = self._satisfying(ranges, required=not drawn)
            if inputs is None:
                continue
            drawn = True
            quality = _CALM if loss is None else self._quality(loss, inputs)
            if quality == _CALM:
                yield ranges, inputs
            elif quality == _FINITE:
                tolerable.append((ranges, inputs, demanding))
        for ranges, inputs, self._demanding in tolerable:
            yield ranges, inputs

    def _range_choices(self) -> Iterator[dict[str, str]]:
        """Every argument in the same range, then one argument apart, then all combinations."""
        names = [a.name for a in self._arguments if a.role != "dimension" and a.name not in self._given]
        choices = itertools.chain(
            ((name,) * len(names) for name in RANGES),
            (
                tuple(other if position == apart else rest for position in range(len(names)))
                for rest in ("any", "positive")
                for apart in range(len(names))
                for other in RANGES
                if other != rest
            ),
            itertools.product(RANGES, repeat=len(names)),
        )
        for choice in itertools.islice(choices, RANGE_COMBINATIONS):
            yield dict(zip(names, choice, strict=True))

    def _satisfying(self, ranges: Mapping[str, str], required: bool = False) -> dict[str, Any] | None:
        """Inputs from the ranges that every fact holds for; without success None, or an error if they are required."""
        broken: Constraint | None = None
        for _ in range(FACT_DRAWS):
            inputs = self._once(ranges)
            if inputs is None:
                break
            broken = self._broken(inputs)
            if broken is None:
                return inputs
            if not isinstance(broken, Unread) and self._given.keys() >= {broken.name}:
                raise ModelError(f"the {broken.name} in inputs= does not satisfy the fact {broken.fact}")
            if not isinstance(broken, Unread):
                break  # drawn to satisfy it, but another fact stands against it: no luck will help
        if not required:
            return None
        self.unmet = broken if isinstance(broken, Unread) else None
        fact = "the facts together" if broken is None else f"the fact {broken.fact}"
        raise NoInputsError(
            f"no inputs were found that satisfy {fact} at {format_sizes(self._sizes)}: "
            "give inputs= that do, or other sizes="
        )

    def _once(self, ranges: Mapping[str, str]) -> dict[str, Any] | None:
        inputs: dict[str, Any] = {}
        for argument in self._arguments:
            name = argument.name
            if name in self._given:
                value = self._given[name]
                inputs[name] = value.copy() if isinstance(value, np.ndarray) else value
            elif argument.role == "dimension":
                inputs[name] = self._sizes[argument.symbol]
            else:
                upper = None if argument.upper is None else concrete(argument.upper, self._sizes)
                shape = concrete_shape(argument, self._sizes)
                span = tuple(concrete(end, self._sizes) for end in argument.span or ())
                drawn = draw_entries(argument, shape, upper, span, self.constraints, ranges[name], self._rng)
                if drawn is None:
                    return None
                inputs[name] = drawn
        wanted = self._ties + (self._demanded if self._demanding else [])
        return settled(inputs, wanted, self._limits, self._rng) if wanted else inputs

    @cached_property
    def _demanded(self) -> list[Inequality]:
        return list(inequalities(self._demands, self._reader))

    def _limits(self, name: str) -> tuple[Array, Array] | None:
        """Between what the entries of an argument lie; None where the caller gave it, or facts tie it otherwise."""
        own = [c for c in self.constraints if getattr(c, "name", None) == name]
        if name in self._given or any(not isinstance(c, Bound) for c in own):
            return None
        argument = self._reader.arguments_by_name[name]
        low, high = entry_limits(concrete_shape(argument, self._sizes), own, argument.integer)
        if argument.upper is not None:
            low, high = np.maximum(low, 0), np.minimum(high, concrete(argument.upper, self._sizes) - 1)
        if not argument.integer:  # an end may not be among the numbers that a fact allows
            off = np.where(low < high, _OFF_THE_END, 0.0)
            low, high = low + off, high - off
        return low, high

    def satisfies(self, inputs: dict[str, Any]) -> bool:
        """Whether every fact holds for inputs."""
        return self._broken(inputs) is None

    def _broken(self, inputs: dict[str, Any]) -> Constraint | None:
        """The first constraint that does not hold."""
        untested = []
        for constraint in self.constraints:
            verdict = holds(constraint, inputs, self._reader, self._where)
            if verdict is None and not self._given:
                raise ModelError(
                    f"inputs can neither be drawn for the fact {constraint.fact} nor be tested: "
                    "give inputs= that satisfy it"
                )
            if verdict is None:
                untested.append(constraint.fact)
            if verdict is False:
                return constraint
        self._untested = tuple(untested)
        return None

    def _quality(self, loss: Loss, inputs: dict[str, Any]) -> int:
        """Whether the loss is finite, and without warnings, at inputs and where the parameters are moved a little."""
        points = [inputs]
        structured = {c.name for c in self.constraints if isinstance(c, Structure)}
        moving = [a.name for a in self._arguments if a.role == "parameter" and a.name not in structured]
        for _ in range(_NEIGHBOURS):
            point = dict(inputs)
            for name in moving:
                value = np.asarray(inputs[name])
                moved = value + _NEIGHBOUR_STEP * typical_size(value) * self._rng.uniform(-1.0, 1.0, size=value.shape)
                point[name] = moved if value.ndim else moved[()]
            points.append(point)
        return min(_finiteness(loss, point) for point in points)


_WILD, _FINITE, _CALM = 0, 1, 2


def _finiteness(loss: Loss, inputs: dict[str, Any]) -> int:
    """_CALM: finite without a warning of NumPy; _FINITE: finite; _WILD: not finite."""
    copies = {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    try:
        with (
            np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"),
            warnings.catch_warnings(record=True) as seen,
        ):
            warnings.simplefilter("always")
            value = float(np.asarray(loss(copies)).reshape(()))
    except (np.linalg.LinAlgError, ArithmeticError):
        return _WILD
    if not math.isfinite(value):
        return _WILD
    return _FINITE if any(issubclass(warning.category, RuntimeWarning) for warning in seen) else _CALM


def _as_given(value: Any) -> Any:
    """A caller's value as the generated module takes it: floats in float64, integers as they are."""
    array = np.asarray(value)
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    if isinstance(value, int):
        return value
    return array.copy() if array.ndim else array[()]
