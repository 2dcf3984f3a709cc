"""Reads subscripts: which positions they are, and that no position beyond an array is read."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from sympy import And, Basic, Dummy, Expr, Idx, Indexed, MatrixSymbol, Ne, Or, S, Symbol, expand, floor
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError
from symgrad.frontend.bounds import (
    Indices,
    greatest,
    is_affine,
    is_positive,
    is_whole_number,
    least,
    rectangular,
    scaled_to_integer,
)
from symgrad.frontend.conditions import are_positive, guards_of, narrowed, pinned
from symgrad.frontend.labels import has_entry_across
from symgrad.frontend.names import base_symbol, name_of
from symgrad.frontend.positions import Place, padded, padding
from symgrad.frontend.scope import Scope, Symbols, place_of
from symgrad.functions import if_else, in_range
from symgrad.graph.build import ZERO, add, apply, gather, index, reduce, size, sizes_of
from symgrad.graph.dimensions import as_quotient, equal
from symgrad.graph.nodes import Const, Use, intern
from symgrad.walk import Preorder

Request = tuple[Basic, Scope]
Reading = Generator[Request, Use, Use]


class SubscriptReader:
    """Reads entries of arrays; a reading of a subscript yields what it needs, as every reading does."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        # entries of padded arrays, with the expressions that are not negative where the position is no padding
        self._zero_outside: dict[Use, list[Expr]] = {}
        # what messages call a position: as it is written first, so that the names of its indices make no difference
        self._place_names: dict[tuple[Basic, Basic], str] = {}

    def _escaped(self, symbol: Any) -> ModelError:
        given = f"Symbol({str(symbol)!r}, integer=True)"
        return ModelError(
            f"the index {symbol} is free where it must not be: no sum, reduction or left side in "
            "`where` binds it here. "
            "SymPy takes indices out of nested sums of a Piecewise; write if_else(cond, a, b) "
            "instead of the Piecewise, "
            f"or name the inner sum in `where`. Otherwise bind it: Sum(..., ({symbol}, 0, N-1))"
            + ("" if symbol.is_integer else f"; or, if it is an integer that is given, declare it {given}")
        )

    def _subscripts(self, base: Any, subscripts: Sequence[Expr], whole: Basic, scope: Scope) -> Reading:
        earlier = self.symbols.earlier(base, subscripts, whole, scope) if self.symbols.earlier else None
        node = self.symbols.nodes.get(base) if earlier is None else earlier.node
        subscripts = subscripts if earlier is None else earlier.subscripts
        ends = {} if earlier is None else earlier.ends
        if node is None:
            raise ModelError(
                f"{place_of(whole)}: {name_of(base)} is not an argument or a name of `where` of this model"
            )
        thin = isinstance(base, MatrixSymbol) and earlier is None
        shape = tuple(S(length) for length in base.shape) if thin else node.shape
        if len(subscripts) != len(shape):
            raise ModelError(
                f"{place_of(whole)} has {len(subscripts)} subscripts, but {name_of(base)} has {len(shape)} axes"
            )
        places = []
        for axis, (sub, length) in enumerate(zip(subscripts, shape, strict=True)):
            self._refuse_escaped(sub, scope)
            places.append(self.check_range(sub, length, axis, whole, scope))
            if earlier is None:
                self.check_defined(base, sub, axis, whole, scope)
        # whole numbers beside zeros of a floating type would not be whole any more
        pads = None if getattr(node, "integer", False) else padding(subscripts, shape, places, scope)
        terms = []
        for axis, (sub, length) in enumerate(zip(subscripts, shape, strict=True)):
            if length == 1 and thin:
                continue  # sides of one have no axis in the graph
            end = ends.get(axis, length)
            place = "inside" if pads else places[axis] if axis not in ends else "checked"
            terms.append((yield from self._position(sub, end, place, whole, scope)))
        if pads is None:
            return gather(Use(node, tuple(range(node.rank))), terms)
        shifted = [add([(S.One, term), (S.One, size(before))]) for term, (before, _) in zip(terms, pads, strict=True)]
        entry = gather(padded(node, pads), shifted)
        self._zero_outside[entry] = [
            expand(end) for sub, length in zip(subscripts, shape, strict=True) for end in (sub, length - 1 - sub)
        ]
        return entry

    def _refuse_escaped(self, sub: Expr, scope: Scope) -> None:
        """Every symbol of a subscript that is not inside another subscript is an index in scope or a number."""
        walk = Preorder(sub)
        for part in walk:
            if isinstance(part, Indexed | MatrixElement):
                walk.skip()
            elif part in scope.indices:
                walk.skip()  # an Idx has its label and range inside
            elif isinstance(part, Symbol | Idx) and not self._is_number(part):
                raise self._escaped(part)

    def _is_number(self, symbol: Any) -> bool:
        """Whether a symbol is an integer that the module is given: a dimension, or an argument declared so."""
        return symbol in self.symbols.dimensions or (symbol in self.symbols.nodes and bool(symbol.is_integer))

    def _is_data(self, sub: Expr, scope: Scope) -> bool:
        """Whether the value of a subscript is known only when the module runs."""
        given = sub.free_symbols - self.symbols.dimensions - scope.indices.keys()
        return sub.has(Indexed, MatrixElement) or any(symbol in self.symbols.nodes for symbol in given)

    def check_range(self, sub: Expr, length: Expr, axis: int, whole: Basic, scope: Scope) -> Place:
        """Where the positions of a subscript lie; refuse an affine one that leaves its axis for some sizes."""

        def where() -> str:  # in messages only: to print takes longer than to check
            return f"{place_of(whole)}: subscript {axis + 1}, {sub},"

        index = scope.indices.get(sub)
        if index is not None and index.start == 0 and index.length == length:
            return "inside"  # it runs over the axis
        if not is_whole_number(sub, scope.conditions):
            raise ModelError(f"{where()} is not an integer for all values of its indices; floor({sub}) is")
        if self._is_data(sub, scope):
            label = self.symbols.labels.get(base_symbol(sub))
            return "inside" if label is not None and equal(label, length) else "checked"
        everywhere, ends = rectangular(scope.indices), (sub + 1, length - sub)
        if all(is_positive(end, everywhere, self.symbols.promised) for end in ends):
            if not any(sub.has(symbol) for symbol in scope.indices):
                self.symbols.require_entries(length)
            return "inside"
        if self._is_guarded(ends, scope):
            if not any(sub.has(symbol) for symbol in scope.indices):
                self.symbols.require_entries(length)
            return "guarded"
        at = pinned(scope.conditions, scope.indices)
        if at and sub.has(*at):
            place = self.check_range(sub.xreplace(at), length, axis, whole, scope)
            return "checked" if place == "checked" else "guarded"
        low, high = least(sub, everywhere), greatest(sub, everywhere)
        if low is None or high is None or not is_affine(sub, scope.indices):
            self.symbols.note_margins((sub, length - 1 - sub), scope)
            return "checked"
        self.symbols.require_non_negative(
            expand(low), lambda: f"{where()} goes down to {low}; subscripts start at 0 and do not wrap around"
        )
        self.symbols.require_non_negative(
            expand(length - 1 - high),
            lambda: (
                f"{where()} goes up to {high}, but the axis has size {length}, so it ends at {expand(length - 1)}; "
                "make the limits or the shape agree"
            ),
        )
        return "inside"

    def are_positive(self, ends: Sequence[Expr], scope: Scope, known: Sequence[Expr] = ()) -> bool:
        """Whether expressions are positive wherever the conditions around them hold and `known` are not negative."""
        return self._are_positive(ends, scope.indices, scope.conditions, scope, known)

    def _is_guarded(self, ends: Sequence[Expr], scope: Scope) -> bool:
        """Whether expressions are positive wherever the conditions around them hold."""
        return self._are_positive(ends, scope.indices, scope.conditions, scope)

    def _are_positive(
        self,
        ends: Sequence[Expr],
        indices: Indices,
        conditions: Sequence[Basic],
        scope: Scope,
        known: Sequence[Expr] = (),
    ) -> bool:
        def compares_integers(condition: Relational) -> bool:
            return self._compares_integers(condition, scope)

        ends = [expand(end) for end in ends]
        return are_positive(ends, indices, conditions, compares_integers, (*self.symbols.promised, *known))

    def check_defined(self, base: Any, sub: Expr, axis: int, whole: Basic, scope: Scope) -> None:
        """Refuse a subscript that reaches entries of a quantity that have no equation."""
        if axis not in self.symbols.defined.get(base, {}):
            return
        first, last = self.symbols.defined[base][axis]
        missing = f"{place_of(whole)}: only entries {first} ... {last} of {name_of(base)} are defined"
        if self._is_guarded((sub - first + 1, last - sub + 1), scope):
            return
        everywhere = rectangular(scope.indices)
        low, high = least(sub, everywhere), greatest(sub, everywhere)
        if low is None or high is None:
            raise ModelError(missing)
        self.symbols.require_non_negative(expand(low - first), missing)
        self.symbols.require_non_negative(expand(last - high), missing)

    def _guards(self, condition: Basic, scope: Scope) -> tuple[Expr, ...]:
        """What a condition says about integers: comparisons of real data say nothing."""
        if not isinstance(condition, Relational) or not self._compares_integers(condition, scope):
            return ()
        return narrowed(condition, scope.indices) if isinstance(condition, Ne) else guards_of(condition)

    def _compares_integers(self, condition: Relational, scope: Scope) -> bool:
        known = {*scope.indices, *self.symbols.dimensions}
        parts = {part: Dummy(integer=True) for part in condition.atoms(Indexed) if base_symbol(part) in self._integers}
        for symbol in condition.free_symbols & known:
            parts[symbol] = Dummy(integer=True)
        return bool(scaled_to_integer(condition.lhs - condition.rhs).xreplace(parts).is_integer)

    @property
    def _integers(self) -> set[Any]:
        return {symbol for symbol, node in self.symbols.nodes.items() if getattr(node, "integer", False)}

    def _position(self, sub: Expr, length: Expr, place: Place, whole: Basic, scope: Scope) -> Reading:
        """A subscript as a term whose value is a position on the axis, also where the entry is not used."""
        found = scope.indices.get(sub)
        if found is not None and found.start == 0 and equal(found.length, length):
            return index(found.letter, length)
        term = yield sub, scope
        if as_quotient(sub)[1] != 1:
            term = apply(floor, [term])  # an integer, to be divided as integers are
        if place == "inside":
            return term
        for number in reversed(self._deciding(sub, length, place, scope)):
            holds = yield scope.conditions[number], replace(scope, conditions=scope.conditions[:number])
            term = apply(if_else, [holds, term, ZERO])
        if place == "checked" and (wider := self._on_more_indices(sub, scope)):
            term = apply(if_else, [(yield from self._for_some(wider, sub, scope)), term, ZERO])
        if place == "checked":
            said = self._place_names.setdefault(_unnamed(whole, sub, scope), f"{place_of(whole)}: {sub}")
            label = Use(intern(Const, (), Symbol(said)), ())
            end = (yield length, scope) if length.has(*scope.indices) else size(length)
            term = apply(in_range, [term, end, label])
        return term

    def _deciding(self, sub: Expr, length: Expr, place: Place, scope: Scope) -> list[int]:
        """Which of the conditions around a subscript keep it on its axis: those on its own indices, where they do.

        Else also those on the size of the axis, and on what they compare with one another: of x[i - 1] with i >= j and
        j >= 1 both. Of a position that is data, those that leave it out for its own indices, where there are such.
        """
        if place == "checked" and (found := self._on_entries_of(sub, scope)) is not None:
            return found
        found = [n for n, condition in enumerate(scope.conditions) if condition.free_symbols & sub.free_symbols]
        own, everywhere = [scope.conditions[n] for n in found], rectangular(scope.indices)
        if place == "guarded" and self._are_positive((sub + 1, length - sub), everywhere, own, scope):
            return found
        linked: set[Any] = set()
        compared = sub.free_symbols | length.free_symbols
        while not compared <= linked:
            linked |= compared
            found = [n for n, condition in enumerate(scope.conditions) if condition.free_symbols & linked]
            compared = {symbol for n in found for symbol in scope.conditions[n].free_symbols} - self.symbols.dimensions
        return found

    def _on_entries_of(self, sub: Expr, scope: Scope) -> list[int] | None:
        """The conditions on data that leave out a position that is data for its own indices, with what they stand on.

        None where no condition on data leaves it out. What else they are compared with would make an array over more
        indices of it.
        """
        if not self._is_data(sub, scope):
            return None
        own = _letters(sub, scope)
        inside = [n for n, condition in enumerate(scope.conditions) if _letters(condition, scope) <= own]
        if not any(self._is_data(scope.conditions[n], scope) for n in inside + self._on_more_indices(sub, scope)):
            return None
        return sorted({*inside, *_about(sub, scope)})

    def _on_more_indices(self, sub: Expr, scope: Scope) -> list[int]:
        """The conditions on data with more indices than a position that is data, as m[n, t] > 0 has around label[n].

        With them those on the indices that it lacks, such as t <= n.
        """
        if not self._is_data(sub, scope):
            return []
        own = _letters(sub, scope)
        about, found = _about(sub, scope), set[int]()
        for n, condition in enumerate(scope.conditions):
            if n not in about and has_entry_across(condition, own, scope.indices):
                found.add(n)
        more = {letter for n in found for letter in _letters(scope.conditions[n], scope)} - own
        for n, condition in enumerate(scope.conditions):
            letters = _letters(condition, scope)
            if n not in about and letters & more and letters <= own | more:
                found.add(n)
        return sorted(found)

    def _for_some(self, numbers: Sequence[int], sub: Expr, scope: Scope) -> Reading:
        """Whether conditions hold together for some of the indices that a position lacks: else nothing looks it up."""
        parts = []
        for number in numbers:
            parts.append((yield scope.conditions[number], replace(scope, conditions=scope.conditions[:number])))
        together = apply(And, parts)
        own = {scope.indices[symbol].letter for symbol in _letters(sub, scope)}
        lengths = sizes_of([together])
        return reduce(Or, together, {letter: length for letter, length in lengths.items() if letter not in own})


def _letters(expr: Basic, scope: Scope) -> set[Any]:
    return {symbol for symbol in scope.indices if expr.has(symbol)}


def _about(sub: Expr, scope: Scope) -> list[int]:
    """The conditions that have entries of the same data as a position."""
    bases = {base_symbol(entry) for entry in sub.atoms(Indexed)}
    return [n for n, c in enumerate(scope.conditions) if bases & {base_symbol(entry) for entry in c.atoms(Indexed)}]


def _unnamed(whole: Basic, sub: Expr, scope: Scope) -> tuple[Basic, Basic]:
    """An entry and one of its subscripts, whatever their indices are called."""
    found = dict.fromkeys(part for part in Preorder(whole) if part in scope.indices)
    numbered = {index: Symbol(f"index {number}", integer=True) for number, index in enumerate(found)}
    return whole.xreplace(numbered), sub.xreplace(numbered)
