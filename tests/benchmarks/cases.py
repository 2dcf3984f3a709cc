"""One record a case, and the list of them: what is computed, on which arrays, and by which opponents' code."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from symgrad import Model

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A task for all contenders.

    Attributes
    ----------
    name : the family and the sizes.
    model : makes the symgrad model.
    arrays : seeded arrays in float64 by name, the parameters first.
    parameters : the names to differentiate by.
    expert : the answer by whole-array NumPy as an expert writes it, from the arrays by name.
    loss : the loss in the words of `namespaces.Namespace`, for the peers that differentiate themselves; of a Jacobian
        the residuals of one row, from what `rows` gives.
    limit : from the arrays, a call that does only what no method can avoid; None where that is next to nothing.
    answer : value and gradient, the Hessian, the factors of a structured Hessian, the direction of a Newton step, or
        the blocks of the Jacobian of the residuals r, by each parameter for each row.
    factors : what a dense Hessian has at the place of its factors, for `answer="compact"`.
    rows : for `answer="jacobian"` the arguments of `loss` for all rows from the arrays by name, those of the parameters
        first.
    quick : whether `--quick` runs it.
    """

    name: str
    model: Callable[[], Model]
    arrays: Callable[[np.random.Generator], Arrays]
    parameters: tuple[str, ...]
    expert: Callable[..., Any]
    loss: Callable[..., Any]
    limit: Callable[..., Callable[[], Any]] | None = None
    answer: Literal["gradient", "hessian", "compact", "newton", "jacobian"] = "gradient"
    factors: Callable[[np.ndarray], np.ndarray] | None = None
    rows: Callable[..., tuple[Any, ...]] | None = None
    quick: bool = True


def products(*pairs: tuple[np.ndarray, np.ndarray]) -> Callable[[], None]:
    """The matrix products of the pairs into arrays that exist already."""
    jobs = [(left, right, np.matmul(left, right)) for left, right in pairs]

    def run() -> None:
        for left, right, out in jobs:
            np.matmul(left, right, out=out)

    return run


def one_hot(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    return np.eye(classes)[rng.integers(classes, size=rows)]


def softplus_and_sigmoid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + exp(z)) and 1/(1 + exp(-z)) by one exponential that cannot overflow."""
    tail = np.exp(-np.abs(z))
    sigmoid = np.where(z >= 0, 1, tail)
    sigmoid /= 1 + tail
    return np.maximum(z, 0) + np.log1p(tail), sigmoid


def softmax_and_cross_entropy(z: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, Any]:
    """The softmax of the rows (in place of z) and −Σ t log softmax for rows of t that sum to one."""
    z -= z.max(axis=1, keepdims=True)
    linear = np.vdot(t, z)
    p = np.exp(z, out=z)
    totals = p.sum(axis=1, keepdims=True)
    loss = np.log(totals).sum() - linear
    p /= totals
    return p, loss
