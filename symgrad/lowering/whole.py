"""Which nodes are integers: subscripts and comparisons of indices are computed in integers, as the model means them."""

from collections.abc import Iterable, Sequence

from sympy import Abs, Max, Min, Mod, Pow, ceiling, floor
from sympy.core.relational import Relational

from symgrad.functions import if_else, in_range, relu
from symgrad.graph.nodes import Add, Apply, Const, Contract, Gather, Input, Node, Range, Scatter, Size, postorder

# A product of more factors than this may leave the range of 64-bit integers for sizes that occur.
MOST_FACTORS = 3

_KEEP = (Mod, Max, Min, Abs, floor, ceiling, in_range, relu)


def whole_nodes(nodes: Sequence[Node], more: Iterable[Node] = ()) -> set[Node]:
    """The nodes to compute in integers: all that subscripts are made of (or `more`), and comparisons of integers."""
    roots: list[Node] = list(more)
    for node in nodes:
        if isinstance(node, Gather | Scatter):
            roots.extend(use.node for use in node.subs)
        elif (
            isinstance(node, Apply)
            and isinstance(node.head, type)
            and issubclass(node.head, Relational)
            and all(_integral(use.node) for use in node.args)
        ):
            roots.extend(use.node for use in node.args)
    stop = [node.base.node for node in nodes if isinstance(node, Gather)]
    stop += [node for node in nodes if isinstance(node, Apply) and not _stays(node)]
    return set(postorder(roots, frozenset(stop)))


def _stays(node: Apply) -> bool:
    return node.head in _KEEP or node.head in (if_else, Pow)


def _integral(node: Node) -> bool:
    """Whether a term is made of indices, sizes and integer data by operations that keep integers."""
    for part in postorder([node]):
        match part:
            case Range() | Size() | Input(integer=True):
                pass
            case Const(value=value) if value.is_Integer:
                pass
            case Add(terms=terms) if all(c.is_Rational for c, _ in terms):
                pass
            case Contract(factors=factors, bound=()):
                if not all(e.is_Integer and e.is_positive for _, e in factors):
                    return False
                if sum(e for _, e in factors) > MOST_FACTORS:
                    return False
            case Apply(head=head) if head in _KEEP:
                pass
            case _:
                return False
    return not (isinstance(node, Add) and any(not c.is_Integer for c, _ in node.terms))
