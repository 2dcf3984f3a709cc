"""Functions of products, differences and powers of several arguments: their value, gradient and Hessian keep digits."""

from itertools import product

import mpmath as mp
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, cos, coth, exp, log, sinh, symbols, tanh

from symgrad import Model, if_else, sigmoid
from tests.families import one_in

from .grid import errors

a, b, t, x, y = symbols("a b t x y", positive=True)
u, v = symbols("u v", real=True)
e = mp.exp

# name: the formula, its parameters, the same with mpmath, values of every argument
MODELS = {
    "Hawkes": (
        a / b * (1 - exp(-b * t)),
        [a, b, t],
        lambda a, b, t: a / b * (1 - e(-b * t)),
        {"a": (0.7,), "b": (1e-12, 1e-5, 0.3, 50.0), "t": (1e-8, 0.4, 3.0, 30.0)},
    ),
    "Box-Cox": (
        (x**a - 1) / a,
        [x, a],
        lambda x, a: (x**a - 1) / a,
        {"x": (0.1, 0.999, 2.0, 1e5), "a": (1e-300, 1e-8, 0.01, 1.0, 5.0)},
    ),
    "Yeo-Johnson": (
        -((1 - u) ** (2 - a) - 1) / (2 - a),
        [a],
        lambda u, a: -((1 - u) ** (2 - a) - 1) / (2 - a),
        {"u": (-1e-9, -0.5, -30.0), "a": (1.999999999, 0.5, 3.0)},
    ),
    "Bateman": (
        (exp(-a * t) - exp(-b * t)) / (b - a),
        [a, b, t],
        lambda a, b, t: (e(-a * t) - e(-b * t)) / (b - a),
        {"a": (1.0, 3.0), "b": (1.0000001, 2.0, 70.0), "t": (1e-9, 0.5, 2.0)},
    ),
    "Gompertz": (
        b * t + log(b) - b / a * (exp(a * t) - 1),
        [a, b],
        lambda a, b, t: b * t + mp.log(b) - b / a * (e(a * t) - 1),
        {"a": (1e-12, 1e-6, 0.1, 3.0), "b": (0.4,), "t": (1e-6, 1.0, 20.0)},
    ),
    "Weibull": (
        log(1 - exp(-((t / b) ** a))),
        [a, b],
        lambda a, b, t: mp.log(1 - e(-((t / b) ** a))),
        {"a": (0.5, 1.0, 2.5), "b": (0.7,), "t": (1e-300, 1e-200, 1e-5, 0.5, 2.0, 10.0)},
    ),
    "complementary log-log": (
        log(1 - exp(-exp(u))),
        [u],
        lambda u: mp.log(1 - e(-e(u))),
        {"u": (-800.0, -50.0, -1.0, 0.3, 4.0, 6.0)},
    ),
    "difference under a logarithm": (
        log(exp(u) - exp(v)),
        [u, v],
        lambda u, v: mp.log(e(u) - e(v)),
        {"u": (1000.0, 3.0, 1e-9, -800.0), "v": (999.0, 2.9999, -1e-9, -1000.0, 0.0)},
    ),
    "difference of sigmoids": (
        sigmoid(u) - sigmoid(v),
        [u, v],
        lambda u, v: 1 / (1 + e(-u)) - 1 / (1 + e(-v)),
        {"u": (1000.0, 3.0, 1e-9, -800.0), "v": (999.0, 2.9999, -1e-9, -1000.0, 0.0)},
    ),
    "graded response": (
        log(sigmoid(u) - sigmoid(v)),
        [u, v],
        lambda u, v: mp.log(1 / (1 + e(-u)) - 1 / (1 + e(-v))),
        {"u": (1000.0, 50.0, 3.0, 1e-9, -800.0), "v": (999.0, 2.9999, -1e-9, -50.0, -1000.0)},
    ),
    "difference of exponentials": (
        exp(u) - exp(v),
        [u, v],
        lambda u, v: e(u) - e(v),
        {"u": (700.0, 1e-9, -300.0), "v": (699.0, 2e-9, 3.0, -2000.0)},
    ),
    "mean of a truncated exponential": (
        1 / x - y / (exp(x * y) - 1),
        [x, y],
        lambda x, y: 1 / x - y / (e(x * y) - 1),
        {"x": (1e-9, 1.0, 30.0), "y": (1e-9, 1.0, 30.0)},
    ),
    "slope of a yield curve": (
        (1 - exp(-b * t)) / (b * t) - exp(-b * t),
        [b, t],
        lambda b, t: (1 - e(-b * t)) / (b * t) - e(-b * t),
        {"b": (1e-9, 1.0, 30.0), "t": (1e-3, 2.0)},
    ),
    "von Mises and Fisher": (
        x * u - log(sinh(x) / x),
        [x],
        lambda x, u: x * u - mp.log(mp.sinh(x) / x),
        {"x": (1e-9, 1.0, 30.0, 800.0), "u": (0.3,)},
    ),
    "saturation": (
        tanh(x * y) / x,
        [x, y],
        lambda x, y: mp.tanh(x * y) / x,
        {"x": (1e-9, 1.0, 30.0), "y": (1e-9, 1.0, 30.0)},
    ),
    "paramagnet": (
        log(coth(x) - 1 / x),
        [x],
        lambda x: mp.log(mp.coth(x) - 1 / x),
        {"x": (1e-100, 1e-5, 1.0, 30.0, 800.0)},
    ),
}


@pytest.mark.parametrize("name", one_in(12, MODELS))
def test_value_gradient_and_hessian_keep_their_digits(name):
    formula, parameters, truth, values = MODELS[name]
    model = Model(formula, parameters)
    module = model.compile(check=False, hessian=True)
    for point in product(*values.values()):
        found = errors(model, truth, dict(zip(values, point, strict=True)), module)
        assert not any(wrong > 1e-12 for wrong in found.values()), (point, found)


