"""Draws inputs of a module, as its symbols and facts demand, where the loss is finite and away from kinks."""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.dimensions import concrete, format_sizes
from symgrad.errors import ModelError, SymgradError
from symgrad.frontend.facts import Bound, Constraint, FactReader, Structure, Unread
from symgrad.verify.arrays import Array
from symgrad.verify.constraints import holds
from symgrad.verify.differences import Loss, typical_size
from symgrad.verify.draw import MARGIN, Draw, NoInputsError
from symgrad.verify.entries import RANGES, draw_entries, entry_limits
from symgrad.verify.inequalities import Inequality, inequalities, settled
from symgrad.verify.sizes import concrete_shape
from symgrad.verify.subject import Subject

KINK_DRAWS = 40  # a draw in seven has the nearest of a hundred kinks further away than MARGIN
FACT_DRAWS = 100
RANGE_COMBINATIONS = 200

_OFF_THE_END = 0.01  # of a bound, that numbers which inequalities move stay
_NEIGHBOURS = 4
_NEIGHBOUR_STEP = 0.03  # a quarter of the differences' first step; a nearer edge of the domain only costs them rows

_WILD, _FINITE, _CALM = 0, 1, 2


def _anything(inputs: dict[str, Any]) -> float:
    """A loss that is finite everywhere."""
    return 0.0


