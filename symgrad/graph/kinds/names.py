"""Quantities with a name, which products and sums around them do not flatten."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Basic, Dummy

from symgrad.arrays import Array
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.functions import Apply
from symgrad.graph.kinds.leaves import ONE, Input
from symgrad.graph.kinds.products import Contract
from symgrad.graph.kinds.sums import Add
from symgrad.graph.letters import distinct, relabel, sizes_of
from symgrad.graph.linear_maps import times
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
    own,
)
from symgrad.graph.symmetry import between, moved

# How many terms are looked at before any order will do.
_FARTHEST = 40
# The symbol of a name that only code uses; formulas write its definition.
AUXILIARY = Dummy("auxiliary", dummy_index=2)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Named(Node):
    """An intermediate quantity that the user named in `where`; its axes are in the declared order.

    `properties` are what `facts` say of it, as of an `Input`.
    """

    name: str
    symbol: Basic
    arg: Use
    properties: tuple[str, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)

    positive = never_zero = sum_of_squares = probability = integral = infinite = first_operand
    operations = free_of_cost

    def rebuild(self, uses: Sequence[Use]) -> Use:
        if self.symbol is AUXILIARY:
            return auxiliary(self.name, uses[0])
        return own(named(self.name, self.symbol, self.shape, uses[0], self.properties))

    def local(self, number: int) -> Sequence[Local]:
        return [times(self, self.arg, [])]

    def evaluate(self, at: GraphEvaluator) -> Array:
        return at.operand(self.arg, self.shape)

    def sign(self, order: Order) -> SignRule:
        return between(moved(self.arg, order), self.arg)

    def nonnegative(self, known: Known) -> bool:
        return "positive" in self.properties or known(self.arg.node)

    def definition(self) -> Use | None:
        return self.arg

    def summed(self, use: Use, bound: Lengths) -> Use | None:
        """What is behind the name may have a sum that is a number, as shares have."""
        shares = relabel(self.arg, dict(enumerate(use.letters)))
        found = shares.node.summed(shares, bound)
        return found if found is not None and found.node is ONE.node else None


def auxiliary(name: str, arg: Use) -> Use:
    """A term as a quantity of its own, which products and sums around it do not flatten."""
    letters = natural_order(arg) or distinct(arg.letters)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of([arg])
    return Use(named(name, AUXILIARY, tuple(sizes[x] for x in letters), relabel(arg, numbers)), letters)


def named(name: str, symbol: Basic, shape: Shape, arg: Use, properties: tuple[str, ...] = ()) -> Named:
    """The node of a quantity from `where`; letter k of `arg` is its declared axis k."""
    return intern(Named, shape, name, symbol, arg, *([properties] if properties else []))


def natural_order(use: Use) -> tuple[Letter, ...] | None:
    """The letters in the order of the nearest argument or name that has them all; None if there is none.

    Only elementwise operations are looked through: what they are made of has the same axes.
    """
    wanted, queue = set(use.letters), deque([use])
    for _ in range(_FARTHEST):
        if not queue:
            return None
        found = queue.popleft()
        node = found.node
        if set(found.letters) != wanted:
            continue
        if isinstance(node, Input | Named):
            if len(wanted) == len(found.letters):
                return found.letters
        elif isinstance(node, Add | Apply) or (isinstance(node, Contract) and not node.bound):
            queue.extend(relabel(part, dict(enumerate(found.letters))) for part in node.uses())
    return None
