"""Which terms are never negative, as far as their form, their symbols' assumptions and facts show."""

from weakref import WeakKeyDictionary

from sympy import Abs, Max, Min, Pow, asinh, atan, cosh, erf, erfc, exp, log, sinh, tanh

from symgrad.functions import LogSumExp, if_else, ndtr, relu, share, sigmoid, softplus
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    Named,
    Node,
    Range,
    Reduce,
    Scatter,
    Size,
    Use,
    postorder,
)

_NONNEGATIVE = (exp, share, sigmoid, softplus, cosh, relu, Abs, ndtr, erfc)
_OF_ONE_SIGN = (Pow, tanh, sinh, atan, asinh, erf)  # not negative where their argument is not

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
        case Delta() | Range():
            return True
        case Const(value=value) | Size(value=value):
            return bool(value.is_nonnegative)
        case Input(symbol=symbol, properties=properties):
            return bool(getattr(getattr(symbol, "label", symbol), "is_nonnegative", False)) or "positive" in properties
        case Named(arg=arg, properties=properties):
            return "positive" in properties or _known[arg.node]
        case Reduce(head=head, arg=arg):  # a product, a greatest or a least entry
            return head is not LogSumExp and _known[arg.node]
        case Add(terms=terms):
            return all(c.is_positive and _known[part.node] for c, part in terms)
        case Contract(factors=factors):
            return all(_known[part.node] or e.is_even for part, e in factors)
        case AxisMap(head=head):
            return bool(head == "softmax")
        case Apply(head=head, args=args):
            if head is log:
                return _at_least_one(args[0].node)
            if head in (if_else, Min):
                return all(_known[arg.node] for arg in args[-2:])
            if head is Max:
                return any(_known[arg.node] for arg in args)
            return head in _NONNEGATIVE or (head in _OF_ONE_SIGN and _known[args[0].node])
        case Gather(base=arg) | Scatter(value=arg):
            return _known[arg.node]
    return False


def _at_least_one(node: Node) -> bool:
    """Whether a sum has a number of at least one beside terms that are never negative."""
    if not isinstance(node, Add) or not _known[node]:
        return False
    return any(isinstance(part.node, Const) and c * part.node.value >= 1 for c, part in node.terms)
