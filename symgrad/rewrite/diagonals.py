"""Diagonals of functions of entries: f(A)[i, i] = f(A[i, i]), N numbers where f(A) has N²."""

from symgrad.graph.build import add, apply, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.transform import opened, place
from symgrad.rewrite.record import record


@record("f(A)[i, i] = f(A[i, i])", "N numbers where f(A) has N²", "definition of f(A) by entries")
def diagonal(use: Use) -> Use | None:
    """An operand with an index twice, with the index inside its functions, sums and products."""
    operands = use.node.uses()
    moved = tuple(inwards(operand) for operand in operands)
    return None if moved == operands else place(use.node.rebuild(moved), use.letters)


def inwards(use: Use) -> Use:
    """A term with an index twice, with the index inside it as far as its operations go entry by entry."""
    node = use.node
    if len(set(use.letters)) == len(use.letters):
        return use
    match node:
        case Add(terms=terms):
            return add([(c, inwards(place(term, use.letters))) for c, term in terms])
        case Contract(factors=factors, bound=lengths):
            names, bound = opened(use, lengths)
            return product_of_powers([(inwards(relabel(factor, names)), e) for factor, e in factors], bound)
        case Apply(head=head, args=args):
            return apply(head, [inwards(place(arg, use.letters)) for arg in args])
    return use
