"""What a model needs and SymPy lacks, as SymPy objects: activations, reductions over indices, softmax, `if_else`.

Everything here is real: the arguments are real numbers, and a symbol without assumptions is taken to be one. That keeps
the objects usable inside `Max`, `Abs` and comparisons, and spares SymPy's slow search for a proof that they are real.
Symbolic objects only; how they are differentiated, made stable and printed as NumPy is the compiler's business.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import mpmath
from sympy import (
    Add,
    Basic,
    Dummy,
    Expr,
    Float,
    Function,
    Idx,
    Integer,
    Lambda,
    MatrixBase,
    MatrixExpr,
    Max,
    Min,
    Piecewise,
    Rational,
    S,
    Sum,
    Symbol,
    Tuple,
    exp,
    log,
    oo,
    sympify,
)
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import ArgumentIndexError
from sympy.core.symbol import uniquely_named_symbol
from sympy.logic.boolalg import Boolean
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.immutable import ImmutableDenseMatrix
from sympy.tensor.array.expressions.array_expressions import ZeroArray
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.errors import ModelError, UnsupportedError

__all__ = [
    "Constant",
    "ConstantMatrix",
    "IfElse",
    "IndexedSoftmax",
    "LogSumExp",
    "MaxOver",
    "MinOver",
    "Softmax",
    "Total",
    "constant",
    "if_else",
    "log_sigmoid",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "total",
]

# The one placeholder of every elementwise Lambda, so that `sigmoid(A)` written twice is one tree. A Dummy, so that no
# substitution for a symbol of the model reaches it; numbered, so that it is the same object in every process.
_ENTRY = Dummy("x", dummy_index=1, real=True)

# Bits beyond the precision asked for: the last few of every intermediate result are rounding errors.
_GUARD_BITS = 16


def _real_mpf(value: Expr, bits: int) -> Any:
    """`value` as an mpf of `bits` bits, or None where it is not a real number."""
    number = value.evalf(mpmath.libmp.prec_to_dps(bits) + 2)
    if number in (oo, -oo):
        return mpmath.inf if number is oo else -mpmath.inf
    # SymPy evaluates an exact zero to the integer.
    if not (number.is_Float or number.is_Integer):
        return None
    with mpmath.workprec(bits):
        return mpmath.mpf(number._to_mpmath(bits))


def _to_float(value: Any, bits: int) -> Expr:
    """The mpf `value` as a SymPy number of `bits` bits."""
    if mpmath.isinf(value):
        return oo if value > 0 else -oo
    return Float(value, precision=bits)


# ---- elementwise ----------------------------------------------------------------------------------------------------


class _Elementwise(Function):  # type: ignore[misc]
    """A real function of one real argument; of a matrix, entry by entry."""

    def __new__(cls, x: Any, **options: Any) -> Any:
        x = sympify(x)
        if isinstance(x, MatrixBase):
            return x.applyfunc(cls)
        if isinstance(x, MatrixExpr):
            # ElementwiseApplyFunction's own constructor calls the function on a 1x1 matrix, that is, this one again.
            return MatrixExpr.__new__(ElementwiseApplyFunction, Lambda(_ENTRY, cls(_ENTRY)), x)
        return super().__new__(cls, x, **options)

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
        bits = prec + _GUARD_BITS
        x = _real_mpf(self.args[0], bits)
        if x is None:
            return None
        if x and not mpmath.isinf(x):
            # In the tails these functions behave as exp(-|x|), whose relative error is |x| times that of x.
            bits += max(0, mpmath.mag(x))
            x = _real_mpf(self.args[0], bits)
        with mpmath.workprec(bits):
            return _to_float(self._value(x), prec)


class sigmoid(_Elementwise):
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
        return _latex_call(r"\sigma", printer, self.args, exp)


class softplus(_Elementwise):
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
        return _latex_call(r"\operatorname{softplus}", printer, self.args, exp)


class log_sigmoid(_Elementwise):
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
        return _latex_call(r"\log \sigma", printer, self.args, exp)


class relu(_Elementwise):
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
        return _latex_call(r"\operatorname{relu}", printer, self.args, exp)


class step(_Elementwise):
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
        return _latex_call(r"\operatorname{step}", printer, self.args, exp)


def _latex_call(name: str, printer: Any, args: Iterable[Basic], power: str | None) -> str:
    """`name` applied to `args`, raised to `power`, as LaTeX."""
    inside = ", ".join(printer._print(a) for a in args)
    return rf"{name}{'' if power is None else '^{' + power + '}'}\left({inside}\right)"


# ---- conditions and constants ---------------------------------------------------------------------------------------


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
        If `cond` is no condition, or a branch is a matrix.

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

    @classmethod
    def eval(cls, cond: Basic, a: Expr, b: Expr) -> Expr | None:
        if not isinstance(cond, Boolean):
            raise ModelError(f"if_else needs a condition such as i < j or Ne(m, 0), but was given {cond}.")
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
        return _latex_call(r"\operatorname{constant}", printer, self.args, exp)


Constant = constant


class ConstantMatrix(MatrixExpr):  # type: ignore[misc]
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

    @property
    def arg(self) -> MatrixExpr:
        """The matrix that is held constant."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """The shape of `arg`."""
        return self.arg.shape  # type: ignore[no-any-return]

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return constant(self.arg._entry(i, j, **kwargs))


# ---- reductions over indices ----------------------------------------------------------------------------------------


def _limit(spec: Any, owner: str) -> Tuple:
    """One limit as `(index, lower, upper)`; `spec` is such a triple, or an `Idx` with a range."""
    if isinstance(spec, Idx):
        spec = (spec, spec.lower, spec.upper)
    if isinstance(spec, (tuple, list, Tuple)) and len(spec) == 3 and None not in spec:
        index, lower, upper = (sympify(s) for s in spec)
        if isinstance(index, (Symbol, Idx)):
            return Tuple(index, lower, upper)
    raise ModelError(f"{owner} needs limits such as (k, 0, K - 1), or an Idx with a range, but was given {spec}.")


def _fresh(index: Expr, *taken: Basic) -> Expr:
    """An index like `index`, under a name that none of `taken` contains."""
    name = uniquely_named_symbol(str(index), taken, modify=lambda s: s + "_").name
    if isinstance(index, Idx):
        return Idx(Symbol(name, integer=True), (index.lower, index.upper))
    return Symbol(name, **index.assumptions0)


def _with_range_substituted(index: Expr, old: Basic, new: Basic) -> Expr:
    """`index` after a substitution for a size K in its range: the range is part of an `Idx`, not of its name."""
    if not isinstance(index, Idx) or index.lower is None or old in (index, index.label):
        return index
    return Idx(index.label, (index.lower.subs(old, new), index.upper.subs(old, new)))


class _Reduction(ExprWithLimits):  # type: ignore[misc]
    """An expression reduced over integer indices, with limits as `Sum` has them (the first is the innermost).

    Not built by `ExprWithLimits.__new__`, which folds a `Piecewise` out of the expression and so out of the scope of
    the bound indices.
    """

    def __new__(cls, function: Any, *limits: Any) -> Any:
        function = sympify(function)
        if not isinstance(function, Expr) or getattr(function, "is_Matrix", False):
            raise ModelError(f"{cls.__name__} reduces a scalar expression over an index, but was given {function}.")
        if not limits:
            raise ModelError(f"{cls.__name__}({function}) has no limits; write {cls.__name__}(..., (k, 0, K - 1)).")
        if function is S.NaN:
            return function
        obj = Expr.__new__(cls, function, *(_limit(limit, cls.__name__) for limit in limits))
        obj.is_commutative = True
        return obj

    @staticmethod
    def _combine(terms: Sequence[Expr]) -> Expr:
        """The reduction of explicit terms."""
        raise NotImplementedError

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        """The reduction of mpf terms."""
        raise NotImplementedError

    def _eval_is_extended_real(self) -> bool | None:
        return not (self.function.is_number and self.function.is_extended_real is False) or None

    def _eval_is_finite(self) -> bool | None:
        return self._eval_is_extended_real()

    @property
    def free_symbols(self) -> set[Basic]:
        """The symbols the value depends on: no bound index, and no `x[k]` with a bound index k in it."""
        bound = set(self.variables)
        return {s for s in super().free_symbols if s.is_Symbol or isinstance(s, Idx) or not s.free_symbols & bound}

    def _eval_subs(self, old: Basic, new: Basic) -> Expr:
        # SymPy's rule for Sum, but for two things: a bound index that `new` mentions is renamed first, not captured,
        # and a bound Idx remains the same index where it is bound and where it is used when the size in its range
        # changes.
        if old not in self.variables:
            renamed = self
            for index in self.variables:
                same = _fresh(index, self, old, new) if index in new.free_symbols else index
                renamed = renamed.xreplace({index: _with_range_substituted(same, old, new)})
            if renamed != self:
                return renamed.subs(old, new)
        return super()._eval_subs(old, new)

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated: a maximum has no closed form as a SymPy object."""

    def _terms(self) -> list[Expr] | None:
        """The expression at every value of the indices, or None where a limit is not a number."""
        *inner, (index, lower, upper) = self.limits
        if not all(bound.is_number and bound.is_finite and bound == int(bound) for bound in (lower, upper)):
            return None
        rest = self.func(self.function, *inner) if inner else self.function
        terms: list[Expr] = []
        for value in range(int(lower), int(upper) + 1):
            term = rest.subs(index, value)
            below = term._terms() if inner else [term]
            if below is None:
                return None
            terms += below
        return terms

    def doit(self, **hints: Any) -> Expr:
        """The reduction written out where its limits are numbers, else with its parts evaluated."""
        parts = [a.doit(**hints) for a in self.args] if hints.get("deep", True) else self.args
        done = self.func(*parts)
        terms = done._terms() if isinstance(done, _Reduction) else None
        return done if terms is None else self._combine([t.doit(**hints) for t in terms])

    def _eval_evalf(self, prec: int) -> Expr | None:
        terms = self._terms()
        if terms is None:
            return None
        bits, limit = prec + _GUARD_BITS, 4 * prec + _GUARD_BITS
        while True:
            values = [_real_mpf(t, bits) for t in terms]
            if None in values:
                return None
            with mpmath.workprec(bits):
                value = self._value(values)
            # A logsumexp near zero loses as many bits as its terms exceed it by; one that is exactly zero loses all,
            # so there is a limit.
            largest = max((mpmath.mag(v) for v in values if v and not mpmath.isinf(v)), default=0)
            lost = max(0, largest) - mpmath.mag(value) if value and not mpmath.isinf(value) else limit
            needed = min(prec + _GUARD_BITS + max(0, lost), limit)
            if bits >= needed or mpmath.isinf(value):
                return _to_float(value, prec)
            bits = needed

    def _latex_indices(self, printer: Any) -> str:
        return ", ".join(printer._print(index) for index in self.variables)


