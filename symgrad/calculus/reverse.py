"""Reverse mode: the adjoint ∂loss/∂node of every node that the loss depends on.

The engine owns the structure. A kind of node states only its local derivative, as linear maps (`Node.local`), whose
transposes `linear_maps` applies.

An adjoint is a term over its node's axes 0, 1, ...; where it lacks an axis it is constant along it.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; Laue, Mitterreiter and Giesen, Computing Higher
Order Derivatives of Matrix and Tensor Expressions (2018), for the contraction.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

from sympy import S

from symgrad.calculus.deltas import delta_seed
from symgrad.calculus.linear_maps import SEED, Contribution, project, pull
from symgrad.calculus.recurrence import Backward
from symgrad.graph.build import ONE, ZERO, add, auxiliary, is_zero
from symgrad.graph.kinds.scans import from_outside, images, placeholders, step_shape
from symgrad.graph.kinds.solutions import from_outside as from_equations
from symgrad.graph.nodes import Node, Past, Previous, Scan, Solution, Trajectory, Use, postorder
from symgrad.graph.transform import dependents, own

Settle = Callable[[Node, Use], Use]
Observe = Callable[[Node, Node, Use], None]


def reverse(
    loss: Use,
    targets: Sequence[Node],
    settle: Settle = lambda node, adjoint: adjoint,
    observe: Observe = lambda node, operand, contribution: None,
    loss_name: str = "C",
) -> dict[Node, Use]:
    """∂loss/∂target for each target node, as a term over the target's axes (zero where the loss does not depend on it).

    `settle` is given every node's adjoint once it is complete, before it is propagated, and returns what to go on with:
    a simplified term, or a name for it. `observe` is told every contribution of a node to the adjoint of an operand.

    Raises
    ------
    UnsupportedError : a node on the way has no derivative rule; the message names it.
    """
    nodes = list(postorder([loss.node]))
    scans = [node for node in nodes if isinstance(node, Scan)]
    active = dependents([loss.node], [*targets, *scans])
    adjoints = _sweep(nodes, {loss.node: [ONE]}, active, settle, loss_name, observe=observe)
    return {target: adjoints.get(target, ZERO) for target in targets}


def reverse_of_array(array: Node, targets: Sequence[Node], settle: Settle) -> dict[Node, Use]:
    """∂array/∂target for each target, as a term over the target's axes and the letters (SEED, axis) of the array's.

    The seed is a product of Kronecker deltas, which are kept in front of each term as forward mode keeps them.

    Parameters
    ----------
    array : what is differentiated; no recurrence is between it and a target.
    targets, settle : as for `reverse`.
    """
    nodes = list(postorder([array]))
    seed = delta_seed(array.shape, SEED)
    adjoints = _sweep(nodes, {array: [seed]}, dependents([array], targets), settle, "")
    return {target: adjoints.get(target, ZERO) for target in targets}


def _sweep(
    nodes: Sequence[Node],
    parts: dict[Node, list[Use]],
    active: set[Node],
    settle: Settle,
    loss_name: str,
    leaves: Collection[Node] = frozenset(),
    observe: Observe = lambda node, operand, contribution: None,
) -> dict[Node, Use]:
    """The adjoints of `nodes` (operands first), from the contributions to the top ones; none goes below `leaves`."""
    adjoints: dict[Node, Use] = {}
    trajectories: dict[Node, dict[int, Use]] = {}
    solved = [node for node in nodes if isinstance(node, Solution)]
    for node in reversed(nodes):
        if isinstance(node, Scan):
            pulled = _scan(node, trajectories.pop(node, {}), active, settle, loss_name)
        elif node not in active or node not in parts:
            continue
        else:
            adjoint = add([(S.One, part) for part in parts.pop(node)])
            adjoint = adjoints[node] = adjoint if node in leaves else settle(node, adjoint)
            if is_zero(adjoint) or node in leaves:
                continue
            if isinstance(node, Trajectory):
                trajectories.setdefault(node.scan.node, {})[node.number] = adjoint
                continue
            pulled = pull(node, adjoint, active)
        for operand, made in pulled:
            contribution = from_equations(made, solved)
            if isinstance(node, Solution) and node.coupled:  # one system, whatever the equations are made of
                contribution = auxiliary(f"lambda_{node.unknown.key}", contribution)
            if not is_zero(contribution):
                observe(node, operand, contribution)
                parts.setdefault(operand, []).append(contribution)
    return adjoints


def _scan(
    node: Scan, outside: dict[int, Use], active: set[Node], settle: Settle, loss_name: str
) -> Iterator[Contribution]:
    """The contributions of a recurrence, given the adjoints of its states' arrays from what uses them."""
    backward = Backward(node, outside, loss_name)
    if not backward.live:
        return
    parts: dict[Node, list[Use]] = {}
    for number, _, term in node.updates:
        if number in backward.live:
            state = node.states[number]
            sizes = dict(enumerate(step_shape(state, node.steps)))
            parts.setdefault(term.node, []).append(project([backward.seed(number)], term, sizes))
    leaves = backward.boundary | set(placeholders(node))
    order = [part for part in postorder([update.term.node for update in node.updates])
             if part in backward.inside or part in backward.boundary]  # fmt: skip
    reached = backward.inside | (backward.boundary & active)
    adjoints = _sweep(order, parts, reached, backward.keep, loss_name, leaves)
    met = [part for part in order if part in leaves and part in adjoints]
    # a step refers to earlier entries by placeholders, what is outside the loop by the finished arrays
    terms = dict(zip(met, from_outside([adjoints[part] for part in met], images(node)), strict=True))
    arrays = backward.build({part: settle(part, terms[part]) for part in met if isinstance(part, Previous | Past)})
    for array in arrays:
        settle(array.arg.node, own(array))
    at_boundary = [part for part in met if part in backward.boundary]
    finished = backward.finished(arrays)
    yield from zip(at_boundary, from_outside([terms[part] for part in at_boundary], finished), strict=True)
    for state, term, adjoint in backward.of_bases(arrays):
        if term.node in active:
            yield term.node, project([adjoint], term, dict(enumerate(state.shape)) | {state.axis: S.One})
