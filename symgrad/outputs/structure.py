"""Blocks as the arrays of a result: dense with views of diagonals, or as the factors beside common deltas.

A block on a diagonal is added to what other blocks have there, unless the two cancel: of the Hessian of logsumexp,
diag(p) − p pᵀ, the diagonal is p·(1 − p), which is what is then written there. Of what else depends on the shares of a
softmax, such as Σ p·log p, it is minus the sum of the other entries of its row.
"""

from collections.abc import Sequence

from sympy import S

from symgrad.calculus.deltas import densified
from symgrad.calculus.structure import Block, Ties, blocks, total
from symgrad.errors import UnsupportedError
from symgrad.graph.affine import along_one
from symgrad.graph.build import add
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Contract, Letter, Shape, Use
from symgrad.graph.transform import factors_of, terms_of
from symgrad.outputs.function import Array
from symgrad.rewrite.diagonals import common_difference, inwards, minus_the_others
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.pipeline import stabilise

Factors = list[tuple[Ties, list[int]]]


def is_slice(sub: Use) -> bool:
    """Whether a subscript picks a basic slice: a constant, or an index times a positive step plus a start."""
    found = along_one(sub)
    return found is not None and (found[0] is None or bool(found[1].is_Integer and found[1] > 0))


def dense(label: str, parts: Sequence[Block], shape: Shape) -> Array:
    """All entries of what `sliced` gives."""
    return Array(label, shape, joined(sliced(parts, shape), shape))


def sliced(parts: Sequence[Block], shape: Shape) -> list[Block]:
    """The blocks of all entries; those with subscripts that are data, of which no view can be taken, go into zeros."""
    return blocks(densified(total(parts, shape), is_slice), range(len(shape)))


def joined(parts: Sequence[Block], shape: Shape) -> tuple[Block, ...]:
    """The blocks in an order in which one that others cancel on its diagonal is the whole of what stands there."""
    order = sorted(parts, key=lambda part: (len(part.tied), bool(part.hits)))
    for n, part in enumerate(order):
        inside = [one for one in order[:n] if not one.hits and set(one.ties) <= set(part.ties)]
        whole = _whole(part, inside, shape) if inside and not part.hits else None
        if whole is not None:
            rest = [one for one in order if one not in inside and one != part]
            return (*inside, whole, *rest)
    return tuple(parts)


def _whole(part: Block, inside: Sequence[Block], shape: Shape) -> Block | None:
    """A block with those joined that have entries in its places, where code has another term for them together."""
    same = {column: row for row, column in part.ties}
    try:
        apart = [part.cofactor, *(inwards(relabel(one.cofactor, same)) for one in inside)]
    except UnsupportedError:  # 1/(x[i] − x[j]) at i = j: such a block is masked, and has nothing there
        return None
    together = add((S.One, term) for term in apart)
    if (common := common_difference(together)) is not None:
        return Block(part.ties, part.hits, common, whole=True)
    more = [tie for tie in part.ties if not any(tie in one.ties for one in inside)]
    everywhere = add((S.One, one.cofactor) for one in inside)
    by_others = None
    if len(more) == 1:  # the only one that they lack
        by_others = minus_the_others(together, part.cofactor, everywhere, more[0], shape[more[0][1]])
    plain, *terms = stabilise([together, *apart], Trace())
    improves = plain != add((S.One, term) for term in terms)  # as p·(1 − p) is
    if by_others is not None and not (improves and (_is_product(everywhere) or _is_sum_of(everywhere, more[0]))):
        return Block(part.ties, part.hits, by_others, whole=True)
    return Block(part.ties, part.hits, together, whole=True) if improves else None


def _is_product(use: Use) -> bool:
    """Whether a term is a multiple of a product without sums in it."""
    (_, term), *others = terms_of(use)
    return not others and not any(isinstance(one.node, Add) for one, _ in factors_of(term))


def _is_sum_of(use: Use, tie: tuple[Letter, Letter]) -> bool:
    """Whether each entry is a sum over rows, which a diagonal shares with others; a pass over all entries is more."""
    sums = [one for _, one in terms_of(use) if isinstance(one.node, Contract) and one.node.bound]
    return any({*tie} <= {*one.letters} for one in sums)


def compact(label: str, parts: Sequence[Block], shape: Shape) -> Array | tuple[Array, ...] | None:
    """The factors of a structured array beside its deltas: one array where all parts share deltas, else one a part."""
    groups = _groups(parts)
    if not groups:
        return None
    if common(parts):
        return _beside(label, parts, common(parts), shape)
    return tuple(_beside(f"{label}_{n}", group, ties, shape) for n, (ties, group) in enumerate(groups, 1))


def factors(parts: Sequence[Block]) -> Factors:
    """How the arrays of `compact` combine: for each its deltas, and its axes among those of the whole."""
    return [(ties, remaining_axes(group, ties)) for ties, group in _groups(parts)]


def _groups(parts: Sequence[Block]) -> list[tuple[Ties, Sequence[Block]]]:
    """The parts by the deltas in front of them; none where not all have deltas between axes alone."""
    if not all(part.ties and not part.hits for part in parts):
        return []
    shared = common(parts) if parts else ()
    return [(shared, parts)] if shared else [(part.ties, [part]) for part in parts]


def common(parts: Sequence[Block]) -> Ties:
    """The deltas that all parts have."""
    return tuple(tie for tie in parts[0].ties if all(tie in part.ties for part in parts))


def remaining_axes(parts: Sequence[Block], ties: Ties) -> list[int]:
    """The axes that what is left beside the deltas depends on."""
    letters = {letter for part in parts for letter in part.cofactor.letters}
    letters |= {letter for part in parts for tie in part.ties if tie not in ties for letter in tie}
    return sorted(letters)


def _beside(label: str, parts: Sequence[Block], ties: Ties, shape: Shape) -> Array:
    axes = remaining_axes(parts, ties)
    inner = [Block(tuple(tie for tie in part.ties if tie not in ties), (), part.cofactor) for part in parts]
    return _array(label, inner, axes, shape)


def _array(label: str, parts: Sequence[Block], axes: Sequence[int], shape: Shape) -> Array:
    """Blocks over some of the axes as an array that has these only."""
    numbers = {axis: place for place, axis in enumerate(axes)}
    moved = [
        Block(
            tuple((numbers[row], numbers[column]) for row, column in part.ties),
            tuple((numbers[axis], relabel(sub, numbers)) for axis, sub in part.hits),
            relabel(part.cofactor, numbers),
        )
        for part in parts
    ]
    inside = tuple(shape[axis] for axis in axes)
    return Array(label, inside, joined(moved, inside))