class Sampler:
    """Draws inputs of a module at given sizes.

    Parameters
    ----------
    subject : the module, with the facts about its arguments.
    sizes : an integer for every dimension.
    seed : of the random numbers.
    given : values that the caller wants used for some arguments (see `given_inputs`), on which facts are tested, too.

    Attributes
    ----------
    constraints : what the facts and the symbols' assumptions say about the inputs.
    unmet : the fact beyond the arguments that no inputs were found to satisfy, if there was one.

    Raises
    ------
    ModelError
        If a fact is false as it stands.
    """

    def __init__(
        self,
        subject: Subject,
        sizes: Mapping[Basic, int],
        seed: int | Sequence[int],
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._subject, self._sizes, self._given = subject, dict(sizes), dict(given or {})
        self._rng = np.random.default_rng(seed)
        self._reader = FactReader(subject.arguments, sizes)
        assumed = [constraint for argument in subject.arguments for constraint in self._reader.assumptions(argument)]
        self.constraints: tuple[Constraint, ...] = (*assumed, *self._reader.read(subject.facts))
        self.unmet: Unread | None = None
        self._demanding = False
        self._untested: tuple[Basic, ...] = ()

    # --- what can be asked for ----------------------------------------------------------------------------------------

    def draw(self, near_kinks: bool = False) -> Draw:
        """Inputs where the module's value is finite; if that fails, where the reference is, so that the check shows it.

        The value is finite beside them, too, and preferably raises no warning of NumPy. Of several draws the first
        beyond MARGIN of all kinks is taken, or the furthest, unless they may be `near_kinks`.

        Raises
        ------
        ModelError
            If inputs that the caller gave do not satisfy a fact.
        NoInputsError
            If no inputs were found that satisfy a fact (which is named), or none where the loss is finite.
        """
        try:
            return self._draw(self._value, self._stated, near_kinks)
        except NoInputsError:
            if self._subject.reference is None:
                raise
            return self._draw(lambda inputs: self._stated(inputs) if self._subject.is_regular(inputs) else math.nan)
        except Exception:  # a module that raises is a finding of the check, which calls it again
            return self.anywhere()

    def anywhere(self) -> Draw:
        """Inputs that the facts hold for, wherever the loss may be there."""
        return self._draw(_anything)

    def others(self, count: int) -> Iterator[dict[str, Any]]:
        """More of such inputs, from one range after the other."""
        for _, ranges in zip(range(count), itertools.cycle(self._range_choices())):
            inputs = self._satisfying(ranges)
            if inputs is not None:
                yield inputs

    def satisfies(self, inputs: dict[str, Any]) -> bool:
        """Whether every fact holds for inputs."""
        return self._broken(inputs) is None

    def allows(self, inputs: dict[str, Any], value: bool = True) -> bool:
        """Whether the facts hold for inputs, matrices are regular, and the loss has a value, if that is asked for."""
        reference = self._subject.reference
        try:
            if not self.satisfies(inputs) or not self._subject.is_regular(inputs):
                return False
            return not value or reference is None or math.isfinite(reference(inputs, self._sizes))
        except (ArithmeticError, ValueError, IndexError):
            return False

    # --- where the loss is finite -------------------------------------------------------------------------------------

    def _value(self, inputs: dict[str, Any]) -> float:
        if not self._subject.is_regular(inputs):
            return math.nan
        try:
            return float(self._subject.module.value(**inputs))
        except IndexError:  # of data that subscript
            if self._subject.reference is None:
                raise
            return math.nan

    def _stated(self, inputs: dict[str, Any]) -> float:
        """The loss as the model states it, which is slow: asked for seldom."""
        reference = self._subject.reference
        try:
            return 0.0 if reference is None else reference(inputs, self._sizes)
        except IndexError:
            return math.nan
        except SymgradError:  # what the reference does not know is for the check to say
            return 0.0

    def _draw(self, loss: Loss, stated: Loss = _anything, near_kinks: bool = True) -> Draw:
        nowhere = "the loss was not finite"
        for ranges, inputs in self._starts(loss):
            best, distance = (inputs, math.inf) if near_kinks else self._away(ranges, inputs, loss)
            if math.isfinite(stated(best)):
                return Draw(best, self._sizes, self.constraints, distance, self._untested)
            nowhere = "the loss had no real value"
        intervals = ", ".join(f"[{interval[0]}, {interval[1]}]" for interval in RANGES.values() if interval)
        raise NoInputsError(
            f"{nowhere} at any inputs drawn, neither normal numbers nor in {intervals}: "
            "state facts about the arguments (such as x[i] > 0), or give inputs="
        )

    def _starts(self, loss: Loss) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """Ranges in which the loss is finite, and inputs drawn from them; those without warnings first."""
        tolerable: list[tuple[dict[str, str], dict[str, Any], bool]] = []
        drawn = False
        demanding = (False, True) if self._subject.demands else (False,)
        for ranges, self._demanding in itertools.product(self._range_choices(), demanding):  # noqa: B020
            inputs = self._satisfying(ranges, required=not drawn)
            if inputs is None:
                continue
            drawn = True
            quality = self._quality(loss, inputs)
            if quality == _CALM:
                yield ranges, inputs
            elif quality == _FINITE:
                tolerable.append((ranges, inputs, self._demanding))
        for ranges, inputs, self._demanding in tolerable:
            yield ranges, inputs

    def _range_choices(self) -> Iterator[dict[str, str]]:
        """Every argument in the same range, then one argument apart, then all combinations."""
        names = [a.name for a in self._subject.arguments if a.role != "dimension" and a.name not in self._given]
        apart = (
            tuple(other if position == number else rest for position in range(len(names)))
            for rest in ("any", "positive")
            for number in range(len(names))
            for other in RANGES
            if other != rest
        )
        alike = ((name,) * len(names) for name in RANGES)
        choices = itertools.chain(alike, apart, itertools.product(RANGES, repeat=len(names)))
        return (dict(zip(names, choice, strict=True)) for choice in itertools.islice(choices, RANGE_COMBINATIONS))

    def _away(self, ranges: Mapping[str, str], inputs: dict[str, Any], loss: Loss) -> tuple[dict[str, Any], float]:
        """Inputs from the same ranges beyond MARGIN of all kinks, or the furthest found; and how far they are."""
        best, distance = inputs, self._subject.distance(inputs, self.constraints)
        for _ in range(KINK_DRAWS):
            if distance > MARGIN or len(self._given) == len(self._subject.arguments):
                break
            other = self._satisfying(ranges)
            if other is not None and self._quality(loss, other) == _CALM:
                further = self._subject.distance(other, self.constraints)
                if further > distance:
                    best, distance = other, further
        return best, distance

    def _quality(self, loss: Loss, inputs: dict[str, Any]) -> int:
        """Whether the loss is finite, and without warnings, at inputs and where the parameters are moved a little."""
        points = [inputs]
        structured = {c.name for c in self.constraints if isinstance(c, Structure)}
        moving = [a.name for a in self._subject.arguments if a.role == "parameter" and a.name not in structured]
        for _ in range(_NEIGHBOURS):
            point = dict(inputs)
            for name in moving:
                value = np.asarray(inputs[name])
                moved = value + _NEIGHBOUR_STEP * typical_size(value) * self._rng.uniform(-1.0, 1.0, size=value.shape)
                point[name] = moved[()]
            points.append(point)
        return min(_finiteness(loss, point) for point in points)

    # --- that satisfy the facts ---------------------------------------------------------------------------------------

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
            if not isinstance(broken, Unread):
                if broken.name in self._given:
                    raise ModelError(f"the {broken.name} in inputs= does not satisfy the fact {broken.fact}")
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
        for argument in self._subject.arguments:
            name = argument.name
            if name in self._given:
                value = self._given[name]
                inputs[name] = value.copy() if isinstance(value, np.ndarray) else value
            elif argument.role == "dimension":
                inputs[name] = self._sizes[argument.symbol]
            else:
                drawn = draw_entries(argument, self._sizes, self.constraints, ranges[name], self._rng)
                if drawn is None:
                    return None
                inputs[name] = drawn
        wanted = self._ties + (self._demanded if self._demanding else [])
        return settled(inputs, wanted, self._limits, self._rng) if wanted else inputs

    @cached_property
    def _ties(self) -> list[Inequality]:
        return list(inequalities([c.fact for c in self.constraints if isinstance(c, Unread)], self._reader))

    @cached_property
    def _demanded(self) -> list[Inequality]:
        return list(inequalities(self._subject.demands, self._reader))

    def _limits(self, name: str) -> tuple[Array, Array] | None:
        """Between what the entries of an argument lie; None where the caller gave it, or facts tie it otherwise."""
        own = [c for c in self.constraints if getattr(c, "name", None) == name]
        if name in self._given or any(not isinstance(c, Bound) for c in own):
            return None
        argument = self._reader.arguments[name]
        low, high = entry_limits(concrete_shape(argument, self._sizes), own, argument.integer)
        if argument.upper is not None:
            low, high = np.maximum(low, 0), np.minimum(high, concrete(argument.upper, self._sizes) - 1)
        if not argument.integer:  # an end may not be among the numbers that a fact allows
            off = np.where(low < high, _OFF_THE_END, 0.0)
            low, high = low + off, high - off
        return low, high

    def _broken(self, inputs: dict[str, Any]) -> Constraint | None:
        """The first constraint that does not hold."""
        untested = []
        for constraint in self.constraints:
            verdict = holds(constraint, inputs, self._reader, tuple(self._subject.where))
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


def _finiteness(loss: Loss, inputs: dict[str, Any]) -> int:
    """_CALM: finite without a warning of NumPy; _FINITE: finite; _WILD: not finite."""
    copies = {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    try:
        with (
            np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"),
            warnings.catch_warnings(record=True, action="always") as seen,
        ):
            value = float(np.asarray(loss(copies)).reshape(()))
    except (np.linalg.LinAlgError, ArithmeticError):
        return _WILD
    if not math.isfinite(value):
        return _WILD
    return _FINITE if any(issubclass(warning.category, RuntimeWarning) for warning in seen) else _CALM
