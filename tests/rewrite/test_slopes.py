"""Slopes of saturating functions keep their digits where the functions are all but constant."""

import mpmath as mp
import numpy as np
import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, Symbol, log, symbols, tanh

from symgrad import Model, sumsq

N, D, K = symbols("N D K", integer=True, positive=True)
n, k, d = symbols("n k d", integer=True)
x = Symbol("x", real=True)
WIDE = (-20.0, 1e-9, 0.4, 37.0, 340.0)

POWERS = {
    "t": lambda t, log: t,
    "t³ − 3t": lambda t, log: t**3 - 3 * t,
    "1/(3 − t)": lambda t, log: 1 / (3 - t),
}


@pytest.mark.parametrize("name", ["t", *(pytest.param(name, marks=pytest.mark.long) for name in list(POWERS)[1:])])
def test_functions_of_tanh_have_slopes_everywhere(name):
    function = POWERS[name]
    module = Model(function(tanh(x), log), [x]).compile(check=False, hessian=True)
    with mp.workdps(400):
        for u in WIDE:
            wanted = [
                mp.diff(lambda v: function(mp.tanh(v), mp.log), u, order, h=mp.mpf(10) ** -30) for order in (1, 2)
            ]
            got = [module.gradient(u).x, module.hessian(u).x.x]
            # exp(−2u) is as wrong as u is, 2u times; four roundings beside that
            np.testing.assert_allclose(got, [float(w) for w in wanted], rtol=4e-16 * (4 + abs(u)), atol=0)


def test_a_layer_is_written_over_by_its_tanh_and_entries_are_not():
    X, W, V, Y = (
        MatrixSymbol(name, *shape) for name, shape in (("X", (N, D)), ("W", (D, K)), ("V", (K, D)), ("Y", (N, D)))
    )
    H = MatrixSymbol("H", N, K)
    network = Model(sumsq(H * V - Y), [W, V], where=[Eq(H, (X * W).applyfunc(tanh))])
    assert "1 - H ** 2" in network.source()
    w = IndexedBase("w", (N,))
    entries = Model(Sum(tanh(w[n]), (n, 0, N - 1)), [w]).compile(check=False)
    np.testing.assert_allclose(entries.gradient(np.array([20.0, -25.0])).w, 1 / np.cosh([20.0, -25.0]) ** 2, rtol=1e-14)


@pytest.mark.long
@pytest.mark.parametrize("u", [-18.5, -10.0, 0.3, 15.0])
def test_a_correlation_that_is_read_from_a_state_is_no_slope_of_a_layer(u):
    W, h, r = IndexedBase("W", (D, K)), IndexedBase("h", (N, D)), IndexedBase("r", (N, K))
    rho = r[n, k]
    p, q = IndexedBase("p", (N,)), IndexedBase("q", (N,))
    density = (p[n] ** 2 - 2 * rho * p[n] * q[n] + q[n] ** 2) / (2 * (1 - rho**2)) + log(1 - rho**2) / 2
    model = Model(
        Sum(density, (n, 0, N - 1), (k, 0, K - 1)),
        [W],
        where=[Eq(r[n, k], tanh(Sum(h[n, d] * W[d, k], (d, 0, D - 1))))],
    )
    got = model.compile(check=False).gradient(W=[[u]], h=[[1.0]], p=[0.3], q=[-0.7]).W[0, 0]

    def exact(v):
        t = mp.tanh(v)
        a, b = mp.mpf(0.3), mp.mpf(-0.7)
        return (a**2 - 2 * t * a * b + b**2) / (2 * (1 - t**2)) + mp.log(1 - t**2) / 2

    with mp.workdps(100):
        assert got == pytest.approx(float(mp.diff(exact, u)), rel=1e-12)
