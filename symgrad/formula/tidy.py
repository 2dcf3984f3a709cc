"""Formulas as people write them: what derivatives and subscripts leave behind is put away.

Each step here is an equality for all values; code is made of the terms themselves, not of these.
"""

from typing import Any

from sympy import Add, Expr, Heaviside, Lambda, MatrixExpr, Mul, Pow, S, sign

from symgrad.formula.conditions import implied, merged
from symgrad.formula.notation import is_negative_sum
from symgrad.formula.sums import replaced, sums_tidied
from symgrad.walk import is_larger

_MOST, _DEEPEST = 2000, 60  # nodes and levels of an expression that is looked at


def tidied(expr: Any) -> Any:
    """The formula with implied conditions dropped, shifts around a circle and indicators written as such."""
    if isinstance(expr, Lambda):
        return expr.func(expr.variables, tidied(expr.expr))
    if not isinstance(expr, Expr) or isinstance(expr, MatrixExpr) or is_larger(expr, _MOST, _DEEPEST):
        return expr
    for step in (_with_powers, sums_tidied, implied, merged, implied, _indicators):
        expr = step(expr)
    return expr


def _with_powers(expr: Expr) -> Expr:
    """The formula with powers as people write them: t·(t/λ)^(k − 1) as λ·(t/λ)^k, (−a − b)² as (a + b)²."""
    if not expr.has(Pow):
        return expr
    made = replaced(expr, lambda part: isinstance(part, Pow), _unsigned)
    return replaced(made, lambda part: isinstance(part, Mul), _raised)


def _unsigned(expr: Pow) -> Expr:
    base, exponent = expr.args
    return (-base) ** exponent if exponent.is_even and is_negative_sum(base) else expr


def _raised(expr: Mul) -> Expr:
    """A product without a factor that is the numerator of a power whose exponent is smaller by one than a name."""
    factors = list(expr.args)
    for n, power in enumerate(factors):
        if not isinstance(power, Pow) or not isinstance(power.base, Mul) or power.exp.as_coeff_Add()[0] != -1:
            continue
        for factor in power.base.args:
            if factor in factors and not factor.is_number:
                others = [one for k, one in enumerate(factors) if k != n and one != factor]
                return Mul(*others, factor / power.base, power.base ** (power.exp + 1))
    return expr


def _indicators(expr: Expr) -> Expr:
    """1 ± sign(u) as 2·H(±u), with Heaviside's H of 1/2 at 0; numbers in front are multiplied out."""
    made = replaced(expr, lambda part: isinstance(part, Add) and part.has(sign), _indicator) if expr.has(sign) else expr
    if made == expr:
        return expr
    return replaced(made, lambda part: isinstance(part, Mul) and part.has(Heaviside), _content)


def _indicator(expr: Add) -> Expr:
    number, other = expr.as_coeff_Add()
    for term in Add.make_args(other):
        coefficient, function = term.as_coeff_Mul()
        if isinstance(function, sign) and abs(coefficient) == abs(number) != 0:
            up = coefficient * number > 0
            return 2 * number * Heaviside(function.args[0] if up else -function.args[0], S.Half) + other - term
    return expr


def _content(expr: Mul) -> Expr:
    """A product with the common numbers of its sums in front."""
    numbers, rest = [], []
    for factor in expr.args:
        content, plain = factor.primitive() if isinstance(factor, Add) else (S.One, factor)
        numbers.append(content)
        rest.append(plain)
    return Mul(*numbers, *rest)
