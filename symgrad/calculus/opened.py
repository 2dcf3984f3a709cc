"""Products of a derivative with the sums opened that its rows and columns share, and its bands taken apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sympy import Expr, Ge, Lt, Max, Min, Number, S, expand

from symgrad.calculus.bands import Band, band_of, is_masked
from symgrad.calculus.deltas import at
from symgrad.calculus.places import composed
from symgrad.calculus.structure import separated
from symgrad.functions import if_else
from symgrad.graph.affine import along_one
from symgrad.graph.build import ZERO, add, apply, index, is_zero, product_of_powers, scale, size, summand
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Scatter, Use
from symgrad.graph.transform import factors_of, terms_of

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
    """

    lengths: Mapping[Letter, Expr]
    places: Places
    value: Use
    masks: tuple[tuple[Use, bool], ...] = ()

    def at(self, subs: Places, value: Use, more: Mapping[Letter, Expr]) -> "Part":
        """The same with subscripts in place of letters, and another value."""
        subs = {letter: composed(sub, {k: s for k, s in subs.items() if k != letter}) for letter, sub in subs.items()}
        places = {axis: composed(place, subs) for axis, place in self.places.items()}
        places |= {letter: sub for letter, sub in subs.items() if isinstance(letter, int)}
        lengths = {letter: one for letter, one in self.lengths.items() if letter not in subs or isinstance(letter, int)}
        masks = tuple((at(condition, subs), holds) for condition, holds in self.masks)
        return Part({**lengths, **more}, places, value, masks)

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
            opened = _lines(part, term, rank, fresh)
        if opened is None:
            if not is_zero(term):
                yield part
            continue
        stack += [replace(one, value=scale(coefficient, one.value)) for one in reversed(opened)]


def _inside(part: Part, term: Use, factor: Use, rank: int, fresh: Iterator[int]) -> list[Part] | None:
    """A product with one of its factors taken apart; None if there is nothing to gain."""
    node = factor.node
    if not _couples(part, factor, rank):
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
                masks=(*part.masks, (condition, holds)),
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

    Else the position is that of the first or of the last column, which is in the band as long as it has a diagonal, and
    nothing is added there.
    """
    length = part.lengths[band.row]
    low, high = band.low, band.high
    if not (low.is_Integer and high.is_Integer):  # which may be far beyond the axis
        low, high = Max(low, 1 - length), Min(high, length - 1)
    count = Max(0, expand(high - low + 1))
    steps = [(S.One, index(band.row, length)), (S.One, index(letter, count)), (S.One, size(expand(low)))]
    column = add(steps)
    subs: dict[Letter, Use] = {band.column: apply(Max, [ZERO, apply(Min, [column, size(expand(length - 1))])])}
    inside = ((apply(Ge, [column, ZERO]), True), (apply(Lt, [column, size(length)]), True))
    moved = part.at(subs, composed(band.term, subs), {letter: count})
    return replace(moved, masks=(*moved.masks, *inside))


def _couples(part: Part, use: Use, rank: int) -> bool:
    """Whether a factor is, or has inside, values added at positions that rows and columns share."""
    node = use.node
    if isinstance(node, Add):
        return any(_couples(part, f, rank) for _, term in terms_of(use) for f, e in factors_of(term) if e == 1)
    if isinstance(node, Apply) and node.head is if_else:
        inner = [Use(one.node, tuple(use.letters[k] for k in one.letters)) for one in node.args[1:]]
        factors = [f for one in inner for _, term in terms_of(one) for f, e in factors_of(term) if e == 1]
        return any(_couples(part, f, rank) for f in factors)
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
    return False


def _moved(node: Scatter) -> list[int]:
    return [axis for axis, sub in enumerate(node.subs) if sub.letters != (axis,) or along_one(sub) != (axis, 1, 0)]