class MaxOver(_Reduction):
    r"""The largest value of an expression over one or several indices, max_k e_k; −∞ over an empty range.

    Parameters
    ----------
    e : a real expression in the indices. A `Piecewise` in it stays where it is.
    *limits : `(k, lower, upper)` with both ends included, as in `Sum`, or an `Idx` that has a range.

    Raises
    ------
    ModelError
        If a limit is missing or malformed.

    Examples
    --------
    >>> from sympy import IndexedBase, symbols
    >>> k, K = symbols("k K", integer=True)
    >>> x = IndexedBase("x", shape=(K,), real=True)
    >>> MaxOver(x[k], (k, 0, K - 1))
    MaxOver(x[k], (k, 0, K - 1))
    >>> MaxOver(k*(3 - k), (k, 0, 3)).doit()
    2
    """

    @staticmethod
    def _combine(terms: Sequence[Expr]) -> Expr:
        return Max(*terms)

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        return max(terms, default=-mpmath.inf)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_call(rf"\max_{{{self._latex_indices(printer)}}}", printer, [self.function], exp)


class MinOver(_Reduction):
    r"""The smallest value of an expression over one or several indices, min_k e_k; ∞ over an empty range.

    Parameters
    ----------
    e : a real expression in the indices. A `Piecewise` in it stays where it is.
    *limits : `(k, lower, upper)` with both ends included, as in `Sum`, or an `Idx` that has a range.

    Raises
    ------
    ModelError
        If a limit is missing or malformed.

    Examples
    --------
    >>> from sympy import symbols
    >>> k = symbols("k", integer=True)
    >>> MinOver((k - 2)**2 + 1, (k, 0, 5)).doit()
    1
    """

    @staticmethod
    def _combine(terms: Sequence[Expr]) -> Expr:
        return Min(*terms)

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        return min(terms, default=mpmath.inf)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_call(rf"\min_{{{self._latex_indices(printer)}}}", printer, [self.function], exp)


