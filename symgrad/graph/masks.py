"""Masks of maxima, minima and logsumexps: conditions that make entries an infinity, so that they do not count."""

from typing import Any

from sympy import Expr, S

from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.nodes import Add, Apply, Const, Gather, Named, Node, Reduce, Use

# What a maximum and a minimum are where nothing is left.
NEUTRAL: dict[Any, Expr] = {MaxOver: S.NegativeInfinity, MinOver: S.Infinity}


def is_masked(use: Use, neutral: Expr = S.NegativeInfinity) -> bool:
    """Whether a condition makes entries of a term the infinity that reductions do not count."""
    stack: list[Node] = [use.node]
    while stack:
        node = stack.pop()
        match node:
            case Const(value=value) if value == neutral:
                return True
            case Apply(head=head, args=(_, *branches)) if head is if_else:
                stack.extend(branch.node for branch in branches)
            case Named(arg=part) | Gather(base=part):
                stack.append(part.node)
            case Add(terms=terms):
                stack.extend(part.node for _, part in terms)
    return False


def masks_all(node: Reduce) -> bool:
    """Whether a maximum or minimum has a value over no entries: its mask may leave none as well."""
    return is_masked(node.arg, NEUTRAL[node.head])
