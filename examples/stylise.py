"""Paints a photograph in another picture's style, by the gradient of the style loss with respect to the picture.

The loss is that of `style.py`, its filters random: those of a network that has seen nothing find textures, too
(Ustyuzhaninov et al. 2016). The photograph comes with scikit-learn; the style is drawn here, in coloured waves. Needs
scikit-learn, SciPy and matplotlib:

    pip install -e '.[examples]'
    python examples/stylise.py --picture stylised.png
"""

import argparse
import time
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image
from style import F1, F2, model
from training import checked, predictor, progress

FEATURES, MORE_FEATURES, FILTER = 16, 32, 5
CONTENT, STYLE = 1e-5, 2e4  # weights that leave the photograph to be recognised


def photograph(scale: int) -> np.ndarray:
    """A photograph, a number in 0 ... 1 for each colour at each place; every `scale` pixels are averaged to one."""
    pixels = load_sample_image("china.jpg")[: 424 // scale * scale, : 640 // scale * scale] / 255
    height, width, colours = pixels.shape
    blocks = pixels.reshape(height // scale, scale, width // scale, scale, colours)
    return blocks.mean(axis=(1, 3)).transpose(2, 0, 1)


def waves(height: int, width: int) -> np.ndarray:
    """A picture of coloured waves around two centres."""
    y, x = np.mgrid[:height, :width] / height
    near, far = np.hypot(y - 0.3, x - 0.4), np.hypot(y - 0.9, x - 1.2)
    phase = 40 * near + 3 * np.sin(18 * far) + 6 * y
    hues = np.array([0.0, 2.1, 4.2])[:, None, None]
    return 0.5 + 0.45 * np.sin(phase) * np.cos(2 * np.sin(9 * far) + hues)


def filters(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random filters that answer nothing to a plain colour, of variance 2/fan-in."""
    drawn = rng.normal(size=shape)
    drawn -= drawn.mean(axis=(2, 3), keepdims=True)
    return drawn * (2 / np.prod(shape[1:])) ** 0.5


def gram(features: np.ndarray) -> np.ndarray:
    """Σᵢⱼ F(·, i, j) F(·, i, j)ᵀ"""
    flat = features.reshape(len(features), -1)
    return flat @ flat.T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("stylised.png"), help="where it goes (%(default)s)")
    parser.add_argument("--scale", type=int, default=4, help="pixels of the photograph for one (%(default)s)")
    parser.add_argument("--steps", type=int, default=60, help="iterations of L-BFGS (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the filters (%(default)s)")
    options = parser.parse_args()

    began = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    content = photograph(options.scale)
    style = waves(*content.shape[1:])
    K1 = filters((FEATURES, 3, FILTER, FILTER), rng)
    K1[:3] = np.eye(3)[:, :, None, None] / FILTER**2  # three more plain means of each colour
    K2 = filters((MORE_FEATURES, FEATURES, FILTER, FILTER), rng)

    with progress() as bar:
        task = bar.add_task("deriving and checking the gradient", total=options.steps, loss="")
        module = checked(model, {"H": 2, "W": 3, "Q": 2, "L": 2, "M": 2, "S": 2})
        height, width = content.shape[1:]
        first = (FEATURES, height - FILTER + 1, width - FILTER + 1)
        second = (MORE_FEATURES, height - 2 * FILTER + 2, width - 2 * FILTER + 2)
        features = [partial(predictor(model, F.name), shape, K1=K1, K2=K2) for F, shape in ((F1, first), (F2, second))]
        A1, A2 = (gram(layer(X=style)) for layer in features)
        data = {"K1": K1, "K2": K2, "P": features[1](X=content), "A1": A1, "A2": A2, "alpha": CONTENT, "beta": STYLE}
        bar.update(task, description="painting")
        losses = []

        def step(intermediate_result) -> None:
            losses.append(intermediate_result.fun)
            bar.update(task, advance=1, loss=f"loss {losses[-1]:.4g}")

        def loss_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = module.value_and_gradient(X=vector.reshape(content.shape), **data)
            return loss, gradient.X.ravel()

        bounds = [(0, 1)] * content.size
        options_ = {"maxiter": options.steps, "ftol": 0, "gtol": 0}
        found = minimize(
            loss_and_gradient,
            content.ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=step,
            options=options_,
        )
    painted = found.x.reshape(content.shape)

    figure, cells = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    for cell, picture, title in zip(cells, (content, style, painted), ("content", "style", "stylised"), strict=True):
        cell.imshow(picture.transpose(1, 2, 0))
        cell.set_title(title)
        cell.axis("off")
    figure.savefig(options.picture, dpi=150)
    plt.close(figure)
    start = loss_and_gradient(content.ravel())[0]
    print(f"the loss fell from {start:.4g} to {found.fun:.4g}, after {time.perf_counter() - began:.0f} s")
    print(f"content, style and stylised picture: {options.picture}")


if __name__ == "__main__":
    main()
