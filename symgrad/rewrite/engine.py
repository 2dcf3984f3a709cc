"""Applies rules bottom-up until none fires, and keeps the trace of what fired where."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sympy import ceiling, floor

from symgrad.graph.build import product_of_powers
from symgrad.graph.facts import is_integral
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Node, Scatter, Use, postorder
from symgrad.graph.scalar import lift
from symgrad.graph.transform import own, place, transform
from symgrad.rewrite.match import match, match_factors
from symgrad.rewrite.record import AxisRule
from symgrad.rewrite.rules import Rule

# A rule that fires makes the term smaller or moves it to a later normal form, so a handful of rounds suffices; the
# budget only guards against a future pair of rules that undo each other.
MAX_ROUNDS = 50


@dataclass
class Trace:
    """Which rule fired, on what, giving what."""

    steps: list[tuple[str, Use, Use]] = field(default_factory=list)


def rewrite(
    roots: Sequence[Use],
    rules: Sequence[Rule],
    axis_rules: Sequence[AxisRule],
    trace: Trace,
    opaque: Collection[Node] = frozenset(),
) -> list[Use]:
    """The terms with every rule applied wherever it matches, but not in positions: their digits are all there."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = own(node) if uses == node.uses() else node.rebuild(uses)
        for _ in range(MAX_ROUNDS):
            changed = _fire(made, rules, axis_rules, trace)
            if changed is None:
                return made
            made = changed
        return made

    return transform(roots, visit, {*opaque, *_positions(roots, opaque)})


def _positions(roots: Sequence[Use], opaque: Collection[Node]) -> Iterator[Node]:
    """The subscripts of what is taken or added up: whole numbers, unless made of broken ones by rounding."""
    for node in postorder([use.node for use in roots], opaque):
        if isinstance(node, Gather | Scatter):
            yield from (use.node for use in node.subs if not _is_rounded(use))


def _is_rounded(use: Use) -> bool:
    return any(isinstance(node, Apply) and node.head in (floor, ceiling) for node in postorder([use.node]))


def _fire(use: Use, rules: Sequence[Rule], axis_rules: Sequence[AxisRule], trace: Trace) -> Use | None:
    if isinstance(use.node, Add) and is_integral(use):  # sums of whole numbers are exact, and may be compared
        return None
    for axis_rule in axis_rules:
        made = axis_rule(use)
        if made is not None and made != use:
            trace.steps.append((axis_rule.name, use, made))
            return made
    for rule in rules:
        made = _replace(rule, use)
        if made is not None and made != use:
            trace.steps.append((rule.name, use, made))
            return made
    return None


def _replace(rule: Rule, use: Use) -> Use | None:
    pattern = rule.pattern
    if pattern.is_Mul or pattern.is_Pow:
        # part of a product, also under a sum
        node = use.node
        if not isinstance(node, Contract):
            return None
        if node.bound:
            body = product_of_powers(node.factors)
            made = _replace(rule, body) if body != use else None
            if made is None:
                return None
            lengths = dict(enumerate(node.bound, node.rank))
            return place(product_of_powers([(made, rule.pattern**0)], lengths), use.letters)
        for binding, rest in match_factors(pattern, use, {}):
            return product_of_powers([(lift(rule.replacement, binding), rule.pattern**0), *rest])
        return None
    for binding in match(pattern, use, {}):
        return lift(rule.replacement, binding)
    return None
