"""What each kind of SymPy expression means, read literally: a function of what is known where it is evaluated.

A sum runs over its indices, a condition chooses, so that only the branch taken is evaluated. What may be wanted again
for the same values of its indices, such as a sum or a matrix, remembers them.
"""

import math
import operator
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import Application, AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.matrixbase import MatrixBase
from sympy.tensor.array import NDimArray

from symgrad import functions as sg
from symgrad import matrix_functions as mf
from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions.entrywise import EntryByEntry
from symgrad.functions.softmax import IndexedSoftmax
from symgrad.functions.solutions import Argmin, ArgminMatrix, Solution, SolutionMatrix
from symgrad.functions.values import COMPARISONS, as_mpf, cholesky, determinant, function_of, inverse, reduction_of
from symgrad.reference.matrices import (
    ENTRIES,
    OF_MATRICES,
    cut,
    entrywise,
    filled,
    item,
    matrix_power,
    matrix_product,
    only,
    over,
    table,
    whole,
    with_places,
)
from symgrad.reference.solutions import solved
from symgrad.reference.trace import Place, branch_of, branches_of
from symgrad.walk import guarding_first


class EntryOf(NamedTuple):
    """Under this key a scope has the matrix, and the position in it, that the value of a variable is an entry of."""

    variable: sp.Basic


class Scope(dict[Any, Any]):
    """The values of indices and variables, and the `Reading` that has those of inputs, sizes and names."""

    __slots__ = ("reading",)

    def __init__(self, reading: Any, values: Any = ()) -> None:
        super().__init__(values)
        self.reading = reading

    def with_values(self, variables: Sequence[sp.Basic], values: Sequence[Any]) -> "Scope":
        """A scope inside, in which variables hide others of the same names."""
        inner = Scope(self.reading, self)
        for variable, value in zip(variables, values, strict=True):
            inner[variable] = value
            inner.pop(EntryOf(variable), None)
        return inner

    def place(self, symbols: Sequence[sp.Basic]) -> Place:
        """Where an expression in these symbols is evaluated."""
        bound = {symbol: self[symbol] for symbol in symbols if symbol in self}
        return Place(bound, {symbol: self[EntryOf(symbol)] for symbol in bound if EntryOf(symbol) in self})


Rule = Callable[[Scope], Any]


def unknown(expr: sp.Basic) -> Rule:
    """The rule of what has none."""

    def refused(at: Scope) -> Any:
        raise UnsupportedError(f"the reference evaluator has no rule for {expr} (a {type(expr).__name__}).")

    return refused


def applied(function: Callable[..., Any], *rules: Rule) -> Rule:
    """A function of what rules give."""
    return lambda at: function(*[rule(at) for rule in rules])


def once(expr: sp.Basic, rule: Rule) -> Rule:
    """A rule that remembers its values, by those of the indices that an expression depends on."""
    symbols = tuple(expr.free_symbols)
    keys = (*symbols, *map(EntryOf, symbols))

    def remembered(at: Scope) -> Any:
        known, key = at.reading.remembered, (expr, *map(at.get, keys))
        if key not in known:
            known[key] = rule(at)
        return known[key]

    return remembered


