"""Diagonals: f(A)[i, i] = f(A[i, i]), N numbers where f(A) has N², and sums of what stands there, which cancel."""

from sympy import Number, S

from symgrad.graph.build import add, apply, mul, product_of_powers, scale
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.transform import factors_of, opened, place, terms_of
from symgrad.rewrite.record import HIGHAM, record


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


@record(
    "a·(x − y) + b·(2y − 2x) = (a − 2b)·(x − y)",
    "x − y, of which little may be left, is found once and is no difference of products",
    HIGHAM,
)
def common_difference(use: Use) -> Use | None:
    """A sum of products all of which have multiples of the same difference as a factor."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if len(terms) < 2:
        return None
    (first, one), *others = terms
    for difference, e in factors_of(one):
        if e != 1 or not _is_difference(difference):
            continue
        rest = [(first, product_of_powers([pair for pair in factors_of(one) if pair[0] != difference]))]
        for c, term in others:
            found = next(
                ((factor, r) for factor, k in factors_of(term) if k == 1 and (r := _multiple(factor, difference))), None
            )
            if found is not None:
                factor, ratio = found
                left = product_of_powers([pair for pair in factors_of(term) if pair[0] != factor])
                rest.append((c * ratio, left))
        if len(rest) == len(terms):
            return mul([difference, add(rest)])
    return None


def _is_difference(use: Use) -> bool:
    return isinstance(use.node, Add) and len({bool(c.is_positive) for c, _ in terms_of(use)}) > 1


def _multiple(use: Use, of: Use) -> Number | None:
    """The number r with use = r·of, for sums; None if there is none."""
    if not isinstance(use.node, Add):
        return None
    ((c, term), *_), known = terms_of(of), {term: c for c, term in terms_of(use)}
    ratio = known.get(term, S.Zero) / c
    return ratio if ratio and scale(ratio, of) == use else None
