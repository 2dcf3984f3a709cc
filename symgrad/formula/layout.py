"""SymPy objects as boxes that nest: the layout that LaTeX, MathML and text have in common."""

from collections.abc import Sequence
from typing import Any

from sympy import Add, Mul, NDimArray, OneMatrix, Piecewise, S
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower

from symgrad.formula.binding import ATOM, POWER, PRODUCT, SUM, tightness
from symgrad.formula.boxes import (
    ENTRIES,
    ONES,
    TIGHT,
    TRANSPOSED,
    Box,
    Chain,
    Either,
    Entries,
    Factor,
    Fence,
    Fraction,
    Product,
    Root,
    Row,
    Script,
    decimal,
    derivative_box,
    identifier,
    name_box,
    number,
    operator,
    row,
    separated,
    upright,
)
from symgrad.formula.heads import Heads
from symgrad.formula.idiom import NONE_KNOWN, KnownSums, idiomatic
from symgrad.formula.notation import SYMBOLS, is_reciprocal, joined_roots, leads_negative, negated
from symgrad.functions import if_else


def layout(expr: Any, known: KnownSums = NONE_KNOWN) -> Box:
    """A SymPy object laid out as people write it; sums of matrices among the `known` ones keep their sign."""
    return _Layout().box(idiomatic(expr, known))


