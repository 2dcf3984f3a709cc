"""Matrix formulas in the idiom of the field: norms, inner products, whole sums transposed, signs in front.

Σ A² is ‖A‖², a product of two vectors summed up aᵀb; Bᵀ − V Uᵀ is (B − U Vᵀ)ᵀ where a person would turn the whole, and
a sum that begins with a minus sign has it taken in front of the product that it stands in. All of it is notation: the
objects made here are printed and nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from sympy import (
    Abs,
    Basic,
    Expr,
    Inverse,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    Number,
    OneMatrix,
    S,
    Trace,
    Transpose,
    preorder_traversal,
)
from sympy.core.relational import Relational
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct

from symgrad.formula.algebra import evaluated, times, transposed
from symgrad.formula.network import Inner
from symgrad.formula.notation import is_negative_sum
from symgrad.functions import Total
from symgrad.functions.softmax import Softmax

_LEAVES = ("MatrixSymbol", "Indexed", "IndexedBase", "Idx", "Str")


class Norm(Expr):  # type: ignore[misc]
    """‖A‖: Euclidean of a vector, Frobenius' of a matrix, or the sum of the absolute values where the order is 1."""

    is_commutative = True
    is_extended_nonnegative = is_nonnegative = is_extended_real = is_real = True

    @property
    def matrix(self) -> Any:
        """What it is the norm of."""
        return self.args[0]

    @property
    def order(self) -> Any:
        """1 or 2."""
        return self.args[1]

    def _xreplace(self, rule: Any) -> Any:
        """SymPy looks for signs inside, and would make numbers of matrices there."""
        return rule.get(self, self), self in rule


class ColumnSoftmax(MatrixExpr):  # type: ignore[misc]
    """softmax(z) of a column z, which is the transposed softmax of its row."""

    @property
    def shape(self) -> Any:
        """That of the column."""
        return self.args[0].shape

    def _entry(self, i: Any, j: Any, **options: Any) -> Any:
        return Softmax(self.args[0].T)._entry(j, i, **options)


class KnownSums(frozenset[Any]):
    """The sums of matrices that the user wrote."""

    @cached_property
    def contents(self) -> Counter[tuple[object, ...]]:
        """What each has in common with its opposite and its transpose; how many have that."""
        return Counter(map(_contents, self))


NONE_KNOWN = KnownSums()


def idiomatic(expr: Any, known: KnownSums = NONE_KNOWN) -> Any:
    """The expression as it is written; sums of matrices among the `known` ones keep their sign, and are not turned."""
    return _Idiom(known).of(expr)


