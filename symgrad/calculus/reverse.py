"""Reverse mode: the adjoint ∂loss/∂node of every node that the loss depends on.

The engine owns the structure. A rule states only its node's local derivative in the node's own letters; `_project`
turns that into a contribution over the operand's axes: it sums over the letters the operand lacks (the adjoint of
broadcasting), renames the rest, and puts deltas where a letter repeats (the adjoint of taking a diagonal).

An adjoint is a term over its node's axes 0, 1, ...; where it lacks an axis it is constant along it.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; Laue, Mitterreiter and Giesen, Computing Higher
Order Derivatives of Matrix and Tensor Expressions (2018), for the contraction.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from sympy import Eq, Expr, Ge, Product, S

from symgrad.calculus.local import partial
from symgrad.calculus.recurrence import Backward
from symgrad.errors import UnsupportedError
from symgrad.functions import LogSumExp, MaxOver, MinOver, if_else
from symgrad.functions.norms import reciprocal_root
from symgrad.graph.axes import LOG_SOFTMAX, PRODUCT_OF_OTHERS, SOFTMAX, axis_map, gather, scatter
from symgrad.graph.build import (
    ONE,
    ZERO,
    add,
    apply,
    const,
    delta,
    index,
    is_zero,
    mul,
    product_of_powers,
    reciprocal,
    sizes_of,
    subtract,
)
from symgrad.graph.letters import relabel
from symgrad.graph.linear_algebra import (
    CHOLESKY,
    DET,
    INVERSE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    matrix_function,
    sides_of,
)
from symgrad.graph.merge import merge, split
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Past,
    Previous,
    Reduce,
    Scan,
    Scatter,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.positive import is_sum_of_squares
from symgrad.graph.scan import from_outside, images, placeholders, step_shape
from symgrad.graph.transform import dependents, own

Contribution = tuple[Node, Use]


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
            pulled = pull_back(node, adjoint, active)
        for operand, contribution in pulled:
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
            target, contribution = _project(node, [backward.seed(number)], term, sizes)
            parts.setdefault(target, []).append(contribution)
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
            yield _project(node, [adjoint], term, dict(enumerate(state.shape)) | {state.axis: S.One})


def pull_back(node: Node, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    """The contributions of one node to the adjoints of its operands (its vector-Jacobian product)."""
    rule = _RULES.get(type(node))
    if rule is None:
        if any(use.node in active for use in node.uses()):
            raise UnsupportedError(f"no derivative rule for {type(node).__name__}")
        return
    yield from rule(node, adjoint, active)


def _project(node: Node, factors: Sequence[Use], target: Use, sizes: dict[Any, Expr]) -> Contribution:
    """Σ over the letters that `target` lacks of Π factors, as a term over the axes of `target.node`.

    `sizes` has the length along every letter of the node, bound letters included.
    """
    first: dict[Any, Any] = {}
    deltas = []
    for axis, letter in enumerate(target.letters):
        if letter in first:
            deltas.append(delta(("axis", first[letter]), ("axis", axis), target.node.shape[axis]))
        else:
            first[letter] = axis
    names = {letter: ("axis", axis) for letter, axis in first.items()}
    bound = {letter: length for letter, length in sizes.items() if letter not in first}
    summed = mul([*(relabel(use, names) for use in factors), *deltas], bound)
    return target.node, relabel(summed, {("axis", axis): axis for axis in range(target.node.rank)})


def _letters(node: Node) -> dict[Any, Expr]:
    """The length along every letter of a node's letter space."""
    return dict(enumerate(node.shape)) | sizes_of(use for use in node.uses() if not isinstance(node, Gather))


