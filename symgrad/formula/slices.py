"""Parts of matrix expressions between two rows and two columns."""

from typing import Any

from sympy import BlockMatrix, Expr, MatAdd, MatMul, S, Transpose, expand
from sympy.matrices.expressions.slice import MatrixSlice

from symgrad.formula.algebra import transposed
from symgrad.formula.collect import scaled


def cut(matrix: Any, rows: tuple[Expr, Expr], columns: tuple[Expr, Expr]) -> Any:
    """The part between two rows and two columns; of a product that of its first and last factors."""
    if all(expand(stop - start - side) == 0 for (start, stop), side in zip((rows, columns), matrix.shape, strict=True)):
        return matrix
    if isinstance(matrix, Transpose):
        return transposed(cut(matrix.arg, columns, rows))
    if isinstance(matrix, BlockMatrix) and (found := _cut_blocks(matrix, rows, columns)) is not None:
        return found
    if isinstance(matrix, MatAdd) and any(isinstance(part, BlockMatrix) for part in matrix.args):
        return MatAdd(*(cut(part, rows, columns) for part in matrix.args))
    if isinstance(matrix, MatMul):
        scale, matrices = matrix.as_coeff_matrices()
        whole = [(S.Zero, side) for side in (matrices[0].shape[1], matrices[-1].shape[0])]
        if len(matrices) == 1:
            return scaled(scale, cut(matrices[0], rows, columns))
        first, last = cut(matrices[0], rows, whole[0]), cut(matrices[-1], whole[1], columns)
        return scaled(scale, MatMul(first, *matrices[1:-1], last))
    return MatrixSlice(matrix, rows, columns)


def _cut_blocks(matrix: BlockMatrix, *ranges: tuple[Expr, Expr]) -> Any | None:
    """The blocks between two rows and two columns; None if these cut through blocks."""
    kept = []
    for lengths, (start, stop) in zip((matrix.rowblocksizes, matrix.colblocksizes), ranges, strict=True):
        ends = [expand(sum(lengths[:n], S.Zero)) for n in range(len(lengths) + 1)]
        if expand(start) not in ends or expand(stop) not in ends:
            return None
        kept.append(slice(ends.index(expand(start)), ends.index(expand(stop))))
    blocks = matrix.blocks[kept[0], kept[1]]
    return blocks[0, 0] if blocks.shape == (1, 1) else BlockMatrix(blocks)
