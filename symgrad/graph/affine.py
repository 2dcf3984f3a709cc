"""Subscripts that are affine in their indices: start + step·i, and so on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Mul, S

from symgrad.graph.build import number
from symgrad.graph.nodes import Add, Contract, Letter, Range, Size, Use
from symgrad.graph.transform import place


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


def sliced(subs: Sequence[Use]) -> dict[int, Affine]:
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
