"""Conditions on one index as ranges of it: i = 0 is the range 0 … 1, i > 0 and i < N − 1 all but two ranges."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sympy import And, Eq, Expr, Ge, Gt, Integer, Le, Lt, Ne, Not, Or, S, Symbol, expand

from symgrad.graph.build import ONE, subtract
from symgrad.graph.dimensions import at_smallest
from symgrad.graph.nodes import Apply, Letter, Node, Range, Size, Use
from symgrad.graph.transform import place, terms_of

# Of a slice that ends so far before the end of its axis, nothing is left where the axis is shorter: `x[:-2]` of one
# entry has none, and `x[:-3]` of two has one.
NEAREST = 2
_FARTHEST = 50  # slices that start or stop further from the ends of an axis are not looked at

_TURNED: dict[Any, Any] = {Lt: Gt, Le: Ge, Gt: Lt, Ge: Le}


class Span(NamedTuple):
    """The positions start … stop − 1, on an axis, or as far as it has them; from None up, or up to None, all."""

    start: Expr | None
    stop: Expr | None


class Slice(NamedTuple):
    """A slice along an axis, as Python takes it."""

    start: Expr
    stop: Expr


class Paint(NamedTuple):
    """Where a condition holds, or does not, whatever it does elsewhere."""

    start: Expr
    stop: Expr
    holds: bool


@dataclass(frozen=True)
class Painting:
    """Where a condition holds along an axis: what it is first, and then in these ranges, the last of which counts."""

    letter: Letter
    side: Expr
    first: bool
    paints: tuple[Paint, ...]

    @property
    def opposite(self) -> "Painting":
        paints = tuple(one._replace(holds=not one.holds) for one in self.paints)
        return Painting(self.letter, self.side, not self.first, paints)

    def beginning(self, first: bool) -> "Painting | None":
        """The same with `first` as what it is first, and its opposite in all ranges; None if there is no such."""
        if self.first == first:
            return self if all(one.holds != first for one in self.paints) else None
        if not self.paints:
            return replace(self, first=first, paints=(Paint(S.Zero, self.side, not first),))
        if len(self.paints) > 1 or self.paints[0].holds != first:
            return None
        start, stop, _ = self.paints[0]
        if start == 0:
            return Painting(self.letter, self.side, first, (Paint(stop, self.side, not first),))
        return (
            Painting(self.letter, self.side, first, (Paint(S.Zero, start, not first),)) if stop == self.side else None
        )

    def spans(self) -> list[Paint]:
        """The condition by ranges that take in all positions, the last of which counts; first those between paints."""
        between = []
        last: Expr = S.Zero
        for start, stop, _ in sorted(self.paints, key=lambda one: _order(one.start, self.side)):
            if _order(last, self.side) < _order(start, self.side):
                between.append(Paint(last, start, self.first))
            last = max(last, stop, key=lambda end: _order(end, self.side))
        if _order(last, self.side) < _order(self.side, self.side):
            between.append(Paint(last, self.side, self.first))
        return [*between, *self.paints]


class Sizes:
    """What is known of sizes, of which some are at least so large."""

    def __init__(self, smallest: Mapping[Symbol, int]) -> None:
        self._smallest = smallest
        self._paintings: dict[tuple[Node, Letter], Painting | None] = {}

    def reaches(self, larger: Expr, smaller: Expr) -> bool:
        """Whether larger >= smaller for all sizes."""
        gap = expand(larger - smaller)
        least = at_smallest(gap.xreplace({s: s + self._smallest.get(s, 0) for s in gap.free_symbols}), 0)
        return least is not None and bool(least >= 0)

    def is_end(self, end: Expr, side: Expr) -> bool:
        """Whether a slice of an axis may start or stop there, however short the axis is."""
        if end.is_Integer:
            return bool(end >= 0)
        before = expand(side - end)
        return bool(before.is_Integer) and before >= 0 and (before <= NEAREST or self.reaches(end, S.Zero))

    def are_apart(self, one: Paint, other: Paint) -> bool:
        """Whether two ranges have nothing in common for all sizes."""
        return self.reaches(one.start, other.stop) or self.reaches(other.start, one.stop)

    def agree(self, target: Slice, side: Expr, source: Slice, other: Expr) -> bool:
        """Whether a slice of one array takes as many entries as that of another, from where its first one comes from.

        `side` and `other` are the lengths of their axes.
        """
        ends = [side, other, *target, *source]
        shift = expand(source.start - target.start)
        for at in self._short(ends):
            n, m, *places = (int(end.xreplace(at)) for end in ends)
            into, out = range(n)[places[0] : places[1]], range(m)[places[2] : places[3]]
            if len(into) != len(out):
                return False
            if len(into) and out.start != into.start + int(shift.xreplace(at)):
                return False
        return self._is_short(ends)

    def _is_short(self, ends: Sequence[Expr]) -> bool:
        """Whether ends lie near the start of an axis or near its end, so that short axes show all that there is."""
        symbols = {symbol for end in ends for symbol in end.free_symbols}
        return len(symbols) <= 1 and all(
            end.is_polynomial(*symbols)
            and all(end.coeff(symbol) in (0, 1) and end.coeff(symbol, 2) == 0 for symbol in symbols)
            and _constant(end).is_Integer
            and abs(_constant(end)) <= _FARTHEST
            for end in ends
        )

    def _short(self, ends: Sequence[Expr]) -> Iterator[dict[Symbol, Integer]]:
        """Sizes at which ends near either end of an axis, of which the first is the length, lie in all their orders."""
        if not self._is_short(ends):
            return
        symbols = {symbol for end in ends for symbol in end.free_symbols}
        most = 2 * max(abs(_constant(end)) for end in ends) + 2 if symbols else 0
        least = max((self._smallest.get(symbol, 0) for symbol in symbols), default=0)
        for length in range(least, int(most) + 1 if symbols else least + 1):
            at = dict.fromkeys(symbols, Integer(length))
            if ends[0].xreplace(at) >= 0:
                yield at

    def painting(self, condition: Use) -> Painting | None:
        """A condition on one index as ranges; None if it is another one, or its ranges have no slices."""
        if len(condition.letters) != 1:
            return None
        (letter,), (side,) = condition.letters, condition.node.shape
        key = condition.node, letter
        if key not in self._paintings:
            found = self._painting(condition, letter, side)
            self._paintings[key] = found if found is not None and self._is_exact(condition, found) else None
        return self._paintings[key]

    def _is_exact(self, condition: Use, painting: Painting) -> bool:
        """Whether ranges say what the condition does on short axes, too, where they are in another order."""
        ends = [painting.side, *(end for one in painting.spans() for end in one[:2])]
        for at in self._short(ends):
            n, *places = (int(end.xreplace(at)) for end in ends)
            found: dict[int, bool] = {}
            for one, low, high in zip(painting.spans(), places[::2], places[1::2], strict=True):
                found |= dict.fromkeys(range(n)[low:high], one.holds)
            if any(found.get(i) is not _holds(condition, i, at) for i in range(n)):
                return False
        return self._is_short(ends)

    def _painting(self, condition: Use, letter: Letter, side: Expr) -> Painting | None:
        node = condition.node
        if not isinstance(node, Apply):
            return None
        if node.head in (And, Or, Not):
            parts = [self._painting(place(part, condition.letters), letter, side) for part in node.args]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            return known[0].opposite if node.head is Not else _joined(known, node.head is And)
        found = _comparison(condition)
        if found is None:
            return None
        (start, stop), holds = found
        start, stop = S.Zero if start is None else start, side if stop is None else stop
        empty = self.reaches(start, side) or self.reaches(S.Zero, stop)
        start = S.Zero if self.reaches(S.Zero, start) else start
        stop = side if self.reaches(stop, side) else stop
        if not empty and not (self.is_end(start, side) and self.is_end(stop, side)):
            return None
        return Painting(letter, side, not holds, () if empty else (Paint(start, stop, holds),))

    def truth(self, condition: Use, letters: Mapping[Letter, Slice]) -> bool | None:
        """Whether a condition holds where indices are in ranges; None if it may or may not."""
        node = condition.node
        if not isinstance(node, Apply):
            return None
        if node.head in (And, Or, Not):
            truths = [self.truth(place(part, condition.letters), letters) for part in node.args]
            if node.head is Not:
                return None if truths[0] is None else not truths[0]
            deciding = node.head is Or
            return deciding if deciding in truths else None if None in truths else not deciding
        found = _comparison(condition)
        if found is None or condition.letters[0] not in letters:
            return None
        (start, stop), holds = found
        low, high = letters[condition.letters[0]]
        if (start is None or self.reaches(low, start)) and (stop is None or self.reaches(stop, high)):
            return holds
        if (start is not None and self.reaches(start, high)) or (stop is not None and self.reaches(low, stop)):
            return not holds
        return None


def _order(end: Expr, side: Expr) -> tuple[bool, Expr]:
    """In which order ends come on a long axis: those that are counted from its start before those from its end."""
    return (False, end) if end.is_Integer else (True, expand(end - side))


def _joined(parts: Sequence[Painting], both: bool) -> Painting | None:
    """a and b, or a or b: what another condition leaves is cut out of one, or what it has added to that."""
    cut = [part.beginning(both) for part in parts]
    rest = [part for part, found in zip(parts, cut, strict=True) if found is None]
    if len(rest) > 1:
        return None
    paints = [paint for found in cut if found is not None for paint in found.paints]
    first = rest[0] if rest else Painting(parts[0].letter, parts[0].side, both, ())
    return replace(first, paints=(*first.paints, *paints))


def _constant(end: Expr) -> Expr:
    """The end for a dimension of 0."""
    return end.xreplace(dict.fromkeys(end.free_symbols, S.Zero))


def _holds(condition: Use, position: int, at: Mapping[Symbol, Integer]) -> bool:
    """Whether a condition on one index holds at a position, for these sizes."""
    node = condition.node
    assert isinstance(node, Apply)
    if node.head in (And, Or, Not):
        truths = [_holds(place(part, condition.letters), position, at) for part in node.args]
        return not truths[0] if node.head is Not else all(truths) if node.head is And else any(truths)
    found = _comparison(condition)
    assert found is not None
    (start, stop), holds = found
    inside = (start is None or position >= start.xreplace(at)) and (stop is None or position < stop.xreplace(at))
    return bool(inside) is holds


def _comparison(condition: Use) -> tuple[Span, bool] | None:
    """Between which positions a comparison of an index with numbers and sizes holds, or where it does not.

    None of any other condition.
    """
    node = condition.node
    if not isinstance(node, Apply) or node.head not in (Eq, Ne, Lt, Le, Gt, Ge):
        return None
    left, right = (place(arg, condition.letters) for arg in node.args)
    sign, end = S.Zero, S.Zero
    for coefficient, term in terms_of(subtract(left, right)):
        if isinstance(term.node, Range) and coefficient in (1, -1) and sign == 0:
            sign = coefficient
        elif isinstance(term.node, Size) or term.node is ONE.node:
            end += coefficient * (term.node.value if isinstance(term.node, Size) else 1)
        else:
            return None
    if sign == 0 or not end.is_polynomial() or len(condition.letters) != 1:
        return None
    end = expand(-sign * end)
    head = node.head if sign == 1 else _TURNED.get(node.head, node.head)
    if head in (Eq, Ne):
        return Span(end, end + 1), head is Eq
    span = {Lt: Span(None, end), Le: Span(None, end + 1), Gt: Span(end + 1, None), Ge: Span(end, None)}[head]
    return span, True