N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
eta, hit, p = (IndexedBase(name, shape=(N,)) for name in ("eta", "hit", "p"))


def test_complementary_log_log_by_a_name():
    loss = -Sum(hit[n] * log(p[n]) + (1 - hit[n]) * log(1 - p[n]), (n, 0, N - 1))
    model = Model(loss, [eta], where=[Eq(p[n], 1 - exp(-exp(eta[n])))])
    at = np.array([4.0, -40.0, -40.0, -800.0, 1.0])
    value, gradient = model.compile(check=False).value_and_gradient(at, np.array([1.0, 1.0, 0.0, 1.0, 0.25]))
    with mp.workdps(400):
        rates = [e(mp.mpf(one)) for one in at]
        logs = [mp.log(1 - e(-rate)) for rate in rates]
        slopes = [rate / (e(rate) - 1) for rate in rates]
        wanted = -(logs[0] + logs[1] - rates[2] + logs[3] + logs[4] / 4 - rates[4] * 3 / 4)
        right = [-slopes[0], -slopes[1], rates[2], -slopes[3], rates[4] * 3 / 4 - slopes[4] / 4]
    assert float(abs(value / wanted - 1)) < 1e-15
    np.testing.assert_allclose(gradient.eta, [float(slope) for slope in right], rtol=1e-14)


def test_graded_answers_by_a_condition():
    above = if_else(hit[n] > 0, sigmoid(u - v), 1)
    below = if_else(hit[n] < 2, sigmoid(u - v - a), 0)
    module = Model(-Sum(log(above - below), (n, 0, N - 1)), [u, a]).compile(check=False)
    grades = np.array([0.0, 1.0, 2.0])
    for width in (1e-9, 1.0, 50.0):
        for ability in (-700.0, -20.0, 0.3, 40.0, 800.0):
            with np.errstate(all="raise", under="ignore"):
                value, gradient = module.value_and_gradient(u=ability, v=0.25, a=width, hit=grades)

            def truth(u, a):
                first, second = (1 / (1 + e(c - u)) for c in (mp.mpf("0.25"), mp.mpf("0.25") + a))
                return -(mp.log(1 - second) + mp.log(first - second) + mp.log(first))

            with mp.workdps(800):
                at = mp.mpf(ability), mp.mpf(width)
                wanted = [truth(*at), *(mp.diff(truth, at, order) for order in ((1, 0), (0, 1)))]
            np.testing.assert_allclose([value, *gradient], [float(w) for w in wanted], rtol=1e-12, atol=1e-12)


def test_float32_keeps_its_digits_too():
    """Within a few roundings: a cure model whose hazard hardly grows, and graded answers far apart."""
    cured = Model(-log(y + (1 - y) * exp(-b / a * (exp(a * t) - 1))), [a, b])
    graded = Model(log(sigmoid(u) - sigmoid(v)), [u, v])
    truths = (
        lambda a, b, t, y: -mp.log(y + (1 - y) * e(-b / a * (e(a * t) - 1))),
        lambda u, v: mp.log(1 / (1 + e(-u)) - 1 / (1 + e(-v))),
    )
    points = (
        [{"a": rate, "b": 0.4, "t": 1.5, "y": 0.2} for rate in (1e-7, 1e-3, 0.3)],
        [{"u": high, "v": low} for high, low in ((20.0, -20.0), (90.0, 80.0), (1.0, 0.9999), (-90.0, -95.0))],
    )
    for model, truth, at in zip((cured, graded), truths, points, strict=True):
        module = model.compile(check=False)
        for point in at:
            found = errors(model, truth, point, module, np.float32)
            assert found and max(found.values()) < 1e-6, (point, found)


BESIDE_OTHERS = {
    "linear-exponential": (
        exp(u - v) - u + v - 1 + x**2,
        [u, v, x],
        lambda u, v, x: e(u - v) - u + v - 1 + x**2,
        {"u": (1e-9, 1.0), "v": (3e-9, -2.0), "x": (1e-12, 1.0)},
    ),
    "divergence of normal distributions": (
        u - v + (exp(2 * (v - u)) - 1) / 2,
        [u, v],
        lambda u, v: u - v + (e(2 * (v - u)) - 1) / 2,
        {"u": (1e-9, 1.0), "v": (3e-9, -2.0)},
    ),
    "weighted": (
        x * exp(u) - x * u - x + v,
        [u, v, x],
        lambda u, v, x: x * e(u) - x * u - x + v,
        {"u": (1e-9, 1.0), "v": (1e-30, -2.0), "x": (0.3,)},
    ),
    "angle": (
        1 - cos(u + v) + x**2 / 2,
        [u, v, x],
        lambda u, v, x: 1 - mp.cos(u + v) + x**2 / 2,
        {"u": (1e-9, 1.0), "v": (3e-9, -2.0), "x": (1e-12, 1.0)},
    ),
    "growth": (
        exp(u) - 1 + v**2,
        [u, v],
        lambda u, v: e(u) - 1 + v**2,
        {"u": (1e-9, 1.0), "v": (1e-12, -2.0)},
    ),
}


@pytest.mark.parametrize("name", BESIDE_OTHERS)
def test_what_cancels_is_found_beside_other_terms(name):
    loss, parameters, truth, values = BESIDE_OTHERS[name]
    model = Model(loss, parameters)
    module = model.compile(check=False, hessian=True)
    for point in product(*values.values()):
        found = errors(model, truth, dict(zip(values, point, strict=True)), module)
        assert max(found.values()) < 1e-13, (point, found)
