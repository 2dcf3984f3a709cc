"""Shapes in sums and products of matrices: which two do not fit, in the terms of the model, and what was meant."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sympy import Basic, MatAdd, MatMul, MatrixBase, MatrixExpr, MatrixSymbol, S, Symbol, Transpose

from symgrad.errors import ModelError
from symgrad.frontend.scope import place_of
from symgrad.functions.common import shape_text
from symgrad.functions.written import is_transposed
from symgrad.graph.dimensions import equal

_SHORT = 40  # characters of one of several parts in a message


def check_product(expr: MatMul) -> None:
    """Refuse a product whose inner sides differ, in the order in which it was written.

    Raises
    ------
    ModelError : the columns of a factor are not as many as the rows of the next.
    """
    whole = _as_written(expr)
    matrices = [arg for arg in whole.args if isinstance(arg, MatrixExpr | MatrixBase)]
    for before, matrix in pairwise(matrices):
        if not equal(before.shape[1], matrix.shape[0]):
            raise ModelError(
                f"{place_of(_unsigned(whole))}: {place_of(before, _SHORT)} of shape {shape_text(before)} times "
                f"{place_of(matrix, _SHORT)} of shape {shape_text(matrix)}; {before.shape[1]} columns meet "
                f"{matrix.shape[0]} rows{_meant_by_product(before, matrix)}"
            )


def check_shapes(expr: Basic, parts: Sequence[Any]) -> None:
    """Refuse matrices of different shapes in a sum or an elementwise product.

    Raises
    ------
    ModelError : two shapes differ.
    """
    if all(_alike(parts[0], part) for part in parts[1:]):
        return
    whole = _as_written(expr)
    parts = whole.args if isinstance(expr, MatAdd) else parts
    text = place_of(whole, 10_000)
    found = sorted(map(_unsigned, parts), key=lambda part: text.find(place_of(part, 10_000)))
    # the shape that most have is taken for the right one
    right = max(found, key=lambda part: sum(_alike(part, other) for other in found))
    wrong = next(part for part in found if not _alike(right, part))
    first, second = sorted((right, wrong), key=found.index)
    raise ModelError(
        f"{place_of(whole)}: {place_of(first, _SHORT)} of shape {shape_text(first)} and {place_of(second, _SHORT)} of "
        f"shape {shape_text(second)} are combined entry by entry{_meant_by_sum(right, wrong)}"
    )


def _alike(one: Any, other: Any) -> bool:
    return all(equal(side, length) for side, length in zip(one.shape, other.shape, strict=True))


def _unsigned(part: Any) -> Any:
    """A part without its minus sign."""
    coefficient, rest = part.as_coeff_matrices() if isinstance(part, MatMul) else (S.One, [part])
    if coefficient != -1:
        return part
    return rest[0] if len(rest) == 1 else MatMul(*rest, evaluate=False)


def _meant_by_product(left: Any, right: Any) -> str:
    """What was meant by a product of two matrices of one shape."""
    if not _alike(left, right):
        return ""
    return "; entry by entry a product is HadamardProduct(A, B), and the sum of its entries dot(A, B)"


def _meant_by_sum(right: Any, wrong: Any) -> str:
    """What was meant where one of several matrices has another shape than the others."""
    for part in (wrong, right):
        for scalar in _scalars(part):
            return f"; {scalar} is a scalar, and a vector is MatrixSymbol({str(scalar)!r}, M, 1)"
    if _alike(right.T, wrong):
        part = right if is_transposed(right) and not is_transposed(wrong) else wrong
        turned = part.T if is_transposed(part) else Transpose(part)
        return f"; {place_of(turned, _SHORT)} has the shape {shape_text(turned)}"
    for few, many in ((wrong, right), (right, wrong)):
        text = place_of(few, _SHORT)
        text = f"({text})" if isinstance(few, MatAdd) else text
        if few.shape[0] == 1 and equal(few.shape[1], many.shape[1]):
            return f"; to repeat the row over {many.shape[0]} rows write OneMatrix({many.shape[0]}, 1)*{text}"
        if few.shape[1] == 1 and equal(few.shape[0], many.shape[0]):
            return f"; to repeat the column over {many.shape[1]} columns write {text}*OneMatrix(1, {many.shape[1]})"
    return ""


def _scalars(part: Any) -> list[Symbol]:
    """Symbols that multiply a single matrix of several columns, as a vector would."""
    if not isinstance(part, MatMul):
        return []
    factors = [arg for arg in part.args if isinstance(arg, Symbol)]
    matrices = [arg for arg in part.args if isinstance(arg, MatrixExpr)]
    single = len(matrices) == 1 and isinstance(matrices[0], MatrixSymbol | Transpose) and matrices[0].shape[1] != 1
    return factors if single and len(factors) == 1 and not factors[0].is_integer else []


def _as_written(expr: Any) -> Any:
    """A sum or product all of whose parts SymPy has transposed, as it stood inside of the transpose: X*y of y.T*X.T."""
    parts = expr.args if isinstance(expr, MatAdd) else (expr,)
    if not isinstance(expr, MatAdd | MatMul) or not all(map(is_transposed, parts)):
        return expr
    turned = expr.T
    # SymPy may make products of numbers and matrices, which have no shape, of multiples of transposes
    return turned if not isinstance(expr, MatAdd) or all(hasattr(part, "shape") for part in turned.args) else expr
