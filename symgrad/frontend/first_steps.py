"""Recurrences whose base cases stand in conditions: h[t] = if_else(Eq(t, 0), a, ... h[t - 1] ...)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Dummy, Eq, Expr, Integer
from sympy.core.relational import Equality, Relational
from sympy.logic.boolalg import BooleanAtom

from symgrad.frontend.left_sides import axes_of, index_of
from symgrad.frontend.names import base_symbol
from symgrad.walk import Preorder

_MOST = 4  # base cases that are looked for


def with_base_cases(
    group: Sequence[Any], definitions: Mapping[Any, Equality]
) -> tuple[dict[Any, Equality], dict[Any, list[Equality]]]:
    """The equations without the conditions that only their first entries fulfil, and those entries as base cases."""
    made, bases = dict(definitions), dict[Any, list[Equality]]()
    for base in group:
        for axis, sub in enumerate(axes_of(definitions[base].lhs)):
            found = index_of(sub)
            apart = None if found is None else _apart(group, definitions[base], axis, found[0], found[1])
            if apart is not None:
                made[base], bases[base] = apart
                break
    return made, bases


def _apart(
    group: Sequence[Any], equation: Equality, axis: int, time: Any, offset: Expr
) -> tuple[Equality, list[Equality]] | None:
    """The equation for the later times, and its instances at the first ones; None where it does not come apart."""
    left, right = equation.args
    comparisons = [part for part in right.atoms(Relational) if part.free_symbols == {time}]
    for count in range(1, _MOST + 1) if comparisons else ():
        later = Dummy("later", integer=True, nonnegative=True) + count - offset
        settled = {part: part.subs(time, later) for part in comparisons}
        if not all(isinstance(value, BooleanAtom) for value in settled.values()):
            continue
        firsts = [{time: Integer(position) - offset} for position in range(count)]
        bases = [Eq(left.subs(at), right.subs(at), evaluate=False) for at in firsts]
        if all(_is_known(group, case.rhs, axis, position) for position, case in enumerate(bases)):
            return Eq(left, right.xreplace(settled), evaluate=False), bases
        return None
    return None


def _is_known(group: Sequence[Any], right: Expr, axis: int, position: int) -> bool:
    """Whether an entry at a first time refers to entries at times before it alone."""
    own = [part for part in Preorder(right) if base_symbol(part) in group and base_symbol(part) is not part]
    times = [axes_of(part)[axis] if axis < len(axes_of(part)) else None for part in own]
    return all(time is not None and time.is_Integer and 0 <= time < position for time in times)
