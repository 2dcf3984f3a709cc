"""Functions of square matrices: inverse, determinant, log-determinant, Cholesky factor.

Source of the identities: Petersen and Pedersen, The Matrix Cookbook (2012), sections 1 and 3. Sources of the
derivatives: Giles, Collected Matrix Derivative Results for Forward and Reverse Mode (2008), section 2.2; Murray,
Differentiation of the Cholesky decomposition (2016), section 3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from sympy import Abs, Expr, Product, S, log, sign

from symgrad.arrays import Array, np
from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions import values
from symgrad.functions.values import NAN, Matrix, cholesky, determinant, function_value
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.kinds.axes import reduce
from symgrad.graph.kinds.functions import apply
from symgrad.graph.kinds.leaves import ONE, Delta, Input
from symgrad.graph.kinds.names import Named
from symgrad.graph.kinds.products import Contract, mul, power, product_of_powers, reciprocal
from symgrad.graph.kinds.sums import ZERO, add, const, is_zero, scale, size, split_coefficient
from symgrad.graph.letters import distinct, relabel, sizes_of
from symgrad.graph.linear_maps import Chain, LowerHalf, Times, axes_of, times
from symgrad.graph.node import Letter, Local, Node, Order, SignRule, Use, each_operand_once, intern, nothing, own
from symgrad.graph.symmetry import between, moved, sign_under

INVERSE, DET = "inverse", "det"
# the lower triangular factor of the symmetric part of a matrix
CHOLESKY = "cholesky"
# of code only: det(M)·M⁻¹, which is finite where M is singular
ADJUGATE = "adjugate"
# log det M, not a number where det M < 0, log |det M| and sign(det M)
LOGDET, LOG_ABS_DET, SIGN_DET = "logdet", "log_abs_det", "sign_det"
KEEPS_SHAPE = (INVERSE, CHOLESKY, ADJUGATE)
_TRIANGULAR = frozenset({"lower_triangular", "upper_triangular"})


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class MatrixFunction(Node):
    """A function of a stack of square matrices: inverse, determinant, logarithm of the determinant, Cholesky factor.

    The matrices lie along two letters of the operand. The inverse, the adjugate and the Cholesky factor keep them as
    their last two axes; the determinant and its logarithm bind them (letters rank and rank + 1). `known` is what else
    of the same matrices the function is computed from: of the adjugate det(M)·M⁻¹ the determinant.
    """

    head: Any
    arg: Use
    known: tuple[Use, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg, *self.known)

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return matrix_function(self.head, uses[0], *sides_of(self))

    def local(self, number: int) -> Sequence[Local]:
        if self.head == SIGN_DET:  # constant wherever it has a derivative
            return []
        if self.head == CHOLESKY:
            return [_local_of_factor(self)]
        row, column, length = sides_of(self)
        inverse = matrix_function(INVERSE, self.arg, row, column, length)
        turned = relabel(inverse, {row: column, column: row})
        sides = {row: length, column: length}
        if self.head == INVERSE:  # -Y u̇ Y
            names = {row: ("inner", 0), column: ("inner", 1)}
            around = relabel(inverse, {column: names[row]}), relabel(inverse, {row: names[column]})
            inner = dict.fromkeys(names.values(), length)
            return [times(self, relabel(self.arg, names), [const(S.NegativeOne), *around], inner)]
        if self.head == DET:  # det(u)·tr(u⁻¹ u̇)
            return [times(self, self.arg, [own(self), turned], sides)]
        if self.head in (LOGDET, LOG_ABS_DET):  # tr(u⁻¹ u̇)
            return [times(self, self.arg, [turned], sides)]
        raise UnsupportedError(f"no derivative rule for the matrix function {self.head}")

    def evaluate(self, at: GraphEvaluator) -> Array:
        row, column, _ = sides_of(self)
        stack = at.aligned(self.arg, [*(x for x in range(self.rank) if x not in (row, column)), row, column])
        found = np.empty(stack.shape if self.head in KEEPS_SHAPE else stack.shape[:-2], dtype=object)
        for place in np.ndindex(stack.shape[:-2]):
            found[place] = self._of_matrix(stack[place])
        return found

    def _of_matrix(self, entries: Matrix) -> Any:
        """The function of one matrix; nan where there is no value."""
        try:
            if self.head in KEEPS_SHAPE:
                made = (cholesky if self.head == CHOLESKY else values.inverse)(entries)
                return made * determinant(entries) if self.head == ADJUGATE else made
            value = determinant(entries)
        except (ZeroDivisionError, ValueError):
            return NAN
        if self.head == SIGN_DET:
            return mpmath.sign(value)
        return value if self.head == DET else function_value(log, abs(value) if self.head == LOG_ABS_DET else value)

    def sign(self, order: Order) -> SignRule:
        sides = [self.rank - 2, self.rank - 1]
        whole = self.head in (INVERSE, ADJUGATE)  # of the transpose it is the transpose
        if whole and sorted(order[axis] for axis in sides) != sides:
            return None
        if self.head == CHOLESKY and [order[axis] for axis in sides] != sides:
            return None
        sign = yield from between(moved(self.arg, order), self.arg)
        return sign if sign == 1 or self.head == INVERSE else None


def sides_of(node: MatrixFunction) -> tuple[Letter, Letter, Expr]:
    """The letters of the matrices' rows and columns in the node's letter space, and their length."""
    first = node.rank - 2 if node.head in KEEPS_SHAPE else node.rank
    return first, first + 1, sizes_of([node.arg])[first]


def matrix_function(head: str, arg: Use, row: Letter, column: Letter, length: Expr) -> Use:
    """The function of the matrices that `arg` holds over `row` and `column`; its other letters are a stack.

    The inverse of entry (row, column) is again over row and column.

    Raises
    ------
    ModelError : the matrices are singular whatever the data are.
    """
    if length == 1 and not {row, column} <= set(arg.letters) and not is_zero(arg):
        return _of_number(head, mul([arg], {x: S.One for x in (row, column) if x in arg.letters}))
    if is_zero(arg) or not {row, column} <= set(arg.letters):
        raise ModelError(
            f"{head}: every {length} x {length} matrix here is singular, since it is constant along its rows or columns"
        )
    if head == CHOLESKY and not _is_symmetric(arg, row, column):
        arg = add([(S.Half, arg), (S.Half, relabel(arg, {row: column, column: row}))])
    folded = None if head in (ADJUGATE, SIGN_DET) else _folded(head, arg, row, column, length)
    if folded is not None:
        return folded
    # (Mᵀ)⁻¹ = (M⁻¹)ᵀ and det Mᵀ = det M: rows are the letter that comes first
    batch = [letter for letter in distinct(arg.letters) if letter not in (row, column)]
    pair = [letter for letter in distinct(arg.letters) if letter in (row, column)]
    numbers = {letter: n for n, letter in enumerate([*batch, *pair])}
    sizes = sizes_of([arg])
    kept = (*batch, *pair) if head in KEEPS_SHAPE else tuple(batch)
    known = (relabel(matrix_function(DET, arg, row, column, length), numbers),) if head == ADJUGATE else ()
    made = intern(MatrixFunction, tuple(sizes[x] for x in kept), head, relabel(arg, numbers), known)
    # a symmetric matrix has one factor, lower triangular whichever of the letters comes first
    return Use(made, (*batch, row, column) if head == CHOLESKY else kept)


def _is_symmetric(arg: Use, row: Letter, column: Letter) -> bool:
    """Whether rows and columns may be exchanged."""
    if len(set(arg.letters)) < len(arg.letters):
        return False
    first, second = arg.letters.index(row), arg.letters.index(column)
    order = list(range(len(arg.letters)))
    order[first], order[second] = second, first
    return sign_under(arg.node, tuple(order)) == 1


def _of_number(head: str, arg: Use) -> Use:
    """The function of a matrix of one entry."""
    if head in (LOGDET, LOG_ABS_DET):
        return apply(log, [arg if head == LOGDET else apply(Abs, [arg])])
    if head == SIGN_DET:
        return apply(sign, [arg])
    return {INVERSE: reciprocal(arg), CHOLESKY: power(arg, scale(S.Half, ONE)), DET: arg, ADJUGATE: ONE}[head]


def inverse(arg: Use, row: Letter, column: Letter, length: Expr) -> Use:
    return matrix_function(INVERSE, arg, row, column, length)


def _folded(head: str, arg: Use, row: Letter, column: Letter, length: Expr) -> Use | None:
    """The function without its node, or of a simpler operand, where there is such a form."""
    coefficient, rest = split_coefficient(arg)
    if coefficient != 1 and head != CHOLESKY:
        return _of_multiple(head, [(scale(coefficient, ONE), S.One)], rest, row, column, length)
    node = arg.node
    if isinstance(node, Delta):
        return {INVERSE: arg, CHOLESKY: arg, DET: ONE}.get(head, ZERO)
    if isinstance(node, MatrixFunction) and node.head == INVERSE and set(arg.letters[-2:]) == {row, column}:
        inner = relabel(node.arg, dict(enumerate(arg.letters)))
        if head == INVERSE:
            return inner
        value = matrix_function(head, inner, row, column, length)
        return reciprocal(value) if head == DET else scale(S.NegativeOne, value)
    if isinstance(node, Contract) and not node.bound:
        factors = [(relabel(factor, dict(enumerate(arg.letters))), e) for factor, e in node.factors]
        outside = [(factor, e) for factor, e in factors if not {row, column} & set(factor.letters)]
        if outside and head != CHOLESKY:
            inside = [pair for pair in factors if pair not in outside]
            return _of_multiple(head, outside, product_of_powers(inside), row, column, length)
        if any(isinstance(f.node, Delta) and set(f.letters) == {row, column} for f, _ in factors):
            return _of_diagonal(head, factors, row, column, length)
    return None


def _of_multiple(head: str, scalars: list[Any], rest: Use, row: Letter, column: Letter, length: Expr) -> Use | None:
    """The function of s·M: s⁻¹M⁻¹, sⁿ det M, n log |s| + log |det M|."""
    scalar = product_of_powers(scalars)
    value = matrix_function(head, rest, row, column, length)
    if head == INVERSE:
        return mul([reciprocal(scalar), value])
    if head == DET:
        return mul([power(scalar, size(length)), value])
    if head == LOGDET and not is_nonnegative(scalar):
        return None  # the sign of det(s·M) depends on that of s and on n
    argument = scalar if head == LOGDET else apply(Abs, [scalar])
    return add([(S.One, mul([size(length), apply(log, [argument])])), (S.One, value)])


def _of_diagonal(head: str, factors: list[Any], row: Letter, column: Letter, length: Expr) -> Use | None:
    """The function of diag(v)."""
    deltas = [f for f, _ in factors if isinstance(f.node, Delta) and set(f.letters) == {row, column}]
    entries = product_of_powers([(relabel(f, {column: row}), e) for f, e in factors if f not in deltas])
    if head == INVERSE:
        return mul([deltas[0], reciprocal(entries)])
    if head == CHOLESKY:
        return mul([deltas[0], power(entries, scale(S.Half, ONE))])
    if head == DET:
        return reduce(Product, entries, {row: length})
    if head == LOGDET and not is_nonnegative(entries):
        return None
    return mul([apply(log, [entries if head == LOGDET else apply(Abs, [entries])])], {row: length})


def diagonal_of_triangular(matrix: Use, row: Letter, column: Letter) -> Use | None:
    """The diagonal, over `row`, of a matrix that is seen to be diagonal or that a fact calls triangular; else None."""
    while isinstance(matrix.node, Named) and _TRIANGULAR.isdisjoint(matrix.node.properties):
        matrix = relabel(matrix.node.arg, dict(enumerate(matrix.letters)))
    node = matrix.node
    known = False
    if isinstance(node, Input | Named):
        known = not _TRIANGULAR.isdisjoint(node.properties) and set(matrix.letters[-2:]) == {row, column}
    elif isinstance(node, MatrixFunction):
        known = node.head == CHOLESKY and set(matrix.letters[-2:]) == {row, column}
    elif isinstance(node, Contract):
        parts = [relabel(factor, dict(enumerate(matrix.letters))) for factor, _ in node.factors]
        known = any(isinstance(part.node, Delta) and set(part.letters) == {row, column} for part in parts)
    return mul([relabel(matrix, {column: row})]) if known else None


def matrix_of(use: Use) -> tuple[Use, Letter, Letter, Expr]:
    """The operand of a matrix function with its rows, columns and their length, in the letters of the use."""
    node = use.node
    assert isinstance(node, MatrixFunction)
    row, column, length = sides_of(node)
    names: dict[Letter, Letter] = dict(enumerate(use.letters))
    for letter in (row, column):
        names.setdefault(letter, ("side", node, letter))
    return relabel(node.arg, names), names[row], names[column], length


def _local_of_factor(node: MatrixFunction) -> Local:
    """L̇ = L Φ(L⁻¹ Ṡ L⁻ᵀ), where Φ halves the diagonal and leaves out what is above it; of the symmetric part of Ṡ."""
    row, column, length = sides_of(node)
    one, other, left = (("inner", n) for n in range(3))
    inverse = matrix_function(INVERSE, own(node), row, column, length)
    around = relabel(inverse, {row: left, column: one}), relabel(inverse, {row: column, column: other})
    stack = {axis: side for axis, side in axes_of(node).items() if axis not in (row, column)}
    read, between = stack | {one: length, other: length}, stack | {left: length, column: length}
    whitened = Times(read | between, around, (one, other))
    halved = Chain(whitened.domain, whitened, between, LowerHalf(between, left, column))
    into = Times(between | {row: length}, (relabel(own(node), {column: left}),), (left,))
    return Local(relabel(node.arg, {row: one, column: other}), Chain(halved.domain, halved, between, into))
