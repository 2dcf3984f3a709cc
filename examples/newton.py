"""Newton's method on real data, with the Hessian and the Hessian-vector products that symgrad derives.

Logistic regression on the breast cancer data and softmax regression on the digits, both with a penalty ½λ‖W‖². Each
is minimised by `scipy.optimize.minimize` with the Hessian or with Hessian-vector products (`trust-ncg`, `Newton-CG`),
and with the gradient alone (`L-BFGS-B`). Needs scikit-learn (for the data, which it bundles), SciPy and matplotlib:

    pip install -e '.[examples]'
    python examples/newton.py --picture newton.png
"""

import argparse
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from logistic import model as logistic
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_digits
from softmax import M, N, W, j, k
from softmax import model as softmax
from sympy import Sum, symbols

from symgrad import Model

lam = symbols("lam", positive=True)
K = softmax.parameters[1].shape[0]
(w,) = logistic.parameters

METHODS = {  # name in the table -> method, and which second derivatives it is given
    "L-BFGS-B": ("L-BFGS-B", ()),
    "Newton-CG, products": ("Newton-CG", ("hessp",)),
    "trust-ncg, products": ("trust-ncg", ("hessp",)),
    "trust-ncg, Hessian": ("trust-ncg", ("hess",)),
    "Newton-CG, Hessian": ("Newton-CG", ("hess",)),
}


@dataclass
class Run:
    """One minimisation: the loss after every iteration, and when."""

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    slope: float = np.nan


def penalised(plain: Model, penalty: Any) -> Model:
    """The mean loss over the samples with a penalty of weight λ, the argument `lam`."""
    loss = plain.loss[0, 0] if getattr(plain.loss, "is_Matrix", False) else plain.loss
    return Model(
        loss / N + lam / 2 * penalty,
        plain.parameters,
        where=plain.where,
        facts=plain.facts,
        name=f"{plain.name}, ½λ‖W‖²",
    )


def breast_cancer() -> dict[str, Any]:
    """569 samples of 30 standardised features and a constant one."""
    bundle = load_breast_cancer()
    features = (bundle.data - bundle.data.mean(axis=0)) / bundle.data.std(axis=0)
    return {"X": np.column_stack([features, np.ones(len(features))]), "t": bundle.target.astype(float)}


def digits(count: int | None) -> dict[str, Any]:
    """Pictures of 64 grey values, and one-hot classes."""
    bundle = load_digits()
    return {"X": bundle.data[:count] / 16, "t": np.eye(10)[bundle.target[:count]]}


def solve(module: ModuleType, start: np.ndarray, data: dict[str, Any], method: str, given: tuple[str, ...]) -> Run:
    """Minimise from the start; `given` says which second derivatives the method gets."""
    run = Run()
    second = {
        "hess": partial(module.flat_hessian, **data),
        "hessp": lambda theta, direction: module.flat_hessian_vector_product(theta, direction, **data),
    }
    value_and_gradient = partial(module.flat_value_and_gradient, **data)
    began = time.perf_counter()

    def after_iteration(intermediate_result: Any) -> None:
        run.seconds.append(time.perf_counter() - began)
        run.losses.append(float(intermediate_result.fun))

    options = {"gtol": 1e-8} if method != "Newton-CG" else {"xtol": 1e-10}
    found = minimize(
        value_and_gradient,
        start,
        jac=True,
        method=method,
        callback=after_iteration,
        options={**options, "maxiter": 500},
        **{name: second[name] for name in given},
    )
    run.slope = float(np.max(np.abs(value_and_gradient(found.x)[1])))
    return run


def draw(problems: dict[str, dict[str, Run]], path: Path) -> None:
    """How far the loss is from its minimum, by iteration and by time."""
    figure, axes = plt.subplots(len(problems), 2, figsize=(11, 4 * len(problems)), layout="constrained", squeeze=False)
    for row, (problem, runs) in zip(axes, problems.items(), strict=True):
        least = min(min(run.losses) for run in runs.values())
        for name, run in runs.items():
            above = np.maximum(np.array(run.losses) - least, 1e-16)
            row[0].semilogy(range(1, len(above) + 1), above, label=name)
            row[1].semilogy(run.seconds, above, label=name)
        row[0].set(title=problem, xlabel="iteration", ylabel="loss above the minimum")
        row[1].set(title=problem, xlabel="seconds")
        row[1].legend()
        for panel in row:
            panel.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("newton.png"), help="where the curves go (%(default)s)")
    parser.add_argument("--pictures", type=int, default=None, help="how many of the digits to use (all)")
    parser.add_argument("--penalty", type=float, default=1e-3, help="λ (%(default)s)")
    options = parser.parse_args()

    two = penalised(logistic, (w.T * w)[0, 0]).compile(hessian=True, hvp=True)
    many = penalised(softmax, Sum(W[j, k] ** 2, (j, 0, M - 1), (k, 0, K - 1))).compile(hessian=True, hvp=True)
    cancer, pictures = breast_cancer(), digits(options.pictures)
    problems = {
        "logistic regression, breast cancer": (two, np.zeros(31), cancer),
        "softmax regression, digits": (many, np.zeros(650), pictures),
    }
    runs: dict[str, dict[str, Run]] = {}
    table = Table("problem", "method", "iterations", "seconds", "loss", "largest slope")
    for problem, (module, start, data) in problems.items():
        runs[problem] = {}
        for name, (method, given) in METHODS.items():
            run = runs[problem][name] = solve(module, start, {**data, "lam": options.penalty}, method, given)
            table.add_row(
                problem,
                name,
                f"{len(run.losses)}",
                f"{run.seconds[-1]:.2f}",
                f"{run.losses[-1]:.10f}",
                f"{run.slope:.1e}",
            )
    Console().print(table)
    draw(runs, options.picture)
    print(f"convergence: {options.picture}")


if __name__ == "__main__":
    main()
