"""Regions of the states of a recurrence: what conditions leave out there, and how that is handed on from step to step.

Where the steps of a sequence beyond its length are left out of the loss, no earlier step depends on them, and what
flows back to them is zero. A condition that, where it holds at a step, holds at all steps that it is handed on to, is
*closed*: t < L[n] is, for what is handed on to smaller t. Only closed conditions are kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce as reduced

from sympy import Eq, Expr, Integer, S

from symgrad.graph.build import add, apply, gather, index, is_plain, is_zero, number, size, sizes_of
from symgrad.graph.kinds.scans import time_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import (
    Const,
    Gather,
    Input,
    Letter,
    Past,
    Previous,
    Range,
    Scan,
    Scatter,
    Size,
    State,
    Trajectory,
    Update,
    Use,
    postorder,
)
from symgrad.graph.transform import own, see_through, terms_of
from symgrad.schedule.conditions import Guard, is_closed, is_given, order_of, substituted
from symgrad.schedule.horizons import alternatives, closed, landing
from symgrad.schedule.reach import at_position, at_positions_of, counting, sources
from symgrad.schedule.regions import EVERYWHERE, NOWHERE, Case, Region, condition_of, is_part, union

_MOST_ROUNDS = 4


def shift_of(sub: Use) -> tuple[Letter, Expr] | None:
    """The letter i and the number c of a position i + c; None of any other."""
    letter, offset = None, S.Zero
    for coefficient, term in terms_of(sub):
        if isinstance(term.node, Range) and coefficient == 1 and letter is None:
            letter = term.letters[0]
        elif (value := term.node.value if isinstance(term.node, Size) else number(term)) is not None:
            offset += coefficient * value
        else:
            return None
    return None if letter is None else (letter, offset)


def shifts(subs: Sequence[Use], letters: Sequence[Letter], shape: Sequence[Expr]) -> dict[Letter, Use]:
    """The letters of positions i + c along axes of an array, in terms of the array's own letters: i = s - c."""
    found: dict[Letter, Use] = {}
    for sub, letter, length in zip(subs, letters, shape, strict=True):
        said = shift_of(sub)
        if said is not None and not is_plain(sub, length):
            found.setdefault(said[0], add([(S.One, index(letter, length)), (S.NegativeOne, size(said[1]))]))
    return found


def gathered(region: Region, node: Gather) -> Region:
    """For which entries of its base a node is read in a region, in letters of the base's axes.

    Conditions on data that say nothing of the axes hold for an entry if they do for something that is read there; of a
    recurrence entries count up to the last one that is looked up.
    """
    base = node.base.node
    axes = [("axis", k) for k in range(base.rank)]
    names = {sub.letters[0]: x for x, sub, n in zip(axes, node.subs, base.shape, strict=True) if is_plain(sub, n)}
    images = shifts(node.subs, axes, base.shape)
    found = looked_up(own(base), node.subs)
    made = NOWHERE
    for case in region:
        kept, rest = [], []
        for guard in case:
            said = None
            if set(guard.condition.letters) - set(guard.some) <= names.keys() | images.keys():
                said = substituted(guard._replace(condition=relabel(guard.condition, names)), images)
            if said is not None:
                kept.append(said._replace(condition=relabel(said.condition, {x: k for k, x in enumerate(axes)})))
            elif is_given(guard) and not isinstance(base, Input):
                rest.append(guard)
        landed = landing(node.subs, base.shape, rest) if rest else found
        kept += [] if landed is None else [landed]
        kept += pinned(node.subs, base.shape) if any(guard.is_of_data for guard in kept) else []
        made = union(made, frozenset([frozenset(kept)]))
    return made


def pinned(subs: Sequence[Use], shape: Sequence[Expr]) -> list[Guard]:
    """That entries are at fixed positions: x[n, 0] says nothing of the other entries of x."""
    fixed = [k for k, sub in enumerate(subs) if is_zero(sub) or isinstance(sub.node, Size | Const)]
    return [Guard(apply(Eq, [index(k, shape[k]), subs[k]]), True) for k in fixed]


