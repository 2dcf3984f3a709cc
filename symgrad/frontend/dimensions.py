"""Arithmetic of sizes: equality of dimensions, and whether a subscript stays inside its axis for all sizes."""

from functools import cache

from sympy import Expr, S, expand, floor


@cache
def difference(left: Expr, right: Expr) -> Expr:
    return expand(left - right)


def equal(left: Expr, right: Expr) -> bool:
    """Whether two sizes are the same whatever the dimensions are."""
    return bool(left == right or difference(left, right) == 0)


def at_smallest(expr: Expr) -> Expr | None:
    """The least value of a polynomial size expression over dimensions of at least one, or a bound below it.

    None if it has no least value, or none that shows once every dimension is written 1 + (what it has beyond one). A
    floor is bounded by its argument.
    """
    expr = _without_floors(expand(expr))
    beyond = {symbol: 1 + symbol for symbol in expr.free_symbols}
    least = S.Zero
    for term, coefficient in expand(expr.xreplace(beyond)).as_coefficients_dict().items():
        if term is S.One:
            least += coefficient
        elif not (coefficient.is_positive and term.is_polynomial(*beyond)):
            return None
    return least


def _without_floors(expr: Expr) -> Expr:
    """A lower bound in which u stands for floor(u) where it is subtracted, and u less the most it loses elsewhere."""
    for part in expr.atoms(floor):
        slope = expr.coeff(part)
        rest = expand(expr - slope * part)
        if not slope.is_number or rest.has(part):
            return expr
        denominator = part.args[0].together().as_numer_denom()[1]
        lost = 1 - 1 / denominator if denominator.is_Integer else S.One
        expr = expand(rest + slope * (part.args[0] if slope < 0 else part.args[0] - lost))
    return expr


def grows(expr: Expr) -> bool:
    """Whether an affine size expression becomes non-negative once its dimensions are large enough."""
    return at_smallest(expr) is not None and bool(expand(expr).free_symbols)
