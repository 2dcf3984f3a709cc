"""What functions, conditions, reductions and functions of matrices are as functions of mpmath's numbers.

SymPy's functions are those that SymPy itself evaluates them by, symgrad's have their values with them. The check reads
both the loss as it is stated and the compiler's graph by them.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import mpmath
import sympy as sp
from mpmath import mpf
from sympy.codegen import cfunctions
from sympy.utilities.lambdify import MPMATH_TRANSLATIONS

from symgrad import functions as sg
from symgrad.arrays import Array, np
from symgrad.errors import UnsupportedError
from symgrad.functions.elementwise import Elementwise
from symgrad.functions.reductions import Reduction
from symgrad.functions.spelled import Spelled

Matrix = Array

NAN = mpf("nan")

# ---- scalars ---------------------------------------------------------------------------------------------------------

COMPARISONS: dict[Any, Callable[[Any, Any], bool]] = {
    sp.Eq: operator.eq,
    sp.Ne: operator.ne,
    sp.Lt: operator.lt,
    sp.Le: operator.le,
    sp.Gt: operator.gt,
    sp.Ge: operator.ge,
}
_LOGIC: dict[Any, Callable[[Sequence[Any]], bool]] = {sp.And: all, sp.Or: any, sp.Not: lambda parts: not parts[0]}

# Binary digits of an exponent beyond which mpmath would compute for minutes; no float64 is near such values.
_MOST_BITS = 20_000


def exponential(x: Any) -> Any:
    """exp(x); 0 or ∞ where the exponent itself has thousands of digits before the point."""
    if isinstance(x, mpf) and x.man and x.exp + x.bc > _MOST_BITS:
        return mpf(0) if x < 0 else mpf("inf")
    return mpmath.exp(x)


# Those that neither SymPy nor symgrad says it of.
_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sp.Pow: mpmath.power,
    sp.exp: exponential,
    sp.Max: max,
    sp.Min: min,
    sp.Mod: lambda x, y: x - y * mpmath.floor(x / y),
    sp.Heaviside: lambda x, at_zero: at_zero if x == 0 else mpf(x > 0),
    sp.atan2: mpmath.atan2,
    sp.LeviCivita: lambda *places: mpf(int(sp.LeviCivita(*map(int, places)))),
    sp.Not: lambda part: not part,
    sp.Xor: lambda *parts: sum(parts) % 2 == 1,
    sp.Implies: lambda one, other: not one or bool(other),
    sp.Equivalent: lambda *parts: len(set(parts)) <= 1,
    sp.erf2: lambda a, b: mpmath.erf(b) - mpmath.erf(a),
    sp.erfcinv: lambda x: mpmath.erfinv(1 - x),
    sp.conjugate: lambda x: x,
    sp.re: lambda x: x,
    sg.constant: lambda x: x,
    sg.in_range: lambda position, length: position if 0 <= position < length else NAN,
    sg.has_no_sign: lambda x: mpf(x >= 0),  # here there is no -0
    sg.finite_maximum: lambda x: mpf(0) if x == mpf("-inf") else x,
    sg.share: lambda x, y: mpmath.exp(x) / ((mpmath.exp(x) + mpmath.exp(y)) or 1),
    sg.copysign: lambda size, x: abs(size) if x >= 0 else -abs(size),
    cfunctions.log1p: mpmath.log1p,
    cfunctions.expm1: mpmath.expm1,
    cfunctions.exp2: lambda x: mpf(2) ** x,
    cfunctions.log2: lambda x: mpmath.log(x, 2),
    cfunctions.log10: mpmath.log10,
    cfunctions.Cbrt: lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    cfunctions.hypot: mpmath.hypot,
}


@cache
def function_of(head: Any) -> Callable[..., Any]:
    """A scalar function of real numbers. It raises ValueError where it has no real value."""
    if head in _FUNCTIONS:
        rule = _FUNCTIONS[head]
    elif issubclass(head, Elementwise):
        rule = head._value
    elif issubclass(head, Spelled):
        rule = lambda *arguments: head.at(arguments)  # noqa: E731
    elif getattr(head, "_eval_evalf", None) is sp.Function._eval_evalf and hasattr(mpmath, _name(head)):
        rule = getattr(mpmath, _name(head))  # that is what SymPy takes
    else:
        rule = lambda *arguments: as_mpf(head(*(sp.Float(x, precision=mpmath.mp.prec) for x in arguments)))  # noqa: E731

    def function(*arguments: Any) -> Any:
        value = rule(*(x if isinstance(x, mpf) else mpf(x) for x in arguments))
        if isinstance(value, mpmath.mpc):
            raise ValueError(f"{head} is not real: {mpmath.nstr(value)}.")
        return value

    return function


def _name(head: Any) -> str:
    return str(MPMATH_TRANSLATIONS.get(head.__name__, head.__name__))


def function_value(head: Any, *arguments: Any) -> Any:
    """A scalar function or condition; nan where it has no real value."""
    if head in COMPARISONS:
        return COMPARISONS[head](*arguments)
    if head in _LOGIC:
        return _LOGIC[head](arguments)
    if any(argument != argument for argument in arguments):  # not-a-number
        return NAN
    try:
        return function_of(head)(*arguments)
    except (ValueError, ZeroDivisionError, OverflowError):
        return NAN


def number(value: Any) -> mpf:
    """An entry of an input as an mpf, exactly."""
    if isinstance(value, mpf):
        return value
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return mpf(int(value))
    if isinstance(value, (float, np.floating)):
        return mpf(float(value))
    if isinstance(value, sp.Expr) and value.is_number:
        return as_mpf(value)
    raise ValueError(f"a value must be a real number, but {value!r} was given.")


def as_mpf(expr: sp.Expr) -> mpf:
    """SymPy's own value of a constant, or of a function of constants."""
    value = expr.evalf(mpmath.mp.dps + 3)
    if value.is_Float or value.is_Integer:
        return mpf(value._to_mpmath(mpmath.mp.prec))
    if value in (sp.oo, -sp.oo, sp.nan):
        return {sp.oo: mpf("inf"), -sp.oo: mpf("-inf"), sp.nan: NAN}[value]
    if value.is_number and value.is_extended_real is False:
        raise ValueError(f"{expr} is not real.")
    raise UnsupportedError(f"the reference evaluator cannot evaluate {expr} (a {type(expr).__name__}).")


