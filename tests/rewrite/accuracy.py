"""Every rewrite in floating point: the rounding errors of what it makes beside those of what it replaces.

    python tests/rewrite/accuracy.py

Here are the scalar rules; `record_accuracy` has the others. Both sides are computed in float64 as generated code spells
them, over a logarithmic grid of both signs with the places where exponentials end, and compared with the exact value of
the pattern. An error is in units of the last place (ulp).
"""

import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf

sys.path.insert(0, str(Path(__file__).parents[2]))

from symgrad import sigmoid
from symgrad.codegen.speller import Speller
from symgrad.functions import if_else, log_sigmoid
from symgrad.functions.values import function_value
from symgrad.lowering.functions import applied
from symgrad.rewrite.rules import RULES, Rule
from symgrad.runtime.entries import _sigmoid
from symgrad.statements.expressions import Buffer, Read
from symgrad.targets.numpy.functions import NUMPY
from symgrad.univariate import Univariate
from symgrad.univariate.column import Column

if __package__:
    from .record_accuracy import errors_of_record
    from .samples import SAMPLES
    from .ulps import EXACT_DIGITS, GOOD, GRID, HEAD, NEAR, Errors, row, ulps
else:
    from record_accuracy import errors_of_record
    from samples import SAMPLES
    from ulps import EXACT_DIGITS, GOOD, GRID, HEAD, NEAR, Errors, row, ulps

# always rewritten, so that code has no spelling of it
_PLAIN = {log_sigmoid: "np.log(_sigmoid({0}))"}


def errors(rule: Rule) -> Errors:
    """Both sides of a rule over the grid; the points where the pattern has no real value are left out."""
    symbols = sorted(rule.pattern.free_symbols, key=str)
    if len(symbols) == 1:
        points = [(float(v),) for v in GRID]
    else:
        points = [(float(a), float(b)) for a in GRID[::3] for b in GRID[1::3]]
    # the two sides are equal, and the replacement is the one that digits suffice for: 1 - σ(1e300) is 0 to any number
    exact = [exact_value(rule.replacement, dict(zip(symbols, point, strict=True))) for point in points]
    known = [n for n, value in enumerate(exact) if value is not None]
    points, exact = [points[n] for n in known], [exact[n] for n in known]
    plain, replaced = (_errors_of(side, symbols, points, exact) for side in (rule.pattern, rule.replacement))
    for n in np.flatnonzero((replaced > GOOD) & (plain <= GOOD)):
        near = [tuple(float(v * (1 + step)) for v in points[n]) for step in NEAR]
        values = [exact_value(rule.replacement, dict(zip(symbols, point, strict=True))) for point in near]
        plain[n] = max(plain[n], *_errors_of(rule.pattern, symbols, near, values))
    condition = np.zeros(len(points))
    for n in np.flatnonzero(replaced > GOOD):
        condition[n] = _condition(rule.replacement, symbols, points[n], exact[n])
    return Errors(points, plain, replaced, condition)


def _errors_of(expr: sp.Basic, symbols: list[Any], points: list[tuple[float, ...]], exact: list[Any]) -> Any:
    """The errors of an expression in float64, in ulps."""
    columns = dict(zip(symbols, np.array(points).T, strict=True))
    with np.errstate(all="ignore"):
        values = np.broadcast_to(_float(expr, columns), len(points))
    return np.array([ulps(float(value), right) for value, right in zip(values, exact, strict=True)])


def _condition(expr: sp.Basic, symbols: list[Any], point: tuple[float, ...], exact: Any) -> float:
    """By how many ulps the value changes where each of the inputs moves by an ulp."""
    total = 0.0
    for k, value in enumerate(point):
        moved = [*point[:k], float(np.nextafter(value, np.inf)), *point[k + 1 :]]
        other = exact_value(expr, dict(zip(symbols, moved, strict=True)))
        total += float(abs(other - exact) / mpf(float(np.spacing(abs(float(exact))))))
    return total


def exact_value(expr: sp.Basic, at: dict[Any, float]) -> Any:
    """The value at float64 numbers, with 700 digits; None where it is no finite real number."""
    with mpmath.workdps(EXACT_DIGITS):
        value = _number(expr, {symbol: mpf(v) for symbol, v in at.items()})
        return None if isinstance(value, bool) or not mpmath.isfinite(value) else value


def _number(expr: Any, at: dict[Any, Any]) -> Any:
    """The value of an expression with mpmath."""
    if expr in at:
        return at[expr]
    if expr.is_number and not expr.args:
        return mpf(expr.p) / expr.q if expr.is_Rational else mpf(str(sp.N(expr, mpmath.mp.dps)))
    parts = [_number(part, at) for part in expr.args]
    if isinstance(expr, sp.Add):
        return mpmath.fsum(parts)
    if isinstance(expr, sp.Mul):
        return mpmath.fprod(parts)
    return (parts[1] if parts[0] else parts[2]) if isinstance(expr, if_else) else function_value(expr.func, *parts)


def _float(expr: Any, at: dict[Any, Any]) -> Any:
    """The value of an expression in float64, with the functions that generated code uses."""
    if expr in at:
        return at[expr]
    if not expr.args:
        return float(expr)
    parts = [_float(part, at) for part in expr.args]
    if isinstance(expr, sp.Add):  # as the printer has it: positive terms first
        return sum(part for _, part in sorted(zip(expr.args, parts, strict=True), key=_is_negative))
    if isinstance(expr, sp.Mul):
        over = [part for part, factor in zip(parts, expr.args, strict=True) if not _is_divisor(factor)]
        under = [_float(1 / factor, at) for factor in expr.args if _is_divisor(factor)]
        return np.prod(np.broadcast_arrays(*over), axis=0) / np.prod(np.broadcast_arrays(1.0, *under), axis=0)
    if isinstance(expr, sp.Pow):
        return 1 / _float(expr.base**-expr.exp, at) if expr.exp.is_negative else parts[0] ** parts[1]
    if isinstance(expr, sp.core.relational.Relational):
        return {sp.Gt: np.greater, sp.Ge: np.greater_equal, sp.Lt: np.less}[type(expr)](*parts)
    if isinstance(expr, if_else):
        return np.where(*parts)
    if isinstance(expr, Univariate):
        column = Column(np.ravel(parts[0]))
        return np.array(column.along(expr.computed(column)).values)
    if expr.func is sigmoid:
        return _sigmoid(parts[0])
    made = applied(expr.func, [Read(Buffer(f"v{n}")) for n in range(len(parts))])
    text = _PLAIN[expr.func].format("v0") if made is None else Speller(NUMPY, "v0.dtype").text(made)
    return eval(text, {"np": np, "_sigmoid": _sigmoid}, {f"v{n}": part for n, part in enumerate(parts)})


def _is_negative(term: Any) -> bool:
    return bool(term[0].could_extract_minus_sign())


def _is_divisor(factor: Any) -> bool:
    return isinstance(factor, sp.Pow) and bool(factor.exp.is_negative)


def table() -> str:
    """A line for each rule and each record: errors of both forms in ulps, and what the replacement cures."""
    lines = [HEAD]
    for rule in RULES:
        lines += row(rule.name, errors(rule))
    for name in SAMPLES:
        lines += row(name, errors_of_record(name))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
