"""The network of handwritten digits, trained by Adam on batches that its module draws: `python train_digits.py`.

`--target` says what the module is written in, and with it who steps: optax beside JAX, `torch.optim` beside PyTorch,
and the loop of `training.py` beside NumPy and Numba. Batches are the same, and so are the losses, but for rounding. The
loss is a mean over pictures with a penalty beside it, so that the gradient for a batch is an estimate without bias of
that for all pictures, by itself. `pip install -e '.[train]'` installs what it needs for all targets.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from digits import HIDDEN, PENALTY, Digits, accuracy, initial, penalised
from multilayer import network
from training import adam

EPOCHS, BATCH, RATE = 30, 64, 0.003

Arrays = dict[str, Any]


def compiled(target: str) -> Any:
    """The module of the network; those for NumPy's arrays draw batches if they take chunks of rows, too."""
    model = penalised(network(2))
    return model.compile(target=target, chunks=target in ("numpy", "numba"))


def by_numpy(module: Any, parameters: Arrays, batches: Iterator[Arrays], steps: int) -> Iterator[Arrays]:
    """The parameters after each step, by Adam as it is written down in `training.py`."""
    for _ in adam(module, parameters, batches, RATE, steps):
        yield parameters


def by_optax(module: Any, parameters: Arrays, batches: Iterator[Arrays], steps: int) -> Iterator[Arrays]:
    """The same by optax, in steps that JAX compiles, in double precision."""
    import jax
    import optax

    method = optax.adam(lambda done: RATE * (1 - (done + 1) / steps))

    @jax.jit
    def step(moving: Any, state: Any, data: Arrays) -> Any:
        changes, state = method.update(module.gradient(**moving, **data)._asdict(), state)
        return optax.apply_updates(moving, changes), state

    with jax.enable_x64(True):
        moving: Any = {name: jax.numpy.asarray(one) for name, one in parameters.items()}
        state = method.init(moving)
        for data in batches:
            moving, state = step(moving, state, data)
            yield moving


def by_torch(module: Any, parameters: Arrays, batches: Iterator[Arrays], steps: int) -> Iterator[Arrays]:
    """The same by `torch.optim`, which is given the gradients of the module."""
    import torch

    moving = {name: torch.nn.Parameter(torch.tensor(one)) for name, one in parameters.items()}
    method = torch.optim.Adam(moving.values(), lr=RATE)
    slower = torch.optim.lr_scheduler.LambdaLR(method, lambda done: 1 - (done + 1) / steps)
    for data in batches:
        with torch.no_grad():
            slopes = module.gradient(**moving, **data)._asdict()
        for name, one in moving.items():
            one.grad = slopes[name]
        method.step()
        slower.step()
        yield {name: one.detach() for name, one in moving.items()}


METHODS = {"numpy": by_numpy, "numba": by_numpy, "jax": by_optax, "torch": by_torch}


def train(target: str = "numpy", epochs: int = EPOCHS, seed: int = 0) -> tuple[list[float], float]:
    """The loss for all pictures after each pass over them, and the share of held-out pictures that are told right."""
    rng = np.random.default_rng(seed)
    digits, module = Digits.load(rng), compiled(target)
    data = {"X": digits.X, "T": digits.T, "lam": PENALTY}
    start = dict(zip(module.PARAMETERS, initial([64, HIDDEN, 10], rng), strict=True))
    each = -(-len(digits.X) // BATCH)
    batches = (batch for epoch in range(epochs) for batch in module.batches(data, BATCH, seed=epoch))
    losses = []
    for number, moved in enumerate(METHODS[target](module, start, batches, epochs * each), start=1):
        if number % each == 0:
            losses.append(float(module.value(**moved, **data)))
            print(f"pass {number // each}: loss {losses[-1]:.4f}", flush=True)
    return losses, accuracy(
        [np.asarray(moved[name]) for name in module.PARAMETERS], digits.held_out_X, digits.held_out_T
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--target", choices=METHODS, default="numpy")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    print(f"{train(given.target, given.epochs)[1]:.1%} of the held-out pictures are told right")


if __name__ == "__main__":
    main()
