"""Shares of sums, t/(t + u) with t, u ≥ 0, in products: what is at most 1 is divided first.

P·r/(P + r) and r²/(P + r)² are finite and not 0 where P·r, r² and (P + r)² overflow or vanish.
"""

from collections.abc import Mapping, Sequence

from sympy import Expr, Max, Min, Number, S

from symgrad.graph.build import ONE, auxiliary, number, product_of_powers, scale
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Add, Contract, Letter, Use
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import factors_of, see_through, terms_of
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opened_factors

Factors = dict[Use, Number]

# Divisors of more terms are no share of one of them.
_MOST_TERMS = 12


@record("t·u/(t + s) = u·(t/(t + s)) for s, t ≥ 0", "t·u overflows or vanishes where the quotient does not", HIGHAM)
def share_of_sum(use: Use) -> Use | None:
    """A product with a divisor of which a factor is a term, with that quotient by itself."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    powers = dict(factors)
    return _shared(powers, bound, use) or _shared_inside(powers, bound)


def _shared_inside(powers: Factors, bound: Mapping[Letter, Expr]) -> Use | None:
    """The same for a divisor inside of a sum that is a factor: t·Σ u/(t + s)² = Σ u/(t + s)·(t/(t + s)).

    Of whatever signs: what is summed vanishes where the divisor is large, whatever stands in front.
    """
    for total, e in powers.items():
        if e != 1 or not (isinstance(total.node, Contract) and total.node.bound):
            continue
        factors, over = opened_factors(total, tuple(bound))
        inner = dict(factors)
        rest = {factor: power for factor, power in powers.items() if factor != total}
        for divisor, power in inner.items():
            if not (power.is_Integer and power < -1) or not (terms := _parts_of_sum(divisor)):
                continue
            part = next((part for part in terms if part.keys() <= rest.keys() and _times(part, rest) > 0), None)
            if part is not None:
                quotient = auxiliary("share", product_of_powers([*part.items(), (divisor, S.NegativeOne)]))
                _divide(rest, part, S.One)
                made = product_of_powers([*(inner | {divisor: power + 1}).items(), (quotient, S.One)], over)
                return product_of_powers([*_nonzero(rest).items(), (made, S.One)], bound)
    return None


def _shared(powers: Factors, bound: Mapping[Letter, Expr], use: Use) -> Use | None:
    for divisor, e in powers.items():
        positive, terms = _summands(divisor) if e.is_Integer and e.is_negative else (divisor, [])
        if not terms or (e < -1 and _has_squares_of_arrays(terms, use.letters or bound)):
            continue
        parts = [(part, times) for part in terms if (times := min(_times(part, powers), -e)) > 0]
        turned = {positive if factor == divisor else factor: power for factor, power in powers.items()}
        made = _taken(turned, positive, parts) if parts else _root(turned, positive)
        if made is not None:
            sign = S.One if positive == divisor else S.NegativeOne**e
            return scale(sign, product_of_powers(list(made.items()), bound))
    return None


def _has_squares_of_arrays(terms: Sequence[Factors], letters: object) -> bool:
    """Whether a sum of arrays has squares: of (x/(x² + a))² for x²/(x² + a)² code for arrays needs no x² above."""
    return bool(letters) and any(abs(e) > 1 for term in terms for e in term.values())


def _root(powers: Factors, divisor: Use) -> Factors | None:
    """(u/(s + t))² for u²/(s + t)²."""
    whole = next((factor for factor, e in powers.items() if e >= 2), None)
    if whole is None or powers[divisor] > -2:
        return None
    left = dict(powers)
    taken = min(left[whole], -left[divisor])
    _divide(left, {whole: S.One, divisor: S.NegativeOne}, taken)
    _multiply(left, auxiliary("ratio", product_of_powers([(whole, S.One), (divisor, S.NegativeOne)])), taken)
    return _nonzero(left)


def _summands(divisor: Use) -> tuple[Use, list[Factors]]:
    """A sum with the sign that its terms are never negative with, and these as powers of their factors, but for 1."""
    total = see_through(divisor)
    terms = terms_of(total) if isinstance(total.node, Add) else []
    if not all(is_nonnegative(term) for _, term in terms):
        return divisor, []
    signs = {bool(c.is_positive) for c, _ in terms}
    positive = divisor if signs == {True} else scale(S.NegativeOne, total)
    return positive, _parts_of_sum(divisor) if len(signs) == 1 else []


def _parts_of_sum(divisor: Use) -> list[Factors]:
    """The terms of a sum as powers of their factors, but for 1."""
    total = see_through(divisor)
    terms = terms_of(total) if isinstance(total.node, Add) else []
    return [dict(factors_of(term)) for _, term in terms if term != ONE] if 1 < len(terms) <= _MOST_TERMS else []


def _times(part: Factors, powers: Factors) -> Number:
    """How often a term is a factor of a product."""
    ratios = [powers.get(factor, S.Zero) / e for factor, e in part.items()]
    return max(S.Zero, S(min(ratio.floor() if ratio.is_Rational else S.Zero for ratio in ratios)))


def _taken(powers: Factors, divisor: Use, parts: Sequence[tuple[Factors, Number]]) -> Factors | None:
    """The factors with shares of the divisor; None if they are a share alone."""
    left = dict(powers)
    (part, times), *others = parts
    if times == 1 and left[divisor] == -1 and others:
        # the larger one over the sum, which neither overflows nor vanishes
        other, _ = others[0]
        if set(part) & set(other):
            return None
        pair = [product_of_powers(list(found.items())) for found in (part, other)]
        _divide(left, part, S.One)
        _divide(left, other, S.One)
        left[divisor] += 1
        _multiply(
            left, auxiliary("share", product_of_powers([(extremum(Max, *pair), S.One), (divisor, S.NegativeOne)]))
        )
        _multiply(left, extremum(Min, *pair))
        return _nonzero(left)
    for term, most in parts:
        taken = min(_times(term, left), most, -left[divisor])
        if taken > 0:
            quotient = product_of_powers([*term.items(), (divisor, S.NegativeOne)])
            _divide(left, term, taken)
            left[divisor] += taken
            _multiply(left, auxiliary("share", quotient), taken)
    for factor in sorted(powers, key=_is_no_sum):  # what is left of the divisor, below other sums first
        if left[factor].is_positive and left[divisor] < -1:
            _divide(left, {factor: S.One}, S.One)
            left[divisor] += 1
            _multiply(left, auxiliary("ratio", product_of_powers([(factor, S.One), (divisor, S.NegativeOne)])))
    kept = _nonzero(left)
    return None if len(kept) == 1 and next(iter(kept.values())) == 1 else kept


def _is_no_sum(factor: Use) -> bool:
    return not isinstance(see_through(factor).node, Add)


def _divide(powers: Factors, part: Factors, times: Number) -> None:
    for factor, e in part.items():
        powers[factor] -= e * times


def _multiply(powers: Factors, factor: Use, times: Number = S.One) -> None:
    powers[factor] = powers.get(factor, S.Zero) + times


def _nonzero(powers: Factors) -> Factors:
    return {factor: e for factor, e in powers.items() if e and number(factor) != 1}
