"""Sums over the same, and numbers of what they are over, summand by summand: of Σ f + Σ g + N these are f, g and 1."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sympy import Expr, Number, S

from symgrad.graph.build import add, mul, product_of_powers, size, summand
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Contract, Letter, Shape, Use
from symgrad.graph.transform import factors_of, opened, terms_of

Term = tuple[Number, Use]
Summand = tuple[list[tuple[Use, Number]], dict[Letter, Expr]]

# Sums of more terms are not searched for pairs.
_MOST_TERMS = 8


def bounds_of(terms: Sequence[Term]) -> list[Shape]:
    """What the terms of a sum are sums over."""
    return [bound for bound in dict.fromkeys(t.node.bound for _, t in terms if isinstance(t.node, Contract)) if bound]


def joined_summands(terms: Sequence[Term], bound: Shape) -> tuple[list[Term], list[Term]]:
    """The terms of what is summed, over letters that `summed` binds, and the terms that are no such sums."""
    letters = _letters(bound)
    inside = [(c, _summand(term, bound, letters)) for c, term in terms]
    joined = add([(c, summand) for c, summand in inside if summand is not None])
    outside = [pair for pair, (_, summand) in zip(terms, inside, strict=True) if summand is None]
    return terms_of(joined), outside


def summed(summand: Use, bound: Shape) -> Use:
    """The sum over what `joined_summands` was given."""
    return mul([summand], dict(zip(_letters(bound), bound, strict=True)))


def _letters(bound: Shape) -> list[Letter]:
    return [("joined", k) for k in range(len(bound))]


def _summand(term: Use, bound: Shape, letters: Sequence[Letter]) -> Use | None:
    """What is summed in a sum over these letters, also in a multiple of how many there are; None of anything else."""
    factors = factors_of(term)
    for n, (total, e) in enumerate(factors):
        if e == 1 and isinstance(total.node, Contract) and total.node.bound == bound:
            inside = summand(total.node)
            return mul(
                [
                    relabel(inside, dict(enumerate((*total.letters, *letters)))),
                    product_of_powers([*factors[:n], *factors[n + 1 :]]),
                ]
            )
    count = (size(bound[0]), S.One)
    if len(bound) == 1 and count in factors:
        return product_of_powers([pair for pair in factors if pair != count])
    return None


def opened_summands(term: Use) -> Iterator[Summand]:
    """The factors of a term, with the letters that it is summed over; also those inside of a sum among its factors."""
    if not (isinstance(term.node, Contract) and term.node.bound):
        yield factors_of(term), {}
    for total, e in factors_of(term):
        if e == 1 and isinstance(total.node, Contract) and total.node.bound:
            inside, bound = opened_factors(total)
            yield [*(pair for pair in factors_of(term) if pair[0] != total), *inside], bound


def opened_factors(use: Use, taken: Sequence[Letter] = ()) -> Summand:
    """The factors of a product, and the letters that it is summed over, which are none of those `taken` around it."""
    assert isinstance(use.node, Contract)
    names, bound = opened(use, use.node.bound, taken)
    return [(relabel(factor, names), e) for factor, e in use.node.factors], bound


def opposite_terms(use: Use) -> Iterator[tuple[Use, Use, Callable[[Use], Use]]]:
    """u and v of each c·u − c·v in a sum, also among its summands, and the sum with something in place of u − v."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if not 1 < len(terms) <= _MOST_TERMS:
        return
    yield from _opposite(terms, add)
    for bound in bounds_of(terms):
        joined, outside = joined_summands(terms, bound)
        if 1 < len(joined) <= _MOST_TERMS:
            yield from _opposite(joined, partial(_beside, outside, bound))


def _opposite(
    terms: Sequence[Term], whole: Callable[[Sequence[Term]], Use]
) -> Iterator[tuple[Use, Use, Callable[[Use], Use]]]:
    for n, (c, first) in enumerate(terms):
        for m, (d, second) in enumerate(terms[:n]):
            if c == -d:
                rest = [pair for k, pair in enumerate(terms) if k not in (m, n)]
                yield first, second, partial(_instead, whole, rest, c)


def _instead(whole: Callable[[Sequence[Term]], Use], rest: Sequence[Term], c: Number, made: Use) -> Use:
    return whole([*rest, (c, made)])


def _beside(outside: Sequence[Term], bound: Shape, inside: Sequence[Term]) -> Use:
    return add([*outside, (S.One, summed(add(inside), bound))])
