"""Newton's method with mpmath's numbers: what a quantity is that equations define, for the check."""

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mpf

from symgrad.arrays import Array, np
from symgrad.functions.values import NAN

Function = Callable[[Array], Array]

# As in the generated modules (`runtime/solutions.py`), so that both reach the same one of several solutions.
STEPS, HALVINGS, LEAST = 200, 40, mpf(10) ** -4
# Where a step is so small a part of x, the Jacobian is that of the next steps, too, each of which gains as many digits.
CLOSE = mpf(10) ** -6


def newton(left: Function, jacobian: Function, start: Array, coupled: bool) -> Array:
    """The x with F(x) = 0 that the damped method reaches, at the precision of the moment; nan where it reaches none.

    Parameters
    ----------
    left : x to the equations' left sides F, an array like x.
    jacobian : x to their Jacobian.
    start : what to begin with.
    coupled : whether equations along the last axis are one system, and the Jacobian has one axis more.
    """
    x = np.array(start, dtype=object) + mpf(0)
    try:
        return _iterated(left, jacobian, np.asarray(x, dtype=object), coupled)
    except (ZeroDivisionError, ValueError, OverflowError):
        return np.full(np.shape(x), NAN, dtype=object)


def _iterated(left: Function, jacobian: Function, x: Array, coupled: bool) -> Array:
    scale, least = _entrywise(abs, x), mpf(2) ** (8 - mpmath.mp.prec)
    here, slopes = left(x), jacobian(x)
    done = np.zeros(_norm(here, coupled).shape, dtype=bool)
    for _ in range(STEPS):
        step, norm = _step(here, slopes, coupled), _norm(here, coupled)
        length = np.where(done, mpf(0), mpf(1))
        for _ in range(HALVINGS):
            trial = np.asarray(x - length * step, dtype=object)
            there = left(trial)
            reached = _norm(there, coupled)
            worse = ~np.array((reached < (1 - LEAST * length) * norm) | (reached == 0) | done, dtype=bool)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        scale = np.maximum(scale, _entrywise(abs, x))
        near = np.array(_norm(step, coupled) <= mpmath.cbrt(least) * _norm(scale, coupled), dtype=bool)
        tiny, close = (_all(_entrywise(abs, step) <= bound * scale, coupled) for bound in (least, CLOSE))
        if (worse & ~near).any():
            break
        x = np.asarray(np.where(worse, x, trial), dtype=object)
        done = done | worse | (tiny & (length == 1))
        if done.all():
            return x
        here = left(x) if worse.any() else there
        slopes = slopes if close.all() else jacobian(x)
    return np.full(x.shape, NAN, dtype=object)


def _step(left: Array, jacobian: Array, coupled: bool) -> Array:
    """J⁻¹ F of every system."""
    if not coupled:
        return np.asarray(left / jacobian, dtype=object)
    step = np.empty(left.shape, dtype=object)
    for place in np.ndindex(left.shape[:-1]):
        matrix, column = mpmath.matrix(jacobian[place].tolist()), mpmath.matrix(left[place].tolist())
        step[place] = list(mpmath.lu_solve(matrix, column))
    return step


def _norm(left: Array, coupled: bool) -> Array:
    """The largest entry of every system; nan where one of them is."""
    sizes = _entrywise(abs, left)
    if not coupled:
        return sizes
    return np.asarray(np.frompyfunc(_larger, 2, 1).reduce(sizes, axis=-1, keepdims=True), dtype=object)


def _larger(one: Any, other: Any) -> Any:
    return one if one != one or one >= other else other


def _all(holds: Array, coupled: bool) -> Array:
    found = np.array(holds, dtype=bool)
    return np.asarray(found.all(axis=-1, keepdims=True)) if coupled else found


def _entrywise(function: Callable[[Any], Any], values: Array) -> Array:
    return np.asarray(np.frompyfunc(function, 1, 1)(values), dtype=object)
