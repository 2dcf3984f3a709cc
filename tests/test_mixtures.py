"""Mixtures and marginal likelihoods that are written out, with observations far from all components, against mpmath."""

from functools import partial

import mpmath as mp
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Product, Sum, Symbol, cos, exp, factorial, log, pi, sqrt, symbols

from symgrad import Model, if_else, sigmoid, softmax
from tests.families import one_in

from .array_tails import shortfalls

N, K, D = symbols("N K D", integer=True, positive=True)
n, k, j, d = symbols("n k j d", integer=True)
rows, parts, columns = (n, 0, N - 1), (k, 0, K - 1), (d, 0, D - 1)
y, f = IndexedBase("y", (N,)), IndexedBase("f", (N, K))
m, a, b, p = (IndexedBase(name, (K,)) for name in ("m", "a", "b", "p"))
w, rate = (IndexedBase(name, (K,), positive=True) for name in ("w", "rate"))
x, theta = IndexedBase("x", (N, D)), IndexedBase("theta", (K, D))
r, s, t, scale = symbols("r s t scale", real=True)

kernel = exp(-((y[n] - m[k]) ** 2) / 2)
softmax_by_hand = exp(a[k]) / Sum(exp(a[j]), (j, 0, K - 1))
far = {"y": [0.3, -900.0, 1e5, 40.0], "m": [0.0, 1.0, -3.0], "a": [0.0, 900.0, -900.0]}


def shares(logits):
    powers = [mp.exp(v) for v in logits]
    return [power / mp.fsum(powers) for power in powers]


def logistic(v):
    return 1 / (1 + mp.exp(-v))


def gaussians(y, m, a):
    return mp.fsum(
        mp.log(mp.fsum(share * mp.exp(-((v - c) ** 2) / 2) for share, c in zip(shares(a), m, strict=True))) for v in y
    )


def named(y, m, w, scale):
    return mp.fsum(
        mp.log(
            mp.fsum(
                c * mp.exp(-(((v - u) / mp.exp(scale)) ** 2) / 2) / mp.exp(scale) / mp.sqrt(2 * mp.pi)
                for c, u in zip(w, m, strict=True)
            )
        )
        for v in y
    )


def classes(x, theta, a):
    def one(row, logits):
        return mp.fprod(logistic(v) ** u * logistic(-v) ** (1 - u) for u, v in zip(row, logits, strict=True))

    rows = [[share * one(row, logits) for share, logits in zip(shares(a), theta, strict=True)] for row in x]
    return mp.fsum(mp.log(mp.fsum(row)) for row in rows)


def poisson(y, w, rate):
    return mp.fsum(
        mp.log(mp.fsum(c * u**v * mp.exp(-u) / mp.factorial(v) for c, u in zip(w, rate, strict=True))) for v in y
    )


def binomial(y, r, s, t):
    def one(v, u):
        return logistic(u) ** v * logistic(-u) ** (1000 - v)

    return mp.fsum(mp.log(logistic(r) * one(v, s) + logistic(-r) * one(v, t)) for v in y)


def inflated(y, r, s):
    zero = mp.log(logistic(r) + logistic(-r) * mp.exp(-mp.exp(s)))
    return mp.fsum(mp.log(logistic(-r)) if v else zero for v in y)


def product_of_bits(u):
    return sigmoid(u) ** y[n] * (1 - sigmoid(u)) ** (1000 - y[n])


