"""Reads scalar expressions in index notation: sums and reductions with their ranges, subscripts, symbols.

Every reading is a generator that yields the sub-expressions it needs (with their scope) and is sent their terms, so
that depth costs no recursion. Matrix expressions inside a scalar are handed to `frontend.matrix`.
"""

from collections.abc import Generator, Sequence
from typing import Any

from sympy import (
    Basic,
    Eq,
    Expr,
    Ge,
    Idx,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    Le,
    MatrixSymbol,
    Product,
    S,
    Sum,
    Symbol,
    expand,
    oo,
)
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.numbers import ImaginaryUnit
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.dimensions import equal
from symgrad.frontend.names import name_of
from symgrad.frontend.scope import Index, Scope, Symbols, place_of
from symgrad.functions import IndexedSoftmax, LogSumExp, MaxOver, MinOver, if_else
from symgrad.graph.axes import SOFTMAX, axis_map, gather, reduce
from symgrad.graph.build import ONE, ZERO, apply, const, delta, index, mul, size
from symgrad.graph.nodes import Letter, Use
from symgrad.graph.scalar import scalar_rules
from symgrad.walk import Preorder

Request = tuple[Basic, Scope]
Reading = Generator[Request, Use, Use]

# What a reduction gives where nothing is left to reduce: the value of a masked entry.
NEUTRAL = {Sum: S.Zero, Product: S.One, MaxOver: -oo, MinOver: oo, LogSumExp: -oo}


