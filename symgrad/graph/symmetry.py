"""What becomes of an array when its axes change places: nothing, its sign, or something else.

The sign s of an order π of the axes is that of A[i_π(0), i_π(1), ...] = s·A[i₀, i₁, ...]: 1 or -1 where it is known.
It follows from the operands of a node, whose letters the order renames, by the rule of its kind (`graph.kinds`). So
S + Sᵀ has the sign 1 when its axes are exchanged, x[i] - x[j] has -1, its square and its cosine 1, its sine -1;
exp(-Σ_d (X[i,d] - X[j,d])²) has 1, as has Xᵀ C X for a symmetric C.

A matrix of sign 1 is symmetric. Its transpose is dropped when terms are put into normal form.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from itertools import permutations
from typing import Any

from symgrad.graph.node import Letter, Node, Order, Shape, SignRule, Use

SYMMETRIC = frozenset({"symmetric", "positive_definite", "diagonal"})

Part = tuple[Use, Any]  # an operand, and what must be the same of the operand whose place it takes

# Renamings of the bound letters that are tried; of a sum over more letters only the free ones change places.
_MAX_BOUND = 4


def symmetric(node: Node) -> bool:
    """Whether the node's last two axes may be exchanged."""
    found = node.found.get(symmetric)
    if found is None:
        alike = node.rank > 1 and node.shape[-1] == node.shape[-2]
        found = node.found[symmetric] = alike and sign_under(node, _exchange_of_last(node.rank)) == 1
    return bool(found)


def _exchange_of_last(rank: int) -> Order:
    return (*range(rank - 2), rank - 1, rank - 2)


def sign_under(node: Node, order: Order) -> int | None:
    """s where the node in the letters `order` is s times the node in its own letters; None where that is not known."""
    stack: list[tuple[tuple[Node, Order], SignRule]] = []
    wanted = node, order
    while True:
        answer = None
        if not _is_known(*wanted):
            stack.append((wanted, _rule(*wanted)))
        else:
            answer = _signs(wanted[0])[wanted[1]]
            if not stack:
                return answer
        question, rule = stack[-1]
        try:
            wanted = rule.send(answer)
        except StopIteration as stop:
            stack.pop()
            _signs(question[0])[question[1]] = stop.value
            wanted = question


def _signs(node: Node) -> dict[Order, int | None]:
    """The signs that are known of a node."""
    signs: dict[Order, int | None] = node.found.setdefault(sign_under, {})
    return signs


def _is_known(node: Node, order: Order) -> bool:
    """Whether a sign is known, or needs no rule: no axis moves, or one of another length would take its place."""
    known = _signs(node)
    if order not in known:
        if order == tuple(range(len(order))):
            known[order] = 1
        elif any(node.shape[axis] != length for axis, length in zip(order, node.shape, strict=True)):
            known[order] = None
    return order in known


def _rule(node: Node, order: Order) -> SignRule:
    if SYMMETRIC.intersection(getattr(node, "properties", ())) and order == _exchange_of_last(node.rank):
        return always(1)
    return node.sign(order)


def always(sign: int | None) -> SignRule:
    """A sign that depends on no operand."""
    return sign
    yield


def moved(use: Use, order: Sequence[Letter]) -> Use:
    """An operand in the letters that the order gives to those of its node; bound letters stay."""
    return Use(use.node, tuple(order[x] if 0 <= x < len(order) else x for x in use.letters))


def between(turned: Use, use: Use) -> SignRule:
    """s with turned = s·use."""
    if turned.node is not use.node or sorted(turned.letters) != sorted(use.letters):
        return None
    free = list(range(len(use.letters)))
    order = []
    for axis, letter in enumerate(turned.letters):
        same = axis if axis in free and use.letters[axis] == letter else None
        place = same if same is not None else next((k for k in free if use.letters[k] == letter), None)
        if place is None:
            return None
        free.remove(place)
        order.append(place)
    return (yield use.node, tuple(order))


Accepts = Callable[[Any, Any, int], bool]


def paired(turned: Sequence[Part], parts: Sequence[Part], accepts: Accepts) -> Generator[Any, Any, list[int] | None]:
    """The sign of each turned part against a part of its own; None if one finds none.

    `accepts` is asked with what goes with the turned part, what goes with the other, and the sign between them.
    """
    left = list(parts)
    signs = []
    for use, mine in turned:
        for n, (other, its) in enumerate(left):
            sign = yield from between(use, other)
            if sign is not None and accepts(mine, its, sign):
                signs.append(sign)
                del left[n]
                break
        else:
            return None
    return signs


def equal(turned: Sequence[Use], uses: Sequence[Use]) -> Generator[Any, Any, bool]:
    """Whether the turned operands are the operands in some order."""
    pairs = yield from paired([(use, None) for use in turned], [(use, None) for use in uses], lambda a, b, s: s == 1)
    return pairs is not None


def renamings(order: Order, rank: int, bound: Shape) -> Iterator[tuple[int, ...]]:
    """The order of the axes with every order of bound letters of equal lengths."""
    inner = range(len(bound))
    for places in permutations(inner) if len(bound) <= _MAX_BOUND else [tuple(inner)]:
        if all(bound[place] == length for place, length in zip(places, bound, strict=True)):
            yield (*order, *(rank + place for place in places))


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
