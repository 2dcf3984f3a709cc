"""What a problem that is written as text is subject to: constraints, and bounds of its variables; both ways."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Basic, Eq, Float, Ge, Indexed, IndexedBase, Integer, Le, MatrixSymbol, S, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import UnsupportedError
from symgrad.frontend.names import name_of
from symgrad.problem.bounds import Bounds
from symgrad.problem.constraints import Constraint
from symgrad.problem.ranges import ranges

_NAMED = (Symbol, MatrixSymbol, IndexedBase)

Stated = tuple[Any, ...]  # a relation, and the ranges of its indices


def parted(
    stated: Sequence[Stated], variables: Collection[Any], defined: Collection[Any]
) -> tuple[list[Stated], Mapping[Any, tuple[Any, Any]]]:
    """The constraints, and the bounds by variable.

    A bound is x ≥ 0, of a variable as a whole or of its entry at each index, against a number or data; a second one at
    the same end is a constraint.
    """
    constraints: list[Stated] = []
    ends: dict[Any, list[Any]] = {}
    for relation, *limits in stated:
        found = _bound(relation, limits, variables, defined)
        if found is not None and ends.setdefault(found[0], [None, None])[found[1]] is None:
            variable, end, value = found
            ends[variable][end] = value
        else:
            constraints.append((relation, *limits))
    return constraints, {variable: (low, high) for variable, (low, high) in ends.items()}


def _bound(
    relation: Any, limits: Sequence[Any], variables: Collection[Any], defined: Collection[Any]
) -> tuple[Any, int, Any] | None:
    """The variable, which end of it, and the value, if a relation is a bound."""
    if isinstance(relation, Eq):
        return None
    letters = [limit[0] for limit in limits]
    sides = [(_whole(side, letters), side) for side in (relation.lhs, relation.rhs)]
    for place in (0, 1):
        (variable, _), (other, given) = sides[place], sides[1 - place]
        if variable not in variables:
            continue
        high = isinstance(relation, Le) == (place == 0)
        if getattr(given, "is_number", False):
            return variable, int(high), given
        if isinstance(other, _NAMED) and other not in variables and other not in defined:
            fits = isinstance(other, Symbol) or _subscripts(relation.lhs) == _subscripts(relation.rhs)
            return (variable, int(high), other) if fits else None
    return None


def _whole(side: Any, letters: Sequence[Any]) -> Any:
    """The array of which a side is the entry at each of the indices, or the side itself."""
    if not isinstance(side, Indexed | MatrixElement):
        return side
    subscripts = _subscripts(side)
    entries = [one for one in subscripts if one != 0]
    if len(set(entries)) == len(entries) == len(letters) and set(entries) == set(letters):
        return side.base if isinstance(side, Indexed) else side.parent
    return side


def _subscripts(side: Any) -> tuple[Any, ...]:
    if isinstance(side, Indexed):
        return tuple(side.indices)
    return (side.i, side.j) if isinstance(side, MatrixElement) else ()


def for_all(constraint: Constraint) -> Any:
    """The relation of a constraint, which holds for all values of its free indices.

    Raises
    ------
    UnsupportedError : it holds for a part of them only.
    """
    arrays = constraint.gap.atoms(IndexedBase, MatrixSymbol)
    sizes = {symbol for array in arrays for side in array.shape or () for symbol in S(side).free_symbols}
    if constraint.ranges and ranges(constraint.gap, (), sizes) != constraint.ranges:
        raise UnsupportedError(f"{constraint.said}: formulas as text have nothing for the ranges that are stated of it")
    return constraint.relation


def bounds_of(variables: Sequence[Any], bounds: Mapping[str, Bounds]) -> Iterator[Any]:
    """The bounds of variables as relations, of arrays at each index.

    Raises
    ------
    UnsupportedError : a bound is an array of numbers, or of an array an expression of data.
    """
    for variable in variables:
        ends = bounds[name_of(variable)]
        for relation, end, none in ((Ge, ends.low, -math.inf), (Le, ends.high, math.inf)):
            if isinstance(end, np.ndarray):
                raise UnsupportedError(
                    f"a bound of {variable} is an array of numbers, which formulas as text do not have; give it a name"
                )
            if isinstance(end, Basic) and not isinstance(variable, Symbol):
                raise UnsupportedError(
                    f"a bound of {variable} is an expression of data, {end}, which formulas as text have of scalars "
                    "only; write it as a constraint"
                )
            if isinstance(end, str | Basic) or end != none:
                yield relation(*_with_end(variable, end), evaluate=False)


def _with_end(variable: Any, end: Any) -> tuple[Any, Any]:
    """A variable, or its entry, and what it is bound by."""
    number = end if isinstance(end, Basic) else None
    if isinstance(end, float):
        number = Integer(end) if end.is_integer() else Float(end)
    if isinstance(variable, IndexedBase):
        at = tuple(Symbol(f"i{axis}", integer=True) for axis in range(len(variable.shape)))
        return variable[at], IndexedBase(end, shape=variable.shape, real=True)[at] if number is None else number
    if isinstance(variable, MatrixSymbol):
        return variable, MatrixSymbol(end, *variable.shape) if number is None else number
    return variable, Symbol(end, real=True) if number is None else number
