"""A slow, direct evaluator of a SymPy loss with mpmath: what the model says, read node by node, at any precision.

It is the oracle of the question "does the module compute the user's loss?", and therefore shares nothing with the
compiler: no graph, no rewriting, no shapes inferred. A sum is a Python loop; a matrix is an array of mpf objects, made
entry by entry. All it remembers is what it has already evaluated. A node without a rule raises `UnsupportedError`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from math import prod
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad import functions as sg
from symgrad import matrix_functions as mf
from symgrad.errors import ModelError, UnsupportedError

Matrix = np.ndarray[Any, Any]

# Digits carried beyond those asked for. A loss is a sum of thousands of terms at most, which costs four or five.
_GUARD_DIGITS = 10

# Names from `where` that may be evaluated inside one another before the evaluator starts again at the innermost: fifty
# Python frames a name (a long formula) stay below CPython's limit of a thousand.
_NESTED_NAMES = 12


def evaluate(
    expr: sp.Basic,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    where: Sequence[sp.Basic] = (),
    digits: int = 50,
) -> mpf:
    """The value of a scalar SymPy expression, read literally.

    Sums over an empty range are 0 and products 1 (not Karr's convention); only the branch taken of a `Piecewise` or
    `if_else` is evaluated, and a bound index hides an outer one of the same name.

    Parameters
    ----------
    expr : a scalar expression; a 1x1 matrix counts.
    values : `MatrixSymbol`, `IndexedBase` or `Symbol` to an array (or nested lists, or a number) of that shape. A
        `MatrixSymbol` with a side of 1 may have a 1-D array.
    sizes : dimension symbol to its size.
    where : `Eq(z[i], ...)`, `Eq(H, ...)`, `Eq(s, ...)`. Of several for one name, the one whose left side has the most
        literal subscripts that fit is meant: `Eq(h[0, k], ...)` is the base case of `Eq(h[t, k], ...)`.
    digits : decimal digits of the result. They are right unless the expression itself cancels more than ten.

    Returns
    -------
    The value as an mpmath `mpf`.

    Raises
    ------
    UnsupportedError
        If a part of the expression has no rule here; the message names it.
    ModelError
        If a symbol has no value, or an equation of `where` defines nothing.
    IndexError
        If a subscript is out of range (a negative one, too) or no integer.
    ValueError
        If an array has another shape than its symbol, or a value is not real.
    ZeroDivisionError
        If the expression divides by zero.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, log, symbols
    >>> i, N = symbols("i N", integer=True)
    >>> x = IndexedBase("x", shape=(N,))
    >>> value = evaluate(Sum(log(x[i]), (i, 0, N - 1)), {x: [1.0, 2.0]}, {N: 2})
    >>> print(mpmath.nstr(value, 20))
    0.69314718055994530942
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        value = _Inputs(values, sizes, where).evaluate(expr)
    with mpmath.workdps(digits):
        return +value


def differences(
    expr: sp.Basic,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    parameter: sp.Basic,
    index: tuple[int, ...] = (),
    where: Sequence[sp.Basic] = (),
    digits: int = 50,
) -> mpf:
    """The derivative of `expr` by one entry of `parameter`, from a central difference at high precision.

    (f(x + h) - f(x - h)) / 2h with h = 10^(-3/10 digits): with 50 digits h is 1e-15 and the error about 1e-30
    times the third derivative. Away from kinks, it is an oracle for gradients.

    Parameters
    ----------
    expr, values, sizes, where, digits : as for `evaluate`.
    parameter : a key of `values`.
    index : the entry, in the shape that `values` has; `()` for a scalar.

    Returns
    -------
    The derivative as an mpmath `mpf`.

    Raises
    ------
    Whatever `evaluate` does.

    Examples
    --------
    >>> from sympy import Symbol, exp
    >>> x = Symbol("x")
    >>> print(mpmath.nstr(differences(exp(3*x), {x: 0}, {}, x), 20))
    3.0
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        h = mpf(10) ** -(3 * digits // 10)
        ends = []
        for offset in (h, -h):
            moved = np.array(values[parameter], dtype=object)
            moved[index] = _number(moved[index]) + offset
            ends.append(_Inputs({**values, parameter: moved}, sizes, where).evaluate(expr))
        derivative = (ends[0] - ends[1]) / (2 * h)
    with mpmath.workdps(digits):
        return +derivative


# ---- what an expression is read against -----------------------------------------------------------------------------


# A name from `where` and the subscripts of the entry wanted; None for the whole of a matrix or a scalar.
_Entry = tuple[sp.Basic, tuple[int, ...] | None]


class _TooDeep(Exception):
    """An entry was needed inside `_NESTED_NAMES` others; evaluate it first and begin again."""

    def __init__(self, entry: _Entry) -> None:
        super().__init__(entry)
        self.entry = entry


class _Inputs:
    """The arrays, the sizes and the equations; and the entries and sums already evaluated."""

    def __init__(self, values: Mapping[sp.Basic, Any], sizes: Mapping[sp.Basic, int], where: Sequence[sp.Basic]):
        self.values, self.sizes = values, sizes
        self.arrays: dict[sp.Basic, np.ndarray[Any, Any]] = {}
        self.shapes: dict[sp.Basic, tuple[int, ...] | None] = {}
        self.wholes: dict[sp.Basic, sp.Basic] = {}
        self.entries: dict[sp.Basic, list[tuple[tuple[sp.Basic, ...], sp.Basic]]] = {}
        self.known: dict[_Entry, Any] = {}
        self.memo: dict[Any, Any] = {}
        self.free: dict[sp.Basic, set[sp.Basic]] = {}
        self.nested = 0
        for equation in where:
            if not isinstance(equation, sp.Eq):
                raise ModelError(
                    f"where needs equations Eq(name, value), but holds {equation} "
                    "(SymPy makes False of an Eq between matrices of different shapes)."
                )
            left, right = equation.args
            if isinstance(left, (sp.Indexed, MatrixElement)):
                self.entries.setdefault(left.args[0], []).append((left.args[1:], right))
            elif isinstance(left, (sp.MatrixSymbol, sp.Symbol)):
                self.wholes[left] = right
            else:
                raise ModelError(f"{left} names nothing: where holds Eq(z[i], ...), Eq(H, ...) or Eq(s, ...).")

    def evaluate(self, expr: sp.Basic) -> mpf:
        """The value of the loss; entries that lie too deep are put on a stack and evaluated first."""
        waiting: list[_Entry] = []
        while True:
            self.nested = 0
            try:
                if not waiting:
                    return _scalar(expr, _Scope(self))
                self.named(*waiting[-1])
                waiting.pop()
            except _TooDeep as deep:
                if deep.entry in waiting:
                    raise ModelError(f"{_shown(deep.entry)} is defined by itself in where.") from None
                waiting.append(deep.entry)

    def shape(self, symbol: sp.Basic) -> tuple[int, ...] | None:
        """The declared shape, or None where there is none."""
        if symbol not in self.shapes:
            declared = getattr(symbol, "shape", None)
            self.shapes[symbol] = None if declared is None else tuple(_integer(side, _Scope(self)) for side in declared)
        return self.shapes[symbol]

    def array(self, symbol: sp.Basic) -> np.ndarray[Any, Any]:
        """The value of an input, in the shape that its symbol declares."""
        if symbol not in self.arrays:
            if symbol not in self.values:
                raise ModelError(f"{symbol} has no value: it is no bound index, no size, and named nowhere in where.")
            array = np.array(self.values[symbol], dtype=object)
            shape = self.shape(symbol)
            if shape is not None:
                vector = isinstance(symbol, sp.MatrixSymbol) and array.ndim == 1 and 1 in shape
                if array.shape != shape and not (vector and array.size == prod(shape)):
                    raise ValueError(f"{symbol} has shape {shape}, but its value has shape {array.shape}.")
                array = array.reshape(shape)
            self.arrays[symbol] = array
        return self.arrays[symbol]

    def entry(self, base: sp.Basic, subscripts: tuple[int, ...]) -> mpf:
        """One entry of an input or of a name; a scalar has no subscripts."""
        if base in self.wholes:
            whole = self.named(base, None)
            return _item(whole, subscripts, base) if subscripts else whole
        defined = base in self.entries
        shape = self.shape(base) if defined else self.array(base).shape
        if any(s < 0 for s in subscripts) or (
            shape is not None
            and (len(subscripts) != len(shape) or any(s >= n for s, n in zip(subscripts, shape, strict=True)))
        ):
            raise IndexError(f"{_shown((base, subscripts))} is out of range: {base} has shape {shape}.")
        return self.named(base, subscripts) if defined else _number(self.array(base)[subscripts])

    def named(self, name: sp.Basic, subscripts: tuple[int, ...] | None) -> Any:
        """A name from `where`: its entry at the subscripts, or the whole of it (a matrix or a scalar)."""
        wanted = (name, subscripts)
        if wanted not in self.known:
            if self.nested == _NESTED_NAMES:
                raise _TooDeep(wanted)
            self.nested += 1
            if subscripts is None:
                matrix = isinstance(name, sp.MatrixSymbol)
                value = (_matrix if matrix else _scalar)(self.wholes[name], _Scope(self))
                if matrix and value.shape != self.shape(name):
                    raise ValueError(f"{name} has shape {self.shape(name)}, but {self.wholes[name]} has {value.shape}.")
                self.known[wanted] = value
            else:
                right, bound = self.definition(name, subscripts)
                self.known[wanted] = _scalar(right, _Scope(self, bound))
            self.nested -= 1
        return self.known[wanted]

    def definition(self, base: sp.Basic, subscripts: tuple[int, ...]) -> tuple[sp.Basic, dict[sp.Basic, mpf]]:
        """The right side that defines an entry, and the values of the indices on its left side."""
        found: list[tuple[sp.Basic, dict[sp.Basic, mpf]]] = []
        for left, right in self.entries[base]:
            bound = self.matched(left, subscripts)
            if bound is not None:
                found.append((right, bound))
        if not found:
            raise IndexError(f"no equation in where defines {_shown((base, subscripts))}.")
        return min(found, key=lambda match: len(match[1]))

    def matched(self, left: tuple[sp.Basic, ...], subscripts: tuple[int, ...]) -> dict[sp.Basic, mpf] | None:
        """The indices of a left side at these subscripts, or None where it does not fit: h[t + 1] at 3 means t = 2."""
        if len(left) != len(subscripts):
            return None
        bound: dict[sp.Basic, mpf] = {}
        for pattern, subscript in zip(left, subscripts, strict=True):
            unknown = [s for s in pattern.free_symbols if s not in self.sizes and s not in self.values]
            if len(unknown) > 1:
                raise UnsupportedError(f"the subscript {pattern} on a left side in where holds several indices.")
            if unknown:
                at_zero, at_one = (_scalar(pattern, _Scope(self, {unknown[0]: mpf(t)})) for t in (0, 1))
                if at_zero == at_one:
                    return None
                solution = (subscript - at_zero) / (at_one - at_zero)
                if not mpmath.isint(solution) or bound.setdefault(unknown[0], solution) != solution:
                    return None
            elif _scalar(pattern, _Scope(self)) != subscript:
                return None
        return bound


@dataclass(frozen=True)
class _Scope:
    """The inputs, and the values of the indices bound at this place."""

    inputs: _Inputs
    bound: Mapping[sp.Basic, mpf] = field(default_factory=dict)

    def bind(self, index: sp.Basic, value: Any) -> "_Scope":
        return _Scope(self.inputs, {**self.bound, index: mpf(value)})

    def remember(self, expr: sp.Basic, compute: Callable[[], Any]) -> Any:
        """`compute()`, once for every value of the bound indices that `expr` depends on."""
        free, memo = self.inputs.free, self.inputs.memo
        if expr not in free:
            free[expr] = expr.free_symbols
        key = (expr, *((index, value) for index, value in self.bound.items() if index in free[expr]))
        if key not in memo:
            memo[key] = compute()
        return memo[key]


def _shown(entry: _Entry) -> str:
    name, subscripts = entry
    return f"{name}{list(subscripts)}" if subscripts else str(name)


def _number(value: Any) -> mpf:
    """An entry of an input as an mpf, exactly."""
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return mpf(int(value))
    if isinstance(value, (float, np.floating)):
        return mpf(float(value))
    if isinstance(value, sp.Expr) and value.is_number:
        return as_mpf(value)
    if isinstance(value, mpf):
        return value
    raise ValueError(f"a value must be a real number, but {value!r} was given.")


def as_mpf(expr: sp.Expr) -> mpf:
    """SymPy's own value of a constant, or of a function of constants."""
    value = expr.evalf(mpmath.mp.dps + 3)
    if value.is_Float or value.is_Integer:
        return mpf(value._to_mpmath(mpmath.mp.prec))
    if value in (sp.oo, -sp.oo, sp.nan):
        return {sp.oo: mpf("inf"), -sp.oo: mpf("-inf"), sp.nan: mpf("nan")}[value]
    if value.is_number and value.is_extended_real is False:
        raise ValueError(f"{expr} is not real.")
    raise UnsupportedError(f"the reference evaluator cannot evaluate {expr} (a {type(expr).__name__}).")


def _integer(expr: sp.Basic, at: _Scope) -> int:
    """A subscript or a limit."""
    value = _scalar(expr, at)
    if not mpmath.isint(value):
        raise IndexError(f"{expr} must be an integer, but is {mpmath.nstr(value)}.")
    return int(value)


def _points(limits: Sequence[sp.Tuple], at: _Scope) -> Iterator[_Scope]:
    """The scopes at all values of the indices; the last limit is the outermost."""
    if not limits:
        yield at
        return
    *inner, limit = limits
    if len(limit) != 3:
        raise ModelError(f"the index {limit[0]} needs limits, such as ({limit[0]}, 0, N - 1).")
    index, lower, upper = limit
    for value in range(_integer(lower, at), _integer(upper, at) + 1):
        yield from _points(inner, at.bind(index, value))


# ---- scalars --------------------------------------------------------------------------------------------------------


# One rule a function: SymPy's (or our own) class, and what it is as a function of mpf's.
_FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: mpmath.exp,
    sp.log: mpmath.log,
    sp.sin: mpmath.sin,
    sp.cos: mpmath.cos,
    sp.tan: mpmath.tan,
    sp.asin: mpmath.asin,
    sp.acos: mpmath.acos,
    sp.atan: mpmath.atan,
    sp.atan2: mpmath.atan2,
    sp.sinh: mpmath.sinh,
    sp.cosh: mpmath.cosh,
    sp.tanh: mpmath.tanh,
    sp.asinh: mpmath.asinh,
    sp.acosh: mpmath.acosh,
    sp.atanh: mpmath.atanh,
    sp.erf: mpmath.erf,
    sp.erfc: mpmath.erfc,
    sp.erfinv: mpmath.erfinv,
    sp.gamma: mpmath.gamma,
    sp.loggamma: mpmath.loggamma,
    sp.factorial: mpmath.factorial,
    sp.erfcinv: lambda x: mpmath.erfinv(1 - x),
    sp.erf2: lambda a, b: mpmath.erf(b) - mpmath.erf(a),
    sp.binomial: mpmath.binomial,
    sp.floor: mpmath.floor,
    sp.ceiling: mpmath.ceil,
    sp.Mod: lambda x, y: x - y * mpmath.floor(x / y),
    sp.Abs: abs,
    sp.sign: mpmath.sign,
    sp.Max: max,
    sp.Min: min,
    sp.Heaviside: lambda x, at_zero: at_zero if x == 0 else mpf(x > 0),
    sp.KroneckerDelta: lambda i, j: mpf(i == j),
    sp.conjugate: lambda x: x,
    sp.re: lambda x: x,
    sg.sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)),
    sg.softplus: lambda x: mpmath.log1p(mpmath.exp(x)),
    sg.log_sigmoid: lambda x: -mpmath.log1p(mpmath.exp(-x)),
    sg.relu: lambda x: x if x > 0 else mpf(0),
    sg.step: lambda x: mpf(x > 0),
    sg.constant: lambda x: x,
    mf.reciprocal_root: lambda x: 1 / mpmath.sqrt(x) if x else mpf(0),
}


