"""The tangent of a recurrence, which is a recurrence in the same direction: what forward mode has to know about it.

Where h[p] = f(h[p - lag], u[p]), its tangent is ḣ[p] = ∂f/∂h[p - lag]·ḣ[p - lag] + ∂f/∂u·u̇[p]. A backward recurrence,
which adds up, has one of the same form.

Source: Pearlmutter, Fast exact multiplication by the Hessian (1994), for the two together.
"""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr, IndexedBase

from symgrad.graph.build import ZERO, past, previous, scan
from symgrad.graph.kinds.scans import from_outside, images, placeholders, within
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Letter, Node, Past, Scan, State, Use, postorder
from symgrad.graph.transform import place

Tangents = Mapping[Node, Use]
Differentiate = Callable[[Sequence[Node], Tangents], Tangents]


def tangent_states(node: Scan, along: Mapping[Letter, Expr], by: str) -> list[State]:
    """The states of a recurrence's tangent, with the axes of what it is taken by after their own."""
    shapes = [(*s.shape, *along.values()) for s in node.states]
    return [
        State(f"dot_{s.name}", IndexedBase(_label(s, by), shape=shape), shape, s.axis, s.start)
        for s, shape in zip(node.states, shapes, strict=True)
    ]


def _label(state: State, by: str) -> str:
    """What formulas call a tangent: ∂h/∂w, of an adjoint ∂²C/∂h∂w, along a direction dot_h."""
    label = str(getattr(state.symbol, "label", state.name))
    if not by:
        return f"dot_{state.name}"
    above, _, below = label.removeprefix("∂").partition("/∂")
    return f"∂²{above}/∂{below}∂{by}" if below else f"∂{label}/∂{by}"


def tangent_of(
    node: Scan, tangents: Tangents, differentiate: Differentiate, along: Mapping[Letter, Expr], by: str
) -> Scan:
    """The tangent of a recurrence, given those of what its steps refer to.

    `differentiate(nodes, tangents)` gives the tangents of nodes, operands first, from those that are known. By all
    entries of an input at once, called `by`, the tangents have further letters, `along` with their lengths, and the
    states as many axes more.
    """
    key, states = f"tangent of {node.digest.hex()} by {by}", tangent_states(node, along, by)
    known = {part: use for part, use in tangents.items() if not isinstance(part, Scan)}
    for part in placeholders(node):
        state = states[node.states.index(part.state)]
        if isinstance(part, Past):
            made: Node = past(key, state, node.steps, part.current)
        else:
            made = previous(key, state, node.steps, part.lag)
        known[part] = Use(made, (*range(part.rank), *along))
    inside = within(node)
    order = [part for part in postorder([update.term.node for update in node.updates]) if part in inside]
    known = dict(differentiate(order, known))

    def of(use: Use, number: int, first: int = 0) -> Use:
        after = len(node.states[number].shape) + first
        return relabel(place(known.get(use.node, ZERO), use.letters), {x: after + k for k, x in enumerate(along)})

    # a step of the tangent refers to the recurrence itself by the finished arrays
    of_updates = [of(update.term, update.state, int(update.lag is None)) for update in node.updates]
    terms = from_outside(of_updates, images(node))
    updates = [update._replace(term=term) for update, term in zip(node.updates, terms, strict=True)]
    bases = [(number, position, of(use, number)) for number, position, use in node.bases]
    initial = [None if use is None else of(use, number) for number, use in enumerate(node.initial)]
    return scan(key, states, node.steps, node.descending, node.clock, bases, initial, updates)
