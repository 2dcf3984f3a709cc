"""Matrix factorisation, in matrix notation.

C = ‖A − UVᵀ‖²,    ∂C/∂U = −2(A − UVᵀ)V,    ∂C/∂V = −2(A − UVᵀ)ᵀU
"""

from sympy import MatrixSymbol, Trace, symbols

from symgrad import Model

N, M, K = symbols("N M K", integer=True, positive=True)
A = MatrixSymbol("A", N, M)
U, V = MatrixSymbol("U", N, K), MatrixSymbol("V", M, K)

residual = A - U * V.T
model = Model(Trace(residual.T * residual), [U, V], name="matrix factorisation")
