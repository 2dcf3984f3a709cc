"""Reshapes: two axes as one, and one axis as two. Each undoes the other, also inside sums.

A Kronecker product is an outer product with its axes merged in pairs. A sum over a merged axis is a sum over the two
axes that it is made of; what else runs along it is split. So Tr(A ⊗ B) becomes Tr(A)·Tr(B), and (A ⊗ B)x two products.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr

from symgrad.arrays import Array
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.functions import Apply, apply
from symgrad.graph.kinds.products import Contract, product_of_powers
from symgrad.graph.kinds.sums import Add, add
from symgrad.graph.letters import distinct, relabel, sizes_of
from symgrad.graph.linear_maps import Merging, Splitting, axes_of
from symgrad.graph.node import (
    Letter,
    Local,
    Node,
    Shape,
    Use,
    each_operand_once,
    first_operand,
    intern,
    no_sign,
    nothing,
)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Merge(Node):
    """Two axes of the operand as one: entry p·n + q of `axis` is the operand's at letters rank = p and rank + 1 = q.

    `lengths` are those of the two letters, of which the operand may lack one.
    """

    arg: Use
    axis: int
    lengths: Shape

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)

    nonnegative = positive = never_zero = integral = infinite = first_operand
    sum_of_squares = probability = nothing
    sign = no_sign
    operations = each_operand_once

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return merge(uses[0], self.rank, self.rank + 1, self.axis, self.lengths)

    def local(self, number: int) -> Sequence[Local]:
        outer, inner = self.rank, self.rank + 1
        kept = {axis: length for axis, length in axes_of(self).items() if axis != self.axis}
        domain = {**kept, **dict(zip((outer, inner), self.lengths, strict=True))}
        return [Local(self.arg, Merging(domain, outer, inner, self.axis))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        before, after = self.shape[: self.axis], self.shape[self.axis + 1 :]
        names = {self.rank: self.axis, self.rank + 1: self.axis + 1}
        names |= {axis: axis + (axis > self.axis) for axis in range(self.rank)}
        return at.operand(relabel(self.arg, names), (*before, *self.lengths, *after)).reshape(at.shape(self.shape))


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Split(Node):
    """One axis of the operand (letter rank) as two: entry (p, q) of `axes` is the operand's entry p·n + q."""

    arg: Use
    axes: tuple[int, int]

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)

    nonnegative = positive = never_zero = integral = infinite = first_operand
    sum_of_squares = probability = nothing
    sign = no_sign
    operations = each_operand_once

    def rebuild(self, uses: Sequence[Use]) -> Use:
        first, second = self.axes
        return split(uses[0], self.rank, first, second, (self.shape[first], self.shape[second]))

    def local(self, number: int) -> Sequence[Local]:
        first, second = self.axes
        kept = {axis: length for axis, length in axes_of(self).items() if axis not in self.axes}
        lengths = self.shape[first], self.shape[second]
        return [Local(self.arg, Splitting({**kept, **sizes_of([self.arg])}, self.rank, first, second, lengths))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        kept = [axis for axis in range(self.rank) if axis not in self.axes]
        names = {axis: number for number, axis in enumerate([*kept, self.rank])}
        first, second = (self.shape[axis] for axis in self.axes)
        shape = tuple(self.shape[axis] for axis in kept)
        apart = at.operand(relabel(self.arg, names), (*shape, first * second)).reshape(
            at.shape((*shape, first, second))
        )
        order = [*kept, *self.axes]
        return apart.transpose([order.index(axis) for axis in range(self.rank)])


def merge(arg: Use, outer: Letter, inner: Letter, letter: Letter, lengths: tuple[Expr, Expr]) -> Use:
    """The axes `outer` and `inner` as one axis `letter`, along which the inner one runs fastest."""
    for gone, kept, length in ((outer, inner, lengths[0]), (inner, outer, lengths[1])):
        if length == 1 and gone not in arg.letters:
            return relabel(arg, {kept: letter})
    if not {outer, inner} & set(arg.letters):
        return arg
    node = arg.node
    if isinstance(node, Split) and tuple(arg.letters[axis] for axis in node.axes) == (outer, inner):
        return _inside(arg, {node.rank: letter})
    kept = [x for x in distinct(arg.letters) if x not in (outer, inner)]
    numbers = {x: n for n, x in enumerate([letter, *kept])} | {outer: len(kept) + 1, inner: len(kept) + 2}
    sizes = sizes_of([arg])
    shape = (lengths[0] * lengths[1], *(sizes[x] for x in kept))
    return Use(intern(Merge, shape, relabel(arg, numbers), 0, lengths), (letter, *kept))


def split(arg: Use, letter: Letter, outer: Letter, inner: Letter, lengths: tuple[Expr, Expr]) -> Use:
    """The axis `letter` as two axes, of which the inner one runs fastest along the old one."""
    for kept, length in ((inner, lengths[0]), (outer, lengths[1])):
        if length == 1:
            return relabel(arg, {letter: kept})
    while letter in arg.letters:
        arg = _split_once(arg, letter, outer, inner, lengths)
    return arg


def _split_once(arg: Use, letter: Letter, outer: Letter, inner: Letter, lengths: tuple[Expr, Expr]) -> Use:
    node = arg.node
    match node:
        case Merge(axis=axis, lengths=merged) if arg.letters[axis] == letter and merged == lengths:
            return _inside(arg, {node.rank: outer, node.rank + 1: inner})
        case Merge(axis=axis, lengths=merged) if arg.letters[axis] != letter:
            body = _inside(arg, {node.rank: ("merged", 0), node.rank + 1: ("merged", 1)})
            body = split(body, letter, outer, inner, lengths)
            return merge(body, ("merged", 0), ("merged", 1), arg.letters[axis], merged)
        case Add(terms=terms):
            return add([(c, split(_placed(t, arg), letter, outer, inner, lengths)) for c, t in terms])
        case Apply(head=head, args=args):
            return apply(head, [split(_placed(t, arg), letter, outer, inner, lengths) for t in args])
        case Contract(factors=factors, bound=bound):
            fresh: dict[Letter, Letter] = {node.rank + n: ("bound", node, n) for n in range(len(bound))}
            powers = [(split(_inside_of(f, arg, fresh), letter, outer, inner, lengths), e) for f, e in factors]
            return product_of_powers(powers, {fresh[node.rank + n]: length for n, length in enumerate(bound)})
    axis = arg.letters.index(letter)
    # the new node has one axis more, so that its bound letter, the axis that is split, is rank + 1 of the old one
    operand = Use(node, tuple(node.rank + 1 if n == axis else n + (n > axis) for n in range(node.rank)))
    shape = (*node.shape[:axis], *lengths, *node.shape[axis + 1 :])
    made = intern(Split, shape, operand, (axis, axis + 1))
    return Use(made, (*arg.letters[:axis], outer, inner, *arg.letters[axis + 1 :]))


def _placed(operand: Use, use: Use) -> Use:
    return relabel(operand, dict(enumerate(use.letters)))


def _inside(use: Use, bound: dict[Letter, Letter]) -> Use:
    """The operand of a node of one operand, in the letters of the use."""
    return _inside_of(use.node.arg, use, bound)  # type: ignore[attr-defined]


def _inside_of(operand: Use, use: Use, bound: dict[Letter, Letter]) -> Use:
    return relabel(operand, dict(enumerate(use.letters)) | bound)


def kronecker_factors(use: Use) -> tuple[Use, Use] | None:
    """A over ("row", 0), ("column", 0) and B over ("row", 1), ("column", 1) where a matrix is A ⊗ B; else None."""
    node = use.node
    if not isinstance(node, Merge) or node.rank != 2 or not isinstance(node.arg.node, Merge):
        return None
    inside = node.arg.node
    names: dict[Letter, Letter] = {1 - node.axis: "column", node.rank: ("row", 0), node.rank + 1: ("row", 1)}
    axes = [names.get(letter) for letter in node.arg.letters]
    product = inside.arg.node
    if axes[inside.axis] != "column" or not isinstance(product, Contract) or product.bound:
        return None
    names = dict(enumerate(axes)) | {inside.rank: ("column", 0), inside.rank + 1: ("column", 1)}
    letters = [names[letter] for letter in inside.arg.letters]
    halves: tuple[list[tuple[Use, Expr]], list[tuple[Use, Expr]]] = ([], [])
    for factor, exponent in product.factors:
        placed = relabel(factor, dict(enumerate(letters)))
        places = {letter[1] for letter in placed.letters}
        if len(places) > 1:
            return None
        halves[max(places, default=0)].append((placed, exponent))
    left, right = (product_of_powers(half) for half in halves)
    both = all({("row", n), ("column", n)} == set(half.letters) for n, half in enumerate((left, right)))
    return (left, right) if both else None
