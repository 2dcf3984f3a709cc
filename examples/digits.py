"""Handwritten digits: softmax regression and a multilayer network, trained on gradients that symgrad derives.

Both are `network` of `multilayer.py`, of one and of two layers, with a penalty ½λ‖W‖² on every weight matrix. Each is
trained by plain gradient descent on small batches and by `scipy.optimize.minimize`; a quarter of the pictures is held
out to measure the accuracy. Needs scikit-learn (for the pictures, which it bundles), SciPy and matplotlib:

    pip install -e '.[examples]'
    python examples/digits.py --picture digits.png
"""

import argparse
import itertools
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
from multilayer import network
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sympy import Trace, symbols

from symgrad import Model

HIDDEN = 64
PENALTY = 1e-3
BATCH = 64
RATE = 0.2  # the largest at which no loss of the network jumps up again, tried at several seeds
EPOCHS = 100
ITERATIONS = 150

Arrays = list[np.ndarray]


@dataclass
class Digits:
    """Pictures, a row of 64 grey values in 0 ... 1 less their mean each, and one-hot targets; a quarter held out."""

    X: np.ndarray
    T: np.ndarray
    held_out_X: np.ndarray
    held_out_T: np.ndarray

    @classmethod
    def load(cls, rng: np.random.Generator) -> "Digits":
        bundle = load_digits()
        order = rng.permutation(len(bundle.target))
        X, T = bundle.data[order] / 16, np.eye(10)[bundle.target[order]]
        quarter = len(order) // 4
        X -= X[quarter:].mean(axis=0)  # of the training pictures alone; descent on centred data takes longer steps
        return cls(X[quarter:], T[quarter:], X[:quarter], T[:quarter])


@dataclass
class Training:
    """One model trained by one method: the loss on all training data after each epoch or iteration, and the outcome."""

    model: str
    method: str
    losses: list[float] = field(default_factory=list)
    accuracy: float = 0.0
    seconds: float = 0.0


def penalised(plain: Model) -> Model:
    """The mean over the pictures, with ½λ‖W‖² added for every weight matrix; λ becomes the argument `lam`."""
    N, lam = symbols("N", integer=True, positive=True), symbols("lam", positive=True)
    weights = [parameter for parameter in plain.parameters if parameter.name.startswith("W")]
    penalty = sum(lam / 2 * Trace(W.T * W) for W in weights)
    return Model(
        plain.loss / N + penalty,
        plain.parameters,
        where=plain.where,
        facts=plain.facts,
        name=f"{plain.name}, penalised",
    )


def initial(sides: list[int], rng: np.random.Generator) -> Arrays:
    """Weights W₁, b₁, W₂, b₂, ...: normal, of variance 1/fan-in, and zero."""
    layers = itertools.pairwise(sides)
    return [a for rows, columns in layers for a in (rng.normal(0, rows**-0.5, (rows, columns)), np.zeros((1, columns)))]


def accuracy(parameters: Arrays, X: np.ndarray, T: np.ndarray) -> float:
    """The share of pictures whose most probable class is the right one."""
    *hidden, last = zip(parameters[::2], parameters[1::2], strict=True)
    for W, b in hidden:
        X = np.tanh(X @ W + b)
    W, b = last
    return float(np.mean((X @ W + b).argmax(axis=1) == T.argmax(axis=1)))


def descend(module: ModuleType, start: Arrays, digits: Digits, rng: np.random.Generator, step: Any) -> Arrays:
    """Plain gradient descent on shuffled batches; `step` is told the loss after each epoch."""
    parameters = start
    for _ in range(EPOCHS):
        order = rng.permutation(len(digits.X))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            gradient = module.gradient(*parameters, T=digits.T[rows], X=digits.X[rows], lam=PENALTY)
            parameters = [p - RATE * g for p, g in zip(parameters, gradient, strict=True)]
        step(module.value(*parameters, T=digits.T, X=digits.X, lam=PENALTY))
    return parameters


def optimise(module: ModuleType, start: Arrays, digits: Digits, step: Any) -> Arrays:
    """`scipy.optimize.minimize` (L-BFGS) on the flat vector of all parameters."""
    data = {"T": digits.T, "X": digits.X, "lam": PENALTY}
    loss_and_gradient = partial(module.flat_value_and_gradient, **data)

    def after_iteration(intermediate_result: Any) -> None:
        step(intermediate_result.fun)

    result = minimize(
        loss_and_gradient,
        module.pack(*start),
        jac=True,
        method="L-BFGS-B",
        callback=after_iteration,
        options={"maxiter": ITERATIONS},
    )
    return list(module.unpack(result.x, **data))


def train(name: str, sides: list[int], digits: Digits, seed: int, progress: Progress) -> list[Training]:
    """Compile the network of the given layer sizes and train it by both methods from the same start."""
    compiling = progress.add_task(f"{name}: deriving and checking the gradient", total=None, loss="")
    module = penalised(network(len(sides) - 1)).compile()
    progress.remove_task(compiling)

    start = initial(sides, np.random.default_rng(seed))
    runs = []
    for method, steps in (("gradient descent", EPOCHS), ("L-BFGS", ITERATIONS)):
        run = Training(name, method)
        task = progress.add_task(f"{name}: {method}", total=steps, loss="")

        def step(loss: float, run: Training = run, task: Any = task) -> None:
            run.losses.append(float(loss))
            progress.update(task, advance=1, loss=f"loss {loss:.4f}")

        began = time.perf_counter()
        if method == "L-BFGS":
            parameters = optimise(module, start, digits, step)
        else:
            parameters = descend(module, start, digits, np.random.default_rng(seed), step)
        run.seconds = time.perf_counter() - began
        progress.update(task, completed=steps)  # L-BFGS may be done before its last iteration
        run.accuracy = accuracy(parameters, digits.held_out_X, digits.held_out_T)
        runs.append(run)
    return runs


def draw(runs: list[Training], path: Path) -> None:
    """The loss curves, as a picture."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for run in runs:
        axes.plot(range(1, len(run.losses) + 1), run.losses, label=f"{run.model}, {run.method} ({run.accuracy:.1%})")
    axes.set(xlabel="epoch or iteration", ylabel="loss on the training pictures", yscale="log", title="Digits")
    axes.grid(alpha=0.3)
    axes.legend(title="held-out accuracy in brackets")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--picture", type=Path, default=Path("digits.png"), help="where the loss curves go (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split, the start and the batches (%(default)s)")
    options = parser.parse_args()

    digits = Digits.load(np.random.default_rng(options.seed))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[loss]}"))
    runs = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name, sides in (("softmax regression", [64, 10]), ("MLP", [64, HIDDEN, 10])):
            runs += train(name, sides, digits, options.seed, progress)

    table = Table("model", "method", "loss", "held-out accuracy", "seconds")
    for run in runs:
        table.add_row(run.model, run.method, f"{run.losses[-1]:.4f}", f"{run.accuracy:.4f}", f"{run.seconds:.2f}")
    Console().print(table)
    draw(runs, options.picture)
    print(f"loss curves: {options.picture}")


if __name__ == "__main__":
    main()
