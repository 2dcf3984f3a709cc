"""How tightly formulas bind, as they are laid out: a fraction or a root needs no parentheses."""

from collections.abc import Mapping
from typing import Any

from sympy import S
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct

from symgrad.formula.notation import is_reciprocal, leads_negative

RELATION, SUM, PRODUCT, POWER, ATOM = range(5)


def tightness(expr: Any, meanings: Mapping[Any, Any]) -> int:
    """How tightly an expression binds; `meanings` are of the variables of functions that are applied entry by entry."""
    if expr in meanings:
        return tightness(meanings[expr], meanings)
    if getattr(expr, "is_Relational", False) or type(expr).__name__ in ("And", "Or", "Not", "IfElse", "if_else"):
        return RELATION
    if getattr(expr, "is_MatAdd", False) or expr.is_Add or leads_negative(expr):
        return SUM
    if hasattr(expr, "limits") or getattr(expr, "is_MatMul", False) or isinstance(expr, HadamardProduct):
        return PRODUCT
    if type(expr).__name__ == "KroneckerProduct":
        return PRODUCT
    if expr.is_Mul:
        return PRODUCT
    if expr.is_Rational and not expr.is_Integer:
        return PRODUCT
    if isinstance(expr, HadamardPower):
        return PRODUCT if is_reciprocal(expr) else POWER
    if expr.is_Pow and not (expr.exp.is_number and expr.exp.is_negative) and expr.exp != S.Half:
        return POWER
    if type(expr).__name__ in ("ElementwiseApplyFunction", "EntryByEntry"):
        if is_spelled_out(expr.function):
            return SUM
        return POWER if expr.function.expr.is_Pow else ATOM
    if getattr(expr, "is_symbol", False) and "/∂" in str(getattr(expr, "base", expr)):
        return POWER  # ∂C/∂z is drawn as a fraction
    return POWER if type(expr).__name__ in ("Transpose", "Inverse", "MatPow", "exp") else ATOM


def is_spelled_out(function: Any) -> bool:
    """Whether a function of entries is a formula of them, rather than the name of one."""
    return set(function.expr.args) != set(function.variables)
