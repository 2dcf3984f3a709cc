"""How names, sizes, indices and entries are written: what `writing` stands on."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy import Idx, Indexed, IndexedBase, MatrixSymbol, Symbol
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import UnsupportedError
from symgrad.functions import IndexedSoftmax, LogSumExp, MaxOver, MinOver
from symgrad.matrix_functions import CholeskyEntry, DetOver, InverseEntry, LogDetOver
from symgrad.text import functions, tree

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly a text binds

Written = tuple[str, int]

_REDUCTIONS: dict[type, str] = {
    sp.Sum: "sum",
    sp.Product: "prod",
    MaxOver: "max",
    MinOver: "min",
    LogSumExp: "logsumexp",
    DetOver: "det",
    LogDetOver: "logdet",
}
_ENTRIES: dict[type, str] = {InverseEntry: "inv", CholeskyEntry: "cholesky"}
_NAME = re.compile(r"[^\W\d_ᵀ][^\Wᵀ]*")
_WORDS = ("eye", "minimise", "minimize", "assume", "subject", "subscripts")


def lacking(expr: Any, what: str = "part") -> UnsupportedError:
    """The error of what the grammar does not have."""
    return UnsupportedError(f"formulas as text have nothing for the {what} {expr} ({type(expr).__name__})")


def name_of(symbol: Any) -> str:
    """The name of a symbol, of an array, or of what a left side is an entry of."""
    base = getattr(symbol, "base", getattr(symbol, "parent", symbol))
    return str(getattr(base, "label", getattr(base, "name", base)))


class Entries(ABC):
    """Writes entries and reductions, and remembers shapes.

    Parameters
    ----------
    expressions : everything that will be written, whose names indices must not have.
    counted : whether a line says that subscripts count from 0; else they are indices only.

    Attributes
    ----------
    shapes : the declarations of symbols, by name.
    counts : whether something was written that needs such a line.
    """

    def __init__(self, expressions: Iterable[Any], counted: bool) -> None:
        self.counted, self.counts = counted, False
        self.shapes: dict[str, str] = {}
        self._indices: dict[Any, str] = {}
        self._scope: set[Any] = set()  # indices that are bound around, or for all of which a statement holds
        self._numbers: set[Any] = set()  # indices whose range says what they count from
        arrays, bound, symbols = set[Any](), set[Any](), set[Any]()
        for expr in expressions:
            arrays |= expr.atoms(IndexedBase, MatrixSymbol)
            symbols |= expr.atoms(Symbol)
            bound |= {limit[0] for part in expr.atoms(ExprWithLimits) for limit in part.limits}
            bound |= {one for part in expr.atoms(Indexed) for sub in part.indices for one in sub.atoms(Symbol, Idx)}
            bound |= {
                one for part in expr.atoms(MatrixElement) for sub in part.args[1:] for one in sub.atoms(Symbol, Idx)
            }
        labels = {getattr(array, "label", None) for array in arrays} | {
            one.label for one in bound if isinstance(one, Idx)
        }
        self._sizes = {one for array in arrays for side in array.shape or () for one in sp.S(side).atoms(Symbol)}
        self._are_indices = {one for one in bound if one not in self._sizes and one not in labels}
        self.taken = {name_of(array) for array in arrays}
        self.taken |= {one.name for one in symbols if one not in labels and one not in self._are_indices}

    @abstractmethod
    def of(self, expr: Any) -> Written:
        """An expression as text, with how tightly it binds."""

    def at(self, expr: Any, level: int) -> str:
        """The text, in parentheses unless it binds at least as tightly."""
        text, own = self.of(expr)
        return text if own >= level else f"({text})"

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, name: str, is_declared: bool = True) -> str:
        """A name as it is, if a symbol may have it: that of a constant only where it is declared."""
        is_function = functions.signature(name) is not None and name not in functions.NAMES_TOO
        is_constant = name in functions.CONSTANTS and not is_declared
        if is_function or is_constant or name in _WORDS or not _NAME.fullmatch(name):
            raise UnsupportedError(f"formulas as text cannot have a symbol of the name {name!r}")
        return name

    def symbol(self, expr: Any) -> Written:
        """A size, an index, or a scalar."""
        if isinstance(expr, Idx) or expr in self._are_indices:
            if expr not in self._numbers and not self.counted:
                self.counts = True
            return self.index(expr), ATOM
        if expr not in self._sizes:
            words = ["integer"] if expr.is_integer else []
            words = [*(["positive"] if expr.is_positive else []), *words, "scalar"]
            self.shapes.setdefault(self.name(expr.name), " ".join(words))
        return self.name(expr.name), ATOM

    def for_all(self, expr: Any) -> None:
        """Begin a statement that holds for all values of the indices that are free in it."""
        self._scope = {one for one in expr.free_symbols if one in self._are_indices}

    def index(self, index: Any) -> str:
        """The name of an index, which no other one has, nor any symbol."""
        if index not in self._indices:
            self._indices[index] = self._new(index)
        return self._indices[index]

    def _new(self, index: Any) -> str:
        plain = re.sub(r"\W", "", str(getattr(index, "label", index)).strip("_")).lstrip("_0123456789")
        plain = plain if _NAME.fullmatch(plain) else "i"
        used = {*self.taken, *self._indices.values()}
        names = chain([plain], (f"{plain}{n}" for n in count(1)))
        return next(one for one in names if one not in used and functions.signature(one) is None and one not in _WORDS)

    def size(self, size: Any) -> str:
        """A size: a name, a number, or a sum of products of these."""
        size = sp.expand(size)
        made = ""
        for term in size.as_ordered_terms():
            number, product = term.as_coeff_Mul()
            factors = [*(() if abs(number) == 1 and product != 1 else (abs(number),))]
            for power in sp.Mul.make_args(product) if product != 1 else ():
                base, exponent = power.as_base_exp()
                if base not in self._sizes or not (exponent.is_Integer and exponent > 0):
                    raise lacking(size, "size")
                factors += [base] * int(exponent)
            if not number.is_Integer:
                raise lacking(size, "size")
            made += ("-" if number < 0 else "+" if made else "") + "*".join(map(str, factors))
        return made

    # --- entries ------------------------------------------------------------------------------------------------------

    def matrix(self, expr: Any) -> Written:
        """A matrix as a whole; one with a single entry is a scalar."""
        rows, columns = map(self.size, expr.shape)
        shape = f"matrix({rows}, {columns})" if "1" not in (rows, columns) else f"row({columns})"
        shape = "scalar" if rows == columns == "1" else f"vector({rows})" if columns == "1" else shape
        self.shapes.setdefault(self.name(expr.name), shape)
        return expr.name, ATOM

    def entry(self, expr: Any) -> Written:
        """An entry, at indices or at what is computed of them."""
        matrix = isinstance(expr, MatrixElement)
        base = expr.parent if matrix else expr.base
        subscripts = list(expr.args[1:])
        if matrix and isinstance(base, MatrixSymbol):
            self.matrix(base)
            subscripts = [one for one, side in zip(subscripts, base.shape, strict=True) if side != 1]
            if not subscripts:
                return base.name, ATOM
        elif matrix or not base.shape:
            raise lacking(expr)
        else:
            self.declare(base)
        return f"{name_of(expr)}[{','.join(map(self._subscript, subscripts))}]", ATOM

    def declare(self, base: Any) -> None:
        """The shape of an array with subscripts."""
        kind = {1: "vector", 2: "matrix"}.get(len(base.shape), "array")
        kind = f"integer {kind}" if base.is_integer else kind
        self.shapes.setdefault(self.name(name_of(base)), f"{kind}({', '.join(map(self.size, base.shape))})")

    def _subscript(self, expr: Any) -> str:
        if isinstance(expr, Symbol | Idx) and expr in self._are_indices:
            return self.index(expr)
        self.counts = True
        return self.of(expr)[0]

    # --- reductions ---------------------------------------------------------------------------------------------------

    def is_reduction(self, expr: Any) -> bool:
        """Whether it is reduced over indices, or an entry of what is."""
        return type(expr) in _REDUCTIONS or isinstance(expr, IndexedSoftmax | InverseEntry)

    def reduction(self, expr: Any) -> Written:
        """A reduction; it takes the whole product that follows it."""
        if isinstance(expr, IndexedSoftmax):
            return self._over("softmax", [expr.limit], expr.function)
        if isinstance(expr, InverseEntry):
            return self._entry_of_inverse(expr)
        limits = list(expr.limits)
        in_order = type(expr) in (DetOver, LogDetOver)
        return self._over(_REDUCTIONS[type(expr)], limits if in_order else limits[::-1], expr.function)

    def _entry_of_inverse(self, expr: Any) -> Written:
        """An entry at the indices of its rows and columns, which stand for those that are bound inside."""
        bound = [limit[0] for limit in expr.limits]
        at = list(expr.at)
        if not all(isinstance(one, Symbol | Idx) and one in self._are_indices for one in at) or len({*at}) < 2:
            raise lacking(expr)
        if at != bound and expr.function.has(*(one for one in at if one not in bound)):
            raise lacking(expr)
        function = expr.function.xreplace(dict(zip(bound, at, strict=True)))
        limits = [(place, *limit[1:]) for place, limit in zip(at, expr.limits, strict=True)]
        return self._over(_ENTRIES[type(expr)], limits, function)

    def _over(self, name: str, limits: Iterable[Any], function: Any) -> Written:
        ranges, outside = [], (self._numbers, self._scope, self._indices)
        self._numbers, self._scope, self._indices = set(self._numbers), set(self._scope), dict(self._indices)
        for index, lower, upper in limits:
            if not isinstance(index, Symbol | Idx):
                raise lacking(index, "index")
            if index in self._scope and name not in tree.ENTRIES_OF:  # another one of the same name
                self._indices[index] = self._new(index)
            self._scope.add(index)
            ranges.append(self._range(index, lower, upper, function))
        text = f"{name}[{', '.join(ranges)}] {self.at(function, PRODUCT)}"
        self._numbers, self._scope, self._indices = outside
        return text, PRODUCT

    def _range(self, index: Any, lower: Any, upper: Any, function: Any) -> str:
        name = self.index(index)
        if self.counted or lower != 0:
            self.counts = True
            return f"{name}={self.size(lower)}:{self.size(upper)}"
        if _is_number(index, function):
            self._numbers.add(index)
            return f"{name}=0:{self.size(upper)}"
        return f"{name}=1:{self.size(upper + 1)}"

    # --- conditions ---------------------------------------------------------------------------------------------------

    def condition(self, expr: Any) -> str:
        """A condition, or what is assumed or demanded."""
        if isinstance(expr, sp.And | sp.Or):
            sign = " & " if isinstance(expr, sp.And) else " | "
            parts = [(self.condition(one), isinstance(one, sp.And | sp.Or)) for one in expr.args]
            return sign.join(f"({text})" if nested else text for text, nested in parts)
        sign = _COMPARISONS.get(type(expr), "")
        if not sign:
            raise lacking(expr, "condition")
        return f"{self.of(expr.lhs)[0]} {sign} {self.of(expr.rhs)[0]}"


_COMPARISONS: dict[type, str] = {sp.Le: "<=", sp.Ge: ">=", sp.Lt: "<", sp.Gt: ">", sp.Eq: "==", sp.Ne: "!="}


def _is_number(index: Any, expr: Any) -> bool:
    """Whether an index stands elsewhere than as a subscript."""
    entries = expr.atoms(Indexed, MatrixElement)
    return index in expr.xreplace(dict.fromkeys(entries, sp.S.One)).free_symbols
