"""The base cases of a recurrence as terms, also where a step or another base case refers to one, as to h[0, k]."""

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Basic, Expr, Idx, S, Symbol
from sympy.core.relational import Equality

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.left_sides import axes_of, checked_axes, lengths_of, scope_of, subscripts_of
from symgrad.frontend.reader import IndexReader
from symgrad.frontend.scope import Index, Referred, Scope, place_of
from symgrad.graph.dimensions import equal
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Use


class BaseCases:
    """The base cases of the states of a recurrence; each is read when it is first asked for."""

    def __init__(self, cases: Mapping[Any, Sequence[Equality]], axes: Mapping[Any, int], reader: IndexReader) -> None:
        self._cases, self._axes, self._reader = dict(cases), axes, reader
        self._terms: dict[Equality, Use] = {}
        self._begun: set[Equality] = set()

    def admit(self, base: Any, cases: Sequence[Equality]) -> bool:
        """Take base cases that nobody wrote, but that the equation of a state gives; whether they can be read."""
        if not cases:
            return False
        before, self._cases[base] = self._cases[base], cases
        try:
            with self._reader.symbols.attempt():
                self.of(base)
        except (ModelError, UnsupportedError):
            self._cases[base] = before
            return False
        return True

    def of(self, base: Any) -> list[tuple[Expr, Use]]:
        """Where along the time the base cases of a state stand, and their terms over its axes."""
        return [(axes_of(case.lhs)[self._axes[base]], self._term(case, base)) for case in self._cases[base]]

    def entry(self, base: Any, subs: Sequence[Expr], where: Basic, scope: Scope) -> Referred | None:
        """The term of a base case that an entry at a fixed time is, and its subscripts; None if it is none."""
        for case in self._cases.get(base, ()):
            if equal(axes_of(case.lhs)[self._axes[base]], subs[self._axes[base]]):
                self._check(base, subs, where, scope)
                self._reader.symbols.resumed[base] = None
                term = self._term(case, base)
                return Referred(term.node, [subs[axis] for axis in term.letters])
        return None

    def _check(self, base: Any, subs: Sequence[Expr], where: Basic, scope: Scope) -> None:
        """Refuse subscripts beyond the axes of the state, which those of the base case's term need not have."""
        for axis, (sub, length) in enumerate(zip(subs, lengths_of(base), strict=True)):
            self._reader.check_range(sub, length, axis, where, scope)

    def _inside(self, base: Any, subs: Sequence[Expr], where: Basic, scope: Scope) -> Referred | None:
        """What stands for an entry of the recurrence inside a base case."""
        if base not in self._axes:
            return None
        found = self.entry(base, checked_axes(base, subs, where), where, scope)
        if found is None:
            raise UnsupportedError(
                f"a base case refers to {place_of(where)} of the same recurrence, which is no base case; write out its "
                "value"
            )
        return found

    def _term(self, case: Equality, base: Any) -> Use:
        if case in self._terms:
            return self._terms[case]
        if case in self._begun:
            raise ModelError(f"the base case {place_of(case)} refers to itself")
        self._begun.add(case)
        left, lengths = checked_axes(base, subscripts_of(case.lhs), case.lhs), lengths_of(base)
        scope, axes = scope_of(case.lhs), {}
        for axis, sub in enumerate(left):
            if axis == self._axes[base]:
                continue
            if not isinstance(sub, Symbol | Idx) or sub in axes:
                raise UnsupportedError(
                    f"{case.lhs} = ...: the subscript {sub} on the left is not an index, or appears twice"
                )
            scope = scope.with_index(sub, Index(sub, S.Zero, lengths[axis]))
            axes[sub] = axis
        with self._reader.symbols.standing_for(self._inside):
            self._terms[case] = relabel(self._reader.read(case.rhs, scope), axes)
        return self._terms[case]
