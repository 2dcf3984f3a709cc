"""−∞ as the logarithm of a probability of 0: what is forbidden adds 0 to all around it, and has gradient 0.

What is compared against: the same module where FAR stands for −∞. Its exponential is 0, too, so that value and
derivatives are those of the limit.
"""

import inspect

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Max, Sum, Symbol, exp, log, oo, sin, symbols

from symgrad import LogSumExp, Model, if_else, sigmoid, softmax, softplus
from tests.families import one_in

pytestmark = pytest.mark.filterwarnings("error")

N, K, T = symbols("N K T", integer=True, positive=True)
n, k, i, j, t = symbols("n k i j t", integer=True)
A, W = IndexedBase("A", shape=(N, K)), IndexedBase("W", shape=(N, K))
B, state, above = (IndexedBase(name, shape=(T, K)) for name in ("B", "state", "above"))
moves = IndexedBase("moves", shape=(K, K))
prior, rate, u = IndexedBase("prior", shape=(K,)), Symbol("rate"), IndexedBase("u", shape=(N,))
v, soft, shares = (
    IndexedBase(name, shape=shape) for name, shape in {"v": (N,), "soft": (N, K), "shares": (N, K)}.items()
)
tag = IndexedBase("tag", shape=(T,), integer=True)
over_k, over_n = (k, 0, K - 1), (n, 0, N - 1)

FAR = -1e5


def forward():
    """The forward algorithm in logarithms."""
    step = LogSumExp(state[t - 1, i] + moves[i, j], (i, 0, K - 1)) + B[t, j]
    return [Eq(state[0, j], B[0, j]), Eq(state[t, j], step)]


def alignment():
    """Stay, go on, or skip a label, from label 0: what cannot be reached yet has the logarithm −∞."""
    stay, go = state[t - 1, k], if_else(k >= 1, state[t - 1, Max(k - 1, 0)], -oo)
    skip = if_else(k >= 2, state[t - 1, Max(k - 2, 0)], -oo)
    return [
        Eq(state[0, k], if_else(k <= 0, B[0, k], -oo)),
        Eq(state[t, k], LogSumExp(stay, go, skip) + B[t, k]),
    ]


def everything():
    return LogSumExp(state[T - 1, j], (j, 0, K - 1))


