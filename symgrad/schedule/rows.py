"""Row blocks: finds the data axis over which everything is a sum, to be computed a block of rows at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Add as SymAdd
from sympy import Expr, Mul, Symbol, expand

from symgrad.arguments import Argument
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    Input,
    Named,
    Node,
    Range,
    Reduce,
    Scatter,
    Use,
    postorder,
)
from symgrad.rewrite.record import record


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
    size : how many numbers the sums have.
    """

    dimension: Symbol
    arrays: tuple[str, ...]
    local: frozenset[Node]
    sums: tuple[Node, ...]
    after: frozenset[Node]
    width: Expr
    size: Expr


@record(
    "a sum over all rows is one over blocks of rows",
    "a block of rows stays in the processor's cache",
    "associative law",
)
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
    widths: list[Expr] = []
    for node in nodes:
        rows = [axis for axis, side in enumerate(node.shape) if dimension in side.free_symbols]
        bound = [side for side in getattr(node, "bound", ()) if dimension in side.free_symbols]
        below = {use.node for use in node.uses()}
        if any(node.shape[axis] != dimension for axis in rows) or any(side != dimension for side in bound):
            return None
        within = isinstance(node, Scatter) and _keeps_rows(node, rows, dimension)
        if (len(rows) + len(bound) > 1 and not within) or ((rows or bound) and below & after):
            return None
        if any(isinstance(other, Range) and other in local for other in below) and not isinstance(
            node, Gather | Scatter
        ):
            return None  # the numbers of the rows themselves, which differ from block to block
        if rows:
            if not (within or _is_local(node, rows, dimension)):
                return None
            local.add(node)
            if isinstance(node, Input):
                arrays.append(node.name)
            if not isinstance(node, Named):
                widths.append(Mul(*(side for side in node.shape if side != dimension)))
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
    width, size = (expand(SymAdd(*parts)) for parts in (widths, [Mul(*node.shape) for node in sums]))
    return RowPlan(dimension, tuple(sorted(arrays)), frozenset(local), tuple(sums), frozenset(after), width, size)


def _is_local(node: Node, rows: Sequence[int], dimension: Symbol) -> bool:
    """Whether each row of a node depends on that row of its operands only."""
    if isinstance(node, Input):
        return rows[0] == 0
    if isinstance(node, AxisMap):
        return rows[0] not in node.over
    if isinstance(node, Gather):
        base = node.base.node.shape
        return all(
            _is_row(sub, rows[0]) for sub, side in zip(node.subs, base, strict=True) if side == dimension
        ) and all(side == dimension or not _is_row(sub, rows[0]) for sub, side in zip(node.subs, base, strict=True))
    return isinstance(node, Add | Apply | Contract | Named | Reduce | Range)


def _keeps_rows(node: Scatter, rows: Sequence[int], dimension: Symbol) -> bool:
    """Whether what is scattered from a row stays in it."""
    if len(rows) != 1 or not isinstance(node.subs[rows[0]].node, Range):
        return False
    (letter,) = node.subs[rows[0]].letters
    own = [k for k, side in enumerate(node.bound, node.rank) if side == dimension]
    others = [sub for axis, sub in enumerate(node.subs) if axis != rows[0]]
    return own in ([], [letter]) and not any(isinstance(sub.node, Range) and sub.letters == (letter,) for sub in others)


def _is_row(sub: Use, row: int) -> bool:
    """Whether a subscript is the row's own index."""
    return isinstance(sub.node, Range) and sub.letters == (row,)
