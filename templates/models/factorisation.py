"""Matrix factorisation: a matrix as the product of two thin ones.

C = ‖A − UVᵀ‖²
"""

from sympy import MatrixSymbol, Trace, symbols

from symgrad import Model

N, M, R = symbols("N M R", integer=True, positive=True)  # rows, columns, rank

A = MatrixSymbol("A", N, M)  # what is to be factored
U, V = MatrixSymbol("U", N, R), MatrixSymbol("V", M, R)  # the factors, to be found

residual = A - U * V.T
model = Model(Trace(residual.T * residual), [U, V], name="matrix factorisation")