def apply_function(head: Any, arguments: Sequence[mpf]) -> mpf:
    """The value of a SymPy function of numbers.

    Raises
    ------
    ValueError
        If it is not real.
    """
    rule = _FUNCTIONS.get(head)
    if rule is not None:
        return _checked(rule(*arguments), head)
    return as_mpf(head(*(sp.Float(a, precision=mpmath.mp.prec) for a in arguments)))


@singledispatch
def _scalar(expr: Any, at: _Scope) -> mpf:
    """The value of a scalar expression, or of a 1x1 matrix."""
    raise UnsupportedError(f"the reference evaluator has no rule for {expr} (a {type(expr).__name__}).")


@_scalar.register(sp.MatrixExpr)
@_scalar.register(sp.MatrixBase)
def _(expr: sp.MatrixExpr, at: _Scope) -> mpf:
    matrix = _matrix(expr, at)
    if matrix.shape != (1, 1):
        raise ModelError(f"a scalar is needed, but {expr} has shape {matrix.shape}.")
    return matrix[0, 0]


@_scalar.register(sp.Number)
@_scalar.register(sp.NumberSymbol)
def _(expr: sp.Expr, at: _Scope) -> mpf:
    return mpf(expr.p) / expr.q if isinstance(expr, sp.Rational) else as_mpf(expr)


