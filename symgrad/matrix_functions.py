"""Linear algebra that SymPy lacks: log-determinants, Cholesky factors, inverses and determinants over indices."""

from itertools import count
from typing import Any

from sympy import Basic, Determinant, Expr, MatrixBase, MatrixExpr, Symbol, Tuple, log, sympify
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.errors import ModelError
from symgrad.functions.common import MatrixOfMatrix, derivative_by_matrix, differ, shape_text
from symgrad.functions.reductions import Reduction, one_limit

__all__ = [
    "CholeskyEntry",
    "CholeskyFactor",
    "InverseEntry",
    "LogDet",
    "cholesky",
    "det",
    "inverse",
    "logdet",
]


class LogDet(Expr):  # type: ignore[misc]
    """The logarithm of the determinant of a square matrix: what `logdet(A)` returns."""

    is_commutative = True
    is_number = False

    def __new__(cls, A: Any) -> Any:
        A = sympify(A)
        if isinstance(A, MatrixBase):
            return log(A.det())
        if not isinstance(A, MatrixExpr):
            raise ModelError(f"logdet needs a matrix, or limits (i, 0, D - 1), (j, 0, D - 1), but was given {A}")
        return super().__new__(cls, A)

    @property
    def arg(self) -> MatrixExpr:
        """The matrix."""
        return self.args[0]

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\log{'' if exp is None else '^{' + exp + '}'} \det\left({printer._print(self.arg)}\right)"


class _OverRowsAndColumns(Reduction):
    """A number of the matrix whose entry at row i and column j is the expression; the limits are those of i and j."""

    def __new__(cls, function: Any, *limits: Any) -> Any:
        if len(limits) != 2:
            raise ModelError(f"{cls.__name__} needs the limits of rows and columns: (i, 0, D - 1), (j, 0, D - 1)")
        return super().__new__(cls, function, *limits)

    def _terms(self) -> None:
        return None  # no reduction of terms one by one

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = r"\det" if isinstance(self, DetOver) else r"\log\det"
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"{name}_{{{self._latex_indices(printer)}}}{power}\left({printer._print(self.function)}\right)"


class DetOver(_OverRowsAndColumns):
    """The determinant of the matrix with rows i and columns j: what `det(e, (i, 0, D-1), (j, 0, D-1))` returns."""


class LogDetOver(_OverRowsAndColumns):
    """The logarithm of that determinant: what `logdet(e, (i, 0, D-1), (j, 0, D-1))` returns."""