class LogSumExp(_Reduction):
    r"""The smooth maximum log Σ_k exp(e_k) over one or several indices; −∞ over an empty range.

    Parameters
    ----------
    e : a real expression in the indices. A `Piecewise` in it stays where it is.
    *limits : `(k, lower, upper)` with both ends included, as in `Sum`, or an `Idx` that has a range.

    Raises
    ------
    ModelError
        If a limit is missing or malformed.

    References
    ----------
    P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and softmax functions, IMA Journal of
    Numerical Analysis 41 (2021), section 1.

    Examples
    --------
    >>> from sympy import log, symbols
    >>> k = symbols("k", integer=True)
    >>> LogSumExp(1000*k, (k, 0, 2)).evalf()
    2000.00000000000
    >>> LogSumExp(log(2) - k, (k, 0, 1)).doit()
    log(2*exp(-1) + 2)
    """

    @staticmethod
    def _combine(terms: Sequence[Expr]) -> Expr:
        return log(Add(*(exp(t) for t in terms))) if terms else -oo

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        top = max(terms, default=-mpmath.inf)
        return top if mpmath.isinf(top) else top + mpmath.log(mpmath.fsum(mpmath.exp(t - top) for t in terms))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        summed = rf"\sum_{{{self._latex_indices(printer)}}} " + _latex_call(r"\exp", printer, [self.function], None)
        return rf"\log{'' if exp is None else '^{' + exp + '}'}\left({summed}\right)"


