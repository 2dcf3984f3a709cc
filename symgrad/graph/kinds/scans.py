"""Recurrences: their nodes and construction, and their terms seen from outside the loop.

Inside, an earlier entry of a state is a placeholder (`Previous`) with an entry a step, so that the right side of an
equation is an ordinary term over all steps. From outside, the placeholder is a part of the finished array.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mpmath import mpf
from sympy import Basic, Expr, Integer, S

from symgrad.arrays import Array, np
from symgrad.functions.values import NAN
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.names import Named, named
from symgrad.graph.kinds.subscripts import gather
from symgrad.graph.kinds.sums import add, index, size
from symgrad.graph.letters import distinct
from symgrad.graph.node import (
    Known,
    Leaf,
    Local,
    Node,
    Shape,
    Use,
    each_operand_once,
    intern,
    missing,
    no_sign,
    nothing,
    own,
    postorder,
)
from symgrad.graph.transform import dependents, substitute


def everything(node: Node, known: Known) -> bool:
    """As much as can be: what a recurrence holds is known inside of it only."""
    return True


class State(NamedTuple):
    """A quantity of a recurrence: step p sets its entry `start` + p along `axis`.

    `shape` is that of the whole array; entries that no step sets are base cases, or undefined and never read.
    """

    name: str
    symbol: Basic
    shape: Shape
    axis: int
    start: int


class Update(NamedTuple):
    """What a step does: entry `start` + p - `lag` of a state is set to, or increased by, a term over the state's axes.

    Along the time axis the term has one entry a step. Without a lag the whole array of the state is increased, by a
    term whose first axis is the step, with the axes of the state after it.
    """

    state: int
    lag: int | None
    term: Use


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Previous(Leaf):
    """In a recurrence, entry `start` + p - `lag` of a state at every step p: bound by the `Scan` of the same key."""

    key: str
    state: State
    lag: int

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = nothing
    infinite = everything
    sign = no_sign

    def evaluate(self, at: GraphEvaluator) -> Array:
        """The entries as they are at this step of the recurrence; those that it does not know yet are nan."""
        source, axis, offset = _run(self, at), self.state.axis, self.state.start - self.lag
        found = np.full(at.shape(self.shape), NAN, dtype=object)
        for p in range(found.shape[axis]):
            if 0 <= offset + p < source.shape[axis]:
                found[_along(axis, p)] = source[_along(axis, offset + p)]
        return found


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Past(Leaf):
    """In a recurrence, the array of a state as it is at every step: bound by the `Scan` of the same key.

    Axis 0 is the step. Only entries that are known by then are read, among them that of the step itself if `current`.
    """

    key: str
    state: State
    current: bool

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = nothing
    infinite = everything
    sign = no_sign

    def evaluate(self, at: GraphEvaluator) -> Array:
        return _run(self, at).copy()


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Scan(Node):
    """A recurrence as a fixed point: its updates hold at every step p = 0 ... `steps` - 1, in this order.

    A state with an initial array is increased by its updates, one without is set by them, and by its base cases
    (state, position along the time axis, term over the other axes). Every update and initial array has letters of its
    own: the axes of its state. It is no array itself; `Trajectory` is. `clock` names the time and its value at p = 0.
    """

    key: str
    states: tuple[State, ...]
    steps: Expr
    descending: bool
    clock: tuple[str, int]
    bases: tuple[tuple[int, Expr, Use], ...]
    initial: tuple[Use | None, ...]
    updates: tuple[Update, ...]

    def uses(self) -> tuple[Use, ...]:
        bases = (use for _, _, use in self.bases)
        return (*bases, *(use for use in self.initial if use is not None), *(update.term for update in self.updates))

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once
    sign = no_sign

    def rebuild(self, uses: Sequence[Use]) -> Use:
        new = iter(uses)
        bases = tuple((number, position, next(new)) for number, position, _ in self.bases)
        initial = tuple(None if use is None else next(new) for use in self.initial)
        updates = tuple(update._replace(term=next(new)) for update in self.updates)
        fields = (self.key, self.states, self.steps, self.descending, self.clock)
        return own(intern(Scan, (), *fields, bases, initial, updates))

    def local(self, number: int) -> Sequence[Local]:
        raise missing(self, "a derivative by itself: calculus.recurrence and calculus.tangent have that of its steps")

    def stepwise(self) -> Collection[Node]:
        return within(self)

    def evaluate(self, at: GraphEvaluator) -> list[Array]:
        """The states' arrays, run from the first step to the last (the other way round where time runs down)."""
        states = [np.full(at.shape(state.shape), mpf(0), dtype=object) for state in self.states]
        at.states[self.key] = dict(zip(self.states, states, strict=True))
        for state, array, initial in zip(self.states, states, self.initial, strict=True):
            if initial is not None:
                array[...] = at.operand(initial, state.shape)
        for number, where, term in self.bases:
            axis = self.states[number].axis
            others = [x for x in range(len(self.states[number].shape)) if x != axis]
            states[number][_along(axis, at.length(where))] = at.aligned(term, others)
        inside, steps = within(self), range(at.length(self.steps))
        for p in reversed(steps) if self.descending else steps:
            for update in self.updates:
                at.again(update.term.node, inside)
                state, lag = self.states[update.state], update.lag
                shape = (self.steps, *state.shape) if lag is None else step_shape(state, self.steps)
                value = at.operand(update.term, shape)[_along(time_of(update, self.states), p)]
                place = ... if lag is None else _along(state.axis, state.start + p - lag)
                array = states[update.state]
                array[place] = value if self.initial[update.state] is None else array[place] + value
        for part in inside:
            at.values.pop(part, None)
        del at.states[self.key]
        return states


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Trajectory(Node):
    """All entries of one state of a recurrence, in its declared shape."""

    scan: Use
    number: int

    def uses(self) -> tuple[Use, ...]:
        return (self.scan,)

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = nothing
    infinite = everything
    operations = each_operand_once
    sign = no_sign

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return own(intern(Trajectory, self.shape, uses[0], self.number))

    def local(self, number: int) -> Sequence[Local]:
        raise missing(self, "a derivative by itself: calculus.recurrence and calculus.tangent have that of the scan")

    def evaluate(self, at: GraphEvaluator) -> Any:
        return at.values[self.scan.node][self.number]


def _run(node: Previous | Past, at: GraphEvaluator) -> Array:
    """The array of a placeholder's state, as its recurrence has it at the moment."""
    if node.key not in at.states:
        raise missing(node, "evaluation outside of its recurrence")
    return at.states[node.key][node.state]


def _along(axis: int, position: int) -> tuple[Any, ...]:
    """The subscript of a position along an axis."""
    return (*(slice(None) for _ in range(axis)), position, ...)


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
