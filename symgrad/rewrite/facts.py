"""Uses what is known: equalities stated in `facts`, and the names of `where` for what they define."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from sympy import Number, S

from symgrad.functions import LogSumExp
from symgrad.graph.build import add, mul, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Const, Contract, Input, Named, Node, Reduce, Size, Use
from symgrad.graph.transform import own, place, rebuild, transform
from symgrad.rewrite.axes import is_entry, log_softmax_at


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
        bound = {node.rank + k: length for k, length in enumerate(node.bound) if node.rank + k not in summed}
        return product_of_powers([(relabel(right, quantified), exponent**0), *rest], bound)
    return None


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


@lru_cache(maxsize=8)
def _definitions(names: tuple[Named, ...]) -> dict[Node, Use]:
    """The name for each defining node, in that node's own letters."""
    folded: dict[Node, Use] = {}
    for name in names:
        body = name.arg
        if isinstance(body.node, Input | Const | Size | Named) or len(set(body.letters)) < name.rank:
            continue
        axis_of = {letter: axis for axis, letter in enumerate(body.letters)}
        folded.setdefault(body.node, Use(name, tuple(axis_of[axis] for axis in range(name.rank))))
    return folded


def fold_names(roots: Sequence[Use], names: Sequence[Named], opaque: Collection[Node] = frozenset()) -> list[Use]:
    """Write the name wherever its definition stands: σ(z) becomes y if y is defined so."""
    folded = _definitions(tuple(names))
    plain: dict[Node, Use] = {}

    def visit(node: Node, uses: tuple[Use, ...]) -> Use:
        if isinstance(node, Named):  # its own definition stays spelled out
            uses = (place(plain.get(node.arg.node, own(node.arg.node)), node.arg.letters),)
        made = rebuild(node, uses) if uses != node.uses() else own(node)
        plain[node] = made
        found = folded.get(made.node)
        return made if found is None else place(found, made.letters)

    return transform(roots, visit, opaque)


def expand_names(
    roots: Sequence[Use], names: Collection[Node] | None = None, opaque: Collection[Node] = frozenset()
) -> list[Use]:
    """Put the definitions in place of the names: of all, or of the given ones; nothing happens below `opaque` nodes."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return mul([uses[0]]) if isinstance(node, Named) and (names is None or node in names) else None

    return transform(roots, visit, opaque)
