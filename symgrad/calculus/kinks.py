"""How far inputs are from the points where a model is not smooth, as a term of the graph."""

from collections.abc import Iterator

from sympy import Abs, Eq, Max, Min, oo, sign
from sympy.core.relational import Relational

from symgrad.functions import MaxOver, MinOver, if_else, relu, step
from symgrad.graph.axes import reduce
from symgrad.graph.build import ZERO, apply, const, subtract
from symgrad.graph.nodes import Apply, Input, Node, Previous, Reduce, Use, postorder
from symgrad.graph.scan import finished
from symgrad.graph.transform import own


def kink_distance(loss: Use) -> Use | None:
    """The smallest distance of any kinked function's argument from its kink; None if the model is smooth.

    relu(x), |x|, sign(x): |x|; max(a, b) and a < b: |a - b|; a maximum over an index: its gap to the next entry.
    """
    nearest: Use | None = None
    real: set[Node] = set()  # what depends on real inputs; conditions on indices alone are no kinks
    for node in postorder([loss.node]):
        if (
            isinstance(node, Previous)
            or (isinstance(node, Input) and not node.integer)
            or any(use.node in real for use in node.uses())
        ):
            real.add(node)
        for distance in _distances(node) if node in real else ():
            bound = dict(enumerate(distance.node.shape))
            closest = reduce(MinOver, own(distance.node), bound)
            nearest = closest if nearest is None else apply(Min, [nearest, closest])
    return None if nearest is None else finished(nearest, loss.node)


def _distances(node: Node) -> Iterator[Use]:
    if isinstance(node, Apply):
        if node.head in (relu, Abs, sign, step):
            yield apply(Abs, [node.args[0]])
        elif node.head in (Max, Min) or (isinstance(node.head, type) and issubclass(node.head, Relational)):
            yield apply(Abs, [subtract(*node.args)])
    elif isinstance(node, Reduce) and node.head in (MaxOver, MinOver):
        gap = apply(Abs, [subtract(own(node), node.arg)])
        yield apply(if_else, [apply(Eq, [gap, ZERO]), const(oo), gap])
