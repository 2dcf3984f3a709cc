"""What the training scripts share: Adam on a generated module, its progress bar, and predictions from a model."""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sympy import Idx, IndexedBase, Sum

from symgrad import Model

Arrays = dict[str, Any]


def progress() -> Progress:
    """A bar for tasks with the fields `description` and `loss`, on the standard error stream."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[loss]}"))
    return Progress(*columns, console=Console(stderr=True))


def checked(model: Model, sizes: dict[str, int]) -> ModuleType:
    """The model's module, its gradient checked at the given sizes; those that `Model.compile` chooses are larger."""
    report = model.check(sizes=sizes)
    if not report.ok:
        raise SystemExit(str(report))
    return model.compile(check=False)


def adam(module: ModuleType, parameters: Arrays, batches: Iterable[Arrays], rate: float, steps: int) -> Iterator[float]:
    """Move the parameters, in place, by a step on each batch (Kingma and Ba 2015, algorithm 1); the losses there.

    The rate falls linearly to zero over all steps.
    """
    mean = {name: np.zeros_like(value) for name, value in parameters.items()}
    square = {name: np.zeros_like(value) for name, value in parameters.items()}
    for step, data in enumerate(batches, start=1):
        loss, gradient = module.value_and_gradient(**parameters, **data)
        for name, slope in gradient._asdict().items():
            mean[name] += 0.1 * (slope - mean[name])
            square[name] += 0.001 * (slope**2 - square[name])
            spread = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            parameters[name] -= rate * (1 - step / steps) * mean[name] / (1 - 0.9**step) / spread
        yield float(loss)


def predictor(model: Model, name: str) -> Callable[..., np.ndarray]:
    """A function that computes a quantity of `where` from the arguments that it needs.

    Nothing is written twice for it: the derivative of Σ probe ∘ quantity by the probe is the quantity.
    """
    quantity = next(equation.lhs.base for equation in model.where if equation.lhs.base.name == name)
    probe = IndexedBase("probe", shape=quantity.shape)
    indices = [Idx(f"probe_{axis}", size) for axis, size in enumerate(quantity.shape)]
    total = Sum(probe[indices] * quantity[indices], *indices)
    module = Model(total, [probe], where=model.where, name=f"{model.name}: {name}").compile(check=False)

    def predict(shape: tuple[int, ...], **arguments: Any) -> np.ndarray:
        needed = {key: value for key, value in arguments.items() if key in module.ARGUMENTS}
        return module.gradient(probe=np.zeros(shape), **needed).probe

    return predict