@_scalar.register(sp.Symbol)
@_scalar.register(sp.Idx)
def _(expr: sp.Symbol, at: _Scope) -> mpf:
    if expr in at.bound:
        return at.bound[expr]
    return mpf(at.inputs.sizes[expr]) if expr in at.inputs.sizes else at.inputs.entry(expr, ())


@_scalar.register(sp.Indexed)
@_scalar.register(MatrixElement)
def _(expr: sp.Expr, at: _Scope) -> mpf:
    base, *subscripts = expr.args
    positions = tuple(_integer(s, at) for s in subscripts)
    if isinstance(base, (sp.IndexedBase, sp.MatrixSymbol)):
        return at.inputs.entry(base, positions)
    return _item(_matrix(base, at), positions, base)


@_scalar.register(sp.Add)
def _(expr: sp.Add, at: _Scope) -> mpf:
    return mpmath.fsum([_scalar(term, at) for term in expr.args])


@_scalar.register(sp.Mul)
def _(expr: sp.Mul, at: _Scope) -> mpf:
    return mpmath.fprod([_scalar(factor, at) for factor in expr.args])


@_scalar.register(sp.Pow)
def _(expr: sp.Pow, at: _Scope) -> mpf:
    return _checked(mpmath.power(_scalar(expr.base, at), _scalar(expr.exp, at)), expr)


