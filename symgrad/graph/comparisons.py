"""Masks, the conditions among them that compare two indices, such as j <= i + 1, and what comparisons say of others."""

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any, NamedTuple

from sympy import And, Eq, Expr, Ge, Gt, Le, Lt, Ne, S, expand, oo

from symgrad.functions import if_else
from symgrad.graph.kinds.functions import Apply
from symgrad.graph.kinds.leaves import ONE, Range, Size
from symgrad.graph.kinds.sums import is_zero, subtract
from symgrad.graph.node import Letter, Use
from symgrad.graph.transform import place, terms_of


class Mask(NamedTuple):
    """A term is zero unless `condition` is `holds`."""

    condition: Use
    holds: bool


def without_masks(use: Use) -> tuple[list[Mask], Use]:
    """The conditions outside which a term is zero, and what it is where they hold."""
    masks: list[Mask] = []
    while isinstance(use.node, Apply) and use.node.head is if_else:
        condition, yes, no = (place(arg, use.letters) for arg in use.node.args)
        if not is_zero(no) and not is_zero(yes):
            break
        holds = is_zero(no)
        use = yes if holds else no
        both = isinstance(condition.node, Apply) and condition.node.head is And and holds
        parts = condition.node.uses() if both else [Use(condition.node, tuple(range(condition.node.rank)))]
        masks += [Mask(place(part, condition.letters), holds) for part in parts]
    return masks, use


class Comparison(NamedTuple):
    """first >= second + offset, of the positions along two letters."""

    first: Letter
    second: Letter
    offset: Expr

    def of(self, letter: Letter) -> tuple[bool, Letter, Expr]:
        """Whether a letter is bounded from below, by which one, and the offset c: letter >= other + c, or <=."""
        return (True, self.second, self.offset) if letter == self.first else (False, self.first, -self.offset)


# The signs of a - b for which a comparison of a with b holds; None is that of no number.
_SIGNS: dict[Any, frozenset[int | None]] = {
    Lt: frozenset({-1}),
    Le: frozenset({-1, 0}),
    Eq: frozenset({0}),
    Ne: frozenset({-1, 1, None}),
    Ge: frozenset({0, 1}),
    Gt: frozenset({1}),
}
_ANY = frozenset({-1, 0, 1, None})
_NEGATED = {Ge: Lt, Lt: Ge, Gt: Le, Le: Gt}


def says(one: Any, other: Any, *, holds: bool = True, wanted: bool = True, swapped: bool = False) -> bool:
    """Whether a comparison of a with b, where it `holds` or does not, says that another one does what is `wanted`.

    With `swapped` the other compares b with a. So a < b says that b >= a holds and b = a does not.
    """
    if one not in _SIGNS or other not in _SIGNS:
        return False
    given = _SIGNS[one] if holds else _ANY - _SIGNS[one]
    asked = _SIGNS[other] if wanted else _ANY - _SIGNS[other]
    return given <= ({sign and -sign for sign in asked} if swapped else asked)


def comparison(mask: Mask) -> Comparison | None:
    """What a mask says about two indices; None if it does not compare two."""
    condition, holds = mask
    node = condition.node
    if not isinstance(node, Apply) or node.head not in _NEGATED:
        return None
    left, right = (place(arg, condition.letters) for arg in node.args)
    relation = node.head if holds else _NEGATED[node.head]
    if relation in (Le, Lt):
        left, right = right, left
    signs: dict[int, Letter] = {}
    gap = S.Zero if relation in (Ge, Le) else S.NegativeOne  # of integers: a > b says a - b - 1 >= 0
    for coefficient, term in terms_of(subtract(left, right)):
        if isinstance(term.node, Range) and coefficient in (1, -1) and coefficient not in signs:
            signs[coefficient] = term.letters[0]
        elif isinstance(term.node, Size) or term.node is ONE.node:
            gap += coefficient * (term.node.value if isinstance(term.node, Size) else 1)
        else:
            return None
    return Comparison(signs[1], signs[-1], expand(-gap)) if len(signs) == 2 else None


def implied(comparisons: Iterable[Comparison], kept: Collection[Letter]) -> list[Comparison]:
    """What the comparisons say beyond themselves once the letters that are not kept stand for some position each.

    i < j and j < k hold for some j where i + 1 < k. Source: elimination of variables by Fourier and Motzkin, which is
    exact for differences of integers.
    """
    offsets = {(one.first, one.second): one.offset for one in comparisons}
    new: dict[tuple[Letter, Letter], None] = {}
    for gone in dict.fromkeys(letter for pair in offsets for letter in pair if letter not in kept):
        above = [(first, offset) for (first, second), offset in offsets.items() if second == gone]
        below = [(second, offset) for (first, second), offset in offsets.items() if first == gone]
        for (first, one), (second, other) in product(above, below):
            offset = expand(one + other)
            if first != second and not (offsets.get((first, second), -oo) - offset).is_nonnegative:
                offsets[first, second] = offset
                new[first, second] = None
    return [Comparison(*pair, offsets[pair]) for pair in new]
