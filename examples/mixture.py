"""A mixture of Gaussians with full covariance matrices: the negative log-likelihood.

C = −Σₙ log Σₖ πₖ N(xₙ | μₖ, Sₖ),    log N = −½ (x − μ)ᵀS⁻¹(x − μ) − ½ log det S − ½ D log 2π

The parameters are free: π = softmax a, and Sₖ = AₖAₖᵀ + I/100, which is positive definite.
"""

from sympy import Eq, Idx, IndexedBase, KroneckerDelta, Rational, Sum, log, pi, symbols

from symgrad import LogSumExp, Model, inverse, logdet, softmax

N, D, K = symbols("N D K", integer=True, positive=True)  # samples, their dimensions, components
n, k, i, j, l = Idx("n", N), Idx("k", K), Idx("i", D), Idx("j", D), Idx("l", D)
X, a, mu = IndexedBase("X", shape=(N, D)), IndexedBase("a", shape=(K,)), IndexedBase("mu", shape=(K, D))
A, S = IndexedBase("A", shape=(K, D, D)), IndexedBase("S", shape=(K, D, D))
weight, d = IndexedBase("weight", shape=(K,)), IndexedBase("d", shape=(N, K, D))

distance = Sum(d[n, k, i] * inverse(S[k, i, j], i, j) * d[n, k, j], i, j)
log_normal = -(distance + logdet(S[k, i, j], i, j) + D * log(2 * pi)) / 2
model = Model(
    -Sum(LogSumExp(log(weight[k]) + log_normal, k), n),
    [a, mu, A],
    where=[
        Eq(weight[k], softmax(a[k], k)),
        Eq(d[n, k, i], X[n, i] - mu[k, i]),
        Eq(S[k, i, j], Sum(A[k, i, l] * A[k, j, l], l) + Rational(1, 100) * KroneckerDelta(i, j)),
    ],
    name="a mixture of Gaussians",
)
