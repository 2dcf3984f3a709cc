"""Logarithms of gamma functions and of their quotients, differences of their derivatives, Bessel functions."""

from typing import Any

import mpmath
from sympy import Expr, S, besseli, beta, digamma, factorial, gamma, log, loggamma, polygamma, sign

from symgrad.functions.spelled import Spelled


class LogGammas(Spelled):
    """A sum of ±log Γ, whose terms may be as large as 1e300."""

    cancelled_bits = 1100


class log_abs_gamma(LogGammas):
    """log |Γ(x)|, for x of either sign."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return log(abs(gamma(x)))

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.re(mpmath.loggamma(x))

    def fdiff(self, argindex: int = 1) -> Expr:
        return digamma(self.args[0])


class gamma_sign(Spelled):
    """The sign of Γ(x)."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return sign(gamma(x))

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.mpf(1 if x > 0 or mpmath.floor(x) % 2 == 0 else -1)


class log_rising(LogGammas):
    """log Γ(x + d) − log Γ(x), the logarithm of x·(x + 1)···(x + d − 1) where d is a whole number.

    The end x + d is given, too: as a sum of x and d in floating point it may have lost its digits.
    """

    @staticmethod
    def spelled(x: Expr, d: Expr, end: Expr) -> Expr:
        return loggamma(end) - loggamma(x)

    @staticmethod
    def _value(x: Any, d: Any, end: Any) -> Any:
        return mpmath.loggamma(end) - mpmath.loggamma(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        x, d, end = self.args
        return {1: polygamma_rise(0, x, d, end), 2: digamma(end), 3: S.Zero}[argindex]


class polygamma_rise(LogGammas):
    """ψ⁽ⁿ⁾(x + d) − ψ⁽ⁿ⁾(x), with the end x + d given, too."""

    @staticmethod
    def spelled(n: Expr, x: Expr, d: Expr, end: Expr) -> Expr:
        return polygamma(n, end) - polygamma(n, x)

    @staticmethod
    def _value(n: Any, x: Any, d: Any, end: Any) -> Any:
        return mpmath.psi(int(n), end) - mpmath.psi(int(n), x)

    def fdiff(self, argindex: int = 1) -> Expr:
        n, x, d, end = self.args
        return {2: polygamma_rise(n + 1, x, d, end), 3: polygamma(n + 1, end), 4: S.Zero}[argindex]


class polygamma_excess(LogGammas):
    """ψ⁽ⁿ⁾(end) − ψ⁽ⁿ⁾(x) with end = x + d, less its leading term for large x.

    That is d/end for n = 0, else ±(n − 1)!·(end⁻ⁿ − x⁻ⁿ).
    """

    @staticmethod
    def spelled(n: Expr, x: Expr, d: Expr, end: Expr) -> Expr:
        lead = d / end if n == 0 else (-1) ** (n + 1) * factorial(n - 1) * (end**-n - x**-n)
        return polygamma(n, end) - polygamma(n, x) - lead

    @staticmethod
    def _value(n: Any, x: Any, d: Any, end: Any) -> Any:
        k = int(n)
        lead = d / end if k == 0 else (-1) ** (k + 1) * mpmath.factorial(k - 1) * (end**-k - x**-k)
        return mpmath.psi(k, end) - mpmath.psi(k, x) - lead


class log_beta(LogGammas):
    """log B(a, b) = log Γ(a) + log Γ(b) − log Γ(a + b)."""

    @staticmethod
    def spelled(a: Expr, b: Expr) -> Expr:
        return log(beta(a, b))

    @staticmethod
    def _value(a: Any, b: Any) -> Any:
        return mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)

    def fdiff(self, argindex: int = 1) -> Expr:
        a, b = self.args
        return -polygamma_rise(0, a, b, a + b) if argindex == 1 else -polygamma_rise(0, b, a, a + b)


class log_choose(LogGammas):
    """log Γ(v + w − 1) − log Γ(v) − log Γ(w), the logarithm of a binomial coefficient: v − 1 of v + w − 2."""

    @staticmethod
    def spelled(v: Expr, w: Expr) -> Expr:
        return loggamma(v + w - 1) - loggamma(v) - loggamma(w)

    @staticmethod
    def _value(v: Any, w: Any) -> Any:
        if min(v, w) <= 0 and mpmath.isint(min(v, w)):  # 1/Γ is 0 there
            return mpmath.mpf("-inf")
        return mpmath.loggamma(v + w - 1) - mpmath.loggamma(v) - mpmath.loggamma(w)

    def fdiff(self, argindex: int = 1) -> Expr:
        v, w = self.args
        whole = v + w - 1
        return polygamma_rise(0, v, w - 1, whole) if argindex == 1 else polygamma_rise(0, w, v - 1, whole)


class log_besseli(Spelled):
    """log I_n(x) for x > 0."""

    cancelled_bits = 200

    @staticmethod
    def spelled(n: Expr, x: Expr) -> Expr:
        return log(besseli(n, x))

    @staticmethod
    def _value(n: Any, x: Any) -> Any:
        return mpmath.log(mpmath.besseli(n, x))

    def fdiff(self, argindex: int = 2) -> Expr:
        n, x = self.args
        return besseli_ratio(n, x) + n / x


class besseli_ratio(Spelled):
    """I_{n+1}(x)/I_n(x)."""

    cancelled_bits = 200

    @staticmethod
    def spelled(n: Expr, x: Expr) -> Expr:
        return besseli(n + 1, x) / besseli(n, x)

    @staticmethod
    def _value(n: Any, x: Any) -> Any:
        return mpmath.besseli(n + 1, x) / mpmath.besseli(n, x)

    def fdiff(self, argindex: int = 2) -> Expr:
        n, x = self.args
        return besseli_slope(n, x)


class besseli_slope(Spelled):
    """The derivative of r = I_{n+1}(x)/I_n(x), which is 1 − r² − (2n + 1)·r/x."""

    cancelled_bits = 200

    @staticmethod
    def spelled(n: Expr, x: Expr) -> Expr:
        ratio = besseli_ratio.spelled(n, x)
        return 1 - ratio**2 - (2 * n + 1) * ratio / x

    @staticmethod
    def _value(n: Any, x: Any) -> Any:
        ratio = besseli_ratio._value(n, x)
        return 1 - ratio**2 - (2 * n + 1) * ratio / x

    def fdiff(self, argindex: int = 2) -> Expr:
        n, x = self.args
        ratio = besseli_ratio(n, x)
        return -2 * ratio * self - (2 * n + 1) * (self / x - ratio / x**2)
