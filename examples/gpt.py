"""A small GPT (Radford et al. 2018 and 2019): the mean cross-entropy of every next token.

X = E[token] + P;  in each block  X ← X + attention(norm X),  X ← X + W₂ gelu(W₁ norm X);  p = softmax(norm(X) Eᵀ)

attention: softmax over earlier places of qᵀk/√D, in each of H heads.    C = −Σ w log p(label) / Σ w

The weight w is 1 at the places whose label counts and 0 elsewhere.
"""

from sympy import Eq, Idx, IndexedBase, Rational, Sum, log, oo, pi, sqrt, symbols, tanh

from symgrad import Model, if_else, softmax

# texts, places, tokens, features, heads, features of a head, hidden units
N, T, V, M, H, D, L = symbols("N T V M H D L", integer=True, positive=True)
n, t, s, v, l = Idx("n", N), Idx("t", T), Idx("s", T), Idx("v", V), Idx("l", L)
m, k, h, d = Idx("m", M), Idx("k", M), Idx("h", H), Idx("d", D)
token, label = IndexedBase("token", shape=(N, T), integer=True), IndexedBase("label", shape=(N, T), integer=True)
w = IndexedBase("w", shape=(N, T))
E, P = IndexedBase("E", shape=(V, M)), IndexedBase("P", shape=(T, M))


def gelu(x):
    """x Φ(x) with an approximate normal distribution Φ (Hendrycks and Gimpel 2016)."""
    return x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))


class Blocks:
    """Names for the parts of a network, in order, as equations for `where`; and its parameters."""

    def __init__(self):
        self.parameters, self.where = [], []

    def parameter(self, name, *shape):
        self.parameters.append(IndexedBase(name, shape=shape))
        return self.parameters[-1]

    def let(self, name, shape, indices, value):
        quantity = IndexedBase(name, shape=shape)
        self.where.append(Eq(quantity[indices], value))
        return quantity

    def norm(self, name, X):
        """Layer normalisation (Ba, Kiros and Hinton 2016): mean 0 and variance 1 over the features, then g and b."""
        g, b = self.parameter(f"g{name}", M), self.parameter(f"b{name}", M)
        centred = self.let(f"centred{name}", (N, T, M), (n, t, m), X[n, t, m] - Sum(X[n, t, k], k) / M)
        variance = Sum(centred[n, t, k] ** 2, k) / M
        scale = self.let(f"scale{name}", (N, T), (n, t), 1 / sqrt(variance + Rational(1, 10**5)))
        return self.let(f"norm{name}", (N, T, M), (n, t, m), centred[n, t, m] * scale[n, t] * g[m] + b[m])

    def attention(self, name, X):
        """Causal attention of H heads (Vaswani et al. 2017)."""
        parts = []
        for part in "qkv":
            W = self.parameter(f"W{part}{name}", M, H, D)
            parts.append(self.let(f"{part}{name}", (N, H, T, D), (n, h, t, d), Sum(X[n, t, m] * W[m, h, d], m)))
        query, key, value = parts
        scores = if_else(s <= t, Sum(query[n, h, t, d] * key[n, h, s, d], d) / sqrt(D), -oo)
        A = self.let(f"A{name}", (N, H, T, T), (n, h, t, s), softmax(scores, s))
        O = self.let(f"O{name}", (N, H, T, D), (n, h, t, d), Sum(A[n, h, t, s] * value[n, h, s, d], s))
        return Sum(O[n, h, t, d] * self.parameter(f"Wo{name}", H, D, M)[h, d, m], h, d)

    def mlp(self, name, X):
        """A hidden layer of gelu units."""
        W1, b1 = self.parameter(f"W1{name}", M, L), self.parameter(f"b1{name}", L)
        W2, b2 = self.parameter(f"W2{name}", L, M), self.parameter(f"b2{name}", M)
        z = self.let(f"z{name}", (N, T, L), (n, t, l), Sum(X[n, t, m] * W1[m, l], m) + b1[l])
        a = self.let(f"a{name}", (N, T, L), (n, t, l), gelu(z[n, t, l]))
        return Sum(a[n, t, l] * W2[l, m], l) + b2[m]


def gpt(depth):
    """A GPT of `depth` blocks."""
    net = Blocks()
    net.parameters += [E, P]
    X = net.let("X_0", (N, T, M), (n, t, m), E[token[n, t], m] + P[t, m])
    for level in range(1, depth + 1):
        attended = net.attention(f"_{level}", net.norm(f"_{level}a", X))
        X = net.let(f"Y_{level}", (N, T, M), (n, t, m), X[n, t, m] + attended)
        refined = net.mlp(f"_{level}", net.norm(f"_{level}b", X))
        X = net.let(f"X_{level}", (N, T, M), (n, t, m), X[n, t, m] + refined)
    last = net.norm("", X)
    p = net.let("p", (N, T, V), (n, t, v), softmax(Sum(last[n, t, m] * E[v, m], m), v))
    return Model(
        -Sum(w[n, t] * log(p[n, t, label[n, t]]), n, t) / Sum(w[n, t], n, t),
        net.parameters,
        where=net.where,
        facts=[w[n, t] > 0],
        name=f"a GPT of {depth} blocks",
    )


model = gpt(2)
