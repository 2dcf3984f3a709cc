"""Sums of powers over their exponent, where that is small or large: (aˣ − bˣ)/x, log(w·aˣ + (1 − w)·bˣ)/x.

Copulas, production functions with constant elasticity of substitution, and the entropies of Tsallis and Rényi are made
of these. Near x = 0 the sum is 0 or 1, and its digits are gone; far out its terms overflow or vanish. Every exponential
is written as exp(x·l) = 1 + x·l·f(x·l) with f(u) = (exp(u) − 1)/u, which x divides.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Abs, GreaterThan, Max, Min, Number, Pow, S, StrictGreaterThan, exp, log

from symgrad.functions import constant, if_else
from symgrad.functions.logarithms import difference, finite_log, log_abs1p
from symgrad.graph.build import ONE, ZERO, add, apply, const, is_zero, mul, number, product_of_powers, subtract
from symgrad.graph.facts import is_integral, is_positive
from symgrad.graph.nodes import Add, Apply, Use
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.readings import lift_at, reading
from symgrad.rewrite.record import HIGHAM, record
from symgrad.univariate import X, order_at_zero, simplest, stable, written_out
from symgrad.univariate.over import expm1_over, log1p_over

# Sums of more terms are no textbook formula.
_MOST_TERMS = 6


class _Power(NamedTuple):
    """coefficient·weight·exp(x·rate) of the exponent x."""

    coefficient: Number
    weight: Use
    rate: Use


def over_exponent(use: Use, exponent: Use) -> Use | None:
    """A sum of powers that is 0 where the exponent is, or the logarithm of one that is 1 there, over the exponent."""
    target = see_through(use)
    if isinstance(target.node, Apply) and target.node.head is log:
        inner = see_through(place(target.node.args[0], target.letters))
        powers = _powers(inner, exponent)
        if powers:
            return _logarithm(powers, exponent) if _at_zero(powers) == ONE else None
        growth = _product_of_increments(inner, exponent)
        if growth is None:
            return None
        near = apply(StrictGreaterThan, [mul([exponent, growth]), const(-S.Half)])  # beyond, the product is near -1
        whole = apply(log_abs1p, [subtract(inner, ONE)])
        far = _far(inner, exponent) or product_of_powers([(whole, S.One), (exponent, S.NegativeOne)])
        return apply(if_else, [near, apply(log1p_over, [exponent, growth]), far])
    powers = _powers(target, exponent)
    return _increments(powers, exponent) if powers and is_zero(_at_zero(powers)) else None


def _product_of_increments(use: Use, exponent: Use) -> Use | None:
    """E of 1 + x·E, a product of sums that are 0 where the exponent x is: 1 + (aˣ − 1)·(bˣ − 1)/(cˣ − 1)."""
    rest = [(c, term) for c, term in terms_of(use) if term != ONE]
    if len(rest) != 1 or len(terms_of(use)) != 2 or number(subtract(use, add(rest))) != 1:
        return None
    ((coefficient, product),) = rest
    made: list[tuple[Use, Number]] = []
    times = S.Zero
    for factor, e in factors_of(product):
        found = reading(product_of_powers([(factor, e)])) if e.is_Integer else None
        rate, left = _multiple(found.argument, exponent) if found else (ZERO, ONE)
        order = order_at_zero(found.expr) if found and not is_zero(rate) and is_zero(left) else None
        if found and order:
            made += [(lift_at(stable(found.expr / X**order), found.argument), S.One), (rate, S(order))]
            times += order
        else:
            made.append((factor, e))
    return add([(coefficient, product_of_powers([*made, (exponent, times - 1)]))]) if times == 1 and made else None


def _far(use: Use, exponent: Use) -> Use | None:
    """log(1 + c·Π p/Π q)/x as log|Π q + c·Π p|/x − log|Π q|/x, for sums of powers p and q, each without overflow."""
    ((coefficient, product),) = [(c, term) for c, term in terms_of(use) if term != ONE]
    above, below = [_Power(coefficient, ONE, ZERO)], [_Power(S.One, ONE, ZERO)]
    for factor, e in factors_of(product):
        found = reading(product_of_powers([(factor, e)]))
        if found is None or abs(order_at_zero(found.expr) or 0) != 1:
            return None
        inverse = (order_at_zero(found.expr) or 0) < 0
        plain = written_out(found.expr)
        powers = _powers(lift_at(simplest(1 / plain if inverse else plain), found.argument), exponent)
        if powers is None:
            return None
        above, below = (above, _times(below, powers)) if inverse else (_times(above, powers), below)
    whole, divisor = _scaled([*above, *below], exponent), _scaled(below, exponent)
    if whole is None or divisor is None:
        return None
    logs = [
        (sign, product_of_powers([(apply(log, [apply(Abs, [part.rest])]), S.One), (exponent, S.NegativeOne)]))
        for sign, part in ((S.One, whole), (S.NegativeOne, divisor))
    ]
    return add([(S.One, whole.front), (S.NegativeOne, divisor.front), *logs])


def _times(one: Sequence[_Power], other: Sequence[_Power]) -> list[_Power]:
    return [
        _Power(a.coefficient * b.coefficient, mul([a.weight, b.weight]), add([(S.One, a.rate), (S.One, b.rate)]))
        for a in one
        for b in other
    ]


class _Scaled(NamedTuple):
    """exp(x·front)·rest."""

    front: Use
    rest: Use


def _scaled(powers: Sequence[_Power], exponent: Use) -> _Scaled | None:
    """A sum of powers with the largest in front."""
    weights: dict[Use, list[tuple[Number, Use]]] = {}
    for c, weight, rate in powers:
        weights.setdefault(rate, []).append((c, weight))
    left = {rate: total for rate, parts in weights.items() if not is_zero(total := add(parts))}
    if len(left) < 2 or len(left) > _MOST_TERMS:
        return None
    front = _front(list(left), exponent)
    shifted = [
        mul([weight, apply(exp, [mul([exponent, apply(difference, [rate, front])])])]) for rate, weight in left.items()
    ]
    return _Scaled(front, add([(S.One, term) for term in shifted]))


def is_sum_of_powers(use: Use, exponent: Use) -> bool:
    """Whether a sum has nothing but powers with an exponent, and numbers, whose logarithm is that of exponentials."""
    return _powers(see_through(use), exponent, strict=False) is not None


def _powers(use: Use, exponent: Use, strict: bool = True) -> list[_Power] | None:
    """The terms of a sum as powers, of what has a finite logarithm if that is `strict`; None if it is no such sum."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if not 1 < len(terms) <= _MOST_TERMS:
        return None
    found = [_power(c, term, exponent, strict) for c, term in terms]
    rates = {power.rate for power in found if power is not None}
    return [power for power in found if power is not None] if None not in found and len(rates) > 1 else None


