"""Uses what is known: equalities stated in `facts`, and the names of `where` for what they define."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sympy import Expr, Number, S

from symgrad.functions import LogSumExp
from symgrad.graph.build import add, mul, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.node import Leaf
from symgrad.graph.nodes import (
    Add,
    Const,
    Contract,
    Delta,
    Input,
    Letter,
    Named,
    Node,
    Range,
    Reduce,
    Size,
    Use,
    postorder,
)
from symgrad.graph.symmetry import symmetric, transposed
from symgrad.graph.transform import own, place, rebuilt, transform
from symgrad.rewrite.axes import is_entry, log_softmax_at
from symgrad.rewrite.record import record


@record("an equality among the facts", "the model states it", "the model's facts", name="fact")
def use_identity(node: Node, identities: Sequence[tuple[Use, Use]]) -> Use | None:
    """The node by one of the stated equalities, in its own letters, or None."""
    for left, right in identities:
        if node is left.node and len(set(left.letters)) == len(left.letters):
            return relabel(right, {letter: axis for axis, letter in enumerate(left.letters)})
        if isinstance(node, Contract) and isinstance(left.node, Contract) and left.node.bound:
            made = _sum_within(node, left, right)
            if made is not None:
                return made
    return None


def _sum_within(node: Contract, left: Use, right: Use) -> Use | None:
    """Σ_k t[n,k] = r[n] also inside a sum over more indices, such as Σ_n Σ_k t[n,k]."""
    assert isinstance(left.node, Contract)
    ((known, exponent), *others) = left.node.factors
    if others or len(set(known.letters)) < len(known.letters):
        return None
    for n, (factor, e) in enumerate(node.factors):
        if factor.node is not known.node or e != exponent:
            continue
        letters = dict(zip(known.letters, factor.letters, strict=True))
        summed = {letters[left.node.rank + k] for k in range(len(left.node.bound))}
        rest = [pair for m, pair in enumerate(node.factors) if m != n]
        elsewhere = {letter for use, _ in rest for letter in use.letters}
        if len(summed) < len(left.node.bound) or any(letter < node.rank or letter in elsewhere for letter in summed):
            continue
        quantified = {label: letters[axis] for axis, label in enumerate(left.letters)}
        if summed & set(quantified.values()):  # a diagonal
            continue
        bound = {node.rank + k: length for k, length in enumerate(node.bound) if node.rank + k not in summed}
        return product_of_powers([(relabel(right, quantified), exponent**0), *rest], bound)
    return None


@record(
    "Σ logsumexp(u) − Σ t·u = −Σ t·log_softmax(u) where Σ t = 1",
    "large numbers cancel on the left",
    "definition of softmax",
)
def cross_entropy(node: Node, identities: Sequence[tuple[Use, Use]]) -> Use | None:
    """Σ_n LogSumExp_k(u[n,k]) - Σ_nk t[n,k]·u[n,k] = -Σ_nk t[n,k]·log softmax(u)[n,k] where facts say Σ_k t[n,k] = 1.

    On the left the large numbers cancel, and digits with them.
    """
    if not isinstance(node, Add):
        return None
    for n, (coefficient, total) in enumerate(node.terms):
        reduction = next((f.node for f, _ in _factors(total) if isinstance(f.node, Reduce)), None)
        if reduction is None or reduction.head is not LogSumExp:
            continue
        for m, (opposite, weighted) in enumerate(node.terms):
            for factor, exponent in _factors(weighted):
                if m == n or exponent != 1 or not is_entry(factor, reduction):
                    continue
                logs, whole = log_softmax_at(factor, reduction)
                (summed,) = transform(
                    [_with_factor(weighted, factor, whole)],
                    lambda part, uses: use_identity(part, identities) if uses == part.uses() else None,
                )
                if summed == total and opposite == -coefficient:
                    rest = [node.terms[k] for k in range(len(node.terms)) if k not in (n, m)]
                    return add([(opposite, _with_factor(weighted, factor, logs)), *rest])
    return None


def _factors(use: Use) -> Sequence[tuple[Use, Number]]:
    """The factors of a product or sum of products, in its own letters; anything else is its one factor."""
    return use.node.factors if isinstance(use.node, Contract) else [(own(use.node), S.One)]


def _with_factor(use: Use, old: Use, new: Use) -> Use:
    """The product with one factor replaced."""
    node = use.node
    bound = dict(enumerate(node.bound, node.rank)) if isinstance(node, Contract) else {}
    made = product_of_powers([(new if factor == old else factor, e) for factor, e in _factors(use)], bound)
    return place(made, use.letters)


def _is_constant(node: Node) -> bool:
    """Whether a definition is made of numbers, sizes and indices alone.

    These mean the same anywhere: the 0 of a mask, the 1 of a sum and the index of a range stay what they are where a
    name happens to be equal to them.
    """
    leaves = (part for part in postorder([node]) if isinstance(part, Leaf))
    return all(isinstance(leaf, Const | Size | Range | Delta) for leaf in leaves)


@lru_cache(maxsize=8)
def _definitions(names: tuple[Named, ...]) -> dict[Node, Use]:
    """The name for each defining node, in that node's own letters."""
    folded: dict[Node, Use] = {}
    for name in names:
        body = name.arg
        if isinstance(body.node, Input | Named) or _is_constant(body.node) or len(set(body.letters)) < name.rank:
            continue
        axis_of = {letter: axis for axis, letter in enumerate(body.letters)}
        folded.setdefault(body.node, Use(name, tuple(axis_of[axis] for axis in range(name.rank))))
    return folded


