"""What docstrings say of arrays with structure: shapes, formulas, how factors combine, where entries are not zero."""

from collections.abc import Iterable, Sequence

from sympy import Expr, symbols

from symgrad.calculus.structure import Block
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.graph.comparisons import without_masks
from symgrad.graph.nodes import Shape, Use
from symgrad.outputs.function import Places, Sides
from symgrad.outputs.structure import factors

INDICES = "ijklmnopqrstuvwxyzabcdefgh"

_SYMBOLS = symbols(" ".join(INDICES), integer=True)
_FORMULA = IndexWriter(IndexNames({}))


def shape_line(label: str, formula: str | None, shape: Shape) -> str:
    """The shape of an array, and its formula where that is short."""
    return f"{label} : {_shape(shape)}" + (f", = {formula}" if formula else "")


def factors_line(label: str, parts: Sequence[Block], rank: int) -> str:
    """How the arrays of `hessian_compact` combine."""
    found = factors(parts)
    terms = []
    for number, (ties, axes) in enumerate(found):
        deltas = "·".join(f"δ[{INDICES[row]}, {INDICES[column]}]" for row, column in ties)
        which = f"[{number}]" if len(found) > 1 else ""
        terms.append(f"{deltas}·compact.{label}{which}{_subscripts(axes)}")
    return f"H.{label}{_subscripts(range(rank))} = {' + '.join(terms)}"


def places_lines(rows: Sides, columns: Sides, parts: Sequence[Places]) -> list[str]:
    """Where the entries of a sparse matrix stand, as entries of the arrays that rows and columns are for."""
    lines = []
    for part in parts:
        (row, shape), (column, _) = rows[part.block[0]], columns[part.block[1]]
        places = [str(_position(_where_inside(place, part.inside))) for place in part.places]
        ends = [f"{INDICES[n]} < {length}" for n, length in enumerate(part.lengths)]
        ends += [str(_FORMULA.write(condition, dict(enumerate(_SYMBOLS)))) for condition in part.inside]
        at = [
            f"{name}[{', '.join(those)}]" if those else name
            for name, those in ((row, places[: len(shape)]), (column, places[len(shape) :]))
        ]
        lines.append(f"{at[0]}, {at[1]}" + (f" : {', '.join(ends)}" if ends else ""))
    return lines


def _where_inside(sub: Use, inside: Sequence[Use]) -> Use:
    """A place without the condition that says where there is one, and any other place elsewhere."""
    masks, place = without_masks(sub)
    return place if all(mask.holds and mask.condition in inside for mask in masks) else sub


def _shape(shape: Iterable[Expr]) -> str:
    sides = [str(side) for side in shape]
    return f"({sides[0]},)" if len(sides) == 1 else f"({', '.join(sides)})"


def _subscripts(axes: Iterable[int]) -> str:
    inside = ", ".join(INDICES[axis] for axis in axes)
    return f"[{inside}]" if inside else ""


def _position(sub: Use) -> str:
    """A subscript in a docstring, `camera[i]`."""
    name = getattr(sub.node, "name", None)
    return f"{name}{_subscripts(sub.letters)}" if name else _FORMULA.write(sub, dict(enumerate(_SYMBOLS)))
