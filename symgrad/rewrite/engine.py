"""Applies rules bottom-up until none fires, and keeps the trace of what fired where."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import S, ceiling, floor

from symgrad.graph.build import product_of_powers, summand
from symgrad.graph.facts import is_integral
from symgrad.graph.nodes import Add, Contract, Gather, Node, Scatter, Use, postorder
from symgrad.graph.scalar import lift
from symgrad.graph.transform import place, rebuilt, transform
from symgrad.rewrite.match import match, match_factors
from symgrad.rewrite.record import AxisRule
from symgrad.rewrite.rules import Rule

# A rule that fires makes the term smaller or moves it to a later normal form, so a handful of rounds suffices; the
# budget only guards against a future pair of rules that undo each other.
MAX_ROUNDS = 50

# Which rules what contents may match is kept for so many of these.
_MOST_KEPT = 4096


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
    known = _together(rules, axis_rules)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        for _ in range(MAX_ROUNDS):
            settled = made.node.found.get(known)
            if settled is not None and made.letters in settled:
                return made
            changed = _fire(made, known, trace)
            if changed is None:
                made.node.found.setdefault(known, set()).add(made.letters)
                return made
            made = changed
        return made

    positions = set(_positions(roots, opaque))
    return transform(roots, visit, {*opaque, *positions} if positions else opaque)


class _Rules:
    """Rules in their order, and which of them a term may match.

    Under them a node keeps in `found` with which letters none of them changes it. A rule sees nothing but its term. So
    what is settled stays so in later rounds, phases and functions.
    """

    def __init__(self, rules: Sequence[Rule], axis_rules: Sequence[AxisRule]) -> None:
        self._rules = tuple(rules)
        self._axis_rules = [(rule.name, rule.function, rule.heads) for rule in axis_rules]
        self._among: dict[tuple[bool, frozenset[Any]], tuple[list[_Called], list[Rule]]] = {}

    def among(self, node: Node) -> "tuple[list[_Called], list[Rule]]":
        """Those that a node of its kind and contents may match."""
        key = isinstance(node, Contract), node.contents
        found = self._among.get(key)
        if found is None:
            if len(self._among) > _MOST_KEPT:
                self._among.clear()
            found = self._among[key] = self._matching(*key)
        return found

    def _matching(self, is_product: bool, contents: frozenset[Any]) -> "tuple[list[_Called], list[Rule]]":
        called = [
            (name, function)
            for name, function, heads in self._axis_rules
            if not heads or not heads.isdisjoint(contents)
        ]
        rules = [rule for rule in self._rules if rule.heads <= contents]
        return called, rules if is_product else [rule for rule in rules if not _is_product(rule)]


_Called = tuple[str, Callable[[Use], Use | None]]
_known: dict[tuple[int, ...], _Rules] = {}  # by identities, which no others get: they are kept


def _together(rules: Sequence[Rule], axis_rules: Sequence[AxisRule]) -> _Rules:
    """The rules with what is known of them: the same for the same ones."""
    key = (*map(id, rules), 0, *[id(rule.function) for rule in axis_rules])
    found = _known.get(key)
    if found is None:
        found = _known[key] = _Rules(rules, axis_rules)
    return found


def _is_product(rule: Rule) -> bool:
    """Whether a rule is for a part of a product, also under a sum."""
    return bool(rule.pattern.is_Mul or rule.pattern.is_Pow)


def _positions(roots: Sequence[Use], opaque: Collection[Node]) -> Iterator[Node]:
    """The subscripts of what is taken or added up: whole numbers, unless made of broken ones by rounding."""
    taken = [use.node for use in roots if not use.node.contents.isdisjoint((Gather, Scatter))]
    for node in postorder(taken, opaque):
        if isinstance(node, Gather | Scatter):
            yield from (use.node for use in node.subs if not _is_rounded(use))


def _is_rounded(use: Use) -> bool:
    return not use.node.contents.isdisjoint((floor, ceiling))


def _fire(use: Use, known: _Rules, trace: Trace) -> Use | None:
    node = use.node
    axis_rules, rules = known.among(node)
    if not axis_rules and not rules:
        return None
    if isinstance(node, Add) and is_integral(use):  # sums of whole numbers are exact, and may be compared
        return None
    for name, function in axis_rules:
        made = function(use)
        if made is not None and made != use:
            trace.steps.append((name, use, made))
            return made
    for rule in rules:
        made = _replace(rule, use)
        if made is not None and made != use:
            trace.steps.append((rule.name, use, made))
            return made
    return None


def _replace(rule: Rule, use: Use) -> Use | None:
    if not _is_product(rule):
        for binding in match(rule.pattern, use, {}):
            return lift(rule.replacement, binding)
        return None
    node = use.node
    if not isinstance(node, Contract):
        return None
    if node.bound:
        body = summand(node)
        made = _replace(rule, body) if body != use else None
        if made is None:
            return None
        lengths = dict(enumerate(node.bound, node.rank))
        return place(product_of_powers([(made, S.One)], lengths), use.letters)
    for binding, rest in match_factors(rule.pattern, use, {}):
        return product_of_powers([(lift(rule.replacement, binding), S.One), *rest])
    return None