MODELS = {
    "exp of a logsumexp": lambda: Model(Sum(exp(LogSumExp(A[n, k], over_k)) * W[n, 0], over_n), [A]),
    "logsumexp of logsumexps": lambda: Model(LogSumExp(LogSumExp(A[n, k], over_k), over_n), [A]),
    "softmax": lambda: Model(Sum(softmax(A[n, k], over_k) * W[n, k], over_k, over_n), [A]),
    "squares of a softmax": lambda: Model(
        Sum(softmax(2 * A[n, k] + prior[k], over_k) ** 2, over_k, over_n), [A, prior]
    ),
    "scaled": lambda: Model(Sum(exp(LogSumExp(A[n, k] / W[n, 0] - prior[k], over_k)), over_n), [A]),
    "sigmoid of a logsumexp": lambda: Model(Sum(sigmoid(LogSumExp(A[n, k], over_k)), over_n), [A]),
    "softplus of a logsumexp": lambda: Model(Sum(softplus(LogSumExp(A[n, k], over_k)), over_n), [A]),
    "masked": lambda: Model(Sum(exp(LogSumExp(if_else(k <= n, A[n, k], -oo), over_k)), over_n), [A]),
    "of two": lambda: Model(Sum(exp(LogSumExp(A[n, 0], A[n, 1])) * W[n, 0], over_n), [A]),
    "of two, named": lambda: Model(
        Sum(sigmoid(u[n]) * W[n, 0], over_n), [A], where=[Eq(u[n], log(exp(A[n, 0]) + exp(2 * A[n, 1])))]
    ),
    "of three": lambda: Model(Sum(sigmoid(LogSumExp(A[n, 0], A[n, 1], A[n, 2] + rate)), over_n), [A, rate]),
    "of one and many": lambda: Model(Sum(exp(log(exp(A[n, 0]) + Sum(exp(A[n, k]), over_k))), over_n), [A]),
    "a share of a weighted sum": lambda: Model(
        Sum(Sum(W[n, k] * exp(A[n, k]), over_k) / Sum(W[n, k] ** 2 * exp(A[n, k]), over_k), over_n), [A], name="softmax"
    ),
    "entropy of a softmax": lambda: Model(
        Sum(softmax(A[n, k], over_k) * log(softmax(A[n, k], over_k)) * W[n, 0], over_k, over_n), [A]
    ),
    "entropy of a named softmax": lambda: Model(
        Sum(shares[n, k] * log(shares[n, k]), over_k, over_n),
        [A],
        where=[Eq(shares[n, j], softmax(A[n, k], over_k).subs(k, j))],
    ),
    "divergence of a softmax": lambda: Model(
        Sum(
            softmax(A[n, k], over_k) * (log(softmax(A[n, k], over_k)) - log(softmax(2 * A[n, k], over_k))),
            over_k,
            over_n,
        ),
        [A],
    ),
    "soft targets": lambda: Model(-Sum(soft[n, k] * log(softmax(A[n, k], over_k)), over_k, over_n), [A]),
    "soft targets by hand": lambda: Model(
        -Sum(soft[n, k] * (A[n, k] - LogSumExp(A[n, j], (j, 0, K - 1))) * rate, over_k, over_n), [A, rate]
    ),
    "focal loss of a softmax": lambda: Model(
        -Sum(soft[n, k] * (1 - softmax(A[n, k], over_k)) ** 2 * log(softmax(A[n, k], over_k)), over_k, over_n), [A]
    ),
    "two sums with a term in common": lambda: Model(
        Sum(exp(u[n] + v[n]) + sin(exp(u[n])), over_n),
        [A],
        where=[Eq(u[n], LogSumExp(A[n, 0], A[n, 1])), Eq(v[n], LogSumExp(A[n, 1], A[n, 2]))],
    ),
    "temperature": lambda: Model(Sum(exp(LogSumExp(A[n, k] / rate, over_k)), over_n), [A, rate]),
    "pairs of sums": lambda: Model(
        LogSumExp(u[n] + LogSumExp(A[n, 1], A[n, 2]), over_n), [A], where=[Eq(u[n], LogSumExp(A[n, 0], A[n, 1]))]
    ),
    "alignment": lambda: Model(-state[T - 1, K - 1], [B], where=alignment()),
    "hidden Markov model": lambda: Model(-everything(), [B, moves], where=forward()),
    "conditional random field": lambda: Model(
        everything() - Sum(if_else(B[t, tag[t]] > FAR / 2, B[t, tag[t]], 0), (t, 0, T - 1)), [B, moves], where=forward()
    ),
}


def inputs(model, seed):
    """Inputs with −∞ in about half of the places: whole rows of A, arrivals at states, states at times."""
    rng = np.random.default_rng(seed)
    made = {
        "A": rng.normal(size=(4, 3)),
        "W": rng.uniform(0.5, 2, size=(4, 3)),
        "B": rng.normal(size=(5, 4)),
        "moves": rng.normal(size=(4, 4)),
        "prior": rng.normal(size=3),
        "rate": 0.7,
        "tag": rng.integers(0, 4, size=5),
    }
    made["A"][rng.random((4, 3)) < 0.4] = -np.inf
    made["A"][rng.integers(0, 4)] = -np.inf
    made["A"][rng.integers(0, 4), :2] = rng.normal(size=2)
    made["soft"] = np.where(made["A"] > -np.inf, rng.uniform(size=(4, 3)), 0)  # no target where nothing may be
    made["B"][rng.random((5, 4)) < 0.3] = -np.inf
    made["B"][:, 3] = rng.normal(size=5)
    made["B"][np.arange(5), np.minimum(np.arange(5), 3)] = rng.normal(size=5)  # an alignment is always there
    made["moves"][rng.random((4, 4)) < 0.4] = -np.inf
    made["moves"][3, 3] = 0.5  # one path is always there
    made["moves"][:, rng.integers(0, 3)] = -np.inf
    return {a.name: made[a.name] for a in model.arguments}


