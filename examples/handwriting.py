"""Handwriting (Graves 2013): an LSTM that foretells the next stroke of the pen as a mixture of normal distributions.

fₜ, iₜ, oₜ = σ(xₜW + hₜ₋₁U + b),  gₜ = tanh(xₜW + hₜ₋₁U + b),  cₜ = fₜcₜ₋₁ + iₜgₜ,  hₜ = oₜ tanh cₜ
C = −Σₜ log Σⱼ πⱼ N(xₜ₊₁ | μⱼ, σⱼ, ρⱼ) − Σₜ log Bernoulli(endₜ₊₁ | e)

A stroke is a step in two dimensions and whether the pen is then lifted. The mixture's weights π, means μ, spreads σ and
correlations ρ, and the probability e of an end, are read from hₜ: π = softmax, σ = exp, ρ = tanh, e = σ.
"""

from sympy import Eq, Idx, IndexedBase, Sum, exp, log, pi, symbols, tanh

from symgrad import LogSumExp, Model, sigmoid, softmax, softplus

T, N, K, J = symbols("T N K J", integer=True, positive=True)  # steps, texts, units, components of the mixture
n, k, l, j, d, a = Idx("n", N), Idx("k", K), Idx("l", K), Idx("j", J), Idx("d", 2), Idx("a", 3)
t, s = symbols("t", integer=True), Idx("s", T)
x = IndexedBase("x", shape=(T + 1, N, 3))  # dx, dy, and 1 where the pen is lifted
f, i, o, g, c, h = (IndexedBase(name, shape=(T + 1, N, K)) for name in "fiogch")
parameters = []


def parameter(name, *shape):
    parameters.append(IndexedBase(name, shape=shape))
    return parameters[-1]


def gate(name):
    """x W + h U + b"""
    W, U, b = parameter(f"W_{name}", 3, K), parameter(f"U_{name}", K, K), parameter(f"b_{name}", K)
    return Sum(x[t - 1, n, a] * W[a, k], a) + Sum(h[t - 1, n, l] * U[l, k], l) + b[k]


def read(name, *axes):
    """h V + v: what the state says about the next stroke"""
    shape = tuple(axis.upper - axis.lower + 1 for axis in axes)
    V, v = parameter(f"V_{name}", K, *shape), parameter(f"v_{name}", *shape) if shape else None
    return Sum(h[s + 1, n, k] * V[(k, *axes)], k) + (v[axes] if shape else 0)


lstm = [
    Eq(h[0, n, k], 0),
    Eq(c[0, n, k], 0),
    Eq(f[t, n, k], sigmoid(gate("f"))),
    Eq(i[t, n, k], sigmoid(gate("i"))),
    Eq(o[t, n, k], sigmoid(gate("o"))),
    Eq(g[t, n, k], tanh(gate("g"))),
    Eq(c[t, n, k], f[t, n, k] * c[t - 1, n, k] + i[t, n, k] * g[t, n, k]),
    Eq(h[t, n, k], o[t, n, k] * tanh(c[t, n, k])),
]

weight, rho = IndexedBase("weight", shape=(T, N, J)), IndexedBase("rho", shape=(T, N, J))
mu, log_sigma, z = (IndexedBase(name, shape=(T, N, J, 2)) for name in ("mu", "log_sigma", "z"))
end = IndexedBase("end", shape=(T, N))
mixture = [
    Eq(weight[s, n, j], softmax(read("weight", j), j)),
    Eq(mu[s, n, j, d], read("mu", j, d)),
    Eq(log_sigma[s, n, j, d], read("sigma", j, d)),
    Eq(rho[s, n, j], tanh(read("rho", j))),
    Eq(end[s, n], read("end")),
    Eq(z[s, n, j, d], (x[s + 1, n, d] - mu[s, n, j, d]) / exp(log_sigma[s, n, j, d])),
]
one, two, r = z[s, n, j, 0], z[s, n, j, 1], rho[s, n, j]
log_normal = (
    -(one**2 - 2 * r * one * two + two**2) / (2 * (1 - r**2))
    - log(2 * pi)
    - log_sigma[s, n, j, 0]
    - log_sigma[s, n, j, 1]
    - log(1 - r**2) / 2
)
lifted = x[s + 1, n, 2]
model = Model(
    -Sum(LogSumExp(log(weight[s, n, j]) + log_normal, j), s, n) + Sum(softplus(end[s, n]) - lifted * end[s, n], s, n),
    parameters,
    where=[*lstm, *mixture],
    name="handwriting",
)
