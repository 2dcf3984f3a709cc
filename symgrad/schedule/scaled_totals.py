"""Sums of multiples of exp(u − M) over rows with M the largest u of all, taken in one pass together with M.

A block takes its own M. Two of them are joined by their larger M: what is after the smaller one is multiplied by
exp(m − M). So the rows of a logsumexp are read once, not once for the maximum and once for the sum.

Source: Milakov and Gimelshein, Online normalizer calculation for softmax (2018).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from sympy import exp

from symgrad.functions import MaxOver, finite_maximum
from symgrad.graph.masks import is_masked
from symgrad.graph.nodes import Add, Apply, Contract, Named, Node, Reduce, Use

Status = Literal["largest", "shifted", "linear"]


def scaled_totals(
    nodes: Sequence[Node], roots: Sequence[Use], kinds: Mapping[Node, str], rounds: Mapping[Node, int]
) -> tuple[tuple[Node, ...], frozenset[Node]]:
    """M and the sums that are taken with it, and what is computed of M in a block; nothing if M counts otherwise, too.

    Parameters
    ----------
    nodes, roots : of a function, in order.
    kinds : `local` for what has rows, `total` for what is taken over them.
    rounds : when each node is there, by maxima of all rows.
    """
    for largest in nodes:
        if not isinstance(largest, Reduce) or largest.head is not MaxOver or largest.rank:
            continue
        if kinds.get(largest) == "total" and not is_masked(largest.arg):  # M is finite, in every block
            found = _of(largest, nodes, kinds, rounds)
            outside = {use.node for use in roots}
            for node in nodes:
                if node not in found:
                    outside.update(use.node for use in node.uses())
            totals = [node for node in found if kinds.get(node) == "total"]
            inside = found.keys() - set(totals)
            if totals and not outside & inside:
                return (largest, *totals), frozenset(found)
    return (), frozenset()


def _of(
    largest: Node, nodes: Sequence[Node], kinds: Mapping[Node, str], rounds: Mapping[Node, int]
) -> dict[Node, Status]:
    """What is u − M, and what has exp(u − M) as a factor once, of what is there when M is taken."""
    found: dict[Node, Status] = {}

    def there(node: Node) -> bool:
        return rounds[node] <= rounds[largest] - (kinds.get(node) != "local")

    for node in nodes:
        mine = [use.node for use in node.uses() if use.node is largest or use.node in found]
        others = [use.node for use in node.uses() if use.node not in mine]
        if mine and all(map(there, others)):
            status = _status(node, largest, found)
            if status == "largest" or (status is not None and kinds.get(node) in ("local", "total")):
                found[node] = status
    return found


def _status(node: Node, largest: Node, found: Mapping[Node, Status]) -> Status | None:
    statuses = [found.get(use.node) for use in node.uses()]
    match node:
        case Apply(head=head) if head is finite_maximum and node.uses()[0].node is largest:
            return "largest"
        case Apply(head=head) if head is exp and statuses == ["shifted"]:
            return "linear"
        case Named() if statuses[0] in ("shifted", "linear"):
            return statuses[0]
        case Add(terms=terms) if len(terms) > 1:
            if all(status == "linear" for status in statuses):
                return "linear"
            gone = [
                c
                for (c, use), status in zip(terms, statuses, strict=True)
                if use.node is largest or status == "largest"
            ]
            return "shifted" if gone == [-1] and not {"linear", "shifted"}.intersection(statuses) else None
        case Contract(factors=factors):
            mine = [e for (use, e), status in zip(factors, statuses, strict=True) if status or use.node is largest]
            return "linear" if mine == [1] and "linear" in statuses else None
    return None
