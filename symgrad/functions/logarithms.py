"""Logarithms that keep digits where their argument is near 1."""

from typing import Any

import mpmath
from sympy import Expr, S, log
from sympy.core.function import ArgumentIndexError

from symgrad.functions.spelled import Spelled


class log_abs1p(Spelled):
    """log |1 + x|."""

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return log(abs(1 + x))

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.log(abs(1 + x))

    def fdiff(self, argindex: int = 1) -> Expr:
        return 1 / (1 + self.args[0])


class log_growth(Spelled):
    """log(1 + (y/x)ⁿ), n = 1 where it is not given, also where the quotient or its power is beyond all numbers.

    There it is n·log|y/x|. Of n that are odd y/x is at least −1.
    """

    @staticmethod
    def spelled(y: Expr, x: Expr, n: Expr = S.One) -> Expr:
        return log(1 + (y / x) ** n)

    @staticmethod
    def _value(y: Any, x: Any, n: Any = 1) -> Any:
        return mpmath.log1p((y / x) ** n)

    def fdiff(self, argindex: int = 1) -> Expr:
        y, x, n = (*self.args, S.One)[:3]
        if argindex == 3:
            raise ArgumentIndexError(self, argindex)
        slope = n * y ** (n - 1) / (x**n + y**n)
        return slope if argindex == 1 else -slope * y / x


class log_growth_excess(Spelled):
    """log(1 + g) − g/(1 + g) with g = (y/x)ⁿ ≥ 0, whose terms cancel for small g: g²/2 − 2g³/3 + …"""

    @staticmethod
    def spelled(y: Expr, x: Expr, n: Expr = S.One) -> Expr:
        return log(1 + (y / x) ** n) - y**n / (x**n + y**n)

    @staticmethod
    def _value(y: Any, x: Any, n: Any = 1) -> Any:
        return mpmath.log1p((y / x) ** n) - y**n / (x**n + y**n)

    def fdiff(self, argindex: int = 1) -> Expr:
        y, x, n = (*self.args, S.One)[:3]
        if argindex == 3:
            raise ArgumentIndexError(self, argindex)
        slope = n * y ** (2 * n - 1) / (x**n + y**n) ** 2
        return slope if argindex == 1 else -slope * y / x


class finite_log(Spelled):
    """log x, and where x is 0 a negative number that is finite with its third power, but whose multiples are far below.

    Logarithms of a sum of powers are taken from each other and multiplied; of one that is 0 nothing is left but its
    power, which is 0.
    """

    @staticmethod
    def spelled(x: Expr) -> Expr:
        return log(x)

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.log(x) if x else mpmath.mpf(-6e100)

    def fdiff(self, argindex: int = 1) -> Expr:
        return 1 / self.args[0]


class difference(Spelled):
    """x − y, which is no sum to other rules: terms between x and y would get lost where these are far out and equal."""

    @staticmethod
    def spelled(x: Expr, y: Expr) -> Expr:
        return x - y

    @staticmethod
    def _value(x: Any, y: Any) -> Any:
        return x - y

    def fdiff(self, argindex: int = 1) -> Expr:
        return S.One if argindex == 1 else S.NegativeOne


class xlogy(Spelled):
    """y·log x, and 0 where y is 0: the logarithm of xʸ, also where x is 0."""

    @staticmethod
    def spelled(y: Expr, x: Expr) -> Expr:
        return y * log(x)

    @staticmethod
    def _value(y: Any, x: Any) -> Any:
        return y * mpmath.log(x) if y else mpmath.mpf(0)

    def fdiff(self, argindex: int = 1) -> Expr:
        y, x = self.args
        return log(x) if argindex == 1 else xdivy(y, x)


class xdivy(Spelled):
    """y/x, and 0 where y is 0: the derivative of y·log x by x."""

    @staticmethod
    def spelled(y: Expr, x: Expr) -> Expr:
        return y / x

    @staticmethod
    def _value(y: Any, x: Any) -> Any:
        return y / x if y else mpmath.mpf(0)

    def fdiff(self, argindex: int = 1) -> Expr:
        x = self.args[1]
        return 1 / x if argindex == 1 else -xdivy(self, x)
