"""What becomes of an array when its axes change places: nothing, its sign, or something else.

The sign s of an order π of the axes is that of A[i_π(0), i_π(1), ...] = s·A[i₀, i₁, ...]: 1 or -1 where it is known.
It follows from the operands of a node, whose letters the order renames. So S + Sᵀ has the sign 1 when its axes are
exchanged, x[i] - x[j] has -1, its square and its cosine 1, its sine -1; exp(-Σ_d (X[i,d] - X[j,d])²) has 1, as has
Xᵀ C X for a symmetric C. Nothing is said of what no rule is known for.

A matrix of sign 1 is symmetric. Its transpose is dropped when terms are put into normal form.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from itertools import permutations
from typing import Any
from weakref import WeakKeyDictionary

from sympy import And, Eq, Max, Min, Ne, Number, Or

from symgrad.functions import if_else
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Delta,
    Gather,
    Letter,
    MatrixFunction,
    Named,
    Node,
    Reduce,
    Shape,
    Use,
)
from symgrad.graph.parity import parity

SYMMETRIC = frozenset({"symmetric", "positive_definite", "diagonal"})

Order = tuple[int, ...]
# A rule asks for the signs of operands and is sent them, so that depth costs no recursion.
Rule = Generator[tuple[Node, Order], int | None, int | None]
Part = tuple[Use, Any]  # an operand, and what must be the same of the operand whose place it takes

# Functions whose arguments may change places.
_COMMUTATIVE = (Max, Min, And, Or, Eq, Ne)
# Cumulative sums are linear: they have the sign of their operand. (axes.py, which imports this file, has the names.)
_LINEAR = ("sum_up_to", "sum_from")
_RUNNING = ("largest_up_to", "largest_from", "exponentials_up_to", "exponentials_from")
# Renamings of the bound letters that are tried; of a sum over more letters only the free ones change places.
_MAX_BOUND = 4

_known: WeakKeyDictionary[Node, dict[Order, int | None]] = WeakKeyDictionary()


def symmetric(node: Node) -> bool:
    """Whether the node's last two axes may be exchanged."""
    if node.rank < 2 or node.shape[-1] != node.shape[-2]:
        return False
    return sign_under(node, _exchange_of_last(node.rank)) == 1


def _exchange_of_last(rank: int) -> Order:
    return (*range(rank - 2), rank - 1, rank - 2)


def sign_under(node: Node, order: Order) -> int | None:
    """s where the node in the letters `order` is s times the node in its own letters; None where that is not known."""
    stack: list[tuple[tuple[Node, Order], Rule]] = []
    wanted = node, order
    while True:
        answer = None
        if not _is_known(*wanted):
            stack.append((wanted, _rule(*wanted)))
        else:
            answer = _known[wanted[0]][wanted[1]]
            if not stack:
                return answer
        question, rule = stack[-1]
        try:
            wanted = rule.send(answer)
        except StopIteration as stop:
            stack.pop()
            _known[question[0]][question[1]] = stop.value
            wanted = question


def _is_known(node: Node, order: Order) -> bool:
    """Whether a sign is known, or needs no rule: no axis moves, or one of another length would take its place."""
    known = _known.setdefault(node, {})
    if order not in known:
        if order == tuple(range(len(order))):
            known[order] = 1
        elif any(node.shape[axis] != length for axis, length in zip(order, node.shape, strict=True)):
            known[order] = None
    return order in known


def _rule(node: Node, order: Order) -> Rule:
    if SYMMETRIC.intersection(getattr(node, "properties", ())) and order == _exchange_of_last(node.rank):
        return _answer(1)
    match node:
        case Delta():
            return _answer(1)
        case Named():
            return _between(_moved(node.arg, order), node.arg)
        case Add():
            return _of_sum(node, order)
        case Contract():
            return _of_product(node, order)
        case Apply():
            return _of_function(node, order)
        case Reduce():
            return _of_reduction(node, order)
        case AxisMap():
            return _of_axis_map(node, order)
        case MatrixFunction():
            return _of_matrix_function(node, order)
        case Gather():
            return _of_entries(node, order)
    return _answer(None)


def _answer(sign: int | None) -> Rule:
    return sign
    yield


def _moved(use: Use, order: Sequence[Letter]) -> Use:
    """An operand in the letters that the order gives to those of its node; bound letters stay."""
    return Use(use.node, tuple(order[x] if 0 <= x < len(order) else x for x in use.letters))


def _between(moved: Use, use: Use) -> Rule:
    """s with moved = s·use."""
    if moved.node is not use.node or sorted(moved.letters) != sorted(use.letters):
        return None
    free = list(range(len(use.letters)))
    order = []
    for axis, letter in enumerate(moved.letters):
        same = axis if axis in free and use.letters[axis] == letter else None
        place = same if same is not None else next((k for k in free if use.letters[k] == letter), None)
        if place is None:
            return None
        free.remove(place)
        order.append(place)
    return (yield use.node, tuple(order))


Accepts = Callable[[Any, Any, int], bool]


def _paired(moved: Sequence[Part], parts: Sequence[Part], accepts: Accepts) -> Generator[Any, Any, list[int] | None]:
    """The sign of each moved part against a part of its own; None if one finds none.

    `accepts` is asked with what goes with the moved part, what goes with the other, and the sign between them.
    """
    left = list(parts)
    signs = []
    for use, mine in moved:
        for n, (other, its) in enumerate(left):
            sign = yield from _between(use, other)
            if sign is not None and accepts(mine, its, sign):
                signs.append(sign)
                del left[n]
                break
        else:
            return None
    return signs


