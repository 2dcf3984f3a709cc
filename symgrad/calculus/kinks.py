"""How far inputs are from the points where a model is not smooth, as a term of the graph."""

from collections.abc import Iterable, Iterator

from sympy import Abs, Eq, Max, Min, Or, oo, sign
from sympy.core.relational import Relational

from symgrad.functions import MaxOver, MinOver, if_else, relu, step
from symgrad.graph.axes import reduce
from symgrad.graph.build import ZERO, apply, const, subtract
from symgrad.graph.masks import NEUTRAL, masks_all
from symgrad.graph.nodes import Apply, Node, Previous, Reduce, Use, postorder
from symgrad.graph.scan import finished
from symgrad.graph.transform import dependents, own


def kink_distance(loss: Use, parameters: Iterable[Node]) -> Use | None:
    """The smallest distance of any kinked function's argument from its kink; None if the model is smooth.

    relu(x), |x|, sign(x): |x|; max(a, b) and a < b: |a - b|; a maximum over an index: its gap to the next entry.
    Conditions on data and indices alone are no kinks: nothing that is differentiated moves them.
    """
    nearest: Use | None = None
    nodes = list(postorder([loss.node]))
    moving = dependents(nodes, [*parameters, *(node for node in nodes if isinstance(node, Previous))])
    for node in nodes:
        for distance in _distances(node) if node in moving else ():
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
        none = apply(Eq, [gap, ZERO])
        if masks_all(node):  # infinities do not count
            ends = [own(node), node.arg]
            masked = [apply(Eq, [end, const(NEUTRAL[node.head])]) for end in ends]
            gap = apply(Abs, [subtract(*(apply(if_else, [m, ZERO, end]) for m, end in zip(masked, ends, strict=True)))])
            none = apply(Or, [apply(Eq, ends), masked[1]])
        yield apply(if_else, [none, const(oo), gap])
