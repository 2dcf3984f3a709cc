"""Conditions: the branch not taken is never evaluated where it is infinite or undefined; reductions over masks."""

import numpy as np
import pytest
from sympy import *

from symgrad import *
from tests.families import one_in

N, M, T, D = symbols("N M T D", integer=True, positive=True)
i, j, k, n, m, d = symbols("i j k n m d", integer=True)
x, g, y, z = (IndexedBase(name, shape=(N,)) for name in "xgyz")
Y, S_, V = IndexedBase("Y", shape=(N, M)), IndexedBase("s", shape=(T, T)), IndexedBase("v", shape=(T, D))
A = IndexedBase("A", shape=(T, T))
rng = np.random.default_rng(0)


def over_n(body, parameters=(x, g), **options):
    return Model(Sum(body, (n, 0, N - 1)), [*parameters], **options)


UNDEFINED = {
    "log": lambda: over_n(if_else(x[n] > 0, log(x[n]), 0) + g[n] ** 2),
    "x log x": lambda: over_n(if_else(x[n] > 0, x[n] * log(x[n]), 0) * g[n]),
    "sqrt": lambda: over_n(if_else(x[n] > 0, sqrt(x[n]), g[n])),
    "quotient": lambda: over_n(if_else(Ne(x[n], 0), g[n] / x[n], 0)),
    "power": lambda: over_n(if_else(x[n] > 0, x[n] ** g[n], 0)),
    "negative power": lambda: over_n(if_else(x[n] > 0, g[n] * x[n] ** Rational(-3, 2), g[n])),
    "otherwise": lambda: over_n(if_else(x[n] <= 0, g[n], log(x[n]) * g[n])),
    "nested": lambda: over_n(if_else(x[n] > 0, if_else(g[n] > 0, log(x[n]) * sqrt(g[n]), 1 / x[n]), g[n])),
    "and": lambda: over_n(if_else(And(x[n] > 0, g[n] > 0), log(x[n] * g[n]), 0)),
    "or": lambda: over_n(if_else(Or(x[n] <= 0, g[n] <= 0), 0, log(x[n]) * log(g[n]))),
    "not": lambda: over_n(if_else(Not(And(x[n] > 0, g[n] > 0)), x[n], log(x[n]) + sqrt(g[n]))),
    "overflow": lambda: over_n(if_else(x[n] <= 0, exp(1000 * x[n]) - 1, x[n]) ** 2 * g[n]),
    "piecewise": lambda: over_n(Piecewise((log(x[n]), x[n] > 0), (sqrt(-x[n]), x[n] < 0), (g[n], True))),
    "name": lambda: over_n(if_else(x[n] > 0, y[n] * g[n], 0), where=[Eq(z[n], log(x[n])), Eq(y[n], z[n] ** 2 / x[n])]),
    "name that holds the condition": lambda: over_n(
        y[n] ** 2 * g[n], where=[Eq(z[n], if_else(x[n] > 0, log(x[n]), 0)), Eq(y[n], sin(z[n]))]
    ),
    "sum inside": lambda: over_n(if_else(x[n] > 0, Sum(log(x[n]) * g[k] ** 2 / x[n], (k, 0, N - 1)), 0) ** 2),
    "product": lambda: Model(Product(if_else(x[n] > 0, log(x[n]), 1), (n, 0, N - 1)) * g[0], [x, g]),
    "maximum": lambda: Model(MaxOver(if_else(x[n] > 0, log(x[n]), -5), (n, 0, N - 1)) * g[0], [x, g]),
    "index": lambda: over_n(if_else(n > 1, log(x[n] * n) / (n - 1), x[n]) * g[n]),
    "softmax inside": lambda: over_n(if_else(g[n] > 0, LogSumExp(log(g[n]) + x[j], (j, 0, N - 1)), 0)),
    "entropy": lambda: over_n(
        if_else(softmax(x[n], (n, 0, N - 1)) > 0, x[n], 0) + if_else(g[n] > 0, g[n] * log(g[n]), 0)
    ),
}


@pytest.mark.parametrize("name", one_in(3, UNDEFINED))
@pytest.mark.filterwarnings("error")
def test_a_branch_not_taken_is_not_evaluated_where_it_is_undefined(name):
    module = UNDEFINED[name]().compile(check=False)
    a, b = np.array([1.5, 2.0, 0.0, -2.0, 3.0]), np.array([0.5, -1.0, 2.0, 0.0, 1.0])
    if name == "index":
        a = np.abs(a) + 1
    for dtype in (np.float64, np.float32):
        value, slope = module.value_and_gradient(a.astype(dtype), b.astype(dtype))
        assert np.isfinite(value)
        np.testing.assert_allclose(value, module.value(a.astype(dtype), b.astype(dtype)), rtol=8 * np.finfo(dtype).eps)
        assert all(np.all(np.isfinite(part)) and part.dtype == dtype for part in slope)