def compared(name, given):
    """The inputs to compare with; without the rows of which a softmax has no limit; and where in A its rows are."""
    rows = np.arange(len(given.get("A", ())))
    if "softmax" in name or "share" in name:
        rows = np.flatnonzero((given["A"] > -np.inf).any(axis=1))
    made = {p: value[rows] if p in ("A", "W", "soft") else value for p, value in given.items()}
    return {p: np.where(value == -np.inf, FAR, value) if p != "tag" else value for p, value in made.items()}, rows


def second(module, given):
    """Its Hessian, where it has one, and products with it."""
    directions = tuple(np.ones(np.shape(given[p])) for p in module.Gradient._fields)
    taken = {p: given[p] for p in inspect.signature(module.hessian_vector_product).parameters if p in given}
    rows = module.hessian(**taken) if hasattr(module, "hessian") else ()
    return [*module.hessian_vector_product(directions, **taken), *(block for row in rows for block in row)]


@pytest.mark.parametrize("name", one_in(12, MODELS))
def test_what_is_forbidden_adds_nothing(name):
    model = MODELS[name]()
    module = model.compile(check=False, hessian=not model.where or "common" in name, hvp=True)
    for seed in range(8):
        given = inputs(model, seed)
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_gradient(**given)
            curvature = second(module, given)
        others, rows = compared(name, given)
        expected, slopes = module.value_and_gradient(**others)
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        for p, slope in gradient._asdict().items():
            assert not np.any(slope[given[p] == -np.inf])
            right = getattr(slopes, p)
            np.testing.assert_allclose(slope[rows] if p == "A" else slope, right, rtol=1e-10, atol=1e-13)
        if len(rows) in (0, 4) and curvature:
            for have, right in zip(curvature, second(module, others), strict=True):
                np.testing.assert_allclose(have, right, rtol=1e-10, atol=1e-13)
        assert all(np.isfinite(part).all() for part in curvature)


SUMS = [LogSumExp(A[0, k], over_k), log(Sum(exp(A[0, k]), over_k)), LogSumExp(A[0, 0], A[0, 1], A[0, 2] - 1)]
SUMS += [LogSumExp(LogSumExp(A[n, k], over_k), over_n)]
SUMS += [LogSumExp(LogSumExp(A[n, k], over_k) + LogSumExp(2 * A[n, k], over_k), over_n)]
SUMS += [log(exp(A[0, 0]) + exp(A[0, 2])), log(2 * exp(A[0, 0]) + 3 * exp(A[0, 1])), log(Sum(k * exp(A[0, k]), over_k))]


@pytest.mark.parametrize("over", SUMS)
def test_of_nothing_the_value_is_minus_infinity(over):
    module = Model(over, [A]).compile(check=False)
    for dtype in (np.float64, np.float32):
        with np.errstate(all="raise"):
            value, gradient = module.value_and_gradient(np.full((1, 3), -np.inf, dtype))
        assert value == -np.inf and not gradient.A.any()


def test_a_probability_of_zero_is_no_warning():
    step = LogSumExp(state[t - 1, i] + log(moves[i, j]), (i, 0, K - 1)) + B[t, j]
    where = [Eq(state[0, j], log(prior[j]) + B[0, j]), Eq(state[t, j], step)]
    module = Model(-everything(), [B], where=where).compile(check=False)
    seen = np.random.default_rng(1).normal(size=(4, 3))
    given = {"prior": np.array([1.0, 0, 0]), "moves": np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]])}
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_gradient(seen, **given)
    weights = given["prior"] * np.exp(seen[0])  # the forward algorithm as it is in textbooks
    for row in seen[1:]:
        weights = weights @ given["moves"] * np.exp(row)
    np.testing.assert_allclose(value, -np.log(weights.sum()), rtol=1e-13)
    np.testing.assert_allclose(gradient.B.sum(axis=1), -1, rtol=1e-13)
    assert not gradient.B[0, 1:].any()


