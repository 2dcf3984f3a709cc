"""Sums of shifted exponentials that another index ends, along one axis: Σ_m [m ≥ n]·w[m]·exp(u[m] − M[n]).

`exponentials` shifts such a sum by the largest u of each row, M[n] = max_{m ≥ n} u[m], in an array of both indices. M
is a running maximum, the sum a running one, and its adjoint runs the other way: as M falls along n, exp(u[m] − M[n]) is
exp(u[m] − M[m])·exp(M[m] − M[n]), and −M[m] is the largest −M[n] of n ≤ m.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Expr, Number, S, exp, oo

from symgrad.functions import LargestOver, finite_maximum, if_else
from symgrad.graph.build import (
    EXPONENTIALS_FROM,
    EXPONENTIALS_UP_TO,
    LARGEST_FROM,
    LARGEST_UP_TO,
    apply,
    auxiliary,
    const,
    product_of_powers,
    running,
    scale,
    sizes_of,
    subtract,
)
from symgrad.graph.comparisons import Mask, comparison, without_masks
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Named, Reduce, Use
from symgrad.graph.transform import place, terms_of
from symgrad.rewrite.record import record
from symgrad.schedule.exponential_sums import SHIFTED

Factor = tuple[Use, Number]

BLELLOCH = "Blelloch, Prefix Sums and Their Applications (1990)"


class Ended(NamedTuple):
    """What counts where `letter` is at `end` or beyond (`from_below`), or before: (u if letter >= end else −∞)."""

    condition: Use
    argument: Use
    letter: Letter
    end: Letter
    from_below: bool


def ends_at_index(condition: Use, argument: Use) -> bool:
    """Whether a condition ends the sum of what has one of its indices at the other one, on an axis as long."""
    counted = apply(if_else, [condition, argument, const(-oo)])
    return _ended(counted) is not None


@record("max_{m ≥ n} u[m] is a running maximum", "one pass over u instead of an array of m and n", BLELLOCH)
def running_largest(use: Use) -> Use | None:
    """max_{m ≥ n} u[m] as a running maximum."""
    node = use.node
    if not isinstance(node, Reduce) or node.head is not LargestOver or len(node.bound) != 1:
        return None
    found = _ended(node.arg)
    if found is None or found.letter != node.rank:
        return None
    head = LARGEST_FROM if found.from_below else LARGEST_UP_TO
    return place(relabel(running(head, found.argument, found.letter), {found.letter: found.end}), use.letters)


@record(
    "Σ_{m ≥ n} w[m]·exp(u[m] − M[n]) is a running sum, and so is its adjoint",
    "one pass over u instead of an array of m and n",
    BLELLOCH,
)
def running_sum(use: Use) -> Use | None:
    """Σ_m w[m]·exp(u[m] − M[n]), or Σ_n w[n]·exp(u[m] − M[n]), as a running sum of exponentials."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    bound: dict[Letter, Expr] = dict(enumerate(node.bound, node.rank))
    factors = list(node.factors)
    for n, (factor, e) in enumerate(factors):
        found = _shifted(factor) if e == 1 else None
        if found is None:
            continue
        others = [_plain(other, power, found.condition) for k, (other, power) in enumerate(factors) if k != n]
        made = _summed(found, others, bound) or _spread(found, others, bound)
        if made is not None:
            return place(made, use.letters)
    return None


def _summed(found: Ended, others: Sequence[Factor], bound: dict[Letter, Expr]) -> Use | None:
    """The sum over the index of u."""
    weights = _weights(found.letter, found.end, others, bound)
    if weights is None:
        return None
    head = EXPONENTIALS_FROM if found.from_below else EXPONENTIALS_UP_TO
    total = relabel(running(head, found.argument, found.letter, weights[0]), {found.letter: found.end})
    rest = {x: length for x, length in bound.items() if x != found.letter}
    return product_of_powers([*weights[1], (total, S.One)], rest)


def _spread(found: Ended, others: Sequence[Factor], bound: dict[Letter, Expr]) -> Use | None:
    """The sum over the index at which those of u end."""
    weights = _weights(found.end, found.letter, others, bound)
    if weights is None:
        return None
    largest = running(LARGEST_FROM if found.from_below else LARGEST_UP_TO, found.argument, found.letter)
    finite = apply(finite_maximum, [largest])
    down = relabel(scale(S.NegativeOne, finite), {found.letter: found.end})
    head = EXPONENTIALS_UP_TO if found.from_below else EXPONENTIALS_FROM
    total = relabel(running(head, down, found.end, weights[0]), {found.end: found.letter})
    least = apply(exp, [auxiliary(SHIFTED, subtract(found.argument, finite))])
    rest = {x: length for x, length in bound.items() if x != found.end}
    return product_of_powers([*weights[1], (least, S.One), (total, S.One)], rest)


def _weights(
    letter: Letter, kept: Letter, others: Sequence[Factor], bound: dict[Letter, Expr]
) -> tuple[Use, list[Factor]] | None:
    """What is added up along a letter, and the other factors; None if it is not bound, or both indices are in one."""
    inside = [pair for pair in others if letter in pair[0].letters]
    outside = [pair for pair in others if letter not in pair[0].letters]
    if letter not in bound or any(kept in factor.letters for factor, _ in inside):
        return None
    return product_of_powers(inside), outside


def _plain(factor: Use, exponent: Number, condition: Use) -> Factor:
    """A factor without the condition of the sum, outside of which nothing is added up."""
    masks, body = without_masks(factor) if exponent == 1 else ([], factor)
    return (body, exponent) if masks == [Mask(condition, True)] else (factor, exponent)


def _shifted(use: Use) -> Ended | None:
    """exp(u − M), M the running maximum of u."""
    node = use.node
    name = node.args[0].node if isinstance(node, Apply) and node.head is exp else None
    if not isinstance(name, Named) or name.name != SHIFTED or not isinstance(name.arg.node, Add):
        return None
    inner = place(name.arg, place(node.uses()[0], use.letters).letters)
    terms = terms_of(inner)
    counted = [_ended(term) for c, term in terms if c == 1]
    largest = [term for c, term in terms if c == -1 and getattr(term.node, "head", None) is finite_maximum]
    if len(terms) != 2 or len(largest) != 1 or not counted or counted[0] is None:
        return None
    (maximum,), found = largest[0].node.uses(), counted[0]
    below = getattr(maximum.node, "head", None)
    wanted = LARGEST_FROM if found.from_below else LARGEST_UP_TO
    same = below == wanted and maximum.node.uses()[0].node is found.argument.node
    return found if same else None


def _ended(use: Use) -> Ended | None:
    """(u[m] if m >= n else −∞) for indices m and n of equal length."""
    node = use.node
    if not isinstance(node, Apply) or node.head is not if_else:
        return None
    condition, argument, no = (place(arg, use.letters) for arg in node.args)
    said = comparison(Mask(condition, True)) if no == const(-oo) else None
    if said is None or said.offset != 0 or len(set(argument.letters)) < len(argument.letters):
        return None
    inside = [letter for letter in (said.first, said.second) if letter in argument.letters]
    sizes = sizes_of([condition])
    if len(inside) != 1 or sizes[said.first] != sizes[said.second]:
        return None
    from_below, end, _ = said.of(inside[0])
    return Ended(condition, argument, inside[0], end, from_below)
