"""The nodes of the tensor graph: immutable, hash-consed arrays with positional axes.

A node is an array. Its axes have no names; every *use* of a node carries one index letter per axis, which says how the
axes line up in the consumer. Inside a node with `r` axes, letter `k < r` is the node's own axis `k` (a free index) and
letters from `r` on are bound: they are summed, maximised or otherwise reduced over. So `X[i,j]*X[k,j]` is one node used
twice, and renaming an index changes nothing.

Building the same node twice returns the same object. Do not call the classes: `graph.build` has the constructors that
put every expression into its normal form.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from sympy import Basic, Expr, Number, srepr

Letter = Any  # a hashable label of an index: an int inside a node, anything in an open term
Shape = tuple[Expr, ...]


class Use(NamedTuple):
    """A node with one index letter per axis. A repeated letter takes the diagonal."""

    node: "Node"
    letters: tuple[Letter, ...]


@dataclass(frozen=True, eq=False, slots=True, repr=False, weakref_slot=True)
class Node:
    """An array of the given symbolic shape. `digest` depends on structure only, never on memory or on the run."""

    shape: Shape
    digest: bytes

    @property
    def rank(self) -> int:
        return len(self.shape)

    def uses(self) -> tuple[Use, ...]:
        """The operands, in a fixed order, with letters of this node's own letter space."""
        return ()

    def __repr__(self) -> str:
        label = getattr(self, "name", None) or getattr(self, "head", None) or getattr(self, "value", "")
        return f"<{type(self).__name__} {label} {self.shape}>"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Input(Node):
    """A parameter or data. `symbol` is the user's object; sides of length one are dropped from `shape`.

    `properties` are what `facts` say of it as a matrix: symmetric, positive_definite, orthogonal, ...
    """

    name: str
    symbol: Basic
    integer: bool
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Const(Node):
    """A scalar constant that is not a coefficient: 1, pi, sqrt(2), oo."""

    value: Expr


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Size(Node):
    """A dimension (an integer expression of dimensions) as a scalar number."""

    value: Expr


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Range(Node):
    """The index of an axis as an array: 0, 1, ..., n-1."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Delta(Node):
    """The identity matrix, δ[i, j]."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Add(Node):
    """A linear combination with numeric coefficients; operands broadcast over the letters they lack."""

    terms: tuple[tuple[Number, Use], ...]

    def uses(self) -> tuple[Use, ...]:
        return tuple(use for _, use in self.terms)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Contract(Node):
    """A product of powers, summed over the bound letters (sizes in `bound`, letters rank, rank + 1, ...)."""

    factors: tuple[tuple[Use, Number], ...]
    bound: Shape

    def uses(self) -> tuple[Use, ...]:
        return tuple(use for use, _ in self.factors)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Apply(Node):
    """A scalar SymPy function, relation or condition applied entry by entry."""

    head: Any
    args: tuple[Use, ...]

    def uses(self) -> tuple[Use, ...]:
        return self.args


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Reduce(Node):
    """max, min, logsumexp or product of one operand over the bound letters."""

    head: Any
    arg: Use
    bound: Shape

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class AxisMap(Node):
    """A function of whole axes that keeps the shape: softmax, log-softmax, the product of all others, cumulative sums.

    Letter `k` is axis `k`; `over` lists the axes that act together. `weights` has one operand where the argument is an
    exponent, of which weighted exponentials are added up.
    """

    head: Any
    arg: Use
    over: tuple[int, ...]
    weights: tuple[Use, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg, *self.weights)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class MatrixFunction(Node):
    """A function of a stack of square matrices: inverse, determinant, logarithm of the determinant, Cholesky factor.

    The matrices lie along two letters of the operand. The inverse, the adjugate and the Cholesky factor keep them as
    their last two axes; the determinant and its logarithm bind them (letters rank and rank + 1). `known` is what else
    of the same matrices the function is computed from: of the adjugate det(M)·M⁻¹ the determinant.
    """

    head: Any
    arg: Use
    known: tuple[Use, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg, *self.known)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Merge(Node):
    """Two axes of the operand as one: entry p·n + q of `axis` is the operand's at letters rank = p and rank + 1 = q.

    `lengths` are those of the two letters, of which the operand may lack one.
    """

    arg: Use
    axis: int
    lengths: Shape

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Split(Node):
    """One axis of the operand (letter rank) as two: entry (p, q) of `axes` is the operand's entry p·n + q."""

    arg: Use
    axes: tuple[int, int]

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Gather(Node):
    """base[subs]: one integer-valued operand per axis of the base."""

    base: Use
    subs: tuple[Use, ...]

    def uses(self) -> tuple[Use, ...]:
        return (self.base, *self.subs)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Scatter(Node):
    """The adjoint of a gather: zeros of `shape` into which `value` is added at the positions `subs`.

    out[s] = Σ over bound letters of value · Π_axis [subs_axis = s_axis]. The letter of an axis that is not moved is
    that axis itself.
    """

    value: Use
    subs: tuple[Use, ...]
    bound: Shape

    def uses(self) -> tuple[Use, ...]:
        return (self.value, *self.subs)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Named(Node):
    """An intermediate quantity that the user named in `where`; its axes are in the declared order.

    `properties` are what `facts` say of it, as of an `Input`.
    """

    name: str
    symbol: Basic
    arg: Use
    properties: tuple[str, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)


