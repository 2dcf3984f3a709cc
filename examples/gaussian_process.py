"""A Gaussian process's marginal likelihood by its hyperparameters (Rasmussen and Williams 2006, equations 5.8 and 5.9).

Kₙₘ = v exp(−½ Σ_d (xₙ_d − xₘ_d)²/ℓ_d²) + s² δₙₘ,    C = ½ yᵀK⁻¹y + ½ log det K + ½ N log 2π

∂C/∂θ = ½ tr((K⁻¹ − ααᵀ) ∂K/∂θ) with α = K⁻¹y. The parameters are logarithms: v = exp(a), s² = exp(b), ℓ = exp(c).
"""

from sympy import Eq, Idx, IndexedBase, KroneckerDelta, MatrixSymbol, Q, Sum, Trace, exp, log, pi, symbols

from symgrad import Model, logdet

N, D = symbols("N D", integer=True, positive=True)
n, m, d = Idx("n", N), Idx("m", N), Idx("d", D)
a, b = symbols("a b", real=True)
c, x = IndexedBase("c", shape=(D,)), IndexedBase("x", shape=(N, D))
y, K = MatrixSymbol("y", N, 1), MatrixSymbol("K", N, N)

distance = Sum(((x[n, d] - x[m, d]) / exp(c[d])) ** 2, d)
model = Model(
    (Trace(y.T * K.I * y) + logdet(K) + N * log(2 * pi)) / 2,
    [a, b, c],
    where=[Eq(K[n, m], exp(a - distance / 2) + exp(b) * KroneckerDelta(n, m))],
    facts=[Q.positive_definite(K)],
    name="a Gaussian process",
)
