"""Sums of logarithms and digamma functions whose leading terms cancel where a variable is large, or small.

The derivative of the negative binomial by its dispersion r is ψ(r + y) − ψ(r) − log(1 + μ/r) + (μ − y)/(r + μ): each
term is as large as 1/r, their sum as 1/r². The leading terms are rational functions, of which algebra cancels what
cancels; what is left of each function beside its leading term is a function of its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Expr, Float, Number, Poly, S, Symbol, fraction, log, loggamma, polygamma, together
from sympy.codegen.cfunctions import log1p

from symgrad.functions.gamma import polygamma_excess, polygamma_rise
from symgrad.functions.logarithms import log_growth, log_growth_excess
from symgrad.graph.build import ONE, add, apply, mul, number, product_of_powers, scale, subtract
from symgrad.graph.facts import is_nonnegative, is_positive
from symgrad.graph.nodes import Add, Apply, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.growth import growth_of, log_of
from symgrad.rewrite.local import MAX_OPERATIONS, cluster, cost
from symgrad.rewrite.polynomials import factored
from symgrad.rewrite.readings import lift_at
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import bounds_of, joined_summands, summed
from symgrad.univariate import X, stable

# Longer sums are no derivative of one density.
_MOST_TERMS = 12

_EXCESS = log(1 + X) - X / (1 + X)


class _Split(NamedTuple):
    """A term as cofactor·(leading + excess); the excess is smaller where the share vanishes."""

    cofactor: Use
    share: Use
    leading: Use
    excess: Use


@record(
    "log(1 + u) + f = (log(1 + u) − u/(1 + u)) + (f + u/(1 + u)), likewise ψ(x + d) − ψ(x) with d/(x + d)",
    "the leading terms cancel for large arguments: those of log(1 + a/x), ψ(x + b) − ψ(x) and c/(x + d)",
    HIGHAM,
)
def leading_terms(use: Use) -> Use | None:
    """A sum with logarithms and digamma functions, where their leading terms cancel each other or its other terms."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if not 1 < len(terms) <= _MOST_TERMS:
        return None
    return _cancelled(terms) or _cancelled_in_sums(terms)


def _cancelled_in_sums(terms: Sequence[tuple[Number, Use]]) -> Use | None:
    """The same among the summands of sums over the same, beside numbers of these: Σ f + Σ g + N as Σ (f + g + 1)."""
    for bound in bounds_of(terms):
        joined, outside = joined_summands(terms, bound)
        made = _cancelled(joined) if 1 < len(joined) <= _MOST_TERMS else None
        if made is not None:
            return add([*outside, (S.One, summed(made, bound))])
    return None


def _cancelled(terms: Sequence[tuple[Number, Use]]) -> Use | None:
    """The sum with its leading terms as one rational function, if they cancel; with its constant or without."""
    splits = [_split(term) for _, term in terms]
    if not any(splits):
        return None
    leaves: dict[Use, Symbol] = {}
    room = iter(range(4 * MAX_OPERATIONS))
    leads = [None if split is None else cluster(mul([split.cofactor, split.leading]), leaves, room) for split in splits]
    shares = [None if split is None else cluster(split.share, leaves, room) for split in splits]
    pairs = [(lead, share) for lead, share in zip(leads, shares, strict=True) if lead is not None and share is not None]
    known = {symbol for lead, _ in pairs for symbol in lead.free_symbols}
    parts = [
        cluster(term, leaves, room) if split is None else lead
        for (_, term), split, lead in zip(terms, splits, leads, strict=True)
    ]
    own = {symbol for leaf, symbol in leaves.items() if _has_leading_term(leaf)}
    for constants in (True, False):
        taken = [
            part is not None and not part.has(Float) and not part.free_symbols & own
            and (bool(part.free_symbols & known) or (constants and part.is_Number))
            for part in parts
        ]  # fmt: skip
        whole = sum((c * part for (c, _), part, used in zip(terms, parts, taken, strict=True) if used), S.Zero)
        if sum(taken) < 2 or cost(whole) > 2 * MAX_OPERATIONS:
            continue
        whole = factored(whole)
        if any(_is_less(whole, *pair, symbol) for pair in pairs for symbol in pair[0].free_symbols):
            kept = [pair for pair, used in zip(terms, taken, strict=True) if not used]
            excess = [
                (c, mul([split.cofactor, split.excess]))
                for (c, _), split, used in zip(terms, splits, taken, strict=True)
                if split is not None and used
            ]
            return add([*kept, *excess, (S.One, lift(whole, {symbol: leaf for leaf, symbol in leaves.items()}))])
    return None


def _has_leading_term(leaf: Use) -> bool:
    """Whether a function is no part of a rational one, since it has a leading term of its own."""
    return isinstance(leaf.node, Apply) and leaf.node.head in (
        log,
        log1p,
        log_growth,
        loggamma,
        polygamma,
        polygamma_rise,
    )


