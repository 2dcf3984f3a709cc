"""The example models in JAX are those in NumPy; the module of one reads as an expert would write it."""

from pathlib import Path

import numpy as np
import pytest

from tests.families import one_in

jax = pytest.importorskip("jax")

from .comparison import SINGLE, compare, example, modules  # noqa: E402

# Eagerly a few seconds each; `comparison.py` compares all.
QUICK = (
    "factorisation.py",
    "graph.py",
    "logistic.py",
    "logistic.py:likelihood",
    "logistic.py:log_likelihood",
    "ridge.py",
    "sigmoid_derivative.py",
    "poisson.py",
    "attention.py",
)
GOLDEN = Path(__file__).with_name("logistic.txt")


@pytest.mark.parametrize("reference", one_in(7, QUICK))
def test_an_example_in_jax_is_that_in_numpy(reference: str) -> None:
    compare(reference, SINGLE)


def test_the_module_of_logistic_regression_is_the_golden_one() -> None:
    """Made by `Model.source(target="jax", hvp=True)`; read it before it is replaced."""
    source = example("logistic.py").source(target="jax", hvp=True)
    assert source == GOLDEN.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 320


def test_functions_work_under_jit_and_vmap_without_double_precision() -> None:
    numpy, logistic = modules(example("logistic.py"))
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(7, 3)), rng.integers(0, 2, size=7)
    W = rng.normal(size=(4, 3)).astype(np.float32)
    wanted = [numpy.value_and_gradient(w.astype(np.float64), X, t) for w in W]
    with jax.enable_x64(False):
        compiled = jax.jit(logistic.value_and_gradient)
        loss, slope = jax.vmap(compiled, in_axes=(0, None, None))(W, X, t)
        alone = compiled(W[0], X, t)
    assert loss.dtype == slope.w.dtype == np.float32
    np.testing.assert_allclose(loss, [value for value, _ in wanted], rtol=1e-5)
    np.testing.assert_allclose(slope.w, [gradient.w for _, gradient in wanted], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone[1].w, slope.w[0], rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_jax_itself() -> None:
    _, logistic = modules(example("logistic.py"))
    rng = np.random.default_rng(1)
    w, X, t = rng.normal(size=3), rng.normal(size=(7, 3)), rng.integers(0, 2, size=7)
    with jax.enable_x64(True):
        parameters = logistic.Parameters(w)
        wanted = jax.jit(jax.grad(lambda parameters: logistic.value(*parameters, X, t)))(parameters)
        np.testing.assert_allclose(jax.jit(logistic.gradient)(*parameters, X, t).w, wanted.w, rtol=1e-12)
