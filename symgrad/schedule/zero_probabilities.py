"""Log-probabilities of −∞ beside their probabilities of 0: log 0 without a warning, and 0·(−∞) = 0.

Where a logsumexp or a softmax is made of log(p), a p of 0 is legal, and its logarithm −∞ is meant. Where a softmax is
multiplied by what it is made of, as in its entropy Σ p·log(p) or in a derivative by a temperature, an entry that has no
share adds nothing. A maximum of two that are both −∞ is shared equally, as that of any two that are level.
"""

from collections.abc import Iterator, Sequence

from sympy import Abs, Eq, Max, Min, Ne, log, oo, sign

from symgrad.functions import LogSumExp, if_else
from symgrad.graph.axes import LOG_SOFTMAX, SOFTMAX
from symgrad.graph.build import ONE, ZERO, add, apply, const, product_of_powers
from symgrad.graph.infinities import is_never_zero, may_be_infinite
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
from symgrad.graph.transform import see_through, terms_of, transform
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.schedule.exponential_sums import SHIFTED


@record(
    "log(p) = −∞ if p = 0 else log(p), p·log(p) = p·log(p) if p ≠ 0 else 0",
    "log 0 is meant where p is a probability, and 0·(−∞) is not a number",
    BLANCHARD,
)
def zero_probabilities(roots: Sequence[Use]) -> list[Use]:
    """The terms with logarithms of what may be 0, and products with what may be −∞, spelled by cases."""
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
        return _beside_shares(node, uses) if isinstance(node, Contract) else None

    return transform(roots, visit)


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


def _beside_shares(node: Contract, uses: tuple[Use, ...]) -> Use | None:
    """A product of a softmax and what it is made of, in which entries without a share add nothing."""
    found = {n: _softmax_of(use) for n, (use, exponent) in enumerate(node.factors) if exponent.is_positive}
    shares = {n: softmax for n, softmax in found.items() if softmax is not None}
    images = list(uses)
    for n, softmax in shares.items():
        if not may_be_infinite(softmax.arg):
            continue
        made_of = {part for part in _handed([softmax.arg.node]) if isinstance(part, Input | Apply)}
        letters = set(node.factors[n][0].letters)
        for m, (use, exponent) in enumerate(node.factors):
            infinite = m not in shares and exponent.is_positive and may_be_infinite(use)
            if infinite and set(use.letters) >= letters and made_of & set(_handed([use.node])):
                images[m] = apply(if_else, [apply(Ne, [uses[n], ZERO]), images[m], ZERO])
    if images == list(uses):
        return None
    powers = [(image, exponent) for image, (_, exponent) in zip(images, node.factors, strict=True)]
    return product_of_powers(powers, dict(enumerate(node.bound, node.rank)))


def _softmax_of(use: Use) -> AxisMap | None:
    """The softmax that a term is, or is a multiple of."""
    node = see_through(use).node
    if isinstance(node, AxisMap) and node.head == SOFTMAX:
        return node
    if isinstance(node, Contract) and not node.bound:
        parts = [_softmax_of(factor) for factor, exponent in node.factors if exponent.is_positive]
        return next((part for part in parts if part is not None), None)
    return None
