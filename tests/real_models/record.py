"""What a model of the corpus is: how people of a field write it, inputs, and an independent reference.

The reference is a function of the same inputs in JAX, in double precision; where JAX itself loses digits or gives nan
at hostile inputs, `exact` is the loss in mpmath, whose derivatives are taken by differences at a hundred digits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symgrad import Model

Inputs = dict[str, Any]


@dataclass(frozen=True, eq=False)
class RealModel:
    """A model as people of its field write it.

    Attributes
    ----------
    name : what it is called.
    build : makes the model.
    inputs : inputs of a size (how many rows, steps or items), from a source of randomness.
    reference : the loss as a function of the inputs by name, in JAX.
    sizes : an ordinary size, and one as in practice.
    hostile : inputs at which naive code overflows, divides by zero or loses digits; by what is hostile of them.
    exact : the loss of the inputs (nested lists of mpmath's numbers) in mpmath; what hostile inputs are compared with,
        if given.
    hvp : whether Hessian-vector products are compared, too.
    tolerance : the largest error allowed, relative to the largest entry of what is compared.
    """

    name: str
    build: Callable[[], Model]
    inputs: Callable[[int, np.random.Generator], Inputs]
    reference: Callable[..., Any]
    sizes: tuple[int, int] = (5, 1000)
    hostile: Mapping[str, Callable[[], Inputs]] = field(default_factory=dict)
    exact: Callable[..., Any] | None = None
    hvp: bool = True
    tolerance: float = 1e-10