class InverseEntry(Expr):  # type: ignore[misc]
    """Entry (a, b) of the inverse of the matrix with rows i and columns j: see `inverse`.

    The indices i and j are bound in the expression; `at` holds a and b.
    """

    is_commutative = True
    is_number = False

    _name = "inverse"

    def __new__(cls, e: Any, row: Any, column: Any, at: Any) -> Any:
        limits = (one_limit(limit, cls._name) for limit in (row, column))
        return super().__new__(cls, sympify(e), *limits, Tuple(*at))

    @property
    def function(self) -> Expr:
        """The expression of the matrix's entries."""
        return self.args[0]

    @property
    def limits(self) -> tuple[Tuple, Tuple]:
        """The limits of i and j."""
        return self.args[1:3]  # type: ignore[no-any-return]

    @property
    def at(self) -> Tuple:
        """The position of the entry."""
        return self.args[3]

    @property
    def free_symbols(self) -> set[Basic]:
        """The symbols that the value depends on."""
        bound = {limit[0] for limit in self.limits}
        sides = set().union(*(part.free_symbols for limit in self.limits for part in limit[1:]))
        return (self.function.free_symbols - bound) | sides | self.at.free_symbols  # type: ignore[no-any-return]

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_subs(self, old: Basic, new: Basic) -> Expr:
        inside = self._apart_from(new)
        bound = {limit[0] for limit in inside.limits}
        function = inside.function if old.free_symbols & bound else inside.function.subs(old, new)
        limits = (Tuple(limit[0], *(side.subs(old, new) for side in limit[1:])) for limit in inside.limits)
        return self.func(function, *limits, inside.at.subs(old, new))

    def _xreplace(self, rule: Any) -> tuple[Expr, bool]:
        if self in rule:
            return rule[self], True
        inside = self._apart_from(*rule.values())
        bound = {limit[0] for limit in inside.limits}
        free = {old: new for old, new in rule.items() if not old.free_symbols & bound}
        limits = (Tuple(limit[0], *(side.xreplace(rule) for side in limit[1:])) for limit in inside.limits)
        made = self.func(inside.function.xreplace(free), *limits, inside.at.xreplace(rule))
        return (self, False) if made == inside else (made, True)

    def _apart_from(self, *others: Basic) -> "InverseEntry":
        """The same with names for its indices that others do not have, where they are put inside."""
        bound = [limit[0] for limit in self.limits]
        taken = set().union(*(other.free_symbols for other in others))
        if not taken & set(bound):
            return self
        names = {str(symbol) for symbol in taken | self.function.free_symbols}
        renamed: dict[Basic, Symbol] = {}
        for index in bound:
            if index in taken:
                name = next(text for n in count(1) if (text := f"{index}{n}") not in names)
                names.add(name)
                renamed[index] = Symbol(name, integer=True)
        limits = (Tuple(renamed.get(index, index), *sides) for index, *sides in self.limits)
        return self.func(self.function.xreplace(renamed), *limits, self.at)  # type: ignore[no-any-return]

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _sympystr(self, printer: Any) -> str:
        row, column = self.limits
        text = f"{self._name}({', '.join(printer.doprint(part) for part in (self.function, row, column))})"
        same = (row[0], column[0]) == tuple(self.at)
        return text if same else f"{text}[{', '.join(printer.doprint(part) for part in self.at)}]"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\left[{printer._print(self.function)}\right]"
        row, column = self.limits
        matrix = rf"{body}_{{{printer._print(row[0])},{printer._print(column[0])}}}"
        entry = rf"{self._whole_latex(matrix)}_{{{', '.join(printer._print(part) for part in self.at)}}}"
        return entry if exp is None else rf"\left({entry}\right)^{{{exp}}}"

    def _whole_latex(self, matrix: str) -> str:
        return rf"\left({matrix}^{{-1}}\right)"


class CholeskyFactor(MatrixOfMatrix):
    """The lower triangular L with L Lᵀ = S and a positive diagonal: what `cholesky(S)` returns."""

    def __new__(cls, S: Any) -> Any:
        S = sympify(S)
        if isinstance(S, MatrixBase):
            return S.as_immutable().cholesky(hermitian=False)
        if not isinstance(S, MatrixExpr):
            raise ModelError(f"cholesky needs a matrix, or limits (i, 0, D - 1), (j, 0, D - 1), but was given {S}")
        if differ(S.shape[:1], S.shape[1:]):
            raise ModelError(f"cholesky needs a square matrix, but was given {S} of shape {shape_text(S)}")
        return super().__new__(cls, S)

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return MatrixElement(self, i, j)

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _latex(self, printer: Any) -> str:
        return rf"\operatorname{{chol}}\left({printer._print(self.arg)}\right)"


class CholeskyEntry(InverseEntry):
    """Entry (a, b) of the Cholesky factor of the matrix with rows i and columns j: see `cholesky`."""

    _name = "cholesky"

    def _whole_latex(self, matrix: str) -> str:
        return rf"\operatorname{{chol}}\left({matrix}\right)"


