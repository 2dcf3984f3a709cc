"""Second derivatives and Jacobians of vectors by vectors as matrix expressions."""

from collections.abc import Sequence
from typing import Any

from sympy import MatrixSymbol, S, Symbol
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.special import Identity, ZeroMatrix

from symgrad.calculus.structure import Block, total
from symgrad.formula.indexed import IndexLambda, IndexNames, IndexWriter
from symgrad.formula.matrix import matrix_form
from symgrad.formula.network import NoMatrixForm
from symgrad.formula.tidy import tidied
from symgrad.graph.nodes import Named, Node, Trajectory
from symgrad.graph.transform import place


def second_formula(
    parts: Sequence[Block],
    bases: Sequence[Any],
    nodes: Sequence[Node],
    subscripts: Sequence[tuple[Any, ...] | None],
    names: IndexNames,
) -> Any:
    """The sum of blocks over the axes of two quantities.

    `subscripts` are the indices at which each is wanted; where they are None the result is a matrix, or a function of
    the quantity's indices.
    """
    if all(given is None for given in subscripts):
        matrix = _vector_matrix(parts, bases, nodes)
        if matrix is not None:
            return matrix
    taken: set[Any] = {index for given in subscripts for index in given or ()}
    free: list[Any] = []
    at: list[Any] = []
    for base, node, given in zip(bases, nodes, subscripts, strict=True):
        for axis, size in enumerate(base.shape if isinstance(base, MatrixSymbol) else node.shape):
            chosen = names.pick(S(size), taken) if given is None else given[axis]
            taken.add(chosen)
            free += [chosen] if given is None else []
            at += [] if isinstance(base, MatrixSymbol) and size == 1 else [chosen]
    whole = total(parts, nodes[0].shape + nodes[1].shape)
    writer, indices = IndexWriter(names), dict(enumerate(at))
    if isinstance(whole.node, Named) and isinstance(whole.node.arg.node, Trajectory):  # the tangent of a recurrence
        body = writer.recursion(place(whole.node.arg, whole.letters), indices)
    else:
        body = writer.write(whole, indices)
    body = tidied(body)
    return IndexLambda(tuple(free), body) if free else body


def _vector_matrix(parts: Sequence[Block], bases: Sequence[Any], nodes: Sequence[Node]) -> Any | None:
    """The sum of blocks as a matrix with a row for each entry of the first quantity; None where it has no such form.

    Both quantities have to be scalars, or matrices with a side of one: what is subscripted stays so.
    """
    if not all(isinstance(base, Symbol) or (isinstance(base, MatrixSymbol) and 1 in base.shape) for base in bases):
        return None
    ranks = [node.rank for node in nodes]
    if ranks == [0, 0] and not any(isinstance(base, MatrixSymbol) for base in bases):
        return None
    lengths = [node.shape[0] if node.rank else S.One for node in nodes]
    row, column = (0 if ranks[0] else None), (ranks[0] if ranks[1] else None)
    if row is None and column is not None:  # the derivative of a scalar by a vector is a vector, as a gradient is
        row, column, lengths = column, None, lengths[::-1]
    try:
        pieces = [_piece(part, (row, lengths[0]), (column, lengths[1])) for part in parts]
    except (NoMatrixForm, NotImplementedError):
        return None
    if not pieces:
        return ZeroMatrix(*lengths)
    result = pieces[0]
    for piece in pieces[1:]:
        result = result + piece
    return result


def _piece(part: Block, rows: Any, columns: Any) -> Any:
    if part.hits:
        raise NoMatrixForm("a subscript that is data")
    if not part.ties:
        return matrix_form(part.cofactor, rows, columns)
    if not part.cofactor.letters:
        scalar = matrix_form(part.cofactor, (None, S.One), (None, S.One))
        return Identity(rows[1]) if scalar == 1 else scalar * Identity(rows[1])
    vector: MatrixExpr = matrix_form(part.cofactor, rows, (None, S.One))
    coefficient, inner = vector.as_coeff_mmul() if vector.is_MatMul else (S.One, vector)
    return DiagMatrix(inner) if coefficient == 1 else coefficient * DiagMatrix(inner)
