"""Which functions of one argument are even or odd."""

from functools import cache
from typing import Any

from sympy import Abs, Dummy, Integer, S, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symgrad.functions import constant


@cache
def parity(head: Any) -> Integer | None:
    """1 for an even function, -1 for an odd one, None otherwise, as SymPy knows it."""
    if head is Abs:
        return S.One
    if head is sign:
        return S.NegativeOne
    if isinstance(head, type) and issubclass(head, Relational | Boolean | constant):
        return None
    x = Dummy("x", real=True)
    mirrored, plain = head(-x), head(x)
    if mirrored == plain:
        return S.One
    return S.NegativeOne if mirrored == -plain else None
