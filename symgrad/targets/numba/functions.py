"""What kernels call operations of numbers, and of what kind their results are."""

from sympy import S

from symgrad.codegen.speller import ATOM, Dialect, Form, Speller
from symgrad.statements.expressions import Expression, Kind, Length, Number, Operation, Read, Size, Subscript, Total
from symgrad.statements.operations import BINARY, COMPARISONS, UNARY

# Functions of the file `runtime`, by head; modules have some of these heads for whole arrays, too, in NumPy's functions
OWN = {head: head for head in ("exp", "expm1", "log", "log1p", "tanh", "xlogy", "logaddexp")}
OWN |= {head: f"entry_{head}" for head in ("maximum", "minimum", "sigmoid", "xdivy", "log_abs1p")}
OWN |= {head: f"entry_{head}" for head in ("reciprocal_norm", "reciprocal_root")}

# What takes so long that several entries are computed at a time where that is possible
COSTLY = {"exp", "expm1", "log", "log1p", "tanh", "sigmoid", "logaddexp", "xlogy", "sin", "cos", "log_abs1p"}

ELEMENTWISE = UNARY | BINARY | COMPARISONS | OWN.keys()
ELEMENTWISE |= {"and", "or", "invert", "logical_not", "signbit", "mod", "floor_divide", "remainder", "sinc", "where"}
ELEMENTWISE |= {"asarray", "float", "number", "whole", "erf", "erfc"}


def _chosen(speller: Speller, operation: Operation) -> str:
    condition, one, other = operation.parts
    return f"({speller.text(one)} if {speller.at(condition, ATOM)} else {speller.text(other)})"


def _opposite(speller: Speller, operation: Operation) -> str:
    return f"(not {speller.at(operation.parts[0], ATOM)})"


def _power(speller: Speller, operation: Operation) -> str:
    base, exponent = operation.parts
    if exponent == Number(S.Half):
        return f"np.sqrt({speller.text(base)})"
    return f"({speller.at(base, ATOM)} ** {speller.at(exponent, ATOM)})"


def _plain(speller: Speller, operation: Operation) -> str:
    return speller.text(operation.parts[0])


_FORMS: dict[str, Form] = {
    "where": _chosen,
    "invert": _opposite,
    "logical_not": _opposite,
    "power": _power,
    "asarray": _plain,
    "number": _plain,
    "float": _plain,
    "square": lambda speller, operation: f"({speller.at(operation.parts[0], ATOM)} ** 2)",
    "reciprocal": lambda speller, operation: f"(1 / {speller.at(operation.parts[0], ATOM)})",
    "whole": lambda speller, operation: f"np.int64({speller.text(operation.parts[0])})",
    # a place that is not negative: for others Numba adds the side, and entries are read one by one
    "counted": lambda speller, operation: f"np.uint64({speller.text(operation.parts[0])})",
}

NUMBA = Dialect(
    "np",
    ("math", frozenset({"erf", "erfc", "copysign"})),
    OWN,
    2**53,
    {"abs": "abs", **{head: f"_{name}" for head, name in OWN.items()}},
    _FORMS,
)

_TRUE = COMPARISONS | {"invert", "logical_not", "signbit", "any"}
_KEPT = {"sum", "max", "min", "abs", "negative", "transpose", "array", "ascontiguousarray", "broadcast_to", "diagonal"}
_KEPT |= {"multiply", "maximum", "minimum", "add", "subtract", "power", "mod", "floor_divide", "stack", "concatenate"}
_KEPT |= {"square", "and", "or", "sign", "remainder"}


def kind_of(expression: Expression) -> Kind:
    """What the entries of a result are."""
    match expression:
        case Read(buffer=buffer):
            return buffer.kind
        case Number(value=value):
            return "boolean" if value in (S.true, S.false) else "python"
        case Size() | Length():
            return "python"
        case Subscript(array=array):
            return kind_of(array)
        case Total():
            return _joint([kind_of(part) for part in expression.operands])
        case Operation(head=head) if head in _TRUE:
            return "boolean"
        case Operation(head="where", parts=(_, one, other)):
            return _joint([kind_of(one), kind_of(other)])
        case Operation(head="whole" | "arange"):
            return "integer"
        case Operation(head="number" | "float"):
            return "python"
        case Operation(head="sum", parts=(array,)) if kind_of(array) == "boolean":
            return "integer"
        case Operation(head=head, parts=parts) if head in _KEPT:
            given = [
                part
                for part in parts
                if isinstance(part, Read | Number | Subscript | Operation | Total | Size | Length)
            ]
            return _joint([kind_of(part) for part in given]) if given else "real"
    return "real"


def _joint(kinds: list[Kind]) -> Kind:
    if "real" in kinds:
        return "real"
    if set(kinds) == {"python"}:
        return "python"
    if set(kinds) == {"boolean"}:
        return "boolean"
    return "integer"
