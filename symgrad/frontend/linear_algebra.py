"""Reads inverses, determinants, Kronecker products and matrices made of blocks or of single entries."""

from typing import Any

from sympy import Basic, BlockMatrix, Determinant, Expr, Integer, Inverse, MatrixBase, S
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.matpow import MatPow

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.binders import apart
from symgrad.frontend.reader import IndexReader
from symgrad.frontend.scope import Scope, place_of
from symgrad.frontend.subscripts import Reading
from symgrad.graph.build import (
    CHOLESKY,
    DET,
    INVERSE,
    LOGDET,
    add,
    gather,
    index,
    matrix_function,
    merge,
    mul,
    power,
    scatter,
    size,
)
from symgrad.graph.dimensions import equal
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Letter, Use
from symgrad.matrix_functions import CholeskyEntry, CholeskyFactor, DetOver, InverseEntry, LogDet, LogDetOver

ROW, COLUMN = "row", "column"

# A power of up to so many factors is one product, whose derivative is read as a formula; a higher one is squared.
_LONGEST_CHAIN = 4


class LinearAlgebraReader(IndexReader):
    """Reads functions of square matrices and matrices put together from others."""

    def linear_algebra(self, expr: Basic, scope: Scope) -> Reading | None:
        match expr:
            case Determinant():
                return self._determinant(DET, expr, scope)
            case LogDet():
                return self._determinant(LOGDET, expr, scope)
            case DetOver():
                return self._over_indices(DET, expr, scope)
            case LogDetOver():
                return self._over_indices(LOGDET, expr, scope)
            case CholeskyEntry():
                return self._over_indices(CHOLESKY, expr, scope)
            case InverseEntry():
                return self._over_indices(INVERSE, expr, scope)
            case CholeskyFactor():
                return self._cholesky(expr, scope)
            case Inverse() | MatPow():
                return self._power(expr, scope)
            case KroneckerProduct():
                return self._kronecker_product(expr, scope)
            case BlockDiagMatrix():
                return self._block_diagonal(expr, scope)
            case BlockMatrix():
                return self._blocks(expr, scope)
            case MatrixBase():
                return self._explicit(expr, scope)
        return None

    # --- functions of square matrices ---------------------------------------------------------------------------------

    def _determinant(self, head: str, expr: Any, scope: Scope) -> Reading:
        side = _square_side(expr, expr.args[0], "the determinant")
        inner = yield expr.args[0], scope
        return _of_matrix(head, expr, inner, (ROW, COLUMN, side))

    def _cholesky(self, expr: CholeskyFactor, scope: Scope) -> Reading:
        side = _square_side(expr, expr.arg, "the Cholesky factor")
        inner = yield expr.arg, scope
        return _of_matrix(CHOLESKY, expr, inner, (ROW, COLUMN, side))

    def _over_indices(self, head: str, expr: Any, scope: Scope) -> Reading:
        """A function of the matrix whose entry at (i, j) is an expression in i and j."""
        inside, found = scope, []
        entry, limits = apart(expr.args[0], expr.limits, self._taken(scope))
        for symbol, low, high in limits:
            bound, conditions = self.bind(symbol, low, high, inside, expr)
            if conditions:
                raise UnsupportedError(f"{place_of(expr)}: the side {low} ... {high} depends on an index")
            inside = inside.with_index(symbol, bound)
            found.append(bound)
        row, column = found
        if not equal(row.length, column.length):
            raise ModelError(f"{place_of(expr)}: {row.length} rows and {column.length} columns: it is not square")
        body = yield entry, inside
        made = _of_matrix(head, expr, body, (row.letter, column.letter, row.length))
        if head not in (INVERSE, CHOLESKY):
            return made
        subs: dict[Letter, Use] = {}
        for axis, (sub, bound) in enumerate(zip(expr.at, (row, column), strict=True)):
            self._refuse_escaped(sub, scope)
            self.check_range(sub - bound.start, bound.length, axis, expr, scope)
            known = scope.indices.get(sub)
            if known is not None and equal(known.start, bound.start) and equal(known.length, bound.length):
                subs[bound.letter] = index(known.letter, bound.length)
            else:
                subs[bound.letter] = add([(S.One, (yield sub, scope)), (S.NegativeOne, size(bound.start))])
        sizes = dict(zip(made.letters, made.node.shape, strict=True))
        return gather(made, [subs.get(letter) or index(letter, sizes[letter]) for letter in made.letters])

    def _power(self, expr: Any, scope: Scope) -> Reading:
        base, exponent = expr.args
        side = _square_side(expr, base, "a power or the inverse")
        inner = yield base, scope
        if side == 1:
            return power(inner, (yield exponent, scope))
        if not isinstance(exponent, Integer):
            raise UnsupportedError(
                f"symgrad does not know the matrix power {place_of(expr)}; entry by entry it is "
                f"HadamardPower({base}, {exponent})"
            )
        if exponent < 0:
            inner = _of_matrix(INVERSE, expr, inner, (ROW, COLUMN, side))
        return matrix_power(inner, abs(int(exponent)), side)

    # --- matrices put together ----------------------------------------------------------------------------------------

    def _kronecker_product(self, expr: KroneckerProduct, scope: Scope) -> Reading:
        first, *others = expr.args
        made = yield first, scope
        rows, columns = first.shape
        for other in others:
            right = relabel((yield other, scope), {ROW: "inner row", COLUMN: "inner column"})
            product = mul([made, right])
            made = merge(product, ROW, "inner row", ROW, (rows, other.shape[0]))
            made = merge(made, COLUMN, "inner column", COLUMN, (columns, other.shape[1]))
            rows, columns = rows * other.shape[0], columns * other.shape[1]
        return made

    def _block_diagonal(self, expr: BlockDiagMatrix, scope: Scope) -> Reading:
        top, left, terms = S.Zero, S.Zero, []
        for block in expr.args:
            inner = yield block, scope
            terms.append((S.One, _placed(inner, block.shape, (top, left), expr.shape)))
            top, left = top + block.shape[0], left + block.shape[1]
        return add(terms)

    def _blocks(self, expr: BlockMatrix, scope: Scope) -> Reading:
        blocks, top, terms = expr.blocks, S.Zero, []
        for i in range(blocks.shape[0]):
            left = S.Zero
            for j in range(blocks.shape[1]):
                block = blocks[i, j]
                for side, other in ((0, blocks[i, 0]), (1, blocks[0, j])):
                    if not equal(block.shape[side], other.shape[side]):
                        raise ModelError(f"{place_of(expr)}: the blocks {block} and {other} do not fit together")
                inner = yield block, scope
                terms.append((S.One, _placed(inner, block.shape, (top, left), expr.shape)))
                left += block.shape[1]
            top += blocks[i, 0].shape[0]
        return add(terms)

    def _explicit(self, expr: MatrixBase, scope: Scope) -> Reading:
        terms = []
        for i in range(expr.rows):
            for j in range(expr.cols):
                if isinstance(expr[i, j], MatrixExpr):
                    raise ModelError(f"{place_of(expr)} holds the matrix {place_of(expr[i, j])}; use BlockMatrix")
                inner = yield expr[i, j], scope
                terms.append((S.One, _placed(inner, (S.One, S.One), (S(i), S(j)), expr.shape)))
        return add(terms)


