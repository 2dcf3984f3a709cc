"""Index letters: relabelling, and the canonical numbering that makes equal expressions equal nodes."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

from sympy import Expr

from symgrad.graph.node import Letter, Use, axes_from_zero
from symgrad.graph.symmetry import symmetric

# Ties between letters that look alike are broken by trying their orders; beyond this many the first order is taken
# (the result is right all the same, two spellings may then just fail to become one node).
_MAX_TIED = 4


def relabel(use: Use, mapping: Mapping[Letter, Letter]) -> Use:
    """The same use with its letters renamed; letters without an entry stay."""
    node, letters = use
    return tuple.__new__(Use, (node, tuple([mapping.get(letter, letter) for letter in letters]))) if letters else use


def place(image: Use, letters: Sequence[Letter]) -> Use:
    """A term over a node's own axes, put where the node was used with these letters."""
    node, axes = image
    if not axes:
        return image
    if axes == axes_from_zero(len(letters)):
        return tuple.__new__(Use, (node, tuple(letters)))
    return relabel(image, dict(enumerate(letters)))


def sizes_of(uses: Iterable[Use]) -> dict[Letter, Expr]:
    """The length along each letter."""
    return {letter: length for use in uses for letter, length in zip(use.letters, use.node.shape, strict=True)}


def distinct(letters: Iterable[Letter]) -> tuple[Letter, ...]:
    """The letters in order of first appearance, once each."""
    return tuple(dict.fromkeys(letters))


def free_letters(uses: Iterable[Use]) -> tuple[Letter, ...]:
    return distinct(letter for use in uses for letter in use.letters)


Item = tuple[tuple[Any, ...], Use]  # a sort key that knows no letters, and what is to be ordered


def arranged(use: Use, order: Mapping[Letter, Any]) -> tuple[Letter, ...]:
    """The letters of a use; the last two of a symmetric node in the given order."""
    return _turned(use.letters, order) if symmetric(use.node) else use.letters


def _turned(letters: tuple[Letter, ...], order: Mapping[Letter, Any]) -> tuple[Letter, ...]:
    return (*letters[:-2], *sorted(letters[-2:], key=lambda letter: order[letter]))


def numbered(use: Use, numbers: Mapping[Letter, int]) -> Use:
    """The use with its letters numbered, in the one spelling of a symmetric node."""
    return relabel(Use(use.node, arranged(use, numbers)) if symmetric(use.node) else use, numbers)


def canonical_order(items: Sequence[Item], bound: Iterable[Letter] = ()) -> tuple[list[int], dict[Letter, int]]:
    """Order the items of a commutative node and number their letters, independently of the letters' names.

    Letters are coloured by where they occur (item key, position, bound or free), refined by their neighbours' colours,
    and numbered by first appearance in the items so sorted: free letters first, then the bound ones.

    Returns
    -------
    The order of the items (positions in `items`) and the number of every letter.
    """
    bound = frozenset(bound)
    if len(items) == 1 and not symmetric(items[0][1].node):  # the letters as they come
        return [0], _in_order(distinct(items[0][1].letters), bound)
    keys = [key for key, _ in items]
    alike = [symmetric(use.node) for _, use in items]  # the last two axes of those are alike
    if len(set(keys)) == len(keys) and not any(alike):  # whatever the letters are
        order = sorted(range(len(items)), key=keys.__getitem__)
        return order, _in_order(distinct([letter for n in order for letter in items[n][1].letters]), bound)
    colours: dict[Letter, Any] = {letter: letter in bound for _, use in items for letter in use.letters}
    if not colours:
        return sorted(range(len(items)), key=lambda n: items[n][0]), {}
    for _ in range(3 if len(items) > 1 else 1):
        if len(set(colours.values())) == len(colours):  # finer colours would leave them in this order
            break
        occurrences: dict[Letter, list[Any]] = {letter: [] for letter in colours}
        for (key, use), turns in zip(items, alike, strict=True):
            around = tuple([colours[letter] for letter in (_turned(use.letters, colours) if turns else use.letters)])
            last = len(use.letters) - (2 if turns else 1)
            for position, letter in enumerate(use.letters):
                occurrences[letter].append((key, min(position, last), around))
        signature = {letter: (colours[letter], tuple(sorted(found))) for letter, found in occurrences.items()}
        ranking = {value: place for place, value in enumerate(sorted(set(signature.values())))}
        refined = {letter: (letter in bound, ranking[signature[letter]]) for letter in colours}
        if refined == colours:
            break
        colours = refined
    orders = list(_tie_breaks(colours))
    best: tuple[Any, list[int], dict[Letter, int]] | None = None
    for tie_break in orders:
        spelling = [
            _turned(use.letters, tie_break) if turns else use.letters
            for (_, use), turns in zip(items, alike, strict=True)
        ]
        order = sorted(range(len(items)), key=lambda n: (items[n][0], tuple([tie_break[x] for x in spelling[n]])))
        numbers = _in_order(distinct([letter for n in order for letter in spelling[n]]), bound)
        if len(orders) == 1:
            return order, numbers
        spelled = [numbered(items[n][1], numbers).letters for n in order]
        if best is None or spelled < best[0]:
            best = spelled, order, numbers
    assert best is not None
    return best[1], best[2]


def _in_order(letters: Sequence[Letter], bound: frozenset[Letter]) -> dict[Letter, int]:
    """The numbers of letters in their order, free ones first."""
    first = [x for x in letters if x not in bound] + [x for x in letters if x in bound] if bound else letters
    return {letter: number for number, letter in enumerate(first)}


def _tie_breaks(colours: Mapping[Letter, Any]) -> Iterable[dict[Letter, Any]]:
    """Total orders of the letters that respect the colours."""
    groups: dict[Any, list[Letter]] = {}
    for letter, colour in colours.items():
        groups.setdefault(colour, []).append(letter)
    tied = [letter for group in groups.values() if len(group) > 1 for letter in group]
    if not tied or len(tied) > _MAX_TIED:
        yield {letter: (colour, groups[colour].index(letter)) for letter, colour in colours.items()}
        return
    for order in permutations(range(len(tied))):
        place = dict(zip(tied, order, strict=True))
        yield {letter: (colour, place.get(letter, 0)) for letter, colour in colours.items()}
