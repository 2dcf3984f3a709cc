"""The inputs at which a module is checked: one draw for each set of sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.arguments import Argument
from symgrad.calls import quoted, whole_number
from symgrad.errors import ModelError
from symgrad.verify.arrays import Array
from symgrad.verify.draw import Draw, NoInputsError
from symgrad.verify.sampling import Sampler
from symgrad.verify.sizes import size_sets, sizes_for_labels, sizes_of_inputs
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
    for number, sizes in enumerate(size_choices(subject, settings, given)):
        sampler = Sampler(subject, sizes, [settings.seed, number], given)
        try:
            draws.append(sampler.draw())
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
    """The caller's values for arguments, as the module takes them: in their shapes, floats in float64.

    Raises
    ------
    ModelError
        If there is no such argument.
    """
    arguments = {argument.name: argument for argument in subject.arguments}
    given: dict[str, Any] = {}
    for name, value in (settings.inputs or {}).items():
        if name not in arguments:
            raise ModelError(f"inputs= has {name!r}, which is no argument; the arguments are {', '.join(arguments)}")
        given[name] = value if isinstance(value, int) else _as_given(arguments[name], np.asarray(value))
    return given


def _as_given(argument: Argument, array: Array) -> Any:
    if len(argument.shape) == 2 and array.ndim == 1 and 1 in argument.shape:  # a vector for a matrix with a side of 1
        array = array.reshape((-1, 1) if argument.shape[1] == 1 else (1, -1))
    array = array.astype({"b": np.int64, "f": np.float64}.get(array.dtype.kind, array.dtype))
    return array if array.ndim else array[()]


def size_choices(subject: Subject, settings: Settings, given: Mapping[str, Any]) -> list[dict[Basic, int]]:
    """The caller's sizes and those of the caller's inputs; chosen ones for what these leave open."""
    sizes, arguments = settings.sizes, subject.arguments
    known, by_name = sizes_of_inputs(arguments, given), {str(symbol): symbol for symbol in subject.dimensions}
    least = dict(subject.minimum_sizes)
    for symbol, size in sizes_for_labels(arguments, given).items():
        least[symbol] = max(size, least.get(symbol, 1))
    wanted = [{}] if sizes is None else [sizes] if isinstance(sizes, Mapping) else sizes
    if not isinstance(wanted, Sequence) or not wanted or not all(isinstance(one, Mapping) for one in wanted):
        raise ModelError(f"sizes is {quoted(sizes)}; give a dictionary such as {{'N': 3}}, or a list of these")
    found: list[dict[Basic, int]] = []
    for one in wanted:
        fixed = dict(known)
        for key, size in one.items():
            if str(key) not in by_name:
                names = ", ".join(by_name) or "none"
                raise ModelError(f"sizes= has {key}, which is no dimension; the dimensions are {names}")
            symbol = by_name[str(key)]
            if fixed.setdefault(symbol, whole_number(f"sizes[{key}]", size)) != size:
                raise ModelError(f"inputs= has {symbol}={fixed[symbol]}, sizes= has {symbol}={size}")
        rest = [symbol for symbol in subject.dimensions if symbol not in fixed]
        chosen = size_sets(rest, least, lambda free, fixed=fixed: subject.fits({**fixed, **free}))  # type: ignore[misc]
        # Where nothing is left to choose, further draws only make sense of what is drawn.
        everything_given = all(argument.name in given or argument.role == "dimension" for argument in arguments)
        repeat_draws = sizes is None and not everything_given
        found += [{**fixed, **free} for free in (chosen if rest or repeat_draws else chosen[:1])]
    return found
