"""Masks of maxima, minima and logsumexps: conditions that make entries an infinity, so that they do not count."""

from collections.abc import Mapping
from typing import Any

from sympy import And, Expr, S

from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.comparisons import Comparison, Mask, comparison
from symgrad.graph.dimensions import at_smallest
from symgrad.graph.kinds.functions import Apply
from symgrad.graph.kinds.leaves import Const
from symgrad.graph.kinds.names import Named
from symgrad.graph.kinds.subscripts import Gather
from symgrad.graph.kinds.sums import Add
from symgrad.graph.letters import sizes_of
from symgrad.graph.node import Letter, Node, Use
from symgrad.graph.transform import place, see_through

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


def masks_all(head: Any, arg: Use) -> bool:
    """Whether a maximum or minimum has a value over no entries: its mask may leave none as well."""
    return is_masked(arg, NEUTRAL[head])


def masks_some(use: Use, over: Mapping[Letter, Expr]) -> bool:
    """Whether a mask may make all entries of a term along the letters −∞, as far as can be seen.

    It does not where the first or the last entry, or that on the diagonal, always counts: j <= i for j = 0.
    """
    found: list[Comparison | None] = []
    lengths = sizes_of([use])
    use = see_through(use)
    while isinstance(use.node, Apply) and use.node.head is if_else:
        condition, use, other = (place(arg, use.letters) for arg in use.node.args)
        if not (isinstance(other.node, Const) and other.node.value == S.NegativeInfinity):
            return True
        both = isinstance(condition.node, Apply) and condition.node.head is And
        parts = [place(part, condition.letters) for part in condition.node.uses()] if both else [condition]
        found += [comparison(Mask(part, True)) for part in parts]
        use = see_through(use)
    known = [one for one in found if one is not None]
    if len(known) < len(found) or is_masked(use):
        return True

    def counts(letter: Letter, position: Expr | None) -> bool:
        """Whether the entry at a position (None: at that of the other letter) counts by every comparison."""
        for one in known:
            ends = {one.first: S.Zero, one.second: lengths[one.second] - 1} | {letter: position}
            if position is None and letter not in (one.first, one.second):
                return False
            gap = -one.offset if position is None else ends[one.first] - ends[one.second] - one.offset
            least = at_smallest(gap)
            if least is None or least < 0:
                return False
        return True

    return not any(counts(letter, at) for letter, length in over.items() for at in (S.Zero, length - 1, None))
