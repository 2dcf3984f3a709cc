"""Equations between whole numbers solved for an index: i = a[e], i + j = N − 1, ⌊i/3⌋ = j, Mod(i − j, n) = 0.

That their distance is at most a number, |a[e] − i| ≤ 1, is as many equations.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sympy import Abs, Eq, Expr, Ge, Lt, Max, Min, Mod, Ne, S, Symbol, ceiling, expand, floor

from symgrad.calculus.bands import MOST_LINES, multiplied, within
from symgrad.functions import if_else, in_range
from symgrad.graph.affine import affine
from symgrad.graph.build import ZERO, add, apply, gather, index, number, product_of_powers, scale, size, subtract
from symgrad.graph.comparisons import Mask
from symgrad.graph.dimensions import at_smallest
from symgrad.graph.facts import is_integral
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Letter, Range, Use
from symgrad.graph.transform import factors_of, place, terms_of

Lengths = Mapping[Letter, Expr]
Interval = tuple[Expr, Expr]


class Solution(NamedTuple):
    """An index is at `place` where all `conditions` hold, and else no position along its axis solves the equation.

    `lengths` are those of letters that number the solutions, no two of which are the same.
    """

    place: Use
    conditions: tuple[Use, ...]
    lengths: Lengths


class Equation(NamedTuple):
    """gap = k for one k of 0 ... count − 1, which are whole numbers."""

    gap: Use
    count: Expr


def equation(mask: Mask) -> Equation | None:
    """The equation between whole numbers that a mask says, or that their distance is at most a number; else None."""
    node = mask.condition.node
    near = within(mask)
    if near is not None:
        gap, reach = near
        if not (reach.is_Integer and 0 <= 2 * reach < MOST_LINES and _is_whole(gap)):
            return None
        return Equation(add([(S.One, gap), (S.One, size(reach))]), 2 * reach + 1)
    if not isinstance(node, Apply) or node.head is not (Eq if mask.holds else Ne):
        return None
    left, right = (place(side, mask.condition.letters) for side in node.args)
    whole = _is_whole(multiplied(left)[1]) and _is_whole(multiplied(right)[1])
    return Equation(subtract(left, right), S.One) if whole else None


def solved(stated: Equation, letter: Letter, lengths: Lengths, fresh: Iterator[int]) -> Solution | None:
    """An equation solved for an index; None if it is none that can be.

    What has been rounded down, or taken a remainder of, is one of several numbers, which a letter of its own counts.
    Solutions that are no whole numbers, or beside the axis, are none, as a condition says.
    """
    found = _counted(stated.gap, stated.count, S.NegativeOne, letter, lengths, fresh)
    if found is None:
        return None
    beside = _outside(found.place, lengths[letter], {**lengths, **found.lengths})
    return found._replace(conditions=(*found.conditions, *beside))


def where_equal(use: Use, condition: Use, image: Use, there: Use) -> Use:
    """A term with another condition for one in it, and without a check that the solution is on its axis."""
    node = use.node
    if use == condition:
        return image
    if not {*condition.letters} <= {*use.letters}:
        return use
    if isinstance(node, Add):
        return add((c, where_equal(term, condition, image, there)) for c, term in terms_of(use))
    if isinstance(node, Contract) and not node.bound:
        return product_of_powers([(where_equal(f, condition, image, there), e) for f, e in factors_of(use)])
    if isinstance(node, Gather):
        subs = [where_equal(place(sub, use.letters), condition, image, there) for sub in node.subs]
        return gather(node.base, subs)
    if isinstance(node, Apply):
        args = [where_equal(place(arg, use.letters), condition, image, there) for arg in node.args]
        return there if node.head is in_range and args[0] == there else apply(node.head, args)
    return use


def _outside(value: Use, length: Expr, lengths: Lengths, filled: Iterable[Expr] = ()) -> list[Use]:
    """Conditions that say that 0 ≤ value < length, of those that do not go without saying.

    A size may be 0, but not that of a letter of the value, without which there are no entries, or one of the `filled`.
    """
    low, high = _interval(value, lengths) or (None, None)
    left = None if high is None else length - 1 - high
    more = _excess([*filled, *(lengths[letter] for letter in value.letters)])
    said = ((low, apply(Ge, [value, ZERO])), (left, apply(Lt, [value, size(length)])))
    room = [(None if gap is None else at_smallest(expand(gap.xreplace(more)), 0), one) for gap, one in said]
    return [condition for gap, condition in room if gap is None or gap < 0]


def _excess(lengths: Iterable[Expr]) -> dict[Symbol, Expr]:
    """Dimensions as what they have beyond the least that lengths of at least 1 allow: N as N + 2 for N − 1."""
    least: dict[Symbol, Expr] = {}
    for length in lengths:
        for symbol in length.free_symbols:
            rest = expand(length - symbol)
            if rest.is_Integer:
                least[symbol] = max(least.get(symbol, S.Zero), 1 - rest)
    return {symbol: symbol + first for symbol, first in least.items()}


def _undone(gap: Use, letter: Letter, lengths: Lengths, fresh: Iterator[int]) -> Solution | None:
    """The index at which a gap is zero."""
    _, gap = multiplied(gap)
    inside = [(c, term) for c, term in terms_of(gap) if letter in term.letters]
    rest = add((-c, term) for c, term in terms_of(gap) if letter not in term.letters)
    if len(inside) != 1:
        return None
    ((coefficient, term),) = inside
    value, conditions = scale(coefficient, rest), tuple[Use, ...]()
    if abs(coefficient) != 1:
        value = apply(floor, [scale(1 / coefficient, rest)])
        conditions = (apply(Eq, [apply(Mod, [rest, size(abs(coefficient))]), ZERO]),)
    found: Solution | None = None
    if isinstance(term.node, Range):
        found = Solution(value, (), {})
    elif isinstance(term.node, Apply) and term.node.head in _INVERSES:
        args = [place(arg, term.letters) for arg in term.node.args]
        found = _INVERSES[term.node.head](args, value, letter, lengths, fresh)
    return None if found is None else found._replace(conditions=(*conditions, *found.conditions))


def _of_floor(args: list[Use], value: Use, letter: Letter, lengths: Lengths, fresh: Iterator[int]) -> Solution | None:
    """⌊x/m⌋ = v says that x = m·v + k for one k of 0 ... m − 1."""
    (one,) = args
    by, whole = multiplied(one)
    if not _is_whole(whole):
        return None
    return _counted(subtract(whole, scale(by, value)), by, S.NegativeOne, letter, lengths, fresh)


def _of_remainder(
    args: list[Use], value: Use, letter: Letter, lengths: Lengths, fresh: Iterator[int]
) -> Solution | None:
    """Mod(x, n) = v says that x = v + n·k for some k, if 0 ≤ v < n."""
    by, ends = affine(args[1]), _interval(args[0], lengths)
    if by is None or by.steps or not by.start.is_positive or ends is None or not _is_whole(args[0]):
        return None
    turns = [_turns(end, by.start) for end in ends]
    if turns[0] is None or turns[1] is None:
        return None
    low, high = turns[0][0], turns[1][1]
    gap = subtract(args[0], add([(S.One, value), (S.One, size(expand(low * by.start)))]))
    found = _counted(gap, expand(high - low + 1), -by.start, letter, lengths, fresh)
    beside = _outside(value, by.start, lengths, [by.start])
    return None if found is None else found._replace(conditions=(*found.conditions, *beside))


def _turns(end: Expr, by: Expr) -> Interval | None:
    """Bounds of ⌊end/by⌋, which may be 0 where nothing is computed; None of an end that is not a number of times by."""
    if by.is_number:
        return floor(end / by), floor(end / by)
    times = expand(end).coeff(by)
    rest = expand(end - times * by)
    if not (times.is_Integer and rest.is_Integer):
        return None
    return times + Min(0, rest), times + Max(rest, -1 if rest < 0 else 0)


def _of_distance(
    args: list[Use], value: Use, letter: Letter, lengths: Lengths, fresh: Iterator[int]
) -> Solution | None:
    """|x| = v with a number v > 0 says that x = −v + 2·v·k for one k of 0 and 1."""
    reach = number(value)
    if reach is None or not reach.is_positive:
        return None
    return _counted(add([(S.One, args[0]), (S.One, value)]), S(2), -2 * reach, letter, lengths, fresh)


_INVERSES: dict[Any, Any] = {floor: _of_floor, Mod: _of_remainder, Abs: _of_distance}


def _counted(
    gap: Use, count: Expr, step: Expr, letter: Letter, lengths: Lengths, fresh: Iterator[int]
) -> Solution | None:
    """The index at which gap + step·k is zero, for each k of 0 ... count − 1."""
    if count == 1:
        return _undone(gap, letter, lengths, fresh)
    counted = ("e", next(fresh))
    along = index(counted, count)
    along = scale(step, along) if step.is_number else product_of_powers([(size(step), S.One), (along, S.One)])
    more = {counted: count}
    found = _undone(add([(S.One, gap), (S.One, along)]), letter, {**lengths, **more}, fresh)
    return None if found is None else found._replace(lengths={**more, **found.lengths})


def _is_whole(use: Use) -> bool:
    """Whether a term is a whole number, as far as its form shows."""
    node = use.node
    if isinstance(node, Add):
        return all(c.is_Integer and _is_whole(term) for c, term in node.terms)
    if isinstance(node, Apply) and node.head in (floor, ceiling):
        return True
    if isinstance(node, Apply) and node.head in (Mod, Max, Min, Abs, if_else, in_range):
        parts = node.args[1:] if node.head is if_else else node.args[:1] if node.head is in_range else node.args
        return all(map(_is_whole, parts))
    return is_integral(use)


def _interval(use: Use, lengths: Lengths) -> Interval | None:
    """The least and the greatest value of a term of indices; None if these are not known."""
    node = use.node
    one = affine(use)
    if one is not None:
        lasts = [(step, step * (lengths[letter] - 1)) for letter, step in one.steps]
        falls, rises = (
            sum((last for step, last in lasts if step.is_negative == falling), S.Zero) for falling in (True, False)
        )
        return expand(one.start + falls), expand(one.start + rises)
    if isinstance(node, Add):
        parts = [(c, _interval(term, lengths)) for c, term in terms_of(use)]
        known = [(c * ends[bool(c < 0)], c * ends[bool(c > 0)]) for c, ends in parts if ends is not None]
        low, high = (sum((ends[n] for ends in known), S.Zero) for n in (0, 1))
        return (low, high) if len(known) == len(parts) else None
    if isinstance(node, Apply) and node.head is floor:
        found = _interval(place(node.args[0], use.letters), lengths)
        return None if found is None else (floor(found[0]), floor(found[1]))
    if isinstance(node, Apply) and node.head is Mod:
        by = affine(node.args[1])
        return None if by is None or by.steps or not by.start.is_positive else (S.Zero, by.start - 1)
    return None
