"""Sums of exponentials whose conditions take in another index: Σ_m [t[m] ≥ t[n]]·exp(u[m]), as of all at risk then.

Their maximum M is along an index n that u does not have, so that exp(u[m] - M[n]) is an array of both. It stands in
for exp(u[m]) under the condition: in the sum itself, and in exp(u[m])·Σ_n [t[m] ≥ t[n]]·c[n]/S[n], inside the sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sympy import Expr, Number, S, exp, oo

from symgrad.functions import LargestOver, finite_maximum, if_else
from symgrad.graph.build import ONE, apply, auxiliary, const, is_zero, number, reduce, split_coefficient, subtract
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Contract, Letter, Node, Use
from symgrad.graph.transform import factors_of, opened, place, see_through
from symgrad.schedule.exponential_sums import SHIFTED, Anchor, Family
from symgrad.schedule.running_exponentials import ends_at_index

Factor = tuple[Use, Number]


class Masked(NamedTuple):
    """A product under a condition, with an exponential of the anchor: the condition, exp(u - M), the rest, M's key."""

    condition: Use
    shifted: Use
    rest: Sequence[Factor]
    key: tuple[Letter, ...]


class Joined(NamedTuple):
    """An exponential and the condition that it goes under, other factors, and what these are summed over."""

    others: Sequence[Factor]
    masked: Masked
    bound: Mapping[Letter, Expr]


@dataclass(frozen=True)
class Rows:
    """The sum Σ_m [c[m, n]]·w·exp(u[m]): its condition, u and M, in the same letters."""

    condition: Use
    argument: Use
    largest: Use

    @property
    def families(self) -> Mapping[Node, Sequence[Family]]:
        unit, plain = split_coefficient(self.argument)
        return {plain.node: [Family(unit, (), None)]}

    def masked(self, node: Node) -> Masked | None:
        """What is added up, (w·exp(u) if c else 0), taken apart; None if the node is something else."""
        found = _choice(node)
        if found is None or found[0].node is not self.condition.node:
            return None
        condition, factors = found
        for n, (factor, e) in enumerate(factors):
            if e == 1 and self.is_exponential(factor):
                names = self._names(condition, see_through(factor))
                if names is not None:
                    return Masked(condition, self._shifted(names), [*factors[:n], *factors[n + 1 :]], self._key(names))
        return None

    def is_exponential(self, factor: Use) -> bool:
        """Whether a factor is exp(u), at any indices."""
        node = see_through(factor).node
        if not isinstance(node, Apply) or node.head is not exp:
            return False
        (unit, plain), (own_unit, own_plain) = map(split_coefficient, (node.args[0], self.argument))
        return plain.node is own_plain.node and unit == own_unit

    def pairs(self, factors: Sequence[Factor]) -> Iterator[Joined]:
        """exp(u[m]) and a factor with the condition, (f if c[m, n] else 0), or a sum Σ_n of such."""
        for n, (exponential, e) in enumerate(factors):
            if e != 1 or not self.is_exponential(exponential):
                continue
            for k, (total, power) in enumerate(factors):
                if power != 1 or k == n:
                    continue
                others = [pair for m, pair in enumerate(factors) if m not in (n, k)]
                found = self._joined(exponential, total)
                if found is not None:
                    yield found._replace(others=[*others, *found.others])

    def _joined(self, exponential: Use, total: Use) -> Joined | None:
        target = see_through(total)
        inside: list[Factor] = [(target, S.One)]
        bound: dict[Letter, Expr] = {}
        if isinstance(target.node, Contract):
            names, over = opened(target, target.node.bound)
            fresh = {letter: (target.node, letter) for letter in over}  # sums in sums have letters of their own
            bound = {fresh[letter]: length for letter, length in over.items()}
            inside = [(relabel(relabel(f, names), fresh), e) for f, e in target.node.factors]
        for n, (factor, e) in enumerate(inside):
            found = _choice(factor.node) if e == 1 else None
            if found is None or found[0].node is not self.condition.node:
                continue
            condition = place(found[0], factor.letters)
            placed = self._names(condition, see_through(exponential))
            if placed is not None:
                body = [(place(f, factor.letters), power) for f, power in found[1]]
                masked = Masked(condition, self._shifted(placed), body, self._key(placed))
                return Joined([*inside[:n], *inside[n + 1 :]], masked, bound)
        return None

    def _names(self, condition: Use, exponential: Use) -> dict[Letter, Letter] | None:
        """The letters of a condition and an exponential for those of the anchor; None if they do not go together."""
        argument = split_coefficient(place(exponential.node.uses()[0], exponential.letters))[1]
        own = (*self.condition.letters, *split_coefficient(self.argument)[1].letters)
        names: dict[Letter, Letter] = {}
        for mine, other in zip(own, (*condition.letters, *argument.letters), strict=True):
            if names.setdefault(mine, other) != other:
                return None
        there = len(set(names.values())) == len(names) and set(self.largest.letters) <= set(names)
        return names if there else None

    def _shifted(self, names: Mapping[Letter, Letter]) -> Use:
        counted = apply(if_else, [self.condition, self.argument, const(-oo)])
        shifted = subtract(counted, apply(finite_maximum, [self.largest]))
        return apply(exp, [auxiliary(SHIFTED, relabel(shifted, names))])

    def _key(self, names: Mapping[Letter, Letter]) -> tuple[Letter, ...]:
        return tuple(names[letter] for letter in dict.fromkeys(self.largest.letters))


def rows_of(anchor: Anchor) -> Rows | None:
    """The anchor as a sum under a condition that takes in another index; None if it is none."""
    if len(anchor.parts) != 1 or anchor.constant:
        return None
    (part,) = anchor.parts
    letters = set(part.plain.letters)
    outside = [c for c in part.conditions if part.weight == ONE or not set(c.letters) <= letters]
    if len(outside) != 1 or len(set(part.plain.letters)) < len(part.plain.letters) or not part.over:
        return None
    (condition,) = outside
    if len(set(condition.letters)) < len(condition.letters):
        return None
    if not part.compares_data and not ends_at_index(condition, part.argument):
        return None  # one maximum serves all rows of a cumulative sum, which an array of both indices would not be
    counted = apply(if_else, [condition, part.argument, const(-oo)])
    return Rows(condition, part.argument, reduce(LargestOver, counted, part.over))


def _choice(node: Node) -> tuple[Use, list[Factor]] | None:
    """The condition of a choice between a product and zero, and the factors of the product."""
    if not isinstance(node, Apply) or node.head is not if_else or not is_zero(node.args[2]):
        return None
    coefficient, product = split_coefficient(see_through(node.args[1]))
    return node.args[0], [(const(coefficient), S.One), *factors_of(product)]


def under(masked: Masked, image: Use) -> list[Factor]:
    """The rest of a product under the condition, and exp(u - M), which is 0 where the condition does not hold."""
    rest = image if number(image) is not None else apply(if_else, [masked.condition, image, const(S.Zero)])
    return [(rest, S.One), (masked.shifted, S.One)]
