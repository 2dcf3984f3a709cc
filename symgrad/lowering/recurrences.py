"""Recurrences: arrays for the states, and a loop over the steps that fills them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from sympy import Expr, S, Symbol

from symgrad.graph.build import is_zero
from symgrad.graph.kinds.loops import Entry, Loop
from symgrad.graph.nodes import (
    Add,
    Input,
    Named,
    Node,
    Past,
    Previous,
    Scatter,
    State,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import place
from symgrad.lowering.operands import is_view, names_of
from symgrad.lowering.slices import positions_of_steps
from symgrad.lowering.subscripts import landing
from symgrad.lowering.terms import Terms
from symgrad.lowering.values import Value, broadcast
from symgrad.statements.arithmetic import operation, without_sign
from symgrad.statements.expressions import (
    WHOLE_AXIS,
    Buffer,
    Expression,
    FloatingType,
    Label,
    Length,
    Operation,
    Place,
    Read,
    Sides,
    Subscript,
)
from symgrad.statements.statements import Define, Statement, Store
from symgrad.statements.statements import Loop as Repeat


class Recurrences(Terms):
    """Turns terms into statements, in which recurrences are loops."""

    clock: str | None = None  # the variable of the time, inside a loop
    _arrays: dict[State, Buffer]  # those of the states, inside their loop
    _position: Expr  # the number of the step, inside a loop

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._referred: set[Node] = set()  # what loops refer to
        self._targets: set[Node] = set()  # what is stored anyway
        self._trajectories: dict[tuple[Node, int], Buffer] = {}
        self._clocks: dict[str, str] = {}
        self._before: list[Statement] = []  # what a loop needs before it

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        self._referred |= {use.node for node in nodes if isinstance(node, Loop) for use in node.operands}
        super()._prepare(nodes, roots)

    def _positions(self, nodes: Sequence[Node]) -> list[Node]:
        return positions_of_steps(nodes)

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Loop | Trajectory) or (node in self._targets and self._counts[node] == 1):
            return False
        if node in self._referred and value.kind != "python":
            return not value.named
        return super()._deserves_name(node, value)

    def _name(self, node: Node) -> str:
        if isinstance(node, Entry):
            source = node.source
            past = isinstance(source, Past | Previous)
            array = Read(self._arrays[source.state]) if past else self._values[source].expression  # type: ignore[attr-defined]
            return self.fresh(f"{next(iter(names_of(array)), 'entry')}_{self.clock}")
        return super()._name(node)

    def _first_name(self, node: Node) -> str | None:
        near = postorder(
            [node], {use.node for below in postorder([node]) for use in below.uses() if isinstance(below, Named)}
        )
        return next((below.name for below in near if isinstance(below, Input | Named)), None)

    def _print(self, node: Node) -> Value:
        match node:
            case Loop():
                self._loop(node)
                return Value(Label(""), ())
            case Trajectory():
                return Value(Read(self._trajectories[node.scan.node, node.number]), tuple(range(node.rank)))
            case Entry():
                return self._entry(node)
        return super()._print(node)

    def _entry(self, node: Entry) -> Value:
        """Part of an array at a step."""
        source = node.source
        if isinstance(source, Past):  # the array as it is at the step
            return Value(Read(self._arrays[source.state]), tuple(range(source.rank - 1)))
        if isinstance(source, Previous):
            value = Value(Read(self._arrays[source.state]), tuple(range(source.rank)))
        else:
            value = self._values[source]
        kept = {axis: n for n, axis in enumerate(a for a, offset in enumerate(node.offsets) if offset is None)}
        places: list[Place] = [WHOLE_AXIS if axis in kept else self._at(node.offsets[axis]) for axis in value.letters]
        letters = tuple(kept[axis] for axis in value.letters if axis in kept)
        while places and places[-1] == WHOLE_AXIS:
            places.pop()
        if not places:
            return replace(value, letters=letters)
        return Value(Subscript(value.expression, tuple(places)), letters, value.kind)

    def _at(self, offset: Expr | None) -> Length:
        assert offset is not None
        return Length(self._position + offset)

    def _loop(self, node: Loop) -> None:
        arrays = [self._buffer(self.fresh(state.name), state.shape) for state in node.states]
        for number, array in enumerate(arrays):
            self._trajectories[node, number] = array
            self._allocate(node, number, array)
        inner = self._inside(node, arrays)
        inner.fill(node, arrays)
        first = S(node.clock[1])
        self.statements.extend(inner._before)
        if (
            inner.statements and inner.clock is not None
        ):  # nothing flows back through a recurrence that does not refer to itself
            body = tuple(inner.statements)
            self.statements.append(Repeat(inner.clock, first, first + node.steps, node.descending, body))

    def _allocate(self, node: Loop, number: int, array: Buffer) -> None:
        """An array for a state, with its base cases or its initial values."""
        state = node.states[number]
        initial = node.initial[number]
        bases = [(position, use) for owner, position, use in node.bases if owner == number]
        if initial is not None and not is_zero(initial):
            value = self.full(initial, Node(state.shape, b""))
            expression = value.expression
            shared = value.named or is_view(expression)
            if shared or (isinstance(expression, Operation) and expression.head == "asarray"):
                expression = operation("array", expression)
            self.statements.append(Define(array, expression))
            return
        filled = (state.shape[state.axis] - node.steps - len(bases)).expand() == 0
        # what no step has set yet is multiplied by 0 where steps refer to all of the array
        referred = {part.source for update in node.updates for part in postorder([update.term.node])
                    if isinstance(part, Entry)}  # fmt: skip
        filled = filled and not any(isinstance(part, Past) and part.state == state for part in referred)
        empty = initial is None and filled and not (bases and all(is_zero(use) for _, use in bases))
        shape = Length(state.shape[0]) if len(state.shape) == 1 else Sides(state.shape)
        made = operation("empty" if empty else "zeros", shape, dtype=FloatingType())
        self.statements.append(Define(array, made))
        for position, use in bases:
            if empty or not is_zero(use):
                self.statements.append(Store(_place(state, array, Length(position)), self._over(use, state).expression))

    def _over(self, use: Use, state: State) -> Value:
        """A term over the axes of a state beside the time, ready to be stored there."""
        value = self._real(self._use(use))
        return broadcast(value, [axis for axis in range(len(state.shape)) if axis != state.axis])

    def _another(self) -> Self:
        """One that knows nothing yet."""
        return type(self)((), ())

    def _inside(self, node: Loop, arrays: Sequence[Buffer]) -> Self:
        """What writes the body of the loop, which knows what is computed before."""
        inner = self._another()
        inner._taken, inner._variables = self._taken, self._variables
        inner._values = dict(self._values)
        inner._arrays = dict(zip(node.states, arrays, strict=True))
        name = node.clock[0]  # one loop after another may use the same variable
        inner.clock = self._clocks[name] = self._clocks.get(name) or self.fresh(name)
        inner._position = Symbol(inner.clock, integer=True) - node.clock[1]
        return inner

    def fill(self, node: Loop, arrays: Sequence[Buffer]) -> None:
        """The statements of one step."""
        known = set(self._values)
        roots = [update.term for update in node.updates]
        self._targets = {use.node for use in roots}
        self._prepare(list(postorder([use.node for use in roots], known)), roots)
        for update in node.updates:
            state = node.states[update.state]
            order = [axis for axis in range(len(state.shape)) if axis != state.axis]
            self._want(update.term, order)
            if isinstance(update.term.node, Add):
                for use in update.term.node.uses():
                    self._want(place(use, update.term.letters), order)
        self._before_steps(list(postorder([use.node for use in roots], known)))
        for update in node.updates:
            state = node.states[update.state]
            if update.lag is None:
                self._add_whole(update.term, state, arrays[update.state])
                continue
            self._emit(postorder([update.term.node], set(self._values)))
            target = _place(state, arrays[update.state], self._at(S(state.start - update.lag)))
            value = self._over(update.term, state)
            kept = node.initial[update.state] is None
            self.statements.append(Store(target, value.expression) if kept else _increased(target, value))

    def _before_steps(self, nodes: Sequence[Node]) -> None:
        """What is done with the nodes of a step before the loop."""

    def _add_whole(self, use: Use, state: State, array: Buffer) -> None:
        """Add to entries of a state at any times."""
        node = use.node
        if isinstance(node, Scatter) and use.letters == tuple(range(node.rank)):
            self._emit(postorder([part.node for part in node.uses()], set(self._values)))
            found = landing(node, self._use, self._real(self._use(node.value)), self.strided)
            if found is not None:
                places, value, once = found
                target = Subscript(Read(array), places)
                repeated = Store(target, value.expression, "add", repeated=True)
                self.statements.append(_increased(target, value) if once else repeated)
                return
        self._emit(postorder([node], set(self._values)))
        value = broadcast(self._real(self._use(use)), range(len(state.shape)))
        self.statements.append(_increased(Read(array), value))


def _increased(target: Expression, value: Value) -> Store:
    """A statement that adds to what is there."""
    found, minus = without_sign(value.expression)
    return Store(target, found, "subtract" if minus else "add")


def _place(state: State, array: Buffer, position: Length) -> Subscript:
    """The entries of a state's array at a time."""
    return Subscript(Read(array), (*[WHOLE_AXIS] * state.axis, position))
