"""What NumPy text computes: the shape of an array, whether it is of the arguments' floating type, and whether new."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Expr

Shape = tuple[Expr | int, ...]

# ufuncs that give a new floating array of the shape of their operands
UNARY_UFUNCS = frozenset(
    {"abs", "negative", "sign", "floor", "ceil", "square", "sqrt", "cbrt", "reciprocal"}
    | {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p"}
    | {"sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"}
)
BINARY_UFUNCS = frozenset(
    {"add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "hypot", "arctan2", "copysign"}
)
OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "add"),
    ast.Sub: ("-", "subtract"),
    ast.Mult: ("*", "multiply"),
    ast.Div: ("/", "divide"),
}


@dataclass(frozen=True)
class Array:
    """An array as the text makes it.

    Attributes
    ----------
    shape : the lengths of its axes; an axis that only broadcasts is 1.
    floating : whether it is of the arguments' floating type; a Python number is not, and changes no type.
    new : whether nothing else shares its memory.
    """

    shape: Shape
    floating: bool
    new: bool = False


def described(node: ast.expr, known: Mapping[str, Array]) -> Array | None:
    """What an expression computes from known variables; None where that is not certain."""
    match node:
        case ast.Name(id=name):
            found = known.get(name)
            return None if found is None else Array(found.shape, found.floating)
        case ast.Constant(value=value):
            return Array((), False) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case ast.Attribute(value=array, attr="T"):
            found = described(array, known)
            return None if found is None else Array(found.shape[::-1], found.floating)
        case ast.Attribute(value=ast.Name(id="np"), attr="pi" | "e"):
            return Array((), False)
        case ast.Subscript(value=array, slice=places):
            return _with_axes(described(array, known), places, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _elementwise([described(operand, known)])
        case ast.BinOp(left=left, op=ast.MatMult(), right=ast.Call(func=ast.Attribute(attr="ones"))):
            return _product(described(left, known), Array((1,), True))
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return _product(described(left, known), described(right, known))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS or isinstance(op, ast.Pow):
            return _elementwise([described(left, known), described(right, known)])
        case ast.Compare(left=left, comparators=[right]):
            found = _elementwise([described(left, known), described(right, known)])
            return None if found is None else Array(found.shape, False, True)
        case ast.Attribute(value=ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="finfo"))):
            return Array((), False)  # a number of the arguments' type
        case ast.Call():
            return _called(node, known)
    return None


# helpers of the generated module, each of which makes a new array
_MAKERS = frozenset({"_accumulate", "_add_windows", "_place"})


def makes_array(node: ast.expr) -> bool:
    """Whether an expression makes a new array, of the shape of the variable that it is assigned to."""
    match node:
        case ast.BinOp() | ast.UnaryOp(op=ast.USub()):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="empty" | "zeros" | "tensordot")):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKERS
    return False


def ufunc(node: ast.expr) -> str | None:
    """The name of the ufunc that is called with operands only."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=args, keywords=[]):
            if (name in UNARY_UFUNCS and len(args) == 1) or (name in BINARY_UFUNCS and len(args) == 2):
                return name
    return None


def _called(node: ast.Call, known: Mapping[str, Array]) -> Array | None:
    if ufunc(node) is not None:
        return _elementwise([described(arg, known) for arg in node.args])
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="vdot")):
            return Array((), True, True)
        case ast.Call(func=ast.Attribute(value=left, attr="dot"), args=[right], keywords=[]):
            return _product(described(left, known), described(right, known))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="where"), args=[_, yes, no]):
            condition = described(node.args[0], known)
            shape = None if condition is None else Array(condition.shape, False)
            return _elementwise([shape, described(yes, known), described(no, known)])
        case ast.Call(func=ast.Attribute(value=array, attr="sum" | "max" | "min"), args=[], keywords=keywords):
            return _reduced(described(array, known), keywords)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="np"), attr="einsum"), args=[ast.Constant(value=str(spec)), *parts]
        ):
            return _summed(spec, [described(part, known) for part in parts])
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="tensordot"), args=[left, right, axes]):
            return _contracted(described(left, known), described(right, known), ast.literal_eval(axes))
        case ast.Call(func=ast.Attribute(value=array, attr="transpose"), args=args, keywords=[]):
            found = described(array, known)
            order = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, int)]
            return None if found is None else Array(tuple(found.shape[axis] for axis in order), found.floating)
    return None


def _elementwise(parts: list[Array | None]) -> Array | None:
    arrays = [part for part in parts if part is not None]
    shape = _broadcast([array.shape for array in arrays])
    if len(arrays) < len(parts) or shape is None:
        return None
    return Array(shape, any(array.floating and array.shape for array in arrays), bool(shape))


def _broadcast(shapes: list[Shape]) -> Shape | None:
    rank = max(map(len, shapes), default=0)
    made: list[Expr | int] = [1] * rank
    for shape in shapes:
        for axis, side in enumerate(shape, rank - len(shape)):
            if made[axis] != side and 1 not in (made[axis], side):
                return None
            made[axis] = side if made[axis] == 1 else made[axis]
    return tuple(made)


def _product(left: Array | None, right: Array | None) -> Array | None:
    if left is None or right is None or not left.shape or not right.shape:
        return None
    floating = left.floating and right.floating
    if len(right.shape) == 1:
        return Array(left.shape[:-1], floating, True)
    if len(left.shape) == 1:
        return Array((*right.shape[:-2], right.shape[-1]), floating, True)
    batch = _broadcast([left.shape[:-2], right.shape[:-2]])
    return None if batch is None else Array((*batch, left.shape[-2], right.shape[-1]), floating, True)


def _summed(spec: str, parts: list[Array | None]) -> Array | None:
    """What an einsum of several arrays gives; of one it may be a view."""
    inside, _, out = spec.partition("->")
    sides: dict[str, Expr | int] = {}
    for letters, part in zip(inside.split(","), parts, strict=True):
        if part is None or not part.floating or len(parts) < 2:
            return None
        sides.update(zip(letters, part.shape, strict=True))
    return Array(tuple(sides[letter] for letter in out), True, True)


def _contracted(left: Array | None, right: Array | None, axes: tuple[list[int], list[int]]) -> Array | None:
    if left is None or right is None:
        return None
    kept = [
        side
        for array, gone in zip((left, right), axes, strict=True)
        for axis, side in enumerate(array.shape)
        if axis not in gone
    ]
    return Array(tuple(kept), left.floating and right.floating, True)


def _with_axes(array: Array | None, places: ast.expr, known: Mapping[str, Array]) -> Array | None:
    """`array[:, None]`, `array[t - 1]` with a known number t, and the like; other subscripts are not followed."""
    if array is None:
        return None
    left = list(array.shape)
    made: list[Expr | int] = []
    for place in places.elts if isinstance(places, ast.Tuple) else [places]:
        match place:
            case ast.Constant(value=None):
                made.append(1)
            case ast.Slice(lower=None, upper=None, step=None) if left:
                made.append(left.pop(0))
            case _ if left and described(place, known) == Array((), False):
                left.pop(0)
            case _:
                return None
    return Array((*made, *left), array.floating)


def _reduced(array: Array | None, keywords: list[ast.keyword]) -> Array | None:
    if array is None or not array.floating:
        return None
    match [keyword for keyword in keywords if keyword.arg != "initial"]:
        case []:
            return Array((), True, True)
        case [ast.keyword(arg="axis", value=value)]:
            given = ast.literal_eval(value)
            axes = {given} if isinstance(given, int) else set(given)
            return Array(tuple(side for axis, side in enumerate(array.shape) if axis not in axes), True, True)
    return None
