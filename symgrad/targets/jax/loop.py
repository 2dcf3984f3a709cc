"""Prints recurrences: arrays for the states, and a step that `lax.fori_loop` repeats with them as its carry."""

from collections.abc import Sequence
from typing import Any

from sympy import Expr, S, Symbol

from symgrad.codegen.integers import whole_nodes
from symgrad.codegen.slices import Entry, Loop
from symgrad.errors import UnsupportedError
from symgrad.frontend.dimensions import is_never_empty
from symgrad.graph.build import is_zero
from symgrad.graph.nodes import Node, Past, Previous, Scatter, State, Trajectory, Update, Use, postorder
from symgrad.targets.jax.printer import Printer
from symgrad.targets.jax.subscripts import landing
from symgrad.targets.jax.values import ATOM, Value, broadcast, size_text, tuple_text


class LoopPrinter(Printer):
    """Prints terms in which recurrences are loops."""

    _arrays: dict[State, str]  # those of the states, inside their loop
    _clock: str  # the variable of the time, inside a loop
    _position: Expr  # the number of the step, inside a loop

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._trajectories: dict[tuple[Node, int], str] = {}
        self._clocks: dict[str, str] = {}  # of one loop after another
        self._kept: set[Node] = set()  # what loops refer to

    def _prepare(self, roots: Sequence[Use]) -> list[Node]:
        below = postorder([use.node for use in roots], set(self._values))
        self._kept = {use.node for node in below if isinstance(node, Loop) for use in node.operands}
        return super()._prepare(roots)

    def _positions(self, nodes: Sequence[Node]) -> list[Node]:
        """The arrays, computed before the loops, of which steps take subscripts."""
        steps = [update.term.node for node in nodes if isinstance(node, Loop) for update in node.updates]
        inside = whole_nodes(list(postorder(steps)))
        entries = [part.source for part in inside if isinstance(part, Entry)]
        return [source for source in entries if not isinstance(source, Past | Previous)]

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Loop | Trajectory):
            return False
        kept = node in self._kept and value.kind != "python" and not value.text.isidentifier()
        return kept or super()._deserves_name(node, value)

    def _name(self, node: Node) -> str:
        if isinstance(node, Entry):
            source = node.source
            return self.fresh(f"{self._array(source) or self._values[source].about or 'entry'}_{self._clock}")
        return super()._name(node)

    def _array(self, source: Node) -> str | None:
        """The array of the state that an entry is of, if it is of one."""
        return self._arrays[source.state] if isinstance(source, Past | Previous) else None

    def _clock_of(self, name: str) -> str:
        if name not in self._clocks:
            self._clocks[name] = self.fresh(name)
        return self._clocks[name]

    def _print(self, node: Node) -> Value:
        match node:
            case Loop():
                self._loop(node)
                return Value("", ATOM, ())
            case Trajectory():
                name = self._trajectories[node.scan.node, node.number]
                return Value(name, ATOM, tuple(range(node.rank)), about=name)
            case Entry():
                return self._entry(node)
        return super()._print(node)

    def _entry(self, node: Entry) -> Value:
        """Part of an array at a step."""
        source = node.source
        array = self._array(source)
        if array is not None and isinstance(source, Past):  # as it is at the step
            return Value(array, ATOM, tuple(range(source.rank - 1)), about=array)
        value = self._values[source] if array is None else Value(array, ATOM, tuple(range(source.rank)), about=array)
        kept = [axis for axis, offset in enumerate(node.offsets) if offset is None]
        texts = [":" if axis in kept else self._at(node.offsets[axis]) for axis in value.letters]
        letters = tuple(kept.index(axis) for axis in value.letters if axis in kept)
        while texts and texts[-1] == ":":
            texts.pop()
        text = f"{value.at(ATOM)}[{', '.join(texts)}]" if texts else value.text
        return Value(text, ATOM if texts else value.level, letters, value.kind, value.about)

    def _at(self, offset: Expr | None) -> str:
        assert offset is not None
        return size_text(self._position + offset)

    def _loop(self, node: Loop) -> None:
        arrays = [self.fresh(state.name) for state in node.states]
        for number, array in enumerate(arrays):
            self._trajectories[node, number] = array
            self._start(node, number, array)
        inner = LoopPrinter(self.dtype, ())
        inner.helpers, inner._taken, inner._values = self.helpers, self._taken, dict(self._values)
        inner._arrays = dict(zip(node.states, arrays, strict=True))
        inner._clocks, inner._clock = self._clocks, self._clock_of(node.clock[0])
        clock = inner._clock
        inner._position = Symbol(clock, integer=True) - node.clock[1]
        inner.fill(node)
        self.special |= inner.special
        if inner.valid:
            raise UnsupportedError("the target jax cannot check subscripts that a step of a recurrence computes")
        if not inner.lines:  # nothing flows back through a recurrence that does not refer to itself
            return
        changed = list(dict.fromkeys(arrays[update.state] for update in node.updates))
        carry, first, after = ", ".join(changed), S(node.clock[1]), node.clock[1] + node.steps
        states = f"({carry})" if len(changed) > 1 else carry
        step, number_of_step = self.fresh("step"), self._clock_of("step_number") if node.descending else clock
        self.lines += ["", f"def {step}({number_of_step}: Any, states: Any) -> Any:", f"    {carry} = states"]
        if node.descending:
            self.lines.append(f"    {clock} = {size_text(after - 1 - Symbol(number_of_step, integer=True))}")
            first, after = S.Zero, node.steps
        self.lines += [*(f"    {line}" for line in inner.lines), f"    return {carry}", ""]
        call = f"{carry} = jax.lax.fori_loop({size_text(first)}, {size_text(after)}, {step}, {states})"
        if is_never_empty(node.steps):
            self.lines.append(call)
        else:  # of an empty array JAX takes no entry, not even in a step that is never done
            self.lines += [f"if {size_text(node.steps)} > 0:", f"    {call}"]

    def _start(self, node: Loop, number: int, array: str) -> None:
        """An array for a state, with its base cases or its initial values."""
        state, initial = node.states[number], node.initial[number]
        if initial is not None and not is_zero(initial):
            self.lines.append(f"{array} = {self.full(initial, state.shape).text}")
            return
        changes = [
            f".at[{_place(state, size_text(position))}].set({self._over(use, state).text})"
            for owner, position, use in node.bases
            if owner == number and not is_zero(use)
        ]
        self.lines.append(f"{array} = jnp.zeros({tuple_text(state.shape)}, {self.dtype}){''.join(changes)}")

    def _over(self, use: Use, state: State) -> Value:
        """A term over the axes of a state beside the time, ready to be stored there."""
        return self.aligned(use, [axis for axis in range(len(state.shape)) if axis != state.axis])

    def fill(self, node: Loop) -> None:
        """The statements of one step."""
        nodes = self._prepare([update.term for update in node.updates])
        for update in node.updates:
            array = self._arrays[node.states[update.state]]
            term = update.term
            below = set(postorder([term.node]))
            if update.lag is None and isinstance(term.node, Scatter) and term.letters == tuple(range(term.node.rank)):
                below.remove(term.node)  # its values are added to the array itself
            self._emit([part for part in nodes if part in below and part not in self._values])
            self.lines.append(f"{array} = {array}{self._changed(update, node)}")

    def _changed(self, update: Update, node: Loop) -> str:
        """What is done with the array of a state."""
        use, state = update.term, node.states[update.state]
        if update.lag is None and use.node not in self._values:
            assert isinstance(use.node, Scatter)
            return landing(use.node, self._real(self._use(use.node.value)), self.position)
        if update.lag is None:
            return f" + {broadcast(self._real(self._use(use)), range(len(state.shape))).text}"
        place = _place(state, self._at(S(state.start - update.lag)))
        change = "set" if node.initial[update.state] is None else "add"
        return f".at[{place}].{change}({self._over(use, state).text})"


def _place(state: State, position: str) -> str:
    """The entries of a state's array at a time, as a subscript."""
    return ", ".join([*[":"] * state.axis, position])
