"""Which terms are never negative, as far as their form, their symbols' assumptions and facts show."""

from weakref import WeakKeyDictionary

from sympy import Abs, Pow, cosh, exp

from symgrad.functions import LogSumExp, relu, sigmoid, softplus
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Input,
    Named,
    Node,
    Reduce,
    Size,
    Use,
    postorder,
)

_known: WeakKeyDictionary[Node, bool] = WeakKeyDictionary()


def is_nonnegative(use: Use) -> bool:
    """Whether the term is known to be at least zero wherever its data are legal."""
    found = _known.get(use.node)
    if found is None:
        for node in postorder([use.node], _known):
            _known[node] = _nonnegative(node)
        found = _known[use.node]
    return found


def _nonnegative(node: Node) -> bool:
    """The same for a node whose operands are known."""
    match node:
        case Size() | Delta():
            return True
        case Const(value=value):
            return bool(value.is_nonnegative)
        case Input(symbol=symbol, properties=properties):
            return bool(getattr(getattr(symbol, "label", symbol), "is_nonnegative", False)) or "positive" in properties
        case Named(arg=arg, properties=properties):
            return "positive" in properties or _known[arg.node]
        case Reduce(head=head, arg=arg):  # a product, a greatest or a least entry
            return head is not LogSumExp and _known[arg.node]
        case Add(terms=terms):
            return bool(terms) and all(c.is_positive and _known[part.node] for c, part in terms)
        case Contract(factors=factors):
            return all(_known[part.node] or e.is_even for part, e in factors)
        case AxisMap(head=head):
            return bool(head == "softmax")
        case Apply(head=head, args=args):
            return head in (exp, sigmoid, softplus, cosh, relu, Abs) or (head is Pow and _known[args[0].node])
    return False
