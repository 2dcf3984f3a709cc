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

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from sympy import Eq, Expr, Gt, Product, S

from symgrad.calculus.deltas import delta_at, has_deltas, is_structural, one_hot, summed, times_tangent
from symgrad.calculus.local import partial
from symgrad.calculus.reverse import indicator
from symgrad.calculus.tangent import tangent_of
from symgrad.errors import UnsupportedError
from symgrad.functions import LogSumExp, MaxOver, MinOver, if_else
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
    scale,
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
    Const,
    Contract,
    Gather,
    Letter,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Range,
    Reduce,
    Scan,
    Scatter,
    Shape,
    Size,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.scan import whole, within
from symgrad.graph.transform import dependents, factors_of, own, place, terms_of

Settle = Callable[[Node, Use], Use]
Tangents = Mapping[Node, Use]


def delta_seed(shape: Shape, label: Hashable) -> Use:
    """Π δ[axis, (label, axis)]: the derivative of an array by itself; its second axes are the letters (label, axis)."""
    return mul([delta(axis, (label, axis), length) for axis, length in enumerate(shape)])


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
            tangents[node] = settle(node, _tangent(node, tangents))
    return [place(tangents.get(use.node, ZERO), use.letters) for use in roots]


def _tangent(node: Node, tangents: Tangents) -> Use:
    rule = _RULES.get(type(node))
    if rule is None:
        raise UnsupportedError(f"no forward derivative rule for {type(node).__name__}")
    return add((S.One, part) for part in rule(node, tangents))


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
                found[part] = _tangent(part, found)
        return found

    along = dict(sorted(along.items(), key=str))
    return tangent_of(node, tangents, differentiate, along, by), tuple(along)


# --- rules ------------------------------------------------------------------------------------------------------------


def _of(use: Use, tangents: Tangents) -> Use:
    """The tangent of an operand, in the letters of its consumer; zero if it has none."""
    found = tangents.get(use.node)
    return ZERO if found is None else place(found, use.letters)


def _bound(node: Any) -> dict[Letter, Expr]:
    return dict(enumerate(node.bound, node.rank))


def _add(node: Add, tangents: Tangents) -> Iterator[Use]:
    # y = Σ c·u:  ẏ = Σ c·u̇
    for coefficient, use in node.terms:
        yield scale(coefficient, _of(use, tangents))


def _contract(node: Contract, tangents: Tangents) -> Iterator[Use]:
    # y = Σ Π u^e:  ẏ = Σ e·u^(e-1)·u̇ · Π others
    for n, (use, exponent) in enumerate(node.factors):
        rest = [pair for m, pair in enumerate(node.factors) if m != n]
        local = [const(exponent), product_of_powers([*rest, (use, exponent - 1)])]
        yield times_tangent(local, _of(use, tangents), _bound(node))


def _apply(node: Apply, tangents: Tangents) -> Iterator[Use]:
    # y = f(u, v, ...):  ẏ = Σ ∂f/∂u·u̇
    if node.head is if_else:
        condition, *branches = node.args
        yes, no = (_of(branch, tangents) for branch in branches)
        if not (has_deltas(yes) or has_deltas(no)):
            yield apply(if_else, [condition, yes, no])
            return
        yield _masked(yes, lambda body: [condition, body, ZERO])
        yield _masked(no, lambda body: [condition, ZERO, body])
        return
    for n, use in enumerate(node.args):
        tangent = _of(use, tangents)
        if not is_zero(tangent):
            yield times_tangent([partial(node.head, node.args, own(node), n)], tangent)


def _masked(tangent: Use, arguments: Callable[[Use], list[Use]]) -> Use:
    """A branch's tangent where the branch is taken; masked, not multiplied, but for the deltas in front."""
    made = []
    for coefficient, term in terms_of(tangent):
        parts = factors_of(term)
        deltas = [use for use, _ in parts if is_structural(use)]
        body = product_of_powers((use, e) for use, e in parts if not is_structural(use))
        made.append((coefficient, mul([*deltas, apply(if_else, arguments(body))])))
    return add(made)


def _reduce(node: Reduce, tangents: Tangents) -> Iterator[Use]:
    bound, use = _bound(node), node.arg
    if node.head is LogSumExp:  # softmax(u)·u̇
        local = [axis_map(SOFTMAX, use, bound)]
    elif node.head is Product:  # the product of all others, which is right where entries are zero
        local = [axis_map(PRODUCT_OF_OTHERS, use, bound)]
    elif node.head in (MaxOver, MinOver):  # entries that tie share equally
        hit = indicator(apply(Eq, [use, own(node)]))
        local = [hit, reciprocal(mul([hit], bound))]
    else:
        raise UnsupportedError(f"no forward derivative rule for the reduction {node.head.__name__}")
    yield times_tangent(local, _of(use, tangents), bound)


def _axis_map(node: AxisMap, tangents: Tangents) -> Iterator[Use]:
    over = {axis: node.shape[axis] for axis in node.over}
    tangent = _of(node.arg, tangents)
    if node.head == SOFTMAX:  # ṗ = p·(u̇ - Σ p·u̇)
        yield times_tangent([own(node)], subtract(tangent, times_tangent([own(node)], tangent, over)))
    elif node.head == LOG_SOFTMAX:  # u̇ - Σ p·u̇
        yield subtract(tangent, times_tangent([axis_map(SOFTMAX, node.arg, over)], tangent, over))
    else:
        raise UnsupportedError(f"no forward derivative rule for {node.head}: differentiate the product only once")


