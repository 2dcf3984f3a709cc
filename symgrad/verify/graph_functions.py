"""What scalar functions, reductions and functions of matrices are as functions of mpmath's numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from sympy import And, Not, Or, Pow, Product, log
from sympy.codegen import cfunctions

from symgrad.functions import (
    LargestOver,
    LogSumExp,
    MaxOver,
    MinOver,
    copysign,
    finite_maximum,
    has_no_sign,
    in_range,
    share,
)
from symgrad.graph.axes import LARGEST_FROM, LARGEST_UP_TO, LOG_SOFTMAX, PRODUCT_OF_OTHERS, SOFTMAX, SUM_FROM, SUM_UP_TO
from symgrad.graph.linear_algebra import ADJUGATE, CHOLESKY, DET, KEEPS_SHAPE, LOG_ABS_DET, LOGDET, SIGN_DET
from symgrad.univariate import Univariate
from symgrad.verify.reference.conditions import COMPARISONS
from symgrad.verify.reference.functions import apply_function, determinant, inverse

Array = np.ndarray[Any, Any]

NAN = mpf("nan")


def power(x: Any, y: Any) -> Any:
    return function_value(Pow, x, y)


def function_value(head: Any, *arguments: Any) -> Any:
    """A scalar function or condition; nan where it has no real value."""
    if head in COMPARISONS:
        return COMPARISONS[head](*arguments)
    if head in _LOGIC:
        return _LOGIC[head](arguments)
    if any(mpmath.isnan(argument) for argument in arguments):
        return NAN
    try:
        rule = head._value if issubclass(head, Univariate) else _MORE_FUNCTIONS.get(head)
        value = rule(*arguments) if rule is not None else apply_function(head, arguments)
    except (ValueError, ZeroDivisionError, OverflowError):
        return NAN
    return NAN if isinstance(value, mpmath.mpc) else value


_LOGIC: dict[Any, Callable[[Sequence[Any]], bool]] = {And: all, Or: any, Not: lambda parts: not parts[0]}

_MORE_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    Pow: mpmath.power,
    in_range: lambda position, length: position if 0 <= position < length else NAN,
    has_no_sign: lambda x: mpf(x >= 0),  # here there is no -0
    finite_maximum: lambda x: mpf(0) if x == mpf("-inf") else x,
    share: lambda x, y: mpmath.exp(x) / ((mpmath.exp(x) + mpmath.exp(y)) or 1),
    copysign: lambda size, x: abs(size) if x >= 0 else -abs(size),
    cfunctions.log1p: mpmath.log1p,
    cfunctions.expm1: mpmath.expm1,
    cfunctions.exp2: lambda x: mpf(2) ** x,
    cfunctions.log2: lambda x: mpmath.log(x, 2),
    cfunctions.log10: mpmath.log10,
    cfunctions.Cbrt: lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    cfunctions.hypot: mpmath.hypot,
}

REDUCTIONS: dict[Any, Callable[[list[Any]], Any]] = {
    MaxOver: lambda terms: max(terms, default=mpf("-inf")),
    LargestOver: lambda terms: max(terms, default=mpf("-inf")),
    MinOver: lambda terms: min(terms, default=mpf("inf")),
    Product: mpmath.fprod,
    Or: any,
    LogSumExp: lambda terms: mpmath.log(mpmath.fsum(map(mpmath.exp, terms))) if terms else mpf("-inf"),
}


def _softmax(terms: list[Any]) -> list[Any]:
    exponentials = [mpmath.exp(term) for term in terms]
    total = mpmath.fsum(exponentials)
    return [part / total if total else total for part in exponentials]  # all masked: nothing has a share


AXIS_MAPS: dict[str, Callable[[list[Any]], list[Any]]] = {
    SOFTMAX: _softmax,
    LOG_SOFTMAX: lambda terms: [mpmath.log(part) for part in _softmax(terms)],
    PRODUCT_OF_OTHERS: lambda terms: [mpmath.fprod(terms[:n] + terms[n + 1 :]) for n in range(len(terms))],
    SUM_UP_TO: lambda terms: [mpmath.fsum(terms[: n + 1]) for n in range(len(terms))],
    SUM_FROM: lambda terms: [mpmath.fsum(terms[n:]) for n in range(len(terms))],
    LARGEST_UP_TO: lambda terms: [max(terms[: n + 1]) for n in range(len(terms))],
    LARGEST_FROM: lambda terms: [max(terms[n:]) for n in range(len(terms))],
}


def of_matrix(head: Any, entries: Array) -> Array:
    """A function of one square matrix; nan where there is no value."""
    try:
        if head in (DET, LOGDET, LOG_ABS_DET, SIGN_DET):
            value = determinant(entries)
            if head == SIGN_DET:
                value = mpmath.sign(value)
            elif head != DET:
                value = function_value(log, value if head == LOGDET else abs(value))
            return np.asarray(value, dtype=object)
        if head == CHOLESKY and entries.size:
            return np.asarray(mpmath.cholesky(mpmath.matrix(entries.tolist())).tolist(), dtype=object)
        made = inverse(entries)
        return made * determinant(entries) if head == ADJUGATE else made
    except (ZeroDivisionError, ValueError):
        return np.full(entries.shape if head in KEEPS_SHAPE else (), NAN, dtype=object)