def scattered(region: Region, node: Scatter) -> Region:
    """For which values a node is needed in a region, in letters of the node."""
    images: dict[Letter, Use] = {
        axis: sub for axis, sub in enumerate(node.subs) if not (isinstance(sub.node, Range) and sub.letters == (axis,))
    }

    def of(guard: Guard) -> Guard | None:
        found = substituted(guard, images)
        if found is not None or guard.some:
            return found
        subs = [node.subs[x] for x in guard.condition.letters]
        return guard._replace(condition=gather(guard.condition, subs))

    return _mapped(region, of)


def looked_up(use: Use, subs: Sequence[Use]) -> Guard | None:
    """At which times a recurrence is looked up at positions by data; None if it is not."""
    node = see_through(use).node
    if not isinstance(node, Trajectory):
        return None
    (scan, number) = node.scan.node, node.number
    assert isinstance(scan, Scan)
    return landed_at(subs, node.shape, scan.states[number].axis)


def landed_at(subs: Sequence[Use], shape: Sequence[Expr], axis: int) -> Guard | None:
    """At which positions along an axis there is something that was put there, or looked up, by data."""
    if any(isinstance(node, Input) for node in postorder([subs[axis].node])):
        return landing(subs, shape, [], axis)
    return None


def of_gathered(node: Gather, guards: Iterable[Guard]) -> list[Guard]:
    """What guards of the base say of entries that are read at shifted positions."""
    names: dict[Letter, Letter] = {}
    images: dict[Letter, Use] = {}
    for axis, (letter, sub) in enumerate(zip(node.base.letters, node.subs, strict=True)):
        plain = is_plain(sub, node.base.node.shape[axis])
        names[letter] = sub.letters[0] if plain else ("base", axis)
        if not plain:
            images["base", axis] = sub
    renamed = [guard._replace(condition=relabel(guard.condition, names)) for guard in guards]
    found = [at_positions_of(guard, images) for guard in renamed]
    return [guard for guard in found if guard is not None]


def of_scattered(node: Scatter, guards: Iterable[Guard]) -> list[Guard]:
    """What guards of the values say of the array to which they are added."""
    images = shifts(node.subs, range(node.rank), node.shape)
    said, rest = [], []
    for guard in guards:
        image = substituted(guard, images)
        if is_given(guard) and (image is None or not _is_within(image, node.rank)):
            rest.append(guard)
        else:
            said.append(image or guard)
    landed = landing(node.subs, node.shape, rest) if rest else None
    said += [] if landed is None else [landed]
    return [*said, *pinned(node.subs, node.shape)] if any(guard.is_of_data for guard in said) else said


def _is_within(guard: Guard, rank: int) -> bool:
    """Whether a guard is on axes alone, and has no bound letters."""
    return set(guard.condition.letters) - set(guard.some) <= set(range(rank))


def common(region: Region) -> list[Guard]:
    """What holds in all of a region: the guards of all its cases, and that what else one of them says holds."""
    shared = sorted(frozenset.intersection(*region) if region else frozenset(), key=order_of)
    if len(region) < 2:
        return shared
    return [*shared, Guard(condition_of(frozenset(case.difference(shared) for case in region)), True)]


def at_step(guard: Guard, state: State, steps: Expr, lag: int) -> Guard | None:
    """A guard on positions of a state as one on steps, of which step p is at position `start` + p - `lag`."""
    position = add([(S.One, index(state.axis, steps)), (S.One, size(Integer(state.start - lag)))])
    return at_position(guard, state.axis, position)


def at_steps(region: Region, state: State, steps: Expr) -> Region:
    """A region of positions of a state as one of the steps that set them."""
    return _mapped(region, lambda guard: at_step(guard, state, steps, 0))


