"""Logistic regression: which of two classes each sample is in.

y = σ(Xw),    C = −Σₙ (tₙ log yₙ + (1 − tₙ) log(1 − yₙ))
"""

from sympy import Eq, MatrixSymbol, OneMatrix, log, symbols

from symgrad import Model, sigmoid

# Dimensions are integer symbols; the generated module takes any sizes.
N, M = symbols("N M", integer=True, positive=True)  # samples, features

# Data and parameters are matrices; a vector is a matrix with one column.
X = MatrixSymbol("X", N, M)  # a sample a row
t = MatrixSymbol("t", N, 1)  # its class: 0 or 1
w = MatrixSymbol("w", M, 1)  # the weights, to be found
y = MatrixSymbol("y", N, 1)  # the probability of class 1

ones = OneMatrix(N, 1)
loss = -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log))

# `where` names intermediate quantities: they come back in formulas and code.
model = Model(loss, [w], where=[Eq(y, sigmoid(X * w))], name="logistic regression")
