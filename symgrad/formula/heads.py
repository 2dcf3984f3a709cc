"""How functions, reductions and conditions are laid out, and what all layouts have in common."""

from collections.abc import Sequence
from typing import Any

from sympy import Abs, And, Pow, S, Transpose, Tuple, loggamma, polygamma
from sympy.core.sorting import default_sort_key
from sympy.printing.printer import Printer

from symgrad.formula.binding import ATOM, POWER, PRODUCT, SUM, is_spelled_out, tightness
from symgrad.formula.boxes import (
    ENTRIES,
    TIGHT,
    TRANSPOSED,
    Box,
    Cases,
    Chain,
    Either,
    Factor,
    Fence,
    Reduced,
    Root,
    Row,
    Script,
    Sign,
    Table,
    identifier,
    number,
    operator,
    range_box,
    row,
    separated,
    under,
    upright,
)
from symgrad.formula.notation import NAMES, RELATIONS, SIGNS, around, is_whole, leads_negative, sliced


class Heads(Printer):  # type: ignore[misc]
    """SymPy's dispatch by class, with boxes as results; what it does not know is written as a function."""

    def __init__(self) -> None:
        super().__init__()
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

    # --- functions ----------------------------------------------------------------------------------------------------

    def _print_exp(self, expr: Any) -> Box:
        inside = self.box(expr.args[0])
        return Either(Script(identifier("e"), sup=inside), Row((upright("exp"), Fence(inside))))

    def _print_Abs(self, expr: Any) -> Box:
        return Fence(self.box(expr.args[0]), "|", "|")

    def _print_Norm(self, expr: Any) -> Box:
        inside = Fence(self.box(expr.matrix), "‖", "‖")
        if expr.order == 1:
            return Either(Script(inside, sub=number("1")), Row((inside, Sign("tight", "₁"))))
        if 1 in expr.matrix.shape:
            return inside
        return Either(Script(inside, sub=identifier("F")), Row((inside, Sign("tight", "_F"))))

    def _print_LogDet(self, expr: Any) -> Box:
        inside = Fence(self.box(expr.arg))
        return Either(Row((upright("log"), Row((upright("det"), inside)))), Row((upright("logdet"), inside)))

    def _print_polygamma(self, expr: Any) -> Box:
        order, argument = expr.args
        return self._call("digamma", [argument]) if order == 0 else self._call("polygamma", [order, argument])

    def _print_loggamma(self, expr: Any) -> Box:
        return self._log_of("Γ", expr)

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
        turned = left.arg if isinstance(left, Transpose) else None
        first = Factor(Script(self.at(left, ATOM), sup=TRANSPOSED) if turned is None else self.at(turned, ATOM))
        loose = tightness(right, self._meanings) < POWER and (not right.is_MatMul or leads_negative(right))
        return Chain(False, None, False, (first, Factor(self.box(right), loose)))

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
        if not is_spelled_out(function) and not isinstance(function.expr, Abs | loggamma | polygamma):
            head = function.expr.func.__name__
            entries = dict(zip(function.variables, matrices, strict=True))
            if isinstance(function.expr, Pow):
                return self.entrywise_power(*(entries[arg] for arg in function.expr.args))
            return self._call(head, [entries[arg] for arg in function.expr.args])
        before = self._meanings
        self._meanings = {**before, **dict(zip(function.variables, matrices, strict=True))}
        try:
            return self.box(function.expr)
        finally:
            self._meanings = before

    def entrywise_power(self, base: Any, exponent: Any) -> Box:
        """A matrix or its entries to a power, entry by entry."""
        return Script(self.at(base, ATOM), sup=Row((ENTRIES, self.at(exponent, PRODUCT))))

    def _print_Lambda(self, expr: Any) -> Box:
        return Row((self._listed(expr.variables), operator("↦"), self.box(expr.expr)))

    # --- what defines a quantity without saying what it is ------------------------------------------------------------

    def _print_Solution(self, expr: Any) -> Box:
        sides = list(expr.stated) if isinstance(expr.stated, Tuple) else [expr.stated]
        zero = operator("="), number("0")
        return self._defining("solution", expr, separated([Row((self.at(side, SUM), *zero)) for side in sides]))

    _print_SolutionMatrix = _print_Solution

    def _print_Argmin(self, expr: Any) -> Box:
        least: list[Box] = [self.box(expr.stated)]
        if expr.constraints:
            least += [_between("|", "s.t."), *separated([self.box(one) for one in expr.constraints])]
        return self._defining("argmin", expr, least)

    _print_ArgminMatrix = _print_Argmin

    def _defining(self, name: str, expr: Any, what: Sequence[Box]) -> Box:
        """What holds of the unknown, which is the subscript, and from where it is looked for unless from 0."""
        unknown = self.box(getattr(expr.unknown, "base", expr.unknown))
        start = [] if expr.start == 0 else [_between(";", "from"), self.box(expr.start)]
        inside = Fence(row(*what, *start))
        written = Row((self._of_indices(name, [unknown]), inside))
        return Either(Row((Script(upright(name), sub=unknown, limits=True), inside)), written)

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

    def _print_AppliedPredicate(self, expr: Any) -> Box:
        (what,) = expr.arguments
        return Row((self.at(what, SUM), upright(f"\N{NO-BREAK SPACE}is {expr.function.name}".replace("_", " "))))

    def _print_And(self, expr: Any) -> Box:
        return self._joined("∧" if expr.func is And else "∨", sorted(expr.args, key=default_sort_key))

    _print_Or = _print_And

    def _joined(self, sign: str, args: Sequence[Any], level: int = SUM) -> Box:
        return row(*separated([self.at(arg, level) for arg in args], operator(sign)))

    def _print_Not(self, expr: Any) -> Box:
        return Row((operator("¬"), self.at(expr.args[0], ATOM)))

    def _print_if_else(self, expr: Any) -> Box:
        rows, last = [], expr
        while isinstance(last, type(expr)):  # what is otherwise a choice again has rows of its own below
            rows.append((self.box(last.args[1]), self.box(last.args[0])))
            last = last.args[2]
        written = row(*separated([self.box(part) for part in expr.args]))
        return Either(Cases((*rows, (self.box(last), upright("otherwise")))), Row((upright("if_else"), Fence(written))))

    def _print_Piecewise(self, expr: Any) -> Box:
        pairs = [(self.box(value), self._when(condition)) for value, condition in expr.args]
        written = [Fence(row(*separated(pair))) for pair in pairs]
        return Either(Cases(tuple(pairs)), Row((upright("Piecewise"), Fence(row(*separated(written))))))

    def _when(self, condition: Any) -> Box:
        return Either(upright("otherwise"), upright("True")) if condition == S.true else self.box(condition)


def _between(sign: str, text: str) -> Box:
    """A sign between parts of a formula, in one line a word."""
    return Either(operator(sign), upright(f"\N{NO-BREAK SPACE}{text}\N{NO-BREAK SPACE}"))