def at_positions(region: Region, state: State, lag: int = 0) -> Region:
    """A region of steps as one of the positions of a state that they set, or add to at a lag."""
    position = index(state.axis, state.shape[state.axis])
    step = add([(S.One, position), (S.NegativeOne, size(Integer(state.start - lag)))])
    return _mapped(region, lambda guard: substituted(guard, {state.axis: step}))


def at_earlier(region: Region, state: State, downwards: bool) -> Region:
    """A region of steps, axis 0, and of entries that are known by then, as one of these entries alone.

    What holds at a step and at all earlier ones (later ones, if not `downwards`) holds at the one that sets the entry.
    """
    step = add([(S.One, index(state.axis, state.shape[state.axis])), (S.NegativeOne, size(Integer(state.start)))])
    axes: dict[Letter, Letter] = {0: "step", **{axis + 1: axis for axis in range(len(state.shape))}}

    def of(guard: Guard) -> Guard | None:
        lasting = is_closed(guard, 0, downwards)
        renamed = guard._replace(condition=relabel(guard.condition, axes))
        return substituted(renamed, {"step": step}) if lasting else None

    return _mapped(region, of)


def at_base(region: Region, state: State, position: Expr) -> Region:
    """A region of a state's entries as one of those at one position."""
    return _mapped(region, lambda guard: at_position(guard, state.axis, size(position)))


def _mapped(region: Region, image: Callable[[Guard], Guard | None]) -> Region:
    made = NOWHERE
    for case in region:
        made = union(made, frozenset([frozenset(one for guard in case if (one := image(guard)) is not None)]))
    return made


def needed(
    node: Scan,
    outside: Mapping[int, Region],
    reach: Callable[[Mapping[Use, Region]], Mapping[Previous | Past, Region]],
) -> dict[int, Region] | None:
    """For which entries the states of a recurrence are needed, in letters of their axes; None if that is not seen.

    Parameters
    ----------
    outside : for which entries they are needed by others, by the numbers of the states.
    reach : what is needed of the placeholders for regions of the terms of updates.
    """
    if any(use is not None for use in node.initial) or any(update.lag != 0 for update in node.updates):
        return None
    lags = [part.lag for part in reach({}) if isinstance(part, Previous)]
    if any(lag < 0 if not node.descending else lag > 0 for lag in lags):
        return None

    counted = counting(node, outside)
    if counted is not None:
        return {which: frozenset([frozenset([guard])]) for which, guard in counted.items()}

    def every_step(region: Region, state: State) -> Region:
        return closed(region, state, not node.descending)

    found = {which: every_step(outside.get(which, NOWHERE), state) for which, state in enumerate(node.states)}
    for _ in range(_MOST_ROUNDS):
        if EVERYWHERE in found.values():
            return None
        terms: dict[Use, Region] = {}
        for which, _, term in node.updates:
            region = at_steps(found[which], node.states[which], node.steps)
            terms[term] = union(terms.get(term, NOWHERE), region)
        stable = True
        for part, region in reach(terms).items():
            which, state = node.states.index(part.state), part.state
            if isinstance(part, Past):
                region, now = at_earlier(region, state, not node.descending), found[which]
            else:
                now = at_steps(found[which], state, node.steps)
            if not all(is_part(case, now) for case in region):
                stable = False
                more = region if isinstance(part, Past) else at_positions(region, state)
                found[which] = every_step(union(found[which], more), state)
        if stable:
            return found
    return None


