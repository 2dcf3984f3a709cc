"""Choices between expressions, `if_else`, and what passes a value on: `constant`, checked positions."""

from collections.abc import Sequence
from typing import Any

import mpmath
from sympy import Basic, Expr, Function, Integer, MatrixBase, MatrixExpr, Piecewise, S, exp, sympify
from sympy.core.function import ArgumentIndexError
from sympy.logic.boolalg import Boolean
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.errors import ModelError
from symgrad.functions.common import MatrixOfMatrix, derivative_by_matrix, latex_call, zero_by_matrix


class _Transparent(Function):  # type: ignore[misc]
    """A function that returns one of its arguments: what all of those are (real, positive, ...), it is too."""

    def _branches(self) -> Sequence[Expr]:
        raise NotImplementedError

    def _common(self, fact: str) -> bool | None:
        answers = {getattr(branch, f"is_{fact}") for branch in self._branches()}
        return answers.pop() if len(answers) == 1 else None

    def _eval_is_commutative(self) -> bool:
        return True

    def _eval_is_extended_real(self) -> bool | None:
        return self._common("extended_real")

    def _eval_is_finite(self) -> bool | None:
        return self._common("finite")

    def _eval_is_integer(self) -> bool | None:
        return self._common("integer")

    def _eval_is_zero(self) -> bool | None:
        return self._common("zero")

    def _eval_is_extended_positive(self) -> bool | None:
        return self._common("extended_positive")

    def _eval_is_extended_negative(self) -> bool | None:
        return self._common("extended_negative")

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self._common("extended_nonnegative")

    def _eval_is_extended_nonpositive(self) -> bool | None:
        return self._common("extended_nonpositive")


def _is_one_by_one(branch: Basic) -> bool:
    return getattr(branch, "is_Matrix", False) and tuple(branch.shape) == (1, 1)


class if_else(_Transparent):
    """The value of `a` where `cond` holds, else that of `b`; never torn apart by SymPy.

    `Piecewise` means the same, but SymPy folds a `Piecewise` inside a `Sum` inside a `Sum` outwards, and takes the
    bound index of the inner sum out of its scope. This function stays where it is written. It folds only where the
    condition is literally true or false. Its derivative is `if_else(cond, da, db)`: at the border, that of the branch
    taken.

    Parameters
    ----------
    cond : a SymPy condition on indices or values: `i < j`, `And(...)`, `Eq(i, j)` (not `i == j`, Python's own False).
    a, b : real expressions. Only the one chosen is evaluated.

    Raises
    ------
    ModelError
        If `cond` is no condition or one of Python's own True and False, or a branch is a matrix of several entries.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, symbols
    >>> j, k, K = symbols("j k K", integer=True)
    >>> x = IndexedBase("x", shape=(K,), real=True)
    >>> Sum(Sum(if_else(k <= j, x[k], 0), (k, 0, K - 1))**2, (j, 0, K - 1))
    Sum(Sum(if_else(k <= j, x[k], 0), (k, 0, K - 1))**2, (j, 0, K - 1))
    >>> if_else(x[0] > 0, x[0]**2, x[1]).diff(x[0])
    if_else(x[0] > 0, 2*x[0], 0)
    """

    def __new__(cls, *args: Any, **options: Any) -> Any:
        if args and isinstance(args[0], bool):
            raise ModelError(
                f"if_else was given {args[0]} for a condition, as == compares in Python; write Eq(a, b) or Ne(a, b); "
                "for what Python knows there is its own `a if ... else b`"
            )
        return super().__new__(cls, *args, **options)

    @classmethod
    def eval(cls, cond: Basic, a: Expr, b: Expr) -> Expr | None:
        if not isinstance(cond, Boolean) or cond.is_extended_real:
            raise ModelError(f"if_else needs a condition such as i < j or Ne(m, 0), but was given {cond}.")
        if any(_is_one_by_one(branch) for branch in (a, b)):  # applyfunc of such a matrix is the function of it
            return cls(cond, *(branch[0, 0] if _is_one_by_one(branch) else branch for branch in (a, b)))
        for branch in (a, b):
            if not isinstance(branch, Expr) or getattr(branch, "is_Matrix", False):
                raise ModelError(f"if_else chooses between scalars, but was given {branch}; write it entry by entry.")
        if cond in (S.true, S.false):
            return a if cond == S.true else b
        return None

    def _branches(self) -> Sequence[Expr]:
        return self.args[1:]  # type: ignore[no-any-return]

    def fdiff(self, argindex: int = 1) -> Expr:
        if argindex not in (2, 3):
            raise ArgumentIndexError(self, argindex)
        return self.func(self.args[0], Integer(argindex == 2), Integer(argindex == 3))

    def _eval_derivative(self, s: Expr) -> Expr:
        cond, a, b = self.args
        da, db = a.diff(s), b.diff(s)
        return S.Zero if da.is_zero and db.is_zero else self.func(cond, da, db)

    def _eval_evalf(self, prec: int) -> Expr | None:
        cond, a, b = self.args
        taken = cond.doit()
        if taken not in (S.true, S.false):
            return None
        return (a if taken == S.true else b).evalf(mpmath.libmp.prec_to_dps(prec))

    def _eval_rewrite_as_Piecewise(self, cond: Basic, a: Expr, b: Expr, **_: Any) -> Expr:
        return Piecewise((a, cond), (b, True))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body: str = printer._print(Piecewise((self.args[1], self.args[0]), (self.args[2], True), evaluate=False))
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


