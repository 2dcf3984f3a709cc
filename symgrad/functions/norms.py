"""Norms, scalar products and quadratic forms of vectors and matrices."""

from typing import Any

import mpmath
from sympy import Abs, Expr, HadamardPower, MatrixBase, S, hadamard_product, sqrt

from symgrad.calls import checked
from symgrad.errors import ModelError
from symgrad.functions import total
from symgrad.functions.common import differ, is_matrix, operand, shape_text
from symgrad.functions.elementwise import Elementwise
from symgrad.functions.written import written


@checked("norm2(X*w - y)")
def norm2(A: Any) -> Any:
    """The Euclidean norm of a vector, the Frobenius norm of a matrix: √(Σ A²), |a| of a scalar.

    Its gradient at 0 is 0 by convention.

    Examples
    --------
    >>> from sympy import Matrix
    >>> norm2(Matrix([3, 4]))
    5
    """
    A = operand(A, "norm2", "{}**2")
    if not is_matrix(A):
        return Abs(A)
    return sqrt(total(A.applyfunc(lambda a: a**2) if isinstance(A, MatrixBase) else HadamardPower(A, 2)))


@checked("norm1(w)")
def norm1(A: Any) -> Any:
    """The sum of the absolute values of all entries, |a| of a scalar. Its gradient is sign(A), 0 at zero entries.

    Examples
    --------
    >>> from sympy import Matrix
    >>> norm1(Matrix([3, -4]))
    7
    """
    A = operand(A, "norm1", "Abs({})")
    return total(A.applyfunc(Abs)) if is_matrix(A) else Abs(A)


@checked("sumsq(X*w - y)")
def sumsq(A: Any) -> Any:
    """The sum of the squares of all entries, Σ A²: ‖A‖² of a vector or a matrix, a² of a scalar.

    Examples
    --------
    >>> from sympy import Matrix
    >>> sumsq(Matrix([3, 4]))
    25
    """
    A = operand(A, "sumsq", "{}**2")
    if not is_matrix(A):
        return A**2
    return total(A.applyfunc(lambda a: a**2)) if isinstance(A, MatrixBase) else total(HadamardPower(A, 2))


@checked("dot(a, b)")
def dot(a: Any, b: Any) -> Any:
    """The scalar product of two vectors, rows or columns, Σ aᵢ bᵢ; of two matrices of one shape, Σ Aᵢⱼ Bᵢⱼ.

    It is a scalar, unlike the 1×1 matrix a.T*b, and can be added to one.

    Raises
    ------
    ModelError : they have different sizes, or one is no matrix.

    Examples
    --------
    >>> from sympy import Matrix
    >>> dot(Matrix([1, 2]), Matrix([[3, 4]]))
    11
    """
    a, b = operand(a, "dot", "{}*..."), operand(b, "dot", "{}*...")
    for one in (a, b):
        if not is_matrix(one):
            raise ModelError(f"dot needs two vectors or two matrices of one shape, but was given {one}")
    if 1 in a.shape and a.shape == b.shape[::-1]:
        b = b.T
    if differ(a.shape, b.shape):
        raise ModelError(
            f"dot needs vectors of one length or matrices of one shape, but was given {written(a)} of shape "
            f"{shape_text(a)} and {written(b)} of shape {shape_text(b)}"
        )
    return total(hadamard_product(a, b))


@checked("quad(x, A)")
def quad(x: Any, A: Any) -> Any:
    """The quadratic form xᵀ A x of a vector and a square matrix, as a scalar.

    Raises
    ------
    ModelError : x is no column of as many rows as A has rows and columns.

    Examples
    --------
    >>> from sympy import Matrix
    >>> quad(Matrix([1, 2]), Matrix([[1, 0], [0, 3]]))
    13
    """
    x, A = operand(x, "quad"), operand(A, "quad")
    matrices = is_matrix(x) and is_matrix(A)
    if not matrices or differ((x.rows, x.rows, 1), (*A.shape, x.cols)):
        given = " and ".join(f"{written(one)} of shape {shape_text(one)}" if matrices else str(one) for one in (x, A))
        turned = "; the vector comes first" if matrices and A.cols == 1 and x.rows == x.cols == A.rows else ""
        raise ModelError(
            f"quad needs a column x and a square matrix A with as many rows, but was given {given}{turned}"
        )
    return (x.T * A * x)[0, 0]


class reciprocal_norm(Elementwise):
    """1/x, and 0 at x = 0: in the gradient of a norm x, which is 0 at 0 by convention; of generated code only."""

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return (S.Zero if x == 0 else 1 / x) if x.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return -(self**2)

    @staticmethod
    def _value(x: Any) -> Any:
        return 1 / x if x else mpmath.mpf(0)


class reciprocal_root(Elementwise):
    """x^(-1/2), and 0 at x = 0: in the gradient of a norm √(Σ x²), which is 0 at 0 by convention."""

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return (S.Zero if x == 0 else 1 / sqrt(x)) if x.is_Number and x.is_nonnegative else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return -(self**3) / 2

    @staticmethod
    def _value(x: Any) -> Any:
        return 1 / mpmath.sqrt(x) if x else mpmath.mpf(0)
