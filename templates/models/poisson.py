"""Poisson regression: counts whose logarithmic mean is linear, with subscripts.

zₙ = Σⱼ Xₙⱼ wⱼ,    C = Σₙ (exp(zₙ) − cₙ zₙ)
"""

from sympy import Eq, Idx, IndexedBase, Sum, exp, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)  # samples, features
n, j = Idx("n", N), Idx("j", M)

X = IndexedBase("X", shape=(N, M))  # a sample a row
c = IndexedBase("c", shape=(N,), integer=True)  # how often it was counted
w = IndexedBase("w", shape=(M,))  # the weights, to be found
z = IndexedBase("z", shape=(N,))  # the logarithm of the expected count

model = Model(
    Sum(exp(z[n]) - c[n] * z[n], (n, 0, N - 1)),
    [w],
    where=[Eq(z[n], Sum(X[n, j] * w[j], (j, 0, M - 1)))],
    name="Poisson regression",
)
