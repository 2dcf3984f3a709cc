"""Sums with values at positions: written into parts of one array, rather than added as arrays of zeros around them.

`grad_z = np.array(z)`, `grad_z[:, 0] += p` for z + place(p): of 85×2 entries two such arrays took 3 µs and two writes
1; of large ones each is a pass over all entries less.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Number

from symgrad.graph.build import add
from symgrad.graph.dimensions import is_never_negative
from symgrad.graph.kinds.pieces import Pieces
from symgrad.graph.nodes import Add, Gather, Input, Letter, Named, Node, Scatter, Use
from symgrad.lowering.operands import is_view
from symgrad.lowering.subscripts import apart, lands_in_slices, scatter_value, slices_of
from symgrad.lowering.values import Value, broadcast, transpose
from symgrad.statements.arithmetic import number, operation, product, without_sign
from symgrad.statements.expressions import (
    WHOLE_AXIS,
    Expression,
    FloatingType,
    Operation,
    Place,
    Places,
    Read,
    Sides,
    Slice,
    Subscript,
)
from symgrad.statements.statements import Accumulate, Define, Store
from symgrad.targets.numpy.rolled import is_neighbour, neighbours
from symgrad.targets.numpy.stacks import Stacks


class Increased(Stacks):
    """Turns terms into statements, in which sums with values at positions are arrays that are written to."""

    _alone: bool  # whether NumPy does all of it, and no kernels

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._apart: Collection[Node] = ()  # what is computed for blocks of rows, each sum of which is one expression
        self._placed: dict[Node, list[tuple[Number, Use]]] = {}  # the terms of a sum that are written into parts of it

    def _absorb(self, nodes: Sequence[Node]) -> None:
        super()._absorb(nodes)
        if self.clock is not None:  # steps of a recurrence write into the arrays of its states
            return
        for node in nodes:
            if isinstance(node, Add) and len(node.terms) > 1 and node not in self._apart and node not in self._grids:
                found = [(c, use) for c, use in node.terms if len(use.letters) == node.rank and self._is_placed(use)]
                if found:
                    self._placed[node] = found
                    self._absorbed |= {use.node for _, use in found}

    def _is_placed(self, use: Use) -> bool:
        """Whether a term is values at single positions or in slices, or moved by one, and only this sum needs it."""
        node = use.node
        if node in self._apart or self._counts[node] > 1 or len({*use.letters}) < len(use.letters):
            return False
        if isinstance(node, Scatter):
            return lands_in_slices(node) or apart(node) is not None
        if isinstance(node, Pieces):
            return len(node.parts) == 1 and all(map(is_never_negative, node.shape))
        return isinstance(node, Gather) and self._alone and is_neighbour(node) and self._is_whole(node.base.node)

    def _is_whole(self, node: Node) -> bool:
        """Whether an array is a variable, which may be read twice."""
        return isinstance(node, Input | Named) or self._counts[node] > 1

    def _print(self, node: Node) -> Value:
        if isinstance(node, Scatter) and apart(node) is not None:
            axes = tuple(range(node.rank))
            places, value = self._slots(node, axes)
            return Value(operation("place", Sides(node.shape), Places(places), value, FloatingType()), axes)
        if isinstance(node, Pieces):
            return self._pieces(node)
        return super()._print(node)

    def _pieces(self, node: Pieces) -> Value:
        """An array of zeros with values in one part, into which those in others are written."""
        letters = tuple(self._wanted.get(node, range(node.rank)))
        (places, first), *others = [self._piece(node, n, letters) for n in range(len(node.parts))]
        shape = tuple(node.shape[letter] for letter in letters)
        made = operation("place", Sides(shape), Places(places), first, FloatingType())
        if not others:
            return Value(made, letters)
        buffer = self._buffer(self._name(node), shape)
        self.statements.append(Define(buffer, made))
        self.statements += [Store(Subscript(Read(buffer), places), value) for places, value in others]
        return Value(Read(buffer), letters)

    def _piece(self, node: Pieces, number: int, letters: Sequence[int]) -> tuple[tuple[Place, ...], Expression]:
        """A part of an array, its axes in this order, and what is written there."""
        start, stop = node.starts[number], node.stops[number]
        place = Slice(start or None, None if stop == node.shape[node.axis] else stop)
        inside = [node.rank + number if letter == node.axis else letter for letter in letters]
        value = broadcast(self._real(self._use(node.parts[number])), inside).expression
        return (*[WHOLE_AXIS] * letters.index(node.axis), place), value

    def _slots(self, node: Scatter, axes: Sequence[int]) -> tuple[tuple[Place, ...], Expression]:
        """The part of an array, its axes in this order, that a scatter fills, and with what."""
        value = self._real(self._use(node.value))
        found = apart(node)
        if found is None:
            places, value = slices_of(node, value, axes)
            return places, value.expression
        fixed, inner, left = found
        value = self._real(self._use(inner.value))
        every: list[Place] = [*fixed, *[WHOLE_AXIS] * (node.rank - len(fixed))]
        order = [left.index(axis) for axis in axes if axis in left]
        made = scatter_value(inner, self._use, value, order, self.strided)
        return tuple(every[axis] for axis in axes), transpose(made, order).expression

    def _parts(self, use: Use, letters: Sequence[Letter]) -> list[tuple[tuple[Place, ...], Expression]]:
        """The parts of an array over these letters that a term adds to, each with what is added there."""
        node = use.node
        axes = [use.letters.index(letter) for letter in letters]
        if isinstance(node, Scatter):
            return [self._slots(node, axes)]
        if isinstance(node, Pieces):
            return [self._piece(node, 0, axes)]
        assert isinstance(node, Gather)
        base = self._values[node.base.node]
        base = transpose(base, [next(k for k, sub in enumerate(node.subs) if sub.letters == (axis,)) for axis in axes])
        return [(target, Subscript(base.expression, places)) for target, places in neighbours(node, axes)]

    def _sum(self, node: Add) -> Value:
        placed = self._placed.get(node)
        if placed is None:
            return super()._sum(node)
        if any(isinstance(use.node, Gather) and self._values[use.node.base.node].kind != "real" for _, use in placed):
            self._written(placed)  # whole numbers stay whole
            return super()._sum(node)
        rest = [term for term in node.terms if term not in placed]
        if not rest:
            rest = [next((term for term in placed if term[0] == 1), placed[0])]
            self._written(rest)
            placed = [term for term in placed if term not in rest]
        letters, start = self._start(node, add(rest))
        buffer = self._buffer(self._name(node), tuple(node.shape[letter] for letter in letters))
        self.statements.append(Define(buffer, start))
        for coefficient, use in placed:
            for places, value in self._parts(use, letters):
                value, flipped = without_sign(value)
                value = value if abs(coefficient) == 1 else product([number(abs(coefficient)), value])
                sign: Accumulate = "subtract" if flipped != bool(coefficient.is_negative) else "add"
                self.statements.append(Store(Subscript(Read(buffer), places), value, sign))
        return Value(Read(buffer), letters)

    def _written(self, terms: Sequence[tuple[Number, Use]]) -> None:
        """Have terms as arrays of their own after all."""
        for _, use in terms:
            self._values[use.node] = self._print(use.node)

    def _start(self, node: Add, rest: Use) -> tuple[tuple[int, ...], Expression]:
        """The other terms of a sum as an array that nothing else is a part of, and the order of its axes."""
        own = tuple(range(node.rank))
        if rest.node not in self._values:
            self._want(rest, self._wanted.get(node, own))
            self._values[rest.node] = self._print(rest.node)
        value = self._real(self._use(rest))
        letters = self._wanted.get(node, value.letters if {*value.letters} == {*own} else own)
        found = self._full(value, node, letters).expression
        same = value.named or is_view(found) or (isinstance(found, Operation) and found.head == "asarray")
        return letters, operation("array", found) if same else found
