"""Windows of arrays, which are views: laid out for what is summed over them, and copied once if that happens often."""

from math import prod
from typing import Any

from symgrad.graph.nodes import Contract, Gather, Node, Reduce
from symgrad.lowering.recurrences import Recurrences
from symgrad.lowering.subscripts import is_window
from symgrad.lowering.values import Value
from symgrad.statements.arithmetic import operation

# A reduction over windows works on a copy of these if they have at most so many entries: libraries reduce long vectors
# several times faster than strided windows, and the copy is as many times larger than the array at most.
MOST_COPIES = 16


class Windows(Recurrences):
    """Turns terms into statements; windows that are used several times are matrices whose columns are windows."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._copied: set[Node] = set()  # windows that are copied if they are used several times

    def _lay_out(self, node: Node) -> None:
        super()._lay_out(node)
        if isinstance(node, Reduce) or (isinstance(node, Contract) and node.bound):
            for use in node.uses():
                windows = isinstance(use.node, Gather) and is_window(use.node)
                if windows and (isinstance(node, Contract) or _is_short(node)):
                    # an entry of all windows after the other: the rows of one matrix product, and long vectors
                    self._want(use, sorted(use.letters, key=lambda letter: letter < node.rank))
                    self._copied.add(use.node)

    def _print(self, node: Node) -> Value:
        value = super()._print(node)
        if node not in self._copied or self._counts[node] < 2:
            return value
        return Value(operation("ascontiguousarray", value.expression), value.letters, value.kind)


def _is_short(node: Reduce) -> bool:
    """Whether a reduction is over a few entries, as in pooling."""
    return all(side.is_Integer for side in node.bound) and prod(node.bound) <= MOST_COPIES