@_scalar.register(sp.Function)
def _(expr: sp.Function, at: _Scope) -> mpf:
    if isinstance(expr, AppliedUndef):
        raise UnsupportedError(f"{expr} is an undefined function; it has no value.")
    return apply_function(expr.func, [_scalar(argument, at) for argument in expr.args])


# SymPy's Max and Min are no subclasses of Function.
for _lattice in (sp.Max, sp.Min):
    _scalar.register(_lattice, _scalar.dispatch(sp.Function))


def _checked(value: Any, expr: Any) -> mpf:
    if isinstance(value, mpmath.mpc):
        raise ValueError(f"{expr} is not real: {mpmath.nstr(value)}.")
    return value


@_scalar.register(sp.Piecewise)
def _(expr: sp.Piecewise, at: _Scope) -> mpf:
    for value, condition in expr.args:
        if _holds(condition, at):
            return _scalar(value, at)
    return mpf("nan")


@_scalar.register(sg.if_else)
def _(expr: sg.if_else, at: _Scope) -> mpf:
    condition, yes, no = expr.args
    return _scalar(yes if _holds(condition, at) else no, at)


# One rule a reduction, of the list of its terms.
_REDUCTIONS: dict[type, Callable[[list[mpf]], mpf]] = {
    sp.Sum: mpmath.fsum,
    sp.Product: mpmath.fprod,
    sg.MaxOver: lambda terms: max(terms, default=mpf("-inf")),
    sg.MinOver: lambda terms: min(terms, default=mpf("inf")),
    sg.LogSumExp: lambda terms: mpmath.log(mpmath.fsum(mpmath.exp(t) for t in terms)) if terms else mpf("-inf"),
}


