"""Which functions of one argument are even or odd, and which of u and -u they are written of."""

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sympy import Abs, Dummy, Integer, S, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symgrad.functions import constant
from symgrad.graph.nodes import Add, Input, Named, Node, postorder


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


_first_name: WeakKeyDictionary[Node, tuple[bool, str]] = WeakKeyDictionary()


def is_mirrored(node: Add) -> bool:
    """Which of u and -u a sum is: the one with more negative terms, or whose first term by name is negative."""
    negative = sum(bool(c.is_negative) for c, _ in node.terms)
    if 2 * negative != len(node.terms):
        return 2 * negative > len(node.terms)
    named = [(_names(use.node), use.node.digest, bool(c.is_negative)) for c, use in node.terms]
    return min(named)[2] if named else False


def _names(node: Node) -> tuple[bool, str]:
    """The first name in a term, in alphabetical order; terms without any come last."""
    found = _first_name.get(node)
    if found is None:
        names = [below.name for below in postorder([node]) if isinstance(below, Input | Named)]
        found = _first_name[node] = (not names, min(names, default=""))
    return found
