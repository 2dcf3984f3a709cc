"""Sums in formulas: constants in front, one sign for a difference, what a delta fixes put in, indices as counted."""

from collections.abc import Callable, Collection
from typing import Any

from sympy import Add, And, Basic, Expr, Ge, Indexed, KroneckerDelta, Le, Mod, Mul, S, Sum, expand

from symgrad.functions import IndexedSoftmax, if_else
from symgrad.matrix_functions import CholeskyEntry, InverseEntry


def sums_tidied(expr: Expr) -> Expr:
    """The formula with its sums written as people write them."""
    if not expr.has(Sum):
        return expr
    for step in (_without_delta, _counted, _with_constants_in_front):
        expr = replaced(expr, lambda part: isinstance(part, Sum), step)
    return replaced(expr, lambda part: isinstance(part, Add) and part.has(Sum), _with_one_difference)


def replaced(expr: Any, matches: Callable[[Basic], bool], change: Callable[[Any], Any]) -> Any:
    """The expression with parts changed, innermost first."""
    if not isinstance(expr, Basic) or not expr.args:
        return expr
    args = [replaced(arg, matches, change) for arg in expr.args]
    same = all(arg is old for arg, old in zip(args, expr.args, strict=True))
    made = expr if same else expr.func(*args)
    return change(made) if matches(made) else made


def _without_delta(expr: Sum) -> Expr:
    """Σⱼ δ(i, j + c)·f(j) as f(i − c), around a circle of N where the delta is that of Mod(j + c, N)."""
    for number, (index, *bounds) in enumerate(expr.limits):
        if len(bounds) != 2 or bounds[0] != 0 or any(end.has(index) for _, *ends in expr.limits for end in ends):
            continue
        factors = Mul.make_args(expr.function)
        for delta in (factor for factor in factors if isinstance(factor, KroneckerDelta)):
            for place, other in (delta.args, delta.args[::-1]):
                if place.has(index):
                    continue
                rest = Mul(*(factor for factor in factors if factor is not delta))
                moved = _moved(rest, index, bounds[1], place, other)
                if moved is not None:
                    limits = [limit for k, limit in enumerate(expr.limits) if k != number]
                    return Sum(moved, *limits) if limits else moved
    return expr


def _moved(expr: Expr, index: Any, last: Expr, place: Expr, other: Expr) -> Expr | None:
    """The term at the one value of the index where `other` is `place`."""
    shares = expr.atoms(IndexedSoftmax)  # each at a place that names the index it is over: nothing else is put there
    if any(share.has(index) and share.index in {index, *place.free_symbols, *other.free_symbols} for share in shares):
        return None
    if isinstance(other, Mod):
        shift = other.args[0] - index
        if other.args[1] != last + 1 or shift.has(index):
            return None
        return expr.xreplace({other: place}).xreplace({index: Mod(place - shift, last + 1)})
    shift = expand(other - index)
    if shift == 0 or shift.has(index) or expr.has(InverseEntry, CholeskyEntry):  # of which no entry is beyond a side
        return None
    at = place - shift
    return if_else(And(Ge(at, 0), Le(at, last)), expr.xreplace({index: at}), S.Zero)


def _counted(expr: Sum) -> Expr:
    """Σ x[K + i] over i = 0 … N − K − 1 as Σ x[i] over i = K … N − 1."""
    for number, (index, *bounds) in enumerate(expr.limits):
        others = [limit for k, limit in enumerate(expr.limits) if k != number]
        if len(bounds) != 2 or bounds[0] != 0 or any(end.has(index) for _, *ends in others for end in ends):
            continue
        entries = [entry for entry in expr.function.atoms(Indexed) if entry.has(index)]
        places = {place for entry in entries for place in entry.indices if place.has(index)}
        shifts = {_size_in(expand(place - index)) for place in places}
        if len(shifts) != 1 or 0 in shifts or any(expand(place - index).has(index) for place in places):
            continue
        (shift,) = shifts
        at = {
            entry: entry.func(entry.base, *(_less(place, index, shift) for place in entry.indices)) for entry in entries
        }
        function = expr.function.xreplace(at)
        if function.xreplace(dict.fromkeys(at.values(), S.One)).has(index):  # it stands somewhere else, too
            continue
        moved = (index, shift, expand(bounds[1] + shift))
        return Sum(function, *(moved if k == number else limit for k, limit in enumerate(expr.limits)))
    return expr


def _size_in(offset: Expr) -> Expr:
    """What an offset has of sizes: K of K − j − 1."""
    return Add(*(term for term in Add.make_args(offset) if term.is_positive and not term.is_number))


def _less(place: Expr, index: Any, shift: Expr) -> Expr:
    return expand(place - shift) if place.has(index) else place


def _with_constants_in_front(expr: Sum) -> Expr:
    """Σ c·f as c·Σ f, and Σ f·(2a − 2b) as 2·Σ f·(a − b), Σ (c·a − c·b) as c·Σ (a − b)."""
    bound = {limit[0] for limit in expr.limits}
    front: list[Expr] = []
    inside: list[Expr] = []
    for factor in Mul.make_args(expr.function):
        number, plain = factor.primitive() if isinstance(factor, Add) else (S.One, factor)
        shared = _shared(plain, bound) if isinstance(plain, Add) else []
        if shared:
            plain = Add(*(Mul(*_without(Mul.make_args(term), shared)) for term in plain.args))
        front += [number, *shared]
        (inside if plain.free_symbols & bound else front).append(plain)
    return Mul(*front, Sum(Mul(*inside), *expr.limits)) if inside and Mul(*front) != 1 else expr


def _shared(total: Add, bound: Collection[Expr]) -> list[Expr]:
    """The factors that all terms of a sum have, and no bound index."""
    first, *others = (Mul.make_args(term) for term in total.args)
    return [one for one in first if not one.free_symbols & bound and all(one in factors for factors in others)]


def _without(factors: Collection[Expr], left: Collection[Expr]) -> list[Expr]:
    return [factor for factor in factors if factor not in left]


def _with_one_difference(expr: Add) -> Expr:
    """Σ f·(a − b) − Σ g·(b − a) with a − b in both."""
    return Add(
        *(
            _turned(term, {part for other in expr.args if other is not term for part in other.atoms(Add)})
            for term in expr.args
        )
    )


def _turned(expr: Expr, others: Collection[Expr]) -> Expr:
    """−c·Σ f·(b − a) as c·Σ f·(a − b), which is one of the others."""
    number, factors = expr.as_coeff_Mul()
    for total in (factor for factor in Mul.make_args(factors) if number.is_negative and isinstance(factor, Sum)):
        inside = Mul.make_args(total.function)
        for difference in (factor for factor in inside if isinstance(factor, Add) and -factor in others):
            turned = Mul(*(-factor if factor is difference else factor for factor in inside))
            return -number * factors.xreplace({total: total.func(turned, *total.limits)})
    return expr
