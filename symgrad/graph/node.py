"""What all kinds of nodes share: immutable, hash-consed arrays with positional axes.

A node is an array. Its axes have no names; every *use* of a node carries one index letter per axis, which says how the
axes line up in the consumer. Inside a node with `r` axes, letter `k < r` is the node's own axis `k` (a free index) and
letters from `r` on are bound: they are summed, maximised or otherwise reduced over. So `X[i,j]*X[k,j]` is one node used
twice, and renaming an index changes nothing.

Building the same node twice returns the same object. Do not call the classes: the constructors beside them put every
expression into its normal form.

A kind of node is a class in a file of `graph/kinds/`, which says all that passes over the graph want to know of it.
"""

import os
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from math import prod
from typing import Any, ClassVar, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from sympy import Expr, S, srepr

from symgrad.errors import UnsupportedError

Letter = Any  # a hashable label of an index: an int inside a node, anything in an open term
Shape = tuple[Expr, ...]
Lengths = Mapping[Letter, Expr]
Order = tuple[int, ...]
Known = Callable[["Node"], bool]
# A rule of symmetry asks for the signs of operands and is sent them, so that depth costs no recursion.
SignRule = Generator[tuple["Node", Order], int | None, int | None]


class Use(NamedTuple):
    """A node with one index letter per axis. A repeated letter takes the diagonal."""

    node: "Node"
    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class LinearMap:
    """A part of a local derivative (`graph.linear_maps` has them all): x, over letters of `domain`, to a node's axes.

    `domain` has the length along every letter that x may have. An x that lacks one of them is constant along it.
    """

    domain: Lengths


class Local(NamedTuple):
    """One map of a local derivative, and the operand in the letters at which the map reads it."""

    operand: Use
    map: LinearMap


def missing(node: "Node", what: str) -> UnsupportedError:
    """The error of a pass over the graph that asks a kind of node for what its file does not say."""
    return UnsupportedError(f"the node kind {type(node).__name__} has no rule for {what}")


@dataclass(frozen=True, eq=False, slots=True, repr=False, weakref_slot=True)
class Node:
    """An array of the given symbolic shape. `digest` depends on structure only, never on memory or on the run.

    `contents` has the kinds of all nodes of `postorder([self])`, and the heads of those that have one: what a pass is
    about may be in none of them. `found` keeps what has been asked of the node, for as long as the node is there.

    Every kind says what follows `uses`, or states that nothing is known (`nothing`, `no_sign`). What it does not say is
    an error that names the kind and the pass; only `stepwise` and what follows `operations`, of which most kinds have
    nothing to say, say so themselves.
    """

    # whether operands are in letters of the node's axes and of its bound ones alone, each of one length
    shares_letters: ClassVar[bool] = False

    shape: Shape
    digest: bytes
    contents: frozenset[Any] = field(init=False)
    found: dict[Any, Any] = field(init=False, default_factory=dict)

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        label = getattr(self, "name", None) or getattr(self, "head", None) or getattr(self, "value", "")
        return f"<{type(self).__name__} {label} {self.shape}>"

    def uses(self) -> tuple[Use, ...]:
        """The operands, in a fixed order, with letters of this node's own letter space."""
        return ()

    def rebuild(self, uses: Sequence[Use]) -> Use:
        """The node over new operands, through its constructor; in the letters of the old node."""
        raise missing(self, "rebuild")

    def local(self, number: int) -> Sequence[Local]:
        """The derivative by the operand of that number: maps that add up, none where it is constant.

        Raises
        ------
        UnsupportedError : the node's function has no derivative rule; the message names it.
        """
        raise missing(self, "the derivative")

    def evaluate(self, at: Any) -> Any:
        """The numbers, as an array of mpf objects to be broadcast to the shape, from those of the operands.

        `at` is the `graph.evaluation.GraphEvaluator` that asks.
        """
        raise missing(self, "evaluation")

    def sign(self, order: Order) -> SignRule:
        """The sign that the array takes when its axes change places (`graph.symmetry`); None where none is known."""
        raise missing(self, "symmetry")

    def nonnegative(self, known: Known) -> bool:
        """Whether it is at least zero wherever its data are legal. `known` has the same of its operands."""
        raise missing(self, "being nonnegative")

    def positive(self, known: Known) -> bool:
        """Whether it is positive for all data."""
        raise missing(self, "being positive")

    def never_zero(self, known: Known) -> bool:
        """Whether it is positive also where −∞ is among the data, of which an exponential is 0."""
        raise missing(self, "being never zero")

    def sum_of_squares(self, known: Known) -> bool:
        """Whether it is a sum of even powers, with positive weights, which is 0 only where all of them are."""
        raise missing(self, "being a sum of squares")

    def probability(self, known: Known) -> bool:
        """Whether it lies between 0 and 1, neither of which it is."""
        raise missing(self, "being a probability")

    def integral(self, known: Known) -> bool:
        """Whether it is a whole number: made of integer data, indices and sizes."""
        raise missing(self, "being integral")

    def infinite(self, known: Known) -> bool:
        """Whether it may be −∞, or ∞ and subtracted from something, not counting masks that are the term itself."""
        raise missing(self, "infinities")

    def stepwise(self) -> Collection["Node"]:
        """What is evaluated step by step, and by the node itself."""
        return ()

    def definition(self) -> Use | None:
        """What is behind a name, in the letters of the node; None of what is no name."""
        return None

    def operations(self) -> Expr:
        """How many scalar operations its entries take, given those of the operands."""
        raise missing(self, "counting operations")

    def precedence(self) -> int:
        """Who leads when axes are ordered: what carries data before parameters, as in X W rather than Wᵀ Xᵀ."""
        return 0

    def summed(self, use: Use, bound: Lengths) -> Use | None:
        """The sum of the node, in the letters of a use, over bound ones, where it has a simpler form; else None."""
        return None


