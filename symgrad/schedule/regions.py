"""Regions: the entries of an array for which conditions hold, as unions of cases.

A case is a set of guards that hold together; a region is a set of cases, of which at least one holds. The empty case
holds everywhere, the empty region nowhere. Regions only serve to leave entries out, so that one too large is safe.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sympy import And, Eq, Expr, Ge, Le, Lt, Not, Or, S, expand

from symgrad.functions import MaxOver, MinOver
from symgrad.graph.build import ZERO, add, apply, index, is_zero, number, size, sizes_of
from symgrad.graph.comparisons import Mask, comparison, implied
from symgrad.graph.dimensions import at_smallest
from symgrad.graph.facts import is_integral
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    Const,
    Gather,
    Input,
    Letter,
    Range,
    Reduce,
    Size,
    Use,
    postorder,
)
from symgrad.graph.transform import place, see_through
from symgrad.schedule.conditions import Guard, as_condition, implies, is_closed, is_some, order_of, substituted

# Beyond so many cases a region is what all of them have in common: conditions would take longer than what they guard.
_MOST_CASES = 8


Case = frozenset[Guard]
Region = frozenset[Case]

NOWHERE: Region = frozenset()
EVERYWHERE: Region = frozenset([frozenset()])


def is_part(case: Case, region: Region) -> bool:
    """Whether a case is seen to be inside of a region."""
    at = {letter: position for one in case for letter, position in _pinned(one)}

    def is_said(wanted: Guard) -> bool:
        there = substituted(wanted, at) if at and at.keys() & set(wanted.condition.letters) else None
        return any(implies(one, wanted) or (there is not None and implies(one, there)) for one in case)

    return any(all(map(is_said, other)) for other in region)


def _pinned(guard: Guard) -> list[tuple[Letter, Use]]:
    """The index that a guard says the position of, with that: t and 0 of t = 0."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head is Eq):
        return []
    sides = [place(side, guard.condition.letters) for side in node.args]
    return [
        (one.letters[0], other)
        for one, other in (sides, sides[::-1])
        if isinstance(one.node, Range) and (is_zero(other) or isinstance(other.node, Size | Const))
    ]


def union(left: Region, right: Region) -> Region:
    """The entries of either region."""
    if left == right or not right:
        return left
    if not left:
        return right
    if EVERYWHERE in (left, right):
        return EVERYWHERE
    cases = set(left | right)
    while (merged := _merged(cases)) is not None:
        cases = merged
    if len(cases) > _MOST_CASES:
        cases = {frozenset.intersection(*cases)}
    return frozenset(cases)


def _merged(cases: set[Case]) -> set[Case] | None:
    """The cases with two of them made one: a of a and a∧b, a of a∧b and a∧¬b; None where none can be."""
    ordered = sorted(cases, key=_order)
    for n, first in enumerate(ordered):
        for second in ordered[n + 1 :]:
            if first <= second or is_part(second, frozenset([first])):
                return cases - {second}
            if is_part(first, frozenset([second])):
                return cases - {first}
            (here, there) = (first - second, second - first)
            if len(here) == len(there) == 1 and _cover(*here, *there):
                return (cases - {first, second}) | {first & second}
    return None


def _order(case: Case) -> tuple[int, list[tuple[bytes, bool, str]]]:
    return len(case), sorted(map(order_of, case))


def _cover(one: Guard, other: Guard) -> bool:
    """Whether one of two guards always holds: a condition and its opposite, or i >= a and i <= b where b >= a - 1."""
    if one.condition == other.condition:
        return one.holds != other.holds and not one.some
    first, second = _end(one), _end(other)
    if first is None or second is None or first[:2] == second[:2] or first[1] != second[1]:
        return False
    low, high = (first[2], second[2]) if first[0] is Ge else (second[2], first[2])
    gap = at_smallest(expand(high - low + 1))
    return gap is not None and gap >= 0