def cholesky(e: Any, row: Any = None, column: Any = None) -> Any:
    """The Cholesky factor of a positive definite matrix: the lower triangular L with L Lᵀ = S and a positive diagonal.

    In index notation its entry (i, j), one matrix for each value of other indices. The factor is that of the symmetric
    part (S + Sᵀ)/2, so that its gradient is symmetric. The generated code raises NumPy's `LinAlgError` where the matrix
    is not positive definite; a fact, `Q.positive_definite(S)`, makes the checker draw such matrices.

    Parameters
    ----------
    e : a square matrix, or a real expression in the indices of `row` and `column`.
    row, column : `(i, 0, D - 1)` and `(j, 0, D - 1)`, as for `inverse`.

    Raises
    ------
    ModelError : the matrix is not square, or one of the limits is missing or malformed.

    Notes
    -----
    With the adjoint L̄ of the factor, that of the matrix is ½ L⁻ᵀ P L⁻¹, where P is the symmetric matrix with the lower
    triangle of Lᵀ L̄. Source: Murray, Differentiation of the Cholesky decomposition (2016).

    Examples
    --------
    >>> from sympy import MatrixSymbol
    >>> cholesky(MatrixSymbol("S", 3, 3))
    CholeskyFactor(S)
    """
    e = sympify(e)
    if row is None and column is None:
        return CholeskyFactor(e)
    rows, columns = one_limit(row, "cholesky"), one_limit(column, "cholesky")
    return CholeskyEntry(e, rows, columns, (rows[0], columns[0]))


def inverse(e: Any, row: Any = None, column: Any = None) -> Any:
    """The inverse of a matrix; or, in index notation, its entry (i, j), one matrix for each value of other indices.

    Parameters
    ----------
    e : a square matrix (`inverse(A)` is `A.I`), or a real expression in the indices of `row` and `column`.
    row, column : `(i, 0, D - 1)` and `(j, 0, D - 1)`. The matrix has e at row i and column j; i and j stay free in the
        result, the entry (i, j) of the inverse.

    Raises
    ------
    ModelError : one of the limits is missing or malformed.

    Examples
    --------
    >>> from sympy import IndexedBase, symbols
    >>> i, j, k, D, K = symbols("i j k D K", integer=True)
    >>> S = IndexedBase("S", shape=(K, D, D))
    >>> inverse(S[k, i, j], (i, 0, D - 1), (j, 0, D - 1))
    inverse(S[k, i, j], (i, 0, D - 1), (j, 0, D - 1))
    """
    e = sympify(e)
    if row is None and column is None and getattr(e, "is_Matrix", False):
        return e.inv()
    if row is None or column is None:
        raise ModelError(
            f"inverse needs a matrix, or an entry with its limits, inverse(e, (i, 0, D - 1), (j, 0, D - 1)), but was "
            f"given {e}"
        )
    rows, columns = one_limit(row, "inverse"), one_limit(column, "inverse")
    return InverseEntry(e, rows, columns, (rows[0], columns[0]))


def det(e: Any, row: Any = None, column: Any = None) -> Any:
    """The determinant of a matrix, `Determinant(A)`, or of the matrix with e at row i and column j, as for `inverse`.

    Its gradient is det(A) A⁻ᵀ, the matrix of cofactors, which the generated code computes for singular A, too.

    Examples
    --------
    >>> from sympy import MatrixSymbol
    >>> det(MatrixSymbol("A", 3, 3))
    Determinant(A)
    """
    e = sympify(e)
    if row is None and column is None and getattr(e, "is_Matrix", False):
        return e.det() if isinstance(e, MatrixBase) else Determinant(e)
    if row is None or column is None:
        raise ModelError(
            f"det needs a matrix, or an entry with its limits, det(e, (i, 0, D - 1), (j, 0, D - 1)), but was given {e}"
        )
    return DetOver(e, row, column)


def logdet(e: Any, row: Any = None, column: Any = None) -> Any:
    """log det(A) of a matrix with a positive determinant, or of the matrix with e at row i and column j.

    Not a number where the determinant is negative; write log(Abs(Determinant(A))) if its sign is of no interest. The
    limits are as for `inverse`.

    Examples
    --------
    >>> from sympy import MatrixSymbol
    >>> logdet(MatrixSymbol("A", 3, 3))
    LogDet(A)
    """
    return LogDet(e) if row is None and column is None else LogDetOver(e, row, column)


for _unknown_to_sympy in (LogDet, InverseEntry, CholeskyEntry, CholeskyFactor):
    array_derive.register(_unknown_to_sympy, derivative_by_matrix)
