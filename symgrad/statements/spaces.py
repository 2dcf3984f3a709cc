"""The loops of every operation: a table of its axes, and of those that it sums over, by those of its operands.

What `facts` knows of memory and types it knows of some operations; axes are known of all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Integer, expand

from symgrad.statements.expressions import Kept, Length, Operation, Shape, Sides
from symgrad.statements.operations import BINARY, COMPARISONS, REDUCTIONS, UNARY

Work = Literal["entries", "sum", "gather", "scatter", "along", "whole", "view", "fill"]


class UnknownAxes(AssertionError):
    """Nothing says which axes an operation has, or its operands do not go together; names it."""


@dataclass(frozen=True)
class Space:
    """The loops of one operation.

    Attributes
    ----------
    head : the operation; empty for a sum of terms and for a subscript.
    work : what is done: `entries` each from those of the operands; a `sum` or another reduction of products over more
        axes; a `gather` of entries at positions, or a `scatter` to some; something `along` an axis, one entry after the
        other; something that needs its operands as a `whole`, such as a solve; a `view`; or a `fill`.
    axes : the lengths of the loops outside, those of the result.
    over : the lengths of the loops inside, which the result does not have.
    """

    head: str
    work: Work
    axes: Shape
    over: Shape = ()


Shapes = Sequence[Shape]
Rule = Callable[[Operation, Shapes], Space]


def same_length(one: Expr | int, other: Expr | int) -> bool:
    """Whether two lengths are equal for all sizes."""
    return one == other or bool(expand(one - other) == 0)


def broadcast(shapes: Iterable[Shape]) -> Shape:
    """The shape of entrywise operations."""
    made: list[Expr | int] = []
    for shape in shapes:
        made = [*[Integer(1)] * (len(shape) - len(made)), *made]
        for axis, side in enumerate(shape, len(made) - len(shape)):
            if made[axis] == 1:
                made[axis] = side
            elif side != 1 and not same_length(made[axis], side):
                raise UnknownAxes(f"lengths {made[axis]} and {side} are no axis")
    return tuple(made)


def _lengths(operation: Operation) -> Shape:
    """The shape that an operation is told by its first operand that is one."""
    for part in operation.parts:
        if isinstance(part, Sides | Kept):
            return part.lengths
        if isinstance(part, Length):
            return (part.value,)
    raise UnknownAxes(f"{operation.head} is told no shape")


def axes_of(given: object, rank: int) -> set[int]:
    """The axes that the option `axis` of an operation means, of an array of that many."""
    axes = range(rank) if given is None else given if isinstance(given, tuple) else (given,)
    return {int(axis) % rank for axis in axes}


def _entries(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "entries", broadcast(shapes))


def _several(count: int) -> Rule:
    """Several functions that are computed together, one after the other along a new axis."""
    return lambda operation, shapes: Space(operation.head, "entries", (Integer(count), *broadcast(shapes)))


def _reduced(operation: Operation, shapes: Shapes) -> Space:
    shape, *_ = shapes
    gone = axes_of(operation.option("axis"), len(shape))
    kept, over = (
        tuple(side for axis, side in enumerate(shape) if (axis in gone) == inside) for inside in (False, True)
    )
    return Space(operation.head, "sum", kept, over)


def _multiplied(operation: Operation, shapes: Shapes) -> Space:
    left, right = shapes
    if not left or not right:
        return _entries(operation, shapes)
    inner = right[-2] if len(right) > 1 else right[0]
    if not same_length(left[-1], inner):
        raise UnknownAxes(f"{operation.head} of shapes {left} and {right}")
    rows, columns = left[-2:-1], right[-1:] if len(right) > 1 else ()
    return Space(operation.head, "sum", (*broadcast([left[:-2], right[:-2]]), *rows, *columns), (inner,))


def _inner(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "sum", (), broadcast(shapes))


def _summed(operation: Operation, shapes: Shapes) -> Space:
    inside, out = operation.option("letters")
    sides: dict[str, Expr | int] = {}
    for letters, shape in zip(inside, shapes, strict=True):
        for letter, side in zip(letters, shape, strict=True):
            if not same_length(sides.setdefault(letter, side), side):
                raise UnknownAxes(f"the letter {letter} is {sides[letter]} and {side} long")
    over = tuple(side for letter, side in sides.items() if letter not in out)
    return Space("einsum", "sum" if over or len(shapes) > 1 else "view", tuple(sides[letter] for letter in out), over)


def _contracted(operation: Operation, shapes: Shapes) -> Space:
    gone = operation.option("axes")
    kept = [side for shape, axes in zip(shapes, gone, strict=True) for k, side in enumerate(shape) if k not in axes]
    return Space(operation.head, "sum", tuple(kept), tuple(shapes[0][axis] for axis in gone[0]))


def _along(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "along", broadcast(shapes))


def _square(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "whole", shapes[0])


def _of_square(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "whole", shapes[0][:-2], shapes[0][-2:])


def _two_of_square(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "whole", (Integer(2), *shapes[0][:-2]), shapes[0][-2:])


def _solved(operation: Operation, shapes: Shapes) -> Space:
    matrix, right = shapes
    made = right if len(right) == 1 else (*broadcast([matrix[:-2], right[:-2]]), *right[-2:])
    return Space(operation.head, "whole", made, matrix[-1:])


def _kronecker(operation: Operation, shapes: Shapes) -> Space:
    left, right = shapes
    return Space(operation.head, "entries", tuple(expand(a * b) for a, b in zip(left, right, strict=True)))


def _transposed(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "view", tuple(shapes[0][axis] for axis in operation.option("axes")))


def _diagonal(operation: Operation, shapes: Shapes) -> Space:
    pair = operation.option("axis1") or 0, 1 if operation.option("axis2") is None else operation.option("axis2")
    kept = [side for axis, side in enumerate(shapes[0]) if axis not in pair]
    return Space(operation.head, "view", (*kept, shapes[0][pair[0]]))


def _told(work: Work) -> Rule:
    """What has the shape that it is told."""
    return lambda operation, shapes: Space(operation.head, work, _lengths(operation))


def _reshaped(operation: Operation, shapes: Shapes) -> Space:
    """In the shape in which an argument is given it has the axes that it has here, and others of length one."""
    told = isinstance(operation.parts[1], Sides)
    return Space(operation.head, "view", _lengths(operation) if told else shapes[0])


def _identity(operation: Operation, shapes: Shapes) -> Space:
    (side,) = _lengths(operation)
    return Space(operation.head, "fill", (side, side))


def _grid(operation: Operation, shapes: Shapes) -> Space:
    sides = operation.option("sides")
    return Space(operation.head, "fill", (Integer(len(sides)), *sides))


def _added(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "scatter", shapes[0])


def _single(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "fill", ())


def _like_first(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "entries", shapes[0])


def _with_sums(operation: Operation, shapes: Shapes) -> Space:
    return Space(operation.head, "along", broadcast(shapes[:2]))


# Functions of numbers, entry by entry, beside those that can write into an array: NumPy's, SciPy's, the runtime's
SCALAR = frozenset(
    {"and", "or", "invert", "logical_not", "signbit", "mod", "floor_divide", "logaddexp", "remainder", "sinc", "where"}
    | {"asarray", "float", "number", "real_part", "scalar", "univariate", "whole", "where_into"}
    | {"beta", "binom", "digamma", "ellipe", "ellipk", "erf", "erfc", "erfcinv", "erfi", "erfinv", "expi", "expn"}
    | {"gamma", "gammainc", "gammaincc", "gammaln", "gammasgn", "iv", "jv", "kv", "lambertw", "log_ndtr", "ndtr"}
    | {"log_growth", "log_growth_excess", "polygamma", "xlogy", "yv", "zeta"}
    | {"besseli_ratio", "besseli_slope", "finite_log", "interval_excess", "interval_mills", "inverse_mills"}
    | {"log_abs1p", "log_besseli", "log_beta", "log_choose", "log_erfc", "log_ndtr_difference", "log_rising"}
    | {"mills_curvature", "mills_excess", "mills_slope", "mills_variance", "ndtr_difference", "polygamma_excess"}
    | {"polygamma_rise", "reciprocal_norm", "reciprocal_root", "sigmoid", "xdivy"}
)

# Functions of Python's numbers
FLOATS = frozenset(f"float_{name}" for name in (
    "abs", "cos", "cosh", "exp", "expm1", "log", "log1p", "logaddexp", "maximum", "minimum", "not", "pow", "quotient",
    "sigmoid", "sin", "sinh", "sqrt", "tanh", "where",
))  # fmt: skip

SPACES: dict[str, Rule] = {
    **dict.fromkeys(UNARY | BINARY | COMPARISONS | SCALAR | FLOATS, _entries),
    **dict.fromkeys(("fresnel", "shichi", "sici"), _several(2)),
    "airy": _several(4),
    **dict.fromkeys(REDUCTIONS | {"any", "norm", "prod"}, _reduced),
    **dict.fromkeys(("matmul", "dot"), _multiplied),
    "vdot": _inner,
    "einsum": _summed,
    **dict.fromkeys(("tensordot", "tensordot_into"), _contracted),
    **dict.fromkeys(("centred", "cumsum", "largest_so_far", "product_of_others", "sums_of_exponentials"), _along),
    "balanced": _with_sums,
    **dict.fromkeys(
        ("linear_recurrence", "log_sum_recurrence", "matrix_recurrence"),
        lambda operation, shapes: Space(operation.head, "along", (shapes[1][0], *shapes[2])),
    ),
    "log_total": lambda operation, shapes: _reduced(operation, shapes[:1]),
    **dict.fromkeys(("adjugate", "cholesky", "definite_cholesky", "inv"), _square),
    **dict.fromkeys(("det", "logdet"), _of_square),
    "slogdet": _two_of_square,
    "solve": _solved,
    "kron": _kronecker,
    "transpose": _transposed,
    "diagonal": _diagonal,
    "reshape": _reshaped,
    **dict.fromkeys(("broadcast_to", "windows"), _told("view")),
    **dict.fromkeys(("arange", "empty", "full", "ones", "zeros", "zeros_into"), _told("fill")),
    **dict.fromkeys(("accumulate", "add_windows", "place"), _told("scatter")),
    "eye": _identity,
    "grid": _grid,
    "added": _added,
    "put": _added,
    "or_nan": lambda operation, shapes: Space("or_nan", "entries", shapes[1]),
    "least_number": _single,
    "no_numbers": lambda operation, shapes: Space("no_numbers", "fill", operation.option("sides").lengths),
    **dict.fromkeys(
        ("array", "ascontiguousarray", "contiguous_into", "in_range", "item", "rolled", "tolist"), _like_first
    ),
}