def _end(guard: Guard) -> tuple[Any, Letter, Expr] | None:
    """(>=, i, a) of i >= a and (<=, i, a) of i <= a, with a size a; None of any other guard."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head in (Ge, Le)):
        return None
    left, right = (place(arg, guard.condition.letters) for arg in node.args)
    end = right.node.value if isinstance(right.node, Size) else number(right)
    return None if end is None or not isinstance(left.node, Range) else (node.head, left.letters[0], end)


def within(region: Region, guards: Iterable[Guard]) -> Region:
    """The entries of a region where guards hold, too."""
    more = frozenset(guards)
    if not more:
        return region
    made = NOWHERE
    for case in region:
        both = case | more
        if not any(guard._replace(holds=not guard.holds) in both and not guard.some for guard in both):
            made = union(made, frozenset([both]))
    return made


def moved(region: Region, use: Use, gone: Collection[Letter] = (), sums: bool = True) -> Region:
    """The entries of an operand that a region of its consumer reads, in the operand's own letters.

    Parameters
    ----------
    gone : letters along which every entry of the operand takes part in every one of the consumer.
    sums : whether an entry of the operand is read where one of those that it is read for is; else a guard that has a
        letter which the operand lacks is left out.
    """
    if region in (EVERYWHERE, NOWHERE):
        return region
    axes: dict[Letter, int] = {}
    for axis, letter in enumerate(use.letters):
        if letter not in gone:
            axes.setdefault(letter, axis)
    made = NOWHERE
    for case in region:
        there = moved_case(case, axes, sums)
        made = union(made, frozenset([of_any(case, axes) if sums and not there else there]))
    return made


def of_any(case: Iterable[Guard], axes: Collection[Letter]) -> Case:
    """That some entry counts, of guards on data none of whose letters is an axis: else nothing counts at all."""
    apart = [
        guard
        for guard in case
        if guard.is_of_data
        and not is_of_any(guard)
        and not is_tie(guard.condition)
        and not set(axes) & set(guard.condition.letters)
        and _labelled(guard, {}) is None
    ]
    return frozenset(_any_of(group, {}) for group in _groups(apart, {}))


def is_of_any(guard: Guard) -> bool:
    """Whether a guard says nothing of single entries, only that it holds for some."""
    return bool(guard.some) and set(guard.some) == set(guard.condition.letters)


def moved_case(case: Case, axes: Mapping[Letter, int], sums: bool) -> Case:
    kept: list[Guard] = []
    partial: list[Guard] = []
    indices: list[Guard] = []  # on indices, of which some are no axes
    for guard in sorted(case, key=order_of):
        missing = [x for x in distinct(guard.condition.letters) if x not in axes]
        if all(is_some(x) for x in missing):
            kept.append(guard._replace(condition=relabel(guard.condition, axes)))
        elif sums and any(x in axes for x in guard.condition.letters):
            if (labels := _labelled(guard, axes)) is not None:
                kept += labels
            elif guard.is_of_data:
                partial += [] if guard.holds and is_tie(guard.condition) else [guard]
            else:
                indices.append(guard)
    ends = [
        guard
        for guard in case
        if guard.is_of_data and not guard.some and not axes.keys() & set(guard.condition.letters)
    ]
    for guard in indices:  # j < i and i < n[0] are one condition on j
        handed = {one: image for one in case if (image := handed_on(one, guard, axes)) is not None}
        kept += handed.values()
        partial = [one for one in partial if one not in handed]
        ends = [end for end in ends if end not in handed]
        joined = [end for end in ends if set(end.condition.letters) & set(guard.condition.letters)]
        kept += [] if joined or handed else _shadow(guard, axes)
        partial += [guard, *joined] if joined else []
    partial += [end for end in ends if any(meets(end, one, axes) for one in partial)]
    for group in _groups(list(dict.fromkeys(partial)), axes):
        kept.append(_any_of(group, axes))
    return frozenset([*kept, *(implied_guards(case, axes) if sums else ())])


def handed_on(end: Guard, guard: Guard, axes: Mapping[Letter, int]) -> Guard | None:
    """What j <= i and a condition that holds at all positions before i where it does say of j: that it holds there.

    None where a guard is no comparison of an index among the axes with one that is not, or the condition does not last.
    """
    said = comparison(Mask(guard.condition, guard.holds))
    if said is None or not end.is_of_data or end.some or (said.first in axes) == (said.second in axes):
        return None
    gone, kept, sign = (said.first, said.second, 1) if said.second in axes else (said.second, said.first, -1)
    letters = set(end.condition.letters)
    if gone not in letters or not letters - {gone} <= axes.keys() or not is_closed(end, gone, sign > 0):
        return None
    length = sizes_of([guard.condition])[kept]
    image = substituted(end, {gone: add([(S.One, index(kept, length)), (S.One, size(sign * said.offset))])})
    return None if image is None else image._replace(condition=relabel(image.condition, axes))


def meets(end: Guard, other: Guard, axes: Mapping[Letter, int]) -> bool:
    """Whether a guard on letters that are no axes is on one of another's: t[j] >= t[i] for an i with v[i] > 0."""
    if axes.keys() & set(end.condition.letters) or end.some or is_tie(end.condition) or _labelled(end, {}) is not None:
        return False
    letters = set(other.condition.letters)
    missing = letters - set(axes)
    return end.is_of_data and other.is_of_data and missing != letters and bool(missing & set(end.condition.letters))


def is_tie(condition: Use) -> bool:
    """Whether a condition asks for the entries that equal their maximum or minimum, of which there is always one."""
    node = condition.node
    if not (isinstance(node, Apply) and node.head is Eq):
        return False
    sides = [see_through(use).node for use in node.args]
    return any(isinstance(side, Reduce) and side.head in (MaxOver, MinOver) for side in sides)


