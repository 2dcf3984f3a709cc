"""Which terms are positive, or zero where all data are: as far as their form and the symbols' assumptions show."""

from sympy import Abs, IndexedBase, Max, Min, Pow, Symbol, besseli, beta, cosh, erfc, exp, factorial, gamma, sign

from symgrad.functions import if_else, ndtr, sigmoid, softplus
from symgrad.functions.normal import exp_ndtr
from symgrad.graph.axes import SOFTMAX
from symgrad.graph.build import ONE
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Gather,
    Input,
    Named,
    Range,
    Reduce,
    Size,
    Use,
    postorder,
)
from symgrad.graph.signs import is_nonnegative
from symgrad.graph.transform import place, see_through


class Probability(Symbol):  # type: ignore[misc]
    """Stands for a quantity that is known to lie between 0 and 1."""


# How deep the search for a sign goes; beyond it a sign counts as unknown.
_DEEPEST = 12


def is_positive(use: Use, depth: int = 0) -> bool:
    """Whether a term is positive for all data, as far as its form and the symbols' assumptions show."""
    node = use.node
    if depth > _DEEPEST:
        return False
    match node:
        case Const(value=value) | Size(value=value):
            return bool(value.is_positive)
        case Input(symbol=symbol):
            return bool((symbol.label if isinstance(symbol, IndexedBase) else symbol).is_positive)
        case Apply(head=head, args=args):
            if head in (exp, sigmoid, softplus, cosh, ndtr, erfc, exp_ndtr):
                return True
            if head is if_else:
                return all(is_positive(arg, depth + 1) for arg in args[1:])
            if head is factorial:
                return is_nonnegative(args[0]) or is_integral(args[0])
            if head is gamma:
                return is_positive(args[0], depth + 1) or is_integral(args[0])
            if head in (beta, besseli):
                return all(is_positive(arg, depth + 1) for arg in args[head is besseli :])
            return head.__name__ == "Pow" and is_positive(args[0], depth + 1)
        case AxisMap(head=head):
            return bool(head == SOFTMAX)
        case Contract(factors=factors):
            return all(is_positive(factor, depth + 1) for factor, _ in factors)
        case Add(terms=terms):
            inside = all(c.is_positive and (is_nonnegative(term) or is_positive(term, depth + 1)) for c, term in terms)
            inside = inside and any(is_positive(term, depth + 1) for _, term in terms)
            return bool(terms) and (inside or is_complement(use))
        case Reduce(arg=arg):
            return node.head.__name__ in ("Product", "MaxOver", "MinOver") and is_positive(arg, depth + 1)
        case Named(arg=arg):
            return is_positive(arg, depth + 1)
        case Gather(base=base):
            return is_positive(base, depth + 1)
    return False


def is_integral(use: Use) -> bool:
    """Whether a term is a whole number, as far as its form shows: made of integer data, indices and sizes."""
    for node in postorder([use.node]):
        match node:
            case Range() | Size() | Input(integer=True):
                pass
            case Const(value=value) if value.is_integer:
                pass
            case Input(symbol=symbol) if getattr(getattr(symbol, "label", symbol), "is_integer", False):
                pass
            case Add(terms=terms) if all(c.is_integer for c, _ in terms):
                pass
            case Contract(factors=factors) if all(e.is_integer and e.is_positive for _, e in factors):
                pass
            case Apply(head=head, args=(_, exponent)) if head is Pow and is_nonnegative(exponent):
                pass
            case Apply(head=head) if head in (Abs, Max, Min, sign):
                pass
            case Gather() | Named():
                pass
            case _:
                return False
    return True


def is_complement(use: Use) -> bool:
    """1 - p for a probability p."""
    if not isinstance(use.node, Add) or len(use.node.terms) != 2:
        return False
    terms = {see_through(place(term, use.letters)): c for c, term in use.node.terms}
    others = [term for term in terms if term.node is not ONE.node]
    if terms.get(ONE) != 1 or len(others) != 1 or terms[others[0]] != -1:
        return False
    node = others[0].node
    return getattr(node, "head", None) in (sigmoid, ndtr) or isinstance(getattr(node, "symbol", None), Probability)


def is_sum_of_squares(use: Use) -> bool:
    """Whether a term is a sum of even powers, with positive weights: it is 0 only where all of them are."""
    node = see_through(use).node
    if isinstance(node, Contract):
        squares = [(e.is_even and e.is_positive) or (e == 1 and is_sum_of_squares(f)) for f, e in node.factors]
        positive = [is_positive(factor) for factor, _ in node.factors]
        return any(squares) and all(a or b for a, b in zip(squares, positive, strict=True))
    return isinstance(node, Add) and all(
        coefficient.is_positive and isinstance(see_through(term).node, Contract) and is_sum_of_squares(term)
        for coefficient, term in node.terms
    )