@_scalar.register(ExprWithLimits)
def _(expr: ExprWithLimits, at: _Scope) -> mpf:
    if type(expr) not in _REDUCTIONS:
        raise UnsupportedError(f"the reference evaluator has no rule for {expr} (a {type(expr).__name__}).")

    def reduce() -> mpf:
        return _REDUCTIONS[type(expr)]([_scalar(expr.function, point) for point in _points(expr.limits, at)])

    return at.remember(expr, reduce)


@_scalar.register(sg.IndexedSoftmax)
def _(expr: sg.IndexedSoftmax, at: _Scope) -> mpf:
    below = mpmath.fsum(mpmath.exp(_scalar(expr.function, point)) for point in _points([expr.limit], at))
    return mpmath.exp(_scalar(expr.function, at)) / below


@_scalar.register(sp.Trace)
def _(expr: sp.Trace, at: _Scope) -> mpf:
    return mpmath.fsum(_square(expr.arg, at).diagonal())


@_scalar.register(sp.Determinant)
def _(expr: sp.Determinant, at: _Scope) -> mpf:
    return at.remember(expr, lambda: mpmath.det(mpmath.matrix(_square(expr.arg, at).tolist())))


@_scalar.register(mf.LogDet)
def _(expr: mf.LogDet, at: _Scope) -> mpf:
    return at.remember(expr, lambda: _log(mpmath.det(mpmath.matrix(_square(expr.arg, at).tolist())), expr))


