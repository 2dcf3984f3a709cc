"""Names that are no recurrences: their equations as terms over the axes of the name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Basic, Expr, Idx, Indexed, IndexedBase, MatrixSymbol, S, expand
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.left_sides import index_of, scope_of, subscripts_of
from symgrad.frontend.linear_algebra import COLUMN, ROW
from symgrad.frontend.matrix import Reader
from symgrad.frontend.names import base_symbol, name_of, subscripted
from symgrad.frontend.scope import Index, Scope, Symbols, place_of
from symgrad.functions.common import entry_by_entry_text
from symgrad.graph.build import add, index, named, scatter, size
from symgrad.graph.dimensions import equal
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Named
from symgrad.walk import Preorder


def read_definition(equation: Equality, reader: Reader) -> Named:
    """The quantity that an equation of `where` defines.

    Where the right side reads entries beyond the ends of an array for the first or last values of an index, as x[t - 1]
    for t = 0, the equation is one for the other values.

    Raises
    ------
    ModelError, UnsupportedError : the sides do not fit, or the right side cannot be read.
    """
    left, right = equation.lhs, equation.rhs
    base = base_symbol(left)
    if isinstance(left, MatrixSymbol):
        if not isinstance(right, MatrixExpr):
            cure = entry_by_entry_text(right)
            raise ModelError(
                f"Eq({left}, {place_of(right)}): the left side is a matrix, the right side is not"
                f"{'; ' + cure if cure else ''}"
            )
        for side in (0, 1):
            if not equal(left.shape[side], right.shape[side]):
                raise ModelError(
                    f"Eq({left}, {place_of(right)}): {left} has shape {left.shape}, the right side {right.shape}"
                )
        sides = [(letter, side) for letter, side in zip((ROW, COLUMN), left.shape, strict=True) if side != 1]
        term = reader.read(right)
        numbers = {letter: n for n, (letter, _) in enumerate(sides)}
        return named(name_of(base), base, tuple(length for _, length in sides), relabel(term, numbers))
    axes = _axes(base, equation)
    cuts = dict.fromkeys(range(len(axes)), _WHOLE)
    try:
        with reader.symbols.attempt():
            term = reader.read(right, _scope(equation, axes, cuts))
    except ModelError:
        cuts = {n: _cut(axis, right, reader.symbols) for n, axis in enumerate(axes)}
        if not isinstance(base, IndexedBase) or all(cut == _WHOLE for cut in cuts.values()):
            raise
        return _partly(equation, axes, cuts, reader)
    shape, numbers = tuple(axis.length for axis in axes), {axis.index: n for n, axis in enumerate(axes)}
    return named(name_of(base), base, shape, relabel(term, numbers))


class _Axis(NamedTuple):
    """An axis of a name with its subscript on the left side, `index` + `offset`."""

    index: Any
    offset: Expr
    length: Expr


_Cut = tuple[Expr, Expr]  # how many entries at the beginning and at the end of an axis have no equation
_WHOLE: _Cut = (S.Zero, S.Zero)


def _axes(base: Any, equation: Equality) -> list[_Axis]:
    left, axes = equation.lhs, list[_Axis]()
    for number, sub in enumerate(subscripts_of(left)):
        if isinstance(base, MatrixSymbol) and base.shape[number] == 1:
            continue
        found = index_of(sub)
        if found is None or (found[1] != 0 and not isinstance(base, IndexedBase)):
            raise UnsupportedError(
                f"{left} = ...: the subscript {sub} on the left is not an index, and {name_of(base)} is no recurrence"
            )
        if any(found[0] == axis.index for axis in axes):
            raise ModelError(f"{left} = ...: the index {found[0]} appears twice on the left side")
        axes.append(_Axis(*found, _length_of(sub, base, number, equation.rhs)))
    return axes


def _scope(equation: Equality, axes: Sequence[_Axis], cuts: Mapping[int, _Cut]) -> Scope:
    scope = scope_of(equation.lhs)
    for number, axis in enumerate(axes):
        before, after = cuts[number]
        start, length = expand(before - axis.offset), expand(axis.length - before - after)
        scope = scope.with_index(axis.index, Index(axis.index, start, length))
    return scope


def _cut(axis: _Axis, right: Basic, symbols: Symbols) -> _Cut:
    """How much an axis loses where the right side would read x[t - 1] or x[t + 1] beyond the ends of x."""
    before = after = S.Zero
    for part in Preorder(right):
        if not isinstance(part, Indexed | MatrixElement) or base_symbol(part) not in symbols.nodes:
            continue
        base = base_symbol(part)
        for number, (sub, length) in enumerate(zip(subscripts_of(part), base.shape or (), strict=False)):
            shift = expand(sub - axis.index)
            if shift.is_Integer:
                first, last = symbols.defined.get(base, {}).get(number, (S.Zero, length - 1))
                missing = expand(first - shift + axis.offset), expand(axis.length - 1 - last - axis.offset + shift)
                before, after = (
                    max(known, cut) if cut.is_Integer else known
                    for known, cut in zip((before, after), missing, strict=True)
                )
    return before, after


def _partly(equation: Equality, axes: Sequence[_Axis], cuts: Mapping[int, _Cut], reader: Reader) -> Named:
    """A name of which only those entries are defined whose right sides exist; others must not be read."""
    base = base_symbol(equation.lhs)
    scope = _scope(equation, axes, cuts)
    term = reader.read(equation.rhs, scope)
    bound = {axis.index: scope.indices[axis.index].length for axis in axes}
    positions = [
        add([(S.One, index(axis.index, bound[axis.index])), (S.One, size(cuts[number][0]))])
        for number, axis in enumerate(axes)
    ]
    shape = tuple(axis.length for axis in axes)
    placed = scatter(term, positions, shape, range(len(axes)), bound)
    reader.symbols.defined[base] = {
        number: (before, expand(axes[number].length - 1 - after))
        for number, (before, after) in cuts.items()
        if (before, after) != _WHOLE
    }
    return named(name_of(base), base, shape, placed)


def _length_of(index: Any, base: Any, axis: int, right: Basic) -> Expr:
    """How far an index of a left side runs: by the declared shape, its own range, or the arrays that it subscripts."""
    if getattr(base, "shape", None) is not None:
        return S(base.shape[axis])
    if isinstance(index, Idx) and index.upper is not None:
        return index.upper - index.lower + 1
    for other, place in subscripted([right], index):
        if other.shape is not None:
            return S(other.shape[place])
    raise ModelError(
        f"{name_of(base)} has no shape, and its index {index} subscripts no array on the right side; write "
        f"IndexedBase({name_of(base)!r}, shape=(N, ...))"
    )
