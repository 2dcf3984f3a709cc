"""A simple network in blocks, with its forward and its backward pass.

Z = XW₁ + 1b₁  →  H = tanh Z  →  Y = HW₂ + 1b₂  →  C = ½‖Y − T‖²

Each block is one equation. Run as a script, it prints what each block computes on the way forward and, on the way
back, the derivative of the loss by its output.
"""

from sympy import Eq, MatrixSymbol, OneMatrix, Rational, Trace, symbols, tanh

from symgrad import Model
from symgrad.formula.text import text

N, M, L, K = symbols("N M L K", integer=True, positive=True)
X, T = MatrixSymbol("X", N, M), MatrixSymbol("T", N, K)
W1, b1 = MatrixSymbol("W1", M, L), MatrixSymbol("b1", 1, L)
W2, b2 = MatrixSymbol("W2", L, K), MatrixSymbol("b2", 1, K)
Z, H, Y = MatrixSymbol("Z", N, L), MatrixSymbol("H", N, L), MatrixSymbol("Y", N, K)
ones = OneMatrix(N, 1)

blocks = [
    Eq(Z, X * W1 + ones * b1),
    Eq(H, Z.applyfunc(tanh)),
    Eq(Y, H * W2 + ones * b2),
]
model = Model(Rational(1, 2) * Trace((Y - T).T * (Y - T)), [W1, b1, W2, b2], where=blocks, name="a network in blocks")

if __name__ == "__main__":
    print("forward")
    for block in blocks:
        print(f"  {block.lhs} = {text(block.rhs)}")
    print("backward")
    for block in reversed(blocks):
        print(f"  ∂C/∂{block.lhs} = {text(model.adjoint(block.lhs))}")
    for parameter in model.parameters:
        print(f"  ∂C/∂{parameter} = {text(model.gradient(parameter))}")
