"""Functions of square matrices and reshapes as NumPy: `np.linalg`, solves in place of inverses, `reshape`."""

from collections.abc import Sequence

from sympy import Expr

from symgrad.codegen.values import ATOM, Value, broadcast, transpose
from symgrad.graph.linear_algebra import (
    ADJUGATE,
    CHOLESKY,
    DET,
    INVERSE,
    KEEPS_SHAPE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    sides_of,
)
from symgrad.graph.nodes import Input, Letter, MatrixFunction, Merge, Named, Split

FORMATS = {
    INVERSE: "np.linalg.inv({})",
    CHOLESKY: "np.linalg.cholesky({})",
    ADJUGATE: "_adjugate({}, {})",
    DET: "np.linalg.det({})",
    LOGDET: "_logdet({})",
    LOG_ABS_DET: "np.linalg.slogdet({})[1]",
    SIGN_DET: "np.linalg.slogdet({})[0]",
}
LABELS = {
    **{INVERSE: "inv", CHOLESKY: "chol", ADJUGATE: "adj", DET: "det"},
    **{LOGDET: "logdet", LOG_ABS_DET: "logdet", SIGN_DET: "sign_det"},
}


def matrix_function_text(node: MatrixFunction, value: Value, *known: Value) -> Value:
    """`np.linalg` of the operand, given in the node's letters; an inverse remembers what it is the inverse of."""
    row, column, _ = sides_of(node)
    batch = [letter for letter in value.letters if letter not in (row, column)]
    pair = [row, column] if node.head == CHOLESKY else [x for x in value.letters if x in (row, column)]
    matrix = transpose(value, [*batch, *pair])
    label = definite_name(node)
    if label is not None:
        text = f"_cholesky({matrix.text}, {label!r})"
    else:
        text = FORMATS[node.head].format(matrix.text, *(transpose(part, batch).text for part in known))
    if node.head not in KEEPS_SHAPE:
        return Value(text, ATOM, tuple(batch))
    return Value(text, ATOM, matrix.letters, inverse_of=matrix if node.head == INVERSE else None)


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
    if inner not in (first, second):
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
            text = f"np.linalg.solve({left.text}, {right.at(ATOM)}[..., None])[..., 0]"
            return Value(text, ATOM, (*batch, outer))
    else:
        right = transpose(other, [inner, *columns])
    return Value(f"np.linalg.solve({left.text}, {right.text})", ATOM, (*batch, outer, *columns))


def merge_text(node: Merge, value: Value) -> Value:
    """Two axes as one."""
    outer, inner = node.rank, node.rank + 1
    axes = [axis for axis in range(node.rank) if axis != node.axis]
    order = [*axes[: node.axis], outer, inner, *axes[node.axis :]]
    lengths = {**dict(enumerate(node.shape)), outer: node.lengths[0], inner: node.lengths[1]}
    if set(value.letters) != set(order):
        shape = ", ".join(str(lengths[letter]) for letter in order)
        shaped = broadcast(value, order)
        value = Value(f"np.broadcast_to({shaped.text}, ({shape},))", ATOM, tuple(order))
    return _reshaped(transpose(value, order), node.shape, tuple(range(node.rank)))


def split_text(node: Split, value: Value) -> Value:
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
    sides = ", ".join(str(length) for length in shape)
    return Value(f"{value.at(ATOM)}.reshape({sides})", ATOM, letters)
