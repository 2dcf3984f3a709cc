"""Sums over [n = p] with data p, such as the ends of a graph's edges: values are added at positions, or looked up.

The comparison of every index with every label takes an array over both.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sympy import And, Eq, Expr, Ge, Lt, S

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, apply, gather, index, is_zero, product_of_powers, scatter, size, sizes_of
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Apply, Contract, Letter, Node, Range, Use
from symgrad.graph.transform import place, rebuilt, transform
from symgrad.rewrite.record import record
from symgrad.schedule.regions import is_label


@record(
    "Σₘ [n = p(m)]·f(m) = f(m) added at p(m), and Σₙ [n = p]·g(n) = g(p)",
    "no array over all indices and all labels",
    "definition of the Kronecker delta",
)
def place_labels(roots: Sequence[Use]) -> list[Use]:
    """The terms with values added at labels, and looked up by them; a label beside the axis counts for nothing."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use:
        made = rebuilt(node, uses)
        while (better := _without_hits(made)) is not None:
            made = better
        return made

    return transform(roots, visit)


Factor = tuple[Use, Expr]


class _Hit(NamedTuple):
    """A factor [letter = label]; `position` is the label, or one beyond the axis where the label is not on it."""

    letter: Letter
    position: Use
    length: Expr


def _hit(factor: Use) -> _Hit | None:
    node = factor.node
    if not (isinstance(node, Apply) and node.head is if_else and node.args[1] == ONE and is_zero(node.args[2])):
        return None
    condition = place(node.args[0], factor.letters)
    if not (isinstance(condition.node, Apply) and condition.node.head is Eq):
        return None
    sides = [place(side, condition.letters) for side in condition.node.args]
    for axis, label in (sides, sides[::-1]):
        if isinstance(axis.node, Range) and axis.letters[0] not in label.letters and is_label(label):
            length = axis.node.shape[0]
            on_axis = apply(And, [apply(Ge, [label, ZERO]), apply(Lt, [label, size(length)])])
            return _Hit(axis.letters[0], apply(if_else, [on_axis, label, size(length)]), length)
    return None


def _without_hits(use: Use) -> Use | None:
    """A sum of products without factors [letter = label]; None if there is none to do without."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    bound = dict(enumerate(node.bound, node.rank))
    found = [(pair, _hit(pair[0]) if pair[1] == 1 else None) for pair in node.factors]
    for rule, summed in ((_added, False), (_looked_up, True)):
        hits = {hit.letter: hit for _, hit in found if hit is not None and (hit.letter in bound) == summed}
        rest = [pair for pair, hit in found if hit is None or hit not in hits.values()]
        made = rule(list(hits.values()), rest, bound) if hits else None
        if made is not None:
            return place(made, use.letters)
    return None


def _looked_up(hits: Sequence[_Hit], rest: Sequence[Factor], bound: Mapping[Letter, Expr]) -> Use | None:
    """Σ_n [n = p]·g(n): entries of g with a zero after its last one."""
    gone = {hit.letter for hit in hits}
    inside = [pair for pair in rest if gone & set(pair[0].letters)]
    outside = [pair for pair in rest if not gone & set(pair[0].letters)]
    table = product_of_powers(inside)
    if not gone <= set(table.letters) or any(gone & set(hit.position.letters) for hit in hits):
        return None
    longer = _extended(table, hits)
    places = {x: index(x, n) for x, n in sizes_of([longer]).items()} | {hit.letter: hit.position for hit in hits}
    found = gather(longer, [places[x] for x in longer.letters])
    return product_of_powers([*outside, (found, S.One)], {x: n for x, n in bound.items() if x not in gone})


def _extended(table: Use, hits: Sequence[_Hit]) -> Use:
    """The term with an entry more, which is zero, along the letters."""
    sizes = sizes_of([table])
    moved: dict[Letter, Letter] = {hit.letter: ("from", hit.letter) for hit in hits}
    places = {x: index(moved.get(x, x), n) for x, n in sizes.items()}
    shape = tuple(n + 1 if x in moved else n for x, n in sizes.items())
    bound = {moved[hit.letter]: hit.length for hit in hits}
    return scatter(relabel(table, moved), [places[x] for x in sizes], shape, list(sizes), bound)


def _added(hits: Sequence[_Hit], rest: Sequence[Factor], bound: Mapping[Letter, Expr]) -> Use | None:
    """Σ_m [n = p(m)]·f(m): f(m) added into zeros, what is beside the axis in an entry more that is cut off."""
    inside = [pair for pair in rest if set(pair[0].letters) & bound.keys()]
    outside = [pair for pair in rest if not set(pair[0].letters) & bound.keys()]
    value = product_of_powers(inside)
    places = {hit.letter: hit.position for hit in hits}
    summed = {x for use in (value, *places.values()) for x in use.letters}
    moves = all(set(position.letters) & bound.keys() for position in places.values())
    if not moves or summed & places.keys() or not bound.keys() <= summed:
        return None
    lengths = sizes_of([value, *places.values()]) | {hit.letter: hit.length + 1 for hit in hits}
    letters = [*places, *(x for x in distinct(lengths) if x not in bound and x not in places)]
    shape = tuple(lengths[x] for x in letters)
    made = scatter(value, [places.get(x) or index(x, lengths[x]) for x in letters], shape, letters, bound)
    entries = {x: index(x, lengths[x]) for x in letters} | {hit.letter: index(hit.letter, hit.length) for hit in hits}
    return product_of_powers([*outside, (gather(made, [entries[x] for x in made.letters]), S.One)])
