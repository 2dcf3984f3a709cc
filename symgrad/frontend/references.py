"""What stands for the states of a recurrence in its equations: entries a number of steps back, or any known ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Basic, Dummy, Expr, Indexed, IndexedBase, MatrixSymbol, expand
from sympy.core.relational import Equality

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.base_cases import BaseCases
from symgrad.frontend.conditions import guards_of
from symgrad.frontend.left_sides import axes_of, checked_axes
from symgrad.frontend.names import name_of
from symgrad.frontend.scope import Referred, Scope, place_of
from symgrad.frontend.subscripts import SubscriptReader
from symgrad.graph.build import past, previous
from symgrad.graph.nodes import State


@dataclass(frozen=True)
class Part:
    """One state of a recurrence as written: `left` subscripts, the time among them, and how far it runs."""

    base: IndexedBase | MatrixSymbol
    equation: Equality
    bases: tuple[Equality, ...]
    axis: int
    time: Any
    state: State
    steps: Expr
    first_time: int  # the value of the time at the first entry that is no base case

    @property
    def left(self) -> tuple[Any, ...]:
        return axes_of(self.equation.lhs)


class References:
    """Stands for the states of a recurrence while one of its equations is read."""

    def __init__(
        self,
        part: Part,
        parts: Sequence[Part],
        cases: BaseCases,
        key: str,
        steps: Expr,
        descending: bool,
        reader: SubscriptReader,
    ) -> None:
        self.same_step: list[Any] = []
        self._cases, self._reader = cases, reader
        self._part, self._key, self._steps, self._descending = part, key, steps, descending
        self._parts = {other.base: other for other in parts}

    def earlier(self, base: Any, subs: Sequence[Expr], where: Basic, scope: Scope) -> Referred | None:
        """The placeholder for an entry of a state, and its subscripts; None for what is no state of the recurrence."""
        other = self._parts.get(base)
        if other is None:
            return None
        subs = checked_axes(base, subs, where)
        fixed = self._cases.entry(base, subs, where, scope)
        if fixed is not None:
            return fixed
        time, first = self._part.time, self._part.first_time
        offset = expand(subs[other.axis] - time)
        found = scope.indices.get(time)
        if found is None or found.letter != time:
            raise UnsupportedError(f"{self._place(where)}: the time {time} means something else here")
        if not offset.is_Integer:
            return self._at_any_time(other, subs, where, scope)
        lag = other.state.start - first - int(offset)
        self._check(other, lag, where)
        if lag == 0:
            self.same_step.append(base)
        node = previous(self._key, other.state, self._steps, lag)
        return Referred(node, [time - first if axis == other.axis else sub for axis, sub in enumerate(subs)])

    def _place(self, where: Basic) -> str:
        return f"{place_of(where)} in the recurrence {place_of(self._part.equation.lhs)} = ..."

    def _at_any_time(self, other: Part, subs: Sequence[Expr], where: Basic, scope: Scope) -> Referred:
        """An entry whose time is an index that ends before this one, or data that a fact says is earlier.

        Raises
        ------
        ModelError : nothing says that the entry is known.
        """
        sub, axis = subs[other.axis], other.axis
        now = expand(self._part.time + other.state.start - self._part.first_time)
        gap = sub - now if self._descending else now - sub
        data = sorted((part for part in sub.atoms(Indexed)), key=str)
        if data and self._descending:
            raise UnsupportedError(f"{self._place(where)}: data as times of a recurrence that runs down")
        stand_ins = {part: Dummy(str(part), integer=True) for part in data}
        guards = tuple(expand(guard.xreplace(stand_ins)) for guard in self._said(data, scope))
        current = not self._reader.are_positive([gap.xreplace(stand_ins)], scope, guards)
        if current:
            own = bool(data) and other.base == self._part.base
            if own or not self._reader.are_positive([(gap + 1).xreplace(stand_ins)], scope, guards):
                self._refuse(sub, now, data, where)
            self.same_step.append(other.base)
        if not data:
            self._reader.check_defined(other.base, sub, axis, where, scope)
        elif other.state.start > len(other.bases):
            raise UnsupportedError(f"{self._place(where)}: {name_of(other.base)} has no base case to refer to by data")
        node = past(self._key, other.state, self._steps, current)
        step = self._part.time - self._part.first_time
        return Referred(node, [step, *subs], {axis + 1: now + (1 if current else 0)} if data else {})

    def _said(self, data: Sequence[Indexed], scope: Scope) -> Iterator[Expr]:
        """Expressions that facts say are not negative: parent[n] < n, for the n of each of these entries."""
        known = {*scope.indices, *self._reader.symbols.dimensions}
        for entry in data:
            for fact in self._reader.symbols.facts:
                for pattern in fact.atoms(Indexed):
                    if pattern.base != entry.base or len(set(pattern.indices)) < len(pattern.indices):
                        continue
                    at = dict(zip(pattern.indices, entry.indices, strict=False))
                    said = guards_of(fact.xreplace(at) if all(index.is_Symbol for index in at) else fact)
                    yield from (guard for guard in said if guard.free_symbols - known <= entry.free_symbols)

    def _refuse(self, sub: Expr, now: Expr, data: Sequence[Indexed], where: Basic) -> None:
        if data:
            label = data[0]
            raise ModelError(
                f"{self._place(where)}: nothing says that {sub} comes before {now}; add a fact, such as "
                f"facts=[{label} < {label.indices[-1]}]"
            )
        raise ModelError(
            f"{self._place(where)} is not known yet for all values of its indices: {sub} does not stay "
            f"{'above' if self._descending else 'below'} {now}; refer to what comes before"
        )

    def _check(self, other: Part, lag: int, where: Basic) -> None:
        place = self._place(where)
        ahead = -lag if not self._descending else lag
        if ahead > 0:
            direction = "down from its last entry" if self._descending else "up from its first entry"
            hint = "refer to what comes before"
            if not (other.bases or self._descending):
                name, time, first = name_of(other.base), self._part.time, self._part.first_time
                hint = (
                    f"{name} has {self._steps} entries, one for each step, so that its entry {other.state.start} is "
                    f"that of {time} = {first}: refer to it at {time + other.state.start - first}, or declare {name} "
                    f"with {expand(self._steps + first)} entries"
                )
            raise ModelError(f"{place} is not known yet: the recurrence runs {direction}; {hint}")
        if -ahead > len(other.bases):
            edge = (other.state.shape[other.axis] if self._descending else other.state.start) - 1
            have = f"{len(other.bases)} base case{'s' if len(other.bases) != 1 else ''}"
            raise ModelError(
                f"{place} refers {-ahead} steps back, but {name_of(other.base)} has {have}: at the first step it is "
                f"an entry that no equation defines; add a base case (entry {edge} comes before the first step) or "
                "change the shape"
            )
