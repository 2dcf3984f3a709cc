"""What facts mean for arrays: which entries a bound is about and between what they lie, and whether a fact holds."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symgrad.frontend.facts import Bound, Simplex, Structure, StructureKind
from symgrad.verify.arrays import Array, largest

# Facts hold for numbers that were drawn to satisfy them up to rounding; a user's own data may be a little coarser.
TOLERANCE = 1e-9


def bounded(bound: Bound, shape: tuple[int, ...]) -> Array:
    """A mask of the entries selected: a number as subscript fixes an axis, a repeated index takes the diagonal."""
    mask = np.ones(shape, dtype=bool)
    if len(bound.subscripts) != len(shape):
        return mask  # no subscripts: every entry
    first: dict[sp.Basic, Array] = {}
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


def _end(end: float | sp.Expr, subscripts: tuple[sp.Basic, ...], shape: tuple[int, ...]) -> Array:
    if not isinstance(end, sp.Expr):
        return np.full(shape, end)
    at = dict(zip(subscripts, np.indices(shape), strict=True))
    symbols = sorted(end.free_symbols, key=str)
    return np.asarray(sp.lambdify(symbols, end)(*(at[symbol] for symbol in symbols)), dtype=np.float64)


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


def has_structure(kind: StructureKind, matrix: Array) -> bool:
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
