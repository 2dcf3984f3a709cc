"""Sums of exponentials of what is symmetric in i and j, and of what lacks an index of the sum: finite, however large.

What is compared against: the loss and its gradient by hand, rows shifted by their maxima, in float64.
"""

import numpy as np
import pytest
from sympy import And, Eq, IndexedBase, Ne, Sum, exp, log, sqrt, symbols

from symgrad import Model, if_else
from tests.families import one_in

pytestmark = pytest.mark.filterwarnings("error")

N, D = symbols("N D", integer=True, positive=True)
i, j, d, n, m = symbols("i j d n m", integer=True)
tau = symbols("tau", positive=True)
z, s = IndexedBase("z", shape=(N, D)), IndexedBase("s", shape=(N, N))
p, norm = IndexedBase("p", shape=(N, N)), IndexedBase("norm", shape=(N,))
over_i, over_j = (i, 0, N - 1), (j, 0, N - 1)

dots = Sum(z[i, d] * z[j, d], (d, 0, D - 1))
squares = -Sum((z[i, d] - z[j, d]) ** 2, (d, 0, D - 1))
rng = np.random.default_rng(3)
POINTS = rng.normal(size=(5, 2))


def others(entry):
    """Σ_{j ≠ i} exp(entry)."""
    return Sum(if_else(Ne(i, j), exp(entry), 0), over_j)


MODELS = {
    "named": lambda: Model(Sum(log(others(s[i, j])), over_i), [z], where=[Eq(s[i, j], dots)]),
    "temperature": lambda: Model(Sum(log(others(dots / tau)), over_i), [z]),
    "distances": lambda: Model(Sum(log(others(squares)), over_i), [z]),
    "shares": lambda: Model(
        -Sum(log(p[i, j]) * (i + 2 * j), over_j, over_i) / 20,
        [z],
        where=[Eq(s[i, j], squares), Eq(p[i, j], exp(s[i, j]) / Sum(exp(s[i, j]), over_j))],
    ),
    "all": lambda: Model(Sum(log(Sum(exp(dots), over_j)), over_i), [z]),
    "both normed": lambda: Model(
        Sum(exp(dots) / sqrt(norm[i] * norm[j]) * (i + 1), over_i, over_j),
        [z],
        where=[Eq(norm[i], Sum(exp(dots), over_j))],
    ),
    "both ways": lambda: Model(
        Sum((exp(dots) / norm[i] + exp(dots) / norm[j]) ** 2 * (i + 1), over_i, over_j),
        [z],
        where=[Eq(norm[i], Sum(exp(dots), over_j))],
    ),
}


def exponents(name, z):
    """The exponents, and those that count."""
    scores = z @ z.T
    if name in ("distances", "shares"):
        scores = -((z[:, None] - z) ** 2).sum(axis=2)
    return scores, ~np.eye(len(z), dtype=bool) if name in ("named", "temperature", "distances") else np.ones_like(
        scores, bool
    )


