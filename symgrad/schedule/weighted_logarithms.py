"""Logarithms beside weights of 0: y·log(x) is 0 where y is, as −Σ p·log(p) and Σ y·log(μ) have it at an x of 0."""

from collections.abc import Collection, Iterator, Sequence

from sympy import And, Expr, Ne, S, log, oo
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, add, apply, const, mul, product_of_powers, scale, split_coefficient
from symgrad.graph.facts import is_never_zero
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Node, Use, postorder
from symgrad.graph.transform import factors_of, opened, place, see_through, terms_of, transform
from symgrad.rewrite.record import record
from symgrad.schedule.conditions import Guard
from symgrad.schedule.liveness import liveness
from symgrad.schedule.partial_fractions import parts_by_weights
from symgrad.schedule.regions import Region, is_part
from symgrad.schedule.vanishing import Vanishing
from symgrad.univariate import log1mexp

# Logarithms, with an argument at which they are finite.
_LOGARITHMS = {log: ONE, log1p: ZERO, log1mexp: ONE}


@record(
    "y·log(x) = y·log(x if y ≠ 0 else 1), y/x = y/(x if y ≠ 0 else 1)",
    "0·log 0 and 0/0 are not numbers; what has no weight adds nothing",
    "limit of y·log(x) for y → 0; SciPy's xlogy",
)
def weigh_logarithms(roots: Sequence[Use], loss: Use | None = None) -> list[Use]:
    """The terms with logarithms of what may be 0, and their derivatives, left out where their weight is 0.

    Only weights over all indices of the logarithm count, counts and probabilities: one number before all of them is no
    reason to compare each. The terms may be derivatives of a `loss` with such logarithms.
    """
    everything = [*roots] if loss is None else [*roots, loss]
    weighted = [
        (node, weight, argument)
        for node in postorder([use.node for use in everything])
        if isinstance(node, Contract)
        for weight, argument in _weighted(node)
    ]
    if weighted:
        live = liveness(everything, Vanishing(everything))
        weighted = [found for found in weighted if not _is_asked(found[1], live.of(found[0])[0])]
    # weight and divisor, in letters that the divisor numbers
    pairs = dict.fromkeys(
        _numbered(signed, part)
        for _, weight, argument in weighted
        for part in _parts(argument)
        for signed in (weight, scale(S.NegativeOne, weight))
    )
    if not pairs:
        return list(roots)
    roots = parts_by_weights(roots, pairs)
    plain = _elsewhere(roots, list(postorder([use.node for use in roots])))

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return _left_out(node, uses, pairs, plain) if isinstance(node, Contract) else None

    made = transform(roots, visit)
    own_weights = {argument for weight, argument in pairs if weight == argument}
    return transform(made, lambda node, uses: _below_all(node, uses[0], own_weights) if uses else None)


def _is_asked(weight: Use, region: Region) -> bool:
    """Whether the conditions under which a product is needed say that a weight in it is not 0."""
    there = frozenset([frozenset([Guard(apply(Ne, [weight, ZERO]), True)])])
    return all(is_part(case, there) for case in region)


def _below_all(node: Node, image: Use, own_weights: Collection[Use]) -> Use | None:
    """log(x) as a derivative of x·log(x) has it, −∞ at 0 without a warning."""
    if not (isinstance(node, Apply) and node.head is log and _numbered(image, image)[0] in own_weights):
        return None
    there = apply(Ne, [image, ZERO])
    return apply(if_else, [there, apply(log, [apply(if_else, [there, image, ONE])]), const(-oo)])


def _elsewhere(roots: Sequence[Use], nodes: Sequence[Node]) -> set[Node]:
    """The logarithms that something needs as they are, as the derivative log(x) + 1 of x·log(x)."""
    inside: set[Node] = set()
    needed = [use.node for use in roots]
    for node in reversed(nodes):  # sums after the products that they are in
        weighted = set()
        if isinstance(node, Contract):
            weighted = {n for n, (factor, e) in enumerate(node.factors) if e == 1 and _has_weights(node, n)}
            inside |= {node.factors[n][0].node for n in weighted}
        if node not in inside:
            needed += [use.node for n, use in enumerate(node.uses()) if n not in weighted]
    return {node for node in needed if isinstance(node, Apply) and node.head in _LOGARITHMS}


def _has_weights(node: Contract, n: int) -> bool:
    return any(_weights(node, n, argument) for argument in _arguments(node.factors[n][0]))


def _weighted(node: Contract) -> Iterator[tuple[Use, Use]]:
    """Weights, and arguments of logarithms that they are factors of."""
    for n, (factor, e) in enumerate(node.factors):
        if e == 1:
            for argument in _arguments(factor):
                yield from ((node.factors[m][0], argument) for m in _weights(node, n, argument))


