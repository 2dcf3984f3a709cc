"""Rational functions as one quotient of polynomials, by arithmetic in their field.

SymPy's `cancel` multiplies out all divisors of a sum before it looks for common factors; of the second derivative of
log(2 − tanh x), whose divisors are powers of the same two, that takes minutes. In the field common factors go at every
step, so that no polynomial on the way is of a much higher degree than those of the result.
"""

from sympy import QQ, Expr, Symbol
from sympy.polys.fields import field


def quotient(expr: Expr, *symbols: Symbol) -> tuple[Expr, Expr]:
    """What is divided and the divisor, multiplied out, without common factors.

    Raises
    ------
    ValueError : It is no quotient of polynomials in the symbols with rational coefficients.
    """
    whole = field(symbols, QQ)[0].from_expr(expr)
    return whole.numer.as_expr(), whole.denom.as_expr()
