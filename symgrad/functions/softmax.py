"""The softmax of the rows of a matrix, and of an expression over an index."""

from typing import Any

from sympy import Add, Basic, Expr, Idx, Integer, MatrixBase, MatrixExpr, Sum, Symbol, Tuple, exp, sympify
from sympy.core.symbol import uniquely_named_symbol
from sympy.matrices.immutable import ImmutableDenseMatrix
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.calls import checked
from symgrad.errors import ModelError
from symgrad.functions.common import MatrixOfMatrix, derivative_by_matrix, latex_call, shape_text
from symgrad.functions.reductions import fresh_index, one_limit, with_range_substituted


class IndexedSoftmax(Expr):  # type: ignore[misc]
    r"""The entry at k of the softmax over k: exp(e_k) / Σ_k′ exp(e_k′); what `softmax(e, (k, 0, K-1))` returns.

    The index k is free: it says which entry. Its values are positive and sum to one over the limits. Substituting a
    number for k gives that entry, written out.

    Parameters
    ----------
    e : a real expression in the index k.
    limit : `(k, lower, upper)` with both ends included, or an `Idx` that has a range.

    Raises
    ------
    ModelError
        If the limit is malformed.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, symbols
    >>> k, K = symbols("k K", integer=True)
    >>> z = IndexedBase("z", shape=(K,), real=True)
    >>> softmax(z[k], (k, 0, K - 1))
    IndexedSoftmax(z[k], (k, 0, K - 1))
    >>> softmax(z[k], (k, 0, K - 1)).subs(k, 2)
    exp(z[2])/Sum(exp(z[k_]), (k_, 0, K - 1))
    """

    def __new__(cls, e: Any, limit: Any) -> Any:
        e = sympify(e)
        if not isinstance(e, Expr) or getattr(e, "is_Matrix", False):
            raise ModelError(f"softmax over an index needs a scalar expression, but was given {e}.")
        return super().__new__(cls, e, one_limit(limit, "softmax"))

    is_commutative = True
    is_number = False  # the index is free

    @property
    def function(self) -> Expr:
        """The expression whose exponentials are normalised."""
        return self.args[0]

    @property
    def limit(self) -> Tuple:
        """The limit `(k, lower, upper)` of the index."""
        return self.args[1]

    @property
    def index(self) -> Expr:
        """The index k: free, and normalised over."""
        return self.limit[0]

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_finite(self) -> bool:
        return True

    def _eval_is_extended_nonnegative(self) -> bool:
        return True  # 0 where e is −∞

    def expand_explicit(self) -> Expr:
        """The quotient exp(e)/Sum(exp(e at k′), (k′, lower, upper)) with a fresh index k′."""
        fresh = fresh_index(self.index, self)
        return exp(self.function) / Sum(exp(self.function.subs(self.index, fresh)), (fresh, *self.limit[1:]))

    def _eval_rewrite_as_Sum(self, *args: Basic, **_: Any) -> Expr:
        return self.expand_explicit()

    def _eval_subs(self, old: Basic, new: Basic) -> Expr:
        index, lower, upper = self.limit
        if old == index:
            # Another index that appears nowhere else is a mere renaming of this one.
            if isinstance(new, (Symbol, Idx)) and not new.free_symbols & (self.free_symbols - index.free_symbols):
                return self.func(self.function.subs(old, new), (new, lower, upper))
            return self.expand_explicit().subs(old, new)
        if index in new.free_symbols:
            # The new k means the entry, and must not run with the index that is summed over.
            return self.expand_explicit().subs(old, new)
        index = with_range_substituted(index, old, new)
        return self.func(self.function.subs(old, new), (index, lower.subs(old, new), upper.subs(old, new)))

    def _xreplace(self, rule: Any) -> tuple[Expr, bool]:
        if self not in rule and self.index in rule and not isinstance(rule[self.index], (Symbol, Idx)):
            return self.expand_explicit()._xreplace(rule)  # type: ignore[no-any-return]
        return super()._xreplace(rule)  # type: ignore[no-any-return]

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(rf"\operatorname{{softmax}}_{{{printer._print(self.index)}}}", printer, [self.function], exp)


class Softmax(MatrixOfMatrix):
    """The softmax of every row of a matrix, exp(Z_ij) / Σ_l exp(Z_il): what `softmax(Z)` returns. It has Z's shape.

    Examples
    --------
    >>> from sympy import MatrixSymbol
    >>> softmax(MatrixSymbol("Z", 3, 2))[1, 0]
    exp(Z[1, 0])/(exp(Z[1, 0]) + exp(Z[1, 1]))
    """

    def __new__(cls, Z: Any) -> Any:
        Z = sympify(Z)
        if isinstance(Z, MatrixBase):
            rows = [[exp(z) / Add(*(exp(other) for other in row)) for z in row] for row in Z.tolist()]
            return ImmutableDenseMatrix(*Z.shape, [entry for row in rows for entry in row])
        if not isinstance(Z, MatrixExpr):
            raise ModelError(f"softmax needs a matrix, or an indexed expression with limits (k, 0, K - 1), not {Z}.")
        if Z.shape[1] == 1 != Z.shape[0]:
            raise ModelError(
                f"softmax({Z}) is of every row, and each row of a matrix of shape {shape_text(Z)} has one entry, whose "
                "share is 1; the softmax of a column A is softmax(A.T).T"
            )
        return super().__new__(cls, Z)

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        top = exp(self.arg._entry(i, j, **kwargs))
        columns = self.shape[1]
        if columns.is_Integer:
            return top / Add(*(exp(self.arg._entry(i, Integer(c), **kwargs)) for c in range(int(columns))))
        index = uniquely_named_symbol("l", (self, i, j), integer=True)
        return top / Sum(exp(self.arg._entry(i, index, **kwargs)), (index, 0, columns - 1))

    def doit(self, **hints: Any) -> Any:
        """The softmax of the evaluated matrix; explicit where that is."""
        return self.func(self.arg.doit(**hints)) if hints.get("deep", True) else self

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{softmax}", printer, self.args, exp)


@checked("softmax(X*W)")
def softmax(e: Any, limit: Any = None) -> Any:
    r"""The softmax exp(e_k) / Σ_l exp(e_l): of every row of a matrix, or of an indexed expression over one index.

    Entries that are −∞, by a condition or in the data, have no share; where all of them are, every share is 0.

    Parameters
    ----------
    e : a matrix (`softmax(Z)`), or a real expression in the index of `limit` (`softmax(z[n, k], (k, 0, K - 1))`).
    limit : for an indexed expression, `(k, lower, upper)` with both ends included, or an `Idx` that has a range.

    Returns
    -------
    `Softmax` of a matrix expression, the explicit entries of an explicit matrix, `IndexedSoftmax` of an indexed
    expression: the entry at k, in which k stays free.

    Raises
    ------
    ModelError
        If a scalar comes without a limit, or a matrix with one.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4, eq. 4.104.

    Examples
    --------
    >>> from sympy import Matrix, MatrixSymbol
    >>> softmax(MatrixSymbol("Z", 5, 3)).shape
    (5, 3)
    >>> softmax(Matrix([[0, 0]]))
    Matrix([[1/2, 1/2]])
    """
    e = sympify(e)
    if limit is None:
        return Softmax(e)
    return IndexedSoftmax(e, limit)


array_derive.register(IndexedSoftmax, derivative_by_matrix)
array_derive.register(Softmax, derivative_by_matrix)
