"""The order of the rewriting phases."""

from collections.abc import Collection, Sequence
from typing import Any

from symgrad.graph.nodes import Named, Node, Use
from symgrad.graph.transform import place, rebuilt, transform
from symgrad.rewrite.axes import CANONICAL, RECOGNISE
from symgrad.rewrite.complements import (
    complement_of_powers,
    complement_of_share_of_exponentials,
    complement_of_shares,
    complement_of_softmax,
    log_of_shares,
    share_of_exponentials,
    shares_by_odds,
)
from symgrad.rewrite.conjugates import difference_of_roots
from symgrad.rewrite.cross_entropy import binary_cross_entropy
from symgrad.rewrite.decay import decay_of_exponential, function_beside_exponential
from symgrad.rewrite.divergences import divergence
from symgrad.rewrite.engine import Trace, rewrite
from symgrad.rewrite.facts import cross_entropy, fold_names, use_identity
from symgrad.rewrite.gamma import RECOGNISE as GAMMA_RECOGNISE
from symgrad.rewrite.growth import log_of_growth
from symgrad.rewrite.hyperbolic import product_of_growths
from symgrad.rewrite.increments import increment_of_power, log_of_increment
from symgrad.rewrite.labels import log_softmax_at_label
from symgrad.rewrite.leading_terms import difference_of_logarithms, leading_terms
from symgrad.rewrite.linear_algebra import CANONICAL as MATRIX_CANONICAL
from symgrad.rewrite.linear_algebra import RECOGNISE as MATRIX_RECOGNISE
from symgrad.rewrite.local import joined_sums, simplify_cluster, vanishing_sum
from symgrad.rewrite.logarithms import log_of_complement, log_of_distance, log_of_share
from symgrad.rewrite.mixtures import log_near_certainty, log_of_inflated, log_of_mixture
from symgrad.rewrite.neighbours import difference_of_neighbours
from symgrad.rewrite.normal import RECOGNISE as NORMAL_RECOGNISE
from symgrad.rewrite.normal import STABILISE as NORMAL_STABILISE
from symgrad.rewrite.parts_of_sums import complement_in_sum, log_beside_one, near_one, part_of_sum
from symgrad.rewrite.power_means import over_small_exponent
from symgrad.rewrite.powers import power_at_zero
from symgrad.rewrite.probabilities import log_between_asymptotes, log_of_hyperbolic_cosines, power_of_probability
from symgrad.rewrite.quotients import (
    complement_of_share,
    divided_in_turn,
    multiplied_by_divisor,
    power_of_quotient,
)
from symgrad.rewrite.record import AxisRule, Record
from symgrad.rewrite.roots import difference_of_squares, over_squares, root_of_squares, share_of_root
from symgrad.rewrite.rotations import turned_back
from symgrad.rewrite.rules import RULES
from symgrad.rewrite.shares import share_of_sum
from symgrad.rewrite.slopes import slope_of_tanh
from symgrad.rewrite.small_parameters import power_near_one, quotient_in_sum
from symgrad.rewrite.univariate import OF_CODE, OF_DERIVATIVES, OF_MODELS

_RECOGNISE = tuple(rule for rule in RULES if rule.phase == "recognise")
_STABILISE = tuple(rule for rule in RULES if rule.phase == "stabilise")
_OF_AXES: tuple[AxisRule, ...] = (
    multiplied_by_divisor,
    *NORMAL_RECOGNISE,
    *GAMMA_RECOGNISE,
    *RECOGNISE,
    log_softmax_at_label,
    log_of_complement,
    log_between_asymptotes,
    log_of_hyperbolic_cosines,
    power_of_probability,
    log_of_inflated,
    log_of_mixture,
    *MATRIX_RECOGNISE,
)
_OF_MODELS: tuple[AxisRule, ...] = (
    complement_of_softmax,
    log_of_shares,
    complement_of_share_of_exponentials,
    share_of_exponentials,
    *OF_MODELS,
    quotient_in_sum,
    power_near_one,
    part_of_sum,
)
_CANONICAL: tuple[AxisRule, ...] = (*CANONICAL, power_of_quotient, turned_back, *MATRIX_CANONICAL)
_OF_FORMULAS = (*_OF_AXES, *_CANONICAL)
_STABLE: tuple[AxisRule, ...] = (
    over_small_exponent,
    binary_cross_entropy,
    power_at_zero,
    difference_of_roots,
    root_of_squares,
    over_squares,
    difference_of_squares,
    share_of_root,
    log_of_distance,
    log_of_share,
    *NORMAL_STABILISE,
    slope_of_tanh,
    complement_of_shares,
    complement_of_powers,
    divergence,
    near_one,
    log_beside_one,
    increment_of_power,
    log_of_increment,
    difference_of_logarithms,
    difference_of_neighbours,
    leading_terms,
    complement_of_share,
    divided_in_turn,
    complement_in_sum,
    *OF_CODE,
)
# what they take apart, others no longer see
_LAST: tuple[AxisRule, ...] = (
    function_beside_exponential,
    decay_of_exponential,
    share_of_sum,
    log_of_growth,
    product_of_growths,
)
_FIRST: tuple[AxisRule, ...] = (log_near_certainty,)

