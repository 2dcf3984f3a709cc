"""Which nodes are symmetric in their last two axes: transposes of them are dropped when terms are put into normal form.

A matrix is symmetric if a fact says so, if it is the identity or the inverse of a symmetric matrix, or if exchanging
its two letters leaves the sum, product or function that it is unchanged, as in Xᵀ C X with a symmetric C, or in
exp(-Σ_d (X[i,d] - X[j,d])²).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import permutations
from typing import Any
from weakref import WeakKeyDictionary

from sympy import And, Eq, Max, Min, Ne, Or

from symgrad.graph.nodes import Add, Apply, Contract, Delta, Input, Letter, MatrixFunction, Named, Node, Use

SYMMETRIC = frozenset({"symmetric", "positive_definite", "diagonal"})

_COMMUTATIVE = frozenset({Eq, Ne, Max, Min, And, Or})

# Renamings of the bound letters that are tried; a product of more factors is taken for unsymmetric.
_MAX_BOUND = 4

_known: WeakKeyDictionary[Node, bool] = WeakKeyDictionary()


def symmetric(node: Node) -> bool:
    """Whether the node's last two axes may be exchanged."""
    found = _known.get(node)
    if found is None:
        found = _known[node] = node.rank >= 2 and node.shape[-1] == node.shape[-2] and _symmetric(node)
    return found


def _symmetric(node: Node) -> bool:
    swap: dict[Letter, Letter] = {node.rank - 2: node.rank - 1, node.rank - 1: node.rank - 2}
    match node:
        case Delta():
            return True
        case Input(properties=properties):
            return not SYMMETRIC.isdisjoint(properties)
        case MatrixFunction(head="inverse" | "adjugate", arg=arg):
            return symmetric(arg.node) and set(arg.letters[-2:]) == set(swap)
        case Named(arg=arg, properties=properties):
            return not SYMMETRIC.isdisjoint(properties) or (symmetric(arg.node) and set(arg.letters[-2:]) == set(swap))
        case Add(terms=terms):
            return _same(((use, f"coefficient {c}") for c, use in terms), swap)  # no exponent, as c alone would be
        case Apply(head=head, args=args):  # a function of what is symmetric, or of two that change places
            return _same(
                ((use, "any" if head in _COMMUTATIVE else f"argument {n}") for n, use in enumerate(args)), swap
            )
        case Contract(factors=factors) if any(
            isinstance(f.node, Delta) and set(f.letters) == set(swap) for f, _ in factors
        ):
            return True
        case Contract(factors=factors, bound=bound) if len(bound) <= _MAX_BOUND:
            inner = range(node.rank, node.rank + len(bound))
            return any(_same(factors, swap | dict(zip(inner, to, strict=True))) for to in permutations(inner))
    return False


def _same(parts: Iterable[tuple[Use, Any]], renaming: Mapping[Letter, Letter]) -> bool:
    """Whether renaming the letters gives the same parts."""
    parts = list(parts)
    moved = [(Use(use.node, tuple(renaming.get(x, x) for x in use.letters)), weight) for use, weight in parts]
    return Counter(_ordered(*part) for part in parts) == Counter(_ordered(*part) for part in moved)


def _ordered(use: Use, weight: Any) -> tuple[Any, Any]:
    """The use of a symmetric node with its last two letters in order; an even power of a sum as one of ± the sum."""
    if isinstance(use.node, Add) and weight in (2, 4):
        names = dict(enumerate(use.letters))
        terms = [(_ordered(Use(part.node, tuple(names[x] for x in part.letters)), 1), c) for c, part in use.node.terms]
        return frozenset({frozenset(terms), frozenset((part, -c) for part, c in terms)}), weight
    if symmetric(use.node):
        return Use(use.node, (*use.letters[:-2], *sorted(use.letters[-2:]))), weight
    return use, weight


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