def _weights(node: Contract, n: int, argument: Use) -> list[int]:
    """The places of the factors that may be 0, over the indices of an argument that may be; functions are not."""
    return [
        m
        for m, (weight, e) in enumerate(node.factors)
        if m != n
        and not isinstance(weight.node, Apply)
        and e.is_positive
        and (set(weight.letters) == set(argument.letters) or _is_exponent(weight, argument))
        and not is_never_zero(weight)
    ]


def _is_exponent(weight: Use, argument: Use) -> bool:
    """Whether a weight is one of densities, as a − 1 in (a − 1)·log(x): 0 where the density does not depend on x."""
    apart = any(term == ONE for _, term in terms_of(weight)) and isinstance(weight.node, Add)
    return apart and set(weight.letters) < set(argument.letters)


def _arguments(use: Use) -> Iterator[Use]:
    """What a term, or terms of a sum, is the logarithm of, where that may be 0."""
    for _, whole in terms_of(use):
        term, _ = _added_up(whole)
        node = term.node
        if isinstance(node, Apply) and node.head in _LOGARITHMS:
            argument = place(node.args[0], term.letters)
            if node.head is log1p:
                argument = add([(S.One, ONE), (S.One, argument)])
            elif node.head is log1mexp:
                argument = scale(S.NegativeOne, apply(expm1, [scale(S.NegativeOne, argument)]))
            if not is_never_zero(argument):
                yield argument


def _added_up(use: Use) -> tuple[Use, dict[Letter, Expr]]:
    """What a sum of one factor adds up, with the letters that it does so over; anything else as it is."""
    node = use.node
    if not (isinstance(node, Contract) and node.bound and len(node.factors) == 1 and node.factors[0][1] == 1):
        return use, {}
    names, bound = opened(use, node.bound)
    return relabel(node.factors[0][0], names), bound


def _parts(argument: Use) -> Iterator[Use]:
    """What a derivative of the logarithm divides by: the argument, or its factors, over all of its indices."""
    for base in dict.fromkeys((argument, see_through(argument))):
        _, product = split_coefficient(product_of_powers([(base, S.NegativeOne)]))
        yield from (factor for factor, _ in factors_of(product) if set(factor.letters) == set(argument.letters))


def _numbered(weight: Use, part: Use) -> tuple[Use, Use]:
    numbers = {letter: n for n, letter in enumerate(distinct(part.letters))}
    return relabel(weight, numbers), relabel(part, numbers)


def _left_out(
    node: Contract, uses: Sequence[Use], pairs: Collection[tuple[Use, Use]], plain: Collection[Node]
) -> Use | None:
    """A product with its logarithms and divisors left out where a weight beside them is 0."""
    images = list(uses)
    for n, (factor, e) in enumerate(node.factors):
        if e == 1 and (terms := _with_weights(node, n, uses[n], uses, plain)) is not None:
            images[n] = terms
        elif e.is_negative:
            weights = [
                uses[m]
                for m, (weight, power) in enumerate(node.factors)
                if power.is_positive and _numbered(weight, factor) in pairs
            ]
            if weights:
                images[n] = apply(if_else, [_are_there(weights), uses[n], ONE])
    if images == list(uses):
        return None
    powers = [(image, e) for image, (_, e) in zip(images, node.factors, strict=True)]
    return product_of_powers(powers, dict(enumerate(node.bound, node.rank)))


def _with_weights(node: Contract, n: int, image: Use, weights: Sequence[Use], plain: Collection[Node]) -> Use | None:
    """A logarithm, or a sum with some, that asks whether its weights are there; None where it has none."""
    terms = []
    old = terms_of(node.factors[n][0])
    new = terms_of(image)
    if len(old) != len(new):
        return None
    for (c, term), (_, before) in zip(new, old, strict=True):
        for argument in _arguments(before):
            places = _weights(node, n, argument)
            is_own = argument in [node.factors[m][0] for m in places]
            if places:
                term = _asking(term, before.node in plain and not is_own, [weights[m] for m in places])
        terms.append((c, term))
    return None if terms == new else add(terms)


def _asking(use: Use, is_plain: bool, weights: Sequence[Use]) -> Use:
    """A logarithm that is 0 where a weight is."""
    term, bound = _added_up(use)
    node = term.node
    if not (isinstance(node, Apply) and node.head in _LOGARITHMS):
        return use
    there = _are_there(weights)
    if is_plain:
        return apply(if_else, [there, use, ZERO])
    safe = apply(if_else, [there, place(node.args[0], term.letters), _LOGARITHMS[node.head]])
    return mul([apply(node.head, [safe])], bound)


def _are_there(weights: Sequence[Use]) -> Use:
    """Whether none of the weights is 0."""
    return apply(And, [apply(Ne, [weight, ZERO]) for weight in weights])
