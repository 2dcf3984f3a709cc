"""Arithmetic of sizes: equality of dimensions, and whether a subscript stays inside its axis for all sizes."""

from functools import cache

from sympy import Expr, Integer, S, expand


@cache
def difference(left: Expr, right: Expr) -> Expr:
    return expand(left - right)


def equal(left: Expr, right: Expr) -> bool:
    """Whether two sizes are the same whatever the dimensions are."""
    return bool(left == right or difference(left, right) == 0)


def at_smallest(expr: Expr) -> Integer | None:
    """The least value of an affine size expression over dimensions of at least one.

    None if it has no least value (a dimension enters with a negative coefficient) or is not affine.
    """
    expr = expand(expr)
    least = S.Zero
    for term, coefficient in expr.as_coefficients_dict().items():
        if term is S.One or (term.is_Symbol and coefficient.is_positive):
            least += coefficient
        else:
            return None
    return least


def grows(expr: Expr) -> bool:
    """Whether an affine size expression becomes non-negative once its dimensions are large enough."""
    return at_smallest(expr) is not None and bool(expand(expr).free_symbols)