IfElse = if_else


class in_range(Function):  # type: ignore[misc]
    """A position on an axis of the given length, which generated code checks: `in_range(position, length, label)`.

    In formulas it is the position itself.
    """

    nargs = 3

    @classmethod
    def eval(cls, position: Expr, length: Expr, label: Expr) -> Expr:
        return position


class has_no_sign(Function):  # type: ignore[misc]
    """Whether the sign bit of a number is not set, unlike that of -1 or -0.0; of generated code only."""

    nargs = 1


class copysign(Function):  # type: ignore[misc]
    """The magnitude of a number with the sign bit of another, `copysign(size, x)`; of generated code only."""

    nargs = 2


class finite_maximum(Function):  # type: ignore[misc]
    """A maximum to shift exponentials by: itself, but a finite number where it is −∞; of generated code only."""

    nargs = 1


class share(Function):  # type: ignore[misc]
    """exp(x)/(exp(x) + exp(y)), and 0 where both are −∞; of derivatives only, and in formulas the quotient."""

    nargs = 2

    @classmethod
    def eval(cls, x: Expr, y: Expr) -> Expr:
        return exp(x) / (exp(x) + exp(y))


class constant(_Transparent):
    """The value of `e`, held constant in differentiation (a "stop-gradient"): its derivative by anything is zero.

    Parameters
    ----------
    e : a real expression, or a matrix: `constant(A)` is a `ConstantMatrix`.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> (x*constant(x)).diff(x)
    constant(x)
    >>> constant(x**2).subs(x, 3).evalf()
    9.00000000000000
    """

    def __new__(cls, e: Any, **options: Any) -> Any:
        e = sympify(e)
        if isinstance(e, MatrixBase):
            return e.applyfunc(cls)
        return ConstantMatrix(e) if isinstance(e, MatrixExpr) else super().__new__(cls, e, **options)

    @classmethod
    def eval(cls, e: Expr) -> Expr | None:
        return e if e.is_Number or isinstance(e, cls) else None

    def _branches(self) -> Sequence[Expr]:
        return self.args  # type: ignore[no-any-return]

    def fdiff(self, argindex: int = 1) -> Expr:
        return S.Zero

    def _eval_derivative(self, s: Expr) -> Expr:
        return S.Zero

    def _eval_evalf(self, prec: int) -> Expr | None:
        value = self.args[0].evalf(mpmath.libmp.prec_to_dps(prec))
        return value if value.is_Number else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{constant}", printer, self.args, exp)


Constant = constant


class ConstantMatrix(MatrixOfMatrix):
    """The matrix `A`, held constant in differentiation: what `constant(A)` returns. It has the shape of `A`.

    Examples
    --------
    >>> from sympy import MatrixSymbol
    >>> constant(MatrixSymbol("A", 2, 3))[0, 1]
    constant(A[0, 1])
    """

    def __new__(cls, A: Any) -> Any:
        A = sympify(A)
        if isinstance(A, MatrixBase):
            return A.applyfunc(constant)
        if not isinstance(A, MatrixExpr):
            raise ModelError(f"ConstantMatrix needs a matrix, but was given {A}; write constant(...) for a scalar.")
        return A if isinstance(A, cls) else super().__new__(cls, A)

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return constant(self.arg._entry(i, j, **kwargs))


array_derive.register(if_else, derivative_by_matrix)
array_derive.register(constant, zero_by_matrix)
array_derive.register(ConstantMatrix, zero_by_matrix)