MODELS = {
    "softmax": (Sum(log(Sum(softmax(a[k], parts) * kernel, parts)), rows), [a, m], [], gaussians, [far]),
    "softmax by hand": (Sum(log(Sum(softmax_by_hand * kernel, parts)), rows), [a, m], [], gaussians, [far]),
    "names": (
        Sum(log(Sum(p[k] * f[n, k], parts)), rows),
        [a, m],
        [Eq(p[k], softmax(a[k], parts)), Eq(f[n, k], kernel)],
        gaussians,
        [far],
    ),
    "named densities": (
        Sum(log(Sum(w[k] * f[n, k], parts)), rows),
        [w, m, scale],
        [Eq(f[n, k], exp(-(((y[n] - m[k]) / exp(scale)) ** 2) / 2) / exp(scale) / sqrt(2 * pi))],
        named,
        [{"y": far["y"], "m": far["m"], "w": [0.2, 0.5, 0.3], "scale": -3.0}],
    ),
    "two softmaxes": (
        log(Sum(softmax(a[k], parts) * softmax(b[k], parts), parts)),
        [a, b],
        [],
        lambda a, b: mp.log(mp.fsum(u * v for u, v in zip(shares(a), shares(b), strict=True))),
        [{"a": [900.0, -900.0, 0.0], "b": [-900.0, 900.0, 0.0]}],
    ),
    "latent classes": (
        Sum(
            log(
                Sum(
                    softmax(a[k], parts)
                    * Product(sigmoid(theta[k, d]) ** x[n, d] * (1 - sigmoid(theta[k, d])) ** (1 - x[n, d]), columns),
                    parts,
                )
            ),
            rows,
        ),
        [a, theta],
        [],
        classes,
        [{"a": [1.0, -2.0], "theta": [[500.0, -3.0, 800.0], [-500.0, 2.0, -800.0]], "x": np.eye(3)}],
    ),
    "Poisson": (
        Sum(log(Sum(w[k] * rate[k] ** y[n] * exp(-rate[k]) / factorial(y[n]), parts)), rows),
        [w, rate],
        [],
        poisson,
        [{"y": [0.0, 3.0, 800.0], "w": [0.3, 0.7], "rate": [1.0, 900.0]}],
    ),
    "two binomials": (
        Sum(log(sigmoid(r) * product_of_bits(s) + (1 - sigmoid(r)) * product_of_bits(t)), rows),
        [r, s, t],
        [],
        binomial,
        [{"y": [0.0, 500.0, 990.0], "r": u, "s": 3.0, "t": -2.0} for u in (0.3, 800.0, -800.0)],
    ),
    "zeros beside a Poisson": (
        Sum(if_else(Eq(y[n], 0), log(sigmoid(r) + (1 - sigmoid(r)) * exp(-exp(s))), log(1 - sigmoid(r))), rows),
        [r, s],
        [],
        inflated,
        [{"y": [0.0, 3.0], "r": u, "s": v} for u in (0.3, 40.0, -700.0, 900.0, -900.0) for v in (2.0, 7.0)],
    ),
    "zeros, by the other probability": (
        log(1 - sigmoid(r) + sigmoid(r) * exp(-exp(s))),
        [r, s],
        [],
        lambda r, s: mp.log(logistic(-r) + logistic(r) * mp.exp(-mp.exp(s))),
        [{"r": u, "s": v} for u in (0.3, 700.0, -700.0, 900.0, -900.0) for v in (2.0, 7.0)],
    ),
}


time, eta, event = (IndexedBase(name, (N,)) for name in ("time", "eta", "event"))
at_risk = Sum(if_else(time[j] >= time[n], exp(eta[j]), 0), (j, 0, N - 1))
RISKS = {
    "sum": Sum(event[n] * (eta[n] - log(at_risk)), rows),
    "weighted": Sum(
        event[n] * (eta[n] - log(Sum(if_else(time[j] >= time[n], 2 * exp(eta[j]), 0), (j, 0, N - 1)))), rows
    ),
    "quotient": Sum(event[n] * log(exp(eta[n]) / at_risk), rows),
}


def partial_likelihood(eta, time, event, factor):
    def at_risk(t):
        return mp.fsum(factor * mp.exp(e) for e, s in zip(eta, time, strict=True) if s >= t)

    return mp.fsum(d * (e - mp.log(at_risk(t))) for e, t, d in zip(eta, time, event, strict=True))


@pytest.mark.parametrize("name", RISKS)
def test_who_is_at_risk_may_be_far_below_all_others(name):
    """The largest exponential of a row counts, not that of all rows."""
    point = {
        "eta": [900.0, -900.0, 0.0, 1000.0, -5000.0, -5001.0],
        "time": [3.0, 1.0, 2.0, 2.0, 5.0, 4.0],
        "event": [1.0, 1.0, 0.0, 1.0, 1.0, 1.0],
    }
    factor = 2 if name == "weighted" else 1
    truth = partial(partial_likelihood, factor=factor)
    assert not shortfalls(Model(RISKS[name], [eta]), truth, point)


w0 = [900.0, -900.0, 0.0, 1000.0, -5000.0, -5001.0]
RANKINGS = {
    "from": Sum(eta[n] - log(Sum(exp(eta[j]), (j, n, N - 1))), rows),
    "up to": Sum(eta[n] - log(Sum(exp(eta[j]), (j, 0, n))), rows),
}


@pytest.mark.parametrize("name", RANKINGS)
def test_those_left_in_a_ranking_may_be_far_below_all_others(name):
    def truth(eta):
        rows = [eta[n:] if name == "from" else eta[: n + 1] for n in range(len(eta))]
        return mp.fsum(e - mp.log(mp.fsum(map(mp.exp, row))) for e, row in zip(eta, rows, strict=True))

    model = Model(RANKINGS[name], [eta])
    assert not shortfalls(model, truth, {"eta": w0}, {"eta": [-v for v in w0]}, {"eta": [0.3, 1.0, -2.0]})
    assert "None]" not in model.source()  # along one axis, no array of both indices


@pytest.mark.parametrize("name", one_in(4, MODELS))
def test_value_and_gradient_keep_their_digits(name):
    loss, parameters, where, truth, points = MODELS[name]
    assert not shortfalls(Model(loss, parameters, where=where), truth, *points)


