"""Sums of exponentials, w·exp(u) added up over indices or term by term, and the largest u in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce as reduced

from sympy import Expr, Max, Ne, Number, S, exp, log, oo

from symgrad.functions import LargestOver, MaxOver, if_else, sigmoid, softplus
from symgrad.graph.build import (
    ONE,
    ZERO,
    apply,
    const,
    is_zero,
    product_of_powers,
    reduce,
    scale,
    sizes_of,
    split_coefficient,
)
from symgrad.graph.facts import is_positive
from symgrad.graph.infinities import may_be_all_minus_infinity
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Apply, Contract, Input, Letter, Named, Node, Past, Previous, Use, postorder
from symgrad.graph.scalar import extremum
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import factors_of, own, place, rebuilt, see_through, terms_of, transform
from symgrad.rewrite.parts_of_sums import complement_in_sum

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

    @property
    def counted(self) -> Use:
        """u where it is added up, −∞ elsewhere."""
        there = self.argument
        for condition in self.conditions:
            there = apply(if_else, [condition, there, const(-oo)])
        return there

    @property
    def compares_data(self) -> bool:
        """Whether the conditions depend on more than indices."""
        below = postorder([condition.node for condition in self.conditions])
        return any(isinstance(node, Input | Named | Past | Previous) for node in below)


@dataclass(frozen=True)
class Anchor:
    """A sum of exponentials, with a constant or without.

    M is the largest u that is added up, along the letters of the sum; with `overall` only along those that all u have,
    as none does in Σ_m [t[m] ≥ t[n]]·exp(u[m]). Terms that are subtracted do not count: the sum is positive.
    """

    total: Node
    parts: tuple[Part, ...]
    constant: bool = False
    overall: bool = False

    def largest(self) -> Use:
        """M, in the letters of the sum."""
        head = LargestOver if self.constant or len(self.parts) > 1 or self.may_be_empty() else MaxOver
        common = reduced(set[Letter].intersection, [set(part.plain.letters) for part in self.parts])
        every = [ZERO] if self.constant else []
        for part in self.parts:
            over, counted = dict(part.over), part.counted
            if self.overall:
                # by conditions on indices alone, as in Σ_{m ≥ n} exp(u[m]), every entry counts somewhere
                counted = counted if part.compares_data else part.argument
                over |= {x: length for x, length in sizes_of([counted]).items() if x not in common}
            every.append(reduce(head, counted, over))
        return reduced(lambda one, other: extremum(Max, one, other), every)

    def may_be_empty(self) -> bool:
        """Whether M may be −∞: nothing is added up, or nothing but zeros."""
        several = len(self.parts) > 1
        return not self.constant and all(
            may_be_all_minus_infinity(part.counted, part.over) or (several and bool(part.over)) for part in self.parts
        )

    def is_plain(self) -> bool:
        """Whether one of the shifted exponentials that are added up is 1, if there are any."""
        terms = self.total.terms if isinstance(self.total, Add) else ()
        return not self.overall and all(part.weight == ONE for part in self.parts) and all(c == 1 for c, _ in terms)


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


def mirrored(roots: Sequence[Use]) -> list[Use]:
    """1 - σ(u) + exp(v) as σ(-u) + exp(v), a sum of what is not negative; then 1 - σ(u) is σ(-u) elsewhere, too."""

    def in_sums(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses) if isinstance(node, Add) else None
        exponential = made and any(isinstance(use.node, Apply) and use.node.head is exp for _, use in terms_of(made))
        return complement_in_sum(made) if made and exponential else None

    def alone(node: Node, uses: tuple[Use, ...]) -> Use | None:
        terms = terms_of(rebuilt(node, uses)) if isinstance(node, Add) else []
        if len(terms) != 2 or (S.One, ONE) not in terms:
            return None
        ((c, function),) = [term for term in terms if term != (S.One, ONE)]
        if c != -1 or not isinstance(function.node, Apply) or function.node.head is not sigmoid:
            return None
        return apply(sigmoid, [scale(S.NegativeOne, place(function.node.args[0], function.letters))])

    made = transform(roots, in_sums)
    return made if made == list(roots) else transform(made, alone)


def anchor_of(node: Node) -> Anchor | None:
    terms: Sequence[tuple[Number, Use]] = node.terms if isinstance(node, Add) else [(S.One, own(node))]
    if not (len(terms) > 1 or (isinstance(node, Contract) and node.bound)):
        return None
    added = [use for c, use in terms if c.is_positive and use.node is not ONE.node]
    parts = [part for part in map(_part, added) if part is not None]
    if not parts or len(parts) < len(added) or not any(_has_exponential(use) for use in added):
        return None
    constant = any(c.is_positive and use.node is ONE.node for c, use in terms)
    for overall in (False, True):
        anchor = Anchor(node, tuple(parts), constant, overall)
        found = families(anchor.largest(), parts)
        if found and (not overall or len(found) >= len({part.plain.node for part in parts})):
            subtracted = [use for c, use in terms if not c.is_positive]
            return anchor if all(_only(use, found) for use in subtracted) else None
    return None


def _has_exponential(use: Use) -> bool:
    return any(isinstance(node, Apply) and node.head is exp for node in postorder([use.node]))


def _only(use: Use, found: Mapping[Node, list[Family]]) -> bool:
    """Whether a term has no exponentials but those of the families, and some."""
    exponentials = [node for node in postorder([use.node]) if isinstance(node, Apply) and node.head is exp]
    return bool(exponentials) and all(split_coefficient(node.args[0])[1].node in found for node in exponentials)


def _part(use: Use) -> Part | None:
    """A term w·exp(u) or Σ w·exp(u) with one exponential."""
    over: dict[Letter, Expr] = {}
    arguments: list[Use] = []
    conditions: list[Use] = []
    others: list[tuple[Use, Number]] = []
    for factor, exponent in _opened(use, over):
        masked = see_through(factor)
        inside = [(factor, exponent)]
        if exponent == 1 and isinstance(masked.node, Apply) and masked.node.head is if_else:
            condition, yes, no = (place(arg, masked.letters) for arg in masked.node.args)
            if is_zero(no):
                coefficient, body = split_coefficient(see_through(yes))
                inside = [(const(coefficient), S.One), *factors_of(body)]
                conditions.append(condition)
        for part, power in inside:
            found = see_through(part)
            exponent = exponent_of(found) if power == 1 and set(over) <= set(found.letters) else ()
            arguments += exponent
            if not exponent:
                others.append((part, power))
    if len(arguments) != 1:
        return None
    weight = product_of_powers(others)
    conditions += [] if is_positive(weight) else [apply(Ne, [weight, ZERO])]
    made = Part(arguments[0], weight, tuple(conditions), over)
    return None if isinstance(made.plain.node, Named) and made.plain.node.name == SHIFTED else made


def _opened(use: Use, over: dict[Letter, Expr]) -> list[tuple[Use, Number]]:
    """The factors of a term; those inside a sum, which is w·Σ exp(u) or Σ w·exp(u), whose letters `over` gets."""
    target = see_through(use)
    if not isinstance(target.node, Contract):
        return [(target, S.One)]
    more: dict[Letter, Expr] = {(target.node, len(over), k): length for k, length in enumerate(target.node.bound)}
    names = dict(enumerate([*target.letters, *more]))
    factors = [pair for factor, e in target.node.factors for pair in _inside_name(relabel(factor, names), e)]
    over |= more
    sums = [n for n, (factor, e) in enumerate(factors) if e == 1 and _is_sum_of_exponentials(factor)]
    if len(sums) == 1 and not any(_is_exponential(see_through(factor)) for factor, _ in factors):
        inner, _ = factors.pop(sums[0])
        factors += _opened(inner, over)
    return factors


def _inside_name(factor: Use, exponent: Number) -> list[tuple[Use, Number]]:
    """The factors of a name, a density for one, where an exponential is among them."""
    if not isinstance(factor.node, Named) or exponent != 1:
        return [(factor, exponent)]
    coefficient, product = split_coefficient(see_through(factor))
    parts = [(const(coefficient), S.One), *factors_of(product)]
    return parts if any(_is_exponential(see_through(part)) for part, _ in parts) else [(factor, exponent)]


def _is_exponential(use: Use) -> bool:
    return isinstance(use.node, Apply) and use.node.head is exp


def exponent_of(use: Use) -> tuple[Use, ...]:
    """u of exp(u), log σ(u) of a sigmoid, which is as small as an exponential; nothing of anything else."""
    node = use.node
    if not isinstance(node, Apply) or node.head not in (exp, sigmoid):
        return ()
    argument = place(node.args[0], use.letters)
    if node.head is exp:
        return (argument,)
    return (scale(S.NegativeOne, apply(softplus, [scale(S.NegativeOne, argument)])),)


def _is_sum_of_exponentials(use: Use) -> bool:
    node = see_through(use).node
    if not isinstance(node, Contract) or not node.bound:
        return False
    parts = [see_through(factor) for factor, _ in node.factors]
    masked = [part.node.args[1] for part in parts if isinstance(part.node, Apply) and part.node.head is if_else]
    return any(_is_exponential(see_through(part)) for part in (*parts, *masked))


def families(largest: Use, parts: Sequence[Part]) -> dict[Node, list[Family]]:
    """The exponentials for which it can be said at which letters M is, from those of u alone.

    Of a u that is symmetric in two indices M may be at either: exp(u[i, j]) is divided by Σ_j and by Σ_i exp(u[i, j]).
    """
    found: dict[Node, list[Family]] = {}
    for part in parts:
        letters = part.plain.letters
        inside = distinct(largest.letters)
        if len(set(letters)) == len(letters) and set(inside) <= set(letters):
            axis = {letter: n for n, letter in enumerate(letters)}
            known = not is_positive(part.weight) and set(part.weight.letters) <= set(letters)
            weight = relabel(part.weight, axis) if known else None
            unit = split_coefficient(part.argument)[0]
            family = Family(unit, tuple(axis[letter] for letter in inside), weight)
            found.setdefault(part.plain.node, []).append(family)
            if symmetric(part.plain.node):
                *_, first, second = range(len(letters))
                swap = {first: second, second: first}
                other = Family(
                    unit,
                    tuple(swap.get(n, n) for n in family.axes),
                    None if weight is None else relabel(weight, dict(enumerate(range(len(letters)))) | swap),
                )
                found[part.plain.node] += [] if other == family else [other]
    return found
