"""Value and gradient far in the tails, against mpmath at 60 digits, with NumPy's warnings as errors.

The tolerance is 1e-12 relative to the largest entry of each array: a few thousand ulps, met everywhere here by far.
"""

import mpmath as mp
import numpy as np
import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, OneMatrix, Rational, Sum, Symbol, cos, cosh, exp, log, symbols, tanh

from symgrad import LogSumExp, Model, log_sigmoid, sigmoid, softmax, softplus
from tests.real_models.structures import gaps, gaps_exact, gaps_inputs, rotations, rotations_inputs

pytestmark = pytest.mark.filterwarnings("error")

x = Symbol("x")
N, M = symbols("N M", integer=True, positive=True)
i, n = symbols("i n", integer=True)
q, t = IndexedBase("q", shape=(N,)), IndexedBase("t", shape=(N,))
FAR = (1000.0, -1000.0, -700.0, -40.0, 40.0, -3.0, 0.5, 700.0)


def logistic(v):
    return 1 / (1 + mp.exp(-v))


def agree(got, wanted):
    with mp.workdps(60):
        wanted = [mp.mpf(w) for w in wanted]
        largest = max((abs(w) for w in wanted), default=mp.mpf(0))
        for g, w in zip(np.ravel(got), wanted, strict=True):
            assert np.isfinite(g)
            # below the least normal number there are no 12 digits to have
            assert abs(mp.mpf(float(g)) - w) <= max(largest * mp.mpf("1e-12"), mp.mpf("1e-307"))


SIGMOIDS = [
    sigmoid(x),
    1 / (1 + exp(-x)),
    exp(x) / (1 + exp(x)),
    Rational(1, 2) + tanh(x / 2) / 2,
    1 - 1 / (1 + exp(x)),
    1 - sigmoid(-x),
]


@pytest.mark.parametrize("spelling", SIGMOIDS, ids=str)
def test_sigmoid(spelling):
    module = Model(spelling, [x]).compile(check=False)
    for v in FAR:
        value, gradient = module.value_and_gradient(v)
        with mp.workdps(60):
            agree(value, [logistic(mp.mpf(v))])
            agree(gradient.x, [logistic(mp.mpf(v)) * logistic(-mp.mpf(v))])


SOFTPLUSES = [
    log(1 + exp(x)),
    softplus(x),
    -log(sigmoid(-x)),
    -log(1 / (1 + exp(x))),
    -log(1 - sigmoid(x)),
    -log_sigmoid(-x),
]


@pytest.mark.parametrize("spelling", SOFTPLUSES, ids=str)
def test_softplus(spelling):
    module = Model(spelling, [x]).compile(check=False)
    for v in FAR:
        value, gradient = module.value_and_gradient(v)
        with mp.workdps(60):
            agree(value, [mp.log1p(mp.exp(mp.mpf(v)))])
            agree(gradient.x, [logistic(mp.mpf(v))])


LOGITS = [np.array([1e4, 1e4 - 1, -1e4]), np.array([-1e4, -1e4 - 3, -2e4]), np.array([1e4, 0.0, 5.0])]


@pytest.mark.parametrize("spelling", [log(Sum(exp(q[n]), (n, 0, N - 1))), LogSumExp(q[n], (n, 0, N - 1))], ids=str)
@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_logsumexp(spelling, logits):
    value, gradient = Model(spelling, [q]).compile(check=False).value_and_gradient(logits)
    with mp.workdps(60):
        powers = [mp.exp(mp.mpf(float(v))) for v in logits]
        agree(value, [mp.log(sum(powers))])
        agree(gradient.q, [p / sum(powers) for p in powers])


CROSS_ENTROPIES = [
    -Sum(t[n] * log(softmax(q[n], (n, 0, N - 1))), (n, 0, N - 1)),
    -Sum(t[n] * log(exp(q[n]) / Sum(exp(q[i]), (i, 0, N - 1))), (n, 0, N - 1)),
    -Sum(t[n] * (q[n] - log(Sum(exp(q[i]), (i, 0, N - 1)))), (n, 0, N - 1)),
]


@pytest.mark.parametrize("fact", [(), (Eq(Sum(t[n], (n, 0, N - 1)), 1),)], ids=["no fact", "simplex"])
@pytest.mark.parametrize("spelling", CROSS_ENTROPIES, ids=["softmax", "quotient", "difference"])
@pytest.mark.parametrize("logits", LOGITS, ids=str)
@pytest.mark.parametrize("target", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.25, 0.25, 0.5)], ids=str)
def test_softmax_cross_entropy(spelling, fact, logits, target):
    module = Model(spelling, [q], facts=fact).compile(check=False)
    value, gradient = module.value_and_gradient(q=logits, t=np.array(target))
    with mp.workdps(60):
        z = [mp.mpf(float(v)) for v in logits]
        powers = [mp.exp(v) for v in z]
        agree(value, [mp.log(sum(powers)) - mp.fdot(z, target)])
        agree(gradient.q, [p / sum(powers) - b for p, b in zip(powers, target, strict=True)])


