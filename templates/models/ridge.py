"""Ridge regression: a straight line through data, with a penalty on large weights.

C = ‖Xw − y‖² + λ‖w‖²
"""

from sympy import MatrixSymbol, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)  # samples, features
lam = symbols("lam", positive=True)  # a scalar is a symbol; this one is data

X, y = MatrixSymbol("X", N, M), MatrixSymbol("y", N, 1)  # a sample a row, and its value
w = MatrixSymbol("w", M, 1)  # the weights, to be found

model = Model((X * w - y).T * (X * w - y) + lam * w.T * w, [w], name="ridge regression")
