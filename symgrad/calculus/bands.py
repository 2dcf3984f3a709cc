"""Bands of a matrix: conditions that hold a column within fixed distances of a row, |i − j| ≤ 2 or i < j ≤ i + 2."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sympy import Abs, Eq, Expr, Ge, Gt, Integer, Le, Lt, Number, S, expand

from symgrad.functions import if_else
from symgrad.graph.affine import affine
from symgrad.graph.build import ZERO, apply, number, product_of_powers, scale, subtract
from symgrad.graph.comparisons import Mask, comparison, without_masks
from symgrad.graph.nodes import Apply, Letter, Use
from symgrad.graph.transform import factors_of, place, terms_of

MOST_LINES = 15
"""Of a band that becomes lines: each is a line of code. A wider one stays a whole array."""

Bounds = tuple[Expr | None, Expr | None]
_TURNED: dict[Any, Any] = {Ge: Le, Gt: Lt}


class Band(NamedTuple):
    """`term` where column − row is one of `offsets`, and nothing elsewhere."""

    row: Letter
    column: Letter
    offsets: range
    term: Use


def band_of(term: Use, rows: Mapping[Letter, Expr], columns: Mapping[Letter, Expr]) -> Band | None:
    """A product as a band along one of the rows and one of the columns, given with their lengths; None if it is none.

    Both ends have to be numbers: a band of symbolic width, such as |i − j| ≤ K, is a whole array.
    """
    masks, body = _apart(term)
    for row, length in rows.items():
        for column in (letter for letter, side in columns.items() if expand(side - length).is_Integer):
            ends = {mask: _ends(mask, row, column) for mask in masks}
            low = max((end[0] for end in ends.values() if end[0] is not None), default=None)
            high = min((end[1] for end in ends.values() if end[1] is not None), default=None)
            if low is None or high is None or high - low >= MOST_LINES:
                continue
            others = [mask for mask, end in ends.items() if end == (None, None)]
            return Band(row, column, range(int(low), int(high) + 1), _masked(body, others))
    return None


def is_masked(use: Use) -> bool:
    """Whether a term is a product that conditions on its indices mask."""
    return bool(_apart(use)[0])


def _apart(term: Use) -> tuple[list[Mask], Use]:
    """The conditions outside which a product is zero, those of its factors too, and what it is where they hold."""
    masks: list[Mask] = []
    kept: list[tuple[Use, Number]] = []
    waiting = factors_of(term)
    coefficient: Number = S.One
    while waiting:
        use, exponent = waiting.pop(0)
        found, body = without_masks(use) if exponent == 1 else ([], use)
        masks += found
        terms = terms_of(body)
        if found and len(terms) == 1:
            ((factor, product),) = terms
            coefficient *= factor
            waiting = [*factors_of(product), *waiting]
        else:
            kept.append((body, exponent))
    return masks, scale(coefficient, product_of_powers(kept))


def _masked(use: Use, masks: Iterable[Mask]) -> Use:
    for condition, holds in masks:
        use = apply(if_else, [condition, *((use, ZERO) if holds else (ZERO, use))])
    return use


def _ends(mask: Mask, row: Letter, column: Letter) -> Bounds:
    """The least and the greatest column − row where a mask lets through; None for an end that it does not set.

    A mask that says more than that, or anything of other letters, sets neither.
    """
    if {*mask.condition.letters} != {row, column}:
        return None, None
    one = comparison(mask)
    if one is not None:
        offset = one.offset if one.offset.is_Integer else None
        if offset is None or {one.first, one.second} != {row, column}:
            return None, None
        return (offset, None) if one.first == column else (None, -offset)
    node = mask.condition.node
    if not isinstance(node, Apply) or not mask.holds or len(node.args) != 2:
        return None, None
    sides = [place(arg, mask.condition.letters) for arg in node.args]
    left, right = sides[::-1] if node.head in _TURNED else sides
    head = _TURNED.get(node.head, node.head)
    if head is Eq:
        return _of_equation(left, right, row, column)
    width = number(right)
    inner = left.node
    if head not in (Le, Lt) or width is None or not width.is_Integer or not isinstance(inner, Apply):
        return None, None
    shift = _shift(place(inner.args[0], left.letters), row, column) if inner.head is Abs else None
    if shift is None:
        return None, None
    reach = width - (1 if head is Lt else 0)
    return -reach - shift, reach - shift


def _of_equation(left: Use, right: Use, row: Letter, column: Letter) -> Bounds:
    """Of left = right with a difference of the two letters."""
    found = _shift(subtract(left, right), row, column)
    return (None, None) if found is None else (-found, -found)


def _shift(use: Use, row: Letter, column: Letter) -> Integer | None:
    """s of column − row + s, also where it is written the other way round, up to its sign; None of anything else."""
    found = affine(use)
    steps = {} if found is None else dict(found.steps)
    if found is None or not found.start.is_Integer or sorted(steps.values()) != [-1, 1] or {*steps} != {row, column}:
        return None
    start: Integer = found.start * steps[column]
    return start