def _of_matrix(head: str, expr: Any, inner: Use, sides: tuple[Letter, Letter, Expr]) -> Use:
    try:
        return matrix_function(head, inner, *sides)
    except ModelError as error:
        raise ModelError(f"{place_of(expr)}: {error}") from error


def matrix_power(base: Use, exponent: int, side: Expr) -> Use:
    """Mⁿ over ROW and COLUMN, n ≥ 1: one product of few factors, or by repeated squaring."""
    if exponent > _LONGEST_CHAIN:
        half = matrix_power(base, exponent // 2, side)
        return _chain([half, half, *([base] if exponent % 2 else [])], side)
    return _chain([base] * exponent, side)


def _chain(factors: list[Use], side: Expr) -> Use:
    names = [ROW, *(("inner", n) for n in range(1, len(factors))), COLUMN]
    chain = [relabel(factor, {ROW: names[n], COLUMN: names[n + 1]}) for n, factor in enumerate(factors)]
    return mul(chain, dict.fromkeys(names[1:-1], side))


_ENTRY_BY_ENTRY = (
    "; entry by entry a power is power(A, p), an absolute value abs(A), by `from symgrad import power, abs`, and a "
    "quotient is HadamardProduct(A, power(B, -1))"
)


def _square_side(expr: Any, matrix: Any, what: str) -> Expr:
    rows, columns = matrix.shape
    if not equal(rows, columns):
        raise ModelError(
            f"{place_of(expr)}: {what} of the matrix {place_of(matrix)} of shape {rows} x {columns}, which is not "
            f"square{_ENTRY_BY_ENTRY if isinstance(expr, MatPow) else ''}"
        )
    return S(rows)


def _placed(block: Use, shape: Any, corner: Any, whole: Any) -> Use:
    """Zeros of the shape `whole` with the block at a corner."""
    sides = list(zip((ROW, COLUMN), map(S, shape), map(S, corner), map(S, whole), strict=True))
    axes = [(letter, full) for letter, _, _, full in sides if full != 1]
    inside = {letter: ("block", letter) for letter in (ROW, COLUMN)}
    subs = []
    for letter, side, start, full in sides:
        if full == 1:
            continue
        position = size(start)
        subs.append(position if side == 1 else add([(S.One, index(inside[letter], side)), (S.One, position)]))
    bound = {inside[letter]: side for letter, side, _, full in sides if full != 1 and side != 1}
    return scatter(relabel(block, inside), subs, tuple(full for _, full in axes), [letter for letter, _ in axes], bound)
