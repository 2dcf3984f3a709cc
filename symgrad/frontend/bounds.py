"""Bounds of integer expressions of indices: whether a subscript stays inside its axis, for all sizes.

An expression that is monotone in an index takes its extremes at the ends of that index; the indices are eliminated one
by one, the innermost first, since its limits may depend on outer ones. What a condition around the expression says
(`guards`, integer expressions that are not negative) is used where the limits alone do not suffice.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from sympy import (
    Abs,
    Add,
    Basic,
    Dummy,
    Eq,
    Expr,
    Float,
    Indexed,
    Integer,
    Max,
    Min,
    Mod,
    Mul,
    Number,
    Poly,
    PolynomialError,
    S,
    ceiling,
    expand,
    floor,
)
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.frontend.scope import Index
from symgrad.graph.dimensions import alternatives, as_quotient, at_smallest, without_floors

Indices = Mapping[Any, Index]

_ATOMS = (floor, ceiling, Mod, Max, Min, Abs)  # what makes an integer expression no polynomial


def rectangular(indices: Indices) -> dict[Any, Index]:
    """The indices with the ends of the whole range that an array has, where a limit depends on an outer index."""
    return {symbol: Index(index.letter, index.start, index.length) for symbol, index in indices.items()}


def greatest(expr: Expr, indices: Indices) -> Expr | None:
    """A size expression that no value of the expression exceeds; attained if it is a monotone polynomial."""
    lowest = least(-expr, indices)
    return None if lowest is None else expand(-lowest)


def least(expr: Expr, indices: Indices) -> Expr | None:
    """A size expression that no value of the expression is below; None if none is found."""
    if isinstance(expr, Number):
        return expr
    choice = alternatives(expand(expr), indices)
    if choice is not None:
        found = [least(one, indices) for one in choice.values]
        known = [one for one in found if one is not None]
        if not choice.any_one:
            return _extreme(known, -1) if len(known) == len(found) else None
        best = _extreme(known, 1)
        return known[0] if best is None and known else best
    plain = _without_atoms(expand(expr), indices)
    if plain is None:
        return None
    expr, indices = plain
    involved = [symbol for symbol in indices if expr.has(symbol)]
    if involved and not expr.is_polynomial(*involved):
        return None  # differences, by which the search below proceeds, would not become simpler
    for symbol in reversed(list(indices)):
        if not expr.has(symbol):
            continue
        step = expand(expr.subs(symbol, symbol + 1) - expr)
        index = indices[symbol]
        if _not_negative(step, indices):
            end = index.first
        elif _not_negative(expand(-step), indices):
            end = index.last
        else:
            return None
        expr = expand(expr.subs(symbol, end))
        if end is not None and any(atom.has(*indices) for atom in end.atoms(*_ATOMS)):
            return least(expr, indices)
    return expr


def _not_negative(step: Expr, indices: Indices) -> bool:
    if step.is_number:
        return bool(step >= 0)
    lowest = least(step, indices) if any(step.has(symbol) for symbol in indices) else step
    smallest = None if lowest is None else at_smallest(lowest)
    return smallest is not None and smallest >= 0


def _without_atoms(expr: Expr, indices: Indices) -> tuple[Expr, Indices] | None:
    """Abs, floor, Mod, Max and Min of indices as indices of their own, with the bounds that they have."""
    extended = dict(indices)
    for atom in sorted(expr.atoms(*_ATOMS), key=lambda part: -part.count_ops()):
        if not expr.has(atom) or not any(atom.has(symbol) for symbol in indices):
            continue
        ends = _atom_bounds(atom, indices)
        if ends is None:
            return None
        symbol = Dummy("atom", integer=True)
        expr = expr.subs(atom, symbol)
        extended[symbol] = Index(symbol, ends[0], ends[1] - ends[0] + 1)
    if expr.has(Indexed, MatrixElement):
        return None
    return expand(expr), extended


def _atom_bounds(atom: Basic, indices: Indices) -> tuple[Expr, Expr] | None:
    if isinstance(atom, Mod):
        period = atom.args[1]
        return None if any(period.has(symbol) for symbol in indices) else (S.Zero, period - 1)
    operands = (atom.args[0], -atom.args[0], S.Zero) if isinstance(atom, Abs) else atom.args
    parts = [(least(arg, indices), greatest(arg, indices)) for arg in operands]
    if isinstance(atom, floor | ceiling):
        ((low, high),) = parts
        if low is None or high is None:
            return None
        return (floor(low), floor(high)) if isinstance(atom, floor) else (-floor(-low), -floor(-high))
    sign = -1 if isinstance(atom, Min) else 1
    ends = []
    for which in (0, 1):
        known = [pair[which] for pair in parts if pair[which] is not None]
        found = _extreme(known, sign)
        if (which == 0) == (sign == 1) and known:  # any one operand bounds a Max from below and a Min from above
            ends.append(known[0] if found is None else found)
        elif len(known) == len(parts) and found is not None:
            ends.append(found)
        else:
            return None
    return ends[0], ends[1]


def _extreme(candidates: list[Expr], sign: int) -> Expr | None:
    """The candidate that is the largest (sign 1) or smallest (-1) for all sizes."""
    for one in candidates:
        if all(_not_negative(expand(sign * (one - other)), {}) for other in candidates):
            return one
    return None


def is_affine(expr: Expr, indices: Indices) -> bool:
    """Whether an expression is c + Σ s·index with numbers s."""
    slopes = [expand(expr).coeff(symbol) for symbol in indices]
    rest = expand(expr - sum((slope * symbol for slope, symbol in zip(slopes, indices, strict=True)), S.Zero))
    return all(slope.is_number for slope in slopes) and not any(rest.has(symbol) for symbol in indices)


def is_positive(expr: Expr, indices: Indices, guards: tuple[Expr, ...] = ()) -> bool:
    """Whether an expression is proved to be greater than zero wherever the guards are not negative."""
    numerator, denominator = as_quotient(expr)
    if not denominator.is_number and not _not_negative(denominator - 1, {}):
        return False
    if _proved(expand(numerator), indices):
        return True
    if not guards and not expr.has(floor):
        return False
    below = scaled_to_integer(without_floors(expand(expr)))
    return _proved(below, indices) or _proved_beside(below, indices, guards)


def _proved_beside(expr: Expr, indices: Indices, guards: tuple[Expr, ...]) -> bool:
    """The same by what is left of an expression when multiples of guards, each once at most, are taken from it."""
    for number, guard in enumerate(guards):
        others = guards[:number] + guards[number + 1 :]
        for symbol in sorted(expr.free_symbols & guard.free_symbols, key=str):
            slope, other = expr.coeff(symbol), guard.coeff(symbol)
            factor = S.Zero if other == 0 else slope / other
            if not factor.is_positive:
                continue
            rest = expand(expr - factor * guard)
            if _proved(rest, indices) or (others and _proved_beside(rest, indices, others)):
                return True
    return False


def _proved(expr: Expr, indices: Indices) -> bool:
    lowest = least(expr, indices)
    smallest = None if lowest is None else at_smallest(lowest)
    return smallest is not None and smallest > 0


def scaled_to_integer(gap: Expr) -> Expr:
    """A difference times its denominator, if that is positive: (o - p)/2 has the sign of o - p."""
    numerator, denominator = as_quotient(gap)
    return expand(numerator if denominator.is_positive else gap)


def is_whole_number(expr: Expr, conditions: tuple[Basic, ...]) -> bool:
    """Whether an expression of indices is an integer for all their values, given conditions such as `Eq(Mod(e, q), 0)`.

    A polynomial whose coefficients have the common denominator q is one if q divides its numerator for every
    combination of remainders of the indices.
    """
    if expr.is_Number or any(isinstance(f, Float) for term in Add.make_args(expr) for f in Mul.make_args(term)):
        return bool(expr.is_Integer)
    numerator, denominator = as_quotient(expr)
    if denominator == 1:
        return True
    for condition in conditions:
        if not isinstance(condition, Eq):
            continue
        for left, right in (condition.args, condition.args[::-1]):
            if right == 0 and isinstance(left, Mod) and left.args[1] == denominator:
                for sign in (1, -1):  # SymPy reduces the coefficients inside Mod
                    rest = expand((numerator - sign * left.args[0]) / denominator)
                    if rest.as_numer_denom()[1] == 1:
                        return True
    if not isinstance(denominator, Integer) or denominator > 64:
        return False
    symbols = sorted(numerator.free_symbols, key=str)
    try:
        polynomial = Poly(numerator, *symbols)
    except PolynomialError:
        return False
    if len(symbols) * int(denominator).bit_length() > 16 or not all(c.is_Integer for c in polynomial.coeffs()):
        return False
    remainders = product(range(int(denominator)), repeat=len(symbols))
    return all(polynomial(*point) % denominator == 0 for point in remainders)
