"""Sums of blocks that are placed in zeros, as a grid of blocks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sympy import Expr, Number, S, expand

from symgrad.graph.affine import along_one
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Letter, Scatter, Use

Place = tuple[Expr, Expr]  # where a block starts along an axis, and its length


@dataclass(frozen=True)
class Grid:
    """Blocks by their places along each letter, and the places of the grid's lines along each letter."""

    letters: tuple[Letter, ...]
    blocks: dict[tuple[Place, ...], tuple[Number, Use]]
    lines: tuple[list[Place], ...]


def grid_of(node: Add) -> Grid | None:
    """The scattered blocks of a sum; None unless it has nothing else, and they lie in rows and columns without gaps."""
    blocks: dict[tuple[Place, ...], tuple[Number, Use]] = {}
    letters: tuple[Letter, ...] = ()
    sizes: tuple[Expr, ...] = ()
    for coefficient, use in node.terms:
        if not isinstance(use.node, Scatter):
            return None
        if not letters:
            letters = tuple(sorted(use.letters))
            sizes = tuple(use.node.shape[use.letters.index(letter)] for letter in letters)
        found = _places(use, letters)
        if found is None or found[0] in blocks:
            return None
        blocks[found[0]] = (coefficient, found[1])
    if len(blocks) < 2:
        return None
    lines = [_chain({corner[axis] for corner in blocks}, size) for axis, size in enumerate(sizes)]
    found_lines = tuple(line for line in lines if line is not None)
    return Grid(letters, blocks, found_lines) if len(found_lines) == len(lines) else None


def _places(use: Use, letters: Sequence[Letter]) -> tuple[tuple[Place, ...], Use] | None:
    """Where a scattered block lies along each letter, and the block over those letters."""
    node = use.node
    if not isinstance(node, Scatter) or set(use.letters) != set(letters) or len(use.letters) != len(letters):
        return None
    lengths = dict(enumerate((*node.shape, *node.bound)))
    own_places: dict[Letter, Place] = {}
    names: dict[Letter, Letter] = {}
    for letter, sub in zip(use.letters, node.subs, strict=True):
        found = along_one(sub)
        if found is None or (found[0] is not None and (found[1] != 1 or found[0] in names)):
            return None
        inner, _, start = found
        own_places[letter] = (start, S.One if inner is None else lengths[inner])
        if inner is not None:
            names[inner] = letter
    body = relabel(node.value, names)
    whole = {letter for letter, (_, length) in own_places.items() if length != 1}
    return (tuple(own_places[letter] for letter in letters), body) if set(body.letters) <= whole else None


def _chain(places: Collection[Place], size: Expr) -> list[Place] | None:
    """The places one after another from 0 to the size, without gaps; None if they are not."""
    left, at, ordered = dict(places), S.Zero, []
    if len(left) != len(places):
        return None
    while left:
        start = next((start for start in left if expand(start - at) == 0), None)
        if start is None:
            return None
        ordered.append((start, left.pop(start)))
        at += ordered[-1][1]
    return ordered if expand(at - size) == 0 else None