def _split(term: Use) -> _Split | None:
    """A product with one logarithm or digamma function, that taken apart."""
    factors = factors_of(term)
    for n, (function, e) in enumerate(factors):
        node = function.node
        if e != 1 or not isinstance(node, Apply) or node.head not in (log1p, log_growth, polygamma_rise):
            continue
        args = [place(arg, function.letters) for arg in node.args]
        cofactor = product_of_powers([*factors[:n], *factors[n + 1 :]])
        growth = growth_of(function) if node.head is log_growth else args[0]
        if node.head in (log1p, log_growth) and is_nonnegative(growth):
            share = product_of_powers([(growth, S.One), (add([(S.One, ONE), (S.One, growth)]), S.NegativeOne)])
            wide = node.head is log_growth
            excess = apply(log_growth_excess, args) if wide else lift_at(stable(_EXCESS, True), growth)
            return _Split(cofactor, share, share, excess)
        if node.head is polygamma_rise and number(args[0]) in (0, 1):
            _, start, step, end = args
            share = product_of_powers([(step, S.One), (end, S.NegativeOne)])
            lead = product_of_powers([(share, S.One), (start, S.NegativeOne)])
            lead = scale(S.NegativeOne, lead) if number(args[0]) else share
            return _Split(cofactor, share, lead, apply(polygamma_excess, args))
    return None


def _is_less(whole: Expr, lead: Expr, share: Expr, symbol: Symbol) -> bool:
    """Whether the sum is of a smaller order than a leading term where its share vanishes, far out or near 0."""
    if whole == 0:
        return True
    (low, high), (bottom, top), (least, most) = (_orders(part, symbol) for part in (whole, lead, share))
    return (most < 0 and high < top) or (least > 0 and low > bottom)


def _orders(expr: Expr, symbol: Symbol) -> tuple[int, int]:
    """The powers of a symbol that a rational function is like near 0 and far out."""
    over, under = (Poly(part, symbol) for part in fraction(together(expr)))
    lowest = [min(power for (power,) in part.monoms()) for part in (over, under)]
    return lowest[0] - lowest[1], over.degree() - under.degree()


@record("c·log(x + y) − c·log x = c·log1p(y/x)", "the logarithms cancel where y is small beside x", HIGHAM)
def difference_of_logarithms(use: Use) -> Use | None:
    """Logarithms of two positive terms times the same, of which one is a part of the other."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    parts = [part for pair in terms for part in _logarithms(pair)]
    for n, (c, weight, whole) in enumerate(parts):
        for m, (d, other, part) in enumerate(parts):
            if whole is None or part is None or other != weight or c * d >= 0 or n == m:
                continue
            rest = subtract(whole, part)
            shorter = len(terms_of(rest)) < len(terms_of(whole)) and len(terms_of(part)) < len(terms_of(whole))
            if not (shorter and is_positive(part) and is_positive(rest)):
                continue
            taken = min(abs(c), abs(d)) * (1 if c > 0 else -1)
            growth = log_of(product_of_powers([(rest, S.One), (part, S.NegativeOne)]))
            left = [(c - taken, weight, whole), (d + taken, other, part)]
            others = [other for k, other in enumerate(parts) if k not in (n, m)]
            return add([(taken, mul([weight, growth])), *_joined([*left, *others])])
    return None


_Part = tuple[Number, Use, Use | None]


def _logarithms(pair: tuple[Number, Use]) -> list[_Part]:
    """A term as c·weight·log(argument), one for each term of a sum that is its weight; without an argument if none."""
    c, term = pair
    factors = factors_of(term)
    for n, (function, e) in enumerate(factors):
        if e == 1 and isinstance(function.node, Apply) and function.node.head is log:
            weight = product_of_powers([*factors[:n], *factors[n + 1 :]])
            argument = see_through(place(function.node.args[0], function.letters))
            sums = [(f, power) for f, power in factors_of(weight) if isinstance(f.node, Add) and power == 1]
            if len(sums) != 1:
                return [(c, weight, argument)]
            others = product_of_powers([pair for pair in factors_of(weight) if pair != sums[0]])
            return [(c * d, mul([others, part]), argument) for d, part in terms_of(sums[0][0])]
    return [(c, term, None)]


def _joined(parts: Sequence[_Part]) -> list[tuple[Number, Use]]:
    """The terms again, those with the same logarithm as one."""
    weights: dict[Use, list[tuple[Number, Use]]] = {}
    made: list[tuple[Number, Use]] = []
    for c, weight, argument in parts:
        if argument is None:
            made.append((c, weight))
        elif c:
            weights.setdefault(argument, []).append((c, weight))
    return [*made, *((S.One, mul([add(w), apply(log, [argument])])) for argument, w in weights.items())]
