"""Where the entries of a derivative stand: a matrix as lists of entries, each list with its places by formulas.

`structure` takes a derivative apart by the deltas between its axes. What is left may still be few entries in a large
array: values added into zeros at positions that rows and columns share, Σ_e w[e]·δ[i, a[e]]·δ[j, b[e]]. Here such sums
are opened, so that the index of the sum numbers the entries, and each list is brought to one form: lists whose places
are the same formulas are added as terms, also where one begins or ends later than the other, as on a diagonal that some
parts reach to its end and others do not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sympy import Expr, Max, Number, S, expand

from symgrad.calculus.bands import Band, band_of, is_masked
from symgrad.calculus.deltas import at, scattered
from symgrad.calculus.places import composed
from symgrad.calculus.structure import separated
from symgrad.functions import if_else
from symgrad.graph.affine import along_one
from symgrad.graph.build import ZERO, add, apply, index, is_zero, mul, product_of_powers, scale, size
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Scatter, Shape, Use
from symgrad.graph.transform import factors_of, terms_of

Places = Mapping[Letter, Use]


@dataclass(frozen=True)
class Entries:
    """out[s] = Σ over letters of value · Π_axis [places[axis] = s[axis]].

    Attributes
    ----------
    lengths : of the letters 0, 1, ...
    places : along each axis, over the letters.
    value : over the letters.
    """

    lengths: Shape
    places: tuple[Use, ...]
    value: Use

    def term(self, shape: Shape) -> Use:
        """The array as one term over its axes."""
        inner: dict[Letter, Letter] = {letter: ("inside", letter) for letter in range(len(self.lengths))}
        moved: dict[Letter, Use] = {axis: relabel(place, inner) for axis, place in enumerate(self.places)}
        lengths: dict[Letter, Expr] = {("inside", n): length for n, length in enumerate(self.lengths)}
        sizes: dict[Letter, Expr] = {**lengths, **dict(enumerate(shape))}
        return scattered(relabel(self.value, inner), moved, sizes, lengths)


def entries(use: Use, rank: int, shape: Shape) -> list[Entries]:
    """A derivative over the axes 0, 1, ..., of which the first `rank` are rows, as lists of entries."""
    groups: dict[object, list[_Line]] = {}
    for part in _opened(use, rank, dict(enumerate(shape))):
        line = _Line.of(_on_diagonals(_summed(part), rank, shape))
        groups.setdefault(line.key, []).append(line)
    return [made for lines in groups.values() for made in _joined(lines, shape)]


@dataclass(frozen=True)
class _Part:
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

    def at(self, subs: Places, value: Use, more: Mapping[Letter, Expr]) -> "_Part":
        """The same with subscripts in place of letters, and another value."""
        subs = {letter: composed(sub, {k: s for k, s in subs.items() if k != letter}) for letter, sub in subs.items()}
        places = {axis: composed(place, subs) for axis, place in self.places.items()}
        places |= {letter: sub for letter, sub in subs.items() if isinstance(letter, int)}
        lengths = {letter: one for letter, one in self.lengths.items() if letter not in subs or isinstance(letter, int)}
        masks = tuple((at(condition, subs), holds) for condition, holds in self.masks)
        return _Part({**lengths, **more}, places, value, masks)

    def carried(self, letter: Letter) -> set[int]:
        """The axes whose place depends on a letter."""
        own = {letter} if isinstance(letter, int) and letter not in self.places else set()
        return own | {axis for axis, place in self.places.items() if letter in place.letters}


# --- opening sums that rows and columns share -------------------------------------------------------------------------


def _opened(use: Use, rank: int, lengths: Mapping[Letter, Expr]) -> Iterator[_Part]:
    """The term as products, with every array of values added at positions that couple rows with columns opened."""
    fresh = count()
    stack = [_Part(lengths, {}, use)]
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


def _inside(part: _Part, term: Use, factor: Use, rank: int, fresh: Iterator[int]) -> list[_Part] | None:
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


def _without(part: _Part, rest: Sequence[tuple[Use, Number]], factor: Use, fresh: Iterator[int]) -> _Part:
    """A product of which one factor is an array of values added at positions, with these as places."""
    node = factor.node
    assert isinstance(node, Scatter)
    bound = {("e", next(fresh)): length for length in node.bound}
    names = dict(enumerate((*factor.letters, *bound)))
    value = relabel(node.value, names)
    subs = {factor.letters[axis]: relabel(node.subs[axis], names) for axis in _moved(node)}
    product = product_of_powers([*((at(use, subs), e) for use, e in rest), (value, S.One)])
    return part.at(subs, product, bound)


def _lines(part: _Part, term: Use, rank: int, fresh: Iterator[int]) -> list[_Part] | None:
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
        if isinstance(node, Contract) and node.bound and is_masked(product_of_powers(node.factors)):
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


def _lines_of(part: _Part, band: Band, fresh: Iterator[int]) -> list[_Part]:
    """A band line by line."""
    found, length = [], part.lengths[band.row]
    ahead = int(expand(part.lengths[band.column] - length))
    for offset in band.offsets:
        letter, less = ("e", next(fresh)), max(0, -offset) - min(0, ahead - offset)
        side = length - less if less < 2 else Max(0, length - less)
        starts = {band.row: max(0, -offset), band.column: max(0, offset)}
        subs: dict[Letter, Use] = {x: index(letter, side, S(start)) for x, start in starts.items()}
        found.append(part.at(subs, composed(band.term, subs), {letter: side}))
    return found


def _couples(part: _Part, use: Use, rank: int) -> bool:
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


# --- one form for lists whose places are alike ------------------------------------------------------------------------


def _summed(part: _Part) -> _Part:
    """What holds is part of the value, which is summed over the letters that no place has; every axis has a place."""
    value = part.value
    for condition, holds in part.masks:
        value = apply(if_else, [condition, *((value, ZERO) if holds else (ZERO, value))])
    axes = [axis for axis in part.lengths if isinstance(axis, int)]
    places = {axis: part.places.get(axis, index(axis, part.lengths[axis])) for axis in sorted(axes)}
    seen = {letter for place in places.values() for letter in place.letters}
    gone = {letter: length for letter, length in part.lengths.items() if letter not in seen and letter not in axes}
    lengths = {letter: length for letter, length in part.lengths.items() if letter in seen}
    return _Part(lengths, places, mul([value], gone) if gone else value)


def _on_diagonals(part: _Part, rank: int, shape: Shape) -> _Part:
    """Positions that are data, and the same for rows as for columns, make a diagonal on which the values are added."""
    left, moved = dict(part.lengths), dict[Letter, Use]()
    places = dict(part.places)
    for letters in _connected(places.values()):
        axes = [axis for axis, place in places.items() if letters & {*place.letters}]
        found: dict[Use, list[int]] = {}
        for axis in axes:
            found.setdefault(places[axis], []).append(axis)
        if all(along_one(place) is not None for place in found) or any(isinstance(letter, int) for letter in letters):
            continue
        if all(len({axis < rank for axis in those}) == 2 for those in found.values()):
            for place, those in found.items():
                first = ("diagonal", those[0])
                moved[first] = place
                left[first] = shape[those[0]]
                places |= {axis: index(first, left[first]) for axis in those}
            left = {letter: length for letter, length in left.items() if letter not in letters}
    if not moved:
        return part
    bound = {letter: length for letter, length in part.lengths.items() if letter not in left}
    sizes = {**part.lengths, **left}
    return _Part(left, places, scattered(part.value, moved, sizes, bound))


def _connected(places: Iterable[Use]) -> list[set[Letter]]:
    """The letters of the places, those together that are in one place."""
    groups: list[set[Letter]] = []
    for place in places:
        near = [group for group in groups if group & {*place.letters}]
        groups = [group for group in groups if group not in near]
        joined = {*place.letters}.union(*near)
        groups += [joined] if joined else []
    return groups


@dataclass(frozen=True)
class _Line:
    """A list of entries, of which a letter begins anywhere if all places are steps along it.

    Attributes
    ----------
    part : the entries, with a place for every axis, over letters 0, 1, ... in the order of these.
    starts : of the letters, on a line of places that are the same for all starts.
    along : of the letters that are such, for each axis with it the start and step of its place on the line.
    """

    part: _Part
    starts: tuple[Expr, ...]
    along: tuple[tuple[tuple[int, Expr, Expr], ...], ...]

    @property
    def key(self) -> object:
        """The same for lists that are on one line."""
        fixed = [place for place in self.part.places.values() if not self._moves(place)]
        rigid = [self.part.lengths[n] for n, steps in enumerate(self.along) if not steps]
        return self.along, tuple(fixed), tuple(rigid)

    def _moves(self, place: Use) -> bool:
        return bool(place.letters) and all(self.along[letter] for letter in place.letters)

    @staticmethod
    def of(part: _Part) -> "_Line":
        """The line of entries."""
        numbers = {letter: n for n, letter in enumerate(distinct(x for p in part.places.values() for x in p.letters))}
        places = {axis: relabel(place, numbers) for axis, place in part.places.items()}
        lengths = {n: part.lengths[letter] for letter, n in numbers.items()}
        starts: list[Expr] = []
        along: list[tuple[tuple[int, Expr, Expr], ...]] = []
        for letter in lengths:
            found = [(axis, along_one(place)) for axis, place in places.items() if letter in place.letters]
            steps = [(axis, one[2], one[1]) for axis, one in found if one is not None and one[1].is_Integer]
            if len(steps) < len(found) or steps[0][2] < 0:
                starts.append(S.Zero)
                along.append(())
                continue
            _, start, step = steps[0]
            whole = start if step == 1 else start // step if start.is_Integer else S.Zero
            starts.append(whole)
            along.append(tuple((axis, expand(start - step * whole), step) for axis, start, step in steps))
        return _Line(_Part(lengths, places, relabel(part.value, numbers)), tuple(starts), tuple(along))


def _joined(lines: Sequence[_Line], shape: Shape) -> Iterator[Entries]:
    """Lists on one line as one from the first start to the last end; as several where sizes do not tell these."""
    first = lines[0]
    spans = [
        _span([line.starts[n] for line in lines], [line.part.lengths[n] for line in lines], steps, shape)
        for n, steps in enumerate(first.along)
    ]
    if None not in spans:
        yield from _sum_of(lines, [span for span in spans if span is not None])
        return
    for those in _alike(lines):
        yield from _sum_of(those, list(zip(those[0].starts, those[0].part.lengths.values(), strict=True)))


def _alike(lines: Sequence[_Line]) -> Iterable[list[_Line]]:
    """The lists of a line by where they begin and how long they are."""
    found: dict[object, list[_Line]] = {}
    for line in lines:
        found.setdefault((line.starts, tuple(line.part.lengths.values())), []).append(line)
    return found.values()


def _span(
    starts: Sequence[Expr], lengths: Sequence[Expr], steps: Sequence[tuple[int, Expr, Expr]], shape: Shape
) -> tuple[Expr, Expr] | None:
    """Where entries along a letter begin, and how many there are; None where nobody can tell.

    Entries that no two sizes compare are on a line that the axis bounds, if its places are all of the axis.
    """
    ends = [expand(start + length) for start, length in zip(starts, lengths, strict=True)]
    low, high = _least(starts), _least([-end for end in ends])
    alike = len({*zip(starts, lengths, strict=True)}) == 1
    cut = any(length.has(Max) for length in lengths)  # start + max(0, N - start) may be beyond the axis
    if low is not None and high is not None and (alike or not cut):
        return low, expand(-high - low)
    axis, start, step = steps[0]
    return (S.Zero, shape[axis]) if (start, step) == (0, 1) else None


def _least(values: Sequence[Expr]) -> Expr | None:
    """The least of expressions of sizes that differ by numbers."""
    differences = [expand(value - values[0]) for value in values]
    return values[0] + min(differences) if all(one.is_Integer for one in differences) else None


def _sum_of(lines: Sequence[_Line], spans: Sequence[tuple[Expr, Expr]]) -> Iterator[Entries]:
    """The lists added along these spans of their letters."""
    parts = []
    for line, *others in _alike(lines):  # added before they are moved, which takes an array each
        lengths = line.part.lengths
        moved = {
            n: index(("from", n), lengths[n], expand(line.starts[n] - low))
            for n, (low, length) in enumerate(spans)
            if (line.starts[n], lengths[n]) != (low, length)
        }
        together = add([(S.One, one.part.value) for one in (line, *others)])
        value = relabel(together, {n: ("from", n) for n in moved})
        if moved:
            bound = {("from", n): lengths[n] for n in moved}
            sizes = {**lengths, **{n: length for n, (_, length) in enumerate(spans)}, **bound}
            value = scattered(value, moved, sizes, bound)
        parts.append((S.One, value))
    value = add(parts)
    if is_zero(value):
        return
    first = lines[0]
    places = dict(first.part.places)
    for n, ((low, length), steps) in enumerate(zip(spans, first.along, strict=True)):
        for axis, start, step in steps:
            places[axis] = add([(step, index(n, length)), (S.One, size(expand(start + step * low)))])
    yield Entries(tuple(length for _, length in spans), tuple(places[axis] for axis in sorted(places)), value)
