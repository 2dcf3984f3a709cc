"""Conditions on indices beside products of arrays that lack some of them: no array over all indices is made."""

import tracemalloc

import numpy as np
import pytest
from sympy import IndexedBase, Sum, log, symbols

from symgrad import Model, if_else

N, K, D = symbols("N K D", integer=True, positive=True)
i, j, k, d = symbols("i j k d", integer=True)
q, key, v = IndexedBase("q", shape=(N, K)), IndexedBase("key", shape=(N, K)), IndexedBase("v", shape=(N, D))


def attention(summand, *over):
    return Model(Sum(Sum(summand, *over, (k, 0, K - 1)) ** 2, (i, 0, N - 1), (d, 0, D - 1)), [q, v])


MODELS = {
    "range": lambda: attention(q[i, k] * key[j, k] * v[j, d], (j, 0, i)),
    "condition": lambda: attention(if_else(j < i, q[i, k] * key[j, k] * v[j, d], 0), (j, 0, N - 1)),
    "where it does not hold": lambda: attention(if_else(j < i, 0, q[i, k] * key[j, k] * v[j, d]), (j, 0, N - 1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_products_are_of_two_arrays_at_a_time(name):
    model = MODELS[name]()
    assert model.check().ok
    module = model.compile(check=False)
    n, rng = 60, np.random.default_rng(0)
    given = {"q": rng.normal(size=(n, 20)), "key": rng.normal(size=(n, 20)), "v": rng.normal(size=(n, 20))}
    mask = {"range": np.tri(n), "condition": np.tri(n, k=-1), "where it does not hold": 1 - np.tri(n, k=-1)}[name]
    scores = given["q"] @ given["key"].T * mask
    tracemalloc.start()
    value, gradient = module.value_and_gradient(**given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 8 * n * n
    out = scores @ given["v"]
    assert value == pytest.approx(np.sum(out**2), rel=1e-12)
    np.testing.assert_allclose(gradient.v, 2 * scores.T @ out, rtol=1e-10)
    np.testing.assert_allclose(gradient.q, 2 * (mask * (out @ given["v"].T)) @ given["key"], rtol=1e-10)


def test_what_is_not_finite_stays_under_its_condition():
    loss = Sum(
        if_else(j < i, log(q[i, k] - q[j, k]) * v[j, d], 0), (i, 0, N - 1), (j, 0, N - 1), (k, 0, K - 1), (d, 0, D - 1)
    )
    model = Model(loss, [q])
    rising = np.arange(4.0)[:, None] + np.zeros((4, 3))
    with np.errstate(all="raise"):
        value, gradient = model.compile(check=False).value_and_gradient(q=rising, v=np.ones((4, 2)))
    assert np.isfinite(value) and np.isfinite(gradient.q).all()
