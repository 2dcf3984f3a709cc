"""Functions of exponentials on one side of 0, in s = |X| and q = exp(−g·s): what cancels or overflows is gone there.

For large s every power of q vanishes beside the lower ones, so that a quotient of polynomials in q cancels nothing
once it is written as a whole, and nothing overflows: q ≤ 1.
"""

from dataclasses import dataclass

from sympy import (
    Add,
    Dummy,
    Expr,
    Integer,
    Poly,
    Rational,
    S,
    cosh,
    coth,
    csch,
    exp,
    factor_list,
    gcd,
    log,
    sech,
    sinh,
    tanh,
)
from sympy.polys.polyerrors import PolynomialError

from symgrad.functions import sigmoid, softplus
from symgrad.univariate.rational import quotient
from symgrad.univariate.series import X

s, q = Dummy("s", positive=True, dummy_index=3), Dummy("q", positive=True, dummy_index=4)

OF_EXP = (sinh, cosh, tanh, coth, sech, csch, sigmoid, softplus)
"""What is written by exponentials."""


@dataclass(frozen=True)
class Ratio:
    """`number`·s^power·q^decay·Π factorᵉ, the factors polynomials in s and q that no power of q divides."""

    number: Expr
    power: int
    decay: int
    factors: tuple[tuple[Poly, int], ...]


@dataclass(frozen=True)
class Logarithm:
    """weight·(log of the ratio + log1p(small)): small vanishes with q, the ratio has no q."""

    weight: Expr
    lead: Ratio
    small: Ratio | None


@dataclass(frozen=True)
class Far:
    """`rest` + `constant` + Σ logarithms, with q = exp(−rate·s); rest is None where it is 0."""

    rate: Rational
    rest: Ratio | None
    constant: Expr
    logarithms: tuple[Logarithm, ...]


def far(expr: Expr, side: int) -> Far | None:
    """The function of s = side·X; None where it is no such function, or not real there."""
    by_exp = expr.rewrite(OF_EXP, exp).xreplace({X: side * s})
    rates = {part.args[0] / s for part in by_exp.atoms(exp)}
    if not rates or not all(rate.is_Rational for rate in rates):
        return None
    rate = gcd(list(rates)) if len(rates) > 1 else abs(next(iter(rates)))
    in_q = by_exp.replace(exp, lambda u: q ** (-u / s / rate))
    try:
        return _split(in_q, Rational(rate))
    except (_NotOfThisForm, PolynomialError, ValueError):
        return None


class _NotOfThisForm(Exception):
    pass


def _split(in_q: Expr, rate: Rational) -> Far:
    rest, constant = S.Zero, S.Zero
    logarithms = []
    whole = in_q if isinstance(in_q, Add) or not in_q.has(log) else in_q.expand(deep=False)
    for term in Add.make_args(whole):
        weight, inner = term.as_independent(s, q, as_Add=False)
        if isinstance(inner, log):
            lead, small, linear = _logarithm(inner.args[0], rate)
            rest += weight * linear
            logarithms.append(Logarithm(weight, lead, small))
        elif inner == 1 and not weight.is_Rational:
            if not weight.is_real:  # log(−s) comes apart as log(s) + πi
                raise _NotOfThisForm
            constant += weight
        elif term.has(log):
            raise _NotOfThisForm
        else:
            rest += term
    merged = _ratio(rest) if rest != 0 else None
    return Far(rate, merged, constant, tuple(logarithms))


def _logarithm(expr: Expr, rate: Rational) -> tuple[Ratio, Ratio | None, Expr]:
    """log expr as that of what is largest, of one plus what vanishes with q, and a multiple of s."""
    over, under = (Poly(part, q) for part in quotient(expr, s, q))
    leads = []
    decay = 0
    for part, sign in ((over, 1), (under, -1)):
        least = min(n for (n,) in part.monoms())
        decay += sign * least
        leads.append(part.as_expr().coeff(q, least) if least else part.nth(0))
    first, second = (
        Add(*(c * q ** (n - min(m for (m,) in part.monoms())) for (n,), c in part.terms())) / lead
        for part, lead in zip((over, under), leads, strict=True)
    )
    over, under = quotient(first - second, s, q)
    difference = over / under
    lead = _ratio(leads[0] / leads[1])
    small = None if difference == 0 else _ratio(difference / second)
    if lead.number.is_negative:
        raise _NotOfThisForm
    return lead, small, -decay * rate * s


def _ratio(expr: Expr) -> Ratio:
    number, power, decay = S.One, 0, 0
    factors: list[tuple[Poly, int]] = []
    for part, sign in zip(quotient(expr, s, q), (1, -1), strict=True):
        coefficient, found = factor_list(part, s, q)
        number *= coefficient**sign
        for base, e in found:
            if base == s:
                power += sign * e
            elif base == q:
                decay += sign * e
            else:
                factors.append((Poly(base, s, q), sign * int(e)))
    if not number.is_Rational:
        raise _NotOfThisForm
    signs = [(-base, e) if _leading(base) < 0 else (base, e) for base, e in factors]
    flips = sum(e for (base, e) in factors if _leading(base) < 0)
    return Ratio(number * Integer(-1) ** flips, int(power), int(decay), tuple(signs))


def _leading(base: Poly) -> Expr:
    """The coefficient of what is largest where q is small and s large."""
    terms = base.terms()
    least = min(n for (_, n), _ in terms)
    return max((m, c) for (m, n), c in terms if n == least)[1]