@record(
    "a quantity of where stands for its definition",
    "it is known from the forward pass",
    "the model's where",
    name="name",
)
def fold_names(
    roots: Sequence[Use], names: Sequence[Named], opaque: Collection[Node] = frozenset(), parts: bool = True
) -> list[Use]:
    """Write the name wherever its definition stands: σ(z) becomes y if y is defined so.

    With `parts` also where the definition is part of a product: XᵀX w becomes Xᵀz with z = X w.
    """
    if not names:
        return list(roots)
    folded = _definitions(tuple(names))
    products = _products(tuple(names)) if parts else {}
    plain: dict[Node, Use] = {}

    def visit(node: Node, uses: tuple[Use, ...]) -> Use:
        if isinstance(node, Named):  # its own definition stays spelled out
            uses = (place(plain.get(node.arg.node, own(node.arg.node)), node.arg.letters),)
        made = rebuilt(node, uses)
        plain[node] = made
        found = folded.get(made.node) or _part_named(made.node, products)
        return made if found is None else place(found, made.letters)

    return transform(roots, visit, opaque)


class _Product(NamedTuple):
    """A name that is defined as a product: the factors, the letters summed over, how often each node occurs."""

    name: Named
    factors: list[tuple[Use, Number]]
    summed: frozenset[Letter]
    counts: Counter[Node]


@lru_cache(maxsize=8)
def _products(names: tuple[Named, ...]) -> dict[Node, list[tuple[int, _Product]]]:
    """The names that are products of several factors, by one of these and numbered, those of most factors first."""
    found = []
    for name in names:
        factors, bound = _flat(name.arg)
        if len(factors) > 1 and len(set(name.arg.letters)) == name.rank and not _is_constant(name.arg.node):
            found.append(_Product(name, factors, frozenset(bound), Counter(use.node for use, _ in factors)))
    known: dict[Node, list[tuple[int, _Product]]] = {}
    for number, product in enumerate(sorted(found, key=lambda product: -len(product.factors))):
        known.setdefault(product.factors[0][0].node, []).append((number, product))
    return known


def _part_named(node: Node, products: Mapping[Node, Sequence[tuple[int, _Product]]]) -> Use | None:
    """A product with a name for those of its factors that the name's definition is made of; None if there are none."""
    if not isinstance(node, Contract) or not products:
        return None
    factors, bound = _flat(own(node))
    present = Counter(use.node for use, _ in factors)
    candidates = sorted((pair for other in present for pair in products.get(other, ())), key=lambda pair: pair[0])
    for _, (name, pattern, summed, counts) in candidates:
        if counts - present:
            continue
        for letters, taken in _embeddings(pattern, factors, {}, ()):
            inner = {letters[letter] for letter in summed}
            axes = tuple(letters[axis] for axis in range(name.rank))
            rest = [pair for n, pair in enumerate(factors) if n not in taken]
            elsewhere = {x for use, _ in rest for x in use.letters} | set(axes)
            if len(inner) < len(summed) or elsewhere & inner or not inner <= bound.keys():
                continue
            left = {letter: length for letter, length in bound.items() if letter not in inner}
            return product_of_powers([*rest, (Use(name, axes), S.One)], left)
    return None


def _flat(use: Use) -> tuple[list[tuple[Use, Number]], dict[Letter, Expr]]:
    """The factors of a product with sums inside of sums taken out, and the letters that it is summed over."""
    factors: list[tuple[Use, Number]] = []
    bound: dict[Letter, Expr] = {}
    stack = [(use, S.One)]
    while stack:
        part, exponent = stack.pop()
        node = part.node
        if not isinstance(node, Contract) or exponent != 1:
            factors.append((part, exponent))
            continue
        inner = {letter: ("sum", len(bound), letter) for letter in range(node.rank, node.rank + len(node.bound))}
        bound |= dict(zip(inner.values(), node.bound, strict=True))
        names = dict(enumerate(part.letters)) | inner
        stack.extend((relabel(factor, names), e) for factor, e in node.factors)
    return factors, bound


def _embeddings(
    pattern: Sequence[tuple[Use, Number]],
    factors: Sequence[tuple[Use, Number]],
    letters: dict[Letter, Letter],
    taken: tuple[int, ...],
) -> Iterator[tuple[dict[Letter, Letter], tuple[int, ...]]]:
    """Every way to find the pattern's factors among others: the pattern's letters there, and the places."""
    if len(taken) == len(pattern):
        yield letters, taken
        return
    wanted, exponent = pattern[len(taken)]
    for n, (use, e) in enumerate(factors):
        if n in taken or use.node is not wanted.node or e != exponent:
            continue
        for spelled in [use, transposed(use)] if symmetric(use.node) else [use]:
            found = letters | dict(zip(wanted.letters, spelled.letters, strict=True))
            pairs = zip(wanted.letters, spelled.letters, strict=True)
            if found | letters == found and all(found[old] == new for old, new in pairs):
                yield from _embeddings(pattern, factors, found, (*taken, n))


@record(
    "a name is replaced by its formula",
    "what is left is no longer than with the name",
    "substitution",
    name="definition",
)
def expand_names(
    roots: Sequence[Use], names: Collection[Node] | None = None, opaque: Collection[Node] = frozenset()
) -> list[Use]:
    """Put the definitions in place of the names: of all, or of the given ones; nothing happens below `opaque` nodes."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return mul([uses[0]]) if isinstance(node, Named) and (names is None or node in names) else None

    return transform(roots, visit, opaque)