class Rules:
    """The rules of expressions, each made once."""

    def __init__(self) -> None:
        self._known: dict[Any, Rule] = {}

    def value(self, expr: Any) -> Rule:
        """A scalar, a matrix or an array as it is."""
        return self.matrix(expr) if getattr(expr, "is_Matrix", False) else self.scalar(expr)

    def scalar(self, expr: Any) -> Rule:
        """A scalar or a condition; of a matrix with one entry, that."""
        if getattr(expr, "is_Matrix", False):
            return applied(lambda matrix: only(matrix, expr), self.matrix(expr))
        return self._made(expr)

    def scalars(self, exprs: Sequence[Any]) -> list[Rule]:
        """Scalars one after the other."""
        return [self.scalar(expr) for expr in exprs]

    def matrix(self, expr: Any) -> Rule:
        """A matrix, as an array of mpf objects."""
        return once(expr, self._made(expr))

    def lacking(self, condition: Any, wanted: bool) -> Rule:
        """How far a condition is from being true, or false as `wanted`: 0 where it is, on the border a little."""
        if isinstance(condition, sp.Not):
            return self.lacking(condition.args[0], not wanted)
        if isinstance(condition, sp.And | sp.Or):
            parts = [self.lacking(part, wanted) for part in condition.args]
            return applied(lambda *lacks: (sum if isinstance(condition, sp.And) == wanted else min)(lacks), *parts)
        holds = self.scalar(condition)
        left, right = self.scalars(condition.args if type(condition) in COMPARISONS else (sp.S.One, sp.S.Zero))
        return lambda at: mpf(0) if bool(holds(at)) == wanted else abs(left(at) - right(at)) or mpf("1e-9")

    def _made(self, expr: Any) -> Rule:
        if expr not in self._known:
            function = OF_MATRICES.get(type(expr))
            if function is None:
                self._known[expr] = self._of(expr)
            else:
                self._known[expr] = once(expr, applied(function, *map(self.matrix, expr.args)))
        return self._known[expr]

    # --- scalars ------------------------------------------------------------------------------------------------------

    @singledispatchmethod
    def _of(self, expr: Any) -> Rule:
        return unknown(expr)

    @_of.register(sp.Number | sp.NumberSymbol | BooleanAtom)
    def _number(self, expr: Any) -> Rule:
        if isinstance(expr, sp.Integer | BooleanAtom):
            value = bool(expr) if isinstance(expr, BooleanAtom) else expr.p
            return lambda at: value
        return (lambda at: mpf(expr.p) / expr.q) if isinstance(expr, sp.Rational) else lambda at: as_mpf(expr)

    @_of.register(sp.Symbol | sp.Idx)
    def _symbol(self, expr: Any) -> Rule:
        return lambda at: at[expr] if expr in at else at.reading.entry(expr)

    @_of.register(sp.Indexed | MatrixElement)
    def _entry(self, expr: Any) -> Rule:
        base, subscripts = expr.args[0], self.scalars(expr.args[1:])
        if isinstance(base, (sp.IndexedBase, sp.MatrixSymbol)):
            return lambda at: at.reading.entry(base, *[sub(at) for sub in subscripts])
        return applied(lambda matrix, *position: item(matrix, base, *position), self.matrix(base), *subscripts)

    @_of.register(sp.And | sp.Or)
    def _conditions(self, expr: Any) -> Rule:
        every = isinstance(expr, sp.And)
        parts = self.scalars([part for level in guarding_first(expr.args) for part in level])
        return lambda at: (all if every else any)(part(at) for part in parts)

    @_of.register(Application | Relational | sp.Add | sp.Mul | sp.Pow)
    def _function(self, expr: Any) -> Rule:
        function, arguments = _meaning(expr), self.scalars(expr.args)
        if not branches_of(expr):
            return applied(function, *arguments)

        def value(at: Scope) -> Any:
            values = [argument(at) for argument in arguments]
            _take(at, expr, branch_of(expr, values))
            return function(*values)

        return value

    @_of.register(AppliedUndef)
    def _undefined(self, expr: Any) -> Rule:
        return unknown(expr)

    @_of.register(sp.KroneckerDelta)
    def _delta(self, expr: Any) -> Rule:
        left, right, *ends = self.scalars((*expr.args[:2], *(expr.args[2] if len(expr.args) == 3 else ())))

        def value(at: Scope) -> int:
            index = left(at)
            same = index == right(at)
            _take(at, expr, same)
            return int(same and (not ends or ends[0](at) <= index <= ends[1](at)))

        return value

    @_of.register(sg.if_else | sp.ITE)
    def _choice(self, expr: Any) -> Rule:
        condition, yes, no = self.scalars(expr.args)
        return lambda at: yes(at) if _take(at, expr, bool(condition(at))) else no(at)

    @_of.register(sp.Piecewise)
    def _pieces(self, expr: Any) -> Rule:
        pieces = [self.scalars(piece) for piece in expr.args]

        def value(at: Scope) -> Any:
            for number, (piece, condition) in enumerate(pieces):
                if condition(at):
                    _take(at, expr, number)
                    return piece(at)
            return mpf("nan")

        return value

    # --- sums and other reductions ------------------------------------------------------------------------------------

    def _over(self, limits: Sequence[Any], term: Rule, deltas: Sequence[sp.Basic] = ()) -> Callable[[Scope], list[Any]]:
        """A term at all values of the indices where no delta is 0; the last limit is the outermost."""
        if not limits:
            return lambda at: [term(at)]
        *inner, limit = limits
        if len(limit) != 3:
            raise ModelError(f"the index {limit[0]} needs limits, such as ({limit[0]}, 0, N - 1).")
        index, low, high = limit[0], *self.scalars(limit[1:])
        inside = {each[0] for each in inner}
        tests = self.scalars([delta for delta in deltas if not delta.free_symbols & inside])
        rest = self._over(inner, term, [delta for delta in deltas if delta.free_symbols & inside])

        def terms(at: Scope) -> list[Any]:
            found, scope = [], at.with_values([index], [None])
            for scope[index] in range(whole(low(at)), whole(high(at)) + 1):
                if all(test(scope) for test in tests):
                    found += rest(scope)
            return found

        return terms

    @_of.register(ExprWithLimits)
    def _reduction(self, expr: Any) -> Rule:
        reduced = reduction_of(type(expr))
        if reduced is None:
            return unknown(expr)
        # A delta of 0 makes its term 0 whatever else is in it; a sum over five indices has few others.
        factors = sp.Mul.make_args(expr.function) if type(expr) is sp.Sum else ()
        deltas = [factor for factor in factors if isinstance(factor, sp.KroneckerDelta)]
        return once(expr, applied(reduced, self._over(expr.limits, self.scalar(expr.function), deltas)))

    @_of.register(IndexedSoftmax)
    def _softmax(self, expr: Any) -> Rule:
        exponential = applied(function_of(sp.exp), self.scalar(expr.function))

        def share(part: Any, terms: list[Any]) -> Any:
            total = mpmath.fsum(terms)
            return part / total if total else total  # all masked: nothing has a share

        return applied(share, exponential, self._over([expr.limit], exponential))

    @_of.register(mf.DetOver | mf.LogDetOver)
    def _determinant(self, expr: Any) -> Rule:
        found = once(expr, applied(determinant, self._over_indices(expr)))
        return applied(function_of(sp.log), found) if isinstance(expr, mf.LogDetOver) else found

    @_of.register(mf.InverseEntry)
    def _entry_of_function(self, expr: Any) -> Rule:
        function = cholesky if isinstance(expr, mf.CholeskyEntry) else inverse
        first = expr.func(expr.function, *expr.limits, [limit[1] for limit in expr.limits])
        places = self.scalars([sub - limit[1] for sub, limit in zip(expr.at, expr.limits, strict=True)])
        matrix = once(first, applied(function, self._over_indices(expr)))
        return applied(lambda matrix, *position: item(matrix, expr, *position), matrix, *places)

    def _over_indices(self, expr: Any) -> Rule:
        """The matrix whose entries an expression in two indices gives."""
        (i, *rows), (j, *columns) = expr.limits
        entry, ends = self._entries((i, j), expr.function), self.scalars((*rows, *columns))
        return applied(lambda entry, *ends: over(entry, expr, *ends), entry, *ends)

    def _entries(self, variables: Sequence[sp.Basic], body: Any) -> Rule:
        """An expression as a function of the values of variables."""
        rule = self.scalar(body)
        return lambda at: lambda *values: rule(at.with_values(variables, values))

    @_of.register(Solution | SolutionMatrix | Argmin | ArgminMatrix)
    def _implicit(self, expr: Any) -> Rule:
        found = once(expr, lambda at: solved(expr, at.reading))
        if not isinstance(expr.unknown, sp.Indexed):
            return found
        places = self.scalars(expr.unknown.indices)
        return lambda at: found(at)[tuple(whole(place(at)) for place in places)]

    # --- matrices -----------------------------------------------------------------------------------------------------

    @_of.register(NDimArray | MatrixBase)
    def _table(self, expr: Any) -> Rule:
        entries = expr.flat() if isinstance(expr, MatrixBase) else expr.reshape(len(expr)).tolist()
        return applied(lambda *entries: table(expr.shape, entries), *self.scalars(entries))

    @_of.register(sp.MatrixSymbol | sp.IndexedBase)
    def _array(self, expr: Any) -> Rule:
        return lambda at: at.reading.array(expr)

    @_of.register(sp.MatMul)
    def _product(self, expr: Any) -> Rule:
        return applied(matrix_product, *map(self.value, expr.args))

    @_of.register(sp.MatPow)
    def _power(self, expr: Any) -> Rule:
        base, exponent = self.matrix(expr.base), self.scalar(expr.exp)
        return applied(lambda base, exponent: matrix_power(base, exponent, expr), base, exponent)

    @_of.register(sp.HadamardPower)
    def _powers(self, expr: Any) -> Rule:
        return applied(lambda *sides: entrywise(function_of(sp.Pow), *sides), *map(self.value, expr.args))

    @_of.register(ElementwiseApplyFunction)
    def _elementwise(self, expr: Any) -> Rule:
        (variable,), matrix, rule = expr.function.variables, self.matrix(expr.expr), self.scalar(expr.function.expr)

        def entries(at: Scope) -> Any:
            def entry(value: Any, place: tuple[int, int]) -> Any:
                scope = at.with_values([variable], [value])
                scope[EntryOf(variable)] = expr.expr, place
                return rule(scope)

            return with_places(entry, matrix(at))

        return entries

    @_of.register(EntryByEntry)
    def _entry_by_entry(self, expr: Any) -> Rule:
        entry = self._entries(expr.function.variables, expr.function.expr)
        return applied(entrywise, entry, *map(self.matrix, expr.matrices))

    @_of.register(sp.FunctionMatrix)
    def _filled(self, expr: Any) -> Rule:
        return applied(filled, self._entries(expr.lamda.variables, expr.lamda.expr), *self.scalars(expr.shape))

    @_of.register(sp.Identity | sp.ZeroMatrix | OneMatrix)
    def _constant(self, expr: Any) -> Rule:
        return applied(lambda *sides: filled(ENTRIES[type(expr)], *sides), *self.scalars(expr.shape))

    @_of.register(sp.BlockMatrix)
    def _blocks(self, expr: Any) -> Rule:
        rows = [applied(lambda *row: np.hstack(row), *map(self.matrix, row)) for row in expr.blocks.tolist()]
        return applied(lambda *rows: np.vstack(rows), *rows)

    @_of.register(MatrixSlice)
    def _slice(self, expr: Any) -> Rule:
        ends = self.scalars((*expr.rowslice, *expr.colslice))
        return applied(
            lambda matrix, *ends: cut(matrix, expr.parent, ends[:3], ends[3:]), self.matrix(expr.parent), *ends
        )


def _meaning(expr: Any) -> Callable[..., Any]:
    """What an operation, relation or function is as a function of numbers."""
    if isinstance(expr, sp.Add | sp.Mul):
        return lambda *parts: (sum if isinstance(expr, sp.Add) else math.prod)(parts)
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer and expr.exp > 0:
        return operator.pow  # of integers, a negative power would be a float
    return COMPARISONS.get(type(expr)) or function_of(expr.func)


def _take(at: Scope, expr: Any, branch: Any) -> Any:
    """Note which branch an expression takes; at a tie it is None."""
    trace = at.reading.trace
    if trace is not None and branch is not None:
        trace.take(expr, branch, lambda: at.place(tuple(expr.free_symbols)))
    return branch
