"""Indices that are bound twice: an index means what the innermost sum around it says, and gets a name of its own there.

SymPy writes Σ_i Σ_{j ≤ i} Σ_i x[i] as one sum with the limits (i, j, i), innermost first: x[i] speaks of the first of
them, the limit of j of the last.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Basic, Dummy, Symbol, Tuple

from symgrad.deep import with_room
from symgrad.walk import depth


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
