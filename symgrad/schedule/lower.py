"""Lowers functions to the steps they share: softmax and logsumexp, sigmoid and softplus of one argument."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from sympy import Ge, Integer, Lt, Max, S, exp, log
from sympy.codegen.cfunctions import log1p

from symgrad.functions import (
    LargestOver,
    LogSumExp,
    MaxOver,
    copysign,
    finite_maximum,
    has_no_sign,
    if_else,
    relu,
    share,
    sigmoid,
    softplus,
)
from symgrad.graph.build import (
    BALANCED,
    LOG_SOFTMAX,
    ONE,
    SOFTMAX,
    ZERO,
    add,
    apply,
    auxiliary,
    const,
    log_total,
    mul,
    product_of_powers,
    reciprocal,
    reduce,
    running,
    scale,
    subtract,
)
from symgrad.graph.dimensions import is_never_empty
from symgrad.graph.infinities import may_be_all_minus_infinity
from symgrad.graph.kinds.scans import from_outside, images, within
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Input,
    Letter,
    Named,
    Node,
    Past,
    Previous,
    Reduce,
    Scan,
    Use,
    postorder,
)
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import dependents, factors_of, own, place, see_through, substitute, terms_of, transform
from symgrad.rewrite.cross_entropy import tail
from symgrad.rewrite.facts import fold_names
from symgrad.rewrite.record import BLANCHARD, MAECHLER, Record, record
from symgrad.schedule.exponential_sums import SHIFTED
from symgrad.schedule.guards import counts_ties


def lower(roots: Sequence[Use]) -> list[Use]:
    """The terms with these functions spelled out; equal steps become one node, computed once."""
    steps = transform(roots, _spelled)
    looped = dependents([use.node for use in steps], _recurrent(steps))

    def product(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return None if node in looped else product_of_sigmoids(node, uses)

    steps = transform(steps, product)
    nodes = list(postorder([use.node for use in steps]))
    tails = {node for node in nodes if isinstance(node, Apply) and node.head is exp}
    both, inside = _both_signs(nodes)

    missed: list[Named] = []
    signs: dict[Use, Use] = {}

    def residual(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return residual_of_sigmoid(node, uses, tails, missed, signs)

    def share(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return spell_sigmoid(node, uses, tails, both, inside)

    def sums(node: Node, uses: tuple[Use, ...]) -> Use | None:
        return sums_of_cross_entropy(node, missed) if uses == node.uses() else None

    apart = fold_names(transform(steps, residual), missed)
    negated = {scale(S.NegativeOne, name.arg): scale(S.NegativeOne, own(name)) for name in missed}
    apart = transform(substitute(apart, negated), sums)
    return transform(substitute(apart, signs), share)


def _recurrent(roots: Sequence[Use]) -> list[Node]:
    """What is computed step by step, where both sides of a sigmoid are kept."""
    return [node for node in postorder([use.node for use in roots]) if isinstance(node, Scan | Previous | Past)]


@record("σ(u)·σ(−u) = e/(1 + e)² with e = exp(−|u|)", "nothing is compared, and no side is chosen", MAECHLER)
def product_of_sigmoids(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """The slope of a sigmoid."""
    if not isinstance(node, Contract):
        return None
    factors = [(use, exponent) for use, (_, exponent) in zip(uses, node.factors, strict=True)]
    arguments: list[tuple[int, Use]] = []
    for n, (use, exponent) in enumerate(factors):
        function = see_through(use)
        if exponent != 1 or not isinstance(function.node, Apply) or function.node.head is not sigmoid:
            continue
        argument = place(function.node.args[0], function.letters)
        mirrored = scale(S.NegativeOne, argument)
        other = next((m for m, known in arguments if known == mirrored), None)
        if other is not None:
            small = tail(argument)
            slope = [(small, S.One), (add([(S.One, ONE), (S.One, small)]), Integer(-2))]
            rest = [factor for m, factor in enumerate(factors) if m not in (n, other)]
            return product_of_powers([*rest, *slope], dict(enumerate(node.bound, node.rank)))
        arguments.append((n, argument))
    return None


@record(
    "σ(u) − t = ([u ≥ 0] − t) ± exp(−|u|)/(1 + exp(−|u|)) for data t",
    "nothing cancels where a confident u is right",
    MAECHLER,
)
def residual_of_sigmoid(
    node: Node, uses: tuple[Use, ...], tails: Collection[Node], missed: list[Named], signs: dict[Use, Use]
) -> Use | None:
    """σ(u) - t = [u ≥ 0] - t ± exp(-|u|)/(1 + exp(-|u|)) for data t, of which nothing is lost where t is 0 or 1.

    Of a confident u that is right σ(u) rounds to t, and the difference would be 0. `signs` has [u ≥ 0] by the sign bit
    of u, from which ± comes, too: the two agree where u is -0.
    """
    if not isinstance(node, Add):
        return None
    terms = [(coefficient, use) for (coefficient, _), use in zip(node.terms, uses, strict=True)]
    for n, (coefficient, use) in enumerate(terms):
        function = see_through(use)
        if not (isinstance(function.node, Apply) and function.node.head is sigmoid):
            continue
        argument = place(function.node.args[0], function.letters)
        small = tail(argument)
        if small.node in tails and any(isinstance(t.node, Input) and c == -coefficient for c, t in terms):
            part = auxiliary("tail", mul([small, reciprocal(add([(S.One, ONE), (S.One, small)]))]))
            above = apply(Ge, [argument, ZERO])
            signs[above] = apply(has_no_sign, [argument])
            rest = [term for m, term in enumerate(terms) if m != n]
            # a name keeps the difference together: it is exact, and 0 where a confident u is right
            difference = auxiliary("missed", add([(coefficient, apply(if_else, [above, ONE, ZERO])), *rest]))
            missed.append(cast(Named, difference.node))
            return add([(S.One, difference), (-coefficient, apply(copysign, [part, argument]))])
    return None


@record(
    "σ(u) = ([u ≥ 0] + [u < 0]·e)/(1 + e), σ(−u) = 1 − σ(u) with e = exp(−|u|)", "one exponential for all", MAECHLER
)
def spell_sigmoid(
    node: Node, uses: tuple[Use, ...], tails: Collection[Node], both: Mapping[Node, bool], inside: Mapping[Node, bool]
) -> Use | None:
    """A sigmoid by exp(-|u|) where something else needs that as well: softplus of u, or the sigmoid of -u."""
    if not isinstance(node, Apply) or node.head is not sigmoid:
        return None
    small = tail(uses[0])
    if node in both:
        if not both[node]:
            return _together(uses[0], small)
        return (_apart if inside[node] else _complement)(uses[0], small)
    return _quotient(uses[0], small) if small.node in tails else None


@record(
    "Σ (u·(σ₀ − t) + log1p(e)) = Σ u·(σ₀ − t) + Σ log1p(e) with σ₀ = [u ≥ 0], e = exp(−|u|)",
    "an inner product takes no pass of its own",
    MAECHLER,
)
def sums_of_cross_entropy(node: Node, missed: Sequence[Node]) -> Use | None:
    """Σ (u·missed + log1p(exp(-|u|))) as two sums: neither term is negative for t from 0 to 1, and nothing cancels."""
    if not isinstance(node, Contract) or len(node.factors) != 1 or node.rank or node.factors[0][1] != 1:
        return None
    terms = terms_of(node.factors[0][0])
    products = [term for _, term in terms if set(missed) & {use.node for use in term.node.uses()}]
    logs = [term for _, term in terms if isinstance(term.node, Apply) and term.node.head is log1p]
    if len(terms) != 2 or len(products) != 1 or len(logs) != 1:
        return None
    bound = dict(enumerate(node.bound))
    return add([(coefficient, mul([term], bound)) for coefficient, term in terms])


def _quotient(argument: Use, small: Use) -> Use:
    """sigmoid(u) from exp(-|u|)."""
    above = apply(if_else, [apply(Ge, [argument, ZERO]), ONE, small])
    return mul([above, reciprocal(add([(S.One, ONE), (S.One, small)]))])


def _together(argument: Use, small: Use) -> Use:
    """sigmoid(u) under a name, so that a loop keeps it as one array."""
    return auxiliary("sigma", _quotient(argument, small))


def _complement(argument: Use, small: Use) -> Use:
    """sigmoid(-u) = 1 - s from s = sigmoid(u) without another exponential, and without cancellation near s = 1."""
    below = apply(Lt, [_together(scale(S.NegativeOne, argument), small), const(S.Half)])
    return mul([apply(if_else, [below, ONE, small]), reciprocal(add([(S.One, ONE), (S.One, small)]))])


def _apart(argument: Use, small: Use) -> Use:
    """sigmoid(-u) beside sigmoid(u) in a loop, which keeps both: one array less than what both are made of."""
    below = apply(if_else, [apply(Lt, [scale(S.NegativeOne, argument), ZERO]), ONE, small])
    return auxiliary("tau", mul([below, reciprocal(add([(S.One, ONE), (S.One, small)]))]))


def _both_signs(nodes: Sequence[Node]) -> tuple[dict[Node, bool], dict[Node, bool]]:
    """The sigmoids of an argument u and of -u: whether it is -u, and whether a recurrence computes the other.

    The derivative of a sigmoid has both. In a recurrence the argument is taken as it is seen from outside, where the
    derivative needs it; there u is the argument of the recurrence itself.
    """
    found: dict[Node, list[tuple[Node, Use]]] = {}
    inside: dict[Node, Use] = {}
    for node in nodes:
        if isinstance(node, Scan):
            sigmoids = [part for part in within(node) if isinstance(part, Apply) and part.head is sigmoid]
            inside |= dict(zip(sigmoids, from_outside([part.args[0] for part in sigmoids], images(node)), strict=True))
    for node in nodes:
        if isinstance(node, Apply) and node.head is sigmoid:
            argument = inside.get(node, node.args[0])
            found.setdefault(tail(argument).node, []).append((node, argument))
    for group in found.values():
        group.sort(key=lambda pair: (pair[0] not in inside, sum(bool(c < 0) for c, _ in terms_of(pair[1]))))
    both = [group for group in found.values() if len({argument.node for _, argument in group}) > 1]
    mirrored = {node: argument.node is not group[0][1].node for group in both for node, argument in group}
    return mirrored, {node: group[0][0] in inside and node not in inside for group in both for node, _ in group}


Spelling = Record[[Node, tuple[Use, ...]], Use | None]


@record("logsumexp(u) = m + log Σ exp(u − m) with m = max u", "exp(u) overflows beyond 709", BLANCHARD)
def spell_log_sum_exp(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """LogSumExp by the maximum."""
    if not isinstance(node, Reduce) or node.head is not LogSumExp:
        return None
    largest, _, _, total = _steps(uses[0], dict(enumerate(node.bound, node.rank)))
    return add([(S.One, largest), (S.One, apply(log, [total]))])


@record("softmax(u) = exp(u − m)/Σ exp(u − m) with m = max u", "exp(u) overflows beyond 709", BLANCHARD)
def spell_softmax(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """Softmax by the maximum."""
    if not isinstance(node, AxisMap) or node.head != SOFTMAX:
        return None
    _, _, exponentials, total = _steps(uses[0], _over(node))
    return mul([exponentials, reciprocal(total)])


@record("log_softmax(u) = (u − m) − log Σ exp(u − m) with m = max u", "softmax(u) underflows", BLANCHARD)
def spell_log_softmax(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """The logarithm of softmax by the maximum."""
    if not isinstance(node, AxisMap) or node.head != LOG_SOFTMAX:
        return None
    over = _over(node)
    _, shifted, exponentials, total = _steps(uses[0], over)
    if len(over) == 1 and (node.rank > 1 or isinstance(see_through(uses[0]).node, Input)):
        return subtract(shifted, log_total(exponentials, total, over))
    return subtract(shifted, apply(log, [total]))


@record("p = exp(u)/Σ exp(u) is near 1 where the sum is, with max u = 0", "one number for each axis says so", BLANCHARD)
def spell_balanced(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """A balanced difference with the sum that its shares are divided by in place of these."""
    if not isinstance(node, AxisMap) or node.head != BALANCED:
        return None
    difference, taken, shares = uses
    total = next((factor for factor, e in factors_of(see_through(shares)) if e == -1), None)
    return None if total is None else running(BALANCED, difference, node.over[0], taken, total)


@record(
    "exp(x)/(exp(x) + exp(y)) = exp(x − m)/(exp(x − m) + exp(y − m)) with m = max(x, y)",
    "exp(x) overflows beyond 709; where both are −∞ the share is 0",
    BLANCHARD,
)
def spell_share(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """The share of one of two exponentials, by the steps of the logarithm of their sum."""
    if not isinstance(node, Apply) or node.head is not share:
        return None
    shift = apply(finite_maximum, [extremum(Max, *uses)])
    above, other = (apply(exp, [auxiliary(SHIFTED, subtract(use, shift))]) for use in uses)
    return mul([above, reciprocal(apply(Max, [add([(S.One, above), (S.One, other)]), const(S.Half)]))])


@record("softplus(u) = max(u, 0) + log1p(exp(−|u|))", "exp(−|u|) serves σ(u), too, and does not overflow", MAECHLER)
def spell_softplus(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """Softplus by exp(-|u|)."""
    if not isinstance(node, Apply) or node.head is not softplus:
        return None
    return add([(S.One, apply(relu, [uses[0]])), (S.One, apply(log1p, [tail(uses[0])]))])


@record("c·k⁻¹ = c·max(k, 1)⁻¹ for the number k of entries that tie", "of no entries none tie", "definition")
def count_at_least_one(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """A share among the entries that tie, of an axis that may be empty: there nothing is divided by 0."""
    if not isinstance(node, Contract) or not any(_may_be_none(use.node) for use in node.uses()):
        return None
    return node.rebuild([apply(Max, [use, ONE]) if _may_be_none(use.node) else use for use in uses])


SPELLINGS: tuple[Spelling, ...] = (
    spell_log_sum_exp,
    spell_softmax,
    spell_log_softmax,
    spell_balanced,
    spell_share,
    spell_softplus,
    count_at_least_one,
)


def _spelled(node: Node, uses: tuple[Use, ...]) -> Use | None:
    return next((made for spelling in SPELLINGS if (made := spelling(node, uses)) is not None), None)


def _over(node: AxisMap) -> dict[Letter, object]:
    return {axis: node.shape[axis] for axis in node.over}


def _may_be_none(node: Node) -> bool:
    """How many entries tie, of an axis that may be empty: there no adjoint is shared, and nothing is divided by 0."""
    return counts_ties(node) and not all(map(is_never_empty, getattr(node, "bound", ())))


def _steps(arg: Use, over: dict[Letter, object]) -> tuple[Use, Use, Use, Use]:
    # shifting by the maximum leaves one exponential equal to 1: nothing overflows, and the sum is at least 1. Where all
    # entries are -oo the shift is a finite number, and 1 stands for the sum 0: the logarithm is -oo, and the softmax 0
    if not may_be_all_minus_infinity(arg, over):
        largest = reduce(MaxOver, arg, over)
        shifted, exponentials, total = _shifted(arg, largest, over)
        return largest, shifted, exponentials, total
    if isinstance(arg.node, Add) and len(arg.node.terms) > 1:  # the largest entry less the maximum has to be 0
        arg = auxiliary("scores", arg)
    largest = reduce(LargestOver, arg, over)
    shifted, exponentials, total = _shifted(arg, apply(finite_maximum, [largest]), over)
    return largest, shifted, exponentials, apply(Max, [total, ONE])


def _shifted(arg: Use, shift: Use, over: dict[Letter, object]) -> tuple[Use, Use, Use]:
    # a name keeps the difference together: u - max is exact near the maximum, u - log(sum) - max is not
    shifted = auxiliary(SHIFTED, subtract(arg, shift))
    exponentials = apply(exp, [shifted])
    return shifted, exponentials, mul([exponentials], over)
