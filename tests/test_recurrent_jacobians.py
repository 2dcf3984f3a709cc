"""Jacobians and Hessians through recurrences: against JAX, by hand, and in the checks of their modules."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, KroneckerDelta, Sum, exp, sin, symbols, tanh

from symgrad import Model, if_else
from tests.families import one_in
from tests.test_far_recurrences import ALONG_A_TREE, EARLIER

jax = pytest.importorskip("jax", reason="JAX is the independent implementation (the extra `test` has it)")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

T, K = symbols("T K", integer=True, positive=True)
i, j, k, l, t = symbols("i j k l t", integer=True)  # noqa: E741
u = symbols("u", real=True)
x, w, y = (IndexedBase(name, shape=(T,)) for name in "xwy")
h, c = IndexedBase("h", shape=(T + 1, K)), IndexedBase("c", shape=(T + 1, K))
U, b, z = IndexedBase("U", shape=(K, K)), IndexedBase("b", shape=(K,)), IndexedBase("z", shape=(T, K))

step = tanh(Sum(h[t - 1, l] * U[l, k], (l, 0, K - 1)) + z[t - 1, k] + b[k])
network = Model(Sum(h[T, k] ** 2 * (k + 1), (k, 0, K - 1)), [U, b], where=[Eq(h[0, k], b[k] ** 2), Eq(h[t, k], step)])


def states(U, b, z):
    found = [b**2]
    for row in z:
        found.append(jnp.tanh(found[-1] @ U + row + b))
    return jnp.stack(found)


def loss(U, b, z):
    return jnp.sum(states(U, b, z)[-1] ** 2 * jnp.arange(1, len(b) + 1))


@pytest.mark.parametrize(("steps", "units"), one_in(6, [(4, 2), (1, 1), (3, 5)]))
def test_a_network_agrees_with_jax(steps, units):
    module = network.compile(check=False, hessian=True, jacobian=["h"])
    rng = np.random.default_rng(steps)
    given = rng.normal(size=(units, units)), rng.normal(size=units), rng.normal(size=(steps, units))
    found, right = module.jacobian_h(*given), jax.jit(jax.jacfwd(states, argnums=(0, 1)))(*given)
    np.testing.assert_allclose(found.U, right[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.b, right[1], rtol=1e-12, atol=1e-14)
    curved, bent = module.hessian(*given), jax.jit(jax.hessian(loss, argnums=(0, 1)))(*given)
    for n, p in enumerate("Ub"):
        for m, q in enumerate("Ub"):
            part = getattr(getattr(curved, p), q)
            np.testing.assert_allclose(part, bent[n][m], rtol=1e-10, atol=1e-12, err_msg=p + q)


growing = Model(x[T - 1], [u, w], where=[Eq(x[0], 1), Eq(x[t], u * x[t - 1] + w[t])])


def test_a_linear_recurrence_by_hand():
    """xₜ = u·xₜ₋₁ + wₜ from x₀ = 1: ∂xₜ/∂wₛ = uᵗ⁻ˢ for 1 ≤ s ≤ t."""
    found = growing.compile(check=False, jacobian=["x"]).jacobian_x(1.5, np.array([9.0, 0.0, 0.0, 2.0]))
    np.testing.assert_allclose(found.u, [0, 1, 3, 6.75], rtol=1e-15)
    np.testing.assert_allclose(found.w, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 1.5, 1, 0], [0, 2.25, 1.5, 1]], rtol=1e-15)


def test_the_formula_is_the_recurrence():
    label = IndexedBase("∂x/∂w", shape=(T, T))
    found = growing.jacobian(x[t], w[i])
    assert found == if_else(t >= 1, KroneckerDelta(i, t) + u * label[t - 1, i], 0)
    shown = growing.show(jacobian=["x"])
    assert "∂x/∂w[t,i] = if_else(t ≥ 1, u·∂x/∂w[t − 1, i] + δ(i, t), 0)" in shown


MODELS = {
    "base cases": lambda: (Model(x[T - 1], [u, w], where=[Eq(x[0], exp(u) * w[0]), Eq(x[t], sin(x[t - 1]) * w[t])]), x),
    "two states": lambda: (
        Model(
            Sum(h[T, k] * c[T, k], (k, 0, K - 1)), [U, b],
            where=[Eq(h[0, k], 1), Eq(c[0, k], b[k]), Eq(c[t, k], sin(h[t - 1, k]) + b[k] * c[t - 1, k]),
                   Eq(h[t, k], tanh(Sum(c[t, l] * U[l, k], (l, 0, K - 1))))],
        ),
        c,
    ),
    "what is made of it": lambda: (
        Model(Sum(y[t] ** 2, (t, 0, T - 1)), [u, w],
              where=[Eq(x[0], u), Eq(x[t], x[t - 1] * w[t]), Eq(y[t], exp(x[t]) * w[t])]),
        y,
    ),
    "backwards": lambda: (Model(x[0] ** 2, [u, w], where=[Eq(x[T - 1], u), Eq(x[t], sin(x[t + 1]) * w[t])]), x),
    "all earlier": lambda: (EARLIER["renewal"](), x),
    "vectors of all earlier": lambda: (EARLIER["vectors"](), IndexedBase("h", shape=(T, K))),
    "a tree": lambda: (ALONG_A_TREE["scalars"](), "level"),
    "a tree of matrices": lambda: (ALONG_A_TREE["matrices"](), "pose"),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_derivatives_through_a_recurrence_pass_their_check(name):
    model, quantity = MODELS[name]()
    report = model.check(hessian=True, jacobian=[quantity])
    assert report.ok, report
