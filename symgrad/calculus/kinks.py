"""How far inputs are from the points where a model is not smooth, as a term of the graph."""

from collections.abc import Iterable, Iterator
from functools import reduce as reduced

from sympy import Abs, Eq, Gt, Max, Min, Or, oo, sign
from sympy.core.relational import Relational

from symgrad.functions import MaxOver, MinOver, if_else, relu, step
from symgrad.graph.axes import reduce
from symgrad.graph.build import ONE, ZERO, apply, const, mul, subtract
from symgrad.graph.masks import NEUTRAL, masks_all
from symgrad.graph.nodes import Apply, Node, Past, Previous, Reduce, Use, postorder
from symgrad.graph.scan import finished
from symgrad.graph.transform import dependents, own


def kink_distance(loss: Use, parameters: Iterable[Node]) -> Use | None:
    """The smallest distance of any kinked function's argument from its kink; None if the model is smooth.

    relu(x), |x|, sign(x): |x|; max(a, b) and a < b: |a - b|; a maximum over an index: its gap to the next entry, of
    those that do not tie with it: entries that are the same everywhere, as zeros of a relu are, have no kink there.
    Conditions on data and indices alone are no kinks: nothing that is differentiated moves them.
    """
    nearest: Use | None = None
    for node in _kinked(loss, parameters):
        for distance in _distances(node):
            closest = _closest(distance)
            nearest = closest if nearest is None else apply(Min, [nearest, closest])
    return None if nearest is None else finished(nearest, loss.node)


def kinks(loss: Use, parameters: Iterable[Node]) -> list[tuple[str, Use]]:
    """Every kinked function by the name of its kind, and the distance from its kink, which is 0 where entries tie."""
    found = []
    for node in _kinked(loss, parameters):
        distances = [_closest(distance) for distance in (*_distances(node), *_ties(node))]
        if distances:
            nearest = reduced(lambda left, right: apply(Min, [left, right]), distances)
            found.append((node.head.__name__, finished(nearest, loss.node)))  # type: ignore[attr-defined]
    return found


def _kinked(loss: Use, parameters: Iterable[Node]) -> list[Node]:
    """The functions that may have a kink and that parameters move."""
    nodes = list(postorder([loss.node]))
    moving = dependents(nodes, [*parameters, *(node for node in nodes if isinstance(node, Past | Previous))])
    return [node for node in nodes if node in moving]


def _closest(distance: Use) -> Use:
    return reduce(MinOver, own(distance.node), dict(enumerate(distance.node.shape)))


def _ties(node: Node) -> Iterator[Use]:
    """0 where several entries are the largest, or the smallest."""
    if isinstance(node, Reduce) and node.head in (MaxOver, MinOver):
        same = apply(if_else, [apply(Eq, [own(node), node.arg]), ONE, ZERO])
        count = mul([same], dict(enumerate(node.bound, node.rank)))
        yield apply(if_else, [apply(Gt, [count, ONE]), ZERO, const(oo)])


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
