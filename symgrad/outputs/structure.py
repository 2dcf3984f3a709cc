"""Blocks as the arrays of a result: dense with views of diagonals, or as the factors beside common deltas."""

from collections.abc import Sequence

from symgrad.calculus.deltas import densified
from symgrad.calculus.structure import Block, Ties, blocks, total
from symgrad.graph.affine import along_one
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Shape, Use
from symgrad.outputs.function import Array

Factors = list[tuple[Ties, list[int]]]


def is_slice(sub: Use) -> bool:
    """Whether a subscript picks a basic slice: a constant, or an index times a positive step plus a start."""
    found = along_one(sub)
    return found is not None and (found[0] is None or bool(found[1].is_Integer and found[1] > 0))


def dense(label: str, parts: Sequence[Block], shape: Shape) -> Array:
    """All entries; blocks with subscripts that are data, of which no view can be taken, are added into zeros."""
    sliced = densified(total(parts, shape), is_slice)
    return Array(label, shape, tuple(blocks(sliced, range(len(shape)))))


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
    return Array(label, tuple(shape[axis] for axis in axes), tuple(moved))
