"""(exp(x·t) − 1)/x and log(1 + x·t)/x, which are t where x is 0: what powers and logarithms are over their exponent."""

from typing import Any

import mpmath
from sympy import Expr, exp, log

from symgrad.functions.spelled import Spelled
from symgrad.univariate.function import stable
from symgrad.univariate.series import X


class expm1_over(Spelled):
    """(exp(x·t) − 1)/x, and t where x is 0."""

    @staticmethod
    def spelled(x: Expr, t: Expr) -> Expr:
        return (exp(x * t) - 1) / x

    @staticmethod
    def _value(x: Any, t: Any) -> Any:
        return mpmath.expm1(x * t) / x if x else t

    def fdiff(self, argindex: int = 1) -> Expr:
        x, t = self.args
        return t**2 * stable((X * exp(X) - exp(X) + 1) / X**2).xreplace({X: x * t}) if argindex == 1 else exp(x * t)


class log1p_over(Spelled):
    """log(1 + x·t)/x, and t where x is 0."""

    @staticmethod
    def spelled(x: Expr, t: Expr) -> Expr:
        return log(1 + x * t) / x

    @staticmethod
    def _value(x: Any, t: Any) -> Any:
        return mpmath.log1p(x * t) / x if x else t

    def fdiff(self, argindex: int = 1) -> Expr:
        x, t = self.args
        slope = stable((X / (1 + X) - log(1 + X)) / X**2)
        return t**2 * slope.xreplace({X: x * t}) if argindex == 1 else 1 / (1 + x * t)
