"""What operators and functions of formulas are as SymPy objects, of numbers and of matrices."""

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy import (
    Determinant,
    DiagMatrix,
    Expr,
    HadamardPower,
    MatAdd,
    MatMul,
    MatrixExpr,
    Product,
    S,
    Sum,
    Trace,
    Transpose,
    hadamard_product,
)
from sympy.matrices.expressions.diagonal import DiagonalOf

from symgrad.functions import LogSumExp, MaxOver, MinOver, softmax, total
from symgrad.functions.norms import norm1, norm2, sumsq
from symgrad.matrix_functions import cholesky, logdet
from symgrad.text import tree

REDUCTIONS: dict[str, Callable[..., Any]] = {
    tree.SUM: Sum,
    tree.PRODUCT: Product,
    tree.LARGEST: MaxOver,
    tree.SMALLEST: MinOver,
    tree.LOG_SUM_EXP: LogSumExp,
}
_NUMBERS: dict[str, Callable[..., Any]] = {"norm1": norm1, "norm2": norm2, "normF": norm2, "sumsq": sumsq}


def of_scalars(name: str, given: list[Any]) -> Any:
    """What a function of arrays is of numbers."""
    x = given[0]
    match name:  # one by one, since SymPy looks for the sign of what an absolute value is taken of
        case "norm1" | "norm2" | "normF":
            return abs(x)
        case "sumsq":
            return x**2
        case "logdet":
            return sp.log(x)
        case "inv":
            return 1 / x
        case "cholesky":
            return sp.sqrt(x)
        case "softmax":
            return S.One
        case "dot" | "quad":
            return x * given[1] if name == "dot" else x * given[1] * x
    return x  # sum, mean, max, min, logsumexp, det, tr, diag and transpose of a number


def of_arrays(name: str, given: list[Any]) -> Any:
    """A function of matrices."""
    A, *others = given
    match name:
        case "sum":
            return total(A)
        case "mean":
            return total(A) / (A.rows * A.cols)
        case "max" | "min" | "logsumexp":
            return _over_entries(REDUCTIONS[name], A)
        case "softmax":
            return softmax(A.T).T if A.cols == 1 else softmax(A)
        case "dot":
            (B,) = others
            return Trace(A.T * B)
        case "quad":
            return Trace(MatMul(A.T, others[0], A))
        case "transpose":
            return transposed(A)
        case "diag":
            vector = 1 in A.shape
            return DiagMatrix(A if A.cols == 1 else A.T) if vector else DiagonalOf(A)
        case "det" | "logdet" | "tr":
            return {"det": Determinant, "logdet": logdet, "tr": Trace}[name](A)
        case "inv":
            return A.I
        case "cholesky":
            return cholesky(A)
        case _:
            return _NUMBERS[name](A)


def times(left: Any, right: Any) -> Any:
    """A product; a number in front of a matrix stays as it is, since SymPy would make det(A B) det(A) det(B)."""
    if isinstance(left, MatrixExpr) and isinstance(right, MatrixExpr):
        return left * right
    if isinstance(left, MatrixExpr) or isinstance(right, MatrixExpr):
        number, matrix = (right, left) if isinstance(left, MatrixExpr) else (left, right)
        return matrix if number == 1 else number * matrix if number.is_number else MatMul(number, matrix)
    return left * right


def transposed(value: Any) -> Any:
    """The transpose; of a sum as a whole, which SymPy would make one of transposes."""
    if isinstance(value, MatAdd):
        return Transpose(value)
    return value.T if isinstance(value, MatrixExpr) else value


def scalar(product: Any) -> Expr:
    """The only entry of a 1 x 1 matrix, as its trace: numbers in front of it, vectors in it."""
    if not isinstance(product, MatrixExpr):
        return product
    factors = product.args if isinstance(product, MatMul) else (product,)
    numbers = [factor for factor in factors if not isinstance(factor, MatrixExpr)]
    return sp.Mul(*numbers, Trace(MatMul(*(factor for factor in factors if isinstance(factor, MatrixExpr)))))


def reciprocal(value: Any) -> Any:
    """1 over every entry."""
    return HadamardPower(value, -1) if isinstance(value, MatrixExpr) else 1 / value


def entries_times(left: Any, right: Any) -> Any:
    """A product entry by entry, or by a number."""
    if isinstance(left, MatrixExpr) and isinstance(right, MatrixExpr):
        return hadamard_product(left, right)
    return times(left, right)


def _over_entries(reduction: Callable[..., Any], A: Any) -> Any:
    """A reduction over all entries of a matrix."""
    i, j = (sp.Dummy(letter, integer=True) for letter in "ij")
    limits = [(letter, 0, size - 1) for letter, size in ((j, A.cols), (i, A.rows)) if size != 1]
    entry = A[i if A.rows != 1 else 0, j if A.cols != 1 else 0]
    return reduction(entry, *limits)
