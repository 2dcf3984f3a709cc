"""Random models in index notation, with names, recurrences and facts; and mixed with matrices.

A `Writer` draws expressions; every index in scope is an `Index`, an expression whose values are 0 ... extent - 1, so
that each subscript it writes is in range by construction (or guarded by a condition).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, NamedTuple

import sympy as sp
from hypothesis import strategies as st
from sympy import And, Eq, IndexedBase, KroneckerDelta, MatrixSymbol, Ne, Or, Product, Sum, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import LogSumExp, MaxOver, MinOver, constant, if_else, sigmoid, softmax, total
from symgrad.matrix_functions import DetOver, InverseEntry, LogDetOver

if __package__:
    from .random_arrays import FUNCTIONS, SIDES, Drawn, K, M, N, matrix, trees
else:
    from random_arrays import FUNCTIONS, SIDES, Drawn, K, M, N, matrix, trees


class Index(NamedTuple):
    """An expression with the values 0 ... extent - 1."""

    value: Any
    extent: Any


Scope = tuple[Index, ...]

COEFFICIENTS = [1, 2, -1, -3, sp.Rational(1, 2), sp.Rational(-2, 3)]
FACTORS = ("read", "function", "function", "number", "scalar")


@dataclass
class Writer:
    """Draws expressions of index notation.

    Attributes
    ----------
    draw : hypothesis's.
    arrays : the arrays read so far, by name.
    names : the quantities of `where` that may be read, with their shapes.
    tags : the constructs that were used.
    """

    draw: Callable[..., Any]
    arrays: dict[str, Any] = field(default_factory=dict)
    names: dict[Any, tuple[Any, ...]] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    count: int = 0

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)  # shrinks to no

    def fresh(self) -> Symbol:
        self.count += 1
        return Symbol(
            "nmkijlpqrstuvw"[self.count % 14] + (str(self.count // 14) if self.count >= 14 else ""), integer=True
        )

    # --- reading arrays -----------------------------------------------------------------------------------------------

    def array(self, shape: Sequence[Any], below: Any = None) -> Any:
        """An array of the shape, one of two, so that arrays are read more than once."""
        ending = "_".join(re.sub(r"\W", "", str(side).replace("-", "m")) for side in shape)
        if below is not None:  # whole numbers that subscript an axis of this length
            name = f"label{ending}_{below}"
            return self.arrays.setdefault(name, IndexedBase(name, tuple(shape), integer=True))
        name = f"{self.pick('xyz')}{ending}"
        return self.arrays.setdefault(name, IndexedBase(name, tuple(shape)))

    def subscript(self, scope: Scope) -> tuple[Any, Any]:
        """A subscript, and the length of an axis for which it is in range."""
        index, extent = self.pick(scope)
        kind = self.pick(["plain"] * 10 + ["shift", "stride", "sum", "difference", "reversed", "label", "half", "mod"])
        others = [other for other in scope if other.value != index]
        match kind:
            case "shift":
                found = index + 1, extent + 1
            case "stride":
                found = 2 * index + self.pick([0, 1]), 2 * extent
            case "sum" if others:
                other = self.pick(others)
                found = index + other.value, extent + other.extent - 1
            case "difference" if others:
                other = self.pick(others)
                found = index - other.value + other.extent - 1, extent + other.extent - 1
            case "reversed":
                found = extent - 1 - index, extent
            case "label":
                used = self.pick([(Index(index, extent),), *(((Index(index, extent), o)) for o in others[:1])])
                length = self.pick(SIDES)
                found = self.array([i.extent for i in used], length)[tuple(i.value for i in used)], length
            case "half":
                found = sp.floor(index / 2), extent
            case "mod":
                found = sp.Mod(index, K), K
            case _:
                return index, extent
        self.tags.add(f"subscript {kind}")
        return found

    def read(self, scope: Scope) -> Any:
        if self.names and self.chance(40):
            return self.read_name(scope)
        if not scope:
            return self.array([self.pick(SIDES)])[0] if self.chance(50) else self.scalar()
        if self.chance(10) and len(scope) >= 2:
            return self.matrix_entry(scope)
        rank = self.pick([1, 1, 2, 2, 3])
        places = [self.subscript(scope) for _ in range(min(rank, len(scope) + 1))]
        if len(places) == 2 and self.chance(30):
            name = "W" + "_".join(re.sub(r"\W", "", str(side)) for _, side in places)
            self.tags.add("matrix entry")
            base = self.arrays.setdefault(name, MatrixSymbol(name, *(side for _, side in places)))
            return base[places[0][0], places[1][0]]
        return self.array([side for _, side in places])[tuple(place for place, _ in places)]

    def matrix_entry(self, scope: Scope) -> Any:
        """An entry of a matrix expression."""
        rows, columns = self.pick(scope), self.pick(scope)
        if {rows.extent, columns.extent} - set(SIDES):
            return self.read_plain(scope)
        tree = self.draw(trees((rows.extent, columns.extent), 1))
        self.tags.add("entry of a matrix expression")
        whole = matrix(tree)
        for symbol in whole.atoms(MatrixSymbol):
            self.arrays[symbol.name] = symbol
        return MatrixElement(whole, rows.value, columns.value)

    def read_plain(self, scope: Scope) -> Any:
        index, extent = self.pick(scope)
        return self.array([extent])[index]

    def read_name(self, scope: Scope) -> Any:
        """A quantity of `where`; along axes for which nothing in scope fits it is summed."""
        base = self.pick(sorted(self.names, key=str))
        shape = self.names[base]
        self.tags.add("name")
        if not shape:
            return base
        limits, subs = [], []
        for side in shape:
            fitting = [(i.value + shift) for i in scope for shift in (0, 1, 2) if i.extent + shift == side]
            fitting += [i.value for i in scope if (side - i.extent) in (1, 2)]
            if fitting:
                subs.append(self.pick(fitting))
            elif self.chance(20):
                subs.append(side - 1)
            else:
                subs.append(self.fresh())
                limits.append((subs[-1], 0, side - 1))
        entry = base[tuple(subs)]
        if not limits:
            return entry
        inner = (*scope, *(Index(index, high + 1) for index, _, high in limits))
        return Sum(entry * self.factor(inner) if self.chance(50) else entry, *limits)

    def scalar(self) -> Any:
        symbol = self.pick([Symbol("alpha", real=True), Symbol("beta", real=True), Symbol("gamma", positive=True)])
        self.tags.add("scalar")
        return self.arrays.setdefault(symbol.name, symbol)

    # --- expressions --------------------------------------------------------------------------------------------------

    def factor(self, scope: Scope) -> Any:
        match self.pick(FACTORS):
            case "function":
                return self.function(self.read(scope))
            case "number" if scope:
                return (self.pick(scope).value + 1) / sp.Integer(self.pick([1, 2, 3]))
            case "scalar":
                return self.scalar()
            case _:
                return self.read(scope)

    def function(self, of: Any) -> Any:
        function = FUNCTIONS[self.pick(sorted(FUNCTIONS))]
        try:
            return function(of)
        except TypeError:  # SymPy's Max takes the entry of a sum of matrices for a sum of matrices
            return of

    def expression(self, scope: Scope, depth: int) -> Any:
        """An expression in the indices of the scope."""
        if depth <= 0:
            return self.factor(scope)
        kinds = (
            ["sum"] * 3 + ["product"] * 3 + ["function"] * 3 + ["reduction"] * 5 + ["quotient", "power", "condition"]
        )
        kinds += ["pad", "delta", "softmax", "softmax", "mask", "window", "missing", "missing"] * bool(scope)
        kinds += ["pairs"]
        kinds += ["inverse", "determinant", "piecewise", "constant"]
        pairs = [(a.value, b.value) for a, b in combinations(scope, 2) if a.extent == b.extent]
        kinds += ["exchanged"] * (6 * bool(pairs))

        def below(inside: Scope = scope, less: int = 1) -> Any:
            return self.expression(inside, depth - less)

        kind = self.pick(kinds)
        self.tags.add(kind)
        match kind:
            case "sum":
                return self.pick(COEFFICIENTS) * below() + self.pick(COEFFICIENTS) * below()
            case "product":
                return below() * below()
            case "quotient":
                return below() / (2 + sp.cos(below()))
            case "power":
                return (1 + below() ** 2) ** self.pick([sp.Rational(1, 3), sp.Rational(-3, 2), sp.sin(below()), -1])
            case "function":
                return self.function(below())
            case "condition":
                return if_else(
                    self.comparison(scope), *self.branches(below()) if self.chance(40) else (below(), below())
                )
            case "exchanged":
                return self.exchanged(below(), self.pick(pairs), scope) * below()
            case "piecewise":
                return sp.Piecewise((below(), self.factor(scope) > 0), (below(), True))
            case "constant":
                return constant(below()) * below()
            case "mask":
                return if_else(self.index_condition(scope), below(), self.pick([0, below()]))
            case "missing":
                return self.missing(scope, below)
            case "pad":
                index, extent = self.pick(scope)
                array = self.array([extent])
                step = self.pick([1, 2])
                before = if_else(index - step >= 0, array[index - step], 0)
                after = if_else(And(index + step >= 0, index + step < extent), array[index + step], self.pick([0, 1]))
                return self.pick([before, after, before * after]) * below()
            case "window":  # padded
                index, extent = self.pick(scope)
                p, array, weights = self.fresh(), self.array([extent]), self.array([3])
                at = index * self.pick([1, 1, 2]) + p - 1
                return Sum(if_else(And(at >= 0, at < extent), array[at], 0) * weights[p], (p, 0, 2)) * below()
            case "delta":
                left, right = self.pick(scope), self.pick(scope)
                return KroneckerDelta(left.value, right.value + self.pick([0, 0, 1])) * below()
            case "softmax":
                column = self.pick(scope)
                inner = self.fresh()
                others = tuple(index for index in scope if index != column)
                made = softmax(
                    self.expression((*others, Index(inner, column.extent)), depth - 1), (inner, 0, column.extent - 1)
                )
                return made.subs(inner, column.value)
            case "inverse" | "determinant":
                return self.matrices(scope, kind)
            case "pairs":
                return self.pairs(scope)
            case _:
                return self.reduction(scope, depth)

    def missing(self, scope: Scope, below: Callable[..., Any]) -> Any:
        """An expression of data that are missing where `seen` is not positive; `Comparison` puts nan and ∞ there."""
        plain = [index for index in scope if index.extent in (*SIDES, 3)] or list(scope[:1])
        indices = [self.pick(plain)]
        if len(plain) > 1 and self.chance(40):
            indices = [indices[0], next(index for index in plain if index != indices[0])]
        ending = "_".join(re.sub(r"\W", "", str(index.extent).replace("-", "m")) for index in indices)
        gap, seen = (
            self.arrays.setdefault(name + ending, IndexedBase(name + ending, tuple(index.extent for index in indices)))[
                tuple(index.value for index in indices)
            ]
            for name in ("gap", "seen")
        )
        bodies = [gap * below(), (gap - below()) ** 2, gap + below(), self.function(gap) * below()]
        body = self.pick([*bodies, self.function(gap * self.scalar()), gap**2 * self.factor(scope)])
        otherwise = self.pick([0, 0, below()])
        spellings = [
            if_else(seen > 0, body, otherwise),
            if_else(seen <= 0, otherwise, body),
            if_else(sp.Not(seen <= 0), body, 0) * below(),
            if_else(seen > 0, 1, 0) * body,
            if_else(seen > 0, if_else(self.factor(scope) > 0, body, 0), 0),
            if_else(And(seen > 0, self.index_condition(scope)), body, 0),
        ]
        return self.pick(spellings)

    def pairs(self, scope: Scope) -> Any:
        """A sum over pairs of entries, infinite or not a number where both are one, as its formulas may be there."""
        side, i, j = self.pick(SIDES), self.fresh(), self.fresh()
        array = self.array([side])
        gap = array[i] - array[j]
        entry = self.pick(
            [1 / gap**2, 1 / sp.Abs(gap), sp.log(gap**2), (gap**2) ** sp.Rational(-3, 2), sp.log(sp.Abs(gap)) / gap]
        )
        weight = self.pick([1, 1, self.read((*scope, Index(i, side)))])
        chosen, other = self.pick([(Ne(i, j), False), (i < j, False), (i > j, False), (Eq(i, j), True)])
        branches = (0, entry * weight) if other else (entry * weight, 0)
        return Sum(if_else(chosen, *branches), (i, 0, side - 1), (j, 0, side - 1)) / 8

    def comparison(self, scope: Scope) -> Any:
        """A condition on entries of arrays, or on numbers alone."""
        inside = self.pick([scope, ()])
        return self.pick([sp.Gt, sp.Le])(self.factor(inside), self.factor(inside), evaluate=False)

    def branches(self, of: Any) -> Any:
        """An expression and zero, one of which a condition chooses."""
        return self.pick([(of, sp.S.Zero), (sp.S.Zero, of)])

    def exchanged(self, of: Any, pair: tuple[Any, Any], scope: Scope) -> Any:
        """What is symmetric or antisymmetric in two indices, or a function of it."""
        turned = of.xreplace({pair[0]: pair[1], pair[1]: pair[0]})
        difference = of - turned
        form = self.pick(["sum", "difference", "power", "function", "branch", "branch", "largest", "condition"])
        self.tags.add(f"exchanged {form}")
        match form:
            case "sum":
                return of + turned
            case "power":
                return difference ** self.pick([2, 2, 3, 4])
            case "function":
                return self.function(difference)
            case "branch":
                guarded = if_else(self.comparison(scope), *self.branches(difference))
                return self.pick([guarded, guarded, guarded**2, guarded * difference, sp.exp(-(guarded**2))])
            case "largest":
                return self.pick([sp.Max, sp.Min])(of, turned)
            case "condition":
                return if_else(sp.Gt(of, turned, evaluate=False), *self.branches(self.factor(scope)))
        return difference

    def index_condition(self, scope: Scope) -> Any:
        left, right = self.pick(scope).value, self.pick([index.value for index in scope] + [sp.Integer(1)])
        plain = [left < right, left <= right, Eq(left, right), Ne(left, right), Or(left > right, Eq(right, 0))]
        return self.pick([condition for condition in plain if condition not in (sp.true, sp.false)] or [left > 0])

    def matrices(self, scope: Scope, kind: str) -> Any:
        """A number of the matrix 2 + e·eᵀ, one for each value of the indices of the scope."""
        side, inner = self.pick(SIDES), self.fresh()
        i, j, row = self.fresh(), self.fresh(), self.fresh()
        outer = self.pick([(), scope])
        entry = self.function(self.read((*outer, Index(row, side), Index(inner, M))))
        gram = Sum(entry.subs(row, i) * entry.subs(row, j), (inner, 0, M - 1)) + 2 * KroneckerDelta(i, j)
        limits = (i, 0, side - 1), (j, 0, side - 1)
        if kind == "determinant":
            return self.pick([DetOver, LogDetOver])(gram, *limits)
        a, b = self.fresh(), self.fresh()
        entry = InverseEntry(gram, *limits, (a, b)) * self.read((*scope, Index(a, side)))
        return Sum(entry, (a, 0, side - 1), (b, 0, side - 1))

    def reduction(self, scope: Scope, depth: int) -> Any:
        head = self.pick([Sum] * 6 + [Product, MaxOver, MinOver, LogSumExp])
        limits: list[tuple[Any, Any, Any]] = []
        inner = scope
        count = self.pick([1, 1, 2])
        again = [index for index in scope if isinstance(index.value, Symbol)]
        if count == 1 and again and self.chance(8):  # an index that is bound already
            self.tags.add("index bound twice")
            index, extent = self.pick(again)
            limits.append((index, 0, extent - 1))
            inner = (*(other for other in scope if not other.value.has(index)), Index(index, extent))
        while len(limits) < count:
            index = self.fresh()
            outer = self.pick(scope) if scope and self.chance(25) else None
            if outer is None:
                lengths = [*SIDES, *SIDES, sp.Integer(3)]
                alike = [known.extent for known in inner if known.extent in lengths and known not in scope]
                extent = self.pick(alike if alike and self.chance(40) else lengths)
                limits.append((index, 0, extent - 1))
            else:
                self.tags.add("dependent limit")
                extent = outer.extent
                ends = [(0, outer.value), (outer.value, extent - 1)]
                ends += [(0, outer.value - 1), (outer.value + 1, extent - 1)] * (head in (Sum, Product))
                limits.append((index, *self.pick(ends)))
            inner = (*inner, Index(index, extent))
        body = self.expression(inner, depth - 1)
        if not any(body.has(limit[0]) for limit in limits):
            body = body * self.read(inner[-1:])
        if head is Product:
            body = 1 + sigmoid(body) / 2
        self.tags.add(head.__name__)
        return head(body, *limits)

    # --- names --------------------------------------------------------------------------------------------------------

    def definition(self, number: int) -> Eq:
        """An equation of `where`."""
        shape = tuple(self.pick(SIDES) for _ in range(self.pick([0, 1, 1, 2, 2])))
        if len(shape) == 2 and self.chance(30):
            tree = self.draw(trees(shape, 2))
            whole = matrix(tree)
            for symbol in whole.atoms(MatrixSymbol):
                self.arrays[symbol.name] = symbol
            left = MatrixSymbol(f"H{number}", *shape)
            self.names[left] = shape
            self.tags.add("matrix name")
            return Eq(left, whole, evaluate=False)
        indices = [self.fresh() for _ in shape]
        scope = tuple(Index(index, side) for index, side in zip(indices, shape, strict=True))
        right = self.expression(scope, self.pick([1, 2]))
        left = Symbol(f"q{number}", real=True) if not shape else IndexedBase(f"q{number}", shape)
        self.names[left] = shape
        return Eq(left if not shape else left[tuple(indices)], right, evaluate=False)

    def recurrence(self) -> list[Eq]:
        """Equations of one or two states over N steps, with one or two base cases at either end."""
        self.tags.add("recurrence")
        t, sides = self.fresh(), tuple(self.pick(SIDES) for _ in range(self.pick([0, 1, 1])))
        lags = self.pick([1, 1, 1, 2])
        backwards = self.chance(20)
        shape = (N + lags, *sides)
        states = [IndexedBase(name, shape) for name in self.pick(["h", "h", "hc"])]
        indices = [self.fresh() for _ in sides]
        own = tuple(Index(index, side) for index, side in zip(indices, sides, strict=True))
        now = Index(t, N) if backwards else Index(t - lags, N)
        made = []
        for state in states:
            for lag in range(lags):
                at = N + lag if backwards else sp.Integer(lag)
                made.append(
                    Eq(
                        state[(at, *indices)],
                        self.pick([sp.S.Zero, self.read(own) if own else self.scalar()]),
                        evaluate=False,
                    )
                )
        gate = None
        if self.chance(30):
            self.tags.add("gate")
            gate = IndexedBase("g", (N + lags, *sides))
            made.append(
                Eq(gate[(t, *indices)], self.step(states, t, indices, own, now, lags, backwards), evaluate=False)
            )
        for state in states:
            right = self.step(states, t, indices, own, now, lags, backwards)
            if gate is not None:
                right = right * gate[(t, *indices)]
            made.append(Eq(state[(t, *indices)], right, evaluate=False))
        for state in states:
            self.names[state] = shape
        return made

    def step(self, states: Any, t: Any, indices: Any, own: Scope, now: Index, lags: int, backwards: bool) -> Any:
        state = self.pick(states)
        lag = self.pick(range(1, lags + 1))
        before = t + lag if backwards else t - lag
        if own and self.chance(50):
            inner = self.fresh()
            weights = self.array([own[0].extent, own[0].extent])
            past = Sum(state[before, inner] * weights[inner, indices[0]], (inner, 0, own[0].extent - 1))
        else:
            past = state[(before, *indices)] * self.factor(own)
        more = self.expression((now, *own), self.pick([0, 1]))
        return self.pick([sp.tanh, sigmoid, sp.sin])(self.pick([past + more, past * self.pick(COEFFICIENTS) + more]))


@st.composite
def scalar_models(draw: Any, depth: int = 3) -> Drawn:
    """The parts of a model in index notation."""
    writer = Writer(draw)
    where: list[Eq] = []
    for number in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        where.append(writer.definition(number))
    if writer.chance(15):
        where.extend(writer.recurrence())
    defined = list(writer.names)
    terms = [writer.reduction((), draw(st.integers(1, depth))) for _ in range(draw(st.sampled_from([1, 1, 2])))]
    loss = sum((writer.pick(COEFFICIENTS) * term for term in terms[1:]), terms[0])
    for base in defined:  # the last at least is used
        shape = writer.names[base]
        others = sp.Tuple(loss, *(e.rhs for e in where))
        if others.has(base):
            continue
        indices = [writer.fresh() for _ in shape]
        if isinstance(base, MatrixSymbol):
            loss = loss + total(base)
        else:
            loss = loss + (
                Sum(base[tuple(indices)] ** 2, *((i, 0, s - 1) for i, s in zip(indices, shape, strict=True)))
                if shape
                else base
            )
    present = sp.Tuple(loss, *where).free_symbols | sp.Tuple(loss, *where).atoms(IndexedBase, MatrixSymbol)
    candidates = [
        a for name, a in sorted(writer.arrays.items()) if a in present and not name.startswith(("label", "gap", "seen"))
    ]
    if not candidates:
        candidates = [Symbol("alpha", real=True)]
        loss = loss + candidates[0] ** 2
    parameters = draw(st.lists(st.sampled_from(candidates), min_size=1, max_size=3, unique=True))
    return Drawn(loss, tuple(parameters), tuple(where), (), frozenset(writer.tags))


def renamed(drawn: Drawn) -> Drawn:
    """The same model with the names of its bound indices exchanged, by which SymPy orders terms and factors."""
    whole = sp.Tuple(drawn.loss, *drawn.where)
    bound = {limit[0] for part in sp.preorder_traversal(whole) for limit in getattr(part, "limits", ())}
    bound -= {symbol for equation in drawn.where for symbol in equation.lhs.free_symbols}
    names = sorted((index for index in bound if isinstance(index, Symbol)), key=str)
    exchanged = dict(zip(names, reversed(names), strict=True))
    where = tuple(Eq(e.lhs, e.rhs.xreplace(exchanged), evaluate=False) for e in drawn.where)
    return replace(drawn, loss=drawn.loss.xreplace(exchanged), where=where)
