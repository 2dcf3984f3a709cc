"""Functions that the compiler uses and formulas do not show: each is spelled by functions that people know.

They are there because their values keep digits where the spelling loses them: log Γ(x + d) − log Γ(x) is a small
difference of large numbers.
"""

from collections.abc import Sequence
from typing import Any

import mpmath
from sympy import Expr, Function

from symgrad.functions.common import GUARD_BITS, real_mpf, to_float

# Bits more that the spelling is evaluated with: its terms may cancel, Φ(b) − Φ(a) at far and near a and b
CANCELLED_BITS = 2400


class Spelled(Function):  # type: ignore[misc]
    """A real function of real numbers that formulas show as `spelled(*args)`."""

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
        with mpmath.extraprec(CANCELLED_BITS):
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
    return head.spelled(*args) if isinstance(head, type) and issubclass(head, Spelled) else head(*args)
