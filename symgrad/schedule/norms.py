"""Roots of sums of squares as norms, and powers of them, where nothing asks for the sums themselves.

Squares overflow beyond 1e154 and vanish below 1e-162. A norm is computed plainly, and again where that has lost it.
"""

from collections.abc import Iterator, Sequence

from sympy import Integer, Number, S, log, sqrt

from symgrad.functions import NormOver, if_else
from symgrad.functions.norms import reciprocal_norm, reciprocal_root
from symgrad.graph.build import apply, auxiliary, const, number, product_of_powers, reduce, scale
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Contract, Node, Reduce, Use, postorder
from symgrad.graph.transform import opened, own, place, transform
from symgrad.rewrite.record import HIGHAM, record

Powers = dict[Use, Number]


@record("√Σ x² = ‖x‖, (Σ x²)^-½ = 1/‖x‖, log Σ x² = 2·log ‖x‖", "squares overflow where the norm does not", HIGHAM)
def norms(roots: Sequence[Use]) -> list[Use]:
    """The terms with norms for roots of sums of squares."""
    rooted = set(_rooted(roots))
    if not rooted:
        return list(roots)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not any(use.node in rooted for use in node.uses()):
            return None
        match node:
            case Contract(factors=factors, bound=bound):
                powers = [_power(use, e, old.node in rooted) for use, (old, e) in zip(uses, factors, strict=True)]
                made: Powers = {}
                for use, e in powers:
                    made[use] = made.get(use, S.Zero) + e
                return product_of_powers(_quotients(made).items(), dict(enumerate(bound, node.rank)))
            case Apply(head=head) if head is reciprocal_root:
                return apply(reciprocal_norm, [_norm(uses[0])])
            case Apply(head=head) if head is log:
                return scale(Integer(2), apply(log, [_norm(uses[0])]))
        return None

    return transform(roots, visit)


def _rooted(roots: Sequence[Use]) -> Iterator[Node]:
    """The sums of squares, and choices with them, of which powers and logarithms are taken alone."""
    nodes = list(postorder([use.node for use in roots]))
    plain, halved = {use.node for use in roots}, set[Node]()
    for node in reversed(nodes):  # users before what they use
        for n, use in enumerate(node.uses()):
            if isinstance(node, Contract):
                e = node.factors[n][1]
                (halved if (2 * e).is_odd else plain if e == 1 else set()).add(use.node)
            elif isinstance(node, Apply) and node.head in (reciprocal_root, log):
                halved.add(use.node)
            elif _is_choice(node) and n and node not in plain:
                (halved if node in halved else set()).add(use.node)
            else:
                plain.add(use.node)
    for node in nodes:
        if node in halved - plain and _root(own(node)) is not None:
            yield node


def _is_choice(node: Node) -> bool:
    return isinstance(node, Apply) and node.head is if_else


def _norm(use: Use) -> Use:
    found = _root(use)
    assert found is not None
    return found


def _root(use: Use) -> Use | None:
    """The norm that is the root of a sum of squares, or of a choice between one and a number."""
    node = use.node
    if isinstance(node, Contract) and node.bound and all(e.is_even and e.is_positive for _, e in node.factors):
        names, bound = opened(use, node.bound)
        return reduce(NormOver, product_of_powers([(relabel(u, names), e / 2) for u, e in node.factors]), bound)
    if _is_choice(node):
        condition, *branches = (place(part, use.letters) for part in node.uses())
        found = [_branch(part) for part in branches]
        if any(isinstance(part.node, Reduce) for part in found if part is not None) and None not in found:
            return apply(if_else, [condition, *(part for part in found if part is not None)])
    return None


def _branch(use: Use) -> Use | None:
    value = number(use)
    if value is None:
        return _root(use)
    return const(sqrt(value)) if value.is_nonnegative else None


def _power(use: Use, exponent: Number, is_rooted: bool) -> tuple[Use, Number]:
    return (_norm(use), 2 * exponent) if is_rooted else (use, exponent)


def _quotients(powers: Powers) -> Powers:
    """Of u/‖u‖³ and (u·v)/‖u‖³ what is small or large by itself is divided by ‖u‖ first."""
    left = dict(powers)
    for norm, e in powers.items():
        if not (isinstance(norm.node, Reduce) and norm.node.head is NormOver and e <= -2):
            continue
        arg = norm.node.arg
        for factor in sorted(powers, key=lambda other: other.node is not arg.node):
            is_sum = isinstance(factor.node, Contract) and factor.node.bound and factor.node.rank <= norm.node.rank
            if left[norm] <= -2 and left[factor] == 1 and (factor.node is arg.node or is_sum):
                quotient = auxiliary("ratio", product_of_powers([(factor, S.One), (norm, S.NegativeOne)]))
                left[factor] -= 1
                left[norm] += 1
                left[quotient] = left.get(quotient, S.Zero) + 1
    return {factor: e for factor, e in left.items() if e}