def vanishing(
    node: Scan,
    guards: Callable[[Use], list[Guard]],
    initially: Callable[[Use, State], list[Guard]],
    assume: Callable[[State, list[Guard]], None],
) -> None:
    """Find the guards outside which the states of a recurrence are zero, and tell `assume` of them.

    `guards` are those of a term under what was assumed last of the states, `initially` those of an initial array.
    """
    if _vanish_where_not_counted(node, guards, initially, assume):
        return
    found: dict[int, Region] = {}
    for which, state in enumerate(node.states):
        initial = node.initial[which]
        if initial is not None and not is_zero(initial):
            said = alternatives(frozenset(initially(initial, state)), state.axis)
            found[which] = closed(_lasting(said, state), state, node.descending)
        elif any(base == which and not is_zero(term) for base, _, term in node.bases):
            found[which] = EVERYWHERE
    known = [region for region in found.values() if region != EVERYWHERE]
    for which, state in enumerate(node.states):
        if which not in found:  # zero but for the updates: where the others are not, to begin with
            fits = [region for region in known if _fits(region, state)]
            found[which] = reduced(union, fits) if fits else EVERYWHERE
    for _ in range(_MOST_ROUNDS):
        for which, state in enumerate(node.states):
            assume(state, common(found[which]))
        before = dict(found)
        for update in node.updates:
            found[update.state] = _with_added(found[update.state], guards(update.term), node, update)
        if found == before:
            return
    for state in node.states:
        assume(state, [])


def _vanish_where_not_counted(
    node: Scan,
    guards: Callable[[Use], list[Guard]],
    initially: Callable[[Use, State], list[Guard]],
    assume: Callable[[State, list[Guard]], None],
) -> bool:
    """Whether the states are zero but for what is seen to add to them, along a tree; `assume` is told so."""
    if all(use is None for use in node.initial) or node.bases:
        return False
    first: dict[int, Region] = {}
    for which, (state, use) in enumerate(zip(node.states, node.initial, strict=True)):
        zero = use is None or is_zero(use)
        first[which] = NOWHERE if use is None or zero else frozenset([frozenset(initially(use, state))])
    for _ in range(_MOST_ROUNDS):
        counted = counting(node, first)
        if counted is None:
            break
        for which, guard in counted.items():
            assume(node.states[which], [guard])
        wanted = [
            at_position(counted[update.state], node.states[update.state].axis, _of_step(update, node))
            for update in node.updates
        ]
        if all(guard in guards(update.term) for guard, update in zip(wanted, node.updates, strict=True)):
            return True
        before = dict(first)
        for update in node.updates:  # what others that are known to count add counts, too
            which = update.state
            found = sources(guards(update.term), _of_step(update, node), node.states[which].axis)
            first[which] = union(first[which], found - {frozenset([counted[which]])})
        if first == before:
            break
    for each in node.states:
        assume(each, [])
    return False


def _of_step(update: Update, node: Scan) -> Use:
    """The position that a step sets, over the letter of the steps in the term of an update."""
    letter, start = time_of(update, node.states), node.states[update.state].start
    return add([(S.One, index(letter, node.steps)), (S.One, size(Integer(start)))])


def _with_added(region: Region, guards: Iterable[Guard], node: Scan, update: Update) -> Region:
    """Where a state is not zero, as far as known, with what an update adds where its guards hold."""
    state = node.states[update.state]
    step = frozenset([frozenset(guards)])
    earlier = update.lag is None
    added = at_earlier(step, state, node.descending) if earlier else at_positions(step, state, update.lag or 0)
    parts = _lasting([part for case in added for part in alternatives(case, state.axis)], state)
    more = [part for part in parts if not is_part(part, region)]
    if not more:
        return region
    return closed(union(region, frozenset(more)), state, node.descending)


def _lasting(cases: Iterable[Case], state: State) -> Region:
    """Cases with what they say of the time, or of which data there are: the rest differs from step to step."""
    made = NOWHERE
    for case in cases:
        kept = [one for one in case if not one.some and (state.axis in one.condition.letters or is_given(one))]
        made = union(made, frozenset([frozenset(kept)]))
    return made


def _fits(region: Region, state: State) -> bool:
    """Whether the letters of a region are axes of a state."""
    axes = dict(enumerate(state.shape))
    lengths = [pair for case in region for guard in case for pair in sizes_of([guard.condition]).items()]
    return all(axes.get(letter) == length for letter, length in lengths)
