"""Functions of square matrices, solves in place of inverses, and axes that are merged or split by `reshape`."""

from collections.abc import Sequence

from sympy import Expr

from symgrad.graph.build import ADJUGATE, CHOLESKY, DET, INVERSE, KEEPS_SHAPE, LOG_ABS_DET, LOGDET, SIGN_DET
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.nodes import Input, Letter, MatrixFunction, Merge, Named, Split
from symgrad.lowering.values import Value, broadcast, transpose
from symgrad.statements.arithmetic import number, operation
from symgrad.statements.expressions import NEW_AXIS, OTHER_AXES, Expression, Label, Sides, Subscript

# the operation, and the place of its result where it gives several
HEADS: dict[str, tuple[str, int | None]] = {
    INVERSE: ("inv", None),
    CHOLESKY: ("cholesky", None),
    ADJUGATE: ("adjugate", None),
    DET: ("det", None),
    LOGDET: ("logdet", None),
    LOG_ABS_DET: ("slogdet", 1),
    SIGN_DET: ("slogdet", 0),
}


def matrix_function_value(node: MatrixFunction, value: Value, *known: Value) -> Value:
    """The function of the operand, given in the node's letters; an inverse remembers what it is the inverse of."""
    row, column, _ = sides_of(node)
    batch = [letter for letter in value.letters if letter not in (row, column)]
    pair = [row, column] if node.head == CHOLESKY else [x for x in value.letters if x in (row, column)]
    matrix = transpose(value, [*batch, *pair])
    label = definite_name(node)
    if label is not None:
        made: Expression = operation("definite_cholesky", matrix.expression, Label(label))
    else:
        head, place = HEADS[node.head]
        made = operation(head, matrix.expression, *(transpose(part, batch).expression for part in known))
        made = made if place is None else Subscript(made, (number(place),))
    if node.head not in KEEPS_SHAPE:
        return Value(made, tuple(batch))
    return Value(made, matrix.letters, inverse_of=matrix if node.head == INVERSE else None)


def definite_name(node: MatrixFunction) -> str | None:
    """What an error calls a matrix of which a Cholesky factor is taken because a fact says that it has one."""
    matrix = node.arg.node
    if node.head == CHOLESKY and isinstance(matrix, Input | Named) and "positive_definite" in matrix.properties:
        return matrix.name
    return None


def solve(inverse: Value, other: Value, summed: Sequence[Letter]) -> Value | None:
    """The product of an inverse with an operand as a solve; None if it is not one matrix times columns."""
    matrix = inverse.inverse_of
    if matrix is None or len(summed) != 1:
        return None
    *batch, first, second = matrix.letters
    (inner,) = summed
    if inner not in (first, second) or inner not in other.letters:
        return None
    outer = first if inner == second else second
    stack = [letter for letter in other.letters if letter in batch]
    columns = [letter for letter in other.letters if letter not in (*batch, inner)]
    if outer in other.letters or len(columns) > 1 or (stack not in ([], batch) and sorted(stack) != sorted(batch)):
        return None
    left = matrix if inner == second else transpose(matrix, [*batch, second, first])
    if stack:
        right = transpose(other, [*batch, inner, *columns])
        if not columns:
            column = Subscript(right.expression, (OTHER_AXES, NEW_AXIS))
            made = Subscript(operation("solve", left.expression, column), (OTHER_AXES, number(0)))
            return Value(made, (*batch, outer))
    else:
        right = transpose(other, [inner, *columns])
    return Value(operation("solve", left.expression, right.expression), (*batch, outer, *columns))


def merge_value(node: Merge, value: Value) -> Value:
    """Two axes as one."""
    outer, inner = node.rank, node.rank + 1
    axes = [axis for axis in range(node.rank) if axis != node.axis]
    order = [*axes[: node.axis], outer, inner, *axes[node.axis :]]
    lengths = {**dict(enumerate(node.shape)), outer: node.lengths[0], inner: node.lengths[1]}
    if set(value.letters) != set(order):
        shape = Sides(tuple(lengths[letter] for letter in order))
        value = Value(operation("broadcast_to", broadcast(value, order).expression, shape), tuple(order))
    return _reshaped(transpose(value, order), node.shape, tuple(range(node.rank)))


def split_value(node: Split, value: Value) -> Value:
    """One axis as two."""
    first, second = node.axes
    order = [node.rank if axis == first else axis for axis in range(node.rank) if axis != second]
    if second != first + 1:  # the axes of the node may lie apart
        order = [axis for axis in range(node.rank) if axis not in node.axes]
        value = transpose(value, [*order, node.rank])
        letters = (*order, first, second)
        return _reshaped(value, [node.shape[x] for x in letters], letters)
    return _reshaped(transpose(value, order), node.shape, tuple(range(node.rank)))


def _reshaped(value: Value, shape: Sequence[Expr], letters: tuple[Letter, ...]) -> Value:
    return Value(operation("reshape", value.expression, Sides(tuple(shape))), letters)
