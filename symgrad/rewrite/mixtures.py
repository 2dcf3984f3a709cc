"""Logarithms of sums of products, as marginal likelihoods and mixtures have them: log Σ π·p(y) with densities p.

A density far out is 0 in floating point, and so is a product of probabilities; their logarithms are not. Every factor
that has a logarithm of its own becomes a part of one exponent, and the sum one of exponentials, of which the largest
stands in front: `schedule.exponentials` finds it, with weights that stay factors.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Abs, Expr, Number, Pow, Product, S, StrictLessThan, exp, log
from sympy.codegen.cfunctions import log1p

from symgrad.functions import if_else, sigmoid, softplus
from symgrad.functions.normal import exp_ndtr
from symgrad.graph.build import (
    ONE,
    SOFTMAX,
    add,
    apply,
    const,
    mul,
    number,
    product_of_powers,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.facts import is_positive
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Gather, Letter, Named, Reduce, Use
from symgrad.graph.transform import factors_of, opened, place, see_through, terms_of
from symgrad.rewrite.logarithms import factor_logarithm, without_power
from symgrad.rewrite.record import BLANCHARD, LOGISTIC, MAECHLER, record
from symgrad.rewrite.univariate import one_argument

# Sums of more terms are no mixture with a certainty.
_MOST_TERMS = 8

# How deep names, and mixtures of mixtures, are looked into.
_DEEPEST = 4


@record(
    "log(σ(z) + σ(−z)·exp(v)) = softplus(v − z) − softplus(−z)",
    "a mixture with a certainty is near 1, and its logarithm near 0, where v is",
    LOGISTIC,
)
def log_of_inflated(use: Use) -> Use | None:
    """The logarithm of a certainty and a density, by a probability with its odds, as zero-inflated counts have it."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    terms = _mirrored(terms_of(see_through(place(use.node.args[0], use.letters))))
    if len(terms) != 2 or any(c != 1 for c, _ in terms):
        return None
    parts = [_summand(term) for _, term in terms]
    for certain, other in (parts, parts[::-1]):
        weights = [factor for factor, _ in certain.factors if factor != ONE]
        odds = _odds(weights[0]) if len(weights) == 1 and not (certain.bound or other.bound) else None
        if odds is None:
            continue
        mirrored = scale(S.NegativeOne, odds)
        logs = [
            known
            for (factor, e), known in zip(other.factors, other.logs, strict=True)
            if factor != ONE and not (e == 1 and _odds(factor) == mirrored)
        ]
        if len(logs) == sum(factor != ONE for factor, _ in other.factors) - 1 and other.has_exponential:
            found = [known for known in logs if known is not None]
            if logs and len(found) == len(logs):
                exponent = add([(S.One, mirrored), *((S.One, without_power(known)) for known in found)])
                return subtract(apply(softplus, [exponent]), apply(softplus, [mirrored]))
    return None


def _odds(factor: Use) -> Use | None:
    """z of σ(z), also of 1 − σ(−z)."""
    pairs = _mirrored(terms_of(see_through(factor)))
    target = see_through(pairs[0][1]) if len(pairs) == 1 and pairs[0][0] == 1 else None
    if target is None or not (isinstance(target.node, Apply) and target.node.head is sigmoid):
        return None
    return place(target.node.uses()[0], target.letters)


