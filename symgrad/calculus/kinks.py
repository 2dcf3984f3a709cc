"""How far inputs are from the points where a model is not smooth, as terms of the graph."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sympy import Abs, And, Eq, Gt, Max, Min, Not, Or, S, oo, sign
from sympy.core.relational import Relational

from symgrad.functions import MaxOver, MinOver, if_else, relu, step
from symgrad.graph.build import ONE, ZERO, apply, const, is_zero, mul, product_of_powers, sizes_of, subtract
from symgrad.graph.kinds.scans import finished
from symgrad.graph.letters import relabel
from symgrad.graph.masks import NEUTRAL, masks_all
from symgrad.graph.nodes import Add, Apply, Contract, Named, Node, Past, Previous, Reduce, Use, postorder
from symgrad.graph.transform import dependents, own

_ENTRYWISE = (Add, Contract, Apply, Reduce, Named)  # an entry of these needs the operand's entries of its own letters


class Kink(NamedTuple):
    """A kinked function of the loss.

    Attributes
    ----------
    label : the name of its kind.
    gaps : the distance from its kink, entry by entry; infinite where a condition leaves the function out.
    ties : of a maximum, what is 0 where several entries are the largest, else infinite.
    """

    label: str
    gaps: Use
    ties: Use | None = None


def kinks(loss: Use, parameters: Iterable[Node]) -> list[Kink]:
    """Every function that has a kink where parameters move it, with the distance from there.

    relu(x), |x|, sign(x): |x|; max(a, b) and a < b: |a - b|; a maximum over an index: its gap to the next entry, of
    those that do not tie with it: entries that are the same everywhere, as zeros of a relu are, have no kink there.
    |x|³ is smooth. Conditions on data and indices alone are no kinks: nothing that is differentiated moves them.
    """
    nodes = list(postorder([loss.node]))
    moving = dependents(nodes, [*parameters, *(node for node in nodes if isinstance(node, Past | Previous))])
    kinked = [node for node in nodes if node in moving and next(_gaps(node), None) is not None]
    kinked = [node for node in kinked if not _is_smoothed(node, nodes)]
    needed = _needed(nodes, kinked)
    found = []
    for node in kinked:
        where = needed[node]
        gaps = [gap if where is None else apply(if_else, [where, gap, const(oo)]) for gap in _gaps(node)]
        found.append(Kink(node.head.__name__, *(finished(gap, loss.node) for gap in gaps)))  # type: ignore[attr-defined]
    return found


def _gaps(node: Node) -> Iterator[Use]:
    """The distances from the kink of a function, if it has one; of a maximum also its ties."""
    if isinstance(node, Apply):
        if node.head in (relu, Abs, sign, step):
            yield apply(Abs, [node.args[0]])
        elif node.head in (Max, Min) or (isinstance(node.head, type) and issubclass(node.head, Relational)):
            yield apply(Abs, [subtract(*node.args)])
    elif isinstance(node, Reduce) and node.head in (MaxOver, MinOver):
        gap = apply(Abs, [subtract(own(node), node.arg)])
        none = apply(Eq, [gap, ZERO])
        if masks_all(node.head, node.arg):  # infinities do not count
            ends = [own(node), node.arg]
            masked = [apply(Eq, [end, const(NEUTRAL[node.head])]) for end in ends]
            gap = apply(Abs, [subtract(*(apply(if_else, [m, ZERO, end]) for m, end in zip(masked, ends, strict=True)))])
            none = apply(Or, [apply(Eq, ends), masked[1]])
        yield apply(if_else, [none, const(oo), gap])
        same = apply(if_else, [apply(Eq, [own(node), node.arg]), ONE, ZERO])
        count = mul([same], dict(enumerate(node.bound, node.rank)))
        yield apply(if_else, [apply(Gt, [count, ONE]), ZERO, const(oo)])


def _is_smoothed(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether a function that is zero at its kink is used in powers above the first only, whose slope is zero there."""
    if isinstance(node, Apply):
        if node.head not in (relu, Abs, Max, Min):
            return False
        if node.head in (Max, Min) and not any(is_zero(arg) for arg in node.args):
            return False
    users = [above for above in nodes if any(use.node is node for use in above.uses())]
    return bool(users) and all(
        _is_smoothed(above, nodes)
        if isinstance(above, Named)
        else isinstance(above, Contract) and all(e > 1 for use, e in above.factors if use.node is node)
        for above in users
    )


def _needed(nodes: Sequence[Node], wanted: Collection[Node]) -> Mapping[Node, Use | None]:
    """Where the value of a node is asked for, as a condition in its letters; None where that is everywhere, or unknown.

    An entry is asked for where it is part of the branch of a condition that is taken.
    """
    above = dependents(nodes, wanted)
    found: dict[Node, Use | None] = {nodes[-1]: None}
    for node in reversed(nodes):
        if node not in found or node not in above:
            continue
        for number, use in enumerate(node.uses()):
            if use.node in above:
                where = _branch(node, number, found[node])
                where = _projected(where, use) if isinstance(node, _ENTRYWISE) else None
                before = found.get(use.node, where)
                found[use.node] = None if where is None or before is None else apply(Or, [before, where])
    return found


def _branch(node: Node, number: int, where: Use | None) -> Use | None:
    """Where an operand is asked for, of a node that is asked for at `where`."""
    if not (isinstance(node, Apply) and node.head is if_else and number > 0):
        return where
    condition = node.args[0] if number == 1 else apply(Not, [node.args[0]])
    return condition if where is None else apply(And, [where, condition])


def _projected(where: Use | None, use: Use) -> Use | None:
    """A condition in the letters of an operand: that it holds somewhere along the letters that the operand lacks."""
    if where is None or len(set(use.letters)) < len(use.letters):
        return None
    missing = {letter: length for letter, length in sizes_of([where]).items() if letter not in use.letters}
    if missing:
        count = product_of_powers([(apply(if_else, [where, ONE, ZERO]), S.One)], missing)
        where = apply(Gt, [count, ZERO])
    return relabel(where, {letter: axis for axis, letter in enumerate(use.letters)})
