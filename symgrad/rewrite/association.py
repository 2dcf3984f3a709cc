"""Sums of products inside sums of products as one: (A B) C and A (B C) are one graph, whose order the code chooses."""

from collections import Counter
from collections.abc import Sequence

from sympy import Expr

from symgrad.graph.build import product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Contract, Letter, Node, Use, postorder
from symgrad.graph.transform import rebuilt, transform
from symgrad.rewrite.record import record


@record("A(BC) = (AB)C = ABC", "one graph, whose order the code chooses", "associative law")
def flatten_products(roots: Sequence[Use]) -> list[Use]:
    """The terms with Σ_j a_ij (Σ_k b_jk c_k) written Σ_jk a_ij b_jk c_k, but for sums that more than one term needs."""
    counts = Counter(use.node for node in postorder([root.node for root in roots]) for use in node.uses())
    counts.update(root.node for root in roots)
    once = {node for node, count in counts.items() if count == 1 and isinstance(node, Contract) and node.bound}
    images: dict[Node, Node] = {}  # what the sums that may be taken apart have become

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        if isinstance(node, Contract) and isinstance(made.node, Contract):
            inner = {images[use.node] for use in node.uses() if use.node in images}
            made = _flat(made, inner)
        if node in once:
            images[node] = made.node
        return made

    return transform(roots, visit)


def _flat(product: Use, inner: set[Node]) -> Use:
    """The product with those of its factors taken apart."""
    node = product.node
    assert isinstance(node, Contract)
    names = dict(enumerate((*product.letters, *((node, k) for k in range(len(node.bound))))))
    bound: dict[Letter, Expr] = {(node, k): length for k, length in enumerate(node.bound)}
    factors = []
    for place, (use, exponent) in enumerate(node.factors):
        use = relabel(use, names)
        if exponent != 1 or use.node not in inner or not isinstance(use.node, Contract):
            factors.append((use, exponent))
            continue
        own_bound = {(place, k): length for k, length in enumerate(use.node.bound)}
        within = dict(enumerate((*use.letters, *own_bound)))
        factors.extend((relabel(part, within), e) for part, e in use.node.factors)
        bound |= own_bound
    return product_of_powers(factors, bound) if len(factors) > len(node.factors) else product
