"""Sums of exponentials that are neither logsumexp nor softmax: right, and finite, however large the exponents are."""

from functools import cache
from inspect import signature

import mpmath as mp
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, sqrt, symbols

from symgrad import Model, if_else, softmax
from tests.families import one_in
from tests.results import arrays

N, K = symbols("N K", integer=True, positive=True)
n, k, m = symbols("n k m", integer=True)
z, w, t = IndexedBase("z", shape=(N, K)), IndexedBase("w", shape=(K,)), IndexedBase("t", shape=(N, K))
v, label = IndexedBase("v", shape=(K,)), IndexedBase(symbols("label", integer=True), shape=(N,))
rate = IndexedBase(symbols("rate", positive=True), shape=(K,))
share, level = symbols("share level", positive=True)
num, den = IndexedBase("num", shape=(N,)), IndexedBase("den", shape=(N,))


def over_k(term):
    return Sum(term, (k, 0, K - 1))


def over_n(term):
    return Sum(term, (n, 0, N - 1))


total = over_k(exp(z[n, k]))
MODELS = {
    "weighted": lambda: Model(over_n(log(over_k(w[k] * exp(z[n, k])))), [z, w]),
    "weighted by what is positive": lambda: Model(over_n(log(over_k(rate[k] * exp(z[n, k])))), [z, rate]),
    "weighted by a softmax": lambda: Model(
        over_n(log(over_k(softmax(v[k], (k, 0, K - 1)) * exp(-(z[n, k] ** 2) / 2)))), [z, v]
    ),
    "weighted entry by entry": lambda: Model(over_n(log(over_k(t[n, k] * exp(z[n, k])))), [z]),
    "mean under a softmax": lambda: Model(over_n((over_k(exp(z[n, k]) * v[k]) / total) ** 2), [z, v]),
    "squares of a softmax": lambda: Model(over_n(over_k((exp(z[n, k]) / total) ** 2)), [z]),
    "root of a softmax": lambda: Model(over_n(over_k(sqrt(exp(z[n, k]) / total) * v[k])), [z]),
    "quotient of sums": lambda: Model(over_n(log(over_k(w[k] * exp(z[n, k])) / over_k(rate[k] * exp(z[n, k])))), [z]),
    "the entry of a label": lambda: Model(over_n(exp(z[n, label[n]]) / total * v[label[n]]), [z, v]),
    "named sums": lambda: Model(
        over_n(num[n] / den[n]), [z], where=[Eq(num[n], over_k(v[k] * exp(z[n, k]))), Eq(den[n], total)]
    ),
    "over both axes": lambda: Model(over_n(over_k(exp(z[n, k]) * t[n, k])) / over_n(total), [z]),
    "a pair of rows": lambda: Model(
        Sum(over_k(exp(z[n, k]) * exp(z[m, k])) / total / over_k(exp(z[m, k])), (n, 0, N - 1), (m, 0, N - 1)), [z]
    ),
    "beside a constant": lambda: Model(
        over_n(log(1 + total)) - over_n(over_k(t[n, k] * exp(z[n, k])) / (1 + total)), [z], name="constant"
    ),
    "of two": lambda: Model(over_n(log(exp(z[n, 0]) + exp(z[n, 1])) * num[n]), [z]),
    "of two with weights": lambda: Model(over_n(log(share * exp(z[n, 0]) + (1 - share) * exp(z[n, 1]))), [z, share]),
    "of one more": lambda: Model(over_n(log(exp(num[n]) + total + 2)), [z, num], name="constant"),
    "of one for all": lambda: Model(over_n(log(exp(level) + total + 2)), [z], name="constant"),
    "under a mask": lambda: Model(over_n(log(over_k(if_else(t[n, k] > 1, exp(z[n, k]), 0)))), [z]),
    "mean under a mask": lambda: Model(
        over_n(
            over_k(if_else(v[k] > 0, exp(z[n, k]) * t[n, k], 0)) / over_k(if_else(v[k] > 0, w[k] * exp(z[n, k]), 0))
        ),
        [z],
    ),
}
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests


