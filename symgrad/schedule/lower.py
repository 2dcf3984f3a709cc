"""Lowers softmax, log-softmax and logsumexp to the steps they share: maximum, shift, exponentials, their sum."""

from collections.abc import Sequence

from sympy import S, Symbol, exp, log

from symgrad.functions import LogSumExp, MaxOver
from symgrad.graph.axes import LOG_SOFTMAX, SOFTMAX, named, reduce
from symgrad.graph.build import add, apply, mul, reciprocal, subtract
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import AxisMap, Letter, Node, Reduce, Use
from symgrad.graph.transform import transform


def lower(roots: Sequence[Use]) -> list[Use]:
    """The terms with whole-axis functions spelled out; equal steps become one node, computed once."""
    return transform(roots, _visit)


def _visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
    if isinstance(node, Reduce) and node.head is LogSumExp:
        largest, _, _, total = _steps(uses[0], dict(enumerate(node.bound, node.rank)))
        return add([(S.One, largest), (S.One, apply(log, [total]))])
    if isinstance(node, AxisMap) and node.head in (SOFTMAX, LOG_SOFTMAX):
        _, shifted, exponentials, total = _steps(uses[0], {axis: node.shape[axis] for axis in node.over})
        if node.head == SOFTMAX:
            return mul([exponentials, reciprocal(total)])
        return subtract(shifted, apply(log, [total]))
    return None


def _kept(name: str, use: Use) -> Use:
    """The term as a quantity of its own, which sums around it do not flatten."""
    letters = distinct(use.letters)
    axes = {letter: axis for axis, letter in enumerate(letters)}
    sizes = dict(zip(use.letters, use.node.shape, strict=True))
    node = named(name, Symbol(name), tuple(sizes[letter] for letter in letters), relabel(use, axes))
    return Use(node, letters)


def _steps(arg: Use, over: dict[Letter, object]) -> tuple[Use, Use, Use, Use]:
    # shifting by the maximum leaves one exponential equal to 1: nothing overflows, and the sum is at least 1
    largest = reduce(MaxOver, arg, over)
    # a name keeps the difference together: u - max is exact near the maximum, u - log(sum) - max is not
    shifted = _kept("shifted", subtract(arg, largest))
    exponentials = apply(exp, [shifted])
    return largest, shifted, exponentials, mul([exponentials], over)
