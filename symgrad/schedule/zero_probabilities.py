"""Log-probabilities of −∞ beside their probabilities of 0: log 0 without a warning, and 0·(−∞) = 0.

Where a logsumexp or a softmax is made of log(p), a p of 0 is legal, and its logarithm −∞ is meant. Where a softmax is
multiplied by what it is made of, as in its entropy Σ p·log(p) or in a derivative by a temperature, an entry that has no
share adds nothing. A maximum of two that are both −∞ is shared equally, as that of any two that are level.
"""

from collections.abc import Collection, Iterator, Sequence

from sympy import Abs, And, Eq, Gt, Max, Min, Ne, S, exp, log, oo, sign

from symgrad.functions import LogSumExp, if_else
from symgrad.graph.build import (
    CENTRED,
    LOG_SOFTMAX,
    ONE,
    SOFTMAX,
    ZERO,
    add,
    apply,
    const,
    product_of_powers,
    reduce,
    running,
    subtract,
)
from symgrad.graph.facts import is_never_zero, may_be_infinite
from symgrad.graph.infinities import has_infinite_entries
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    Input,
    Named,
    Node,
    Previous,
    Reduce,
    Scan,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import opened, place, see_through, terms_of, transform
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.schedule.exponential_sums import SHIFTED


@record(
    "log(p) = −∞ if p = 0 else log(p), p·log(p) = p·log(p) if p ≠ 0 else 0",
    "log 0 is meant where p is a probability, and 0·(−∞) is not a number",
    BLANCHARD,
)
def zero_probabilities(roots: Sequence[Use]) -> list[Use]:
    """The terms with logarithms of what may be 0, and products with what may be −∞, spelled by cases."""
    roots = transform(roots, lambda node, uses: _by_weight(node, uses) if isinstance(node, Contract) else None)
    nodes = list(postorder([use.node for use in roots]))
    maxima = any(isinstance(node, Apply) and node.head in (Max, Min) for node in nodes)
    distances = {node.args[0].node for node in nodes if isinstance(node, Apply) and node.head is Abs}
    handed = set(_handed([use.node for node in nodes for use in _exponents(node)], nodes))

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Apply) and node.head is log and node in handed and not is_never_zero(node.args[0]):
            none = apply(Eq, [uses[0], ZERO])
            return apply(if_else, [none, const(-oo), apply(log, [apply(if_else, [none, ONE, uses[0]])])])
        if maxima and isinstance(node, Apply) and node.head is sign and node.args[0].node not in distances:
            return _sign_of_difference(uses[0])
        if isinstance(node, AxisMap) and node.head == CENTRED:
            return _from_a_mean(node, uses)
        return _beside_zeros(node, uses, handed) if isinstance(node, Contract) else None

    return transform(roots, visit)


def _from_a_mean(node: AxisMap, uses: tuple[Use, ...]) -> Use | None:
    """x − Σ p·x with 0 for an x that may be −∞ where its share p is 0."""
    values, shares = node.uses()
    if not (may_be_infinite(values) and _is_share_beside(shares, values)):
        return None
    return running(CENTRED, _finite(uses[0], apply(Ne, [uses[1], ZERO])), node.over[0], uses[1])


def _sign_of_difference(use: Use) -> Use | None:
    """sign(a − b), by which a maximum of a and b is shared, with 0 where both are −∞; None of anything else."""
    terms = terms_of(use)
    if {coefficient for coefficient, _ in terms} != {1, -1} or len(terms) != 2:
        return None
    if not all(may_be_infinite(term) for _, term in terms):
        return None
    level = apply(Eq, [term for _, term in terms])
    return apply(sign, [add([(coefficient, apply(if_else, [level, ZERO, term])) for coefficient, term in terms])])


def _exponents(node: Node) -> tuple[Use, ...]:
    """What a node takes the exponentials of, if that may be −∞."""
    found = isinstance(node, Reduce) and node.head is LogSumExp
    found = found or (isinstance(node, AxisMap) and node.head in (SOFTMAX, LOG_SOFTMAX))
    found = found or (isinstance(node, Named) and node.name == SHIFTED)
    return tuple(use for use in node.uses() if may_be_infinite(use)) if found else ()


def _handed(below: Sequence[Node], nodes: Sequence[Node] = ()) -> Iterator[Node]:
    """The nodes whose infinities sums, choices, products with numbers and recurrences hand on to those given."""
    seen: set[Node] = set()
    stack = list(below)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        match node:
            case Add() | Named() | Trajectory() | Scan() | Reduce():
                stack += [use.node for use in node.uses()]
            case Contract(factors=factors):
                stack += [use.node for use, exponent in factors if exponent == 1]
            case Apply(head=head, args=args) if head is if_else:
                stack += [use.node for use in args[1:]]
            case Gather(base=base):
                stack.append(base.node)
            case AxisMap(arg=arg) if node.head == LOG_SOFTMAX:
                stack.append(arg.node)
            case Previous(key=key):
                stack += [scan for scan in nodes if isinstance(scan, Scan) and scan.key == key]


