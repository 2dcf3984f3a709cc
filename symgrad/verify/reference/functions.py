"""Numbers as mpmath has them, and the value of every scalar function of SymPy and of symgrad."""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf

from symgrad import functions as sg
from symgrad.errors import UnsupportedError
from symgrad.functions import norms
from symgrad.functions.spelled import Spelled
from symgrad.univariate import log1mexp

Matrix = np.ndarray[Any, Any]


def number(value: Any) -> mpf:
    """An entry of an input as an mpf, exactly."""
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return mpf(int(value))
    if isinstance(value, (float, np.floating)):
        return mpf(float(value))
    if isinstance(value, sp.Expr) and value.is_number:
        return as_mpf(value)
    if isinstance(value, mpf):
        return value
    raise ValueError(f"a value must be a real number, but {value!r} was given.")


def as_mpf(expr: sp.Expr) -> mpf:
    """SymPy's own value of a constant, or of a function of constants."""
    value = expr.evalf(mpmath.mp.dps + 3)
    if value.is_Float or value.is_Integer:
        return mpf(value._to_mpmath(mpmath.mp.prec))
    if value in (sp.oo, -sp.oo, sp.nan):
        return {sp.oo: mpf("inf"), -sp.oo: mpf("-inf"), sp.nan: mpf("nan")}[value]
    if value.is_number and value.is_extended_real is False:
        raise ValueError(f"{expr} is not real.")
    raise UnsupportedError(f"the reference evaluator cannot evaluate {expr} (a {type(expr).__name__}).")


# One rule a function: SymPy's (or our own) class, and what it is as a function of mpf's.
_FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: mpmath.exp,
    sp.log: mpmath.log,
    sp.sin: mpmath.sin,
    sp.cos: mpmath.cos,
    sp.tan: mpmath.tan,
    sp.asin: mpmath.asin,
    sp.acos: mpmath.acos,
    sp.atan: mpmath.atan,
    sp.atan2: mpmath.atan2,
    sp.sinh: mpmath.sinh,
    sp.cosh: mpmath.cosh,
    sp.tanh: mpmath.tanh,
    sp.asinh: mpmath.asinh,
    sp.acosh: mpmath.acosh,
    sp.atanh: mpmath.atanh,
    sp.erf: mpmath.erf,
    sp.erfc: mpmath.erfc,
    sp.erfinv: mpmath.erfinv,
    sp.gamma: mpmath.gamma,
    sp.loggamma: mpmath.loggamma,
    sp.factorial: mpmath.factorial,
    sp.erfcinv: lambda x: mpmath.erfinv(1 - x),
    sp.erf2: lambda a, b: mpmath.erf(b) - mpmath.erf(a),
    sp.binomial: mpmath.binomial,
    sp.floor: mpmath.floor,
    sp.ceiling: mpmath.ceil,
    sp.Mod: lambda x, y: x - y * mpmath.floor(x / y),
    sp.Abs: abs,
    sp.sign: mpmath.sign,
    sp.Max: max,
    sp.Min: min,
    sp.Heaviside: lambda x, at_zero: at_zero if x == 0 else mpf(x > 0),
    sp.conjugate: lambda x: x,
    sp.re: lambda x: x,
    sg.sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)),
    sg.softplus: lambda x: mpmath.log1p(mpmath.exp(x)),
    sg.log_sigmoid: lambda x: -mpmath.log1p(mpmath.exp(-x)),
    sg.relu: lambda x: x if x > 0 else mpf(0),
    sg.ndtr: lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    sg.log_ndtr: sg.log_ndtr._value,
    sg.step: lambda x: mpf(x > 0),
    sg.constant: lambda x: x,
    log1mexp: lambda x: mpmath.log(-mpmath.expm1(-x)),
    norms.reciprocal_root: lambda x: 1 / mpmath.sqrt(x) if x else mpf(0),
}


def apply_function(head: Any, arguments: Sequence[mpf]) -> mpf:
    """The value of a SymPy function of numbers.

    Raises
    ------
    ValueError
        If it is not real.
    """
    rule = _FUNCTIONS.get(head)
    if rule is not None:
        return real(rule(*arguments), head)
    if issubclass(head, Spelled):
        return real(head.at(arguments), head)
    return as_mpf(head(*(sp.Float(a, precision=mpmath.mp.prec) for a in arguments)))


def real(value: Any, expr: Any) -> mpf:
    """What mpmath gives, where it is no complex number."""
    if isinstance(value, mpmath.mpc):
        raise ValueError(f"{expr} is not real: {mpmath.nstr(value)}.")
    return value


def determinant(entries: Matrix) -> mpf:
    """The determinant of a square matrix; 1 of one without entries, nan where an entry is no finite number."""
    if not all(mpmath.isfinite(entry) for entry in entries.flat):
        return mpf("nan")
    return mpmath.det(mpmath.matrix(entries.tolist())) if entries.size else mpf(1)


def cholesky(entries: Matrix) -> Matrix:
    """The Cholesky factor of the symmetric part of a square matrix.

    Raises
    ------
    ValueError
        If that is not positive definite.
    """
    if not entries.size:
        return entries
    return np.array(mpmath.cholesky(mpmath.matrix(((entries + entries.T) / 2).tolist())).tolist(), dtype=object)


def inverse(entries: Matrix) -> Matrix:
    """The inverse of a square matrix.

    Raises
    ------
    ZeroDivisionError
        If it has none.
    """
    if not entries.size:
        return entries
    return np.array(mpmath.inverse(mpmath.matrix(entries.tolist())).tolist(), dtype=object)
