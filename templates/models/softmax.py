"""Softmax regression: which of several classes each sample is in, with subscripts.

zₙₖ = bₖ + Σⱼ Xₙⱼ Wⱼₖ,    p = softmax(z),    C = −Σₙₖ tₙₖ log pₙₖ
"""

from sympy import Eq, Idx, IndexedBase, Sum, log, symbols

from symgrad import Model, softmax

N, M, K = symbols("N M K", integer=True, positive=True)  # samples, features, classes
n, j, k = Idx("n", N), Idx("j", M), Idx("k", K)

X = IndexedBase("X", shape=(N, M))  # a sample a row
t = IndexedBase("t", shape=(N, K))  # its class: 1 in the class's column, 0 elsewhere
W = IndexedBase("W", shape=(M, K))  # the weights, to be found
b = IndexedBase("b", shape=(K,))  # the biases, to be found
z = IndexedBase("z", shape=(N, K))
p = IndexedBase("p", shape=(N, K))

loss = -Sum(t[n, k] * log(p[n, k]), (n, 0, N - 1), (k, 0, K - 1))

where = [
    Eq(z[n, k], b[k] + Sum(X[n, j] * W[j, k], (j, 0, M - 1))),
    Eq(p[n, k], softmax(z[n, k], (k, 0, K - 1))),
]

# `facts` are what the compiler may use and what the checked inputs satisfy: without this one ∂C/∂z has a sum in it.
facts = [Eq(Sum(t[n, k], (k, 0, K - 1)), 1)]

model = Model(loss, [W, b], where=where, facts=facts, name="softmax regression")
