"""Which arrays have their rows of data last in memory: those that are reduced over their other axis, or are picked.

A maximum over ten classes of each of N rows is N short loops, but nine maxima of vectors where the classes lead. The
matrix product that makes such an array has either order for nothing. Softmax regression over 1797 rows takes half the
time, and a network of two layers over 60,000 rows five sixths.
"""

from collections.abc import Sequence

from sympy import Expr

from symgrad.graph.build import BALANCED
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Gather, Input, Named, Node, Reduce, Use, postorder
from symgrad.rewrite.record import record
from symgrad.schedule.rows import RowPlan

Order = tuple[int, ...]

_FEW = 16  # entries of a short axis at most


@record("A = (Aᵀ)ᵀ", "few long loops instead of many short ones", "measured: see the module's docstring")
def leading(nodes: Sequence[Node], plan: RowPlan) -> dict[Node, Order]:
    """The order of axes of each matrix that is better kept transposed; `nodes` come after their operands."""
    found: dict[Node, Order] = {}
    for node in nodes:
        if isinstance(node, Reduce) or (isinstance(node, Contract) and _is_plain_sum(node)):
            use, *_ = node.uses()
            if node.rank == 1 and node in plan.local and len(use.letters) == len(set(use.letters)) == 2:
                _lead(use.node, use.letters.index(0), plan, found)
    for node in nodes:  # what is computed elementwise from such matrices
        for use in _alike(node):
            if node not in found and use.node in found:
                _lead(node, use.letters[found[use.node][1]], plan, found)
    return found


def _lead(node: Node, row: int, plan: RowPlan, found: dict[Node, Order]) -> None:
    """Note a matrix with its rows along axis `row`, and the operands that it is computed from elementwise."""
    if node in found or isinstance(node, Input) or node not in plan.local:
        return
    found[node] = (1 - row, row)
    for use in _alike(node):
        _lead(use.node, use.letters.index(row), plan, found)


def _is_plain_sum(node: Contract) -> bool:
    return bool(node.bound) and len(node.factors) == 1 and node.factors[0][1] == 1


def _alike(node: Node) -> list[Use]:
    """The operands over both axes of a matrix that is computed from them elementwise."""
    if node.rank != 2 or not (_is_entrywise(node) or (isinstance(node, AxisMap) and node.head == BALANCED)):
        return []
    return [use for use in node.uses() if len(use.letters) == 2 and set(use.letters) == {0, 1}]


def _is_entrywise(node: Node) -> bool:
    return isinstance(node, Add | Apply | Named) or (isinstance(node, Contract) and not node.bound)


def is_picked(node: Node) -> bool:
    """Whether a node has entries of an array in an order that data say, a copy in any case."""
    return isinstance(node, Gather) and any(
        isinstance(below, Input) for below in postorder([s.node for s in node.subs])
    )


def long_last(nodes: Sequence[Node]) -> dict[Node, Order]:
    """The order of axes of arrays of a few numbers for each row, in the order that data pick rows in.

    So 30,000 points with three coordinates each are three vectors: a factor without coordinates takes three loops, not
    30,000. The Jacobian of bundle adjustment takes two fifths of the time. `nodes` come after their operands.
    """
    found: dict[Node, Order] = {}
    touched: set[Node] = set()
    rows: set[Expr] = set()
    for node in nodes:
        few = [axis for axis, side in enumerate(node.shape) if side.is_Integer and side <= _FEW]
        long = [axis for axis, side in enumerate(node.shape) if not side.is_number]
        several = bool(few) and len(long) == 1 and len(few) + 1 == node.rank
        if several and is_picked(node):
            rows.add(node.shape[long[0]])
            touched.add(node)
        elif any(use.node in touched for use in node.uses()):
            touched.add(node)
        if several and node in touched and node.shape[long[0]] in rows:
            found[node] = (*few, *long)
    return found


def pairs_last(nodes: Sequence[Node]) -> dict[Node, Order]:
    """The order of axes of arrays of a few numbers for each pair, as of differences of coordinates: pairs come last.

    Σ_a d[i, a, j]² of 200 points in space takes 325 µs, and Σ_a d[a, i, j]² 40. `nodes` come after their operands.
    """
    found: dict[Node, Order] = {}
    for node in nodes:
        few = tuple(axis for axis, side in enumerate(node.shape) if side.is_Integer and side <= _FEW)
        long = tuple(axis for axis, side in enumerate(node.shape) if not side.is_number)
        if not few or len(long) < 2 or len(few) + len(long) < node.rank or not _is_entrywise(node):
            continue
        whole = [use for use in node.uses() if sorted(use.letters) == [*range(node.rank)]]
        if isinstance(node, Add) and not whole and all(use.letters for use in node.uses()):
            found[node] = (*few, *long)
        elif known := [use for use in whole if use.node in found]:
            found[node] = tuple(known[0].letters[axis] for axis in found[known[0].node])
    return found


def rows_first(plan: RowPlan) -> dict[Node, Order]:
    """The order of axes of each matrix product with a row for each row of data, whatever order its node has."""
    products = [node for node in plan.local if isinstance(node, Contract) and node.bound and node.rank == 2]
    return {node: (0, 1) if node.shape[0] == plan.dimension else (1, 0) for node in products}
