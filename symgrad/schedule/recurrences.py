"""Regions of the states of a recurrence: what conditions leave out there, and how that is handed on from step to step.

Where the steps of a sequence beyond its length are left out of the loss, no earlier step depends on them, and what
flows back to them is zero. A condition that, where it holds at a step, holds at all steps that it is handed on to, is
*closed*: t < L[n] is, for what is handed on to smaller t. Only closed conditions are kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sympy import Eq, Expr, Ge, Gt, Integer, Le, Lt, Ne, S

from symgrad.graph.axes import is_plain
from symgrad.graph.build import add, apply, index, is_zero, number, size, sizes_of, subtract
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Gather, Letter, Previous, Range, Scan, Scatter, Size, State, Update, Use
from symgrad.graph.transform import place, terms_of
from symgrad.schedule.regions import EVERYWHERE, NOWHERE, Case, Guard, Region, union

_RISING = {Gt: 1, Ge: 1, Lt: -1, Le: -1}  # whether they hold for large or for small left sides
_MOST_ROUNDS = 4


def substituted(guard: Guard, images: Mapping[Letter, Use]) -> Guard | None:
    """The guard with other positions for letters, if these occur only as indices in a comparison."""
    condition = guard.condition
    if not images.keys() & set(condition.letters):
        return guard
    node = condition.node
    if not isinstance(node, Apply) or node.head not in (Eq, Ne, *_RISING):
        return None
    sides = []
    for side in node.args:
        terms = []
        for coefficient, term in terms_of(place(side, condition.letters)):
            if images.keys() & set(term.letters):
                if not isinstance(term.node, Range):
                    return None
                term = images[term.letters[0]]
            terms.append((coefficient, term))
        sides.append(add(terms))
    made = apply(node.head, sides)
    return guard._replace(condition=made) if isinstance(made.node, Apply) else None


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
    for sub, own, length in zip(subs, letters, shape, strict=True):
        said = shift_of(sub)
        if said is not None and not is_plain(sub, length):
            found.setdefault(said[0], add([(S.One, index(own, length)), (S.NegativeOne, size(said[1]))]))
    return found


def shifted(region: Region, images: Mapping[Letter, Use]) -> Region:
    """A region with other positions for letters, larger where a condition does not say anything of these."""
    return _mapped(region, lambda guard: substituted(guard, images))


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
    found = [substituted(guard, images) for guard in renamed]
    return [guard for guard in found if guard is not None]


def of_scattered(node: Scatter, guards: Iterable[Guard]) -> list[Guard]:
    """What guards of the values say of the array to which they are added at shifted positions."""
    images = shifts(node.subs, range(node.rank), node.shape)
    return [substituted(guard, images) or guard for guard in guards]


def is_closed(guard: Guard, letter: Letter, downwards: bool) -> bool:
    """Whether the guard holds at all smaller (or larger) positions along a letter where it holds at one."""
    condition = guard.condition
    if letter not in condition.letters:
        return True
    node = condition.node
    if guard.some or not isinstance(node, Apply) or node.head not in _RISING:
        return False
    left, right = (place(arg, condition.letters) for arg in node.args)
    slope = S.Zero
    for coefficient, term in terms_of(subtract(left, right)):
        if isinstance(term.node, Range) and term.letters == (letter,):
            slope += coefficient
        elif letter in term.letters:
            return False
    rises = slope * _RISING[node.head] * (1 if guard.holds else -1)
    return bool(rises <= 0 if downwards else rises >= 0)


class _Bound(NamedTuple):
    """difference + offset against 0: what is compared, and the number in it."""

    head: object
    holds: bool
    terms: frozenset[tuple[object, Use]]
    offset: Expr


def _bound(guard: Guard) -> _Bound | None:
    node = guard.condition.node
    if not isinstance(node, Apply) or node.head not in _RISING:
        return None
    left, right = (place(arg, guard.condition.letters) for arg in node.args)
    terms, offset = [], S.Zero
    for coefficient, term in terms_of(subtract(left, right)):
        value = term.node.value if isinstance(term.node, Size) else number(term)
        if value is None:
            terms.append((coefficient, term))
        else:
            offset += coefficient * value
    return _Bound(node.head, guard.holds, frozenset(terms), offset)


def _implies(one: Guard, other: Guard) -> bool:
    if one == other:
        return True
    first, second = _bound(one), _bound(other)
    if first is None or second is None or first[:3] != second[:3]:
        return False
    gap = (second.offset - first.offset) * _RISING[first.head] * (1 if first.holds else -1)
    return bool(gap.is_nonnegative)


def is_part(case: Case, region: Region) -> bool:
    """Whether a case is seen to be inside of a region."""
    return any(all(any(_implies(one, wanted) for one in case) for wanted in other) for other in region)


def without_parts(region: Region) -> Region:
    """The region without cases that are seen to be inside of others, by comparisons with the same term."""
    cases = sorted(region, key=lambda case: sorted((one.condition.node.digest, one.holds) for one in case))
    for case in cases:
        rest = region - {case}
        if is_part(case, rest):
            region = rest
    return region


def at_step(guard: Guard, state: State, steps: Expr, lag: int) -> Guard | None:
    """A guard on positions of a state as one on steps, of which step p is at position `start` + p - `lag`."""
    position = add([(S.One, index(state.axis, steps)), (S.One, size(Integer(state.start - lag)))])
    return substituted(guard, {state.axis: position})


def at_steps(region: Region, state: State, steps: Expr) -> Region:
    """A region of positions of a state as one of the steps that set them."""
    return _mapped(region, lambda guard: at_step(guard, state, steps, 0))


def at_positions(region: Region, state: State) -> Region:
    """A region of steps as one of the positions of a state that they set."""
    step = add([(S.One, index(state.axis, state.shape[state.axis])), (S.NegativeOne, size(Integer(state.start)))])
    return _mapped(region, lambda guard: substituted(guard, {state.axis: step}))


def at_base(region: Region, state: State, position: Expr) -> Region:
    """A region of a state's entries as one of those at one position."""
    return _mapped(region, lambda guard: substituted(guard, {state.axis: size(position)}))