@pytest.mark.parametrize(
    "loss",
    [
        LogSumExp(q[n], (n, 0, N - 1)) - Sum(t[n] * q[n], (n, 0, N - 1)),
        log(Sum(exp(q[n]), (n, 0, N - 1))) - Sum(q[i] * t[i], (i, 0, N - 1)),
        Sum(t[n] * (LogSumExp(q[i], (i, 0, N - 1)) - q[n]), (n, 0, N - 1)),
    ],
    ids=["logsumexp", "log of a sum", "inside"],
)
@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_large_logits_do_not_cancel_where_targets_sum_to_one(loss, logits):
    target = (0.25, 0.25, 0.5)
    module = Model(loss, [q], facts=[Eq(Sum(t[n], (n, 0, N - 1)), 1)]).compile(check=False)
    value, gradient = module.value_and_gradient(q=logits, t=np.array(target))
    with mp.workdps(60):
        powers = [mp.exp(mp.mpf(float(v))) for v in logits]
        agree(value, [mp.log(sum(powers)) - mp.fdot(map(float, logits), target)])
        agree(gradient.q, [p / sum(powers) - b for p, b in zip(powers, target, strict=True)])


@pytest.mark.parametrize("v", FAR)
def test_log_cosh(v):
    value, gradient = Model(log(cosh(x)), [x]).compile(check=False).value_and_gradient(v)
    with mp.workdps(60):
        agree(value, [mp.log(mp.cosh(mp.mpf(v)))])
        agree(gradient.x, [mp.tanh(mp.mpf(v))])


def test_logistic_regression():
    X, w, b = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1)
    y, one = MatrixSymbol("y", N, 1), OneMatrix(N, 1)
    loss = -(b.T * y.applyfunc(log) + (one - b).T * (one - y).applyfunc(log))
    module = Model(loss, [w], where=[Eq(y, sigmoid(X * w))]).compile(check=False)
    data = np.random.default_rng(0).normal(size=(6, 2)) * 500
    targets = np.array([0.0, 1, 1, 0, 1, 0])
    value, gradient = module.value_and_gradient(w=np.array([1.0, 2.0]), X=data, t=targets)
    with mp.workdps(60):
        rows = [[mp.mpf(float(entry)) for entry in row] for row in data]
        z = [row[0] + 2 * row[1] for row in rows]
        agree(value, [sum(-mp.log(logistic(v if hit else -v)) for v, hit in zip(z, targets, strict=True))])
        residual = [logistic(v) - hit for v, hit in zip(z, map(int, targets), strict=True)]
        agree(gradient.w, [mp.fdot(residual, column) for column in zip(*rows, strict=True)])


def test_a_difference_of_sigmoids_keeps_its_digits():
    # of ordinal regression, whose classes lie between thresholds a > b
    a, b = symbols("a b", real=True)
    module = Model(-log(sigmoid(a) - sigmoid(b)), [a, b]).compile(check=False)
    for point in ((1.0 + 1e-9, 1.0), (40.0, 39.0), (-300.0, -301.0), (3.0, -2.0)):
        value, gradient = module.value_and_gradient(*point)
        with mp.workdps(400):
            u, v = map(mp.mpf, point)
            loss = -mp.log(logistic(u) - logistic(v))
            slopes = [-s * logistic(z) * logistic(-z) / (logistic(u) - logistic(v)) for s, z in ((1, u), (-1, v))]
            expected = [loss, *slopes]
        np.testing.assert_allclose([value, *gradient], [float(part) for part in expected], rtol=1e-13)


@pytest.mark.parametrize("rises", [lambda p: p, lambda p: p / (1 + p), lambda p: (p - 1) ** 2])
def test_second_derivatives_by_the_exponent_where_the_base_is_zero(rises):
    dose, hill = IndexedBase("dose", shape=(N,), nonnegative=True), Symbol("hill", real=True)
    module = Model(Sum(rises(dose[n] ** exp(hill)), (n, 0, N - 1)), [hill]).compile(check=False, hvp=True)
    doses = np.array([0.0, 2.0, 0.3])
    with np.errstate(all="raise"):
        (product,) = module.hessian_vector_product(1.0, 0.5, doses)
    with mp.workdps(60):  # where the base is zero the power is constant
        right = mp.diff(lambda at: sum(rises(mp.mpf(float(d)) ** mp.exp(at)) for d in doses[1:]), 0.5, 2)
    agree(product, [right])


