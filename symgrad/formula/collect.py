"""Sums of matrix products with what they share in front and behind taken out: A B C + A D C = A (B + D) C."""

from collections.abc import Sequence
from typing import Any

from sympy import Determinant, Expr, MatMul, Mul, S, Trace

from symgrad.formula.algebra import plus, times

Term = tuple[Expr, tuple[Any, ...]]  # a scalar and the factors of a matrix product


def collected(parts: Sequence[Any]) -> Any:
    """The sum of matrices of one shape, with common factors of products taken out where there are any."""
    alike: dict[tuple[Any, ...], Expr] = {}
    for part in parts:
        scalar, factors = _term(part)
        alike[factors] = alike.get(factors, S.Zero) + scalar
    terms = [(scalar, factors) for factors, scalar in alike.items()]
    while (found := _best(terms)) is not None:
        scalar, front, back, members = found
        rest = [terms[n] for n in range(len(terms)) if n not in members]
        inner = []
        for n in members:
            coefficient, factors = terms[n]
            inner.append(_product(coefficient / scalar, factors[len(front) : len(factors) - len(back)]))
        together = (scalar, (*front, collected(inner), *back))
        at = sum(n < members[0] for n in range(len(terms)) if n not in members)
        terms = [*rest[:at], together, *rest[at:]]
    result = _product(*terms[0])
    for term in terms[1:]:
        result = plus(result, _product(*term))
    return result


def scaled(coefficient: Any, matrix: Any) -> Any:
    """coefficient·matrix as SymPy makes it of `coefficient*A*B`, from the left: equal formulas are equal trees.

    Except that SymPy multiplies scalars out there, det(A B) to det(A) det(B): they stay as they are.
    """
    if coefficient == 1:
        return matrix
    inner, factors = matrix.as_coeff_matrices() if getattr(matrix, "is_MatMul", False) else (S.One, [matrix])
    scalar = coefficient * inner
    if scalar.has(Determinant, Trace) and scalar.doit() != scalar:
        return MatMul(scalar, *factors)
    product = times(scalar, factors[0])
    for factor in factors[1:]:
        product = times(product, factor)
    return product


def _term(matrix: Any) -> Term:
    if not isinstance(matrix, MatMul):
        return S.One, (matrix,)
    coefficient, factors = matrix.as_coeff_matrices()
    return coefficient, tuple(factors)


def _product(coefficient: Expr, factors: Sequence[Any]) -> Any:
    product = factors[0]
    for factor in factors[1:]:
        product = times(product, factor)
    return scaled(coefficient, product)


def _best(terms: Sequence[Term]) -> tuple[Expr, tuple[Any, ...], tuple[Any, ...], list[int]] | None:
    """The scalar, the factors in front and behind that save most, and the terms that share them."""
    best: tuple[int, Any] | None = None
    for i, (scalar, first) in enumerate(terms):
        for j in range(i + 1, len(terms)):
            other, second = terms[j]
            front = _common(first, second)
            room = min(len(first), len(second)) - len(front)
            back = _common(first[::-1][:room], second[::-1][:room])[::-1]
            if len(front) + len(back) == min(len(first), len(second)):  # S⁻¹ − S⁻¹ A S⁻¹, not S⁻¹(I − A S⁻¹)
                front = back = ()
            shared = _common_scalar(scalar, other)
            saved = sum(1 + _weight(factor) for factor in (*front, *back))
            saved += _weight(shared) + 1 if not shared.is_integer else 0
            if saved and (best is None or saved > best[0]):
                best = saved, (shared, front, back)
    if best is None:
        return None
    shared, front, back = best[1]
    members = [n for n, term in enumerate(terms) if _shares(term, shared, front, back)]
    return shared, front, back, members


def _shares(term: Term, scalar: Expr, front: tuple[Any, ...], back: tuple[Any, ...]) -> bool:
    coefficient, factors = term
    return (
        len(factors) > len(front) + len(back) - (not front and not back)
        and factors[: len(front)] == front
        and factors[len(factors) - len(back) :] == back
        and _common_scalar(scalar, coefficient) == scalar
    )


def _common(first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, ...]:
    """The common beginning."""
    count = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        count += 1
    return tuple(first[:count])


def _common_scalar(first: Expr, second: Expr) -> Expr:
    """The common symbolic factors, and the number if it is the same up to sign."""
    (a, left), (b, right) = first.as_coeff_Mul(), second.as_coeff_Mul()
    others = list(Mul.make_args(right))
    shared = [factor for factor in Mul.make_args(left) if factor in others]
    number = a if a == b else abs(a) if a == -b else S.One
    return Mul(number, *shared)


def _weight(expr: Any) -> int:
    """Roughly how many operations an expression takes."""
    return sum(_weight(arg) for arg in expr.args) + (len(expr.args) > 0)
