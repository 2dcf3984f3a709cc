"""Spells expressions in Python, for arrays that have its operators; the only place that knows parentheses.

What a library calls its functions is its `Dialect`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sympy import Expr, Float, Integer, Rational, S, Symbol
from sympy import Number as SymNumber

from symgrad.codegen.lines import Line
from symgrad.codegen.sizes import size_text, tuple_text
from symgrad.statements.expressions import (
    LIST,
    NEW_AXIS,
    OTHER_AXES,
    TUPLE,
    Expression,
    FloatingType,
    Group,
    Kept,
    Label,
    Length,
    Number,
    Operation,
    Place,
    Places,
    Read,
    Sides,
    Size,
    Slice,
    Subscript,
    Total,
)
from symgrad.statements.statements import Statement

# Python's precedence, coarsely; `@` is kept apart from `*` because a * b @ c groups to the left.
COMPARE, ADD, MATMUL, MUL, UNARY, POWER, ATOM = range(-1, 6)

COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_CONNECTIVES = {"and": "&", "or": "|"}
# operators of two operands: how tight each is, and how tight its operands have to be
_OPERATORS = {
    **{head: (sign, COMPARE, ADD, ADD) for head, sign in COMPARISONS.items()},
    "divide": ("/", MUL, MATMUL, UNARY),
    "matmul": ("@", MATMUL, MATMUL, UNARY),
    "mod": ("%", MUL, UNARY, UNARY),
    "add": ("+", ADD, ADD, MATMUL),
    "subtract": ("-", ADD, ADD, MATMUL),
    "floor_divide": ("//", COMPARE, UNARY, UNARY),
    "power": ("**", POWER, ATOM, POWER),
}
_PREFIXES = {"negative": "-", "invert": "~"}
_METHODS = frozenset({"sum", "max", "min", "prod", "any", "dot"})
LINALG = frozenset({"cholesky", "det", "inv", "slogdet", "solve"})
_NAMED = {S.Infinity: "inf", S.NegativeInfinity: "inf", S.Pi: "pi", S.Exp1: "e"}


@dataclass(frozen=True)
class Dialect:
    """What a library of arrays calls things.

    Attributes
    ----------
    library : the module of its functions; what is in no table is called as its head there.
    special : the module of its special functions, and those that it has.
    own : the functions that a generated module has itself, with an underscore in front, by head.
    names : what is called otherwise.
    forms : what is no call; in addition to those of any library, or in place of them.
    integers : larger ones than these are floating numbers.
    lines : prints statements with a speller; None where only expressions are spelled.
    """

    library: str
    special: tuple[str, frozenset[str]]
    own: Mapping[str, str]
    integers: int
    names: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, "Form"] = field(default_factory=dict)
    lines: "Callable[[Sequence[Statement], Any], list[Line]] | None" = None

    def function_name(self, head: str) -> str:
        """What a function is called that has no form of its own."""
        module, special = self.special
        if head in self.names:
            return self.names[head]
        if head in self.own:
            return f"_{head}"
        if head in special:
            return f"{module}.{head}"
        return f"{self.library}.{'linalg.' if head in LINALG else ''}{head}"

    def form(self, head: str) -> "Form | None":
        """How an operation is written that is no call."""
        return self.forms.get(head) or _FORMS.get(head)


class Speller:
    """The text of expressions.

    Parameters
    ----------
    dialect : what functions are called.
    dtype : how the floating type of the arguments is read off.
    lengths : how dimensions are read off that have no variable: a block has as many rows as its arrays have.
    function, typed : the function that is written, and the argument whose type is read off.

    Attributes
    ----------
    asks_for_type : whether something that was spelled reads off the floating type.
    arrays : the arguments that are arrays.
    calls : the functions of the module that were spelled beside those of operations.
    fresh : makes names that nothing else in the module's functions has.
    """

    asks_for_type = False
    arrays: Sequence[str] = ()
    fresh: Callable[[str], str] = str

    def __init__(
        self,
        dialect: Dialect,
        dtype: str,
        lengths: Mapping[Symbol, str] | None = None,
        function: str = "",
        typed: str = "",
    ) -> None:
        self.dialect, self._dtype = dialect, dtype
        self.function, self.typed = function, typed
        self.lengths = dict(lengths or {})
        self.calls: set[str] = set()

    def inside(
        self,
        typed: str,
        arrays: Sequence[str],
        function: str | None = None,
        lengths: Mapping[Symbol, str] | None = None,
    ) -> Self:
        """That of a function which is called in this one, with these arrays and the floating type of one of them."""
        kind = f"{typed}.dtype" if typed else self.dtype
        made = type(self)(self.dialect, kind, lengths, self.function if function is None else function, typed)
        made.arrays, made.calls, made.fresh = arrays, self.calls, self.fresh
        return made

    def lines(self, statements: Sequence[Statement]) -> list[Line]:
        """The lines of statements, one after the other."""
        assert self.dialect.lines is not None, self.dialect.library
        return self.dialect.lines(statements, self)

    @property
    def dtype(self) -> str:
        """How the floating type is read off."""
        self.asks_for_type = True
        return self._dtype

    def text(self, expression: Expression) -> str:
        """The text, without parentheses around it."""
        match expression:
            case Read(buffer=buffer):
                return buffer.name
            case Number(value=value):
                return self.number(value)
            case Size(value=value):
                return size_text(value)
            case Length(value=value):
                return self.size(value)
            case Total(terms=((_, first), *rest)):
                parts = [self.at(first, MATMUL)]
                parts += [f" {'-' if sign else '+'} {self.at(term, MATMUL)}" for sign, term in rest]
                return "".join(parts)
            case Operation():
                return self._operation(expression)
            case Subscript(array=array, places=places):
                return f"{self.at(array, ATOM)}[{self.places(places)}]"
            case Places(places=places):
                return f"{self.dialect.library}.s_[{self.places(places)}]"
            case Sides(lengths=lengths):
                return tuple_text(list(map(self.size, lengths)))
            case Label(text=text):
                return repr(text)
            case FloatingType():
                return self.dtype
            case Group():
                return self._group(expression)
            case Kept(name=name, lengths=lengths, kind=kind):
                shape = tuple_text(list(map(self.size, lengths)))
                return f'kept("{name}", {shape}, {self.dtype if kind == "real" else "bool"})'
        raise TypeError(type(expression))

    def at(self, expression: Expression, level: int) -> str:
        """The text, in parentheses unless it binds at least this tightly."""
        text = self.text(expression)
        return text if self.level(expression) >= level else f"({text})"

    def number(self, value: Any) -> str:
        """A number, which has its sign in front."""
        value = S(value)
        if value in (S.true, S.false):
            return str(bool(value))
        if value in _NAMED:
            return f"{'-' if value is S.NegativeInfinity else ''}{self.dialect.library}.{_NAMED[value]}"
        if isinstance(value, Integer):
            return str(int(value)) if abs(value) < self.dialect.integers else repr(float(value))
        if isinstance(value, Rational):
            exact = Rational(float(value)) == value
            return repr(float(value)) if exact else f"({value.p} / {value.q})"
        return repr(float(value if isinstance(value, Float | SymNumber) else value.evalf(17)))

    def size(self, value: Any) -> str:
        """A size."""
        return size_text(value, self.lengths)

    def level(self, expression: Expression) -> int:
        """How tightly the text binds."""
        match expression:
            case Total():
                return ADD
            case Number(value=value):
                return UNARY if _has_sign(value) else ATOM
            case Size(value=value) | Length(value=value):
                return ATOM if value.is_Symbol or (value.is_Integer and value >= 0) else COMPARE
            case Operation(head="multiply", options=()):
                return MUL
            case Operation(head=head) if head in _OPERATORS:
                return _OPERATORS[head][1]
            case Operation(head=head) if head in _CONNECTIVES:
                return COMPARE
            case Operation(head=head) if head in _PREFIXES:
                return UNARY
        return ATOM

    def _operation(self, operation: Operation) -> str:
        head, parts = operation.head, operation.parts
        if head == "multiply" and not operation.options:
            first, *rest = parts
            is_quotient = isinstance(first, Operation) and first.head == "divide"
            lead = self.at(first, MATMUL if self.level(first) == MATMUL else MUL if is_quotient else UNARY)
            return " * ".join([lead, *(self.at(part, UNARY) for part in rest)])
        if head in _OPERATORS:
            sign, _, left, right = _OPERATORS[head]
            return f"{self.at(parts[0], left)} {sign} {self.at(parts[1], right)}"
        if head in _CONNECTIVES:
            return f" {_CONNECTIVES[head]} ".join(self.at(part, ATOM) for part in parts)
        if head in _PREFIXES:
            return f"{_PREFIXES[head]}{self.at(parts[0], UNARY)}"
        if head in _METHODS:
            given = [*map(self.text, parts[1:]), *self.options(operation)]
            return f"{self.at(parts[0], ATOM)}.{head}({', '.join(given)})"
        form = self.dialect.form(head)
        if form is not None:
            return form(self, operation)
        return f"{self.dialect.function_name(head)}({', '.join([*map(self.text, parts), *self.options(operation)])})"

    def options(self, operation: Operation) -> list[str]:
        """The options of an operation, by their names."""
        return [f"{name}={self._option(value)}" for name, value in operation.options]

    def _option(self, value: Any) -> str:
        match value:
            case Expression():
                return self.text(value)
            case tuple():
                return tuple_text([self._option(part) for part in value])
            case str():
                return f'"{value}"'
            case Expr():
                return self.size(value)
        return str(value)

    def places(self, places: Sequence[Place]) -> str:
        """What stands in a subscript."""
        return ", ".join(map(self._place, places)) or "()"

    def places_of(self, index: Expression) -> str:
        """Places in an array, or positions one for each of its axes, as they stand in a subscript."""
        return self.places(index.places) if isinstance(index, Places) else ", ".join(map(self.text, index.operands))

    def _place(self, place: Place) -> str:
        if isinstance(place, Expression):
            return self.text(place)
        if isinstance(place, Slice):
            first, last = ("" if end is None else self.size(end) for end in (place.start, place.stop))
            return f"{first}:{last}" + ("" if place.step == 1 else f":{self.size(place.step)}")
        return {NEW_AXIS: "None", OTHER_AXES: "..."}[place]

    def _group(self, group: Group) -> str:
        texts = [self.text(part) for part in group.parts]
        if group.kind == LIST:
            return f"[{', '.join(texts)}]"
        return tuple_text(texts) if group.kind == TUPLE else f"{group.kind}({', '.join(texts)})"


Form = Callable[[Speller, Operation], str]


def _has_sign(value: Any) -> bool:
    value = S(value)
    # a quotient that is no floating number is in parentheses
    closed = isinstance(value, Rational) and not value.is_Integer and Rational(float(value)) != value
    return bool(value.is_number and value.is_negative) and not closed


# --- forms of their own -----------------------------------------------------------------------------------------------


def _transpose(speller: Speller, operation: Operation) -> str:
    array, axes = speller.at(operation.parts[0], ATOM), operation.option("axes")
    return f"{array}.T" if axes == (1, 0) else f"{array}.transpose({', '.join(map(str, axes))})"


def _reshape(speller: Speller, operation: Operation) -> str:
    array, shape = operation.parts
    sides = ", ".join(map(speller.size, shape.lengths)) if isinstance(shape, Sides) else speller.text(shape)
    return f"{speller.at(array, ATOM)}.reshape({sides})"


def _einsum(speller: Speller, operation: Operation) -> str:
    inside, out = operation.option("letters")
    into = operation.option("out")
    given = [*map(speller.text, operation.parts), *([] if into is None else [f"out={speller.text(into)}"])]
    return f'{speller.dialect.library}.einsum("{",".join(inside)}->{out}", {", ".join(given)})'


def _grid(speller: Speller, operation: Operation) -> str:
    sides = [f":{speller.size(side)}" for side in operation.option("sides")]
    return f"{speller.dialect.library}.ogrid[{', '.join(sides)}{',' if len(sides) == 1 else ''}]"


def _univariate(speller: Speller, operation: Operation) -> str:
    return f"_{operation.option('name')}({speller.text(operation.parts[0])})"


def called(form: str) -> Form:
    """A form of operands, in which the library is `np`."""
    return lambda speller, operation: form.format(
        *map(speller.text, operation.parts), dtype=speller.dtype, np=speller.dialect.library
    )


def after(form: str) -> Form:
    """A form that follows its operand."""
    return lambda speller, operation: (
        speller.at(operation.parts[0], ATOM) + form.format(dtype=speller.dtype, np=speller.dialect.library)
    )


_FORMS: dict[str, Form] = {
    "transpose": _transpose,
    "reshape": _reshape,
    "einsum": _einsum,
    "grid": _grid,
    "univariate": _univariate,
    "least_number": called("{np}.finfo({dtype}).min"),
    "float": called("float({0})"),
    "real_part": after(".real"),
}
