"""The backward recurrence of a recurrence: what reverse mode (`calculus.reverse`) has to know about it.

With λ = ∂loss/∂h, where h[p] = f(h[p - lag], u[p]):  λ[p - lag] += (∂f/∂h[p - lag])ᵀ λ[p], from the last step to the
first. The adjoints of everything else, Σ_p (∂f/∂u)ᵀ λ[p], need no loop.

Source: Werbos, Backpropagation through time: what it does and how to do it (1990).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sympy import Basic, IndexedBase, MatrixSymbol, Symbol

from symgrad.errors import UnsupportedError
from symgrad.frontend.names import label_of
from symgrad.graph.build import ZERO, auxiliary, gather, index, is_zero, previous, scan, size, whole
from symgrad.graph.kinds.scans import at_steps, within
from symgrad.graph.nodes import Add, Named, Node, Past, Previous, Scan, Shape, State, Update, Use, postorder
from symgrad.graph.transform import own


def adjoint_symbol(symbol: Basic, shape: Shape, loss_name: str) -> Any:
    """The SymPy object that stands for ∂C/∂quantity in formulas, with the name that the loss C has there."""
    label = f"∂{loss_name}/∂{label_of(symbol)}"
    if isinstance(symbol, MatrixSymbol):
        return MatrixSymbol(label, *symbol.shape)
    return IndexedBase(label, shape=shape) if shape else Symbol(label, real=True)


class Backward:
    """The backward recurrence of `forward`, whose arrays have the adjoints `outside` from what uses them."""

    def __init__(self, forward: Scan, outside: Mapping[int, Use], loss_name: str) -> None:
        if any(use is not None for use in forward.initial):
            raise UnsupportedError(
                "no derivative rule for a backward recurrence: differentiate the recurrence only once"
            )
        self.forward = forward
        self.inside = within(forward)
        self.boundary = _boundary(forward, self.inside)
        self._outside = outside
        self._key = f"adjoint of {forward.digest.hex()}"
        self._states = [
            State(f"d_{s.name}", adjoint_symbol(s.symbol, s.shape, loss_name), s.shape, s.axis, s.start)
            for s in forward.states
        ]
        self.live = self._live()
        self._owner = self._owners()

    def _live(self) -> list[int]:
        """The states that the loss depends on, directly or through later steps."""
        reads = {
            update.state: {self.forward.states.index(part.state) for part in _read_by(self.forward, update)}
            for update in self.forward.updates
        }
        found = [number for number, adjoint in self._outside.items() if not is_zero(adjoint)]
        for number in found:  # grows while it is walked
            found.extend(sorted(reads[number] - set(found)))
        return sorted(found)

    def seed(self, number: int) -> Use:
        """The complete adjoint of what a step sets."""
        return own(previous(self._key, self._states[number], self.forward.steps, 0))

    def keep(self, node: Node, adjoint: Use) -> Use:
        """A name for the adjoint of a sum, which several operands get, so that code computes it once."""
        if not isinstance(node, Add) or len(node.terms) < 2 or isinstance(adjoint.node, Previous | Named):
            return adjoint
        if isinstance(adjoint.node, Add) and len(adjoint.node.terms) == 1:
            return adjoint
        return auxiliary(f"d_{self._owner[node]}_sum", adjoint)

    def _owners(self) -> dict[Node, str]:
        """The state in whose equation a node comes first."""
        owner: dict[Node, str] = {}
        for update in self.forward.updates:
            for node in postorder([update.term.node]):
                owner.setdefault(node, self.forward.states[update.state].name)
        return owner

    def build(self, adjoints: Mapping[Previous | Past, Use]) -> list[Named]:
        """The states' adjoint arrays, from those of the placeholders (over finished forward arrays and seeds)."""
        numbers = {state: number for number, state in enumerate(self.forward.states)}
        found = {part: term for part, term in adjoints.items() if not is_zero(term)}
        # within a step, what is read at the same time last is complete first
        order = sorted(found, key=lambda part: (not _reads_now(part), -numbers[part.state], _lag(part) or 0))
        pushes = [Update(numbers[part.state], _lag(part), found[part]) for part in order]
        initial: list[Use | None] = []
        for number in range(len(self._states)):
            own_pushes = [push for push in pushes if push.state == number]
            outer = self._outside.get(number, ZERO)
            once = is_zero(outer) and len(own_pushes) == 1 and own_pushes[0].lag == 0
            initial.append(None if once else outer)
        f = self.forward
        made = scan(self._key, self._states, f.steps, not f.descending, f.clock, (), initial, pushes)
        return [whole(made, number, state) for number, state in enumerate(self._states)]

    def finished(self, arrays: Sequence[Named]) -> dict[Use, Use]:
        """The seeds as entries of the finished adjoint arrays."""
        return {
            self.seed(number): at_steps(arrays[number], state, self.forward.steps, 0)
            for number, state in enumerate(self._states)
        }

    def of_bases(self, arrays: Sequence[Named]) -> Iterator[tuple[State, Use, Use]]:
        """(state, base case, its adjoint over the state's other axes)."""
        for number, position, term in self.forward.bases:
            state = self.forward.states[number]
            subs = [index(axis, side) for axis, side in enumerate(state.shape)]
            subs[state.axis] = size(position)
            yield state, term, gather(own(arrays[number]), subs)


def _lag(part: Previous | Past) -> int | None:
    return None if isinstance(part, Past) else part.lag


def _reads_now(part: Previous | Past) -> bool:
    """Whether a step refers to what the same step sets."""
    return part.current if isinstance(part, Past) else part.lag == 0


def _read_by(node: Scan, update: Update) -> Iterator[Previous | Past]:
    for part in postorder([update.term.node]):
        if isinstance(part, Previous | Past) and part.key == node.key:
            yield part


def _boundary(node: Scan, inside: set[Node]) -> set[Node]:
    """What the steps refer to and no placeholder has a part in: computed outside the loop."""
    operands = {use.node for part in inside for use in part.uses()} | {update.term.node for update in node.updates}
    return operands - inside
