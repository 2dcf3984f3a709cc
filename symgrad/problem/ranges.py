"""The indices of a constraint that holds for all of them, with ranges as subscripts allow or as they are stated."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sympy import Expr, Idx, Indexed, S, Symbol, expand
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, bound_indices
from symgrad.walk import Preorder


class Range(NamedTuple):
    """An index with the first and the last of its values."""

    index: Any
    low: Expr
    high: Expr


def ranges(expression: Any, stated: Sequence[Any]) -> tuple[Range, ...]:
    """The free indices of a constraint, in the order in which they appear, with their ranges.

    An index is a free symbol of integers in a subscript. Its range is that which is stated, as (t, 0, N - 2) or by
    Idx("t", N), or all values for which its subscripts, t + 1 and such, lie inside their arrays.

    Raises
    ------
    ModelError : no range follows, or the index is bound inside as well.
    """
    given = {limit[0]: limit[1:] for limit in stated}
    found = _indices(expression)
    for index in given:
        if index not in found:
            raise ModelError(f"a range of {index} is stated, which is no free index of it")
    inside = bound_indices([expression])
    for index in found:
        if index in inside:
            raise ModelError(
                f"the index {index} is free in one place and bound by a sum in another; rename one of them"
            )
    return tuple(_range(index, expression, given.get(index), found) for index in found)


def _indices(expression: Any) -> list[Any]:
    """The free indices."""
    free = expression.free_symbols
    sides = {symbol for part in _entries(expression) for side in _shape(part) for symbol in S(side).free_symbols}
    found: dict[Any, None] = {}
    for part in _entries(expression):
        for sub in _subscripts(part):
            for symbol in Preorder(sub):
                is_index = isinstance(symbol, Idx) or (isinstance(symbol, Symbol) and symbol.is_integer)
                if is_index and symbol in free and symbol not in sides:
                    found[symbol] = None
    return list(found)


def _range(index: Any, expression: Any, stated: Any, others: Sequence[Any]) -> Range:
    if stated is not None:
        return Range(index, *map(S, stated))
    if isinstance(index, Idx) and index.upper is not None:
        return Range(index, S(index.lower), S(index.upper))
    lows, highs = [], []
    for part in _entries(expression):
        for sub, side in zip(_subscripts(part), _shape(part), strict=True):
            slope = expand(sub).coeff(index) if sub.has(index) else S.Zero
            rest = expand(sub - slope * index)
            if slope in (1, -1) and _is_fixed(rest, others):
                ends = (-rest, side - 1 - rest) if slope == 1 else (rest - side + 1, rest)
                lows.append(expand(ends[0]))
                highs.append(expand(ends[1]))
    if not lows:
        raise ModelError(f"no range of {index} follows from its subscripts; {_cure(index)}")
    return Range(index, _largest(index, lows), -_largest(index, [-high for high in highs]))


def _largest(index: Any, ends: Sequence[Expr]) -> Expr:
    """The largest of ends that differ by numbers."""
    best = ends[0]
    for end in ends[1:]:
        gap = expand(end - best)
        if not gap.is_number:
            raise ModelError(f"which of {best} and {end} ends the range of {index} is not known; {_cure(index)}")
        best = end if gap > 0 else best
    return best


def _cure(index: Any) -> str:
    return f"state it beside the constraint, as in (Eq(...), ({index}, 0, N - 1))"


def _entries(expression: Any) -> list[Any]:
    return [part for part in Preorder(expression) if isinstance(part, Indexed | MatrixElement)]


def _subscripts(part: Any) -> Sequence[Any]:
    return part.indices if isinstance(part, Indexed) else (part.i, part.j)


def _shape(part: Any) -> Sequence[Any]:
    shape = base_symbol(part).shape
    if shape is None:
        raise ModelError(
            f"IndexedBase {part.base.label} has no shape; write IndexedBase({str(part.base.label)!r}, (N,))"
        )
    if len(shape) != len(_subscripts(part)):
        raise ModelError(f"{part} has {len(_subscripts(part))} subscripts, but its array {len(shape)} axes")
    return tuple(shape)


def _is_fixed(rest: Expr, indices: Sequence[Any]) -> bool:
    """Whether what is added to an index is a number or a size, not another index or an entry of an array."""
    return not rest.has(Indexed, MatrixElement, *indices)
