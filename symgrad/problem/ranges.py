"""The indices of a constraint that holds for all of them, with ranges as subscripts allow or as they are stated."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from sympy import Expr, Idx, Indexed, S, Symbol, expand
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, bound_indices, occurring
from symgrad.walk import Preorder


class Range(NamedTuple):
    """An index with the first and the last of its values."""

    index: Any
    low: Expr
    high: Expr


def ranges(expression: Any, stated: Sequence[Any], sizes: Set[Any] = frozenset()) -> tuple[Range, ...]:
    """The free indices of a constraint, in the order in which they are stated, or else appear, with their ranges.

    An index is a free symbol of integers in a subscript that is none of the `sizes`. Its range is that which is stated,
    as (t, 0, N - 2) or by Idx("t", N), or all values for which its subscripts, t + 1 and such, lie inside their arrays.

    Raises
    ------
    ModelError : no range follows, or the index is bound inside as well.
    """
    given = {limit[0]: limit[1:] for limit in stated}
    found = [index for index in free_indices(expression) if index not in sizes]
    for index in given:
        if index not in found and index not in expression.free_symbols:
            raise ModelError(f"a range of {index} is stated, which is no free index of it")
    found += [index for index in given if index not in found]  # where sums end, say
    stated_order = iter(given)
    found = [next(stated_order) if index in given else index for index in found]
    inside = bound_indices([expression])
    for index, ends in given.items():
        taken = [one for one in inside if any(S(end).has(one) for end in ends)]
        if taken:
            raise ModelError(f"the range of {index} ends at {taken[0]}, which a sum inside binds; rename one of them")
    for index in found:
        if index in inside:
            raise ModelError(
                f"the index {index} is free in one place and bound by a sum in another; rename one of them"
            )
    return tuple(_range(index, expression, given.get(index), found, inside) for index in found)


def free_indices(expression: Any) -> list[Any]:
    """The free symbols of integers in subscripts, but those that are sides of the arrays."""
    free = expression.free_symbols
    sides = {symbol for part in _entries(expression) for side in _shape(part) for symbol in S(side).free_symbols}
    found: dict[Any, None] = {}
    for part in _entries(expression):
        for sub in _subscripts(part):
            for symbol in occurring([sub]):  # an array of labels among them has a name that is an integer's
                is_index = isinstance(symbol, Idx) or (isinstance(symbol, Symbol) and symbol.is_integer)
                if is_index and symbol in free and symbol not in sides:
                    found[symbol] = None
    return list(found)


def _range(index: Any, expression: Any, stated: Any, others: Sequence[Any], inside: Set[Any]) -> Range:
    if stated is not None:
        low, high = map(S, stated)
        if (high - low).is_negative:
            raise ModelError(f"the range of {index}, from {low} to {high}, is empty")
        return Range(index, low, high)
    if isinstance(index, Idx) and index.upper is not None:
        return Range(index, S(index.lower), S(index.upper))
    lows: dict[Expr, Any] = {}  # and the entries that they are read off
    highs: dict[Expr, Any] = {}
    for part, limits in _bound_entries(expression):
        for sub, side in zip(_subscripts(part), _shape(part), strict=True):
            slope = expand(sub).coeff(index) if sub.has(index) else S.Zero
            rest = expand(sub - slope * index)
            if slope in (1, -1):
                least, most = (_end(rest, limits, sign) for sign in (-1, 1))
                if not all(_is_fixed(end, (*others, *inside)) for end in (least, most)):
                    continue
                ends = (-least, side - 1 - most) if slope == 1 else (most - side + 1, least)
                lows.setdefault(expand(ends[0]), part)
                highs.setdefault(expand(ends[1]), part)
    if not lows:
        raise ModelError(f"no range of {index} follows from its subscripts; {_cure(index)}")
    return Range(index, _nearest(index, lows, "first", 1), _nearest(index, highs, "last", -1))


def _bound_entries(expression: Any) -> Iterator[tuple[Any, Mapping[Any, tuple[Any, ...]]]]:
    """The entries of arrays, with the first and the last value of every index that sums around them bind."""
    seen: set[Any] = set()
    waiting: list[tuple[Any, dict[Any, tuple[Any, ...]]]] = [(expression, {})]
    while waiting:
        part, limits = waiting.pop()
        key = (part, tuple(limits.items()))
        if key in seen:
            continue
        seen.add(key)
        if isinstance(part, Indexed | MatrixElement):
            yield part, limits
        inner = limits
        if isinstance(part, ExprWithLimits):  # of whose limits the last is the outermost
            inner = {**limits, **{limit[0]: tuple(limit[1:]) for limit in part.limits[::-1]}}
        waiting += [(one, inner) for one in reversed(part.args)]


def _end(rest: Expr, limits: Mapping[Any, tuple[Any, ...]], sign: int) -> Expr:
    """The largest (sign 1) or least (sign -1) value of what is added to an index, over the indices that sums bind.

    Those that it does not grow or fall by steadily, or whose ends are not known, stay in it.
    """
    for index, ends in reversed([*limits.items()]):  # an inner index first, whose ends may have outer ones in them
        slope = rest.coeff(index)
        if len(ends) == 2 and slope.is_number and slope and not expand(rest - slope * index).has(index):
            rest = expand(rest.xreplace({index: ends[int(bool(slope * sign > 0))]}))
    return rest


def _nearest(index: Any, ends: Mapping[Expr, Any], said: str, sign: int) -> Expr:
    """Of ends that differ by numbers the largest, or with the sign -1 the smallest."""
    best, *others = ends
    for end in others:
        gap = expand(sign * (end - best))
        if not gap.is_number:
            raise ModelError(
                f"the {said} {index} is {best} by {ends[best]} and {end} by {ends[end]}; make the sizes agree, or "
                f"{_cure(index)}"
            )
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


def _is_fixed(rest: Expr, indices: Iterable[Any]) -> bool:
    """Whether what is added to an index is a number or a size, not another index or an entry of an array."""
    return not rest.has(Indexed, MatrixElement, *indices)
