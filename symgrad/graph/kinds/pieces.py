"""Arrays that code writes part by part: different terms in slices along one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr

from symgrad.graph.letters import relabel
from symgrad.graph.node import Letter, Node, Use, each_operand_once, intern, no_sign, nothing


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Pieces(Node):
    """Zeros into which parts are written in their order, each between a start and a stop along one axis.

    The letter of that axis is `rank` + n in the part of number n. A later part is written over an earlier one where
    they have entries in common, which they may have where a side is short.
    """

    axis: int
    starts: tuple[Expr, ...]
    stops: tuple[Expr, ...]
    parts: tuple[Use, ...]

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once
    sign = no_sign

    def uses(self) -> tuple[Use, ...]:
        return self.parts

    def rebuild(self, uses: Sequence[Use]) -> Use:
        made = intern(Pieces, self.shape, self.axis, self.starts, self.stops, tuple(uses))
        return Use(made, tuple(range(self.rank)))


Part = tuple[Expr, Expr, Use]  # from where, to where, and what; its letter along the axis is "part"


def pieces(parts: Sequence[Part], letter: Letter, lengths: Mapping[Letter, Expr]) -> Use:
    """The array over letters of these lengths with parts along one of them."""
    letters = [x for x in lengths if x == letter or any(x in part.letters for _, _, part in parts)]
    names: dict[Letter, Letter] = {x: k for k, x in enumerate(letters)}
    found = [relabel(part, names | {"part": len(letters) + n}) for n, (_, _, part) in enumerate(parts)]
    made = intern(
        Pieces,
        tuple(lengths[x] for x in letters),
        letters.index(letter),
        tuple(start for start, _, _ in parts),
        tuple(stop for _, stop, _ in parts),
        tuple(found),
    )
    return Use(made, tuple(letters))
