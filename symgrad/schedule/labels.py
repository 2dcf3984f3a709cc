"""Sums over [n = p] with data p, such as the ends of a graph's edges: values are added at positions, or looked up.

The comparison of every index with every label takes an array over both. A value under the condition n = p is one times
[n = p], and computed for n = p only.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sympy import And, Eq, Expr, Ge, Lt, S

from symgrad.calculus.bands import masked
from symgrad.calculus.equations import where_equal
from symgrad.calculus.places import composed
from symgrad.functions import if_else
from symgrad.graph.build import ZERO, add, apply, gather, index, product_of_powers, scatter, size, sizes_of
from symgrad.graph.comparisons import Mask, without_masks
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Apply, Contract, Letter, Node, Range, Use
from symgrad.graph.transform import factors_of, place, rebuilt, terms_of, transform
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
        return _placed(made) or made

    return transform(roots, visit)


def _placed(use: Use) -> Use | None:
    """A term with all its values added at labels, and looked up by them; None if it has none."""
    made = None
    while (better := _without_hits(made or use)) is not None:
        made = better
    return made


Factor = tuple[Use, Expr]


class _Hit(NamedTuple):
    """A factor [letter = label], with its condition, the label, and when that is a position on the axis."""

    letter: Letter
    length: Expr
    condition: Use
    label: Use
    on_axis: Use

    @property
    def position(self) -> Use:
        """The label, or one beyond the axis where the label is not on it."""
        return apply(if_else, [self.on_axis, self.label, size(self.length)])

    def inside(self, use: Use) -> Use:
        """A term at the label, and zero where this is not on the axis."""
        there = apply(if_else, [self.on_axis, self.label, ZERO])
        found = composed(where_equal(use, self.condition, self.on_axis, there), {self.letter: there})
        return apply(if_else, [self.on_axis, found, ZERO])


def _hit(mask: Mask) -> _Hit | None:
    """A condition as a factor that is 1 where it holds, and 0 elsewhere."""
    node = mask.condition.node
    if not (mask.holds and isinstance(node, Apply) and node.head is Eq):
        return None
    sides = [place(side, mask.condition.letters) for side in node.args]
    for axis, label in (sides, sides[::-1]):
        if isinstance(axis.node, Range) and axis.letters[0] not in label.letters and is_label(label):
            length = axis.node.shape[0]
            on_axis = apply(And, [apply(Ge, [label, ZERO]), apply(Lt, [label, size(length)])])
            return _Hit(axis.letters[0], length, mask.condition, label, on_axis)
    return None


def _masks_of(factor: Factor) -> tuple[list[Mask], Use]:
    """The conditions outside which a factor is zero, and what it is a power of where they hold."""
    use, exponent = factor
    return without_masks(use) if exponent.is_Integer and exponent.is_positive else ([], use)


def _hits(factors: Sequence[Factor]) -> list[_Hit]:
    """The factors [letter = label] of a product."""
    masks = [mask for factor in factors for mask in _masks_of(factor)[0]]
    return [hit for mask in masks if (hit := _hit(mask)) is not None]


def _without(factor: Factor, hits: Collection[_Hit]) -> list[Factor]:
    """A factor without these conditions."""
    masks, body = _masks_of(factor)
    left = [mask for mask in masks if _hit(mask) not in hits]
    if len(left) == len(masks):
        return [factor]
    return factors_of(product_of_powers([(masked(body, left), factor[1])]))


def _without_hits(use: Use) -> Use | None:
    """A sum of products without factors [letter = label]; None if there is none to do without."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    bound = dict(enumerate(node.bound, node.rank))
    found = _hits(node.factors)
    for rule, summed in ((_added, False), (_looked_up, True)):
        hits = list({hit.letter: hit for hit in reversed(found) if (hit.letter in bound) == summed}.values())
        rest = [part for factor in node.factors for part in _without(factor, hits)]
        made = rule(hits, rest, bound) if hits else None
        if made is not None:
            return place(made, use.letters)
    made = _multiplied_out(node, bound)
    return None if made is None else place(made, use.letters)


def _multiplied_out(node: Contract, bound: Mapping[Letter, Expr]) -> Use | None:
    """Σₑ ([i = a]·f − [i = b]·g) as a sum for each label; None where a term has none, which takes the array anyway."""
    for factor, exponent in node.factors:
        terms = [(c, factors_of(term)) for c, term in terms_of(factor)]
        if exponent == 1 and len(terms) > 1 and all(_hits(factors) for _, factors in terms):
            rest = [pair for pair in node.factors if pair[0] != factor]
            placed = [(c, _placed(product_of_powers([*rest, *factors], bound))) for c, factors in terms]
            known = [(c, one) for c, one in placed if one is not None]
            if len(known) == len(terms):
                return add(known)
    return None


def _looked_up(hits: Sequence[_Hit], rest: Sequence[Factor], bound: Mapping[Letter, Expr]) -> Use | None:
    """Σ_n [n = p]·g(n): entries of g with a zero after its last one."""
    gone = {hit.letter for hit in hits}
    inside = [pair for pair in rest if gone & set(pair[0].letters)]
    outside = [pair for pair in rest if not gone & set(pair[0].letters)]
    table = product_of_powers(inside)
    if not gone <= set(table.letters) or any(gone & set(hit.position.letters) for hit in hits):
        return None
    bound = {x: n for x, n in bound.items() if x not in gone}
    if {x for hit in hits for x in hit.label.letters} & set(table.letters):
        for hit in hits:
            table = hit.inside(table)
        return product_of_powers([*outside, (table, S.One)], bound)
    longer = _extended(table, hits)
    places = {x: index(x, n) for x, n in sizes_of([longer]).items()} | {hit.letter: hit.position for hit in hits}
    found = gather(longer, [places[x] for x in longer.letters])
    return product_of_powers([*outside, (found, S.One)], bound)


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
    for hit in hits:
        value = hit.inside(value) if hit.letter in value.letters else value
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
