"""Bregman divergences of neighbours: p·log(p/q) − p + q, p/q − log(p/q) − 1, y·log y − y·η − y + exp(η)."""

from collections.abc import Iterator, Sequence

from sympy import Abs, Number, S, StrictLessThan, exp, log
from sympy.codegen.cfunctions import log1p

from symgrad.functions import if_else, sigmoid, softplus
from symgrad.graph.build import ONE, add, apply, const, product_of_powers, scale, split_coefficient, subtract
from symgrad.graph.nodes import Add, Apply, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.readings import lift_at
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import Term
from symgrad.univariate import X, stable

# Longer sums are no divergence that anyone writes.
_MOST_TERMS = 8


@record(
    "a − b − b·log(a/b) = b·(v − log(1 + v)) with v = (a − b)/b, where |v| < 1/2",
    "the terms are as large as a − b, what is left of them as its square",
    HIGHAM,
)
def divergence(use: Use) -> Use | None:
    """A difference beside the logarithm of its quotient, however that is spelled.

    Of scalars: for arrays the second form of every entry takes several times as long as the first, and a sum of many
    entries is as small as its digits only where all of them are.
    """
    terms = terms_of(use) if isinstance(use.node, Add) and not use.letters else []
    return _in_terms(terms) if 1 < len(terms) <= _MOST_TERMS else None


def _in_terms(terms: Sequence[Term]) -> Use | None:
    heads = {getattr(factor.node, "head", None) for _, term in terms for factor, _ in factors_of(see_through(term))}
    if not heads & {exp, log, log1p}:
        return None
    spelled = [terms_of(_multiplied_out(_spelled(c, term))) for c, term in terms]
    for c, a, b in dict.fromkeys(_candidates(terms, [pair for pairs in spelled for pair in pairs])):
        quotient = _logarithm(product_of_powers([(a, S.One), (b, S.NegativeOne)]))
        if quotient is None:
            continue
        wanted = add([(c, a), (-c, b), (-c, _multiplied_out(_times(b, quotient)))])
        parts = set(terms_of(wanted))
        used = [n for n, pairs in enumerate(spelled) if parts.issuperset(pairs)]
        if len(used) > 1 and add([pair for n in used for pair in spelled[n]]) == wanted:
            rest = [pair for n, pair in enumerate(terms) if n not in used]
            return add([*rest, (S.One, _near(c, a, b, add([terms[n] for n in used])))])
    return None


def _candidates(terms: Sequence[Term], parts: Sequence[Term]) -> Iterator[tuple[Number, Use, Use]]:
    """c, a, b of what may be c·(a − b − b·log(a/b)): parts of terms, or a logarithm's argument and its factor."""
    products = [(c, part, set(factors_of(part)) if part != ONE else set()) for c, part in parts]
    for d, b, below in products:
        above = [(c, a) for c, a, _ in products if c == -d]
        if above and any(below < factors for _, _, factors in products):  # b beside a logarithm
            yield from ((c, a, b) for c, a in above)
    for c, term in terms:
        for inside, factor in _logarithms(term):
            yield c, product_of_powers([(factor, S.One), (inside, S.NegativeOne)]), factor
            yield -c, product_of_powers([(factor, S.One), (inside, S.One)]), factor
            yield -c, inside, factor


def _multiplied_out(use: Use) -> Use:
    """A sum of products, of which one factor each may be a sum, as terms."""
    made: list[Term] = []
    for c, term in terms_of(use):
        factors = factors_of(term)
        sums = [n for n, (factor, e) in enumerate(factors) if e == 1 and isinstance(factor.node, Add)]
        if len(sums) == 1 and len(factors) > 1:
            others = product_of_powers([*factors[: sums[0]], *factors[sums[0] + 1 :]])
            made.append((c, _times(others, factors[sums[0]][0])))
        else:
            made.append((c, term))
    return add(made)


def _logarithms(term: Use) -> Iterator[tuple[Use, Use]]:
    """The arguments of the logarithms in a product, with its other factors."""
    factors = factors_of(term)
    for n, (factor, e) in enumerate(factors):
        if e == 1 and isinstance(factor.node, Apply) and factor.node.head is log:
            inside = place(factor.node.args[0], factor.letters)
            yield see_through(inside), product_of_powers([*factors[:n], *factors[n + 1 :]])


def _spelled(c: Number, term: Use) -> Use:
    """A term with the logarithm of a product in it as a sum."""
    for inside, factor in _logarithms(term):
        logarithm = _logarithm(inside)
        if logarithm is not None:
            return scale(c, _times(factor, logarithm))
    return scale(c, term)


def _times(factor: Use, total: Use) -> Use:
    return add([(c, product_of_powers([(factor, S.One), (term, S.One)])) for c, term in terms_of(total)])


def _logarithm(use: Use) -> Use | None:
    """log of a product, factor by factor, as code has it; None of what is negative."""
    coefficient, product = split_coefficient(use)
    if not coefficient.is_positive:
        return None
    parts = [] if coefficient == 1 else [(S.One, apply(log, [const(coefficient)]))]
    for factor, e in factors_of(product) if product != ONE else []:
        target = see_through(factor)
        head = getattr(target.node, "head", None)
        if head is exp:
            parts.append((e, place(target.node.uses()[0], target.letters)))
        elif head is sigmoid:
            mirrored = scale(S.NegativeOne, place(target.node.uses()[0], target.letters))
            parts.append((-e, apply(softplus, [mirrored])))
        elif isinstance(target.node, Add) and (S.One, ONE) in terms_of(target):
            parts.append((e, apply(log1p, [add([pair for pair in terms_of(target) if pair[1] != ONE])])))
        else:
            parts.append((e, apply(log, [factor])))
    return add(parts)


def _near(c: Number, a: Use, b: Use, plain: Use) -> Use:
    """c·(a − b − b·log(a/b)), as it is written where a is not near b."""
    above, below = (dict(factors_of(part)) if part != ONE else {} for part in (a, b))
    common = {f: min(above.get(f, S.Zero), below.get(f, S.Zero)) for f in {**above, **below}}
    one, other = (
        product_of_powers([(f, part.get(f, S.Zero) - e) for f, e in common.items() if part.get(f, S.Zero) != e])
        for part in (above, below)
    )
    gap = subtract(one, other)
    near = apply(StrictLessThan, [apply(Abs, [gap]), scale(S.Half, other)])
    inside = lift_at(stable(X - log(1 + X)), product_of_powers([(gap, S.One), (other, S.NegativeOne)]))
    return apply(if_else, [near, scale(c, product_of_powers([(b, S.One), (inside, S.One)])), plain])
