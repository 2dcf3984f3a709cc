"""Subscripts as NumPy: slices, windows (strided views) and index arrays; and their adjoints.

An axis whose subscript is affine, with numbers or sizes as steps, is a slice if the subscript has one index, and a
window if it has several; anything else, such as data or a product of indices, is an index array.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Mul, S

from symgrad.codegen.sizes import size_text
from symgrad.codegen.values import ADD, ATOM, Value, broadcast, transpose
from symgrad.graph.build import number
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Contract, Gather, Letter, Range, Scatter, Size, Use
from symgrad.graph.transform import place

Read = Callable[[Use], Value]
Lengths = dict[Letter, Expr]


@dataclass(frozen=True)
class Affine:
    """start + Σ step·letter, with every step a nonzero integer or a size, up to its sign."""

    start: Expr
    steps: tuple[tuple[Letter, Expr], ...]


def affine(sub: Use) -> Affine | None:
    """A subscript as an affine expression of its letters; None if it is none."""
    value = number(sub)
    if value is not None:
        return Affine(value, ())
    if isinstance(sub.node, Range):
        return Affine(S.Zero, ((sub.letters[0], S.One),))
    if isinstance(sub.node, Size):
        return Affine(sub.node.value, ())
    if isinstance(sub.node, Contract):
        return _times_sizes(sub)
    if not isinstance(sub.node, Add):
        return None
    start: Expr = S.Zero
    steps: dict[Letter, Expr] = {}
    for coefficient, part in sub.node.terms:
        inner = affine(Use(part.node, tuple(sub.letters[k] for k in part.letters)))
        if inner is None:
            return None
        start += coefficient * inner.start
        for letter, step in inner.steps:
            steps[letter] = steps.get(letter, S.Zero) + coefficient * step
    return _affine(start, steps)


def _affine(start: Expr, steps: Mapping[Letter, Expr]) -> Affine | None:
    if not all(step.is_integer and (step.is_positive or step.is_negative) for step in steps.values()):
        return None
    return Affine(start, tuple(steps.items()))


def _times_sizes(sub: Use) -> Affine | None:
    """s·i + s·t of s·(i + t) with a size s; None if it is another product."""
    node = sub.node
    assert isinstance(node, Contract)
    if node.bound or not all(exponent.is_Integer and exponent.is_positive for _, exponent in node.factors):
        return None
    sizes = [part.node.value**exponent for part, exponent in node.factors if isinstance(part.node, Size)]
    others = [(part, exponent) for part, exponent in node.factors if not isinstance(part.node, Size)]
    if len(others) != 1 or others[0][1] != 1:
        return None
    inner = affine(place(others[0][0], sub.letters))
    step = Mul(*sizes)
    return None if inner is None else _affine(step * inner.start, {letter: step * s for letter, s in inner.steps})


def along_one(sub: Use) -> tuple[Letter | None, Expr, Expr] | None:
    """(letter, step, start) of start + step·letter, (None, 0, start) of a constant, or None if it is neither."""
    found = affine(sub)
    if found is None or len(found.steps) > 1:
        return None
    letter, step = found.steps[0] if found.steps else (None, S.Zero)
    return letter, step, found.start


def _all_affine(subs: Sequence[Use]) -> list[Affine] | None:
    """The subscripts, if all are affine and no two have an index in common."""
    found = [sub for sub in map(affine, subs) if sub is not None]
    letters = [letter for sub in found for letter, _ in sub.steps]
    return found if len(found) == len(subs) and len(set(letters)) == len(letters) else None


def is_window(node: Gather) -> bool:
    """Whether a gather is a strided view that has more axes than its array."""
    found = _all_affine(node.subs)
    return found is not None and any(len(sub.steps) > 1 for sub in found)


def _plain(subs: Sequence[Use]) -> dict[int, Affine]:
    """The axes that slices going up can take: their index, if they have one, is in no other subscript."""
    counts = [letter for sub in subs for letter in set(sub.letters)]
    found = {axis: affine(sub) for axis, sub in enumerate(subs)}
    return {
        axis: sub
        for axis, sub in found.items()
        if sub is not None
        and len(sub.steps) <= 1
        and all(counts.count(letter) == 1 and step.is_positive for letter, step in sub.steps)
    }


def _slice(found: Affine, lengths: Lengths, side: Expr) -> str:
    if not found.steps:
        return size_text(found.start)
    ((letter, step),) = found.steps
    end = (found.start + step * (lengths[letter] - 1) + 1).expand()
    first = "" if found.start == 0 else size_text(found.start)
    stop = "" if (end - side).expand() == 0 else size_text(end)
    return f"{first}:{stop}" + ("" if step == 1 else f":{size_text(step)}")


def _slices(found: Sequence[Affine], lengths: Lengths, shape: Sequence[Expr]) -> tuple[str, tuple[Letter, ...]]:
    texts = [_slice(one, lengths, side) for one, side in zip(found, shape, strict=True)]
    return ", ".join(texts), tuple(one.steps[0][0] for one in found if one.steps)


def _lengths(uses: Sequence[Use]) -> Lengths:
    return {letter: length for use in uses for letter, length in zip(use.letters, use.node.shape, strict=True)}


def _tuple(parts: Sequence[object]) -> str:
    texts = [part if isinstance(part, str) else size_text(part) for part in parts]
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def _walk(found: Sequence[Affine], letters: Sequence[Letter]) -> str:
    """How windows walk over an array, as arguments: for every letter the axis and the step, and where they start."""
    place = {letter: (axis, step) for axis, sub in enumerate(found) for letter, step in sub.steps}
    axes, steps = (_tuple([S(place[letter][k]) for letter in letters]) for k in (0, 1))
    start = "" if all(sub.start == 0 for sub in found) else f", start={_tuple([sub.start for sub in found])}"
    return f"axes={axes}, steps={steps}{start}"


def gather_text(node: Gather, read: Read, base: Value, want: Sequence[Letter] | None, helpers: set[str]) -> Value:
    """base[subs]; `want` is the order of axes that is asked for, where there is a choice."""
    base = transpose(base, range(len(base.letters)))
    shape, lengths = node.base.node.shape, _lengths(node.subs)
    plain = _plain(node.subs)
    if len(plain) == len(shape):
        text, letters = _slices(list(plain.values()), lengths, shape)
        return Value(f"{base.at(ATOM)}[{text}]", ATOM, letters, base.kind)
    windows = _all_affine(node.subs)
    if windows is not None:
        helpers.add("windows")
        letters = tuple(want or range(node.rank))
        sides = _tuple([lengths[letter] for letter in letters])
        return Value(f"_windows({base.text}, {sides}, {_walk(windows, letters)})", ATOM, letters, base.kind)
    return _indexed(node, read, base, plain, lengths)


def _indexed(node: Gather, read: Read, base: Value, plain: dict[int, Affine], lengths: Lengths) -> Value:
    """Index arrays on some axes, slices on the others."""
    shape = node.base.node.shape
    slices = {axis: found for axis, found in plain.items() if found.steps}
    arrays = [axis for axis in range(len(shape)) if axis not in slices]
    batch = distinct(letter for axis in arrays for letter in node.subs[axis].letters)
    texts = [
        _slice(slices[axis], lengths, shape[axis]) if axis in slices else broadcast(read(sub), batch).at(ADD)
        for axis, sub in enumerate(node.subs)
    ]
    while texts[-1] == ":":
        texts.pop()
    # NumPy puts the axes of index arrays where they stand if they stand together, else first
    first = arrays[0] if arrays[-1] - arrays[0] == len(arrays) - 1 else 0
    rows = [found.steps[0][0] for found in slices.values()]
    letters = (*rows[:first], *batch, *rows[first:])
    return Value(f"{base.at(ATOM)}[{', '.join(texts)}]", ATOM, letters, base.kind)


def scatter_text(node: Scatter, read: Read, value: Value, dtype: str, helpers: set[str]) -> Value:
    """Zeros with `value` added at `subs`."""
    lengths = _lengths(node.subs)
    own = tuple(range(node.rank))
    plain = _plain(node.subs)
    if len(plain) == node.rank:
        helpers.add("place")
        slices, order = _slices(list(plain.values()), lengths, node.shape)
        text = f"_place({_tuple(node.shape)}, np.s_[{slices}], {broadcast(value, order).text}, {dtype})"
        return Value(text, ATOM, own)
    windows = _all_affine(node.subs)
    if windows is not None:
        helpers.add("add_windows")
        letters = [letter for letter in lengths if letter not in value.letters]
        order = (*letters, *value.letters)
        sides = _tuple([lengths[x] for x in order])
        if value.kind == "python":  # it has no type of its own
            text = f"np.full({sides}, {value.text}, dtype={dtype})"
        else:
            text = value.text if not letters else f"np.broadcast_to({value.text}, {sides})"
        return Value(f"_add_windows({_tuple(node.shape)}, {text}, {_walk(windows, order)})", ATOM, own)
    # index arrays; an axis that is not moved, and that no position depends on, is a row that is added whole
    counts = [letter for sub in node.subs for letter in set(sub.letters)]
    rows = [axis for axis in own if node.subs[axis].letters == (axis,) and axis in plain and counts.count(axis) == 1]
    moved = [axis for axis in own if axis not in rows]
    batch = distinct(letter for axis in moved for letter in node.subs[axis].letters)
    index = _tuple([broadcast(read(node.subs[axis]), batch).at(ADD) for axis in moved])
    order = (*moved, *rows)
    helper = "accumulate" if node.bound else "place"  # without a sum no position occurs twice
    helpers.add(helper)
    shape = _tuple([node.shape[axis] for axis in order])
    return Value(f"_{helper}({shape}, {index}, {broadcast(value, (*batch, *rows)).text}, {dtype})", ATOM, order)