class _Layout(Heads):
    """Leaves, sums and products."""

    # --- leaves -------------------------------------------------------------------------------------------------------

    def _print_Symbol(self, expr: Any) -> Box:
        return Entries(self.box(self._meanings[expr])) if expr in self._meanings else name_box(expr.name)

    _print_Dummy = _print_MatrixSymbol = _print_Symbol

    def _print_IndexedBase(self, expr: Any) -> Box:
        return name_box(str(expr.label))

    def _print_Idx(self, expr: Any) -> Box:
        return self.box(expr.label)

    def _print_str(self, expr: str) -> Box:
        return name_box(expr)

    def _print_Integer(self, expr: Any) -> Box:
        return number(str(abs(expr))) if expr >= 0 else Row((operator("−"), number(str(abs(expr)))))

    def _print_Rational(self, expr: Any) -> Box:
        made = Fraction(number(str(abs(expr.p))), number(str(expr.q)))
        return made if expr.p >= 0 else Row((operator("−"), made))

    def _print_Float(self, expr: Any) -> Box:
        return decimal(float(expr))

    def _print_NumberSymbol(self, expr: Any) -> Box:
        return identifier(SYMBOLS[expr]) if expr in SYMBOLS else upright(str(expr))

    _print_Infinity = _print_NegativeInfinity = _print_BooleanTrue = _print_BooleanFalse = _print_NumberSymbol

    def _print_OneMatrix(self, expr: Any) -> Box:
        transposed = Script(ONES, sup=TRANSPOSED)
        return ONES if expr.shape[1] == 1 else transposed if expr.shape[0] == 1 else Row((ONES, transposed))

    def _print_Identity(self, expr: Any) -> Box:
        return identifier("I")

    def _print_ZeroMatrix(self, expr: Any) -> Box:
        return number("0")

    def _print_NDimArray(self, expr: Any) -> Box:
        return Fence(self._listed(list(expr)), left="[", right="]")

    def _print_Indexed(self, expr: Any) -> Box:
        if isinstance(expr.base, NDimArray):
            return self._subscripted(self.box(expr.base), expr.indices)
        label, whole = str(expr.base.label), self._subscripted(self.box(expr.base), expr.indices)
        if label.startswith("∂") and "/∂" in label:  # the index belongs to the quantity below
            top, _, bottom = label[1:].partition("/∂")
            return Either(derivative_box(name_box(top), self._subscripted(name_box(bottom), expr.indices)), whole)
        return whole

    def _print_MatrixElement(self, expr: Any) -> Box:
        parent, indices = self.at(expr.parent, ATOM), [self.box(expr.i), self.box(expr.j)]
        kept = [sub for sub, side in zip(indices, expr.parent.shape, strict=True) if side != 1]
        picture = Script(parent, sub=row(*separated(kept))) if kept else parent
        return Either(picture, Script(parent, sub=row(indices[0], TIGHT, indices[1])))

    def _subscripted(self, base: Box, indices: Sequence[Any]) -> Box:
        return Script(base, sub=self._listed(indices))

    # --- sums and products --------------------------------------------------------------------------------------------

    def _print_Add(self, expr: Any) -> Box:
        return self._signed(expr.as_ordered_terms())

    def _print_MatAdd(self, expr: Any) -> Box:
        return self._signed(list(expr.args))

    def _signed(self, terms: Sequence[Any]) -> Box:
        parts: list[Box] = []
        ordered = _ordered(terms)
        for term in ordered:
            minus = leads_negative(term)
            if minus or parts:
                parts.append(operator("−" if minus else "+"))
            plain = negated(term) if minus else term
            box = self.at(plain, PRODUCT if minus else SUM)
            if term is ordered[-1] and isinstance(plain, if_else | Piecewise):  # nothing follows its brace
                box = self.box(plain)
            parts.append(box)
        return row(*parts)

    def _print_MatMul(self, expr: Any) -> Box:
        coefficient, matrices = expr.as_coeff_matrices()
        minus = leads_negative(coefficient)
        coefficient = -coefficient if minus else coefficient
        alone = len(matrices) == 1 and coefficient == 1 and not minus
        factors = [Factor(self.box(m), not alone and tightness(m, self._meanings) < POWER) for m in matrices]
        front = None if coefficient == 1 else self.at(coefficient, PRODUCT)
        return Chain(minus, front, not coefficient.is_Integer, tuple(factors))

    def _print_Mul(self, expr: Any) -> Box:
        coefficient, rest = expr.as_coeff_Mul()
        above: list[Any] = []
        below: list[Any] = []
        for factor in Mul.make_args(rest):
            if len(expr.args) > 1 and isinstance(factor, Add) and all(map(leads_negative, factor.args)):
                coefficient, factor = -coefficient, -factor
            base, exponent = factor.as_base_exp()
            divides = exponent.is_Number and exponent.is_negative and base is not S.Exp1
            (below if divides else above).append(1 / factor if divides else factor)
        minus, coefficient = bool(coefficient.is_negative), abs(coefficient)
        coefficient, above, below = joined_roots(coefficient, above, below)
        if coefficient.is_Rational and coefficient.q != 1:
            below.insert(0, S(coefficient.q))
            coefficient = S(coefficient.p)
        # reductions go last, since a sum extends to the right; so do products of vectors, which have no signs between
        above.sort(key=lambda factor: (not (factor.is_Pow and factor.is_number), _extends(factor), factor.is_Add))
        first = [coefficient] if coefficient != 1 or not above else []
        return Product(minus, tuple(map(self._factor, first + above)), tuple(map(self._factor, below)))

    def _factor(self, factor: Any) -> Factor:
        return Factor(self.box(factor), tightness(factor, self._meanings) < PRODUCT, hasattr(factor, "limits"))

    def _print_HadamardProduct(self, expr: Any) -> Box:
        parts: list[Box] = []
        above = [arg for arg in expr.args if not is_reciprocal(arg)]
        for arg in sorted(
            above, key=lambda arg: not (arg.is_symbol or (isinstance(arg, HadamardPower) and arg.base.is_symbol))
        ):
            parts += [ENTRIES, self.at(arg, PRODUCT + 1)] if parts else [self.at(arg, PRODUCT + 1)]
        parts = parts or [ONES]
        for arg in (arg for arg in expr.args if is_reciprocal(arg)):
            inverted = arg.base if arg.exp == -1 else HadamardPower(arg.base, -arg.exp)
            parts += [operator("⊘"), self.at(inverted, PRODUCT + 1)]
        return row(*parts)

    def _print_HadamardPower(self, expr: Any) -> Box:
        if is_reciprocal(expr):
            inverted = expr.base if expr.exp == -1 else HadamardPower(expr.base, -expr.exp)
            return Row((ONES, operator("⊘"), self.at(inverted, POWER)))
        return self.entrywise_power(expr.base, expr.exp)

    def _print_Pow(self, expr: Any) -> Box:
        if expr.exp == S.Half:
            return Root(self.box(expr.base))
        if expr.exp.is_Number and expr.exp.is_negative:
            return Fraction(number("1"), self.box(1 / expr))
        return Script(self.at(expr.base, ATOM), sup=self.box(expr.exp))


def _ordered(terms: Sequence[Any]) -> list[Any]:
    """Terms with those that have cases last, and a positive one first if there is one, 𝟏 before the others."""
    signed = sorted(terms, key=lambda term: (leads_negative(term), not isinstance(term, OneMatrix)))
    cases = [term for term in signed if any(isinstance(part, if_else | Piecewise) for part in Mul.make_args(term))]
    others = [term for term in signed if term not in cases]
    return [*others, *cases] if others and not leads_negative(others[0]) else signed


def _extends(factor: Any) -> bool:
    return hasattr(factor, "limits") or isinstance(factor, DotProduct)
