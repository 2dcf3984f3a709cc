"""LeNet (LeCun et al. 1989): two convolutions with pooling, then two dense layers, that read handwritten digits.

Z₁ = X ⋆ K₁ + b₁,  P₁ = relu maxpool Z₁,    Z₂ = P₁ ⋆ K₂ + b₂,  P₂ = relu maxpool Z₂
A = relu(P₂W₁ + c₁),  p = softmax(AW₂ + c₂),    C = −1/N Σₙ log p(n, labelₙ)

(X ⋆ K)(i, j) = Σ X(i + p − 1, j + q − 1) K(p, q), with zeros around the picture; pooling takes the larger of 2 × 2.
"""

from sympy import And, Eq, Idx, IndexedBase, Sum, log, symbols

from symgrad import MaxOver, Model, if_else, relu, softmax

# pictures of 4H × 4W, channels after each convolution, hidden units, classes
N, H, W, F, G, L, K = symbols("N H W F G L K", integer=True, positive=True)
n, f, g, l, k = Idx("n", N), Idx("f", F), Idx("g", G), Idx("l", L), Idx("k", K)
i, j, p, q = symbols("i j p q", integer=True)
window, pool = [(p, 0, 2), (q, 0, 2)], [(p, 0, 1), (q, 0, 1)]

X, label = IndexedBase("X", shape=(N, 4 * H, 4 * W)), IndexedBase("label", shape=(N,), integer=True)
K1, b1 = IndexedBase("K1", shape=(F, 3, 3)), IndexedBase("b1", shape=(F,))
K2, b2 = IndexedBase("K2", shape=(G, F, 3, 3)), IndexedBase("b2", shape=(G,))
W1, c1 = IndexedBase("W1", shape=(G, H, W, L)), IndexedBase("c1", shape=(L,))
W2, c2 = IndexedBase("W2", shape=(L, K)), IndexedBase("c2", shape=(K,))
Z1, P1 = IndexedBase("Z1", shape=(N, F, 4 * H, 4 * W)), IndexedBase("P1", shape=(N, F, 2 * H, 2 * W))
Z2, P2 = IndexedBase("Z2", shape=(N, G, 2 * H, 2 * W)), IndexedBase("P2", shape=(N, G, H, W))
A, probability = IndexedBase("A", shape=(N, L)), IndexedBase("probability", shape=(N, K))


def padded(picture, i, j):
    """An entry of a picture, whose last two axes are its sides, or 0 beyond its edges."""
    *_, height, width = picture.base.shape
    inside = And(i >= 0, i < height, j >= 0, j < width)
    return if_else(inside, picture.base[(*picture.indices[:-2], i, j)], 0)


model = Model(
    -Sum(log(probability[n, label[n]]), n) / N,
    [K1, b1, K2, b2, W1, c1, W2, c2],
    where=[
        Eq(Z1[n, f, i, j], Sum(padded(X[n, i, j], i + p - 1, j + q - 1) * K1[f, p, q], *window) + b1[f]),
        Eq(P1[n, f, i, j], relu(MaxOver(Z1[n, f, 2 * i + p, 2 * j + q], *pool))),
        Eq(Z2[n, g, i, j], Sum(padded(P1[n, f, i, j], i + p - 1, j + q - 1) * K2[g, f, p, q], f, *window) + b2[g]),
        Eq(P2[n, g, i, j], relu(MaxOver(Z2[n, g, 2 * i + p, 2 * j + q], *pool))),
        Eq(A[n, l], relu(Sum(P2[n, g, i, j] * W1[g, i, j, l], g, (i, 0, H - 1), (j, 0, W - 1)) + c1[l])),
        Eq(probability[n, k], softmax(Sum(A[n, l] * W2[l, k], l) + c2[k], k)),
    ],
    name="LeNet",
)
