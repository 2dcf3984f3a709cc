"""Problems of any size, stated for symgrad and, in whole-array arithmetic, for CasADi and JAX."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Eq, IndexedBase, Le, Sum, Symbol, cos, exp, sin, symbols

from symgrad import Problem

Arrays = dict[str, Any]
N, T, C, P, R = symbols("N T C P R", integer=True, positive=True)
a, i, j, k, t, o = symbols("a i j k t o", integer=True)


@dataclass(frozen=True)
class Case:
    """A problem.

    Attributes
    ----------
    name : of the problem.
    problem : as symgrad states it.
    arrays : the variables in their order, and the data, for about so many variables.
    formula : objective and a list of constraints, from one vector of all variables, the data, and a library with sin,
        cos, exp, total, and by_turns, which joins two vectors entry by entry.
    sizes : those that data do not say, of the variables.
    """

    name: str
    problem: Callable[[], Problem]
    arrays: Callable[[int], tuple[Arrays, Arrays]]
    formula: Callable[[Any, Arrays, Any], tuple[Any, list[Any]]]
    sizes: Callable[[Arrays], dict[str, int]]


# --- chained Rosenbrock, under simple constraints and under those of Lukšan and Vlček (1999), problem 5.1 -------------


def _rosenbrock() -> Problem:
    x = IndexedBase("x", (N,))
    valley = Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, N - 2))
    return Problem(valley, [x], subject_to={"near": Le(x[i] * x[i + 1], 2)})


def _rosenbrock_formula(x: Any, data: Arrays, lib: Any) -> tuple[Any, list[Any]]:
    return lib.total(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), [x[:-1] * x[1:] - 2]


def _curved() -> Problem:
    x = IndexedBase("x", (N,))
    x0, x1, x2 = x[i], x[i + 1], x[i + 2]
    curved = 3 * x1**3 + 2 * x2 - 5 + sin(x1 - x2) * sin(x1 + x2) + 4 * x1 - x0 * exp(x0 - x1) - 3
    valley = Sum(100 * (x[i] ** 2 - x[i + 1]) ** 2 + (x[i] - 1) ** 2, (i, 0, N - 2))
    return Problem(valley, [x], subject_to={"curved": Eq(curved, 0)})


def _rosenbrock_arrays(count: int) -> tuple[Arrays, Arrays]:
    return {"x": np.where(np.arange(count) % 2, 1.0, -1.2)}, {}


def _curved_formula(x: Any, data: Arrays, lib: Any) -> tuple[Any, list[Any]]:
    valley = lib.total(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)
    a, b, c = x[:-2], x[1:-1], x[2:]
    return valley, [3 * b**3 + 2 * c - 5 + lib.sin(b - c) * lib.sin(b + c) + 4 * b - a * lib.exp(a - b) - 3]


# --- collocation: a cart that swings a pole up, by the trapezoidal rule (Kelly 2017) ----------------------------------

_HEAVY, _LIGHT, _LENGTH, _GRAVITY = 1.0, 0.3, 0.5, 9.81


def _accelerations(angle: Any, spin: Any, force: Any, lib: Any) -> tuple[Any, Any]:
    """Of the cart, and of the pole's angle."""
    s, c = lib.sin(angle), lib.cos(angle)
    whirl, mass = _LENGTH * _LIGHT * s * spin**2, _HEAVY + _LIGHT * s**2
    cart = (whirl + force + _LIGHT * _GRAVITY * c * s) / mass
    pole = -(whirl * c + force * c + (_HEAVY + _LIGHT) * _GRAVITY * s) / (_LENGTH * mass)
    return cart, pole


def _collocation() -> Problem:
    place, angle, speed, spin, force = (IndexedBase(n, (T + 1,)) for n in ("place", "angle", "speed", "spin", "force"))
    h = Symbol("h", real=True)
    (cart, pole), (later_cart, later_pole) = (_accelerations(angle[n], spin[n], force[n], _Symbols) for n in (t, t + 1))
    return Problem(
        h * Sum(force[t] ** 2 + force[t + 1] ** 2, (t, 0, T - 1)) / 2,
        [place, angle, speed, spin, force],
        subject_to={
            "move": Eq(place[t + 1], place[t] + h * (speed[t] + speed[t + 1]) / 2),
            "turn": Eq(angle[t + 1], angle[t] + h * (spin[t] + spin[t + 1]) / 2),
            "push": Eq(speed[t + 1], speed[t] + h * (cart + later_cart) / 2),
            "swing": Eq(spin[t + 1], spin[t] + h * (pole + later_pole) / 2),
        },
        bounds={force: (-20, 20)},
    )


class _Symbols:
    sin, cos, exp = sin, cos, exp


def _collocation_arrays(count: int) -> tuple[Arrays, Arrays]:
    steps = count // 5
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=steps) for name in ("place", "angle", "speed", "spin", "force")}, {"h": 2.0 / steps}


