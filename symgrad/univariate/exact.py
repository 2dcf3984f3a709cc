"""The exact value of a function of one argument, with as many digits as its cancellation needs."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import mpmath
from sympy import Expr, Pow, lambdify
from sympy import exp as sympy_exp

from symgrad.univariate.far import OF_EXP
from symgrad.univariate.series import Expansion, NoSeries, X, expansion

# Below 2⁻²⁸ so many terms of the power series have 190 digits; the expression itself may cancel thousands there.
_NEAR = -28
_TERMS = 24
# Elsewhere the distance of x from 1, in bits, may cancel so many times: X⁷ in derivatives of quotients.
_CANCELLED = 14
# That of exp(x) is x bits; but what exp(−x) is beside 1 for larger x does not matter to any float64.
_LARGEST = 1500

# Thousands of bits of an exponential or a logarithm take 20 ms; functions are compared at the same points, and their
# derivatives have the same parts.
_MOST_KEPT = 4000

# Exponents larger than those of any float: of functions of exponentials of floats.
_FINEST = 3000


def exact_value(expr: Expr, x: Any) -> Any:
    """The function at the mpf x to the working precision; None where it is no real number."""
    if x == 0:
        return at_zero(expr)
    if not mpmath.isfinite(x):
        return None
    if mpmath.mag(x) < _NEAR and (found := _near(expr)) is not None:
        return _first_terms(found, x)
    size = int(mpmath.mag(x))
    distance = max(-size, int(min(_LARGEST, abs(x) if _is_exponential(expr) else size)))
    with mpmath.workprec(mpmath.mp.prec + 40 + _CANCELLED * distance):
        value = _plain(expr, x)
    return None if value is None else +value


def at_zero(expr: Expr) -> Any:
    """The limit of the function at 0; None where it is not finite."""
    found = _near(expr)
    if found is None:
        return _plain(expr, mpmath.mpf(0))
    if found.series.low < 0 or found.logs:
        return None
    value = mpmath.mpf(found.constant.evalf(mpmath.mp.dps + 5))
    if found.series.low == 0:
        value += mpmath.mpf(found.series.coefficients[0].numerator) / found.series.coefficients[0].denominator
    return value


@cache
def _near(expr: Expr) -> Expansion | None:
    try:
        return expansion(expr)
    except NoSeries:
        return None


def _first_terms(found: Expansion, x: Any) -> Any:
    """The function by its power series."""
    total = mpmath.mpf(found.constant.evalf(mpmath.mp.dps + 5))
    for n, c in enumerate(found.series.coefficients[:_TERMS]):
        total += mpmath.mpf(c.numerator) / c.denominator * x ** (found.series.low + n)
    if found.logs:
        argument = found.sign * x if found.sign else abs(x)
        if argument < 0:
            return None
        total += mpmath.mpf(found.logs.numerator) / found.logs.denominator * mpmath.log(argument)
    return total


def _plain(expr: Expr, x: Any) -> Any:
    try:
        value = mpmath.mpmathify(_function(expr)(x))
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return None if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value) else value


@cache
def _function(expr: Expr) -> Callable[[Any], Any]:
    own = {"exp": _exp, "log": _log}
    function: Callable[[Any], Any] = lambdify(X, expr.rewrite(OF_EXP, sympy_exp), [own, "mpmath"])
    return function


@cache
def _is_exponential(expr: Expr) -> bool:
    """Whether the function has an exponential in it, also as a power or as a hyperbolic function."""
    return expr.rewrite(OF_EXP, sympy_exp).has(sympy_exp) or any(part.exp.has(X) for part in expr.atoms(Pow))


def _exp(u: Any) -> Any:
    if mpmath.mag(u) > _FINEST:
        if u > 0:
            raise OverflowError
        return mpmath.mpf(0)
    return _exponential(mpmath.mpf(abs(u))._mpf_, u < 0, mpmath.mp.prec)


@lru_cache(maxsize=_MOST_KEPT)
def _exponential(size: Any, negative: bool, bits: int) -> Any:
    """exp(±u) for an mpf u as mpmath stores it, to so many bits.

    For huge u by its remainder: mpmath raises e to a whole number by squaring, which takes seconds.
    """
    if negative:
        return 1 / _exponential(size, False, bits)
    u = mpmath.make_mpf(size)
    if u < _LARGEST:
        return mpmath.exp(u)
    with mpmath.extraprec(int(mpmath.mag(u)) + 10):
        doublings = mpmath.floor(u / mpmath.ln2)
        rest = mpmath.exp(u - doublings * mpmath.ln2)
    return mpmath.ldexp(rest, int(doublings))


def _log(u: Any) -> Any:
    """log u; nan of a negative number, of which no expression with a value has a logarithm."""
    number = mpmath.mpmathify(u)
    if isinstance(number, mpmath.mpc) or number < 0:
        return mpmath.nan
    return _logarithm(number._mpf_, mpmath.mp.prec)


@lru_cache(maxsize=_MOST_KEPT)
def _logarithm(number: Any, bits: int) -> Any:
    return mpmath.log(mpmath.make_mpf(number))
