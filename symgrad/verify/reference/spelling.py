"""The spelling of a SymPy expression as Python: what it says, read literally, as a program of mpmath's numbers.

A sum is a comprehension, a condition a conditional expression, so that only the branch taken is evaluated. What may be
wanted again for the same values of its indices, such as a sum or a matrix, is a function of these that remembers. The
names that a program refers to are those of `reference.evaluate`, and its `objects`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.printing.printer import Printer
from sympy.tensor.array import NDimArray

from symgrad import matrix_functions as mf
from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions.values import COMPARISONS, function_of, reduction_of
from symgrad.verify.reference.matrices import ENTRIES, OF_MATRICES
from symgrad.verify.reference.trace import branches_of

_DEEPEST = 30  # operations inside one another in one function: Python reads up to 200 parentheses
_MOST_OPERANDS = 20  # of an operator; a tuple may have any number

_INFIX = {sp.Add: "+", sp.Mul: "*", sp.And: "and", sp.Or: "or", sp.Eq: "==", sp.Ne: "!=", sp.Lt: "<", sp.Le: "<=",
          sp.Gt: ">", sp.Ge: ">="}  # fmt: skip
_OF_MANY = {sp.Add: "sum", sp.Mul: "prod", sp.And: "all", sp.Or: "any"}


class Site(NamedTuple):
    """An expression with branches: the symbols whose values say where it is, and the variables that are entries."""

    expr: sp.Basic
    indices: tuple[sp.Basic, ...]
    entries: tuple[tuple[sp.Basic, sp.Basic], ...]


class Equation(NamedTuple):
    """A definition of entries: of each subscript on its left the index, if any, and the function that it is of it."""

    left: tuple[tuple[sp.Basic | None, str, sp.Basic], ...]
    indices: tuple[sp.Basic, ...]
    function: str


@dataclass
class Program:
    """Python that computes an expression.

    Attributes
    ----------
    lines : its functions.
    result : the name of the one that computes the expression, from the values of indices that are free in it.
    objects : what it refers to as `o[0]`, `o[1]`, …
    sites : the expressions with branches, by number.
    wholes : the functions that compute matrices and scalars that `where` names.
    entries : what defines the entries of arrays that it names.
    """

    lines: list[str] = field(default_factory=list)
    result: str = ""
    objects: list[Any] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    wholes: dict[sp.Basic, str] = field(default_factory=dict)
    entries: dict[sp.Basic, list[Equation]] = field(default_factory=dict)


class _Bound(NamedTuple):
    """The Python variable that holds the value of an index, or of an entry of a matrix; and that of its position."""

    name: str
    place: str = ""
    matrix: sp.Basic | None = None


class Speller(Printer):  # type: ignore[misc]
    """Spells expressions, one method a kind."""

    def __init__(self) -> None:
        super().__init__()
        self.program = Program()
        self._bound: Mapping[sp.Basic, _Bound] = {}
        self._remembered: dict[Any, str] = {}
        self._depth = self._names = 0

    def define(self, where: Sequence[sp.Basic], known: frozenset[sp.Basic]) -> None:
        """The names that equations define; no subscript on a left side is an index of the symbols that are known.

        Raises
        ------
        ModelError
            If an equation defines nothing.
        """
        for equation in where:
            if not isinstance(equation, sp.Eq):
                raise ModelError(
                    f"where needs equations Eq(name, value), but holds {equation} "
                    "(SymPy makes False of an Eq between matrices of different shapes)."
                )
            left, right = equation.args
            if isinstance(left, (sp.Indexed, MatrixElement)):
                self.program.entries.setdefault(left.args[0], []).append(self._equation(left.args[1:], right, known))
            elif isinstance(left, (sp.MatrixSymbol, sp.Symbol)):
                self.program.wholes[left] = self.function((), right)
            else:
                raise ModelError(f"{left} names nothing: where holds Eq(z[i], ...), Eq(H, ...) or Eq(s, ...).")

    def _equation(self, left: Sequence[sp.Basic], right: sp.Basic, known: frozenset[sp.Basic]) -> Equation:
        patterns: list[tuple[sp.Basic | None, str, sp.Basic]] = []
        for pattern in left:
            unknown = tuple(pattern.free_symbols - known)
            if len(unknown) > 1:
                raise UnsupportedError(f"the subscript {pattern} on a left side in where holds several indices.")
            patterns.append((unknown[0] if unknown else None, self.function(unknown, pattern), pattern))
        indices = tuple(dict.fromkeys(index for index, _, _ in patterns if index is not None))
        return Equation(tuple(patterns), indices, self.function(indices, right))

    # --- what a text is made of ---------------------------------------------------------------------------------------

    def value(self, expr: Any) -> str:
        """A scalar, a matrix or an array as it is."""
        if isinstance(expr, sp.IndexedBase):
            return self._print_MatrixSymbol(expr)
        return self.matrix(expr) if getattr(expr, "is_Matrix", False) else self.scalar(expr)

    def scalar(self, expr: Any) -> str:
        """A scalar or a condition; of a matrix with one entry, that."""
        if getattr(expr, "is_Matrix", False):
            return f"only({self.matrix(expr)}, {self._object(expr)})"
        if self._depth < _DEEPEST:
            return self._spelled(expr)
        free = self._free(expr)
        return f"{self.function(free, expr)}({self._arguments(free)})"

    def matrix(self, expr: sp.Basic) -> str:
        """A matrix, as an array of mpf objects."""
        return self._once(expr, lambda: self._spelled(expr))

    def scalars(self, exprs: Sequence[Any], sign: str = ", ") -> str:
        """Scalars one after the other."""
        return sign.join(map(self.scalar, exprs))

    def lacking(self, condition: Any, wanted: bool) -> str:
        """How far a condition is from being true, or false as `wanted`: 0 where it is."""
        if isinstance(condition, sp.Not):
            return self.lacking(condition.args[0], not wanted)
        if isinstance(condition, sp.And | sp.Or):
            parts = "".join(f"{self.lacking(part, wanted)}, " for part in condition.args)
            return f"{'sum' if isinstance(condition, sp.And) == wanted else 'min'}(({parts}))"
        apart = "".join(f", {self.scalar(side)}" for side in condition.args) if type(condition) in COMPARISONS else ""
        return f"lack(bool({self.scalar(condition)}) == {wanted}{apart})"

    def function(self, symbols: Sequence[sp.Basic], wanted: sp.Basic | Callable[[], str], decorator: str = "") -> str:
        """The name of a function of the values of symbols that returns an expression, or what is spelled."""
        before, depth = self._bound, self._depth
        self._bound = {symbol: before.get(symbol) or _Bound(self._name("i")) for symbol in symbols}
        self._depth = 0
        name, text = self._name("f"), wanted() if callable(wanted) else self.value(wanted)
        self.program.lines.append(f"{decorator}def {name}({self._arguments(symbols)}): return {text}")
        self._bound, self._depth = before, depth
        return name

    def _once(self, expr: sp.Basic, text: Callable[[], str]) -> str:
        """A call of a function that remembers its values."""
        free = self._free(expr)
        known = expr, tuple((symbol, self._bound[symbol].matrix) for symbol in free)
        if known not in self._remembered:
            self._remembered[known] = self.function(free, text, "@cache\n")
        return f"{self._remembered[known]}({self._arguments(free)})"

    def _spelled(self, expr: Any) -> str:
        kind = type(expr)
        self._depth += 1
        if kind in OF_MATRICES:
            text = self._once(
                expr, lambda: f"{self._object(OF_MATRICES[kind])}({', '.join(map(self.matrix, expr.args))})"
            )
        elif kind in ENTRIES:
            text = f"filled({self._object(ENTRIES[kind])}, {self._shape(expr)})"
        elif kind in _OF_MANY and len(expr.args) > _MOST_OPERANDS:
            text = f"{_OF_MANY[kind]}(({self.scalars(expr.args)}))"
        elif kind in _INFIX:
            text = f"({self.scalars(expr.args, f' {_INFIX[kind]} ')})"
        else:
            text = str(self._print(expr))
        self._depth -= 1
        return text

    def emptyPrinter(self, expr: Any) -> str:
        return f"unknown({self._object(expr)})"

    def _object(self, value: Any) -> str:
        self.program.objects.append(value)
        return f"o[{len(self.program.objects) - 1}]"

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def _free(self, expr: sp.Basic) -> tuple[sp.Basic, ...]:
        """The bound symbols that an expression depends on."""
        free = expr.free_symbols
        return tuple(symbol for symbol in self._bound if symbol in free)

    def _arguments(self, symbols: Sequence[sp.Basic]) -> str:
        bound = [self._bound[symbol] for symbol in symbols]
        return ", ".join(name for one in bound for name in (one.name, one.place) if name)

    def _site(self, expr: sp.Basic) -> str:
        """The number of a site, and where it is."""
        free = {symbol: self._bound[symbol] for symbol in self._free(expr)}
        entries = {symbol: bound.matrix for symbol, bound in free.items() if bound.matrix is not None}
        self.program.sites.append(Site(expr, tuple(free), tuple(entries.items())))
        names, places = "".join(f"{b.name}, " for b in free.values()), "".join(f"{free[e].place}, " for e in entries)
        return f"{len(self.program.sites) - 1}, ({names}), ({places})"

    # --- scalars ------------------------------------------------------------------------------------------------------

    def _print_Integer(self, expr: Any) -> str:
        return f"({expr.p})" if expr.p < 0 else str(expr.p)

    def _print_Rational(self, expr: Any) -> str:
        return f"ratio({expr.p}, {expr.q})"

    def _print_Number(self, expr: Any) -> str:
        return f"as_mpf({self._object(expr)})"

    _print_NumberSymbol = _print_Float = _print_Infinity = _print_NegativeInfinity = _print_NaN = _print_Number

    def _print_BooleanAtom(self, expr: Any) -> str:
        return str(bool(expr))

    _print_BooleanTrue = _print_BooleanFalse = _print_BooleanAtom

    def _print_Symbol(self, expr: Any) -> str:
        return self._bound[expr].name if expr in self._bound else f"entry({self._object(expr)})"

    _print_Idx = _print_Symbol

    def _print_Indexed(self, expr: Any) -> str:
        base, *subscripts = expr.args
        places, owner = self.scalars(subscripts), self._object(base)
        if isinstance(base, (sp.IndexedBase, sp.MatrixSymbol)):
            return f"entry({owner}, {places})"
        if isinstance(base, NDimArray):
            entries = base.reshape(len(base)).tolist()
            return f"item({self._once(base, lambda: self._table(entries, base))}, {owner}, {places})"
        return f"item({self.matrix(base)}, {owner}, {places})"

    _print_MatrixElement = _print_Indexed

    def _print_Pow(self, expr: Any) -> str:
        whole = expr.exp.is_Integer and expr.exp > 0  # of integers, a negative power would be a float
        return f"({self.scalars(expr.args, ' ** ')})" if whole else f"power({self.scalars(expr.args)})"

    def _print_Function(self, expr: Any) -> str:
        if isinstance(expr, AppliedUndef):
            return f"undefined({self._object(expr)})"
        function, values = self._object(function_of(expr.func)), self.scalars(expr.args)
        return f"branch({self._site(expr)}, {function}, {values})" if branches_of(expr) else f"{function}({values})"

    _print_Max = _print_Min = _print_Not = _print_Xor = _print_Implies = _print_Equivalent = _print_Function

    def _print_KroneckerDelta(self, expr: Any) -> str:
        values = (*expr.args[:2], *(expr.args[2] if len(expr.args) == 3 else ()))
        return f"delta({self._site(expr)}, {self.scalars(values)})"

    def _print_if_else(self, expr: Any) -> str:
        condition, yes, no = map(self.scalar, expr.args)
        return f"({yes} if took({self._site(expr)}, True, {condition}, False) else {no})"

    def _print_ITE(self, expr: Any) -> str:
        condition, yes, no = map(self.scalar, expr.args)
        return f"({yes} if {condition} else {no})"

    def _print_Piecewise(self, expr: Any) -> str:
        pieces = [
            f"{self.scalar(value)} if took({self._site(expr)}, {number}, {self.scalar(condition)}) else "
            for number, (value, condition) in enumerate(expr.args)
        ]
        return f"({''.join(pieces)}nan)"

    # --- sums and other reductions ------------------------------------------------------------------------------------

    def _over(self, limits: Sequence[Any], term: Callable[[], str], deltas: Sequence[sp.Basic] = ()) -> str:
        """A term at all values of the indices where no delta is 0; the last limit is the outermost."""
        loops, before, left = [], self._bound, list(deltas)
        for number, limit in reversed(list(enumerate(limits))):
            if len(limit) != 3:
                raise ModelError(f"the index {limit[0]} needs limits, such as ({limit[0]}, 0, N - 1).")
            low, high = map(self.scalar, limit[1:])
            name = self._name("i")
            self._bound = {**self._bound, limit[0]: _Bound(name)}
            inner = {limit[0] for limit in limits[:number]}
            settled = [delta for delta in left if not delta.free_symbols & inner]
            left = [delta for delta in left if delta not in settled]
            tests = "".join(f" if {self.scalar(delta)}" for delta in settled)
            loops.append(f" for {name} in range(whole({low}), whole({high}) + 1){tests}")
        text = f"[{term()}{''.join(loops)}]"
        self._bound = before
        return text

    def _print_ExprWithLimits(self, expr: Any) -> str:
        rule = reduction_of(type(expr))
        if rule is None:
            return self.emptyPrinter(expr)
        # A delta of 0 makes its term 0 whatever else is in it; a sum over five indices has few others.
        factors = sp.Mul.make_args(expr.function) if type(expr) is sp.Sum else ()
        deltas = [factor for factor in factors if isinstance(factor, sp.KroneckerDelta)]

        def reduced() -> str:
            return f"{self._object(rule)}({self._over(expr.limits, lambda: self.scalar(expr.function), deltas)})"

        return self._once(expr, reduced)

    def _print_IndexedSoftmax(self, expr: Any) -> str:
        below = self._over([expr.limit], lambda: f"exp({self.scalar(expr.function)})")
        return f"share(exp({self.scalar(expr.function)}), fsum({below}))"

    def _print_DetOver(self, expr: Any) -> str:
        return self._once(expr, lambda: f"determinant({self._over_indices(expr)})")

    def _print_LogDetOver(self, expr: Any) -> str:
        return f"log({self._print_DetOver(expr)})"

    def _print_InverseEntry(self, expr: Any) -> str:
        head = "cholesky" if isinstance(expr, mf.CholeskyEntry) else "inverse"
        whole = expr.func(expr.function, *expr.limits, [limit[1] for limit in expr.limits])
        made = self._once(whole, lambda: f"{head}({self._over_indices(expr)})")
        places = self.scalars([sub - limit[1] for sub, limit in zip(expr.at, expr.limits, strict=True)])
        return f"item({made}, {self._object(expr)}, {places})"

    def _over_indices(self, expr: Any) -> str:
        """The matrix whose entries an expression in two indices gives."""
        (i, *rows), (j, *columns) = expr.limits
        return f"over({self._entry((i, j), expr.function)}, {self._object(expr)}, {self.scalars((*rows, *columns))})"

    def _entry(self, variables: Sequence[sp.Basic], body: sp.Basic, matrix: sp.Basic | None = None) -> str:
        """A function of the values of variables; of an entry of a matrix, of its position as well."""
        place = "" if matrix is None else self._name("p")
        before, bound = self._bound, {v: _Bound(self._name("i"), place, matrix) for v in variables}
        self._bound = {**before, **bound}
        text = f"lambda {self._arguments(variables)}: {self.scalar(body)}"
        self._bound = before
        return text

    # --- matrices -----------------------------------------------------------------------------------------------------

    def _shape(self, expr: Any) -> str:
        return ", ".join(f"whole({self.scalar(side)})" for side in expr.shape)

    def _table(self, entries: Sequence[Any], expr: Any) -> str:
        return f"table({expr.shape}, ({''.join(f'{self.scalar(entry)}, ' for entry in entries)}))"

    def _print_MatrixBase(self, expr: Any) -> str:
        return self._table(expr.flat(), expr)

    def _print_MatrixSymbol(self, expr: Any) -> str:
        return f"array({self._object(expr)})"

    def _print_MatMul(self, expr: Any) -> str:
        matrices = "".join(f", {self.matrix(factor)}" for factor in expr.args if factor.is_Matrix)
        numbers = [factor for factor in expr.args if not factor.is_Matrix]
        return f"matrix_product({self.scalars(numbers, ' * ') or 1}{matrices})"

    def _print_MatPow(self, expr: Any) -> str:
        return f"matrix_power({self.matrix(expr.base)}, {self.scalar(expr.exp)}, {self._object(expr)})"

    def _print_HadamardPower(self, expr: Any) -> str:
        return f"entrywise(power, {', '.join(map(self.value, expr.args))})"

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        entry = self._entry(expr.function.variables, expr.function.expr, expr.expr)
        return f"with_places({entry}, {self.matrix(expr.expr)})"

    def _print_EntryByEntry(self, expr: Any) -> str:
        entry = self._entry(expr.function.variables, expr.function.expr)
        return f"entrywise({entry}, {', '.join(map(self.matrix, expr.matrices))})"

    def _print_FunctionMatrix(self, expr: Any) -> str:
        return f"filled({self._entry(expr.lamda.variables, expr.lamda.expr)}, {self._shape(expr)})"

    def _print_BlockMatrix(self, expr: Any) -> str:
        rows = ", ".join(f"[{', '.join(map(self.matrix, row))}]" for row in expr.blocks.tolist())
        return f"block([{rows}])"

    def _print_MatrixSlice(self, expr: Any) -> str:
        rows, columns = (self.scalars(ends) for ends in (expr.rowslice, expr.colslice))
        return f"cut({self.matrix(expr.parent)}, {self._object(expr.parent)}, ({rows}), ({columns}))"
