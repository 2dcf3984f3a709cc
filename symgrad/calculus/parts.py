"""Large products in parts: of n factors the derivatives by each are n products of n - 1, unless they share parts.

A product of more than `MOST` factors becomes a chain of quantities, each the product of the one before and some more
factors. The adjoint of every factor is then that of its part times the few others there, and what code computes grows
with n. Bound letters are summed in the part that has all their factors, so that a chain of matrices with a vector at
one end stays a chain of matrix-vector products.
"""

from collections.abc import Sequence

from symgrad.graph.build import auxiliary, product_of_powers, sizes_of
from symgrad.graph.nodes import Contract, Letter, Node, Use
from symgrad.graph.transform import rebuilt, transform

MOST = 24
"""Operands of a product or a sum of adjoints. Flattened, those of a chain of n operations would have n²/2 between them;
and rules match, and SymPy cancels, products of far fewer."""


def in_parts(roots: Sequence[Use]) -> list[Use]:
    """The terms with every product of more than `MOST` factors as a chain of parts."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        return _chained(made) if isinstance(made.node, Contract) and len(made.node.factors) > MOST else made

    return transform(roots, visit)


def is_large(adjoint: Use) -> bool:
    """Whether an adjoint has more than `MOST` operands, which those that it is in should not flatten."""
    return len(adjoint.node.uses()) > MOST


def _chained(use: Use) -> Use:
    node = use.node
    assert isinstance(node, Contract)
    sizes = sizes_of(factor for factor, _ in node.factors)
    order = _in_order(node)
    left = dict.fromkeys(sizes, 0)  # in how many of the factors to come a bound letter is
    for n in order:
        for letter in set(node.factors[n][0].letters):
            left[letter] += 1
    chain: list[tuple[Use, object]] = []
    for start in range(0, len(order), MOST - 1):
        part = [node.factors[n] for n in order[start : start + MOST - 1]]
        for factor, _ in part:
            for letter in set(factor.letters):
                left[letter] -= 1
        factors = [*chain, *part]
        here = {letter for factor, _ in factors for letter in factor.letters}
        bound = {letter: sizes[letter] for letter in here if letter >= node.rank and left[letter] == 0}
        product = product_of_powers(factors, bound)
        last = start + MOST - 1 >= len(order)
        chain = [(product if last else auxiliary("part", product), 1)]
    ((made, _),) = chain
    return Use(made.node, tuple(use.letters[letter] for letter in made.letters))


def _in_order(node: Contract) -> list[int]:
    """The factors in an order in which few letters are open at a time: from the end of a chain to the other."""
    if not node.bound:
        return list(range(len(node.factors)))
    inside = [{letter for letter in factor.letters if letter >= node.rank} for factor, _ in node.factors]
    waiting = dict.fromkeys(sorted(range(len(inside)), key=lambda n: (len(inside[n]), n)))
    having: dict[Letter, list[int]] = {}
    for n, letters in enumerate(inside):
        for letter in letters:
            having.setdefault(letter, []).append(n)
    order: list[int] = []
    reached: set[Letter] = set()
    while waiting:
        near = [n for letter in sorted(reached) for n in having[letter] if n in waiting]
        chosen = min(near, key=lambda n: (len(inside[n] - reached), n), default=next(iter(waiting)))
        del waiting[chosen]
        order.append(chosen)
        reached = {x for x in reached | inside[chosen] if any(n in waiting for n in having[x])}
    return order
