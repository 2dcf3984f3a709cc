"""The words that the losses are written in: exactly, in JAX's usual spelling, in PyTorch's."""

from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf


class Exact:
    """mpmath on arrays of objects: every word by its definition, since digits abound."""

    def __init__(self) -> None:
        self.exp, self.log, self.tanh, self.sqrt = (np.frompyfunc(f, 1, 1) for f in (mp.exp, mp.log, mp.tanh, mp.sqrt))
        self.log1p = np.frompyfunc(mp.log1p, 1, 1)
        self.power = np.frompyfunc(lambda x, y: mpf(1) if y == 0 else mp.power(x, y), 2, 1)
        self.xlogy = np.frompyfunc(lambda x, y: mpf(0) if x == 0 else x * mp.log(y), 2, 1)

    def sum(self, x: Any, axis: int | None = None) -> Any:
        return np.sum(x, axis=axis) if np.size(x) else mpf(0)

    def sigmoid(self, x: Any) -> Any:
        return 1 / (1 + self.exp(-x))

    def cross_entropy(self, z: Any, t: Any) -> Any:
        """Σ t·softplus(-z) + (1 - t)·softplus(z)."""
        return self.sum(t * self.log1p(self.exp(-z)) + (1 - t) * self.log1p(self.exp(z)))

    def logsumexp(self, x: Any) -> Any:
        """Over the last axis."""
        return self.log(self.sum(self.exp(x), -1)) if len(x) else x[:, 0]

    def log_softmax(self, x: Any) -> Any:
        return x - self.logsumexp(x)[:, None] if len(x) else x

    def norm(self, x: Any) -> Any:
        return self.sqrt(self.sum(x * x, -1))

    def logdet(self, x: Any) -> Any:
        return mp.log(mp.det(mpmath.matrix(x.tolist()))) if x.size else mpf(0)


class Jax:
    """`jax.numpy` with `jax.nn` and `jax.scipy.special`."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.exp, self.log, self.tanh, self.sqrt, self.sum = jnp.exp, jnp.log, jnp.tanh, jnp.sqrt, jnp.sum
        self.power, self.sigmoid, self.xlogy = jnp.power, jax.nn.sigmoid, jax.scipy.special.xlogy

    def cross_entropy(self, z: Any, t: Any) -> Any:
        return -self.sum(t * self.jax.nn.log_sigmoid(z) + (1 - t) * self.jax.nn.log_sigmoid(-z))

    def logsumexp(self, x: Any) -> Any:
        return self.jax.nn.logsumexp(x, axis=-1)

    def log_softmax(self, x: Any) -> Any:
        return self.jax.nn.log_softmax(x)

    def norm(self, x: Any) -> Any:
        return self.jax.numpy.linalg.norm(x, axis=-1)

    def logdet(self, x: Any) -> Any:
        return self.jax.numpy.linalg.slogdet(x)[1]

    def value_and_gradient(self, loss: Any, inputs: dict[str, Any], parameters: list[str]) -> tuple[Any, list[Any]]:
        data = {name: value for name, value in inputs.items() if name not in parameters}

        def of_parameters(*given: Any) -> Any:
            return loss(self, **dict(zip(parameters, given, strict=True)), **data)

        function = self.jax.value_and_grad(of_parameters, argnums=tuple(range(len(parameters))))
        value, slopes = function(*(self.jax.numpy.asarray(inputs[name]) for name in parameters))
        return np.asarray(value), [np.asarray(slope) for slope in slopes]


class Torch:
    """`torch` with `torch.nn.functional` and `torch.linalg`."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.exp, self.log, self.tanh, self.sqrt, self.sum = torch.exp, torch.log, torch.tanh, torch.sqrt, torch.sum
        self.power, self.sigmoid, self.xlogy = torch.pow, torch.sigmoid, torch.special.xlogy

    def cross_entropy(self, z: Any, t: Any) -> Any:
        return self.torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="sum")

    def logsumexp(self, x: Any) -> Any:
        return self.torch.logsumexp(x, -1)

    def log_softmax(self, x: Any) -> Any:
        return self.torch.log_softmax(x, -1)

    def norm(self, x: Any) -> Any:
        return self.torch.linalg.norm(x, dim=-1)

    def logdet(self, x: Any) -> Any:
        return self.torch.linalg.slogdet(x)[1]

    def value_and_gradient(self, loss: Any, inputs: dict[str, Any], parameters: list[str]) -> tuple[Any, list[Any]]:
        given = {name: self.torch.tensor(value, requires_grad=name in parameters) for name, value in inputs.items()}
        value = loss(self, **given)
        leaves = [given[name] for name in parameters]
        slopes = (
            self.torch.autograd.grad(value, leaves, allow_unused=True) if value.requires_grad else [None] * len(leaves)
        )
        filled = [
            np.zeros(leaf.shape) if slope is None else slope.numpy() for slope, leaf in zip(slopes, leaves, strict=True)
        ]
        return value.detach().numpy(), filled
