"""Losses at far inputs: value, gradient and Hessian of a generated module beside those of the same loss in mpmath.

An error counts relative to the condition of what is compared: a number that changes by c times as much as its inputs
may be off by c times the rounding error of these, whatever the formula.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, Symbol

from symgrad import Model

DIGITS = 1000  # at most
STEP = mpmath.mpf(10) ** -150  # of central differences
NUDGE = mpmath.mpf(10) ** -60  # by which inputs move to see the condition

Point = Mapping[str, float]


@dataclass(frozen=True)
class Tail:
    """A loss of numbers, the same in mpmath, and the inputs at which both are computed.

    `truth` takes the inputs by name. Every input has as many values as every other: point k is made of the k-th of
    each; a tuple of alternatives for an input is combined with all others.
    """

    loss: Callable[[], Expr]
    truth: Callable[..., Any]
    at: Mapping[str, Sequence[float]]
    product: bool = False
    parameters: Sequence[str] = ()  # all symbols that are no integers, where not given

    def points(self) -> list[dict[str, float]]:
        rows = itertools.product(*self.at.values()) if self.product else zip(*self.at.values(), strict=True)
        return [dict(zip(self.at, row, strict=True)) for row in rows]


def compiled(tail: Tail) -> tuple[Any, list[str]]:
    """The generated module with its Hessian, and the names of its parameters."""
    loss = tail.loss()
    symbols = sorted(loss.free_symbols, key=str)
    parameters = [s for s in symbols if (str(s) in tail.parameters if tail.parameters else not s.is_integer)]
    assert all(isinstance(s, Symbol) for s in symbols)
    return Model(loss, parameters).compile(check=False, hessian=True), [str(s) for s in parameters]


def computed(module: Any, names: Sequence[str], point: Point, dtype: Any = float) -> dict[str, float]:
    """Value, gradient and Hessian by name, as the module has them; no warning may come out of it."""
    inputs = {k: v if isinstance(v, int) else np.asarray(v, dtype=dtype) for k, v in point.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        value, slopes = module.value_and_gradient(**inputs)
        found = {"value": value} | {name: getattr(slopes, name) for name in names}
        rows = module.hessian(**inputs)
        for one, other in itertools.combinations_with_replacement(names, 2):
            found[f"{one} {other}"] = getattr(getattr(rows, one), other)
    return {key: float(number) for key, number in found.items()}


def digits(point: Point) -> int:
    """With how many digits a truth is computed: 400 for second differences and their condition, and what cancels.

    Terms of an input x are between exp(-x²) and exp(x²), or powers of it, and what is left may be a product of two.
    """
    sizes = [max(abs(math.log10(abs(value))), abs(value), value * value / 2) for value in point.values() if value]
    return int(min(DIGITS, 400 + 2 * max(sizes, default=0)))


def exact(tail: Tail, names: Sequence[str], point: Point, hessian: bool = True) -> dict[str, Any]:
    """The same by differences of the truth, with hundreds of digits."""
    at = {name: mpmath.mpf(value) if not isinstance(value, int) else value for name, value in point.items()}

    def moved(steps: Mapping[str, Any], by: Mapping[str, Any] = at) -> Any:
        return tail.truth(**{name: value + steps.get(name, 0) for name, value in by.items()})

    steps = {name: STEP * (abs(at[name]) or 1) for name in names}
    middle = moved({})
    found = {"value": middle}
    ends = {name: (moved({name: h}), moved({name: -h})) for name, h in steps.items()}
    for name, h in steps.items():
        up, down = ends[name]
        found[name] = (up - down) / (2 * h)
        found[f"{name} {name}"] = (up - 2 * middle + down) / h**2
    if not hessian:
        return {key: found[key] for key in ("value", *names)}
    for one, other in itertools.combinations(names, 2):
        h, k = steps[one], steps[other]
        corners = [s * t * moved({one: s * h, other: t * k}) for s in (1, -1) for t in (1, -1)]
        found[f"{one} {other}"] = mpmath.fsum(corners) / (4 * h * k)
    return found


def with_condition(
    tail: Tail, names: Sequence[str], point: Point, hessian: bool = True
) -> Iterator[tuple[str, Any, Any]]:
    """Every number that the module has to find, with the change of it for a relative change of the inputs."""
    with mpmath.workdps(digits(point)):
        right = exact(tail, names, point, hessian)
        change = dict.fromkeys(right, mpmath.mpf(0))
        for name, value in point.items():
            if not isinstance(value, int):
                nudged = exact(tail, names, {**point, name: mpmath.mpf(value) * (1 + NUDGE)}, hessian)
                change = {key: change[key] + abs(nudged[key] - right[key]) / NUDGE for key in right}
        for key, number in right.items():
            yield key, number, change[key]


def check_first_order(tail: Tail) -> None:
    """Fails where value or gradient is off by more than 1e-12 times the condition, or is computed with a complaint."""
    loss = tail.loss()
    symbols = sorted(loss.free_symbols, key=str)
    names = [str(symbol) for symbol in symbols]
    module = Model(loss, symbols).compile(check=False)
    for point in tail.points():
        with np.errstate(all="raise", under="ignore"):
            value, slopes = module.value_and_gradient(**point)
        found = {"value": value, **{one: getattr(slopes, one) for one in names}}
        for key, right, change in with_condition(tail, names, point, hessian=False):
            allowed = 1e-12 * (abs(right) + change) + 1e-307
            assert abs(mpmath.mpf(float(found[key])) - right) <= allowed, (point, key)


def shortfalls(tail: Tail, tolerance: float = 1e-12, dtype: Any = float) -> list[str]:
    """What the module has wrong, in words."""
    module, names = compiled(tail)
    wrong = []
    info = np.finfo(dtype)
    for point in tail.points():
        point = {k: v if isinstance(v, int) else float(dtype(v)) for k, v in point.items()}
        try:
            found = computed(module, names, point, dtype)
        except (RuntimeWarning, FloatingPointError) as error:
            wrong.append(f"{point}: {error}")
            continue
        for key, right, change in with_condition(tail, names, point):
            if abs(right) > float(info.max):
                continue
            allowed = tolerance * (abs(right) + change) + 4 * float(info.tiny)
            if not abs(mpmath.mpf(found[key]) - right) <= allowed:
                off = mpmath.nstr(abs(mpmath.mpf(found[key]) - right) / (abs(right) + change), 3)
                wrong.append(f"{point}: {key} is {found[key]!r}, right is {mpmath.nstr(right, 17)} ({off})")
    return wrong