def _collocation_formula(x: Any, data: Arrays, lib: Any) -> tuple[Any, list[Any]]:
    h, steps = data["h"], x.shape[0] // 5
    place, angle, speed, spin, force = (x[n * steps : (n + 1) * steps] for n in range(5))
    cart, pole = _accelerations(angle, spin, force, lib)
    rates = ((place, speed), (angle, spin), (speed, cart), (spin, pole))
    effort = h * lib.total(force[:-1] ** 2 + force[1:] ** 2) / 2
    return effort, [state[1:] - state[:-1] - h * (rate[:-1] + rate[1:]) / 2 for state, rate in rates]


# --- bundle adjustment: cameras and points, with the errors of what is seen as variables ------------------------------


def _turned(u: list[Any], w: Any, p: list[Any]) -> list[Any]:
    """A point turned by a quaternion (u, w) that need not be of length one."""
    along, square = sum(a * b for a, b in zip(u, p, strict=True)), sum(a * a for a in u)
    cross = [u[1] * p[2] - u[2] * p[1], u[2] * p[0] - u[0] * p[2], u[0] * p[1] - u[1] * p[0]]
    top = [(w**2 - square) * p[n] + 2 * along * u[n] + 2 * w * cross[n] for n in range(3)]
    return [one / (w**2 + square) for one in top]


def _bundle() -> Problem:
    cam, pt = IndexedBase("cam", (C, 8)), IndexedBase("pt", (P, 3))
    error, seen = IndexedBase("error", (R, 2)), IndexedBase("seen", (R, 2))
    camera, point = (IndexedBase(name, (R,), integer=True) for name in ("camera", "point"))
    along, square = (IndexedBase(name, (R,)) for name in ("along", "square"))
    cross, q = (IndexedBase(name, (R, 3)) for name in ("cross", "q"))
    eps = IndexedBase("eps", (3, 3, 3))  # 1 and −1 for even and odd permutations
    c, p = camera[o], point[o]
    w = cam[c, 3]
    turned = (w**2 - square[o]) * pt[p, a] + 2 * along[o] * cam[c, a] + 2 * w * cross[o, a]
    return Problem(
        Sum(error[o, k] ** 2, (o, 0, R - 1), (k, 0, 1)),
        [cam, pt, error],
        subject_to={
            "off": Eq(error[o, k], cam[c, 7] * q[o, k] / q[o, 2] - seen[o, k]),
            "focal": Le(1, cam[i, 7]),
        },
        where=[
            Eq(along[o], Sum(cam[c, j] * pt[p, j], (j, 0, 2))),
            Eq(cross[o, a], Sum(eps[a, j, k] * cam[c, j] * pt[p, k], (j, 0, 2), (k, 0, 2))),
            Eq(square[o], Sum(cam[c, j] ** 2, (j, 0, 2))),
            Eq(q[o, a], turned / (w**2 + square[o]) + cam[c, a + 4]),
        ],
    )


def _bundle_arrays(count: int) -> tuple[Arrays, Arrays]:
    rng = np.random.default_rng(0)
    cameras, points = max(2, count // 400), count // 11
    seen = (count - 8 * cameras - 3 * points) // 2  # about four times each point
    cam = rng.normal(0, 0.1, (cameras, 8)) + np.array([0, 0, 0, 1, 0, 0, 8, 2])
    variables = {"cam": cam, "pt": rng.uniform(-1, 1, (points, 3)), "error": rng.normal(size=(seen, 2))}
    index = {"camera": rng.integers(0, cameras, seen), "point": np.arange(seen) % points}
    return variables, {**index, "seen": rng.normal(size=(seen, 2)), "eps": _PERMUTATIONS}


_PERMUTATIONS = np.zeros((3, 3, 3))
_PERMUTATIONS[[0, 1, 2], [1, 2, 0], [2, 0, 1]], _PERMUTATIONS[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = 1, -1


def _bundle_formula(x: Any, data: Arrays, lib: Any) -> tuple[Any, list[Any]]:
    camera, point, seen = data["camera"], data["point"], data["seen"]
    cameras, points = int(camera.max()) + 1, int(point.max()) + 1
    cam = [x[8 * camera + n] for n in range(8)]
    pt = [x[8 * cameras + 3 * point + n] for n in range(3)]
    first = 8 * cameras + 3 * points
    error = [x[first + 2 * np.arange(len(seen)) + n] for n in range(2)]
    turned = _turned(cam[:3], cam[3], pt)
    q = [turned[n] + cam[4 + n] for n in range(3)]
    off = [error[n] - cam[7] * q[n] / q[2] + seen[:, n] for n in range(2)]
    return lib.total(error[0] ** 2 + error[1] ** 2), [lib.by_turns(*off), 1 - x[8 * np.arange(cameras) + 7]]


CASES = (
    Case("chained Rosenbrock", _rosenbrock, _rosenbrock_arrays, _rosenbrock_formula, lambda a: {"N": len(a["x"])}),
    Case("Lukšan and Vlček 5.1", _curved, _rosenbrock_arrays, _curved_formula, lambda a: {"N": len(a["x"])}),
    Case("collocation", _collocation, _collocation_arrays, _collocation_formula, lambda a: {"T": len(a["place"]) - 1}),
    Case(
        "bundle adjustment", _bundle, _bundle_arrays, _bundle_formula, lambda a: {"C": len(a["cam"]), "P": len(a["pt"])}
    ),
)
