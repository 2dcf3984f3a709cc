"""Sums of blocks that are placed in zeros as one array of blocks, and Kronecker products."""

from collections.abc import Callable, Collection

from symgrad.graph.blocks import Grid, Place
from symgrad.graph.build import number as is_number
from symgrad.graph.kinds.reshapes import kronecker_factors
from symgrad.graph.nodes import Merge, Node, Use
from symgrad.graph.transform import own
from symgrad.lowering.values import Value, broadcast, python, transpose
from symgrad.statements.arithmetic import number, operation, product
from symgrad.statements.expressions import LIST, NEW_AXIS, Expression, FloatingType, Group, Sides, Subscript


def block_value(grid: Grid, read: Callable[[Use], Value]) -> Value:
    """An array of numbers, a concatenation of vectors, or blocks of matrices."""
    entries = all(length == 1 for corner in grid.blocks for _, length in corner)

    def cell(corner: tuple[Place, ...]) -> Expression:
        shape = Sides(tuple(length for _, length in corner))
        if corner not in grid.blocks:
            return number(0) if entries else operation("zeros", shape, dtype=FloatingType())
        return _cell(grid, corner, read, entries)

    def nested(places: tuple[Place, ...]) -> Expression:
        if len(places) == len(grid.letters):
            return cell(places)
        return Group(LIST, tuple(nested((*places, place)) for place in grid.lines[len(places)]))

    if entries:
        return Value(operation("array", nested(()), dtype=FloatingType()), grid.letters)
    return Value(operation("concatenate" if len(grid.letters) == 1 else "block", nested(())), grid.letters)


def _cell(grid: Grid, corner: tuple[Place, ...], read: Callable[[Use], Value], entries: bool) -> Expression:
    """What is placed at a corner, in the shape of its block."""
    lengths = [length for _, length in corner]
    coefficient, use = grid.blocks[corner]
    value = read(use)
    if is_number(use) == 1:
        value = python(coefficient)
    elif coefficient != 1:
        value = Value(product([number(coefficient), value.expression]), value.letters)
    if not value.letters:
        filled = operation("full", Sides(tuple(lengths)), value.expression, dtype=FloatingType())
        return value.expression if entries else filled
    if len(value.letters) == len(grid.letters):
        return transpose(value, grid.letters).expression
    full = broadcast(value, grid.letters)
    made = Subscript(full.expression, (NEW_AXIS,)) if full.letters == grid.letters[1:] else full.expression
    whole = {letter for letter, length in zip(grid.letters, lengths, strict=True) if length != 1}
    return made if whole <= set(value.letters) else operation("broadcast_to", made, Sides(tuple(lengths)))


def kronecker_of(node: Node, known: Collection[Node]) -> tuple[Use, Use] | None:
    """The factors of a Kronecker product, if both are computed anyway."""
    halves = kronecker_factors(own(node)) if isinstance(node, Merge) else None
    return halves if halves is not None and all(half.node in known for half in halves) else None


def kronecker_value(left: Value, right: Value) -> Value:
    """A ⊗ B over the axes 0 and 1."""
    turned = all(half.letters == (("column", n), ("row", n)) for n, half in enumerate((left, right)))  # Aᵀ ⊗ Bᵀ
    order = ("column", "row") if turned else ("row", "column")
    halves = [transpose(half, [(side, n) for side in order]).expression for n, half in enumerate((left, right))]
    return Value(operation("kron", *halves), (1, 0) if turned else (0, 1))
