"""Products and sums in cheaper forms: what the generated code multiplies and adds up."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Rational, Sum, log, symbols

from symgrad import Model, softmax

N, M, K, D = symbols("N M K D", integer=True, positive=True)
n, j, k, d, e = symbols("n j k d e", integer=True)


def array(name, *shape):
    return IndexedBase(name, shape=shape)


def classifier(facts):
    X, t, W, p = array("X", N, M), array("t", N, K), array("W", M, K), array("p", N, K)
    logits = Sum(X[n, j] * W[j, k], (j, 0, M - 1))
    loss = -Sum(t[n, k] * log(p[n, k]), (k, 0, K - 1), (n, 0, N - 1))
    stated = [Eq(Sum(t[n, k], (k, 0, K - 1)), 1)] if facts else []
    return Model(loss, [W], where=[Eq(p[n, k], softmax(logits, (k, 0, K - 1)))], facts=stated)


def test_cross_entropy_of_rows_that_sum_to_one_needs_no_array_of_logarithms():
    assert "_log_total(exp_shifted, sum_exp_shifted, axis=0).sum()" in classifier(facts=True).source()
    assert "_log_total(exp_shifted, sum_exp_shifted, axis=0).sum()" not in classifier(facts=False).source()
    rng = np.random.default_rng(0)
    t = rng.uniform(size=(5, 3))
    arrays = {"W": 1e4 * rng.normal(size=(4, 3)), "X": rng.normal(size=(5, 4)), "t": t / t.sum(axis=1, keepdims=True)}
    found, expected = (classifier(facts).compile(check=False).value(**arrays) for facts in (True, False))
    assert found == pytest.approx(expected, rel=1e-14)


def distances(weight):
    """Σ_nk w (Σ_d L[k,d,e] (x[n,e] - m[k,e]))², whose adjoint by the difference is needed for its sum over n only."""
    x, m, L, c, y = array("x", N, D), array("m", K, D), array("L", K, D, D), array("c", K, N, D), array("y", K, N, D)
    where = [
        Eq(c[k, n, d], x[n, d] - m[k, d]),
        Eq(y[k, n, d], Sum(L[k, d, e] * c[k, n, e], (e, 0, D - 1))),
    ]
    loss = weight * Sum(y[k, n, d] ** 4, (d, 0, D - 1), (n, 0, N - 1), (k, 0, K - 1))
    return Model(loss, [m], where=where)


def test_what_is_needed_for_its_sum_only_is_summed_before_it_is_multiplied():
    model = distances(Rational(1, 3))
    assert "d_c" not in model.source().split("def value(")[1]
    assert model.check().ok


def test_short_axes_are_summed_by_products():
    c, x = array("c", K, N, D), array("x", K, N)
    loss = Sum(x[k, n] * Sum(c[k, n, d] ** 3, (d, 0, D - 1)) ** 2, (n, 0, N - 1), (k, 0, K - 1))
    model = Model(loss, [c, x])
    assert "@ np.ones(D, dtype=c.dtype)" in model.source()
    module = model.compile()
    for dtype in (np.float32, np.float64):
        rng = np.random.default_rng(1)
        arrays = {"c": rng.normal(size=(2, 3, 4)).astype(dtype), "x": rng.normal(size=(2, 3)).astype(dtype)}
        loss, gradient = module.value_and_gradient(**arrays)
        assert loss.dtype == gradient.c.dtype == gradient.x.dtype == dtype
        np.testing.assert_allclose(gradient.x, (arrays["c"] ** 3).sum(axis=2) ** 2, rtol=1e-5)
