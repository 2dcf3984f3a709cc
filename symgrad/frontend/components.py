"""Names whose entries have equations of their own, `Eq(c[n, 0], ...)`, `Eq(c[n, 1], ...)`, as one equation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import Basic, Dummy, Eq, Expr, Idx, Integer, S, Symbol
from sympy.core.relational import Equality

from symgrad.errors import ModelError
from symgrad.frontend.left_sides import axes_of, fixed_subscripts, index_of, lengths_of, subscripts_of
from symgrad.frontend.names import bound_indices, name_of
from symgrad.frontend.scope import place_of


class ByPosition(Expr):  # type: ignore[misc]
    """The first value where an index is 0, the second where it is 1, and so on."""

    def entries(self) -> tuple[tuple[Any, ...], dict[tuple[int, ...], Expr]]:
        """The index and the values by position, or several indices where all values are by position on another one."""
        index, *values = self.args
        inner = [value for value in values if isinstance(value, ByPosition)]
        if len(inner) < len(values) or len({value.args[0] for value in inner}) > 1:
            return (index,), {(n,): value for n, value in enumerate(values)}
        found = [value.entries() for value in inner]
        return (index, *found[0][0]), {(n, *at): value for n, (_, one) in enumerate(found) for at, value in one.items()}


@dataclass(frozen=True)
class _Part:
    """An equation: its subscripts along the axes, numbers or sizes on the `fixed` ones, and its right side."""

    subs: tuple[Expr, ...]
    fixed: tuple[int, ...]
    right: Expr
    equation: Equality


def joined(base: Any, equations: Sequence[Equality]) -> list[Equality]:
    """The equations of a name, with those that differ in the position on an axis put together.

    All entries of an array may have equations of their own, or those at one time of a recurrence and those of its base
    case. What makes a recurrence already is left as it is.

    Raises
    ------
    ModelError : an entry has no equation, or more than one.
    """
    fixed = [fixed_subscripts(equation.lhs) for equation in equations]
    times = {axis for axes in fixed for axis in axes}
    if not times or (len(times) == 1 and [] in fixed):
        return list(equations)
    if base.shape is None:
        raise ModelError(f"{name_of(base)} has no shape; write IndexedBase({name_of(base)!r}, shape=(3, ...))")
    parts = [_Part(axes_of(e.lhs), tuple(at), e.rhs, e) for e, at in zip(equations, fixed, strict=True)]
    for part in parts:
        if len(part.subs) != len(lengths_of(base)):
            return list(equations)  # which says so
    indices = _indices(parts)
    parts = [_renamed(part, indices) for part in parts]
    missing: list[str] = []
    whole = _cover(base, parts, indices, {}, missing)
    if not missing:
        return [_equation(base, parts[0], indices, {}, whole)]
    for axis in sorted(times):
        made = _by_time(base, parts, indices, axis)
        if made is not None:
            return made
    if [] not in fixed and all(lengths_of(base)[axis].is_Integer for axis in times):
        raise ModelError(f"{name_of(base)} has no equation for {', '.join(missing)}")
    return list(equations)


def _indices(parts: Sequence[_Part]) -> dict[int, Expr]:
    """The subscript with an index, of every axis; on an axis that only has numbers, a new one."""
    found: dict[int, Expr] = {}
    taken: set[Any] = set()
    for axis in range(len(parts[0].subs)):
        for part in parts:
            index = None if axis in part.fixed else index_of(part.subs[axis])
            if index is not None and index[0] not in taken:
                found[axis] = part.subs[axis]
                taken.add(index[0])
                break
        else:
            found[axis] = Dummy(f"position_{axis}", integer=True)
    return found


def _renamed(part: _Part, indices: Mapping[int, Expr]) -> _Part:
    """The equation with the indices that all of them shall have."""
    names: dict[Any, Any] = {}
    for axis, sub in enumerate(part.subs):
        own, common = index_of(sub), index_of(indices[axis])
        if axis in part.fixed or sub == indices[axis]:
            continue
        if own is None or common is None or own[1] != common[1]:
            raise ModelError(f"{place_of(part.equation.lhs)} = ...: write {indices[axis]} for the subscript {sub}")
        names[own[0]] = common[0]
    if not names:
        return part
    old, new = set(names), set(names.values())
    there = part.right.atoms(Symbol, Idx)
    if (new - old) & there or (old | new) & bound_indices([part.right]):
        raise ModelError(
            f"{place_of(part.equation)} has other indices than the equations of the other entries, and cannot be "
            f"renamed; write {', '.join(f'{other} for {one}' for one, other in names.items())} on its left side"
        )
    subs = tuple(sub if axis in part.fixed else indices[axis] for axis, sub in enumerate(part.subs))
    return replace(part, subs=subs, right=part.right.xreplace(names))


def _cover(
    base: Any, parts: Sequence[_Part], indices: Mapping[int, Expr], at: Mapping[int, Expr], missing: list[str]
) -> Expr:
    """The right sides of all entries whose subscripts are `at` on some axes; what has none is added to `missing`."""
    (first, *others) = parts
    left = [axis for axis in range(len(first.subs)) if axis not in at]
    if not others and not any(axis in first.fixed for axis in left):
        return first.right
    lengths = lengths_of(base)
    for axis in left:
        if not (lengths[axis].is_Integer and all(axis in part.fixed and part.subs[axis].is_Integer for part in parts)):
            continue
        positions = {part.subs[axis] for part in parts}
        beyond = [part for part in parts if not 0 <= part.subs[axis] < lengths[axis]]
        if beyond:
            raise ModelError(
                f"{place_of(beyond[0].equation.lhs)} = ...: the subscript {beyond[0].subs[axis]} is beyond the axis, "
                f"which has size {lengths[axis]}"
            )
        values = []
        for position in map(Integer, range(int(lengths[axis]))):
            here = {**at, axis: position}
            if position in positions:
                group = [part for part in parts if part.subs[axis] == position]
                values.append(_cover(base, group, indices, here, missing))
            else:
                missing.append(_entry(base, len(first.subs), here))
        return ByPosition(index_of(indices[axis])[0], *values)  # type: ignore[index]
    same = [part for part in others if part.subs == first.subs]
    if same:
        raise ModelError(f"{place_of(same[0].equation)} defines {place_of(first.equation.lhs)} a second time")
    missing.append(_entry(base, len(first.subs), at))
    return S.NaN


def _entry(base: Any, rank: int, at: Mapping[int, Expr]) -> str:
    return f"{name_of(base)}[{', '.join(str(at.get(axis, ':')) for axis in range(rank))}]"


def _by_time(base: Any, parts: Sequence[_Part], indices: Mapping[int, Expr], axis: int) -> list[Equality] | None:
    """The equations of a recurrence along an axis, one for each number there and one for the index."""
    groups: dict[Expr, list[_Part]] = {}
    for part in parts:
        groups.setdefault(part.subs[axis], []).append(part)
    if indices[axis] not in groups or len(groups) < 2:
        return None
    made = []
    for sub, group in groups.items():
        missing: list[str] = []
        whole = _cover(base, group, indices, {axis: sub}, missing)
        if missing:
            return None
        made.append(_equation(base, group[0], indices, {axis: sub}, whole))
    return made


def _equation(base: Any, part: _Part, indices: Mapping[int, Expr], at: Mapping[int, Expr], right: Basic) -> Equality:
    """base[indices, or `at`] = right, where sides of one have the subscript that they have in the part."""
    along = iter(at.get(axis, indices[axis]) for axis in range(len(part.subs)))
    sides = [side == 1 for side in base.shape] if hasattr(base, "is_Matrix") and base.is_Matrix else []
    subs = subscripts_of(part.equation.lhs)
    whole = [sub if sides and sides[n] else next(along) for n, sub in enumerate(subs)]
    return Eq(base[tuple(whole)], right, evaluate=False)
