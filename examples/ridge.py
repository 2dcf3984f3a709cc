"""Ridge regression, in matrix notation.

C = ‖Xw − y‖² + λ‖w‖²,    ∂C/∂w = 2Xᵀ(Xw − y) + 2λw
"""

from sympy import MatrixSymbol, symbols

from symgrad import Model

N, M = symbols("N M", integer=True, positive=True)
lam = symbols("lam", positive=True)
X, y, w = MatrixSymbol("X", N, M), MatrixSymbol("y", N, 1), MatrixSymbol("w", M, 1)

residual = X * w - y
model = Model(residual.T * residual + lam * w.T * w, [w], name="ridge regression")
