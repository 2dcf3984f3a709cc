"""Cross-entropies of classes that are all but certain, in every spelling, against mpmath: each entry has its digits."""

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import LogSumExp, Model, softmax

N, M, K = symbols("N M K", integer=True, positive=True)
n, m, k, j = symbols("n m k j", integer=True)
z, t, p = (IndexedBase(name, shape=(N, K)) for name in "ztp")
y, v = IndexedBase("y", shape=(N,), integer=True), IndexedBase("v", shape=(N,))
X, W, b = IndexedBase("X", shape=(N, M)), IndexedBase("W", shape=(M, K)), IndexedBase("b", shape=(K,))
over, rows = (k, 0, K - 1), (n, 0, N - 1)
total = Sum(exp(z[n, j]), (j, 0, K - 1))
one = Eq(Sum(t[n, k], over), 1)

Z = np.array([[40.0, 0.0, 1.0], [1.0, 2.0, 700.0], [3.0, 41.0, 40.5], [0.5, -300.0, 0.25]])
LABELS = np.array([0, 2, 0, 1])
WEIGHTS = np.array([1.0, 0.5, 3.0, 2.0])
SOFT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.875, 0.0, 0.125], [0.0, 0.75, 0.25]])
HARD = np.eye(3)[LABELS]

# the loss, and the targets that it has
MODELS = {
    "labels": (Model(-Sum(z[n, y[n]] - log(Sum(exp(z[n, k]), over)), rows), [z]), HARD),
    "shares of labels": (Model(-Sum(v[n] * log(exp(z[n, y[n]]) / total), rows), [z]), WEIGHTS[:, None] * HARD),
    "one hot": (Model(-Sum(t[n, k] * (z[n, k] - log(total)), rows, over), [z]), HARD),
    "a fact": (Model(Sum(LogSumExp(z[n, k], over), rows) - Sum(t[n, k] * z[n, k], rows, over), [z], facts=[one]), HARD),
    "soft": (
        Model(-Sum(t[n, k] * log(p[n, k]), rows, over), [z], where=[Eq(p[n, k], softmax(z[n, k], over))]),
        SOFT,
    ),
}


def cross_entropy(scores, targets):
    """Value and gradient by the scores; of what is certain no digit is lost."""
    value, slopes = mpmath.mpf(0), np.empty(np.shape(targets), dtype=object)
    for i, (row, those) in enumerate(zip(scores, targets, strict=True)):
        exponentials = [mpmath.exp(mpmath.mpf(score)) for score in row]
        shares = [one / mpmath.fsum(exponentials) for one in exponentials]
        value -= mpmath.fsum(float(w) * mpmath.log(share) for w, share in zip(those, shares, strict=True) if w)
        slopes[i] = [float(sum(those)) * share - float(w) for w, share in zip(those, shares, strict=True)]
    return value, slopes


@pytest.mark.parametrize("scores", [Z, Z[:1]], ids=["all", "certain"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_digits(name, scores, dtype):
    model, targets = MODELS[name]
    size = len(scores)
    given = {"z": scores.astype(dtype), "y": LABELS[:size], "v": WEIGHTS[:size].astype(dtype)}
    given["t"] = targets[:size].astype(dtype)
    module = model.compile(check=False)
    wanted = {k: given[k] for k in ("z", *(a.name for a in model.arguments))}
    with np.errstate(all="raise", under="ignore"):
        value, (slopes,) = module.value_and_gradient(**wanted)
    with mpmath.workdps(700):
        right, entries = cross_entropy(scores, targets[:size])
        eps = float(np.finfo(dtype).eps)
        assert abs(value - right) <= 100 * eps * right
        for have, entry in zip(slopes.flat, entries.flat, strict=True):
            assert abs(float(have) - entry) <= 4000 * eps * abs(entry) + float(np.finfo(dtype).tiny)


def score(label):
    """That of a class, written out."""
    return Sum(X[n, m] * W[m, label], (m, 0, M - 1)) + b[label]


@pytest.mark.parametrize("scores", [Z, Z[:1]], ids=["all", "certain"])
def test_labels_in_scores_that_are_written_out(scores):
    """With X = 𝟏 and b = 0 the scores are W, and derivatives by these are those by the scores."""
    size = len(scores)
    module = Model(Sum(LogSumExp(score(k), over) - score(y[n]), rows), [W, b]).compile(check=False)
    with np.errstate(all="raise", under="ignore"):
        value, (slopes, _) = module.value_and_gradient(scores, np.zeros(3), np.eye(size), LABELS[:size])
    with mpmath.workdps(700):
        right, entries = cross_entropy(scores, HARD[:size])
        assert abs(value - right) <= 1e-14 * right
        for have, entry in zip(slopes.flat, entries.flat, strict=True):
            assert abs(float(have) - entry) <= 1e-12 * abs(entry) + 1e-300