def by_hand(name, z):
    scores, counts = exponents(name, z)
    scores = scores / (0.5 if name == "temperature" else 1)
    largest = np.where(counts, scores, -np.inf).max(axis=1)
    logs = np.log(np.exp(np.where(counts, scores - largest[:, None], -np.inf)).sum(axis=1)) + largest
    rows, columns = np.arange(len(z))[:, None], np.arange(len(z))
    if name == "shares":
        return -((scores - logs[:, None]) * (rows + 2 * columns)).sum() / 20
    if name == "both normed":
        return (np.exp(scores - logs[:, None] / 2 - logs / 2) * (rows + 1)).sum()
    if name == "both ways":
        return ((np.exp(scores - logs[:, None]) + np.exp(scores - logs)) ** 2 * (rows + 1)).sum()
    return logs.sum()


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_one_maximum_shifts_above_and_below(name):
    model = MODELS[name]()
    module = model.compile(check=False, hessian=True, hvp=True)
    for scale in (1, 40):
        given = {a.name: {"z": scale * POINTS, "tau": 0.5}[a.name] for a in model.arguments}
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_gradient(**given)
            hessian = module.hessian(**given).z.z
            product = module.hessian_vector_product((np.ones((5, 2)),), **given).z
        np.testing.assert_allclose(value, by_hand(name, given["z"]), rtol=1e-12)
        step, largest = 1e-5 * scale, 1 + np.abs(hessian).max()
        for place in np.ndindex(5, 2):  # the error of a difference of this step is its square, or rounding through it
            up, down = (given | {"z": given["z"] + side * step * _unit(place)} for side in (1, -1))
            slope = (by_hand(name, up["z"]) - by_hand(name, down["z"])) / (2 * step)
            np.testing.assert_allclose(gradient.z[place], slope, rtol=1e-5, atol=1e-4)
            row = (module.gradient(**up).z - module.gradient(**down).z) / (2 * step)
            np.testing.assert_allclose(hessian[place], row, rtol=1e-4, atol=1e-3 * largest)
        np.testing.assert_allclose(product, hessian.sum(axis=(2, 3)), rtol=1e-9, atol=1e-8 * largest)


def _unit(place):
    unit = np.zeros((5, 2))
    unit[place] = 1
    return unit


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_single_precision(name):
    model = MODELS[name]()
    given = {"z": (10 * POINTS).astype(np.float32), "tau": np.float32(0.5)}
    given = {a.name: given[a.name] for a in model.arguments}
    module = model.compile(check=False)
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_gradient(**given)
    double = module.gradient(**{name_: np.asarray(entry, float) for name_, entry in given.items()})
    np.testing.assert_allclose(value, by_hand(name, given["z"].astype(float)), rtol=1e-4)
    np.testing.assert_allclose(gradient.z, double.z, rtol=1e-3, atol=1e-3 * (1 + np.abs(double.z).max()))


eta, time, event, rank, tied = (IndexedBase(name, shape=(N,)) for name in ("eta", "time", "event", "rank", "tied"))
at_risk = Sum(if_else(time[m] >= time[n], exp(eta[m]), 0), (m, 0, N - 1))
together = Sum(if_else(And(Eq(time[m], time[n]), event[m] > 0), exp(eta[m]), 0), (m, 0, N - 1))
RISKS = {
    "Breslow": at_risk,
    "Efron": at_risk - rank[n] / tied[n] * together,
    "ordered": Sum(exp(eta[m]), (m, n, N - 1)),
}


@pytest.mark.parametrize("name", one_in(2, RISKS))
def test_a_partial_likelihood_does_not_depend_on_the_level_of_the_hazards(name):
    model = Model(-Sum(event[n] * (eta[n] - log(RISKS[name])), (n, 0, N - 1)), [eta])
    module = model.compile(check=False, hvp=True)
    given = {
        "eta": np.array([0.1, -0.3, 0.5, 0.2, 0.9]),
        "time": np.array([1.0, 2, 2, 2, 3]),
        "event": np.array([1.0, 1, 1, 0, 1]),
        "rank": np.array([0.0, 0, 1, 0, 0]),
        "tied": np.array([1.0, 2, 2, 1, 1]),
    }
    given = {a.name: given[a.name] for a in model.arguments}
    expected, slopes = module.value_and_gradient(**given)
    for shift in (800.0, -800.0):
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_gradient(**given | {"eta": given["eta"] + shift})
        np.testing.assert_allclose(value, expected, rtol=1e-11)  # a shift of 800 costs three digits
        np.testing.assert_allclose(gradient.eta, slopes.eta, atol=1e-12)
    assert model.check(chain=False).ok


def test_a_sum_over_nothing_beside_others():
    w = IndexedBase("w", shape=(N,))
    module = Model(log(2 + Sum(exp(w[n]), (n, 0, N - 1))), [w]).compile(check=False)
    value, gradient = module.value_and_gradient(np.zeros(0))
    assert value == np.log(2) and gradient.w.shape == (0,)
