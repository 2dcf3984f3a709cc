"""Batches of rows: modules of all targets draw the same ones, from arrays of their library, and say what has none."""

from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Sum, log, symbols

from symgrad import Model, softplus
from tests.targets.agreement import modules

N, M = symbols("N M", integer=True, positive=True)
n, j = symbols("n j", integer=True)
X, y, w, g = (
    IndexedBase("X", (N, M)),
    IndexedBase("y", (N,)),
    IndexedBase("w", (M,)),
    IndexedBase("g", (N,), integer=True),
)
lam = symbols("lam", positive=True)
SCORE = Sum(X[n, j] * w[j], (j, 0, M - 1))
ROWS = Sum(softplus(SCORE) - y[n] * SCORE + g[n] * SCORE**2, (n, 0, N - 1))
MODEL = Model(ROWS / N + lam * Sum(w[j] ** 2, (j, 0, M - 1)), [w], name="rows")
DATA = {
    "X": np.random.default_rng(0).normal(size=(11, 3)),
    "y": np.arange(11) % 2,
    "g": np.arange(11),
    "lam": 0.1,
}


@pytest.fixture(params=["jax", "torch"])
def library(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


def test_batches_are_those_of_numpy_and_estimates_without_bias(library: str) -> None:
    ordinary = MODEL.compile(check=False, chunks=True)
    module = modules(MODEL, library)[1]
    assert module.ROWS == "N" and "`batches` draws some of these at a time" in " ".join(module.__doc__.split())
    wanted = list(ordinary.batches(DATA, 4, 7))
    for given in (DATA, _of_library(library, DATA)):
        found = list(module.batches(given, 4, 7))
        assert [len(one["X"]) for one in found] == [4, 4, 3]
        for one, other in zip(found, wanted, strict=True):
            for name in DATA:
                np.testing.assert_allclose(np.asarray(one[name]), np.asarray(other[name]), rtol=1e-6)
    start = np.ones(3)
    even = {name: one[:8] if np.ndim(one) else one for name, one in DATA.items()}
    slopes = [np.asarray(module.gradient(start, **one).w) for one in module.batches(even, 4, 1)]
    np.testing.assert_allclose(np.mean(slopes, axis=0), np.asarray(module.gradient(start, **even).w), rtol=1e-5)


def _of_library(library: str, data: dict[str, Any]) -> dict[str, Any]:
    if library == "torch":
        import torch

        return {name: torch.as_tensor(one) if np.ndim(one) else one for name, one in data.items()}
    import jax

    return {name: jax.numpy.asarray(one) if np.ndim(one) else one for name, one in data.items()}


def test_what_fits_no_batch_is_an_error(library: str) -> None:
    module = modules(MODEL, library)[1]
    for size in (0, -1, 1.5, True, "4"):
        with pytest.raises(ValueError, match="size: expected a number of rows of at least 1"):
            module.batches(DATA, size, 0)
    for change, error in (
        ({"y": DATA["y"][1:]}, "a chunk has arrays of as many rows each, got .*'y': 10"),
        ({"z": DATA["y"]}, "a chunk has the data with rows, X, g, y: 'z' has no rows"),
        ({"y": 1.0}, "a chunk has arrays of as many rows each, got .*'y': None"),
    ):
        with pytest.raises(ValueError, match=error):
            module.batches({**DATA, **change}, 4, 0)
    with pytest.raises(ValueError, match="'g' is missing"):
        module.batches({name: one for name, one in DATA.items() if name != "g"}, 4, 0)


def test_a_model_whose_loss_is_no_sum_over_rows_has_none(library: str) -> None:
    tied = Model(log(1 + ROWS**2) + Sum(n * y[n] * w[0], (n, 0, N - 1)), [w], name="tied")
    module = tied.compile(check=False, target=library)
    assert "batches" not in vars(module)
    with pytest.raises(AttributeError, match="its loss is no sum over rows of data"):
        module.batches(DATA, 4, 0)
