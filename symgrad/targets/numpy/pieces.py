"""Terms under conditions on one index, and neighbours beside ends, as parts of an array with terms of their own.

`r[:1] = a[:1]`, `r[1:] = u[:N - 1]` for the choice of a at i = 0 and of the neighbour u[i − 1] elsewhere: no mask is
made and compared, no array padded, and each term is computed where it is chosen. What is needed in full somewhere else
is computed there, and read in slices.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sympy import Expr, S, expand

from symgrad.calculus.places import composed
from symgrad.frontend.program import Program
from symgrad.functions import if_else
from symgrad.graph.affine import affine, sliced
from symgrad.graph.build import ZERO, add, is_zero, product_of_powers, scatter, size
from symgrad.graph.kinds.loops import Loop
from symgrad.graph.kinds.pieces import Part, Pieces, pieces
from symgrad.graph.kinds.solutions import Solving
from symgrad.graph.kinds.subscripts import is_plain
from symgrad.graph.letters import relabel, sizes_of
from symgrad.graph.nodes import (
    Add,
    Apply,
    Contract,
    Gather,
    Input,
    Letter,
    Node,
    Scatter,
    Use,
    postorder,
)
from symgrad.graph.transform import own, place, transform
from symgrad.targets.numpy.ranges import Paint, Sizes, Slice
from symgrad.targets.numpy.restricted import Restricted

_MOST_PIECES = 6  # each of them is a statement, with operations of its own
_MOST_ROUNDS = 8


def in_pieces(roots: Sequence[Use], program: Program) -> list[Use]:
    """The terms with choices by ranges, and padded arrays, as parts of arrays; each round sees what the last made.

    Those of functions with loops stay.
    """
    kinds = frozenset[Any]().union(*(use.node.contents for use in roots))
    if kinds & {Loop, Solving} or not (if_else in kinds or {Gather, Scatter} <= kinds):
        return list(roots)
    known = dict(program.minimum_sizes)
    for length in program.lengths:
        (symbol, *more) = length.free_symbols
        if not more and (length - symbol).is_Integer:
            known[symbol] = max(known.get(symbol, 0), int(symbol - length))
    sizes, current = Sizes(known), list(roots)
    for _ in range(_MOST_ROUNDS):
        made = _Round(current, sizes).made()
        if made == current:
            break
        current = made
    return current


class _Round:
    """Rebuilds the terms, each node from what it was before the round."""

    def __init__(self, roots: Sequence[Use], sizes: Sizes) -> None:
        self._roots, self.sizes = roots, sizes
        self._images: dict[Node, Use | None] = {}
        nodes = list(postorder([use.node for use in roots]))
        # whole axes: of those in a range there may be fewer entries than the difference of its ends says
        self._lengths = {side for node in nodes if isinstance(node, Input) for side in node.shape}
        subs = [sub.node for node in nodes if isinstance(node, Gather | Scatter) for sub in node.subs]
        self._positions = set(postorder(subs))
        self._choices = {
            node
            for node in nodes
            if isinstance(node, Apply)
            and node.head is if_else
            and node not in self._positions  # which are whole numbers
            and sizes.painting(node.args[0]) is not None
        }
        self._whole = set(postorder([use.node for use in roots], self._choices))  # what is needed in full

    def made(self) -> list[Use]:
        return transform(self._roots, lambda node, uses: self._made_of(node))

    def _made_of(self, node: Node) -> Use | None:
        """What a node becomes in this round, in its own letters; None if it stays."""
        if node not in self._images:
            made = self._changed(node)
            self._images[node] = None if made is None or made.node is node else made
        return self._images[node]

    def _changed(self, node: Node) -> Use | None:
        match node:
            case Apply() if node in self._choices:
                return self._chosen(node)
            case Gather(base=base) if isinstance(base.node, Scatter):
                return self._shifted(node)
            case Gather(base=base) if isinstance(base.node, Pieces):
                return self._taken(node, base.node)
            case Add():
                return _added(node)
            case Contract():
                return self._product(node)
            case Scatter():
                return self._scattered(node)
        return None

    def _chosen(self, node: Apply) -> Use | None:
        """A choice by ranges as the parts that are chosen there."""
        condition, yes, no = node.args
        painting = self.sizes.painting(condition)
        if painting is None or not self.sizes.reaches(painting.side, S.Zero):
            return None
        parts: list[Part] = []
        for span in painting.spans():
            branch = yes if span.holds else no
            found = self._inside(branch, painting.letter, Slice(span.start, span.stop), painting.side)
            if found is None:
                return None
            if not (len(found) == 1 and found[0][:2] == span[:2]):
                parts.append((span.start, span.stop, ZERO))
            parts += found
        return self._flat(parts, painting.letter, dict(enumerate(node.shape)))

    def _inside(self, use: Use, letter: Letter, span: Slice, side: Expr, shift: Expr = S.Zero) -> list[Part] | None:
        """What a term has at positions that are further by `shift` than those in a range of an axis of length `side`.

        None if no slices say that.
        """
        if is_zero(use):
            return []
        parts: list[Part] = []
        for low, high, part in self._parts(use, letter, side):
            start, stop = self._both(span, Slice(expand(low - shift), expand(high - shift)), side)
            if start is None or stop is None:
                return self._within_all(use, letter, span, side) if shift == 0 else None
            if self.sizes.reaches(start, stop):
                continue
            if not (self.sizes.is_end(start, side) and self.sizes.is_end(stop, side)):
                return None
            there, axis = Slice(expand(start + shift), expand(stop + shift)), sizes_of([use]).get(letter, side)
            # of one entry, those from N − 2 on are all, and those from N − 1 on, too
            if shift != 0 and not self.sizes.agree(Slice(start, stop), side, there, axis):
                return None
            source = Slice(expand(there.start - low), expand(there.stop - low))
            same = isinstance(use.node, Pieces) and shift == 0 and (start, stop) == (low, high)
            found = part if same else Restricted(self, source, Slice(start, stop), side).of(part, {letter})
            if found is None:
                return None
            parts.append((start, stop, relabel(found, {letter: "part"})))
        return parts

    def _within_all(self, use: Use, letter: Letter, span: Slice, side: Expr) -> list[Part] | None:
        """A term in a range, as one part."""
        found = self._within(span.start, span.stop, side).of(use, {letter})
        return None if found is None else [(span.start, span.stop, relabel(found, {letter: "part"}))]

    def _flat(self, parts: Sequence[Part], letter: Letter, lengths: Mapping[Letter, Expr]) -> Use | None:
        """The parts as an array, without zeros that are there anyway; one that is all of it by itself.

        None if it takes too many statements.
        """
        kept: list[Part] = []
        for start, stop, part in parts:
            span = Paint(start, stop, True)
            if not is_zero(part) or not all(self.sizes.are_apart(span, Paint(a, b, True)) for a, b, _ in kept):
                kept.append((start, stop, part))
        if not kept:
            return ZERO
        if not all(length.is_Symbol or length in self._lengths for length in lengths.values()):
            return None
        if len(kept) == 1 and (kept[0][0], kept[0][1]) == (S.Zero, lengths[letter]):
            return relabel(kept[0][2], {"part": letter})
        return pieces(kept, letter, lengths) if len(kept) <= _MOST_PIECES else None

    def _shifted(self, node: Gather) -> Use | None:
        """Entries of an array that is padded with zeros along an axis as the part that is none of these."""
        base = node.base.node
        assert isinstance(base, Scatter)
        inside, outside = sliced(base.subs), sliced(node.subs)
        moved = [axis for axis, sub in enumerate(base.subs) if sub.letters != (axis,)]
        if len(moved) != 1 or not len(inside) == len(outside) == base.rank or base.value.node in self._choices:
            return None
        (axis,) = moved
        others = [other for other in outside if other != axis]
        steps = (*inside[axis].steps, *outside[axis].steps)
        if len(steps) != 2 or any(step != 1 for _, step in steps):
            return None
        if not all(is_plain(node.subs[other], base.shape[other]) for other in others):
            return None
        (inner, _), (letter, _) = steps
        side, shift = node.shape[letter], expand(outside[axis].start - inside[axis].start)
        if inner not in base.value.letters or not self.sizes.reaches(side, S.Zero):
            return None
        parts = self._inside(base.value, inner, Slice(S.Zero, side), side, shift)
        names: dict[Letter, Letter] = {other: outside[other].steps[0][0] for other in others}
        placed = [(start, stop, relabel(part, names)) for start, stop, part in parts or ()]
        return None if parts is None else self._flat(placed, letter, dict(enumerate(node.shape)))

    def _taken(self, node: Gather, base: Pieces) -> Use | None:
        """A slice along the axis of parts that lies in one of them, or in none."""
        sub, side = node.subs[base.axis], base.shape[base.axis]
        found = affine(sub)
        others = [axis for axis in range(base.rank) if axis != base.axis]
        if found is None or len(found.steps) != 1 or found.steps[0][1] != 1:
            return None
        if not all(is_plain(node.subs[axis], base.shape[axis]) for axis in others):
            return None
        start, stop = found.start, expand(found.start + node.shape[sub.letters[0]])
        made = self._within(start, stop, side).of(own(base), {base.axis})
        return None if made is None else place(made, [use.letters[0] for use in node.subs])

    def _parts(self, use: Use, letter: Letter, side: Expr) -> list[Part]:
        """The parts of a term along a letter, which is their letter there, too; all of it where it has none."""
        node = use.node
        if not isinstance(node, Pieces) or use.letters[node.axis] != letter or use.letters.count(letter) > 1:
            return [(S.Zero, sizes_of([use]).get(letter, side), use)]
        names = dict(enumerate(use.letters))
        ends = zip(node.starts, node.stops, node.parts, strict=True)
        return [(a, b, relabel(part, names | {node.rank + n: letter})) for n, (a, b, part) in enumerate(ends)]

    def _both(self, one: Slice, other: Slice, side: Expr) -> tuple[Expr | None, Expr | None]:
        """Where two slices of an axis start that have something in common, and where they stop.

        None where sizes decide; a slice is of positions on the axis anyway.
        """
        (a, b), (c, d) = one, other
        start = a if c == 0 or self.sizes.reaches(a, c) else c if a == 0 or self.sizes.reaches(c, a) else None
        stop = b if d == side or self.sizes.reaches(d, b) else d if b == side or self.sizes.reaches(b, d) else None
        return start, stop

    def _product(self, node: Contract) -> Use | None:
        """A product with what is zero but in one part: of parts of its factors."""
        for use, exponent in node.factors:
            inner = use.node
            if not (isinstance(inner, Pieces) and len(inner.parts) == 1 and exponent.is_Integer and exponent > 0):
                continue
            letter = use.letters[inner.axis]
            if use.letters.count(letter) > 1:
                continue
            restricted = self._within(inner.starts[0], inner.stops[0], inner.shape[inner.axis])
            others = [(restricted.of(one, {letter}), e) for one, e in node.factors if one != use]
            known = [(one, e) for one, e in others if one is not None]
            names = dict(enumerate(use.letters)) | {inner.rank: letter}
            part = relabel(inner.parts[0], names)
            factors = [(part, exponent), *known]
            if len(known) < len(others) or not self._counts([one for one, _ in factors], letter, inner):
                continue
            bound = dict(enumerate(node.bound, node.rank))
            start, stop = inner.starts[0], inner.stops[0]
            if letter in bound:
                terms, bound = self._entries([one for one, _ in factors], bound, letter, inner)
                return product_of_powers(zip(terms, (e for _, e in factors), strict=True), bound)
            made = relabel(product_of_powers(factors, bound), {letter: "part"})
            return self._flat([(start, stop, made)], letter, dict(enumerate(node.shape)))
        return None

    def _counts(self, uses: Sequence[Use], letter: Letter, node: Pieces) -> bool:
        """Whether a sum over a part has a term for each of its entries: of arrays, or of a part that is all there."""
        start, stop, side = node.starts[0], node.stops[0], node.shape[node.axis]
        order = (S.Zero, start, stop, side)
        return any(letter in use.letters for use in uses) or all(
            self.sizes.reaches(larger, smaller) for smaller, larger in pairwise(order)
        )

    def _entries(
        self, uses: Sequence[Use], bound: Mapping[Letter, Expr], letter: Letter, node: Pieces
    ) -> tuple[list[Use], dict[Letter, Expr]]:
        """Terms over a part as they are summed over a letter, and what is summed over: not over a part of one entry."""
        start, stop, side = node.starts[0], node.stops[0], node.shape[node.axis]
        others = {x: length for x, length in bound.items() if x != letter}
        count = expand(stop - start)
        if count == 1 and self.sizes.reaches(start, S.Zero) and self.sizes.reaches(side, stop):
            return [composed(use, {letter: size(S.Zero)}) for use in uses], others
        return list(uses), {**others, letter: count}

    def _scattered(self, node: Scatter) -> Use | None:
        """Values that are zero but in one part, added at positions: of that part."""
        inner = node.value.node
        if not (isinstance(inner, Pieces) and len(inner.parts) == 1):
            return None
        letter = node.value.letters[inner.axis]
        if letter < node.rank or node.value.letters.count(letter) > 1:
            return None
        start, stop = inner.starts[0], inner.stops[0]
        restricted = self._within(start, stop, inner.shape[inner.axis])
        subs = [restricted.positions(sub, side, {letter}) for sub, side in zip(node.subs, node.shape, strict=True)]
        known = [sub for sub in subs if sub is not None]
        part = relabel(inner.parts[0], dict(enumerate(node.value.letters)) | {inner.rank: letter})
        if len(known) < len(subs) or not self._counts([part, *known], letter, inner):
            return None
        (part, *known), bound = self._entries([part, *known], dict(enumerate(node.bound, node.rank)), letter, inner)
        return scatter(part, known, node.shape, range(node.rank), bound)

    def _within(self, start: Expr, stop: Expr, side: Expr) -> Restricted:
        """Terms in a range of an axis of that length."""
        return Restricted(self, Slice(start, stop), Slice(start, stop), side)

    def becomes_parts(self, node: Node) -> bool:
        """Whether a node, or the array that it takes entries of, is made into parts in this round."""
        while isinstance(node, Gather | Scatter) and self._made_of(node) is None:
            node = node.uses()[0].node
        return self._made_of(node) is not None

    def is_there(self, node: Node) -> bool:
        """Whether a node is computed in full, so that a range of it is a slice.

        Not where it is needed for parts only; nor positions, conditions and functions of parts, which cost less there.
        """
        if node not in self._whole or node in self._positions:
            return False
        if affine(own(node)) is not None or self.sizes.painting(own(node)) is not None:
            return False
        parts = isinstance(node, Apply) and any(
            isinstance(u.node, Pieces) or u.node in self._choices for u in node.args
        )
        return not parts


def _added(node: Add) -> Use | None:
    """A sum of arrays that are zero but in the same parts."""
    first = node.terms[0][1] if node.terms else None
    if first is None or not isinstance(first.node, Pieces):
        return None
    letter = first.letters[first.node.axis]
    for _, use in node.terms:
        one = use.node
        if not isinstance(one, Pieces) or (one.starts, one.stops) != (first.node.starts, first.node.stops):
            return None
        if use.letters[one.axis] != letter or use.letters.count(letter) > 1:
            return None
    parts: list[Part] = []
    for n, (start, stop) in enumerate(zip(first.node.starts, first.node.stops, strict=True)):
        terms = []
        for c, use in node.terms:
            assert isinstance(use.node, Pieces)
            names = dict(enumerate(use.letters)) | {use.node.rank + n: "part"}
            terms.append((c, relabel(use.node.parts[n], names)))
        parts.append((start, stop, add(terms)))
    return pieces(parts, letter, dict(enumerate(node.shape)))
