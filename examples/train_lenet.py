"""LeNet reads handwritten digits: trained with Adam on scikit-learn's 8 × 8 pictures, a quarter of them held out.

The model is that of `lenet.py`. Needs scikit-learn and matplotlib:

    pip install -e '.[examples]'
    python examples/train_lenet.py --picture lenet.png
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from lenet import model
from sklearn.datasets import load_digits
from training import Arrays, adam, checked, predictor, progress

CHANNELS, FEATURES, HIDDEN, CLASSES = 8, 16, 64, 10
SIDE = 2  # of the features after both poolings: a quarter of a picture's
BATCH = 32
RATE = 3e-3


def initial(rng: np.random.Generator) -> Arrays:
    """Normal weights of variance 2/fan-in (He et al. 2015), and biases of zero."""
    F, G, L, K = CHANNELS, FEATURES, HIDDEN, CLASSES
    shapes = {"K1": (F, 3, 3), "K2": (G, F, 3, 3), "W1": (G, SIDE, SIDE, L), "W2": (L, K)}
    fan_in = {"K1": 9, "K2": 9 * F, "W1": G * SIDE**2, "W2": L}
    start = {name: rng.normal(0, (2 / fan_in[name]) ** 0.5, shape) for name, shape in shapes.items()}
    return start | {"b1": np.zeros(F), "b2": np.zeros(G), "c1": np.zeros(L), "c2": np.zeros(K)}


def batches(X: np.ndarray, label: np.ndarray, epochs: int, rng: np.random.Generator) -> Iterator[Arrays]:
    """All pictures in a new order each epoch, a batch at a time."""
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            yield {"X": X[rows], "label": label[rows]}


def draw(losses: list[float], X: np.ndarray, label: np.ndarray, read: np.ndarray, path: Path) -> None:
    """The loss curve, and held-out pictures with what the network reads: all that are misread first."""
    figure = plt.figure(figsize=(9, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    axes = left.subplots()
    axes.plot(range(1, len(losses) + 1), losses, linewidth=0.7)
    axes.set(xlabel="step", ylabel="cross-entropy of the batch", yscale="log")
    axes.set_title(f"LeNet: {np.mean(read == label):.1%} of held-out digits right")
    axes.grid(alpha=0.3)
    shown = np.argsort(read == label, kind="stable")[:25]
    right.suptitle("what it reads (red: misread)")
    for picture, cell in zip(shown, right.subplots(5, 5).flat, strict=False):
        cell.imshow(X[picture], cmap="gray_r")
        cell.set_title(read[picture], fontsize=9, color="black" if read[picture] == label[picture] else "red")
    for cell in right.axes:
        cell.axis("off")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("lenet.png"), help="where it goes (%(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="over the training pictures (%(default)s)")
    parser.add_argument("--pictures", type=int, default=None, help="to use of all (all of them)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the start and the batches (%(default)s)")
    options = parser.parse_args()

    began = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    bundle = load_digits()
    order = rng.permutation(len(bundle.target))[: options.pictures]
    X, label = bundle.images[order] / 16, bundle.target[order]
    quarter = len(order) // 4
    steps = options.epochs * -(-(len(order) - quarter) // BATCH)

    losses = []
    with progress() as bar:
        task = bar.add_task("deriving and checking the gradient", total=steps, loss="")
        module = checked(model, {"N": 2, "H": 1, "W": 1, "F": 2, "G": 2, "L": 2, "K": 3})
        predict = predictor(model, "probability")
        bar.update(task, description="training")
        parameters = initial(rng)
        training = batches(X[quarter:], label[quarter:], options.epochs, rng)
        for loss in adam(module, parameters, training, RATE, steps):
            losses.append(loss)
            bar.update(task, advance=1, loss=f"loss {loss:.4f}")

    read = predict((quarter, CLASSES), X=X[:quarter], **parameters).argmax(axis=1)
    accuracy = np.mean(read == label[:quarter])
    print(f"held-out accuracy {accuracy:.4f}, after {time.perf_counter() - began:.0f} s")
    draw(losses, X[:quarter], label[:quarter], read, options.picture)
    print(f"loss curve and digits: {options.picture}")


if __name__ == "__main__":
    main()
