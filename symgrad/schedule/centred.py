"""Differences from a mean by the shares of a softmax, x − Σ p·x, of which nothing is left where one share is near 1."""

from collections.abc import Iterator
from typing import NamedTuple

from sympy import Ne, Number, exp

from symgrad.functions import if_else
from symgrad.graph.build import CENTRED, ONE, SOFTMAX, ZERO, add, apply, mul, product_of_powers, reciprocal, running
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Node, Use
from symgrad.graph.transform import see_through, terms_of
from symgrad.rewrite.record import BLANCHARD, record


@record(
    "x − Σ p·x = (x − c) − Σ p·(x − c) with c = x where the share p is largest",
    "the derivative of a softmax cancels where one share is near 1",
    BLANCHARD,
)
def centre(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """x − Σ p·x for shares p, and x·Σ w − Σ w·x for exponentials w, as one function of x and p = w/Σ w."""
    if not isinstance(node, Add) or len(node.terms) < 2:
        return None
    made = node.rebuild(uses)
    terms = terms_of(made) if isinstance(made.node, Add) else []
    there = {use: c for c, use in terms}
    for c, term in terms:
        for mean in _means(term):
            for letter in made.letters:
                if letter in term.letters or _OVER not in mean.values.letters:
                    continue
                shares, values = (relabel(part, {_OVER: letter}) for part in (mean.shares, mean.values))
                of_term = {use: -c * k for k, use in terms_of(mul([values, mean.total]))}
                if all(there.get(use) == k for use, k in of_term.items()):
                    rest = [(k, use) for k, use in terms if use not in of_term and use != term]
                    centred = running(CENTRED, values, letter, shares)
                    return add([*rest, (-c, mul([centred, mean.total]))])
    return None


_OVER = "over"


class _Mean(NamedTuple):
    """`total`·Σ p·x over a letter, with the total of what the shares are of, 1 of a softmax."""

    shares: Use
    values: Use
    total: Use


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
