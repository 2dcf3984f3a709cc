"""Forward mode: the tangents of terms along a direction, or by every entry of an input at once.

A seed gives an input's tangent. With a direction array of the input's shape it yields a directional derivative; with a
product of Kronecker deltas δ[i, i′] δ[j, j′] over letters of their own it yields the whole Jacobian, whose axes are
those letters. The deltas are eliminated wherever they meet a sum: a Jacobian is as sparse in the formula as in truth.

A tangent is a term over its node's axes 0, 1, ... and the letters of the seeds. It is kept as a sum of products, with
every delta a factor of such a product. A delta whose axis is subscripted, δ[k, label[n]], is a *one-hot* factor: a
`Gather` of the identity.

Source: Griewank and Walther, Evaluating Derivatives (2008), section 3.1; Laue, Mitterreiter and Giesen, Computing
Higher Order Derivatives of Matrix and Tensor Expressions (2018), for tensors.
"""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr

from symgrad.calculus.linear_maps import push
from symgrad.calculus.tangent import tangent_of
from symgrad.graph.build import ZERO, sizes_of, whole
from symgrad.graph.kinds.scans import within
from symgrad.graph.kinds.solutions import from_outside, solutions
from symgrad.graph.nodes import Letter, Node, Scan, Trajectory, Use, postorder
from symgrad.graph.transform import dependents, place

Settle = Callable[[Node, Use], Use]
Tangents = Mapping[Node, Use]


def forward(
    roots: Sequence[Use], seeds: Tangents, settle: Settle = lambda node, tangent: tangent, by: str = ""
) -> list[Use]:
    """The tangent of each root, over the root's letters and those of the seeds.

    `by` is the name of the input by whose entries the tangents are taken; none for those along a direction.

    `settle` is given the tangent of every node that is not a seed, and returns what to go on with: a simplified term,
    or a name for it.

    Raises
    ------
    UnsupportedError : a node on the way has no derivative rule; the message names it.
    """
    nodes = list(postorder([use.node for use in roots]))
    active = dependents(nodes, seeds)
    inside = {part for node in nodes if isinstance(node, Scan) for part in within(node)}
    solved = solutions(nodes)
    tangents = dict(seeds)
    scans: dict[Node, tuple[Scan, tuple[Letter, ...]]] = {}
    for node in nodes:
        if node not in active or node in tangents or node in inside:
            continue
        if isinstance(node, Scan):
            scans[node] = _scan(node, tangents, by)
        elif isinstance(node, Trajectory):
            made, along = scans[node.scan.node]
            array = whole(made, node.number, made.states[node.number])
            tangents[node] = settle(node, Use(array, (*range(node.rank), *along)))
        else:
            tangents[node] = settle(node, from_outside(push(node, tangents), solved))
    return [place(tangents.get(use.node, ZERO), use.letters) for use in roots]


def _scan(node: Scan, tangents: Tangents, by: str) -> tuple[Scan, tuple[Letter, ...]]:
    """The tangent of a recurrence; by every entry of an input, an array of them along further letters."""
    needed = [use.node for part in (node, *within(node)) for use in part.uses() if use.node in tangents]
    along: dict[Letter, Expr] = {}
    for part in dict.fromkeys(needed):
        lengths = sizes_of([tangents[part]])
        along |= {letter: length for letter, length in lengths.items() if letter not in range(part.rank)}

    def differentiate(nodes: Sequence[Node], known: Tangents) -> Tangents:
        found = dict(known)
        for part in nodes:
            if part not in found:
                found[part] = push(part, found)
        return found

    along = dict(sorted(along.items(), key=str))
    return tangent_of(node, tangents, differentiate, along, by), tuple(along)
