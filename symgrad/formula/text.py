"""SymPy objects as text in one line, in Unicode for a terminal."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sympy import Identity, MatMul, MatrixBase, MatrixSymbol, Mul, NDimArray, S, Transpose, Tuple
from sympy.core.sorting import default_sort_key
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.special import OneMatrix
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

from symgrad.formula.notation import RELATIONS, around, content_of, is_reciprocal, is_whole, leads_negative, sliced
from symgrad.matrix_functions import DetOver, InverseEntry, LogDetOver
from symgrad.walk import is_larger


class _Text(StrPrinter):  # type: ignore[misc]
    """SymPy's text printer with ᵀ, Σ and a minus sign, and positive terms first.

    The setting `known` holds sums of matrices that the model itself has: A − U Vᵀ is written so, not −(U Vᵀ − A).
    """

    _meanings: Mapping[Any, Any] = MappingProxyType({})  # of the variables of functions that are applied entry by entry
    printmethod = "_symgrad_text"  # not the way in which an object prints itself as SymPy's text
    _default_settings = StrPrinter._default_settings | {"known": frozenset()}

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        return self._signed(expr.as_ordered_terms())

    def _print_MatAdd(self, expr: Any) -> str:
        return self._signed(list(expr.args))

    def _signed(self, terms: list[Any]) -> str:
        ordered = sorted(terms, key=lambda term: leads_negative(term))
        text = ""
        for term in ordered:
            minus = leads_negative(term)
            part = self.parenthesize(-term if minus else term, PRECEDENCE["Add"] + (1 if minus else 0))
            text += (f" {'−' if minus else '+'} " if text else "−" if minus else "") + part
        return text

    def _print_Transpose(self, expr: Any) -> str:
        return f"{self._tight(expr.arg)}ᵀ"

    def _print_MatMul(self, expr: Any) -> str:
        coefficient, matrices = expr.as_coeff_matrices()
        inner = []
        for matrix in matrices:
            content, plain = content_of(matrix)
            coefficient *= content
            if getattr(plain, "is_MatAdd", False) and (-plain).doit() in self._settings["known"]:
                coefficient, plain = -coefficient, (-plain).doit()
            text = str(self._print(plain))
            loose = getattr(plain, "is_MatAdd", False)
            loose = loose or (len(matrices) > 1 and isinstance(plain, HadamardProduct | KroneckerProduct))
            inner.append(f"({text})" if loose else text)
        sign = "−" if leads_negative(coefficient) else ""
        coefficient = -coefficient if sign else coefficient
        front = "" if coefficient == 1 else str(self._factor(coefficient, False))
        if front and not coefficient.is_Integer:
            front += "·"
        joined = inner[0]
        for part in inner[1:]:
            joined += part if part.startswith("(") or joined.endswith(("ᵀ", ")")) else f" {part}"
        return sign + front + joined

    def _print_HadamardProduct(self, expr: Any) -> str:
        above = [arg for arg in expr.args if not is_reciprocal(arg)]
        below = [
            HadamardPower(arg.base, -arg.exp) if arg.exp != -1 else arg.base for arg in expr.args if is_reciprocal(arg)
        ]
        text = "∘".join(self._tight(arg) for arg in above) or "𝟏"
        return "⊘".join([text, *(self._tight(arg) for arg in below)])

    def _print_HadamardPower(self, expr: Any) -> str:
        if is_reciprocal(expr):
            return self._print_HadamardProduct(Tuple(expr))
        power = {2: "²", 3: "³"}.get(expr.exp)
        return f"{self._base(expr.base)}∘{power or '^' + self.parenthesize(expr.exp, PRECEDENCE['Pow'])}"

    def _tight(self, expr: Any) -> str:
        text = str(self._print(expr))
        return f"({text})" if " " in text else text

    def _print_OneMatrix(self, expr: Any) -> str:
        return "𝟏" if expr.shape[1] == 1 else "𝟏ᵀ" if expr.shape[0] == 1 else "𝟏𝟏ᵀ"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_ImmutableDenseMatrix(self, expr: Any) -> str:
        rows = (", ".join(str(self._print(entry)) for entry in row) for row in expr.tolist())
        return f"[{', '.join(f'[{row}]' for row in rows)}]"

    def _print_BlockMatrix(self, expr: Any) -> str:
        return self._print_ImmutableDenseMatrix(expr.blocks)

    def _print_BlockDiagMatrix(self, expr: Any) -> str:
        return self._print_ImmutableDenseMatrix(expr.blocks)

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return "0"

    def _print_MatrixSlice(self, expr: Any) -> str:
        sides = zip((expr.rowslice, expr.colslice), expr.parent.shape, strict=True)
        kept = [sliced(cut, side) for cut, side in sides if side != 1]
        ends = [f"{self._print(start) if start else ''}:{self._print(stop) if stop else ''}" for start, stop in kept]
        loose = isinstance(expr.parent, MatMul | HadamardProduct) or getattr(expr.parent, "is_MatAdd", False)
        whole = f"({self._print(expr.parent)})" if loose else self._print(expr.parent)
        return f"{whole}[{','.join(ends).replace(' ', '')}]"

    def _print_DiagMatrix(self, expr: Any) -> str:
        return f"diag({self._print(expr.args[0])})"

    def _print_Trace(self, expr: Any) -> str:
        return f"tr({self._print(expr.arg)})"

    def _print_Inverse(self, expr: Any) -> str:
        inner = expr.arg
        transposed = isinstance(inner, Transpose)
        return f"{self._base(inner.arg if transposed else inner)}⁻{'ᵀ' if transposed else '¹'}"

    def _print_MatPow(self, expr: Any) -> str:
        if expr.exp == S.Half and set(expr.shape) == {1}:
            return f"√({self._print(expr.base)})"
        digits = str(expr.exp).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{self._base(expr.base)}{digits if expr.exp.is_Integer else f'^({expr.exp})'}"

    def _base(self, expr: Any) -> str:
        """What a power is of: in parentheses unless it is one name, one bracket or one function."""
        text = str(self._print(expr))
        closed = isinstance(expr, MatrixSymbol | OneMatrix | Identity | MatrixBase | DiagMatrix | DiagonalOf)
        closed = closed or text.startswith("[[") or (isinstance(expr, ElementwiseApplyFunction) and _is_call(text))
        return text if closed else f"({text})"

    def _print_Determinant(self, expr: Any) -> str:
        return f"det({self._print(expr.arg)})"

    def _print_CholeskyFactor(self, expr: Any) -> str:
        return f"cholesky({self._print(expr.arg)})"

    def _print_LogDet(self, expr: Any) -> str:
        return f"logdet({self._print(expr.arg)})"

    def _over_indices(self, name: str, expr: Any) -> str:
        indices = ",".join(str(self._print(limit[0])) for limit in expr.limits)
        return f"{name}_{indices}({self._print(expr.function)})"

    def _print_DetOver(self, expr: Any) -> str:
        return self._over_indices("det", expr)

    def _print_LogDetOver(self, expr: Any) -> str:
        return self._over_indices("logdet", expr)

    def _print_InverseEntry(self, expr: Any) -> str:
        text = self._over_indices(expr._name, expr)
        same = tuple(limit[0] for limit in expr.limits) == tuple(expr.at)
        return text if same else f"{text}[{','.join(str(self._print(part)) for part in expr.at)}]"

    def _print_DiagonalOf(self, expr: Any) -> str:
        return f"diag({self._print(expr.arg)})"

    def _print_KroneckerProduct(self, expr: Any) -> str:
        return "⊗".join(self._tight(arg) for arg in expr.args)

    def _print_DotProduct(self, expr: Any) -> str:
        left, right = expr.args
        chain = isinstance(right, MatMul) and right.as_coeff_mmul()[0] == 1
        return f"{self._tight(left)}ᵀ{self._print(right) if chain else self._tight(right)}"

    _print_Inner = _print_DotProduct

    def _print_Total(self, expr: Any) -> str:
        return f"sum({self._print(expr.args[0])})"

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        return self._of_entries(expr.function, [expr.expr])

    def _print_EntryByEntry(self, expr: Any) -> str:
        return self._of_entries(expr.function, expr.matrices)

    def _of_entries(self, function: Any, matrices: Sequence[Any]) -> str:
        """A function of entries with the matrices in their place."""
        body, entries = function.expr, dict(zip(function.variables, matrices, strict=True))
        if set(body.args) == set(entries):
            return f"{body.func.__name__}({', '.join(str(self._print(entries[arg])) for arg in body.args)})"
        before = self._meanings
        self._meanings = {**before, **entries}
        try:
            return str(self._print(body))
        finally:
            self._meanings = before

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """An operand in brackets where it binds less tightly than the operation around it."""
        if item in self._meanings:
            return self._base(self._meanings[item])
        return str(super().parenthesize(item, level, strict))

    def _print_Mod(self, expr: Any) -> str:
        position, length = around(expr)
        return f"Mod({self._print(position)}, {self._print(length)})"

    def _print_Softmax(self, expr: Any) -> str:
        return f"softmax({self._print(expr.args[0])})"

    def _print_IndexedSoftmax(self, expr: Any) -> str:
        return f"softmax_{self._print(expr.index)}({self._print(expr.function)})"

    def _print_KroneckerDelta(self, expr: Any) -> str:
        return f"δ({', '.join(str(self._print(arg)) for arg in expr.args)})"

    def _print_LeviCivita(self, expr: Any) -> str:
        return f"ε({', '.join(str(self._print(arg)) for arg in expr.args)})"

    def _print_Sum(self, expr: Any) -> str:
        return self._reduction("Σ", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._reduction("Π", expr)

    def _print_MaxOver(self, expr: Any) -> str:
        return self._reduction("max", expr)

    def _print_MinOver(self, expr: Any) -> str:
        return self._reduction("min", expr)

    def _print_LogSumExp(self, expr: Any) -> str:
        return self._reduction("logsumexp", expr)

    def _reduction(self, sign: str, expr: Any) -> str:
        indices = ",".join(map(self._limit, reversed(expr.limits)))
        indices = indices if all(map(is_whole, expr.limits)) else f"{{{indices}}}"
        body = self._print(expr.function)
        return f"{sign}_{indices} {body if precedence(expr.function) > PRECEDENCE['Add'] else f'({body})'}"

    def _limit(self, limit: Any) -> str:
        """The index alone where it runs over a whole axis; its bounds otherwise."""
        index, *bounds = map(self._print, limit)
        return str(index) if is_whole(limit) else f"{index}={bounds[0]}…{bounds[1]}".replace(" ", "")

    def _print_Mul(self, expr: Any) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        sign = "−" if coefficient.is_negative else ""
        coefficient = abs(coefficient)
        above: list[Any] = []
        below: list[Any] = []
        for factor in Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            (below if exponent.is_Number and exponent.is_negative and base is not S.Exp1 else above).append(factor)
        if coefficient.q != 1 if coefficient.is_Rational else False:
            below.insert(0, S(1) / coefficient.q)
            coefficient = S(coefficient.p)
        # reductions go last, since Σ extends to the right
        above.sort(key=lambda factor: (_extends(factor), factor.is_Add))
        texts = [self._factor(factor, n == len(above) - 1) for n, factor in enumerate(above)]
        if coefficient != 1 or not texts:
            texts.insert(0, str(self._print(coefficient)))
        text = "·".join(texts)
        if below:
            divisor = [self._factor(1 / factor, False) for factor in below]
            text = f"({text})" if _extends(above[-1] if above else S.One) else text
            text += "/" + (divisor[0] if len(divisor) == 1 else f"({'·'.join(divisor)})")
        return sign + text

    def _factor(self, factor: Any, last: bool) -> str:
        if factor in self._meanings:
            return self._base(self._meanings[factor])
        text = str(self._print(factor))
        if _extends(factor):
            return text if last else f"({text})"
        return f"({text})" if precedence(factor) < PRECEDENCE["Mul"] else text

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.exp == S.Half:
            return f"√({self._print(expr.base)})"
        if expr.exp.is_Number and expr.exp.is_negative:
            return f"1/{self._factor(1 / expr, False)}"
        base = self.parenthesize(expr.base, PRECEDENCE["Pow"] + 1)
        if _extends(expr.base):
            base = f"({self._print(expr.base)})"
        power = {2: "²", 3: "³"}.get(expr.exp)
        return f"{base}{power}" if power else f"{base}^{self.parenthesize(expr.exp, PRECEDENCE['Pow'])}"

    def _print_Symbol(self, expr: Any) -> str:
        if expr in self._meanings:
            return str(self._print(self._meanings[expr]))
        return "λ" if expr.name == "lambda" else str(StrPrinter._print_Symbol(self, expr))

    def _print_Dummy(self, expr: Any) -> str:
        return self._print_Symbol(expr) if expr in self._meanings else str(StrPrinter._print_Dummy(self, expr))

    def _print_Pi(self, expr: Any) -> str:
        return "π"

    def _print_Infinity(self, expr: Any) -> str:
        return "∞"

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "−∞"

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_Relational(self, expr: Any) -> str:
        sign = RELATIONS[expr.rel_op]
        sides = [self.parenthesize(side, PRECEDENCE["Relational"] + 1) for side in (expr.lhs, expr.rhs)]
        return f"{sides[0]} {sign} {sides[1]}"

    def _print_And(self, expr: Any) -> str:
        return self._joined("∧", expr)

    def _print_Or(self, expr: Any) -> str:
        return self._joined("∨", expr)

    def _joined(self, sign: str, expr: Any) -> str:
        parts = sorted(expr.args, key=default_sort_key)
        return f" {sign} ".join(f"({self._print(part)})" if part.args else str(self._print(part)) for part in parts)

    def _print_Idx(self, expr: Any) -> str:
        return str(self._print(expr.label))

    def _print_Indexed(self, expr: Any) -> str:
        base = self._print(expr.base) if isinstance(expr.base, NDimArray) else expr.base.label
        return f"{base}[{', '.join(str(self._print(index)) for index in expr.indices)}]"

    def _print_NDimArray(self, expr: Any) -> str:
        return f"[{', '.join(str(self._print(part)) for part in expr)}]"

    def _print_MatrixElement(self, expr: Any) -> str:
        return f"{self._tight(expr.parent)}[{self._print(expr.i)},{self._print(expr.j)}]"


def _is_call(text: str) -> bool:
    """Whether a text is a name and one pair of parentheses that ends it, f(…)."""
    head, _, inside = text.partition("(")
    depth = 1
    for place, character in enumerate(inside):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return head.isidentifier() and place == len(inside) - 1
    return False


def _extends(expr: Any) -> bool:
    """Whether what is printed extends to the right, as a sum does."""
    if isinstance(expr, DotProduct):
        return True
    return hasattr(expr, "limits") and not isinstance(expr, DetOver | LogDetOver | InverseEntry)


# A formula of more nodes, or nested deeper, is not printed: it would fill pages, and SymPy's printers are recursive.
LONGEST, DEEPEST = 2000, 40
TOO_LONG = "… (too long to show; name parts of it in `where`)"


def is_long(expr: Any) -> bool:
    """Whether a formula is too long to be printed."""
    return is_larger(expr, LONGEST, DEEPEST)


def text(expr: Any, known: Collection[Any] = frozenset()) -> str:
    """A SymPy object in one line of Unicode; sums among the `known` ones keep their sign."""
    if expr is None or is_long(expr):
        return TOO_LONG
    return str(_Text({"order": None, "known": known}).doprint(expr))
