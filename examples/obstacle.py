"""The obstacle problem: a membrane is stretched over hills, in index notation with stencils of two dimensions.

The height u of a membrane that is fixed around a square is that of least energy which is nowhere below the hills:

    minimise ½ ∫ |∇u|² subject to u ≥ hills, u = 0 at the edge

The bounds are data, as many as there are points; at the edge the upper one is the lower one. As a script it solves
this by the primal-dual active set method (Hintermüller, Ito and Kunisch 2003), whose steps are linear systems with the
generated sparse Hessian, and draws the membrane and where it rests: there the gradient, the force of the hills, is not
zero. Needs SciPy and matplotlib:

    python examples/obstacle.py --picture obstacle.png
"""

import argparse
from pathlib import Path

import numpy as np
from sympy import IndexedBase, Rational, Sum, symbols

from symgrad import Problem

N = symbols("N", integer=True, positive=True)
i, j = symbols("i j", integer=True)
u, low, high = (IndexedBase(name, (N, N)) for name in ("u", "low", "high"))

across = Sum((u[i + 1, j] - u[i, j]) ** 2, (i, 0, N - 2), (j, 0, N - 1))
along = Sum((u[i, j + 1] - u[i, j]) ** 2, (i, 0, N - 1), (j, 0, N - 2))
problem = Problem(
    Rational(1, 2) * (across + along),
    [u],
    bounds={u: (low, high)},
    name="obstacle problem",
)


def landscape(side: int) -> np.ndarray:
    """Hills of different heights, below zero between them."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    peaks = ((0.3, 0.3, 0.5), (0.7, 0.65, 0.8), (0.3, 0.75, 0.3))
    return np.max([top - 12 * ((x - a) ** 2 + (y - b) ** 2) for a, b, top in peaks], axis=0)


def solve(side: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The membrane, the forces of the hills, and how many steps it took."""
    from scipy.sparse.linalg import spsolve  # here, since the problem above does without SciPy

    module = problem.compile()
    ground = landscape(side).ravel()
    edge = np.pad(np.zeros((side - 2, side - 2), dtype=bool), 1, constant_values=True).ravel()
    least = np.where(edge, 0.0, ground)
    height = np.maximum(least, 0)
    rests: np.ndarray | None = None
    steps = 0
    while True:
        steps += 1
        force = module.gradient(height.reshape(side, side)).u.ravel()
        before, rests = rests, edge | (height - force < least)  # on the hills, or drawn below them
        if before is not None and np.array_equal(before, rests):
            break
        height = np.where(rests, least, height)
        free = np.flatnonzero(~rests)
        hessian = module.hessian_of_lagrangian(1.0, N=side).to_scipy()[free][:, free]
        height[free] -= spsolve(hessian.tocsc(), module.gradient(height.reshape(side, side)).u.ravel()[free])
    return height.reshape(side, side), np.where(edge, 0.0, force).reshape(side, side), steps


def draw(height: np.ndarray, force: np.ndarray, path: Path) -> None:
    """The membrane, and the forces that hold it up."""
    import matplotlib  # here, since the problem above does without it

    matplotlib.use("Agg")  # a picture in a file needs no screen
    import matplotlib.pyplot as plt  # after its backend is chosen

    side = len(height)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    figure = plt.figure(figsize=(12, 4.8), layout="constrained")
    film = figure.add_subplot(1, 2, 1, projection="3d")
    film.plot_surface(x, y, height, cmap="viridis", rcount=side, ccount=side)
    film.set(title="the membrane", zlabel="height")
    film.view_init(38, -60)
    forces = figure.add_subplot(1, 2, 2)
    pressure = np.where(force > 1e-9, force * (side - 1) ** 2, np.nan)  # the force of an area, on any grid
    shown = forces.imshow(pressure.T, origin="lower", extent=(0, 1, 0, 1), cmap="Oranges", vmin=0)
    lines = forces.contour(x, y, height, levels=10, cmap="viridis", linewidths=1)
    forces.clabel(lines, fontsize=7)
    forces.set(title="where it rests on the hills, and their pressure")
    figure.colorbar(shown, ax=forces)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=101, help="points along each side (%(default)s)")
    parser.add_argument("--picture", type=Path, default=Path("obstacle.png"), help="(%(default)s)")
    options = parser.parse_args()
    height, force, steps = solve(options.side)
    print(f"{height.size} points, {steps} steps, {np.sum(force > 1e-9)} points rest on the hills")
    draw(height, force, options.picture)
    print(f"membrane: {options.picture}")


if __name__ == "__main__":
    main()
