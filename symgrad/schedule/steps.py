"""What a loop computes step by step and others need as well is kept in an array, so that nothing is computed twice.

The gates of an LSTM are computed in its forward loop, and the backward loop needs them; the adjoint of a sum is
computed in the backward loop, and the gradients of the weights need it for all steps.
"""

from collections.abc import Collection, Sequence

from symgrad.graph.build import AUXILIARY, auxiliary, previous
from symgrad.graph.kinds.scans import from_outside, images, time_of, with_updates, within
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    Const,
    Contract,
    Gather,
    Named,
    Node,
    Reduce,
    Scan,
    State,
    Trajectory,
    Update,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import in_own_letters, own, substitute
from symgrad.rewrite.record import record


@record("what a step computes is one more state of its recurrence", "nothing is computed twice", "substitution")
def keep_steps(roots: Sequence[Use]) -> list[Use]:
    """The terms with a state more in a recurrence for each part of a step that is used outside the loop."""
    current = _spread_in_sums(roots)
    done: set[str] = set()
    while True:
        scans = (n for n in postorder([use.node for use in current]) if isinstance(n, Scan) and n.key not in done)
        found = next(scans, None)
        if found is None:
            return current
        done.add(found.key)
        current = _keep(current, found)


def _spread_in_sums(roots: Sequence[Use]) -> list[Use]:
    """The terms without names of an array times a smaller one in steps, of which there are sums alone.

    A sum of that is a product of the two: Σⱼ A[t, i, j]·d[t, j] needs no array of all A·d, and neither does its Σₜ.
    """
    nodes = list(postorder([use.node for use in roots]))
    inside = {part for node in nodes if isinstance(node, Scan) for part in within(node)}
    named = {
        part for part in inside if isinstance(part, Named) and part.symbol is AUXILIARY and _is_spread(part.arg.node)
    }
    for node in nodes if named else ():
        if not (isinstance(node, Contract) and node.bound):
            named -= {use.node for use in node.uses()}
    return substitute(roots, {own(part): part.arg for part in named}) if named else list(roots)


def _keep(roots: Sequence[Use], node: Scan) -> list[Use]:
    times = _time_axes(node)
    known = images(node)
    seen = {use.node for use in known}
    left = [part for part in times if not (isinstance(part, Gather) or _is_multiple(part) or _is_spread(part))]
    parts = [part for part in left if part not in seen]
    outside = dict(zip(parts, from_outside([own(part) for part in parts], known), strict=True))
    by_image = {image.node: part for part, image in outside.items() if sorted(image.letters) == list(range(part.rank))}
    joined = _joined(roots, {part: outside[part] for part in by_image.values()}, times)
    with_joined = by_image | {image: part.node for image, part in joined.items()}
    if len(_met(roots, with_joined, node)) <= len(_met(roots, by_image, node)):
        by_image = with_joined
        outside |= {part.node: in_own_letters(part, own(image)) for image, part in joined.items()}
        found = {part.node: _time_axis(part.node, times) for part in joined.values()}
        times |= {part: axis for part, axis in found.items() if axis is not None}
    kept = [by_image[image] for image in _met(roots, by_image, node)]
    if not kept:
        return list(roots)
    number = {part: len(node.states) + n for n, part in enumerate(kept)}
    labels = _unique([_label(node, part) for part in kept], {state.name for state in node.states})
    orders = {part: _time_first(part, times[part]) for part in kept}
    states = [
        State(label, AUXILIARY, tuple(part.shape[axis] for axis in orders[part]), 0, 0)
        for label, part in zip(labels, kept, strict=True)
    ]
    entries = {
        own(part): Use(previous(node.key, state, node.steps, 0), orders[part])
        for part, state in zip(kept, states, strict=True)
    }
    updates: list[Update] = []
    waiting = dict.fromkeys(kept)
    computed: set[Node] = set()
    members = {part.node for part in joined.values()}

    def keep(part: Node) -> None:
        del waiting[part]
        inner = part.arg if isinstance(part, Named) else own(part)
        (term,) = substitute([inner], {other: entry for other, entry in entries.items() if other.node != part})
        updates.append(Update(number[part], 0, relabel(term, {axis: n for n, axis in enumerate(orders[part])})))

    for update in node.updates:
        for part in postorder([update.term.node]):
            computed.add(part)
            if part in waiting:
                keep(part)
        (term,) = substitute([update.term], entries)
        updates.append(update._replace(term=term))
        for part in [part for part in waiting if part in members]:
            if not _needs(part, times) - computed:
                keep(part)
    made = with_updates(node, [*node.states, *states], [*node.initial, *[None] * len(states)], updates)
    new: dict[Use, Use] = {}
    for part in postorder([use.node for use in roots]):
        if isinstance(part, Trajectory) and part.scan.node is node:
            new[own(part)] = own(intern(Trajectory, part.shape, Use(made, ()), part.number))
    for part in kept:
        state = made.states[number[part]]
        new[outside[part]] = Use(intern(Trajectory, state.shape, Use(made, ()), number[part]), orders[part])
    return substitute(roots, new)


