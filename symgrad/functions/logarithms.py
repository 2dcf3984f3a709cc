"""Logarithms that keep digits where their argument is near 1."""

from typing import Any

import mpmath
from sympy import Expr, log

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
