"""Applies rules bottom-up until none fires, and keeps the trace of what fired where."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

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
    settled = _settled(_Rules((*rules, *(rule.function for rule in axis_rules))))

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = own(node) if uses == node.uses() else node.rebuild(uses)
        for _ in range(MAX_ROUNDS):
            if made.letters in settled.get(made.node, ()):
                return made
            changed = _fire(made, rules, axis_rules, trace)
            if changed is None:
                settled.setdefault(made.node, set()).add(made.letters)
                return made
            made = changed
        return made

    return transform(roots, visit, {*opaque, *_positions(roots, opaque)})


class _Rules:
    """Rules in their order as a key of a cache: the same ones are the same objects."""

    def __init__(self, rules: tuple[Any, ...]) -> None:
        self._rules, self._identities = rules, tuple(map(id, rules))  # no other gets the identity of one that is kept

    def __hash__(self) -> int:
        return hash(self._identities)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rules) and self._identities == other._identities


@cache
def _settled(rules: _Rules) -> WeakKeyDictionary[Node, set[tuple[Any, ...]]]:
    """The nodes, with the letters of their uses, that none of the rules changes.

    A rule sees nothing but its term. So what is settled stays so in later rounds, phases and functions.
    """
    return WeakKeyDictionary()


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
    body = _body(use)
    for rule in rules:
        made = _replace(rule, use, body)
        if made is not None and made != use:
            trace.steps.append((rule.name, use, made))
            return made
    return None


def _body(use: Use) -> Use | None:
    """The product under a sum, in the letters of the sum's node; None of anything else."""
    node = use.node
    return product_of_powers(node.factors) if isinstance(node, Contract) and node.bound else None


def _replace(rule: Rule, use: Use, body: Use | None) -> Use | None:
    pattern = rule.pattern
    if pattern.is_Mul or pattern.is_Pow:
        # part of a product, also under a sum
        node = use.node
        if not isinstance(node, Contract):
            return None
        if body is not None:
            made = _replace(rule, body, _body(body)) if body != use else None
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
