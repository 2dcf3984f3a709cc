"""Sums, products and transposes of matrices as SymPy makes them, without going through what is in its final form.

SymPy evaluates both operands of each `+` and `*` anew and asks of every side whether it is one: at quadratic cost, and
by deduction. Here what ordinary parts become is known by their kind; all others, such as inverses, are left to SymPy.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sympy import MatAdd, MatMul, MatrixBase, MatrixExpr, MatrixSymbol, Mul, S, Transpose, ZeroMatrix, default_sort_key
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.special import OneMatrix

# Of these no product is a power, an inverse, an identity or zero, if no two neighbours are alike.
_FACTORS = (MatrixSymbol, Transpose, MatAdd, HadamardProduct, HadamardPower, ElementwiseApplyFunction)
_EXPLICIT = (MatrixBase, ZeroMatrix)  # which SymPy computes with


def transposed(matrix: Any) -> Any:
    """The transpose, as `.T` is."""
    match matrix:
        case Transpose():
            return matrix.arg
        case MatrixSymbol():
            return Transpose(matrix)
        case OneMatrix():
            return OneMatrix(*reversed(matrix.shape))
        case HadamardProduct():
            return HadamardProduct(*map(transposed, matrix.args))
        case HadamardPower() if matrix.base.is_Matrix and not matrix.exp.is_Matrix:
            return HadamardPower(transposed(matrix.base), matrix.exp)
        case MatAdd():
            return evaluated(MatAdd(*map(transposed, matrix.args)))
        case MatMul():
            coefficient, factors = matrix.as_coeff_matrices()
            return evaluated(MatMul(coefficient, *map(transposed, reversed(factors))))
        case ElementwiseApplyFunction():
            return matrix.func(matrix.function, transposed(evaluated(matrix.expr)))
    return matrix.T


def evaluated(matrix: Any) -> Any:
    """The matrix in its final form, as `.doit()` is."""
    made = None
    match matrix:
        case MatrixSymbol() | OneMatrix() if _is_plain(matrix.shape):
            made = matrix
        case Transpose():
            made = transposed(evaluated(matrix.arg))
        case HadamardProduct():
            made = _by_entries([evaluated(arg) for arg in matrix.args])
        case HadamardPower() if matrix.exp.is_Number:
            made = HadamardPower(evaluated(matrix.base), matrix.exp)
        case MatAdd():
            made = _sum([evaluated(arg) for arg in matrix.args])
        case MatMul():
            coefficient, factors = matrix.as_coeff_matrices()
            made = _product(coefficient, [evaluated(factor) for factor in factors])
        case ElementwiseApplyFunction():
            inner = evaluated(matrix.expr)
            made = None if isinstance(inner, (ElementwiseApplyFunction, *_EXPLICIT)) else matrix
    return matrix.doit() if made is None else made


def product(*factors: Any) -> Any:
    """The product of matrices in their final form."""
    made = _product(S.One, factors)
    return MatMul(*factors).doit(deep=False) if made is None else made


def times(first: Any, second: Any) -> Any:
    """first·second, as `*` is, of a scalar or a matrix and a matrix."""
    if not isinstance(second, MatrixExpr):
        return first * second
    scalar, matrices = (S.One, [first, second]) if isinstance(first, MatrixExpr) else (first, [second])
    made = _product(scalar, [evaluated(matrix) for matrix in matrices])
    return first * second if made is None else made


def plus(first: Any, second: Any) -> Any:
    """first + second, as `+` is."""
    matrices = isinstance(first, MatrixExpr) and isinstance(second, MatrixExpr)
    made = _sum([evaluated(first), evaluated(second)]) if matrices else None
    return first + second if made is None else made


def _is_plain(shape: Sequence[Any]) -> bool:
    """Whether a matrix with these sides is not 1 × 1, and SymPy leaves them as they are; of others it has to ask."""
    return all(side.is_Symbol or side.is_Integer for side in shape) and tuple(shape) != (1, 1)


def _are_factors(parts: Sequence[Any]) -> bool:
    return all(isinstance(part, _FACTORS) or (isinstance(part, OneMatrix) and _is_plain(part.shape)) for part in parts)


def _is_coefficient(scalar: Any) -> bool:
    """Whether a scalar is a number, or a product of symbols, and not zero."""
    return scalar.is_zero is not True and all(part.is_Number or part.is_Symbol for part in Mul.make_args(scalar))


def _flat(kind: Any, parts: Sequence[Any]) -> list[Any]:
    return [one for part in parts for one in (_flat(kind, part.args) if isinstance(part, kind) else [part])]


def _taken_apart(matrix: Any) -> tuple[Any, list[Any]]:
    return matrix.as_coeff_matrices() if isinstance(matrix, MatMul) else (S.One, [matrix])


def _by_entries(parts: Sequence[Any]) -> Any:
    """The product by entries; None if SymPy computes some of it."""
    flat = _flat(HadamardProduct, parts)
    if any(isinstance(one, _EXPLICIT) for one in flat):
        return None
    counts = Counter([one for one in flat if not isinstance(one, OneMatrix)] or flat[:1])
    made = [one if count == 1 else HadamardPower(one, count) for one, count in counts.items()]
    return made[0] if len(made) == 1 else HadamardProduct(*sorted(made, key=default_sort_key))


def _product(coefficient: Any, parts: Sequence[Any]) -> Any:
    """A scalar times matrices in their final form; None if that may be a power, an identity or zero."""
    flat: list[Any] = []
    for part in parts:
        inner, factors = _taken_apart(part)
        coefficient *= inner
        flat += factors
    pairs = list(pairwise(flat))
    if not (_is_coefficient(coefficient) and _are_factors(flat)) or any(left == right for left, right in pairs):
        return None
    if any(isinstance(left, OneMatrix) and isinstance(right, OneMatrix) for left, right in pairs):
        return None
    if coefficient == 1:
        return flat[0] if len(flat) == 1 else MatMul(*flat)
    if len(flat) == 1 and isinstance(flat[0], MatAdd) and coefficient.is_Rational:
        return MatAdd(*(evaluated(MatMul(coefficient, term)) for term in flat[0].args))
    return MatMul(coefficient, *flat)


def _sum(parts: Sequence[Any]) -> Any:
    """The sum of matrices in their final form; None if two of them may be joined, or be zero."""
    terms = _flat(MatAdd, parts)
    taken = [_taken_apart(term) for term in terms]
    for coefficient, factors in taken:
        if isinstance(factors[0], _EXPLICIT) or not (coefficient == 1 or _are_factors(factors)):
            return None
    if len({tuple(factors) for _, factors in taken}) < len(terms) or not all(_is_coefficient(c) for c, _ in taken):
        return None
    return terms[0] if len(terms) == 1 else MatAdd(*sorted(terms, key=default_sort_key))
