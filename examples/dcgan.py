"""DCGAN (Radford, Metz and Chintala 2016): a generator of pictures and a discriminator, each with its loss.

G(z) = tanh(relu(norm(zW)) ⋆ᵀ K),    D(x) = flat(leaky(x ⋆ Q)) · d

discriminator: −mean log σ(D(x)) − mean log(1 − σ(D(G(z)))),    generator: −mean log σ(D(G(z)))

⋆ᵀ is the transposed convolution with stride 2: entry (i, j) adds the 4 × 4 kernel to a canvas at (2i, 2j), whose edge
is cut off. ⋆ is the convolution with that stride, zeros around the picture. norm is batch normalisation.
"""

from sympy import And, Eq, Idx, IndexedBase, KroneckerDelta, Rational, Sum, log, sqrt, symbols, tanh

from symgrad import Model, if_else, relu, sigmoid

# pictures made and genuine, noise, channels, and half the sides of a picture
N, M, Z, F, H, W = symbols("N M Z F H W", integer=True, positive=True)
n, m, k, f, i, j = Idx("n", N), Idx("m", M), Idx("k", Z), Idx("f", F), Idx("i", H), Idx("j", W)
p, q, u, v = Idx("p", 4), Idx("q", 4), Idx("u", 2 * H), Idx("v", 2 * W)
r, s = Idx("r", 2 * H + 2), Idx("s", 2 * W + 2)
z, x = IndexedBase("z", shape=(N, Z)), IndexedBase("x", shape=(M, 2 * H, 2 * W))

# the generator
V, gamma, beta = IndexedBase("V", shape=(Z, F, H, W)), IndexedBase("gamma", shape=(F,)), IndexedBase("beta", shape=(F,))
K = IndexedBase("K", shape=(F, 4, 4))
h, centred = IndexedBase("h", shape=(N, F, H, W)), IndexedBase("centred", shape=(N, F, H, W))
variance, a = IndexedBase("variance", shape=(F,)), IndexedBase("a", shape=(N, F, H, W))
canvas, made = IndexedBase("canvas", shape=(N, 2 * H + 2, 2 * W + 2)), IndexedBase("made", shape=(N, 2 * H, 2 * W))
painted = a[n, f, i, j] * K[f, p, q] * KroneckerDelta(r, 2 * i + p) * KroneckerDelta(s, 2 * j + q)
generated = [
    Eq(h[n, f, i, j], Sum(z[n, k] * V[k, f, i, j], k)),
    Eq(centred[n, f, i, j], h[n, f, i, j] - Sum(h[n, f, i, j], n, i, j) / (N * H * W)),
    Eq(variance[f], Sum(centred[n, f, i, j] ** 2, n, i, j) / (N * H * W)),
    Eq(a[n, f, i, j], relu(gamma[f] * centred[n, f, i, j] / sqrt(variance[f] + Rational(1, 10**5)) + beta[f])),
    Eq(canvas[n, r, s], Sum(painted, f, i, j, p, q)),
    Eq(made[n, u, v], tanh(canvas[n, u + 1, v + 1])),
]

# the discriminator
Q, d = IndexedBase("Q", shape=(F, 4, 4)), IndexedBase("d", shape=(F, H, W))
fake, real = IndexedBase("fake", shape=(N,)), IndexedBase("real", shape=(M,))
features, genuine = IndexedBase("features", shape=(N, F, H, W)), IndexedBase("genuine", shape=(M, F, H, W))


def found(pictures, n):
    """What the discriminator's filters find in a picture."""
    at = (2 * i + p - 1, 2 * j + q - 1)
    inside = And(at[0] >= 0, at[0] < 2 * H, at[1] >= 0, at[1] < 2 * W)
    return Sum(if_else(inside, pictures[(n, *at)], 0) * Q[f, p, q], p, q)


def leaky(x):
    """x where it is positive, x/5 elsewhere."""
    return if_else(x > 0, x, x / 5)


judged = [
    Eq(features[n, f, i, j], found(made, n)),
    Eq(fake[n], Sum(leaky(features[n, f, i, j]) * d[f, i, j], f, i, j)),
]
judged_real = [
    Eq(genuine[m, f, i, j], found(x, m)),
    Eq(real[m], Sum(leaky(genuine[m, f, i, j]) * d[f, i, j], f, i, j)),
]
discriminator = Model(
    -Sum(log(sigmoid(real[m])), m) / M - Sum(log(1 - sigmoid(fake[n])), n) / N,
    [Q, d],
    where=[*generated, *judged, *judged_real],
    name="DCGAN: the discriminator",
)
generator = Model(
    -Sum(log(sigmoid(fake[n])), n) / N,
    [V, gamma, beta, K],
    where=[*generated, *judged],
    name="DCGAN: the generator",
)
model = generator
