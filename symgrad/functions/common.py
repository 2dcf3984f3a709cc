"""What the functions of this package share: their evaluation to any precision, LaTeX, and SymPy's derivatives."""

from collections.abc import Iterable
from typing import Any

import mpmath
from sympy import Basic, Expr, Float, MatrixExpr, oo
from sympy.tensor.array.expressions.array_expressions import ZeroArray

from symgrad.errors import UnsupportedError

# Bits beyond the precision asked for: the last few of every intermediate result are rounding errors.
GUARD_BITS = 16


def real_mpf(value: Expr, bits: int) -> Any:
    """`value` as an mpf of `bits` bits, or None where it is not a real number."""
    number = value.evalf(mpmath.libmp.prec_to_dps(bits) + 2)
    if number in (oo, -oo):
        return mpmath.inf if number is oo else -mpmath.inf
    # SymPy evaluates an exact zero to the integer.
    if not (number.is_Float or number.is_Integer):
        return None
    with mpmath.workprec(bits):
        return mpmath.mpf(number._to_mpmath(bits))


def to_float(value: Any, bits: int) -> Expr:
    """The mpf `value` as a SymPy number of `bits` bits."""
    if mpmath.isinf(value):
        return oo if value > 0 else -oo
    return Float(value, precision=bits)


def latex_call(name: str, printer: Any, args: Iterable[Basic], power: str | None) -> str:
    """`name` applied to `args`, raised to `power`, as LaTeX."""
    inside = ", ".join(printer._print(a) for a in args)
    return rf"{name}{'' if power is None else '^{' + power + '}'}\left({inside}\right)"


def zero_by_matrix(expr: Expr, x: MatrixExpr) -> Expr:
    """The derivative by the matrix `x` of what is constant."""
    return ZeroArray(*x.shape, *getattr(expr, "shape", ()))


def derivative_by_matrix(expr: Expr, x: MatrixExpr) -> Expr:
    """Zero where it is zero; otherwise refuse. For a scalar that it does not know SymPy's own answer is always zero."""
    if expr.has(x):
        raise UnsupportedError(
            f"SymPy has no derivative of {expr} by the whole matrix {x}; Model(loss, [{x}]).gradient({x}) has it."
        )
    return zero_by_matrix(expr, x)
