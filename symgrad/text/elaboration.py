"""A formula whose shapes are known as SymPy objects, in the dialect of matrices."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy import (
    Determinant,
    DiagMatrix,
    Eq,
    Expr,
    HadamardPower,
    Identity,
    IndexedBase,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Product,
    Q,
    Rational,
    S,
    Sum,
    Symbol,
    Trace,
    Transpose,
    ZeroMatrix,
    hadamard_product,
)
from sympy.matrices.expressions.diagonal import DiagonalOf

from symgrad.errors import FormulaError
from symgrad.functions import (
    EntryByEntry,
    LogSumExp,
    MaxOver,
    MinOver,
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
    total,
)
from symgrad.functions.norms import norm1, norm2, sumsq
from symgrad.matrix_functions import cholesky, logdet
from symgrad.text import declared, functions, tree
from symgrad.text.functions import Kind
from symgrad.text.readings import Reading, SymbolShape

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    tree.SUM: Sum,
    tree.PRODUCT: Product,
    tree.LARGEST: MaxOver,
    tree.SMALLEST: MinOver,
    tree.LOG_SUM_EXP: LogSumExp,
}
_COMPARISONS: dict[str, Callable[..., Any]] = {"<=": sp.Le, ">=": sp.Ge, "<": sp.Lt, ">": sp.Gt, "==": sp.Eq}
_ENTRIES_OF_TWO = {"max": entrywise.maximum, "min": entrywise.minimum, "maximum": entrywise.maximum}
_ENTRIES_OF_TWO |= {"minimum": entrywise.minimum, "atan2": entrywise.atan2}
_OWN: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (log_ndtr, log_sigmoid, ndtr, relu, sigmoid, softplus, step)
}
_NUMBERS: dict[str, Callable[..., Any]] = {"norm1": norm1, "norm2": norm2, "normF": norm2, "sumsq": sumsq}


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
        facts = tuple(fact for symbol in self.reading.symbols for fact in self._facts(symbol))
        constraints = tuple(self._constraint(constraint) for constraint in program.constraints)
        return Elaborated(self.expression(program.result), where, self.symbols, facts, constraints)

    def size(self, name: str) -> Any:
        """A size by its name or number."""
        return Integer(name) if name.isdigit() else Symbol(name, integer=True, positive=True)

    def _symbol(self, shape: SymbolShape) -> Any:
        kind, name = shape.declared, shape.name
        sizes = [self.size(size) for size in kind.sizes]
        if kind.kind == declared.SCALAR:
            return Symbol(name, **{"positive" if declared.POSITIVE in kind.properties else "real": True})
        if kind.kind != declared.ROW and name not in self.whole:
            return IndexedBase(name, shape=tuple(sizes), real=True)
        if kind.kind == declared.ROW:
            return MatrixSymbol(name, 1, *sizes)
        return MatrixSymbol(name, *(*sizes, S.One)[:2])

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
        letters = self._for_all(definition.subscripts)
        value = self.expression(definition.value)
        self.indices.clear()
        return Eq(self._entry(symbol, letters), value, evaluate=False)

    def _constraint(self, constraint: tree.Constraint) -> tuple[Any, ...]:
        comparison = constraint.comparison
        letters = self._for_all(constraint.indices)
        sides = self.expression(comparison.left), self.expression(comparison.right)
        self.indices.clear()
        ends = (self.size(self.reading.length(name)) - 1 for name in constraint.indices)
        ranges = ((letter, 0, end) for letter, end in zip(letters, ends, strict=True))
        return (_COMPARISONS[comparison.operator](*sides, evaluate=False), *ranges)

    def _for_all(self, names: Iterable[tree.Name]) -> list[Any]:
        """The symbols of indices for all of which something holds; until `indices` is cleared."""
        letters = {name.text: Symbol(name.text, integer=True) for name in names}
        self.indices |= letters
        self.firsts |= dict.fromkeys(letters)
        return list(letters.values())

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
        return sp.pi if node.text == "pi" else self.size(node.text)

    def _number(self, node: tree.Name) -> Any:
        """An index that is not a subscript, as the formula counts it."""
        first = self.firsts.get(node.text)
        if first is None:
            message = f"{node.text} is a number here; say what it counts from: {node.text}=1:N or {node.text}=0:N-1"
            raise FormulaError(message, self.reading.program.source, (node.at.start, node.at.end))
        return self.indices[node.text] + first

    def _compared(self, node: tree.Comparison) -> tuple[Any, Any]:
        """Both sides; of two indices that count from the same number, it does not matter which that is."""
        sides = [one.text for one in (node.left, node.right) if isinstance(one, tree.Name) and one.text in self.indices]
        if len(sides) == 2 and len({self.firsts.get(name) for name in sides}) == 1:
            return self.indices[sides[0]], self.indices[sides[1]]
        return self.expression(node.left), self.expression(node.right)

    def _of_negative(self, node: tree.Negative) -> Any:
        return _times(S.NegativeOne, self.expression(node.operand))

    def _of_transposed(self, node: tree.Transposed) -> Any:
        return _transposed(self.expression(node.operand))

    def _of_comparison(self, node: tree.Comparison) -> Any:
        return _COMPARISONS[node.operator](*self._compared(node))

    def _of_binary(self, node: tree.Binary) -> Any:
        left, right = self.expression(node.left), self.expression(node.right)
        if node.operator in (tree.PLUS, tree.MINUS):
            right = right if node.operator == tree.PLUS else _times(S.NegativeOne, right)
            return self._filled(left, node) + self._filled(right, node)
        if node.operator == tree.TIMES:
            return _scalar(_times(left, right)) if self._is_scalar(node) else _times(left, right)
        if node.operator == tree.OVER:
            return _times(1 / right, left)
        if node.operator == tree.POWER:
            return left**right
        if node.operator == tree.DOT_POWER:
            return entrywise.power(left, right)
        return _entries_times(left, right if node.operator == tree.DOT_TIMES else _reciprocal(right))

    def _filled(self, value: Any, node: tree.Node) -> Any:
        """A scalar as a matrix of the shape of a node, where that is one."""
        if isinstance(value, MatrixExpr) or self._is_scalar(node):
            return value
        return self._constant(value, self._shape(node))

    def _constant(self, value: Any, shape: tuple[Any, Any]) -> Any:
        if shape == (1, 1):
            return value
        return ZeroMatrix(*shape) if value == 0 else _times(value, OneMatrix(*shape))

    def _of_subscripted(self, node: tree.Subscripted) -> Any:
        subscripts = [
            self.indices[one.text] if isinstance(one, tree.Name) and one.text in self.indices else self.expression(one)
            for one in node.subscripts
        ]
        return self._entry(self.expression(node.base), subscripts)

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
            self.firsts[binder.index] = binder.first
            index = self.indices[binder.index] = Symbol(binder.index, integer=True)
            limits.append((index, 0, self.size(self.reading.length(binder)) - 1))
        body = self.expression(node.body)
        self.indices, self.firsts = outside
        return _REDUCTIONS[node.kind](body, *reversed(limits))

    def _of_call(self, node: tree.Call) -> Any:
        name = functions.canonical(node.function)
        kind = functions.FUNCTIONS[name].kind
        if kind in (Kind.VECTOR, Kind.MATRIX):
            return self._constant(self.expression(node.arguments[0]), self._shape(node))
        if kind is Kind.IDENTITY:
            return Identity(self._shape(node)[0])
        if kind is Kind.CHOICE:
            return self._choice(node)
        given = [self.expression(argument) for argument in node.arguments]
        if kind is Kind.ENTRIES:
            return (_OWN.get(name) or getattr(entrywise, name))(given[0])
        if kind is Kind.ENTRIES_OF_TWO or (len(given) == 2 and name in _ENTRIES_OF_TWO):
            return _ENTRIES_OF_TWO[name](*given)
        if kind is Kind.SIZE:
            rows, columns = self._shape(node.arguments[0])
            return {"rows": rows, "columns": columns, "numel": rows * columns}[name]
        if not isinstance(given[-1], MatrixExpr):
            return self._of_scalars(name, given)
        return self._of_arrays(name, given)

    def _of_scalars(self, name: str, given: list[Any]) -> Any:
        """What a function of arrays is of numbers."""
        x = given[0]
        match name:  # one by one, since SymPy looks for the sign of what an absolute value is taken of
            case "norm1" | "norm2" | "normF":
                return abs(x)
            case "sumsq":
                return x**2
            case "logdet":
                return sp.log(x)
            case "inv":
                return 1 / x
            case "cholesky":
                return sp.sqrt(x)
            case "softmax":
                return S.One
            case "dot" | "quad":
                return x * given[1] if name == "dot" else x * given[1] * x
        return x  # sum, mean, max, min, logsumexp, det, tr, diag and transpose of a number

    def _of_arrays(self, name: str, given: list[Any]) -> Any:
        A, *others = given
        match name:
            case "sum":
                return total(A)
            case "mean":
                return total(A) / (A.rows * A.cols)
            case "max" | "min" | "logsumexp":
                return _over_entries(_REDUCTIONS[name], A)
            case "softmax":
                return softmax(A.T).T if A.cols == 1 else softmax(A)
            case "dot":
                (B,) = others
                return Trace(A.T * B)
            case "quad":
                return Trace(MatMul(A.T, others[0], A))
            case "transpose":
                return _transposed(A)
            case "diag":
                vector = 1 in A.shape
                return DiagMatrix(A if A.cols == 1 else A.T) if vector else DiagonalOf(A)
            case "det" | "logdet" | "tr":
                return {"det": Determinant, "logdet": logdet, "tr": Trace}[name](A)
            case "inv":
                return A.I
            case "cholesky":
                return cholesky(A)
            case _:
                return _NUMBERS[name](A)

    def _choice(self, node: tree.Call) -> Any:
        comparison, *branches = node.arguments
        assert isinstance(comparison, tree.Comparison)
        compare = _COMPARISONS[comparison.operator]
        given = [*self._compared(comparison), *map(self.expression, branches)]
        matrices = [part for part in given if isinstance(part, MatrixExpr)]
        if not matrices:
            return if_else(compare(given[0], given[1]), given[2], given[3])
        entries = iter([sp.Dummy(f"x{n}", real=True) for n in range(len(matrices))])
        taken = [next(entries) if isinstance(part, MatrixExpr) else part for part in given]
        chosen = if_else(compare(taken[0], taken[1]), taken[2], taken[3])
        letters = [entry for entry, part in zip(taken, given, strict=True) if isinstance(part, MatrixExpr)]
        return EntryByEntry(sp.Lambda(tuple(letters), chosen), *matrices)


def _times(left: Any, right: Any) -> Any:
    """A product; a number in front of a matrix stays as it is, since SymPy would make det(A B) det(A) det(B)."""
    if isinstance(left, MatrixExpr) and isinstance(right, MatrixExpr):
        return left * right
    if isinstance(left, MatrixExpr) or isinstance(right, MatrixExpr):
        number, matrix = (right, left) if isinstance(left, MatrixExpr) else (left, right)
        return matrix if number == 1 else number * matrix if number.is_number else MatMul(number, matrix)
    return left * right


def _transposed(value: Any) -> Any:
    """The transpose; of a sum as a whole, which SymPy would make one of transposes."""
    if isinstance(value, MatAdd):
        return Transpose(value)
    return value.T if isinstance(value, MatrixExpr) else value


def _scalar(product: Any) -> Expr:
    """The only entry of a 1 x 1 matrix, as its trace: numbers in front of it, vectors in it."""
    if not isinstance(product, MatrixExpr):
        return product
    factors = product.args if isinstance(product, MatMul) else (product,)
    numbers = [factor for factor in factors if not isinstance(factor, MatrixExpr)]
    return sp.Mul(*numbers, Trace(MatMul(*(factor for factor in factors if isinstance(factor, MatrixExpr)))))


def _reciprocal(value: Any) -> Any:
    return HadamardPower(value, -1) if isinstance(value, MatrixExpr) else 1 / value


def _entries_times(left: Any, right: Any) -> Any:
    if isinstance(left, MatrixExpr) and isinstance(right, MatrixExpr):
        return hadamard_product(left, right)
    return _times(left, right)


def _over_entries(reduction: Callable[..., Any], A: Any) -> Any:
    """A reduction over all entries of a matrix."""
    i, j = (sp.Dummy(letter, integer=True) for letter in "ij")
    limits = [(letter, 0, size - 1) for letter, size in ((j, A.cols), (i, A.rows)) if size != 1]
    entry = A[i if A.rows != 1 else 0, j if A.cols != 1 else 0]
    return reduction(entry, *limits)
