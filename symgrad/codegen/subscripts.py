"""Subscripts as text: slices where they are plain, else index arrays."""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr

from symgrad.codegen.values import ATOM, Value, size_text, transpose
from symgrad.graph.affine import Affine, sliced
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Gather, Letter, Use

Position = Callable[[Use, Sequence[Letter]], str]


def gathered(node: Gather, base: Value, position: Position) -> Value:
    """base[subs]."""
    base = transpose(base, range(len(base.letters)))
    index, letters = index_text(node.subs, node.base.node.shape, position)
    text = f"{base.at(ATOM)}[{index}]" if index else base.text
    return Value(text, ATOM if index else base.level, letters, base.kind, base.about)


def index_text(subs: Sequence[Use], shape: Sequence[Expr], position: Position) -> tuple[str, tuple[Letter, ...]]:
    """Subscripts as text, and the letters of the axes of what they pick."""
    lengths = {letter: size for sub in subs for letter, size in zip(sub.letters, sub.node.shape, strict=True)}
    plain = sliced(subs)
    slices = {axis: found for axis, found in plain.items() if found.steps}
    arrays = [axis for axis in range(len(subs)) if axis not in plain]
    if arrays:  # a number beside index arrays is one of them
        arrays = [axis for axis in range(len(subs)) if axis not in slices]
    batch = distinct(letter for axis in arrays for letter in subs[axis].letters)
    texts = [
        _slice(plain[axis], lengths, shape[axis]) if axis in plain else position(sub, batch)
        for axis, sub in enumerate(subs)
    ]
    while texts and texts[-1] == ":":
        texts.pop()
    # NumPy puts the axes of index arrays where they stand if they stand together, else first
    together = arrays and arrays[-1] - arrays[0] == len(arrays) - 1
    first = len([axis for axis in slices if axis < arrays[0]]) if together else 0
    rows = [found.steps[0][0] for _, found in sorted(slices.items())]
    return ", ".join(texts), (*rows[:first], *batch, *rows[first:])


def indexed(subs: Sequence[Use]) -> list[Use]:
    """The subscripts that are index arrays."""
    plain = sliced(subs)
    return [sub for axis, sub in enumerate(subs) if axis not in plain]


def _slice(found: Affine, lengths: Mapping[Letter, Expr], side: Expr) -> str:
    if not found.steps:
        return size_text(found.start)
    ((letter, step),) = found.steps
    end = (found.start + step * (lengths[letter] - 1) + 1).expand()
    first = "" if found.start == 0 else size_text(found.start)
    stop = "" if (end - side).expand() == 0 else size_text(end)
    return f"{first}:{stop}" + ("" if step == 1 else f":{size_text(step)}")