class _Idiom:
    def __init__(self, known: KnownSums) -> None:
        self._known = known

    def of(self, expr: Any) -> Any:
        if not isinstance(expr, Basic) or not expr.args or type(expr).__name__ in _LEAVES:
            return expr
        if isinstance(expr, MatMul):
            return self._product(expr)
        if getattr(expr, "is_MatAdd", False):
            return self._sum(expr)
        if expr.is_Pow:
            return self._power(expr)
        if isinstance(expr, Softmax) and _is_turned_column(expr.arg):
            return Transpose(ColumnSoftmax(self.of(transposed(expr.arg))))
        if isinstance(expr, DiagMatrix) and expr.args[0].shape[0] == 1:
            return DiagMatrix(self.of(transposed(expr.args[0])))
        if isinstance(expr, HadamardProduct):
            return _with_powers(self._parts(expr))
        made = self._parts(expr)
        if isinstance(made, Transpose) and isinstance(made.arg, Transpose):
            return made.arg.arg
        if isinstance(made, Total):
            return _total(made)
        if isinstance(made, Trace) and made.arg.shape == (1, 1):
            return _only_entry(made)
        return _inner(made) if isinstance(made, DotProduct) else made

    def _parts(self, expr: Any) -> Any:
        """The same of other operands; what has not changed is not made anew."""
        args = [self.of(arg) for arg in expr.args]
        if all(new is old for new, old in zip(args, expr.args, strict=True)):
            return expr
        stays = {"evaluate": False} if isinstance(expr, Relational) else {}  # SymPy compares no matrices
        return expr.func(*args, **stays)

    def _power(self, expr: Any) -> Any:
        base, exponent = self.of(expr.base), self.of(expr.exp)
        if base.is_Pow and isinstance(base.base, Norm):  # SymPy asks for the sign of the norm, and takes it apart
            return Norm(*base.base.args) ** (base.exp * exponent)
        return expr if (base, exponent) == expr.args else expr.func(base, exponent)

    def _sum(self, expr: Any) -> Any:
        sign, turned = self._as_known(expr)
        if turned is None:
            made = self._parts(expr)
            content, plain = _content(made)
            return made if content.is_integer else MatMul(content, plain)
        whole = Transpose(self._parts(turned))
        return whole if sign == 1 else MatMul(S.NegativeOne, whole)

    def _as_known(self, expr: Any) -> tuple[Any, Any]:
        """A sign and the transposed sum, where that is known, and better known than the sum."""
        alike, is_known = self._known.contents[_contents(expr)], expr in self._known
        if alike == is_known:  # no other one can be its transpose or its opposite
            return S.One, None
        across = transposed(expr)
        if is_known and not (across in self._known and _transposes(across) < _transposes(expr)):
            return S.One, None
        for sign in (S.One, S.NegativeOne):
            found = across if sign == 1 else _opposite(across)
            if found in self._known and _transposes(found) <= _transposes(expr):
                return sign, found
        return S.One, None

    def _factor(self, expr: Any) -> Any:
        """A sum or a product by entries among the factors of a product may be turned as a whole."""
        if isinstance(expr, HadamardProduct) or getattr(expr, "is_MatAdd", False):
            known = getattr(expr, "is_MatAdd", False) and self._as_known(expr)[1] is not None
            if not known and (turned := _turned(expr)) is not None:
                return Transpose(self._parts(turned))
        return self.of(expr)

    def _product(self, expr: Any) -> Any:
        coefficient, matrices = expr.as_coeff_matrices()
        factors: list[Any] = []
        for matrix in matrices:
            content, plain = _content(matrix)
            if getattr(plain, "is_MatAdd", False) and self._is_negative(plain):
                content, plain = -content, _opposite(plain)
            coefficient *= content
            made = self._factor(plain)
            inner, parts = made.as_coeff_matrices() if isinstance(made, MatMul) else (S.One, [made])
            content, parts[0] = _content(parts[0]) if len(parts) == 1 else (S.One, parts[0])
            coefficient *= content * inner
            factors += parts
        if is_negative_sum(coefficient):
            coefficient = Mul(S.NegativeOne, -coefficient, evaluate=False)
        coefficient = self.of(coefficient)
        return _scaled(coefficient, factors)

    def _is_negative(self, expr: Any) -> bool:
        """Whether the user wrote a sum with the other sign."""
        if _contents(expr) not in self._known.contents or expr in self._known or transposed(expr) in self._known:
            return False
        other = _opposite(expr)
        return other in self._known or transposed(other) in self._known


@lru_cache(maxsize=1024)  # of the sums in a model's formulas, as below
def _contents(matrix: Any) -> tuple[object, ...]:
    """What a sum of matrices has in common with its opposite and its transpose."""
    heads = {type(part) for part in preorder_traversal(matrix) if not isinstance(part, Transpose | MatMul | Number)}
    return len(matrix.args), frozenset(matrix.free_symbols), frozenset(heads)


@lru_cache(maxsize=1024)  # of the sums in a model's formulas, for each of which it is asked several times
def _opposite(matrix: Any) -> Any:
    return evaluated(times(S.NegativeOne, matrix))


def _content(matrix: Any) -> tuple[Any, Any]:
    """A number that all terms of a sum of matrices have in common, negative if they all are, and what is left."""
    if isinstance(matrix, Transpose):
        content, plain = _content(matrix.arg)
        return content, matrix if content == 1 else Transpose(plain)
    if not getattr(matrix, "is_MatAdd", False):
        return S.One, matrix
    terms = [term.as_coeff_matrices() if isinstance(term, MatMul) else (S.One, [term]) for term in matrix.args]
    numbers = [coefficient.as_coeff_Mul()[0] for coefficient, _ in terms]
    number = abs(numbers[0]) if len(set(map(abs, numbers))) == 1 else S.One
    content = -number if all(one.is_negative for one in numbers) else number
    if content == 1:
        return content, matrix
    return content, matrix.func(*(_scaled(coefficient / content, factors) for coefficient, factors in terms))


