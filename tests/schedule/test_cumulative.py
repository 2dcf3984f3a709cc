"""Sums that another index ends: cumulative sums in the code, sums with these ends in the formulas."""

import tracemalloc

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase, Max, Sum, exp, log, sin, symbols

from symgrad import Model, if_else
from tests.families import one_in

jax = pytest.importorskip("jax", reason="JAX is the independent implementation (the extra `test` has it)")
jnp = jax.numpy

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k, b, c = Idx("i", N), Idx("j", N), Idx("k", N), Idx("b", M), Idx("c", K)
x, y, a, s = (IndexedBase(name, shape=(N,)) for name in "xyas")
X, S = IndexedBase("X", shape=(M, N)), IndexedBase("S", shape=(M, N))
Q, F = IndexedBase("Q", shape=(N, K)), IndexedBase("F", shape=(N, K))


def over(body, *limits):
    return Sum(body, *limits, (i, 0, N - 1))


def upto(n):
    return jnp.tril(jnp.ones((n, n)))


def before(n):
    return jnp.tril(jnp.ones((n, n)), -1)


def squares(limits):
    return Model(over((s[i] - y[i]) ** 2), [x, a], where=[Eq(s[i], Sum(a[i] * x[j] ** 2, limits))])


def squares_by(mask):
    return lambda x, a, y: jnp.sum((mask(len(x)) @ x**2 * a - y) ** 2)


CASES = {
    "up to": (squares((j, 0, i)), squares_by(upto)),
    "before": (squares((j, 0, i - 1)), squares_by(before)),
    "from": (squares((j, i, N - 1)), squares_by(lambda n: upto(n).T)),
    "after": (squares((j, i + 1, N - 1)), squares_by(lambda n: before(n).T)),
    "two before": (squares((j, 0, i - 2)), squares_by(lambda n: jnp.tril(jnp.ones((n, n)), -2))),
    "condition": (
        Model(over(y[i] * Sum(if_else(j < i, 0, sin(x[j])), (j, 0, N - 1))), [x]),
        lambda x, y: y @ upto(len(x)).T @ jnp.sin(x),
    ),
    "from one": (
        Model(Sum(y[i] * sin(Sum(x[j] ** 2, (j, 0, i))), (i, 1, N - 1)), [x]),
        lambda x, y: y[1:] @ jnp.sin(jnp.cumsum(x**2)[1:]),
    ),
    "to the last but one": (
        Model(Sum(y[i] * sin(Sum(x[j], (j, i, N - 1))), (i, 0, N - 2)), [x]),
        lambda x, y: y[:-1] @ jnp.sin((upto(len(x)).T @ x)[:-1]),
    ),
    "partial likelihood": (
        Model(-over(y[i] * (x[i] - log(Sum(exp(x[j]), (j, 0, i))))), [x]),
        lambda x, y: -y @ (x - jnp.log(jnp.cumsum(jnp.exp(x)))),
    ),
    "stack": (
        Model(over(S[b, i] ** 3, (b, 0, M - 1)), [X, a], where=[Eq(S[b, i], Sum(sin(X[b, j]) * a[j], (j, i + 1, N - 1)))]),  # noqa: E501
        lambda X, a: jnp.sum((jnp.sin(X) * a @ before(X.shape[1])) ** 3),
    ),
    "nested": (
        Model(over(y[i] * x[j] * sin(x[k]), (k, 0, j), (j, 0, i)), [x]),
        lambda x, y: y @ jnp.cumsum(x * jnp.cumsum(jnp.sin(x))),
    ),
    "further mask": (
        Model(over(sin(Sum(if_else(y[j] > 0, x[j] ** 2, 0), (j, 0, i)))), [x]),
        lambda x, y: jnp.sum(jnp.sin(jnp.cumsum(jnp.where(y > 0, x**2, 0)))),
    ),
    "quotient beside an empty sum": (
        Model(over(sin(Sum(if_else(i > 0, x[j] / i, 0), (j, 0, i - 1)))), [x]),
        lambda x: jnp.sum(jnp.sin(before(len(x)) @ x / jnp.maximum(jnp.arange(len(x)), 1))),
    ),
    "count": (
        Model(over(x[i] ** 2 * Sum(y[i], (j, i, N - 1)) / Sum(1, (j, 0, i))), [x]),
        lambda x, y: jnp.sum(x**2 * y * jnp.arange(len(x), 0, -1) / jnp.arange(1, len(x) + 1)),
    ),
    "product of rows": (
        Model(over(Sum(Q[i, c] * Sum(F[j, c], (j, 0, i)), (c, 0, K - 1)) ** 2), [Q, F]),
        lambda Q, F: jnp.sum(jnp.sum(Q * jnp.cumsum(F, axis=0), axis=1) ** 2),
    ),
}  # fmt: skip
SHAPES = {"X": ("M", "N"), "Q": ("N", "K"), "F": ("N", "K")}


