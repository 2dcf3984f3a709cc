"""Which entries of a recurrence count where it looks earlier ones up at positions that are data, as along a tree.

An entry counts if it is one to begin with, or one that refers to it does. So they are found by a recurrence of their
own, which runs the other way round: whoever counts adds to the entries that it refers to, `counts[parent[b]] += 1`.
"""

from collections.abc import Mapping, Sequence

from sympy import Expr, Gt, Integer, Or, S, Symbol

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, add, apply, gather, index, is_plain, scatter, size, sizes_of
from symgrad.graph.kinds.scans import placeholders, previous, scan, within
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    Contract,
    Gather,
    Input,
    Letter,
    Named,
    Past,
    Previous,
    Scan,
    Scatter,
    State,
    Trajectory,
    Update,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import own, place
from symgrad.schedule.conditions import COUNTS, Guard, is_counted, key_of, substituted
from symgrad.schedule.horizons import landing
from symgrad.schedule.regions import EVERYWHERE, NOWHERE, Region, condition_of, moved_case, union

Edge = Use | int  # the position that a step refers to, over the step and other letters, or how far back it is


def counting(node: Scan, found: Mapping[int, Region]) -> dict[int, Guard] | None:
    """Whether entries of the states count, along the axes of their time; None where that is not seen.

    `found` are the regions that count to begin with.
    """
    edges = _edges(node)
    if edges is None or not any(_is_of_data(edge) for edge in edges):
        return None
    sides = {(state.shape[state.axis], state.start) for state in node.states}
    if len(sides) > 1:
        return None
    ((length, start),) = sides
    first = NOWHERE
    for number, region in found.items():
        axis = node.states[number].axis
        for case in region:
            plain = [one for one in case if not _is_recurrent(one)]
            first = union(first, frozenset([moved_case(frozenset(plain), {axis: 0}, sums=True)]))
    if first == EVERYWHERE:
        return None
    counts = (
        _known(first, edges, start)
        or _without_those_looked_up(node, edges, first, length, start)
        or _counts(node, edges, first, length, start)
    )
    return {n: Guard(apply(Gt, [Use(counts, (s.axis,)), ZERO]), True) for n, s in enumerate(node.states)}


def _way(edges: Sequence[Edge], start: int) -> str:
    """What two countings have in common that hand on along the same edges."""
    return " ".join(edge.node.digest.hex() if isinstance(edge, Use) else str(edge) for edge in edges) + f" from {start}"


def _known(first: Region, edges: Sequence[Edge], start: int) -> Trajectory | None:
    """What counts already if that counts to begin with, which hands on along the same edges."""
    cases = list(first)
    if len(cases) != 1 or len(cases[0]) != 1:
        return None
    ((guard,),) = cases
    node = guard.condition.node
    if not (isinstance(node, Apply) and node.head is Gt and is_counted(node.args[0])):
        return None
    counts = node.args[0].node
    if isinstance(counts, Trajectory) and key_of(counts).endswith(f" {_way(edges, start)}"):
        return counts
    return None


def _without_those_looked_up(
    node: Scan, edges: Sequence[Edge], first: Region, length: Expr, start: int
) -> Trajectory | None:
    """What counts without the cases that say no more than that what counts refers to an entry; None if others do."""
    looked_up = frozenset(case for case in first if any(_is_landing(one) for one in case))
    if not looked_up or looked_up == first:
        return None
    counts = _counts(node, edges, first - looked_up, length, start)
    step = add([(S.One, index(0, node.steps)), (S.One, size(Integer(start)))])
    counted = Guard(apply(Gt, [gather(own(counts), [step]), ZERO]), True)
    said = {landing([edge], (length,), [counted]) for edge in edges if isinstance(edge, Use)}
    return counts if all(said & case for case in looked_up) else None


def _is_landing(guard: Guard) -> bool:
    node = guard.condition.node
    return isinstance(node, Apply) and node.head is Gt and isinstance(node.args[0].node, Scatter)


def _counts(node: Scan, edges: Sequence[Edge], first: Region, length: Expr, start: int) -> Trajectory:
    """How many entries that count refer to each one, and 1 more where one counts by itself."""
    begin = ZERO if first == NOWHERE else apply(if_else, [condition_of(first), ONE, ZERO])
    key = f"{COUNTS}{begin.node.digest.hex()} {_way(edges, start)}"
    state = State("counts", Symbol("counts"), (length,), 0, start)
    one = own(previous(key, state, node.steps, 0))
    if len(edges) > 1 or any(isinstance(edge, Use) and set(edge.letters) != {0} for edge in edges):
        one = apply(if_else, [apply(Gt, [one, ZERO]), ONE, ZERO])  # of several ways there may be any number
    updates = []
    for edge in edges:
        if isinstance(edge, int):
            updates.append(Update(0, edge, one))
            continue
        lengths = sizes_of([edge])
        bound = {0: node.steps, **{x: lengths[x] for x in edge.letters if x != 0}}
        term = scatter(one, [index(0, node.steps), edge], (node.steps, length), [0, 1], bound)
        updates.append(Update(0, None, term))
    downwards = node.descending if any(use is not None for use in node.initial) else not node.descending
    made = scan(key, [state], node.steps, downwards, node.clock, (), [begin], updates)
    return intern(Trajectory, (length,), Use(made, ()), 0)