def _power(c: Number, term: Use, exponent: Use, strict: bool) -> _Power | None:
    weights: list[tuple[Use, Number]] = []
    rates: list[Use] = []
    for factor, e in factors_of(term):
        target = see_through(factor)
        if isinstance(target.node, Apply) and target.node.head in (exp, Pow) and e == 1:
            *base, power = (place(arg, target.letters) for arg in target.node.args)
            times, rest = _multiple(power, exponent)
            if not is_zero(times):
                if base and (not _has_logarithm(base[0]) if strict else is_integral(power)):
                    return None
                rates.append(mul([times, apply(finite_log, base)]) if base else times)
                weights += [(base[0], S.One)] if base and rest == ONE else _exponential(rest, base)
                continue
        if _depends(factor, exponent):
            return None
        weights.append((factor, e))
    return _Power(c, product_of_powers(weights) if weights else ONE, add([(S.One, rate) for rate in rates]))


def _exponential(rest: Use, base: Sequence[Use]) -> list[tuple[Use, Number]]:
    """The factors of a power, or of an exponential, that of a logarithm being its argument."""
    if base or is_zero(rest):
        return [] if is_zero(rest) else [(apply(Pow, [*base, rest]), S.One)]
    made: list[tuple[Use, Number]] = []
    for c, term in terms_of(rest):
        if isinstance(term.node, Apply) and term.node.head is log:
            made.append((place(term.node.args[0], term.letters), c))
        else:
            made.append((apply(exp, [add([(c, term)])]), S.One))
    return made


