"""Whether a function of one argument loses digits in plain floating point, judged by what comes out over a grid."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
from sympy import (
    Add,
    Expr,
    Mul,
    Pow,
    S,
    acos,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    coth,
    csch,
    exp,
    log,
    sech,
    sin,
    sinh,
    tan,
    tanh,
)

from symgrad.functions import log_sigmoid, sigmoid, softplus
from symgrad.univariate import column
from symgrad.univariate.column import Column
from symgrad.univariate.exact import exact_value
from symgrad.univariate.series import X

_MAGNITUDES = (
    *(1e-300, 1e-100, 1e-30, 1e-16, 1e-12, 1e-9, 1e-6, 1e-4, 1e-2, 0.06, 0.11, 0.13, 0.24, 0.26, 0.45, 0.55, 0.9, 1.1),
    *(2.0, 3.5, 7.0, 15.0, 25.0, 40.0, 90.0, 200.0, 360.0, 500.0, 720.0, 800.0, 1e4, 1e8, 1e100, 1e200, 1e300),
)
POINTS = (*(-m for m in reversed(_MAGNITUDES)), 0.0, *_MAGNITUDES)

# Relative errors that count as lost digits, beside what an error of half an ulp in the argument does: 500 ulps.
LOST = 1e-13

# Values nearer to 0 than this have fewer digits in float64, and their derivatives none.
_LEAST = 1e-290

# Powers of larger arguments may overflow on the way to what is 0: only what exponentials do there counts.
_POWERS_OVERFLOW = 1e50


@cache
def truth(expr: Expr) -> tuple[tuple[float, float], ...]:
    """The points where there is something to see, with the exact values there, rounded to float64."""
    found = []
    for point in POINTS:
        value = _exact(expr, point)
        if value is not None and abs(value) < 1e308:
            found.append((point, float(value)))
    return tuple(found)


@cache
def _exact(expr: Expr, x: Any) -> Any:
    with mpmath.workprec(80):
        return exact_value(expr, mpmath.mpf(x))


@cache
def _condition(expr: Expr, x: float) -> float:
    """The relative change of the exact value over that of x."""
    step = 2.0**-30
    with mpmath.workprec(80):
        moved = exact_value(expr, mpmath.mpf(x) * (1 + step))
        value = _exact(expr, x)
    return 0.0 if moved is None or not value else float(abs(moved - value) / abs(value) / step)


def error(expr: Expr, computed: Callable[[Column], Any], positive: bool = False) -> float:
    """The largest relative error of what is computed at `POINTS`, over one and the condition; inf where it warns.

    Only at positive points if the argument is known to be `positive`.
    """
    known = [(point, value) for point, value in truth(expr) if point >= 0 or not positive]
    points = [point for point, _ in known]
    try:
        computed(Column([point for point in points if abs(point) < _POWERS_OVERFLOW], strict=True))
    except FloatingPointError:
        return math.inf
    found = Column(points)
    relative = 0.0
    for (point, value), one in zip(known, found.along(computed(found)), strict=True):
        if not math.isfinite(one):
            return math.inf
        wrong = abs(one - value) / max(abs(value), _LEAST)
        if wrong > LOST / 20 and point:
            wrong /= 1 + _condition(expr, point)
        relative = max(relative, wrong)
    return relative


@cache
def plain_error(expr: Expr, positive: bool = False) -> float:
    """The error of the expression as code without a rule for it would compute it; functions of X in it are exact."""
    return error(opened(expr), lambda x: _plain(expr, x), positive)


def opened(expr: Expr) -> Expr:
    """The expression with functions of one argument written out."""
    return expr.replace(
        lambda part: hasattr(part, "expression"), lambda part: part.expression.xreplace({X: part.args[0]})
    )


_FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    exp: column.exp, log: column.log, sin: column.sin, cos: column.cos, tan: column.tan,
    asin: column.arcsin, acos: column.arccos, atan: column.arctan,
    sinh: column.sinh, cosh: column.cosh, tanh: column.tanh, asinh: column.arcsinh, atanh: column.arctanh,
    coth: lambda x: 1 / column.tanh(x), sech: lambda x: 1 / column.cosh(x), csch: lambda x: 1 / column.sinh(x),
    softplus: column.softplus, log_sigmoid: lambda x: -column.softplus(-x), sigmoid: column.sigmoid,
}  # fmt: skip
SCALARS = frozenset(_FUNCTIONS)
"""The functions that a function of one argument may be made of."""


def _plain(expr: Expr, x: Column) -> Any:
    """The value of an expression in float64, with `expm1` and `log1p` where code has them."""
    if expr == X:
        return x
    if expr.is_number:
        return float(expr)
    if isinstance(expr, Add):
        return _sum(expr, x)
    if isinstance(expr, Mul):
        over = [_plain(part, x) for part in expr.args if not _is_divisor(part)]
        under = [_plain(1 / part, x) for part in expr.args if _is_divisor(part)]
        return math.prod(over, start=x.along(1.0)) / math.prod(under, start=1.0)
    if isinstance(expr, Pow) and not isinstance(expr, exp):
        if _is_divisor(expr):
            return 1 / _plain(expr.base**-expr.exp, x)
        return _plain(expr.base, x) ** float(expr.exp)
    (argument,) = expr.args
    if isinstance(expr, log) and isinstance(argument, Add) and argument.as_coeff_Add()[0] == 1:
        return column.log1p(_plain(argument - 1, x))
    known = getattr(expr, "computed", None) or _FUNCTIONS[type(expr)]
    return known(_plain(argument, x))


def _sum(expr: Expr, x: Column) -> Any:
    constant, rest = expr.as_coeff_Add()
    sign = {S.NegativeOne: 1, S.One: -1}.get(constant)
    if sign is not None and isinstance(sign * rest, exp):
        return sign * column.expm1(_plain((sign * rest).args[0], x))
    if constant == 1 and isinstance(-rest, cos):
        return 2 * column.sin(_plain((-rest).args[0], x) / 2) ** 2
    if constant == 1 and isinstance(-rest, sigmoid):
        return column.sigmoid(-_plain((-rest).args[0], x))
    return sum(_plain(part, x) for part in sorted(expr.args, key=lambda part: bool(part.could_extract_minus_sign())))


def _is_divisor(part: Expr) -> bool:
    return isinstance(part, Pow) and not isinstance(part, exp) and bool(part.exp.is_negative)
