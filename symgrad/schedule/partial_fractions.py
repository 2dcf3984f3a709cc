"""Quotients by two arguments of logarithms as two quotients, each beside the weight of its logarithm.

The derivative of t·log(p) + (1 − t)·log(1 − p) is (p − t)/(p·(1 − p)), 0/0 where p and t are both 0, or both
1. As (1 − t)/(1 − p) − t/p it has a weight of 0 beside each divisor of 0, where nothing is meant to be divided.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from sympy import Expr, Float, Number, S, Symbol, cancel, fraction

from symgrad.graph.build import ONE, add, product_of_powers, scale
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Contract, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import opened, own
from symgrad.rewrite.local import MAX_OPERATIONS, cluster
from symgrad.rewrite.record import record


class Divisor(NamedTuple):
    """What a product is divided by, to some power, and the weight of the logarithm of it."""

    use: Use
    power: int
    weight: Use


@record(
    "n/(p·q) = a·t/p + b·u/q, n/p = a·t/p + b, where t and u are the weights of log p and log q",
    "0/0 where a weight and the argument of its logarithm are both 0",
    "partial fractions",
)
def parts_by_weights(node: Contract, uses: Sequence[Use], pairs: Collection[tuple[Use, Use]]) -> Use | None:
    """A quotient by the arguments of logarithms, as a sum of two; `pairs` are of weights and arguments."""
    made = own(node) if tuple(uses) == node.uses() else node.rebuild(uses)
    if not isinstance(made.node, Contract) or not any(isinstance(use.node, Add) for use, _ in made.node.factors):
        return None
    names, bound = opened(made, made.node.bound)
    factors = [(relabel(factor, names), e) for factor, e in made.node.factors]
    found = list(_divisors(factors, pairs))
    for first, second in [*permutations(found, 2), *((one, _NONE) for one in found)]:
        parts = _parts(factors, first, second)
        if parts is not None:
            return product_of_powers([(parts, S.One)], bound)
    return None


_NONE = Divisor(ONE, 1, ONE)


def _divisors(factors: Sequence[tuple[Use, Number]], pairs: Collection[tuple[Use, Use]]) -> Iterator[Divisor]:
    """The divisors that are an argument of a logarithm with a weight, up to the sign."""
    for factor, e in factors:
        letters = distinct(factor.letters)
        numbered = relabel(factor, {letter: n for n, letter in enumerate(letters)})
        for weight, part in pairs if e.is_Integer and e.is_negative else ():
            if part in (numbered, scale(S.NegativeOne, numbered)):
                places = dict(enumerate(letters))
                yield Divisor(relabel(part, places), -int(e), relabel(weight, places))


def _parts(factors: Sequence[tuple[Use, Number]], first: Divisor, second: Divisor) -> Use | None:
    """a·t/p + b·u/q of the factors, if a and b are found that neither p nor q divides."""
    if first.use == second.use or first.weight == second.weight:
        return None
    leaves: dict[Use, Symbol] = {}
    room = iter(range(8 * MAX_OPERATIONS))
    terms = [product_of_powers(factors), first.use, first.weight, second.use, second.weight]
    read = [cluster(term, leaves, room) for term in terms]
    if any(part is None or part.has(Float) for part in read):
        return None
    whole, p, t, q, u = (part for part in read if part is not None)
    over_p, over_q = t / p**first.power, u / q**second.power
    for leaf in sorted(p.free_symbols - t.free_symbols, key=str):
        constant, slope = p.subs(leaf, 0), p.diff(leaf)
        if slope.has(leaf) or (second is not _NONE and not q.has(leaf)):
            continue
        a = cancel(cancel(whole / over_p).subs(leaf, -constant / slope))
        b = cancel((whole - a * over_p) / over_q)
        if _is_whole(a, leaf) and _is_whole(b, leaf):
            images = {symbol: use for use, symbol in leaves.items()}
            made = [
                product_of_powers([(lift(k, images), S.One), (one.weight, S.One), (one.use, S(-one.power))])
                for k, one in ((a, first), (b, second))
            ]
            return add([(S.One, part) for part in made])
    return None


def _is_whole(expr: Expr, leaf: Symbol) -> bool:
    """Whether an expression is not 0, and is not divided by a term of the leaf."""
    return bool(expr.is_finite is not False and expr != 0 and not fraction(expr)[1].has(leaf))
