"""Differences from a mean by the shares of a softmax, x − Σ p·x, of which nothing is left where one share is near 1."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from sympy import Ne, Number, S, exp

from symgrad.functions import if_else
from symgrad.graph.build import CENTRED, ONE, SOFTMAX, ZERO, add, apply, mul, product_of_powers, reciprocal, running
from symgrad.graph.letters import relabel, sizes_of
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Letter, Node, Use
from symgrad.graph.transform import factors_of, rebuilt, see_through, terms_of
from symgrad.rewrite.record import BLANCHARD, record


@record(
    "x − Σ p·x = (x − c) − Σ p·(x − c) with c = x where the share p is largest",
    "the derivative of a softmax cancels where one share is near 1",
    BLANCHARD,
)
def centre(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """x − Σ p·x for shares p, and x·Σ w − Σ w·x for exponentials w, as one function of x and p = w/Σ w.

    So are the parts of xᵢ + xⱼ − 2·Σ p·x, off the diagonal of second derivatives.
    """
    if not isinstance(node, Add) or len(node.terms) < 2:
        return None
    made = rebuilt(node, uses)
    terms = terms_of(made) if isinstance(made.node, Add) else []
    for c, term in terms:
        for mean, kept in _means_of_factors(term):
            over = sizes_of([mean.values]).get(_OVER)
            letters = [x for x, length in sizes_of([made]).items() if x not in kept and length == over]
            found = [part for x in letters if (part := _centred(c, mean, x, terms)) is not None]
            chosen = next(([part] for part in found if part.share == 1), found)
            gone = [use for part in chosen for use in part.taken]
            if sum(part.share for part in chosen) == 1 and len({*gone}) == len(gone):
                rest = [(k, use) for k, use in terms if use not in gone and use != term]
                return add([*rest, *((-c * part.share, mul([part.centred, mean.total])) for part in chosen)])
    return None


class _Part(NamedTuple):
    """A difference from a mean, the terms that it takes the place of beside that, and its share of the mean."""

    centred: Use
    taken: list[Use]
    share: Number


def _centred(c: Number, mean: "_Mean", letter: Letter, terms: Sequence[tuple[Number, Use]]) -> _Part | None:
    """c·`mean` less c·share·x for the x of the mean at a letter; None where the terms have no such x."""
    there = {use: k for k, use in terms}
    shares, values = (relabel(part, {_OVER: letter}) for part in (mean.shares, mean.values))
    of_term = {use: -c * k for k, use in terms_of(mul([values, mean.total]))}
    ratios = {there.get(use, S.Zero) / k for use, k in of_term.items()}
    share = ratios.pop()
    if ratios or not 0 < share <= 1:
        return None
    return _Part(running(CENTRED, values, letter, shares), list(of_term), share)


_OVER = "over"


class _Mean(NamedTuple):
    """`total`·Σ p·x over a letter, with the total of what the shares are of, 1 of a softmax, and any other factors."""

    shares: Use
    values: Use
    total: Use


def _means_of_factors(use: Use) -> Iterator[tuple[_Mean, Collection[Letter]]]:
    """The ways to read a term as a mean by shares, times anything, and the letters that the mean has."""
    yield from ((mean, use.letters) for mean in _means(use))
    factors = factors_of(use)
    for n, (factor, e) in enumerate(factors) if factors[1:] else ():
        if e == 1:
            rest = product_of_powers([*factors[:n], *factors[n + 1 :]])
            yield from ((mean._replace(total=mul([mean.total, rest])), factor.letters) for mean in _means(factor))


def _means(use: Use) -> Iterator[_Mean]:
    """The ways to read a term as a mean by shares."""
    node = use.node
    if not isinstance(node, Contract) or len(node.bound) != 1:
        return
    names = {**dict(enumerate(use.letters)), node.rank: _OVER}
    factors: list[tuple[Use, Number]] = [(relabel(factor, names), e) for factor, e in node.factors]
    for n, (factor, e) in enumerate(factors):
        if not (e.is_Integer and e.is_positive) or factor.letters.count(_OVER) != 1:
            continue
        values = product_of_powers([(f, power - 1) if m == n else (f, power) for m, (f, power) in enumerate(factors)])
        shares = see_through(factor)
        if isinstance(shares.node, Apply) and shares.node.head is exp and len(factors) > 1:
            total = mul([factor], {_OVER: node.bound[0]})
            divisor = apply(if_else, [apply(Ne, [total, ZERO]), total, ONE])  # of −∞ alone there are no shares
            yield _Mean(mul([factor, reciprocal(divisor)]), values, total)
        elif _is_softmax_over(shares):
            yield _Mean(factor, values, ONE)


def _is_softmax_over(use: Use) -> bool:
    node = use.node
    if not (isinstance(node, AxisMap) and node.head == SOFTMAX):
        return False
    return [use.letters[axis] for axis in node.over] == [_OVER]