def _scaled(coefficient: Any, factors: Sequence[Any]) -> Any:
    scalars = [] if coefficient == 1 else [coefficient]
    return MatMul(*scalars, *factors) if scalars or len(factors) > 1 else factors[0]


def _turned(expr: Any) -> Any | None:
    """The transpose of a sum or product by entries, where it has fewer transposes in it, with the one of the whole."""
    written = _transposes(expr)
    if written < 2:
        return None
    across = expr.func(*map(_across, expr.args))
    return across if _transposes(across) + 1 < written else None


@lru_cache(maxsize=1000)
def _across(matrix: Any) -> Any:
    """The transpose, for which SymPy takes apart all that is inside, and more than once."""
    if isinstance(matrix, Transpose):
        return matrix.arg
    if isinstance(matrix, HadamardProduct) or getattr(matrix, "is_MatAdd", False):
        return matrix.func(*map(_across, matrix.args))
    if isinstance(matrix, MatMul):
        coefficient, factors = matrix.as_coeff_matrices()
        return _scaled(coefficient, [_across(factor) for factor in reversed(factors)])
    return matrix.T


def _with_powers(product: Any) -> Any:
    """A∘A∘B as A∘²∘B, and A∘A∘² as A∘³."""
    counts: dict[Any, int] = {}
    for matrix in product.args:
        whole = isinstance(matrix, HadamardPower) and matrix.exp.is_Integer and matrix.exp > 0
        base, count = matrix.args if whole else (matrix, 1)
        counts[base] = counts.get(base, 0) + count
    if len(counts) == len(product.args):
        return product
    powers = [matrix if count == 1 else HadamardPower(matrix, count) for matrix, count in counts.items()]
    return powers[0] if len(powers) == 1 else HadamardProduct(*powers, evaluate=False)


def _is_turned_column(matrix: Any) -> bool:
    """Whether a matrix is a row that has fewer transposes as a column, as wᵀXᵀ has."""
    return bool(matrix.shape[0] == 1 and _transposes(transposed(matrix)) < _transposes(matrix))


def _transposes(matrix: Any) -> int:
    """How many transposes are written; that of an inverse is a letter of its own."""
    if isinstance(matrix, Transpose | Inverse) and isinstance(matrix.arg, Transpose | Inverse):
        return _transposes(matrix.arg.arg)
    across = isinstance(matrix, OneMatrix) and matrix.shape[0] == 1 != matrix.shape[1]  # 𝟏ᵀ
    return isinstance(matrix, Transpose) + across + sum(map(_transposes, matrix.args))


def _total(expr: Any) -> Any:
    """Σ A² as ‖A‖², Σ |A| as ‖A‖₁, and Σ a∘b of two columns as aᵀb."""
    (matrix,) = expr.args
    if isinstance(matrix, HadamardPower) and matrix.exp == 2:
        return Norm(matrix.base, S(2)) ** 2
    if isinstance(matrix, ElementwiseApplyFunction) and isinstance(matrix.function.expr, Abs):
        (inside,) = matrix.function.expr.args
        if inside in matrix.function.variables:
            return Norm(matrix.expr, S.One)
    if isinstance(matrix, HadamardProduct) and len(matrix.args) == 2 and matrix.shape[1] == 1:
        return Inner(*sorted(matrix.args, key=_weight))
    return expr


def _only_entry(trace: Any) -> Any:
    """The trace of a matrix with a single entry, xᵀA x, without its sign, in the order in which it stands."""
    factors: Sequence[Any] = trace.arg.args if isinstance(trace.arg, MatMul) else []
    if len(factors) < 2 or not isinstance(factors[0], Transpose):
        return trace
    first, rest = factors[0].arg, factors[1] if len(factors) == 2 else MatMul(*factors[1:])
    return Inner(first, rest) if first.shape[1] == 1 else trace


def _inner(expr: Any) -> Any:
    left, right = expr.args
    if left == right:
        return Norm(left, S(2)) ** 2
    if isinstance(left, MatrixSymbol) and isinstance(right, MatrixSymbol):
        return Inner(*sorted(expr.args, key=str))
    return Inner(right, left) if _weight(left) == 2 else expr


def _weight(matrix: Any) -> int:
    """What stands first in a product of two vectors: a symbol, then a sum or product, then a function."""
    if isinstance(matrix, MatrixSymbol):
        return 0
    return 2 if isinstance(matrix, ElementwiseApplyFunction) else 1
