"""Recurrences in the graph: their construction, and their terms seen from outside the loop.

Inside, an earlier entry of a state is a placeholder (`Previous`) with an entry a step, so that the right side of an
equation is an ordinary term over all steps. From outside, the placeholder is a part of the finished array.
"""

from collections.abc import Iterator, Mapping, Sequence

from sympy import Expr, Integer, S

from symgrad.graph.axes import gather, named
from symgrad.graph.build import add, index, size
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import (
    Named,
    Node,
    Past,
    Previous,
    Scan,
    Shape,
    State,
    Trajectory,
    Update,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import dependents, own, substitute


def step_shape(state: State, steps: Expr) -> Shape:
    """The shape of a term with one entry a step."""
    return tuple(steps if axis == state.axis else side for axis, side in enumerate(state.shape))


def previous(key: str, state: State, steps: Expr, lag: int) -> Previous:
    return intern(Previous, step_shape(state, steps), key, state, lag)


def past(key: str, state: State, steps: Expr, current: bool) -> Past:
    return intern(Past, (steps, *state.shape), key, state, current)


def time_of(update: Update, states: Sequence[State]) -> int:
    """The letter of the steps in the term of an update."""
    return 0 if update.lag is None else states[update.state].axis


def scan(
    key: str,
    states: Sequence[State],
    steps: Expr,
    descending: bool,
    clock: tuple[str, int],
    bases: Sequence[tuple[int, Expr, Use]],
    initial: Sequence[Use | None],
    updates: Sequence[Update],
) -> Scan:
    return intern(Scan, (), key, tuple(states), steps, descending, clock, tuple(bases), tuple(initial), tuple(updates))


def with_updates(node: Scan, states: Sequence[State], initial: Sequence[Use | None], updates: Sequence[Update]) -> Scan:
    """The same recurrence with other states and updates."""
    return scan(node.key, states, node.steps, node.descending, node.clock, node.bases, initial, updates)


def whole(node: Node, number: int, state: State) -> Named:
    """The array of a state of a recurrence, under its name."""
    made = intern(Trajectory, state.shape, Use(node, ()), number)
    return named(state.name, state.symbol, state.shape, own(made))


def at_steps(array: Node, state: State, steps: Expr, lag: int) -> Use:
    """The entries `start` + p - `lag` of a state's array, for all steps p."""
    letters = list(range(array.rank))
    subs = [index(letter, side) for letter, side in zip(letters, array.shape, strict=True)]
    subs[state.axis] = add([(S.One, index(state.axis, steps)), (S.One, size(Integer(state.start - lag)))])
    return gather(own(array), subs)


def placeholders(node: Scan) -> Iterator[Previous | Past]:
    """The placeholders that occur in the terms of a recurrence."""
    for part in postorder([update.term.node for update in node.updates]):
        if isinstance(part, Previous | Past) and part.key == node.key:
            yield part


def within(node: Scan) -> set[Node]:
    """The nodes that have to be computed step by step: all that depend on a placeholder."""
    return dependents([update.term.node for update in node.updates], placeholders(node))


def images(node: Scan) -> dict[Use, Use]:
    """What the placeholders of a recurrence, and the terms that set its states, are in terms of the finished arrays."""
    arrays = [whole(node, number, state) for number, state in enumerate(node.states)]
    found: dict[Use, Use] = {}
    for part in placeholders(node):
        array = arrays[node.states.index(part.state)]
        if isinstance(part, Past):
            found[own(part)] = Use(array, tuple(range(1, part.rank)))
        else:
            found[own(part)] = at_steps(array, part.state, node.steps, part.lag)
    inside, seen = within(node), {use.node for use in found}
    for number, _, term in node.updates:
        state = node.states[number]
        full = distinct(term.letters) == term.letters and len(term.letters) == len(state.shape)
        if node.initial[number] is None and full and term.node in inside - seen:
            found[term] = at_steps(arrays[number], state, node.steps, 0)
            seen.add(term.node)
    return found


def finished(use: Use, root: Node) -> Use:
    """A term of parts of the graph below `root` as seen from outside of all its recurrences."""
    scans = [node for node in postorder([root]) if isinstance(node, Scan)]
    (made,) = from_outside([use], {part: image for node in scans for part, image in images(node).items()})
    return made


def from_outside(uses: Sequence[Use], found: Mapping[Use, Use]) -> list[Use]:
    """Terms of a recurrence with `found` (its `images`) in place of what they stand for."""
    finished = {node for node in postorder([use.node for use in uses]) if isinstance(node, Trajectory)}
    return substitute(uses, found, finished)
