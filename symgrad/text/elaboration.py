"""A formula whose shapes are known as SymPy objects, in the dialect of matrices."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy import (
    Eq,
    Identity,
    IndexedBase,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Q,
    Rational,
    S,
    Symbol,
    ZeroMatrix,
)

from symgrad.errors import FormulaError
from symgrad.functions import (
    EntryByEntry,
    constant,
    entrywise,
    if_else,
    log_ndtr,
    log_sigmoid,
    ndtr,
    relu,
    sigmoid,
    softmax,
    softplus,
    step,
)
from symgrad.matrix_functions import cholesky, det, inverse, logdet
from symgrad.text import declared, functions, lengths, tree
from symgrad.text.functions import Kind
from symgrad.text.operations import (
    REDUCTIONS,
    entries_times,
    of_arrays,
    of_scalars,
    reciprocal,
    scalar,
    times,
    transposed,
)
from symgrad.text.readings import Reading, SymbolShape

_COMPARISONS: dict[str, Callable[..., Any]] = {"<=": sp.Le, ">=": sp.Ge, "<": sp.Lt, ">": sp.Gt}
_COMPARISONS |= {"==": sp.Eq, "!=": sp.Ne}
_OF_MATRICES = {tree.INVERSE: inverse, tree.CHOLESKY: cholesky, tree.DETERMINANT: det, tree.LOG_DETERMINANT: logdet}
_ENTRIES_OF_TWO = {"max": entrywise.maximum, "min": entrywise.minimum, "maximum": entrywise.maximum}
_ENTRIES_OF_TWO |= {"minimum": entrywise.minimum, "atan2": entrywise.atan2}
_CONSTANTS = {"pi": sp.pi, "inf": sp.oo}
_OWN: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (constant, log_ndtr, log_sigmoid, ndtr, relu, sigmoid, softplus, step)
}


@dataclass(frozen=True)
class Elaborated:
    """A formula as SymPy objects.

    Attributes
    ----------
    result : a scalar, or a matrix expression.
    where : an equation for each quantity that is defined.
    symbols : all symbols and quantities by name.
    facts : what the declared properties say.
    constraints : what a problem is subject to: relations, each with the ranges of its indices.
    """

    result: Any
    where: tuple[Any, ...]
    symbols: dict[str, Any]
    facts: tuple[Any, ...]
    constraints: tuple[Any, ...] = ()


def elaborate(reading: Reading) -> Elaborated:
    """The SymPy objects of a reading."""
    return _Elaboration(reading).all()


class _Elaboration:
    """Goes through the tree of a reading; a part with one entry becomes a scalar, any other a matrix expression."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.whole = tree.whole_names(reading.program)
        self.symbols = {symbol.name: self._symbol(symbol) for symbol in (*reading.symbols, *reading.quantities)}
        self.indices: dict[str, Any] = {}  # which count from 0, as subscripts do here
        self.firsts: dict[str, int | None] = {}  # what they count from as numbers, where the formula says it
        taken = set(re.findall(r"\w+", reading.program.source))
        self.letters = (name for name in chain("ijklmn", (f"i{n}" for n in count(1))) if name not in taken)

    def all(self) -> Elaborated:
        """Everything of the program."""
        program = self.reading.program
        where = tuple(self._definition(definition) for definition in program.definitions)
        known = (*self.reading.symbols, *self.reading.quantities)
        facts = [fact for symbol in known for fact in self._facts(symbol)]
        facts += [self._comparison(assumption) for assumption in program.assumptions]
        constraints = tuple(self._constraint(constraint) for constraint in program.constraints)
        return Elaborated(self.expression(program.result), where, self.symbols, tuple(facts), constraints)

    def size(self, name: str) -> Any:
        """A size by its name or number."""
        return sp.Add(*(sp.Mul(factor, *map(_size, names)) for factor, names in lengths.products(name)))

    def _symbol(self, shape: SymbolShape) -> Any:
        kind, name = shape.declared, shape.name
        sizes = [self.size(size) for size in kind.sizes]
        properties = {declared.POSITIVE: "positive", declared.INTEGER: "integer"}
        assumed = {properties[one]: True for one in kind.properties if one in properties} or {"real": True}
        if kind.kind == declared.SCALAR:
            return Symbol(name, **assumed)
        if kind.kind != declared.ROW and name not in self.whole:
            return IndexedBase(name, shape=tuple(sizes), **{"integer" if "integer" in assumed else "real": True})
        if declared.INTEGER in kind.properties:
            raise self.wrong(f"an array of whole numbers is written with subscripts: {name}[i]", self._first(name))
        if kind.kind == declared.ROW:
            return MatrixSymbol(name, 1, *sizes)
        return MatrixSymbol(name, *(*sizes, S.One)[:2])

    def _first(self, name: str) -> tree.Name:
        """Where a name stands as a whole."""
        nodes = (node for part in self.reading.program.expressions() for node in tree.walk(part))
        return next(node for node in nodes if isinstance(node, tree.Name) and node.text == name)

    def wrong(self, message: str, node: tree.Node) -> FormulaError:
        """What SymPy objects show to be wrong."""
        return FormulaError(message, self.reading.program.source, (node.at.start, node.at.end))

    def _facts(self, shape: SymbolShape) -> list[Any]:
        kind, symbol = shape.declared, self.symbols[shape.name]
        facts = []
        if declared.DEFINITE in kind.properties:
            facts.append(Q.positive_definite(symbol))
        if declared.SYMMETRIC in kind.properties:
            facts.append(Q.symmetric(symbol))
        if declared.POSITIVE in kind.properties and kind.kind != declared.SCALAR:
            letters = [sp.Idx(next(self.letters), self.size(size)) for size in kind.sizes]
            facts.append(self._entry(symbol, letters) > 0)
        return facts

    def _definition(self, definition: tree.Definition) -> Any:
        symbol = self.symbols[definition.name]
        if not definition.subscripts:
            return Eq(symbol, self.expression(definition.value), evaluate=False)
        self._for_all(definition.indices)
        left = self._entry(symbol, [self._subscript(one) for one in definition.subscripts])
        value = self.expression(definition.value)
        self.indices.clear()
        return Eq(left, value, evaluate=False)

    def _constraint(self, constraint: tree.Constraint) -> tuple[Any, ...]:
        relation = self._comparison(constraint)
        if {name.text for name in constraint.indices} & {*tree.computed_with(constraint.comparison)}:
            return (relation,)  # for all indices that its subscripts allow
        ends = [(name.text, self.size(self.reading.length(name)) - 1) for name in constraint.indices]
        return (relation, *((Symbol(name, integer=True), 0, end) for name, end in ends))

    def _comparison(self, constraint: tree.Constraint) -> Any:
        comparison = constraint.comparison
        self._for_all(constraint.indices)
        left, right = self.expression(comparison.left), self.expression(comparison.right)
        self.indices.clear()
        if isinstance(left, MatrixExpr) and comparison.operator == "==":
            right = self._filled(right, comparison.left)
        return _COMPARISONS[comparison.operator](left, right, evaluate=False)

    def _for_all(self, names: Iterable[tree.Name]) -> None:
        """The symbols of indices for all of which something holds; until `indices` is cleared."""
        letters = {name.text: Symbol(name.text, integer=True) for name in names}
        self.indices |= letters
        self.firsts |= dict.fromkeys(letters, self.reading.program.origin)

    def _shape(self, node: tree.Node) -> tuple[Any, Any]:
        rows, columns = self.reading.shape(node)
        return self.size(rows), self.size(columns)

    def _is_scalar(self, node: tree.Node) -> bool:
        return self.reading.shape(node) == ("1", "1")

    def expression(self, node: tree.Node) -> Any:
        """The SymPy object of a part of the tree."""
        return getattr(self, f"_of_{type(node).__name__.lower()}")(node)

    def _of_number(self, node: tree.Number) -> Any:
        return Rational(node.text)

    def _of_name(self, node: tree.Name) -> Any:
        if node.text in self.indices:
            return self._number(node)
        if node.text in self.symbols:
            return self.symbols[node.text]
        if node.text == "eye":
            return Identity(self._shape(node)[0])
        return _CONSTANTS[node.text] if node.text in _CONSTANTS else self.size(node.text)

    def _number(self, node: tree.Name) -> Any:
        """An index that is not a subscript, as the formula counts it."""
        first = self.firsts.get(node.text)
        if first is None:
            name = node.text
            raise self.wrong(f"{name} is a number here; say what it counts from: {name}=1:N or {name}=0:N-1", node)
        return self.indices[node.text] + first

    def _compared(self, *nodes: tree.Node) -> tuple[Any, Any]:
        """Both sides; of two indices that count from the same number, it does not matter which that is."""
        sides = [one.text for one in nodes if isinstance(one, tree.Name) and one.text in self.indices]
        if len(sides) == 2 and len({self.firsts.get(name) for name in sides}) == 1:
            return self.indices[sides[0]], self.indices[sides[1]]
        left, right = map(self.expression, nodes)
        return left, right

    def _of_negative(self, node: tree.Negative) -> Any:
        return times(S.NegativeOne, self.expression(node.operand))

    def _of_transposed(self, node: tree.Transposed) -> Any:
        return transposed(self.expression(node.operand))

    def _of_comparison(self, node: tree.Comparison) -> Any:
        return _COMPARISONS[node.operator](*self._compared(node.left, node.right))

    def _of_logical(self, node: tree.Logical) -> Any:
        connect = sp.And if node.operator == tree.AND else sp.Or
        return connect(self.expression(node.left), self.expression(node.right))

    def _of_binary(self, node: tree.Binary) -> Any:
        left, right = self.expression(node.left), self.expression(node.right)
        if node.operator in (tree.PLUS, tree.MINUS):
            right = right if node.operator == tree.PLUS else times(S.NegativeOne, right)
            return self._filled(left, node) + self._filled(right, node)
        if node.operator == tree.TIMES:
            return scalar(times(left, right)) if self._is_scalar(node) else times(left, right)
        if node.operator == tree.OVER:
            return times(1 / right, left)
        if node.operator == tree.POWER:
            return left**right
        if node.operator == tree.DOT_POWER:
            return entrywise.power(left, right)
        return entries_times(left, right if node.operator == tree.DOT_TIMES else reciprocal(right))

    def _filled(self, value: Any, node: tree.Node) -> Any:
        """A scalar as a matrix of the shape of a node, where that is one."""
        if isinstance(value, MatrixExpr) or self._is_scalar(node):
            return value
        return self._constant(value, self._shape(node))

    def _constant(self, value: Any, shape: tuple[Any, Any]) -> Any:
        if shape == (1, 1):
            return value
        return ZeroMatrix(*shape) if value == 0 else times(value, OneMatrix(*shape))

    def _of_subscripted(self, node: tree.Subscripted) -> Any:
        return self._entry(self.expression(node.base), [self._subscript(one) for one in node.subscripts])

    def _subscript(self, node: tree.Expression) -> Any:
        """A subscript as SymPy counts it, from 0."""
        if isinstance(node, tree.Name) and node.text in self.indices:
            return self.indices[node.text]
        found = self.expression(node) - (self.reading.program.origin or 0)
        if found.is_integer is not True:
            raise self.wrong(
                "subscripts are made of indices, whole numbers and integer arrays: at: integer vector", node
            )
        return found

    def _entry(self, symbol: Any, subscripts: list[Any]) -> Any:
        if isinstance(symbol, IndexedBase):
            return symbol[tuple(subscripts)]
        if len(subscripts) == 1:
            subscripts = [*subscripts, 0] if symbol.shape[1] == 1 else [0, *subscripts]
        return symbol[tuple(subscripts)]

    def _of_reduction(self, node: tree.Reduction) -> Any:
        outside = dict(self.indices), dict(self.firsts)
        limits = []
        for binder in node.binders:
            limits.append((self._index(binder, node.kind in tree.ENTRIES_OF), *self._range(binder)))
        body = self.expression(node.body)
        self.indices, self.firsts = outside
        if node.kind == tree.SOFTMAX:
            return softmax(body, *limits)
        if node.kind in tree.OF_MATRICES:
            return _OF_MATRICES[node.kind](body, *limits)
        return REDUCTIONS[node.kind](body, *reversed(limits))

    def _index(self, binder: tree.Binder, is_entry: bool) -> Any:
        """The symbol of a bound index: a new one, or that around an entry."""
        if is_entry:
            return self.indices[binder.index]
        origin = self.reading.program.origin
        self.firsts[binder.index] = binder.first if origin is None else origin
        self.indices[binder.index] = Symbol(binder.index, integer=True)
        return self.indices[binder.index]

    def _range(self, binder: tree.Binder) -> tuple[Any, Any]:
        """From where to where it goes, counted from 0."""
        origin = self.reading.program.origin
        if origin is None or binder.lower is None or binder.upper is None:
            return S.Zero, self.size(self.reading.length(binder)) - 1
        return self.expression(binder.lower) - origin, self.expression(binder.upper) - origin

    def _of_call(self, node: tree.Call) -> Any:
        name = functions.canonical(node.function)
        kind = functions.FUNCTIONS[name].kind
        if kind in (Kind.VECTOR, Kind.MATRIX):
            return self._constant(self.expression(node.arguments[0]), self._shape(node))
        if kind is Kind.IDENTITY:
            return Identity(self._shape(node)[0])
        if kind is Kind.FILLED:
            return self._constant(S.One if name == "ones" else S.Zero, self._shape(node))
        if kind is Kind.CHOICE:
            return self._choice(node)
        if kind is Kind.INDICES:
            sides = self._compared(*node.arguments)
            if not all(side.is_integer for side in sides):
                raise self.wrong("delta(i, j) is of indices, whole numbers and integer arrays", node)
            return sp.KroneckerDelta(*sides)
        given = [self.expression(argument) for argument in node.arguments]
        if kind is Kind.ENTRIES:
            return (_OWN.get(name) or getattr(entrywise, name))(given[0])
        if kind is Kind.ENTRIES_OF_TWO or (len(given) == 2 and name in _ENTRIES_OF_TWO):
            return _ENTRIES_OF_TWO[name](*given)
        if kind is Kind.SIZE:
            rows, columns = self._shape(node.arguments[0])
            return {"rows": rows, "columns": columns, "numel": rows * columns}[name]
        if not isinstance(given[-1], MatrixExpr):
            return of_scalars(name, given)
        return of_arrays(name, given)

    def _choice(self, node: tree.Call) -> Any:
        condition, *branches = node.arguments
        given = [*self._sides(condition), *map(self.expression, branches)]
        matrices = [part for part in given if isinstance(part, MatrixExpr)]
        if not matrices:
            return if_else(self.expression(condition), *given[-2:])
        entries = iter([sp.Dummy(f"x{n}", real=True) for n in range(len(matrices))])
        taken = [next(entries) if isinstance(part, MatrixExpr) else part for part in given]
        chosen = if_else(_condition(condition, iter(taken[:-2])), *taken[-2:])
        letters = [entry for entry, part in zip(taken, given, strict=True) if isinstance(part, MatrixExpr)]
        return EntryByEntry(sp.Lambda(tuple(letters), chosen), *matrices)

    def _sides(self, condition: tree.Node) -> list[Any]:
        """What the comparisons of a condition compare, from left to right."""
        if isinstance(condition, tree.Logical):
            return [*self._sides(condition.left), *self._sides(condition.right)]
        assert isinstance(condition, tree.Comparison)
        return [*self._compared(condition.left, condition.right)]


def _condition(condition: tree.Node, sides: Iterator[Any]) -> Any:
    """A condition with other sides in its comparisons."""
    if isinstance(condition, tree.Logical):
        left, right = _condition(condition.left, sides), _condition(condition.right, sides)
        return sp.And(left, right) if condition.operator == tree.AND else sp.Or(left, right)
    assert isinstance(condition, tree.Comparison)
    left = next(sides)
    return _COMPARISONS[condition.operator](left, next(sides))


def _size(name: str) -> Any:
    return Symbol(name, integer=True, positive=True)