def nothing(node: Node, known: Known) -> bool:
    """Not known, whatever is known of the operands."""
    return False


def first_operand(node: Node, known: Known) -> bool:
    """Where it is so of the first operand, of whose entries the node is made."""
    return known(node.uses()[0].node)


def no_sign(node: Node, order: Order) -> SignRule:
    """No sign is known."""
    return None
    yield


def free_of_cost(node: Node) -> Expr:
    """No operation: what is named, or read elsewhere."""
    return S.Zero


def each_operand_once(node: Node) -> Expr:
    """As many operations as the operands have entries."""
    return sum((prod(use.node.shape, start=S.One) for use in node.uses()), S.Zero)


def behind_names(node: Node) -> Node:
    """The node itself, or what a name stands for."""
    while (definition := node.definition()) is not None:
        node = definition.node
    return node


def own(node: Node) -> Use:
    """The node in its own letters."""
    return tuple.__new__(Use, (node, axes_from_zero(len(node.shape))))


def axes_from_zero(count: int) -> tuple[int, ...]:
    """0, 1, ... as the letters of so many axes."""
    return _AXES[count] if count < len(_AXES) else tuple(range(count))


_AXES = [tuple(range(count)) for count in range(16)]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Leaf(Node):
    """A node without operands."""

    operations = free_of_cost

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return own(self)

    def local(self, number: int) -> Sequence[Local]:
        raise IndexError(f"{self} has no operand {number}")


_Kind = TypeVar("_Kind", bound=Node)
_HOME = re.compile(r"(?<=^symgrad\.graph\.)kinds\.\w+$")
_VALIDATES = os.environ.get("SYMGRAD_VALIDATE") == "1"  # to ask for each node takes a hundredth of a compilation
# Keyed by digest: a dictionary that compared SymPy objects would still do so while Python shuts down.
_table: WeakValueDictionary[bytes, Node] = WeakValueDictionary()


def intern(kind: type[_Kind], shape: Shape, *fields: Any) -> _Kind:
    """The one node of this kind with these fields."""
    text = f"({_kind_text(kind)},{_spell(shape)},{_spell(fields)})"
    digest = blake2b(text.encode(), digest_size=16).digest()
    node = _table.get(digest)
    if node is None:
        node = kind(shape, digest, *fields)
        object.__setattr__(node, "contents", _contents(node))
        if _VALIDATES:
            _check_lengths(node)
        _table[digest] = node
    return node  # type: ignore[return-value]


def _check_lengths(node: Node) -> None:
    """Check that a letter has one length in all operands that share the node's letters.

    Where two letters have become one, which is the mistake of a rewrite, lengths differ; where they do not, as of
    square matrices, the number is wrong.
    """
    if not node.shares_letters:
        return
    lengths = dict(enumerate((*node.shape, *getattr(node, "bound", ()))))
    for use in node.uses():
        for letter, length in zip(use.letters, use.node.shape, strict=True):
            if lengths.get(letter) != length:
                message = f"letter {letter} of {use.node} in {node} has length {length}, not {lengths.get(letter)}"
                raise AssertionError(message)


def _contents(node: Node) -> frozenset[Any]:
    """The contents of a node, most often the very ones of an operand."""
    head = getattr(node, "head", None)
    found: frozenset[Any] = frozenset({type(node)} if head is None else {type(node), head})
    for use in node.uses():
        other = use.node.contents
        if other is not found:
            found = other if found <= other else found | other
    return found


def _spell(field: Any) -> str:
    """A text that identifies a field by structure, symbols with their assumptions."""
    if isinstance(field, tuple):
        return f"({','.join([str(part) if type(part) is int else _spell(part) for part in field])})"
    if type(field) is int:  # most of these are letters, in tuples
        return str(field)
    if isinstance(field, Node):
        return field.digest.hex()
    if isinstance(field, type):
        return _kind_text(field)
    return _text(field)


_kinds: dict[Any, str] = {}


def _kind_text(kind: Any) -> str:
    text = _kinds.get(kind)
    if text is None:
        module = _HOME.sub("nodes", str(kind.__module__))  # orders depend on digests, and these on no file's name
        text = _kinds[kind] = f"{module}.{kind.__qualname__}"
    return text


@lru_cache(maxsize=None, typed=True)
def _text(field: Any) -> str:
    return str(srepr(field))


def postorder(roots: list[Node], opaque: Collection[Node] = frozenset()) -> Iterator[Node]:
    """Every node below the roots once, operands before their consumers, in an order fixed by the graph alone.

    `opaque` nodes are left out, with what lies below them only.
    """
    seen: set[Node] = set()
    for root in roots:
        stack: list[Node | None] = [root]
        while stack:
            node = stack.pop()
            if node is None:  # the operands of the node below have been there
                yield stack.pop()  # type: ignore[misc]
            elif node not in seen and node not in opaque:
                seen.add(node)
                uses = node.uses()
                if uses:
                    stack += node, None
                    stack += [use.node for use in reversed(uses) if use.node not in seen]
                else:
                    yield node
