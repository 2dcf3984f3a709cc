"""Softmax regression (logistic regression with many classes), in index notation.

zₙₖ = Σⱼ Xₙⱼ Wⱼₖ + bₖ,    pₙₖ = exp(zₙₖ) / Σᵢ exp(zₙᵢ),    C = −Σₙₖ tₙₖ log pₙₖ

The fact that targets sum to one (one-hot, for instance) makes ∂C/∂z = p − t of what is p·(Σt) − t without it.
"""

from sympy import Eq, Idx, IndexedBase, Sum, exp, log, symbols

from symgrad import Model

N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k, i = Idx("n", N), Idx("j", M), Idx("k", K), Idx("i", K)
X, t = IndexedBase("X", shape=(N, M)), IndexedBase("t", shape=(N, K))
W, b = IndexedBase("W", shape=(M, K)), IndexedBase("b", shape=(K,))
z, p = IndexedBase("z", shape=(N, K)), IndexedBase("p", shape=(N, K))

model = Model(
    -Sum(t[n, k] * log(p[n, k]), (k, 0, K - 1), (n, 0, N - 1)),
    [W, b],
    where=[
        Eq(z[n, k], Sum(X[n, j] * W[j, k], (j, 0, M - 1)) + b[k]),
        Eq(p[n, k], exp(z[n, k]) / Sum(exp(z[n, i]), (i, 0, K - 1))),
    ],
    facts=[Eq(Sum(t[n, k], (k, 0, K - 1)), 1)],
    name="softmax regression",
)
