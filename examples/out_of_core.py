"""Fits to more rows than memory holds, by L-BFGS: `python out_of_core.py` (--model, --rows, --folder, --dask).

A logistic regression, or a mixture of Gaussians (`--model mixture`). The rows are made on disk, as many and as wide as
those of the HIGGS data set (Baldi, Sadowski and Whiteson, 2014): 11 million of 28 columns, 1.2 GB in float32. They are
read through memory maps, 100,000 at a time, so that memory stays below 1 GiB: on a core of an Intel Xeon with AVX-512
that others used, too, a pass over all rows of the logistic regression took 5 to 9 seconds, in 0.22 GiB. On two cores of
an AMD EPYC, as busy, it took 3 to 6 seconds with `--dask`, in 0.29 GiB, and that of the mixture 19 to 34.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from scipy.optimize import minimize
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import LogSumExp, Model, softmax, softplus

CHUNK, COLUMNS, GROUPS = 100_000, 28, 3
N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k = symbols("n j k", integer=True)
X = IndexedBase("X", (N, M))


def logistic() -> Model:
    """Mean log-loss of labels y in {0, 1}, with a small penalty."""
    y, w = IndexedBase("y", (N,)), IndexedBase("w", (M,))
    score = Sum(X[n, j] * w[j], (j, 0, M - 1))
    loss = Sum(softplus(score) - y[n] * score, (n, 0, N - 1)) / N
    return Model(loss + Sum(w[j] ** 2, (j, 0, M - 1)) / 10_000, [w], name="logistic regression")


def mixture() -> Model:
    """Mean negative log-likelihood of K Gaussians, with widths exp(s) of their own in each column, up to a constant."""
    a, mu, s = IndexedBase("a", (K,)), IndexedBase("mu", (K, M)), IndexedBase("s", (K, M))
    squares = Sum(((X[n, j] - mu[k, j]) * exp(-s[k, j])) ** 2 / 2 + s[k, j], (j, 0, M - 1))
    loss = -Sum(LogSumExp(log(softmax(a[k], (k, 0, K - 1))) - squares, (k, 0, K - 1)), (n, 0, N - 1)) / N
    return Model(loss, [a, mu, s], name="a mixture of Gaussians")


MODELS = {"logistic": logistic, "mixture": mixture}


def make(folder: Path, rows: int, seed: int = 0) -> None:
    """The data as files of NumPy, which are written chunk by chunk; those that are there already stay."""
    paths, shapes = {name: folder / f"{name}.npy" for name in "Xy"}, {"X": (rows, COLUMNS), "y": (rows,)}
    if all(path.exists() and np.load(path, mmap_mode="r").shape == shapes[name] for name, path in paths.items()):
        return
    rng = np.random.default_rng(seed)
    truth, centres = rng.normal(size=COLUMNS) / 4, rng.normal(size=(GROUPS, COLUMNS))
    widths = rng.uniform(0.5, 1.5, (GROUPS, COLUMNS))
    for first in range(0, rows, CHUNK):
        group = rng.integers(GROUPS, size=min(CHUNK, rows - first))
        drawn = centres[group] + widths[group] * rng.normal(size=(len(group), COLUMNS))
        for name, path in paths.items():  # opened anew, so that pages that were written do not stay
            file = open_memmap(path, "r+" if first else "w+", np.float32, shapes[name])
            file[first : first + CHUNK] = (
                drawn if name == "X" else rng.uniform(size=len(group)) < 1 / (1 + np.exp(-drawn @ truth))
            )
        print(f"made {first + len(group):,} of {rows:,} rows", end="\r", flush=True)
    print()


def read(folder: Path, name: str, first: int, last: int) -> Any:
    """Some rows of a file, which is opened for them, so that pages that were read do not stay."""
    return np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[first:last], dtype=float)


def chunks(folder: Path, names: str) -> Iterator[dict[str, Any]]:
    """The rows chunk by chunk."""
    rows = len(np.load(folder / "y.npy", mmap_mode="r"))
    for first in range(0, rows, CHUNK):
        yield {name: read(folder, name, first, first + CHUNK) for name in names}


def in_dask(folder: Path, name: str) -> Any:
    """The same as an array of Dask, which reads a chunk where it is computed."""
    import dask.array as da

    rows, *columns = np.load(folder / f"{name}.npy", mmap_mode="r").shape
    sides = tuple(min(CHUNK, rows - first) for first in range(0, rows, CHUNK))

    def block(block_info: Any = None) -> Any:
        return read(folder, name, *block_info[None]["array-location"][0])

    return da.map_blocks(block, chunks=(sides, *((side,) for side in columns)), dtype=float, name=f"rows of {name}")


def objective(module: Any, folder: Path, on_dask: bool) -> Callable[..., Any]:
    """Value and gradient for all rows, as a function of the parameters."""
    names = "".join(name for name in "Xy" if name in module.ARGUMENTS)
    if not on_dask:
        return lambda **parameters: module.over_chunks(lambda: chunks(folder, names), **parameters)
    from symgrad.dask import over

    function, data = over(module), {name: in_dask(folder, name) for name in names}
    return lambda **parameters: function(**parameters, **data)


def fit(model: str, folder: Path, rows: int, on_dask: bool = False, most: int = 50) -> Any:
    """What `minimize` says of the fit, with progress on the way."""
    module = MODELS[model]().compile(chunks=True)
    make(folder, rows)
    function, rng, done = objective(module, folder, on_dask), np.random.default_rng(1), 0
    starts = {"w": np.zeros(COLUMNS), "a": np.zeros(GROUPS), "s": np.zeros((GROUPS, COLUMNS))}
    starts["mu"] = rng.normal(size=(GROUPS, COLUMNS)) / 2

    def of_vector(theta: Any) -> tuple[float, Any]:
        nonlocal done
        began = time.perf_counter()
        value, gradient = function(**module.unpack(theta, **sizes)._asdict())
        slope, done, seconds = module.pack(*gradient), done + 1, time.perf_counter() - began
        said = f"loss {value:.6f}, slope {np.max(np.abs(slope)):.1e}, {seconds:.2f} s"
        print(f"pass {done} over {rows:,} rows: {said}", flush=True)
        return float(value), slope

    sizes = {name: size for name, size in (("M", COLUMNS), ("K", GROUPS)) if name in module.DIMENSIONS}
    start = module.pack(*(starts[name] for name in module.PARAMETERS))
    return minimize(of_vector, start, jac=True, method="L-BFGS-B", options={"maxiter": most, "ftol": 1e-12})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--model", choices=MODELS, default="logistic")
    parser.add_argument("--rows", type=int, default=11_000_000)
    parser.add_argument("--folder", type=Path, default=Path("rows"))
    parser.add_argument("--dask", action="store_true", help="by the threads of Dask")
    parser.add_argument("--steps", type=int, default=50, help="at most so many of L-BFGS")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    found = fit(given.model, given.folder, given.rows, given.dask, given.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{found.message}; loss {found.fun:.6f} after {found.nit} steps and {time.perf_counter() - began:.0f} s")
    print(f"at most {peak:.2f} GiB of memory")


if __name__ == "__main__":
    main()
