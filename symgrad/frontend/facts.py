"""What facts say of a model's arguments, each by itself: bounds of entries, sums of entries, the structure of matrices.

A fact of a kind that is not listed here is `Unread`: nothing is known of it but that it holds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import sympy as sp
from sympy.assumptions.assume import AppliedPredicate
from sympy.logic.boolalg import BooleanFalse, BooleanTrue
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, label_of
from symgrad.functions import Total

StructureKind = Literal[
    "symmetric",
    "positive_definite",
    "diagonal",
    "lower_triangular",
    "upper_triangular",
    "unit_triangular",
    "orthogonal",
    "invertible",
    "integer",
]


@dataclass(frozen=True)
class Bound:
    """Entries lie between `low` and `high`; which entries, the subscripts say, none of which means all of them.

    An end may be an expression in the subscripts: parent[n] < n. Such a bound is none for entries that it leaves no
    value from `first` on, if there is a first one: a root has no parent among the labels 0, 1, ...
    """

    fact: sp.Basic
    name: str
    subscripts: tuple[sp.Basic, ...]
    low: float | sp.Expr = -math.inf
    high: float | sp.Expr = math.inf
    strict: bool = False
    first: float = -math.inf

    @property
    def leaves_room(self) -> bool:
        """Whether an entry may take several values, whatever the others are."""
        return self.low != self.high


@dataclass(frozen=True)
class Simplex:
    """The entries along `axes` sum to `total`."""

    fact: sp.Basic
    name: str
    axes: tuple[int, ...]
    total: float
    leaves_room = False


@dataclass(frozen=True)
class Structure:
    """A matrix, or every matrix over the last two axes, is of the given kind."""

    fact: sp.Basic
    name: str
    kind: StructureKind
    leaves_room = False


@dataclass(frozen=True)
class Unread:
    """A fact over several arguments, over named intermediates, or of a rarer kind."""

    fact: sp.Basic
    leaves_room = False


Constraint = Bound | Simplex | Structure | Unread

STRUCTURES: dict[str, StructureKind] = {
    **{kind: kind for kind in get_args(StructureKind)},
    "unitary": "orthogonal",  # of a real matrix
    "fullrank": "invertible",
    "integer_elements": "integer",
}

SIGNS: dict[str, dict[str, Any]] = {
    "positive": {"low": 0.0, "strict": True},
    "nonnegative": {"low": 0.0},
    "negative": {"high": 0.0, "strict": True},
    "nonpositive": {"high": 0.0},
}

# True of every array of real numbers: nothing to know of it.
_EMPTY = frozenset({"real", "complex", "finite", "real_elements", "complex_elements", "square", "commutative"})


def structure_of(fact: Any) -> tuple[Any, StructureKind] | None:
    """The symbol of a matrix (or of a stack of them) that a fact is about, and the kind of matrix that it is."""
    if isinstance(fact, AppliedPredicate):
        kind = STRUCTURES.get(fact.function.name)
        return None if kind is None else (fact.arguments[0], kind)
    if not isinstance(fact, sp.Eq):
        return None
    for side, other in ((fact.lhs, fact.rhs), (fact.rhs, fact.lhs)):
        if isinstance(side, sp.MatrixSymbol) and other == side.T:
            return side, "symmetric"
        if isinstance(other, sp.Identity) and isinstance(side, sp.MatMul) and len(side.args) == 2:
            first, second = side.args
            if first == second.T:
                return (first.arg if isinstance(first, sp.Transpose) else first), "orthogonal"
    return (base_symbol(fact.lhs), "symmetric") if _is_transposition(fact) else None


def _is_transposition(fact: sp.Eq) -> bool:
    """Whether a fact is that a matrix equals its transpose, by entries: Eq(A[i, j], A[j, i]), also of a stack."""
    if not all(isinstance(side, sp.Indexed | MatrixElement) for side in fact.args):
        return False
    (*stack, row, column), right = (side.args[1:] for side in fact.args)
    return (
        base_symbol(fact.lhs) == base_symbol(fact.rhs)
        and tuple(right) == (*stack, column, row)
        and len({*stack, row, column}) == len(right)
        and all(isinstance(sub, sp.Symbol | sp.Idx) for sub in right)
    )


def outermost(expression: sp.Basic) -> list[sp.Basic]:
    """The entries and symbols in an expression; of an entry not the label of its base, its matrix or its subscripts."""
    parts = expression.atoms(sp.Indexed, MatrixElement, sp.Symbol)
    inner = {part for entry in parts for part in entry.atoms(sp.Symbol, sp.Indexed, sp.MatrixSymbol) if part != entry}
    return sorted(parts - inner, key=str)


class Linear(NamedTuple):
    """Coefficients of entries of arguments, and what remains without them."""

    coefficients: dict[sp.Basic, float]
    rest: sp.Expr


class FactReader:
    """Reads facts about given arguments at given sizes.

    Parameters
    ----------
    arguments : the model's arguments.
    sizes : an integer for every dimension that occurs in the facts.
    """

    def __init__(self, arguments: Sequence[Argument], sizes: Mapping[sp.Basic, int]) -> None:
        self.arguments = {each.name: each for each in arguments if each.role != "dimension"}
        self.sizes = dict(sizes)
        self._by_label = {label_of(each.symbol): each for each in self.arguments.values()}

    def read(self, facts: Sequence[sp.Basic]) -> list[Constraint]:
        """The constraints that facts state, in order; conjunctions are taken apart.

        Raises
        ------
        ModelError
            If a fact is false as it stands.
        """
        constraints: list[Constraint] = []
        for fact in facts:
            if isinstance(fact, BooleanFalse):
                raise ModelError("one of the facts is false as it stands, so no inputs satisfy it")
            if isinstance(fact, sp.And):
                constraints += self.read(sorted(fact.args, key=str))
            elif not isinstance(fact, BooleanTrue) and not self._says_nothing(fact):
                constraints.append(self._one(fact) or Unread(fact))
        return constraints

    def assumptions(self, argument: Argument) -> list[Constraint]:
        """The constraint that the symbol's own assumptions state, if they say a sign."""
        signs = [bounds for sign, bounds in SIGNS.items() if getattr(argument.symbol, f"is_{sign}", None)]
        return [Bound(argument.symbol, argument.name, (), **bounds) for bounds in signs[:1]]

    def place(self, expression: Any) -> tuple[Argument, tuple[sp.Basic, ...]] | None:
        """The argument that an expression is an entry (or the whole) of, with the subscripts."""
        base = base_symbol(expression)
        subscripts = () if base is expression else expression.args[1:]
        named = isinstance(base, sp.Symbol | sp.MatrixSymbol | sp.IndexedBase)
        argument = self._by_label.get(label_of(base)) if named else None
        return None if argument is None else (argument, subscripts)

    def sized(self, expression: Any) -> Any:
        """An expression with the dimensions as numbers."""
        return sp.sympify(expression).xreplace({symbol: sp.Integer(size) for symbol, size in self.sizes.items()})

    def number(self, expression: sp.Basic) -> float | None:
        """The value of an expression in dimensions only."""
        value = self.sized(expression)
        return float(value) if value.is_number and value.is_extended_real else None

    def linear(self, expression: Any) -> Linear | None:
        """An expression as one that is linear in entries of arguments; None where it is not."""
        expression = self.sized(expression)
        unknown = {part: sp.Dummy() for part in outermost(expression) if self.place(part) is not None}
        plain = expression.xreplace(unknown)
        if not unknown or not plain.is_polynomial(*unknown.values()):
            return None
        polynomial = sp.Poly(plain, *unknown.values())
        found = {part: polynomial.coeff_monomial(dummy) for part, dummy in unknown.items()}
        if polynomial.total_degree() != 1 or not all(number.is_number for number in found.values()):
            return None
        return Linear({part: float(number) for part, number in found.items()}, polynomial.coeff_monomial(1))

    def _says_nothing(self, fact: Any) -> bool:
        is_empty = isinstance(fact, AppliedPredicate) and fact.function.name in _EMPTY
        return is_empty and self.place(fact.arguments[0]) is not None

    def _one(self, fact: Any) -> Constraint | None:
        structure = structure_of(fact)
        if structure is not None:
            place = self.place(structure[0])
            return None if place is None else Structure(fact, place[0].name, structure[1])
        if isinstance(fact, AppliedPredicate):
            place = self.place(fact.arguments[0])
            sign = SIGNS.get(fact.function.name)
            return None if place is None or sign is None else Bound(fact, place[0].name, place[1], **sign)
        if not isinstance(fact, sp.Eq | sp.Lt | sp.Le | sp.Gt | sp.Ge):
            return None
        left, right = fact.args
        if isinstance(left, sp.MatrixExpr) and isinstance(right, sp.MatrixExpr):
            left, right = _entry(left), _entry(right)
        if isinstance(left, sp.MatrixExpr) or isinstance(right, sp.MatrixExpr):
            return None
        sides = ((left, right), (right, left)) if isinstance(fact, sp.Eq) else ()
        sums = (self._simplex(fact, side, other) for side, other in sides)
        return next(filter(None, sums), None) or self._bound(fact, left - right)

    def _bound(self, fact: Any, difference: Any) -> Bound | None:
        """A relation that is linear in one entry of one argument, or of its absolute value."""
        absolute = next((part for part in difference.atoms(sp.Abs) if self.place(part.args[0]) is not None), None)
        if absolute is not None:
            if difference.xreplace({absolute: sp.Dummy()}).has(absolute.args[0]):
                return None
            difference = difference.xreplace({absolute: absolute.args[0]})
        linear = self.linear(difference)
        if linear is None or len(linear.coefficients) != 1:
            return None
        ((entry, slope),) = linear.coefficients.items()
        argument, subscripts = self.place(entry)  # type: ignore[misc]
        moving = linear.rest.free_symbols
        if not moving <= set(subscripts) or (moving and absolute is not None):
            return None
        edge = -linear.rest / slope if moving else float(-linear.rest / slope)
        first = float(self.number(argument.span[0]) or 0.0) if moving and argument.span else -math.inf
        strict = isinstance(fact, sp.Lt | sp.Gt)
        if isinstance(fact, sp.Eq):
            return None if absolute else Bound(fact, argument.name, subscripts, edge, edge, first=first)
        if isinstance(fact, sp.Lt | sp.Le) != (slope > 0):
            return None if absolute else Bound(fact, argument.name, subscripts, low=edge, strict=strict)
        low = -edge if absolute else -math.inf
        return Bound(fact, argument.name, subscripts, low, edge, strict, first)

    def _simplex(self, fact: Any, side: Any, other: Any) -> Simplex | None:
        """`Eq(Sum(t[n, k], (k, 0, K - 1)), 1)`, over one or several indices, or `Eq(total(T), 1)`."""
        if not isinstance(side, sp.Sum | Total):
            return None
        value, place = self.number(other), self.place(side.args[0])
        if value is None or place is None:
            return None
        argument, subscripts = place
        if isinstance(side, Total):
            return Simplex(fact, argument.name, tuple(range(len(argument.shape))), value)
        axes = []
        for index, first, last in side.limits:
            positions = [axis for axis, subscript in enumerate(subscripts) if subscript == index]
            if len(positions) != 1 or self.number(first) != 0:
                return None
            if self.number(last) != self.number(argument.shape[positions[0]] - 1):
                return None  # part of the axis only
            axes += positions
        return Simplex(fact, argument.name, tuple(axes), value)


def _entry(matrix: Any) -> Any:
    """An entry of a matrix, of the products in it as sums: T·1 is Σₖ T[i, k]. What SymPy has no entries of stays."""
    row, column = (0 if side == 1 else sp.Dummy(name) for name, side in zip("ij", matrix.shape, strict=True))
    try:
        return matrix[row, column]
    except (NotImplementedError, TypeError, ValueError, IndexError):
        return matrix
