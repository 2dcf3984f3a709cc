"""Functions of one argument that cancel among the terms of a longer sum: exp(x − y) − x + y − 1 + z², 1 − cos u + v²/2.

`univariate` reads a whole sum as a function of one argument; these are the terms of one that are such a function
together: functions of u, a constant, and a multiple of u, whose own terms are among the others.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sympy import Expr, Float, Number, S, cos, erf, exp, log, sin, tanh
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import ndtr, sigmoid
from symgrad.graph.build import ONE, add, apply, const, mul, number, product_of_powers, scale, subtract
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Add, Apply, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.complements import complement_of_shares
from symgrad.rewrite.divided import DERIVED
from symgrad.rewrite.readings import cancels, is_scalar, lift_at, root_of_square, rooted
from symgrad.rewrite.record import HIGHAM, LOGISTIC, MAECHLER, record
from symgrad.rewrite.summands import Term, bounds_of, joined_summands, opened_summands, summed
from symgrad.rewrite.univariate import apart
from symgrad.univariate import X, stable

# Sums of more terms than this are no textbook formula; each pair of a function and a term is looked at.
_MOST_TERMS = 12


@record("f(u) + c + k·u + v = g(u) + v", "what is left of f near 0 is smaller than its terms", DERIVED)
def part_of_sum(use: Use) -> Use | None:
    """The terms of a sum that are a function of one argument together and cancel near 0, as one function."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if not 1 < len(terms) <= _MOST_TERMS:
        return None
    return _function_of_terms(terms) or _function_of_summands(terms)


def _function_of_summands(terms: Sequence[Term]) -> Use | None:
    """The same among the summands of sums over the same: Σ f(u) + N·c as Σ (f(u) + c)."""
    for bound in bounds_of(terms):
        joined, outside = joined_summands(terms, bound)
        made = _function_of_terms(joined, 1) if 1 < len(joined) <= _MOST_TERMS else None
        if made is not None:
            return add([*outside, (S.One, summed(made, bound))])
    return None


def _function_of_terms(terms: Sequence[Term], fewest: int = 2) -> Use | None:
    """The same of more terms than `fewest`: other rules see a whole sum of two, but no two summands."""
    for argument in dict.fromkeys(u for _, term in terms for u in _arguments(term, len(terms) > fewest)):
        for rest, total, used in _groups(terms, argument):
            if total.has(Float) or not cancels(total):
                continue
            made = stable(total, is_nonnegative(argument))
            if made != total:
                left = [pair for n, pair in enumerate(terms) if n not in used]
                return add([*left, (S.One, product_of_powers([(lift_at(made, argument), S.One), (rest, S.One)]))])
    return None


def _arguments(term: Use, of_functions: bool) -> Iterator[Use]:
    """The arguments of roots among the factors of a term, and those of its functions."""
    for factor, e in factors_of(term):
        if (inside := rooted(factor, e)) is not None:
            yield root_of_square(inside)
        elif of_functions and isinstance(factor.node, Apply) and is_scalar(factor.node.head):
            argument = place(factor.node.args[0], factor.letters)
            if number(argument) is None:
                yield argument


def _groups(terms: Sequence[Term], argument: Use) -> Iterator[tuple[Use, Expr, set[int]]]:
    """What the terms are as functions of the argument times the same, with the terms of a multiple of it or without."""
    found: dict[Use, list[tuple[int, Expr]]] = {}
    for n, (c, term) in enumerate(terms):
        expr, rest = apart(term, argument, strict=False)
        found.setdefault(rest, []).append((n, c * expr))
    for rest, parts in found.items():
        total, used = sum((expr for _, expr in parts), S.Zero), {n for n, _ in parts}
        if not any(expr.has(X) for _, expr in parts):
            continue
        multiple = _multiple(terms, argument, rest)
        if multiple is not None:
            yield rest, total + multiple[0] * X, used | multiple[1]
        yield rest, total, used


