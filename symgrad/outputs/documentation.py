"""What docstrings say of arrays with structure: shapes, formulas, how factors combine, where entries are not zero."""

from collections.abc import Iterable, Sequence

from sympy import Expr, symbols

from symgrad.calculus.structure import Block
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.graph.nodes import Shape, Use
from symgrad.outputs.function import Pattern
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


def pattern_lines(label: str, rank: int, patterns: Sequence[Pattern], shape: Shape) -> list[str]:
    """Where a sparse array is not zero."""
    left = f"{label}{_subscripts(range(rank))}{_subscripts(range(rank, len(shape)))}"
    if not patterns:
        return [f"{left} : zero"]
    lines = []
    for pattern in patterns:
        conditions = [f"{INDICES[row]} = {INDICES[column]}" for row, column in pattern.ties]
        conditions += [f"{INDICES[letter]} = {_position(sub)}" for letter, sub in pattern.hits]
        values = _shape(pattern.values.shape)
        lines.append(f"{left} : sparse, non-zero only where {' and '.join(conditions)}; values {values}")
    return lines


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
