"""What equations or a minimum define, found by what they say alone: derivatives are differences at many digits."""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.concrete.expr_with_limits import ExprWithLimits

from symgrad.dimensions import concrete
from symgrad.functions.newton import newton
from symgrad.functions.solutions import Argmin, ArgminMatrix

Array = np.ndarray[Any, Any]


def solved(expr: Any, reading: Any) -> Any:
    """The quantity that `solution` or `argmin` defines, at the inputs of a `Reading`.

    The equations are evaluated anew at every point of Newton's method, from the start that is stated, as everything
    that they are made of is.

    Raises
    ------
    ZeroDivisionError : there is none, or none that is reached from the start.
    """
    unknown = expr.unknown
    base = unknown.base if isinstance(unknown, sp.Indexed) else unknown
    shape = tuple(concrete(side, reading.sizes) for side in getattr(base, "shape", ()))
    state = _Stated(base, unknown.indices if isinstance(unknown, sp.Indexed) else (), shape, reading)
    start = state.array(expr.start, None)
    if isinstance(expr, Argmin | ArgminMatrix):
        found = _stationary(expr, state, start.reshape(-1)).reshape(shape)
    else:
        found = _systems(expr, state, start)
    return found if shape else found[()]


def _found(x: Array) -> Array:
    """What Newton's method has reached, if it has reached something."""
    if any(entry != entry for entry in x):
        raise ZeroDivisionError("Newton's method reaches no solution of these equations")
    return x


def _systems(expr: Any, state: "_Stated", start: Array) -> Array:
    """Where equations hold: those of different values of some indices each by itself, where no equation has two."""
    apart = [axis for axis in range(len(state.indices)) if _is_apart(expr.stated, state, axis)]
    found = np.empty(state.shape, dtype=object)
    for place in np.ndindex(tuple(state.shape[axis] for axis in apart)):
        at: list[Any] = [slice(None)] * len(state.shape)
        for axis, position in zip(apart, place, strict=True):
            at[axis] = position
        here = tuple(at)
        begin = np.asarray(start[here], dtype=object)

        def left(x: Array, here: tuple[Any, ...] = here, begin: Array = begin) -> Array:
            whole = start.copy()
            whole[here] = x.reshape(begin.shape) if begin.shape else x[0]
            return state.array(expr.stated, whole, here).reshape(-1)

        made = _found(newton(left, lambda x, left=left: _slopes(left, x), begin.reshape(-1), True))  # type: ignore[misc]
        found[here] = made.reshape(begin.shape) if begin.shape else made[0]
    return found


def _is_apart(stated: Any, state: "_Stated", axis: int) -> bool:
    """Whether all entries of the unknown in its equations have the index of an axis as it is, bound by nothing."""
    index = state.indices[axis]
    entries = [part for part in stated.atoms(sp.Indexed) if part.base == state.base]
    bound = any(index in part.bound_symbols for part in stated.atoms(ExprWithLimits))
    return not bound and not isinstance(stated, sp.Tuple) and all(part.indices[axis] == index for part in entries)


class _Stated:
    """Expressions over the axes of an unknown, at values of this."""

    def __init__(self, base: Any, indices: Sequence[Any], shape: tuple[int, ...], reading: Any) -> None:
        self.base, self.indices, self.shape, self.reading = base, tuple(indices), shape, reading

    def array(self, expr: Any, x: Array | None, here: tuple[Any, ...] = ()) -> Array:
        """The expression at every entry, or those `here`; of a list one after the other, of a matrix its entries."""
        value = None if x is None else x.reshape(self.shape)
        if isinstance(expr, sp.Tuple):
            parts = [self.reading.beside(self.base, value, part, ())() for part in expr]
            return np.array([*parts, None], dtype=object)[:-1]
        read = self.reading.beside(self.base, value, expr, self.indices)
        if getattr(expr, "is_Matrix", False):
            return np.asarray(read(), dtype=object)
        made = np.empty(self.shape, dtype=object)
        wanted = np.zeros(self.shape, dtype=bool)
        wanted[here] = True
        for place in map(tuple, np.argwhere(wanted).tolist()):
            made[place] = read(*(place if self.indices else ()))
        return np.asarray(made[here], dtype=object)

    def over(self, expr: Any, x: Array, indices: Sequence[tuple[Any, Any]]) -> list[Any]:
        """The expression at all values of other indices, given with their lengths."""
        sides = [concrete(length, self.reading.sizes) for _, length in indices]
        read = self.reading.beside(self.base, x.reshape(self.shape), expr, [index for index, _ in indices])
        found = [read(*place) for place in np.ndindex(tuple(sides))]
        return [entry for one in found for entry in np.asarray(one, dtype=object).reshape(-1)]


