"""Arithmetic of sizes: equality of dimensions, and whether a subscript stays inside its axis for all sizes."""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from sympy import Abs, Expr, Max, Min, S, expand, floor, preorder_traversal


class Choice(NamedTuple):
    """Expressions of which one is meant: a lower bound is one of any of them, if `any_one`, else one of all of them."""

    values: tuple[Expr, ...]
    any_one: bool


def alternatives(expr: Expr, symbols: Iterable[Any]) -> Choice | None:
    """c + s·Max(a, b), or with Min or Abs, as c + s·a and c + s·b; None without such a function of one of the symbols.

    Where s·Max is added the value is not below any of them; where it is subtracted, not below the least of them.
    """
    for atom in sorted(expr.atoms(Max, Min, Abs), key=lambda part: (-part.count_ops(), str(part))):
        slope = expr.coeff(atom)
        rest = expand(expr - slope * atom)
        if slope.is_number and slope != 0 and not rest.has(atom) and atom.has(*symbols):
            operands = (atom.args[0], -atom.args[0], S.Zero) if isinstance(atom, Abs) else atom.args
            values = tuple(expand(rest + slope * operand) for operand in operands)
            return Choice(values, bool(slope > 0) != isinstance(atom, Min))
    return None


@cache
def difference(left: Expr, right: Expr) -> Expr:
    return expand(left - right)


def equal(left: Expr, right: Expr) -> bool:
    """Whether two sizes are the same whatever the dimensions are."""
    return bool(left == right or difference(left, right) == 0)


def at_smallest(expr: Expr, first: int = 1) -> Expr | None:
    """The least value of a polynomial size expression over dimensions of at least `first`, or a bound below it.

    None if it has no least value, or none that shows once every dimension is written first + (what it has beyond it). A
    floor is bounded by its argument.
    """
    expr = without_floors(expand(expr))
    choice = alternatives(expr, expr.free_symbols)
    if choice is not None:
        known = [value for one in choice.values if (value := at_smallest(one, first)) is not None]
        if choice.any_one:
            return max(known, default=None)
        return min(known) if len(known) == len(choice.values) else None
    beyond = {symbol: first + symbol for symbol in expr.free_symbols}
    least = S.Zero
    for term, coefficient in expand(expr.xreplace(beyond)).as_coefficients_dict().items():
        if term is S.One:
            least += coefficient
        elif not (coefficient.is_positive and term.is_polynomial(*beyond)):
            return None
    return least


def is_never_negative(length: Expr) -> bool:
    """Whether a length is none below zero whatever the dimensions are, zeros among them: T - 1 is one."""
    least = at_smallest(length, 0)
    return least is not None and bool(least >= 0)


def is_never_empty(length: Expr) -> bool:
    """Whether an axis of that length has an entry whenever all dimensions are at least one."""
    least = at_smallest(length)
    return least is not None and bool(least >= 1)


def may_be_zero(expr: Expr) -> bool:
    """Whether an expression of dimensions may be 0, for some sizes, zeros among them: N and N - 1, but not N + 1."""
    least = at_smallest(expr, 0)
    return bool(expr.free_symbols) and (least is None or bool(least <= 0))


def as_quotient(expr: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator, which is one of a polynomial with integer coefficients."""
    whole = all(
        part.exp.is_Integer and part.exp.is_positive if part.is_Pow else part.is_Integer or not part.is_Number
        for part in preorder_traversal(expr)
    )
    numerator, denominator = (expr, S.One) if whole else expr.together().as_numer_denom()
    return numerator, denominator


def without_floors(expr: Expr) -> Expr:
    """A lower bound in which u stands for floor(u) where it is subtracted, and u less the most it loses elsewhere."""
    for part in expr.atoms(floor):
        slope = expr.coeff(part)
        rest = expand(expr - slope * part)
        if not slope.is_number or rest.has(part):
            return expr
        denominator = as_quotient(part.args[0])[1]
        lost = 1 - 1 / denominator if denominator.is_Integer else S.One
        expr = expand(rest + slope * (part.args[0] if slope < 0 else part.args[0] - lost))
    return expr


def grows(expr: Expr) -> bool:
    """Whether an affine size expression becomes non-negative once its dimensions are large enough."""
    return at_smallest(expr) is not None and bool(expand(expr).free_symbols)
