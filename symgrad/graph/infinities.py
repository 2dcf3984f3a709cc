"""Which terms may be −∞, as the logarithm of a probability of 0 is: as far as their form shows.

A log-probability is −∞ where data or parameters say so (a forbidden move, a tag that does not exist), or where it is
the logarithm of what may be 0; sums, choices and maxima of such terms hand it on. A product of matrices does not:
beside a zero an infinity in it is not a number, so it is no legal input there. Neither do squares and what is bounded.
"""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from sympy import Abs, Expr, Max, Min, S, exp, log, loggamma
from sympy.codegen.cfunctions import log1p, log2, log10

from symgrad.functions import LogSumExp, MaxOver, MinOver, constant, if_else, log_sigmoid, relu, softplus
from symgrad.graph.axes import LOG_SOFTMAX, SUM_FROM, SUM_UP_TO
from symgrad.graph.masks import is_masked, masks_some
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Gather,
    Input,
    Letter,
    Merge,
    Named,
    Node,
    Past,
    Previous,
    Reduce,
    Scatter,
    Size,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.positive import is_positive
from symgrad.graph.signs import is_nonnegative
from symgrad.graph.transform import place, see_through

_LOGARITHMS = (log, log2, log10)
_UNBOUNDED = (softplus, relu, Abs, Max, Min, log_sigmoid, constant)  # infinite where their arguments are

_known: WeakKeyDictionary[Node, bool] = WeakKeyDictionary()


def may_be_all_minus_infinity(use: Use, over: Mapping[Letter, Expr]) -> bool:
    """Whether all entries of a term along some letters may be −∞, so that their exponentials have the sum 0."""
    return may_be_infinite(use) or (is_masked(use) and masks_some(use, over))


def has_infinite_entries(use: Use) -> bool:
    """Whether single entries of a term may be −∞: a term of a sum that lacks one of its indices, a bias, is finite."""
    use = see_through(use)
    match use.node:
        case AxisMap(head=head, arg=arg) if head == LOG_SOFTMAX:
            return has_infinite_entries(place(arg, use.letters))
        case Add():
            parts = [place(part, use.letters) for part in use.node.uses()]
            return any(set(part.letters) >= set(use.letters) and has_infinite_entries(part) for part in parts)
    return may_be_infinite(use)


def may_be_infinite(use: Use) -> bool:
    """Whether a term may be −∞, or ∞ and subtracted from something, not counting masks that are the term itself."""
    if use.node not in _known:
        for node in postorder([use.node], _known):
            _known[node] = _may_be_infinite(node)
    return _known[use.node]


def _may_be_infinite(node: Node) -> bool:
    """The same for a node whose operands are known."""
    match node:
        case Input(integer=integer):
            return not integer
        case Past() | Previous() | Trajectory():
            return True
        case Add() | Named() | Gather() | Scatter() | Merge() | Split():
            return any(_known[use.node] for use in node.uses())
        case Contract(factors=factors, bound=bound) if not bound or len(factors) == 1:
            return any(exponent == 1 and _known[use.node] for use, exponent in factors)
        case Contract(factors=factors):
            return any(_is_logarithm(use) and _known[use.node] for use, _ in factors)
        case Apply(head=head, args=args):
            if head in _LOGARITHMS:
                return not is_never_zero(args[0])
            if head is if_else:
                return any(_known[use.node] for use in args[1:])
            return head in (log1p, loggamma) or (head in _UNBOUNDED and any(_known[use.node] for use in args))
        case Reduce(head=head, arg=arg, bound=bound) if head in (MaxOver, MinOver, LogSumExp):
            return _known[arg.node] or (is_masked(arg) and masks_some(arg, dict(enumerate(bound, node.rank))))
        case AxisMap(head=head, arg=arg) if head in (LOG_SOFTMAX, SUM_UP_TO, SUM_FROM):
            return _known[arg.node]
    return False


def _is_logarithm(use: Use) -> bool:
    """Whether a term is a log-probability by its form."""
    node = see_through(use).node
    return getattr(node, "head", None) in (*_LOGARITHMS, LogSumExp, LOG_SOFTMAX)


def is_never_zero(use: Use) -> bool:
    """Whether a term is seen to be positive; an exponential is 0 at −∞."""
    node = use.node
    match node:
        case Const() | Size() | Input():
            return is_positive(use)
        case Named(arg=arg) | Gather(base=arg):
            return is_never_zero(arg)
        case Contract(factors=factors):
            return all(is_never_zero(factor) for factor, _ in factors)
        case Add(terms=terms):
            return is_nonnegative(use) and any(c is not S.Zero and is_never_zero(term) for c, term in terms)
        case Apply(head=head, args=args):
            if head is exp:
                return not may_be_infinite(args[0])
            if head is Max:
                return any(map(is_never_zero, args))
            return head.__name__ == "Pow" and is_never_zero(args[0])
    return False
