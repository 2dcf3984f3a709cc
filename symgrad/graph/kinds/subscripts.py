"""Entries of an array at subscripts, and their adjoint: values added into zeros at positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from mpmath import mpf
from sympy import Expr, S

from symgrad.arrays import Array, np
from symgrad.functions.values import NAN
from symgrad.graph.evaluation import GraphEvaluator, full, position
from symgrad.graph.kinds.leaves import Range
from symgrad.graph.kinds.products import mul
from symgrad.graph.kinds.sums import ZERO, is_zero, scale, split_coefficient
from symgrad.graph.letters import free_letters, relabel, sizes_of
from symgrad.graph.linear_maps import Entries, Places
from symgrad.graph.node import (
    Known,
    Lengths,
    Letter,
    Local,
    Node,
    Order,
    Shape,
    SignRule,
    Use,
    first_operand,
    free_of_cost,
    intern,
    no_sign,
    nothing,
)
from symgrad.graph.symmetry import between, moved


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Gather(Node):
    """base[subs]: one integer-valued operand per axis of the base."""

    base: Use
    subs: tuple[Use, ...]

    def uses(self) -> tuple[Use, ...]:
        return (self.base, *self.subs)

    sum_of_squares = probability = nothing
    nonnegative = positive = never_zero = first_operand
    operations = free_of_cost

    def rebuild(self, uses: Sequence[Use]) -> Use:
        base, *subs = uses
        return gather(base, [subs[-1 - letter] for letter in base.letters])

    def local(self, number: int) -> Sequence[Local]:
        if number > 0:  # subscripts are whole numbers
            return []
        subs = dict(zip(self.base.letters, self.subs, strict=True))
        return [Local(self.base, Entries(sizes_of([self.base]), subs))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        base, subs = at.values[self.base.node], [at.operand(sub, self.shape) for sub in self.subs]
        found = np.empty(at.shape(self.shape), dtype=object)
        for place in np.ndindex(found.shape):
            there = position([sub[place] for sub in subs], base.shape)
            found[place] = NAN if there is None else base[there]
        return found

    def sign(self, order: Order) -> SignRule:
        """The same entries of an array, or those at subscripts that are exchanged: S[c[i], c[j]]."""
        turned = [moved(sub, order) for sub in self.subs]
        left = list(range(len(self.subs)))
        places = []
        for sub in turned:
            for axis in left:
                if (yield from between(sub, self.subs[axis])) == 1:
                    places.append(axis)
                    left.remove(axis)
                    break
            else:
                return None
        return (yield self.base.node, tuple(places))

    def integral(self, known: Known) -> bool:
        return all(known(use.node) for use in self.uses())

    def infinite(self, known: Known) -> bool:
        return any(known(use.node) for use in self.uses())


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Scatter(Node):
    """The adjoint of a gather: zeros of `shape` into which `value` is added at the positions `subs`.

    out[s] = Σ over bound letters of value · Π_axis [subs_axis = s_axis]. The letter of an axis that is not moved is
    that axis itself.
    """

    value: Use
    subs: tuple[Use, ...]
    bound: Shape

    def uses(self) -> tuple[Use, ...]:
        return (self.value, *self.subs)

    positive = never_zero = sum_of_squares = probability = integral = nothing
    nonnegative = first_operand
    sign = no_sign

    def operations(self) -> Expr:
        return prod(self.value.node.shape, start=S.One)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        value, *subs = uses
        return scatter(value, subs, self.shape, range(self.rank), dict(enumerate(self.bound, self.rank)))

    def local(self, number: int) -> Sequence[Local]:
        if number > 0:
            return []
        bound = dict(enumerate(self.bound, self.rank))
        return [Local(self.value, Places(sizes_of(self.uses()), self.subs, self.shape, bound))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        shape, letters = at.shape(self.shape), range(self.rank + len(self.bound))
        # letters of axes occur inside only where the axis is not moved
        inside = {letter for use in self.uses() for letter in use.letters}
        sides = (*(shape[axis] if axis in inside else 1 for axis in range(self.rank)), *at.shape(self.bound))
        value, *subs = (full(at.aligned(use, letters), sides) for use in self.uses())
        found = np.full(shape, mpf(0), dtype=object)
        for place in np.ndindex(sides):
            there = position([sub[place] for sub in subs], shape)
            if there is not None:
                found[there] += value[place]
            elif value[place] != 0:
                raise IndexError(f"{self} adds {value[place]} at no position")
        return found

    def infinite(self, known: Known) -> bool:
        return any(known(use.node) for use in self.uses())

    def summed(self, use: Use, bound: Lengths) -> Use | None:
        """Over an axis along which values were added at positions: the sum of the values, each of which landed once."""
        inside = {letter for part in self.uses() for letter in part.letters}
        gone = [
            axis
            for axis, letter in enumerate(use.letters)
            if letter in bound and axis not in inside and use.letters.count(letter) == 1
        ]
        if not gone:
            return None
        kept = [axis for axis in range(self.rank) if axis not in gone]
        names = dict(enumerate(use.letters)) | {self.rank + k: ("added", k) for k in range(len(self.bound))}
        value = relabel(self.value, names)
        added = {("added", k): length for k, length in enumerate(self.bound)}
        left = {
            letter: length for letter, length in bound.items() if letter not in {use.letters[axis] for axis in gone}
        }
        subs = [relabel(self.subs[axis], names) for axis in kept]
        letters = [use.letters[axis] for axis in kept]
        if len(set(letters)) < len(letters):
            return None
        moved = scatter(value, subs, tuple(self.shape[axis] for axis in kept), letters, added)
        return mul([moved], left)


def gather(base: Use, subs: Sequence[Use]) -> Use:
    """base[subs], where `subs` has one integer-valued term per axis of the node `base.node`."""
    coefficient, plain = split_coefficient(base)
    if plain != base:
        order = [base.letters.index(letter) for letter in plain.letters]
        return scale(coefficient, gather(plain, [subs[axis] for axis in order]))
    node = base.node
    if all(is_plain(sub, length) for sub, length in zip(subs, node.shape, strict=True)):
        return Use(node, tuple(sub.letters[0] for sub in subs))
    letters = free_letters(subs)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of(subs)
    made = intern(
        Gather,
        tuple(sizes[x] for x in letters),
        Use(node, tuple(range(-1, -node.rank - 1, -1))),
        tuple(relabel(sub, numbers) for sub in subs),
    )
    return Use(made, letters)


def is_plain(sub: Use, length: Expr) -> bool:
    """Whether a subscript is the whole index of an axis of that length."""
    return isinstance(sub.node, Range) and sub.node.shape == (length,)


def scatter(
    value: Use, subs: Sequence[Use], shape: Shape, letters: Sequence[Letter], bound: Mapping[Letter, Expr]
) -> Use:
    """Add `value` into zeros of `shape` at the positions `subs`; `letters` name the axes of the result.

    `bound` gives the lengths of the letters of value and subs, which are summed over. A position that is a whole index
    is not moved: its letter becomes that of the axis.
    """
    if is_zero(value):
        return ZERO
    coefficient, value = split_coefficient(value)
    bound = dict(bound)
    aligned: dict[Letter, Letter] = {}
    for sub, length, letter in zip(subs, shape, letters, strict=True):
        own = sub.letters[0] if is_plain(sub, length) else None
        if own is not None and (own == letter or own in bound):
            aligned[own] = letter
            bound.pop(own, None)
    value, subs = relabel(value, aligned), [relabel(sub, aligned) for sub in subs]
    if len(aligned) == len(shape):
        return scale(coefficient, mul([value], bound))
    moving = {letter for sub in subs for letter in sub.letters}
    value = mul([value], {letter: length for letter, length in bound.items() if letter not in moving})
    ordered = [letter for letter in free_letters(subs) if letter in bound]
    numbers = {letter: n for n, letter in enumerate([*letters, *ordered])}
    node = intern(
        Scatter,
        shape,
        relabel(value, numbers),
        tuple(relabel(sub, numbers) for sub in subs),
        tuple(bound[letter] for letter in ordered),
    )
    return scale(coefficient, Use(node, tuple(letters)))
