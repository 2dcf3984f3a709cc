"""Reads scalar expressions in index notation: sums and reductions with their ranges, subscripts, symbols.

Every reading is a generator that yields the sub-expressions it needs (with their scope) and is sent their terms, so
that depth costs no recursion. Matrix expressions inside a scalar are handed to `frontend.matrix`.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from sympy import (
    And,
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
    Max,
    Min,
    Mul,
    Not,
    Or,
    Piecewise,
    Product,
    S,
    Sum,
    Symbol,
    expand,
)
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.numbers import ImaginaryUnit
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.binders import NEUTRAL, apart, check_limits
from symgrad.frontend.bounds import (
    greatest,
    least,
)
from symgrad.frontend.conditions import beside_deltas, conjuncts
from symgrad.frontend.merged_indices import taken_apart
from symgrad.frontend.positions import Landing, is_total, kronecker_positions, without
from symgrad.frontend.scope import Index, Scope, place_of
from symgrad.frontend.subscripts import Reading, Request
from symgrad.frontend.tables import TableReader
from symgrad.frontend.unfolded import unfolded
from symgrad.functions import IndexedSoftmax, LogSumExp, MaxOver, MinOver, if_else
from symgrad.graph.build import (
    ONE,
    SOFTMAX,
    ZERO,
    add,
    apply,
    axis_map,
    const,
    delta,
    gather,
    index,
    is_zero,
    mul,
    reduce,
    scatter,
    size,
    sizes_of,
)
from symgrad.graph.dimensions import equal
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Letter, Range, Use
from symgrad.graph.scalar import scalar_rules
from symgrad.graph.transform import factors_of
from symgrad.walk import guarding_first


class IndexReader(TableReader):
    """Reads scalar SymPy expressions into terms whose letters are the index symbols in scope."""

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
        written_out = self.written_out(expr, scope)
        if written_out is not None:
            return written_out
        match expr:
            case Symbol() | Idx():
                return now(self._symbol(expr, scope))
            case Indexed():
                return self._subscripts(expr.base, expr.indices, expr, scope)
            case MatrixElement() if isinstance(expr.parent, MatrixSymbol):
                return self._subscripts(expr.parent, (expr.i, expr.j), expr, scope)
            case KroneckerDelta():
                return self._kronecker(expr, scope)
            case Mul() if any(conditions := beside_deltas(expr.args, scope.indices)):
                return self._beside_deltas(expr, conditions, scope)
            case if_else():
                return self._cases([(expr.args[1], expr.args[0]), (expr.args[2], S.true)], scope)
            case Piecewise() if expr.args[-1][1] is S.true:
                return self._folded(expr, scope)
            case And() | Or():
                return self._joined(expr, scope)
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

    def _folded(self, expr: Piecewise, scope: Scope) -> Reading:
        """Cases, or what SymPy has made them of."""
        found = unfolded(expr, [*scope.indices, *self.symbols.dimensions])
        return (yield from self._cases(expr.args, scope)) if found is None else (yield found, scope)

    def _cases(self, branches: Sequence[tuple[Expr, Basic]], scope: Scope) -> Reading:
        """The value of the first branch whose condition holds; the last condition is true."""
        before: tuple[Basic, ...] = ()
        cases = []
        for value, condition in branches[:-1]:
            holds = yield condition, scope.with_conditions(before)
            here, otherwise = conjuncts(condition), conjuncts(Not(condition))
            cases.append((holds, here, otherwise, (yield value, scope.with_conditions((*before, *here)))))
            before = (*before, *otherwise)
        result = yield branches[-1][0], scope.with_conditions(before)
        for holds, here, otherwise, value in reversed(cases):
            if is_zero(result) and self._zero_unless(here, value, scope):
                result = value
            elif not (is_zero(value) and self._zero_unless(otherwise, result, scope)):
                result = apply(if_else, [holds, value, result])
        return result

    def _joined(self, expr: And | Or, scope: Scope) -> Reading:
        """Conditions, each where those before it leave it open whether all of them hold, or any.

        So `Ne(l[j], l[j - 2])` beside `j >= 2` is read for j = 2, 3, ...
        """
        terms: dict[Basic, Use] = {}
        for level in guarding_first(expr.args):
            before = [part if isinstance(expr, And) else Not(part) for part in terms]
            inside = scope.with_conditions(conjuncts(And(*before, evaluate=False))) if before else scope
            for part in level:
                terms[part] = yield part, inside
        return apply(expr.func, [terms[part] for part in expr.args])

    def _masked(self, holds: Use, condition: Basic, value: Use, scope: Scope) -> Use:
        """The value where the condition holds, else zero; no mask where a padded array is zero there anyway."""
        return value if self._zero_unless([condition], value, scope) else apply(if_else, [holds, value, ZERO])

    def _zero_unless(self, conditions: Sequence[Basic], value: Use, scope: Scope) -> bool:
        """Whether a value is zero where not all of the conditions hold, because an array is padded with zeros there."""
        factors = factors_of(value)
        for factor, exponent in factors:
            ends = self._zero_outside.get(factor, [])
            said = [self._guards(condition, scope) for condition in conditions]
            if (
                exponent == 1
                and all(len(guards) == 1 and expand(guards[0]) in ends for guards in said)
                and all(is_total(other, e) for other, e in factors if other != factor)
            ):
                return True
        return False

    def _kronecker(self, expr: KroneckerDelta, scope: Scope) -> Reading:
        if len(expr.args) == 3:  # of entries of an identity SymPy says where they lie
            (one, other, (low, high)) = expr.args
            if any(self.are_positive([side - low + 1, high - side + 1], scope) for side in (one, other)):
                return (yield KroneckerDelta(one, other), scope)
            inside = And(Eq(one, other), Ge(one, low), Le(one, high))
            return (yield if_else(inside, S.One, S.Zero), scope)
        left, right = (scope.indices.get(arg) for arg in expr.args)
        if left is not None and right is not None and left.start == right.start and equal(left.length, right.length):
            return delta(left.letter, right.letter, left.length)
        sides = [(yield expr.args[0], scope), (yield expr.args[1], scope)]
        # SymPy sorts them by the names of indices
        sides.sort(key=lambda side: (isinstance(side.node, Range), side.node.digest))
        return _indicator(apply(Eq, sides))

    def _beside_deltas(self, expr: Mul, conditions: Sequence[tuple[Basic, ...]], scope: Scope) -> Reading:
        """A product with deltas, which leave the other factors out where they are 0."""
        inside: dict[tuple[Basic, ...], Scope] = {(): scope}
        factors = []
        for factor, beside in zip(expr.args, conditions, strict=True):
            inside.setdefault(beside, scope.with_conditions(beside))
            factors.append((yield factor, inside[beside]))
        return mul(factors)

    # --- binders ------------------------------------------------------------------------------------------------------

    def bind(self, symbol: Any, low: Expr, high: Expr, scope: Scope, whole: Basic) -> tuple[Index, list[Basic]]:
        """An index that runs from low to high, and the conditions that a limit depending on outer indices leaves."""
        check_limits(whole, symbol, low, high, {*scope.indices, *self.symbols.dimensions})
        ends = [end(bound, scope.indices) for bound in (low, high) for end in (least, greatest)]
        start, end = ends[0], ends[3]
        if start is None or end is None:
            raise UnsupportedError(f"the limits {low} ... {high} of {symbol} have no known extremes")
        length = expand(end - start + 1)
        self.symbols.require_length(
            length, lambda: f"{place_of(whole)}: the range of {symbol}, {low} ... {high}, is not a range"
        )
        conditions: list[Basic] = []
        if ends[1] is None or not equal(ends[1], start):
            bounds = low.args if isinstance(low, Max) else (low,)
            conditions += [Ge(symbol, bound) for bound in bounds if bound != start]
        if ends[2] is None or not equal(ends[2], end):
            bounds = high.args if isinstance(high, Min) else (high,)
            conditions += [Le(symbol, bound) for bound in bounds if bound != end]
        return Index((symbol, len(scope.indices)), start, length, (low, high) if conditions else None), conditions

    def _taken(self, scope: Scope) -> set[Any]:
        """The symbols that mean something here, which an index that is bound further in must not be called."""
        return {*scope.indices, *scope.placeholders, *self.symbols.dimensions, *self.symbols.nodes}

    def _reduction(self, expr: ExprWithLimits, scope: Scope) -> Reading:
        head = type(expr)
        if head not in NEUTRAL:
            raise UnsupportedError(f"symgrad does not know the reduction {head.__name__}")
        bound: dict[Letter, Expr] = {}
        masks: list[Basic] = []
        outer = scope
        function, limits = apart(expr.function, expr.limits, self._taken(scope))
        function, limits = taken_apart(function, limits)
        for limit in reversed(limits):  # SymPy writes the innermost first
            if len(limit) != 3:
                raise ModelError(f"{place_of(expr)}: the index {limit[0]} has no limits; write ({limit[0]}, 0, N-1)")
            if head in (Sum, Product) and (limit[2] - limit[1] + 1).is_nonpositive:
                return const(NEUTRAL[head])  # an empty range; not Karr's convention, by which it would count backwards
            inner, conditions = self.bind(limit[0], limit[1], limit[2], scope, expr)
            scope = scope.with_index(limit[0], inner)
            bound[inner.letter] = inner.length
            masks.extend(conditions)
        inside = scope.with_conditions(tuple(masks))
        dimensions = self.symbols.dimensions
        deltas = kronecker_positions(function, outer, inside, bound, dimensions) if head is Sum else {}
        body = yield (function if not deltas else without(function, deltas)), inside
        for mask in masks:
            holds = yield mask, scope
            if head is Sum:
                body = self._masked(holds, mask, body, scope)
            else:
                body = apply(if_else, [holds, body, const(NEUTRAL[head])])
        if head in (MaxOver, MinOver, LogSumExp):
            for letter, length in bound.items():
                if letter not in body.letters:  # a constant is its own maximum, but not over no entries
                    self.symbols.require_entries(length)
        if deltas:
            return (yield from self._scattered(expr, body, deltas, inside, bound))
        return mul([body], bound) if head is Sum else reduce(head, body, bound)

    def _scattered(
        self, expr: ExprWithLimits, body: Use, deltas: Mapping[Any, Landing], scope: Scope, bound: Mapping[Letter, Expr]
    ) -> Reading:
        """Σ δ(o, s·i + p)·f(i, p) = zeros with f(i, p) added at the positions s·i + p of the axis of o.

        What lands beside the axis is added beside it, and cut off.
        """
        axes = {scope.indices[target].letter: scope.indices[target] for target in deltas}
        if set(body.letters) & set(axes):  # f depends on o, too: compare o with every position
            factors = [body]
            for target, landing in deltas.items():
                factors.append((yield KroneckerDelta(target, landing.position), scope))
            return mul(factors, bound)
        lengths = sizes_of([body]) | {letter: found.length for letter, found in axes.items()}
        letters = [*axes, *(letter for letter in distinct(body.letters) if letter not in bound)]
        positions = {letter: index(letter, lengths[letter]) for letter in letters}
        entries = dict(positions)
        for target, (position, before, after) in deltas.items():
            found = scope.indices[target]
            positions[found.letter] = yield expand(position - found.start + before), scope
            entries[found.letter] = add([(S.One, index(found.letter, found.length)), (S.One, size(before))])
            lengths[found.letter] = expand(before + found.length + after)
        shape = tuple(lengths[letter] for letter in letters)
        made = scatter(body, [positions[letter] for letter in letters], shape, letters, bound)
        if not any(before != 0 or after != 0 for _, before, after in deltas.values()):
            return made
        return gather(made, [entries[letter] for letter in made.letters])

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


def now(use: Use) -> Reading:
    """The reading of a term that is there already."""
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
