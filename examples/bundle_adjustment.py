"""Bundle adjustment: cameras and points in space from where the points are seen in pictures, in index notation.

Camera c has a rotation as a quaternion (u, w) = cam[c, 0:3], cam[c, 3], a translation cam[c, 4:7] and a focal length
cam[c, 7]. A point p is at q = ((w² − u·u) p + 2 (u·p) u + 2 w u×p) / (w² + u·u) + translation before it, and is seen at
focal·(q₀, q₁)/q₂. The quaternion need not be of length one, so that no rotation is singular. The loss is that of the
residuals r between where points are seen and where they should be:

    C = Σ (focal·(q₀, q₁)/q₂ − seen)²

Observation o is of point `point[o]` by camera `camera[o]`: a row of the residuals' Jacobian has one block of eight
columns and one of three, and the generated `flat_jacobian_r` has just these. As a script it makes a scene, and finds it
again by `scipy.optimize.least_squares` (Levenberg and Marquardt's method in a trust region), which takes the generated
residuals `flat_r` as they are, with that sparse Jacobian, and with one estimated by differences. Needs SciPy:

    python examples/bundle_adjustment.py
"""

import argparse
import time
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Eq, Idx, IndexedBase, Sum, symbols

from symgrad import Model

C, P, R = symbols("C P R", integer=True, positive=True)  # cameras, points, observations
o, a, j, k = Idx("o", R), Idx("a", 3), Idx("j", 3), Idx("k", 3)
i = Idx("i", 2)
cam, pt = IndexedBase("cam", shape=(C, 8)), IndexedBase("pt", shape=(P, 3))
camera, point = IndexedBase("camera", shape=(R,), integer=True), IndexedBase("point", shape=(R,), integer=True)
seen = IndexedBase("seen", shape=(R, 2))
eps = IndexedBase("eps", shape=(3, 3, 3))  # 1 and −1 for even and odd permutations: (u×p)ₐ = Σ εₐⱼₖ uⱼ pₖ

along = IndexedBase("along", shape=(R,))  # u·p
cross = IndexedBase("cross", shape=(R, 3))  # u×p
square = IndexedBase("square", shape=(R,))  # u·u
q, r = IndexedBase("q", shape=(R, 3)), IndexedBase("r", shape=(R, 2))

c, p = camera[o], point[o]
w = cam[c, 3]
turned = (w**2 - square[o]) * pt[p, a] + 2 * along[o] * cam[c, a] + 2 * w * cross[o, a]
model = Model(
    Sum(r[o, i] ** 2, (i, 0, 1), (o, 0, R - 1)),
    [cam, pt],
    where=[
        Eq(along[o], Sum(cam[c, j] * pt[p, j], (j, 0, 2))),
        Eq(cross[o, a], Sum(eps[a, j, k] * cam[c, j] * pt[p, k], (j, 0, 2), (k, 0, 2))),
        Eq(square[o], Sum(cam[c, j] ** 2, (j, 0, 2))),
        Eq(q[o, a], turned / (w**2 + square[o]) + cam[c, a + 4]),
        Eq(r[o, i], cam[c, 7] * q[o, i] / q[o, 2] - seen[o, i]),
    ],
    name="bundle adjustment",
)

PERMUTATIONS = np.zeros((3, 3, 3))
for first, second, third, parity in (
    (0, 1, 2, 1),
    (1, 2, 0, 1),
    (2, 0, 1, 1),
    (0, 2, 1, -1),
    (2, 1, 0, -1),
    (1, 0, 2, -1),
):
    PERMUTATIONS[first, second, third] = parity

Parameters = tuple[np.ndarray, np.ndarray]


def scene(cameras: int, points: int, rng: np.random.Generator) -> tuple[Parameters, dict[str, np.ndarray]]:
    """Cameras in a row before a cloud of points, each point seen by two thirds of them; and which sees which."""
    truth = np.zeros((cameras, 8))
    truth[:, :3] = rng.normal(0, 0.15, (cameras, 3))
    truth[:, 3] = 1  # nearly no rotation
    truth[:, 4] = np.linspace(-2, 2, cameras)
    truth[:, 6] = 8  # the cloud is before them
    truth[:, 7] = rng.uniform(450, 550, cameras)
    cloud = rng.uniform(-2, 2, (points, 3))
    visible = rng.random((cameras, points)) < 2 / 3
    visible[:2] = True  # a point that no two cameras see is nowhere
    camera, point = np.nonzero(visible)
    return (truth, cloud), {"camera": camera, "point": point, "eps": PERMUTATIONS}


def pictures(cam: np.ndarray, pt: np.ndarray, camera: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Where the points are seen, by rotation matrices: independent of the model above."""
    u, w = cam[camera, :3], cam[camera, 3, None]
    length = np.sqrt(np.sum(u**2, axis=1, keepdims=True) + w**2)
    u, w, p = u / length, w / length, pt[point]
    turned = p + 2 * w * np.cross(u, p) + 2 * np.cross(u, np.cross(u, p))
    before = turned + cam[camera, 4:7]
    return cam[camera, 7, None] * before[:, :2] / before[:, 2:]


def adjust(module: ModuleType, start: Parameters, data: dict[str, np.ndarray], jacobian: str) -> tuple[Any, float]:
    """The least squares solution from the start, and how long it took; `jacobian` is "generated" or "differences"."""
    from scipy.optimize import least_squares  # here, since the model above does without SciPy

    bound = module.bind(**data, C=len(start[0]), P=len(start[1]))
    theta = module.pack(*start)
    options: dict[str, Any] = {"jac": bound.flat_jacobian_r}
    if jacobian == "differences":
        options = {"jac": "2-point", "jac_sparsity": (bound.flat_jacobian_r(theta) != 0).astype(int)}
    began = time.perf_counter()
    found = least_squares(bound.flat_r, theta, method="trf", x_scale="jac", tr_solver="lsmr", ftol=1e-10, **options)
    return found, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=12, help="(%(default)s)")
    parser.add_argument("--points", type=int, default=400, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the scene (%(default)s)")
    options = parser.parse_args()

    module = model.compile(quantities=["r"], jacobian=["r"])
    rng = np.random.default_rng(options.seed)
    truth, data = scene(options.cameras, options.points, rng)
    data["seen"] = pictures(*truth, data["camera"], data["point"])
    data["seen"] += rng.normal(0, 0.5, data["seen"].shape)  # half a pixel of noise
    start = (truth[0] + rng.normal(0, 0.02, truth[0].shape), truth[1] + rng.normal(0, 0.1, truth[1].shape))

    entries = data["seen"].size
    columns = sum(array.size for array in start)
    blocks = module.jacobian_r(*start, data["camera"], data["eps"], data["point"])
    stored = sum(np.size(block.values) for block in blocks)
    print(f"{entries} residuals of {columns} unknowns; {stored / (entries * columns):.2%} of the Jacobian is stored")
    for kind in ("generated", "differences"):
        found, seconds = adjust(module, start, data, kind)
        error = np.sqrt(2 * found.cost / entries)
        print(f"{kind:>11} Jacobian: {found.nfev} steps, {seconds:.2f} s, error {error:.3f} pixels, {found.message}")


if __name__ == "__main__":
    main()
