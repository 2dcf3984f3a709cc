"""Quotients beside what they nearly are: 1 − a/(a + b), and powers of a quotient beside its parts."""

from collections.abc import Sequence

from sympy import Number, Pow, S

from symgrad.graph.build import ONE, add, apply, mul, product_of_powers
from symgrad.graph.comparisons import without_masks
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Const, Contract, Size, Use
from symgrad.graph.transform import factors_of, opened, place, terms_of
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opened_factors

# Sums of more terms are not searched for pairs.
_MOST_TERMS = 12


@record("c − a/(a + b) = (c·(a + b) − a)/(a + b)", "a/(a + b) is near 1 where b is small", HIGHAM)
def complement_of_share(use: Use) -> Use | None:
    """A term beside quotients by a sum, over the divisor, where terms cancel by their form: n − (n·a + x)/(a + b)."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if len(terms) > _MOST_TERMS:
        return None
    shares: dict[Use, list[int]] = {}
    for n, (_, term) in enumerate(terms):
        for factor, e in factors_of(term):
            if e == -1 and isinstance(factor.node, Add):
                shares.setdefault(factor, []).append(n)
    for divisor, places in shares.items():
        over = terms_of(add(pair for n in places for pair in _over(terms[n], divisor)))
        if any(without_masks(factor)[0] for _, part in over for factor, _ in factors_of(part)):
            continue  # the divisor may be 0 where a condition leaves the quotient out
        for m, (c, term) in enumerate(terms):
            if m in places or not set(term.letters) <= {x for _, part in over for x in part.letters}:
                continue
            left = add([*((c * d, mul([term, part])) for d, part in terms_of(divisor)), *over])
            if len(terms_of(left)) <= len(terms_of(divisor)) + len(over) - 2:
                rest = [pair for k, pair in enumerate(terms) if k != m and k not in places]
                return add([*rest, (S.One, product_of_powers([(left, S.One), (divisor, S.NegativeOne)]))])
    return None


def _over(term: tuple[Number, Use], divisor: Use) -> list[tuple[Number, Use]]:
    """The terms of what is divided."""
    c, quotient = term
    powers = [(f, e + 1 if f == divisor else e) for f, e in factors_of(quotient)]
    sums = [f for f, e in powers if e == 1 and isinstance(f.node, Add)]
    if len(sums) != 1:
        return [(c, product_of_powers(powers))]
    others = product_of_powers([pair for pair in powers if pair != (sums[0], S.One)])
    return [(c * d, mul([others, part])) for d, part in terms_of(sums[0])]


@record("a·(u + v/a) = a·u + v", "a·u beside v, of which v/a takes the digits where a is small", HIGHAM)
def multiplied_by_divisor(use: Use) -> Use | None:
    """A product with a sum that has a term divided by one of the other factors: of 1/r, what r/(r + μ) is made of."""
    node = use.node
    if not isinstance(node, Contract) or node.bound or not any(isinstance(one.node, Add) for one, _ in node.factors):
        return None
    factors = factors_of(use)
    for total, e in factors:
        if not (e.is_Integer and isinstance(total.node, Add)) or len(total.node.terms) > _MOST_TERMS:
            continue
        for divisor, power in factors:
            times = min(abs(e), abs(power))
            if divisor == total or not power.is_Integer or power * e < 0 or not _divides(divisor, total):
                continue
            product = add([(c, mul([divisor, term])) for c, term in terms_of(total)])
            sign = e / abs(e)
            left = [(f, k - sign * times) if f in (divisor, total) else (f, k) for f, k in factors]
            return product_of_powers([*left, (product, sign * times)])
    return None


def _divides(divisor: Use, total: Use) -> bool:
    """Whether terms of a sum are divided by it, all once."""
    powers = [dict(factors_of(term)).get(divisor, S.Zero) for _, term in terms_of(total)]
    return {*powers} == {S.Zero, S.NegativeOne}


@record("(a·s − b)/s² = (a − b/s)/s", "powers of s overflow or vanish where their quotients do not", HIGHAM)
def divided_in_turn(use: Use) -> Use | None:
    """A sum over a higher power of what its terms are products with, as derivatives of b/s + a·log(s) have it."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    sums = [factor for factor, e in factors if e == 1 and isinstance(factor.node, Add)]
    for divisor, power in factors:
        if not (power.is_Integer and power < -1) or isinstance(divisor.node, Const | Size):
            continue
        for total in sums:
            parts = [(c, dict(factors_of(part))) for c, part in terms_of(total)]
            powers = [part.get(divisor, S.Zero) for _, part in parts]
            most = min(max(powers), -power - 1)
            if most < 1 or not all(p.is_Integer and p >= 0 for p in powers):
                continue
            over = [
                (c, product_of_powers(list((part | {divisor: p - most}).items())))
                for (c, part), p in zip(parts, powers, strict=True)
            ]
            rest = [pair for pair in factors if pair not in ((total, S.One), (divisor, power))]
            return product_of_powers([*rest, (add(over), S.One), (divisor, power + most)], bound)
    return None


@record("bʸ⁻¹·b = bʸ for a quotient b", "b's divisor squared overflows or vanishes where its powers do not", HIGHAM)
def power_of_quotient(use: Use) -> Use | None:
    """A power of a product or quotient beside all of its factors, as derivatives have it: (x/s)ʸ⁻¹·x/s²."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    made = _raised(factors)
    if made is not None:
        return product_of_powers(made, bound)
    for n, (factor, e) in enumerate(factors):  # Σ_n (x[n]/s)ʸ⁻¹·x[n], divided by s² outside
        if e == 1 and isinstance(factor.node, Contract) and factor.node.bound and not bound:
            inner, over = opened(factor, factor.node.bound)
            rest = [pair for m, pair in enumerate(factors) if m != n]
            made = _raised([*rest, *((relabel(part, inner), power) for part, power in factor.node.factors)])
            if made is not None:
                return product_of_powers(made, over)
    return None


def _raised(factors: Sequence[tuple[Use, Number]]) -> list[tuple[Use, Number]] | None:
    """The factors with bʸ for bʸ⁻¹ and the factors of b."""
    powers = dict(factors)
    for factor, e in factors:
        if e != 1 or not isinstance(factor.node, Apply) or factor.node.head is not Pow:
            continue
        base, exponent = (place(arg, factor.letters) for arg in factor.node.args)
        parts = dict(factors_of(base))
        less = any(term == ONE and c == -1 for c, term in terms_of(exponent))
        missing = any(_is_less(powers.get(part, S.Zero), power) for part, power in parts.items())
        if len(powers) == len(factors) and len(parts) > 1 and less and not missing:
            whole = apply(Pow, [base, add([(S.One, exponent), (S.One, ONE)])])
            rest = [(other, power - parts.get(other, S.Zero)) for other, power in factors if other != factor]
            return [*rest, (whole, S.One)]
    return None


def _is_less(power: Number, wanted: Number) -> bool:
    """Whether a power of a factor does not have another one in it."""
    return bool(power * wanted <= 0 or abs(power) < abs(wanted))
