"""Logistic regression, in matrix notation: the log-loss, the likelihood and the log-likelihood.

y = σ(Xw),    C = −(tᵀ log y + (1 − t)ᵀ log(1 − y)),    L = ∏ₙ yₙ^tₙ (1 − yₙ)^(1 − tₙ)
"""

from sympy import Eq, Idx, IndexedBase, MatrixSymbol, OneMatrix, Product, Sum, log, symbols

from symgrad import Model, sigmoid

N, M = symbols("N M", integer=True, positive=True)
X = MatrixSymbol("X", N, M)  # a sample a row
t = MatrixSymbol("t", N, 1)  # its class: 0 or 1
w = MatrixSymbol("w", M, 1)
y = MatrixSymbol("y", N, 1)  # the probability of class 1

ones = OneMatrix(N, 1)
loss = -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log))
model = Model(loss, [w], where=[Eq(y, sigmoid(X * w))], name="logistic regression: the log-loss")

# The same with subscripts, for the products that matrix notation has no word for.
n, j = Idx("n", N), Idx("j", M)
x, label, weight, p = (
    IndexedBase("x", shape=(N, M)),
    IndexedBase("label", shape=(N,)),
    IndexedBase("weight", shape=(M,)),
    IndexedBase("p", shape=(N,)),
)
probability = Eq(p[n], sigmoid(Sum(x[n, j] * weight[j], (j, 0, M - 1))))
likelihood = Model(
    Product(p[n] ** label[n] * (1 - p[n]) ** (1 - label[n]), (n, 0, N - 1)),
    [weight],
    where=[probability],
    facts=[label[n] >= 0, label[n] <= 1],
    name="logistic regression: the likelihood",
)
log_likelihood = Model(
    Sum(label[n] * log(p[n]) + (1 - label[n]) * log(1 - p[n]), (n, 0, N - 1)),
    [weight],
    where=[probability],
    name="logistic regression: the log-likelihood",
)
