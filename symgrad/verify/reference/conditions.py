"""The reference's rules for conditions."""

from collections.abc import Callable

import sympy as sp
from mpmath import mpf
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue

from symgrad.errors import UnsupportedError
from symgrad.verify.reference.inputs import Scope

COMPARISONS: dict[type, Callable[[mpf, mpf], bool]] = {
    sp.Eq: lambda a, b: bool(a == b),
    sp.Ne: lambda a, b: bool(a != b),
    sp.Lt: lambda a, b: bool(a < b),
    sp.Le: lambda a, b: bool(a <= b),
    sp.Gt: lambda a, b: bool(a > b),
    sp.Ge: lambda a, b: bool(a >= b),
}


def holds(condition: Boolean, at: Scope) -> bool:
    """Whether a condition is true; `And` and `Or` read no further than they must."""
    if isinstance(condition, (BooleanTrue, BooleanFalse)):
        return isinstance(condition, BooleanTrue)
    if type(condition) in COMPARISONS:
        return COMPARISONS[type(condition)](at.scalar(condition.lhs), at.scalar(condition.rhs))
    if isinstance(condition, sp.And):
        return all(at.holds(part) for part in condition.args)
    if isinstance(condition, sp.Or):
        return any(at.holds(part) for part in condition.args)
    if isinstance(condition, sp.Not):
        return not at.holds(condition.args[0])
    if isinstance(condition, sp.Xor):
        return sum(at.holds(part) for part in condition.args) % 2 == 1
    if isinstance(condition, sp.Implies):
        return not at.holds(condition.args[0]) or at.holds(condition.args[1])
    if isinstance(condition, sp.Equivalent):
        return len({at.holds(part) for part in condition.args}) <= 1
    if isinstance(condition, sp.ITE):
        return at.holds(condition.args[1 if at.holds(condition.args[0]) else 2])
    if isinstance(condition, sp.Symbol):
        return bool(at.scalar(condition) != 0)
    raise UnsupportedError(f"the reference evaluator has no rule for the condition {condition}.")


def lacking(condition: Boolean, wanted: bool, at: Scope) -> mpf:
    """How far a condition is from being true, or false as `wanted`: 0 where it is."""
    if isinstance(condition, (BooleanTrue, BooleanFalse)):
        return mpf(0) if isinstance(condition, BooleanTrue) == wanted else mpf("inf")
    if isinstance(condition, sp.Not):
        return lacking(condition.args[0], not wanted, at)
    if isinstance(condition, sp.And | sp.Or):
        parts = [lacking(part, wanted, at) for part in condition.args]
        return sum(parts, mpf(0)) if isinstance(condition, sp.And) == wanted else min(parts)
    if holds(condition, at) == wanted:
        return mpf(0)
    if type(condition) in COMPARISONS:
        apart = abs(at.scalar(condition.lhs) - at.scalar(condition.rhs))
        return apart or mpf("1e-9")  # on the border, and on its wrong side
    return mpf(1)