odds, u = symbols("odds u", real=True)
prior, rate_of_all, size, mean = symbols("prior rate_of_all size mean", positive=True)
count = IndexedBase("count", (N,), integer=True)
weight = sigmoid(odds)
NEAR_CERTAINTY = {
    "zero-inflated Poisson": (
        log(prior + (1 - prior) * exp(-rate_of_all)),
        lambda prior, rate_of_all: mp.log(prior + (1 - prior) * mp.exp(-rate_of_all)),
        [{"prior": 0.3, "rate_of_all": rate} for rate in (1e-200, 1e-8, 0.7, 1.0, 800.0)],
    ),
    "by the logarithm of the odds": (
        log(1 - weight + weight * exp(-exp(u))),
        lambda odds, u: mp.log(logistic(-odds) + logistic(odds) * mp.exp(-mp.exp(u))),
        [{"odds": o, "u": e} for o in (-40.0, 0.3, 800.0) for e in (-300.0, -20.0, 0.0, 6.0)],
    ),
    "zero-inflated negative binomial": (
        log(weight + (1 - weight) * (size / (size + mean)) ** size),
        lambda odds, size, mean: mp.log(logistic(odds) + logistic(-odds) * (size / (size + mean)) ** size),
        [{"odds": 0.3, "size": s, "mean": m} for s in (0.1, 1e6) for m in (1e-200, 1e-8, 1e3)],
    ),
    "item with a guess": (
        log(prior + (1 - prior) * sigmoid(u)),
        lambda prior, u: mp.log(prior + (1 - prior) * logistic(u)),
        [{"prior": 0.3, "u": z} for z in (-40.0, 1.0, 40.0, 700.0)],
    ),
    "cosine": (
        log(prior + (1 - prior) * cos(u)),
        lambda prior, u: mp.log(prior + (1 - prior) * mp.cos(u)),
        [{"prior": 0.3, "u": angle} for angle in (1e-160, 1e-8, 1e-3, 1.0)],
    ),
    "rows": (
        Sum(
            if_else(
                Eq(count[n], 0),
                log(weight + (1 - weight) * exp(-exp(y[n]))),
                log(1 - weight) - exp(y[n]) + count[n] * y[n],
            ),
            rows,
        ),
        lambda odds, y, count: mp.fsum(
            mp.log(logistic(odds) + logistic(-odds) * mp.exp(-mp.exp(e)))
            if k == 0
            else mp.log(logistic(-odds)) - mp.exp(e) + k * e
            for e, k in zip(y, count, strict=True)
        ),
        [
            {"odds": o, "y": [-50.0, -40.0, shift], "count": np.array([0, 0, k])}
            for o, shift, k in ((-3.0, -20.0, 0), (0.3, 1.0, 0), (30.0, 2.0, 3))
        ],
    ),
}


@pytest.mark.parametrize("name", one_in(3, NEAR_CERTAINTY))
def test_the_logarithm_of_a_mixture_with_a_certainty_keeps_its_digits_near_0(name):
    loss, truth, points = NEAR_CERTAINTY[name]
    parameters = sorted((s for s in loss.free_symbols if s in (prior, rate_of_all, odds, u, size, mean)), key=str)
    assert not shortfalls(Model(loss, [*parameters, *([y] if name == "rows" else [])]), truth, *points)


def test_a_mixture_whose_certainty_has_no_weight_is_its_other_part():
    """Both logarithms of which one difference is made grow with the odds."""
    z, v = Symbol("z", real=True), Symbol("v", positive=True)
    module = Model(log(sigmoid(z) + sigmoid(-z) * exp(-v)), [z, v]).compile(check=False)
    for odds in (-1e6, -1e16, -1e300):
        value, gradient = module.value_and_gradient(odds, 3.3)
        np.testing.assert_allclose([value, gradient.z, gradient.v], [-3.3, 0, -1], rtol=1e-15)


def test_an_inflated_count_has_the_gradient_of_the_textbook():
    model = Model(log(weight + (1 - weight) * exp(-exp(u))), [odds, u])
    assert model.gradient(odds) == sigmoid(odds + exp(u)) - sigmoid(odds)


def test_a_product_of_matrices_is_not_multiplied_out():
    """A topic model: two softmaxes are multiplied by BLAS, with no exponential of all three indices."""
    word, count = IndexedBase("word", (K, D)), IndexedBase("count", (N, D))
    topic = IndexedBase("topic", (N, K))
    mixed = Sum(softmax(topic[n, k], parts) * softmax(word[k, d], columns), parts)
    text = Model(Sum(count[n, d] * log(mixed), rows, columns), [topic, word]).source()
    assert ".dot(" in text or " @ " in text
    assert "[:, :, None]" not in text