# ---- lists -----------------------------------------------------------------------------------------------------------


def reduction_of(head: Any) -> Callable[[Sequence[Any]], Any] | None:
    """What a reduction makes of its terms; None of one that is not known."""
    known: dict[Any, Callable[..., Any]] = {sp.Sum: mpmath.fsum, sp.Product: mpmath.fprod, sp.Or: any}
    if head in known:
        return known[head]
    return head._value if issubclass(head, Reduction) and head._value is not Reduction._value else None


def softmax(terms: Sequence[Any]) -> list[Any]:
    """The shares of exponentials; where all terms are −∞, nothing has a share."""
    exponentials = [exponential(term) for term in terms]
    total = mpmath.fsum(exponentials)
    return [part / total if total else total for part in exponentials]


# ---- matrices --------------------------------------------------------------------------------------------------------


def determinant(entries: Matrix) -> mpf:
    """The determinant of a square matrix; 1 of one without entries, nan where an entry is no finite number."""
    if not all(mpmath.isfinite(entry) for entry in entries.flat):
        return NAN
    return mpmath.det(mpmath.matrix(entries.tolist())) if entries.size else mpf(1)


def cholesky(entries: Matrix) -> Matrix:
    """The Cholesky factor of the symmetric part of a square matrix; nan where an entry is no finite number.

    Raises
    ------
    ValueError : it is not positive definite.
    """
    return _of_entries(mpmath.cholesky, (entries + entries.T) / mpf(2))


def inverse(entries: Matrix) -> Matrix:
    """The inverse of a square matrix; nan where an entry is no finite number; ZeroDivisionError where it has none."""
    return _of_entries(mpmath.inverse, entries)


def _of_entries(function: Callable[[Any], Any], entries: Matrix) -> Matrix:
    if not all(mpmath.isfinite(entry) for entry in entries.flat):
        return np.full(entries.shape, NAN, dtype=object)
    return np.array(function(mpmath.matrix(entries.tolist())).tolist(), dtype=object) if entries.size else entries
