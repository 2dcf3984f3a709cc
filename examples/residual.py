"""A residual block with batch normalisation (He et al. 2015; Ioffe and Szegedy 2015), and its squared error.

Y = relu(X + norm₂(relu(norm₁(X ⋆ K₁)) ⋆ K₂)),    C = ½‖Y − T‖²

norm(Z) = γ (Z − μ)/√(σ² + ε) + β, with the mean μ and the variance σ² of each channel over the batch; ⋆ is the
convolution of `lenet.py`, with zeros around the picture.
"""

from sympy import And, Eq, Idx, IndexedBase, Rational, Sum, sqrt, symbols

from symgrad import Model, if_else, relu

N, F, H, W = symbols("N F H W", integer=True, positive=True)  # pictures, channels, height, width
n, f, g, i, j = Idx("n", N), Idx("f", F), Idx("g", F), Idx("i", H), Idx("j", W)
p, q = Idx("p", 3), Idx("q", 3)
shape, at, picture = (N, F, H, W), (n, f, i, j), [n, i, j]
X, T, Y = (IndexedBase(name, shape=shape) for name in "XTY")
parameters, where = [], []


def let(name, shape, indices, value):
    """A quantity with a name."""
    quantity = IndexedBase(name, shape=shape)
    where.append(Eq(quantity[indices], value))
    return quantity


def convolution(level, X):
    """X ⋆ K"""
    K = IndexedBase(f"K{level}", shape=(F, F, 3, 3))
    parameters.append(K)
    inside = And(i + p >= 1, i + p <= H, j + q >= 1, j + q <= W)
    entry = if_else(inside, X[n, g, i + p - 1, j + q - 1], 0)
    return let(f"Z{level}", shape, at, Sum(entry * K[f, g, p, q], g, p, q))


def norm(level, Z):
    """Z with mean β and standard deviation γ in each channel."""
    gamma, beta = IndexedBase(f"gamma{level}", shape=(F,)), IndexedBase(f"beta{level}", shape=(F,))
    parameters.extend([gamma, beta])
    mu = let(f"mu{level}", (F,), f, Sum(Z[at], *picture) / (N * H * W))
    centred = let(f"D{level}", shape, at, Z[at] - mu[f])
    variance = let(f"var{level}", (F,), f, Sum(centred[at] ** 2, *picture) / (N * H * W))
    return gamma[f] * centred[at] / sqrt(variance[f] + Rational(1, 10**5)) + beta[f]


hidden = let("A", shape, at, relu(norm(1, convolution(1, X))))
where.append(Eq(Y[at], relu(X[at] + norm(2, convolution(2, hidden)))))
model = Model(Rational(1, 2) * Sum((Y[at] - T[at]) ** 2, n, f, i, j), parameters, where=where, name="a residual block")
