"""The sum of all entries of a matrix."""

from typing import Any

import mpmath
from sympy import Add, Expr, MatrixBase, MatrixExpr, Sum
from sympy.core.symbol import uniquely_named_symbol
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.calls import checked
from symgrad.errors import ModelError
from symgrad.functions.common import derivative_by_matrix, entry_by_entry_text, is_matrix, latex_call, operand
from symgrad.functions.written import written


class Total(Expr):  # type: ignore[misc]
    """The sum of all entries of a matrix, Σ_ij A_ij: what `total(A)` returns.

    Examples
    --------
    >>> from sympy import MatrixSymbol, Sum, symbols
    >>> A = MatrixSymbol("A", *symbols("M N", integer=True))
    >>> total(A).rewrite(Sum)
    Sum(A[i, j], (i, 0, M - 1), (j, 0, N - 1))
    """

    is_commutative = True
    is_number = False  # `total` of an explicit matrix is no Total

    def __new__(cls, A: Any) -> Any:
        A = operand(A, "total")
        if isinstance(A, MatrixBase):
            return Add(*A)
        if not isinstance(A, MatrixExpr):
            scalar = "it is a scalar already; over an index write Sum(..., (i, 0, N - 1))"
            raise ModelError(
                f"total sums the entries of a matrix, but was given {written(A)}; {entry_by_entry_text(A) or scalar}"
            )
        return super().__new__(cls, A)

    @property
    def arg(self) -> MatrixExpr:
        """The matrix whose entries are summed."""
        return self.args[0]

    def _xreplace(self, rule: Any) -> Any:
        """Without what SymPy puts for the sums of matrices inside, to take a sign out of them: scalars."""
        return super()._xreplace({old: new for old, new in rule.items() if not is_matrix(old) or is_matrix(new)})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} is a scalar, which has no attribute {name!r}")

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_finite(self) -> bool:
        return True

    def _eval_rewrite_as_Sum(self, A: MatrixExpr, **_: Any) -> Expr:
        rows, columns = A.shape
        i = uniquely_named_symbol("i", (A,), integer=True)
        j = uniquely_named_symbol("j", (A,), integer=True)
        return Sum(A[i, j], (i, 0, rows - 1), (j, 0, columns - 1))

    def doit(self, **hints: Any) -> Expr:
        """The sum written out where the matrix has explicit entries after its own evaluation."""
        return self.func(self.arg.doit(**hints)) if hints.get("deep", True) else self

    def _eval_evalf(self, prec: int) -> Expr | None:
        done = self.doit()
        value = None if isinstance(done, Total) else done.evalf(mpmath.libmp.prec_to_dps(prec))
        return value if value is not None and value.is_Number else None

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{total}", printer, self.args, exp)


@checked("total(X*w)")
def total(A: Any) -> Any:
    """The sum of all entries of a matrix, Σ_ij A_ij.

    Parameters
    ----------
    A : a matrix expression, or an explicit matrix (then the result is the sum itself).

    Returns
    -------
    `Total(A)`, a scalar SymPy expression.

    Raises
    ------
    ModelError
        If `A` is no matrix.

    Examples
    --------
    >>> from sympy import Matrix, MatrixSymbol
    >>> total(MatrixSymbol("A", 2, 3))
    Total(A)
    >>> total(Matrix([[1, 2], [3, 4]]))
    10
    """
    return Total(A)


array_derive.register(Total, derivative_by_matrix)
