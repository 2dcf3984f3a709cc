"""Where the entries of a term may be −∞: all of them along some axes, or single ones."""

from collections.abc import Mapping

from sympy import Expr

from symgrad.graph.facts import may_be_infinite
from symgrad.graph.kinds.axes import LOG_SOFTMAX, AxisMap
from symgrad.graph.kinds.sums import Add
from symgrad.graph.masks import is_masked, masks_some
from symgrad.graph.node import Letter, Use
from symgrad.graph.transform import place, see_through


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
