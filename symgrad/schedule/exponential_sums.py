"""Sums of exponentials, w·exp(u) added up over indices or term by term, and the largest u in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce as reduced

from sympy import Expr, Max, Ne, Number, S, exp, log, oo

from symgrad.functions import MaxOver, if_else
from symgrad.graph.axes import reduce
from symgrad.graph.build import ONE, ZERO, apply, const, is_zero, product_of_powers, split_coefficient
from symgrad.graph.letters import distinct, free_letters, relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Named, Node, Use, postorder
from symgrad.graph.positive import is_positive
from symgrad.graph.transform import factors_of, own, place, see_through

SHIFTED = "shifted"  # the name of u - max u


@dataclass(frozen=True)
class Part:
    """What is added up in a sum: w·exp(u), where all of the conditions hold, over some letters."""

    argument: Use
    weight: Use
    conditions: tuple[Use, ...]
    over: Mapping[Letter, Expr]

    @property
    def plain(self) -> Use:
        """u without a coefficient."""
        return split_coefficient(self.argument)[1]

    def largest(self) -> Use:
        """The largest u of those that are added up."""
        there = self.argument
        for condition in self.conditions:
            there = apply(if_else, [condition, there, const(-oo)])
        return reduce(MaxOver, there, self.over)


@dataclass(frozen=True)
class Anchor:
    """A sum of exponentials, with a constant or without."""

    total: Node
    parts: tuple[Part, ...]
    constant: bool = False

    def largest(self) -> Use:
        """M in the letters of the sum."""
        every = [part.largest() for part in self.parts] + ([ZERO] if self.constant else [])
        return reduced(lambda one, other: apply(Max, [one, other]), every)


@dataclass(frozen=True)
class Family:
    """The exponentials exp(c·u): those of one part of the anchor. M varies along some axes of u.

    `weight`, over the axes of u, is what may be zero beside exp(u).
    """

    unit: Number
    axes: tuple[int, ...]
    weight: Use | None


def anchors(roots: Sequence[Use]) -> list[Anchor]:
    """The sums of exponentials that something is divided by, or whose logarithm is taken."""
    found: dict[Node, Anchor] = {}
    for node in postorder([use.node for use in roots]):
        parts: list[Use] = []
        if isinstance(node, Contract):
            parts = [factor for factor, exponent in node.factors if exponent.is_negative]
        elif isinstance(node, Apply) and node.head is log:
            parts = [factor for factor, _ in factors_of(see_through(node.args[0]))]
        for part in parts:
            anchor = anchor_of(see_through(part).node)
            if anchor is not None:
                found.setdefault(anchor.total, anchor)
    return list(found.values())


def anchor_of(node: Node) -> Anchor | None:
    if isinstance(node, Contract) and node.bound:
        part = _part(own(node))
        return None if part is None or not families(part.largest(), [part]) else Anchor(node, (part,))
    if not isinstance(node, Add) or len(node.terms) < 2 or not all(c.is_positive for c, _ in node.terms):
        return None
    parts = [_part(use) for _, use in node.terms if use.node is not ONE.node]
    if not parts or None in parts:
        return None
    found = Anchor(node, tuple(part for part in parts if part is not None), len(parts) < len(node.terms))
    return found if families(found.largest(), found.parts) else None


def _part(use: Use) -> Part | None:
    """A term w·exp(u) or Σ w·exp(u) with one exponential."""
    target = see_through(use)
    over: dict[Letter, Expr] = {}
    factors = [(target, S.One)]
    if isinstance(target.node, Contract):
        over = {(target.node, k): length for k, length in enumerate(target.node.bound)}
        names = dict(enumerate([*target.letters, *over]))
        factors = [(relabel(factor, names), exponent) for factor, exponent in target.node.factors]
    arguments: list[Use] = []
    conditions: list[Use] = []
    others: list[tuple[Use, Number]] = []
    for factor, exponent in factors:
        masked = see_through(factor)
        inside = [(factor, exponent)]
        if exponent == 1 and isinstance(masked.node, Apply) and masked.node.head is if_else:
            condition, yes, no = (place(arg, masked.letters) for arg in masked.node.args)
            if is_zero(no):
                inside = factors_of(see_through(yes))
                conditions.append(condition)
        for part, power in inside:
            found = see_through(part)
            is_exponential = isinstance(found.node, Apply) and found.node.head is exp and power == 1
            if is_exponential and set(over) <= set(found.letters):
                arguments.append(place(found.node.uses()[0], found.letters))
            else:
                others.append((part, power))
    if len(arguments) != 1:
        return None
    weight = product_of_powers(others)
    conditions += [] if is_positive(weight) else [apply(Ne, [weight, ZERO])]
    made = Part(arguments[0], weight, tuple(conditions), over)
    return None if isinstance(made.plain.node, Named) and made.plain.node.name == SHIFTED else made


def families(largest: Use, parts: Sequence[Part]) -> dict[Node, list[Family]]:
    """The exponentials for which it can be said at which letters M is, from those of u alone."""
    found: dict[Node, list[Family]] = {}
    for part in parts:
        letters = part.plain.letters
        inside = distinct(largest.letters)
        if len(set(letters)) == len(letters) and set(inside) | set(free_letters(part.conditions)) <= set(letters):
            axis = {letter: n for n, letter in enumerate(letters)}
            weight = None if is_positive(part.weight) else relabel(part.weight, axis)
            axes = tuple(axis[letter] for letter in inside)
            found.setdefault(part.plain.node, []).append(Family(split_coefficient(part.argument)[0], axes, weight))
    return found
