"""Vectors that several sums of products have in them: computed once, so that less is left to multiply and to add up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sympy import Number, S

from symgrad.graph.build import product_of_powers
from symgrad.graph.nodes import Contract, Letter, Node, Use, postorder
from symgrad.graph.transform import transform
from symgrad.rewrite.record import record


class _Part(NamedTuple):
    """Which factors of a sum of products are added up by themselves, over which letters, and what they make."""

    places: frozenset[int]
    own: frozenset[Letter]
    vector: Node


@record(
    "Σₙₘᵢⱼ yₙ Xₙᵢ Aᵢⱼ Xₘⱼ yₘ = Σᵢⱼ vᵢ Aᵢⱼ vⱼ with vᵢ = Σₙ yₙ Xₙᵢ",
    "a product with a vector is computed once, and rows are added up before they meet others",
    "distributive law",
)
def share_vectors(roots: Sequence[Use]) -> list[Use]:
    """The terms with every vector, or number, that sums of products have in them more than once as a quantity in these.

    Vectors only: whatever the order of the rest, it has less to multiply then, which is not so of matrices.
    """
    current = list(roots)
    parts: dict[Node, list[_Part]] = {}  # of the nodes met so far, of which most are met again in the next round
    while True:
        counts: Counter[Node] = Counter()
        for node in postorder([use.node for use in current]):
            if isinstance(node, Contract) and node.bound:
                if node not in parts:
                    parts[node] = list(_parts(node))
                counts.update([node, *(part.vector for part in _apart(parts[node]))])
        repeated = {node: count for node, count in counts.items() if count > 1}
        if not repeated:
            return current
        current = transform(current, partial(_with_vectors, parts=parts, repeated=repeated))


def _with_vectors(
    node: Node, uses: tuple[Use, ...], parts: Mapping[Node, Sequence[_Part]], repeated: Mapping[Node, int]
) -> Use | None:
    """A sum of products with the vectors that others have, too; where two share a factor, the most frequent one."""
    found = [part for part in parts.get(node, ()) if part.vector in repeated]
    if not found:
        return None
    assert isinstance(node, Contract)
    taken = _apart(sorted(found, key=lambda part: (-repeated[part.vector], part.vector.digest)))
    factors = [(use, exponent) for use, (_, exponent) in zip(uses, node.factors, strict=True)]
    bound = dict(enumerate(node.bound, node.rank))
    vectors = []
    for part in taken:
        inside = [factors[n] for n in sorted(part.places)]
        vectors.append((product_of_powers(inside, {letter: bound.pop(letter) for letter in sorted(part.own)}), S.One))
    rest = [pair for n, pair in enumerate(factors) if not any(n in part.places for part in taken)]
    return product_of_powers([*rest, *vectors], bound)


def _apart(parts: Iterable[_Part]) -> list[_Part]:
    """Those that share no factor with one before them."""
    found: list[_Part] = []
    for part in parts:
        if not any(part.places & other.places for other in found):
            found.append(part)
    return found


def _parts(node: Contract) -> Iterator[_Part]:
    """For each index that is summed over the factors that have it, where these make a vector or a number."""
    holders: dict[Letter, frozenset[int]] = {}
    for n, (use, _) in enumerate(node.factors):
        for letter in use.letters:
            holders[letter] = holders.get(letter, frozenset()) | {n}
    bound = dict(enumerate(node.bound, node.rank))
    for places in dict.fromkeys(holders[letter] for letter in bound):
        within = [letter for letter, own in holders.items() if own & places]
        own = [letter for letter in within if letter in bound and holders[letter] <= places]
        if 1 < len(places) < len(node.factors) and len(within) - len(own) <= 1:
            factors: list[tuple[Use, Number]] = [node.factors[n] for n in sorted(places)]
            made = product_of_powers(factors, {letter: bound[letter] for letter in own}).node
            if isinstance(made, Contract):
                yield _Part(places, frozenset(own), made)
