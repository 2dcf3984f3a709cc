"""In which order the axes of an array come most naturally: that of the arrays with names that it is made of."""

from collections import deque

from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Input, Letter, Named, Use

# How many terms are looked at before any order will do.
_FARTHEST = 40


def natural_order(use: Use) -> tuple[Letter, ...] | None:
    """The letters in the order of the nearest argument or name that has them all; None if there is none.

    Only elementwise operations are looked through: what they are made of has the same axes.
    """
    wanted, queue = set(use.letters), deque([use])
    for _ in range(_FARTHEST):
        if not queue:
            return None
        found = queue.popleft()
        node = found.node
        if set(found.letters) != wanted:
            continue
        if isinstance(node, Input | Named):
            if len(wanted) == len(found.letters):
                return found.letters
        elif isinstance(node, Add | Apply) or (isinstance(node, Contract) and not node.bound):
            queue.extend(relabel(part, dict(enumerate(found.letters))) for part in node.uses())
    return None