def sources(guards: Sequence[Guard], position: Use, axis: int) -> Region:
    """Of guards at the position of a step, those that say which entries of others count, on positions along an axis."""
    found = NOWHERE
    for guard in guards:
        node = guard.condition.node
        parts = node.args if isinstance(node, Apply) and node.head is Or else [own(node)]
        for part in (place(part, guard.condition.letters) for part in parts):
            if not (isinstance(part.node, Apply) and part.node.head is Gt and is_counted(part.node.args[0])):
                continue
            counts = place(part.node.args[0], part.letters)
            if isinstance(counts.node, Gather) and counts == gather(own(counts.node.base.node), [position]):
                one = Guard(apply(Gt, [Use(counts.node.base.node, (axis,)), ZERO]), True)
                found = union(found, frozenset([frozenset([one])]))
    return found


def at_position(guard: Guard, axis: Letter, position: Use) -> Guard | None:
    """A guard on positions along an axis as one at a single position, which may have letters of its own."""
    return at_positions_of(guard, {axis: position})


def at_positions_of(guard: Guard, images: Mapping[Letter, Use]) -> Guard | None:
    """The same of several letters, at positions that are on their axes."""
    node = guard.condition.node
    if not (isinstance(node, Apply) and node.head is Gt and is_counted(node.args[0])):
        return substituted(guard, images)
    counts = place(node.args[0], guard.condition.letters)
    if not images.keys() & set(counts.letters):
        return guard
    return (
        None
        if isinstance(counts.node, Gather)
        else Guard(apply(Gt, [gather(own(counts.node), [images[counts.letters[0]]]), ZERO]), True)
    )


def _is_recurrent(guard: Guard) -> bool:
    """Whether a guard is of what recurrences of the model compute."""
    nodes = postorder([guard.condition.node])
    return any(isinstance(node, Scan | Previous | Past) and not node.key.startswith(COUNTS) for node in nodes)


def _is_of_data(edge: Edge) -> bool:
    return isinstance(edge, Use) and any(isinstance(node, Input) for node in postorder([edge.node]))


def _edges(node: Scan) -> list[Edge] | None:
    """What steps refer to, or, of states that are increased, add to; None where that is not seen."""
    increased = [use is not None for use in node.initial]
    found: list[Edge] = []
    if any(increased):
        for update in node.updates:
            state = node.states[update.state]
            if update.lag is not None:
                found += [update.lag] if update.lag > 0 else []
            elif (targets := _targets(update.term, 1 + state.axis)) is None:
                return None
            else:
                found += targets
        return list(dict.fromkeys(found))
    parts = set(placeholders(node))
    for part in parts:
        if isinstance(part, Previous) and part.lag < 0:
            return None
        found += [part.lag] if isinstance(part, Previous) and part.lag > 0 else []
    inside = within(node)
    for each in inside:
        for number, use in enumerate(each.uses()):
            if not (isinstance(use.node, Past) and use.node in parts):
                continue
            if not isinstance(each, Gather) or number:
                return None
            edge = _edge(each.subs[0], each.subs[1 + use.node.state.axis], node.steps)
            if edge is None or edge.node in inside:
                return None
            found.append(edge)
    found.sort(key=lambda edge: edge.node.digest if isinstance(edge, Use) else b"")
    return list(dict.fromkeys(found))


def _edge(step: Use, position: Use, steps: Expr) -> Use | None:
    """A position over the step, letter 0, and letters of its own."""
    if not is_plain(step, steps):
        return None
    names: dict[Letter, Letter] = {x: ("edge", k) for k, x in enumerate(position.letters)}
    return relabel(position, names | {step.letters[0]: 0})


def _targets(term: Use, axis: int) -> list[Edge] | None:
    """At which positions along an axis a term is not zero, as it is written; its letter 0 is the step."""
    node = term.node
    match node:
        case Named(arg=arg):
            return _targets(place(arg, term.letters), axis)
        case Add(terms=terms):
            parts = [_targets(place(use, term.letters), axis) for _, use in terms]
            known = [part for part in parts if part is not None]
            return [edge for part in known for edge in part] if len(known) == len(parts) else None
        case Contract(factors=factors):
            names = dict(enumerate(term.letters))
            uses = [relabel(use, {x: names.get(x, ("bound", x)) for x in use.letters}) for use, e in factors if e == 1]
            parts = [_targets(use, axis) for use in uses if axis in use.letters]
            return next((part for part in parts if part is not None), None)
        case Scatter(subs=subs, shape=shape):
            if 0 not in term.letters or axis not in term.letters:
                return None
            step, position = (subs[term.letters.index(letter)] for letter in (0, axis))
            edge = _edge(step, position, shape[term.letters.index(0)])
            return None if edge is None else [edge]
    return None