@record(
    "log(a + (1 − a)·b) = log1p((1 − a)·(b − 1)) where it is near 0",
    "a mixture with a certainty is near 1 where b is, and what it lacks is dropped",
    MAECHLER,
)
def log_near_certainty(use: Use) -> Use | None:
    """The logarithm of a sum that is 1 where one of its factors is, by what this factor lacks."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    terms = terms_of(inner) if isinstance(inner.node, Add) else []
    if not 1 < len(terms) <= _MOST_TERMS:
        return None
    factors = [dict(factors_of(term)) for _, term in terms]
    candidates = dict.fromkeys(f for part in factors for f, e in part.items() if e == 1 and f != ONE)
    for factor in sorted(candidates, key=lambda f: not isinstance(see_through(f).node, Apply)):
        held = [part.get(factor) == 1 for part in factors]
        slope = [
            (c, product_of_powers([pair for pair in part.items() if pair[0] != factor]))
            for (c, _), part, has in zip(terms, factors, held, strict=True)
            if has
        ]
        rest = [pair for pair, has in zip(terms, held, strict=True) if not has]
        weight = add(slope)
        if number(weight) is None and add([*rest, *slope]) == ONE:
            lack = subtract(factor, ONE)
            gap = mul([weight, one_argument(lack) or lack])
            function = see_through(factor)
            if getattr(function.node, "head", None) is exp:  # which overflows where the logarithm does not
                near = _is_less(place(function.node.uses()[0], function.letters), S.One)
            else:
                near = _is_less(gap, S.Half)
            return apply(if_else, [near, apply(log1p, [gap]), use])
    return None


def _is_less(use: Use, bound: Number) -> Use:
    return apply(StrictLessThan, [apply(Abs, [use]), const(bound)])


@record(
    "log Σ f·g = log Σ exp(log f + log g)",
    "densities and products of probabilities underflow, their logarithms do not",
    BLANCHARD,
)
def log_of_mixture(use: Use) -> Use | None:
    """The logarithm of a sum of products with exponentials, their other probabilities in the exponents, too."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    made = _grown(see_through(place(use.node.args[0], use.letters)))
    return None if made is None else apply(log, [made])


def _grown(use: Use) -> Use | None:
    """A sum with its summands as exponentials, or a product with such sums; None where there is nothing to do."""
    if isinstance(use.node, Contract) and not use.node.bound:
        factors = [(see_through(factor), e) for factor, e in factors_of(use)]
        images = [_grown(factor) if _is_sum(factor) else None for factor, _ in factors]
        if not any(images):
            return None
        return product_of_powers([(image or old, e) for image, (old, e) in zip(images, factors, strict=True)])
    if not _is_sum(use):
        return None
    terms = _mirrored(terms_of(use))
    found = [_summand(term) for _, term in terms]
    if not all(c.is_positive for c, _ in terms):
        return None
    grown = any(part.has_exponential for part in found)
    made = [(c, part.merged(grown)) for (c, _), part in zip(terms, found, strict=True)]
    return None if all(new == old for (_, new), (_, old) in zip(made, terms, strict=True)) else add(made)


def _is_sum(use: Use) -> bool:
    node = use.node
    return (isinstance(node, Contract) and bool(node.bound)) or (isinstance(node, Add) and len(node.terms) > 1)


class _Summand(NamedTuple):
    """A product, summed over some letters: its factors, and which of them have a logarithm of their own."""

    whole: Use
    factors: Sequence[tuple[Use, Number]]
    logs: Sequence[Use | None]
    bound: dict[Letter, Expr]

    @property
    def has_exponential(self) -> bool:
        """Whether there is an exponential, or what may be as small as one: a product, a power, probabilities."""
        known = [factor for (factor, _), known in zip(self.factors, self.logs, strict=True) if known is not None]
        return sum(map(_is_probability, known)) > 1 or any(map(_is_exponential, known))

    def merged(self, grown: bool) -> Use:
        """The product with one exponential, if there is anything to merge."""
        inside = [log for log in self.logs if log is not None]
        if not grown or not inside or (len(inside) == 1 and self._is_simple()):
            return self.whole
        letters = {x for part in inside for x in part.letters}
        if self.bound and not any(letters <= set(part.letters) for part in inside):
            return self.whole  # a product of matrices, which one exponential would multiply out
        rest = [pair for pair, known in zip(self.factors, self.logs, strict=True) if known is None]
        exponent = add([(S.One, part) for part in inside])
        return product_of_powers([*rest, (apply(exp, [exponent]), S.One)], self.bound)

    def _is_simple(self) -> bool:
        """Whether the one logarithm is that of an exponential or a sigmoid: these are found as they are."""
        factors = [pair for pair, known in zip(self.factors, self.logs, strict=True) if known is not None]
        node = see_through(factors[0][0]).node
        return isinstance(node, Apply) and node.head in (exp, sigmoid) and factors[0][1] == 1