class State(NamedTuple):
    """A quantity of a recurrence: step p sets its entry `start` + p along `axis`.

    `shape` is that of the whole array; entries that no step sets are base cases, or undefined and never read.
    """

    name: str
    symbol: Basic
    shape: Shape
    axis: int
    start: int


class Update(NamedTuple):
    """What a step does: entry `start` + p - `lag` of a state is set to, or increased by, a term over the state's axes.

    Along the time axis the term has one entry a step. Without a lag the whole array of the state is increased, by a
    term whose first axis is the step, with the axes of the state after it.
    """

    state: int
    lag: int | None
    term: Use


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Previous(Node):
    """In a recurrence, entry `start` + p - `lag` of a state at every step p: bound by the `Scan` of the same key."""

    key: str
    state: State
    lag: int


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Past(Node):
    """In a recurrence, the array of a state as it is at every step: bound by the `Scan` of the same key.

    Axis 0 is the step. Only entries that are known by then are read, among them that of the step itself if `current`.
    """

    key: str
    state: State
    current: bool


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Scan(Node):
    """A recurrence as a fixed point: its updates hold at every step p = 0 ... `steps` - 1, in this order.

    A state with an initial array is increased by its updates, one without is set by them, and by its base cases
    (state, position along the time axis, term over the other axes). Every update and initial array has letters of its
    own: the axes of its state. It is no array itself; `Trajectory` is. `clock` names the time and its value at p = 0.
    """

    key: str
    states: tuple[State, ...]
    steps: Expr
    descending: bool
    clock: tuple[str, int]
    bases: tuple[tuple[int, Expr, Use], ...]
    initial: tuple[Use | None, ...]
    updates: tuple[Update, ...]

    def uses(self) -> tuple[Use, ...]:
        bases = (use for _, _, use in self.bases)
        return (*bases, *(use for use in self.initial if use is not None), *(update.term for update in self.updates))


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Trajectory(Node):
    """All entries of one state of a recurrence, in its declared shape."""

    scan: Use
    number: int

    def uses(self) -> tuple[Use, ...]:
        return (self.scan,)


_Kind = TypeVar("_Kind", bound=Node)
# Keyed by digest: a dictionary that compared SymPy objects would still do so while Python shuts down.
_table: WeakValueDictionary[bytes, Node] = WeakValueDictionary()


def intern(kind: type[_Kind], shape: Shape, *fields: Any) -> _Kind:
    """The one node of this kind with these fields."""
    digest = blake2b(_spell((kind, shape, fields)).encode(), digest_size=16).digest()
    node = _table.get(digest)
    if node is None:
        node = _table[digest] = kind(shape, digest, *fields)
    return node  # type: ignore[return-value]


def _spell(field: Any) -> str:
    """A text that identifies a field by structure, symbols with their assumptions."""
    if isinstance(field, Node):
        return field.digest.hex()
    if isinstance(field, tuple):
        return f"({','.join(_spell(part) for part in field)})"
    if isinstance(field, type):
        return f"{field.__module__}.{field.__qualname__}"
    return _text(field)


@lru_cache(maxsize=None, typed=True)
def _text(field: Any) -> str:
    return str(srepr(field))


def postorder(roots: list[Node], opaque: Collection[Node] = frozenset()) -> Iterator[Node]:
    """Every node below the roots once, operands before their consumers, in an order fixed by the graph alone.

    `opaque` nodes are left out, with what lies below them only.
    """
    seen: set[Node] = set()
    for root in roots:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                yield node
            elif node not in seen and node not in opaque:
                seen.add(node)
                stack.append((node, True))
                stack.extend((use.node, False) for use in reversed(node.uses()) if use.node not in seen)
