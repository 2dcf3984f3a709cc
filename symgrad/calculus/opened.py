"""Products of a derivative with the sums opened that its rows and columns share, and its bands taken apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sympy import And, Expr, Ge, Lt, Max, Min, Not, Number, S, expand

from symgrad.calculus.bands import Band, apart, band_of, conjuncts, disjuncts, is_masked, is_of_band, masked
from symgrad.calculus.deltas import at
from symgrad.calculus.equations import Solution, equation, solved, where_equal
from symgrad.calculus.places import composed, joined
from symgrad.calculus.structure import separated
from symgrad.functions import if_else
from symgrad.graph.affine import along_one
from symgrad.graph.build import ZERO, add, apply, index, is_zero, product_of_powers, scale, size, summand
from symgrad.graph.comparisons import Mask
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Scatter, Use
from symgrad.graph.transform import factors_of, place, terms_of

Places = Mapping[Letter, Use]


@dataclass(frozen=True)
class Part:
    """value · Π_axis [places[axis] = axis], summed over the letters that are no axes.

    Attributes
    ----------
    lengths : of all letters in it; those of axes are their numbers.
    places : of the axes that are no letters any more.
    value : over the letters.
    masks : conditions that have to hold, or not to hold.
    inside : conditions outside which a place is none.
    """

    lengths: Mapping[Letter, Expr]
    places: Places
    value: Use
    masks: tuple[Mask, ...] = ()
    inside: tuple[Use, ...] = ()

    def at(self, subs: Places, value: Use, more: Mapping[Letter, Expr]) -> "Part":
        """The same with subscripts in place of letters, and another value."""
        subs = {letter: composed(sub, {k: s for k, s in subs.items() if k != letter}) for letter, sub in subs.items()}
        places = {axis: composed(place, subs) for axis, place in self.places.items()}
        places |= {letter: sub for letter, sub in subs.items() if isinstance(letter, int)}
        lengths = {letter: one for letter, one in self.lengths.items() if letter not in subs or isinstance(letter, int)}
        masks = tuple(Mask(composed(condition, subs), holds) for condition, holds in self.masks)
        inside = tuple(composed(condition, subs) for condition in self.inside)
        return Part({**lengths, **more}, places, value, masks, inside)

    def carried(self, letter: Letter) -> set[int]:
        """The axes whose place depends on a letter."""
        own = {letter} if isinstance(letter, int) and letter not in self.places else set()
        return own | {axis for axis, place in self.places.items() if letter in place.letters}


def opened(use: Use, rank: int, lengths: Mapping[Letter, Expr]) -> Iterator[Part]:
    """The term as products, with every array of values added at positions that couple rows with columns opened."""
    fresh = count()
    stack = [Part(lengths, {}, use)]
    while stack:
        part = stack.pop()
        terms = terms_of(part.value)
        if len(terms) != 1:
            stack += [replace(part, value=scale(coefficient, term)) for coefficient, term in reversed(terms)]
            continue
        ((coefficient, term),) = terms
        order = {letter: n for n, letter in enumerate(sorted(part.lengths, key=lambda x: (isinstance(x, int), str(x))))}
        ties, hits, rest = separated(term, order)
        if ties or hits:
            tied = {column: index(row, part.lengths[column]) for row, column in ties}
            stack.append(part.at({**tied, **dict(hits)}, scale(coefficient, rest), {}))
            continue
        opened = next(filter(None, (_inside(part, term, f, rank, fresh) for f, e in factors_of(term) if e == 1)), None)
        if opened is None:
            opened = _solved(part, term, fresh, bands=False) or _lines(part, term, rank, fresh)
        if opened is None:
            opened = (
                _solved(part, term, fresh, bands=True)
                or _in_cases(part, term, fresh)
                or _in_order(part, term, rank, fresh)
            )
        if opened is None:
            if not is_zero(term):
                yield part
            continue
        stack += [replace(one, value=scale(coefficient, one.value)) for one in reversed(opened)]


def _inside(part: Part, term: Use, factor: Use, rank: int, fresh: Iterator[int]) -> list[Part] | None:
    """A product with one of its factors taken apart; None if there is nothing to gain."""
    node = factor.node
    if not _couples(part, factor, rank, fresh):
        return None
    rest = [(use, e) for use, e in factors_of(term) if use != factor]
    if isinstance(node, Add):
        return [replace(part, value=scale(c, product_of_powers([*rest, (one, S.One)]))) for c, one in terms_of(factor)]
    if isinstance(node, Apply):
        condition, *branches = (Use(one.node, tuple(factor.letters[k] for k in one.letters)) for one in node.args)
        taken = zip(branches, (True, False), strict=True)
        return [
            replace(
                part,
                value=product_of_powers([*rest, (one, S.One)]),
                masks=(*part.masks, Mask(condition, holds)),
            )
            for one, holds in taken
            if not is_zero(one)
        ]
    return [_without(part, rest, factor, fresh)]


def _without(part: Part, rest: Sequence[tuple[Use, Number]], factor: Use, fresh: Iterator[int]) -> Part:
    """A product of which one factor is an array of values added at positions, with these as places."""
    node = factor.node
    assert isinstance(node, Scatter)
    bound = {("e", next(fresh)): length for length in node.bound}
    names = dict(enumerate((*factor.letters, *bound)))
    value = relabel(node.value, names)
    subs = {factor.letters[axis]: relabel(node.subs[axis], names) for axis in _moved(node)}
    product = product_of_powers([*((at(use, subs), e) for use, e in rest), (value, S.One)])
    return part.at(subs, product, bound)


def _lines(part: Part, term: Use, rank: int, fresh: Iterator[int]) -> list[Part] | None:
    """A band along a row and a column as its lines, each with an index of its own; None if it is none.

    So is a band along a row and an index that is summed over, whose lines add up on the diagonal.
    """
    factors = factors_of(term)
    free = {letter: length for letter, length in part.lengths.items() if letter not in part.places}
    for factor, exponent in factors:
        node, rest = factor.node, [pair for pair in factors if pair[0] != factor]
        if exponent != 1:
            continue
        if isinstance(node, Scatter) and all(map(along_one, node.subs)) and is_masked(node.value):
            shifted = _without(part, rest, factor, fresh)
            return _lines(shifted, shifted.value, rank, fresh)
        if isinstance(node, Contract) and node.bound and is_masked(summand(node)):
            bound = {("e", next(fresh)): length for length in node.bound}
            names = dict(enumerate((*factor.letters, *bound)))
            product = product_of_powers([*rest, *((relabel(use, names), e) for use, e in node.factors)])
            band = band_of(product, {x: free[x] for x in factor.letters if x in free}, bound)
            if band is not None:
                return _lines_of(replace(part, lengths={**part.lengths, **bound}), band, fresh)
    sides = {letter: {axis < rank for axis in part.carried(letter)} for letter in free}
    rows, columns = ({x: free[x] for x, found in sides.items() if found == {of}} for of in (True, False))
    band = band_of(term, rows, columns)
    return None if band is None else _lines_of(part, band, fresh)


def _lines_of(part: Part, band: Band, fresh: Iterator[int]) -> list[Part]:
    """A band line by line, or as a whole if its lines are not few."""
    if band.offsets is None:
        return [_numbered(part, band, ("e", next(fresh)))]
    found, length = [], part.lengths[band.row]
    ahead = int(expand(part.lengths[band.column] - length))
    for offset in band.offsets:
        letter, less = ("e", next(fresh)), max(0, -offset) - min(0, ahead - offset)
        side = length - less if less < 2 else Max(0, length - less)
        starts = {band.row: max(0, -offset), band.column: max(0, offset)}
        subs: dict[Letter, Use] = {x: index(letter, side, S(start)) for x, start in starts.items()}
        found.append(part.at(subs, composed(band.term, subs), {letter: side}))
    return found


def _numbered(part: Part, band: Band, letter: Letter) -> Part:
    """A band with its columns numbered from row to row: column = row + low + number, if that is inside the axis.

    Else there is no place, and nothing is added to the first column, which there is if there are rows.
    """
    length = part.lengths[band.row]
    low, high = band.low, band.high
    if not (low.is_Integer and high.is_Integer):  # which may be far beyond the axis
        low, high = Max(low, 1 - length), Min(high, length - 1)
    count = Max(0, expand(high - low + 1))
    steps = [(S.One, index(band.row, length)), (S.One, index(letter, count)), (S.One, size(expand(low)))]
    column = add(steps)
    inside = (apply(Ge, [column, ZERO]), apply(Lt, [column, size(length)]))
    subs: dict[Letter, Use] = {band.column: apply(if_else, [apply(And, inside), column, ZERO])}
    moved = part.at(subs, composed(band.term, subs), {letter: count})
    return replace(moved, inside=(*moved.inside, *inside))


def _solved(part: Part, term: Use, fresh: Iterator[int], bands: bool) -> list[Part] | None:
    """A product under an equation at the solution for one of its indices; None if there is no such equation.

    With `bands` one of two indices whose distance is known, the line of a band; else any other.
    """
    masks, body = apart(term)
    for mask in (*masks, *(one for stated in part.masks for one in conjuncts(stated))):
        found = _solution(part, mask, fresh) if is_of_band(mask) == bands else None
        if found is not None:
            return [_at(part, masked(body, [one for one in masks if one != mask]), mask, *found)]
    return None


def _in_cases(part: Part, term: Use, fresh: Iterator[int]) -> list[Part] | None:
    """A product under several conditions of which one has to hold, each with an equation; None of any other."""
    masks, body = apart(term)
    for mask in masks:
        cases = disjuncts(mask)
        if len(cases) > 1 and _have_solutions(part, mask, fresh):
            value = masked(body, [one for one in masks if one != mask])
            before = [[Mask(one.condition, not one.holds) for one in cases[:n]] for n in range(len(cases))]
            return [
                replace(part, value=value, masks=(*part.masks, *others, case))
                for others, case in zip(before, cases, strict=True)
            ]
    return None


def _in_order(part: Part, term: Use, rank: int, fresh: Iterator[int]) -> list[Part] | None:
    """A sum whose equations tie a row to a column through what is summed over, before it is summed; None of others."""
    factors = factors_of(term)
    for factor, exponent in factors:
        node = factor.node
        if exponent != 1 or not isinstance(node, Contract) or not node.bound or not is_masked(summand(node)):
            continue
        bound = {("e", next(fresh)): length for length in node.bound}
        inside = relabel(summand(node), dict(enumerate((*factor.letters, *bound))))
        inner = replace(part, lengths={**part.lengths, **bound})
        if _are_tied(inner, apart(inside)[0], rank, fresh):
            rest = [pair for pair in factors if pair[0] != factor]
            return [replace(inner, value=product_of_powers([*rest, *factors_of(inside)]))]
    return None


def _have_solutions(part: Part, mask: Mask, fresh: Iterator[int]) -> bool:
    """Whether there is an equation that can be solved in each case in which a mask lets through."""
    return all(any(_solution(part, one, fresh) for one in conjuncts(case)) for case in disjuncts(mask))


def _solution(part: Part, mask: Mask, fresh: Iterator[int]) -> tuple[Letter, Solution] | None:
    """The index for which an equation is solved best; None if a mask is no equation, or none that can be solved.

    One of an index of rows and columns alike with numbers leaves a diagonal what it is.
    """
    stated = equation(mask)
    if stated is None:
        return None
    found = []
    for letter in dict.fromkeys(mask.condition.letters):
        if letter not in part.lengths or letter in part.places:
            continue
        if len({*mask.condition.letters}) == 1 and len(part.carried(letter)) > 1:
            continue
        one = solved(stated, letter, part.lengths, fresh)
        if one is not None:
            found.append((letter, one))
    # columns are found from rows, so that entries come row by row
    last = {letter: max(part.carried(letter), default=-1) for letter, _ in found}
    cost = {letter: (len(one.lengths), len(one.conditions), -last[letter]) for letter, one in found}
    return min(found, key=lambda pair: cost[pair[0]], default=None)


def _at(part: Part, value: Use, mask: Mask, letter: Letter, solution: Solution) -> Part:
    """A product at the solution of an equation, or at the first entry and without a place where there is none."""
    is_there = apply(And, solution.conditions)
    there = apply(if_else, [is_there, solution.place, ZERO])
    image = is_there if mask.holds else apply(Not, [is_there])

    def known(use: Use) -> Use:
        return where_equal(use, mask.condition, image, there)

    places = {axis: known(place) for axis, place in part.places.items()}
    masks = tuple(Mask(known(condition), holds) for condition, holds in part.masks)
    subs: dict[Letter, Use] = {letter: there}
    moved = replace(part, places=places, masks=masks).at(subs, composed(known(value), subs), solution.lengths)
    return replace(moved, inside=(*moved.inside, *solution.conditions))


def _are_tied(part: Part, masks: Sequence[Mask], rank: int, fresh: Iterator[int]) -> bool:
    """Whether equations among the masks tie a row to a column, that is an index of each, through others."""
    found = [set(mask.condition.letters) for mask in masks if _solution(part, mask, fresh) is not None]
    if not found:
        return False
    for group in joined(found):
        sides = [{axis < rank for axis in part.carried(letter)} for letter in group if letter in part.lengths]
        if {True} in sides and {False} in sides:
            return True
    return False


def _couples(part: Part, use: Use, rank: int, fresh: Iterator[int]) -> bool:
    """Whether a factor is, or has inside, values added at positions that rows and columns share."""
    node = use.node
    if isinstance(node, Add) or (isinstance(node, Apply) and node.head is if_else):
        inner = [use] if isinstance(node, Add) else [place(one, use.letters) for one in node.args[1:]]
        factors = [f for one in inner for _, term in terms_of(one) for f, e in factors_of(term) if e == 1]
        several = sum(not is_zero(one) for one in inner) > 1 or isinstance(node, Add)
        return any(_couples(part, f, rank, fresh) for f in factors) or (
            several and _is_under_equations(part, use, fresh)
        )
    if not isinstance(node, Scatter) or len(set(use.letters)) < node.rank:
        return False
    moved = _moved(node)
    if not all(use.letters[axis] in part.lengths for axis in moved):
        return False
    sides = {axis: {a < rank for a in part.carried(use.letters[axis])} for axis in range(node.rank)}
    for axis in moved:
        inside = set(node.subs[axis].letters)
        for other in range(node.rank):
            shared = inside & ({*node.subs[other].letters} if other in moved else {other})
            if other != axis and shared and len(sides[axis] | sides[other]) == 2:
                return True
    whole = _without(part, [], use, fresh)
    masks, body = apart(whole.value)
    return _are_tied(whole, masks, rank, fresh) or any(_couples(whole, f, rank, fresh) for f, _ in factors_of(body))


def _is_under_equations(part: Part, use: Use, fresh: Iterator[int]) -> bool:
    """Whether all that a term adds is under equations that can be solved."""
    node = use.node
    if isinstance(node, Add):
        return all(_is_under_equations(part, term, fresh) for _, term in terms_of(use))
    if isinstance(node, Apply) and node.head is if_else:
        condition, *inner = (place(one, use.letters) for one in node.args)
        for one, holds in zip(inner, (True, False), strict=True):
            known = is_zero(one) or _have_solutions(part, Mask(condition, holds), fresh)
            if not (known or _is_under_equations(part, one, fresh)):
                return False
        return True
    factors = factors_of(use)
    return len(factors) > 1 and any(_is_under_equations(part, factor, fresh) for factor, e in factors if e == 1)


def _moved(node: Scatter) -> list[int]:
    return [axis for axis, sub in enumerate(node.subs) if sub.letters != (axis,) or along_one(sub) != (axis, 1, 0)]
