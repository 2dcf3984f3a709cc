"""SymPy objects as formulas in text, which `parse` reads back."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sympy as sp
from sympy import Add, Idx, Indexed, MatAdd, MatMul, MatPow, MatrixSymbol, Mul, Pow, S, Symbol, Transpose
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import UnsupportedError
from symgrad.functions import LogSumExp, MaxOver, MinOver, Total
from symgrad.functions.softmax import Softmax
from symgrad.matrix_functions import CholeskyFactor, LogDet
from symgrad.text import functions
from symgrad.text.functions import Kind

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly a text binds

Written = tuple[str, int]

_CALLS: dict[type, str] = {
    sp.Trace: "tr",
    sp.Determinant: "det",
    sp.Inverse: "inv",
    LogDet: "logdet",
    CholeskyFactor: "cholesky",
    Total: "sum",
    DiagMatrix: "diag",
    DiagonalOf: "diag",
}
_REDUCTIONS: dict[type, str] = {
    sp.Sum: "sum",
    sp.Product: "prod",
    MaxOver: "max",
    MinOver: "min",
    LogSumExp: "logsumexp",
}
_ENTRIES = {name for name, signature in functions.FUNCTIONS.items() if signature.kind is Kind.ENTRIES}


def write(loss: Any, where: Sequence[Any], facts: Sequence[Any]) -> str:
    """A loss with its equations as the lines of a formula, each symbol with its shape.

    Raises
    ------
    UnsupportedError : it has a part that the grammar does not have; the message names it.
    """
    writer = _Writer()
    lines = [f"{writer.at(one.lhs, ATOM)} = {writer.of(one.rhs)[0]}" for one in where]
    lines.append(writer.of(loss)[0])
    defined = {writer.name(one.lhs) for one in where}
    shapes = [f"{name}: {shape}" for name, shape in writer.shapes.items() if name not in defined]
    return "\n".join([*_with_facts(shapes, facts), *lines])


def _with_facts(shapes: list[str], facts: Sequence[Any]) -> list[str]:
    """The declarations with what facts say of matrices."""
    words = {"positive_definite": "definite", "symmetric": "symmetric"}
    for fact in facts:
        if (
            isinstance(fact, sp.StrictGreaterThan)
            and fact.rhs == 0
            and isinstance(fact.lhs, sp.Indexed | MatrixElement)
        ):
            name = _Writer().name(fact.lhs)
            shapes = [one.replace(": ", ": positive ", 1) if one.startswith(f"{name}: ") else one for one in shapes]
            continue
        word = words.get(getattr(getattr(fact, "function", None), "name", ""))
        named = fact.args[1] if word and len(fact.args) == 2 else None
        if not isinstance(named, MatrixSymbol):
            raise _lacking(fact, "fact")
        shapes = [one.replace(": ", f": {word} ", 1) if one.startswith(f"{named.name}: ") else one for one in shapes]
    return shapes


def _lacking(expr: Any, what: str = "part") -> UnsupportedError:
    return UnsupportedError(f"formulas as text have nothing for the {what} {expr} ({type(expr).__name__})")


class _Writer:
    """Writes expressions, and remembers the shapes of the symbols in them."""

    def __init__(self) -> None:
        self.shapes: dict[str, str] = {}

    def at(self, expr: Any, level: int) -> str:
        """The text, in parentheses unless it binds at least as tightly."""
        text, own = self.of(expr)
        return text if own >= level else f"({text})"

    def name(self, symbol: Any) -> str:
        """The name of what stands on a left side."""
        base = getattr(symbol, "base", getattr(symbol, "parent", symbol))
        return str(getattr(base, "label", getattr(base, "name", base)))

    def size(self, size: Any) -> str:
        """A size as a name or a number."""
        if isinstance(size, Symbol) or size.is_Integer:
            return str(size)
        raise _lacking(size, "size")

    def of(self, expr: Any) -> Written:
        """An expression as text, with how tightly it binds."""
        for kind, method in self._methods():
            if isinstance(expr, kind):
                return method(expr)
        if type(expr) in _CALLS:
            return self.call(_CALLS[type(expr)], expr.args)
        if type(expr) in _REDUCTIONS:
            return self.reduction(expr)
        name = "abs" if isinstance(expr, sp.Abs) else type(expr).__name__
        if isinstance(expr, sp.Function) and name in _ENTRIES and len(expr.args) == 1:
            return self.call(name, expr.args)
        if isinstance(expr, sp.Max | sp.Min) and len(expr.args) == 2:
            return self.call("max" if isinstance(expr, sp.Max) else "min", expr.args)
        raise _lacking(expr)

    def _methods(self) -> Iterable[tuple[Any, Callable[[Any], Written]]]:
        return (
            ((Symbol, Idx), self.symbol),
            (MatrixSymbol, self.matrix),
            ((sp.Rational, sp.Float), self.number),
            (type(sp.pi), lambda _: ("pi", ATOM)),
            ((Add, MatAdd), self.sum),
            ((Mul, MatMul), self.product),
            ((Pow, MatPow), self.power),
            (Transpose, lambda expr: (f"{self.at(expr.arg, ATOM)}'", POWER)),
            (sp.HadamardProduct, self.entry_product),
            (sp.HadamardPower, lambda expr: self.raised(expr, ".^")),
            (ElementwiseApplyFunction, self.applied),
            (Softmax, self.softmax),
            (sp.OneMatrix, self.ones),
            (sp.Identity, lambda expr: (f"eye({self.size(expr.rows)})", ATOM)),
            ((sp.Indexed, MatrixElement), self.entry),
        )

    def symbol(self, expr: Any) -> Written:
        if not expr.is_integer:
            self.shapes.setdefault(expr.name, "positive scalar" if expr.is_positive else "scalar")
        return expr.name.lstrip("_") or "i", ATOM

    def matrix(self, expr: Any) -> Written:
        rows, columns = map(self.size, expr.shape)
        shape = f"matrix({rows}, {columns})" if "1" not in (rows, columns) else f"row({columns})"
        self.shapes.setdefault(expr.name, f"vector({rows})" if columns == "1" else shape)
        return expr.name, ATOM

    def number(self, expr: Any) -> Written:
        text = str(expr)
        return text, SIGN if expr < 0 else PRODUCT if "/" in text else ATOM

    def call(self, name: str, args: Sequence[Any]) -> Written:
        return f"{name}({', '.join(self.of(arg)[0] for arg in args)})", ATOM

    def sum(self, expr: Any) -> Written:
        made = ""
        for term in expr.args:
            text = self.at(term, PRODUCT)
            made += f" - {text[1:]}" if made and text.startswith("-") else f" + {text}" if made else text
        return made, SUM

    def product(self, expr: Any) -> Written:
        factors = list(expr.args)
        minus = factors[0] == -1 and len(factors) > 1
        text = "*".join(self.at(factor, SIGN if not n else POWER) for n, factor in enumerate(factors[minus:]))
        return (f"-{text}" if minus else text), PRODUCT

    def power(self, expr: Any) -> Written:
        if expr.exp == sp.S.Half:
            return self.call("sqrt", [expr.base])
        if isinstance(expr.base, MatrixSymbol) and expr.exp == -1:
            return self.call("inv", [expr.base])
        return self.raised(expr, "^")

    def raised(self, expr: Any, operator: str) -> Written:
        return f"{self.at(expr.base, ATOM)}{operator}{self.at(expr.exp, ATOM)}", POWER

    def entry_product(self, expr: Any) -> Written:
        return " .* ".join(self.at(arg, POWER) for arg in expr.args), PRODUCT

    def applied(self, expr: Any) -> Written:
        body, (entry,) = expr.function.expr, expr.function.variables
        if body.args != (entry,):
            raise _lacking(expr)
        text, _ = self.of(body.func(sp.Dummy("entry", real=True)))
        self.shapes.pop("entry", None)
        return f"{text.partition('(')[0]}({self.of(expr.expr)[0]})", ATOM

    def softmax(self, expr: Any) -> Written:
        if expr.cols == 1:  # of each row here, and of the column in a formula
            raise _lacking(expr)
        return self.call("softmax", expr.args)

    def ones(self, expr: Any) -> Written:
        if expr.cols == 1:
            return "vector(1)", ATOM
        return ("vector(1)'", POWER) if expr.rows == 1 else ("matrix(1)", ATOM)

    def entry(self, expr: Any) -> Written:
        matrix = isinstance(expr, MatrixElement)
        base = expr.parent if matrix else expr.base
        subscripts = list(expr.args[1:])
        if matrix and isinstance(base, MatrixSymbol):
            self.matrix(base)
            subscripts = [one for one, side in zip(subscripts, base.shape, strict=True) if side != 1]
        elif matrix or not base.shape:
            raise _lacking(expr)
        else:
            sizes = ", ".join(map(self.size, base.shape))
            kind = {1: "vector", 2: "matrix"}.get(len(base.shape), "array")
            self.shapes.setdefault(str(base.label), f"{kind}({sizes})")
        if not all(isinstance(one, Symbol | Idx) and one.is_integer for one in subscripts):
            raise _lacking(expr, "entry")
        return f"{self.name(expr)}[{','.join(self.of(one)[0] for one in subscripts)}]", ATOM

    def reduction(self, expr: Any) -> Written:
        ranges = []
        for index, lower, upper in reversed(expr.limits):
            if lower != 0 or not isinstance(index, Symbol | Idx):
                raise _lacking(expr)
            name, size = self.of(index)[0], self.size(upper + 1)
            ranges.append(f"{name}=0:{size}-1" if _is_number(index, expr.function) else f"{name}=1:{size}")
        return f"{_REDUCTIONS[type(expr)]}[{', '.join(ranges)}] {self.at(expr.function, PRODUCT)}", SIGN


def _is_number(index: Any, expr: Any) -> bool:
    """Whether an index stands elsewhere than in subscripts."""
    entries = expr.atoms(Indexed, MatrixElement)
    return bool(expr.xreplace(dict.fromkeys(entries, S.One)).has(index))