def _matrix_function(node: MatrixFunction, tangents: Tangents) -> Iterator[Use]:
    """Source: Giles, Collected Matrix Derivative Results for Forward and Reverse Mode (2008), section 2.2."""
    if node.head == SIGN_DET:  # constant wherever it has a derivative
        return
    row, column, length = sides_of(node)
    if node.head == CHOLESKY:
        yield from _cholesky(node, tangents)
        return
    inverse = matrix_function(INVERSE, node.arg, row, column, length)
    tangent = _of(node.arg, tangents)
    if node.head == INVERSE:  # -Y u̇ Y
        left = relabel(inverse, {column: ("inner", 0)})
        right = relabel(inverse, {row: ("inner", 1)})
        moved = relabel(tangent, {row: ("inner", 0), column: ("inner", 1)})
        yield times_tangent([const(S.NegativeOne), left, right], moved, {("inner", n): length for n in (0, 1)})
        return
    turned = relabel(inverse, {row: column, column: row})
    if node.head == DET:  # det(u)·tr(u⁻¹ u̇)
        yield times_tangent([own(node), turned], tangent, {row: length, column: length})
    elif node.head in (LOGDET, LOG_ABS_DET):  # tr(u⁻¹ u̇)
        yield times_tangent([turned], tangent, {row: length, column: length})
    else:
        raise UnsupportedError(f"no forward derivative rule for the matrix function {node.head}")


def _cholesky(node: MatrixFunction, tangents: Tangents) -> Iterator[Use]:
    """L̇ = L Φ(L⁻¹ Ṡ L⁻ᵀ), where Φ halves the diagonal and leaves out what is above it; of the symmetric part of Ṡ.

    Source: Murray, Differentiation of the Cholesky decomposition (2016), section 3.1.
    """
    row, column, length = sides_of(node)
    middle, one, other = (("inner", n) for n in range(3))
    places = [index(letter, length) for letter in (middle, column)]
    diagonal = apply(if_else, [apply(Eq, places), const(S.Half), ZERO])
    lower = apply(if_else, [apply(Gt, places), ONE, diagonal])
    inverse = matrix_function(INVERSE, own(node), row, column, length)
    around = [relabel(inverse, {row: middle, column: one}), relabel(inverse, {row: column, column: other})]
    factors = [const(S.Half), relabel(own(node), {column: middle}), lower, *around]
    tangent = _of(node.arg, tangents)
    for pair in ((one, other), (other, one)):
        moved = relabel(tangent, dict(zip((row, column), pair, strict=True)))
        yield times_tangent(factors, moved, dict.fromkeys((middle, one, other), length))


def _merge(node: Merge, tangents: Tangents) -> Iterator[Use]:
    # y = u with two axes as one:  ẏ likewise
    yield merge(_of(node.arg, tangents), node.rank, node.rank + 1, node.axis, node.lengths)


def _split(node: Split, tangents: Tangents) -> Iterator[Use]:
    first, second = node.axes
    lengths = (node.shape[first], node.shape[second])
    yield split(_of(node.arg, tangents), node.rank, first, second, lengths)


def _gather(node: Gather, tangents: Tangents) -> Iterator[Use]:
    # y = u[s]:  ẏ = u̇[s]
    tangent = tangents.get(node.base.node, ZERO)
    subs = dict(enumerate(node.subs))
    if not has_deltas(tangent):
        yield at(tangent, subs)
        return
    for coefficient, term in terms_of(tangent):
        yield scale(coefficient, product_of_powers((at(use, subs), e) for use, e in factors_of(term)))


def at(use: Use, subs: Mapping[Letter, Use]) -> Use:
    """A term at subscripts for some of its letters."""
    if not set(use.letters) & subs.keys():
        return use
    node, lengths = use.node, sizes_of([use])
    hit = one_hot(use)
    if hit is not None and hit[0] not in subs:  # δ[k, s] stays one
        return delta_at(hit[0], at(hit[1], subs), lengths[hit[0]])
    if isinstance(node, Range):
        return subs[use.letters[0]]
    if isinstance(node, Add) and all(isinstance(part.node, Range | Size | Const) for _, part in node.terms):
        return add((coefficient, at(term, subs)) for coefficient, term in terms_of(use))
    return gather(use, [subs.get(letter) or index(letter, lengths[letter]) for letter in use.letters])


def _scatter(node: Scatter, tangents: Tangents) -> Iterator[Use]:
    # y = Σ u·Π δ[axis, s]:  ẏ = Σ u̇·Π δ[axis, s]
    bound = _bound(node)
    tangent = _of(node.value, tangents)
    if set(tangent.letters) <= {*range(node.rank), *bound}:  # along a direction
        yield scatter(tangent, node.subs, node.shape, range(node.rank), bound)
        return
    moved = [(axis, sub) for axis, sub in enumerate(node.subs) if sub.letters != (axis,)]
    moves = [delta_at(axis, sub, node.shape[axis]) for axis, sub in moved]
    for coefficient, term in terms_of(tangent):
        yield scale(coefficient, summed([term, *moves], bound))


def _named(node: Named, tangents: Tangents) -> Iterator[Use]:
    yield _of(node.arg, tangents)


_RULES: dict[type[Node], Callable[..., Iterator[Use]]] = {
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
