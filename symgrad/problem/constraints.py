"""The constraints of a problem as they are stated: relations with a name, a place, and arrays of their gaps."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from keyword import iskeyword
from typing import Any

from sympy import Eq, IndexedBase, MatrixSymbol, OneMatrix, S, Symbol, Tuple, sympify
from sympy.core.relational import Equality, GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad.errors import ModelError
from symgrad.frontend import given
from symgrad.frontend.scope import place_of
from symgrad.graph.dimensions import equal
from symgrad.problem.ranges import Range, ranges

PLACE = "subject_to"
MULTIPLIER = "multiplier_"  # before a constraint's name
KINDS = {Equality: "=", LessThan: "≤", GreaterThan: "≥"}
_STRICT = {StrictLessThan: "Le", StrictGreaterThan: "Ge"}


@dataclass(frozen=True)
class Constraint:
    """A constraint gap = 0, gap ≤ 0 or gap ≥ 0, where the gap is the left side less the right one.

    Attributes
    ----------
    name : by which its multipliers are called.
    place : where it was stated, "subject_to[2]".
    relation : as it was stated.
    kind : "=", "≤" or "≥".
    symbol : the array of gaps: a `Symbol`, an `IndexedBase` over `ranges`, or a `MatrixSymbol`.
    equation : its definition, as `where` has it.
    ranges : the indices for which it holds.
    gap : the gap in terms of these indices.
    """

    name: str
    place: str
    relation: Any
    kind: str
    symbol: Any
    equation: Any
    ranges: tuple[Range, ...]
    gap: Any

    @property
    def said(self) -> str:
        """The constraint as errors call it."""
        return f"{self.place}, {place_of(self.relation)}"


def constraints(stated: Any, taken: set[str], sizes: Set[Any]) -> tuple[Constraint, ...]:
    """The constraints of a list of relations, of pairs (name, relation), or of a dictionary.

    `taken` are the names of the problem, which those of the constraints and their multipliers must not be; `sizes` are
    its dimensions, which are no indices.

    Raises
    ------
    ModelError : one is no relation, is strict, or has no sense; the message has its place and text.
    """
    parts = list(stated.items()) if isinstance(stated, Mapping) else list(given.listed(stated, PLACE, "[Le(x + y, 1)]"))
    made: list[Constraint] = []
    for number, part in enumerate(parts):
        stated_name, *rest = _parted(part)
        place = f"{PLACE}[{number}]" if stated_name is None else f"{PLACE}[{number}] ({stated_name})"
        relation, limits = _relation(rest, place)
        name = _name(stated_name, number, taken)
        taken |= {name, f"{MULTIPLIER}{name}"}
        one = _constraint(name, place, relation, limits, sizes)
        for other in made:
            if _says_the_same(one, other):
                raise ModelError(
                    f"{one.said}: it says the same as {other.said}, and multipliers of both would not be determined; "
                    "leave one out"
                )
        made.append(one)
    return tuple(made)


def _says_the_same(one: Constraint, other: Constraint) -> bool:
    """Whether two constraints are one, also where both sides have changed places."""
    if one.ranges != other.ranges:
        return False
    if one.kind == other.kind and one.gap == other.gap:
        return True
    turned = {"=": "=", "≤": "≥", "≥": "≤"}[one.kind] == other.kind
    return turned and not _is_matrix(one.gap) and bool(one.gap == -other.gap)


def _parted(part: Any) -> list[Any]:
    """The name or None, the relation and the ranges that are stated."""
    parts = list(part) if isinstance(part, tuple | list | Tuple) else [part]
    name = None
    if len(parts) > 1 and isinstance(parts[0], str | Symbol):
        name = str(parts.pop(0))
    if len(parts) == 1 and isinstance(parts[0], tuple | list | Tuple):  # a relation with ranges under a name
        parts = list(parts[0])
    return [name, *parts]


def _relation(parts: Sequence[Any], place: str) -> tuple[Any, list[Any]]:
    """The relation and its ranges."""
    if not parts:
        raise ModelError(f"{place} is empty; give a relation such as Le(x + y, 1)")
    relation = given.statement(parts[0], place)
    limits = [tuple(limit) if isinstance(limit, tuple | list | Tuple) else () for limit in parts[1:]]
    if any(len(limit) != 3 for limit in limits):
        raise ModelError(f"{place}, {place_of(relation)}: a range is stated as (t, first, last)")
    return relation, limits


def _name(name: str | None, number: int, taken: set[str]) -> str:
    if name is None:
        names = (f"c{number}{'_' * length}" for length in count())
        return next(one for one in names if not {one, f"{MULTIPLIER}{one}"} & taken)
    if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
        raise ModelError(f"{PLACE}[{number}]: the name {name!r} is no name in Python, such as 'balance'")
    for one in (name, f"{MULTIPLIER}{name}"):
        if one in taken:
            said = f"the name {name}" if one == name else f"{one}, the name of the multipliers of {name},"
            raise ModelError(f"{PLACE}[{number}]: {said} is taken by another symbol or constraint; give another")
    return name


def _constraint(name: str, place: str, relation: Any, limits: Sequence[Any], sizes: Set[Any]) -> Constraint:
    said = f"{place}, {place_of(relation)}"
    for strict, weak in _STRICT.items():
        if isinstance(relation, strict):
            raise ModelError(
                f"{said}: a strict inequality has no points on its border, where minima lie; write {weak}(...)"
            )
    kind = next((sign for kind, sign in KINDS.items() if isinstance(relation, kind)), None)
    if kind is None or not isinstance(relation, Relational):
        raise ModelError(f"{said} ({type(relation).__name__}) is no constraint; write Eq(a, b), Le(a, b) or Ge(a, b)")
    try:
        symbol, equation, found, gap = _gaps(name, *_plain(relation.lhs, relation.rhs), limits, sizes)
    except ModelError as problem:
        raise ModelError(f"{said}: {problem}") from None
    return Constraint(name, place, relation, kind, symbol, equation, found, gap)


def _plain(left: Any, right: Any) -> tuple[Any, Any]:
    """The sides of a relation; where no matrix is compared, a 1×1 matrix as the scalar that it is."""
    if _is_matrix(left) or _is_matrix(right):
        return left, right
    left, right = (side[0, 0] if getattr(side, "is_Matrix", False) else side for side in (left, right))
    return left, right


def _gaps(
    name: str, left: Any, right: Any, limits: Sequence[Any], sizes: Set[Any]
) -> tuple[Any, Any, tuple[Range, ...], Any]:
    """The array of gaps, its definition, its indices and the gap in terms of them."""
    if any(_is_matrix(side) for side in (left, right)):
        gap = _matrix_gap(left, right)
        if limits:
            raise ModelError("a constraint of whole matrices has no indices")
        array = MatrixSymbol(name, *gap.shape)
        return array, Eq(array, gap, evaluate=False), (), gap
    gap = sympify(left - right)
    found = ranges(gap, limits, sizes)
    if not found:
        number = Symbol(name, real=True)
        return number, Eq(number, gap, evaluate=False), (), gap
    plain = {one.index: getattr(one.index, "label", one.index) for one in found}
    moved = gap.xreplace({one.index: plain[one.index] + one.low for one in found})
    array = IndexedBase(name, shape=tuple(one.high - one.low + 1 for one in found))
    indices = tuple(plain[one.index] for one in found)
    named = tuple(Range(plain[one.index], one.low, one.high) for one in found)
    return array, Eq(array[indices], moved, evaluate=False), named, gap.xreplace(plain)


def _is_matrix(side: Any) -> bool:
    return bool(getattr(side, "is_Matrix", False)) and tuple(side.shape) != (1, 1)


def _matrix_gap(left: Any, right: Any) -> Any:
    """The left side less the right one; a number stands for a matrix of it."""
    shape = (left if _is_matrix(left) else right).shape
    sides = []
    for side in (left, right):
        if _is_matrix(side):
            if len(side.shape) != 2 or not all(map(equal, side.shape, shape)):
                raise ModelError(f"sides of the shapes {tuple(left.shape)} and {tuple(right.shape)} are compared")
            sides.append(side)
        elif isinstance(side, MatrixExpr):
            raise ModelError(f"a matrix of shape {tuple(shape)} is compared with one of shape {tuple(side.shape)}")
        else:
            sides.append(S.Zero if side == 0 else side * OneMatrix(*shape))
    return sides[0] if sides[1] == 0 else -sides[1] if sides[0] == 0 else sides[0] - sides[1]
