"""Bundle adjustment (Agarwal et al., Bundle Adjustment in the Large, 2010): points in space before cameras.

A camera has a rotation vector v, a centre, a focal length, a principal point and two coefficients of distortion, as in
the benchmark of Šrajer, Kukelova and Fitzgibbon (2018). Observation o is of point `point[o]` by camera `camera[o]`.
"""

from functools import partial
from typing import Any

import numpy as np
from cases import Arrays, Case
from sympy import Eq, IndexedBase, LeviCivita, Rational, Sum, cos, sin, sqrt, symbols

from symgrad import Model, if_else

C, P, R = symbols("C P R", integer=True, positive=True)
i, j, k, a, b, o = symbols("i j k a b o", integer=True)


def _model() -> Model:
    cam, pt = IndexedBase("cam", shape=(C, 11)), IndexedBase("pt", shape=(P, 3))
    camera, point = (IndexedBase(name, shape=(R,), integer=True) for name in ("camera", "point"))
    seen, weight = IndexedBase("seen", shape=(R, 2)), IndexedBase("weight", shape=(R,))
    square, angle, along, far = (IndexedBase(name, shape=(R,)) for name in ("square", "angle", "along", "far"))
    x, cross, y = (IndexedBase(name, shape=(R, 3)) for name in ("x", "cross", "y"))
    u, r = IndexedBase("u", shape=(R, 2)), IndexedBase("r", shape=(R, 2))
    seat, small = camera[o], square[o] < Rational(1, 10**16)
    turned = x[o, i] * cos(angle[o]) + cross[o, i] * sin(angle[o]) / angle[o]
    turned += cam[seat, i] * along[o] / angle[o] ** 2 * (1 - cos(angle[o]))
    distortion = 1 + cam[seat, 9] * far[o] + cam[seat, 10] * far[o] ** 2
    where = [
        Eq(x[o, i], pt[point[o], i] - cam[seat, i + 3]),
        Eq(square[o], Sum(cam[seat, a] ** 2, (a, 0, 2))),
        Eq(angle[o], if_else(small, 1, sqrt(square[o]))),
        Eq(along[o], Sum(cam[seat, a] * x[o, a], (a, 0, 2))),
        Eq(cross[o, i], Sum(LeviCivita(i, j, k) * cam[seat, j] * x[o, k], (j, 0, 2), (k, 0, 2))),
        Eq(y[o, i], if_else(small, x[o, i] + cross[o, i], turned)),
        Eq(u[o, b], y[o, b] / y[o, 2]),
        Eq(far[o], u[o, 0] ** 2 + u[o, 1] ** 2),
        Eq(r[o, b], weight[o] * (u[o, b] * distortion * cam[seat, 6] + cam[seat, b + 7] - seen[o, b])),
    ]
    loss = Sum(r[o, b] ** 2, (b, 0, 1), (o, 0, R - 1)) / 2
    return Model(loss, [cam, pt], where=where, name="bundle adjustment")


def _residuals(xp: Any, c: list[Any], p: list[Any], seen: list[Any], weight: Any) -> list[Any]:
    """Entry by entry: c has the 11 numbers of a camera, p the three of a point."""
    v, x = c[:3], [p[n] - c[3 + n] for n in range(3)]
    angle = (v[0] ** 2 + v[1] ** 2 + v[2] ** 2) ** 0.5
    axis = [part / angle for part in v]
    along = (1 - xp.cos(angle)) * (axis[0] * x[0] + axis[1] * x[1] + axis[2] * x[2])
    cross = [axis[n - 2] * x[n - 1] - axis[n - 1] * x[n - 2] for n in range(3)]
    y = [x[n] * xp.cos(angle) + cross[n] * xp.sin(angle) + axis[n] * along for n in range(3)]
    u = [y[0] / y[2], y[1] / y[2]]
    far = u[0] ** 2 + u[1] ** 2
    scale = c[6] * (1 + c[9] * far + c[10] * far**2)
    return [weight * (u[n] * scale + c[7 + n] - seen[n]) for n in range(2)]


def _loss(xp: Any, cam: Any, pt: Any, camera: Any, point: Any, seen: Any, weight: Any) -> Any:
    view, at = cam[camera], pt[point]
    columns = [[array[:, n] for n in range(count)] for array, count in ((view, 11), (at, 3), (seen, 2))]
    return sum(xp.sum(part**2) for part in _residuals(xp, *columns, weight)) / 2


def _row(xp: Any, c: Any, p: Any, seen: Any, weight: Any) -> list[Any]:
    return _residuals(xp, [c[n] for n in range(11)], [p[n] for n in range(3)], [seen[n] for n in range(2)], weight)


def _rows(cam: Any, pt: Any, camera: Any, point: Any, seen: Any, weight: Any) -> tuple[Any, ...]:
    return cam[camera], pt[point], seen, weight


