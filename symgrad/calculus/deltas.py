"""Sums of products with Kronecker deltas, one-hot factors among them, and what they become where they meet a sum."""

from collections.abc import Callable, Hashable, Mapping, Sequence

from sympy import Expr, Number, S

from symgrad.calculus.places import composed
from symgrad.graph.build import (
    ZERO,
    add,
    delta,
    gather,
    index,
    is_zero,
    mul,
    product_of_powers,
    scale,
    scatter,
    sizes_of,
    split_coefficient,
)
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Const, Delta, Gather, Letter, Range, Shape, Size, Use
from symgrad.graph.transform import factors_of, place, terms_of


def delta_seed(shape: Shape, label: Hashable) -> Use:
    """Π δ[axis, (label, axis)]: the derivative of an array by itself; its second axes are the letters (label, axis)."""
    return mul([delta(axis, (label, axis), length) for axis, length in enumerate(shape)])


def one_hot(use: Use) -> tuple[Letter, Use] | None:
    """(k, s) of a factor δ[k, s] with an index k and a subscript s that is no index; None of anything else."""
    node = use.node
    if not isinstance(node, Gather) or not isinstance(node.base.node, Delta):
        return None
    left, right = (place(sub, use.letters) for sub in node.subs)
    for row, sub in ((left, right), (right, left)):
        if (
            isinstance(row.node, Range)
            and row.node.shape == node.base.node.shape[:1]
            and row.letters[0] not in sub.letters
        ):
            return row.letters[0], sub
    return None


def delta_at(row: Letter, sub: Use, length: Expr) -> Use:
    """δ[row, sub] for a subscript that is any integer-valued term."""
    return gather(delta(0, 1, length), [index(row, length), sub])


def is_structural(use: Use) -> bool:
    """Whether a factor is a delta or one-hot."""
    return isinstance(use.node, Delta) or one_hot(use) is not None


def has_deltas(use: Use) -> bool:
    return any(is_structural(factor) for _, term in terms_of(use) for factor, _ in factors_of(term))


def times_tangent(factors: Sequence[Use], tangent: Use, bound: Mapping[Letter, Expr] | None = None) -> Use:
    """Π factors · tangent, summed over the bound letters; term by term where deltas are to meet the sum."""
    if is_zero(tangent):
        return ZERO
    if not has_deltas(tangent):
        return mul([*factors, tangent], bound)
    return add((c, summed([*factors, term], bound or {})) for c, term in terms_of(tangent))


def summed(factors: Sequence[Use], bound: Mapping[Letter, Expr]) -> Use:
    """Σ over the bound letters of Π factors.

    Σ_n f[n]·δ[k, s[n]], with a subscript that is summed over, is `f` added into zeros at the positions s.
    """
    coefficient, product = split_coefficient(mul(factors))
    parts, bound = factors_of(product), dict(bound)
    while (found := _bound_delta(parts, bound)) is not None:
        gone, kept = found
        del bound[gone]
        parts = factors_of(product_of_powers([(relabel(use, {gone: kept}), e) for use, e in parts]))
    while (hit := _bound_hit(parts, bound)) is not None:
        gone, sub = hit
        del bound[gone]
        others = [pair for pair in parts if one_hot(pair[0]) != hit]
        more, product = split_coefficient(product_of_powers([(at(use, {gone: sub}), e) for use, e in others]))
        coefficient, parts = coefficient * more, factors_of(product)
    moved: dict[Letter, Use] = {}
    rest: list[tuple[Use, Number]] = []
    outside = [(use, e) for use, e in parts if is_structural(use) and not set(use.letters) & bound.keys()]
    for use, exponent in (pair for pair in parts if pair not in outside):
        hit = one_hot(use)
        if hit is None or not set(hit[1].letters) & bound.keys():
            rest.append((use, exponent))
        elif hit[0] in moved:  # δ[k, s]·δ[k, r] = δ[k, s]·δ[s, r]
            rest.append(
                (gather(delta(0, 1, use.node.shape[use.letters.index(hit[0])]), [moved[hit[0]], hit[1]]), S.One)
            )
        else:
            moved[hit[0]] = hit[1]
    if not moved:
        return scale(coefficient, product_of_powers(parts, bound))
    made = scattered(product_of_powers(rest), moved, sizes_of(use for use, _ in parts) | bound, bound)
    return scale(coefficient, product_of_powers([(made, S.One), *outside]))


def _bound_delta(parts: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> tuple[Letter, Letter] | None:
    """A bound letter that a delta ties to another one."""
    for use, _ in parts:
        if isinstance(use.node, Delta):
            row, column = use.letters
            if row in bound or column in bound:
                return (row, column) if row in bound else (column, row)
    return None


def _bound_hit(parts: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> tuple[Letter, Use] | None:
    """A bound letter k of a factor δ[k, s], with s: Σ_k δ[k, s]·f[k] = f[s]."""
    hits = [one_hot(use) for use, _ in parts]
    return next((hit for hit in hits if hit is not None and hit[0] in bound), None)


def scattered(
    value: Use, moved: Mapping[Letter, Use], sizes: Mapping[Letter, Expr], bound: Mapping[Letter, Expr]
) -> Use:
    """Σ over bound letters of value · Π δ[letter, sub] for the moved letters with their subscripts."""
    kept = [
        x for x in distinct([*value.letters, *(x for sub in moved.values() for x in sub.letters)]) if x not in bound
    ]
    inner = {letter: ("inside", letter) for letter in sizes}
    subs = [relabel(sub, inner) for sub in moved.values()] + [index(inner[x], sizes[x]) for x in kept]
    letters = [*moved, *kept]
    return scatter(
        relabel(value, inner),
        subs,
        tuple(sizes[letter] for letter in letters),
        letters,
        {inner[letter]: sizes[letter] for letter in (*bound, *kept)},
    )


def at(use: Use, subs: Mapping[Letter, Use]) -> Use:
    """A term at subscripts for some of its letters."""
    if not set(use.letters) & subs.keys():
        return use
    node, lengths = use.node, sizes_of([use])
    hit = one_hot(use)
    if hit is not None and hit[0] not in subs:  # δ[k, s] stays one
        return delta_at(hit[0], composed(hit[1], subs), lengths[hit[0]])
    if isinstance(node, Range):
        return subs[use.letters[0]]
    if isinstance(node, Add) and all(isinstance(part.node, Range | Size | Const) for _, part in node.terms):
        return add((coefficient, at(term, subs)) for coefficient, term in terms_of(use))
    return gather(use, [subs.get(letter) or index(letter, lengths[letter]) for letter in use.letters])


def densified(use: Use, keep: Callable[[Use], bool]) -> Use:
    """The same term without one-hot factors, but those whose subscript is kept: the rest is added into zeros."""
    made = []
    for coefficient, term in terms_of(use):
        parts = factors_of(term)
        moved: dict[Letter, Use] = {}
        for factor, _ in parts:
            hit = one_hot(factor)
            if hit is not None and not keep(hit[1]) and hit[0] not in moved:
                moved[hit[0]] = hit[1]
        if moved:
            hits = list(moved.items())
            outside = [pair for pair in parts if is_structural(pair[0]) and one_hot(pair[0]) not in hits]
            rest = [pair for pair in parts if not is_structural(pair[0])]
            inner = scattered(product_of_powers(rest), moved, sizes_of(factor for factor, _ in parts), {})
            term = product_of_powers([(inner, S.One), *outside])
        made.append((coefficient, term))
    return add(made)
