"""SymPy objects as boxes that nest, the two-dimensional layout that LaTeX and MathML have in common."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Mul, NDimArray, S
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.printing.printer import Printer

from symgrad.formula.binding import ATOM, POWER, PRODUCT, RELATION, SUM, is_spelled_out, tightness
from symgrad.formula.boxes import (
    ONES,
    TRANSPOSED,
    Box,
    Cases,
    Fence,
    Fraction,
    Root,
    Row,
    Script,
    Table,
    commas,
    decimal,
    derivative_box,
    identifier,
    is_wordy,
    name_box,
    number,
    operator,
    raised,
    row,
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
        return self.box(expr) if tightness(expr, self._meanings) >= level else Fence(self.box(expr))

    def emptyPrinter(self, expr: Any) -> Box:
        if not hasattr(expr, "args") or not expr.args:
            return upright(str(expr))
        return self._call(NAMES.get(type(expr).__name__, type(expr).__name__), expr.args)

    def _call(self, name: str, args: Sequence[Any]) -> Box:
        return self._applied(identifier(name) if len(name) == 1 else upright(name), args)

    def _applied(self, head: Box, args: Sequence[Any]) -> Box:
        return Row((head, Fence(self._listed(args))))

    def _listed(self, args: Sequence[Any]) -> Box:
        return row(*commas([self.box(arg) for arg in args]))

    # --- leaves -------------------------------------------------------------------------------------------------------

    def _print_Symbol(self, expr: Any) -> Box:
        return self.box(self._meanings[expr]) if expr in self._meanings else name_box(expr.name)

    _print_Dummy = _print_Symbol

    def _print_MatrixSymbol(self, expr: Any) -> Box:
        return name_box(expr.name)

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
        label = str(expr.base.label)
        if label.startswith("∂") and "/∂" in label:  # the index belongs to the quantity below
            top, _, bottom = label[1:].partition("/∂")
            return derivative_box(name_box(top), self._subscripted(name_box(bottom), expr.indices))
        return self._subscripted(self.box(expr.base), expr.indices)

    def _print_MatrixElement(self, expr: Any) -> Box:
        indices = [sub for sub, side in zip((expr.i, expr.j), expr.parent.shape, strict=True) if side != 1]
        parent = self.at(expr.parent, ATOM)
        return self._subscripted(parent, indices) if indices else parent

    def _subscripted(self, base: Box, indices: Sequence[Any]) -> Box:
        if isinstance(base, Script) and base.sup is None and not base.limits:
            base = Row((base,))  # the index of W₁ stands behind the 1, not in its place
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
        factors = []
        for matrix in matrices:
            content, plain = content_of(matrix)
            coefficient *= content
            if getattr(plain, "is_MatAdd", False) and (-plain).doit() in self._known:
                coefficient, plain = -coefficient, (-plain).doit()
            alone = len(matrices) == 1 and coefficient == 1
            factors.append(self.at(plain, RELATION if alone else POWER))
        sign: list[Box] = [operator("−")] if leads_negative(coefficient) else []
        coefficient = -coefficient if sign else coefficient
        front = [] if coefficient == 1 else [self.at(coefficient, PRODUCT)]
        return row(*sign, *front, *factors)

    def _print_Mul(self, expr: Any) -> Box:
        coefficient, rest = expr.as_coeff_Mul()
        sign: list[Box] = [operator("−")] if coefficient.is_negative else []
        coefficient = abs(coefficient)
        above: list[Any] = []
        below: list[Any] = []
        for factor in Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            divides = exponent.is_Number and exponent.is_negative and base is not S.Exp1
            (below if divides else above).append(1 / factor if divides else factor)
        front: list[Box] = []
        if coefficient.is_Rational and coefficient.q != 1 and (below or coefficient.p != 1):
            below.insert(0, S(coefficient.q))
            coefficient = S(coefficient.p)
        if coefficient != 1 or not above:
            front = [self.box(coefficient)]
        # reductions go last, since a sum extends to the right
        above.sort(key=lambda factor: (hasattr(factor, "limits"), factor.is_Add))
        outside = [factor for factor in above if hasattr(factor, "limits")] if below else []
        inside = [factor for factor in above if factor not in outside]
        top = self._factors(front, inside)
        if not below:
            return row(*sign, top)
        bottom = self.box(below[0]) if len(below) == 1 else self._factors([], below)
        if not inside and not front:
            top = number("1")
        return row(*sign, Fraction(top, bottom), *(self._factor(factor, n == len(outside) - 1)
                                                   for n, factor in enumerate(outside)))  # fmt: skip

    def _factors(self, front: list[Box], factors: Sequence[Any]) -> Box:
        boxes = front + [self._factor(factor, n == len(factors) - 1) for n, factor in enumerate(factors)]
        if len(boxes) == 1 and len(factors) == 1:
            return self.box(factors[0])
        if any(is_wordy(box) for box in boxes):
            dots = [box for pair in zip([operator("·")] * len(boxes), boxes, strict=True) for box in pair]
            return row(*dots[1:])
        return row(*boxes) if boxes else number("1")

    def _factor(self, factor: Any, last: bool) -> Box:
        if hasattr(factor, "limits"):
            return self.box(factor) if last else Fence(self.box(factor))
        return self.at(factor, PRODUCT)

    def _print_HadamardProduct(self, expr: Any) -> Box:
        parts: list[Box] = []
        for arg in (arg for arg in expr.args if not is_reciprocal(arg)):
            parts += [operator("⊙"), self.at(arg, PRODUCT + 1)] if parts else [self.at(arg, PRODUCT + 1)]
        parts = parts or [ONES]
        for arg in (arg for arg in expr.args if is_reciprocal(arg)):
            inverted = arg.base if arg.exp == -1 else HadamardPower(arg.base, -arg.exp)
            parts += [operator("⊘"), self.at(inverted, PRODUCT + 1)]
        return row(*parts)

    def _print_HadamardPower(self, expr: Any) -> Box:
        if is_reciprocal(expr):
            inverted = expr.base if expr.exp == -1 else HadamardPower(expr.base, -expr.exp)
            return Row((ONES, operator("⊘"), self.at(inverted, POWER)))
        return raised(self.at(expr.base, ATOM), Row((operator("⊙"), self.box(expr.exp))))

    def _print_Pow(self, expr: Any) -> Box:
        if expr.exp == S.Half:
            return Root(self.box(expr.base))
        if expr.exp.is_Number and expr.exp.is_negative:
            return Fraction(number("1"), self.box(1 / expr))
        return raised(self.at(expr.base, ATOM), self.box(expr.exp))

    # --- functions ----------------------------------------------------------------------------------------------------

    def _print_exp(self, expr: Any) -> Box:
        return Script(identifier("e"), sup=self.box(expr.args[0]))

    def _print_Abs(self, expr: Any) -> Box:
        return Fence(self.box(expr.args[0]), "|", "|")

    def _print_log_sigmoid(self, expr: Any) -> Box:
        return Row((upright("log"), self._call("σ", expr.args)))

    def _print_log_ndtr(self, expr: Any) -> Box:
        return Row((upright("log"), self._call("Φ", expr.args)))

    def _print_Max(self, expr: Any) -> Box:
        return self._call(expr.func.__name__.lower(), expr.args)

    _print_Min = _print_Max

    def _print_Mod(self, expr: Any) -> Box:
        return self._call("Mod", around(expr))

    def _print_Transpose(self, expr: Any) -> Box:
        return raised(self.at(expr.arg, ATOM), TRANSPOSED)

    def _print_InverseEntry(self, expr: Any) -> Box:
        below = self._listed([limit[0] for limit in expr.limits])
        made = Row((Script(upright(expr._name), sub=below), Fence(self.box(expr.function))))
        return self._subscripted(made, expr.at)

    def _print_KroneckerProduct(self, expr: Any) -> Box:
        return self._joined("⊗", expr.args, POWER)

    def _print_Inverse(self, expr: Any) -> Box:
        if type(expr.arg).__name__ == "Transpose":
            return raised(self.at(expr.arg.arg, ATOM), Row((operator("−"), TRANSPOSED)))
        return raised(self.at(expr.arg, ATOM), Row((operator("−"), number("1"))))

    def _print_MatPow(self, expr: Any) -> Box:
        return raised(self.at(expr.base, ATOM), self.box(expr.exp))

    def _print_DotProduct(self, expr: Any) -> Box:
        return Row((raised(self.at(expr.args[0], ATOM), TRANSPOSED), self.at(expr.args[1], POWER)))

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
        return Row((self.at(expr.parent, ATOM), Fence(row(*commas(parts)), "[", "]")))

    def _print_IndexedSoftmax(self, expr: Any) -> Box:
        return self._applied(Script(upright("softmax"), sub=self.box(expr.index)), [expr.function])

    def _print_KroneckerDelta(self, expr: Any) -> Box:
        return Script(identifier("δ"), sub=self._listed(expr.args))

    def _print_LeviCivita(self, expr: Any) -> Box:
        return Script(identifier("ε"), sub=self._listed(expr.args))

    def _print_ElementwiseApplyFunction(self, expr: Any) -> Box:
        return self._of_entries(expr.function, [expr.expr])

    def _print_EntryByEntry(self, expr: Any) -> Box:
        return self._of_entries(expr.function, expr.matrices)

    def _of_entries(self, function: Any, matrices: Sequence[Any]) -> Box:
        """A function of entries with the matrices in their place."""
        if not is_spelled_out(function):
            head = function.expr.func.__name__
            entries = dict(zip(function.variables, matrices, strict=True))
            return self._call(NAMES.get(head, head), [entries[arg] for arg in function.expr.args])
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
        parts: list[Box] = []
        if sign in ("∑", "∏"):
            if all(is_whole(limit) for limit in expr.limits):
                below = self._listed([limit[0] for limit in reversed(expr.limits)])
                return Row((Script(operator(sign), sub=below, limits=True), self.at(expr.function, PRODUCT)))
            for limit in reversed(expr.limits):
                parts.append(self._limits(operator(sign), limit))
            return Row((*parts, self.at(expr.function, PRODUCT)))
        below = row(*commas([self._range(limit) for limit in reversed(expr.limits)]))
        return Row((Script(upright(sign), sub=below, limits=True), self.at(expr.function, PRODUCT)))

    def _range(self, limit: Any) -> Box:
        """The index alone where it runs over a whole axis; 0 ≤ j ≤ i otherwise."""
        index, *bounds = map(self.box, limit)
        return index if is_whole(limit) else Row((bounds[0], operator("≤"), index, operator("≤"), bounds[1]))

    _print_Sum = _print_Product = _print_ExprWithLimits

    def _limits(self, sign: Box, limit: Any) -> Box:
        """The index alone where it runs over a whole axis; its bounds otherwise."""
        index, *bounds = limit
        if is_whole(limit):
            return Script(sign, sub=self.box(index), limits=True)
        start = Row((self.box(index), operator("="), self.box(bounds[0])))
        return Script(sign, sub=start, sup=self.box(bounds[1]), limits=True)

    # --- conditions ---------------------------------------------------------------------------------------------------

    def _print_Relational(self, expr: Any) -> Box:
        sign = operator(RELATIONS.get(expr.rel_op, expr.rel_op))
        return Row((self.at(expr.lhs, SUM), sign, self.at(expr.rhs, SUM)))

    def _print_And(self, expr: Any) -> Box:
        return self._joined("∧", expr.args)

    def _print_Or(self, expr: Any) -> Box:
        return self._joined("∨", expr.args)

    def _joined(self, sign: str, args: Sequence[Any], level: int = SUM) -> Box:
        parts: list[Box] = []
        for arg in args:
            parts += [operator(sign), self.at(arg, level)] if parts else [self.at(arg, level)]
        return row(*parts)

    def _print_Not(self, expr: Any) -> Box:
        return Row((operator("¬"), self.at(expr.args[0], ATOM)))

    def _print_if_else(self, expr: Any) -> Box:
        condition, yes, no = expr.args
        return Cases(((self.box(yes), self.box(condition)), (self.box(no), upright("otherwise"))))

    def _print_Piecewise(self, expr: Any) -> Box:
        return Cases(tuple(
            (self.box(value), upright("otherwise") if condition == S.true else self.box(condition))
            for value, condition in expr.args
        ))  # fmt: skip