def _skew(v: np.ndarray) -> np.ndarray:
    """The matrices of v × ·, for vectors along the last axis of v."""
    made = np.zeros((3, 3, v.shape[1]), v.dtype)
    for n in range(3):
        made[n - 1, n - 2], made[n - 2, n - 1] = v[n], -v[n]
    return made


def _derivatives(
    cam: np.ndarray, pt: np.ndarray, camera: np.ndarray, point: np.ndarray, seen: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The residuals and their blocks by camera and by point, rows last.

    That of a rotation by its vector is −R [x]× (v vᵀ + (Rᵀ − 1) [v]×)/v² (Gallego and Yezzi, A compact formula for the
    derivative of a 3-D rotation in exponential coordinates, 2015). All that cameras alone have is computed for cameras.
    """
    v = cam[:, :3].T
    square = np.einsum("im,im->m", v, v)
    angle, cross = np.sqrt(square), _skew(v)
    outer, one = v[:, None] * v, np.eye(3, dtype=cam.dtype)[:, :, None]
    turn = np.cos(angle) * one + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / square * outer
    bend = (outer + np.einsum("jim,jkm->ikm", turn - one, cross)) / square
    view, turn = cam.T[:, camera], turn[:, :, camera]
    x = pt.T[:, point] - view[3:6]
    y = np.einsum("ijm,jm->im", turn, x)
    u = y[:2] / y[2]
    far = u[0] ** 2 + u[1] ** 2
    distortion = 1 + view[9] * far + view[10] * far**2
    r = weight * (u * distortion * view[6] + view[7:9] - seen.T)
    scale, growth = weight * view[6] / y[2], 2 * (view[9] + 2 * view[10] * far)
    by_y = np.empty(
        (2, 3, len(camera)), cam.dtype
    )  # ∂r/∂u = scale·(distortion·1 + growth·u uᵀ), and ∂u/∂y = (1, −u)/y₂
    by_y[:, :2] = growth * u[:, None] * u
    by_y[0, 0] += distortion
    by_y[1, 1] += distortion
    by_y[:, 2] = -np.einsum("bim,im->bm", by_y[:, :2], u)
    by_y *= scale
    by_point = np.einsum("bim,ijm->bjm", by_y, turn)
    by_camera = np.zeros((2, 11, len(camera)), cam.dtype)
    tilted = np.cross(by_point, x[None], axis=1)  # −row·[x]× = −(row × x)
    by_camera[:, :3] = -np.einsum("bjm,jkm->bkm", tilted, bend[:, :, camera])
    by_camera[:, 3:6] = -by_point
    by_camera[:, 6] = weight * u * distortion
    by_camera[0, 7] = by_camera[1, 8] = weight
    by_camera[:, 9] = by_camera[:, 6] / distortion * view[6] * far
    by_camera[:, 10] = by_camera[:, 9] * far
    return r, by_camera, by_point


def _jacobian(**given: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.moveaxis(part, -1, 0).ravel() for part in _derivatives(**given)[1:])


def _gradient(**given: np.ndarray) -> tuple[Any, ...]:
    r, by_camera, by_point = _derivatives(**given)
    sums = []
    for name, labels, blocks in (("cam", "camera", by_camera), ("pt", "point", by_point)):
        rows = len(given[name])
        parts = np.einsum("bm,bjm->jm", r, blocks)
        sums.append(np.stack([np.bincount(given[labels], part, rows) for part in parts], axis=1).astype(r.dtype))
    return np.vdot(r, r) / 2, *sums


def _arrays(cameras: int, points: int, rows: int, rng: np.random.Generator) -> Arrays:
    cam = 0.2 * rng.normal(size=(cameras, 11))
    cam[:, 5], cam[:, 6], cam[:, 9:] = -8, 500, 0.01
    return {
        "cam": cam,
        "pt": rng.normal(size=(points, 3)),
        "camera": rng.integers(cameras, size=rows),
        "point": rng.integers(points, size=rows),
        "seen": 50 * rng.normal(size=(rows, 2)),
        "weight": rng.uniform(0.5, 1.5, rows),
    }


def bundle_adjustment(cameras: int, points: int, rows: int) -> list[Case]:
    """Value and gradient, and the Jacobian."""
    sizes, arrays = f"{cameras}x{points}x{rows}", partial(_arrays, cameras, points, rows)
    return [
        Case(f"bundle-adjustment-{sizes}", _model, arrays, ("cam", "pt"), _gradient, _loss),
        Case(
            f"jacobian-bundle-adjustment-{sizes}",
            _model,
            arrays,
            ("cam", "pt"),
            _jacobian,
            _row,
            answer="jacobian",
            rows=_rows,
        ),
    ]


CASES = bundle_adjustment(50, 5000, 30_000)