def _has_logarithm(base: Use) -> bool:
    """Whether a base is positive, or what a positive number leaves of 1."""
    others = [(c, term) for c, term in terms_of(see_through(base)) if (c, term) != (S.One, ONE)]
    is_rest = len(others) == 1 and others[0][0] == -1 and is_positive(others[0][1])
    return is_positive(base) or is_rest


def _multiple(power: Use, exponent: Use) -> tuple[Use, Use]:
    """k, r with power = k·exponent + r."""
    c, first = next((pair for pair in terms_of(exponent) if pair[1] != ONE), (S.One, exponent))
    parts = dict(factors_of(first))
    times: list[tuple[Number, Use]] = []
    for d, term in terms_of(see_through(power)):
        powers = dict(factors_of(term))
        if all(powers.get(factor) == e for factor, e in parts.items()):
            left = product_of_powers([(factor, e) for factor, e in powers.items() if factor not in parts])
            times.append((d / c, left))
    whole = add(times)
    product = add([(d, mul([part, term])) for d, term in terms_of(exponent) for part in [whole]]) if times else ZERO
    return whole, subtract(power, product)


def _depends(use: Use, exponent: Use) -> bool:
    """Whether the exponent, or the term of it that it is found by, is a part of a factor."""
    first = next((term for _, term in terms_of(exponent) if term != ONE), exponent)
    stack = [use]
    while stack:
        part = stack.pop()
        if part.node == first.node:
            return True
        stack.extend(part.node.uses())
    return False


def _at_zero(powers: Sequence[_Power]) -> Use:
    return add([(power.coefficient, power.weight) for power in powers])


def _increments(powers: Sequence[_Power], exponent: Use) -> Use:
    """Σ c·(exp(x·l) − 1)/x."""
    parts = [(c, mul([weight, apply(expm1_over, [exponent, rate])])) for c, weight, rate in powers if not is_zero(rate)]
    return add(parts)


def _logarithm(powers: Sequence[_Power], exponent: Use) -> Use:
    """m + log(1 + x·Σ c·(exp(x·(l − m)) − 1)/x)/x, with the largest x·l in front, so that nothing overflows.

    It is the same for every m, so that m may be held constant.
    """
    front = _front([power.rate for power in powers], exponent)
    moved = [power._replace(rate=apply(difference, [power.rate, front])) for power in powers]
    growth = _increments(moved, exponent)
    return add([(S.One, front), (S.One, apply(log1p_over, [exponent, growth]))])


def _front(rates: Sequence[Use], exponent: Use) -> Use:
    """The rate of the largest power, held constant."""
    largest = _extreme(Max, rates)
    if not is_positive(exponent):
        at_least = apply(GreaterThan, [exponent, const(S.Zero)])
        largest = apply(if_else, [at_least, largest, _extreme(Min, rates)])
    return apply(constant, [largest])


def _extreme(head: object, uses: Sequence[Use]) -> Use:
    first, *rest = uses
    for use in rest:
        first = extremum(head, first, use)
    return first


@record(
    "(exp(x·t) − 1)/x = t·f(x·t), log(1 + x·t)/x = t·g(x·t)", "0/0 where x is 0, and digits are lost nearby", HIGHAM
)
def over_small_exponent(use: Use) -> Use | None:
    """Increments of exponentials and logarithms as functions of one argument."""
    if not (isinstance(use.node, Apply) and use.node.head in (expm1_over, log1p_over)):
        return None
    exponent, argument = (place(arg, use.letters) for arg in use.node.args)
    expr = (exp(X) - 1) / X if use.node.head is expm1_over else log(1 + X) / X
    return mul([argument, lift_at(stable(expr), mul([exponent, argument]))])
