"""Prints what recurrences are made of: entries of the states and of arrays from before the loop, at a step."""

from collections.abc import Sequence
from typing import Any

from sympy import Expr

from symgrad.codegen.expressions import Expressions
from symgrad.codegen.slices import Entry, Loop, positions_of_steps
from symgrad.codegen.values import ATOM, Value, size_text
from symgrad.graph.nodes import Node, Past, Previous, State, Trajectory, Use, postorder


class Steps(Expressions):
    """Turns terms into assignments, those of the steps of a loop, too; a target says how loops are written."""

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
        return positions_of_steps(nodes)

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
        """The statements that fill the arrays of a recurrence."""
        raise self._missing("recurrences")
