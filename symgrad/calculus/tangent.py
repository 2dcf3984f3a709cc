"""The tangent of a recurrence, which is a recurrence in the same direction: what forward mode has to know about it.

Where h[p] = f(h[p - lag], u[p]), its tangent is ḣ[p] = ∂f/∂h[p - lag]·ḣ[p - lag] + ∂f/∂u·u̇[p]. A backward recurrence,
which adds up, has one of the same form.

Source: Pearlmutter, Fast exact multiplication by the Hessian (1994), for the two together.
"""

from collections.abc import Callable, Mapping, Sequence

from sympy import IndexedBase

from symgrad.graph.build import ZERO
from symgrad.graph.nodes import Node, Past, Scan, State, Use, postorder
from symgrad.graph.scan import from_outside, images, past, placeholders, previous, scan, within
from symgrad.graph.transform import own, place

Tangents = Mapping[Node, Use]
Differentiate = Callable[[Sequence[Node], Tangents], Tangents]


def tangent_states(node: Scan) -> list[State]:
    """The states of a recurrence's tangent."""
    return [
        State(f"dot_{s.name}", IndexedBase(f"dot_{s.name}", shape=s.shape), s.shape, s.axis, s.start)
        for s in node.states
    ]


def tangent_of(node: Scan, tangents: Tangents, differentiate: Differentiate) -> Scan:
    """The tangent of a recurrence, given those of what its steps refer to.

    `differentiate(nodes, tangents)` gives the tangents of nodes, operands first, from those that are known.
    """
    key, states = f"tangent of {node.digest.hex()}", tangent_states(node)
    known = {part: use for part, use in tangents.items() if not isinstance(part, Scan)}
    for part in placeholders(node):
        state = states[node.states.index(part.state)]
        if isinstance(part, Past):
            known[part] = own(past(key, state, node.steps, part.current))
        else:
            known[part] = own(previous(key, state, node.steps, part.lag))
    inside = within(node)
    order = [part for part in postorder([update.term.node for update in node.updates]) if part in inside]
    known = dict(differentiate(order, known))

    def of(use: Use) -> Use:
        return place(known.get(use.node, ZERO), use.letters)

    # a step of the tangent refers to the recurrence itself by the finished arrays
    terms = from_outside([of(update.term) for update in node.updates], images(node))
    updates = [update._replace(term=term) for update, term in zip(node.updates, terms, strict=True)]
    bases = [(number, position, of(use)) for number, position, use in node.bases]
    initial = [None if use is None else of(use) for use in node.initial]
    return scan(key, states, node.steps, node.descending, node.clock, bases, initial, updates)