def _add(node: Add, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = Σ c·u:  ū += c·ȳ
    sizes = _letters(node)
    for coefficient, use in node.terms:
        if use.node in active:
            yield _project(node, [const(coefficient), adjoint], use, sizes)


def _contract(node: Contract, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = Σ Π u^e:  ū += Σ ȳ · e·u^(e-1) · Π others
    sizes = _letters(node)
    for n, (use, exponent) in enumerate(node.factors):
        if use.node in active:
            rest = [(other, e) for m, (other, e) in enumerate(node.factors) if m != n]
            lowered = product_of_powers([(use, exponent - 1)])
            if exponent == S.Half and is_sum_of_squares(use):  # a norm: its gradient is 0 at 0
                lowered = apply(reciprocal_root, [use])
            local = [const(exponent), product_of_powers(rest), lowered]
            yield _project(node, [adjoint, *local], use, sizes)


def _apply(node: Apply, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = f(u, v, ...):  ū += ȳ·∂f/∂u
    for n, use in enumerate(node.args):
        if use.node not in active:
            continue
        if node.head is if_else:
            if n > 0:  # the adjoint goes to the branch taken and nowhere else: masked, not multiplied
                branches = [adjoint, ZERO] if n == 1 else [ZERO, adjoint]
                yield _project(node, [apply(if_else, [node.args[0], *branches])], use, _letters(node))
            continue
        yield _project(node, [adjoint, partial(node.head, node.args, own(node), n)], use, _letters(node))


def _reduce(node: Reduce, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    bound = dict(enumerate(node.bound, node.rank))
    value, use = own(node), node.arg
    if node.head is LogSumExp:  # ∂/∂u log Σ exp u = softmax(u)
        local = [axis_map(SOFTMAX, use, bound)]
    elif node.head is Product:  # the product of all others, which is right where entries are zero
        local = [axis_map(PRODUCT_OF_OTHERS, use, bound)]
    elif node.head in (MaxOver, MinOver):  # entries that tie share equally
        hit = indicator(apply(Eq, [use, value]))
        local = [hit, reciprocal(mul([hit], bound))]
    else:
        raise UnsupportedError(f"no derivative rule for the reduction {node.head.__name__}")
    yield _project(node, [adjoint, *local], use, _letters(node))


def indicator(condition: Use) -> Use:
    """[condition]: one where it holds, zero elsewhere."""
    return apply(if_else, [condition, ONE, ZERO])


def _axis_map(node: AxisMap, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    over = {axis: node.shape[axis] for axis in node.over}
    value = own(node)
    if node.head == SOFTMAX:  # ū = p·(p̄ - Σ p̄·p)
        centred = subtract(adjoint, mul([adjoint, value], over))
        yield _project(node, [value, centred], node.arg, _letters(node))
    elif node.head == LOG_SOFTMAX:  # ū = ȳ - p·Σ ȳ
        probability = axis_map(SOFTMAX, node.arg, over)
        pulled = subtract(adjoint, mul([probability, mul([adjoint], over)]))
        yield _project(node, [pulled], node.arg, _letters(node))
    else:
        raise UnsupportedError(f"no derivative rule for {node.head}: differentiate the product only once")


def _gather(node: Gather, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = u[s]:  ū += zeros with ȳ added at s
    base = node.base.node
    if base in active:
        names = {letter: ("from", letter) for letter in range(node.rank)}
        axes = range(base.rank)
        bound = {("from", letter): length for letter, length in enumerate(node.shape)}
        subs = [relabel(sub, names) for sub in node.subs]
        yield base, scatter(relabel(adjoint, names), subs, base.shape, axes, bound)


def _scatter(node: Scatter, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = zeros with u added at s:  ū += ȳ[s]
    if node.value.node in active:
        positions = dict(zip(range(node.rank), node.subs, strict=True))
        pulled = gather(adjoint, [positions[axis] for axis in adjoint.letters])
        yield _project(node, [pulled], node.value, sizes_of([node.value, *node.subs]))


def _named(node: Named, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    if node.arg.node in active:
        yield _project(node, [adjoint], node.arg, _letters(node))


def _matrix_function(node: MatrixFunction, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    """Source: Giles, Collected Matrix Derivative Results for Forward and Reverse Mode (2008), section 2.2."""
    if node.head == SIGN_DET:  # constant wherever it has a derivative
        return
    row, column, length = sides_of(node)
    letters = _letters(node)
    if node.head == CHOLESKY:
        yield _cholesky(node, adjoint)
        return
    inverse = matrix_function(INVERSE, node.arg, row, column, length)
    if node.head == INVERSE:  # ū = -Y^T ȳ Y^T
        outer = {row: ("outer", 0), column: ("outer", 1)}
        left = relabel(inverse, {row: ("outer", 0), column: row})
        right = relabel(inverse, {row: column, column: ("outer", 1)})
        letters |= dict.fromkeys(outer.values(), length)
        yield _project(node, [const(S.NegativeOne), relabel(adjoint, outer), left, right], node.arg, letters)
        return
    turned = relabel(inverse, {row: column, column: row})
    if node.head == DET:  # ū = ȳ·det(u)·u^-T
        yield _project(node, [adjoint, own(node), turned], node.arg, letters)
    elif node.head in (LOGDET, LOG_ABS_DET):  # ū = ȳ·u^-T
        yield _project(node, [adjoint, turned], node.arg, letters)
    else:
        raise UnsupportedError(f"no derivative rule for the matrix function {node.head}")


def _cholesky(node: MatrixFunction, adjoint: Use) -> Contribution:
    """S̄ = ½ L⁻ᵀ P L⁻¹, where the symmetric P has the lower triangle of Lᵀ L̄.

    Source: Murray, Differentiation of the Cholesky decomposition (2016), section 3.1.
    """
    row, column, length = sides_of(node)
    one, other, inner = ("inner", 0), ("inner", 1), ("inner", 2)
    left = relabel(own(node), {row: inner, column: one})
    product = mul([left, relabel(adjoint, {row: inner, column: other})], {inner: length})
    lower = apply(Ge, [index(one, length), index(other, length)])
    both = apply(if_else, [lower, product, relabel(product, {one: other, other: one})])
    inverse = matrix_function(INVERSE, own(node), row, column, length)
    around = [relabel(inverse, {row: one, column: row}), relabel(inverse, {row: other})]
    sizes = _letters(node) | {one: length, other: length}
    return _project(node, [const(S.Half), *around, both], node.arg, sizes)


def _merge(node: Merge, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    # y = u with two axes as one: the adjoint the other way round
    outer, inner = node.rank, node.rank + 1
    letters = {letter: length for letter, length in _letters(node).items() if letter != node.axis}
    letters |= dict(zip((outer, inner), node.lengths, strict=True))
    yield _project(node, [split(adjoint, node.axis, outer, inner, node.lengths)], node.arg, letters)


def _split(node: Split, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    first, second = node.axes
    letters = {letter: length for letter, length in _letters(node).items() if letter not in node.axes}
    lengths = (node.shape[first], node.shape[second])
    yield _project(node, [merge(adjoint, first, second, node.rank, lengths)], node.arg, letters)


_RULES: dict[type[Node], Callable[..., Iterator[Contribution]]] = {
    Add: _add,
    Contract: _contract,
    Apply: _apply,
    Reduce: _reduce,
    AxisMap: _axis_map,
    MatrixFunction: _matrix_function,
    Merge: _merge,
    Split: _split,
    Gather: _gather,
    Scatter: _scatter,
    Named: _named,
}
