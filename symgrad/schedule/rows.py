"""Row blocks: finds the data axis over which everything is a sum, to be computed a block of rows at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr, S, Symbol, expand

from symgrad.arguments import Argument
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Input, Named, Node, Reduce, Use, postorder


@dataclass(frozen=True)
class RowPlan:
    """How a computation splits over the rows of its data.

    Attributes
    ----------
    dimension : the number of rows, a side of data only.
    arrays : the arguments with rows, along their first axis.
    local : nodes with an entry or more a row, which depend on that row only.
    sums : the sums over all rows, in the order in which they are computed.
    after : what depends on a sum.
    width : how many numbers a row takes, with its intermediate results.
    """

    dimension: Symbol
    arrays: tuple[str, ...]
    local: frozenset[Node]
    sums: tuple[Node, ...]
    after: frozenset[Node]
    width: Expr


def row_plan(roots: Sequence[Use], arguments: Sequence[Argument]) -> RowPlan | None:
    """The split over the first data axis that allows one; None if rows depend on each other, or on sums over them."""
    parameters = {s for a in arguments if a.role == "parameter" for side in a.shape for s in side.free_symbols}
    sides = dict.fromkeys(a.shape[0] for a in arguments if a.role == "data" and a.shape)
    nodes = list(postorder([use.node for use in roots]))
    for side in sides:
        if isinstance(side, Symbol) and side not in parameters:
            found = _split(nodes, side)
            if found is not None and not any(use.node in found.local for use in roots):
                return found
    return None


def _split(nodes: Sequence[Node], dimension: Symbol) -> RowPlan | None:
    local: set[Node] = set()
    after: set[Node] = set()
    sums: list[Node] = []
    arrays: list[str] = []
    width: Expr = S.Zero
    for node in nodes:
        rows = [axis for axis, side in enumerate(node.shape) if side.has(dimension)]
        bound = [side for side in getattr(node, "bound", ()) if side.has(dimension)]
        below = {use.node for use in node.uses()}
        if any(node.shape[axis] != dimension for axis in rows) or any(side != dimension for side in bound):
            return None
        if len(rows) + len(bound) > 1 or ((rows or bound) and below & after):
            return None
        if rows:
            if not _is_local(node, rows[0]):
                return None
            local.add(node)
            if isinstance(node, Input):
                arrays.append(node.name)
            if not isinstance(node, Named):
                width += _entries(node) / dimension
        elif bound:
            if not isinstance(node, Contract):
                return None
            sums.append(node)
            after.add(node)
        elif below & local:
            return None
        elif below & after:
            after.add(node)
    if not sums or not arrays:
        return None
    return RowPlan(dimension, tuple(sorted(arrays)), frozenset(local), tuple(sums), frozenset(after), expand(width))


def _is_local(node: Node, axis: int) -> bool:
    """Whether each row of a node depends on that row of its operands only."""
    if isinstance(node, Input):
        return axis == 0
    if isinstance(node, AxisMap):
        return axis not in node.over
    return isinstance(node, Add | Apply | Contract | Named | Reduce)


def _entries(node: Node) -> Expr:
    entries: Expr = S.One
    for side in node.shape:
        entries *= side
    return entries
