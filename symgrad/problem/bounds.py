"""The bounds of a problem's variables: numbers, arrays of numbers, data, or expressions of data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Basic, Dummy, Expr, Indexed, IndexedBase, MatrixSymbol, Symbol, lambdify, sympify

from symgrad.calls import quoted
from symgrad.errors import ModelError
from symgrad.frontend.names import base_symbol, label_of, name_of, occurring


@dataclass(frozen=True)
class Bounds:
    """The least and the largest value of a variable's entries: numbers, arrays, names of data, or expressions of data.

    An expression is meant entry by entry.
    """

    low: Any
    high: Any


def bounds(stated: Any, variables: tuple[Any, ...]) -> dict[str, Bounds]:
    """The bounds of every variable, by its name; those of which nothing is stated are free.

    Raises
    ------
    ModelError : there is no such variable, or a bound is no number, or the low one is above the high one.
    """
    if not isinstance(stated, Mapping):
        raise ModelError(f"bounds is {quoted(stated)}; give a dictionary such as {{x: (0, 1)}}, with None for no bound")
    known = {label: name_of(one) for one in variables for label in (label_of(one), name_of(one))}
    found = {name_of(one): Bounds(-math.inf, math.inf) for one in variables}
    for key, pair in stated.items():
        label = key if isinstance(key, str) else label_of(key) if isinstance(key, _NAMED) else ""
        if label not in known:
            names = ", ".join(found)
            instead = f"; write a constraint such as Ge({key}, 0)" if base_symbol(key) in variables else ""
            raise ModelError(f"bounds[{key}]: {key} is no variable of the problem; they are {names}{instead}")
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ModelError(f"bounds[{key}] is {quoted(pair)}; give a pair (low, high), with None for no bound")
        low, high = (_end(key, one, none) for one, none in zip(pair, (-math.inf, math.inf), strict=True))
        for end in (low, high):
            own = [name for name in data_of(end) if name in found]
            if own:
                raise ModelError(f"bounds[{key}]: {own[0]} is a variable; write it as a constraint")
        refuse_crossed(f"bounds[{key}]", low, high)
        found[known[label]] = Bounds(low, high)
    return found


_NAMED = (Symbol, IndexedBase, MatrixSymbol)


def _end(key: Any, given: Any, none: float) -> Any:
    """One end: a number, an array, or the name of data."""
    if given is None:
        return none
    if isinstance(given, bool):
        raise ModelError(f"bounds[{key}]: {given} is no number")
    if isinstance(given, _NAMED):
        return name_of(given)
    if isinstance(given, Basic) and not given.is_number:
        if not isinstance(given, Expr) or given.has(Indexed, MatrixSymbol):
            raise ModelError(
                f"bounds[{key}]: {given} is neither a number nor data, nor an expression of numbers and whole arrays "
                "such as 2*top; write it as a constraint"
            )
        return given
    try:
        found = np.asarray(float(sympify(given)) if isinstance(given, Basic) else given, dtype=float)
    except (TypeError, ValueError):
        raise ModelError(f"bounds[{key}]: {quoted(given)} is no number") from None
    if np.isnan(found).any():
        raise ModelError(f"bounds[{key}]: a bound is not-a-number")
    return found if found.ndim else float(found)


def data_of(end: Any) -> list[str]:
    """The names of the data that an end is made of."""
    if isinstance(end, Basic):
        return [name_of(symbol) for symbol in occurring([end])]
    return [end] if isinstance(end, str) else []


def end_of(end: Any, data: Mapping[str, Any]) -> Any:
    """The value of an end."""
    if isinstance(end, str):
        return np.asarray(data[end], dtype=float)
    if not isinstance(end, Basic):
        return np.asarray(end, dtype=float)
    symbols = list(occurring([end]))
    numbers = {symbol: Dummy() for symbol in symbols}
    values = [np.asarray(data[name_of(symbol)], dtype=float) for symbol in symbols]
    return np.asarray(lambdify([*numbers.values()], end.xreplace(numbers), "numpy")(*values), dtype=float)


def refuse_crossed(place: str, low: Any, high: Any) -> None:
    """An error where a low bound is above its high one; data are looked at when they are given.

    Raises
    ------
    ModelError : it is, or arrays of bounds have shapes that do not fit.
    """
    if any(isinstance(end, str | Basic) for end in (low, high)):
        return
    try:
        crossed = np.greater(low, high) | np.equal(low, np.inf) | np.equal(high, -np.inf)
    except ValueError:
        raise ModelError(f"{place}: bounds of the shapes {np.shape(low)} and {np.shape(high)} do not fit") from None
    if np.any(crossed):
        at = tuple(int(n) for n in np.argwhere(crossed)[0])
        low, high = (float(np.broadcast_to(one, np.shape(crossed))[at]) for one in (low, high))
        where = f" at {list(at)}" if at else ""
        if low <= high:
            raise ModelError(f"{place}: no number is between {low:g} and {high:g}{where}; None is no bound")
        raise ModelError(f"{place}: the lower bound {low:g}{where} is above the upper bound {high:g}")
