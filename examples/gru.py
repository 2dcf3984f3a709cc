"""A gated recurrent unit (Cho et al. 2014), and the squared error of its last state.

zₜ = σ(xₜW_z + hₜ₋₁U_z + b_z),  rₜ = σ(xₜW_r + hₜ₋₁U_r + b_r),  cₜ = tanh(xₜW_c + (rₜ ∘ hₜ₋₁)U_c + b_c)
hₜ = zₜ ∘ hₜ₋₁ + (1 − zₜ) ∘ cₜ,    h₀ = 0,    C = ½‖h_T − Y‖²
"""

from sympy import Eq, Idx, IndexedBase, Rational, Sum, symbols, tanh

from symgrad import Model, sigmoid

T, N, M, K = symbols("T N M K", integer=True, positive=True)  # steps, sequences, inputs, units
n, m, k, l = Idx("n", N), Idx("m", M), Idx("k", K), Idx("l", K)
t = symbols("t", integer=True)
x, Y = IndexedBase("x", shape=(T, N, M)), IndexedBase("Y", shape=(N, K))
h, z, r, c = (IndexedBase(name, shape=(T + 1, N, K)) for name in "hzrc")
parameters = []


def gate(name, state):
    """x W + h U + b, at time t"""
    W, U, b = (IndexedBase(f"{p}_{name}", shape=s) for p, s in (("W", (M, K)), ("U", (K, K)), ("b", (K,))))
    parameters.extend([W, U, b])
    return Sum(x[t - 1, n, m] * W[m, k], m) + Sum(state * U[l, k], l) + b[k]


before = h[t - 1, n, l]
equations = [
    Eq(h[0, n, k], 0),
    Eq(z[t, n, k], sigmoid(gate("z", before))),
    Eq(r[t, n, k], sigmoid(gate("r", before))),
    Eq(c[t, n, k], tanh(gate("c", r[t, n, l] * before))),
    Eq(h[t, n, k], z[t, n, k] * h[t - 1, n, k] + (1 - z[t, n, k]) * c[t, n, k]),
]
model = Model(Rational(1, 2) * Sum((h[T, n, k] - Y[n, k]) ** 2, n, k), parameters, where=equations, name="a GRU")
