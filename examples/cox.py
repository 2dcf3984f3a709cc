"""Cox's partial likelihood for survival times, some of them censored (Cox 1972; Breslow's treatment of ties).

η = Xw,    C = −Σₙ eₙ (ηₙ − log Σ_{m: Tₘ ≥ Tₙ} exp ηₘ)

T are the times, e is 1 where the event was seen and 0 where the observation ended before it. Those still at risk at
time Tₙ are found by comparing times: nothing has to be sorted.
"""

from sympy import Eq, Idx, IndexedBase, Sum, oo, symbols

from symgrad import LogSumExp, Model, if_else

N, M = symbols("N M", integer=True, positive=True)
n, m, j = Idx("n", N), Idx("m", N), Idx("j", M)
X, w = IndexedBase("X", shape=(N, M)), IndexedBase("w", shape=(M,))
T, e, eta = IndexedBase("T", shape=(N,)), IndexedBase("e", shape=(N,)), IndexedBase("eta", shape=(N,))

at_risk = LogSumExp(if_else(T[m] >= T[n], eta[m], -oo), m)
model = Model(
    -Sum(e[n] * (eta[n] - at_risk), n),
    [w],
    where=[Eq(eta[n], Sum(X[n, j] * w[j], j))],
    name="Cox regression",
)
