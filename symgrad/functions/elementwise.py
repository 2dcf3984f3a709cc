"""Activations of one real number, and of matrices entry by entry."""

from collections.abc import Callable
from typing import Any

import mpmath
from sympy import Dummy, Expr, Function, Lambda, MatrixBase, MatrixExpr, Max, Rational, S, exp, log, oo
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.functions.common import GUARD_BITS, derivative_by_matrix, latex_call, operand, real_mpf, to_float

# The one placeholder of every elementwise Lambda, so that `sigmoid(A)` written twice is one tree. A Dummy, so that no
# substitution for a symbol of the model reaches it; numbered, so that it is the same object in every process.
_ENTRY = Dummy("x", dummy_index=1, real=True)


def by_entry(function: Callable[[Any], Any], x: Any) -> Any:
    """A function of one real number applied to every entry of a matrix."""
    if isinstance(x, MatrixBase):
        return x.applyfunc(function)
    # ElementwiseApplyFunction's own constructor calls the function on a 1x1 matrix, which would come here again.
    return MatrixExpr.__new__(ElementwiseApplyFunction, Lambda(_ENTRY, function(_ENTRY)), x)


class Elementwise(Function):  # type: ignore[misc]
    """A real function of one real argument; of a matrix, entry by entry."""

    def __new__(cls, x: Any, **options: Any) -> Any:
        x = operand(x, cls.__name__, None)
        return by_entry(cls, x) if isinstance(x, MatrixBase | MatrixExpr) else super().__new__(cls, x, **options)

    def _eval_is_extended_real(self) -> bool | None:
        # Only of a number is the question worth asking: see the module's docstring.
        return not (self.args[0].is_number and self.args[0].is_extended_real is False) or None

    def _eval_is_finite(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_is_commutative(self) -> bool:
        return True

    @staticmethod
    def _value(x: Any) -> Any:
        """The function at the mpf `x`, every digit of the working precision right."""
        raise NotImplementedError

    def _eval_evalf(self, prec: int) -> Expr | None:
        bits = prec + GUARD_BITS
        x = real_mpf(self.args[0], bits)
        if x is None:
            return None
        if x and not mpmath.isinf(x):
            # In the tails these functions behave as exp(-|x|), whose relative error is |x| times that of x.
            bits += max(0, int(mpmath.mag(x)))
            x = real_mpf(self.args[0], bits)
        with mpmath.workprec(bits):
            return to_float(self._value(x), prec)


class sigmoid(Elementwise):
    r"""The logistic function σ(x) = 1/(1 + e⁻ˣ), of a real number or entry by entry of a matrix.

    Its derivative is σ(x)(1 − σ(x)); its values lie in (0, 1).

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning (2006), section 4.2, eq. 4.59 and 4.88.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> sigmoid(x).diff(x)
    (1 - sigmoid(x))*sigmoid(x)
    >>> sigmoid(-1000).evalf(20)
    5.0759588975494567653e-435
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        values = {S.Zero: Rational(1, 2), oo: S.One, -oo: S.Zero, S.NaN: S.NaN}
        return values.get(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self * (1 - self)

    @staticmethod
    def _value(x: Any) -> Any:
        return 1 / (1 + mpmath.exp(-x))

    def _eval_is_extended_positive(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_exp(self, x: Expr, **_: Any) -> Expr:
        return 1 / (1 + exp(-x))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\sigma", printer, self.args, exp)


class softplus(Elementwise):
    r"""The smooth rectifier log(1 + eˣ), of a real number or entry by entry of a matrix.

    Its derivative is σ(x); its values are positive.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    References
    ----------
    M. Mächler, Accurately computing log(1 − exp(−|a|)), assessed by the Rmpfr package (2012), section 3 (log1pexp).

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> softplus(x).diff(x)
    sigmoid(x)
    >>> softplus(1000).evalf()
    1000.00000000000
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        values = {S.Zero: log(2), oo: oo, -oo: S.Zero, S.NaN: S.NaN}
        return values.get(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return sigmoid(self.args[0])

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))

    def _eval_is_extended_positive(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_exp(self, x: Expr, **_: Any) -> Expr:
        return log(1 + exp(x))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{softplus}", printer, self.args, exp)


class log_sigmoid(Elementwise):
    r"""The logarithm of the logistic function, log σ(x) = −log(1 + e⁻ˣ); of a matrix, entry by entry.

    Its derivative is σ(−x); its values are negative.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    References
    ----------
    M. Mächler, Accurately computing log(1 − exp(−|a|)), assessed by the Rmpfr package (2012), section 3: log σ(x) is
    −log1pexp(−x).

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> log_sigmoid(x).diff(x)
    sigmoid(-x)
    >>> log_sigmoid(-1000).evalf()
    -1000.00000000000
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        values = {S.Zero: -log(2), oo: S.Zero, -oo: -oo, S.NaN: S.NaN}
        return values.get(x)

    def fdiff(self, argindex: int = 1) -> Expr:
        return sigmoid(-self.args[0])

    @staticmethod
    def _value(x: Any) -> Any:
        return -softplus._value(-x)

    def _eval_is_extended_negative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_exp(self, x: Expr, **_: Any) -> Expr:
        return -log(1 + exp(-x))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\log \sigma", printer, self.args, exp)


class relu(Elementwise):
    r"""The rectifier max(0, x), of a real number or entry by entry of a matrix.

    Its derivative is `step(x)`: 1 where x > 0, else 0; at the kink x = 0 that is 0.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> relu(x).diff(x)
    step(x)
    >>> relu(-3), relu(3)
    (0, 3)
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        if x is S.NaN:
            return x
        return (x if x > 0 else S.Zero) if x.is_Number and x.is_extended_real else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return step(self.args[0])

    @staticmethod
    def _value(x: Any) -> Any:
        return x if x > 0 else mpmath.mpf(0)

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_rewrite_as_Max(self, x: Expr, **_: Any) -> Expr:
        return Max(0, x)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{relu}", printer, self.args, exp)


class step(Elementwise):
    r"""The unit step: 1 where x > 0, else 0 (0 at x = 0 itself); of a matrix, entry by entry.

    It is the derivative of `relu`. Its own derivative is 0 everywhere: unlike `Heaviside`, it gives no Dirac delta.

    Parameters
    ----------
    x : a real expression, or a matrix (then the result has its shape).

    Examples
    --------
    >>> step(-1), step(0), step(2)
    (0, 0, 1)
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        if x is S.NaN:
            return x
        return (S.One if x > 0 else S.Zero) if x.is_Number and x.is_extended_real else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return S.Zero

    @staticmethod
    def _value(x: Any) -> Any:
        return mpmath.mpf(1 if x > 0 else 0)

    def _eval_is_integer(self) -> bool | None:
        return self._eval_is_extended_real()

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return latex_call(r"\operatorname{step}", printer, self.args, exp)


array_derive.register(Elementwise, derivative_by_matrix)
