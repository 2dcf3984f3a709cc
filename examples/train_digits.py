"""The network of handwritten digits, trained by Adam on batches that its module draws: `python train_digits.py`.

The loss is a mean over pictures with a penalty beside it, so that the gradient for a batch is an estimate without bias
of that for all pictures, by itself. Needs scikit-learn for the pictures: pip install -e '.[examples]'.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from digits import HIDDEN, PENALTY, Digits, accuracy, initial, penalised
from multilayer import network
from training import adam

EPOCHS, BATCH, RATE = 30, 64, 0.003


def train(epochs: int = EPOCHS, seed: int = 0) -> tuple[list[float], float]:
    """The loss for all pictures after each pass over them, and the share of held-out pictures that are told right."""
    rng = np.random.default_rng(seed)
    digits = Digits.load(rng)
    module = penalised(network(2)).compile(chunks=True)
    data = {"X": digits.X, "T": digits.T, "lam": PENALTY}
    parameters: dict[str, Any] = dict(zip(module.PARAMETERS, initial([64, HIDDEN, 10], rng), strict=True))
    losses = []

    def batches() -> Iterator[dict[str, Any]]:
        for epoch in range(epochs):
            yield from module.batches(data, BATCH, seed=epoch)
            losses.append(float(module.value(**parameters, **data)))
            print(f"pass {epoch + 1}: loss {losses[-1]:.4f}", flush=True)

    steps = epochs * -(-len(digits.X) // BATCH)
    for _ in adam(module, parameters, batches(), RATE, steps):
        pass
    return losses, accuracy(list(parameters.values()), digits.held_out_X, digits.held_out_T)


if __name__ == "__main__":
    print(f"{train()[1]:.1%} of the held-out pictures are told right")
