"""Sparse matrices of derivatives: Jacobians of any quantities by any parameters, and Hessians of the loss.

A matrix has the entries of several arrays as rows and as columns, in C order and one array behind the other. Its
entries come from `calculus.entries`, block by block. A list whose places are all among those of a longer one is added
to that, as its diagonal or in its slices; places that lists have in common and formulas do not tell are found by the
module, once for each size and data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from symgrad.calculus.deltas import at
from symgrad.calculus.entries import Entries, entries
from symgrad.calculus.structure import Block, total
from symgrad.compiler import Derivation
from symgrad.graph.build import index, is_plain
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Letter, Shape, Use
from symgrad.outputs.derivatives import derived_hessian, hessian
from symgrad.outputs.documentation import places_lines
from symgrad.outputs.function import Array, Pattern, Places, Sides, Sparse
from symgrad.outputs.jacobians import Pass, jacobian
from symgrad.outputs.structure import dense

Lists = Sequence[Entries]


def sparse_jacobian(
    derivation: Derivation, names: Sequence[Any], by: Sequence[Any], label: str, function: str
) -> Sparse:
    """The derivatives of names of `where` by parameters, as one matrix.

    Parameters
    ----------
    names, by : what its rows and what its columns are for.
    label : what its variables are called after.
    function : the name of the function of data and sizes that gives the pattern.
    """
    rows, columns = _sides(derivation.program.names, names), _sides(derivation.program.parameters, by)
    lists = {
        (n, m): lists_of(jacobian(derivation, name, q), len(shape), shape + columns[m][1])
        for n, (name, (_, shape)) in enumerate(zip(names, rows, strict=True))
        for m, q in enumerate(by)
    }
    return sparse_matrix(label, function, rows, columns, lists)


def sparse_hessian(derivation: Derivation, label: str, function: str) -> Sparse:
    """The second derivatives of the loss by all parameters, both triangles of them, as one matrix."""
    nodes = derivation.program.parameters
    order, sides = list(nodes), _sides(nodes, list(nodes))
    lists: dict[tuple[int, int], Lists] = {}
    for n, p in enumerate(order):
        for m, q in enumerate(order[n:], n):
            found = lists_of(_hessian(derivation, p, q), nodes[p].rank, nodes[p].shape + nodes[q].shape)
            lists[n, m] = found
            if n < m:
                turned = [(*one.places[nodes[p].rank :], *one.places[: nodes[p].rank]) for one in found]
                lists[m, n] = [replace(one, places=places) for one, places in zip(found, turned, strict=True)]
    return sparse_matrix(label, function, sides, sides, dict(sorted(lists.items())))


def _hessian(derivation: Derivation, p: Any, q: Any) -> Sequence[Block]:
    """∂²loss/∂p∂q with names for the derivatives of names of `where`, which other entries have in common."""
    if not derivation.program.names:
        return hessian(derivation, p, q)
    key = ("by names", p, q)
    if key not in derivation.second:
        nodes = derivation.program.parameters
        order = list(nodes)
        above = order[: order.index(q) + 1]
        passing = Pass(derivation, simplified=True)
        terms = derived_hessian(derivation, above, q, passing.settle)
        for one, term in zip(above, terms, strict=True):
            derivation.second["by names", one, q] = passing.finished(term, nodes[one].shape + nodes[q].shape)
    found: list[Block] = derivation.second[key]
    return found


def lists_of(parts: Sequence[Block], rank: int, shape: Shape) -> list[Entries]:
    """The entries of a derivative that is given as blocks over the axes of a shape, the first `rank` of them rows."""
    return entries(total(parts, shape), rank, shape)


def is_sparse(lists: Lists, rank: int) -> bool:
    """Whether no list has an entry for every row and every column of itself, by itself."""
    return all(_is_coupled(one, rank) for one in lists)


def _is_coupled(one: Entries, rank: int) -> bool:
    rows, columns = ({x for place in part for x in place.letters} for part in (one.places[:rank], one.places[rank:]))
    return bool(rows & columns) or any(not place.letters for place in one.places)


def sparse_matrix(
    label: str, function: str, rows: Sides, columns: Sides, lists: Mapping[tuple[int, int], Lists]
) -> Sparse:
    """A matrix of the entries of its blocks; see `Pattern`."""
    parts: list[Places] = []
    values: dict[tuple[Shape, tuple[Block, ...]], Array] = {}
    for block, found in lists.items():
        for outer, terms in _together(found, rows[block[0]][1] + columns[block[1]][1]):
            array = dense(f"{label}_{len(values)}", terms, outer.lengths)
            array = values.setdefault((array.shape, array.parts), array)
            number = list(values.values()).index(array)
            parts.append(Places(block, outer.lengths, outer.places, number, outer.inside))
    doc = places_lines(rows, columns, parts)
    return Sparse(label, Pattern(function, tuple(doc), rows, columns, tuple(parts)), tuple(values.values()))


def _sides(nodes: Mapping[Any, Any], of: Sequence[Any]) -> Sides:
    return tuple((nodes[one].name, nodes[one].shape) for one in of)


def _together(lists: Lists, shape: Shape) -> list[tuple[Entries, list[Block]]]:
    """Lists with those that are part of them, as blocks over their letters."""
    groups: list[tuple[Entries, list[Block]]] = []
    for one in sorted(lists, key=lambda one: -len(one.lengths)):
        for outer, blocks in groups:
            inside = _within(one, outer, shape)
            if inside is not None:
                blocks.append(inside)
                break
        else:
            groups.append((one, [Block((), (), one.value)]))
    return groups


def _within(one: Entries, outer: Entries, shape: Shape) -> Block | None:
    """A list as a block over the letters of a longer one that has all of its places; None if that has not."""
    if len(one.lengths) >= len(outer.lengths) or outer.inside:
        return None
    image: dict[Letter, Use] = {}
    for axis, (mine, place) in enumerate(zip(one.places, outer.places, strict=True)):
        if len(place.letters) != 1 or place.letters[0] in image:
            continue
        (letter,) = place.letters
        if is_plain(place, shape[axis]):
            image[letter] = mine
        elif len(mine.letters) == 1 and relabel(place, {letter: mine.letters[0]}) == mine:
            image[letter] = index(mine.letters[0], outer.lengths[letter])
    if len(image) < len(outer.lengths) or any(
        at(place, image) != mine for mine, place in zip(one.places, outer.places, strict=True)
    ):
        return None
    names: dict[Letter, Letter] = {}
    for letter, place in sorted(image.items()):
        if is_plain(place, outer.lengths[letter]):
            names.setdefault(place.letters[0], letter)
    if len(names) < len(one.lengths):
        return Block(
            (), (), Entries(one.lengths, tuple(image[n] for n in sorted(image)), one.value).term(outer.lengths)
        )
    ties, hits = [], []
    for letter, place in sorted(image.items()):
        if letter in names.values():
            continue
        if is_plain(place, outer.lengths[letter]):
            ties.append((names[place.letters[0]], letter))
        else:
            hits.append((letter, relabel(place, names)))
    return Block(tuple(ties), tuple(hits), relabel(one.value, names))
