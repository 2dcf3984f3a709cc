"""Reads matrix expressions: each becomes a term over the letters ROW and COLUMN.

A side of length one has no letter, and a matrix that is constant along a side lacks that letter, so an M×1 matrix is a
vector and `OneMatrix` is the number one. Shapes are checked here, since SymPy accepts symbolic sides that disagree.
"""

from collections.abc import Sequence
from typing import Any

from sympy import Basic, Expr, Function, Identity, Lambda, MatrixBase, MatrixSymbol, S, Trace
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix, OneMatrix, ZeroMatrix
from sympy.matrices.expressions.transpose import Transpose

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.linear_algebra import COLUMN, ROW, LinearAlgebraReader
from symgrad.frontend.names import name_of
from symgrad.frontend.reader import now
from symgrad.frontend.scope import Scope, place_of
from symgrad.frontend.shapes import check_product, check_shapes
from symgrad.frontend.subscripts import Reading
from symgrad.functions import ConstantMatrix, Softmax, Total, constant
from symgrad.functions.common import entry_by_entry_text, shape_text
from symgrad.functions.entrywise import EntryByEntry
from symgrad.graph.build import ONE, SOFTMAX, ZERO, add, apply, axis_map, delta, gather, index, mul, power, size
from symgrad.graph.dimensions import equal
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Use


