"""Lowers functions to the steps they share: softmax and logsumexp, sigmoid and softplus of one argument."""

from collections.abc import Sequence

from sympy import Ge, S, exp, log
from sympy.codegen.cfunctions import log1p

from symgrad.functions import LogSumExp, MaxOver, if_else, relu, sigmoid, softplus
from symgrad.graph.axes import LOG_SOFTMAX, SOFTMAX, auxiliary, reduce
from symgrad.graph.build import ONE, ZERO, add, apply, mul, reciprocal, subtract
from symgrad.graph.nodes import Apply, AxisMap, Letter, Node, Reduce, Use, postorder
from symgrad.graph.transform import transform
from symgrad.rewrite.cross_entropy import tail


def lower(roots: Sequence[Use]) -> list[Use]:
    """The terms with these functions spelled out; equal steps become one node, computed once."""
    steps = transform(roots, _visit)
    tails = {node for node in postorder([use.node for use in steps]) if isinstance(node, Apply) and node.head is exp}

    def share(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Apply) and node.head is sigmoid:
            small = tail(uses[0])
            if small.node in tails:
                above = apply(if_else, [apply(Ge, [uses[0], ZERO]), ONE, small])
                return mul([above, reciprocal(add([(S.One, ONE), (S.One, small)]))])
        return None

    return transform(steps, share)


def _visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
    if isinstance(node, Reduce) and node.head is LogSumExp:
        largest, _, _, total = _steps(uses[0], dict(enumerate(node.bound, node.rank)))
        return add([(S.One, largest), (S.One, apply(log, [total]))])
    if isinstance(node, AxisMap) and node.head in (SOFTMAX, LOG_SOFTMAX):
        _, shifted, exponentials, total = _steps(uses[0], {axis: node.shape[axis] for axis in node.over})
        if node.head == SOFTMAX:
            return mul([exponentials, reciprocal(total)])
        return subtract(shifted, apply(log, [total]))
    if isinstance(node, Apply) and node.head is softplus:
        # max(u, 0) + log(1 + exp(-|u|)) does not overflow, and exp(-|u|) serves sigmoid(u), too
        return add([(S.One, apply(relu, [uses[0]])), (S.One, apply(log1p, [tail(uses[0])]))])
    return None


def _steps(arg: Use, over: dict[Letter, object]) -> tuple[Use, Use, Use, Use]:
    # shifting by the maximum leaves one exponential equal to 1: nothing overflows, and the sum is at least 1
    largest = reduce(MaxOver, arg, over)
    # a name keeps the difference together: u - max is exact near the maximum, u - log(sum) - max is not
    shifted = auxiliary("shifted", subtract(arg, largest))
    exponentials = apply(exp, [shifted])
    return largest, shifted, exponentials, mul([exponentials], over)
