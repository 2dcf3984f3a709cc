"""Functions that the compiler uses and formulas do not show: each is spelled by functions that people know.

They are there because their values keep digits where the spelling loses them: log Γ(x + d) − log Γ(x) is a small
difference of large numbers.
"""

from collections.abc import Sequence
from typing import Any

import mpmath
from sympy import Add, Expr, Function, Mul, exp, factorial, gamma, log, loggamma

from symgrad.functions.common import GUARD_BITS, real_mpf, to_float


class Spelled(Function):  # type: ignore[misc]
    """A real function of real numbers that formulas show as `spelled(*args)`."""

    cancelled_bits = 2400  # that the terms of the definition may cancel: −x and φ(x)/Φ(x) at −1e300

    @staticmethod
    def spelled(*args: Expr) -> Expr:
        """The same by functions that people know."""
        raise NotImplementedError

    @staticmethod
    def _value(*args: Any) -> Any:
        """The function at mpf's, in the working precision, every digit right unless terms cancel."""
        raise NotImplementedError

    @classmethod
    def at(cls, args: Sequence[Any]) -> Any:
        """The function at mpf's, every digit of the working precision right."""
        with mpmath.extraprec(cls.cancelled_bits):
            value = cls._value(*args)
        return +value

    def _eval_is_extended_real(self) -> bool | None:
        return not any(arg.is_number and arg.is_extended_real is False for arg in self.args) or None

    def _eval_is_commutative(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> Expr | None:
        bits = prec + GUARD_BITS
        args = [real_mpf(arg, bits) for arg in self.args]
        if any(arg is None for arg in args):
            return None
        with mpmath.workprec(bits):
            return to_float(type(self).at(args), prec)


def spelled(head: Any, args: Sequence[Expr]) -> Expr:
    """What formulas show of a function."""
    if isinstance(head, type) and issubclass(head, Spelled):
        return head.spelled(*args)
    if head is exp and args[0].has(loggamma, gamma, factorial):
        return _as_product(args[0])
    return head(*args)


def _as_product(exponent: Expr) -> Expr:
    """exp(k·log x − x − log Γ(k + 1)) as xᵏ·exp(−x)/Γ(k + 1)."""
    factors, rest = [], []
    for term in Add.make_args(exponent):
        coefficient, part = term.as_coeff_Mul()
        logs = [factor for factor in Mul.make_args(part) if isinstance(factor, log)]
        if isinstance(part, loggamma):
            factors.append(gamma(part.args[0]) ** coefficient)
        elif len(logs) == 1:
            factors.append(logs[0].args[0] ** (term / logs[0]))
        else:
            rest.append(term)
    return Mul(*factors, exp(Add(*rest)))