def _summand(use: Use) -> _Summand:
    """A term as a summand; names inside are looked through where that brings an exponential to light."""
    bound: dict[Letter, Expr] = {}
    factors: list[tuple[Use, Number]] = []
    stack: list[tuple[Use, Number, int]] = [(use, S.One, 0)]
    while stack:
        factor, e, depth = stack.pop(0)
        coefficient, target = split_coefficient(see_through(factor))
        node = target.node
        if isinstance(node, Contract) and e == 1 and (depth == 0 or not node.bound) and depth < _DEEPEST:
            names, over = opened(target, node.bound)
            bound |= over
            stack += [(relabel(part, names), power, depth + 1) for part, power in node.factors]
            factors.append((const(coefficient), S.One))
        else:
            factors.append((factor, e))
    return _Summand(use, factors, [_logarithm(factor, e) for factor, e in factors], bound)


def _logarithm(factor: Use, e: Number) -> Use | None:
    """The logarithm of a factor to a power, by a function of its own; None where it is best left a weight."""
    seen = see_through(factor)
    if isinstance(seen.node, Add) and len(seen.node.terms) == 2:
        ((_, mirrored),) = pairs if len(pairs := _mirrored(terms_of(seen))) == 1 else [(S.One, seen)]
        seen = mirrored
    if isinstance(seen.node, Contract) and seen.node.bound and e == 1 and is_positive(seen):
        inner = _summand(seen)
        return apply(log, [seen]) if inner.has_exponential else None
    if isinstance(factor.node, Named) and not _has_logarithm(seen):
        return None
    if isinstance(seen.node, Apply) and seen.node.head is sigmoid:
        mirrored = scale(S.NegativeOne, place(seen.node.args[0], seen.letters))
        return scale(-e, apply(softplus, [mirrored]))
    found = factor_logarithm(seen, e)
    return None if found is None or found.sign != ONE else scale(e, found.value)


def _has_logarithm(use: Use) -> bool:
    node = use.node.base.node if isinstance(use.node, Gather) else use.node
    return isinstance(node, Apply | AxisMap | Reduce)


def _is_exponential(factor: Use) -> bool:
    node = see_through(factor).node
    return (
        (isinstance(node, Apply) and node.head in (exp, exp_ndtr, Pow))
        or (isinstance(node, Reduce) and node.head is Product)
        or (isinstance(node, Contract) and bool(node.bound))
    )


def _is_probability(factor: Use) -> bool:
    """Whether a factor is one of a softmax or a sigmoid."""
    node = see_through(factor).node
    if isinstance(node, Gather):
        node = see_through(node.base).node
    if isinstance(node, Add):
        pairs = _mirrored(terms_of(see_through(factor)))
        node = pairs[0][1].node if len(pairs) == 1 else node
    return (isinstance(node, AxisMap) and node.head == SOFTMAX) or (isinstance(node, Apply) and node.head is sigmoid)


def _mirrored(terms: Sequence[tuple[Number, Use]]) -> list[tuple[Number, Use]]:
    """The terms with c·σ(−u) for c − c·σ(u)."""
    constant = next((c for c, term in terms if term == ONE), None)
    for n, (c, term) in enumerate(terms):
        function = see_through(term)
        is_sigmoid = isinstance(function.node, Apply) and function.node.head is sigmoid
        if constant is not None and c == -constant and is_sigmoid:
            mirror = apply(sigmoid, [scale(S.NegativeOne, place(function.node.uses()[0], function.letters))])
            rest = [(d, other) for m, (d, other) in enumerate(terms) if m != n and other != ONE]
            return [*rest, (constant, mirror)]
    return list(terms)
