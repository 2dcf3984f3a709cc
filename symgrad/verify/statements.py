"""Tests facts on concrete inputs: those that were read as constraints directly, any other by the exact reference."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
from sympy import Basic, Eq, Ge, Gt, Indexed, Integer, Le, Lt, Ne
from sympy.assumptions.assume import AppliedPredicate
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import SymgradError
from symgrad.frontend.facts import SIGNS, STRUCTURES, Bound, Constraint, FactReader, Unread
from symgrad.reference import Reading
from symgrad.verify.arrays import Inputs, largest
from symgrad.verify.constraints import TOLERANCE, has_structure, is_satisfied

MOST_INSTANCES = 4096  # a fact over large arrays is tested on its first entries

_DIGITS = 30  # well beyond the float64 numbers that go in

_RELATIONS: dict[type, Any] = {
    Eq: lambda difference, slack: np.abs(difference) <= slack,
    Ne: lambda difference, slack: difference != 0,
    Lt: lambda difference, slack: difference < 0,
    Gt: lambda difference, slack: difference > 0,
    Le: lambda difference, slack: difference <= slack,
    Ge: lambda difference, slack: difference >= -slack,
}


def holds(constraint: Constraint, inputs: Inputs, reader: FactReader, where: tuple[Basic, ...] = ()) -> bool | None:
    """Whether a constraint holds for inputs; None where it is of a kind that cannot be tested."""
    if not isinstance(constraint, Unread):
        return is_satisfied(constraint, inputs)
    fact: Any = constraint.fact
    test, parts = _test(fact)
    values = {argument.symbol: inputs[argument.name] for argument in reader.arguments.values()}
    indices, choices = _indices(fact, reader)
    verdict: bool | None = True
    with mpmath.workdps(_DIGITS):
        readings = [Reading(part, values, reader.sizes, where, indices) for part in parts]
        for at in itertools.islice(choices, MOST_INSTANCES):
            try:
                one = test(*(np.asarray(reading(*at), dtype=np.float64) for reading in readings))
            except (SymgradError, ValueError, IndexError, ArithmeticError):
                one = None  # an expression that the reference does not know, or one that is not real here
            if one is False:
                return False
            verdict = verdict and one
    return verdict


def instances(fact: Basic, reader: FactReader) -> Iterator[Basic]:
    """The statements that a fact with free indices makes, one for each value of the indices."""
    indices, choices = _indices(fact, reader)
    for values in choices:
        yield fact.xreplace({index: Integer(value) for index, value in zip(indices, values, strict=True)})


def _indices(fact: Basic, reader: FactReader) -> tuple[tuple[Basic, ...], Iterator[tuple[int, ...]]]:
    """The free indices of a fact, and their values.

    An index runs over the axis that it subscripts (the shortest, where it subscripts several).
    """
    ranges: dict[Basic, int] = {}
    for entry in fact.atoms(Indexed, MatrixElement):
        base, *subscripts = entry.args
        for subscript, length in zip(subscripts, getattr(base, "shape", None) or (), strict=False):
            # An affine subscript, `x[i + 1]`, ends the index's range that much earlier.
            for index in subscript.free_symbols & fact.free_symbols - set(reader.sizes):
                size, offset = reader.number(length), reader.number(subscript.xreplace({index: Integer(0)}))
                if size is not None and offset is not None:
                    last = int(size - offset)
                    ranges[index] = min(ranges.get(index, last), last)
    indices = tuple(sorted(ranges, key=str))
    return indices, itertools.product(*(range(ranges[index]) for index in indices))


def _test(fact: Any) -> tuple[Callable[..., bool | None], Sequence[Basic]]:
    """What tells from the values of parts of a fact whether it holds."""
    if isinstance(fact, AppliedPredicate):
        kind = fact.function.name
        if kind in SIGNS:
            sign = Bound(Integer(0), "value", (), **SIGNS[kind])
            return lambda value: is_satisfied(sign, {"value": value}), fact.arguments
        if kind in STRUCTURES:
            return lambda value: has_structure(STRUCTURES[kind], value), fact.arguments
        return lambda *values: None, ()
    if type(fact) in _RELATIONS:
        return lambda left, right: bool(np.all(_RELATIONS[type(fact)](left - right, _slack(left, right)))), fact.args
    return lambda holds: bool(holds), (fact,)


def _slack(*sides: Any) -> float:
    return TOLERANCE * max(1.0, *map(largest, sides))
