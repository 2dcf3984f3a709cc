"""Sums and extrema over rows, of which some need others: in rounds of blocks, with the numbers of whole arrays."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Rational, Sum, exp, log, sqrt, symbols, tanh

from symgrad import LogSumExp, MaxOver, MinOver, Model, softmax

N, M, K = symbols("N M K", integer=True, positive=True)
n, i, j, k = symbols("n i j k", integer=True)
x, W, t = IndexedBase("x", shape=(N, M)), IndexedBase("W", shape=(M, K)), IndexedBase("t", shape=(N, K))
w, g, y = IndexedBase("w", shape=(M,)), IndexedBase("g", shape=(K,)), IndexedBase("y", shape=(N,))
Z, mu, v = IndexedBase("Z", shape=(N, K)), IndexedBase("mu", shape=(K,)), IndexedBase("v", shape=(K,))
SCORE = Sum(x[n, j] * w[j], (j, 0, M - 1))
NORMALISED = [
    Eq(Z[n, k], Sum(x[n, j] * W[j, k], (j, 0, M - 1))),
    Eq(mu[k], Sum(Z[n, k], (n, 0, N - 1)) / N),
    Eq(v[k], Sum((Z[n, k] - mu[k]) ** 2, (n, 0, N - 1)) / N),
]
SCALED = tanh(g[k] * (Z[n, k] - mu[k]) / sqrt(v[k] + Rational(1, 100)))
# models, and how many rounds their value takes
MODELS = {
    "a sum": (Model(Sum(tanh(SCORE), (n, 0, N - 1)), [w]), 1),
    "batch normalisation": (
        Model(Sum((SCALED - t[n, k]) ** 2, (n, 0, N - 1), (k, 0, K - 1)), [W, g], where=NORMALISED),
        3,
    ),
    "a maximum": (Model(MaxOver(tanh(SCORE) * y[n], (n, 0, N - 1)), [w]), 1),
    "a minimum and a sum": (Model(MinOver(SCORE, (n, 0, N - 1)) * Sum(SCORE**2, (n, 0, N - 1)), [w]), 1),
    "maxima": (Model(Sum(MaxOver(x[n, j] * w[j], (n, 0, N - 1)) ** 2, (j, 0, M - 1)), [w]), 1),
    "a logarithm of a sum of exponentials": (Model(LogSumExp(SCORE, (n, 0, N - 1)), [w]), 1),
    "cross-entropy over rows": (
        Model(-Sum(y[n] * log(softmax(SCORE, (n, 0, N - 1))), (n, 0, N - 1)), [w]),
        3,
    ),
    "attention over rows": (
        Model(Sum(Sum(softmax(SCORE, (n, 0, N - 1)) * t[n, k], (n, 0, N - 1)) ** 2, (k, 0, K - 1)), [w]),
        1,
    ),
    "a deviation from the mean": (
        Model(Sum(tanh(w[0] * (y[n] - Sum(y[i], (i, 0, N - 1)) / N)), (n, 0, N - 1)), [w]),
        2,
    ),
}


@pytest.fixture(params=MODELS)
def case(request):
    model, rounds = MODELS[request.param]
    rng = np.random.default_rng(3)
    sizes = {N: 500, M: 4, K: 3}
    return model, rounds, {a.name: rng.normal(size=[sizes[side] for side in a.shape]) for a in model.arguments}


def bits(result):
    return [part.tobytes() for part in (result[0], *result[1])]


def test_blocks_give_what_whole_arrays_give(case):
    model, rounds, given = case
    source = model.source(workspace=True)
    value = source[source.index("def value(") : source.index("def gradient(")]  # with the parts of it
    assert value.count("_over_rows(") == rounds
    module = model.compile(check=False, workspace=True)
    before = {name: array.copy() for name, array in given.items()}
    whole = module.value_and_gradient(**given)
    module.BLOCK_BYTES, module.THREAD_WORK = 2**10, 0
    found = []
    for threads in (1, 2, 7):
        module.THREADS = threads
        found.append(bits(module.value_and_gradient(**given)))
        found.append(bits(module.value_and_gradient(**given)))
    assert all(other == found[0] for other in found)  # whatever the threads
    blocked, kept = module.value_and_gradient(**given), module.value_and_gradient(**given, workspace=module.Workspace())
    alone = module.value(**given), module.gradient(**given)
    for result in (blocked, kept, alone):
        np.testing.assert_allclose(result[0], whole[0], rtol=1e-12)
        for part, expected in zip(result[1], whole[1], strict=True):
            np.testing.assert_allclose(part, expected, rtol=1e-10, atol=1e-12)
    for name, array in given.items():  # what rounds write over is theirs
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("scale", [1.0, 300.0, 1e5])
def test_blocks_of_very_different_maxima_are_joined_exactly(scale):
    """log Σ exp and its gradient against mpmath, where most blocks underflow beside the largest one."""
    model = MODELS["a logarithm of a sum of exponentials"][0]
    module, rng = model.compile(check=False), np.random.default_rng(8)
    module.BLOCK_BYTES = 2**9
    rows = rng.normal(size=(200, 4)) * np.sort(rng.uniform(0, scale, size=200))[:, None]
    start = rng.normal(size=4)
    with mpmath.workdps(50):
        scores = [mpmath.fdot(row, start) for row in rows.tolist()]
        total = mpmath.fsum(map(mpmath.exp, scores))
        shares = [mpmath.exp(score) / total for score in scores]
        wanted = [float(mpmath.fdot(shares, column)) for column in rows.T.tolist()]
        value = float(mpmath.log(total))
    with np.errstate(all="raise", under="ignore"):
        loss, slope = module.value_and_gradient(start, rows)
    np.testing.assert_allclose(loss, value, rtol=1e-13)
    np.testing.assert_allclose(slope.w, wanted, rtol=1e-9, atol=1e-12 * scale)


def test_a_maximum_that_counts_otherwise_is_taken_first():
    shifted = SCORE - MaxOver(SCORE, (n, 0, N - 1))
    for loss in (Sum(exp(shifted) ** 2 + shifted, (n, 0, N - 1)), Sum(exp(shifted) * shifted, (n, 0, N - 1))):
        assert "_after_the_larger" not in Model(loss, [w]).source()
    assert "_after_the_larger" in Model(Sum(exp(shifted) * y[n], (n, 0, N - 1)), [w]).source()


def test_rounds_are_checked(case):
    assert case[0].check().ok


def test_what_a_later_round_needs_stays_in_the_blocks_it_was_computed_in():
    source = MODELS["batch normalisation"][0].source()
    value = source[source.index("def _value_rows") : source.index("def gradient")]
    assert value.count("x @ W") == 1 and "out=Z)" in value  # no product twice; its array is free in the round after


def test_an_argument_that_several_rounds_read_is_never_written_to():
    column = IndexedBase("column", shape=(N,))
    centred = (x[n, 0] - Sum(x[n, 0], (n, 0, N - 1)) / N) * w[0]
    model = Model(Sum(tanh(centred) + column[n] ** 2, (n, 0, N - 1)), [w])
    module = model.compile(check=False)
    rng = np.random.default_rng(4)
    given = {"w": rng.normal(size=4), "x": rng.normal(size=(300, 4)), "column": rng.normal(size=300)}
    before = given["x"].copy()
    module.BLOCK_BYTES = 2**8
    first, second = module.value_and_gradient(**given), module.value_and_gradient(**given)
    np.testing.assert_array_equal(given["x"], before)
    assert bits(first) == bits(second)


@pytest.mark.parametrize(("name", "expected"), [("batch normalisation", True), ("cross-entropy over rows", False)])
def test_several_rounds_have_blocks_where_intermediate_results_outweigh_the_data(name, expected, monkeypatch):
    """Data are read from memory in each of them anyway; a score for each row is no work that a cache could help."""
    module = MODELS[name][0].compile(check=False)
    sizes = {N: 20_000, M: 200, K: 20}
    given = {a.name: np.ones([sizes[side] for side in a.shape]) for a in MODELS[name][0].arguments}
    lengths, whole = [], module._value_rows
    monkeypatch.setattr(module, "_value_rows", lambda x, *others: lengths.append(len(x)) or whole(x, *others))
    module.value(**given)
    assert (max(lengths) < 20_000) == expected and sum(lengths) == 20_000
