"""Scopes: which index means what inside a sum, and what the symbols of a model stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic, Expr, S, Symbol

from symgrad.errors import ModelError
from symgrad.frontend.dimensions import at_smallest, difference, grows
from symgrad.graph.nodes import Node, Use
from symgrad.walk import is_larger


@dataclass(frozen=True)
class Index:
    """An index in scope: its value is `start` plus the position along the letter, which runs over `length`."""

    letter: Any
    start: Expr
    length: Expr


@dataclass(frozen=True)
class Scope:
    """What index symbols and placeholders mean here; entering a binder makes a new scope, so nothing is captured."""

    indices: Mapping[Any, Index] = field(default_factory=dict)
    placeholders: Mapping[Symbol, Use] = field(default_factory=dict)

    def with_index(self, symbol: Any, index: Index) -> "Scope":
        return Scope({**self.indices, symbol: index}, self.placeholders)

    def with_placeholder(self, symbol: Symbol, use: Use) -> "Scope":
        return Scope(self.indices, {**self.placeholders, symbol: use})


Earlier = Callable[[Any, Sequence[Expr], Basic, Scope], tuple[Node, Sequence[Expr]] | None]


@dataclass
class Symbols:
    """What the names of a model stand for while it is read."""

    nodes: dict[Any, Node]  # parameter, data or quantity from `where`, by its SymPy object
    dimensions: frozenset[Symbol]
    minimum_sizes: dict[Symbol, int] = field(default_factory=dict)
    # while a recurrence is read: what stands for an earlier entry of its states, and the subscripts into that
    earlier: "Earlier | None" = None
    # the axis of a quantity along which only the entries from the first to the last are defined
    defined: dict[Any, tuple[int, Expr, Expr]] = field(default_factory=dict)

    def require_non_negative(self, expr: Expr, what: str) -> None:
        """Record what the dimensions must be for a size expression to be non-negative.

        Raises
        ------
        ModelError : no, or not every, choice of large dimensions makes it so; `what` says what is at stake.
        """
        least = at_smallest(expr)
        if least is not None and least >= 0:
            return
        if not grows(expr):
            raise ModelError(what)
        terms = {term: c for term, c in difference(expr, S.Zero).as_coefficients_dict().items() if term is not S.One}
        if len(terms) != 1:
            raise ModelError(what)
        ((dimension, coefficient),) = terms.items()
        constant = difference(expr, coefficient * dimension)
        needed = int(-(constant // coefficient))
        self.minimum_sizes[dimension] = max(needed, self.minimum_sizes.get(dimension, 0))


def place_of(expr: Basic, limit: int = 90) -> str:
    """A sub-expression as errors quote it: whole if short, else its beginning."""
    if is_larger(expr, 1000, 40):
        return f"an expression ({type(expr).__name__}) too long to show"
    text = str(expr)
    return text if len(text) <= limit else text[: limit - 4] + " ..."
