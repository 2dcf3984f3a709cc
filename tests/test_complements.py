"""What shares of exponentials leave of 1, 1 − softmax(z)[y] and the like, against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Rational, Sum, exp, log, symbols

from symgrad import Model, sigmoid, softmax
from tests.families import one_in

from . import array_tails
from .tails import Tail, shortfalls

N, K = symbols("N K", integer=True, positive=True)
n, k, i = symbols("n k i", integer=True)
a, b, c = symbols("a b c", real=True)
g = symbols("g", positive=True)
z, p, w = (IndexedBase(name, shape=(K,)) for name in "zpw")
Z, P = IndexedBase("Z", shape=(N, K)), IndexedBase("P", shape=(N, K))
y = IndexedBase("y", shape=(N,), integer=True)
classes, rows = (k, 0, K - 1), (n, 0, N - 1)
OF_VECTOR = [Eq(p[k], softmax(z[k], classes))]
OF_MATRIX = [Eq(P[n, k], softmax(Z[n, k], classes))]
total, totals = Sum(exp(z[k]), classes), Sum(exp(Z[n, i]), (i, 0, K - 1))

FAR = {"a": [1.0, 40.0, 800.0, -3.0, -800.0, 2.0], "b": [2.0, 0.0, 1.0, 50.0, 1.0, 2.0], "c": [0.0, 1, -1, 2, 2, 2]}
VECTORS = [
    {"z": np.array(one)}
    for one in (
        [1.0, 2, 3],
        [40.0, 0, -1],
        [800.0, 0, -700],
        [-800.0, 0, 3],
        [-40.0, 0, -700],
        [2.0, 2, 2],
        [1.0, 40, 1],
    )
]
# one point each, so that each entry is measured by itself
MATRICES = [
    {"Z": np.array([one]), "y": np.array([label])}
    for one, label in (
        ([40.0, 0, 1], 0),
        ([1.0, 2, 3], 1),
        ([-800.0, 3, 4], 0),
        ([0.0, 800, -3], 1),
        ([40.0, 40, -40], 0),
        ([-40.0, 0, 1], 0),
        ([0.0, 40, 1], 0),
    )
]


def written(loss, names="abc"):
    """The same in mpmath: there are digits enough for any spelling."""
    return Tail(lambda: loss(exp, log), lambda **at: _by_name(loss, at), {name: FAR[name] for name in names})


def _by_name(loss, at):
    return loss(lambda u: mpmath.exp(at.get(str(u), u)), mpmath.log)


TAILS = {
    "three": written(lambda exp, log: 1 - exp(a) / (exp(a) + exp(b) + exp(c))),
    "logarithm": written(lambda exp, log: log(1 - exp(a) / (exp(a) + exp(b) + exp(c)))),
    "weights": written(lambda exp, log: log(2 - 6 * exp(a) / (3 * exp(a) + exp(b) + 2 * exp(c)))),
    "two of three": written(lambda exp, log: log((exp(b) + exp(c)) / (exp(a) + exp(b) + exp(c)))),
    "a reference": written(lambda exp, log: log(1 - exp(a) / (exp(a) + exp(b) + 1)), "ab"),
}


@pytest.mark.parametrize("name", one_in(2, TAILS))
def test_written_out(name):
    assert not shortfalls(TAILS[name])


def logistic(u):
    return 1 / (1 + mpmath.exp(-u))


CERTAIN = {
    "one more": Tail(lambda: log(2 - sigmoid(a)), lambda a: mpmath.log(2 - logistic(a)), {"a": FAR["a"]}),
    "times more": Tail(
        lambda: log(1 + g - g * sigmoid(a)),
        lambda a, g: mpmath.log(1 + g - g * logistic(a)),
        {"a": [-800.0, 40.0, 100.0, 2.0], "g": [2.0, 0.3, 1.0, 1e-20]},
    ),
    "beside another": Tail(
        lambda: g - g * sigmoid(a) + exp(b),
        lambda a, b, g: g - g * logistic(a) + mpmath.exp(b),
        {"a": [40.0, 100.0], "b": [-45.0, -90.0], "g": [3.0, 1e3]},
    ),
}


@pytest.mark.parametrize("name", one_in(2, CERTAIN))
def test_beside_a_certain_event(name):
    assert not shortfalls(CERTAIN[name])


def shares(z):
    entries = [mpmath.exp(one) for one in z]
    return [one / mpmath.fsum(entries) for one in entries]


VECTOR_LOSSES = {
    "complement": (lambda p: 1 - p[0], lambda p: 1 - p[0]),
    "logarithm": (lambda p: log(1 - p[0]), lambda p: mpmath.log(1 - p[0])),
    "all but two": (lambda p: log(1 - p[0] - p[1]), lambda p: mpmath.log(1 - p[0] - p[1])),
    "two": (lambda p: log(2 * p[0] + 2 * p[2]), lambda p: mpmath.log(2 * p[0] + 2 * p[2])),
    "entropy": (lambda p: (1 - p[1]) * log(1 - p[1]), lambda p: (1 - p[1]) * mpmath.log(1 - p[1])),
}


@pytest.mark.parametrize("name", one_in(2, VECTOR_LOSSES))
def test_entries_at_known_places(name):
    loss, truth = VECTOR_LOSSES[name]
    model = Model(loss(p), [z], where=OF_VECTOR)
    assert not array_tails.shortfalls(model, lambda z: truth(shares(z)), *VECTORS)


def test_quotients_written_out():
    model = Model(log(1 - exp(z[0]) / total), [z])
    assert not array_tails.shortfalls(model, lambda z: mpmath.log(1 - shares(z)[0]), *VECTORS)


MATRIX_LOSSES = {
    "logarithm": (lambda p: log(1 - p), lambda p: mpmath.log(1 - p)),
    "focal": (lambda p: (1 - p) ** 2 * log(p), lambda p: (1 - p) ** 2 * mpmath.log(p)),
    "focal to a power": (lambda p: (1 - p) ** 2.5 * log(p), lambda p: (1 - p) ** mpmath.mpf(2.5) * mpmath.log(p)),
}


@pytest.mark.parametrize("name", MATRIX_LOSSES)
def test_entries_at_labels(name):
    loss, truth = MATRIX_LOSSES[name]
    model = Model(-Sum(loss(P[n, y[n]]), rows), [Z], where=OF_MATRIX)
    right = lambda Z, y: -mpmath.fsum(truth(shares(row)[label]) for row, label in zip(Z, y, strict=True))  # noqa: E731
    assert not array_tails.shortfalls(model, right, *MATRICES)


def test_second_derivatives_at_labels():
    """Those of −log(1 − p) = softplus(z[y] − u), u = log Σ_{j≠y} exp(z[j]), derived by hand."""
    module = Model(-Sum(log(1 - P[n, y[n]]), rows), [Z], where=OF_MATRIX).compile(check=False, hessian=True)
    for point in MATRICES:
        (label,) = point["y"]
        found = np.asarray(module.hessian(**point)).reshape(3, 3)
        with mpmath.workdps(400):
            q = shares([u if j != label else mpmath.mpf("-inf") for j, u in enumerate(map(mpmath.mpf, point["Z"][0]))])
            share = shares(map(mpmath.mpf, point["Z"][0]))[label]
            slope = [1 if j == label else -q[j] for j in range(3)]
            right = [
                [share * (1 - share) * slope[r] * slope[s] - share * (q[r] * (r == s) - q[r] * q[s]) for s in range(3)]
                for r in range(3)
            ]
        np.testing.assert_allclose(found, np.array(right, dtype=float), rtol=1e-13, atol=1e-300)


EVERY_CLASS = {
    "linear": (Sum(w[k] * (1 - p[k]), classes), lambda p, w: w * (1 - p)),
    "logarithm": (Sum(w[k] * log(1 - p[k]), classes), lambda p, w: w * mpmath.log(1 - p) if w else mpmath.mpf(0)),
    "focal": (
        -Sum(w[k] * (1 - p[k]) ** 2 * log(p[k]), classes),
        lambda p, w: -w * (1 - p) ** 2 * mpmath.log(p) if w else mpmath.mpf(0),
    ),
    "focal to a power": (
        -Sum(w[k] * (1 - p[k]) ** Rational(5, 2) * log(p[k]), classes),
        lambda p, w: -w * (1 - p) ** mpmath.mpf(2.5) * mpmath.log(p) if w else mpmath.mpf(0),
    ),
    "of one more": (Sum(w[k] * log(3 - 2 * p[k]), classes), lambda p, w: w * mpmath.log(1 + 2 * (1 - p))),
    "spread": (Sum(w[k] * p[k] * (1 - p[k]), classes), lambda p, w: w * p * (1 - p)),
    "impurity": (Sum(w[k] * p[k], classes) - Sum(p[k] ** 2, classes) + 1, lambda p, w: w * p + p * (1 - p)),
    "higher powers": (
        Sum(w[k] * p[k], classes) - 2 * Sum(p[k] ** 3, classes) + 2,
        lambda p, w: w * p + 2 * p * (1 - p) * (1 + p),
    ),
}
TARGETS = {"one-hot": [1.0, 0.0, 0.0], "soft": [0.25, 0.5, 0.25]}
SCORES = [np.array(one) for one in ([1.0, 2, 3], [40.0, 0, -1], [-40.0, 0, -700], [2.0, 2, 2], [0.0, 1, 60])]


@pytest.mark.parametrize(("name", "targets"), one_in(5, [(name, one) for name in EVERY_CLASS for one in TARGETS]))
def test_every_entry_at_once(name, targets):
    loss, term = EVERY_CLASS[name]
    model = Model(loss, [z], where=OF_VECTOR)
    points = [{"z": scores, "w": np.array(TARGETS[targets])} for scores in SCORES]
    right = lambda z, w: mpmath.fsum(term(*pair) for pair in zip(shares(z), w, strict=True))  # noqa: E731
    assert not array_tails.shortfalls(model, right, *points)


def test_every_entry_of_rows():
    Y = IndexedBase("Y", shape=(N, K))
    model = Model(
        Sum(1 - Sum(P[n, k] ** 2, classes), rows) - Sum(Y[n, k] * log(1 - P[n, k]), classes, rows), [Z], where=OF_MATRIX
    )

    def right(Z, Y):
        pairs = [pair for row, y in zip(Z, Y, strict=True) for pair in zip(shares(row), y, strict=True)]
        return mpmath.fsum(p * (1 - p) - (y * mpmath.log(1 - p) if y else 0) for p, y in pairs)

    for scores in SCORES:
        at = {"Z": np.array([scores, scores[::-1]]), "Y": np.array([[1.0, 0, 0], [0.25, 0, 0.75]])}
        assert not array_tails.shortfalls(model, right, at)


def test_the_only_entry_leaves_nothing_and_nothing_is_asked_of_it():
    at = {"z": np.array([3.0]), "w": np.array([0.0])}
    for name in ("linear", "logarithm", "focal"):
        with np.errstate(all="raise"):
            value, (slope,) = (
                Model(EVERY_CLASS[name][0], [z], where=OF_VECTOR).compile(check=False).value_and_gradient(**at)
            )
        assert value == 0 and slope == [0.0]


def test_one_class_leaves_nothing():
    model = Model(-Sum((1 - P[n, y[n]]) ** 2 * log(P[n, y[n]]), rows), [Z], where=OF_MATRIX)
    loss, gradient = model.compile(check=False).value_and_gradient(Z=np.array([[3.0]]), y=np.array([0]))
    assert loss == 0 and gradient.Z == [[0.0]]
    assert Model(1 - p[0], [z], where=OF_VECTOR).compile(check=False).value(np.array([3.0])) == 0


def test_labels_that_may_be_equal_stay():
    at = np.array([1.0, 2.0, 3.0])
    u, v = symbols("u v", integer=True)
    module = Model(log(1 - p[u] - p[v]), [z], where=OF_VECTOR).compile(check=False)
    share = np.exp(at) / np.exp(at).sum()
    np.testing.assert_allclose(module.value(z=at, u=0, v=0), np.log(1 - 2 * share[0]), rtol=1e-14)
    np.testing.assert_allclose(module.value(z=at, u=0, v=1), np.log(share[2]), rtol=1e-14)


def test_weights_of_any_sign_stay():
    """e^a + Σ w·exp z may be less than e^a: its logarithm would be none."""
    weighted = exp(a) + Sum(w[k] * exp(z[k]), classes)
    module = Model(1 - exp(a) / weighted, [a, z]).compile(check=False)
    at = {"a": 1.0, "z": np.array([0.0, 0.5]), "w": np.array([-0.5, -0.25])}
    rest = (at["w"] * np.exp(at["z"])).sum()
    np.testing.assert_allclose(module.value(**at), rest / (np.e + rest), rtol=1e-13)


def test_binary_cross_entropy_of_a_softmax():
    """∂C/∂zₖ = Σy·pₖ − yₖ + pₖ·(xₖ − Σ p·x) with x = (1 − y)/(1 − p), two of whose terms are large beside their sum."""
    Y = IndexedBase("Y", shape=(N, K))
    loss = -Sum(Y[n, k] * log(P[n, k]) + (1 - Y[n, k]) * log(1 - P[n, k]), rows, classes)
    module = Model(loss, [Z], where=OF_MATRIX).compile(check=False)
    for margin in (1.0, 30.0, 45.0, 60.0):
        scores, targets = [0.0, margin, 1.0], [0.25, 0.5, 0.125]
        with mpmath.workdps(100):
            p = shares([mpmath.mpf(score) for score in scores])
            x = [(1 - one) / (1 - share) for one, share in zip(targets, p, strict=True)]
            mean = mpmath.fsum(a * b for a, b in zip(p, x, strict=True))
            right = [float(sum(targets) * a - t + a * (b - mean)) for a, b, t in zip(p, x, targets, strict=True)]
        found = np.asarray(module.gradient(Z=np.array([scores]), Y=np.array([targets])))
        np.testing.assert_allclose(found.ravel(), right, rtol=1e-13)
