"""The distribution function of the standard normal distribution Φ, its logarithm, and what their derivatives need."""

from typing import Any

import mpmath
from sympy import Expr, Rational, S, erf, erfc, exp, log, oo, pi, sqrt

from symgrad.functions.common import latex_call
from symgrad.functions.elementwise import Elementwise
from symgrad.functions.spelled import Spelled


class ndtr(Elementwise):
    r"""The distribution function of the standard normal, Φ(x) = (1 + erf(x/√2))/2; of a matrix, entry by entry.

    Its derivative is the density φ(x) = exp(−x²/2)/√(2π); its values lie in (0, 1). The name is SciPy's.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    References
    ----------
    NIST Digital Library of Mathematical Functions, section 7.17.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> ndtr(x).diff(x)
    sqrt(2)*exp(-x**2/2)/(2*sqrt(pi))
    >>> ndtr(-40).evalf(20)
    3.6558935409150297037e-350
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        values = {S.Zero: Rational(1, 2), oo: S.One, -oo: S.Zero, S.NaN: S.NaN}
        return values.get(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return _density(self.args[0])

    @staticmethod
    def _value(x: Any) -> Any:
        return _cdf(x)

    def _eval_is_extended_positive(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_erf(self, x: Expr, **_: Any) -> Expr:
        return (1 + erf(x / sqrt(2))) / 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\Phi", printer, self.args, exp)


class log_ndtr(Elementwise):
    r"""The logarithm of the distribution function of the standard normal, log Φ(x); of a matrix, entry by entry.

    Its derivative is φ(x)/Φ(x), the inverse of Mills' ratio at −x; its values are negative. The name is SciPy's.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    References
    ----------
    NIST Digital Library of Mathematical Functions, sections 7.8 and 7.17.

    Examples
    --------
    >>> log_ndtr(-40).evalf(20)
    -804.60844201375378817
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        values = {S.Zero: -log(2), oo: S.Zero, -oo: -oo, S.NaN: S.NaN}
        return values.get(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return inverse_mills(self.args[0])

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.log(_cdf(x)) if x < 0 else mpmath.log1p(-_cdf(-x))

    def _eval_is_extended_negative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_erf(self, x: Expr, **_: Any) -> Expr:
        return log((1 + erf(x / sqrt(2))) / 2)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\log \Phi", printer, self.args, exp)


class inverse_mills(Spelled):
    """φ(x)/Φ(x), the derivative of log Φ: about −x where x is far below 0, where φ and Φ underflow."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return _density(x) / ndtr(x)

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.npdf(x) / _cdf(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return mills_slope(self.args[0])


class mills_excess(Spelled):
    """x + φ(x)/Φ(x): about −1/x where x is far below 0, where its terms cancel."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return x + _density(x) / ndtr(x)

    @staticmethod
    def _value(x: Any) -> Any:
        return x + mpmath.npdf(x) / _cdf(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return mills_variance(self.args[0])


class mills_slope(Spelled):
    """The derivative of h(x) = φ(x)/Φ(x), which is −h(x)·(x + h(x)): about −1 where x is far below 0."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return -inverse_mills.spelled(x) * mills_excess.spelled(x)

    @staticmethod
    def _value(x: Any) -> Any:
        return -inverse_mills._value(x) * mills_excess._value(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return mills_curvature(self.args[0])


class mills_variance(Spelled):
    """1 − h(x)·(x + h(x)) with h = φ/Φ, the variance of a normal that is cut off at x: about 1/x² far below 0."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return 1 + mills_slope.spelled(x)

    @staticmethod
    def _value(x: Any) -> Any:
        return 1 + mills_slope._value(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return mills_curvature(self.args[0])


class mills_curvature(Spelled):
    """The second derivative of h(x) = φ(x)/Φ(x): about −2/x³ where x is far below 0."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        excess = mills_excess.spelled(x)
        return inverse_mills.spelled(x) * (excess**2 - mills_variance.spelled(x))

    @staticmethod
    def _value(x: Any) -> Any:
        return inverse_mills._value(x) * (mills_excess._value(x) ** 2 - mills_variance._value(x))

    def fdiff(self, argindex: int = 1) -> Expr:
        h, excess, variance = (f(self.args[0]) for f in (inverse_mills, mills_excess, mills_variance))
        return h * (2 * excess * variance - self) - h * excess * (excess**2 - variance)


class log_erfc(Spelled):
    """log(erfc(u)), which is about −2u/√π near 0 and −u² where u is far above 0."""

    @staticmethod
    def spelled(u: Expr) -> Expr:
        return log(erfc(u))

    @staticmethod
    def _value(u: Any) -> Any:
        return mpmath.log(mpmath.erfc(u)) if u > 0 else mpmath.log1p(mpmath.erf(-u))

    def fdiff(self, argindex: int = 1) -> Expr:
        return -sqrt(2) * inverse_mills(-sqrt(2) * self.args[0])


class exp_ndtr(Spelled):
    """exp(u)·Φ(x), of which one factor may overflow and the other underflow."""

    @staticmethod
    def spelled(u: Expr, x: Expr) -> Expr:
        return exp(u) * ndtr(x)

    @staticmethod
    def _value(u: Any, x: Any) -> Any:
        return mpmath.exp(u) * _cdf(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self if argindex == 1 else self * inverse_mills(self.args[1])


class ndtr_difference(Spelled):
    """Φ(high) − Φ(low)."""

    @staticmethod
    def spelled(low: Expr, high: Expr) -> Expr:
        return ndtr(high) - ndtr(low)

    @staticmethod
    def _value(low: Any, high: Any) -> Any:
        return _between(low, high)

    def fdiff(self, argindex: int = 1) -> Expr:
        return _density(self.args[1]) if argindex == 2 else -_density(self.args[0])


class log_ndtr_difference(Spelled):
    """log(Φ(high) − Φ(low)), the logarithm of the probability of an interval, for low < high."""

    @staticmethod
    def spelled(low: Expr, high: Expr) -> Expr:
        return log(ndtr(high) - ndtr(low))

    @staticmethod
    def _value(low: Any, high: Any) -> Any:
        return mpmath.log(_between(low, high))

    def fdiff(self, argindex: int = 1) -> Expr:
        low, high = self.args
        return interval_mills(-high, -low) if argindex == 2 else -interval_mills(low, high)


class interval_mills(Spelled):
    """φ(low)/(Φ(high) − Φ(low)), the density of a normal that is cut to an interval, at its lower end.

    At its upper end it is the same of the mirrored interval, from −high to −low.
    """

    @staticmethod
    def spelled(low: Expr, high: Expr) -> Expr:
        if low.could_extract_minus_sign() and high.could_extract_minus_sign():
            return _density(low) / (ndtr(-low) - ndtr(-high))
        return _density(low) / (ndtr(high) - ndtr(low))

    @staticmethod
    def _value(low: Any, high: Any) -> Any:
        return mpmath.npdf(low) / _between(low, high)

    def fdiff(self, argindex: int = 1) -> Expr:
        low, high = self.args
        return self * interval_excess(low, high) if argindex == 1 else -self * interval_mills(-high, -low)


class interval_excess(Spelled):
    """φ(low)/(Φ(high) − Φ(low)) − low: about 1/low where low is far above 0, where its terms cancel."""

    @staticmethod
    def spelled(low: Expr, high: Expr) -> Expr:
        return interval_mills.spelled(low, high) - low

    @staticmethod
    def _value(low: Any, high: Any) -> Any:
        return mpmath.npdf(low) / _between(low, high) - low

    def fdiff(self, argindex: int = 1) -> Expr:
        low, high = self.args
        if argindex == 1:
            return interval_mills(low, high) * self - 1
        return -interval_mills(low, high) * interval_mills(-high, -low)


def _density(x: Expr) -> Expr:
    """φ(x)."""
    return exp(-(x**2) / 2) / sqrt(2 * pi)


def _cdf(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def _between(low: Any, high: Any) -> Any:
    return _cdf(high) - _cdf(low) if low + high < 0 else _cdf(-low) - _cdf(-high)
