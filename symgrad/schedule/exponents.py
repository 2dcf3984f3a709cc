"""What an exponential is of the exponentials of a sum: exp(c·u + d·v + w) is made of those of u and of v.

The constructors write exp(u)·exp(v) as exp(u + v), so that the exponents have to be found again among the terms.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from sympy import Number, S, exp

from symgrad.functions import share
from symgrad.graph.build import ZERO, add, apply, is_plain, scale, sizes_of, split_coefficient, subtract
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Apply, Gather, Letter, Node, Use
from symgrad.graph.transform import own, place, terms_of
from symgrad.schedule.exponential_sums import Family, exponent_of

Key = tuple[Letter, ...]  # the letters of an M
Families = Mapping[Node, Sequence[Family]]

MOST_RANK = 3  # of an exponent that is looked for as a part of another one, at all of its letters


class Exponent(NamedTuple):
    """exp(degree·unit·u) of a family; `argument` is u, `key` the letters of M."""

    family: Family
    degree: Number
    argument: Use
    key: Key

    def placed(self, letters: Sequence[Letter]) -> "Exponent":
        return self._replace(argument=place(self.argument, letters), key=tuple(letters[k] for k in self.key))


def exponents_of(node: Node, families: Families) -> tuple[list[list[Exponent]], Use]:
    """The exponentials that one is the product of, each by all families that have it, and what else is in its exponent.

    There are none if the node is no exponential, or no family has any.
    """
    exponent = exponent_of(own(node))
    if not exponent:
        return [], ZERO
    (use,) = exponent
    whole = exponents(use, families)
    if whole or len(terms_of(split_coefficient(use)[1])) < 2:
        return [whole] if whole else [], ZERO
    for one in _places(families, use):  # of u and v, terms of which may have cancelled
        two = [exponents(one, families), exponents(subtract(use, one), families)]
        if all(two):
            return two, ZERO
    present = set(terms_of(use))
    for one in _places(families, use):  # of u beside other terms
        if len(terms_of(one)) > 1 and present.issuperset(terms_of(one)):
            return [exponents(one, families)], subtract(use, one)
    found: list[list[Exponent]] = []
    c, argument = split_coefficient(use)
    rest = [(c * d, term) for d, term in terms_of(argument)]
    for n, (d, term) in reversed(list(enumerate(rest))):
        one_term = exponents(scale(d, term), families)
        if one_term:
            found.append(one_term)
            del rest[n]
    return found, add(rest)


def _places(families: Families, use: Use) -> Iterator[Use]:
    """The exponents u of families at letters of a term."""
    lengths = sizes_of([use])
    for node, members in families.items():
        for letters in permutations(distinct(use.letters), node.rank) if node.rank <= MOST_RANK else ():
            if tuple(lengths[x] for x in letters) == node.shape:
                for unit in distinct(family.unit for family in members):
                    yield scale(unit, Use(node, letters))


def exponents(use: Use, families: Families) -> list[Exponent]:
    """What exp(use) is if it is one exponential, where u may be entries at subscripts: by each family that has it."""
    c, argument = split_coefficient(use)
    places = [(family, family.axes) for family in families.get(argument.node, ())]
    if isinstance(argument.node, Gather):
        base = families.get(argument.node.base.node, ())
        whole = [(family, whole_letters(argument.node, family.axes)) for family in base]
        places += [(family, axes) for family, axes in whole if axes is not None]
    return [
        Exponent(family, c / family.unit, argument, tuple(argument.letters[k] for k in axes))
        for family, axes in places
        if (c / family.unit).is_positive
    ]


def whole_letters(node: Gather, axes: Sequence[int]) -> Key | None:
    """The letters that go along whole axes of what is gathered from; None if one of them is at other subscripts."""
    subs = [node.subs[-1 - node.base.letters[axis]] for axis in axes]
    if not all(is_plain(sub, node.base.node.shape[axis]) for sub, axis in zip(subs, axes, strict=True)):
        return None
    return tuple(sub.letters[0] for sub in subs)


def opened_shares(factors: Sequence[tuple[Use, Number]]) -> list[tuple[Use, Number]]:
    """A product with exp(u) for a share exp(u)/(exp(u) + exp(v)) beside that sum."""
    multiplied = {factor for factor, exponent in factors if exponent.is_positive}
    found: list[tuple[Use, Number]] = []
    for factor, exponent in factors:
        if isinstance(factor.node, Apply) and factor.node.head is share:
            one, other = (apply(exp, [place(arg, factor.letters)]) for arg in factor.node.args)
            total = add([(S.One, one), (S.One, other)])
            if total in multiplied:
                found += [(one, exponent), (total, -exponent)]
                continue
        found.append((factor, exponent))
    return found
