"""Partial derivatives of scalar functions: SymPy's `diff`, and the few that symgrad defines itself.

Conventions at kinks, where a function has no derivative: relu'(0) = 0, |x|'(0) = sign(0) = 0, and max and min share
the derivative equally between arguments that tie.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sympy import (
    Abs,
    Derivative,
    DiracDelta,
    Dummy,
    Eq,
    Expr,
    Integer,
    LambertW,
    Max,
    Min,
    Mod,
    Pow,
    Rational,
    S,
    Subs,
    ceiling,
    cos,
    exp,
    floor,
    frac,
    log,
    sign,
    sin,
    sinc,
)
from sympy.core.relational import Relational, StrictLessThan
from sympy.logic.boolalg import BooleanFunction

from symgrad.errors import UnsupportedError
from symgrad.functions import constant, if_else, share, step
from symgrad.functions.gamma import gamma_sign
from symgrad.graph.build import ZERO, add, apply, const, mul, power, reciprocal, scale, subtract
from symgrad.graph.nodes import Const, Range, Size, Use, postorder
from symgrad.graph.scalar import lift

# Piecewise constant: their derivative is zero wherever they have one. `constant` is held constant on request.
PIECEWISE_CONSTANT = (sign, step, floor, ceiling, constant, gamma_sign)


def _exp(args: Sequence[Use], value: Use, _: int) -> Use:
    return value


def _abs(args: Sequence[Use], value: Use, _: int) -> Use:
    return apply(sign, args)


def _max(args: Sequence[Use], value: Use, which: int) -> Use:
    # ½(1 + sign(a - b)): 1, ½ or 0 as a is above, level with or below b
    half = const(Rational(1, 2))
    return add([(S.One, half), (Rational(1, 2), apply(sign, [subtract(args[which], args[1 - which])]))])


def _min(args: Sequence[Use], value: Use, which: int) -> Use:
    return _max(args, value, 1 - which)


def _pow(args: Sequence[Use], value: Use, which: int) -> Use:
    # d/dx x**y = y·x**(y-1): SymPy's y·x**y/x is 0/0 at x = 0
    base, exponent = args
    if which == 1:
        return mul([value, apply(log, [base])])
    lowered = subtract(exponent, const(S.One))
    if _is_whole(exponent):  # data or an index, which may be 0 where the base is 0: 0·0**0, not 0·0**-1
        zero = const(S.Zero)
        lowered = apply(if_else, [apply(Eq, [exponent, zero]), zero, lowered])
    return mul([exponent, power(base, lowered)])


def _is_whole(use: Use) -> bool:
    """Whether a term is made of integer data, indices and sizes only."""
    leaves = [node for node in postorder([use.node]) if not node.uses()]
    return all(isinstance(leaf, Range | Size | Const) or getattr(leaf, "integer", False) for leaf in leaves)


def _frac(args: Sequence[Use], value: Use, _: int) -> Use:
    return const(S.One)


def _mod(args: Sequence[Use], value: Use, which: int) -> Use:
    # x mod y = x - y·floor(x/y)
    if which == 0:
        return const(S.One)
    return scale(S.NegativeOne, apply(floor, [mul([args[0], reciprocal(args[1])])]))


def _lambert(args: Sequence[Use], value: Use, _: int) -> Use:
    # W' = 1/(exp(W)·(1 + W)): SymPy's W/(x·(1 + W)) is 0/0 at x = 0
    return mul([apply(exp, [scale(S.NegativeOne, value)]), reciprocal(add([(S.One, value), (S.One, const(S.One))]))])


def _sinc(args: Sequence[Use], value: Use, _: int) -> Use:
    # cos(x)/x - sin(x)/x² loses its digits near 0; there the series -x/3 + x³/30 - x⁵/840 + x⁷/45360, whose next
    # term is below 1e-15 of the first for |x| < 0.1
    x = args[0]
    small = apply(StrictLessThan, [apply(Abs, [x]), const(Rational(1, 10))])
    series = add([(c, power(x, const(Integer(n)))) for n, c in _SINC_SERIES.items()])
    away = apply(if_else, [small, const(S.One), x])
    sines = mul([apply(sin, [away]), power(away, const(Integer(-2)))])
    return apply(if_else, [small, series, subtract(mul([apply(cos, [away]), reciprocal(away)]), sines)])


def _share(args: Sequence[Use], value: Use, which: int) -> Use:
    slope = mul([value, apply(share, [args[1], args[0]])])
    return scale(S.NegativeOne, slope) if which else slope


_SINC_SERIES = {1: Rational(-1, 3), 3: Rational(1, 30), 5: Rational(-1, 840), 7: Rational(1, 45360)}

_OWN: dict[Any, Callable[[Sequence[Use], Use, int], Use]] = {
    exp: _exp,
    Abs: _abs,
    Max: _max,
    Min: _min,
    Pow: _pow,
    Mod: _mod,
    frac: _frac,
    LambertW: _lambert,
    sinc: _sinc,
    share: _share,
}


def partial(head: Any, args: Sequence[Use], value: Use, which: int) -> Use:
    """∂head(args)/∂args[which] as a term; `value` is head(args) itself, for derivatives that reuse it.

    Raises
    ------
    UnsupportedError : SymPy knows no derivative of the function.
    """
    if head in PIECEWISE_CONSTANT or issubclass(head, Relational | BooleanFunction):
        return ZERO
    if head in _OWN:
        return _OWN[head](args, value, which)
    symbols, derivative = _symbolic(head, len(args), which)
    return lift(derivative, dict(zip(symbols, args, strict=True)))


@cache
def _symbolic(head: Any, count: int, which: int) -> tuple[tuple[Dummy, ...], Expr]:
    # real placeholders: with complex ones SymPy's assumption queries can take minutes
    symbols = tuple(Dummy(f"x{n}", real=True) for n in range(count))
    derivative = head(*symbols).diff(symbols[which])
    if derivative.has(Derivative, Subs, DiracDelta):
        raise UnsupportedError(f"SymPy knows no derivative of {head.__name__} by its argument {which + 1}")
    return symbols, derivative