@pytest.mark.parametrize("name", one_in(12, UNDEFINED))
def test_masked_models_are_right(name):
    report = UNDEFINED[name]().check()
    assert report.ok and len(report.runs) >= 3, str(report)


@pytest.mark.filterwarnings("error")
def test_a_guarded_value_is_exact():
    value, slope = UNDEFINED["name"]().compile(check=False).value_and_gradient([2.0, -1.0, 0.0], [3.0, 1.0, 1.0])
    np.testing.assert_allclose(value, 3 * np.log(2) ** 2 / 2, rtol=1e-12)
    np.testing.assert_allclose(slope.x, [3 * (2 * np.log(2) - np.log(2) ** 2) / 4, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(slope.g, [np.log(2) ** 2 / 2, 0, 0], rtol=1e-12)


def test_not_a_number_in_the_data_is_not_hidden():
    module = UNDEFINED["otherwise"]().compile(check=False)
    assert np.isnan(module.value([np.nan, 1.0], [1.0, 1.0]))


# --- masks on indices and reductions ----------------------------------------------------------------------------------

weights = if_else(j <= i, exp(S_[i, j]) / Sum(exp(S_[i, k]), (k, 0, i)), 0)
INDEX_MODELS = {
    "causal attention": lambda: Model(
        Sum(sin(Sum(A[i, j] * V[j, d], (j, 0, T - 1))), (i, 0, T - 1), (d, 0, D - 1)), [S_, V], where=[Eq(A[i, j], weights)]
    ),
    "triangular reductions": lambda: Model(
        Sum(
            LogSumExp(S_[i, j], (j, 0, i)) ** 2 + MaxOver(S_[i, j], (j, 0, i))
            + Product(S_[i, j], (j, 0, i)) + MinOver(S_[i, j] ** 2, (j, 0, i)) * Sum(S_[i, j], (j, 0, i)),
            (i, 0, T - 1),
        ),
        [S_],
    ),
    "upper triangle": lambda: Model(Sum(S_[i, j] ** 2 * (j - i), (j, i, T - 1), (i, 0, T - 1)), [S_]),
    "sum of earlier entries": lambda: Model(Sum(sin(Sum(x[j], (j, 0, i))), (i, 0, N - 1)), [x]),
    "product over two indices": lambda: Model(Product(1 + Y[n, m] ** 2, (n, 0, N - 1), (m, 0, M - 1)), [Y]),
    "maximum over two indices": lambda: Model(MaxOver(Y[n, m] ** 2, (n, 0, N - 1), (m, 0, M - 1)), [Y]),
    "logsumexp over two indices": lambda: Model(LogSumExp(Y[n, m] * x[n], (n, 0, N - 1), (m, 0, M - 1)), [Y, x]),
    "band": lambda: Model(Sum(if_else(And(j - i <= 1, i - j <= 1), S_[i, j] ** 3, 0), (i, 0, T - 1), (j, 0, T - 1)), [S_]),
    "delta of an expression": lambda: Model(Sum(S_[i, j] * KroneckerDelta(i + j, T - 1) * i, (i, 0, T - 1), (j, 0, T - 1)), [S_]),
    "checkerboard": lambda: Model(Sum(if_else(Eq(Mod(i + j, 2), 0), S_[i, j] ** 2, -S_[i, j]), (i, 0, T - 1), (j, 0, T - 1)), [S_]),
    "not equal": lambda: Model(Sum(if_else(Ne(i, j), exp(-(x[i] - x[j]) ** 2), 0), (i, 0, N - 1), (j, 0, N - 1)), [x]),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, INDEX_MODELS))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_masks_on_indices(name):
    report = INDEX_MODELS[name]().check()
    assert report.ok and len(report.runs) >= 3, str(report)


def test_entries_that_tie_over_two_indices_share_equally():
    module = INDEX_MODELS["maximum over two indices"]().compile(check=False)
    slope = module.gradient([[1.0, 3.0], [-3.0, 2.0], [0.0, 3.0]]).Y
    np.testing.assert_allclose(slope, [[0, 2], [-2, 0], [0, 2]])
    big = IndexedBase("x", shape=(2 * N,))
    module = Model(Sum(MaxOver(big[2 * i + j], (j, 0, 1)) * (i + 1), (i, 0, N - 1)), [big]).compile(check=False)
    np.testing.assert_allclose(module.gradient([1.0, 1.0, 2.0, 5.0]).x, [0.5, 0.5, 0, 2])


def test_causal_attention_is_numpys():
    s, v = rng.normal(size=(5, 5)), rng.normal(size=(5, 2))
    masked = np.where(np.tril(np.ones((5, 5), bool)), np.exp(s), 0)
    expected = np.sum(np.sin(masked / masked.sum(1, keepdims=True) @ v))
    value = INDEX_MODELS["causal attention"]().compile(check=False).value(s, v)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_a_condition_does_not_spread_over_what_lacks_its_indices():
    # a key is computed once, not for every query that sees it
    X, W, key = IndexedBase("X", shape=(T, D)), IndexedBase("W", shape=(D, D)), IndexedBase("key", shape=(T, D))
    size = Sum(X[j, k] ** 2, (k, 0, D - 1))
    scores = Sum(V[i, d] * key[j, d], (d, 0, D - 1))
    attended = softmax(if_else(j <= i, scores, -oo), (j, 0, T - 1))
    model = Model(
        Sum(sin(attended) * (j + 1), (j, 0, T - 1), (i, 0, T - 1)),
        [W, V],
        where=[Eq(key[j, d], Sum(X[j, k] * W[k, d], (k, 0, D - 1)) / sqrt(size + 1))],
    )
    assert "sqrt(np.where" not in model.source()
    assert model.check().ok


def test_labels_that_conditions_speak_of_are_labels_where_they_are_used_without():
    label = IndexedBase("label", shape=(N,), integer=True)
    guarded = if_else(label[n] >= 1, Y[n, label[n]] ** 2, 0)
    unbounded = Model(Sum(guarded, (n, 0, N - 1)), [Y])
    bounded = Model(Sum(guarded + exp(Y[n, label[n]]), (n, 0, N - 1)), [Y])
    uppers = [next(a.upper for a in model.arguments if a.name == "label") for model in (unbounded, bounded)]
    assert uppers == [None, M]
    assert bounded.check().ok


def test_labels_in_a_condition_are_labels():
    label = IndexedBase("label", shape=(T,), integer=True)
    model = Model(Sum(Piecewise((V[n, 0], V[label[n], 0] > 0), (1, True)) * g[0], (n, 0, T - 1)), [g])
    assert {argument.name: argument.upper for argument in model.arguments}["label"] == T


@pytest.mark.filterwarnings("error")
def test_rows_that_are_masked_whole_have_no_logarithm_and_no_shares():
    mask = IndexedBase("mask", shape=(N, M), integer=True)
    scores = if_else(mask[n, m] > 0, Y[n, m], -oo)
    values = np.array([[0.5, -1.0, 2.0], [1.0, 2.0, 3.0]])
    shown = np.array([[1, 0, 1], [0, 0, 0]])
    share = np.exp(values[0, ::2]) / np.exp(values[0, ::2]).sum()

    total_ = Model(Sum(exp(LogSumExp(scores, (m, 0, M - 1))), (n, 0, N - 1)), [Y]).compile(check=False)
    value, gradient = total_.value_and_gradient(values, shown)
    np.testing.assert_allclose(value, np.exp(values[0, ::2]).sum(), rtol=1e-14)
    np.testing.assert_allclose(gradient.Y, shown * np.exp(values), rtol=1e-14)

    attended = Model(Sum(softmax(scores, (m, 0, M - 1)) * Y[n, m], (m, 0, M - 1), (n, 0, N - 1)), [Y])
    value, gradient = attended.compile(check=False).value_and_gradient(values, shown)
    mean = share @ values[0, ::2]
    np.testing.assert_allclose(value, mean, rtol=1e-14)
    np.testing.assert_allclose(gradient.Y[0, ::2], share * (1 + values[0, ::2] - mean), rtol=1e-13)
    assert not gradient.Y[1].any()
    assert attended.check().ok


@pytest.mark.parametrize("seed", [0, 13, 14])
def test_a_loss_that_is_zero_but_for_rounding_is_right(seed):
    # of one sample Cox's partial likelihood is η - log exp η: its rounding errors are the same all around
    eta, beta = IndexedBase("eta", shape=(N,)), IndexedBase("beta", shape=(M,))
    at_risk = log(Sum(if_else(z[i] >= z[n], exp(eta[i]), 0), (i, 0, N - 1)))
    where = [Eq(eta[n], Sum(Y[n, m] * beta[m], (m, 0, M - 1)))]
    model = Model(-Sum(g[n] * (eta[n] - at_risk), (n, 0, N - 1)), [beta], where=where)
    assert not model.check(seed=seed, sizes={N: 1, M: 1}, chain=seed != 0).failures


@pytest.mark.long
def test_masks_that_always_leave_an_entry_cost_nothing():
    def attention(mask, rows=(0, T - 1)):
        scores = Sum(V[i, d] * V[j, d], (d, 0, D - 1))  # no infinity is a legal entry of V
        shares = softmax(if_else(mask, scores, -oo), (j, 0, T - 1))
        return Model(Sum(shares * V[j, d], (j, 0, T - 1), (i, *rows), (d, 0, D - 1)), [V])

    # a row without entries has a maximum of -oo, which must not be subtracted
    guarded = "np.finfo"
    for mask in (j <= i, j >= i, And(j <= i, j >= i - 2), j <= i + 1, j < i + 1):
        model = attention(mask)
        assert guarded not in model.source()
        assert model.check(chain=False).ok
    for mask in (j < i, And(j <= i - 2, j >= i - 4), V[j, 0] > 0):
        model = attention(mask)
        assert guarded in model.source()
        assert model.check(chain=False).ok
