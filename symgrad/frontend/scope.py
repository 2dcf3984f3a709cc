"""Scopes: which index means what inside a sum, and what the symbols of a model stand for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from sympy import And, Basic, Expr, S, Symbol, expand

from symgrad.errors import ModelError, UnsupportedError
from symgrad.functions import MinOver, if_else
from symgrad.functions.written import written
from symgrad.graph.dimensions import at_smallest, difference, grows, is_never_empty, is_never_negative
from symgrad.graph.nodes import Node, Use
from symgrad.walk import is_larger

_T = TypeVar("_T")


@dataclass(frozen=True)
class Index:
    """An index in scope: its value is `start` plus the position along the letter, which runs over `length`.

    `limits` are its first and last value as written, where they depend on outer indices: the sum over j = 0 ... i has
    the length of the whole range of i.
    """

    letter: Any
    start: Expr
    length: Expr
    limits: tuple[Expr, Expr] | None = None

    @property
    def first(self) -> Expr:
        return self.start if self.limits is None else self.limits[0]

    @property
    def last(self) -> Expr:
        return self.start + self.length - 1 if self.limits is None else self.limits[1]


@dataclass(frozen=True)
class Scope:
    """What index symbols and placeholders mean here; entering a binder makes a new scope, so nothing is captured."""

    indices: Mapping[Any, Index] = field(default_factory=dict)
    placeholders: Mapping[Symbol, Use] = field(default_factory=dict)
    conditions: tuple[Basic, ...] = ()  # what holds where the value is used

    def with_index(self, symbol: Any, index: Index) -> "Scope":
        indices, placeholders = _but(self.indices, symbol), _but(self.placeholders, symbol)
        return Scope({**indices, symbol: index}, placeholders, _without(self.conditions, symbol))

    def without(self, symbol: Any) -> "Scope":
        """Where an index means nothing."""
        return Scope(_but(self.indices, symbol), self.placeholders, _without(self.conditions, symbol))

    def with_placeholder(self, symbol: Symbol, use: Use) -> "Scope":
        placeholders = {**self.placeholders, symbol: use}
        return Scope(_but(self.indices, symbol), placeholders, _without(self.conditions, symbol))

    def with_conditions(self, conditions: tuple[Basic, ...]) -> "Scope":
        return Scope(self.indices, self.placeholders, (*self.conditions, *conditions))


def _but(meanings: Mapping[Any, _T], symbol: Any) -> dict[Any, _T]:
    """What the other symbols mean."""
    return {other: known for other, known in meanings.items() if other != symbol}


def _without(conditions: tuple[Basic, ...], symbol: Any) -> tuple[Basic, ...]:
    """The conditions that do not speak of a symbol, which means something else further in."""
    return tuple(condition for condition in conditions if not condition.has(symbol))


class Referred(NamedTuple):
    """What stands for an entry of a recurrence: a node and its subscripts.

    Of subscripts that are data the module checks that they are below `ends`, by axis.
    """

    node: Node
    subscripts: Sequence[Expr]
    ends: Mapping[int, Expr] = MappingProxyType({})


Earlier = Callable[[Any, Sequence[Expr], Basic, Scope], Referred | None]


@dataclass
class Symbols:
    """What the names of a model stand for while it is read."""

    nodes: dict[Any, Node]  # parameter, data or quantity from `where`, by its SymPy object
    dimensions: frozenset[Symbol]
    labels: Mapping[Any, Expr | None] = field(
        default_factory=dict
    )  # data whose entries the module checks: 0 ... size-1
    minimum_sizes: dict[Symbol, int] = field(default_factory=dict)
    # while a recurrence is read: what stands for an earlier entry of its states, and the subscripts into that
    earlier: "Earlier | None" = None
    resumed: dict[Any, None] = field(default_factory=dict)  # states whose base cases steps or other base cases refer to
    # axes of a quantity along which only the entries from the first to the last are defined
    defined: dict[Any, dict[int, tuple[Expr, Expr]]] = field(default_factory=dict)
    lengths: dict[Expr, None] = field(default_factory=dict)  # what must not be negative beyond that, such as H - P + 1
    shrinking: dict[Expr, None] = field(default_factory=dict)  # what is negative where a dimension is 0, such as T - 1
    promised: tuple[Expr, ...] = ()  # expressions of dimensions that facts say are not negative
    facts: tuple[Basic, ...] = ()  # comparisons, for all values of their indices
    # the least distances from the ends of their axes of positions that the module checks when it runs
    margins: dict[Expr, None] = field(default_factory=dict)

    @contextmanager
    def standing_for(self, earlier: "Earlier") -> Iterator[None]:
        """While it lasts, `earlier` says what stands for the entries of a recurrence's states."""
        before, self.earlier = self.earlier, earlier
        try:
            yield
        finally:
            self.earlier = before

    @contextmanager
    def taken_for(self, name: Any, node: Node) -> Iterator[None]:
        """While it lasts, a name that is not defined yet stands for a node."""
        self.nodes[name] = node
        try:
            yield
        finally:
            del self.nodes[name]

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is read while it lasts is not recorded if reading fails."""
        before = dict(self.minimum_sizes), dict(self.lengths), dict(self.shrinking)
        try:
            yield
        except (ModelError, UnsupportedError):
            self.minimum_sizes, self.lengths, self.shrinking = before
            raise

    def require_length(self, length: Expr, what: str | Callable[[], str]) -> None:
        """Record that the length of a range is not negative; such as H - P + 1, it need not be so for all sizes.

        Raises
        ------
        ModelError : it is negative for all sizes.
        """
        least = at_smallest(length)
        if least is not None and least >= 0:
            if not is_never_negative(length):
                self.shrinking[length] = None
            return
        terms = difference(length, S.Zero).as_coefficients_dict()
        if not grows(length) and any(c > 0 and term is not S.One for term, c in terms.items()):
            self.lengths[length] = None
            return
        self.require_non_negative(length, what)

    def note_margins(self, ends: Sequence[Expr], scope: Scope) -> None:
        """Record that expressions of indices and sizes alone are not negative where the conditions around them hold."""
        conditions = And(*scope.conditions)
        for end in ends:
            inside = if_else(conditions, end, S.Zero) if scope.conditions else end
            limits: list[tuple[Any, Expr, Expr]] = []
            for symbol, index in reversed(list(scope.indices.items())):  # an inner one may end at an outer one
                if any(part.has(symbol) for part in (inside, *(bound for limit in limits for bound in limit[1:]))):
                    limits.append((symbol, index.first, index.last))
            least = MinOver(inside, *limits) if limits else inside
            if least.free_symbols <= self.dimensions:
                self.margins[least] = None

    def require_entries(self, length: Expr) -> None:
        """Record that an axis must not be empty: an entry of it is read whatever the ranges of indices are."""
        if length in self.dimensions:
            self.minimum_sizes[length] = max(1, self.minimum_sizes.get(length, 0))
        elif not is_never_empty(length):
            self.lengths[expand(length - 1)] = None

    def require_non_negative(self, expr: Expr, what: str | Callable[[], str]) -> None:
        """Record what the dimensions must be for a size expression to be non-negative.

        Raises
        ------
        ModelError : no, or not every, choice of large dimensions makes it so; `what` says what is at stake.
        """
        least = at_smallest(expr)
        if least is not None and least >= 0:
            return
        if not grows(expr):
            raise ModelError(what if isinstance(what, str) else what())
        terms = {term: c for term, c in difference(expr, S.Zero).as_coefficients_dict().items() if term is not S.One}
        if len(terms) != 1:
            raise ModelError(what if isinstance(what, str) else what())
        ((dimension, coefficient),) = terms.items()
        constant = difference(expr, coefficient * dimension)
        needed = int(-(constant // coefficient))
        self.minimum_sizes[dimension] = max(needed, self.minimum_sizes.get(dimension, 0))


def place_of(expr: Basic, limit: int = 90) -> str:
    """A sub-expression as errors quote it: whole if short, else its beginning."""
    if is_larger(expr, 1000, 40):
        return f"an expression ({type(expr).__name__}) too long to show"
    text = written(expr)
    return text if len(text) <= limit else text[: limit - 4] + " ..."
