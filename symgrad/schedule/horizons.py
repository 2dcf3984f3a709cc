"""How far along the time of a recurrence entries count: up to the last step for which a condition on data holds.

Where the loss leaves steps of a sequence out by a mask [g[n, t] > 0], an entry of a state counts if one of the steps
from it on does: up to the last t with g[n, t] > 0. Of entries that are looked up at labels, h[n, L[n]], that is the
label. Whether an entry counts is a comparison of its position then, which holds at all earlier ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce as reduced

from sympy import And, Eq, Expr, Ge, Gt, Le, Max, Min, Or, S, oo

from symgrad.functions import LargestOver, if_else
from symgrad.graph.build import ONE, ZERO, apply, const, index, is_plain, reduce, scale, scatter, sizes_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import (
    Apply,
    Letter,
    Past,
    Previous,
    Range,
    Scatter,
    State,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.scalar import extremum
from symgrad.graph.transform import place
from symgrad.schedule.conditions import Guard, as_condition, guards_of, is_closed, order_of, parts_of
from symgrad.schedule.regions import NOWHERE, Case, Region, union


def closed(region: Region, state: State, downwards: bool) -> Region:
    """The entries of a state that count for one of a region: those at its position and before it.

    Nothing comes of conditions on indices alone that do not hold at all earlier positions (later ones, if not
    `downwards`), nor of those on what recurrences compute.
    """
    ends: dict[Case, list[Use]] = {}
    for case in region:
        for alternative in alternatives(case, state.axis):
            found = _closed(alternative, state, downwards)
            said = [(one, end) for one in found if (end := _end_of(one, state.axis, downwards)) is not None]
            rest, several = (found - {said[0][0]}, [said[0][1]]) if len(said) == 1 else (found, [])
            ends.setdefault(rest, []).extend(several)
    made = NOWHERE
    for rest, several in ends.items():
        together = [_until(several, state, downwards)] if several else []
        made = union(made, frozenset([frozenset([*rest, *together])]))
    return made


def alternatives(case: Case, axis: int) -> list[Case]:
    """A case as those of which one holds, where a condition on the time is that one of several holds."""
    for guard in sorted(case, key=order_of):
        node = guard.condition.node
        either = Or if guard.holds else And
        if axis in guard.condition.letters and isinstance(node, Apply) and node.head is either and not guard.some:
            parts = [guards_of(place(part, guard.condition.letters), guard.holds) for part in node.args]
            rest = case - {guard}
            return [more for part in parts for more in alternatives(frozenset([*rest, *part]), axis)]
    return [case]


def _closed(case: Case, state: State, downwards: bool) -> Case:
    timed = [guard for guard in case if state.axis in guard.condition.letters]
    if all(is_closed(guard, state.axis, downwards) for guard in timed):
        return case
    bounds = [guard for guard in timed if guard.is_of_data and not _is_recurrent(guard.condition)]
    if all(is_closed(guard, state.axis, downwards) for guard in bounds):
        return frozenset(guard for guard in case if is_closed(guard, state.axis, downwards))
    rest = [guard for guard in case if guard not in timed]
    return frozenset([*rest, _until([_horizon(bounds, state, downwards)], state, downwards)])


def _until(ends: Sequence[Use], state: State, downwards: bool) -> Guard:
    """Whether a position is at most the largest of some ends (at least the smallest)."""
    head = Max if downwards else Min
    parts = list(dict.fromkeys(part for end in ends for part in parts_of(end, head)))
    parts.sort(key=lambda part: (part.node.digest, str(part.letters)))
    end = reduced(lambda one, other: extremum(head, one, other), parts)
    return Guard(apply(Le if downwards else Ge, [index(state.axis, state.shape[state.axis]), end]), True)


def _end_of(guard: Guard, axis: int, downwards: bool) -> Use | None:
    """What a guard by `_until` compares with; None of any other."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head is (Le if downwards else Ge)):
        return None
    left, right = (place(arg, guard.condition.letters) for arg in node.args)
    is_position = isinstance(left.node, Range) and left.letters == (axis,)
    return right if is_position and axis not in right.letters and guard.is_of_data else None