@_scalar.register(mf.DetOver)
@_scalar.register(mf.LogDetOver)
def _(expr: mf.DetOver, at: _Scope) -> mpf:
    def determinant() -> mpf:
        value = mpmath.det(_over_indices(expr, at))
        return value if isinstance(expr, mf.DetOver) else _log(value, expr)

    return at.remember(expr, determinant)


@_scalar.register(mf.InverseEntry)
def _(expr: mf.InverseEntry, at: _Scope) -> mpf:
    whole = expr.func(expr.function, *expr.limits, [limit[1] for limit in expr.limits])
    inverse = at.remember(whole, lambda: mpmath.inverse(_over_indices(expr, at)))
    row, column = (_integer(sub, at) - _integer(limit[1], at) for sub, limit in zip(expr.at, expr.limits, strict=True))
    if not (0 <= row < inverse.rows and 0 <= column < inverse.cols):
        raise IndexError(f"{expr} has no entry ({row}, {column}).")
    return inverse[row, column]


def _over_indices(expr: Any, at: _Scope) -> Any:
    """The matrix whose entries an expression in two indices gives."""
    (i, low, high), (j, left, right) = expr.limits
    rows = range(_integer(low, at), _integer(high, at) + 1)
    columns = range(_integer(left, at), _integer(right, at) + 1)
    if len(rows) != len(columns):
        raise ValueError(f"{expr}: {len(rows)} rows and {len(columns)} columns; the matrix is not square.")
    return mpmath.matrix([[_scalar(expr.function, at.bind(i, r).bind(j, c)) for c in columns] for r in rows])


def _log(value: mpf, expr: sp.Basic) -> mpf:
    return _checked(mpmath.log(value), expr)


@_scalar.register(DotProduct)
def _(expr: DotProduct, at: _Scope) -> mpf:
    return mpmath.fdot(*(_matrix(side, at).ravel() for side in expr.args))


@_scalar.register(sg.Total)
def _(expr: sg.Total, at: _Scope) -> mpf:
    return mpmath.fsum(_matrix(expr.arg, at).ravel())


# ---- conditions -----------------------------------------------------------------------------------------------------

COMPARISONS: dict[type, Callable[[mpf, mpf], bool]] = {
    sp.Eq: lambda a, b: bool(a == b),
    sp.Ne: lambda a, b: bool(a != b),
    sp.Lt: lambda a, b: bool(a < b),
    sp.Le: lambda a, b: bool(a <= b),
    sp.Gt: lambda a, b: bool(a > b),
    sp.Ge: lambda a, b: bool(a >= b),
}


def _holds(condition: Boolean, at: _Scope) -> bool:
    """Whether a condition is true; `And` and `Or` read no further than they must."""
    if isinstance(condition, (BooleanTrue, BooleanFalse)):
        return isinstance(condition, BooleanTrue)
    if type(condition) in COMPARISONS:
        return COMPARISONS[type(condition)](_scalar(condition.lhs, at), _scalar(condition.rhs, at))
    if isinstance(condition, sp.And):
        return all(_holds(part, at) for part in condition.args)
    if isinstance(condition, sp.Or):
        return any(_holds(part, at) for part in condition.args)
    if isinstance(condition, sp.Not):
        return not _holds(condition.args[0], at)
    if isinstance(condition, sp.Xor):
        return sum(_holds(part, at) for part in condition.args) % 2 == 1
    if isinstance(condition, sp.Implies):
        return not _holds(condition.args[0], at) or _holds(condition.args[1], at)
    if isinstance(condition, sp.Equivalent):
        return len({_holds(part, at) for part in condition.args}) <= 1
    if isinstance(condition, sp.ITE):
        return _holds(condition.args[1 if _holds(condition.args[0], at) else 2], at)
    if isinstance(condition, sp.Symbol):
        return bool(_scalar(condition, at) != 0)
    raise UnsupportedError(f"the reference evaluator has no rule for the condition {condition}.")


# ---- matrices -------------------------------------------------------------------------------------------------------


def _matrix(expr: sp.Basic, at: _Scope) -> Matrix:
    """The value of a matrix expression: a two-dimensional array of mpf objects."""
    return at.remember(expr, lambda: _entries(expr, at))  # type: ignore[no-any-return]


