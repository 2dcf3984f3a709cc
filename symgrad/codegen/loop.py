"""Prints recurrences: arrays for the states, and a loop over the steps that fills them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Expr, S, Symbol

from symgrad.codegen.array_text import Array
from symgrad.codegen.integers import whole_nodes
from symgrad.codegen.printer import Printer
from symgrad.codegen.slices import Entry, Loop
from symgrad.codegen.stacks import Stack, stacks
from symgrad.codegen.subscripts import landing
from symgrad.codegen.values import ADD, ATOM, MATMUL, Value, broadcast, transpose
from symgrad.graph.build import is_zero
from symgrad.graph.nodes import (
    Add,
    Contract,
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
from symgrad.schedule.rows import RowPlan


class LoopPrinter(Printer):
    """Prints terms in which recurrences are loops."""

    clock: str  # the variable of the time, inside a loop
    _arrays: dict[State, str]  # those of the states, inside their loop
    _position: Expr  # the number of the step, inside a loop

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._kept: set[Node] = set()  # what loops refer to
        self._targets: set[Node] = set()  # what is stored anyway
        self._trajectories: dict[tuple[Node, int], str] = {}
        self._clocks: dict[str, str] = {}
        self._before: list[str] = []  # what a loop needs before it
        self._stacks: dict[Node, tuple[Stack, str]] = {}  # the products of a step, and their matrices in one array

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        below = postorder([use.node for use in roots.values()])
        self._kept = {use.node for node in below if isinstance(node, Loop) for use in node.operands}
        super().compute(roots, plan)

    def _positions(self, nodes: Sequence[Node]) -> list[Node]:
        """The arrays, computed before the loops, of which steps take subscripts."""
        steps = [update.term.node for node in nodes if isinstance(node, Loop) for update in node.updates]
        inside = whole_nodes(list(postorder(steps)))
        entries = [part.source for part in inside if isinstance(part, Entry)]
        return [source for source in entries if not isinstance(source, Past | Previous)]

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Loop | Trajectory) or (node in self._targets and self._counts[node] == 1):
            return False
        if node in self._kept and value.kind != "python":
            return not value.text.isidentifier()
        return super()._deserves_name(node, value)

    def _name(self, node: Node) -> str:
        if isinstance(node, Entry):
            source = node.source
            array = self._arrays[source.state] if isinstance(source, Past | Previous) else self._values[source].text
            return self.fresh(f"{array}_{self.clock}")
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
                return Value("", ATOM, ())
            case Trajectory():
                return Value(self._trajectories[node.scan.node, node.number], ATOM, tuple(range(node.rank)))
            case Entry():
                return self._entry(node)
            case Contract() if node in self._stacks:
                return self._from_stack(node)
        return super()._print(node)

    def _entry(self, node: Entry) -> Value:
        """Part of an array at a step."""
        source = node.source
        if isinstance(source, Past):  # the array as it is at the step
            return Value(self._arrays[source.state], ATOM, tuple(range(source.rank - 1)))
        if isinstance(source, Previous):
            value = Value(self._arrays[source.state], ATOM, tuple(range(source.rank)))
        else:
            value = self._values[source]
        kept = {axis: n for n, axis in enumerate(a for a, offset in enumerate(node.offsets) if offset is None)}
        texts = [":" if axis in kept else self._at(node.offsets[axis]) for axis in value.letters]
        letters = tuple(kept[axis] for axis in value.letters if axis in kept)
        return _subscripted(value, texts, letters)

    def _at(self, offset: Expr | None) -> str:
        assert offset is not None
        return str(self._position + offset)

    def _loop(self, node: Loop) -> None:
        arrays = [self.fresh(state.name) for state in node.states]
        self._variables.update(arrays)
        for number, array in enumerate(arrays):
            self._trajectories[node, number] = array
            self._allocate(node, number, array)
        inner = self._inside(node, arrays)
        inner.fill(node, arrays)
        first = node.clock[1]
        ends = [str(end) for end in (S(first), first + node.steps)]
        steps = f"range({', '.join(ends if first else ends[1:])})"
        self.lines.extend(inner._before)
        if inner.lines:  # nothing flows back through a recurrence that does not refer to itself
            self.lines.append(f"for {inner.clock} in {f'reversed({steps})' if node.descending else steps}:")
        self.lines.extend(f"    {line}" for line in inner.lines)

    def _allocate(self, node: Loop, number: int, array: str) -> None:
        """An array for a state, with its base cases or its initial values."""
        state = node.states[number]
        self.arrays[array] = Array(state.shape, True)
        initial = node.initial[number]
        bases = [(position, use) for owner, position, use in node.bases if owner == number]
        if initial is not None and not is_zero(initial):
            value = self.full(initial, Node(state.shape, b""))
            text = value.text
            if text.isidentifier() or self.is_view(text) or text.startswith("np.asarray("):
                text = f"np.array({text})"
            self.lines.append(f"{array} = {text}")
            return
        filled = (state.shape[state.axis] - node.steps - len(bases)).expand() == 0
        # what no step has set yet is multiplied by 0 where steps refer to all of the array
        referred = {part.source for update in node.updates for part in postorder([update.term.node])
                    if isinstance(part, Entry)}  # fmt: skip
        filled = filled and not any(isinstance(part, Past) and part.state == state for part in referred)
        empty = initial is None and filled and not (bases and all(is_zero(use) for _, use in bases))
        shape = str(state.shape[0]) if len(state.shape) == 1 else f"({', '.join(map(str, state.shape))})"
        self.lines.append(f"{array} = np.{'empty' if empty else 'zeros'}({shape}, dtype={self.dtype})")
        for position, use in bases:
            if empty or not is_zero(use):
                self.lines.append(f"{_place(state, array, str(position))} = {self._over(use, state).text}")

    def _over(self, use: Use, state: State) -> Value:
        """A term over the axes of a state beside the time, ready to be stored there."""
        value = self._real(self._use(use))
        return broadcast(value, [axis for axis in range(len(state.shape)) if axis != state.axis])

    def _inside(self, node: Loop, arrays: Sequence[str]) -> "LoopPrinter":
        """A printer for the body of the loop, which knows what is computed before."""
        inner = LoopPrinter(self.dtype, (), (), self._estimate)
        inner.helpers, inner.scipy, inner._taken, inner._views = self.helpers, self.scipy, self._taken, self._views
        inner._variables, inner._values, inner.arrays = self._variables, dict(self._values), self.arrays
        inner._arrays = dict(zip(node.states, arrays, strict=True))
        name = node.clock[0]  # one loop after another may use the same variable
        inner.clock = self._clocks[name] = self._clocks.get(name) or self.fresh(name)
        inner._position = Symbol(inner.clock, integer=True) - node.clock[1]
        return inner

    def _lay_out_matrices(self, stack: Stack) -> None:
        """Before the loop, the matrices as its products walk along them."""
        values = []
        for n, matrix in enumerate(stack.matrices):
            assert isinstance(matrix.node, Entry)
            inner = stack.inner(n)
            values.append(transpose(self._real(self._values[matrix.node.source]), (inner, 1 - inner)))
        about = self._first_variable(" ".join(value.text for value in values)) or "1"
        if len(values) > 1:
            name = self.fresh(f"stack_{about}")
            self._before.append(f"{name} = np.stack([{', '.join(value.text for value in values)}])")
            self._stacks |= dict.fromkeys(stack.products, (stack, name))
        else:
            (matrix,), (value,) = stack.matrices, values
            name = value.text
            assert isinstance(matrix.node, Entry)
            if not name.isidentifier() or (self.is_view(name) and not isinstance(matrix.node.source, Input)):
                name = self.fresh(f"copy_{about}")
                self._before.append(f"{name} = np.ascontiguousarray({value.text})")
            self._values[matrix.node] = Value(name, ATOM, value.letters)
        self._variables.add(name)

    def _from_stack(self, node: Contract) -> Value:
        """The products of one operand as one, at the first of them."""
        stack, name = self._stacks[node]
        if node not in self._values:
            operand = self._use(stack.operands[0])
            inner = stack.products[0].rank
            rows = transpose(operand, [*(letter for letter in operand.letters if letter != inner), inner])
            names = [self.fresh(f"prod_{self._first_variable(rows.text) or 1}") for _ in stack.products]
            self.lines.append(f"{', '.join(names)} = {rows.at(MATMUL)} @ {name}")
            self._variables.update(names)
            for product, uses, matrix, made in zip(stack.products, stack.operands, stack.matrices, names, strict=True):
                column = next(letter for letter in matrix.letters if letter != product.rank)
                place = [uses.letters[k] for k in (stack.operands[0].letters.index(x) for x in rows.letters)]
                self._values[product] = Value(made, ATOM, (*place[:-1], column))
                self._describe(product, self._values[product])
        return self._values[node]

    def fill(self, node: Loop, arrays: Sequence[str]) -> None:
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
        for stack in stacks(list(postorder([use.node for use in roots], known))):
            self._lay_out_matrices(stack)
        for update in node.updates:
            state = node.states[update.state]
            if update.lag is None:
                self._add_whole(update.term, state, arrays[update.state])
                continue
            self._emit(postorder([update.term.node], set(self._values)))
            target = _place(state, arrays[update.state], self._at(S(state.start - update.lag)))
            value = self._over(update.term, state)
            self.lines.append(
                f"{target} = {value.text}" if node.initial[update.state] is None else _increased(target, value)
            )

    def _add_whole(self, use: Use, state: State, array: str) -> None:
        """Add to entries of a state at any times."""
        node = use.node
        if isinstance(node, Scatter) and use.letters == tuple(range(node.rank)):
            self._emit(postorder([part.node for part in node.uses()], set(self._values)))
            found = landing(node, self._use, self._real(self._use(node.value)))
            if found is not None:
                index, value, once = found
                added = _increased(f"{array}[{index}]", value)
                self.lines.append(added if once else f"np.add.at({array}, np.s_[{index}], {value.text})")
                return
        self._emit(postorder([node], set(self._values)))
        value = broadcast(self._real(self._use(use)), range(len(state.shape)))
        self.lines.append(_increased(array, value))


def _increased(target: str, value: Value) -> str:
    if value.text.startswith("-") and value.level > ADD:
        return f"{target} -= {value.text[1:]}"
    return f"{target} += {value.text}"


def _place(state: State, array: str, position: str) -> str:
    """The entries of a state's array at a time."""
    return f"{array}[{', '.join([*[':'] * state.axis, position])}]"


def _subscripted(value: Value, texts: Sequence[str], letters: tuple[int, ...]) -> Value:
    while texts and texts[-1] == ":":
        texts = texts[:-1]
    if not texts:
        return replace(value, letters=letters)
    return Value(f"{value.at(ATOM)}[{', '.join(texts)}]", ATOM, letters, value.kind)