def inputs(model, scale, shift=0.0):
    rng = np.random.default_rng(5)
    made = {
        "z": rng.normal(size=(4, 3)) * scale + shift * np.array([1, -1, 1, -1])[:, None],
        "w": np.array([0.5, 0.0, 1.5]),
        "t": rng.uniform(0.5, 2, size=(4, 3)),
        "v": rng.normal(size=3),
        "rate": np.array([0.5, 2.0, 1.5]),
        "label": np.array([0, 2, 2, 1]),
        "num": np.ones(4),
        "share": 0.25,
        "level": 0.5,
    }
    if "weighted by a softmax" in model.name:
        made["z"] = np.abs(made["z"]) / 20 + 1
    return {a.name: made[a.name] for a in model.arguments}


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_large_exponents_cancel(name):
    model = MODELS[name]()
    module = model.compile(check=False)
    moderate, large = inputs(model, 1.0), inputs(model, 1.0, shift=900.0)
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_gradient(**large)
    assert np.isfinite(value) and all(np.isfinite(part).all() for part in gradient)
    if name in ("over both axes", "weighted by a softmax") or model.name == "constant":
        return
    # a row is shifted as a whole: quotients stay, and logarithms grow by the shifts, which add up to zero
    expected, slopes = module.value_and_gradient(**moderate)
    np.testing.assert_allclose(value, expected, rtol=1e-11)
    for part, slope in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(part, slope, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", one_in(12, MODELS))
def test_the_check_passes(name):
    report = MODELS[name]().check()
    assert report.ok, report


def test_a_small_sum_beside_one_loses_nothing():
    module = Model(over_n(log(1 + total)), [z]).compile(check=False)
    for exponent in (-800.0, -300.0, -40.0, -1.0, -1e-9, 0.0, 1e-9, 1.0, 40.0, 300.0, 800.0):
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_gradient(np.array([[exponent, exponent - 3]]))
        with mp.workdps(400):
            terms = [mp.exp(exponent), mp.exp(exponent - 3)]
            exact, share = float(mp.log(1 + sum(terms))), float(terms[1] / (1 + sum(terms)))
        assert value == pytest.approx(exact, rel=4e-16)
        assert gradient.z[0, 1] == pytest.approx(share, rel=4e-16 * (1 + abs(exponent)))


def test_a_weight_of_zero_hides_what_is_larger():
    module = MODELS["weighted"]().compile(check=False)
    given = np.array([[-400.0, 400.0, -401.0]])
    with np.errstate(all="raise", under="ignore", over="ignore"):
        value = module.value(given, np.array([1.0, 0.0, 1.0]))
        slope = module.gradient(given, np.array([1.0, 0.0, 1.0])).z
    assert value == pytest.approx(-400 + np.log1p(np.exp(-1.0)), rel=1e-15)
    np.testing.assert_allclose(slope, [[1 / (1 + np.exp(-1.0)), 0, 1 / (1 + np.exp(1.0))]], rtol=1e-14)


def test_a_mixture_far_from_its_components():
    x, mu = IndexedBase("x", shape=(N,)), IndexedBase("mu", shape=(K,))
    density = exp(-((x[n] - mu[k]) ** 2) / 2) / sqrt(2 * symbols("pi"))
    module = Model(over_n(log(over_k(w[k] * density))), [mu, w], name="mixture").compile(check=False)
    given = {"x": np.array([100.0, -3.0]), "mu": np.array([0.0, 1.0]), "w": np.array([0.25, 0.75]), "pi": np.pi}
    value, slope = module.value_and_gradient(**given)
    with mp.workdps(50):
        terms = [
            [
                mp.mpf(c) * mp.exp(-((mp.mpf(a) - mp.mpf(b)) ** 2) / 2)
                for b, c in zip(given["mu"], given["w"], strict=True)
            ]
            for a in given["x"]
        ]
        exact = sum(mp.log(sum(row) / mp.sqrt(2 * mp.mpf(given["pi"]))) for row in terms)
        first = sum(row[0] / sum(row) * mp.mpf(a) for row, a in zip(terms, given["x"], strict=True))
    assert value == pytest.approx(float(exact), rel=1e-15)
    assert slope.mu[0] == pytest.approx(float(first), rel=1e-13)


@pytest.mark.parametrize(
    "loss", [over_n(total), over_n(total * over_k(v[k] * z[n, k])), over_n(over_k(exp(z[n, k]) * v[k]) ** 2)]
)
def test_where_nothing_cancels_nothing_is_shifted(loss):
    assert ".max(" not in Model(loss, [z]).source()


def test_a_part_that_cancels_is_shifted_beside_one_that_does_not():
    model = Model(over_n(total) + over_n(over_k(exp(z[n, k]) * v[k]) / total), [z])
    assert model.check().ok
    value = model.compile(check=False).value(np.full((1, 3), -1000.0), np.ones(3))
    assert value == 1.0


num2 = IndexedBase("num2", shape=(N,))
EXPONENTS = {
    "of three": log(exp(num[n]) + exp(den[n]) + exp(num2[n])),
    "with something in common": log(exp(num[n] + v[0]) + exp(den[n] + 2 * v[0]) + exp(num2[n] - v[1])),
    "of one and many": log(exp(num[n]) + total) + den[n] * num2[n],
    "weighted": log(v[0] ** 2 * exp(num[n]) + over_k((2 + v[k]) ** 2 * exp(z[n, k]))) + den[n] * num2[n],
}


@pytest.mark.parametrize("name", one_in(2, EXPONENTS))
def test_exponentials_that_became_one_are_shifted_apart(name):
    """The product exp(x)·exp(y) in a second derivative is exp(x + y), of which M has to be taken twice."""
    parameters = [z, num, den, num2] if "z" in str(EXPONENTS[name]) else [num, den, num2]
    module = Model(over_n(EXPONENTS[name]), parameters).compile(check=False, hessian=True)
    rng = np.random.default_rng(2)
    given = {name: rng.uniform(0.5, 1, size=3) for name in ("num", "den", "num2")}
    given |= {"z": rng.uniform(0.5, 1, size=(3, 3)), "v": rng.uniform(0.5, 1, size=3)}
    given = {name: value for name, value in given.items() if name in signature(module.hessian).parameters}
    shifted = ("num", "z") if "z" in given else ("num", "den", "num2")
    far = {name: value + 800 * (name in shifted) for name, value in given.items()}
    with np.errstate(all="raise", under="ignore"):
        found = module.hessian(**far)
    for row, expected in zip(found, module.hessian(**given), strict=True):
        for block, right in zip(row, expected, strict=True):
            np.testing.assert_allclose(block, right, atol=1e-11)


u, x, y, seen, weight = (IndexedBase(name, shape=(N,)) for name in ("u", "x", "y", "seen", "weight"))


def sums_of_two_and_three(e=exp, log=log, u=u[n], x=x[n], y=y[n]):
    """Each sum has a maximum of its own: that of all three may be far above those of two."""
    return log(e(u) + e(x)) * log(e(u) + e(x) + e(y)) + e(y) / (1 + e(u) + e(x) + e(y)) + e(u) / (e(u) + e(y))


@pytest.mark.parametrize("at", [(0.5, 1.5, 1000.0), (1000.0, 0.5, 1.5), (-2000.0, -1000.0, -999.0), (0.3, 0.5, 0.7)])
def test_sums_that_share_exponentials_have_maxima_of_their_own(at):
    with np.errstate(all="raise", under="ignore"):
        value, gradient = several().value_and_gradient(*np.array(at)[:, None])
    with mp.workdps(2000):
        of = lambda u, x, y: sums_of_two_and_three(mp.exp, mp.log, u, x, y)  # noqa: E731
        exact = [mp.mpf(number) for number in at]
        slopes = [float(mp.diff(of, tuple(exact), tuple(int(k == m) for k in range(3)))) for m in range(3)]
        assert value == pytest.approx(float(of(*exact)), rel=1e-13)
    np.testing.assert_allclose(np.ravel(gradient), slopes, rtol=1e-12, atol=1e-300)


@cache
def several():
    return Model(over_n(sums_of_two_and_three()), [u, x, y]).compile(check=False)


@pytest.mark.parametrize("hidden", [1000.0, np.nan, np.inf, 1e200])
def test_exponentials_that_a_condition_leaves_out_do_not_shift_the_others(hidden):
    at = {"u": np.array([0.5, -900.0]), "y": np.array([1.5, -901.0]), "seen": np.zeros(2), "weight": np.ones(2)}
    bare = at | {"x": np.full(2, -0.25)}
    for function in ("value_and_gradient", "hessian"):
        call = getattr(masked(), function)
        taken = signature(call).parameters
        with np.errstate(all="raise", under="ignore"):
            found = call(**{name: one for name, one in (at | {"x": np.full(2, hidden)}).items() if name in taken})
            expected = call(**{name: one for name, one in bare.items() if name in taken})
        for one, other in zip(arrays(found), arrays(expected), strict=True):
            np.testing.assert_array_equal(one, other)
    value, gradient = masked().value_and_gradient(**bare)
    logs = np.logaddexp(at["u"], at["y"])
    assert value == pytest.approx(np.sum(logs**2), rel=1e-14)
    np.testing.assert_allclose(gradient.u, 2 * logs * np.exp(at["u"] - logs), rtol=1e-13)


@cache
def masked():
    three = log(exp(u[n]) + if_else(seen[n] > 0, exp(x[n]), 0) + exp(y[n]))
    return Model(over_n(weight[n] * num[n] ** 2), [u, y], where=[Eq(num[n], three)]).compile(check=False, hessian=True)
