"""The words that losses are written in, in each peer's own best spelling."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np


class Namespace:
    """What NumPy, JAX and autograd spell alike; a peer overrides what it has a better word for.

    Softmax and its logarithm are over the last axis. `@`, `+`, `*`, subscripts and `reshape` every peer has itself.
    """

    def __init__(self, numpy: ModuleType) -> None:
        self.numpy = numpy
        self.exp, self.tanh, self.sum = numpy.exp, numpy.tanh, numpy.sum
        self.log, self.sin, self.cos, self.roll = numpy.log, numpy.sin, numpy.cos, numpy.roll

    def swap(self, x: Any) -> Any:
        """The last two axes exchanged."""
        return self.numpy.swapaxes(x, -1, -2)

    def side(self, x: Any, axis: int) -> int:
        return int(x.shape[axis])

    def strictly_lower(self, x: Any) -> Any:
        return self.numpy.tril(x, -1)

    def softplus(self, x: Any) -> Any:
        return self.numpy.logaddexp(0.0, x)

    def sigmoid(self, x: Any) -> Any:
        return 0.5 * (self.numpy.tanh(0.5 * x) + 1)

    def relu(self, x: Any) -> Any:
        return self.numpy.maximum(x, 0)

    def logsumexp(self, x: Any, axis: int) -> Any:
        raise NotImplementedError

    def softmax(self, x: Any) -> Any:
        return self.exp(self.log_softmax(x))

    def log_softmax(self, x: Any) -> Any:
        raise NotImplementedError

    def gammaln(self, x: Any) -> Any:
        raise NotImplementedError

    def convolve(self, x: Any, w: Any) -> Any:
        """Σ x[n, c, i+p, j+q] w[o, c, p, q] as [n, o, i, j]."""
        high, wide = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
        return sum(
            self.numpy.einsum("ncij,oc->noij", x[:, :, p : p + high, q : q + wide], w[:, :, p, q])
            for p in range(w.shape[2])
            for q in range(w.shape[3])
        )

    def max_pool(self, x: Any) -> Any:
        """The maxima of 2×2 blocks."""
        n, c, high, wide = x.shape
        return self.numpy.max(x.reshape((n, c, high // 2, 2, wide // 2, 2)), axis=(3, 5))

    def scan(self, step: Callable[..., Any], entries: Any, carry: Any, *constants: Any) -> Any:
        """The last carry of `carry = step(entry, *carry, *constants)` over the entries."""
        for place in range(entries.shape[0]):
            carry = step(entries[place], *carry, *constants)
        return carry


class AutogradNamespace(Namespace):
    def __init__(self) -> None:
        import autograd.numpy
        import autograd.scipy.special

        super().__init__(autograd.numpy)
        self._logsumexp = autograd.scipy.special.logsumexp
        self.gammaln = autograd.scipy.special.gammaln  # type: ignore[method-assign]

    def logsumexp(self, x: Any, axis: int) -> Any:
        return self._logsumexp(x, axis=axis)

    def log_softmax(self, x: Any) -> Any:
        return x - self._logsumexp(x, axis=-1, keepdims=True)


class JaxNamespace(Namespace):
    def __init__(self) -> None:
        import jax
        import jax.scipy.special

        super().__init__(jax.numpy)
        self.jax = jax
        nn = jax.nn
        self.softplus, self.sigmoid, self.relu = nn.softplus, nn.sigmoid, nn.relu  # type: ignore[method-assign]
        self.softmax, self.log_softmax = nn.softmax, nn.log_softmax  # type: ignore[method-assign]
        self.gammaln = jax.scipy.special.gammaln  # type: ignore[method-assign]

    def logsumexp(self, x: Any, axis: int) -> Any:
        return self.jax.nn.logsumexp(x, axis=axis)

    def convolve(self, x: Any, w: Any) -> Any:
        return self.jax.lax.conv_general_dilated(x, w, (1, 1), "VALID")

    def scan(self, step: Callable[..., Any], entries: Any, carry: Any, *constants: Any) -> Any:
        last, _ = self.jax.lax.scan(lambda state, entry: (step(entry, *state, *constants), None), carry, entries)
        return last


class TorchNamespace(Namespace):
    def __init__(self) -> None:
        import torch

        super().__init__(torch)  # type: ignore[arg-type]
        self.functional = torch.nn.functional
        self.sigmoid, self.relu = torch.sigmoid, torch.relu  # type: ignore[method-assign]
        self.gammaln = torch.lgamma  # type: ignore[method-assign]

    def softplus(self, x: Any) -> Any:
        return -self.functional.logsigmoid(-x)  # torch's own softplus is inexact beyond its threshold

    def logsumexp(self, x: Any, axis: int) -> Any:
        return self.numpy.logsumexp(x, axis)

    def softmax(self, x: Any) -> Any:
        return self.numpy.softmax(x, -1)

    def log_softmax(self, x: Any) -> Any:
        return self.numpy.log_softmax(x, -1)

    def convolve(self, x: Any, w: Any) -> Any:
        return self.functional.conv2d(x, w)

    def max_pool(self, x: Any) -> Any:
        return self.functional.max_pool2d(x, 2)


class PytensorNamespace(Namespace):
    def __init__(self) -> None:
        import pytensor
        import pytensor.tensor
        import pytensor.tensor.special

        super().__init__(pytensor.tensor)
        self.pytensor = pytensor
        self.special = pytensor.tensor.special
        self.softplus, self.sigmoid = self.numpy.softplus, self.numpy.sigmoid  # type: ignore[method-assign]
        self.gammaln = self.numpy.gammaln  # type: ignore[method-assign]

    def swap(self, x: Any) -> Any:
        return self.numpy.swapaxes(x, x.ndim - 1, x.ndim - 2)

    def side(self, x: Any, axis: int) -> int:
        return int(x.type.shape[axis])  # a symbolic size is an int64, which would make float32 arrays float64

    def strictly_lower(self, x: Any) -> Any:
        return x * np.tri(self.side(x, 1), k=-1, dtype=x.dtype)

    def logsumexp(self, x: Any, axis: int) -> Any:
        return self.numpy.logsumexp(x, axis)

    def softmax(self, x: Any) -> Any:
        return self.special.softmax(x, axis=-1)

    def log_softmax(self, x: Any) -> Any:
        return self.special.log_softmax(x, axis=-1)

    def convolve(self, x: Any, w: Any) -> Any:
        raise NotImplementedError("no convolution over batches and channels")

    def scan(self, step: Callable[..., Any], entries: Any, carry: Any, *constants: Any) -> Any:
        states = self.pytensor.scan(
            step, sequences=[entries], outputs_info=list(carry), non_sequences=list(constants), return_updates=False
        )
        return [state[-1] for state in states]
