"""SymPy objects as boxes that nest: the layout that LaTeX, MathML and text have in common."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import And, Mul, NDimArray, S
from sympy.core.sorting import default_sort_key
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.printing.printer import Printer

from symgrad.formula.binding import ATOM, POWER, PRODUCT, SUM, is_spelled_out, tightness
from symgrad.formula.boxes import (
    ENTRIES,
    ONES,
    TIGHT,
    TRANSPOSED,
    Box,
    Cases,
    Chain,
    Either,
    Entries,
    Factor,
    Fence,
    Fraction,
    Product,
    Reduced,
    Root,
    Row,
    Script,
    Table,
    decimal,
    derivative_box,
    identifier,
    name_box,
    number,
    operator,
    range_box,
    row,
    separated,
    under,
    upright,
)
from symgrad.formula.notation import (
    NAMES,
    RELATIONS,
    SIGNS,
    SYMBOLS,
    around,
    content_of,
    is_reciprocal,
    is_whole,
    leads_negative,
    sliced,
)


def layout(expr: Any, known: Collection[Any] = frozenset()) -> Box:
    """A SymPy object laid out as people write it; sums of matrices among the `known` ones keep their sign."""
    return _Layout(known).box(expr)


class _Layout(Printer):  # type: ignore[misc]
    """SymPy's dispatch by class, with boxes as results; what it does not know is written as a function."""

    def __init__(self, known: Collection[Any]) -> None:
        super().__init__()
        self._known = known
        self._meanings: dict[Any, Any] = {}  # of the variables of functions that are applied entry by entry

    def box(self, expr: Any) -> Box:
        made: Box = self._print(expr)
        return made

    def at(self, expr: Any, level: int) -> Box:
        """The box, in parentheses unless it binds at least this tightly."""
        box = self.box(expr)  # a line of text has parentheses of its own
        return box if tightness(expr, self._meanings) >= level else Either(Fence(box), box)

    def emptyPrinter(self, expr: Any) -> Box:
        if not hasattr(expr, "args") or not expr.args:
            return upright(str(expr))
        return self._call(type(expr).__name__, getattr(expr, "pargs", expr.args))  # a Heaviside has one that is usual

    def _call(self, name: str, args: Sequence[Any]) -> Box:
        """A function, by a letter where it has one in print."""
        short, inside = NAMES.get(name, name), Fence(self._listed(args))
        head = identifier(short) if len(short) == 1 else upright(short)
        return Row((head if len(short) > 1 or short == name else Either(head, upright(name)), inside))

    def _listed(self, args: Sequence[Any]) -> Box:
        return row(*separated([self.box(arg) for arg in args]))

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
        for term in sorted(terms, key=leads_negative):
            minus = leads_negative(term)
            if minus or parts:
                parts.append(operator("−" if minus else "+"))
            parts.append(self.at(-term if minus else term, PRODUCT if minus else SUM))
        return row(*parts)

    def _print_MatMul(self, expr: Any) -> Box:
        coefficient, matrices = expr.as_coeff_matrices()
        plains = []
        for matrix in matrices:
            content, plain = content_of(matrix)
            coefficient *= content
            if getattr(plain, "is_MatAdd", False) and (-plain).doit() in self._known:
                coefficient, plain = -coefficient, (-plain).doit()
            plains.append(plain)
        minus = leads_negative(coefficient)
        coefficient = -coefficient if minus else coefficient
        alone = len(plains) == 1 and coefficient == 1 and not minus
        factors = [Factor(self.box(m), not alone and tightness(m, self._meanings) < POWER) for m in plains]
        front = None if coefficient == 1 else self.at(coefficient, PRODUCT)
        return Chain(minus, front, not coefficient.is_Integer, tuple(factors))

    def _print_Mul(self, expr: Any) -> Box:
        coefficient, rest = expr.as_coeff_Mul()
        minus, coefficient = bool(coefficient.is_negative), abs(coefficient)
        above: list[Any] = []
        below: list[Any] = []
        for factor in Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            divides = exponent.is_Number and exponent.is_negative and base is not S.Exp1
            (below if divides else above).append(1 / factor if divides else factor)
        if coefficient.is_Rational and coefficient.q != 1:
            below.insert(0, S(coefficient.q))
            coefficient = S(coefficient.p)
        # reductions go last, since a sum extends to the right; so do products of vectors, which have no signs between
        above.sort(key=lambda factor: (hasattr(factor, "limits") or isinstance(factor, DotProduct), factor.is_Add))
        first = [coefficient] if coefficient != 1 or not above else []
        return Product(minus, tuple(map(self._factor, first + above)), tuple(map(self._factor, below)))

    def _factor(self, factor: Any) -> Factor:
        return Factor(self.box(factor), tightness(factor, self._meanings) < PRODUCT, hasattr(factor, "limits"))

    def _print_HadamardProduct(self, expr: Any) -> Box:
        parts: list[Box] = []
        for arg in (arg for arg in expr.args if not is_reciprocal(arg)):
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
        return Script(self.at(expr.base, ATOM), sup=Row((ENTRIES, self.box(expr.exp))))

    def _print_Pow(self, expr: Any) -> Box:
        if expr.exp == S.Half:
            return Root(self.box(expr.base))
        if expr.exp.is_Number and expr.exp.is_negative:
            return Fraction(number("1"), self.box(1 / expr))
        return Script(self.at(expr.base, ATOM), sup=self.box(expr.exp))

    # --- functions ----------------------------------------------------------------------------------------------------

    def _print_exp(self, expr: Any) -> Box:
        inside = self.box(expr.args[0])
        return Either(Script(identifier("e"), sup=inside), Row((upright("exp"), Fence(inside))))

    def _print_Abs(self, expr: Any) -> Box:
        return Fence(self.box(expr.args[0]), "|", "|")

    def _print_log_sigmoid(self, expr: Any) -> Box:
        return self._log_of("σ", expr)

    def _print_log_ndtr(self, expr: Any) -> Box:
        return self._log_of("Φ", expr)

    def _log_of(self, letter: str, expr: Any) -> Box:
        inside = Fence(self.box(expr.args[0]))
        picture = Row((upright("log"), Row((identifier(letter), inside))))
        return Either(picture, Row((upright(type(expr).__name__), inside)))

    def _print_Max(self, expr: Any) -> Box:
        name, inside = type(expr).__name__, Fence(self._listed(sorted(expr.args, key=default_sort_key)))
        return Row((Either(upright(name.lower()), upright(name)), inside))

    _print_Min = _print_Max

    def _print_Mod(self, expr: Any) -> Box:
        return self._call("Mod", around(expr))

    def _print_Transpose(self, expr: Any) -> Box:
        return Script(self.at(expr.arg, ATOM), sup=TRANSPOSED)

    def _print_InverseEntry(self, expr: Any) -> Box:
        inside, head = Fence(self.box(expr.function)), upright(expr._name)
        indices, places = [self.box(limit[0]) for limit in expr.limits], [self.box(place) for place in expr.at]
        picture = Script(Row((Script(head, sub=row(*separated(indices))), inside)), sub=row(*separated(places)))
        written: Box = Row((self._of_indices(expr._name, indices), inside))
        return Either(picture, written if places == indices else Script(written, sub=row(*separated(places, TIGHT))))

    def _of_indices(self, name: str, indices: Sequence[Box]) -> Box:
        """A function with the indices that it is over, in one line."""
        return Script(upright(name), sub=row(*separated(indices, TIGHT)), limits=True)

    def _print_KroneckerProduct(self, expr: Any) -> Box:
        return self._joined("⊗", expr.args, POWER)

    def _print_Inverse(self, expr: Any) -> Box:
        if type(expr.arg).__name__ == "Transpose":
            return Script(self.at(expr.arg.arg, ATOM), sup=Row((operator("−"), TRANSPOSED)))
        return Script(self.at(expr.arg, ATOM), sup=Row((operator("−"), number("1"))))

    def _print_MatPow(self, expr: Any) -> Box:
        picture = Script(self.at(expr.base, ATOM), sup=self.box(expr.exp))
        return Either(picture, Root(self.box(expr.base))) if expr.exp == S.Half and set(expr.shape) == {1} else picture

    def _print_DotProduct(self, expr: Any) -> Box:
        left, right = expr.args
        first = Factor(Script(self.at(left, ATOM), sup=TRANSPOSED))
        return Chain(False, None, False, (first, Factor(self.box(right), tightness(right, self._meanings) < POWER)))

    _print_Inner = _print_DotProduct

    def _print_ImmutableDenseMatrix(self, expr: Any) -> Box:
        return Table(tuple(tuple(map(self.box, line)) for line in expr.tolist()))

    def _print_BlockMatrix(self, expr: Any) -> Box:
        return self._print_ImmutableDenseMatrix(expr.blocks)

    _print_BlockDiagMatrix = _print_BlockMatrix

    def _print_MatrixSlice(self, expr: Any) -> Box:
        sides = zip((expr.rowslice, expr.colslice), expr.parent.shape, strict=True)
        parts: list[Box] = []
        for start, stop in (sliced(cut, side) for cut, side in sides if side != 1):
            ends = [() if end is None else (self.box(end),) for end in (start, stop)]
            parts.append(row(*ends[0], operator(":"), *ends[1]))
        picture = Row((self.at(expr.parent, ATOM), Fence(row(*separated(parts)), "[", "]")))
        return Either(picture, Script(self.at(expr.parent, ATOM), sub=row(*separated(parts, TIGHT))))

    def _print_IndexedSoftmax(self, expr: Any) -> Box:
        index, inside = self.box(expr.index), Fence(self.box(expr.function))
        written = Row((self._of_indices("softmax", [index]), inside))
        return Either(Row((Script(upright("softmax"), sub=index), inside)), written)

    def _print_KroneckerDelta(self, expr: Any) -> Box:
        letter = identifier("δ" if type(expr).__name__ == "KroneckerDelta" else "ε")
        indices = self._listed(expr.args)
        return Either(Script(letter, sub=indices), Row((letter, Fence(indices))))

    _print_LeviCivita = _print_KroneckerDelta

    def _print_ElementwiseApplyFunction(self, expr: Any) -> Box:
        return self._of_entries(expr.function, [expr.expr])

    def _print_EntryByEntry(self, expr: Any) -> Box:
        return self._of_entries(expr.function, expr.matrices)

    def _of_entries(self, function: Any, matrices: Sequence[Any]) -> Box:
        """A function of entries with the matrices in their place."""
        if not is_spelled_out(function):
            head = function.expr.func.__name__
            entries = dict(zip(function.variables, matrices, strict=True))
            return self._call(head, [entries[arg] for arg in function.expr.args])
        before = self._meanings
        self._meanings = {**before, **dict(zip(function.variables, matrices, strict=True))}
        try:
            return self.box(function.expr)
        finally:
            self._meanings = before

    def _print_Lambda(self, expr: Any) -> Box:
        return Row((self._listed(expr.variables), operator("↦"), self.box(expr.expr)))

    # --- reductions ---------------------------------------------------------------------------------------------------

    def _print_ExprWithLimits(self, expr: Any) -> Box:
        kind = type(expr).__name__
        sign = SIGNS.get(kind, kind)
        ranges = [tuple(map(self.box, x[:1] if is_whole(x) else x)) for x in reversed(expr.limits)]
        loose = tightness(expr.function, self._meanings) < PRODUCT
        inside = self.box(expr.function)
        body = Fence(inside) if loose else inside
        if kind in ("DetOver", "LogDetOver"):
            written: Box = Row((self._of_indices(sign, [limit[0] for limit in reversed(ranges)]), Fence(inside)))
        else:
            written = Reduced({"∑": "Σ", "∏": "Π"}.get(sign, sign), tuple(ranges), inside)
        if sign not in ("∑", "∏"):
            below = row(*separated([range_box(limit) for limit in ranges]))
            return Either(Row((Script(upright(sign), sub=below, limits=True), body)), written)
        if all(len(limit) == 1 for limit in ranges):
            together = row(*separated([limit[0] for limit in ranges]))
            signs: list[Box] = [Script(operator(sign), sub=together, limits=True)]
        else:
            signs = [under(operator(sign), limit) for limit in ranges]
        return Either(Row((*signs, body)), written)

    _print_Sum = _print_Product = _print_ExprWithLimits

    # --- conditions ---------------------------------------------------------------------------------------------------

    def _print_Relational(self, expr: Any) -> Box:
        sign = operator(RELATIONS.get(expr.rel_op, expr.rel_op))
        return Row((self.at(expr.lhs, SUM), sign, self.at(expr.rhs, SUM)))

    def _print_And(self, expr: Any) -> Box:
        return self._joined("∧" if expr.func is And else "∨", sorted(expr.args, key=default_sort_key))

    _print_Or = _print_And

    def _joined(self, sign: str, args: Sequence[Any], level: int = SUM) -> Box:
        return row(*separated([self.at(arg, level) for arg in args], operator(sign)))

    def _print_Not(self, expr: Any) -> Box:
        return Row((operator("¬"), self.at(expr.args[0], ATOM)))

    def _print_if_else(self, expr: Any) -> Box:
        condition, yes, no = map(self.box, expr.args)
        picture = Cases(((yes, condition), (no, upright("otherwise"))))
        return Either(picture, Row((upright("if_else"), Fence(row(*separated([condition, yes, no]))))))

    def _print_Piecewise(self, expr: Any) -> Box:
        pairs = [(self.box(value), self._when(condition)) for value, condition in expr.args]
        written = [Fence(row(*separated(pair))) for pair in pairs]
        return Either(Cases(tuple(pairs)), Row((upright("Piecewise"), Fence(row(*separated(written))))))

    def _when(self, condition: Any) -> Box:
        return Either(upright("otherwise"), upright("True")) if condition == S.true else self.box(condition)
