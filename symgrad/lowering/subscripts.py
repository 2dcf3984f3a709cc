"""Subscripts: slices, windows (strided views) and index arrays; and their adjoints.

An axis whose subscript is affine, with numbers or sizes as steps, is a slice if the subscript has one index, and a
window if it has several and the target has these; anything else, such as data or a product of indices, is an index
array.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, S

from symgrad.graph.affine import Affine, affine, sliced
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Gather, Letter, Scatter, Use, intern
from symgrad.lowering.values import Value, broadcast, transpose
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import (
    TUPLE,
    WHOLE_AXIS,
    Expression,
    FloatingType,
    Group,
    Length,
    Place,
    Places,
    Sides,
    Slice,
    Subscript,
)

Read = Callable[[Use], Value]
Lengths = dict[Letter, Expr]


def _all_affine(subs: Sequence[Use]) -> list[Affine] | None:
    """The subscripts, if all are affine and no two have an index in common."""
    found = [sub for sub in map(affine, subs) if sub is not None]
    letters = [letter for sub in found for letter, _ in sub.steps]
    return found if len(found) == len(subs) and len(set(letters)) == len(letters) else None


def is_window(node: Gather) -> bool:
    """Whether a gather is a strided view that has more axes than its array."""
    found = _all_affine(node.subs)
    return found is not None and any(len(sub.steps) > 1 for sub in found)


def _slice(found: Affine, lengths: Lengths, side: Expr) -> Place:
    if not found.steps:
        return Length(found.start)
    ((letter, step),) = found.steps
    first = None if found.start == 0 else found.start
    end = end_of_slice(found.start, step, lengths[letter])
    last = found.start + step * (lengths[letter] - 1) + 1
    return Slice(first, None if side in (end, last.expand()) else end, step)


def end_of_slice(start: Expr, step: Expr, length: Expr) -> Expr:
    """Where a slice ends: a step after its last entry, which is at `start` if there is none, and not before 0."""
    return (start + step * length).expand()


def _slices(
    found: Sequence[Affine], lengths: Lengths, shape: Sequence[Expr]
) -> tuple[tuple[Place, ...], tuple[Letter, ...]]:
    places = tuple(_slice(one, lengths, side) for one, side in zip(found, shape, strict=True))
    return places, tuple(one.steps[0][0] for one in found if one.steps)


def _lengths(uses: Sequence[Use]) -> Lengths:
    return {letter: length for use in uses for letter, length in zip(use.letters, use.node.shape, strict=True)}


def _walk(found: Sequence[Affine], letters: Sequence[Letter]) -> dict[str, tuple[Expr, ...]]:
    """How windows walk over an array: for every letter the axis and the step, and where they start."""
    place = {letter: (axis, step) for axis, sub in enumerate(found) for letter, step in sub.steps}
    options = {name: tuple(S(place[letter][k]) for letter in letters) for k, name in enumerate(("axes", "steps"))}
    if any(sub.start != 0 for sub in found):
        options["start"] = tuple(sub.start for sub in found)
    return options


def gather_value(node: Gather, read: Read, base: Value, want: Sequence[Letter] | None, strided: bool) -> Value:
    """base[subs]; `want` is the order of axes that is asked for, where there is a choice."""
    shape, lengths = node.base.node.shape, _lengths(node.subs)
    plain = sliced(node.subs)
    if len(plain) == len(shape):
        places, letters = _slices(
            [plain[axis] for axis in base.letters], lengths, [shape[axis] for axis in base.letters]
        )
        return Value(Subscript(base.expression, places), letters, base.kind)
    base = transpose(base, range(len(base.letters)))
    windows = _all_affine(node.subs) if strided else None
    if windows is not None:
        letters = tuple(want or range(node.rank))
        sides = Sides(tuple(lengths[letter] for letter in letters))
        made = operation("windows", base.expression, sides, **_walk(windows, letters))
        return Value(made, letters, base.kind)
    subs, found = node.subs, base.expression
    if strided and any(not one.steps for one in plain.values()):  # a view first: with arrays alone NumPy takes half
        found = Subscript(found, _fixed(plain, len(shape)))
        left = [axis for axis in range(len(shape)) if axis not in plain or plain[axis].steps]
        subs, shape = tuple(subs[axis] for axis in left), tuple(shape[axis] for axis in left)
    return _indexed(subs, shape, read, replace(base, expression=found), lengths)


def _fixed(plain: Mapping[int, Affine], rank: int) -> tuple[Place, ...]:
    """The single positions on some axes, and all of the others."""
    places: list[Place] = [
        Length(plain[axis].start) if axis in plain and not plain[axis].steps else WHOLE_AXIS for axis in range(rank)
    ]
    while places[-1] == WHOLE_AXIS:
        places.pop()
    return tuple(places)


def _indexed(subs: Sequence[Use], shape: Sequence[Expr], read: Read, base: Value, lengths: Lengths) -> Value:
    """Index arrays on some axes, slices on the others."""
    slices = {axis: found for axis, found in sliced(subs).items() if found.steps}
    arrays = [axis for axis in range(len(shape)) if axis not in slices]
    batch = distinct(letter for axis in arrays for letter in subs[axis].letters)
    places = _places(subs, slices, lengths, shape, read, batch)
    # NumPy puts the axes of index arrays where they stand if they stand together, else first
    first = arrays[0] if arrays[-1] - arrays[0] == len(arrays) - 1 else 0
    rows = [found.steps[0][0] for found in slices.values()]
    letters = (*rows[:first], *batch, *rows[first:])
    return Value(Subscript(base.expression, places), letters, base.kind)


def _places(
    subs: Sequence[Use],
    slices: Mapping[int, Affine],
    lengths: Lengths,
    shape: Sequence[Expr],
    read: Read,
    batch: Sequence[Letter],
) -> tuple[Place, ...]:
    """Slices on some axes, index arrays on the others, up to the last axis that is not taken whole."""
    places: list[Place] = [
        _slice(slices[axis], lengths, shape[axis]) if axis in slices else broadcast(read(sub), batch).expression
        for axis, sub in enumerate(subs)
    ]
    while places[-1] == WHOLE_AXIS:
        places.pop()
    return tuple(places)


def landing(node: Scatter, read: Read, value: Value, strided: bool) -> tuple[tuple[Place, ...], Value, bool] | None:
    """Where an array is increased by a scatter: the index, the values, and whether no position occurs twice.

    None where the values lie in windows.
    """
    lengths, plain = _lengths(node.subs), sliced(node.subs)
    if len(plain) == node.rank:
        return *slices_of(node, value, range(node.rank)), True
    if strided and _all_affine(node.subs) is not None:
        return None
    slots = {axis: found for axis, found in plain.items() if found.steps}
    batch = distinct(letter for axis, sub in enumerate(node.subs) if axis not in slots for letter in sub.letters)
    moved = [axis for axis in range(node.rank) if axis not in slots]
    places = _places(node.subs, slots, lengths, node.shape, read, batch)
    first = moved[0] if moved[-1] - moved[0] == len(moved) - 1 else 0  # as in a gather
    rows = [found.steps[0][0] for found in slots.values()]
    return places, broadcast(value, (*rows[:first], *batch, *rows[first:])), not batch


def lands_in_slices(node: Scatter) -> bool:
    """Whether a scatter puts its values into slices, each entry once."""
    return len(sliced(node.subs)) == node.rank


def slices_of(node: Scatter, value: Value, axes: Sequence[int]) -> tuple[tuple[Place, ...], Value]:
    """The slices that a scatter puts its values into, with the axes in this order, and the values in their order."""
    plain = sliced(node.subs)
    places, letters = _slices([plain[axis] for axis in axes], _lengths(node.subs), [node.shape[axis] for axis in axes])
    return places, broadcast(value, letters)


def apart(node: Scatter) -> tuple[tuple[Place, ...], Scatter, tuple[int, ...]] | None:
    """A scatter at single positions on some axes and at index arrays on others: those, and a scatter at the latter.

    The places are of an array of the node's shape; the axes are those that the second scatter has. None where there are
    no such positions, or nothing but slices.
    """
    plain = sliced(node.subs)
    left = tuple(axis for axis in range(node.rank) if axis not in plain or plain[axis].steps)
    if len(left) == node.rank or len(plain) == node.rank:
        return None
    names = {axis: n for n, axis in enumerate(left)}
    names |= {node.rank + k: len(left) + k for k in range(len(node.bound))}
    value, *subs = (
        Use(use.node, tuple(names[letter] for letter in use.letters))
        for use in (node.value, *(node.subs[axis] for axis in left))
    )
    made = intern(Scatter, tuple(node.shape[axis] for axis in left), value, tuple(subs), node.bound)
    return _fixed(plain, node.rank), made, left


def scatter_value(node: Scatter, read: Read, value: Value, want: Sequence[int] | None, strided: bool) -> Value:
    """Zeros with `value` added at `subs`; `want` is the order of axes that is asked for, where there is a choice."""
    lengths = _lengths(node.subs)
    own = tuple(range(node.rank))
    plain = sliced(node.subs)
    if len(plain) == node.rank:
        axes = tuple(want or own)
        sides = tuple(node.shape[axis] for axis in axes)
        places, placed = slices_of(node, value, axes)
        return Value(operation("place", Sides(sides), Places(places), placed.expression, FloatingType()), axes)
    windows = _all_affine(node.subs) if strided else None
    if windows is not None:
        return _scattered_windows(node, windows, value, lengths)
    # index arrays; an axis that is not moved, and that no position depends on, is a row that is added whole
    counts = [letter for sub in node.subs for letter in set(sub.letters)]
    rows = [axis for axis in own if node.subs[axis].letters == (axis,) and axis in plain and counts.count(axis) == 1]
    moved = [axis for axis in own if axis not in rows]
    batch = distinct(letter for axis in moved for letter in node.subs[axis].letters)
    index = Group(TUPLE, tuple(broadcast(read(node.subs[axis]), batch).expression for axis in moved))
    order = (*moved, *rows)
    head = "accumulate" if node.bound else "place"  # without a sum no position occurs twice
    shape, added = Sides(tuple(node.shape[axis] for axis in order)), broadcast(value, (*batch, *rows)).expression
    return Value(operation(head, shape, index, added, FloatingType()), order)


def _scattered_windows(node: Scatter, windows: Sequence[Affine], value: Value, lengths: Lengths) -> Value:
    letters = [letter for letter in lengths if letter not in value.letters]
    order = (*letters, *value.letters)
    sides = Sides(tuple(lengths[x] for x in order))
    found: Expression = value.expression
    if value.kind == "python":  # it has no type of its own
        found = operation("full", sides, found, dtype=FloatingType())
    elif letters:
        found = operation("broadcast_to", found, sides)
    made = operation("add_windows", Sides(node.shape), found, **_walk(windows, order))
    return Value(made, tuple(range(node.rank)))
