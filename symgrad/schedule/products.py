"""Products in cheaper forms: multiplied out over broadcasting sums, and with the factors that they share kept."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import combinations

from sympy import Number, S, log

from symgrad.functions import LogTotalOver
from symgrad.graph.build import AUXILIARY, add, auxiliary, mul, product_of_powers
from symgrad.graph.nodes import Add, Contract, Input, Letter, Named, Node, Use, postorder
from symgrad.graph.transform import place, rebuilt, terms_of, transform
from symgrad.rewrite.facts import use_identity
from symgrad.rewrite.record import record
from symgrad.schedule.exponential_sums import SHIFTED

# Of a product of more arrays no pairs are looked for: there would be too many.
_MOST_FACTORS = 12

Factor = tuple[Use, Number]
_Pair = tuple[tuple[int, int], Use]  # where two factors stand, and their product
_Factors = tuple[
    tuple[int, int], frozenset[tuple[Node, Number]]
]  # where they stand, and the same in every product of them


@record("Σₙ rₙ(xₙ − m) = Σₙ rₙxₙ − m·Σₙ rₙ", "no array over the axes of both x and m", "distributive law")
def distribute(roots: Sequence[Use], identities: Sequence[tuple[Use, Use]] = ()) -> list[Use]:
    """Σ_n r[n,k]·(X[n,j] - m[k,j]) = Σ_n r[n,k]·X[n,j] - m[k,j]·Σ_n r[n,k]: no array over n, j and k is needed.

    By the identity Σ_k t[n,k] = 1 also Σ_nk t[n,k]·(z[n,k] - s[n]) = Σ_nk t[n,k]·z[n,k] - Σ_n s[n]. A difference that
    is an array anyway, since it occurs elsewhere, too, or is no larger than r, keeps its digits: it stays.
    """
    arrays = _other_than_factors(roots)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        if not isinstance(made.node, Contract):
            return made
        better = _distributed(made.node, identities, arrays)
        return made if better is None else place(better, made.letters)

    return transform(roots, visit)


def _other_than_factors(roots: Sequence[Use]) -> set[Node]:
    """The nodes that are not only factors of sums of products."""
    found = {use.node for use in roots}
    for node in postorder([use.node for use in roots]):
        summed = isinstance(node, Contract) and node.bound
        found.update(use.node for use, e in (node.factors if summed else []) if e != 1)  # type: ignore[attr-defined]
        found.update(use.node for use in (() if summed else node.uses()))
    return found


def _distributed(node: Contract, identities: Sequence[tuple[Use, Use]], arrays: Collection[Node]) -> Use | None:
    def by_facts(part: Node, uses: tuple[Use, ...]) -> Use | None:
        return use_identity(part, identities) if uses == part.uses() else None

    bound = dict(enumerate(node.bound, node.rank))
    for n, (factor, exponent) in enumerate(node.factors):
        if exponent != 1 or not isinstance(factor.node, Add) or not set(factor.letters) & set(bound):
            continue
        rest = [pair for m, pair in enumerate(node.factors) if m != n]
        terms = terms_of(factor)
        large = [set(term.letters) >= set(factor.letters) for _, term in terms]
        if not rest or ((any(large) or _is_kept(factor, rest, arrays)) and not _is_log_softmax(terms)):
            continue
        made = []
        for whole, (c, term) in zip(large, terms, strict=True):
            product = product_of_powers([*rest, (term, S.One)], bound)
            if any(large) and not whole:
                (known,) = transform([product], by_facts)
                if known == product:
                    break
                product = known
            made.append((c, product))
        else:
            return add(made)
    return None


@record("Σₙ Σ_d yₙ_d L_d = Σ_d (Σₙ yₙ_d) L_d", "a vector is multiplied instead of a matrix", "distributive law")
def sum_first(roots: Sequence[Use]) -> list[Use]:
    """Σ_n Σ_d y[n,d]·L[d,e] = Σ_d (Σ_n y[n,d])·L[d,e] where only the sum over n of a quantity is needed."""
    counts = Counter(use.node for use in roots)
    for node in postorder([use.node for use in roots]):
        counts.update(use.node for use in node.uses())

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Contract) and len(node.factors) == 1 and node.factors[0][1] == 1:
            name, (term,) = node.factors[0][0].node, uses
            if isinstance(name, Named) and counts[name] == 1 and isinstance(term.node, Named):
                product = place(term.node.arg, term.letters)
                if _has_private(product, range(node.rank, node.rank + len(node.bound))):
                    return mul([product], dict(enumerate(node.bound, node.rank)))
        return None

    return transform(roots, visit)


def _has_private(use: Use, letters: Collection[Letter]) -> bool:
    """Whether a sum of products has a factor of several that alone has one of the letters."""
    if not isinstance(use.node, Contract) or not use.node.bound or len(use.node.factors) < 2:
        return False
    places = [axis for axis, letter in enumerate(use.letters) if letter in letters]
    holders = [[factor for factor, _ in use.node.factors if axis in factor.letters] for axis in places]
    return any(len(holder) == 1 for holder in holders)


def _is_kept(factor: Use, rest: Sequence[Factor], arrays: Collection[Node]) -> bool:
    """Whether a factor is a difference whose digits are kept, as x[i] - x[j] of positions.

    Such a difference is small beside its terms wherever the origin is far away, and then it alone is exact.
    """
    terms = terms_of(factor)
    needed = factor.node in arrays or any(set(other.letters) >= set(factor.letters) for other, _ in rest)
    inputs = [(c, {node for node in postorder([use.node]) if isinstance(node, Input)}) for c, use in terms]
    return any(
        c * d < 0 and one and other and (needed or one == other) for (c, one), (d, other) in combinations(inputs, 2)
    )


def _is_log_softmax(terms: Sequence[tuple[Number, Use]]) -> bool:
    """Whether a sum is z - max z - log Σ exp(z - max z): of one sign, so that sums of its terms do not cancel."""
    logs = [c for c, use in terms if getattr(use.node, "head", None) in (log, LogTotalOver)]
    shifted = [
        c
        for c, use in terms
        if isinstance(use.node, Named) and (use.node.name, use.node.symbol) == (SHIFTED, AUXILIARY)
    ]
    return len(terms) == 2 and logs == [-1] and shifted == [1]


@record("a·b·c and a·b·d with p = a·b are p·c and p·d", "a product of arrays is computed once", "associative law")
def share(roots: Sequence[Use], adjoints: bool = True) -> list[Use]:
    """The terms with every product of two factors that occurs in several products made a quantity of its own.

    With `adjoints` the first root is the loss; a product that it does not need is part of an adjoint, and is called
    delta.
    """
    current = list(roots)
    factors: dict[Node, list[_Factors]] = {}  # of the nodes met so far, of which most are met again in the next round
    products: dict[tuple[Node, tuple[int, int]], Use] = {}
    while True:
        forward = set(postorder([use.node for use in (current[:1] if adjoints else current)]))
        nodes = list(postorder([use.node for use in current]))
        for node in nodes:
            if node not in factors:
                factors[node] = list(_factors(node))
        alike = Counter(key for node in nodes for key in {key for _, key in factors[node]})
        pairs: dict[Node, list[_Pair]] = {}
        counts: Counter[Node] = Counter()
        for node in nodes:
            often = [places for places, key in factors[node] if alike[key] > 1]  # others are in no other product
            if often:
                pairs[node] = [(places, _product(node, places, products)) for places in often]
                counts.update({pair.node for _, pair in pairs[node]})
        repeated = [node for node, count in counts.items() if count > 1]
        if not repeated:
            return current
        # the most frequent first; the digest decides among equals, the same in every run
        repeated.sort(key=lambda node: (-counts[node], node.digest))
        ranks = {node: rank for rank, node in enumerate(repeated)}
        current = transform(current, partial(_with_shared, pairs=pairs, ranks=ranks, forward=forward))


def _with_shared(
    node: Node, uses: tuple[Use, ...], pairs: dict[Node, list[_Pair]], ranks: dict[Node, int], forward: set[Node]
) -> Use | None:
    """The product with its most frequent pair of factors as one quantity."""
    found = [(ranks[pair.node], places) for places, pair in pairs.get(node, ()) if pair.node in ranks]
    if not found or not isinstance(node, Contract) or (len(node.factors) == 2 and not node.bound):
        return None  # the last: this is the product itself
    places = min(found)[1]
    name = "product" if all(node.factors[n][0].node in forward for n in places) else "delta"
    factors = [(use, exponent) for use, (_, exponent) in zip(uses, node.factors, strict=True)]
    product = product_of_powers([factors[n] for n in places])
    rest = [factors[n] for n in range(len(factors)) if n not in places]
    return product_of_powers([(auxiliary(name, product), S.One), *rest], dict(enumerate(node.bound, node.rank)))


def _factors(node: Node) -> Iterator[_Factors]:
    """Two factors over the same letters, or one divided by another over some of them."""
    if not isinstance(node, Contract):
        return
    arrays = [n for n, (factor, _) in enumerate(node.factors) if factor.letters]
    for places in combinations(arrays, 2) if len(arrays) <= _MOST_FACTORS else ():
        (left, e), (right, f) = (node.factors[n] for n in places)
        same = set(left.letters) == set(right.letters)
        small, large, power = (left, right, e) if len(left.letters) < len(right.letters) else (right, left, f)
        divided = power == -1 and set(small.letters) <= set(large.letters)
        if same or (divided and not isinstance(large.node, Input)):
            yield places, frozenset([(left.node, e), (right.node, f)])


def _product(node: Node, places: tuple[int, int], known: dict[tuple[Node, tuple[int, int]], Use]) -> Use:
    """The product of two factors of a product; what is `known` is kept there."""
    if (node, places) not in known:
        assert isinstance(node, Contract)
        known[node, places] = product_of_powers([node.factors[n] for n in places])
    return known[node, places]
