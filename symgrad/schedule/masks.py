"""Conditions on indices as factors of the sums they are in: Σⱼ ([j ≤ i]·q·k·v) rather than Σⱼ (q·k·v if j ≤ i else 0).

A product under a condition is one array over the indices of all its factors; with the condition as one more factor, the
sum is computed as any product of arrays is, two at a time. That is done where a factor has an index that the condition
lacks. What is not finite for all real numbers stays under the condition, and so does all that is under one on data; and
data that no index lets count stay left out: those over all indices of the condition stay under it by themselves, as the
entries of a packed triangle.
"""

from collections.abc import Sequence
from functools import cached_property

from sympy import Number, S

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, add, apply, is_zero, product_of_powers
from symgrad.graph.comparisons import Mask, without_masks
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Input, Named, Node, Use, postorder
from symgrad.graph.transform import factors_of, place, terms_of, transform
from symgrad.rewrite.record import record
from symgrad.schedule.conditions import Guard, guards_of
from symgrad.schedule.guards import is_quiet, is_risky
from symgrad.schedule.liveness import Liveness, liveness
from symgrad.schedule.regions import EVERYWHERE, NOWHERE, condition_of, moved
from symgrad.schedule.vanishing import Vanishing


@record(
    "(a·b if q else 0) = [q]·a·b", "no array over the indices of both a and b, where q is about indices", "definition"
)
def split_masks(roots: Sequence[Use]) -> list[Use]:
    """The terms with conditions on indices as factors."""
    risk = _Risk(roots)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Contract) or not node.bound or if_else not in node.contents:
            return None
        factors = []
        for use, (old, exponent) in zip(uses, node.factors, strict=True):
            parts = _split(use, old, risk) if exponent == 1 else None
            factors += [(use, exponent)] if parts is None else parts
        return product_of_powers(factors, dict(enumerate(node.bound, node.rank)))

    return transform(roots, visit)


class _Risk:
    """Whether products may not be finite where a condition leaves them out, and it does not show in results anyway."""

    def __init__(self, roots: Sequence[Use]) -> None:
        self._roots = roots
        self._risky: dict[Node, bool] = {}

    @cached_property
    def _live(self) -> Liveness:
        return liveness(self._roots, Vanishing(self._roots))

    def of(self, product: Use) -> bool:
        return any(
            is_risky(part.node, self._risky) and self._live.of(part.node)[1] != EVERYWHERE
            if e.is_Integer and e.is_positive
            else is_risky(product.node, self._risky)
            for part, e in factors_of(product)
        )


def _split(use: Use, old: Use, risk: _Risk) -> list[tuple[Use, Number]] | None:
    """The factors of a product under a condition on indices, first that one, or what stays under it; else None.

    `old` is the term as it was in the roots.
    """
    if not isinstance(use.node, Apply) or use.node.head is not if_else or not isinstance(old.node, Apply):
        return None
    condition, yes, no = (place(arg, use.letters) for arg in use.node.args)
    before = old.node.args[1]
    if is_zero(yes):
        yes, mask, holds = no, apply(if_else, [condition, ZERO, ONE]), False
        before = old.node.args[2]
    elif is_zero(no):
        mask, holds = apply(if_else, [condition, ONE, ZERO]), True
    else:
        return None
    of_data = any(isinstance(node, Input | Named) for node in postorder([condition.node]))
    if of_data or set(yes.letters) <= set(condition.letters) or risk.of(before):
        return None
    guards = guards_of(condition, holds)
    parts = [(part, freed(part, guards), e) for part, e in factors_of(yes)]
    known = [(free, e) for _, free, e in parts if free is not None]
    held = product_of_powers([(part, e) for part, free, e in parts if free is None])
    if len(known) == len(parts):
        return [(mask, S.One), *known]
    if not known or set(held.letters) >= set(yes.letters):
        return None
    chosen = apply(if_else, [condition, *((held, ZERO) if holds else (ZERO, held))])
    return [(chosen, S.One), *known]


def freed(use: Use, guards: Sequence[Guard]) -> Use | None:
    """What stands under conditions, beside factors that are zero where these do not hold.

    Data may hold anything where no position along the indices that they lack lets them count: they stay left out there.
    None of data over all indices of the conditions, which these have to stay on.
    """
    if not _holds_anything(use.node):
        return use
    if isinstance(use.node, Add):
        terms = [(c, freed(term, guards)) for c, term in terms_of(use)]
        known = [(c, term) for c, term in terms if term is not None]
        return add(known) if len(known) == len(terms) else None
    region = moved(frozenset([frozenset(guards)]), use)
    if region in (EVERYWHERE, NOWHERE):
        return use
    condition = place(condition_of(region), use.letters)
    if Mask(condition, True) in without_masks(use)[0]:
        return use
    if {x for guard in guards for x in guard.condition.letters} <= set(use.letters):
        return None
    return apply(if_else, [condition, use, ZERO])


def _holds_anything(node: Node) -> bool:
    """Whether a node is made of data by what takes any number without a complaint."""
    if isinstance(node, Input):
        return not node.integer
    parts = node.uses()
    if isinstance(node, Gather):
        parts = parts[:1]
    elif isinstance(node, Apply) and node.head is if_else:
        parts = parts[1:]
    return is_quiet(node) and any(_holds_anything(use.node) for use in parts)