def _beside_zeros(node: Contract, uses: tuple[Use, ...], handed: Collection[Node]) -> Use | None:
    """A product with log-probabilities of −∞, in which entries that have no weight add nothing.

    Of a softmax and what it is made of it is known that one is 0 where the other is −∞. Any other weight is 0 where
    the logarithm of a probability of 0 is meant to be left out: in the loss of soft targets t·log(p), say. A factor of
    an exponent is no weight: 0·(−∞) is not a number there.
    """
    images = list(uses)
    for m, (use, exponent) in enumerate(node.factors):
        if not (exponent.is_positive and may_be_infinite(use)):
            continue
        weights = [
            uses[n]
            for n, (other, e) in enumerate(node.factors)
            if n != m and e.is_positive and _is_share_beside(other, use)
        ]
        if not weights and node not in handed and has_infinite_entries(use) and _is_log_probability(use, handed):
            weights = [
                uses[n]
                for n, (other, e) in enumerate(node.factors)
                if n != m and e.is_positive and set(other.letters) <= set(use.letters) and not is_never_zero(other)
            ]
        if weights:
            images[m] = _finite(images[m], apply(And, [apply(Ne, [weight, ZERO]) for weight in weights]))
    if images == list(uses):
        return None
    powers = [(image, exponent) for image, (_, exponent) in zip(images, node.factors, strict=True)]
    return product_of_powers(powers, dict(enumerate(node.bound, node.rank)))


def _is_share_beside(weight: Use, use: Use) -> bool:
    """Whether a factor is a softmax, or a multiple of one, and another is made of what that is of."""
    softmax = _softmax_of(weight)
    if softmax is None or not may_be_infinite(softmax.arg) or _softmax_of(use) is not None:
        return False
    made_of = {part for part in _handed([softmax.arg.node]) if isinstance(part, Input | Apply)}
    return set(use.letters) >= set(weight.letters) and bool(made_of & set(_handed([use.node])))


def _is_log_probability(use: Use, handed: Collection[Node]) -> bool:
    """Whether a term is the logarithm of what may be 0: by its form, or since exponentials are taken of it."""
    node = see_through(use).node
    if isinstance(node, Add):
        return any(_is_log_probability(part, handed) for part in node.uses() if may_be_infinite(part))
    if isinstance(node, Apply) and node.head is if_else:
        return any(_is_log_probability(part, handed) for part in node.args[1:] if may_be_infinite(part))
    of_axes = isinstance(node, AxisMap | Reduce) and node.head in (LOG_SOFTMAX, LogSumExp)
    return of_axes or node in handed or use.node in handed


def _finite(use: Use, condition: Use) -> Use:
    """A term with 0 in place of what may be −∞ where a condition does not hold: of a sum each such term by itself."""
    if isinstance(use.node, Add):
        return add([(c, _finite(term, condition) if may_be_infinite(term) else term) for c, term in terms_of(use)])
    return apply(if_else, [condition, use, ZERO])


def _by_weight(node: Contract, uses: tuple[Use, ...]) -> Use | None:
    """softmax(u)/w with u = log(w) + v, which is ∂/∂w of a logsumexp, as exp(v − logsumexp(u)): not 0/0 for w = 0."""
    for n, (weight, exponent) in enumerate(node.factors):
        if exponent != -1 or is_never_zero(weight):
            continue
        for m, (_, e) in enumerate(node.factors):
            made = _share_by_weight(uses[m], uses[n]) if e == 1 else None
            if made is not None:
                rest = [
                    (use, e) for k, (use, (_, e)) in enumerate(zip(uses, node.factors, strict=True)) if k not in (n, m)
                ]
                return product_of_powers([*rest, (made, S.One)], dict(enumerate(node.bound, node.rank)))
    return None


def _share_by_weight(use: Use, weight: Use) -> Use | None:
    """A softmax, or a sum over one, divided by a weight whose logarithm it is made of; None of anything else."""
    target = see_through(use)
    if isinstance(target.node, Contract):
        names, bound = opened(target, target.node.bound)
        factors = [(relabel(factor, names), e) for factor, e in target.node.factors]
        for n, (factor, e) in enumerate(factors):
            made = _share_by_weight(factor, weight) if e == 1 else None
            if made is not None:
                return product_of_powers([(made, e) if k == n else pair for k, pair in enumerate(factors)], bound)
        return None
    if not (isinstance(target.node, AxisMap) and target.node.head == SOFTMAX):
        return None
    scores = place(target.node.arg, target.letters)
    terms = terms_of(see_through(scores))
    logarithm = (S.One, apply(log, [weight]))
    if logarithm not in terms:
        return None
    rest = add([term for term in terms if term != logarithm])
    total = reduce(LogSumExp, scores, {target.letters[axis]: target.node.shape[axis] for axis in target.node.over})
    known = apply(if_else, [apply(Gt, [total, const(-oo)]), total, const(oo)])
    return apply(exp, [subtract(rest, known)])


def _softmax_of(use: Use) -> AxisMap | None:
    """The softmax that a term is, or is a multiple of."""
    node = see_through(use).node
    if isinstance(node, AxisMap) and node.head == SOFTMAX:
        return node
    if isinstance(node, Contract) and not node.bound:
        parts = [_softmax_of(factor) for factor, exponent in node.factors if exponent.is_positive]
        return next((part for part in parts if part is not None), None)
    return None