def test_a_weight_of_zero_has_the_slope_of_the_limit():
    """∂/∂w log Σ w·exp(e) = exp(e)/Σ w·exp(e), also where w is 0 and the logsumexp is of log(w) + e."""
    w, e = IndexedBase("w", shape=(K,)), IndexedBase("e", shape=(N, K))
    module = Model(Sum(LogSumExp(log(w[k]) + e[n, k], over_k), over_n), [w, e]).compile(check=False)
    weights, scores = np.array([0.0, 0.25, 0.75]), np.array([[1.0, 0.5, -2.0], [800.0, 0.0, -900.0], [-1.0, 2.0, 0.1]])
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_gradient(weights, np.delete(scores, 1, axis=0))
    sums = np.exp(np.delete(scores, 1, axis=0)) @ weights
    np.testing.assert_allclose(value, np.log(sums).sum(), rtol=1e-14)
    np.testing.assert_allclose(
        gradient.w, (np.exp(np.delete(scores, 1, axis=0)) / sums[:, None]).sum(axis=0), rtol=1e-13
    )
    assert not gradient.e[:, 0].any()
    assert not module.gradient(np.zeros(3), scores).w.any()  # all is forbidden


def test_no_entries_are_as_entries_that_are_forbidden():
    module = Model(Sum(exp(LogSumExp(A[n, k], over_k)), over_n) + rate**2, [A, rate]).compile(check=False)
    value, gradient = module.value_and_gradient(np.zeros((3, 0)), 2.0)
    assert value == 4 and gradient.A.shape == (3, 0) and gradient.rate == 4


def test_products_of_data_are_not_guarded():
    X, V = IndexedBase("X", shape=(N, T)), IndexedBase("V", shape=(T, K))
    plain = Model(Sum(LogSumExp(Sum(X[n, t] * V[t, k], (t, 0, T - 1)), over_k), over_n), [V])
    assert "finfo" not in plain.source() and "initial=" not in plain.source()
    guarded = Model(Sum(LogSumExp(Sum(X[n, t] * V[t, k], (t, 0, T - 1)) + A[n, k], over_k), over_n), [V])
    assert "finfo" in guarded.source()


def test_a_maximum_of_two_that_are_minus_infinity_is_shared_equally():
    first, second = IndexedBase("first", shape=(N,)), IndexedBase("second", shape=(N,))
    larger = Max(first[n], second[n])
    loss = Sum(larger * n + exp(larger), (n, 0, N - 1))
    module = Model(loss, [first, second]).compile(check=False, hvp=True)
    one, other = np.array([-np.inf, 1.0, 2.0, -np.inf]), np.array([-np.inf, 1.0, 0.0, 3.0])
    with np.errstate(all="raise"):
        gradient = module.gradient(one, other)
        product = module.hessian_vector_product(first=one, second=other, direction=(np.ones(4), np.zeros(4)))
    slopes = np.arange(4) + np.exp(np.maximum(one, other))
    np.testing.assert_allclose(gradient.first, slopes * [0.5, 0.5, 1, 0], rtol=1e-15)
    np.testing.assert_allclose(gradient.second, slopes * [0.5, 0.5, 0, 1], rtol=1e-15)
    np.testing.assert_allclose(product[0], np.exp(np.maximum(one, other)) * [0.25, 0.25, 1, 0], rtol=1e-15)
    with np.errstate(invalid="ignore"):
        assert np.isnan(module.gradient(np.array([np.nan]), np.array([1.0])).first).all()


def test_the_best_path_is_shared_equally_where_no_path_is_possible():
    best = IndexedBase("best", shape=(T + 1,))
    stay, move = IndexedBase("stay", shape=(T,)), IndexedBase("move", shape=(T,))
    where = [Eq(best[0], 0), Eq(best[t + 1], Max(best[t] + stay[t], best[t] + move[t]))]
    module = Model(exp(best[T]), [stay, move], where=where).compile(check=False)
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(np.array([-np.inf, 1.0]), np.array([-np.inf, 0.0]))
    assert value == 0.0
    np.testing.assert_array_equal(gradient.stay, [0.0, 0.0])
    np.testing.assert_array_equal(gradient.move, [0.0, 0.0])


def test_a_share_is_positive_where_its_score_is_not_minus_infinity():
    """SymPy once folded p > 0 to true."""
    share = softmax(A[n, k], over_k)
    module = Model(Sum(if_else(share > 0, log(share), 0), over_n, over_k), [A]).compile(check=False)
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(np.array([[0.0, 1.0, -np.inf]]))
    shares = np.array([1, np.e]) / (1 + np.e)
    np.testing.assert_allclose(value, np.log(shares).sum(), rtol=1e-14)
    np.testing.assert_allclose(gradient.A, [[*(1 - 2 * shares), 0]], rtol=1e-13)
