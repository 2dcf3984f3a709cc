"""A logistic regression on rows on disk, fitted by L-BFGS of SciPy: symgrad beside scikit-learn, dask-glm and dask-ml.

    python tests/benchmarks/rows.py [--rows 11000000] [--folder rows] [--contenders PATTERN] [--steps 40]

The data are those of `examples/out_of_core.py`, 28 columns in float32, computed with in float64; the penalty is the
same for all. symgrad and dask-glm read the files anew in each pass, 100,000 rows at a time; scikit-learn has all rows
in memory (reading them is not timed). All of them call L-BFGS of SciPy, whose every call of the loss is timed, so that
an entry is the median time of a value with its gradient, and when the loss was first within 1e-5 of the smallest that
anyone found. dask-ml scales the columns first, so that its penalty, and its loss, are others. Contenders that are not
installed, or raise an error, say so.
"""

import argparse
import fnmatch
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT / "examples")  # in place of this folder, whose `sparse.py` is not the package of that name
sys.path.insert(1, str(ROOT))

example = import_module("out_of_core")

PENALTY = 1e-4  # times |w|², beside a mean over rows
CLOSE = 1e-5

Trace = list[tuple[float, float, float]]  # of each call: the loss as the contender scales it, when, how long it took


class Recorder:
    """L-BFGS of SciPy, which notes the calls that it makes."""

    def __init__(self, steps: int) -> None:
        self.trace: Trace = []
        self.began, self.steps = time.perf_counter(), steps
        self._fmin, self._minimize = scipy.optimize.fmin_l_bfgs_b, scipy.optimize.minimize

    def noting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            began = time.perf_counter()
            value, gradient = function(*given)
            ends = time.perf_counter()
            self.trace.append((float(value), ends - self.began, ends - began))
            return value, gradient

        return called

    def fmin(self, function: Any, start: Any, **options: Any) -> Any:
        return self._fmin(self.noting(function), start, **{**options, "maxiter": self.steps})

    def minimize(self, function: Any, start: Any, **options: Any) -> Any:
        return self._minimize(self.noting(function), start, **options)


def of_symgrad(folder: Path, recorder: Recorder, on_dask: bool) -> float:
    module = example.logistic().compile(check=False, chunks=True)
    function = example.objective(module, folder, on_dask)

    def flat(w: Any) -> Any:
        value, gradient = function(w=w)
        return float(value), gradient.w

    options = {"maxiter": recorder.steps, "ftol": 1e-12}
    recorder.minimize(flat, np.zeros(example.COLUMNS), jac=True, method="L-BFGS-B", options=options)
    return 1.0


def of_sklearn(folder: Path, recorder: Recorder) -> float:
    from sklearn.linear_model import LogisticRegression

    X, y = (np.load(folder / f"{name}.npy").astype(float) for name in "Xy")
    recorder.began = time.perf_counter()
    scipy.optimize.minimize = recorder.minimize
    try:
        model = LogisticRegression(C=1 / (2 * PENALTY * len(X)), fit_intercept=False, tol=1e-7, max_iter=recorder.steps)
        model.fit(X, y)
    finally:
        scipy.optimize.minimize = recorder._minimize
    return 1.0  # a mean over rows, too


def of_dask(folder: Path, recorder: Recorder, ml: bool) -> float:
    import dask_glm.algorithms

    X, y = (example.in_dask(folder, name) for name in "Xy")
    dask_glm.algorithms.fmin_l_bfgs_b = recorder.fmin
    options = {"max_iter": recorder.steps, "tol": 1e-7}
    if ml:
        from dask_ml.linear_model import LogisticRegression

        strength = 1 / (2 * PENALTY * len(X))
        LogisticRegression(solver="lbfgs", C=strength, fit_intercept=False, **options).fit(X, y)
    else:
        dask_glm.algorithms.lbfgs(X, y, regularizer="l2", lamduh=2 * PENALTY * len(X), normalize=False, **options)
    return float(len(X))


CONTENDERS: dict[str, Callable[[Path, Recorder], float]] = {
    "symgrad over_chunks": lambda folder, recorder: of_symgrad(folder, recorder, False),
    "symgrad.dask": lambda folder, recorder: of_symgrad(folder, recorder, True),
    "scikit-learn, in memory": of_sklearn,
    "dask-glm": lambda folder, recorder: of_dask(folder, recorder, False),
    "dask-ml": lambda folder, recorder: of_dask(folder, recorder, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rows", type=int, default=11_000_000)
    parser.add_argument("--folder", type=Path, default=Path("rows"))
    parser.add_argument("--contenders", default="*", help="a pattern of their names")
    parser.add_argument("--steps", type=int, default=40, help="at most so many of L-BFGS")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    example.make(given.folder, given.rows)
    traces = {}
    for name, fit in CONTENDERS.items():
        if not fnmatch.fnmatch(name, given.contenders):
            continue
        recorder = Recorder(given.steps)
        try:
            scale = fit(given.folder, recorder)
        except Exception as error:  # of one contender; the others go on
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            continue
        traces[name] = [(value / scale, when, taken) for value, when, taken in recorder.trace]
        print(f"{name}: {len(recorder.trace)} calls in {recorder.trace[-1][1]:.1f} s", flush=True)
    smallest = min(value for trace in traces.values() for value, _, _ in trace)
    print("| contender | a value with its gradient, s | smallest loss | s to the same loss | calls |")
    print("|---|---:|---:|---:|---:|")
    for name, trace in traces.items():
        each, least = statistics.median(taken for _, _, taken in trace), min(value for value, _, _ in trace)
        close = [(number, when) for number, (value, when, _) in enumerate(trace, 1) if value < smallest + CLOSE]
        number, when = close[0] if close else ("—", float("nan"))
        print(f"| {name} | {each:.2f} | {least:.6f} | {when:.1f} | {number} |")


if __name__ == "__main__":
    main()
