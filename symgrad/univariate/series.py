"""Power series at 0 of a function of X, with rational coefficients: arithmetic by the usual recurrences.

D. E. Knuth, The Art of Computer Programming, volume 2 (1997), section 4.7, has the recurrences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import (
    Add,
    Dummy,
    Expr,
    Mul,
    Pow,
    Rational,
    S,
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

from symgrad.functions import sigmoid, softplus

X = Dummy("x", real=True, dummy_index=2)
"""The argument of every function of one argument. A Dummy, so that no symbol of a model is the same."""

# What remains after a few leading terms cancel still has to give 17 digits at a quarter of the radius of convergence.
TERMS = 56


class NoSeries(Exception):
    """There is no such series, or none with rational coefficients."""


@dataclass(frozen=True)
class Series:
    """Σ coefficients[n]·X^(low + n); zeros in front are left out, so that the first coefficient is not 0."""

    low: int
    coefficients: tuple[Fraction, ...]

    @property
    def order(self) -> int:
        """The power of X from which on nothing is known."""
        return self.low + len(self.coefficients)


@dataclass(frozen=True)
class Expansion:
    """A function near 0: `series` + `logs`·log(sign·X) + `constant`, where the constant is no rational number.

    The sign is 0 where the logarithm is that of |X|.
    """

    series: Series
    logs: Fraction
    constant: Expr
    sign: int = 1


def expansion(expr: Expr) -> Expansion:
    """The function near 0.

    Raises
    ------
    NoSeries : It has none of this form.
    """
    total, logs, constant, signs = _number(S.Zero), Fraction(0), S.Zero, set()
    expr = expr.rewrite((sigmoid, softplus), exp)
    for term in Add.make_args(expr):
        factor, rest = term.as_independent(X, as_Add=False)
        if rest == 1 and not factor.is_Rational:
            constant += factor
        elif isinstance(rest, log):
            inner = _series(rest.args[0])
            first = inner.coefficients[0]
            if not first or (first < 0 and inner.low % 2 == 0) or not factor.is_Rational:
                raise NoSeries
            logs += _fraction(factor) * inner.low
            signs |= {0 if inner.low % 2 == 0 else 1 if first > 0 else -1} if inner.low else set()
            constant += factor * log(Rational(abs(first)))
            unit = Series(0, tuple(c / inner.coefficients[0] for c in inner.coefficients))
            total = _add(total, _multiply(_number(factor), _log(unit)))
        else:
            total = _add(total, _series(term))
    constant = constant.expand(force=True) if constant else constant
    if constant.is_Rational:
        total, constant = _add(total, _number(constant)), S.Zero
    if len(signs) > 1:
        raise NoSeries
    return Expansion(total, logs, constant, *signs)


def _series(expr: Expr) -> Series:
    if expr == X:
        return Series(1, (Fraction(1), *(Fraction(0),) * (TERMS - 1)))
    if expr.is_Rational:
        return _number(expr)
    if isinstance(expr, Add):
        total = _series(expr.args[0])
        for arg in expr.args[1:]:
            total = _add(total, _series(arg))
        return total
    if isinstance(expr, Mul):
        product = _series(expr.args[0])
        for arg in expr.args[1:]:
            product = _multiply(product, _series(arg))
        return product
    if isinstance(expr, Pow) and expr.exp.is_Rational and expr.base is not S.Exp1:
        return _power(_series(expr.base), _fraction(expr.exp))
    if isinstance(expr, exp):
        return _exp(_at_zero(expr.args[0]))
    if isinstance(expr, log):
        inner = _series(expr.args[0])
        if inner.low != 0 or inner.coefficients[0] != 1:
            raise NoSeries
        return _log(inner)
    if type(expr) in _FUNCTIONS:
        return _FUNCTIONS[type(expr)](_at_zero(expr.args[0]))
    raise NoSeries


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _number(value: Any) -> Series:
    return Series(0, (_fraction(value), *(Fraction(0),) * (TERMS - 1)))


def _at_zero(expr: Expr) -> Series:
    """A series without a constant term, from X^0 on."""
    found = _series(expr)
    if found.low < 0:
        raise NoSeries
    whole = (*(Fraction(0),) * found.low, *found.coefficients)[:TERMS]
    if whole[0]:
        raise NoSeries
    return Series(0, whole)


def _trimmed(low: int, coefficients: list[Fraction]) -> Series:
    first = next((n for n, c in enumerate(coefficients) if c), len(coefficients))
    if first == len(coefficients):  # zero as far as is known
        return Series(low, tuple(coefficients))
    return Series(low + first, tuple(coefficients[first:]))


def _add(left: Series, right: Series) -> Series:
    low, order = min(left.low, right.low), min(left.order, right.order)
    total = [Fraction(0)] * max(0, order - low)
    for part in (left, right):
        for n, c in enumerate(part.coefficients):
            if part.low - low + n < len(total):
                total[part.low - low + n] += c
    return _trimmed(low, total)


def _multiply(left: Series, right: Series) -> Series:
    count = min(len(left.coefficients), len(right.coefficients))
    product = [Fraction(0)] * count
    for n, a in enumerate(left.coefficients[:count]):
        if a:
            for m, b in enumerate(right.coefficients[: count - n]):
                if b:
                    product[n + m] += a * b
    return _trimmed(left.low + right.low, product)


def _power(base: Series, exponent: Fraction) -> Series:
    """(X^m·c·(1 + …))^a by n·w[n] = Σ (a·k − (n − k))·v[k]·w[n − k]."""
    c = base.coefficients[0]
    low = base.low * exponent
    if c == 0 or low.denominator != 1 or (exponent.denominator != 1 and c != 1):
        raise NoSeries
    v = [value / c for value in base.coefficients]
    w = [Fraction(1)]
    for n in range(1, len(v)):
        w.append(sum(((exponent * k - n + k) * v[k] * w[n - k] for k in range(1, n + 1) if v[k]), Fraction(0)) / n)
    scale = c**exponent.numerator if exponent.denominator == 1 else Fraction(1)
    return Series(int(low), tuple(scale * value for value in w))


def _exp(u: Series) -> Series:
    v, w = u.coefficients, [Fraction(1)]
    for n in range(1, len(v)):
        w.append(sum((k * v[k] * w[n - k] for k in range(1, n + 1) if v[k]), Fraction(0)) / n)
    return Series(0, tuple(w))


def _log(u: Series) -> Series:
    """log of a series that begins with 1."""
    return _integral(_multiply(_derivative(u), _power(u, Fraction(-1))))


def _derivative(u: Series) -> Series:
    return _trimmed(u.low - 1, [(u.low + n) * c for n, c in enumerate(u.coefficients)])


def _integral(u: Series) -> Series:
    if u.low < 0 and any(u.low + n == -1 and c for n, c in enumerate(u.coefficients)):
        raise NoSeries
    return _trimmed(u.low + 1, [c / (u.low + n + 1) if c else c for n, c in enumerate(u.coefficients)])


def _hyperbolic(u: Series, even: bool) -> Series:
    up, down = _exp(u), _exp(Series(0, tuple(-c for c in u.coefficients)))
    sign = Fraction(1 if even else -1)
    return _multiply(_number(Rational(1, 2)), _add(up, Series(down.low, tuple(sign * c for c in down.coefficients))))


def _circular(u: Series) -> tuple[Series, Series]:
    """cos u and sin u, from c′ = −s·u′ and s′ = c·u′."""
    v = u.coefficients
    c, s = [Fraction(1)], [Fraction(0)]
    for n in range(1, len(v)):
        c.append(-sum((k * v[k] * s[n - k] for k in range(1, n + 1) if v[k]), Fraction(0)) / n)
        s.append(sum((k * v[k] * c[n - k] for k in range(1, n + 1) if v[k]), Fraction(0)) / n)
    return _trimmed(0, c), _trimmed(0, s)


def _quotient(over: Series, under: Series) -> Series:
    return _multiply(over, _power(under, Fraction(-1)))


def _by_derivative(square: int, exponent: Fraction) -> Callable[[Series], Series]:
    """f(u) with f′ = (1 + square·u²)^exponent and f(0) = 0."""

    def function(u: Series) -> Series:
        trimmed = _trimmed(u.low, list(u.coefficients))
        inside = _add(_number(S.One), _multiply(_number(S(square)), _multiply(trimmed, trimmed)))
        return _integral(_multiply(_power(inside, exponent), _derivative(trimmed)))

    return function


_FUNCTIONS: dict[type, Callable[[Series], Series]] = {
    sin: lambda u: _circular(u)[1],
    cos: lambda u: _circular(u)[0],
    tan: lambda u: _quotient(*reversed(_circular(u))),
    sinh: lambda u: _hyperbolic(u, False),
    cosh: lambda u: _hyperbolic(u, True),
    tanh: lambda u: _quotient(_hyperbolic(u, False), _hyperbolic(u, True)),
    coth: lambda u: _quotient(_hyperbolic(u, True), _hyperbolic(u, False)),
    sech: lambda u: _power(_hyperbolic(u, True), Fraction(-1)),
    csch: lambda u: _power(_hyperbolic(u, False), Fraction(-1)),
    atan: _by_derivative(1, Fraction(-1)),
    atanh: _by_derivative(-1, Fraction(-1)),
    asin: _by_derivative(-1, Fraction(-1, 2)),
    asinh: _by_derivative(1, Fraction(-1, 2)),
}