def _is_recurrent(condition: Use) -> bool:
    return any(isinstance(node, Trajectory | Previous | Past) for node in postorder([condition.node]))


def _horizon(guards: Sequence[Guard], state: State, downwards: bool) -> Use:
    """The last position at which all guards hold (the first)."""
    axis, length = state.axis, state.shape[state.axis]
    position = index(axis, length)
    label = _label(guards[0], axis) if len(guards) == 1 else None
    if label is not None:
        return label
    landed = _landed(guards[0], axis) if len(guards) == 1 else None
    if landed is not None:
        condition, at, over = landed
    else:
        ordered = sorted(guards, key=order_of)
        condition, at, over = apply(And, [as_condition(guard) for guard in ordered]), position, {axis: length}
    side = S.One if downwards else S.NegativeOne  # the first one is the last one seen from the end
    counted = scale(side, at)
    if condition is not None:
        counted = apply(if_else, [condition, counted, const(-oo)])
    return scale(side, reduce(LargestOver, counted, over))  # of no steps nothing counts


def _label(guard: Guard, axis: int) -> Use | None:
    """What an index equals by a guard."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head is Eq):
        return None
    first, second = (place(arg, guard.condition.letters) for arg in node.args)
    for position, label in ((first, second), (second, first)):
        if isinstance(position.node, Range) and position.letters == (axis,) and axis not in label.letters:
            return label
    return None


def _landed(guard: Guard, axis: int) -> tuple[Use | None, Use, Mapping[Letter, Expr]] | None:
    """Of a guard by `landing` along one axis the condition, the position, and what both are over."""
    node = guard.condition.node
    if not (guard.holds and isinstance(node, Apply) and node.head is Gt and isinstance(node.args[0].node, Scatter)):
        return None
    added = node.args[0].node
    axes = [place(node.args[0], guard.condition.letters).letters[k] for k in range(added.rank)]
    moved = [k for k, sub in enumerate(added.subs) if not is_plain(sub, added.shape[k])]
    if [axes[k] for k in moved] != [axis]:
        return None
    over: dict[Letter, Expr] = {("landed", k): length for k, length in enumerate(added.bound)}
    names = dict(enumerate([*axes, *over]))
    value = relabel(added.value, names)
    condition = value.node.args[0] if isinstance(value.node, Apply) and value.node.head is if_else else None
    at = relabel(added.subs[moved[0]], names)
    if condition is not None:
        condition = place(condition, value.letters)
    present = {*at.letters, *(condition.letters if condition is not None else ())}
    return condition, at, {letter: length for letter, length in over.items() if letter in present}


def landing(
    subs: Sequence[Use], shape: Sequence[Expr], guards: Iterable[Guard], axis: int | None = None
) -> Guard | None:
    """Whether some entry lands at a position of an array for which all guards hold; None if that depends on no axis.

    Parameters
    ----------
    subs : where entries land, for every axis of the array.
    shape : that of the array.
    guards : in the letters of the subscripts.
    axis : one that the result depends on.
    """
    conditions = [as_condition(guard) for guard in guards]
    letters = {x for use in conditions for x in use.letters} | set(() if axis is None else subs[axis].letters)
    axes: dict[int, Use] = {} if axis is None else {axis: subs[axis]}
    while more := {k: sub for k, sub in enumerate(subs) if k not in axes and letters & set(sub.letters)}:
        axes |= more
        letters |= {x for sub in more.values() for x in sub.letters}
    axes = dict(sorted(axes.items()))
    if not axes:
        return None
    value = ONE
    if conditions:
        value = apply(if_else, [apply(And, conditions), ONE, ZERO])
    names = {x: ("landed", x) for use in (value, *axes.values()) for x in use.letters}
    value, moved = relabel(value, names), [relabel(sub, names) for sub in axes.values()]
    bound = sizes_of([value, *moved])
    added = scatter(value, moved, tuple(shape[k] for k in axes), list(axes), bound)
    return Guard(apply(Gt, [added, ZERO]), True)
