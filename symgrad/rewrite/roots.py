"""Roots of sums of squares of scalars, whose squares overflow or vanish where the roots do not."""

from collections.abc import Sequence

from sympy import Integer, Number, S, log, sqrt
from sympy.codegen.cfunctions import hypot

from symgrad.functions.logarithms import xdivy
from symgrad.functions.norms import reciprocal_root
from symgrad.graph.build import (
    add,
    apply,
    auxiliary,
    const,
    mul,
    number,
    product_of_powers,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Add, Apply, Const, Contract, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import HIGHAM, record


@record("√(u² + v²) = hypot(u, v), log(u² + v²) = 2·log(hypot(u, v))", "u² overflows beyond 1e154", HIGHAM)
def root_of_squares(use: Use) -> Use | None:
    """Half powers and logarithms of a sum of squares of scalars by its root; arrays keep the sum, which costs less."""
    if use.letters:
        return None
    if isinstance(use.node, Apply) and use.node.head is reciprocal_root:
        root = _root(use.node.args[0])
        return None if root is None else product_of_powers([(apply(reciprocal_root, [root]), Integer(2))])
    if isinstance(use.node, Apply) and use.node.head is log:
        terms = terms_of(see_through(use.node.args[0]))
        root = None if any(number(term) is not None for _, term in terms) else _root(use.node.args[0])
        return None if root is None else scale(Integer(2), apply(log, [root]))
    if not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = list(factors_of(use))
    for n, (factor, e) in enumerate(factors):
        root = _root(factor) if e.is_Rational and e.q == 2 else None
        if root is not None:
            factors[n] = root, 2 * e
            return product_of_powers(factors)
    return None


def _root(use: Use) -> Use | None:
    """The root of a sum of squares, and of positive numbers, by the functions that no square in it stops."""
    total = see_through(use)
    if use.letters or not isinstance(total.node, Add):
        return None
    legs = [_leg(coefficient, see_through(term)) for coefficient, term in terms_of(total)]
    found = [leg for leg in legs if leg is not None]
    if len(found) < max(len(legs), 2):
        return None
    return _hypot(found)


def _hypot(legs: Sequence[Use]) -> Use:
    root = legs[0]
    for leg in legs[1:]:
        root = apply(hypot, [root, leg])
    return root


def _leg(coefficient: Number, term: Use, rooted: bool = False) -> Use | None:
    """√c·u for c·u², √c for c; if they may be `rooted`, √c·√s·u for c·s·u² with s > 0."""
    if term.letters or not coefficient.is_positive or (isinstance(term.node, Contract) and term.node.bound):
        return None
    legs = [const(sqrt(coefficient))]
    for factor, e in factors_of(term):
        node = factor.node
        if isinstance(node, Const) and node.value.is_positive:
            legs.append(const(sqrt(node.value**e)))
        elif e.is_even or (rooted and e.is_Integer and is_positive(factor)):
            legs.append(product_of_powers([(factor, e / 2)]))
        else:
            return None
    return mul(legs)


@record("u/(u² + v²) = (u/r)/r, u/(1 + u²/s²) = u·(s/r)² with r = hypot(u, v), hypot(u, s)", "squares overflow", HIGHAM)
def over_squares(use: Use) -> Use | None:
    """A scalar product with whole powers of a sum of squares as divisors, which are those of its root."""
    if use.letters or not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = list(factors_of(use))
    for n, (factor, e) in enumerate(factors):
        total = see_through(factor)
        if not (e.is_Integer and e.is_negative and isinstance(total.node, Add)):
            continue
        terms = [(coefficient, see_through(term)) for coefficient, term in terms_of(total)]
        if not any(abs(power) > 1 for _, term in terms for _, power in factors_of(term)):  # μ + 1/α
            continue
        legs = [leg for c, term in terms if (leg := _leg(c, term, rooted=True)) is not None]
        squares = [leg for c, term in terms if (leg := _leg(c, term)) is not None]
        below: dict[Use, Number] = {}
        for leg in legs:
            below |= {f: max(-p, below.get(f, S.Zero)) for f, p in factors_of(leg) if p.is_negative}
        common = product_of_powers(list(below.items()))
        if len(legs) < max(len(terms), 2) or not (below or len(squares) == len(legs)):
            continue
        divided = {factor for factor, power in factors if power.is_positive}
        if not below and any(number(leg) for leg in legs) and not divided & {u for leg in legs for u in _legs(leg)}:
            continue  # 1/(1 + u²) is 0 where u² overflows
        root = _hypot([mul([leg, common]) for leg in legs])
        rest = [pair for m, pair in enumerate(factors) if m != n]
        return product_of_powers([*rest, (root, 2 * e), *((f, -2 * e * p) for f, p in below.items())])
    return None


@record("(u² − v²)/w = (u − v)·(u + v)/w", "squares overflow, and cancel where u and v are near each other", HIGHAM)
def difference_of_squares(use: Use) -> Use | None:
    """Differences of two squares of scalars in quotients."""
    if use.letters or not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = list(factors_of(use))
    if not any(e.is_negative for _, e in factors):
        return None
    for n, (factor, e) in enumerate(factors):
        terms = terms_of(factor) if e == 1 and isinstance(factor.node, Add) else []
        ends = [_leg(abs(c), see_through(term)) for c, term in terms]
        if len(terms) != 2 or None in ends or terms[0][0].is_positive == terms[1][0].is_positive:
            continue
        one, other = (end for _, end in sorted(zip([c.is_negative for c, _ in terms], ends, strict=True), key=_first))
        if one is not None and other is not None and number(one) is None and number(other) is None:
            one, other = (auxiliary("diff", end) if isinstance(end.node, Add) else end for end in (one, other))
            rest = [pair for m, pair in enumerate(factors) if m != n]
            both = add([(S.One, one), (S.One, other)])
            return product_of_powers([*rest, (subtract(one, other), S.One), (both, S.One)])
    return None


def _first(pair: tuple[object, object]) -> bool:
    return bool(pair[0])


@record("u²/r³ = (u/r)²/r", "powers of a root of squares overflow or vanish where their quotient does not", HIGHAM)
def share_of_root(use: Use) -> Use | None:
    """Terms of a root of squares over it, each by itself: they are at most 1, and 0 where the root is 0."""
    if use.letters or not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = list(factors_of(use))
    for n, (factor, e) in enumerate(factors):
        root, times, least = _divisor(factor, e)
        if root is None or times < least or _is_never_zero(root):
            continue
        legs = set(_legs(root))
        for m, (other, power) in enumerate(factors):
            if other in legs and power.is_Integer and power.is_positive:
                taken = min(power, times)
                factors[m] = other, power - taken
                factors[n] = factor, e + taken if factor == root else e - 2 * taken
                return product_of_powers([*factors, (apply(xdivy, [other, root]), taken)])
    return None


def _divisor(factor: Use, exponent: Number) -> tuple[Use | None, Number, Number]:
    """The root that a factor divides by, how often it does, and how often it has to for quotients to be needed."""
    node = factor.node
    if not (isinstance(node, Apply) and exponent.is_Integer):
        return None, S.Zero, S.One
    if node.head is hypot:
        return factor, -exponent, Integer(2)
    if node.head is reciprocal_root:
        root = place(node.args[0], factor.letters)
        if isinstance(root.node, Apply) and root.node.head is hypot:
            return root, Integer(exponent // 2), S.One
    return None, S.Zero, S.One


def _is_never_zero(root: Use) -> bool:
    """Whether one of the squares is positive, so that plain quotients are finite."""
    if isinstance(root.node, Apply) and root.node.head is hypot:
        return any(_is_never_zero(place(arg, root.letters)) for arg in root.node.args)
    return is_positive(root)


def _legs(root: Use) -> list[Use]:
    """The scalars of which a root has multiples."""
    if isinstance(root.node, Apply) and root.node.head is hypot:
        return [leg for arg in root.node.args for leg in _legs(place(arg, root.letters))]
    variable = [factor for factor in factors_of(split_coefficient(root)[1]) if not isinstance(factor[0].node, Const)]
    return [factor for factor, e in variable if e == 1 and len(variable) == 1]
