"""AlphaGo's loss for the network that proposes moves and judges positions (Silver et al. 2017, equation 1).

l = (z − v)² − πᵀ log p + c‖θ‖²,    averaged over N positions

s are positions, π the search's probabilities of the moves, z the games' outcomes ±1. One hidden layer serves both
heads: the policy p and the value v.
"""

from sympy import Eq, HadamardProduct, MatrixSymbol, OneMatrix, Trace, log, symbols, tanh

from symgrad import Model, relu, softmax, total

N, M, L, A = symbols("N M L A", integer=True, positive=True)  # positions, features, hidden units, moves
c = symbols("c", positive=True)
s, pi, z = MatrixSymbol("s", N, M), MatrixSymbol("pi", N, A), MatrixSymbol("z", N, 1)
W, Wp, wv = MatrixSymbol("W", M, L), MatrixSymbol("Wp", L, A), MatrixSymbol("wv", L, 1)
b, bp, bv = MatrixSymbol("b", 1, L), MatrixSymbol("bp", 1, A), MatrixSymbol("bv", 1, 1)
h, p, v = MatrixSymbol("h", N, L), MatrixSymbol("p", N, A), MatrixSymbol("v", N, 1)

ones = OneMatrix(N, 1)
theta = [W, b, Wp, bp, wv, bv]
model = Model(
    (Trace((z - v).T * (z - v)) - total(HadamardProduct(pi, p.applyfunc(log)))) / N
    + c * sum(Trace(part.T * part) for part in theta),
    theta,
    where=[
        Eq(h, relu(s * W + ones * b)),
        Eq(p, softmax(h * Wp + ones * bp)),
        Eq(v, (h * wv + ones * bv).applyfunc(tanh)),
    ],
    facts=[Eq(pi * OneMatrix(A, 1), ones)],
    name="AlphaGo's policy and value",
)
