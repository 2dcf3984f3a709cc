"""JAX differentiates the loss of a module by the module's own gradient and the product of its Hessian."""

from typing import Any

import numpy as np
import pytest

from tests.targets.models import MODELS, RECURRENCE

jax = pytest.importorskip("jax")

from .comparison import example, modules  # noqa: E402

rng = np.random.default_rng(0)
X, t, W = rng.normal(size=(7, 3)), rng.integers(0, 2, size=7), rng.normal(size=(4, 3))


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def logistic() -> Any:
    return modules(example("logistic.py"), hvp=True, hessian=True)[1]


@pytest.mark.long
def test_first_and_second_derivatives_are_those_of_the_module(logistic: Any):
    loss = logistic.differentiable_value
    np.testing.assert_allclose(loss(W[0], X, t), logistic.value(W[0], X, t))
    np.testing.assert_allclose(jax.grad(loss)(W[0], X, t), logistic.gradient(W[0], X, t).w, rtol=1e-12)
    hessian = logistic.hessian(W[0], X).w.w
    for second in (
        jax.hessian(loss),
        jax.jit(jax.jacrev(jax.jacrev(loss))),
        jax.jit(jax.jacfwd(jax.jacfwd(loss))),
        jax.jit(jax.hessian(loss)),
    ):
        np.testing.assert_allclose(second(W[0], X, t), hessian, rtol=1e-12)
    _, product = jax.jvp(lambda w: jax.grad(loss)(w, X, t), (W[0],), (W[1],))
    np.testing.assert_allclose(product, hessian @ W[1], rtol=1e-12)


def test_the_derivatives_are_not_those_that_jax_finds_by_itself(logistic: Any, monkeypatch: pytest.MonkeyPatch):
    both, product = logistic.value_and_gradient, logistic.hessian_vector_product
    twice = lambda *given, **named: (both(*given, **named)[0], logistic.Gradient(2 * both(*given, **named)[1].w))  # noqa: E731
    monkeypatch.setattr(logistic, "value_and_gradient", twice)
    monkeypatch.setattr(logistic, "PRODUCT", lambda *given, **named: logistic.Gradient(3 * product(*given, **named).w))
    loss = logistic.differentiable_value
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(W[0], X, t), 2 * logistic.gradient(W[0], X, t).w)
    np.testing.assert_allclose(jax.jit(jax.hessian(loss))(W[0], X, t), 3 * logistic.hessian(W[0], X).w.w)


@pytest.mark.long
def test_it_works_for_many_parameters_at_once_and_under_jit(logistic: Any):
    loss = logistic.differentiable_value
    losses, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=(0, None, None)))(W, X, t)
    bends = jax.jit(jax.vmap(jax.hessian(loss), in_axes=(0, None, None)))(W, X, t)
    for k, w in enumerate(W):
        value, slope = logistic.value_and_gradient(w, X, t)
        np.testing.assert_allclose(losses[k], value)
        np.testing.assert_allclose(slopes[k], slope.w, rtol=1e-12)
        np.testing.assert_allclose(bends[k], logistic.hessian(w, X).w.w, rtol=1e-12)
    each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))(W[0], X[:, None], t[:, None])
    np.testing.assert_allclose(each.sum(0), logistic.gradient(W[0], X, t).w, rtol=1e-12)


CHECKED = {
    "a recurrence": RECURRENCE,
    "subscripts": MODELS["subscripts by data, each several times"],
    "matrices": MODELS["inverses, diagonals and Kronecker products"],
    "sums": MODELS["sums up to an index"],
}


@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.long] * (one != "sums")) for one in CHECKED])
def test_derivatives_are_those_that_jax_finds_for_the_formulas(name: str):
    model, inputs = CHECKED[name]
    module = modules(model, hvp=True)[1]
    parameters = {p: np.asarray(inputs[p], dtype=float) for p in module.PARAMETERS}
    wanted, found = ({}, {})
    for made, function in ((wanted, module.value), (found, module.differentiable_value)):
        loss = lambda given, function=function: function(**inputs | given)  # noqa: E731
        made["gradient"] = jax.jit(jax.grad(loss))(parameters)
        made["forwards"] = jax.jit(jax.hessian(loss))(parameters)
        made["backwards"] = jax.jit(jax.jacrev(jax.jacrev(loss)))(parameters)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        scale = np.max(np.abs(other), initial=1e-3)
        np.testing.assert_allclose(one / scale, other / scale, atol=1e-9)


def test_what_has_no_derivative_is_an_error_that_says_what_to_do(logistic: Any):
    for differentiated in (jax.grad, jax.jacfwd):
        with pytest.raises(TypeError, match="a derivative by X is asked for, and the module has those by w alone"):
            differentiated(logistic.differentiable_value, argnums=1)(W[0], X, t)
    first = modules(example("logistic.py"))[1]
    np.testing.assert_allclose(jax.grad(first.differentiable_value)(W[0], X, t), logistic.gradient(W[0], X, t).w)
    with pytest.raises(TypeError, match="no second derivatives: compile it with hvp=True"):
        jax.hessian(first.differentiable_value)(W[0], X, t)
