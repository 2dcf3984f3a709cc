"""Terms in a range of positions along an index, as slices of what is there and by what counts in the range."""

from collections.abc import Collection, Sequence
from typing import Protocol

from sympy import Expr, S, expand

from symgrad.functions import if_else
from symgrad.graph.affine import affine
from symgrad.graph.build import ZERO, add, auxiliary, gather, index, size
from symgrad.graph.kinds.pieces import Pieces
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Letter, Named, Node, Use
from symgrad.graph.transform import place, rebuilt
from symgrad.targets.numpy.ranges import Paint, Sizes, Slice


class Round(Protocol):
    """What is known of terms while they are rebuilt."""

    sizes: Sizes

    def becomes_parts(self, node: Node) -> bool:
        """Whether a node, or the array that it takes entries of, is made into parts in this round."""
        ...

    def is_there(self, node: Node) -> bool:
        """Whether a node is computed in full, so that a range of it is a slice."""
        ...


class Restricted:
    """Terms with some of their letters in a range of positions only, from 0 on.

    Parameters
    ----------
    span : the range.
    target, side : the slice that the terms are written to, and the length of its axis.
    """

    def __init__(self, outer: Round, span: Slice, target: Slice, side: Expr) -> None:
        self._outer, self._span, self._target, self._side = outer, span, target, side
        self._length = expand(span.stop - span.start)
        self._made: dict[tuple[Node, frozenset[int]], Use | None] = {}

    def of(self, use: Use, letters: Collection[Letter]) -> Use | None:
        """The term, whose letters are as long as the range there; None if slices do not say it."""
        axes = frozenset(axis for axis, letter in enumerate(use.letters) if letter in letters)
        if not axes:
            return use
        key = use.node, axes
        if key not in self._made:
            self._made[key] = self._of(*key)
        made = self._made[key]
        return None if made is None else place(made, use.letters)

    def _of(self, node: Node, axes: frozenset[int]) -> Use | None:
        match node:
            case Apply(head=head, args=(condition, yes, no)) if head is if_else:
                truth = self._outer.sizes.truth(condition, dict.fromkeys(axes, self._span))
                if truth is not None:
                    return self.of(yes if truth else no, axes)
                if self._outer.becomes_parts(node):  # which lie in several ways beside the range; these come first
                    return None
            case Pieces():
                return self._part(node, axes)
            case Gather():
                if self._outer.becomes_parts(node):
                    return None
                return self._entries(node.base.node, node.subs, axes)
        if isinstance(node, Add | Apply | Contract | Named) and not self._outer.is_there(node):
            uses = [self.of(use, axes) for use in node.uses()]
            known = [use for use in uses if use is not None]
            if len(known) < len(uses):
                return None
            return auxiliary(node.name, known[0]) if isinstance(node, Named) else rebuilt(node, known)
        return self._entries_of(node, axes)

    def _entries_of(self, node: Node, axes: frozenset[int]) -> Use | None:
        """A slice of an array that is there as a whole."""
        return self._entries(node, [index(axis, side) for axis, side in enumerate(node.shape)], axes)

    def _entries(self, base: Node, subs: Sequence[Use], axes: frozenset[int]) -> Use | None:
        """Entries of an array at positions in the range."""
        made = [self.positions(sub, side, axes) for sub, side in zip(subs, base.shape, strict=True)]
        known = [sub for sub in made if sub is not None]
        return gather(Use(base, tuple(range(-1, -base.rank - 1, -1))), known) if len(known) == len(made) else None

    def positions(self, sub: Use, side: Expr, axes: Collection[Letter]) -> Use | None:
        """A subscript in the range: a slice that takes what it should, however short the axes are, or data."""
        found = affine(sub)
        if found is None or not set(axes) & set(sub.letters):
            return self.of(sub, axes)
        start = expand(found.start + self._span.start)
        source = Slice(start, expand(start + self._length))
        if len(found.steps) > 1 or found.steps[0][1] != 1:
            return None
        if not self._outer.sizes.agree(self._target, self._side, source, side):
            return None
        return add([(S.One, index(found.steps[0][0], self._length)), (S.One, size(start))])

    def _part(self, node: Pieces, axes: frozenset[int]) -> Use | None:
        """What an array has in the range, where it lies in one of its parts or in none."""
        if axes != {node.axis}:
            return self._entries_of(node, axes)
        reached = Paint(*self._span, True)
        sizes, low = self._outer.sizes, self._span.start
        for n, (start, stop) in reversed([*enumerate(zip(node.starts, node.stops, strict=True))]):
            if sizes.are_apart(reached, Paint(start, stop, True)):
                continue
            if not (sizes.reaches(low, start) and sizes.reaches(stop, self._span.stop)):
                return self._entries_of(node, axes)
            inside = Slice(expand(low - start), expand(self._span.stop - start))
            made = Restricted(self._outer, inside, self._target, self._side).of(node.parts[n], {node.rank + n})
            return None if made is None else relabel(made, {node.rank + n: node.axis})
        return ZERO
