"""The value of a SymPy loss, and its derivative by differences, at any number of digits."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf

from symgrad.errors import SymgradError
from symgrad.verify.reference.conditions import holds, lacking
from symgrad.verify.reference.functions import number
from symgrad.verify.reference.inputs import Inputs, Rules, Scope
from symgrad.verify.reference.matrices import matrix_rule
from symgrad.verify.reference.scalars import scalar_rule
from symgrad.verify.reference.trace import Place, Trace

# Digits carried beyond those asked for. A loss is a sum of thousands of terms at most, which costs four or five.
_GUARD_DIGITS = 10

_RULES = Rules(scalar_rule, matrix_rule, holds)


def evaluate(
    expr: sp.Basic,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    where: Sequence[sp.Basic] = (),
    digits: int = 50,
    trace: Trace | None = None,
) -> mpf:
    """The value of a scalar SymPy expression, read literally.

    Sums over an empty range are 0 and products 1 (not Karr's convention); only the branch taken of a `Piecewise` or
    `if_else` is evaluated, and so are only those terms of a sum whose `KroneckerDelta` is not 0; a bound index hides an
    outer one of the same name.

    Parameters
    ----------
    expr : a scalar expression; a 1x1 matrix counts.
    values : `MatrixSymbol`, `IndexedBase` or `Symbol` to an array (or nested lists, or a number) of that shape. A
        `MatrixSymbol` with a side of 1 may have a 1-D array.
    sizes : dimension symbol to its size.
    where : `Eq(z[i], ...)`, `Eq(H, ...)`, `Eq(s, ...)`. Of several for one name, the one whose left side has the most
        literal subscripts that fit is meant: `Eq(h[0, k], ...)` is the base case of `Eq(h[t, k], ...)`.
    digits : decimal digits of the result. They are right unless the expression itself cancels more than ten.
    trace : is told what the evaluation sees.

    Returns
    -------
    The value as an mpmath `mpf`.

    Raises
    ------
    UnsupportedError
        If a part of the expression has no rule here; the message names it.
    ModelError
        If a symbol has no value, or an equation of `where` defines nothing.
    IndexError
        If a subscript is out of range (a negative one, too) or no integer.
    ValueError
        If an array has another shape than its symbol, or a value is not real.
    ZeroDivisionError
        If the expression divides by zero.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, log, symbols
    >>> i, N = symbols("i N", integer=True)
    >>> x = IndexedBase("x", shape=(N,))
    >>> value = evaluate(Sum(log(x[i]), (i, 0, N - 1)), {x: [1.0, 2.0]}, {N: 2})
    >>> print(mpmath.nstr(value, 20))
    0.69314718055994530942
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        value = Inputs(values, sizes, where, _RULES, trace).evaluate(expr)
    with mpmath.workdps(digits):
        return +value


def shortfall(
    condition: sp.Basic,
    holds: bool,
    place: Place,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    where: Sequence[sp.Basic] = (),
    digits: int = 20,
) -> float:
    """How far a condition is from holding (or from not holding): 0 where it does, inf where it has no value.

    Of a relation it is the difference of its sides; of several conditions the sum, or the least of what one of them
    lacks.
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        scope = Scope(Inputs(values, sizes, where, _RULES), place.bound)
        try:
            for variable, (matrix, entry) in place.entries.items():
                scope = scope.bind(variable, scope.matrix(matrix)[entry])
            return float(lacking(condition, holds, scope))
        except (SymgradError, ArithmeticError, ValueError, IndexError):
            return math.inf


def differences(
    expr: sp.Basic,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    parameter: sp.Basic,
    index: tuple[int, ...] = (),
    where: Sequence[sp.Basic] = (),
    digits: int = 50,
) -> mpf:
    """The derivative of `expr` by one entry of `parameter`, from a central difference at high precision.

    (f(x + h) - f(x - h)) / 2h with h = 10^(-3/10 digits): with 50 digits h is 1e-15 and the error about 1e-30
    times the third derivative. Away from kinks, it is an oracle for gradients.

    Parameters
    ----------
    expr, values, sizes, where, digits : as for `evaluate`.
    parameter : a key of `values`.
    index : the entry, in the shape that `values` has; `()` for a scalar.

    Returns
    -------
    The derivative as an mpmath `mpf`.

    Raises
    ------
    Whatever `evaluate` does.

    Examples
    --------
    >>> from sympy import Symbol, exp
    >>> x = Symbol("x")
    >>> print(mpmath.nstr(differences(exp(3*x), {x: 0}, {}, x), 20))
    3.0
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        h = mpf(10) ** -(3 * digits // 10)
        ends = []
        for offset in (h, -h):
            moved = np.array(values[parameter], dtype=object)
            moved[index] = number(moved[index]) + offset
            ends.append(Inputs({**values, parameter: moved}, sizes, where, _RULES).evaluate(expr))
        derivative = (ends[0] - ends[1]) / (2 * h)
    with mpmath.workdps(digits):
        return +derivative
