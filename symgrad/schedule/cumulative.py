"""Sums that another index ends, as cumulative sums: Σ_j [j <= i] f(j) is entry i of one.

The mask takes an array over both indices and as many additions; a cumulative sum takes one pass over f. The adjoint of
such a sum is one that runs the other way, which the same rule finds. Factors that have the index i but not j stand
outside.
"""

from collections.abc import Collection, Mapping, Sequence

from sympy import Expr, Ge, Lt, Number, S, expand

from symgrad.graph.build import (
    SUM_FROM,
    SUM_UP_TO,
    ZERO,
    add,
    apply,
    axis_map,
    gather,
    index,
    mul,
    product_of_powers,
    scatter,
    size,
    sizes_of,
)
from symgrad.graph.comparisons import Mask, comparison, without_masks
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Contract, Letter, Node, Use
from symgrad.graph.transform import factors_of, place, rebuilt, terms_of, transform
from symgrad.rewrite.record import record
from symgrad.schedule.conditions import Guard
from symgrad.schedule.guards import is_risky
from symgrad.schedule.masks import freed
from symgrad.schedule.running_exponentials import BLELLOCH, running_largest, running_sum

Factor = tuple[Use, Number]


@record("Σⱼ [j ≤ i]·f(j) = (cumulative sum of f)(i)", "one pass over f instead of an array of i and j", BLELLOCH)
def accumulate(roots: Sequence[Use]) -> list[Use]:
    """The terms with cumulative sums where another index ends a sum."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use:
        made = rebuilt(node, uses)
        while (shifted := running_largest(made) or running_sum(made)) is not None:
            made = shifted
        while (better := _accumulated(made)) is not None:
            made = better
        return made

    return transform(roots, visit)


def _accumulated(use: Use) -> Use | None:
    """A sum with one of its indices summed up cumulatively; None if no mask ends one."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    masks: list[Mask] = []
    factors: list[Factor] = []
    masked: list[Factor] = []  # those that are used only where the masks hold
    for factor, exponent in node.factors:
        guards, body = without_masks(factor) if exponent == 1 else ([], factor)
        free = [(freed(part, [Guard(*mask) for mask in guards]), e) for part, e in factors_of(body)]
        parts = [(part, e) for part, e in free if part is not None]
        if len(parts) < len(free) or not any(comparison(mask) for mask in guards):
            factors.append((factor, exponent))
            continue
        masks += guards
        factors += parts
        masked += parts
    bound = dict(enumerate(node.bound, node.rank))
    ends = [(mask, said) for mask in masks if (said := comparison(mask)) is not None]
    for crossed in (False, True):  # an index that only one mask ends comes first: others may be so when it is gone
        for mask, said in ends:
            for letter in (said.first, said.second):
                rest = [other for other in masks if other != mask]
                if letter in bound and crossed == any(letter in other.condition.letters for other in rest):
                    made = _summed_up(letter, mask, rest, factors, masked, bound)
                    if made is not None:
                        return place(made, use.letters)
    return None if not ends else _term_by_term(use, masks, factors, {x for _, said in ends for x in said[:2]})


def _term_by_term(
    use: Use, masks: Sequence[Mask], factors: Sequence[Factor], letters: Collection[Letter]
) -> Use | None:
    """A sum of a(j)·b(i) + c(j)·d(i), term by term; None if they are not all cumulative sums.

    Not one of a(j) + b(i), whose terms may be much larger than their sums.
    """
    node = use.node
    assert isinstance(node, Contract)
    bound = dict(enumerate(node.bound, node.rank))
    for n, (factor, exponent) in enumerate(factors):
        terms = terms_of(factor) if exponent == 1 else []
        if len(terms) < 2 or not all(set(letters) <= set(term.letters) for _, term in terms):
            continue
        rest = [other for m, other in enumerate(factors) if m != n]
        made = [(c, _accumulated(_under(masks, [*rest, (term, S.One)], bound))) for c, term in terms]
        found = [(c, part) for c, part in made if part is not None]
        if len(found) == len(terms):
            return place(add(found), use.letters)
    return None


def _summed_up(
    letter: Letter,
    mask: Mask,
    masks: Sequence[Mask],
    factors: Sequence[Factor],
    masked: Collection[Factor],
    bound: Mapping[Letter, Expr],
) -> Use | None:
    """The sum over a letter that a mask ends at another, under further masks; None if it would not be smaller."""
    said = comparison(mask)
    assert said is not None
    from_below, end, offset = said.of(letter)
    inside = [factor for factor in factors if letter in factor[0].letters]
    outside = [factor for factor in factors if letter not in factor[0].letters]
    inner = [other for other in masks if letter in other.condition.letters]
    outer = [other for other in masks if letter not in other.condition.letters]
    letters = _letters(inside, inner) - {letter}
    private = {x: n for x, n in bound.items() if x in letters - _letters(outside, outer)}
    kept = letters - private.keys()
    if end in letters or (len(kept) > 1 and kept & bound.keys()):
        return None  # the last: over letters that the result lacks, where the mask takes two
    lengths = sizes_of([mask.condition])
    if any(factor in masked and is_risky(product_of_powers([factor]).node) for factor in outside):
        if inner:
            return None
        last = index(end, lengths[end], offset)  # where the sum is empty, what stands outside is not used
        outer.append(Mask(apply(Lt, [last, size(lengths[letter])]) if from_below else apply(Ge, [last, ZERO]), True))
    operand = _under(inner, inside, private)
    total = _cumulative(operand, letter, end, offset, from_below, lengths)
    rest = {x: n for x, n in bound.items() if x != letter and x not in private}
    return None if total is None else _under(outer, [*outside, (total, S.One)], rest)


def _letters(factors: Sequence[Factor], masks: Sequence[Mask]) -> set[Letter]:
    return {x for use in (*(f for f, _ in factors), *(mask.condition for mask in masks)) for x in use.letters}


def _under(masks: Sequence[Mask], factors: Sequence[Factor], bound: Mapping[Letter, Expr]) -> Use:
    """The product where the masks hold, else zero, summed over the bound letters."""
    if not masks:
        return product_of_powers(factors, bound)
    product = product_of_powers(factors)
    for mask in masks:
        product = Guard(*mask).choose(product, S.Zero)
    return mul([product], bound)


def _cumulative(
    operand: Use, letter: Letter, end: Letter, offset: Expr, from_below: bool, lengths: Mapping[Letter, Expr]
) -> Use | None:
    """Σ of the operand over letter <= end + offset, or >= it; None if it is not known where that lies on the axis.

    Where the end runs beside the axis the operand is zero.
    """
    beyond = expand(lengths[end] + offset - lengths[letter])
    if not (offset.is_Integer and beyond.is_Integer):
        return None
    before, after = max(-offset, S.Zero), max(beyond, S.Zero)
    length = expand(before + lengths[letter] + after)
    if before or after:
        sizes = sizes_of([operand]) | {letter: length}
        moved: Letter = ("from", letter)
        places = {x: index(x, n) for x, n in sizes.items()} | {letter: index(moved, lengths[letter], before)}
        shape, axes = tuple(sizes.values()), list(sizes)
        operand = scatter(
            relabel(operand, {letter: moved}), [places[x] for x in axes], shape, axes, {moved: lengths[letter]}
        )
    total = axis_map(SUM_FROM if from_below else SUM_UP_TO, operand, {letter: length})
    subs = {x: index(x, n) for x, n in sizes_of([total]).items()}
    subs[letter] = index(end, lengths[end], offset + before)
    return gather(total, [subs[x] for x in total.letters])
