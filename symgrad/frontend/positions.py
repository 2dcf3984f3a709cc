"""Where subscripts put and find entries: arrays padded with zeros, and sums that a Kronecker delta scatters."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sympy import Expr, KroneckerDelta, Mul, S, Symbol, expand

from symgrad.frontend.bounds import greatest, is_affine, is_whole_number, least, rectangular
from symgrad.frontend.scope import Scope
from symgrad.graph.build import add, index, scatter, size, sizes_of
from symgrad.graph.dimensions import at_smallest, equal
from symgrad.graph.nodes import Gather, Input, Letter, Named, Node, Range, Scatter, Size, Use, postorder

# inside: the position lies on the axis for every value of the indices; guarded: where the conditions around it hold;
# checked: that is for the generated module to find out.
Place = Literal["inside", "guarded", "checked"]


def padding(
    subscripts: Sequence[Expr], shape: Sequence[Expr], places: Sequence[Place], scope: Scope
) -> list[tuple[Expr, Expr]] | None:
    """How many zeros before and after each axis make every position one of the array; None if there is no such number.

    Only affine subscripts with integer steps: those are windows on the padded array.
    """
    if "guarded" not in places or "checked" in places:
        return None
    everywhere = rectangular(scope.indices)
    pads = []
    for sub, length, place in zip(subscripts, shape, places, strict=True):
        if place == "inside":
            pads.append((S.Zero, S.Zero))
            continue
        steps = [expand(sub).coeff(symbol) for symbol in scope.indices]
        low, high = least(sub, everywhere), greatest(sub, everywhere)
        if low is None or high is None or not (is_affine(sub, scope.indices) and all(s.is_Integer for s in steps)):
            return None
        before, after = _beyond(expand(-low)), _beyond(expand(high - length + 1))
        if before is None or after is None:
            return None
        pads.append((before, after))
    return pads


def _beyond(count: Expr) -> Expr | None:
    """max(count, 0) for all sizes, or a little more where the sign of the count depends on them; None if not found."""
    fewest, least_missing = at_smallest(expand(count)), at_smallest(expand(-count))
    if least_missing is not None and least_missing >= 0:
        return S.Zero
    return None if fewest is None else expand(count - min(fewest, S.Zero))


def padded(node: Node, pads: Sequence[tuple[Expr, Expr]]) -> Use:
    """The array with zeros before and after each axis."""
    axes = range(node.rank)
    inner = [("inner", axis) for axis in axes]
    positions = [
        add([(S.One, index(letter, length)), (S.One, size(before))])
        for letter, length, (before, _) in zip(inner, node.shape, pads, strict=True)
    ]
    shape = tuple(expand(before + length + after) for length, (before, after) in zip(node.shape, pads, strict=True))
    return scatter(Use(node, tuple(inner)), positions, shape, tuple(axes), dict(zip(inner, node.shape, strict=True)))


def table(entries: Mapping[tuple[int, ...], Use], axes: Mapping[Letter, Expr]) -> Use:
    """The array that has a term at each of these positions along the axes, and zeros elsewhere."""
    sizes = sizes_of(entries.values())
    whole = [index(letter, length) for letter, length in sizes.items()]
    shape, letters = (*sizes.values(), *axes.values()), (*sizes, *axes)
    placed = [scatter(term, [*whole, *map(size, map(S, at))], shape, letters, {}) for at, term in entries.items()]
    return add([(S.One, part) for part in placed])


def is_total(use: Use, exponent: Expr) -> bool:
    """Whether a factor is finite wherever its data are, so that multiplying it by zero gives zero."""
    entries = Input | Named | Gather | Scatter | Range | Size
    return bool(exponent.is_positive) and all(
        isinstance(node, entries) or not node.uses() for node in postorder([use.node])
    )


class Landing(NamedTuple):
    """Where the terms of a sum land on the axis of an outer index, and how far beside it they may."""

    position: Expr
    before: Expr
    after: Expr


def kronecker_positions(
    body: Expr, outer: Scope, inside: Scope, bound: Mapping[Letter, Expr], dimensions: Collection[Symbol]
) -> dict[Any, Landing]:
    """The factors δ(o, position) of a summand, by the outer index o: positions are made of indices of this sum only.

    One of two whole indices is left to the elimination of deltas, and one whose position may lie an unknown distance
    from the range of o to a comparison.
    """
    everywhere = rectangular(inside.indices)
    found: dict[Any, Landing] = {}
    for factor in Mul.make_args(body):
        if not isinstance(factor, KroneckerDelta) or len(factor.args) != 2:
            continue
        for target, position in (factor.args, factor.args[::-1]):
            if target not in outer.indices or target in found or inside.indices[target] != outer.indices[target]:
                continue
            used = [symbol for symbol in inside.indices if position.has(symbol)]
            if not used or any(inside.indices[symbol].letter not in bound for symbol in used):
                continue
            if not (position - target).free_symbols <= {*inside.indices, *dimensions}:
                continue  # a number that is given may be negative
            axis = inside.indices[target]
            if position in used and equal(inside.indices[position].length, axis.length):
                continue
            if not is_whole_number(position, ()):
                continue
            offset = expand(position - axis.start)
            low, high = least(offset, everywhere), greatest(offset, everywhere)
            before = None if low is None else _beyond(-low)
            after = None if high is None else _beyond(expand(high - axis.length + 1))
            if before is not None and after is not None:
                found[target] = Landing(position, before, after)
                break
    return found


def without(body: Expr, deltas: Mapping[Any, Landing]) -> Expr:
    """The summand without those deltas."""
    gone = {KroneckerDelta(target, landing.position) for target, landing in deltas.items()}
    return Mul(*(factor for factor in Mul.make_args(body) if factor not in gone))