def _groups(guards: Iterable[Guard], axes: Mapping[Letter, int]) -> list[list[Guard]]:
    """Guards that share a letter which is not among the axes, together."""
    groups: list[tuple[set[Letter], list[Guard]]] = []
    for guard in sorted(guards, key=order_of):
        letters = set(guard.condition.letters) - axes.keys() - set(guard.some)
        joined = [guard]
        for group in [group for group in groups if group[0] & letters]:
            groups.remove(group)
            letters, joined = letters | group[0], [*group[1], *joined]
        groups.append((letters, joined))
    return [group for _, group in groups]


def _any_of(guards: list[Guard], axes: Mapping[Letter, int]) -> Guard:
    """The guard that holds where all of the guards do for some positions along the letters that are no axes."""
    if len(guards) == 1:
        condition, holds = guards[0]
    else:
        parts = []
        for n, guard in enumerate(guards):  # what one of them holds for some of is no business of the others
            plain = relabel(guard.condition, {x: ("some", n, x) for x in guard.some})
            parts.append(plain if guard.holds else apply(Not, [plain]))
        condition, holds = apply(And, parts), True
    missing = [x for x in distinct(condition.letters) if x not in axes]
    names = {**axes, **{x: ("some", k) for k, x in enumerate(missing)}}
    return Guard(relabel(condition, names), holds)


def _shadow(guard: Guard, axes: Mapping[Letter, int]) -> list[Guard]:
    """Where a comparison of two indices holds for some position of the one that is no axis.

    Any other condition on indices is taken to hold for some.
    """
    said = comparison(Mask(guard.condition, guard.holds))
    if said is None or (said.first in axes) == (said.second in axes):
        return []
    lengths = sizes_of([guard.condition])
    if said.first in axes:  # first >= second + offset for second = 0
        letter, end, head = said.first, said.offset, Ge
        always = at_smallest(expand(-end))
    else:  # second <= first - offset for the last one
        letter, end, head = said.second, expand(lengths[said.first] - 1 - said.offset), Le
        always = at_smallest(expand(end - lengths[letter] + 1))
    if always is not None and always >= 0:
        return []
    return [Guard(apply(head, [index(axes[letter], lengths[letter]), size(end)]), True)]


def implied_guards(guards: Iterable[Guard], axes: Mapping[Letter, int]) -> list[Guard]:
    """What comparisons with an index that is no axis say of the others together."""
    plain = sorted((one for one in guards if not one.some and not one.is_of_data), key=order_of)
    said = [found for one in plain if (found := comparison(Mask(one.condition, one.holds))) is not None]
    lengths = sizes_of([one.condition for one in plain])
    made = []
    for first, second, offset in implied(said, axes.keys()):
        end = add([(S.One, index(second, lengths[second])), (S.One, size(offset))])
        guard = Guard(apply(Ge, [index(first, lengths[first]), end]), True)
        if {first, second} <= axes.keys():
            made.append(guard._replace(condition=relabel(guard.condition, axes)))
        elif {first, second} & axes.keys():
            made += _shadow(guard, axes)
    return made


def _labelled(guard: Guard, axes: Mapping[Letter, int]) -> list[Guard] | None:
    """What [n = label] says without n, that the label is on the axis; or nothing without the letters of the label.

    None of any other guard. By the labels, entries are looked up or added: those that none names are not read.
    """
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head is Eq):
        return None
    sides = [place(side, guard.condition.letters) for side in node.args]
    for axis, label in (sides, sides[::-1]):
        if isinstance(axis.node, Range) and not set(axis.letters) & set(label.letters) and is_label(label):
            if axis.letters[0] in axes or not set(label.letters) <= axes.keys():
                return []
            low, high = apply(Ge, [label, ZERO]), apply(Lt, [label, size(axis.node.shape[0])])
            return [Guard(relabel(apply(And, [low, high]), axes), True)]
    return None


def is_label(use: Use) -> bool:
    """Whether a term is made of integer data, indices and sizes, and a whole number."""
    nodes = list(postorder([use.node]))
    kinds = (Range, Size, Const, Add, Gather, Input)
    return (
        is_integral(use)
        and any(isinstance(node, Input) for node in nodes)
        and all(isinstance(node, kinds) for node in nodes)
    )


def condition_of(region: Region) -> Use:
    """Where a region is, as a condition over the letters of its guards."""
    cases = []
    for case in sorted(region, key=lambda case: sorted(map(order_of, case))):
        ordered = sorted(case, key=order_of)
        cases.append(apply(And, [as_condition(guard) for guard in ordered]))
    return apply(Or, cases)


def is_of_data(region: Region) -> bool:
    """Whether a region depends on more than indices."""
    return any(guard.is_of_data for case in region for guard in case)
