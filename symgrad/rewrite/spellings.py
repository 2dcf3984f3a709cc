"""One function for what is spelled in several ways."""

from sympy import S, exp, log
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.graph.build import ONE, add, apply, subtract
from symgrad.graph.nodes import Apply, Use
from symgrad.graph.transform import place
from symgrad.rewrite.record import record


@record("expm1 u = exp u − 1, log1p u = log(1 + u)", "one function for both spellings", "definition")
def textbook_spelling(use: Use) -> Use | None:
    """The functions of the C library by what textbooks write."""
    node = use.node
    if not (isinstance(node, Apply) and node.head in (expm1, log1p)):
        return None
    inner = place(node.args[0], use.letters)
    if node.head is expm1:
        return subtract(apply(exp, [inner]), ONE)
    return apply(log, [add([(S.One, ONE), (S.One, inner)])])
