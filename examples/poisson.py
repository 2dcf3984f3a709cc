"""Poisson regression: a generalised linear model of counts, with the logarithm as its link.

μ = exp(Xw + offset),    C = Σₙ (μₙ − kₙ log μₙ + log kₙ!),    ∂C/∂w = Xᵀ(μ − k)
"""

from sympy import Eq, Idx, IndexedBase, Sum, exp, log, loggamma, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
n, j = Idx("n", N), Idx("j", M)
X, w = IndexedBase("X", shape=(N, M)), IndexedBase("w", shape=(M,))
count, offset = IndexedBase("count", shape=(N,), integer=True), IndexedBase("offset", shape=(N,))
mu = IndexedBase("mu", shape=(N,))

model = Model(
    Sum(mu[n] - count[n] * log(mu[n]) + loggamma(count[n] + 1), n),
    [w],
    where=[Eq(mu[n], exp(Sum(X[n, j] * w[j], j) + offset[n]))],
    facts=[count[n] >= 0],
    name="Poisson regression",
)
