"""What operations make: the shape, whether it is of the arguments' floating type, and what memory it is.

One table, `OPERATIONS`, declares all heads of which something is known. Of any other head nothing is: it may give back
an operand, or a part of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sympy import Expr, S

from symgrad.statements.arithmetic import binary
from symgrad.statements.expressions import (
    NEW_AXIS,
    WHOLE_AXIS,
    Expression,
    FloatingType,
    Label,
    Length,
    Number,
    Operation,
    Place,
    Places,
    Read,
    Shape,
    Sides,
    Size,
    Slice,
    Subscript,
    Total,
    parts_of,
)

Memory = Literal["new", "view", "unknown"]


@dataclass(frozen=True)
class Facts:
    """An array as an expression makes it.

    Attributes
    ----------
    shape : the lengths of its axes; an axis that only broadcasts is 1.
    floating : whether it is of the arguments' floating type; a number of Python's is not, and changes no type.
    new : whether nothing else shares its memory.
    """

    shape: Shape
    floating: bool
    new: bool = False


Found = Sequence[Facts | None]
Rule = Callable[[Operation, Found], Facts | None]


@dataclass(frozen=True)
class Declared:
    """What is known of a head.

    Attributes
    ----------
    memory : a `new` array; a `view`, whose entries may share a place or not be written to; `part` of
        the first operand's memory, whatever that is; or `unknown`.
    rule : from the operation and what is known of its operands, what it makes; None where that is not followed.
    out : whether it can write its result into an array that is there.
    boxed : whether it gives an array, and no number, where it has no axes.
    """

    memory: Literal["new", "view", "part", "unknown"]
    rule: Rule = lambda operation, parts: None
    out: bool = False
    boxed: bool = False


# --- rules ------------------------------------------------------------------------------------------------------------


def _elementwise(parts: Found) -> Facts | None:
    arrays = [part for part in parts if part is not None]
    shape = _broadcast([array.shape for array in arrays])
    if len(arrays) < len(parts) or shape is None:
        return None
    return Facts(shape, any(array.floating and array.shape for array in arrays), bool(shape))


def _broadcast(shapes: Sequence[Shape]) -> Shape | None:
    rank = max(map(len, shapes), default=0)
    made: list[Expr | int] = [1] * rank
    for shape in shapes:
        for axis, side in enumerate(shape, rank - len(shape)):
            if made[axis] != side and 1 not in (made[axis], side):
                return None
            made[axis] = side if made[axis] == 1 else made[axis]
    return tuple(made)


def _entries(operation: Operation, parts: Found) -> Facts | None:
    return None if operation.options else _elementwise(parts)


def _compared(operation: Operation, parts: Found) -> Facts | None:
    found = _elementwise(parts)
    return None if found is None else Facts(found.shape, False, True)


def _chosen(operation: Operation, parts: Found) -> Facts | None:
    condition, *choices = parts
    return _elementwise([None if condition is None else Facts(condition.shape, False), *choices])


def _multiplied(operation: Operation, parts: Found) -> Facts | None:
    left, right = parts
    if left is None or right is None or not left.shape or not right.shape:
        return None
    floating = left.floating and right.floating
    if len(right.shape) == 1:
        return Facts(left.shape[:-1], floating, True)
    if len(left.shape) == 1:
        return Facts((*right.shape[:-2], right.shape[-1]), floating, True)
    batch = _broadcast([left.shape[:-2], right.shape[:-2]])
    return None if batch is None else Facts((*batch, left.shape[-2], right.shape[-1]), floating, True)


def _summed(operation: Operation, parts: Found) -> Facts | None:
    """What a sum of products of several arrays gives; of one it may be a view."""
    inside, out = operation.option("letters")
    sides: dict[str, Expr | int] = {}
    for letters, part in zip(inside, parts, strict=True):
        if part is None or not part.floating or len(parts) < 2:
            return None
        sides.update(zip(letters, part.shape, strict=True))
    return Facts(tuple(sides[letter] for letter in out), True, True)


def _contracted(operation: Operation, parts: Found) -> Facts | None:
    left, right = parts
    if left is None or right is None:
        return None
    kept = [
        side
        for array, gone in zip((left, right), operation.option("axes"), strict=True)
        for axis, side in enumerate(array.shape)
        if axis not in gone
    ]
    return Facts(tuple(kept), left.floating and right.floating, True)


def _reduced(operation: Operation, parts: Found) -> Facts | None:
    (array,) = parts
    if array is None or not array.floating or operation.option("dtype") is not None:
        return None
    given = operation.option("axis")
    axes = range(len(array.shape)) if given is None else {given} if isinstance(given, int) else set(given)
    return Facts(tuple(side for axis, side in enumerate(array.shape) if axis not in axes), True, True)


def _transposed(operation: Operation, parts: Found) -> Facts | None:
    (found,) = parts
    return (
        None if found is None else Facts(tuple(found.shape[axis] for axis in operation.option("axes")), found.floating)
    )


def _ones(operation: Operation, parts: Found) -> Facts | None:
    (length,) = operation.parts
    return Facts((length.value,), True, True) if isinstance(length, Length) else None


def _moved(operation: Operation, parts: Found) -> Facts | None:
    return None if parts[0] is None else replace(parts[0], new=True)


def _number(operation: Operation, parts: Found) -> Facts | None:
    return Facts((), False)


def _scalar(operation: Operation, parts: Found) -> Facts | None:
    return Facts((), True, True)


# --- the table --------------------------------------------------------------------------------------------------------

UNARY = frozenset(
    {"abs", "negative", "sign", "floor", "ceil", "square", "sqrt", "cbrt", "reciprocal"}
    | {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p"}
    | {"sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"}
)
BINARY = frozenset(
    {"add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "hypot", "arctan2", "copysign"}
)
COMPARISONS = frozenset({"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"})
REDUCTIONS = frozenset({"sum", "max", "min"})
# what people write with an operator
OPERATORS = COMPARISONS | {"add", "subtract", "multiply", "divide", "matmul", "mod", "floor_divide", "power"}
OPERATORS |= {"and", "or", "negative", "invert"}

OPERATIONS: dict[str, Declared] = {
    **dict.fromkeys(UNARY | BINARY, Declared("new", _entries, out=True)),
    "centred": Declared("new", lambda operation, parts: _elementwise(parts), out=True),
    **dict.fromkeys(("logaddexp", "remainder", "sinc"), Declared("new", _entries)),
    **dict.fromkeys(COMPARISONS, Declared("new", _compared, out=True)),
    **dict.fromkeys(("and", "or", "invert", "logical_not", "signbit", "mod", "floor_divide"), Declared("new")),
    **dict.fromkeys(REDUCTIONS, Declared("new", _reduced, out=True)),
    **dict.fromkeys(("any", "cumsum", "log_total", "prod"), Declared("new")),
    "where": Declared("new", _chosen, out=True, boxed=True),
    **dict.fromkeys(("matmul", "dot"), Declared("new", _multiplied, out=True)),
    "balanced": Declared("new", lambda operation, parts: _elementwise(parts[:2]), out=True),
    "vdot": Declared("new", _scalar),
    "einsum": Declared("new", _summed, out=True),
    "tensordot": Declared("new", _contracted, out=True),
    **dict.fromkeys(("cholesky", "det", "inv", "kron", "slogdet", "solve"), Declared("new")),
    **dict.fromkeys(("arange", "empty", "eye", "full", "zeros"), Declared("new")),
    "ones": Declared("new", _ones),
    **dict.fromkeys(("entries", "pattern", "pattern_of"), Declared("new")),
    **dict.fromkeys(("block", "concatenate", "stack", "add_windows"), Declared("new")),
    **dict.fromkeys(("linear_recurrence", "log_sum_recurrence", "matrix_recurrence"), Declared("new")),
    **dict.fromkeys(("accumulate", "array", "place"), Declared("new", boxed=True)),
    "rolled": Declared("new", _moved),
    "asarray": Declared("unknown", boxed=True),
    **dict.fromkeys(("item", "no_numbers", "tolist"), Declared("new")),
    "least_number": Declared("new", _number),
    "transpose": Declared("part", _transposed),
    "reshape": Declared("part"),
    **dict.fromkeys(("broadcast_to", "diagonal", "windows"), Declared("view")),
}

_UNKNOWN = Declared("unknown")


def declared(head: str) -> Declared:
    """What is known of a head."""
    return OPERATIONS.get(head, _UNKNOWN)


def facts(expression: Expression) -> Facts | None:
    """What an expression computes; None where that is not certain."""
    match expression:
        case Read(buffer=buffer):
            known = buffer.shape is not None and buffer.kind != "integer"
            return Facts(buffer.shape or (), buffer.kind == "real") if known else None
        case Number(value=value):
            return Facts((), False) if value not in (S.true, S.false) and value.is_finite else None
        case Size() | Length():
            return Facts((), False)
        case Subscript(array=array, places=places):
            return _with_places(facts(array), places)
        case Total():
            return _elementwise([facts(term) for _, term in expression.terms])
        case Operation(head=head, parts=parts):
            return declared(head).rule(expression, [facts(part) for part in parts])
    return None


def _with_places(array: Facts | None, places: Sequence[Place]) -> Facts | None:
    """`array[:, None]`, `array[t - 1]` and the like; other subscripts are not followed."""
    if array is None:
        return None
    left = list(array.shape)
    made: list[Expr | int] = []
    for place in places:
        if place == NEW_AXIS:
            made.append(1)
        elif place == WHOLE_AXIS and left:
            made.append(left.pop(0))
        elif isinstance(place, Expression) and left and facts(place) == Facts((), False):
            left.pop(0)
        else:
            return None
    return Facts((*made, *left), array.floating)


def memory_of(expression: Expression) -> Memory:
    """What memory an expression's value is: its own, that of a variable, or nobody knows."""
    match expression:
        case Total() | Number() | Size() | Length():
            return "new"
        case Read() | Operation(head="einsum", parts=(_,)):
            return "view"
        case Subscript(array=array, places=places):
            return "new" if any(map(_picks, places)) else memory_of(array)
        case Operation(head=head, parts=parts):
            memory = declared(head).memory
            return memory_of(parts[0]) if memory == "part" else memory
    return "unknown"


