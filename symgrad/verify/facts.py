"""The facts about a model's arguments, read into constraints that inputs can be drawn by and tested against.

A fact of a kind that is not listed here becomes an `Unread` constraint: inputs are not shaped by it, only tested.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import sympy as sp
from sympy.assumptions.assume import AppliedPredicate
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.frontend.properties import is_transposition
from symgrad.functions import Total
from symgrad.verify.arrays import Array, largest
from symgrad.verify.sizes import Sizes

# Facts hold for numbers that were drawn to satisfy them up to rounding; a user's own data may be a little coarser.
TOLERANCE = 1e-9

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
    """Entries lie between `low` and `high`; which entries, the subscripts say (see `entries`).

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

    def entries(self, shape: tuple[int, ...]) -> Array:
        """A mask of the entries selected: a number as subscript fixes an axis, a repeated index takes the diagonal."""
        mask = np.ones(shape, dtype=bool)
        if len(self.subscripts) != len(shape):
            return mask  # no subscripts: every entry
        grids = np.indices(shape)
        first: dict[sp.Basic, Array] = {}
        for subscript, grid in zip(self.subscripts, grids, strict=True):
            if subscript.is_Integer:
                mask &= grid == int(subscript)
            elif subscript.is_Symbol:
                mask &= grid == first.setdefault(subscript, grid)
        return mask

    def limits(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """The ends for every entry of an array, infinite where there is none."""
        mask = self.entries(shape)
        low, high = (self._end(end, shape) for end in (self.low, self.high))
        mask &= (high > self.first) if self.strict else (high >= self.first)
        return np.where(mask, low, -math.inf), np.where(mask, high, math.inf)

    def _end(self, end: float | sp.Expr, shape: tuple[int, ...]) -> Array:
        if not isinstance(end, sp.Expr):
            return np.full(shape, end)
        at = dict(zip(self.subscripts, np.indices(shape), strict=True))
        symbols = sorted(end.free_symbols, key=str)
        return np.asarray(sp.lambdify(symbols, end)(*(at[symbol] for symbol in symbols)), dtype=np.float64)

    def holds(self, inputs: Mapping[str, Any]) -> bool:
        values = np.asarray(inputs[self.name], dtype=np.float64)
        low, high = self.limits(values.shape)
        if self.low == self.high:
            apart = np.where(np.isfinite(low), np.abs(values - np.where(np.isfinite(low), low, 0.0)), 0.0)
            return bool(np.all(apart <= TOLERANCE * np.maximum(1.0, np.abs(np.where(np.isfinite(low), low, 0.0)))))
        if self.strict:
            return bool(np.all((values > low) & (values < high)))
        return bool(np.all((values >= low) & (values <= high)))


@dataclass(frozen=True)
class Simplex:
    """The entries along `axes` sum to `total`."""

    fact: sp.Basic
    name: str
    axes: tuple[int, ...]
    total: float
    leaves_room = False

    def holds(self, inputs: Mapping[str, Any]) -> bool:
        values = np.asarray(inputs[self.name], dtype=np.float64)
        scale = max(1.0, abs(self.total), largest(values))
        return bool(np.all(np.abs(values.sum(axis=self.axes) - self.total) <= TOLERANCE * scale))


@dataclass(frozen=True)
class Structure:
    """A matrix, or every matrix over the last two axes, is of the given kind."""

    fact: sp.Basic
    name: str
    kind: StructureKind
    leaves_room = False

    def holds(self, inputs: Mapping[str, Any]) -> bool:
        return has_structure(self.kind, np.asarray(inputs[self.name], dtype=np.float64))


@dataclass(frozen=True)
class Unread:
    """A fact that inputs are not drawn by: over several arguments, over named intermediates, or of a rarer kind."""

    fact: sp.Basic


Constraint = Bound | Simplex | Structure | Unread


def has_structure(kind: StructureKind, matrix: Array) -> bool:
    """Whether a matrix, or every one of a stack, is of the given kind, up to rounding."""
    if matrix.ndim > 2 and kind != "integer":
        return all(has_structure(kind, matrix[place]) for place in np.ndindex(matrix.shape[:-2]))
    slack = TOLERANCE * max(1.0, largest(matrix))

    def zero(residual: Array) -> bool:
        return bool(np.all(np.abs(residual) <= slack))

    if kind == "integer":
        return bool(np.all(matrix == np.round(matrix)))
    if matrix.ndim != 2:
        return False
    if kind == "orthogonal":  # of a matrix that is not square: its columns, or its rows where it is wide
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        return zero(tall.T @ tall - np.eye(tall.shape[1]))
    if matrix.shape[0] != matrix.shape[1]:
        return False

    def triangle(of: Array) -> float:
        return largest(np.triu(of, 1))

    tests: dict[str, Callable[[], bool]] = {
        "symmetric": lambda: zero(matrix - matrix.T),
        "positive_definite": lambda: zero(matrix - matrix.T) and bool(np.all(np.linalg.eigvalsh(matrix) > 0)),
        "diagonal": lambda: zero(matrix - np.diag(np.diag(matrix))),
        "lower_triangular": lambda: zero(np.triu(matrix, 1)),
        "upper_triangular": lambda: zero(np.tril(matrix, -1)),
        "unit_triangular": lambda: zero(np.diag(matrix) - 1) and min(map(triangle, (matrix, matrix.T))) <= slack,
        "invertible": lambda: bool(np.linalg.matrix_rank(matrix) == len(matrix)),
    }
    return tests[kind]()


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

# True of every float array that is drawn: nothing to shape and nothing to test.
_EMPTY = frozenset({"real", "complex", "finite", "real_elements", "complex_elements", "square", "commutative"})


def sympy_name(symbol: sp.Basic) -> str:
    """The name of a `Symbol`, `MatrixSymbol` or `IndexedBase`."""
    return str(getattr(symbol, "label", None) or getattr(symbol, "name", None) or symbol)


def outermost(expression: sp.Basic) -> list[sp.Basic]:
    """The entries and symbols in an expression; of an entry not the label of its base, its matrix or its subscripts."""
    parts = expression.atoms(sp.Indexed, MatrixElement, sp.Symbol)
    inner = {part for entry in parts for part in entry.atoms(sp.Symbol, sp.Indexed, sp.MatrixSymbol) if part != entry}
    return sorted(parts - inner, key=str)


class FactReader:
    """Reads facts about given arguments at given sizes.

    Parameters
    ----------
    arguments : the model's arguments.
    sizes : an integer for every dimension that occurs in the facts.
    """

    def __init__(self, arguments: Sequence[Argument], sizes: Sizes) -> None:
        self.arguments = {sympy_name(each.symbol): each for each in arguments if each.role != "dimension"}
        self.arguments_by_name = {each.name: each for each in self.arguments.values()}
        self.sizes = dict(sizes)

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
            if isinstance(fact, BooleanTrue):
                continue
            if isinstance(fact, sp.And):
                constraints += self.read(sorted(fact.args, key=str))
            else:
                constraints += self._one(fact)
        return constraints

    def assumptions(self, argument: Argument) -> list[Constraint]:
        """The constraints that the symbol's own assumptions state: its sign, or that it is an integer."""
        signs = [bounds for sign, bounds in SIGNS.items() if getattr(argument.symbol, f"is_{sign}", None)]
        return [Bound(argument.symbol, argument.name, (), **bounds) for bounds in signs[:1]]

    def _one(self, fact: sp.Basic) -> list[Constraint]:
        if isinstance(fact, AppliedPredicate):
            found = self._predicate(fact)
        elif isinstance(fact, sp.Eq):
            found = self._sum(fact) or self._matrix_equation(fact) or self._relation(fact)
        elif isinstance(fact, Relational):
            found = self._relation(fact)
        else:
            found = None
        return [Unread(fact)] if found is None else found

    def place(self, expression: sp.Basic) -> tuple[Argument, tuple[sp.Basic, ...]] | None:
        """The argument that an expression is an entry (or the whole) of, with the subscripts."""
        subscripts: tuple[sp.Basic, ...] = ()
        if isinstance(expression, sp.Indexed):
            expression, subscripts = expression.base, tuple(expression.indices)
        elif isinstance(expression, MatrixElement) and isinstance(expression.parent, sp.MatrixSymbol):
            expression, subscripts = expression.parent, (expression.i, expression.j)
        elif not hasattr(expression, "name"):
            return None
        argument = self.arguments.get(sympy_name(expression))
        return None if argument is None else (argument, subscripts)

    def sized(self, expression: Any) -> Any:
        """An expression with the dimensions as numbers."""
        return expression.xreplace({symbol: sp.Integer(size) for symbol, size in self.sizes.items()})

    def number(self, expression: sp.Basic) -> float | None:
        """The value of an expression in dimensions only."""
        value = self.sized(sp.sympify(expression))
        return float(value) if value.is_number and value.is_extended_real else None

    def _predicate(self, fact: Any) -> list[Constraint] | None:
        kind = fact.function.name
        place = self.place(fact.arguments[0]) if len(fact.arguments) == 1 else None
        if place is None:
            return None
        argument, subscripts = place
        if kind in _EMPTY:
            return []
        if kind in SIGNS:
            return [Bound(fact, argument.name, subscripts, **SIGNS[kind])]
        if kind in STRUCTURES:
            return [Structure(fact, argument.name, STRUCTURES[kind])]
        return None

    def _relation(self, fact: Any) -> list[Constraint] | None:
        """A relation that is linear in one entry of one argument, or of its absolute value: a bound."""
        symmetric = self._symmetric(fact)
        if symmetric is not None:
            return symmetric
        if not isinstance(fact, sp.Eq | sp.Lt | sp.Le | sp.Gt | sp.Ge) or isinstance(fact.lhs, sp.MatrixExpr):
            return None
        difference = self.sized(fact.lhs - fact.rhs)
        places = [part for part in outermost(difference) if self.place(part) is not None]
        if len(places) != 1:
            return None
        (place,) = places
        unknown = sp.Dummy(real=True)
        absolute = sp.Abs(place) in difference.atoms(sp.Abs)
        difference = difference.xreplace({sp.Abs(place): unknown} if absolute else {place: unknown})
        located = self.place(place)
        assert located is not None
        argument, subscripts = located
        moving = difference.free_symbols - {unknown}
        if not difference.is_polynomial(unknown) or not moving <= set(subscripts) or (moving and absolute):
            return None
        coefficients = difference.as_poly(unknown).all_coeffs()
        if len(coefficients) != 2 or not coefficients[0].is_number:
            return None
        slope, offset = float(coefficients[0]), coefficients[1]
        edge = -offset / slope if moving else float(-offset / slope)
        first = float(self.number(argument.span[0]) or 0.0) if moving and argument.span else -math.inf
        below = isinstance(fact, sp.Lt | sp.Le) == (slope > 0)
        strict = isinstance(fact, sp.Lt | sp.Gt)
        if isinstance(fact, sp.Eq):
            return None if absolute else [Bound(fact, argument.name, subscripts, edge, edge, first=first)]
        if not below:
            return None if absolute else [Bound(fact, argument.name, subscripts, low=edge, strict=strict)]
        low = -edge if absolute else -math.inf
        return [Bound(fact, argument.name, subscripts, low, edge, strict, first)]

    def _symmetric(self, fact: Any) -> list[Constraint] | None:
        """`Eq(A[i, j], A[j, i])`, `Eq(S[k, i, j], S[k, j, i])`."""
        left = self.place(fact.lhs)
        if left is None or not is_transposition(fact):
            return None
        return [Structure(fact, left[0].name, "symmetric")]

    def _sum(self, fact: Any) -> list[Constraint] | None:
        """`Eq(Sum(t[n, k], (k, 0, K - 1)), 1)`, over one or several indices, or `Eq(total(T), 1)`."""
        for side, other in ((fact.lhs, fact.rhs), (fact.rhs, fact.lhs)):
            if not isinstance(side, sp.Sum | Total) or isinstance(other, sp.MatrixExpr):
                continue
            value = self.number(other)
            if isinstance(side, Total):
                place, bound = self.place(side.args[0]), None
            else:
                place, bound = self.place(side.function), side.limits
            if value is None or place is None:
                return None
            argument, subscripts = place
            if bound is None:
                return [Simplex(fact, argument.name, tuple(range(len(argument.shape))), value)]
            axes = []
            for index, first, last in bound:
                positions = [axis for axis, subscript in enumerate(subscripts) if subscript == index]
                if len(positions) != 1 or self.number(first) != 0:
                    return None
                if self.number(last) != self.number(argument.shape[positions[0]] - 1):
                    return None  # part of the axis only
                axes += positions
            return [Simplex(fact, argument.name, tuple(axes), value)]
        return None

    def _matrix_equation(self, fact: Any) -> list[Constraint] | None:
        """`Eq(T*OneMatrix(K, 1), OneMatrix(N, 1))`, `Eq(A, A.T)`, `Eq(Q.T*Q, Identity(N))`, either side first."""
        for side, other in ((fact.lhs, fact.rhs), (fact.rhs, fact.lhs)):
            if not isinstance(side, sp.MatrixExpr):
                return None
            if isinstance(other, sp.Transpose) and other.arg == side and (place := self.place(side)) is not None:
                return [Structure(fact, place[0].name, "symmetric")]
            factors = list(side.args) if isinstance(side, sp.MatMul) else []
            if len(factors) != 2:
                continue
            first, second = factors
            if isinstance(other, sp.Identity) and first == second.T:
                place = self.place(first.arg if isinstance(first, sp.Transpose) else first)
                return None if place is None else [Structure(fact, place[0].name, "orthogonal")]
            value = self._multiple_of_ones(other)
            if value is None or isinstance(first, sp.OneMatrix) == isinstance(second, sp.OneMatrix):
                continue
            matrix, ones, axis = (second, first, 0) if isinstance(first, sp.OneMatrix) else (first, second, 1)
            if isinstance(matrix, sp.Transpose):
                matrix, axis = matrix.arg, 1 - axis
            place = self.place(matrix)
            if place is not None and 1 in ones.shape:
                return [Simplex(fact, place[0].name, (axis,), value)]
        return None

    def _multiple_of_ones(self, expression: Any) -> float | None:
        """c, if a matrix expression is c times a matrix of ones."""
        if not isinstance(expression, sp.MatrixExpr):
            return None
        coefficient, product = expression.as_coeff_mmul()
        return (
            self.number(coefficient) if len(product.args) == 1 and isinstance(product.args[0], sp.OneMatrix) else None
        )
