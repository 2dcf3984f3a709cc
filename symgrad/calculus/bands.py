"""Bands of a matrix: conditions that hold a column near a row, |i − j| ≤ 2, i < j ≤ i + W or not |i − j| > W."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sympy import (
    Abs,
    And,
    Eq,
    Expr,
    Ge,
    Gt,
    Integer,
    Le,
    Lt,
    Max,
    Min,
    Ne,
    Not,
    Number,
    Or,
    S,
    ceiling,
    expand,
    floor,
    ilcm,
)

from symgrad.functions import if_else
from symgrad.graph.affine import affine
from symgrad.graph.build import ZERO, apply, product_of_powers, scale, subtract
from symgrad.graph.comparisons import Mask, comparison, without_masks
from symgrad.graph.nodes import Apply, Letter, Use
from symgrad.graph.transform import factors_of, place, terms_of

MOST_LINES = 15
"""Of a band that becomes lines: each is a line of code. The columns of a wider one are numbered from row to row."""

Bounds = tuple[Expr | None, Expr | None]
_TURNED: dict[Any, Any] = {Ge: Le, Gt: Lt}
_NEGATED: dict[Any, Any] = {Ge: Lt, Lt: Ge, Gt: Le, Le: Gt, Ne: Eq}


class Band(NamedTuple):
    """`term` where low ≤ column − row ≤ high, and nothing elsewhere."""

    row: Letter
    column: Letter
    low: Expr
    high: Expr
    term: Use

    @property
    def offsets(self) -> range | None:
        """The distances of few lines; None of more, or of a number that depends on sizes."""
        if not (self.low.is_Integer and self.high.is_Integer) or self.high - self.low >= MOST_LINES:
            return None
        return range(int(self.low), int(self.high) + 1)


def band_of(term: Use, rows: Mapping[Letter, Expr], columns: Mapping[Letter, Expr]) -> Band | None:
    """A product as a band along one of the rows and one of the columns, given with their lengths; None if it is none.

    Its ends are numbers, or depend on sizes other than the length: |i − j| ≤ N/2 of N rows is most of a whole array.
    One that is no few lines has as many columns as rows, so that each column stands for one if there are rows.
    """
    masks, body = apart(term)
    for row, length in rows.items():
        for column in (letter for letter, side in columns.items() if expand(side - length).is_Integer):
            ends = {mask: _ends(mask, row, column) for mask in masks}
            lows, highs = ([end[n] for end in ends.values() if end[n] is not None] for n in (0, 1))
            if not lows or not highs:
                continue
            others = [mask for mask, end in ends.items() if end == (None, None)]
            band = Band(row, column, Max(*lows), Min(*highs), masked(body, others))
            square = expand(columns[column] - length) == 0
            if band.offsets is not None or (square and not _sizes_in(band) & length.free_symbols):
                return band
    return None


def _sizes_in(band: Band) -> set[Any]:
    return {*band.low.free_symbols, *band.high.free_symbols}


def is_masked(use: Use) -> bool:
    """Whether a term is a product that conditions on its indices mask."""
    return bool(apart(use)[0])


def is_of_band(mask: Mask) -> bool:
    """Whether a mask says between which numbers or sizes the distance of two indices is."""
    letters = dict.fromkeys(mask.condition.letters)
    return len(letters) == 2 and None not in _ends(mask, *letters)


def apart(term: Use) -> tuple[list[Mask], Use]:
    """The conditions outside which a product is zero, those of its factors too, and what it is where they hold."""
    masks: list[Mask] = []
    kept: list[tuple[Use, Number]] = []
    waiting = factors_of(term)
    coefficient: Number = S.One
    while waiting:
        use, exponent = waiting.pop(0)
        found, body = without_masks(use) if exponent == 1 else ([], use)
        masks += [part for mask in found for part in conjuncts(mask)]
        terms = terms_of(body)
        if found and len(terms) == 1:
            ((factor, product),) = terms
            coefficient *= factor
            waiting = [*factors_of(product), *waiting]
        else:
            kept.append((body, exponent))
    return masks, scale(coefficient, product_of_powers(kept))


def conjuncts(mask: Mask) -> list[Mask]:
    """The conditions of which all have to hold, or not to hold, where a mask lets through."""
    node = mask.condition.node
    if not isinstance(node, Apply) or node.head not in (Not, And if mask.holds else Or):
        return [mask]
    holds = mask.holds != (node.head is Not)
    return [part for arg in node.args for part in conjuncts(Mask(place(arg, mask.condition.letters), holds))]


def disjuncts(mask: Mask) -> list[Mask]:
    """The conditions of which one has to hold, or not to hold, where a mask lets through."""
    return [Mask(one.condition, not one.holds) for one in conjuncts(Mask(mask.condition, not mask.holds))]


def masked(use: Use, masks: Iterable[Mask]) -> Use:
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
        if {one.first, one.second} != {row, column}:
            return None, None
        return (one.offset, None) if one.first == column else (None, -one.offset)
    head, left, right = _relation(mask)
    if head is Eq:
        return _of_equation(left, right, row, column)
    found = within(mask)
    shift = None if found is None else _shift(found[0], row, column)
    if found is None or shift is None:
        return None, None
    return -found[1] - shift, found[1] - shift


def _relation(mask: Mask) -> tuple[Any, Use, Use]:
    """Whether a mask says =, ≤ or <, of which sides; None of anything else."""
    node = mask.condition.node
    if not isinstance(node, Apply) or len(node.args) != 2:
        return None, ZERO, ZERO
    relation = node.head if mask.holds else _NEGATED.get(node.head)
    left, right = (place(arg, mask.condition.letters) for arg in node.args)
    return (_TURNED[relation], right, left) if relation in _TURNED else (relation, left, right)


def multiplied(use: Use) -> tuple[Number, Use]:
    """The least number that makes all coefficients of a sum whole, and the sum times that."""
    by = Integer(ilcm(1, 1, *[coefficient.q for coefficient, _ in terms_of(use) if coefficient.is_Rational]))
    return by, scale(by, use)


def within(mask: Mask) -> tuple[Use, Expr] | None:
    """x and r where a mask says |x| ≤ r of what is whole if indices and labels are; None of any other mask."""
    head, left, right = _relation(mask)
    found = _distance(subtract(left, right)) if head in (Le, Lt) else None
    if found is None:
        return None
    by, whole = multiplied(found[0])
    reach = expand(by * found[1])
    return whole, floor(reach) if head is Le else ceiling(reach) - 1


def _distance(gap: Use) -> tuple[Use, Expr] | None:
    """x and w where a gap of at most 0 says |x| ≤ w or x² ≤ w², with w of sizes and numbers; None of another gap."""
    rest, found = S.Zero, list[tuple[Number, Number, Use]]()
    for coefficient, term in terms_of(gap):
        one = affine(term)
        if one is not None and not one.steps:
            rest += coefficient * one.start
        elif isinstance(term.node, Apply) and term.node.head is Abs and coefficient > 0:
            found.append((coefficient, S.One, place(term.node.args[0], term.letters)))
        elif (square := factors_of(term))[0][1] == 2 and len(square) == 1 and coefficient > 0:
            found.append((coefficient, S.Half, square[0][0]))
        else:
            return None
    if len(found) != 1:
        return None
    coefficient, root, inner = found[0]
    reach = expand(-rest / coefficient) ** root
    return (inner, reach) if root == 1 or reach.is_integer or (reach.is_real and reach.is_number) else None


def _of_equation(left: Use, right: Use, row: Letter, column: Letter) -> Bounds:
    """Of left = right with a difference of the two letters."""
    found = _shift(subtract(left, right), row, column)
    return (None, None) if found is None else (-found, -found)


def _shift(use: Use, row: Letter, column: Letter) -> Expr | None:
    """s of column − row + s, also where it is written the other way round, up to its sign; None of anything else."""
    found = affine(use)
    steps = {} if found is None else dict(found.steps)
    if found is None or not found.start.is_integer or {*steps} != {row, column} or {*steps.values()} != {-1, 1}:
        return None
    return expand(found.start * steps[column])