def _time_first(part: Node, time: int) -> tuple[int, ...]:
    """Its axes in the order in which it is kept: a step has its entries side by side in memory."""
    return (time, *(axis for axis in range(part.rank) if axis != time))


def _joined(roots: Sequence[Use], parts: dict[Node, Use], times: dict[Node, int]) -> dict[Node, Use]:
    """What is computed outside, entry by entry, from parts of steps alone, as parts of a step over its own axes.

    Where a loop computes that, too, it need not keep the parts. `parts` are given as they are seen from outside.
    """
    entries = {image: own(part) for part, image in parts.items()}
    seen = {image.node for image in entries}
    found: dict[Node, Use] = {}
    for named in postorder([use.node for use in roots]):
        if isinstance(named, Named) and named.symbol is AUXILIARY and named not in seen:
            (term,) = substitute([named.arg], entries)
            if sorted(term.letters) == list(range(named.rank)):
                part = auxiliary(named.name, term)
                below = list(postorder([part.node], times))
                elementwise = all(isinstance(other, Named | Apply | Add | Contract | Const) for other in below)
                summed = any(isinstance(other, Contract) and other.bound for other in below)
                if elementwise and not summed and _time_axis(part.node, times) is not None:
                    found[named] = part
    return found


def _needs(part: Node, times: Collection[Node]) -> set[Node]:
    """The parts of a step from which another is computed."""
    opaque = set(times) - {part}
    return {use.node for below in postorder([part], opaque) for use in below.uses() if use.node in opaque}


def _time_axis(part: Node, times: dict[Node, int]) -> int | None:
    """The axis of the time of a term of parts of steps, where that is one."""
    order = list(postorder([part], times))
    inner = _needs(part, times)
    for axis in range(part.rank) if inner else ():
        axes: dict[Node, set[int]] = {other: set() for other in (*inner, *order)}
        axes[part] = {axis}
        for other in reversed(order):
            for use in other.uses():
                _note(axes, use, axes[other])
        if all(axes[other] == {times[other]} for other in inner):
            return axis
    return None


def _is_spread(node: Node) -> bool:
    """Whether a part is an array times a smaller one, of which sums are products of the two."""
    if not isinstance(node, Contract) or node.bound or len(node.factors) < 2:
        return False
    return any(0 < len(use.letters) < node.rank for use, _ in node.factors)


def _is_multiple(node: Node) -> bool:
    return isinstance(node, Add) and len(node.terms) < 2


def _time_axes(node: Scan) -> dict[Node, int]:
    """The time axis of every node that is computed step by step, operands first, if it has one everywhere."""
    inside = within(node)
    order = [part for part in postorder([update.term.node for update in node.updates]) if part in inside]
    axes: dict[Node, set[int]] = {part: set() for part in order}
    for update in node.updates:
        _note(axes, update.term, {time_of(update, node.states)})
    for part in reversed(order):
        for use in part.uses():
            _note(axes, use, _letters_of(part, axes[part]))
    return {part: next(iter(found)) for part, found in axes.items() if len(found) == 1}


def _letters_of(part: Node, axes: set[int]) -> set[int]:
    """The letters that are the time in the operands of a node; the base of a gather has letters of its own."""
    if isinstance(part, Gather):
        return axes | {-1 - n for n, sub in enumerate(part.subs) if set(sub.letters) & axes}
    return axes


def _note(axes: dict[Node, set[int]], use: Use, times: set[int]) -> None:
    if use.node in axes:
        axes[use.node] |= {axis for axis, letter in enumerate(use.letters) if letter in times}


def _met(roots: Sequence[Use], images: dict[Node, Node], node: Scan) -> list[Node]:
    """The images that a walk down from the roots comes upon first."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack: list[Node] = [use.node for use in roots]
    while stack:
        part = stack.pop()
        if part in seen:
            continue
        seen.add(part)
        if part in images:
            found[part] = None
            stack.append(node)
        else:
            stack.extend(use.node for use in part.uses())
    return list(found)


def _unique(labels: Sequence[str], taken: set[str]) -> list[str]:
    """The labels with numbers where they are not alone."""
    found: list[str] = []
    for label in labels:
        name, n = label, 1
        while name in taken:
            n += 1
            name = f"{label}_{n}"
        taken.add(name)
        found.append(name)
    return found


def _label(node: Scan, part: Node) -> str:
    if isinstance(part, Named):
        return part.name
    owner = next(u.state for u in node.updates if part in set(postorder([u.term.node])))
    match part:
        case Apply(head=head):
            label = head.__name__.lower()
        case Contract(factors=factors, bound=bound):
            label = "sum" if bound and len(factors) == 1 else "prod"
        case _:
            label = {Add: "sum", Reduce: "max"}.get(type(part), type(part).__name__.lower())
    return f"{label}_{node.states[owner].name}"
