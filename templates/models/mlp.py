"""A multilayer perceptron: two hidden layers, softmax and cross-entropy, with a penalty on the weights.

H₁ = tanh(XW₁ + 1b₁),    H₂ = tanh(H₁W₂ + 1b₂),    P = softmax(H₂W₃ + 1b₃)
"""

from sympy import Eq, HadamardProduct, MatrixSymbol, OneMatrix, Trace, log, symbols, tanh

from symgrad import Model, softmax, total

N, M, K = symbols("N M K", integer=True, positive=True)  # samples, features, classes
L1, L2 = symbols("L1 L2", integer=True, positive=True)  # units of the hidden layers
lam = symbols("lam", positive=True)  # how much large weights cost: an argument of the module

X, T = MatrixSymbol("X", N, M), MatrixSymbol("T", N, K)  # a sample a row; 1 in its class's column, 0 elsewhere
W1, b1 = MatrixSymbol("W1", M, L1), MatrixSymbol("b1", 1, L1)
W2, b2 = MatrixSymbol("W2", L1, L2), MatrixSymbol("b2", 1, L2)
W3, b3 = MatrixSymbol("W3", L2, K), MatrixSymbol("b3", 1, K)
Z1, Z2, Z3 = MatrixSymbol("Z1", N, L1), MatrixSymbol("Z2", N, L2), MatrixSymbol("Z3", N, K)
H1, H2, P = MatrixSymbol("H1", N, L1), MatrixSymbol("H2", N, L2), MatrixSymbol("P", N, K)
ones = OneMatrix(N, 1)

# One equation a block: the backward pass comes out block by block, too.
blocks = [
    Eq(Z1, X * W1 + ones * b1),
    Eq(H1, Z1.applyfunc(tanh)),
    Eq(Z2, H1 * W2 + ones * b2),
    Eq(H2, Z2.applyfunc(tanh)),
    Eq(Z3, H2 * W3 + ones * b3),
    Eq(P, softmax(Z3)),
]

penalty = sum(lam / 2 * Trace(W.T * W) for W in (W1, W2, W3))
loss = -total(HadamardProduct(T, P.applyfunc(log))) / N + penalty

model = Model(
    loss,
    [W1, b1, W2, b2, W3, b3],
    where=blocks,
    facts=[Eq(T * OneMatrix(K, 1), ones)],  # every sample is in one class
    name="a multilayer perceptron",
)