def _picks(place: Place) -> bool:
    """Whether a subscript is an array of positions; a single one takes a part of an array as it lies in memory."""
    return isinstance(place, Expression) and bool(_rank(place))


def _rank(expression: Expression) -> int | None:
    """How many axes an array of positions has; None where that is not certain."""
    match expression:
        case Read(buffer=buffer):
            return None if buffer.shape is None else len(buffer.shape)
        case Number() | Size() | Length():
            return 0
        case Operation(head="arange"):
            return 1
        case Operation(head="transpose", parts=(array,)):
            return _rank(array)
        case Subscript(array=array, places=places):
            rank, kept = _rank(array), 0
            for place in places:
                if isinstance(place, Expression) and _rank(place) != 0:
                    return None
                kept += place == NEW_AXIS
                kept -= isinstance(place, Expression)
            return None if rank is None else rank + kept
        case Total() | Operation(head="where" | "in_range" | "multiply" | "floor_divide" | "mod" | "negative"):
            ranks = [_rank(part) for part in expression.operands if not isinstance(part, Label)]
            known = [rank for rank in ranks if rank is not None]
            return max(known) if len(known) == len(ranks) else None
    return None


def elementwise(expression: Expression) -> tuple[str, tuple[Expression, ...]] | None:
    """An elementwise operation that can write into an array, and its operands; the last step of a longer one."""
    match expression:
        case Operation(head=head, parts=parts, options=()):
            if (head in UNARY and len(parts) == 1) or (head in BINARY and len(parts) == 2 and head != "power"):
                return head, parts
    return binary(expression)


