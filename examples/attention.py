"""Single-head attention with a causal mask (Vaswani et al. 2017), and the squared error of what comes out.

Q = XW_q,  K = XW_k,  V = XW_v,    A = softmax(QKᵀ/√D + mask),    Y = AV,    C = ½‖Y − T‖²

The mask is −∞ above the diagonal: no place sees a later one.
"""

from sympy import Eq, Idx, IndexedBase, Rational, Sum, oo, sqrt, symbols

from symgrad import Model, if_else, softmax

S, M, D = symbols("S M D", integer=True, positive=True)  # places, features, size of the head
s, t, m, d = Idx("s", S), Idx("t", S), Idx("m", M), Idx("d", D)
X, T = IndexedBase("X", shape=(S, M)), IndexedBase("T", shape=(S, D))
W_q, W_k, W_v = (IndexedBase(name, shape=(M, D)) for name in ("W_q", "W_k", "W_v"))
Q, K, V, Y = (IndexedBase(name, shape=(S, D)) for name in ("Q", "K", "V", "Y"))
A = IndexedBase("A", shape=(S, S))

scores = Sum(Q[s, d] * K[t, d], d) / sqrt(D)
model = Model(
    Rational(1, 2) * Sum((Y[s, d] - T[s, d]) ** 2, s, d),
    [W_q, W_k, W_v],
    where=[
        Eq(Q[s, d], Sum(X[s, m] * W_q[m, d], m)),
        Eq(K[s, d], Sum(X[s, m] * W_k[m, d], m)),
        Eq(V[s, d], Sum(X[s, m] * W_v[m, d], m)),
        Eq(A[s, t], softmax(if_else(t <= s, scores, -oo), t)),
        Eq(Y[s, d], Sum(A[s, t] * V[t, d], t)),
    ],
    name="causal attention",
)
