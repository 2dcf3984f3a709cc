"""Every rewrite that fires in a set of models is right there: both sides agree at 50 digits on drawn inputs."""

import mpmath
import numpy as np
import pytest
from sympy import (
    Eq,
    Identity,
    IndexedBase,
    KroneckerProduct,
    MatrixSymbol,
    Product,
    Q,
    Sum,
    Trace,
    exp,
    log,
    sin,
    symbols,
)

from symgrad import LogSumExp, Model, if_else, logdet, sigmoid, softmax, total
from symgrad.compiler import derive
from symgrad.graph.build import subtract
from symgrad.graph.nodes import Previous, postorder
from symgrad.rewrite import axes, linear_algebra, pipeline
from symgrad.rewrite.engine import Trace as Steps
from symgrad.rewrite.pipeline import stabilise
from symgrad.verify.graph_eval import GraphEvaluator

N, M, K = symbols("N M K", integer=True, positive=True)
n, m, k = symbols("n m k", integer=True)
x, t, v = IndexedBase("x", (N,)), IndexedBase("t", (N,)), IndexedBase("v", (M,))
z, T, p = IndexedBase("z", (N, K)), IndexedBase("T", (N, K)), IndexedBase("p", (N, K))
A, B, S, R = MatrixSymbol("A", M, M), MatrixSymbol("B", K, K), MatrixSymbol("S", M, M), MatrixSymbol("R", M, M)
L, X = MatrixSymbol("L", M, M), MatrixSymbol("X", N, M)

classes, rows = (k, 0, K - 1), (n, 0, N - 1)
one_hot = Eq(Sum(T[n, k], classes), 1)
logits = Sum(exp(z[n, k]), classes)
definite, orthogonal, triangular = Q.positive_definite(S), Q.orthogonal(R), Q.lower_triangular(L)

MODELS = {
    "logsumexp": lambda: Model(Sum(log(logits), rows), [z]),
    "softmax written out": lambda: Model(Sum(exp(z[n, k]) / logits * T[n, k], rows, classes), [z]),
    "log of softmax": lambda: Model(Sum(T[n, k] * log(exp(z[n, k]) / logits), rows, classes), [z]),
    "cross-entropy": lambda: Model(
        Sum(LogSumExp(z[n, k], classes), rows) - Sum(T[n, k] * z[n, k], rows, classes), [z], facts=[one_hot]
    ),
    "shifted softmax": lambda: Model(Sum(softmax(z[n, k] + x[n], classes) * T[n, k], rows, classes), [z, x]),
    "diagonal": lambda: Model(Trace((A * A).applyfunc(exp)), [A]),
    "log of a product": lambda: Model(log(Product(sigmoid(x[n]) ** t[n], rows)), [x]),
    "likelihood": lambda: Model(-Sum(t[n] * log(sigmoid(x[n])) + (1 - t[n]) * log(1 - sigmoid(x[n])), rows), [x]),
    "difference of log-sums": lambda: Model(
        Sum(exp(z[n, k] - LogSumExp(z[n, k], classes)) * T[n, k], rows, classes), [z]
    ),
    "conditions": lambda: Model(
        Sum(if_else(x[n] > 0, sin(x[n]), x[n]) + 2 * if_else(x[n] > 0, t[n], x[n] ** 2), rows), [x, t]
    ),
    "mask": lambda: Model(Sum(if_else(t[n] > 0, x[n], 0) * exp(x[n]), rows), [x]),
    "absolute values": lambda: Model(Sum(abs(exp(t[n]) * x[n] * sin(x[n]) ** 2 / (2 + t[n])), rows), [x, t]),
    "log-determinant": lambda: Model(logdet(S) + log(abs(A.det())), [S, A], facts=[definite]),
    "determinant of a square": lambda: Model(logdet(A.T * A), [A]),
    "triangular": lambda: Model(log(L.det() ** 2), [L], facts=[triangular]),
    "Kronecker": lambda: Model(logdet(KroneckerProduct(A.T * A, B.T * B)), [A, B]),
    "function of Kronecker": lambda: Model(total(KroneckerProduct(A, B).applyfunc(sin)), [A, B]),
    "Kronecker trace": lambda: Model(Trace(KroneckerProduct(A, B).I * KroneckerProduct(A, B + Identity(K))), [A, B]),
    "cancelled inverse": lambda: Model(Trace(S.I * A * A * S), [A, S], facts=[definite]),
    "orthogonal": lambda: Model(Trace(R.T * A * R * R.T * A.T * R) + Trace(R.I * A), [A], facts=[orthogonal]),
    "determinant of an orthogonal matrix": lambda: Model(log(abs(R.det())) + Trace(A * R), [R], facts=[orthogonal]),
    "log of the size of a product": lambda: Model(log(abs(Product(x[n], rows))), [x]),
}


def traces(model):
    """The rewrites of a model: of derivation, and of the code's terms."""
    derivation = derive(model.program)
    trace = Steps(list(derivation.trace.steps))
    stabilise([derivation.program.loss, *derivation.gradient.values()], trace)
    return trace.steps


@pytest.mark.parametrize("name", MODELS)
def test_each_rewrite_keeps_the_value(name):
    model = MODELS[name]()
    steps = [(rule, a, b) for rule, a, b in traces(model) if not _has_placeholders(a, b)]
    assert steps
    for draw in model.draws(model.compile(check=False), seed=1)[:2]:
        with mpmath.workdps(60):
            evaluate = GraphEvaluator(draw.inputs, draw.sizes)
            for rule, before, after in steps:
                letters = sorted({*before.letters, *after.letters})
                assert letters == list(range(len(letters)))
                left, right = (evaluate(use, len(letters)) for use in (before, after))
                error = np.max(np.abs(left - right), initial=0)
                # facts hold of the inputs to the rounding of float64
                allowed = mpmath.mpf(10) ** (-13 if model.facts else -45) * np.max(np.abs(left), initial=1)
                assert error <= allowed, f"{rule}: {before} became {after}, off by {mpmath.nstr(error)}"


def _has_placeholders(*uses):
    return any(isinstance(node, Previous) for node in postorder([use.node for use in uses]))


def test_every_rule_of_whole_axes_fires_in_one_of_the_models():
    fired = {rule for make in MODELS.values() for rule, _, _ in traces(make())}
    every = [*axes.RECOGNISE, *axes.CANONICAL, *linear_algebra.RECOGNISE, *linear_algebra.CANONICAL]
    names = {rule.__name__ for rule in every} | {"cancel", "cross_entropy", "binary_cross_entropy"}
    assert names <= fired


def test_a_wrong_rewrite_is_seen(monkeypatch):
    right = pipeline.simplify_cluster
    monkeypatch.setattr(pipeline, "simplify_cluster", lambda node: _off(right(node), node))
    with pytest.raises(AssertionError, match="cancel"):
        test_each_rewrite_keeps_the_value("likelihood")


def _off(found, node):
    return None if found is None else subtract(found, pipeline.own(node))