def _mapped(region: Region, image: Callable[[Guard], Guard | None]) -> Region:
    made = NOWHERE
    for case in region:
        made = union(made, frozenset([frozenset(one for guard in case if (one := image(guard)) is not None)]))
    return made


def needed(
    node: Scan, outside: Mapping[int, Region], reach: Callable[[Mapping[Use, Region]], Mapping[Previous, Region] | None]
) -> dict[int, Region] | None:
    """For which entries the states of a recurrence are needed, in letters of their axes; None if that is not seen.

    Parameters
    ----------
    outside : for which entries they are needed by others, by the numbers of the states.
    reach : what is needed of the placeholders for regions of the terms of updates; None if that is not known.
    """
    if any(use is not None for use in node.initial) or any(update.lag != 0 for update in node.updates):
        return None
    if any(part.lag < 0 if not node.descending else part.lag > 0 for part in reach({}) or ()):
        return None

    def closed(region: Region, state: State) -> Region:
        kept = _mapped(region, lambda one: one if is_closed(one, state.axis, not node.descending) else None)
        return without_parts(kept)

    found = {which: closed(outside.get(which, NOWHERE), state) for which, state in enumerate(node.states)}
    for _ in range(_MOST_ROUNDS):
        if EVERYWHERE in found.values():
            return None
        terms: dict[Use, Region] = {}
        for which, _, term in node.updates:
            region = at_steps(found[which], node.states[which], node.steps)
            terms[term] = union(terms.get(term, NOWHERE), region)
        read = reach(terms)
        if read is None:
            return None
        stable = True
        for part, region in read.items():
            which = node.states.index(part.state)
            now = at_steps(found[which], part.state, node.steps)
            if not all(is_part(case, now) for case in region):
                stable = False
                more = union(found[which], at_positions(region, part.state))
                found[which] = closed(more, part.state)
        if stable:
            return found
    return None


def vanishing(node: Scan, guards: Callable[[Use], list[Guard]], assume: Callable[[State, list[Guard]], None]) -> None:
    """Find the guards outside which the states of a recurrence are zero, and tell `assume` of them.

    `guards` are those of a term under what was assumed last of the states.
    """
    if any(update.lag is None for update in node.updates):
        return
    found: dict[int, list[Guard]] = {}
    free = []  # states that are zero but for the updates: as far as these confirm it, all guards of the others hold
    for which, state in enumerate(node.states):
        initial = node.initial[which]
        found[which] = []
        if initial is not None and not is_zero(initial):
            found[which] = [one for one in guards(initial) if is_closed(one, state.axis, node.descending)]
        elif all(base != which or is_zero(term) for base, _, term in node.bases):
            free.append(which)
    every = list(dict.fromkeys(one for known in found.values() for one in known))
    for which in free:
        state = node.states[which]
        fits = [one for one in every if _fits(one, state)]
        found[which] = [one for one in fits if is_closed(one, state.axis, node.descending)]
    for _ in range(_MOST_ROUNDS):
        before = dict(found)
        for which, state in enumerate(node.states):
            assume(state, found[which])
        for update in node.updates:
            state = node.states[update.state]
            said = set(guards(update.term))
            found[update.state] = [one for one in found[update.state] if _is_confirmed(one, node, update, said)]
        if found == before:
            return
    for state in node.states:
        assume(state, [])


def _fits(guard: Guard, state: State) -> bool:
    """Whether the letters of a guard are axes of a state."""
    axes = dict(enumerate(state.shape))
    return all(axes.get(letter) == length for letter, length in sizes_of([guard.condition]).items())


def _is_confirmed(guard: Guard, node: Scan, update: Update, said: set[Guard]) -> bool:
    """Whether guards of an update say what one of its state does, at the step or where it adds to."""
    state, lag = node.states[update.state], update.lag or 0
    lags = {0, lag} if (lag >= 0) == node.descending or lag == 0 else {lag}
    return any(at_step(guard, state, node.steps, by) in said for by in lags)
