"""Where the entries of a derivative stand: a matrix as lists of entries, each list with its places by formulas.

`structure` takes a derivative apart by the deltas between its axes. What is left may still be few entries in a large
array: values added into zeros at positions that rows and columns share, Σ_e w[e]·δ[i, a[e]]·δ[j, b[e]]. Such sums
are `opened`, so that the index of the sum numbers the entries, and each list is brought to one form: lists whose places
are the same formulas are added as terms, also where one begins or ends later than the other, as on a diagonal that some
parts reach to its end and others do not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Max, S, expand

from symgrad.calculus.bands import masked
from symgrad.calculus.deltas import scattered
from symgrad.calculus.opened import Part, opened
from symgrad.calculus.places import joined
from symgrad.graph.affine import along_one
from symgrad.graph.build import add, index, is_zero, mul, size
from symgrad.graph.comparisons import Mask
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Letter, Shape, Use


@dataclass(frozen=True)
class Entries:
    """out[s] = Σ over letters of value · Π_axis [places[axis] = s[axis]].

    Attributes
    ----------
    lengths : of the letters 0, 1, ...
    places : along each axis, over the letters.
    value : over the letters.
    inside : conditions outside which there is no entry; the value is zero there.
    """

    lengths: Shape
    places: tuple[Use, ...]
    value: Use
    inside: tuple[Use, ...] = ()

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
    for part in opened(use, rank, dict(enumerate(shape))):
        line = _Line.of(_on_diagonals(_summed(part), rank, shape))
        groups.setdefault(line.key, []).append(line)
    return [made for lines in groups.values() for made in _joined(lines, shape)]


# --- one form for lists whose places are alike ------------------------------------------------------------------------


def _summed(part: Part) -> Part:
    """What holds is part of the value, which is summed over the letters that no place has; every axis has a place."""
    value = masked(part.value, [*part.masks, *(Mask(condition, True) for condition in part.inside)])
    axes = [axis for axis in part.lengths if isinstance(axis, int)]
    places = {axis: part.places.get(axis, index(axis, part.lengths[axis])) for axis in sorted(axes)}
    seen = {letter for place in places.values() for letter in place.letters}
    gone = {letter: length for letter, length in part.lengths.items() if letter not in seen and letter not in axes}
    lengths = {letter: length for letter, length in part.lengths.items() if letter in seen}
    inside = tuple(dict.fromkeys(one for one in part.inside if not {*one.letters} & gone.keys()))
    return Part(lengths, places, mul([value], gone) if gone else value, (), inside)


def _on_diagonals(part: Part, rank: int, shape: Shape) -> Part:
    """Positions that are data, and the same for rows as for columns, make a diagonal on which the values are added."""
    left, moved = dict(part.lengths), dict[Letter, Use]()
    places = dict(part.places)
    for letters in joined({*place.letters} for place in places.values()):
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
    inside = tuple(one for one in part.inside if not {*one.letters} & bound.keys())
    return Part(left, places, scattered(part.value, moved, sizes, bound), (), inside)


@dataclass(frozen=True)
class _Line:
    """A list of entries, of which a letter begins anywhere if all places are steps along it.

    Attributes
    ----------
    part : the entries, with a place for every axis, over letters 0, 1, ... in the order of these.
    starts : of the letters, on a line of places that are the same for all starts.
    along : of the letters that are such, for each axis with it the start and step of its place on the line.
    """

    part: Part
    starts: tuple[Expr, ...]
    along: tuple[tuple[tuple[int, Expr, Expr], ...], ...]

    @property
    def key(self) -> object:
        """The same for lists that are on one line, and have entries there under the same conditions."""
        fixed = [place for place in self.part.places.values() if not self._moves(place)]
        rigid = [self.part.lengths[n] for n, steps in enumerate(self.along) if not steps]
        return self.along, tuple(fixed), tuple(rigid), self.part.inside

    def _moves(self, place: Use) -> bool:
        return bool(place.letters) and all(self.along[letter] for letter in place.letters)

    @staticmethod
    def of(part: Part) -> "_Line":
        """The line of entries."""
        numbers = {letter: n for n, letter in enumerate(distinct(x for p in part.places.values() for x in p.letters))}
        places = {axis: relabel(place, numbers) for axis, place in part.places.items()}
        lengths = {n: part.lengths[letter] for letter, n in numbers.items()}
        inside = tuple(relabel(condition, numbers) for condition in part.inside)
        starts: list[Expr] = []
        along: list[tuple[tuple[int, Expr, Expr], ...]] = []
        for letter in lengths:
            found = [(axis, along_one(place)) for axis, place in places.items() if letter in place.letters]
            steps = [(axis, one[2], one[1]) for axis, one in found if one is not None and one[1].is_Integer]
            if len(steps) < len(found) or steps[0][2] < 0 or any(letter in one.letters for one in part.inside):
                starts.append(S.Zero)
                along.append(())
                continue
            _, start, step = steps[0]
            whole = start if step == 1 else start // step if start.is_Integer else S.Zero
            starts.append(whole)
            along.append(tuple((axis, expand(start - step * whole), step) for axis, start, step in steps))
        return _Line(Part(lengths, places, relabel(part.value, numbers), (), inside), tuple(starts), tuple(along))


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
    sides = tuple(length for _, length in spans)
    yield Entries(sides, tuple(places[axis] for axis in sorted(places)), value, first.part.inside)