def drawn(model, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return {
        argument.name: rng.normal(size=tuple(sizes[side] for side in SHAPES.get(argument.name, ("N",))))
        for argument in model.program.arguments
    }


@pytest.mark.parametrize("name", one_in(12, CASES))
def test_cumulative_sums_are_those_of_the_masks(name):
    model, expected = CASES[name]
    module = model.compile(check=False)
    for sizes in ({"N": 6, "M": 3, "K": 2}, {"N": 3, "M": 1, "K": 4}, {"N": 2, "M": 2, "K": 1}):
        arrays = drawn(model, sizes)
        value, gradient = module.value_and_gradient(**arrays)
        with jax.enable_x64(True):
            names = list(gradient._fields)
            slopes = jax.jit(jax.grad(lambda parts, given=arrays: expected(**given | parts)))(
                {p: jnp.asarray(arrays[p]) for p in names}
            )
            np.testing.assert_allclose(value, expected(**arrays), rtol=1e-9)
        for parameter in names:  # 1e-9: sums of a few terms of about one
            np.testing.assert_allclose(getattr(gradient, parameter), slopes[parameter], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_no_array_over_both_indices_is_made(name):
    model, _ = CASES[name]
    module = model.compile(check=False)
    arrays = drawn(model, {"N": 2000, "M": 2, "K": 2})
    module.value_and_gradient(**arrays)
    tracemalloc.start()
    module.value_and_gradient(**arrays)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000 * 2000  # half a byte an entry: even an array of conditions takes more
    assert "arange(N)[:, None]" not in model.source()


def test_formulas_remain_sums_with_their_ends():
    model, _ = CASES["partial likelihood"]
    shown = model.show()
    assert "∂C/∂x[i] = exp(x[i])·Σ_{j=i…N−1} y[j]/(Σ_{k=0…j} exp(x[k])) − y[i]" in shown
    assert r"\sum_{j = i}^{N-1}" in model.show("latex")
    model, _ = CASES["before"]
    assert "s[i] = Σ_{j=0…i−1} x[j]²·a[i]" in model.show()
    assert "∂C/∂x[i] = 2·if_else(i ≤ N − 2, 2·x[i]·Σ_{j=i+1…N−1} a[j]·(s[j] − y[j]), 0)" in model.show()
    model, _ = CASES["nested"]
    assert "Σ_{j=i…N−1,k=j…N−1} x[j]·y[k]" in model.show()  # the limits of k depend on j


def test_a_sum_between_two_ends_keeps_its_mask():
    model = Model(over(y[i] * Sum(x[j] ** 2, (j, Max(0, i - 2), i))), [x])
    assert "np.cumsum" not in model.source().partition("\ndef pack(")[0]
    assert model.check().ok


def test_what_depends_on_both_indices_keeps_its_mask():
    model = Model(over(Sum((x[i] - x[j]) ** 4, (j, 0, i))), [x])
    assert "np.cumsum" not in model.source().partition("\ndef pack(")[0]
    assert model.check().ok


@pytest.mark.parametrize("name", ["partial likelihood", "stack", "quotient beside an empty sum", "nested"])
def test_the_check_follows_cumulative_sums(name):
    assert CASES[name][0].check().ok


def test_the_check_knows_a_loss_that_is_zero_but_for_rounding():
    Z, w = IndexedBase("Z", shape=(N, M)), IndexedBase("w", shape=(M,))
    where = [Eq(s[i], Sum(Z[i, b] * w[b], (b, 0, M - 1)))]
    model = Model(-over(y[i] * (s[i] - log(Sum(exp(s[j]), (j, i, N - 1))))), [w], where=where)
    assert model.check().ok  # one sample: s - log(exp(s))


def test_second_derivatives_take_cumulative_sums():
    model, _ = CASES["up to"]
    source = model.source(hvp=True)
    assert "arange(N)[:, None]" not in source
    assert model.check(hvp=True).ok
