"""Values that are added at the same positions: added to each other first, so that positions are gone through once."""

from collections import Counter
from collections.abc import Sequence

from sympy import Number, S

from symgrad.graph.build import add, scatter
from symgrad.graph.kinds.scans import within
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Letter, Node, Scan, Scatter, Use, postorder
from symgrad.graph.transform import own, place, terms_of, transform
from symgrad.rewrite.record import record


@record(
    "a added at p + b added at p = a + b added at p",
    "zeros are made, and positions gone through, once",
    "linearity",
)
def add_first(roots: Sequence[Use]) -> list[Use]:
    """The terms with one array of values for all that a sum adds at the same positions.

    An array that is needed elsewhere as well stays, and so do those of recurrences, which add to one array in turn.
    """
    nodes = list(postorder([use.node for use in roots]))
    times = Counter(use.node for node in nodes for use in node.uses()) + Counter(root.node for root in roots)
    inside = {part for node in nodes if isinstance(node, Scan) for part in within(node)}

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Add) or node in inside:
            return None
        once = {n for n, use in enumerate(node.uses()) if isinstance(use.node, Scatter) and times[use.node] == 1}
        if len(once) < 2:
            return None
        left: list[tuple[Number, Use]] = []
        groups: dict[object, list[tuple[Number, Use]]] = {}
        for n, ((coefficient, _), use) in enumerate(zip(node.terms, uses, strict=True)):
            for inner, one in terms_of(use):
                here = n in once and isinstance(one.node, Scatter) and len({*one.letters}) == len(one.letters)
                part = _in_order(one) if here else one
                key = (part.letters, part.node.shape, part.node.subs) if isinstance(part.node, Scatter) else None
                if key is None or not here:
                    left.append((coefficient * inner, one))
                else:
                    groups.setdefault(key, []).append((coefficient * inner, part))
        return add([*left, *(term for group in groups.values() for term in _joined(group))])

    return transform(roots, visit)


def _in_order(use: Use) -> Use:
    """The same with the axes in the order of their letters."""
    node = use.node
    assert isinstance(node, Scatter)
    order = sorted(range(node.rank), key=lambda axis: use.letters[axis])
    if order == list(range(node.rank)):
        return use
    bound: dict[Letter, Letter] = {node.rank + k: ("added", k) for k in range(len(node.bound))}
    names = dict(enumerate(use.letters)) | bound
    return scatter(
        relabel(node.value, names),
        [relabel(node.subs[axis], names) for axis in order],
        tuple(node.shape[axis] for axis in order),
        [use.letters[axis] for axis in order],
        {("added", k): length for k, length in enumerate(node.bound)},
    )


def _joined(group: Sequence[tuple[Number, Use]]) -> list[tuple[Number, Use]]:
    """Arrays of values added at the same positions as one."""
    if len(group) == 1:
        return list(group)
    (_, first), *_ = group
    node = first.node
    assert isinstance(node, Scatter)
    value = add((coefficient, use.node.value) for coefficient, use in group if isinstance(use.node, Scatter))
    made = own(node).node.rebuild((value, *node.subs))
    return [(S.One, place(made, first.letters))]
