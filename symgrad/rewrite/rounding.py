"""Whether a rational function keeps its digits in another form: both computed in doubles, and exactly, at hard points.

(x − y)² + 1 and x² + y² + 1 − 2·x·y are the same function, and the second has no right digit where x and y are near
10⁸: each of its terms is rounded, and the rounding errors stay when the terms cancel. In the same way x·z − y·z loses
what z·(x − y) keeps where x and y are exact, as data are. A form may lose what the form that it replaces loses.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), chapter 1; that forms are compared by their
errors at points, as in Panchekha et al., Automatically Improving Accuracy for Floating Point Expressions (PLDI 2015).
"""

import math
from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from functools import reduce
from itertools import combinations
from operator import add, mul
from random import Random
from typing import Any

from sympy import Add, Expr, Mul, Number, Pow, Symbol

Numbers = Mapping[Symbol, Any]

_SCALES = (1.0, 2.0**27, 2.0**-27)
_POINTS = 20  # at each scale

_MANY_ROUNDINGS = 64 * 2.0**-52


def keeps_digits(before: Expr, after: Expr) -> bool:
    """Whether `after`, the same rational function of its symbols, is computed in doubles about as exactly as `before`.

    That is: its relative error is at most 8 times that of `before`, and 64 roundings, at points whose coordinates are
    large, small, nearly one, or unrelated, while what `before` subtracts from each other is nearly equal.
    """
    return all(_as_exact(before, after, point) for point in _points(before, before.free_symbols | after.free_symbols))


def _points(expr: Expr, symbols: Collection[Any]) -> Iterator[dict[Symbol, float]]:
    random = Random(0)
    ordered = sorted(symbols, key=str)
    pairs = sorted({pair for part in expr.atoms(Add) for pair in _differences(part)}, key=str)
    for scale in [*_SCALES] * _POINTS:
        point = {symbol: _coordinate(random) * _sign(symbol, random) for symbol in ordered}
        random.shuffle(pairs)
        near: set[Symbol] = set()
        for one, other, sign in pairs:
            if near.isdisjoint((one, other)) and random.random() < 3 / 4:
                common = random.uniform(1, 2)
                point |= {one: common + 2.0**-25 * random.random(), other: sign * (common + 2.0**-25 * random.random())}
                near |= {one, other}
        yield {symbol: scale * number for symbol, number in point.items()}


def _differences(part: Add) -> Iterator[tuple[Symbol, Symbol, int]]:
    """The symbols of a sum that may cancel, with the sign of one where the other is positive."""
    terms = [(c, term) for c, term in (term.as_coeff_Mul() for term in part.args) if isinstance(term, Symbol)]
    for (c, one), (d, other) in combinations(terms, 2):
        if c * d < 0:
            yield one, other, 1
        elif not other.is_nonnegative:
            yield one, other, -1
        elif not one.is_nonnegative:
            yield other, one, -1


def _sign(symbol: Any, random: Random) -> int:
    return 1 if symbol.is_nonnegative else random.choice([1, 1, -1])


def _coordinate(random: Random) -> float:
    return random.choice([1.0, 1 - 2.0**-30 * random.random(), 2.0**-30 * random.random(), random.random()])


def _as_exact(before: Expr, after: Expr, point: dict[Symbol, float]) -> bool:
    old, new = (_value_or_none(form, point, float) for form in (before, after))
    if old is None or new is None:
        return old is None  # at a pole digits say nothing
    if abs(old - new) <= _MANY_ROUNDINGS * abs(old):
        return True
    exact = _value_or_none(before, {symbol: Fraction(number) for symbol, number in point.items()}, Fraction)
    return not exact or _error(new, exact) <= 8 * _error(old, exact) + _MANY_ROUNDINGS


def _value_or_none(expr: Expr, point: Numbers, kind: type[Any]) -> Any:
    try:
        return _value(expr, point, kind)
    except (ZeroDivisionError, OverflowError):
        return None


def _error(value: float, exact: Fraction) -> Fraction | float:
    return abs(Fraction(value) / exact - 1) if math.isfinite(value) else math.inf


def _value(expr: Expr, point: Numbers, kind: type[Any]) -> Any:
    """The expression at a point in the arithmetic of `kind`, one operation after another."""
    if isinstance(expr, Symbol):
        return point[expr]
    if isinstance(expr, Number):
        return kind(int(expr.p)) / int(expr.q)
    if isinstance(expr, Pow):
        return _value(expr.base, point, kind) ** int(expr.exp)
    operation = {Add: add, Mul: mul}[expr.func]
    return reduce(operation, (_value(part, point, kind) for part in expr.args))
