"""Spells expressions in NumPy; the only place that knows precedence and parentheses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sympy import Expr, Float, Integer, Rational, S, Symbol
from sympy import Number as SymNumber

from symgrad.codegen.sizes import size_text
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
from symgrad.targets.numpy.functions import LINALG, RUNTIME_HEADS, SPECIAL, SPELLINGS, UNIVARIATE

# Python's precedence, coarsely; `@` is kept apart from `*` because a * b @ c groups to the left.
COMPARE, ADD, MATMUL, MUL, UNARY, POWER, ATOM = range(-1, 6)

LARGEST_INTEGER = 2**63  # NumPy's functions do not know what to do with larger ones

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


def number_text(value: Any) -> str:
    """A number as Python text."""
    value = S(value)
    if value in (S.true, S.false):
        return str(bool(value))
    named = {S.Infinity: "np.inf", S.NegativeInfinity: "-np.inf", S.Pi: "np.pi", S.Exp1: "np.e"}.get(value)
    if named is not None:
        return named
    if isinstance(value, Integer):
        return str(int(value)) if abs(value) < LARGEST_INTEGER else repr(float(value))
    if isinstance(value, Rational):
        exact = Rational(float(value)) == value
        return repr(float(value)) if exact else f"({value.p} / {value.q})"
    if isinstance(value, Float | SymNumber):
        return repr(float(value))
    return repr(float(value.evalf(17)))


def tuple_text(texts: Sequence[str]) -> str:
    """Expressions as a tuple."""
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


class Speller:
    """The text of expressions.

    Parameters
    ----------
    dtype : how the floating type of the arguments is read off.
    lengths : how dimensions are read off that have no variable: a block has as many rows as its arrays have.
    function, typed : the function that is written, and the argument whose type is read off.
    """

    def __init__(
        self, dtype: str, lengths: Mapping[Symbol, str] | None = None, function: str = "", typed: str = ""
    ) -> None:
        self.dtype, self.function, self.typed = dtype, function, typed
        self.lengths = dict(lengths or {})

    def text(self, expression: Expression) -> str:
        """The text, without parentheses around it."""
        match expression:
            case Read(buffer=buffer):
                return buffer.name
            case Number(value=value):
                return number_text(value)
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
                return f"np.s_[{self.places(places)}]"
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

    def size(self, value: Any) -> str:
        """A size."""
        return size_text(value, self.lengths)

    def level(self, expression: Expression) -> int:
        """How tightly the text binds."""
        match expression:
            case Total():
                return ADD
            case Number(value=value):
                return UNARY if number_text(value).startswith("-") else ATOM
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
            lead = self.at(first, MATMUL if self.level(first) == MATMUL else UNARY)
            return " * ".join([lead, *(self.at(part, UNARY) for part in rest)])
        if head in _OPERATORS:
            sign, _, left, right = _OPERATORS[head]
            return f"{self.at(parts[0], left)} {sign} {self.at(parts[1], right)}"
        if head in _CONNECTIVES:
            return f" {_CONNECTIVES[head]} ".join(self.at(part, ATOM) for part in parts)
        if head in _PREFIXES:
            return f"{_PREFIXES[head]}{self.at(parts[0], UNARY)}"
        if head in _METHODS:
            return (
                f"{self.at(parts[0], ATOM)}.{head}({', '.join([*map(self.text, parts[1:]), *self.options(operation)])})"
            )
        if head in _SPECIAL_FORMS:
            return _SPECIAL_FORMS[head](self, operation)
        return f"{function_name(head)}({', '.join([*map(self.text, parts), *self.options(operation)])})"

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


def function_name(head: str) -> str:
    """What a function is called that has no form of its own."""
    if head in SPELLINGS:
        return SPELLINGS[head]
    if head in RUNTIME_HEADS:
        return f"_{head}"
    if head in SPECIAL:
        return f"scipy.special.{head}"
    return f"np.linalg.{head}" if head in LINALG else f"np.{head}"


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
    parts = ", ".join(map(speller.text, operation.parts))
    return f'np.einsum("{",".join(inside)}->{out}", {parts})'


def _tensordot(speller: Speller, operation: Operation) -> str:
    axes = ", ".join(str(list(axes)) for axes in operation.option("axes"))
    return f"np.tensordot({', '.join(map(speller.text, operation.parts))}, ({axes}))"


def _grid(speller: Speller, operation: Operation) -> str:
    sides = [f":{speller.size(side)}" for side in operation.option("sides")]
    return f"np.ogrid[{', '.join(sides)}{',' if len(sides) == 1 else ''}]"


def _contiguous_into(speller: Speller, operation: Operation) -> str:
    return f'_contiguous_into(kept, "{operation.option("name")}", {speller.text(operation.parts[0])})'


def _univariate(speller: Speller, operation: Operation) -> str:
    return f"_{operation.option('name')}({speller.text(operation.parts[0])})"


def _called(form: str) -> Callable[[Speller, Operation], str]:
    """A form of one operand."""
    return lambda speller, operation: form.format(*map(speller.text, operation.parts), dtype=speller.dtype)


def _after(form: str) -> Callable[[Speller, Operation], str]:
    """A form that follows its operand."""
    return lambda speller, operation: speller.at(operation.parts[0], ATOM) + form


_SPECIAL_FORMS: dict[str, Callable[[Speller, Operation], str]] = {
    "transpose": _transpose,
    "reshape": _reshape,
    "einsum": _einsum,
    "tensordot": _tensordot,
    "grid": _grid,
    UNIVARIATE: _univariate,
    "contiguous_into": _contiguous_into,
    "least_number": _called("np.finfo({dtype}).min"),
    "scalar": _called("{dtype}.type({0})"),
    "float": _called("float({0})"),
    "whole": _after(".astype(np.intp)"),
    "real_part": _after(".real"),
}