def _equal(moved: Sequence[Use], uses: Sequence[Use]) -> Generator[Any, Any, bool]:
    """Whether the moved operands are the operands in some order."""
    pairs = yield from _paired([(use, None) for use in moved], [(use, None) for use in uses], lambda a, b, s: s == 1)
    return pairs is not None


def _renamings(order: Order, rank: int, bound: Shape) -> Iterator[tuple[int, ...]]:
    """The order of the axes with every order of bound letters of equal lengths."""
    inner = range(len(bound))
    for places in permutations(inner) if len(bound) <= _MAX_BOUND else [tuple(inner)]:
        if all(bound[place] == length for place, length in zip(places, bound, strict=True)):
            yield (*order, *(rank + place for place in places))


def _of_sum(node: Add, order: Order) -> Rule:
    moved = [(_moved(use, order), c) for c, use in node.terms]
    terms = [(use, c) for c, use in node.terms]
    if (yield from _paired(moved, terms, lambda mine, its, sign: bool(mine * sign == its))) is not None:
        return 1
    if (yield from _paired(moved, terms, lambda mine, its, sign: bool(mine * sign == -its))) is not None:
        return -1
    return None


def _of_product(node: Contract, order: Order) -> Rule:
    exchanged = [axis for axis, other in enumerate(order) if axis != other]
    if any(isinstance(use.node, Delta) and sorted(use.letters) == exchanged for use, _ in node.factors):
        return 1  # zero beside the diagonal
    for letters in _renamings(order, node.rank, node.bound):
        moved = [(_moved(use, letters), exponent) for use, exponent in node.factors]
        pairs = yield from _paired(moved, node.factors, _powers)
        if pairs is not None:
            negative = [e for (_, e), sign in zip(node.factors, pairs, strict=True) if sign == -1 and e.is_odd]
            return -1 if len(negative) % 2 else 1
    return None


def _powers(exponent: Number, other: Number, sign: int) -> bool:
    """Whether a power of ±u is one of u, up to its sign: (-u)**e is for whole e only."""
    return exponent == other and (sign == 1 or bool(exponent.is_Integer))


def _of_function(node: Apply, order: Order) -> Rule:
    moved = [_moved(use, order) for use in node.args]
    if node.head in _COMMUTATIVE:
        return 1 if (yield from _equal(moved, node.args)) else None
    signs = set()
    for n, (use, other) in enumerate(zip(moved, node.args, strict=True)):
        if node.head is if_else and n and _is_zero(other.node):
            continue  # as well minus itself
        sign = yield from _between(use, other)
        if sign is None or (node.head is if_else and n == 0 and sign != 1):
            return None
        if node.head is not if_else or n:
            signs.add(sign)
    if signs == {1}:
        return 1
    if node.head is if_else:
        return -1 if signs == {-1} else None
    known = parity(node.head) if len(node.args) == 1 else None
    return None if known is None else int(known)


def _is_zero(node: Node) -> bool:
    return isinstance(node, Add) and not node.terms


def _of_reduction(node: Reduce, order: Order) -> Rule:
    for letters in _renamings(order, node.rank, node.bound):
        if (yield from _between(_moved(node.arg, letters), node.arg)) == 1:
            return 1
    return None


def _of_axis_map(node: AxisMap, order: Order) -> Rule:
    if node.head in _RUNNING:
        return None  # along an axis, in its order
    over = [order[axis] for axis in node.over]
    if sorted(over) != sorted(node.over) or (node.head in _LINEAR and over != list(node.over)):
        return None  # cumulative sums go along axes in their order
    sign = yield from _between(_moved(node.arg, order), node.arg)
    return sign if sign == 1 or node.head in _LINEAR else None


def _of_matrix_function(node: MatrixFunction, order: Order) -> Rule:
    sides = [node.rank - 2, node.rank - 1]
    whole = node.head in ("inverse", "adjugate")  # of the transpose it is the transpose
    if whole and sorted(order[axis] for axis in sides) != sides:
        return None
    if node.head == "cholesky" and [order[axis] for axis in sides] != sides:
        return None
    sign = yield from _between(_moved(node.arg, order), node.arg)
    return sign if sign == 1 or node.head == "inverse" else None


def _of_entries(node: Gather, order: Order) -> Rule:
    """The same entries of an array, or those at subscripts that are exchanged: S[c[i], c[j]]."""
    moved = [_moved(sub, order) for sub in node.subs]
    left = list(range(len(node.subs)))
    places = []
    for sub in moved:
        for axis in left:
            if (yield from _between(sub, node.subs[axis])) == 1:
                places.append(axis)
                left.remove(axis)
                break
        else:
            return None
    return (yield node.base.node, tuple(places))


def as_known(use: Use, known: Collection[Use]) -> Use:
    """The use in the spelling that is `known` already, if it or its transpose is."""
    if symmetric(use.node) and use not in known:
        other = transposed(use)
        return other if other in known else use
    return use


def transposed(use: Use) -> Use:
    """The same use of a symmetric node, with its last two letters exchanged."""
    *rest, row, column = use.letters
    return Use(use.node, (*rest, column, row))
