"""A small GPT that learns to sort strings of digits: 3 1 4 1 5 9 > 1 1 3 4 5 9.

The model is that of `gpt.py`; the loss counts the places after the sign > only. It is trained on random strings with
Adam; then it sorts strings that it has not seen, each digit the most probable one after those before it. Needs
matplotlib:

    pip install -e '.[examples]'
    python examples/sort_digits.py --picture sort_digits.png
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from gpt import gpt
from training import Arrays, adam, checked, predictor, progress

DEPTH, FEATURES, HEADS, HIDDEN = 2, 32, 4, 64
SIGN = 10  # the token after the ten digits
TOKENS = 11
BATCH = 64
RATE = 3e-3
HELD_OUT = 200


def strings(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of digits, the sign, and the digits sorted."""
    digits = rng.integers(0, 10, (count, length))
    return np.hstack([digits, np.full((count, 1), SIGN), np.sort(digits, axis=1)])


def as_data(rows: np.ndarray) -> Arrays:
    """Tokens, what follows each, and weight one where that is part of the answer."""
    length = (rows.shape[1] - 1) // 2
    weight = np.zeros(rows.shape)[:, 1:]
    weight[:, length:] = 1
    return {"token": rows[:, :-1], "label": rows[:, 1:], "w": weight}


def initial(places: int, rng: np.random.Generator) -> Arrays:
    """Normal weights of variance 1/fan-in, small embeddings, gains of one and biases of zero."""
    M, H, D, L = FEATURES, HEADS, FEATURES // HEADS, HIDDEN
    start = {"E": rng.normal(0, 0.1, (TOKENS, M)), "P": rng.normal(0, 0.1, (places, M))}
    norms = ["", *(f"_{level}{part}" for level in range(1, DEPTH + 1) for part in "ab")]
    for name in norms:
        start |= {f"g{name}": np.ones(M), f"b{name}": np.zeros(M)}
    for level in range(1, DEPTH + 1):
        start |= {f"W{part}_{level}": rng.normal(0, M**-0.5, (M, H, D)) for part in "qkv"}
        start[f"Wo_{level}"] = rng.normal(0, M**-0.5, (H, D, M))
        start |= {f"W1_{level}": rng.normal(0, M**-0.5, (M, L)), f"b1_{level}": np.zeros(L)}
        start |= {f"W2_{level}": rng.normal(0, L**-0.5, (L, M)), f"b2_{level}": np.zeros(M)}
    return start


def batches(steps: int, length: int, rng: np.random.Generator) -> Iterator[Arrays]:
    """Random strings, new ones each time."""
    for _ in range(steps):
        yield as_data(strings(BATCH, length, rng))


def answers(predict, parameters: Arrays, questions: np.ndarray) -> np.ndarray:
    """What the model writes after the sign, a digit at a time."""
    length = questions.shape[1] - 1
    rows = np.hstack([questions, np.zeros((len(questions), length - 1), dtype=int)])
    written = []
    for place in range(length, 2 * length):
        probability = predict((*rows.shape, TOKENS), token=rows, **parameters)
        written.append(probability[:, place].argmax(axis=1))
        if place + 1 < rows.shape[1]:
            rows[:, place + 1] = written[-1]
    return np.stack(written, axis=1)


def draw(losses: list[float], shown: list[str], right: float, path: Path) -> None:
    """The loss curve, and some strings as the model sorts them."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="step", ylabel="cross-entropy of an answer's digit", yscale="log")
    axes.set_title(f"A GPT learns to sort digits: {right:.1%} of held-out strings right")
    axes.grid(alpha=0.3)
    axes.text(0.98, 0.97, "\n".join(shown), transform=axes.transAxes, ha="right", va="top", family="monospace")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("sort_digits.png"), help="of the loss (%(default)s)")
    parser.add_argument("--length", type=int, default=6, help="of a string of digits (%(default)s)")
    parser.add_argument("--steps", type=int, default=600, help="of Adam (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the strings and the start (%(default)s)")
    options = parser.parse_args()

    began = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    losses = []
    with progress() as bar:
        task = bar.add_task("deriving and checking the gradient", total=options.steps, loss="")
        model = gpt(DEPTH)
        module, predict = (
            checked(model, {"N": 2, "T": 3, "V": 3, "M": 4, "H": 2, "D": 2, "L": 3}),
            predictor(model, "p"),
        )
        bar.update(task, description="training")
        parameters = initial(2 * options.length, rng)
        for loss in adam(module, parameters, batches(options.steps, options.length, rng), RATE, options.steps):
            losses.append(loss)
            bar.update(task, advance=1, loss=f"loss {loss:.4f}")

    held_out = strings(HELD_OUT, options.length, rng)
    questions, truth = held_out[:, : options.length + 1], held_out[:, options.length + 1 :]
    written = answers(predict, parameters, questions)
    right = float(np.mean((written == truth).all(axis=1)))
    shown = [
        f"{''.join(map(str, question[:-1]))} > {''.join(map(str, answer))}"
        for question, answer in zip(questions[:5], written, strict=False)
    ]
    print("\n".join(shown))
    print(f"{right:.1%} of {HELD_OUT} held-out strings sorted right, after {time.perf_counter() - began:.0f} s")
    draw(losses, shown, right, options.picture)
    print(f"loss curve: {options.picture}")


if __name__ == "__main__":
    main()
