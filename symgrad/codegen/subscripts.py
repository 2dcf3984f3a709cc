"""Subscripts as NumPy: slices where every subscript is affine in an index of its own, index arrays otherwise."""

from collections.abc import Callable, Sequence

from sympy import Expr, S

from symgrad.codegen.values import ADD, ATOM, Value, broadcast, transpose
from symgrad.graph.build import number
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Gather, Letter, Range, Scatter, Size, Use


def affine(sub: Use) -> tuple[Letter | None, Expr, Expr] | None:
    """(letter, step, start) of start + step·letter, (None, 0, start) of a constant, or None if it is neither."""
    value = number(sub)
    if value is not None:
        return None, S.Zero, value
    if isinstance(sub.node, Range):
        return sub.letters[0], S.One, S.Zero
    if isinstance(sub.node, Size):
        return None, S.Zero, sub.node.value
    if not isinstance(sub.node, Add):
        return None
    letter, step, start = None, S.Zero, S.Zero
    for coefficient, part in sub.node.terms:
        inner = affine(Use(part.node, tuple(sub.letters[k] for k in part.letters)))
        if inner is None or (inner[0] is not None and letter is not None):
            return None
        if inner[0] is not None:
            letter, step = inner[0], coefficient * inner[1]
        start += coefficient * inner[2]
    return letter, step, start


def _slices(
    subs: Sequence[Use], lengths: dict[Letter, Expr], shape: Sequence[Expr]
) -> tuple[str, tuple[Letter, ...]] | None:
    """The subscripts as basic slices with the letters of the result's axes, if each index occurs once, going up."""
    found = [affine(sub) for sub in subs]
    letters = [entry[0] for entry in found if entry is not None and entry[0] is not None]
    if any(entry is None for entry in found) or len(set(letters)) < len(letters):
        return None
    texts = []
    for entry, side in zip(found, shape, strict=True):
        assert entry is not None
        letter, step, start = entry
        if letter is None:
            texts.append(str(start))
            continue
        if not (step.is_Integer and step > 0):
            return None
        last = (start + step * (lengths[letter] - 1) + 1).expand()
        first = "" if start == 0 else str(start)
        stop = "" if (last - side).expand() == 0 else str(last)
        texts.append(f"{first}:{stop}" + ("" if step == 1 else f":{step}"))
    return ", ".join(texts), tuple(letters)


def _lengths(uses: Sequence[Use]) -> dict[Letter, Expr]:
    return {letter: length for use in uses for letter, length in zip(use.letters, use.node.shape, strict=True)}


def _index_arrays(subs: Sequence[Use], letters: Sequence[Letter], read: Callable[[Use], Value]) -> str:
    return ", ".join(broadcast(read(sub), letters).at(ADD) for sub in subs)


def gather_text(node: Gather, read: Callable[[Use], Value], base: Value) -> Value:
    """base[subs]."""
    base = transpose(base, range(len(base.letters)))
    sliced = _slices(node.subs, _lengths(node.subs), node.base.node.shape)
    if sliced is not None:
        return Value(f"{base.at(ATOM)}[{sliced[0]}]", ATOM, sliced[1], base.kind)
    letters = tuple(range(node.rank))
    return Value(f"{base.at(ATOM)}[{_index_arrays(node.subs, letters, read)}]", ATOM, letters, base.kind)


def scatter_text(node: Scatter, read: Callable[[Use], Value], real: Callable[[Value], Value], dtype: str) -> Value:
    """zeros with `value` added at `subs`."""
    axes = tuple(range(node.rank))
    shape = ", ".join(str(length) for length in node.shape)
    lengths = _lengths(node.subs) | {letter: node.shape[letter] for letter in axes}
    value = real(read(node.value))
    sliced = _slices(node.subs, lengths, node.shape)
    if sliced is not None:
        index, letters = f"np.s_[{sliced[0]}]", sliced[1]
    else:
        letters = distinct([*(x for sub in node.subs for x in sub.letters), *node.value.letters])
        index = f"({_index_arrays(node.subs, letters, read)},)"
    text = f"_scatter(({shape},), {index}, {broadcast(value, letters).text}, {dtype})"
    return Value(text, ATOM, axes)
