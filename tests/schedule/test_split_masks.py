"""Conditions on indices beside products of arrays that lack some of them: no array over all indices is made."""

import tracemalloc

import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import LogSumExp, Model, if_else
from tests.families import one_in

N, K, D = symbols("N K D", integer=True, positive=True)
i, j, k, d, n = symbols("i j k d n", integer=True)
q, key, v = IndexedBase("q", shape=(N, K)), IndexedBase("key", shape=(N, K)), IndexedBase("v", shape=(N, D))


def attention(summand, *over):
    return Model(Sum(Sum(summand, *over, (k, 0, K - 1)) ** 2, (i, 0, N - 1), (d, 0, D - 1)), [q, v])


MODELS = {
    "range": lambda: attention(q[i, k] * key[j, k] * v[j, d], (j, 0, i)),
    "condition": lambda: attention(if_else(j < i, q[i, k] * key[j, k] * v[j, d], 0), (j, 0, N - 1)),
    "where it does not hold": lambda: attention(if_else(j < i, 0, q[i, k] * key[j, k] * v[j, d]), (j, 0, N - 1)),
}


@pytest.mark.parametrize("name", one_in(2, MODELS))
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


def triangle(spelling):
    """The likelihood of a mixture of normals whose triangular matrices are packed; y = exp(q) ∘ d + L d."""
    al, mu, q = IndexedBase("al", shape=(K,)), IndexedBase("mu", shape=(K, D)), IndexedBase("q", shape=(K, D))
    packed, x = IndexedBase("L", shape=(K, D * (D - 1) / 2)), IndexedBase("x", shape=(N, D))
    entry, away = packed[k, i * (i - 1) / 2 + j], x[n, j] - mu[k, j]
    inner = {
        "condition": Sum(if_else(i > j, entry * away, 0), (j, 0, D - 1)),
        "limits": Sum(entry * away, (j, 0, i - 1)),
        "factor": Sum(if_else(i > j, entry, 0) * away, (j, 0, D - 1)),
    }[spelling]
    y = exp(q[k, i]) * (x[n, i] - mu[k, i]) + inner
    score = al[k] + Sum(q[k, i], (i, 0, D - 1)) - Sum(y**2, (i, 0, D - 1)) / 2
    return Model(-Sum(LogSumExp(score, (k, 0, K - 1)), (n, 0, N - 1)), [al, mu, q, packed])


@pytest.mark.parametrize("spelling", ["condition", "limits"])
def test_a_packed_triangle_is_no_array_over_rows_and_both_its_indices(spelling):
    """Under the condition stays what has all its indices; the rows do without, in the value and in the gradient."""
    text = triangle(spelling).source()
    assert "[:, :, :, None]" not in text
    rng = np.random.default_rng(0)
    sides = {"al": 3, "mu": (3, 4), "q": (3, 4), "L": (3, 6), "x": (7, 4)}
    arrays = {name: rng.normal(size=side) for name, side in sides.items()}
    modules = [triangle(one).compile(check=False) for one in (spelling, "factor")]
    (loss, slope), (expected, slopes) = (module.value_and_gradient(**arrays) for module in modules)
    assert loss == pytest.approx(expected, rel=1e-13)
    for one, other in zip(slope, slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_data_that_no_position_lets_count_stay_left_out_beside_a_packed_triangle():
    """x[:, D - 1] is below no diagonal: what it holds does not matter, but beside the packed entries 0·nan would."""
    packed, x = IndexedBase("L", shape=(D * (D - 1) / 2,)), IndexedBase("x", shape=(N, D))
    y = Sum(if_else(i > j, packed[i * (i - 1) / 2 + j] * x[n, j], 0), (j, 0, D - 1))
    module = Model(Sum(y**2, (i, 0, D - 1), (n, 0, N - 1)), [packed]).compile(check=False)
    values, data = np.arange(1.0, 4.0), np.arange(1.0, 7.0).reshape(2, 3)
    expected = module.value_and_gradient(values, data)
    data[:, 2] = np.nan
    found = module.value_and_gradient(values, data)
    assert found[0] == expected[0] and (found[1].L == expected[1].L).all()
