"""What facts mean for numbers: which entries they are about, between what these lie, and whether a fact holds.

Facts that were read as constraints are tested directly, any other by the exact reference.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from sympy import Basic, Eq, Expr, Ge, Gt, Indexed, Integer, Le, Lt, Ne, lambdify
from sympy.assumptions.assume import AppliedPredicate
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import SymgradError
from symgrad.frontend.facts import SIGNS, STRUCTURES, Bound, Constraint, FactReader, Simplex, Structure, Unread
from symgrad.reference import Reading
from symgrad.verify.arrays import Array, Inputs, largest

# Facts hold for numbers that were drawn to satisfy them up to rounding; a user's own data may be a little coarser.
TOLERANCE = 1e-9

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


def bounded(bound: Bound, shape: tuple[int, ...]) -> Array:
    """A mask of the entries selected: a number as subscript fixes an axis, a repeated index takes the diagonal."""
    mask = np.ones(shape, dtype=bool)
    if len(bound.subscripts) != len(shape):
        return mask  # no subscripts: every entry
    first: dict[Basic, Array] = {}
    for subscript, grid in zip(bound.subscripts, np.indices(shape), strict=True):
        if subscript.is_Integer:
            mask &= grid == int(subscript)
        elif subscript.is_Symbol:
            mask &= grid == first.setdefault(subscript, grid)
    return mask


def limits(bound: Bound, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The ends of a bound for every entry of an array, infinite where there is none."""
    mask = bounded(bound, shape)
    low, high = (_end(end, bound.subscripts, shape) for end in (bound.low, bound.high))
    mask &= (high > bound.first) if bound.strict else (high >= bound.first)
    return np.where(mask, low, -math.inf), np.where(mask, high, math.inf)


def _end(end: float | Expr, subscripts: tuple[Basic, ...], shape: tuple[int, ...]) -> Array:
    if not isinstance(end, Expr):
        return np.full(shape, end)
    at = dict(zip(subscripts, np.indices(shape), strict=True))
    symbols = sorted(end.free_symbols, key=str)
    return np.asarray(lambdify(symbols, end)(*(at[symbol] for symbol in symbols)), dtype=np.float64)


def is_satisfied(constraint: Bound | Simplex | Structure, inputs: Mapping[str, Any]) -> bool:
    """Whether a constraint holds for inputs; equations up to rounding."""
    values = np.asarray(inputs[constraint.name], dtype=np.float64)
    if isinstance(constraint, Structure):
        return has_structure(constraint.kind, values)
    if isinstance(constraint, Simplex):
        scale = max(1.0, abs(constraint.total), largest(values))
        return bool(np.all(np.abs(values.sum(axis=constraint.axes) - constraint.total) <= TOLERANCE * scale))
    low, high = limits(constraint, values.shape)
    if constraint.strict:
        return bool(np.all((values > low) & (values < high)))
    slack = 0.0 if constraint.leaves_room else np.where(np.isfinite(low), TOLERANCE * np.maximum(1.0, np.abs(low)), 0.0)
    return bool(np.all((values >= low - slack) & (values <= high + slack)))


def has_structure(kind: str, matrix: Array) -> bool:
    """Whether a matrix, or every one of a stack, is of the given kind, up to rounding."""
    if kind == "integer":
        return bool(np.all(matrix == np.round(matrix)))
    if matrix.ndim > 2:
        return all(has_structure(kind, matrix[place]) for place in np.ndindex(matrix.shape[:-2]))
    if matrix.ndim != 2:
        return False
    slack = TOLERANCE * max(1.0, largest(matrix))

    def zero(*residuals: Array) -> bool:
        return all(bool(np.all(np.abs(residual) <= slack)) for residual in residuals)

    if kind == "orthogonal":  # of a matrix that is not square: its columns, or its rows where it is wide
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        return zero(tall.T @ tall - np.eye(tall.shape[1]))
    if matrix.shape[0] != matrix.shape[1]:
        return False
    above, below = np.triu(matrix, 1), np.tril(matrix, -1)
    tests: dict[str, Callable[[], bool]] = {
        "symmetric": lambda: zero(matrix - matrix.T),
        "positive_definite": lambda: zero(matrix - matrix.T) and bool(np.all(np.linalg.eigvalsh(matrix) > 0)),
        "diagonal": lambda: zero(above, below),
        "lower_triangular": lambda: zero(above),
        "upper_triangular": lambda: zero(below),
        "unit_triangular": lambda: zero(np.diag(matrix) - 1) and (zero(above) or zero(below)),
        "invertible": lambda: bool(np.linalg.matrix_rank(matrix) == len(matrix)),
    }
    return tests[kind]()


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
        relation = _RELATIONS[type(fact)]
        return lambda a, b: bool(np.all(relation(a - b, TOLERANCE * max(1.0, largest(a), largest(b))))), fact.args
    return lambda holds: bool(holds), (fact,)