def _differences(function: Callable[[Array], Array], x: Array) -> Array:
    """∂F/∂x by central differences: right to two thirds of the digits."""
    columns = []
    for n in range(x.size):
        change = np.full(x.shape, mpf(0), dtype=object)
        change[n] = (abs(x[n]) or 1) * mpf(2) ** (-mpmath.mp.prec // 3)
        columns.append((function(x + change) - function(x - change)) / (2 * change[n]))
    return np.asarray(np.stack(columns, axis=-1) if columns else np.empty((0, 0), dtype=object), dtype=object)


def _slopes(function: Callable[[Array], Array], x: Array) -> Array:
    """The same by differences to one side, right to half of the digits: enough for the steps of Newton's method."""
    change, here = mpf(2) ** (-mpmath.mp.prec // 2), function(x)
    columns = [(function(_moved(x, change, n)) - here) / (change * (abs(x[n]) or 1)) for n in range(x.size)]
    return np.asarray(np.stack(columns, axis=-1) if columns else np.empty((0, 0), dtype=object), dtype=object)


def _moved(x: Array, change: mpf, *places: int) -> Array:
    """A point at which entries are larger by a part of themselves, once for each time that they are named."""
    made = x.copy()
    for n in places:
        made[n] = made[n] + change * (abs(x[n]) or 1)
    return made


# --- minima -----------------------------------------------------------------------------------------------------------


def _stationary(expr: Any, state: _Stated, start: Array) -> Array:
    """Where the derivatives of f + Σ μ g by x and the multipliers μ are 0."""
    count = start.size
    constraints = [(_side(one), _limits(one)) for one in expr.constraints]

    def value(x: Array) -> Array:
        """f, and g of all constraints."""
        read = state.reading.beside(state.base, x.reshape(state.shape), expr.stated, ())
        whole = np.asarray(read(), dtype=object).reshape(-1)
        return np.array([*whole, *(g for one, limits in constraints for g in state.over(one, x, limits)), None])[:-1]

    number = value(start).size - 1

    def left(z: Array) -> Array:
        x, multipliers = z[:count], z[count:]
        with mpmath.workprec(3 * mpmath.mp.prec):
            weights = np.array([mpf(1), *multipliers], dtype=object)
            slopes = _differences(value, x)
            gradient = [mpmath.fdot(weights, column) for column in slopes.T]
            found = np.array([*gradient, *value(x)[1:], None], dtype=object)[:-1]
        return found

    def slopes(z: Array) -> Array:
        """Second derivatives by differences to one side, and those of the constraints, which they border."""
        x, weights = z[:count], np.array([mpf(1), *z[count:]], dtype=object)
        change = mpf(2) ** (-mpmath.mp.prec // 4)
        with mpmath.workprec(3 * mpmath.mp.prec):
            here, ahead = value(x), [value(_moved(x, change, n)) for n in range(count)]
            steps = [change * (abs(one) or 1) for one in x]
            found = np.full((z.size, z.size), mpf(0), dtype=object)
            for i in range(count):
                found[count:, i] = found[i, count:] = (ahead[i][1:] - here[1:]) / steps[i]
                for j in range(i + 1):
                    bent = value(_moved(x, change, i, j)) - ahead[i] - ahead[j] + here
                    found[i, j] = found[j, i] = mpmath.fdot(weights, bent) / (steps[i] * steps[j])
        return found

    begin = np.array([*start, *[mpf(0)] * number, None], dtype=object)[:-1]
    return _found(newton(left, slopes, begin, True))[:count]


def _side(equation: Any) -> Any:
    return equation.lhs - equation.rhs


def _limits(equation: Any) -> list[tuple[Any, Any]]:
    """The free indices of an equation of entries, with the lengths of the axes that they are subscripts of."""
    found: dict[Any, Any] = {}
    if getattr(equation.lhs, "is_Matrix", False):
        return []
    for part in equation.atoms(sp.Indexed):
        for sub, side in zip(part.indices, part.base.shape or (), strict=False):
            bound = any(sub == limit[0] for over in equation.atoms(sp.Sum, sp.Product) for limit in over.limits)
            if sub.is_Symbol and not bound:
                found[sub] = side
    return sorted(found.items(), key=str)
