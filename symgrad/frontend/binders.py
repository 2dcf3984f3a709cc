"""Bound indices: what their limits may depend on, and names of their own for those that are bound twice.

An index means what the innermost sum around it says, and gets another name there.

SymPy writes Σ_i Σ_{j ≤ i} Σ_i x[i] as one sum with the limits (i, j, i), innermost first: x[i] speaks of the first of
them, the limit of j of the last.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Basic, Dummy, Expr, Ge, Idx, Indexed, Le, Product, S, Sum, Symbol, Tuple, oo
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.deep import with_room
from symgrad.errors import ModelError
from symgrad.frontend.scope import place_of
from symgrad.functions import LogSumExp, MaxOver, MinOver
from symgrad.walk import Preorder, depth

# What a reduction gives where nothing is left to reduce: the value of a masked entry.
NEUTRAL = {Sum: S.Zero, Product: S.One, MaxOver: -oo, MinOver: oo, LogSumExp: -oo}


def check_limits(whole: Basic, symbol: Any, low: Expr, high: Expr, known: Collection[Any]) -> None:
    """Refuse limits of an index that depend on anything but dimensions and outer indices, which are `known`."""
    for bound, relation in ((low, Ge), (high, Le)):

        def where(bound: Expr = bound) -> str:  # in messages only: to print takes longer than to check
            return f"{place_of(whole)}: the limit {place_of(bound)} of {symbol} depends on"

        for part in Preorder(bound):
            if isinstance(part, Indexed | MatrixElement):
                neutral = NEUTRAL.get(type(whole), S.Zero)
                mask = f"if_else({place_of(relation(symbol, bound))}, ..., {neutral})"
                raise ModelError(
                    f"{where()} {place_of(part)}, which is no dimension; let {symbol} run over the whole axis and "
                    f"write {mask} inside"
                )
        for free in sorted(bound.free_symbols, key=str):
            if free not in known and not isinstance(free, Idx):
                raise ModelError(f"{where()} {free}, which is no dimension")


def apart(function: Basic, limits: Sequence[Tuple], taken: Collection[Any]) -> tuple[Basic, list[Tuple]]:
    """What is summed and the limits, innermost first, with every index under a name that nothing else here has."""
    limits, used = list(limits), set(taken)
    for place in reversed(range(len(limits))):
        symbol = limits[place][0]
        if symbol in used:
            renamed = {symbol: _fresh(symbol)}
            limits[place] = Tuple(renamed[symbol], *limits[place][1:])
            for inner in reversed(range(place)):
                limits[inner] = Tuple(limits[inner][0], *(_replaced(end, renamed) for end in limits[inner][1:]))
                if limits[inner][0] == symbol:
                    break  # from here on the symbol is the inner index
            else:
                function = _replaced(function, renamed)
        used.add(limits[place][0])
    return function, limits


def _fresh(symbol: Any) -> Dummy:
    return Dummy(symbol.name, **symbol.assumptions0) if isinstance(symbol, Symbol) else Dummy(symbol.name, integer=True)


def _replaced(expr: Basic, renamed: dict[Any, Any]) -> Basic:
    """Also of what is bound further in, which is the same by another name."""
    return with_room(depth([expr]), lambda: expr.xreplace(renamed))