def _multiple(terms: Sequence[Term], argument: Use, rest: Use) -> tuple[Number, set[int]] | None:
    """k and the places of the terms of k·argument·rest; None if they are not all there."""
    parts = [(c, mul([part, rest])) for c, part in terms_of(argument)]
    places = {term: n for n, (_, term) in enumerate(terms)}
    if len(parts) < 2 or not all(part in places for _, part in parts):
        return None
    ratios = {terms[places[part]][0] / c for c, part in parts}
    return (ratios.pop(), {places[part] for _, part in parts}) if len(ratios) == 1 else None


@record(
    "c·exp(u) − c + v = c·expm1(u) + v, c − c·cos(u) + v = 2c·sin(u/2)² + v, c − c·σ(u) + v = c·σ(−u) + v, "
    "2c·σ(u) − c + v = c·tanh(u/2) + v",
    "1 and f(u) cancel where f(u) is near 1, a half and a probability where that is near a half",
    HIGHAM,
)
def near_one(use: Use) -> Use | None:
    """An exponential, a cosine or a probability less one or a half, beside other terms and factors, or as summands."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    places = {term: n for n, (_, term) in enumerate(terms)}
    for n, (c, term) in enumerate(terms):
        for factors, bound in opened_summands(term):
            for factor, e in factors:
                target = see_through(factor)
                if not (e == 1 and isinstance(target.node, Apply) and (target.node.head, S.One) in _LESS):
                    continue
                others = [pair for pair in factors if pair[0] != factor]
                rest = product_of_powers(others, bound)
                m = places.get(rest)
                alone = rest == ONE and not bound and (len(terms) == 2 or target.node.head is sigmoid)
                less = None if m is None else _LESS.get((target.node.head, -terms[m][0] / c))
                if less is None or alone:  # which others have
                    continue
                left = [pair for k, pair in enumerate(terms) if k not in (n, m)]
                times, made = less(place(target.node.uses()[0], target.letters))
                return add([*left, (c * times, product_of_powers([*others, made], bound))])
    return None


_LESS: dict[tuple[Any, Number], Callable[[Use], tuple[Number, tuple[Use, Number]]]] = {
    (exp, S.One): lambda u: (S.One, (apply(expm1, [u]), S.One)),
    (cos, S.One): lambda u: (S(-2), (apply(sin, [scale(S.Half, u)]), S(2))),
    (sigmoid, S.One): lambda u: (S.NegativeOne, (apply(sigmoid, [scale(S.NegativeOne, u)]), S.One)),
    (ndtr, S.One): lambda u: (S.NegativeOne, (apply(ndtr, [scale(S.NegativeOne, u)]), S.One)),
    (sigmoid, S.Half): lambda u: (S.Half, (apply(tanh, [scale(S.Half, u)]), S.One)),
    (ndtr, S.Half): lambda u: (S.Half, (apply(erf, [product_of_powers([(u, S.One), (const(S(2)), -S.Half)])]), S.One)),
}
"""What a function of u is less a number: a number, a factor and its power."""


@record("log(1 + a + c − c·f(u)) = log1p(a + (c − c·f(u))) for f(u) near 1", "1 − f(u) is small there", MAECHLER)
def log_beside_one(use: Use) -> Use | None:
    """The logarithm of a number above 1 less a probability, as log(2 − p) is."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    constant = next((c for c, term in terms_of(inner) if term == ONE), S.Zero)
    if not isinstance(inner.node, Add) or constant in (0, 1):
        return None
    rest = subtract(inner, ONE)
    made = near_one(rest) or complement_in_sum(rest) or complement_of_shares(rest)
    return None if made is None else apply(log1p, [made])


@record("1 − σ(u) + f = σ(−u) + f", "1 − σ(u) is 0 beyond 37", LOGISTIC)
def complement_in_sum(use: Use) -> Use | None:
    """A number less as many times a sigmoid, beside other terms."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    counted = next((c for c, term in terms if term == ONE), None)
    for n, (c, term) in enumerate(terms):
        function = see_through(term)
        if c != counted and counted == -c and isinstance(function.node, Apply) and function.node.head is sigmoid:
            mirrored = apply(sigmoid, [scale(S.NegativeOne, place(function.node.args[0], function.letters))])
            rest = [pair for m, pair in enumerate(terms) if m != n and pair[1] != ONE]
            return add([(-c, mirrored), *rest])
    return None