class IndexReader:
    """Reads scalar SymPy expressions into terms whose letters are the index symbols in scope."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols

    def read(self, expr: Basic, scope: Scope = Scope()) -> Use:  # noqa: B008 - a Scope is immutable
        """The term of an expression.

        Raises
        ------
        ModelError, UnsupportedError : the message names the sub-expression and its place.
        """
        stack: list[tuple[Request, Reading]] = []
        wanted: Request | None = (expr, scope)
        result: Use | None = None
        known: dict[tuple[int, int], tuple[Request, Use]] = {}  # by identity: what is shared is read once
        while wanted is not None or stack:
            try:
                if wanted is not None and (id(wanted[0]), id(wanted[1])) in known:
                    result, wanted = known[id(wanted[0]), id(wanted[1])][1], None
                if wanted is not None:
                    stack.append((wanted, self._reading(*wanted)))
                    wanted, result = None, None
                wanted = next(stack[-1][1]) if result is None else stack[-1][1].send(result)
            except StopIteration as stop:
                request, _ = stack.pop()
                result = stop.value
                known[id(request[0]), id(request[1])] = request, stop.value
            except UnsupportedError as error:
                inner = wanted[0] if wanted is not None else stack[-1][0][0]
                places = list(dict.fromkeys(place_of(part) for part in (inner, expr)))
                raise UnsupportedError(f"{error}\n  at: {', in '.join(places)}") from error
        assert result is not None
        return result

    def _reading(self, expr: Basic, scope: Scope) -> Reading:
        special = self._special(expr, scope)
        if special is not None:
            return special
        rule = scalar_rules(expr)
        if rule is None:
            raise UnsupportedError(f"symgrad does not know {place_of(expr)} ({type(expr).__name__})")
        return _in_scope(rule, scope)

    def _special(self, expr: Basic, scope: Scope) -> Reading | None:
        match expr:
            case Symbol() | Idx():
                return _now(self._symbol(expr, scope))
            case Indexed():
                return self._subscripts(expr.base, expr.indices, expr, scope)
            case MatrixElement() if isinstance(expr.parent, MatrixSymbol):
                return self._subscripts(expr.parent, (expr.i, expr.j), expr, scope)
            case KroneckerDelta():
                return self._kronecker(expr, scope)
            case IndexedSoftmax():
                return self._softmax(expr, scope)
            case ExprWithLimits():
                return self._reduction(expr, scope)
            case ImaginaryUnit():
                raise ModelError(
                    "the imaginary unit I appears in the model; symgrad differentiates real functions of real arguments"
                )
            case IndexedBase():
                raise ModelError(
                    f"{expr} appears without subscripts; write {expr}[i, ...] under a Sum over its indices"
                )
            case MatrixExpr():
                raise ModelError(
                    f"the matrix {place_of(expr)} of shape {expr.shape[0]} x {expr.shape[1]} stands "
                    "where a scalar is needed; apply a "
                    "function entry by entry with .applyfunc(...), multiply entry by entry with HadamardProduct, "
                    "sum entries with total(...)"
                )
        return None

    # --- symbols and subscripts ---------------------------------------------------------------------------------------

    def _symbol(self, symbol: Any, scope: Scope) -> Use:
        if symbol in scope.placeholders:
            return scope.placeholders[symbol]
        if symbol in scope.indices:
            found = scope.indices[symbol]
            return index(found.letter, found.length, found.start)
        if symbol in self.symbols.dimensions:
            return size(symbol)
        if symbol in self.symbols.nodes:
            return Use(self.symbols.nodes[symbol], ())
        raise self._escaped(symbol)

    def _escaped(self, symbol: Any) -> ModelError:
        return ModelError(
            f"the index {symbol} is free where it must not be: no sum, reduction or left side in "
            "`where` binds it here. "
            "SymPy takes indices out of nested sums of a Piecewise; write if_else(cond, a, b) "
            "instead of the Piecewise, "
            f"or name the inner sum in `where`. Otherwise bind it: Sum(..., ({symbol}, 0, N-1))"
        )

    def _subscripts(self, base: Any, subscripts: Sequence[Expr], whole: Basic, scope: Scope) -> Reading:
        earlier = self.symbols.earlier(base, subscripts, whole, scope) if self.symbols.earlier else None
        node, subscripts = earlier or (self.symbols.nodes.get(base), subscripts)
        if node is None:
            raise ModelError(
                f"{place_of(whole)}: {name_of(base)} is not an argument or a name of `where` of this model"
            )
        shape = tuple(S(length) for length in base.shape) if isinstance(base, MatrixSymbol) else node.shape
        if len(subscripts) != len(shape):
            raise ModelError(
                f"{place_of(whole)} has {len(subscripts)} subscripts, but {name_of(base)} has {len(shape)} axes"
            )
        terms = []
        for axis, (sub, length) in enumerate(zip(subscripts, shape, strict=True)):
            self._refuse_escaped(sub, scope)
            self._check_range(sub, length, axis, whole, scope)
            if earlier is None:
                self._check_defined(base, sub, axis, whole, scope)
            if length == 1 and isinstance(base, MatrixSymbol):
                continue  # sides of one have no axis in the graph
            found = scope.indices.get(sub)
            if found is not None and found.start == 0 and equal(found.length, length):
                terms.append(index(found.letter, length))
            else:
                terms.append((yield sub, scope))
        return gather(Use(node, tuple(range(node.rank))), terms)

    def _refuse_escaped(self, sub: Expr, scope: Scope) -> None:
        """Every symbol of a subscript that is not inside another subscript is an index in scope or a dimension."""
        walk = Preorder(sub)
        for part in walk:
            if isinstance(part, Indexed | MatrixElement):
                walk.skip()
            elif part in scope.indices:
                walk.skip()  # an Idx has its label and range inside
            elif isinstance(part, Symbol | Idx) and part not in self.symbols.dimensions:
                raise self._escaped(part)

    def _check_range(self, sub: Expr, length: Expr, axis: int, whole: Basic, scope: Scope) -> None:
        """Refuse a subscript that leaves its axis for some sizes; data are left to the generated module's own check."""
        extremes = self._extremes(sub, scope)
        if extremes is None:
            return
        low, high = extremes
        where = f"{place_of(whole)}: subscript {axis + 1}, {sub},"
        self.symbols.require_non_negative(
            expand(low), f"{where} goes down to {low}; subscripts start at 0 and do not wrap around"
        )
        self.symbols.require_non_negative(
            expand(length - 1 - high),
            f"{where} goes up to {high}, but the axis has size {length}, so it ends at {expand(length - 1)}; "
            "make the limits or the shape agree",
        )

    def _check_defined(self, base: Any, sub: Expr, axis: int, whole: Basic, scope: Scope) -> None:
        """Refuse a subscript that reaches entries of a recurrence's quantity that have no equation."""
        along, first, last = self.symbols.defined.get(base, (None, S.Zero, S.Zero))
        if along != axis:
            return
        missing = f"{place_of(whole)}: only entries {first} ... {last} of {name_of(base)} are defined; add base cases"
        extremes = self._extremes(sub, scope)
        if extremes is None:
            raise ModelError(missing)
        self.symbols.require_non_negative(expand(extremes[0] - first), missing)
        self.symbols.require_non_negative(expand(last - extremes[1]), missing)

    def _extremes(self, expr: Expr, scope: Scope) -> tuple[Expr, Expr] | None:
        """The least and greatest value of an affine expression of the indices in scope; None if data occur in it."""
        if expr.has(Indexed, MatrixElement):
            return None
        low = high = expand(expr)
        for symbol in [s for s in scope.indices if expr.has(s)]:
            found = scope.indices[symbol]
            slope = expand(expr).coeff(symbol)
            if expand(expr - slope * symbol).has(symbol) or not slope.is_number:
                raise UnsupportedError(f"the subscript {expr} is not affine in the index {symbol}")
            first, last = found.start, found.start + found.length - 1
            low = low.subs(symbol, first if slope > 0 else last)
            high = high.subs(symbol, last if slope > 0 else first)
        return expand(low), expand(high)

    def _kronecker(self, expr: KroneckerDelta, scope: Scope) -> Reading:
        left, right = (scope.indices.get(arg) for arg in expr.args)
        if left is not None and right is not None and left.start == right.start and equal(left.length, right.length):
            return delta(left.letter, right.letter, left.length)
        condition = apply(Eq, [(yield expr.args[0], scope), (yield expr.args[1], scope)])
        return _indicator(condition)

    # --- binders ------------------------------------------------------------------------------------------------------

    def bind(self, symbol: Any, low: Expr, high: Expr, scope: Scope, whole: Basic) -> tuple[Index, list[Request]]:
        """An index that runs from low to high, and the conditions that a limit depending on outer indices leaves."""
        for bound in (low, high):
            for free in bound.free_symbols:
                if free not in scope.indices and free not in self.symbols.dimensions and not isinstance(free, Idx):
                    raise ModelError(
                        f"{place_of(whole)}: the limit {bound} of {symbol} depends on {free}, which is no dimension"
                    )
        limits = [self._extremes(bound, scope) for bound in (low, high)]
        assert limits[0] is not None and limits[1] is not None
        start, end = limits[0][0], limits[1][1]
        length = expand(end - start + 1)
        self.symbols.require_non_negative(
            length, f"{place_of(whole)}: the range of {symbol}, {low} ... {high}, is not a range"
        )
        inner = Index((symbol, len(scope.indices)), start, length)
        inside = scope.with_index(symbol, inner)
        conditions = []
        if not equal(limits[0][1], start):
            conditions.append((Ge(symbol, low), inside))
        if not equal(limits[1][0], end):
            conditions.append((Le(symbol, high), inside))
        return inner, conditions

    def _reduction(self, expr: ExprWithLimits, scope: Scope) -> Reading:
        head = type(expr)
        if head not in NEUTRAL:
            raise UnsupportedError(f"symgrad does not know the reduction {head.__name__}")
        bound: dict[Letter, Expr] = {}
        masks: list[Request] = []
        for limit in reversed(expr.limits):  # SymPy writes the innermost first
            if len(limit) != 3:
                raise ModelError(f"{place_of(expr)}: the index {limit[0]} has no limits; write ({limit[0]}, 0, N-1)")
            if head in (Sum, Product) and (limit[2] - limit[1] + 1).is_nonpositive:
                return const(NEUTRAL[head])  # an empty range; not Karr's convention, by which it would count backwards
            inner, conditions = self.bind(limit[0], limit[1], limit[2], scope, expr)
            scope = scope.with_index(limit[0], inner)
            bound[inner.letter] = inner.length
            masks.extend(conditions)
        body = yield expr.function, scope
        for mask in masks:
            body = apply(if_else, [(yield mask), body, const(NEUTRAL[head])])
        return mul([body], bound) if head is Sum else reduce(head, body, bound)

    def _softmax(self, expr: IndexedSoftmax, scope: Scope) -> Reading:
        symbol, low, high = expr.limit
        outer = scope.indices.get(symbol)
        if outer is None:
            raise self._escaped(symbol)
        if not (equal(outer.start, low) and equal(outer.start + outer.length - 1, high)):
            raise ModelError(
                f"{place_of(expr)}: the softmax runs over {symbol} = {low} ... {high}, but {symbol} runs over "
                f"{outer.start} ... {expand(outer.start + outer.length - 1)} here"
            )
        body = yield expr.function, scope
        return axis_map(SOFTMAX, body, {outer.letter: outer.length})


def _indicator(condition: Use) -> Use:
    return apply(if_else, [condition, ONE, ZERO])


def _now(use: Use) -> Reading:
    return use
    yield


def _in_scope(rule: Generator[Basic, Use, Use], scope: Scope) -> Reading:
    """A scalar rule's requests, made in this scope."""
    result: Use | None = None
    while True:
        try:
            wanted = next(rule) if result is None else rule.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        result = yield wanted, scope