# ---- softmax and total ----------------------------------------------------------------------------------------------


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
        return super().__new__(cls, e, _limit(limit, "softmax"))

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

    def _eval_is_extended_positive(self) -> bool:
        return True

    def expand_explicit(self) -> Expr:
        """The quotient exp(e)/Sum(exp(e at k′), (k′, lower, upper)) with a fresh index k′."""
        fresh = _fresh(self.index, self)
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
        index = _with_range_substituted(index, old, new)
        return self.func(self.function.subs(old, new), (index, lower.subs(old, new), upper.subs(old, new)))

    def _xreplace(self, rule: Any) -> tuple[Expr, bool]:
        if self not in rule and self.index in rule and not isinstance(rule[self.index], (Symbol, Idx)):
            return self.expand_explicit()._xreplace(rule)  # type: ignore[no-any-return]
        return super()._xreplace(rule)  # type: ignore[no-any-return]

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_call(rf"\operatorname{{softmax}}_{{{printer._print(self.index)}}}", printer, [self.function], exp)


class Softmax(MatrixExpr):  # type: ignore[misc]
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
        return super().__new__(cls, Z)

    @property
    def arg(self) -> MatrixExpr:
        """The matrix Z."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """The shape of Z."""
        return self.arg.shape  # type: ignore[no-any-return]

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
        return _latex_call(r"\operatorname{softmax}", printer, self.args, exp)


def softmax(e: Any, limit: Any = None) -> Any:
    r"""The softmax exp(e_k) / Σ_l exp(e_l): of every row of a matrix, or of an indexed expression over one index.

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
        A = sympify(A)
        if isinstance(A, MatrixBase):
            return Add(*A)
        if not isinstance(A, MatrixExpr):
            raise ModelError(f"total sums the entries of a matrix, but was given {A}; write Sum(..., (i, 0, N - 1)).")
        return super().__new__(cls, A)

    @property
    def arg(self) -> MatrixExpr:
        """The matrix whose entries are summed."""
        return self.args[0]

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
        return _latex_call(r"\operatorname{total}", printer, self.args, exp)


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


# ---- SymPy's derivative by a whole matrix ---------------------------------------------------------------------------


def _derivative_by_matrix(expr: Expr, x: MatrixExpr) -> Expr:
    """Zero where it is zero; otherwise refuse. For a scalar that it does not know SymPy's own answer is always zero."""
    if expr.has(x) and not isinstance(expr, (constant, ConstantMatrix)):
        raise UnsupportedError(
            f"SymPy has no derivative of {expr} by the whole matrix {x}; Model(loss, [{x}]).gradient({x}) has it."
        )
    return ZeroArray(*x.shape, *getattr(expr, "shape", ()))


for _unknown_to_sympy in (_Elementwise, _Transparent, _Reduction, IndexedSoftmax, Total, Softmax, ConstantMatrix):
    array_derive.register(_unknown_to_sympy, _derivative_by_matrix)
