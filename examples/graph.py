"""A computation graph whose every element has a name, and the derivative of the loss by each of them.

x → z = wᵀx → y = σ(z) → s = log y → C = −s

Run as a script, it prints all of them, from the loss back to the input.
"""

from sympy import Eq, Idx, IndexedBase, Sum, log, symbols

from symgrad import Model, sigmoid
from symgrad.formula.text import text

M = symbols("M", integer=True, positive=True)
i = Idx("i", M)
x, w = IndexedBase("x", shape=(M,)), IndexedBase("w", shape=(M,))
z, y, s, C = symbols("z y s C", real=True)

model = Model(
    C,
    [w, x],
    where=[
        Eq(z, Sum(w[i] * x[i], (i, 0, M - 1))),
        Eq(y, sigmoid(z)),
        Eq(s, log(y)),
        Eq(C, -s),
    ],
    name="a graph",
)

if __name__ == "__main__":
    for element in (C, s, y, z, w[i], x[i]):
        print(f"∂C/∂{text(element)} = {text(model.adjoint(element))}")
