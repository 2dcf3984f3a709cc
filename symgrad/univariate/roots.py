"""Functions of X and of a root of 1 ± X or 1 ± X²: with y = (1 + X)^(1/n) they are quotients of polynomials in y.

What cancels near X = 0 are powers of y − 1, and y − 1 = X/(1 + y + … + yⁿ⁻¹) cancels nothing.
"""

from dataclasses import dataclass

from sympy import Dummy, Expr, Integer, Poly, Pow, cancel, fraction, ilcm, together
from sympy.polys.polyerrors import PolynomialError

from symgrad.univariate.series import X

Y = Dummy("y", positive=True, dummy_index=5)

# Roots of a higher degree make polynomials that cost more than a series.
_HIGHEST_DEGREE = 6


@dataclass(frozen=True)
class OfRoot:
    """X^odd·(y − 1)^order·rest, with y = (1 + sign·X^power)^(1/degree) and the rest a function of y."""

    odd: int
    power: int
    sign: int
    degree: int
    order: int
    rest: Expr


def of_root(expr: Expr) -> OfRoot | None:
    """An expression as a function of the one root in it; None where there is none, or more."""
    powers = [part for part in expr.atoms(Pow) if not part.exp.is_Integer]
    bases = {part.base for part in powers}
    if len(bases) != 1 or not all(part.exp.is_Rational for part in powers):
        return None
    (base,) = bases
    power = 2 if base.has(X**2) else 1
    sign = base.coeff(X, power)
    degree = int(ilcm(1, *(part.exp.q for part in powers)))
    if base != 1 + sign * X**power or abs(sign) != 1 or degree > _HIGHEST_DEGREE:
        return None
    in_y = expr.replace(lambda part: part.is_Pow and part.base == base, lambda part: Y ** (degree * part.exp))
    try:
        whole = [_by_root(part, power, sign * (Y**degree - 1)) for part in fraction(cancel(together(in_y)))]
        if None in whole:
            return None
        (top, m), (bottom, n) = (part for part in whole if part is not None)
        odd = m - n
        over, under = fraction(cancel(top / bottom))
        (rest_over, m), (rest_under, n) = (_without_root(Poly(part, Y)) for part in (over, under))
    except PolynomialError:
        return None
    return OfRoot(odd, power, int(sign), degree, m - n, rest_over / rest_under)


def _by_root(part: Expr, power: int, image: Expr) -> tuple[Expr, int] | None:
    """A polynomial in X as one in the image of X^power, and the power of X in front of that; None if there is none."""
    if not part.has(X):
        return part, 0
    terms = Poly(part, X).terms()
    left = {m % power for (m,), _ in terms}
    if len(left) > 1:
        return None
    return sum((c * image ** (m // power) for (m,), c in terms), Integer(0)), left.pop()


def _without_root(polynomial: Poly) -> tuple[Expr, int]:
    """A polynomial without its factors y − 1, and how many these are."""
    times = 0
    root = Poly(Y - 1, Y)
    while not polynomial.is_ground and polynomial.eval(1) == 0:
        polynomial, times = polynomial.quo(root), times + 1
    return polynomial.factor_list()[0] * _product(polynomial), times


def _product(polynomial: Poly) -> Expr:
    total: Expr = Integer(1)
    for factor, e in polynomial.factor_list()[1]:
        total *= factor.as_expr() ** e
    return total