class Reader(LinearAlgebraReader):
    """Reads every expression of a model, scalar or matrix."""

    def _special(self, expr: Basic, scope: Scope) -> Reading | None:
        known = self.linear_algebra(expr, scope)
        if known is not None:
            return known
        if isinstance(expr, MatrixExpr):
            return self._matrix(expr, scope)
        match expr:
            case MatrixElement() if not isinstance(expr.parent, MatrixSymbol):
                return self._entry(expr, scope)
            case Trace():
                return self._trace(expr, scope)
            case Total():
                return self._total(expr, scope)
            case DotProduct():
                return self._dot(expr, scope)
            case Function() if any(isinstance(arg, MatrixExpr) and not _is_scalar(arg) for arg in expr.args):
                raise ModelError(
                    f"{place_of(expr)} applies {type(expr).__name__} to a matrix of shape {shape_text(expr.args[0])}; "
                    f"{entry_by_entry_text(expr)}"
                )
        return super()._special(expr, scope)

    def _matrix(self, expr: MatrixExpr, scope: Scope) -> Reading:
        match expr:
            case MatrixSymbol():
                return self._symbol_matrix(expr)
            case MatMul():
                return self._matmul(expr, scope)
            case MatAdd():
                return self._matadd(expr, scope)
            case Transpose():
                return self._transpose(expr, scope)
            case HadamardProduct():
                return self._hadamard(expr, scope)
            case HadamardPower():
                return self._hadamard_power(expr, scope)
            case ElementwiseApplyFunction():
                return self._applyfunc(expr, scope)
            case Identity() | GenericIdentity():
                return now(ONE if expr.shape[0] == 1 else delta(ROW, COLUMN, expr.shape[0]))
            case OneMatrix():
                return now(ONE)
            case ZeroMatrix() | GenericZeroMatrix():
                return now(ZERO)
            case DiagMatrix() | DiagonalMatrix():
                return self._diagonal(expr, scope)
            case DiagonalOf():
                return self._diagonal_of(expr, scope)
            case MatrixSlice():
                return self._slice(expr, scope)
            case Softmax():
                return self._softmax_rows(expr, scope)
            case ConstantMatrix():
                return self._constant(expr, scope)
            case EntryByEntry():
                return self._entry_by_entry(expr, scope)
        return self._unknown(expr)

    def _unknown(self, expr: MatrixExpr) -> Reading:
        raise UnsupportedError(f"symgrad does not know the matrix {place_of(expr)} ({type(expr).__name__})")
        yield

    # --- scalars made of matrices -------------------------------------------------------------------------------------

    def _entry(self, expr: MatrixElement, scope: Scope) -> Reading:
        parent = expr.parent
        inner = yield parent, scope
        subs = {}
        for axis, (letter, sub) in enumerate(((ROW, expr.i), (COLUMN, expr.j))):
            self._refuse_escaped(sub, scope)
            place = self.check_range(sub, parent.shape[axis], axis, expr, scope)
            subs[letter] = yield from self._position(sub, parent.shape[axis], place, expr, scope)
        return gather(inner, [subs[letter] for letter in inner.letters])

    def _trace(self, expr: Trace, scope: Scope) -> Reading:
        inner = yield expr.arg, scope
        rows, columns = expr.arg.shape
        if not equal(rows, columns):
            raise ModelError(f"{place_of(expr)}: the trace of a matrix that is not square, {shape_text(expr.arg)}")
        return mul([relabel(inner, {COLUMN: ROW})], _sides({ROW: rows}))

    def _total(self, expr: Total, scope: Scope) -> Reading:
        inner = yield expr.args[0], scope
        rows, columns = expr.args[0].shape
        return mul([inner], _sides({ROW: rows, COLUMN: columns}))

    def _dot(self, expr: DotProduct, scope: Scope) -> Reading:
        vectors = []
        for arg in expr.args:
            vector = yield arg, scope
            vectors.append(relabel(vector, {COLUMN: ROW}))
        lengths = [arg.shape[0] if arg.shape[1] == 1 else arg.shape[1] for arg in expr.args]
        _agree(expr, lengths[0], lengths[1], "lengths")
        return mul(vectors, _sides({ROW: lengths[0]}))

    # --- matrices -----------------------------------------------------------------------------------------------------

    def _symbol_matrix(self, expr: MatrixSymbol) -> Reading:
        node = self.symbols.nodes.get(expr)
        if node is None:
            raise ModelError(f"the matrix {name_of(expr)} is not an argument or a name of `where` of this model")
        return Use(node, tuple(letter for letter, side in zip((ROW, COLUMN), expr.shape, strict=True) if side != 1))
        yield

    def _matmul(self, expr: MatMul, scope: Scope) -> Reading:
        factors, bound = [], {}
        matrices = []
        for arg in expr.args:
            term = yield arg, scope
            if not isinstance(arg, MatrixExpr | MatrixBase):
                factors.append(term)
                continue
            matrices.append((arg, term))
        check_product(expr)  # after its factors: a product inside may be what is wrong
        for place, (matrix, term) in enumerate(matrices):
            left = ROW if place == 0 else ("inner", place)
            right = COLUMN if place == len(matrices) - 1 else ("inner", place + 1)
            factors.append(relabel(term, {ROW: left, COLUMN: right}))
            if place:
                bound[left] = matrix.shape[0]
        return mul(factors, _sides(bound))

    def _matadd(self, expr: MatAdd, scope: Scope) -> Reading:
        terms = []
        for arg in expr.args:  # before the shapes of the sum: a product inside may be what is wrong
            terms.append((S.One, (yield arg, scope)))
        check_shapes(expr, expr.args)
        return add(terms)

    def _transpose(self, expr: Transpose, scope: Scope) -> Reading:
        inner = yield expr.arg, scope
        return relabel(inner, {ROW: COLUMN, COLUMN: ROW})

    def _hadamard(self, expr: HadamardProduct, scope: Scope) -> Reading:
        factors = []
        for arg in expr.args:
            factors.append((yield arg, scope))
        check_shapes(expr, [arg for arg in expr.args if isinstance(arg, MatrixExpr | MatrixBase)])
        return mul(factors)

    def _hadamard_power(self, expr: HadamardPower, scope: Scope) -> Reading:
        base = yield expr.base, scope
        exponent = yield expr.exp, scope
        return power(base, exponent)

    def _applyfunc(self, expr: ElementwiseApplyFunction, scope: Scope) -> Reading:
        inner = yield expr.expr, scope
        function = expr.function
        if not isinstance(function, Lambda) or len(function.variables) != 1:
            raise UnsupportedError(f"symgrad does not know the function {function} in {place_of(expr)}")
        return (yield function.expr, scope.with_placeholder(function.variables[0], inner))

    def _entry_by_entry(self, expr: EntryByEntry, scope: Scope) -> Reading:
        for variable, matrix in zip(expr.function.variables, expr.matrices, strict=True):
            scope = scope.with_placeholder(variable, (yield matrix, scope))
        return (yield expr.function.expr, scope)

    def _diagonal(self, expr: Any, scope: Scope) -> Reading:
        argument = expr.args[0]
        inner = yield argument, scope
        # a vector, row or column, goes on the diagonal; of a matrix the diagonal stays
        return mul([relabel(inner, {COLUMN: ROW}), delta(ROW, COLUMN, expr.shape[0])])

    def _diagonal_of(self, expr: DiagonalOf, scope: Scope) -> Reading:
        inner = yield expr.arg, scope
        return relabel(inner, {COLUMN: ROW})

    def _slice(self, expr: MatrixSlice, scope: Scope) -> Reading:
        inner = yield expr.parent, scope
        subs = {}
        for axis, (letter, cut) in enumerate(((ROW, expr.rowslice), (COLUMN, expr.colslice))):
            start, stop, step = map(S, cut)
            side, old = expr.shape[axis], expr.parent.shape[axis]
            if side == 1:
                place = self.check_range(start, old, axis, expr, scope)
                subs[letter] = yield from self._position(start, old, place, expr, scope)
                continue
            if not (start.free_symbols | side.free_symbols) <= self.symbols.dimensions:
                raise UnsupportedError(
                    f"{place_of(expr)}: only a single row or column of a matrix may be at an index, X[i, :]; name the "
                    "entries of several in `where`, Eq(V[i, j, ...], X[...])"
                )
            self.symbols.require_non_negative(start, f"{place_of(expr)} starts at {start}")
            self.symbols.require_non_negative(old - stop, f"{place_of(expr)} ends at {stop}, beyond the side {old}")
            subs[letter] = add([(step, index(letter, side)), (S.One, size(start))])
        return gather(inner, [subs[letter] for letter in inner.letters])

    def _softmax_rows(self, expr: Softmax, scope: Scope) -> Reading:
        inner = yield expr.args[0], scope
        return axis_map(SOFTMAX, inner, _sides({COLUMN: expr.shape[1]}))

    def _constant(self, expr: ConstantMatrix, scope: Scope) -> Reading:
        return apply(constant, [(yield expr.args[0], scope)])


def _is_scalar(expr: Any) -> bool:
    return all(side == 1 for side in expr.shape)


def _sides(bound: dict[Any, Expr]) -> dict[Any, Expr]:
    """The bound letters without those of sides of length one, which have none."""
    return {letter: length for letter, length in bound.items() if length != 1}


def _agree(expr: Basic, left: Expr, right: Expr, what: str) -> None:
    if not equal(left, right):
        raise ModelError(f"{place_of(expr)}: {what} {left} and {right} disagree")


def scalar_of(expr: Any) -> Any:
    """The loss as a scalar expression, or a 1×1 matrix.

    Raises
    ------
    ModelError : it is neither.
    """
    if isinstance(expr, Sequence) or (getattr(expr, "is_Matrix", False) and not _is_scalar(expr)):
        shape = f" of shape {shape_text(expr)}" if hasattr(expr, "shape") else ""
        raise ModelError(
            f"the loss {place_of(expr)}{shape} is not a scalar; sum its entries with total(...) or "
            "take [0, 0] of a 1 x 1 matrix"
        )
    if getattr(expr, "is_Matrix", False) and not isinstance(expr, MatrixExpr):
        return expr[0, 0]
    return expr