def _square(expr: sp.Basic, at: _Scope) -> Matrix:
    matrix = _matrix(expr, at)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{expr} of shape {matrix.shape} is not square.")
    return matrix


def _item(matrix: Matrix, position: tuple[int, ...], owner: sp.Basic) -> mpf:
    """The entry of an evaluated matrix; a negative subscript does not count from the end."""
    if len(position) != 2 or any(not 0 <= p < n for p, n in zip(position, matrix.shape, strict=True)):
        raise IndexError(f"({owner}){list(position)} is out of range: its shape is {matrix.shape}.")
    return matrix[position]


def _filled(shape: tuple[int, ...], entry: Callable[[int, int], mpf]) -> Matrix:
    """The matrix whose entries are a function of row and column."""
    matrix = np.empty(shape, dtype=object)
    for i, j in np.ndindex(shape):
        matrix[i, j] = entry(i, j)
    return matrix


def _of_shape(expr: sp.MatrixExpr, at: _Scope, entry: Callable[[int, int], Any]) -> Matrix:
    """A matrix of the declared shape of `expr`."""
    return _filled(tuple(_integer(side, at) for side in expr.shape), lambda i, j: mpf(entry(i, j)))


def _times(left: Matrix, right: Matrix) -> Matrix:
    if left.shape[1] != right.shape[0]:
        raise ValueError(f"matrices of shapes {left.shape} and {right.shape} cannot be multiplied.")
    return _filled((left.shape[0], right.shape[1]), lambda i, j: mpmath.fdot(left[i], right[:, j]))


def _entrywise(rule: Callable[..., mpf], *matrices: Matrix) -> Matrix:
    if len({matrix.shape for matrix in matrices}) > 1:
        raise ValueError(f"shapes {[matrix.shape for matrix in matrices]} cannot be combined entry by entry.")
    return _filled(matrices[0].shape, lambda i, j: rule(*(matrix[i, j] for matrix in matrices)))


@singledispatch
def _entries(expr: Any, at: _Scope) -> Matrix:
    """The rule of each kind of matrix expression."""
    raise UnsupportedError(f"the reference evaluator has no rule for the matrix {expr} (a {type(expr).__name__}).")


@_entries.register(sp.MatrixBase)
def _(expr: sp.MatrixBase, at: _Scope) -> Matrix:
    return _filled(expr.shape, lambda i, j: _scalar(expr[i, j], at))


@_entries.register(sp.MatrixSymbol)
def _(expr: sp.MatrixSymbol, at: _Scope) -> Matrix:
    if expr in at.inputs.wholes:
        return at.inputs.named(expr, None)  # type: ignore[no-any-return]
    return _of_shape(expr, at, lambda i, j: at.inputs.entry(expr, (i, j)))


@_entries.register(sp.MatAdd)
def _(expr: sp.MatAdd, at: _Scope) -> Matrix:
    return _entrywise(lambda *terms: mpmath.fsum(terms), *(_matrix(term, at) for term in expr.args))


@_entries.register(sp.MatMul)
def _(expr: sp.MatMul, at: _Scope) -> Matrix:
    coefficient = mpmath.fprod([_scalar(factor, at) for factor in expr.args if not factor.is_Matrix])
    first, *rest = (_matrix(factor, at) for factor in expr.args if factor.is_Matrix)
    for factor in rest:
        first = _times(first, factor)
    return _entrywise(lambda entry: coefficient * entry, first)


@_entries.register(sp.MatPow)
def _(expr: sp.MatPow, at: _Scope) -> Matrix:
    exponent = _scalar(expr.exp, at)
    if not mpmath.isint(exponent):
        raise UnsupportedError(f"the reference evaluator has no rule for the matrix power {expr}.")
    base = mpmath.matrix(_square(expr.base, at).tolist())
    power = (mpmath.inverse(base) if exponent < 0 else base) ** abs(int(exponent))
    return _filled((power.rows, power.cols), lambda i, j: power[i, j])


@_entries.register(sp.Transpose)
@_entries.register(sp.Adjoint)
def _(expr: sp.Transpose, at: _Scope) -> Matrix:
    return _matrix(expr.arg, at).T


@_entries.register(sp.HadamardProduct)
def _(expr: sp.HadamardProduct, at: _Scope) -> Matrix:
    return _entrywise(lambda *factors: mpmath.fprod(factors), *(_matrix(factor, at) for factor in expr.args))