ANGLES = np.array([1e-9, -3e-9, 2e-5])


@pytest.mark.parametrize(
    ("spelling", "weight"),
    [
        (N - Sum(cos(q[n] - x), (n, 0, N - 1)), 1),
        (1 - Sum(cos(q[n] - x), (n, 0, N - 1)) / N, mp.mpf(1) / 3),
        (Sum(x + 3, (n, 0, N - 1)) - (x + 3) * Sum(cos(q[n]), (n, 0, N - 1)), 3),
    ],
    ids=["sum", "mean", "weighted"],
)
def test_a_sum_of_cosines_near_its_largest(spelling, weight):
    value, gradient = Model(spelling, [q]).compile(check=False).value_and_gradient(q=ANGLES, x=0.0)
    with mp.workdps(60):
        agree(value, [weight * sum(1 - mp.cos(mp.mpf(float(v))) for v in ANGLES)])
        agree(gradient.q, [weight * mp.sin(mp.mpf(float(v))) for v in ANGLES])


@pytest.mark.parametrize("factor", [1, -2])
@pytest.mark.parametrize("power", [2, 3])
def test_a_named_sigmoid_less_one(factor, power):
    """∂/∂q of c·(1 − y)ᵖ is −p·c·(1 − y)ᵖ·y with y = σ(q), also where y rounds to 1."""
    y = IndexedBase("y", shape=(N,))
    loss = factor * Sum((1 - y[n]) ** power, (n, 0, N - 1))
    module = Model(loss, [q], where=[Eq(y[n], sigmoid(q[n]))]).compile(check=False)
    points = np.array([40.0, 50.0])
    value, gradient = module.value_and_gradient(points)
    with mp.workdps(400):
        tails = [logistic(-mp.mpf(float(v))) for v in points]
        agree(value, [factor * sum(s**power for s in tails)])
        agree(gradient.q, [-power * factor * s**power * (1 - s) for s in tails])


def test_the_slope_of_a_named_log_sigmoid():
    y = IndexedBase("y", shape=(N,))
    module = Model(-Sum(log(y[n]), (n, 0, N - 1)), [q], where=[Eq(y[n], sigmoid(q[n]))]).compile(check=False)
    value, gradient = module.value_and_gradient(np.array([40.0, 300.0]))
    with mp.workdps(400):
        agree(value, [-sum(mp.log(logistic(mp.mpf(v))) for v in (40, 300))])
        agree(gradient.q, [-logistic(-mp.mpf(v)) for v in (40, 300)])


def test_a_filter_whose_variances_are_the_square_of_nothing_in_float64():
    """d/dv of (log v + m²/v)/2 is (1 − m²/v)/(2·v): v² overflows from log-variances of 355 on."""
    inputs = gaps_inputs(6, np.random.default_rng(1))
    at = {"a": 0.8, "log_q": 398.0, "log_r": 400.0}
    value, slope = gaps().compile(check=False).value_and_gradient(**{**inputs, **at})
    with mp.workdps(60):

        def exact(a, log_q, log_r):
            return gaps_exact(inputs["y"].tolist(), inputs["seen"].tolist(), a, log_q, log_r)

        point = [mp.mpf(number) for number in at.values()]
        agree([value], [exact(*point)])
        agree(slope, [mp.diff(exact, point, tuple(int(k == n) for k in range(3))) for n in range(3)])


@pytest.mark.parametrize("power", [-100, 100])
def test_a_sum_over_a_power_of_a_norm(power):
    """Of 1 − (p·m/|m|)² by m: fourth powers of |m| are no numbers, quotients are; it is homogeneous of degree 0."""
    module = rotations().compile(check=False, hvp=True)
    inputs = rotations_inputs(5, np.random.default_rng(4))
    mean, scale = inputs["mean"], 10.0**power
    value, slope = module.value_and_gradient(**inputs)
    product = module.hessian_vector_product((np.ones(4),), **inputs)
    inputs["mean"] = mean * scale
    far, far_slope = module.value_and_gradient(**inputs)
    far_product = module.hessian_vector_product((np.full(4, scale),), **inputs)
    np.testing.assert_allclose(far, value, rtol=1e-13)
    np.testing.assert_allclose(far_slope.mean * scale, slope.mean, rtol=1e-12)
    np.testing.assert_allclose(far_product.mean * scale, product.mean, rtol=1e-11)
