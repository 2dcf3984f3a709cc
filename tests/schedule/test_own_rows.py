"""Rows in chunks that read a number under their own condition: one pass, and the numbers of whole arrays."""

from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import Model, if_else
from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in
from tests.runtime.test_chunks import EXAMPLES, flat, split

N, K = symbols("N K", integer=True, positive=True)
n, k = symbols("n k", integer=True)
c, u = IndexedBase("c", (N,), integer=True), IndexedBase("u", (K,))
x, Y, shown = IndexedBase("x", (N,)), IndexedBase("Y", (N, K)), IndexedBase("shown", (N, K), integer=True)
w, lam, mu = symbols("w lam mu", real=True)
OVER, EACH = (n, 0, N - 1), (k, 0, K - 1)
MODELS = {
    "a weight": Model(lam * Sum(if_else(c[n] >= 1, exp(w * x[n]), 0), OVER) / N, [w]),
    "two masks": Model(
        Sum(if_else(c[n] >= 1, lam * (x[n] - w) ** 2, 0), OVER) / N
        + Sum(if_else(c[n] < -1, mu * (x[n] - w) ** 4, 0), OVER) / N,
        [w],
    ),
    "entries": Model(lam * Sum(if_else(shown[n, k] > 0, (Y[n, k] - w * x[n]) ** 2, 0), OVER, EACH) / N, [w]),
    "an array": Model(Sum(if_else(shown[n, k] > 0, u[k] * exp(w * Y[n, k]), 0), OVER, EACH), [w]),
    "a logarithm": Model(log(lam) * Sum(if_else(c[n] > 0, (x[n] * w) ** 2, 0), OVER) / N, [w]),
    "a penalty": Model(Sum(c[n] * (x[n] - w) ** 2, OVER) / N + lam * w**2, [w]),
}


def inputs(model: Model) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    sizes = {N: 9, K: 3}
    given = {}
    for a in model.arguments:
        shape = [sizes[side] for side in a.shape]
        given[a.name] = rng.integers(-1, 3, shape) if a.integer else rng.normal(size=shape) ** 2 + 0.1
    return given


@pytest.mark.parametrize("name", one_in(2, MODELS))
def test_numbers_that_some_rows_read_are_those_of_whole_arrays(name: str) -> None:
    """Shown in all chunks, in one of them, and in none, where what is not read may be anything."""
    module = MODELS[name].compile(check=False, chunks=True, hvp=True)
    assert module.ROUNDS["value_and_gradient"] == 1
    given = inputs(MODELS[name])
    masks = [one for one in ("c", "shown") if one in given]
    for rows in (slice(0, 9), slice(0, 2), slice(5, 6), slice(0, 0)):
        made = {**given, **{one: np.zeros_like(given[one]) for one in masks}}
        for one in masks:
            made[one][rows] = given[one][rows]
        for number in (None, np.nan, np.inf):
            tried = {**made, **{one: np.full_like(given[one], number) for one in ("lam", "mu", "u") if one in given}}
            tried = made if number is None else tried
            chunks, parameters = split(module, tried, [2, 5, 9])
            with np.errstate(all="ignore"):
                wanted = flat(module.value_and_gradient(**tried))
                got = flat(module.over_chunks(chunks, **parameters))
            for one, other in zip(got, wanted, strict=True):  # of infinite numbers that are read, which is no number
                np.testing.assert_allclose(*(np.where(np.isfinite(v), v, np.nan) for v in (one, other)), rtol=1e-12)


@pytest.mark.parametrize("name", one_in(3, ["detection", "gpt", "dqn"]))
def test_examples_read_their_rows_no_more_often(name: str) -> None:
    source = load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py"))).source(chunks=True)
    assert f'"value_and_gradient": {2 if name == "gpt" else 1}' in source.partition("ROUNDS = ")[2].splitlines()[0]
