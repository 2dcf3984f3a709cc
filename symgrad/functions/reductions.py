"""Reductions over indices that SymPy lacks: maximum, minimum, logsumexp."""

from collections.abc import Sequence
from typing import Any

import mpmath
from sympy import Add, Basic, Expr, Idx, Max, Min, S, Symbol, Tuple, exp, log, oo, sympify
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.symbol import uniquely_named_symbol
from sympy.tensor.array.expressions.arrayexpr_derivatives import array_derive

from symgrad.errors import ModelError
from symgrad.functions.common import GUARD_BITS, derivative_by_matrix, latex_call, real_mpf, to_float


def one_limit(spec: Any, owner: str) -> Tuple:
    """One limit as `(index, lower, upper)`; `spec` is such a triple, or an `Idx` with a range."""
    if isinstance(spec, Idx):
        spec = (spec, spec.lower, spec.upper)
    if isinstance(spec, (tuple, list, Tuple)) and len(spec) == 3 and None not in spec:
        index, lower, upper = (sympify(s) for s in spec)
        if isinstance(index, (Symbol, Idx)):
            return Tuple(index, lower, upper)
    raise ModelError(f"{owner} needs limits such as (k, 0, K - 1), or an Idx with a range, but was given {spec}.")


def _is_limit(spec: Any) -> bool:
    """Whether an argument is meant as a limit, complete or not, rather than as an expression."""
    return isinstance(spec, (tuple, list, Tuple, Idx)) or (isinstance(spec, Symbol) and bool(spec.is_integer))


def fresh_index(index: Expr, *taken: Basic) -> Expr:
    """An index like `index`, under a name that none of `taken` contains."""
    name = uniquely_named_symbol(str(index), taken, modify=lambda s: s + "_").name
    if isinstance(index, Idx):
        return Idx(Symbol(name, integer=True), (index.lower, index.upper))
    return Symbol(name, **index.assumptions0)


def with_range_substituted(index: Expr, old: Basic, new: Basic) -> Expr:
    """`index` after a substitution for a size K in its range: the range is part of an `Idx`, not of its name."""
    if not isinstance(index, Idx) or index.lower is None or old in (index, index.label):
        return index
    return Idx(index.label, (index.lower.subs(old, new), index.upper.subs(old, new)))


class Reduction(ExprWithLimits):  # type: ignore[misc]
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
        obj = Expr.__new__(cls, function, *(one_limit(limit, cls.__name__) for limit in limits))
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
                same = fresh_index(index, self, old, new) if index in new.free_symbols else index
                renamed = renamed.xreplace({index: with_range_substituted(same, old, new)})
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
        terms = done._terms() if isinstance(done, Reduction) else None
        return done if terms is None else self._combine([t.doit(**hints) for t in terms])

    def _eval_evalf(self, prec: int) -> Expr | None:
        terms = self._terms()
        if terms is None:
            return None
        bits, limit = prec + GUARD_BITS, 4 * prec + GUARD_BITS
        while True:
            values = [real_mpf(t, bits) for t in terms]
            if None in values:
                return None
            with mpmath.workprec(bits):
                value = self._value(values)
            # A logsumexp near zero loses as many bits as its terms exceed it by; one that is exactly zero loses all,
            # so there is a limit.
            largest = max((int(mpmath.mag(v)) for v in values if v and not mpmath.isinf(v)), default=0)
            lost = max(0, largest) - int(mpmath.mag(value)) if value and not mpmath.isinf(value) else limit
            needed = min(prec + GUARD_BITS + max(0, lost), limit)
            if bits >= needed or mpmath.isinf(value):
                return to_float(value, prec)
            bits = needed

    def _latex_indices(self, printer: Any) -> str:
        return ", ".join(printer._print(index) for index in self.variables)


class MaxOver(Reduction):
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
        return latex_call(rf"\max_{{{self._latex_indices(printer)}}}", printer, [self.function], exp)


class LargestOver(MaxOver):
    """The largest value to shift exponentials by, −∞ over no entries; of generated code only."""


class LogTotalOver(Reduction):
    """The logarithm of a sum of entries of which the largest is 1, 0 where all are 0; of generated code only."""

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        return mpmath.log(max(mpmath.fsum(terms), 1))


class NormOver(Reduction):
    """√Σ e_k², also where the squares overflow or vanish; of generated code only."""

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        return mpmath.sqrt(mpmath.fsum(terms, squared=True))


class MinOver(Reduction):
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
        return latex_call(rf"\min_{{{self._latex_indices(printer)}}}", printer, [self.function], exp)


class LogSumExp(Reduction):
    r"""The smooth maximum log Σ_k exp(e_k) over one or several indices, or log(exp(e) + exp(f) + …) of expressions.

    Entries that are −∞, the logarithm of 0, add nothing and have derivative 0; where all of them are, or the range is
    empty, so is the value.

    Parameters
    ----------
    e : a real expression in the indices. A `Piecewise` in it stays where it is.
    *limits : `(k, lower, upper)` with both ends included, as in `Sum`, or an `Idx` that has a range; or, instead of
        limits, further expressions.

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
    >>> x, y = symbols("x y", real=True)
    >>> LogSumExp(x, 2*y)
    log(exp(x) + exp(2*y))
    """

    def __new__(cls, function: Any, *limits: Any) -> Any:
        if not limits or any(map(_is_limit, limits)):
            return super().__new__(cls, function, *limits)
        terms = [sympify(term) for term in (function, *limits)]
        for term in terms:
            if not isinstance(term, Expr) or getattr(term, "is_Matrix", False):
                raise ModelError(f"{cls.__name__} of several expressions needs scalars, but was given {term}.")
        return cls._combine([term for term in terms if term is not S.NegativeInfinity])

    @staticmethod
    def _combine(terms: Sequence[Expr]) -> Expr:
        return log(Add(*(exp(t) for t in terms))) if terms else -oo

    @staticmethod
    def _value(terms: Sequence[Any]) -> Any:
        top = max(terms, default=-mpmath.inf)
        return top if mpmath.isinf(top) else top + mpmath.log(mpmath.fsum(mpmath.exp(t - top) for t in terms))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        summed = rf"\sum_{{{self._latex_indices(printer)}}} " + latex_call(r"\exp", printer, [self.function], None)
        return rf"\log{'' if exp is None else '^{' + exp + '}'}\left({summed}\right)"


array_derive.register(Reduction, derivative_by_matrix)
