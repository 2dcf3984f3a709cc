"""Left sides of equations: their subscripts, which of them are indices, and which are fixed."""

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Idx, Indexed, IndexedBase, MatrixSymbol, S, Symbol, expand
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, declared_shape, name_of
from symgrad.frontend.scope import Index, Scope, place_of


def subscripts_of(entry: Any) -> tuple[Expr, ...]:
    """The subscripts of h[t, k] or H[i, j]; none of what is whole."""
    if isinstance(entry, Indexed):
        return tuple(entry.indices)
    return (entry.i, entry.j) if isinstance(entry, MatrixElement) else ()


def along_axes(base: Any, of_sides: Sequence[Any]) -> tuple[Any, ...]:
    """What belongs to the axes of an array: sides of one of a `MatrixSymbol` have no axis."""
    if not isinstance(base, MatrixSymbol):
        return tuple(of_sides)
    return tuple(one for one, side in zip(of_sides, base.shape, strict=True) if side != 1)


def axes_of(entry: Any) -> tuple[Expr, ...]:
    """The subscripts of an entry along the axes of its array; none of what is whole."""
    subs = subscripts_of(entry)
    return along_axes(base_symbol(entry), subs) if subs else ()


def on_sides_of_one(entry: Any) -> tuple[Expr, ...]:
    """The subscripts of an entry that belong to no axis: the 0, or an index, of a column."""
    base = base_symbol(entry)
    if not isinstance(base, MatrixSymbol):
        return ()
    return tuple(sub for sub, side in zip(subscripts_of(entry), base.shape, strict=False) if side == 1)


def scope_of(left: Any) -> Scope:
    """A scope with the indices of a left side that belong to no axis."""
    scope = Scope()
    for sub in on_sides_of_one(left):
        if isinstance(sub, Symbol | Idx):
            scope = scope.with_index(sub, Index(sub, S.Zero, S.One))
        elif sub != 0:
            raise ModelError(f"{left} = ...: the subscript {sub} is of a side of length 1, which has an entry 0 only")
    return scope


def checked_axes(base: Any, subs: Sequence[Expr], entry: Any) -> tuple[Expr, ...]:
    """The subscripts along the axes of an array.

    Raises
    ------
    ModelError : there are too few or too many subscripts.
    """
    sides = declared_shape(base)
    if len(subs) != len(sides):
        raise ModelError(f"{place_of(entry)} has {len(subs)} subscripts, but {name_of(base)} has {len(sides)} axes")
    return along_axes(base, subs)


def lengths_of(base: Any) -> tuple[Expr, ...]:
    """The declared lengths of the axes of an array."""
    return along_axes(base, declared_shape(base))


def fixed_subscripts(left: Any) -> list[int]:
    """The axes where a left side has a number or a size in place of an index, as h[0, k] and b[T, k] do."""
    base = base_symbol(left)
    if not isinstance(base, IndexedBase | MatrixSymbol):
        return []
    sizes = {symbol for side in base.shape or () for symbol in S(side).free_symbols}
    return [axis for axis, sub in enumerate(axes_of(left)) if not sub.has(Idx) and sub.free_symbols <= sizes]


def index_of(sub: Expr) -> tuple[Any, Expr] | None:
    """(t, c) of a subscript t + c with a number c, or None."""
    found = [part for part in (sub.args if sub.is_Add else (sub,)) if isinstance(part, Symbol | Idx)]
    if len(found) != 1:
        return None
    offset = expand(sub - found[0])
    return (found[0], offset) if offset.is_Integer else None
