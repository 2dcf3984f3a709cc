"""What matrix expressions are as functions of two-dimensional arrays of mpf objects."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.special import OneMatrix

from symgrad import functions as sg
from symgrad import matrix_functions as mf
from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions.values import Matrix, cholesky, determinant, function_of, inverse, softmax


def filled(entry: Callable[..., Any], rows: Any, columns: Any) -> Matrix:
    """The matrix whose entries are a function of row and column."""
    shape = whole(rows), whole(columns)
    return table(shape, [entry(i, j) for i, j in np.ndindex(shape)])


def table(shape: tuple[int, ...], entries: Any) -> Matrix:
    """An array of given entries."""
    made = np.empty(shape, dtype=object)
    made[...] = np.array([*entries, None], dtype=object)[:-1].reshape(shape)
    return made


def entrywise(function: Callable[..., Any], *sides: Any) -> Matrix:
    """A function of the entries of matrices, and of numbers."""
    shapes = {side.shape for side in sides if isinstance(side, np.ndarray)}
    if len(shapes) > 1:
        raise ValueError(f"shapes {sorted(shapes)} cannot be combined entry by entry.")
    return np.asarray(np.frompyfunc(function, len(sides), 1)(*sides), dtype=object)


def with_places(function: Callable[..., Any], matrix: Matrix) -> Matrix:
    """A function of each entry and of its position."""
    return filled(lambda i, j: function(matrix[i, j], (i, j)), *matrix.shape)


def matrix_product(*factors: Any) -> Matrix:
    """A product of matrices and numbers."""

    def times(left: Any, right: Any) -> Any:
        if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
            return right * left if isinstance(right, np.ndarray) else left * right
        if left.shape[1] != right.shape[0]:
            raise ValueError(f"matrices of shapes {left.shape} and {right.shape} cannot be multiplied.")
        return left @ right

    return reduce(times, factors)


def matrix_power(base: Matrix, exponent: Any, expr: sp.Basic) -> Matrix:
    """A power of a square matrix; of one with one entry any."""
    base = square(base)
    if base.shape == (1, 1):
        return entrywise(function_of(sp.Pow), base, exponent)
    if not mpmath.isint(exponent):
        raise UnsupportedError(f"the reference evaluator has no rule for the matrix power {expr}.")
    whole = np.linalg.matrix_power(inverse(base) if exponent < 0 else base, abs(int(exponent)))
    return np.asarray(whole, dtype=object)


def square(matrix: Matrix) -> Matrix:
    """A matrix that has to be square."""
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a matrix of shape {matrix.shape} is not square.")
    return matrix


def only(matrix: Matrix, expr: sp.Basic) -> Any:
    """The entry of a matrix that has one."""
    if matrix.shape != (1, 1):
        raise ModelError(f"a scalar is needed, but {expr} has shape {matrix.shape}.")
    return matrix[0, 0]


def item(matrix: Matrix, owner: sp.Basic, *position: Any) -> Any:
    """An entry; a negative subscript does not count from the end."""
    at = tuple(map(whole, position))
    if len(at) != matrix.ndim or any(not 0 <= p < n for p, n in zip(at, matrix.shape, strict=True)):
        raise IndexError(f"({owner}){list(at)} is out of range: its shape is {matrix.shape}.")
    return matrix[at]


def cut(matrix: Matrix, owner: sp.Basic, *ends: tuple[Any, ...]) -> Matrix:
    """Rows and columns from, to and by some step."""
    rows, columns = (range(*map(whole, each)) for each in ends)
    return filled(lambda i, j: item(matrix, owner, rows[i], columns[j]), len(rows), len(columns))


def over(entry: Callable[..., Any], expr: sp.Basic, *ends: Any) -> Matrix:
    """The square matrix whose entries are a function of indices between limits."""
    top, bottom, left, right = map(whole, ends)
    rows, columns = range(top, bottom + 1), range(left, right + 1)
    if len(rows) != len(columns):
        raise ValueError(f"{expr}: {len(rows)} rows and {len(columns)} columns; the matrix is not square.")
    return filled(lambda i, j: entry(rows[i], columns[j]), len(rows), len(columns))


def whole(value: Any) -> int:
    """A subscript or a limit."""
    if isinstance(value, int):
        return value
    if not mpmath.isint(value):
        raise IndexError(f"a subscript, or a limit, must be an integer, but is {mpmath.nstr(value)}.")
    return int(value)


def _block_diagonal(*blocks: Matrix) -> Matrix:
    made = np.full(np.sum([block.shape for block in blocks], axis=0), mpf(0), dtype=object)
    corner = np.zeros(2, dtype=int)
    for block in blocks:
        (top, left), (bottom, right) = corner, corner + block.shape
        made[top:bottom, left:right] = block
        corner += block.shape
    return made


def _diagonal(matrix: Matrix) -> Matrix:
    return np.where(np.eye(*matrix.shape) == 1, matrix, mpf(0))


def _logdet(matrix: Matrix) -> Any:
    return function_of(sp.log)(determinant(square(matrix)))


ENTRIES: dict[type, Callable[[int, int], int]] = {
    sp.Identity: lambda i, j: int(i == j),
    OneMatrix: lambda i, j: 1,
    sp.ZeroMatrix: lambda i, j: 0,
}
"""The entries of constant matrices by row and column."""

OF_MATRICES: dict[type, Callable[..., Any]] = {
    sp.MatAdd: lambda *terms: entrywise(lambda *entries: mpmath.fsum(entries), *terms),
    sp.HadamardProduct: lambda *factors: entrywise(lambda *entries: mpmath.fprod(entries), *factors),
    sp.Transpose: np.transpose,
    sp.Adjoint: np.transpose,
    KroneckerProduct: lambda *factors: reduce(np.kron, factors),
    BlockDiagMatrix: _block_diagonal,
    DiagMatrix: lambda vector: _diagonal(vector.ravel() * np.ones((vector.size, 1), dtype=int)),
    DiagonalMatrix: _diagonal,
    DiagonalOf: lambda matrix: matrix.diagonal()[:, None],
    sg.Softmax: lambda matrix: table(matrix.shape, [entry for row in matrix for entry in softmax(row)]),
    sg.ConstantMatrix: lambda matrix: matrix,
    mf.CholeskyFactor: lambda matrix: cholesky(square(matrix)),
    sp.Trace: lambda matrix: mpmath.fsum(square(matrix).diagonal()),
    sp.Determinant: lambda matrix: determinant(square(matrix)),
    mf.LogDet: _logdet,
    DotProduct: lambda left, right: mpmath.fdot(left.ravel(), right.ravel()),
    sg.Total: lambda matrix: mpmath.fsum(matrix.ravel()),
}
"""The values of expressions all of whose arguments are matrices."""
