"""Prints recurrences: arrays for the states, and a loop over the steps that fills them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Expr, S, Symbol

from symgrad.codegen.slices import Entry, Loop, positions_of_steps
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
from symgrad.statements.arithmetic import matrix_product, operation, without_sign
from symgrad.statements.expressions import (
    LIST,
    WHOLE_AXIS,
    Buffer,
    Expression,
    FloatingType,
    Group,
    Label,
    Length,
    Operation,
    Place,
    Read,
    Sides,
    Subscript,
)
from symgrad.statements.statements import Define, Statement, Store, Unpack
from symgrad.statements.statements import Loop as Repeat
from symgrad.targets.numpy.operands import is_view
from symgrad.targets.numpy.printer import Printer
from symgrad.targets.numpy.stacks import Stack, stacks
from symgrad.targets.numpy.subscripts import landing
from symgrad.targets.numpy.values import Value, broadcast, transpose


class LoopPrinter(Printer):
    """Prints terms in which recurrences are loops."""

    clock: str  # the variable of the time, inside a loop
    _arrays: dict[State, Buffer]  # those of the states, inside their loop
    _position: Expr  # the number of the step, inside a loop

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._referred: set[Node] = set()  # what loops refer to
        self._targets: set[Node] = set()  # what is stored anyway
        self._trajectories: dict[tuple[Node, int], Buffer] = {}
        self._clocks: dict[str, str] = {}
        self._before: list[Statement] = []  # what a loop needs before it
        self._stacks: dict[Node, tuple[Stack, Buffer]] = {}  # the products of a step, and their matrices in one array

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        below = postorder([use.node for use in roots.values()])
        self._referred = {use.node for node in below if isinstance(node, Loop) for use in node.operands}
        super().compute(roots, plan)

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
            return self.fresh(f"{self.speller.text(array)}_{self.clock}")
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
            case Contract() if node in self._stacks:
                return self._from_stack(node)
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
        if inner.statements:  # nothing flows back through a recurrence that does not refer to itself
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

    def _inside(self, node: Loop, arrays: Sequence[Buffer]) -> "LoopPrinter":
        """A printer for the body of the loop, which knows what is computed before."""
        inner = LoopPrinter(self.speller.dtype, (), (), self._estimate)
        inner.speller, inner._taken = self.speller, self._taken
        inner._variables, inner._values = self._variables, dict(self._values)
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
        parts = [value.expression for value in values]
        about = self._first_variable(*parts) or "1"
        if len(values) > 1:
            buffer = self._buffer(self.fresh(f"stack_{about}"), None)
            self._before.append(Define(buffer, operation("stack", Group(LIST, tuple(parts)))))
            self._stacks |= dict.fromkeys(stack.products, (stack, buffer))
            return
        (matrix,), (value,) = stack.matrices, values
        assert isinstance(matrix.node, Entry)
        if not value.named or (is_view(value.expression) and not isinstance(matrix.node.source, Input)):
            buffer = self._buffer(self.fresh(f"copy_{about}"), None)
            self._before.append(Define(buffer, operation("ascontiguousarray", value.expression)))
            value = Value(Read(buffer), value.letters)
        self._values[matrix.node] = Value(value.expression, value.letters)

    def _from_stack(self, node: Contract) -> Value:
        """The products of one operand as one, at the first of them."""
        stack, name = self._stacks[node]
        if node not in self._values:
            operand = self._use(stack.operands[0])
            inner = stack.products[0].rank
            rows = transpose(operand, [*(letter for letter in operand.letters if letter != inner), inner])
            made = [self.fresh(f"prod_{self._first_variable(rows.expression) or 1}") for _ in stack.products]
            shapes = []
            for product, uses, matrix in zip(stack.products, stack.operands, stack.matrices, strict=True):
                column = next(letter for letter in matrix.letters if letter != product.rank)
                place = [uses.letters[k] for k in (stack.operands[0].letters.index(x) for x in rows.letters)]
                shapes.append((*place[:-1], column))
            buffers = [
                self._buffer(name, tuple(product.shape[axis] for axis in letters))
                for name, product, letters in zip(made, stack.products, shapes, strict=True)
            ]
            self.statements.append(Unpack(tuple(buffers), matrix_product(rows.expression, Read(name))))
            for product, buffer, letters in zip(stack.products, buffers, shapes, strict=True):
                self._values[product] = Value(Read(buffer), letters)
        return self._values[node]

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
            kept = node.initial[update.state] is None
            self.statements.append(Store(target, value.expression) if kept else _increased(target, value))

    def _add_whole(self, use: Use, state: State, array: Buffer) -> None:
        """Add to entries of a state at any times."""
        node = use.node
        if isinstance(node, Scatter) and use.letters == tuple(range(node.rank)):
            self._emit(postorder([part.node for part in node.uses()], set(self._values)))
            found = landing(node, self._use, self._real(self._use(node.value)))
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
