"""What an evaluation of a loss saw: which branches of its conditions it took, and which entries of inputs it read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean

from symgrad import functions as sg

_MOST_PLACES = 64  # of one branch that are kept

_SIDED = (sp.Abs, sp.sign, sp.Heaviside, sg.relu, sg.step)


@dataclass(frozen=True)
class Place:
    """Where a condition was asked: the values of the indices there.

    Attributes
    ----------
    bound : the value of each index.
    entries : of a function applied to a matrix entry by entry, the entry that its variable is: the matrix, and where.
    """

    bound: Mapping[sp.Basic, Any]
    entries: Mapping[sp.Basic, tuple[sp.Basic, tuple[int, int]]]


@dataclass
class Trace:
    """What one evaluation saw.

    Attributes
    ----------
    taken : for a branch of an expression (see `branches_of`), some of the places where it was taken.
    read : the entries of inputs, by symbol and subscripts.
    """

    taken: dict[tuple[sp.Basic, Any], list[Place]] = field(default_factory=dict)
    read: set[tuple[sp.Basic, tuple[int, ...]]] = field(default_factory=set)

    def take(self, site: sp.Basic, branch: Any, place: Callable[[], Place]) -> None:
        """Note that an expression took a branch."""
        places = self.taken.get((site, branch))
        if places is None:
            places = self.taken[site, branch] = []
        if len(places) < _MOST_PLACES:
            places.append(place())


def branches_of(site: sp.Basic) -> dict[Any, Boolean]:
    """The branches of an expression, each with the condition under which it is taken; none of one that has no branches.

    Of `if_else` they are True and False, of `Piecewise` the numbers of its pieces, of a maximum those of its arguments,
    of |x| and its like the signs of x.
    """
    if isinstance(site, sg.if_else):
        return {True: site.args[0], False: sp.Not(site.args[0])}
    if isinstance(site, sp.KroneckerDelta):
        sides = site.args[:2]  # of an entry of an identity SymPy adds where the indices lie
        return {True: sp.Eq(*sides), False: sp.Ne(*sides)}
    if isinstance(site, sp.Piecewise):
        conditions = [condition for _, condition in site.args]
        return {n: sp.And(c, *map(sp.Not, conditions[:n])) for n, c in enumerate(conditions)}
    if isinstance(site, sp.Max | sp.Min):
        above = sp.Gt if isinstance(site, sp.Max) else sp.Lt
        return {n: sp.And(*(above(a, b) for b in site.args if b is not a)) for n, a in enumerate(site.args)}
    if isinstance(site, _SIDED):
        return {1: sp.Gt(site.args[0], 0), -1: sp.Lt(site.args[0], 0)}
    return {}


def branch_of(site: sp.Basic, values: list[Any]) -> Any:
    """The branch that a function of numbers takes; None at a tie, and of a function without branches."""
    if isinstance(site, sp.Max | sp.Min):
        chosen = (max if isinstance(site, sp.Max) else min)(values)
        return values.index(chosen) if values.count(chosen) == 1 else None
    if isinstance(site, sp.KroneckerDelta):
        return bool(values[0] == values[1])
    if isinstance(site, _SIDED) and values[0] != 0:
        return 1 if values[0] > 0 else -1
    return None
