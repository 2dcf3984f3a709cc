"""What a problem that is written as text is subject to: constraints, and bounds of its variables."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sympy import Eq, Indexed, IndexedBase, Le, MatrixSymbol, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement

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
