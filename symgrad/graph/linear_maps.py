"""Linear maps between arrays: what a kind of node states of its derivative, for forward and reverse mode alike.

A local derivative is a sum of such maps. Each takes x, the tangent of an operand in the letters at which it is read, to
a term over the axes of the node. Forward mode applies maps to tangents, reverse mode applies their transposes to
adjoints; `calculus.linear_maps` does both, so that a kind says nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr

from symgrad.graph.node import Lengths, Letter, LinearMap, Local, Node, Shape, Use


@dataclass(frozen=True)
class Times(LinearMap):
    """y = Σ Π factors · x, summed over some letters of the domain."""

    factors: tuple[Use, ...] = ()
    over: tuple[Letter, ...] = ()


@dataclass(frozen=True)
class Slope(LinearMap):
    """y = ∂f/∂u · x for a scalar function f with the argument u at this place (of `Apply` only)."""

    place: int


@dataclass(frozen=True)
class Branch(LinearMap):
    """y = x where the condition is `holds`, else 0, also where x is no number."""

    condition: Use
    holds: bool


@dataclass(frozen=True)
class Covariance(LinearMap):
    """y = p·(x - Σ p·x), summed over some axes: diag(p) - p pᵀ, which is its own transpose."""

    weights: Use
    over: Lengths


@dataclass(frozen=True)
class Entries(LinearMap):
    """y = x[subs], with a subscript for each letter of the domain; the transpose adds into zeros."""

    subs: Mapping[Letter, Use]


@dataclass(frozen=True)
class Places(LinearMap):
    """y = zeros of `shape` into which x is added at the positions `subs`; the transpose takes entries."""

    subs: tuple[Use, ...]
    shape: Shape
    bound: Lengths


@dataclass(frozen=True)
class Merging(LinearMap):
    """y = x with two axes as one; the transpose splits it."""

    outer: Letter
    inner: Letter
    axis: Letter


@dataclass(frozen=True)
class Splitting(LinearMap):
    """y = x with an axis as two; the transpose merges them."""

    axis: Letter
    outer: Letter
    inner: Letter
    lengths: tuple[Expr, Expr]


@dataclass(frozen=True)
class LowerHalf(LinearMap):
    """y = (x + xᵀ)/2 below the diagonal of the matrices over two letters, half of it on it, 0 above it."""

    row: Letter
    column: Letter


@dataclass(frozen=True)
class Chain(LinearMap):
    """One map after another. `between` has the lengths along the letters of what the first gives to the second."""

    first: LinearMap
    between: Lengths
    second: LinearMap


def axes_of(node: Node) -> dict[Letter, Expr]:
    """The lengths along a node's own letters."""
    return dict(enumerate(node.shape))


def times(node: Node, operand: Use, factors: Sequence[Use], bound: Lengths | None = None) -> Local:
    """Σ over bound letters of Π factors · u̇."""
    bound = bound or {}
    return Local(operand, Times({**axes_of(node), **bound}, tuple(factors), tuple(bound)))