RECORDS: tuple[Record[..., Any], ...] = (
    *_OF_AXES,
    *_CANONICAL,
    *_STABLE,
    *_LAST,
    *_FIRST,
    *dict.fromkeys((*_OF_MODELS, *OF_DERIVATIVES)),
    cross_entropy,
    shares_by_odds,
    fold_names,
    use_identity,
    vanishing_sum,
    joined_sums,
    simplify_cluster,
)
"""The rewrites of these phases beside the scalar rules."""

# Each round may open the way for the next; formulas settle in two or three.
MAX_ROUNDS = 6


def recognise(roots: Sequence[Use], identities: Sequence[tuple[Use, Use]], trace: Trace) -> list[Use]:
    """Plain spellings under their proper names; run before differentiation, so that gradients are stable too."""

    def by_facts(node: Node, uses: tuple[Use, ...]) -> Use:
        made = rebuilt(node, uses)
        better = cross_entropy(made.node, identities)
        if better is None:
            return made
        image = place(better, made.letters)
        trace.steps.append((cross_entropy.name, made, image))
        return image

    current = list(roots)
    for _ in range(MAX_ROUNDS):
        before = current
        current = rewrite(current, _RECOGNISE, _OF_AXES, trace)
        current = rewrite(current, (), _OF_MODELS, trace)  # of what has no name of its own
        current = transform(current, by_facts) if identities else current
        if current == before:
            break
    return shares_by_odds(current, trace)


def simplify(
    roots: Sequence[Use],
    names: Sequence[Named],
    identities: Sequence[tuple[Use, Use]],
    trace: Trace,
    opaque: Collection[Node] = frozenset(),
) -> list[Use]:
    """The derived terms as formulas worth reading: facts used, clusters cancelled, names folded in.

    `opaque` nodes have been simplified before.
    """
    current = list(roots)
    for _ in range(MAX_ROUNDS):
        before = current
        current = rewrite(current, _RECOGNISE, _OF_FORMULAS, trace, opaque)
        current = rewrite(current, (), OF_DERIVATIVES, trace, opaque)
        spelled, current = current, fold_names(current, names, opaque)
        trace.steps.extend((fold_names.name, old, new) for old, new in zip(spelled, current, strict=True) if old != new)
        current = _cancel(current, identities, trace, opaque)
        if current == before:
            break
    return current


def _cancel(
    roots: Sequence[Use], identities: Sequence[tuple[Use, Use]], trace: Trace, opaque: Collection[Node]
) -> list[Use]:
    def visit(node: Node, uses: tuple[Use, ...]) -> Use:
        made = rebuilt(node, uses)
        for name, better in (
            (use_identity.name, use_identity(made.node, identities)),
            (vanishing_sum.name, vanishing_sum(made.node)),
            (joined_sums.name, joined_sums(made.node)),
            (simplify_cluster.name, simplify_cluster(made.node)),
        ):
            if better is not None:
                image = Use(better.node, tuple(made.letters[k] for k in better.letters))
                trace.steps.append((name, made, image))
                return image
        return made

    return transform(roots, visit, opaque)


def without_vanishing_sums(root: Use) -> Use:
    """The term without sums that are zero by the definition of a name."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        found = vanishing_sum(made.node)
        return None if found is None else place(found, made.letters)

    return transform([root], visit)[0]


def near_certainty(roots: Sequence[Use]) -> list[Use]:
    """The terms with logarithms of sums near 1 as such, while the sums are as the model has them."""
    return rewrite(roots, (), _FIRST, Trace())


def stabilise(roots: Sequence[Use], trace: Trace) -> list[Use]:
    """The terms as code should compute them."""
    return rewrite(rewrite(roots, _STABILISE, _STABLE, trace), (), _LAST, trace)
