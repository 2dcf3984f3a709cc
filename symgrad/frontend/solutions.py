"""Names that equations or a minimum define, `Eq(x, solution(F, x))` and `Eq(x, argmin(f, x))`."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from sympy import Expr, IndexedBase, MatrixBase, S, Tuple
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.components import ByPosition
from symgrad.frontend.left_sides import axes_of, lengths_of
from symgrad.frontend.linear_algebra import COLUMN, ROW
from symgrad.frontend.matrix import Reader, scalar_of
from symgrad.frontend.names import base_symbol, name_of, quantified, subscripted
from symgrad.frontend.scope import Index, Scope, place_of
from symgrad.functions.solutions import Argmin, ArgminMatrix, Implicit
from symgrad.graph.build import (
    AUXILIARY,
    ZERO,
    add,
    gather,
    index,
    is_zero,
    merge,
    mul,
    named,
    scatter,
    size,
    solution,
    split,
    subtract,
    unknown,
)
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Letter, Named, Node, Shape, Solution, Use
from symgrad.graph.transform import dependents, own


def is_implicit(equation: Equality) -> bool:
    """Whether the right side says what holds of the left one, which may then occur in it."""
    return isinstance(equation.rhs, Implicit)


def check_alone(group: Sequence[Any], definitions: Mapping[Any, Equality], bases: Mapping[Any, Any]) -> None:
    """No name that equations define is part of a recurrence, or of other names that its equations contain.

    Raises
    ------
    UnsupportedError : it is.
    """
    for base in group:
        if not is_implicit(definitions[base]):
            continue
        if len(group) > 1:
            others = ", ".join(name_of(other) for other in group if other != base)
            raise UnsupportedError(
                f"{name_of(base)} is defined by equations that contain {others}, which is made of {name_of(base)}; "
                f"write out in the equations what {others} stands for"
            )
        if base in bases:
            raise UnsupportedError(
                f"{place_of(bases[base][0])}: {name_of(base)}, which equations define, has a base case"
            )


def read_solution(equation: Equality, reader: Reader) -> Named:
    """The quantity that equations of `where` define, or at which a function is least.

    Raises
    ------
    ModelError, UnsupportedError : the equations do not fit the unknown, or cannot be read.
    """
    right, base = equation.rhs, base_symbol(equation.lhs)
    shape = tuple(S(length) for length in lengths_of(base)) if hasattr(base, "shape") else ()
    start = _read(right.start, base, equation, shape, reader)
    minimum = isinstance(right, Argmin | ArgminMatrix)
    if minimum and right.constraints:
        return _constrained(equation, shape, start, reader)
    of = unknown(name_of(base), base, shape)
    stated = scalar_of(right.stated) if minimum else right.stated
    with reader.symbols.taken_for(base, of):
        sides = reader.read(stated) if minimum else _read(stated, base, equation, shape, reader)
    _check(base, sides, of)
    made = solution(of, False, sides, None, start, S.Zero if minimum else None)
    return named(name_of(base), base, shape, made)


def _read(stated: Any, base: Any, equation: Equality, shape: Shape, reader: Reader) -> Use:
    """A term over the axes of the unknown, from an expression in its indices, a list, or a matrix."""
    if isinstance(stated, MatrixExpr | MatrixBase):
        sides = [letter for letter, side in zip((ROW, COLUMN), base.shape, strict=True) if side != 1]
        return relabel(reader.read(stated), {letter: n for n, letter in enumerate(sides)})
    axes, scope = axes_of(equation.lhs), Scope()
    if not axes:  # a number for all entries of a matrix
        return reader.read(stated)
    for sub, length in zip(axes, shape, strict=True):
        scope = scope.with_index(sub, Index(sub, S.Zero, length))
    if isinstance(stated, Tuple):
        stated = ByPosition(axes[0], *stated)
    return relabel(reader.read(stated, scope), {sub: n for n, sub in enumerate(axes)})


def _check(base: Any, stated: Use, of: Node) -> None:
    """The unknown occurs in what is stated, and not in that of a solution inside."""
    inside = dependents([stated.node], [of])
    if stated.node not in inside:
        raise ModelError(f"{name_of(base)} does not occur in what is stated to define it")
    if any(isinstance(node, Solution) for node in inside):
        raise UnsupportedError(f"the equations of {name_of(base)} contain a solution of equations with {name_of(base)}")


# --- minima under constraints -----------------------------------------------------------------------------------------


def _constrained(equation: Equality, shape: Shape, start: Use, reader: Reader) -> Named:
    """The first entries of a vector of unknowns and multipliers, at which the Lagrangian is stationary."""
    right, base = equation.rhs, base_symbol(equation.lhs)
    count, name = prod(shape, start=S.One), name_of(base)
    with reader.symbols.taken_for(base, unknown(name, base, shape)):  # to learn how many constraints there are
        lengths = [_size(_constraint(one, reader)[1]) for one in right.constraints]
    total = count + sum(lengths, S.Zero)
    of = unknown(name, IndexedBase(f"{name}_and_multipliers", shape=(total,)), (total,))
    with reader.symbols.taken_for(base, named(name, AUXILIARY, shape, _part(own(of), S.Zero, shape))):
        terms = [(S.One, reader.read(scalar_of(right.stated)))]
        first = count
        for one, length in zip(right.constraints, lengths, strict=True):
            side, sides = _constraint(one, reader)
            multiplier = _part(own(of), first, tuple(sides.values()))
            terms.append((S.One, mul([side, relabel(multiplier, dict(enumerate(sides)))], sides)))
            first += length
    lagrangian = add(terms)
    _check(base, lagrangian, of)
    found = solution(of, False, lagrangian, None, _padded(start, shape, total), total - count)
    return named(name, base, shape, _part(found, S.Zero, shape))


def _constraint(equation: Equality, reader: Reader) -> tuple[Use, dict[Letter, Expr]]:
    """What is 0, and the lengths along its letters."""
    if isinstance(equation.lhs, MatrixExpr | MatrixBase):
        sides = {letter: S(side) for letter, side in zip((ROW, COLUMN), equation.lhs.shape, strict=True) if side != 1}
        return subtract(reader.read(equation.lhs), reader.read(equation.rhs)), sides
    scope = Scope()
    for sub in quantified(equation):
        base, axis = next(subscripted([equation], sub))
        scope = scope.with_index(sub, Index(sub, S.Zero, S(base.shape[axis])))
    sides = {sub: index.length for sub, index in scope.indices.items()}
    return subtract(reader.read(equation.lhs, scope), reader.read(equation.rhs, scope)), sides


def _size(sides: Mapping[Letter, Expr]) -> Expr:
    return prod(sides.values(), start=S.One)


def _part(vector: Use, first: Expr, shape: Shape) -> Use:
    """An array of this shape, over letters 0, 1, ..., from entries of a vector that begin at `first`."""
    if not shape:
        return gather(vector, [size(first)])
    flat = gather(vector, [index("flat", prod(shape, start=S.One), first)])
    for axis in range(len(shape) - 1):
        rest = prod(shape[axis + 1 :], start=S.One)
        flat = split(flat, "flat", axis, ("flat", axis), (shape[axis], rest))
        flat = relabel(flat, {("flat", axis): "flat"})
    return relabel(flat, {"flat": len(shape) - 1})


def _padded(start: Use, shape: Shape, total: Expr) -> Use:
    """A vector that begins with an array, and has zeros after it."""
    if is_zero(start):
        return ZERO
    if not shape:
        return scatter(start, [size(S.Zero)], (total,), [0], {})
    flat, length = relabel(start, {len(shape) - 1: "flat"}), shape[-1]
    for axis in reversed(range(len(shape) - 1)):
        flat = relabel(merge(flat, axis, "flat", "merged", (shape[axis], length)), {"merged": "flat"})
        length *= shape[axis]
    return scatter(flat, [index("flat", length)], (total,), [0], {"flat": length})
