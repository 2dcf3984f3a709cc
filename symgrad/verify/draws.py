"""The inputs at which a module is checked: one draw for each set of sizes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.errors import ModelError, SymgradError
from symgrad.verify.reference import evaluate
from symgrad.verify.sampling import Draw, NoInputsError, Sampler
from symgrad.verify.sizes import in_shape, is_legal, named_sizes, size_sets, sizes_of_inputs
from symgrad.verify.subject import Settings, Subject


def draw_inputs(subject: Subject, settings: Settings) -> list[Draw]:
    """Inputs where the loss is finite and the facts hold, one draw for each set of sizes.

    Raises
    ------
    ModelError
        If `inputs` or `sizes` do not fit.
    NoInputsError
        If no inputs can be drawn that satisfy the facts and make the loss finite.
    """
    given = given_inputs(subject, settings)
    draws: list[Draw] = []
    impossible: list[NoInputsError] = []  # at some sizes only, as orthonormal columns with too few rows are
    for number, chosen in enumerate(size_choices(subject, settings, given)):
        sampler = sampler_of(subject, chosen, [settings.seed, number], given)
        try:
            draws.append(draw_at(subject, sampler, chosen))
        except NoInputsError as problem:
            if settings.sizes is not None or given or sampler.unmet is not None:
                raise  # the last: a fact about a name, which is not likely to be true
            impossible.append(problem)
    if impossible and not draws:
        raise impossible[0]
    if not draws:
        inside = " and subscripts stay inside their axes" if subject.margins else ""
        raise NoInputsError(f"the shapes fit together{inside} at none of the sizes tried: give sizes=")
    return [replace(draws[0], notes=tuple(map(str, impossible))), *draws[1:]]


def given_inputs(subject: Subject, settings: Settings) -> dict[str, Any]:
    """The caller's values for arguments, in their shapes."""
    given = settings.inputs or {}
    return {key: in_shape(subject.arguments, key, value) for key, value in given.items()}


def sampler_of(
    subject: Subject, sizes: Mapping[Basic, int], seed: Sequence[int], given: Mapping[str, Any] | None = None
) -> Sampler:
    """What draws inputs of the subject at some sizes."""
    rng = np.random.default_rng(seed)
    return Sampler(subject.arguments, subject.facts, sizes, rng, given, subject.where, subject.demands)


def draw_at(subject: Subject, sampler: Sampler, sizes: Mapping[Basic, int], near_kinks: bool = False) -> Draw:
    """Inputs where the module's value is finite; if that fails, where the reference is, so that the check shows it."""
    reference = subject.reference

    def stated(inputs: dict[str, Any]) -> float:
        try:
            return 0.0 if reference is None else reference(inputs, sizes)
        except IndexError:  # of data that subscript
            return math.nan
        except SymgradError:  # what the reference does not know is for the check to say
            return 0.0

    def value(inputs: dict[str, Any]) -> float:
        if not subject.is_regular(inputs):
            return math.nan
        try:
            return float(subject.module.value(**inputs))
        except IndexError:
            if reference is None:
                raise
            return math.nan

    distance = None if near_kinks or subject.kinks is None else subject.distance
    try:
        return sampler.draw(value, distance, stated)
    except NoInputsError:
        if reference is None:
            raise
        return sampler.draw(lambda inputs: stated(inputs) if subject.is_regular(inputs) else math.nan)
    except Exception:  # a module that raises is a finding of the check, which calls it again
        return sampler.draw()


def is_legal_at(subject: Subject, sizes: Mapping[Basic, int], inputs: dict[str, Any], value: bool = True) -> bool:
    """Whether the facts hold for inputs, matrices are regular, and the loss has a value, if that is asked for."""
    try:
        if not sampler_of(subject, sizes, [0]).satisfies(inputs) or not subject.is_regular(inputs):
            return False
        return not value or subject.reference is None or math.isfinite(subject.reference(inputs, sizes))
    except (ArithmeticError, ValueError, IndexError):
        return False


def _fits(subject: Subject, fixed: Mapping[Basic, int], free: Mapping[Basic, int]) -> bool:
    sizes = {**fixed, **free}
    return is_legal(subject.arguments, sizes, subject.lengths) and all(
        evaluate(margin, {}, sizes) >= 0 for margin in subject.margins
    )


def fits(subject: Subject, sizes: Mapping[Basic, int]) -> bool:
    """Whether there is a model at these sizes."""
    return _fits(subject, sizes, {})


def size_choices(subject: Subject, settings: Settings, given: Mapping[str, Any]) -> list[dict[Basic, int]]:
    """The caller's sizes and those of the caller's inputs; chosen ones for what these leave open."""
    sizes, arguments, dimensions = settings.sizes, subject.arguments, subject.sized
    known = sizes_of_inputs(arguments, given)
    wanted = [{}] if sizes is None else [sizes] if isinstance(sizes, Mapping) else list(sizes)
    found: list[dict[Basic, int]] = []
    for one in wanted:
        fixed = named_sizes(one, dimensions)
        for symbol in known.keys() & fixed.keys():
            if known[symbol] != fixed[symbol]:
                raise ModelError(f"inputs= has {symbol}={known[symbol]}, sizes= has {symbol}={fixed[symbol]}")
        fixed |= known
        rest = [symbol for symbol in dimensions if symbol not in fixed]
        chosen = size_sets(rest, subject.minimum_sizes, partial(_fits, subject, fixed))
        # Where nothing is left to choose, further draws only make sense of what is drawn.
        everything_given = all(argument.name in given or argument.role == "dimension" for argument in arguments)
        repeat_draws = sizes is None and not everything_given
        found += [{**fixed, **free} for free in (chosen if rest or repeat_draws else chosen[:1])]
    return found
