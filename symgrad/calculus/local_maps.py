"""The local derivative of every kind of node by each of its operands, as linear maps.

The one table that forward and reverse mode share. Sources: Giles, Collected Matrix Derivative Results for Forward and
Reverse Mode (2008), section 2.2; Murray, Differentiation of the Cholesky decomposition (2016), section 3.1.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sympy import Eq, Product, S

from symgrad.errors import UnsupportedError
from symgrad.functions import LogSumExp, MaxOver, MinOver, if_else
from symgrad.functions.norms import reciprocal_root
from symgrad.graph.axes import LOG_SOFTMAX, PRODUCT_OF_OTHERS, SOFTMAX, axis_map
from symgrad.graph.build import ONE, ZERO, apply, const, mul, product_of_powers, reciprocal, sizes_of
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
from symgrad.graph.linear_maps import (
    Branch,
    Chain,
    Covariance,
    Entries,
    Lengths,
    Local,
    LowerHalf,
    Merging,
    Places,
    Slope,
    Splitting,
    Times,
)
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
    Reduce,
    Scatter,
    Split,
    Use,
)
from symgrad.graph.positive import is_sum_of_squares
from symgrad.graph.transform import own


def local_maps(node: Node, number: int) -> Sequence[Local]:
    """The derivative of a node by its operand of that number: maps that add up, none where it is constant.

    Raises
    ------
    UnsupportedError : the kind of node, or its function, has no derivative rule; the message names it.
    """
    rule = RULES.get(type(node))
    if rule is None:
        raise UnsupportedError(f"no derivative rule for {type(node).__name__}")
    return list(rule(node, number))


def indicator(condition: Use) -> Use:
    """[condition]: one where it holds, zero elsewhere."""
    return apply(if_else, [condition, ONE, ZERO])


def _times(node: Node, operand: Use, factors: Sequence[Use], bound: Lengths | None = None) -> Local:
    bound = bound or {}
    return Local(operand, Times({**_axes(node), **bound}, tuple(factors), tuple(bound)))


def _axes(node: Node) -> Lengths:
    return dict(enumerate(node.shape))


def _bound(node: Any) -> Lengths:
    return dict(enumerate(node.bound, node.rank))


def _add(node: Add, number: int) -> Iterator[Local]:
    coefficient, use = node.terms[number]  # c·u̇
    yield _times(node, use, [const(coefficient)])


def _contract(node: Contract, number: int) -> Iterator[Local]:
    use, exponent = node.factors[number]  # Σ e·u^(e-1)·u̇ · Π others
    rest = product_of_powers(pair for n, pair in enumerate(node.factors) if n != number)
    if exponent == S.Half and is_sum_of_squares(use):  # a norm: its gradient is 0 at 0
        lowered = apply(reciprocal_root, [use])
    else:
        lowered = product_of_powers([(use, exponent - 1)])
    yield _times(node, use, [const(exponent), rest, lowered], _bound(node))


def _apply(node: Apply, number: int) -> Iterator[Local]:
    if node.head is not if_else:
        yield Local(node.args[number], Slope(_axes(node), number))
    elif number > 0:  # to the branch taken and nowhere else: masked, not multiplied
        yield Local(node.args[number], Branch(_axes(node), node.args[0], number == 1))


def _reduce(node: Reduce, number: int) -> Iterator[Local]:
    bound, use = _bound(node), node.arg
    if node.head is LogSumExp:  # Σ softmax(u)·u̇
        local = [axis_map(SOFTMAX, use, bound)]
    elif node.head is Product:  # the product of all others, which is right where entries are zero
        local = [axis_map(PRODUCT_OF_OTHERS, use, bound)]
    elif node.head in (MaxOver, MinOver):  # entries that tie share equally
        hit = indicator(apply(Eq, [use, own(node)]))
        local = [hit, reciprocal(mul([hit], bound))]
    else:
        raise UnsupportedError(f"no derivative rule for the reduction {node.head.__name__}")
    yield _times(node, use, local, bound)


def _axis_map(node: AxisMap, number: int) -> Iterator[Local]:
    over = {axis: node.shape[axis] for axis in node.over}
    if node.head == SOFTMAX:  # p·(u̇ - Σ p·u̇)
        yield Local(node.arg, Covariance(_axes(node), own(node), over))
    elif node.head == LOG_SOFTMAX:  # u̇ - Σ p·u̇
        yield _times(node, node.arg, [])
        names = {axis: ("over", axis) for axis in over}
        weights = relabel(axis_map(SOFTMAX, node.arg, over), names)
        bound = {names[axis]: length for axis, length in over.items()}
        yield _times(node, relabel(node.arg, names), [const(S.NegativeOne), weights], bound)
    else:
        raise UnsupportedError(f"no derivative rule for {node.head}: differentiate the product only once")


def _matrix_function(node: MatrixFunction, number: int) -> Iterator[Local]:
    if node.head == SIGN_DET:  # constant wherever it has a derivative
        return
    if node.head == CHOLESKY:
        yield from _cholesky(node)
        return
    row, column, length = sides_of(node)
    inverse = matrix_function(INVERSE, node.arg, row, column, length)
    turned = relabel(inverse, {row: column, column: row})
    sides = {row: length, column: length}
    if node.head == INVERSE:  # -Y u̇ Y
        names = {row: ("inner", 0), column: ("inner", 1)}
        around = relabel(inverse, {column: names[row]}), relabel(inverse, {row: names[column]})
        inner = dict.fromkeys(names.values(), length)
        yield _times(node, relabel(node.arg, names), [const(S.NegativeOne), *around], inner)
    elif node.head == DET:  # det(u)·tr(u⁻¹ u̇)
        yield _times(node, node.arg, [own(node), turned], sides)
    elif node.head in (LOGDET, LOG_ABS_DET):  # tr(u⁻¹ u̇)
        yield _times(node, node.arg, [turned], sides)
    else:
        raise UnsupportedError(f"no derivative rule for the matrix function {node.head}")


def _cholesky(node: MatrixFunction) -> Iterator[Local]:
    """L̇ = L Φ(L⁻¹ Ṡ L⁻ᵀ), where Φ halves the diagonal and leaves out what is above it; of the symmetric part of Ṡ."""
    row, column, length = sides_of(node)
    one, other, left = (("inner", n) for n in range(3))
    inverse = matrix_function(INVERSE, own(node), row, column, length)
    around = relabel(inverse, {row: left, column: one}), relabel(inverse, {row: column, column: other})
    stack = {axis: side for axis, side in _axes(node).items() if axis not in (row, column)}
    read, between = stack | {one: length, other: length}, stack | {left: length, column: length}
    whitened = Times(read | between, around, (one, other))
    halved = Chain(whitened.domain, whitened, between, LowerHalf(between, left, column))
    into = Times(between | {row: length}, (relabel(own(node), {column: left}),), (left,))
    yield Local(relabel(node.arg, {row: one, column: other}), Chain(halved.domain, halved, between, into))


def _merge(node: Merge, number: int) -> Iterator[Local]:
    outer, inner = node.rank, node.rank + 1
    kept = {axis: length for axis, length in _axes(node).items() if axis != node.axis}
    domain = {**kept, **dict(zip((outer, inner), node.lengths, strict=True))}
    yield Local(node.arg, Merging(domain, outer, inner, node.axis))


def _split(node: Split, number: int) -> Iterator[Local]:
    first, second = node.axes
    kept = {axis: length for axis, length in _axes(node).items() if axis not in node.axes}
    lengths = node.shape[first], node.shape[second]
    yield Local(node.arg, Splitting({**kept, **sizes_of([node.arg])}, node.rank, first, second, lengths))


def _gather(node: Gather, number: int) -> Iterator[Local]:
    if number == 0:  # u̇[s]; subscripts are whole numbers
        subs = dict(zip(node.base.letters, node.subs, strict=True))
        yield Local(node.base, Entries(sizes_of([node.base]), subs))


def _scatter(node: Scatter, number: int) -> Iterator[Local]:
    if number == 0:  # zeros with u̇ added at s
        domain = sizes_of([node.value, *node.subs])
        yield Local(node.value, Places(domain, node.subs, node.shape, _bound(node)))


def _named(node: Named, number: int) -> Iterator[Local]:
    yield _times(node, node.arg, [])


RULES: dict[type[Node], Callable[..., Iterator[Local]]] = {
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
