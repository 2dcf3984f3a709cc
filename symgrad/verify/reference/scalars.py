"""The reference's rules for scalar expressions."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import functions as sg
from symgrad import matrix_functions as mf
from symgrad.errors import ModelError, UnsupportedError
from symgrad.verify.reference.functions import Matrix, apply_function, as_mpf, cholesky, determinant, inverse, real
from symgrad.verify.reference.inputs import Scope, item
from symgrad.verify.reference.trace import branch_of


@singledispatch
def scalar_rule(expr: Any, at: Scope) -> mpf:
    """The value of a scalar expression, or of a 1x1 matrix."""
    raise UnsupportedError(f"the reference evaluator has no rule for {expr} (a {type(expr).__name__}).")


@scalar_rule.register(sp.MatrixExpr)
@scalar_rule.register(sp.MatrixBase)
def _(expr: sp.MatrixExpr, at: Scope) -> mpf:
    matrix = at.matrix(expr)
    if matrix.shape != (1, 1):
        raise ModelError(f"a scalar is needed, but {expr} has shape {matrix.shape}.")
    return matrix[0, 0]


@scalar_rule.register(sp.Number)
@scalar_rule.register(sp.NumberSymbol)
def _(expr: sp.Expr, at: Scope) -> mpf:
    return mpf(expr.p) / expr.q if isinstance(expr, sp.Rational) else as_mpf(expr)


@scalar_rule.register(sp.Symbol)
@scalar_rule.register(sp.Idx)
def _(expr: sp.Symbol, at: Scope) -> mpf:
    if expr in at.bound:
        return at.bound[expr]
    return mpf(at.inputs.sizes[expr]) if expr in at.inputs.sizes else at.inputs.entry(expr, ())


@scalar_rule.register(sp.Indexed)
@scalar_rule.register(MatrixElement)
def _(expr: sp.Expr, at: Scope) -> mpf:
    base, *subscripts = expr.args
    positions = tuple(at.integer(s) for s in subscripts)
    if isinstance(base, (sp.IndexedBase, sp.MatrixSymbol)):
        return at.inputs.entry(base, positions)
    if isinstance(base, sp.NDimArray):
        if len(positions) != len(base.shape) or any(not 0 <= p < n for p, n in zip(positions, base.shape, strict=True)):
            raise IndexError(f"{base}{list(positions)} is out of range: its shape is {base.shape}.")
        return at.scalar(base[positions])
    return item(at.matrix(base), positions, base)


@scalar_rule.register(sp.KroneckerDelta)
def _(expr: sp.KroneckerDelta, at: Scope) -> mpf:
    values = [at.scalar(side) for side in expr.args[:2]]
    at.took(expr, branch_of(expr, values))
    low, high = (at.integer(end) for end in expr.args[2]) if len(expr.args) == 3 else values
    return mpf(values[0] == values[1] and low <= values[0] <= high)


@scalar_rule.register(sp.LeviCivita)
def _(expr: sp.LeviCivita, at: Scope) -> mpf:
    return mpf(int(sp.LeviCivita(*map(at.integer, expr.args))))


@scalar_rule.register(sp.Add)
def _(expr: sp.Add, at: Scope) -> mpf:
    return mpmath.fsum([at.scalar(term) for term in expr.args])


@scalar_rule.register(sp.Mul)
def _(expr: sp.Mul, at: Scope) -> mpf:
    return mpmath.fprod([at.scalar(factor) for factor in expr.args])


@scalar_rule.register(sp.Pow)
def _(expr: sp.Pow, at: Scope) -> mpf:
    return real(mpmath.power(at.scalar(expr.base), at.scalar(expr.exp)), expr)


@scalar_rule.register(sp.Function)
def _(expr: sp.Function, at: Scope) -> mpf:
    if isinstance(expr, AppliedUndef):
        raise UnsupportedError(f"{expr} is an undefined function; it has no value.")
    values = [at.scalar(argument) for argument in expr.args]
    at.took(expr, branch_of(expr, values))
    return apply_function(expr.func, values)


# SymPy's Max and Min are no subclasses of Function.
for _lattice in (sp.Max, sp.Min):
    scalar_rule.register(_lattice, scalar_rule.dispatch(sp.Function))


@scalar_rule.register(sp.Piecewise)
def _(expr: sp.Piecewise, at: Scope) -> mpf:
    for number, (value, condition) in enumerate(expr.args):
        if at.holds(condition):
            at.took(expr, number)
            return at.scalar(value)
    return mpf("nan")


@scalar_rule.register(sg.if_else)
def _(expr: sg.if_else, at: Scope) -> mpf:
    condition, yes, no = expr.args
    holds = at.holds(condition)
    at.took(expr, holds)
    return at.scalar(yes if holds else no)


# One rule a reduction, of the list of its terms.
_REDUCTIONS: dict[type, Callable[[list[mpf]], mpf]] = {
    sp.Sum: mpmath.fsum,
    sp.Product: mpmath.fprod,
    sg.MaxOver: lambda terms: max(terms, default=mpf("-inf")),
    sg.MinOver: lambda terms: min(terms, default=mpf("inf")),
    sg.LogSumExp: lambda terms: mpmath.log(mpmath.fsum(mpmath.exp(t) for t in terms)) if terms else mpf("-inf"),
}


@scalar_rule.register(ExprWithLimits)
def _(expr: ExprWithLimits, at: Scope) -> mpf:
    if type(expr) not in _REDUCTIONS:
        raise UnsupportedError(f"the reference evaluator has no rule for {expr} (a {type(expr).__name__}).")

    # A delta of 0 makes its term 0 whatever else is in it; a sum over five indices has few others.
    deltas = [f for f in sp.Mul.make_args(expr.function) if isinstance(f, sp.KroneckerDelta) and type(expr) is sp.Sum]

    def reduce() -> mpf:
        return _REDUCTIONS[type(expr)]([point.scalar(expr.function) for point in at.points(expr.limits, deltas)])

    return at.remember(expr, reduce)


@scalar_rule.register(sg.IndexedSoftmax)
def _(expr: sg.IndexedSoftmax, at: Scope) -> mpf:
    below = mpmath.fsum(mpmath.exp(point.scalar(expr.function)) for point in at.points([expr.limit]))
    return mpmath.exp(at.scalar(expr.function)) / below if below else below  # all masked: nothing has a share


@scalar_rule.register(sp.Trace)
def _(expr: sp.Trace, at: Scope) -> mpf:
    return mpmath.fsum(at.square(expr.arg).diagonal())


@scalar_rule.register(sp.Determinant)
def _(expr: sp.Determinant, at: Scope) -> mpf:
    return at.remember(expr, lambda: determinant(at.square(expr.arg)))


@scalar_rule.register(mf.LogDet)
def _(expr: mf.LogDet, at: Scope) -> mpf:
    return at.remember(expr, lambda: _log(determinant(at.square(expr.arg)), expr))


@scalar_rule.register(mf.DetOver)
@scalar_rule.register(mf.LogDetOver)
def _(expr: mf.DetOver, at: Scope) -> mpf:
    def compute() -> mpf:
        value = determinant(_over_indices(expr, at))
        return value if isinstance(expr, mf.DetOver) else _log(value, expr)

    return at.remember(expr, compute)


@scalar_rule.register(mf.InverseEntry)
def _(expr: mf.InverseEntry, at: Scope) -> mpf:
    whole = expr.func(expr.function, *expr.limits, [limit[1] for limit in expr.limits])
    compute = cholesky if isinstance(expr, mf.CholeskyEntry) else inverse
    found: Matrix = at.remember(whole, lambda: compute(_over_indices(expr, at)))
    row, column = (at.integer(sub) - at.integer(limit[1]) for sub, limit in zip(expr.at, expr.limits, strict=True))
    return item(found, (row, column), expr)


def _over_indices(expr: Any, at: Scope) -> Matrix:
    """The matrix whose entries an expression in two indices gives."""
    (i, low, high), (j, left, right) = expr.limits
    rows = range(at.integer(low), at.integer(high) + 1)
    columns = range(at.integer(left), at.integer(right) + 1)
    if len(rows) != len(columns):
        raise ValueError(f"{expr}: {len(rows)} rows and {len(columns)} columns; the matrix is not square.")
    found = np.empty((len(rows), len(columns)), dtype=object)
    for row, column in np.ndindex(found.shape):
        found[row, column] = at.bind(i, rows[row]).bind(j, columns[column]).scalar(expr.function)
    return found


def _log(value: mpf, expr: sp.Basic) -> mpf:
    return real(mpmath.log(value), expr)


@scalar_rule.register(DotProduct)
def _(expr: DotProduct, at: Scope) -> mpf:
    return mpmath.fdot(*(at.matrix(side).ravel() for side in expr.args))


@scalar_rule.register(sg.Total)
def _(expr: sg.Total, at: Scope) -> mpf:
    return mpmath.fsum(at.matrix(expr.arg).ravel())
