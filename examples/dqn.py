"""Deep Q-learning's temporal-difference loss (Mnih et al. 2015).

C = 1/N Σₙ (rₙ + γ (1 − endₙ) maxₐ Q(s′ₙ, a) − Q(sₙ, aₙ))²

The target r + γ max Q is a number to learn from, not a function of the parameters: `constant` stops the gradient.
"""

from sympy import Eq, Idx, IndexedBase, Sum, symbols

from symgrad import MaxOver, Model, constant, relu

N, M, L, A = symbols("N M L A", integer=True, positive=True)  # transitions, features, hidden units, actions
n, j, l, k = Idx("n", N), Idx("j", M), Idx("l", L), Idx("k", A)
gamma = symbols("gamma", positive=True)
state, after = IndexedBase("state", shape=(N, M)), IndexedBase("after", shape=(N, M))
action = IndexedBase("action", shape=(N,), integer=True)
reward, end = IndexedBase("reward", shape=(N,)), IndexedBase("end", shape=(N,))
W1, b1 = IndexedBase("W1", shape=(M, L)), IndexedBase("b1", shape=(L,))
W2, b2 = IndexedBase("W2", shape=(L, A)), IndexedBase("b2", shape=(A,))
Q, Q_after = IndexedBase("Q", shape=(N, A)), IndexedBase("Q_after", shape=(N, A))


def values(s):
    """Q(s, ·) of the states s: a network of two layers."""
    hidden = relu(Sum(s[n, j] * W1[j, l], j) + b1[l])
    return Sum(hidden * W2[l, k], l) + b2[k]


target = reward[n] + gamma * (1 - end[n]) * MaxOver(Q_after[n, k], k)
model = Model(
    Sum((constant(target) - Q[n, action[n]]) ** 2, n) / N,
    [W1, b1, W2, b2],
    where=[Eq(Q[n, k], values(state)), Eq(Q_after[n, k], values(after))],
    name="deep Q-learning",
)
