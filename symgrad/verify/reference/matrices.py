"""The reference's rules for matrix expressions: two-dimensional arrays of mpf objects, made entry by entry."""

from collections.abc import Callable
from functools import reduce, singledispatch
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad import functions as sg
from symgrad.errors import UnsupportedError
from symgrad.functions.entrywise import EntryByEntry
from symgrad.matrix_functions import CholeskyFactor
from symgrad.verify.reference.functions import Matrix, cholesky, inverse, real
from symgrad.verify.reference.inputs import Scope, item


def _filled(shape: tuple[int, ...], entry: Callable[[int, int], mpf]) -> Matrix:
    """The matrix whose entries are a function of row and column."""
    matrix = np.empty(shape, dtype=object)
    for i, j in np.ndindex(shape):
        matrix[i, j] = entry(i, j)
    return matrix


def _of_shape(expr: sp.MatrixExpr, at: Scope, entry: Callable[[int, int], Any]) -> Matrix:
    """A matrix of the declared shape of `expr`."""
    return _filled(tuple(at.integer(side) for side in expr.shape), lambda i, j: mpf(entry(i, j)))


def _times(left: Matrix, right: Matrix) -> Matrix:
    if left.shape[1] != right.shape[0]:
        raise ValueError(f"matrices of shapes {left.shape} and {right.shape} cannot be multiplied.")
    return _filled((left.shape[0], right.shape[1]), lambda i, j: mpmath.fdot(left[i], right[:, j]))


def _entrywise(rule: Callable[..., mpf], *matrices: Matrix) -> Matrix:
    if len({matrix.shape for matrix in matrices}) > 1:
        raise ValueError(f"shapes {[matrix.shape for matrix in matrices]} cannot be combined entry by entry.")
    return _filled(matrices[0].shape, lambda i, j: rule(*(matrix[i, j] for matrix in matrices)))


@singledispatch
def matrix_rule(expr: Any, at: Scope) -> Matrix:
    """The rule of each kind of matrix expression."""
    raise UnsupportedError(f"the reference evaluator has no rule for the matrix {expr} (a {type(expr).__name__}).")


@matrix_rule.register(sp.MatrixBase)
def _(expr: sp.MatrixBase, at: Scope) -> Matrix:
    return _filled(expr.shape, lambda i, j: at.scalar(expr[i, j]))


@matrix_rule.register(sp.MatrixSymbol)
def _(expr: sp.MatrixSymbol, at: Scope) -> Matrix:
    if expr in at.inputs.wholes:
        return at.inputs.named(expr, None)  # type: ignore[no-any-return]
    return _of_shape(expr, at, lambda i, j: at.inputs.entry(expr, (i, j)))


@matrix_rule.register(sp.MatAdd)
def _(expr: sp.MatAdd, at: Scope) -> Matrix:
    return _entrywise(lambda *terms: mpmath.fsum(terms), *(at.matrix(term) for term in expr.args))


@matrix_rule.register(sp.MatMul)
def _(expr: sp.MatMul, at: Scope) -> Matrix:
    coefficient = mpmath.fprod([at.scalar(factor) for factor in expr.args if not factor.is_Matrix])
    first, *rest = (at.matrix(factor) for factor in expr.args if factor.is_Matrix)
    for factor in rest:
        first = _times(first, factor)
    return _entrywise(lambda entry: coefficient * entry, first)


@matrix_rule.register(sp.MatPow)
def _(expr: sp.MatPow, at: Scope) -> Matrix:
    exponent = at.scalar(expr.exp)
    base = at.square(expr.base)
    if base.shape == (1, 1):
        return _entrywise(lambda entry: real(mpmath.power(entry, exponent), expr), base)
    if not mpmath.isint(exponent):
        raise UnsupportedError(f"the reference evaluator has no rule for the matrix power {expr}.")
    factors = abs(int(exponent)) * [inverse(base) if exponent < 0 else base]
    return reduce(_times, factors, _filled(base.shape, lambda i, j: mpf(i == j)))


@matrix_rule.register(CholeskyFactor)
def _(expr: CholeskyFactor, at: Scope) -> Matrix:
    return cholesky(at.square(expr.arg))


@matrix_rule.register(sp.Transpose)
@matrix_rule.register(sp.Adjoint)
def _(expr: sp.Transpose, at: Scope) -> Matrix:
    return at.matrix(expr.arg).T


@matrix_rule.register(sp.HadamardProduct)
def _(expr: sp.HadamardProduct, at: Scope) -> Matrix:
    return _entrywise(lambda *factors: mpmath.fprod(factors), *(at.matrix(factor) for factor in expr.args))


