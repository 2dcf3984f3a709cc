"""Quotients by two arguments of logarithms as two quotients, each beside the weight of its logarithm.

The derivative of t·log(p) + (1 − t)·log(1 − p) is (p − t)/(p·(1 − p)), 0/0 where p and t are both 0, or both
1. As (1 − t)/(1 − p) − t/p it has a weight of 0 beside each divisor of 0, where nothing is meant to be divided.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from sympy import Expr, Float, Number, S, Symbol, cancel, fraction

from symgrad.graph.build import ONE, add, product_of_powers, scale
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Contract, Node, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import factors_of, opened, own, rebuilt, terms_of, transform
from symgrad.rewrite.local import MAX_OPERATIONS, cluster
from symgrad.rewrite.record import record

# Quotients by more arguments of logarithms than this are of no likelihood that anyone writes.
_MOST_DIVISORS = 4

Weights = Mapping[Use, Sequence[Use]]  # of the logarithms of a term


class Divisor(NamedTuple):
    """What is divided by, and the weight of the logarithm of it."""

    use: Use
    weight: Use


@record(
    "n/(p·q) = a·t/p + b·u/q, n/p = a·t/p + b, where t and u are the weights of log p and log q",
    "0/0 where a weight and the argument of its logarithm are both 0",
    "partial fractions",
)
def parts_by_weights(roots: Sequence[Use], pairs: Collection[tuple[Use, Use]]) -> list[Use]:
    """Quotients by the arguments of logarithms as sums of two; `pairs` are of weights and arguments."""
    weights: dict[Use, list[Use]] = {}
    for weight, part in pairs:
        weights.setdefault(part, []).append(weight)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Add | Contract):
            return None
        made = rebuilt(node, uses)
        return _taken_apart(own(node), weights) or _taken_apart(made, weights)

    return transform(transform(roots, visit), visit)  # once more, for what has been put back into whole clusters


def _taken_apart(use: Use, weights: Weights) -> Use | None:
    node = use.node
    if not isinstance(node, Add | Contract):
        return None
    names, bound = opened(use, node.bound if isinstance(node, Contract) else ())
    body = product_of_powers([(relabel(part, names), e) for part, e in _factors(node)])
    if not any(isinstance(part.node, Add) for part, _ in _factors(node)):
        return None
    found = list(dict.fromkeys(_divisors(body, weights)))
    if len(found) > _MOST_DIVISORS:
        return None
    for first, second in [*permutations(found, 2), *((one, _NONE) for one in found)]:
        parts = _parts(body, first, second)
        if parts is not None and parts != body:
            return product_of_powers([(parts, S.One)], bound)
    return None


_NONE = Divisor(ONE, ONE)


def _factors(node: Add | Contract) -> Sequence[tuple[Use, Number]]:
    return node.factors if isinstance(node, Contract) else [(own(node), S.One)]


def _divisors(use: Use, weights: Weights) -> Iterator[Divisor]:
    """What is divided by in a term, or in terms of a sum, and is an argument of a logarithm, up to the sign."""
    if isinstance(use.node, Contract) and use.node.bound:
        return
    if isinstance(use.node, Add):
        for _, term in terms_of(use):
            yield from _divisors(term, weights)
        return
    for factor, e in factors_of(use):
        if isinstance(factor.node, Add) and e.is_positive:
            yield from _divisors(factor, weights)
        if e.is_Integer and e.is_negative:
            letters = distinct(factor.letters)
            numbered = relabel(factor, {letter: n for n, letter in enumerate(letters)})
            places = dict(enumerate(letters))
            for part in (numbered, scale(S.NegativeOne, numbered)):
                for weight in weights.get(part, ()):
                    yield Divisor(relabel(part, places), relabel(weight, places))


def _parts(body: Use, first: Divisor, second: Divisor) -> Use | None:
    """a·t/pᵏ + b·u/qᵐ of a term, if a and b are found that neither p nor q divides."""
    if first.use in (second.use, scale(S.NegativeOne, second.use)) or first.weight == second.weight:
        return None
    leaves: dict[Use, Symbol] = {}
    room = iter(range(8 * MAX_OPERATIONS))
    read = [cluster(term, leaves, room) for term in (body, *first, *second)]
    if any(part is None or part.has(Float) for part in read):
        return None
    whole, p, t, q, u = (part for part in read if part is not None)
    divisor = fraction(cancel(whole))[1]
    powers = [_power(divisor, part) for part in (p, q)]
    if powers[0] == 0 or (second is not _NONE and powers[1] == 0):
        return None
    over_p, over_q = t / p ** powers[0], u / q ** powers[1]
    for leaf in sorted(p.free_symbols - t.free_symbols, key=str):
        constant, slope = p.subs(leaf, 0), p.diff(leaf)
        if slope.has(leaf) or (second is not _NONE and not q.has(leaf)):
            continue
        a = cancel(cancel(whole / over_p).subs(leaf, -constant / slope))
        b = cancel((whole - a * over_p) / over_q)
        # a weight that its own part divides by is none
        if _is_whole(a, leaf) and _is_whole(b, leaf) and not (_power(fraction(a)[1], t) or _power(fraction(b)[1], u)):
            images = {symbol: use for use, symbol in leaves.items()}
            made = [
                product_of_powers([(lift(k, images), S.One), (one.weight, S.One), (one.use, S(-power))])
                for k, one, power in zip((a, b), (first, second), powers, strict=True)
            ]
            return add([(S.One, part) for part in made])
    return None


def _power(divisor: Expr, part: Expr) -> int:
    """How often a part divides what is divided by."""
    found = 0
    while part.free_symbols and fraction(cancel(divisor / part))[1].is_number:
        divisor, found = cancel(divisor / part), found + 1
    return found


def _is_whole(expr: Expr, leaf: Symbol) -> bool:
    """Whether an expression is not 0, and is not divided by a term of the leaf."""
    return bool(expr.is_finite is not False and expr != 0 and not fraction(expr)[1].has(leaf))
