"""Roots of sums of squares of scalars, whose squares overflow or vanish where the roots do not."""

from sympy import Integer, Number, S, sqrt
from sympy.codegen.cfunctions import hypot

from symgrad.functions.logarithms import xdivy
from symgrad.functions.norms import reciprocal_root
from symgrad.graph.build import apply, const, mul, product_of_powers, split_coefficient
from symgrad.graph.nodes import Add, Apply, Const, Contract, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import HIGHAM, record


@record("√(u² + v²) = hypot(u, v)", "u² overflows beyond 1e154 and vanishes below 1e-162", HIGHAM)
def root_of_squares(use: Use) -> Use | None:
    """Half powers of a sum of squares of scalars by its root; arrays keep the sum, which costs less."""
    if use.letters:
        return None
    if isinstance(use.node, Apply) and use.node.head is reciprocal_root:
        root = _root(use.node.args[0])
        return None if root is None else product_of_powers([(apply(reciprocal_root, [root]), Integer(2))])
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
    root = found[0]
    for leg in found[1:]:
        root = apply(hypot, [root, leg])
    return root


def _leg(coefficient: Number, term: Use) -> Use | None:
    """√c·u for c·u², √c for c."""
    if term.letters or not coefficient.is_positive or (isinstance(term.node, Contract) and term.node.bound):
        return None
    legs = [const(sqrt(coefficient))]
    for factor, e in factors_of(term):
        node = factor.node
        if isinstance(node, Const) and node.value.is_positive:
            legs.append(const(sqrt(node.value**e)))
        elif e.is_even:
            legs.append(product_of_powers([(factor, e / 2)]))
        else:
            return None
    return mul(legs)


@record("u²/r³ = (u/r)²/r", "powers of a root of squares overflow or vanish where their quotient does not", HIGHAM)
def share_of_root(use: Use) -> Use | None:
    """Terms of a root of squares over it, each by itself: they are at most 1, and 0 where the root is 0."""
    if use.letters or not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = list(factors_of(use))
    for n, (factor, e) in enumerate(factors):
        root, times, least = _divisor(factor, e)
        if root is None or times < least:
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


def _legs(root: Use) -> list[Use]:
    """The scalars of which a root has multiples."""
    if isinstance(root.node, Apply) and root.node.head is hypot:
        return [leg for arg in root.node.args for leg in _legs(place(arg, root.letters))]
    variable = [factor for factor in factors_of(split_coefficient(root)[1]) if not isinstance(factor[0].node, Const)]
    return [factor for factor, e in variable if e == 1 and len(variable) == 1]