@matrix_rule.register(sp.HadamardPower)
def _(expr: sp.HadamardPower, at: Scope) -> Matrix:
    def side(part: sp.Basic, i: int, j: int) -> mpf:
        return item(at.matrix(part), (i, j), part) if part.is_Matrix else at.scalar(part)

    base, exponent = expr.args
    return _of_shape(expr, at, lambda i, j: real(mpmath.power(side(base, i, j), side(exponent, i, j)), expr))


@matrix_rule.register(ElementwiseApplyFunction)
def _(expr: ElementwiseApplyFunction, at: Scope) -> Matrix:
    (variable,), body = expr.function.variables, expr.function.expr
    matrix = at.matrix(expr.expr)
    return _filled(matrix.shape, lambda i, j: at.bind(variable, matrix[i, j], entry=(expr.expr, (i, j))).scalar(body))


@matrix_rule.register(EntryByEntry)
def _(expr: EntryByEntry, at: Scope) -> Matrix:
    def of_entries(*entries: mpf) -> mpf:
        inside = at
        for variable, entry in zip(expr.function.variables, entries, strict=True):
            inside = inside.bind(variable, entry)
        return inside.scalar(expr.function.expr)

    return _entrywise(of_entries, *(at.matrix(matrix) for matrix in expr.matrices))


@matrix_rule.register(sp.Identity)
def _(expr: sp.Identity, at: Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: i == j)


@matrix_rule.register(OneMatrix)
def _(expr: OneMatrix, at: Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: 1)


@matrix_rule.register(sp.ZeroMatrix)
def _(expr: sp.ZeroMatrix, at: Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: 0)


@matrix_rule.register(sp.FunctionMatrix)
def _(expr: sp.FunctionMatrix, at: Scope) -> Matrix:
    row, column = expr.lamda.variables
    return _of_shape(expr, at, lambda i, j: at.bind(row, i).bind(column, j).scalar(expr.lamda.expr))


@matrix_rule.register(DiagMatrix)
def _(expr: DiagMatrix, at: Scope) -> Matrix:
    vector = at.matrix(expr.args[0]).ravel()
    return _filled((vector.size, vector.size), lambda i, j: vector[i] if i == j else mpf(0))


@matrix_rule.register(DiagonalMatrix)
def _(expr: DiagonalMatrix, at: Scope) -> Matrix:
    matrix = at.matrix(expr.arg)
    return _filled(matrix.shape, lambda i, j: matrix[i, j] if i == j else mpf(0))


@matrix_rule.register(DiagonalOf)
def _(expr: DiagonalOf, at: Scope) -> Matrix:
    matrix = at.matrix(expr.arg)
    return _filled((min(matrix.shape), 1), lambda i, j: matrix[i, i])


@matrix_rule.register(sp.BlockMatrix)
def _(expr: sp.BlockMatrix, at: Scope) -> Matrix:
    return np.block([[at.matrix(block) for block in row] for row in expr.blocks.tolist()])


@matrix_rule.register(BlockDiagMatrix)
def _(expr: BlockDiagMatrix, at: Scope) -> Matrix:
    blocks = [at.matrix(block) for block in expr.args]
    whole = _filled((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), lambda i, j: mpf(0))
    top = left = 0
    for block in blocks:
        whole[top : top + block.shape[0], left : left + block.shape[1]] = block
        top, left = top + block.shape[0], left + block.shape[1]
    return whole


@matrix_rule.register(KroneckerProduct)
def _(expr: KroneckerProduct, at: Scope) -> Matrix:
    first, *rest = (at.matrix(factor) for factor in expr.args)
    for factor in rest:
        first = _kronecker(first, factor)
    return first


def _kronecker(left: Matrix, right: Matrix) -> Matrix:
    (rows, columns), (height, width) = left.shape, right.shape
    return _filled(
        (rows * height, columns * width),
        lambda i, j: left[i // height, j // width] * right[i % height, j % width],
    )


@matrix_rule.register(MatrixSlice)
def _(expr: MatrixSlice, at: Scope) -> Matrix:
    rows, columns = (range(*(at.integer(end) for end in cut)) for cut in (expr.rowslice, expr.colslice))
    parent = at.matrix(expr.parent)
    return _filled((len(rows), len(columns)), lambda i, j: item(parent, (rows[i], columns[j]), expr.parent))


@matrix_rule.register(sg.Softmax)
def _(expr: sg.Softmax, at: Scope) -> Matrix:
    exponentials = _entrywise(mpmath.exp, at.matrix(expr.arg))
    return _filled(exponentials.shape, lambda i, j: exponentials[i, j] / mpmath.fsum(exponentials[i]))


@matrix_rule.register(sg.ConstantMatrix)
def _(expr: sg.ConstantMatrix, at: Scope) -> Matrix:
    return at.matrix(expr.arg)