@_entries.register(sp.HadamardPower)
def _(expr: sp.HadamardPower, at: _Scope) -> Matrix:
    def side(part: sp.Basic, i: int, j: int) -> mpf:
        return _item(_matrix(part, at), (i, j), part) if part.is_Matrix else _scalar(part, at)

    base, exponent = expr.args
    return _of_shape(expr, at, lambda i, j: _checked(mpmath.power(side(base, i, j), side(exponent, i, j)), expr))


@_entries.register(ElementwiseApplyFunction)
def _(expr: ElementwiseApplyFunction, at: _Scope) -> Matrix:
    (variable,), body = expr.function.variables, expr.function.expr
    return _entrywise(lambda entry: _scalar(body, at.bind(variable, entry)), _matrix(expr.expr, at))


@_entries.register(sp.Identity)
def _(expr: sp.Identity, at: _Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: i == j)


@_entries.register(OneMatrix)
def _(expr: OneMatrix, at: _Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: 1)


@_entries.register(sp.ZeroMatrix)
def _(expr: sp.ZeroMatrix, at: _Scope) -> Matrix:
    return _of_shape(expr, at, lambda i, j: 0)


@_entries.register(sp.FunctionMatrix)
def _(expr: sp.FunctionMatrix, at: _Scope) -> Matrix:
    row, column = expr.lamda.variables
    return _of_shape(expr, at, lambda i, j: _scalar(expr.lamda.expr, at.bind(row, i).bind(column, j)))


@_entries.register(DiagMatrix)
def _(expr: DiagMatrix, at: _Scope) -> Matrix:
    vector = _matrix(expr.args[0], at).ravel()
    return _filled((vector.size, vector.size), lambda i, j: vector[i] if i == j else mpf(0))


@_entries.register(DiagonalMatrix)
def _(expr: DiagonalMatrix, at: _Scope) -> Matrix:
    matrix = _matrix(expr.arg, at)
    return _filled(matrix.shape, lambda i, j: matrix[i, j] if i == j else mpf(0))


@_entries.register(DiagonalOf)
def _(expr: DiagonalOf, at: _Scope) -> Matrix:
    matrix = _matrix(expr.arg, at)
    return _filled((min(matrix.shape), 1), lambda i, j: matrix[i, i])


@_entries.register(sp.BlockMatrix)
def _(expr: sp.BlockMatrix, at: _Scope) -> Matrix:
    return np.block([[_matrix(block, at) for block in row] for row in expr.blocks.tolist()])


@_entries.register(BlockDiagMatrix)
def _(expr: BlockDiagMatrix, at: _Scope) -> Matrix:
    blocks = [_matrix(block, at) for block in expr.args]
    whole = _filled((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), lambda i, j: mpf(0))
    top = left = 0
    for block in blocks:
        whole[top : top + block.shape[0], left : left + block.shape[1]] = block
        top, left = top + block.shape[0], left + block.shape[1]
    return whole


@_entries.register(KroneckerProduct)
def _(expr: KroneckerProduct, at: _Scope) -> Matrix:
    first, *rest = (_matrix(factor, at) for factor in expr.args)
    for factor in rest:
        first = _kronecker(first, factor)
    return first


def _kronecker(left: Matrix, right: Matrix) -> Matrix:
    (rows, columns), (height, width) = left.shape, right.shape
    return _filled(
        (rows * height, columns * width),
        lambda i, j: left[i // height, j // width] * right[i % height, j % width],
    )


@_entries.register(MatrixSlice)
def _(expr: MatrixSlice, at: _Scope) -> Matrix:
    rows, columns = (range(*(_integer(end, at) for end in cut)) for cut in (expr.rowslice, expr.colslice))
    parent = _matrix(expr.parent, at)
    return _filled((len(rows), len(columns)), lambda i, j: _item(parent, (rows[i], columns[j]), expr.parent))


@_entries.register(sg.Softmax)
def _(expr: sg.Softmax, at: _Scope) -> Matrix:
    exponentials = _entrywise(mpmath.exp, _matrix(expr.arg, at))
    return _filled(exponentials.shape, lambda i, j: exponentials[i, j] / mpmath.fsum(exponentials[i]))


@_entries.register(sg.ConstantMatrix)
def _(expr: sg.ConstantMatrix, at: _Scope) -> Matrix:
    return _matrix(expr.arg, at)