def can_write(expression: Expression) -> bool:
    """Whether an operation can write its result into an array that is there."""
    if elementwise(expression) is not None:
        return True
    if not isinstance(expression, Operation) or not declared(expression.head).out:
        return False
    alone = expression.head in REDUCTIONS | {"balanced", "centred"} or not _others(expression)
    return expression.head != "power" and alone


def _others(operation: Operation) -> set[str]:
    """The options that are no part of what an operation is."""
    return {name for name, _ in operation.options} - {"letters", "axes"}


def made_by(expression: Expression, shape: Shape | None, floating: bool) -> Facts | None:
    """What an expression makes for a variable of a shape, which tells it where the expression does not."""
    found = facts(expression)
    if found is None and shape is not None and memory_of(expression) == "new":
        return Facts(shape, floating, True)
    return found if found is None or found.new else replace(found, new=False)


def weight(expression: Expression) -> int:
    """How much there is to read in an expression.

    Operators count nothing, numbers, the places of a subscript and the ends of a slice 1, arrays and calls 2, and so
    does each axis, letter or type that a call is told.
    """
    return sum(map(_own_weight, parts_of(expression)))


def _own_weight(part: Expression) -> int:
    match part:
        case Total():
            return 0
        case Operation(head="transpose", options=((_, axes),)):
            return 1 + len(axes)
        case Operation(head=head, options=options):
            told = sum(len(value) if isinstance(value, tuple) else 1 for _, value in options)
            return 0 if head in OPERATORS and not options else 2 + 2 * told
        case Read() | FloatingType():
            return 2
        case Subscript(places=places) | Places(places=places):
            return sum(map(_place_weight, places))
        case Sides(lengths=lengths):
            return len(lengths)
    return 1


def _place_weight(place: Place) -> int:
    if isinstance(place, Slice):
        return 1 + sum(1 if end.is_Atom else 2 for end in (place.start, place.stop) if end is not None)
    return 0 if isinstance(place, Expression) else 1
