"""Cross-domain transfer with cycle consistency (Zhu et al. 2017): the loss of both generators.

C = mean (D_Y(G(x)) − 1)² + mean (D_X(F(y)) − 1)² + λ mean |F(G(x)) − x| + λ mean |G(F(y)) − y|

G takes pictures of domain X to domain Y, and F back; D_X and D_Y say how genuine a picture looks. The discriminators
are held fixed here: their weights are data.
"""

from sympy import Abs, Eq, MatrixSymbol, OneMatrix, Trace, symbols, tanh

from symgrad import Model, total

N, M, P, L = symbols("N M P L", integer=True, positive=True)  # pictures in X and in Y, pixels, hidden units
lam = symbols("lam", positive=True)
x, y = MatrixSymbol("x", N, P), MatrixSymbol("y", M, P)
G1, F1, A1, B1 = (MatrixSymbol(name, P, L) for name in ("G1", "F1", "A1", "B1"))  # a hidden layer of G, F, D_X, D_Y
G2, F2 = MatrixSymbol("G2", L, P), MatrixSymbol("F2", L, P)
A2, B2 = MatrixSymbol("A2", L, 1), MatrixSymbol("B2", L, 1)
Gx, FGx = MatrixSymbol("Gx", N, P), MatrixSymbol("FGx", N, P)
Fy, GFy = MatrixSymbol("Fy", M, P), MatrixSymbol("GFy", M, P)


def network(picture, W1, W2):
    """A network of two layers, without biases."""
    return (picture * W1).applyfunc(tanh) * W2


def genuine(judgements):
    """mean (D − 1)²"""
    error = judgements - OneMatrix(*judgements.shape)
    return Trace(error.T * error) / judgements.shape[0]


def distance(a, b):
    """mean |a − b|"""
    return total((a - b).applyfunc(Abs)) / (a.shape[0] * a.shape[1])


model = Model(
    genuine(network(Gx, B1, B2)) + genuine(network(Fy, A1, A2)) + lam * distance(FGx, x) + lam * distance(GFy, y),
    [G1, G2, F1, F2],
    where=[
        Eq(Gx, network(x, G1, G2)),
        Eq(FGx, network(Gx, F1, F2)),
        Eq(Fy, network(y, F1, F2)),
        Eq(GFy, network(Fy, G1, G2)),
    ],
    name="cycle consistency",
)
