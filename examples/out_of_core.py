"""Logistic regression on more rows than memory holds, by L-BFGS: `python out_of_core.py` (--rows, --folder, --dask).

The rows are made on disk, as many and as wide as those of the HIGGS data set (Baldi, Sadowski and Whiteson, 2014): 11
million of 28 columns, 2.5 GB. They are read through memory maps, 100,000 at a time, so that memory stays below 1 GiB.
"""

import argparse
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from scipy.optimize import minimize
from sympy import IndexedBase, Sum, symbols

from symgrad import Model, softplus

CHUNK, COLUMNS = 100_000, 28


def logistic() -> Model:
    """Mean log-loss of labels y in {0, 1}, with a small penalty."""
    N, M = symbols("N M", integer=True, positive=True)
    n, j = symbols("n j", integer=True)
    X, y, w = IndexedBase("X", (N, M)), IndexedBase("y", (N,)), IndexedBase("w", (M,))
    score = Sum(X[n, j] * w[j], (j, 0, M - 1))
    loss = Sum(softplus(score) - y[n] * score, (n, 0, N - 1)) / N
    return Model(loss + Sum(w[j] ** 2, (j, 0, M - 1)) / 10_000, [w], name="logistic regression")


def make(folder: Path, rows: int, seed: int = 0) -> dict[str, Any]:
    """The data as memory maps, which are written chunk by chunk; what is there already is opened."""
    paths, shapes = {name: folder / f"{name}.npy" for name in ("X", "y")}, {"X": (rows, COLUMNS), "y": (rows,)}
    if all(path.exists() and np.load(path, mmap_mode="r").shape == shapes[n] for n, path in paths.items()):
        return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=COLUMNS)
    files = {name: open_memmap(path, "w+", np.float64, shapes[name]) for name, path in paths.items()}
    for first in range(0, rows, CHUNK):
        X = rng.normal(size=(min(CHUNK, rows - first), COLUMNS))
        files["X"][first : first + CHUNK] = X
        files["y"][first : first + CHUNK] = rng.uniform(size=len(X)) < 1 / (1 + np.exp(-X @ truth))
    return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}


def chunks(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows chunk by chunk; each opens the files anew, so that pages that were read do not stay."""
    rows = len(np.load(folder / "y.npy", mmap_mode="r"))
    for first in range(0, rows, CHUNK):
        yield {name: np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[first : first + CHUNK]) for name in "Xy"}


def fit(folder: Path, rows: int, on_dask: bool = False, most: int = 50) -> Any:
    """What `minimize` says of the fit, with progress on the way."""
    module = logistic().compile(chunks=True)
    make(folder, rows)
    if on_dask:
        import dask.array as da

        from symgrad.dask import over

        data = {
            name: da.from_array(np.load(folder / f"{name}.npy", mmap_mode="r"), chunks=(CHUNK, -1)[: 2 - (name == "y")])
            for name in "Xy"
        }
        function = over(module)
    done = 0

    def objective(w: Any) -> tuple[float, Any]:
        nonlocal done
        value, gradient = function(w=w, **data) if on_dask else module.over_chunks(lambda: chunks(folder), w=w)
        done += 1
        print(f"pass {done} over {rows:,} rows: loss {value:.6f}, slope {np.max(np.abs(gradient.w)):.1e}", flush=True)
        return float(value), gradient.w

    return minimize(objective, np.zeros(COLUMNS), jac=True, method="L-BFGS-B", options={"maxiter": most, "ftol": 1e-12})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rows", type=int, default=11_000_000)
    parser.add_argument("--folder", type=Path, default=Path("rows"))
    parser.add_argument("--dask", action="store_true", help="by the threads of Dask")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    found = fit(given.folder, given.rows, given.dask)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{found.message}; loss {found.fun:.6f} after {found.nit} steps, at most {peak:.2f} GiB of memory")


if __name__ == "__main__":
    main()
