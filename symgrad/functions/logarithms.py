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
