"""SymPy objects as formulas in text, which `parse` reads back."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sympy as sp
from sympy import Add, Idx, Indexed, MatAdd, MatMul, MatPow, MatrixSymbol, Mul, Pow, Symbol, Transpose
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.functions import Constant, ConstantMatrix, EntryByEntry, IfElse, Total
from symgrad.functions.softmax import Softmax
from symgrad.matrix_functions import CholeskyFactor, LogDet
from symgrad.text import functions
from symgrad.text.functions import Kind
from symgrad.text.written import ATOM, POWER, PRODUCT, SIGN, SUM, Entries, Written, lacking, name_of

_CALLS: dict[type, str] = {
    sp.Trace: "tr",
    sp.Determinant: "det",
    sp.Inverse: "inv",
    LogDet: "logdet",
    CholeskyFactor: "cholesky",
    Total: "sum",
    DiagMatrix: "diag",
    DiagonalOf: "diag",
    ConstantMatrix: "constant",
    Constant: "constant",
    sp.KroneckerDelta: "delta",
    sp.Abs: "abs",
    sp.atan2: "atan2",
}
_ENTRIES = {name for name, signature in functions.FUNCTIONS.items() if signature.kind is Kind.ENTRIES}
_WORDS = {"positive_definite": "definite", "symmetric": "symmetric"}


def write(
    result: Any,
    where: Sequence[Any],
    facts: Sequence[Any],
    constraints: Sequence[Any] = (),
    minimised: bool = False,
) -> str:
    """A result with its equations as the lines of a formula, each symbol with its shape.

    Parameters
    ----------
    result, where, facts : of a model, or of a problem with its objective.
    constraints : relations, each for all values of the indices that are free in it.
    minimised : whether the result is the objective of a problem.

    Raises
    ------
    UnsupportedError : it has a part that the grammar does not have; the message names it.
    """
    lines = _lines(result, where, facts, constraints, minimised, counted=False)
    return "\n".join(lines or _lines(result, where, facts, constraints, minimised, counted=True) or ())


def _lines(
    result: Any, where: Sequence[Any], facts: Sequence[Any], constraints: Sequence[Any], minimised: bool, counted: bool
) -> list[str] | None:
    """The lines; None where they need one that says what subscripts count from, and are to have none."""
    writer = _Writer([result, *where, *facts, *constraints], counted)
    shapes, assumed = _words(facts)
    lines = [writer.equation(one) for one in where]
    writer.for_all(sp.S.Zero)
    lines.append(f"{'minimise ' * minimised}{writer.of(result)[0]}")
    conditions = [writer.statement(one) for one in constraints]
    lines += ["subject to " + ",\n  ".join(conditions)] if conditions else []
    lines += [f"assume {writer.statement(one)}" for one in assumed]
    if writer.counts and not counted:
        return None
    defined = {name_of(one.lhs): one.lhs for one in where}
    for name, left in defined.items():
        writer.name(name, is_declared=counted and isinstance(left, Indexed))
    declared = [
        f"{name}: {' '.join([*shapes.get(name, ()), shape])}"
        for name, shape in writer.shapes.items()
        if name not in defined or name in shapes or (counted and isinstance(defined[name], Indexed))
    ]
    return [*(["subscripts from 0"] if counted else []), *declared, *lines]


def _words(facts: Sequence[Any]) -> tuple[dict[str, list[str]], list[Any]]:
    """What facts say of whole arrays, as words of their declarations, and the others."""
    words: dict[str, list[str]] = {}
    others = []
    for fact in facts:
        entry = fact.lhs if isinstance(fact, sp.StrictGreaterThan) and fact.rhs == 0 else None
        if isinstance(entry, Indexed | MatrixElement) and len({*entry.args[1:]}) == len(entry.args[1:]):
            words.setdefault(name_of(entry), []).append("positive")
            continue
        word = _WORDS.get(getattr(getattr(fact, "function", None), "name", ""))
        named = fact.args[1] if word and len(fact.args) == 2 else None
        if isinstance(named, MatrixSymbol) and word:
            words.setdefault(named.name, []).append(word)
        elif isinstance(fact, sp.core.relational.Relational):
            others.append(fact)
        else:
            raise lacking(fact, "fact")
    return words, others


class _Writer(Entries):
    """Writes expressions of numbers and matrices."""

    def __init__(self, expressions: Iterable[Any], counted: bool) -> None:
        super().__init__(expressions, counted)
        self._matrices: dict[Any, Written] = {}  # what stands for single entries

    def of(self, expr: Any) -> Written:
        """An expression as text, with how tightly it binds."""
        if expr in self._matrices:
            return self._matrices[expr]
        if isinstance(expr, sp.Trace) and expr.arg.shape == (1, 1):
            return self.of(expr.arg)  # a matrix of one entry is a number here
        for kind, method in self._methods():
            if isinstance(expr, kind):
                return method(expr)
        if type(expr) in _CALLS:
            return self.call(_CALLS[type(expr)], expr.args)
        if self.is_reduction(expr):
            return self.reduction(expr)
        name = type(expr).__name__
        if isinstance(expr, sp.Function) and name in _ENTRIES and len(expr.args) == 1:
            return self.call(name, expr.args)
        if isinstance(expr, sp.Max | sp.Min) and len(expr.args) > 1:
            return self.extreme("max" if isinstance(expr, sp.Max) else "min", expr.args)
        raise lacking(expr)

    def _methods(self) -> Iterable[tuple[Any, Callable[[Any], Written]]]:
        return (
            ((Symbol, Idx), self.symbol),
            (MatrixSymbol, self.matrix),
            ((sp.Rational, sp.Float), self.number),
            ((type(sp.pi), type(sp.oo), type(-sp.oo), type(sp.E)), self.constant),
            ((Add, MatAdd), self.sum),
            ((Mul, MatMul), self.product),
            ((Pow, MatPow), self.power),
            (sp.exp, lambda expr: self.call("exp", expr.args)),
            (IfElse, self.choice),
            (EntryByEntry, self.entry_by_entry),
            (Transpose, lambda expr: (f"{self.at(expr.arg, ATOM)}'", POWER)),
            (sp.HadamardProduct, self.entry_product),
            (sp.HadamardPower, lambda expr: self.raised(expr, ".^")),
            (ElementwiseApplyFunction, self.applied),
            (Softmax, self.softmax),
            ((sp.OneMatrix, sp.ZeroMatrix), self.equal_entries),
            (sp.Identity, lambda expr: (f"eye({self.size(expr.rows)})", ATOM)),
            ((Indexed, MatrixElement), self.entry),
        )

    def equation(self, expr: Any) -> str:
        """A definition, for all values of the indices on its left side."""
        self.for_all(expr.lhs)
        return f"{self.at(expr.lhs, ATOM)} = {self.of(expr.rhs)[0]}"

    def statement(self, expr: Any) -> str:
        """What is assumed or demanded, for all values of its free indices."""
        self.for_all(expr)
        if isinstance(expr, sp.Eq):
            return f"{self.of(expr.lhs)[0]} = {self.of(expr.rhs)[0]}"
        return self.condition(expr)

    def number(self, expr: Any) -> Written:
        text = repr(float(expr)) if isinstance(expr, sp.Float) else str(expr)
        return text, SIGN if expr < 0 else PRODUCT if "/" in text else ATOM

    def constant(self, expr: Any) -> Written:
        name = "pi" if expr is sp.pi else "inf"
        if expr is sp.E:
            return "exp(1)", ATOM
        if name in self.taken:
            raise lacking(expr, "number")
        return (f"-{name}", SIGN) if expr == -sp.oo else (name, ATOM)

    def call(self, name: str, args: Sequence[Any]) -> Written:
        return f"{name}({', '.join(self.of(arg)[0] for arg in args)})", ATOM

    def extreme(self, name: str, args: Sequence[Any]) -> Written:
        made = self.of(args[0])[0]
        for arg in args[1:]:
            made = f"{name}({made}, {self.of(arg)[0]})"
        return made, ATOM

    def choice(self, expr: Any) -> Written:
        condition, *branches = expr.args
        return f"if({self.condition(condition)}, {', '.join(self.of(one)[0] for one in branches)})", ATOM

    def sum(self, expr: Any) -> Written:
        made = ""
        terms = [(bool(term.is_number), self.at(term, PRODUCT)) for term in expr.args]
        for _, text in sorted(terms, key=lambda term: (term[0], term[1].startswith("-"))):
            made += f" - {text[1:]}" if made and text.startswith("-") else f" + {text}" if made else text
        return made, SUM

    def product(self, expr: Any) -> Written:
        factors = list(expr.args)
        minus = factors[0] == -1 and len(factors) > 1
        factors = factors[minus:]
        if len(factors) == 1:
            return f"-{self.at(factors[0], PRODUCT)}", PRODUCT
        times = " .* " if self._matrices else "*"
        below = [] if isinstance(expr, MatMul) else [one for one in factors if _is_reciprocal(one)]
        if below:
            return self._quotient([one for one in factors if one not in below], below, minus)
        levels = [PRODUCT if isinstance(factors[0], sp.Rational) else SIGN, *[POWER] * (len(factors) - 1)]
        text = times.join(self.at(factor, level) for factor, level in zip(factors, levels, strict=True))
        return (f"-{text}" if minus else text), PRODUCT

    def _quotient(self, above: Sequence[Any], below: Sequence[Any], minus: bool) -> Written:
        over = " ./ " if self._matrices else "/"
        whole = Mul(*above, evaluate=False)  # a reduction would take what it is divided by, too
        top = self.at(whole, PRODUCT if isinstance(whole, Mul | sp.Rational) else SIGN)
        bottom = self.at(Mul(*(one.base**-one.exp for one in below)), POWER)
        return f"{'-' * minus}{top}{over}{bottom}", PRODUCT

    def power(self, expr: Any) -> Written:
        if _is_reciprocal(expr):
            return self._quotient([], [expr], False)
        if expr.exp == sp.S.Half:
            return self.call("sqrt", [expr.base])
        if isinstance(expr.base, MatrixSymbol) and expr.exp == -1:
            return self.call("inv", [expr.base])
        return self.raised(expr, ".^" if self._matrices else "^")

    def raised(self, expr: Any, operator: str) -> Written:
        return f"{self.at(expr.base, ATOM)}{operator}{self.at(expr.exp, ATOM)}", POWER

    def entry_product(self, expr: Any) -> Written:
        return " .* ".join(self.at(arg, POWER) for arg in expr.args), PRODUCT

    def applied(self, expr: Any) -> Written:
        """A function of the entries of a matrix."""
        return self._of_entries(expr.function.variables, expr.function.expr, [expr.expr])

    def entry_by_entry(self, expr: Any) -> Written:
        """A function of the entries of several matrices."""
        return self._of_entries(expr.function.variables, expr.function.expr, expr.matrices)

    def _of_entries(self, variables: Sequence[Any], body: Any, matrices: Sequence[Any]) -> Written:
        """A function of single entries, with the matrices in their place and operators entry by entry."""
        outside = self._matrices
        written = {one: self.of(matrix) for one, matrix in zip(variables, matrices, strict=True)}
        self._matrices = {**outside, **written}
        made = self.of(body)
        self._matrices = outside
        return made

    def softmax(self, expr: Any) -> Written:
        if expr.cols == 1:  # of each row here, and of the column in a formula
            raise lacking(expr)
        return self.call("softmax", expr.args)

    def equal_entries(self, expr: Any) -> Written:
        value = int(isinstance(expr, sp.OneMatrix))
        if expr.cols == 1:
            return f"vector({value})", ATOM
        return (f"vector({value})'", POWER) if expr.rows == 1 else (f"matrix({value})", ATOM)


def _is_reciprocal(expr: Any) -> bool:
    """Whether a number is written below a bar."""
    return isinstance(expr, Pow) and expr.exp.is_Rational and expr.exp < 0 and not isinstance(expr, MatPow)
