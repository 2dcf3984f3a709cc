"""Nodes without operands: parameters and data, constants, sizes, indices as arrays, the identity."""

from dataclasses import dataclass
from typing import Any

from mpmath import mpf
from sympy import Basic, Expr, S
from sympy.logic.boolalg import BooleanAtom

from symgrad.arrays import Array, np
from symgrad.functions.values import NAN, as_mpf
from symgrad.graph.evaluation import GraphEvaluator, reals
from symgrad.graph.facts import Probability
from symgrad.graph.node import Known, Leaf, Letter, Order, SignRule, Use, intern, no_sign, nothing
from symgrad.graph.symmetry import always


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Input(Leaf):
    """A parameter or data. `symbol` is the user's object; sides of length one are dropped from `shape`.

    `properties` are what `facts` say of it as a matrix: symmetric, positive_definite, orthogonal, ...
    """

    name: str
    symbol: Basic
    integer: bool
    properties: tuple[str, ...] = ()

    sign = no_sign  # but that of its properties
    sum_of_squares = nothing

    def evaluate(self, at: GraphEvaluator) -> Array:
        return reals(at.inputs[self.name]).reshape(at.shape(self.shape))

    def _symbol(self) -> Any:
        """What carries the user's assumptions."""
        return getattr(self.symbol, "label", self.symbol)

    def nonnegative(self, known: Known) -> bool:
        return bool(getattr(self._symbol(), "is_nonnegative", False)) or "positive" in self.properties

    def positive(self, known: Known) -> bool:
        return bool(getattr(self._symbol(), "is_positive", False))

    never_zero = positive

    def probability(self, known: Known) -> bool:
        return isinstance(self.symbol, Probability)

    def integral(self, known: Known) -> bool:
        return self.integer or bool(getattr(self._symbol(), "is_integer", False))

    def infinite(self, known: Known) -> bool:
        return not self.integer

    def precedence(self) -> int:
        return 0 if self.integer or self.rank >= 2 else 2


class _Number:
    """What is known of a number, of which SymPy knows the sign."""

    __slots__ = ()
    value: Expr

    sign = no_sign
    sum_of_squares = probability = infinite = nothing

    def nonnegative(self, known: Known) -> bool:
        return bool(self.value.is_nonnegative)

    def positive(self, known: Known) -> bool:
        return bool(self.value.is_positive)

    never_zero = positive


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Const(_Number, Leaf):
    """A scalar constant that is not a coefficient: 1, pi, sqrt(2), oo."""

    value: Expr

    def evaluate(self, at: GraphEvaluator) -> Any:
        if isinstance(self.value, BooleanAtom):
            return bool(self.value)
        return as_mpf(self.value) if self.value.is_number else NAN  # the text of a message is no number

    def integral(self, known: Known) -> bool:
        return bool(self.value.is_integer)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Size(_Number, Leaf):
    """A dimension (an integer expression of dimensions) as a scalar number."""

    value: Expr

    def evaluate(self, at: GraphEvaluator) -> Any:
        return mpf(at.length(self.value))

    def integral(self, known: Known) -> bool:
        return True


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Range(Leaf):
    """The index of an axis as an array: 0, 1, ..., n-1."""

    sign = no_sign
    positive = never_zero = sum_of_squares = probability = infinite = nothing

    def evaluate(self, at: GraphEvaluator) -> Array:
        return reals(np.arange(*at.shape(self.shape)))

    def nonnegative(self, known: Known) -> bool:
        return True

    def integral(self, known: Known) -> bool:
        return True


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Delta(Leaf):
    """The identity matrix, δ[i, j]."""

    positive = never_zero = sum_of_squares = probability = integral = infinite = nothing

    def evaluate(self, at: GraphEvaluator) -> Array:
        return reals(np.eye(at.length(self.shape[0]), dtype=int))

    def sign(self, order: Order) -> SignRule:
        return always(1)

    def nonnegative(self, known: Known) -> bool:
        return True


ONE = Use(intern(Const, (), S.One), ())


def delta(row: Letter, column: Letter, length: Expr) -> Use:
    """δ[row, column]."""
    return ONE if row == column else Use(intern(Delta, (length, length)), (row, column))


def boolean(value: bool) -> Use:
    return Use(intern(Const, (), S.true if value else S.false), ())
