"""Artistic style (Gatys, Ecker and Bethge 2015): the loss whose gradient by the *picture* paints it.

C = α ½ Σ (F₂ − P)² + β Σₗ 1/(4 Nₗ² Mₗ²) Σ (Gₗ − Aₗ)²,    Gₗ = Σᵢⱼ Fₗ(·, i, j) Fₗ(·, i, j)ᵀ

F₁ = relu(X ⋆ K₁) and F₂ = relu(F₁ ⋆ K₂) are the features of the picture X that two layers of filters find; Nₗ are as
many, at Mₗ places. P are those of the content, A₁ and A₂ the Gram matrices of the style.
"""

from sympy import Eq, Idx, IndexedBase, Rational, Sum, symbols

from symgrad import Model, relu

# places of the second features, colours, features, side of a filter
H, W, Q, L, M, S = symbols("H W Q L M S", integer=True, positive=True)
c, p, q = Idx("c", Q), Idx("p", S), Idx("q", S)
l, m, a, b = Idx("l", L), Idx("m", M), Idx("a", L), Idx("b", M)
H1, W1 = H + S - 1, W + S - 1  # places of the first features
i, j, u, v = Idx("i", H1), Idx("j", W1), Idx("u", H), Idx("v", W)
alpha, beta = symbols("alpha beta", positive=True)
X, P = IndexedBase("X", shape=(Q, H1 + S - 1, W1 + S - 1)), IndexedBase("P", shape=(M, H, W))
K1, K2 = IndexedBase("K1", shape=(L, Q, S, S)), IndexedBase("K2", shape=(M, L, S, S))
A1, A2 = IndexedBase("A1", shape=(L, L)), IndexedBase("A2", shape=(M, M))
F1, F2 = IndexedBase("F1", shape=(L, H1, W1)), IndexedBase("F2", shape=(M, H, W))
G1, G2 = IndexedBase("G1", shape=(L, L)), IndexedBase("G2", shape=(M, M))

content = Rational(1, 2) * Sum((F2[m, u, v] - P[m, u, v]) ** 2, m, u, v)
style = Sum((G1[l, a] - A1[l, a]) ** 2, l, a) / (4 * L**2 * (H1 * W1) ** 2)
style += Sum((G2[m, b] - A2[m, b]) ** 2, m, b) / (4 * M**2 * (H * W) ** 2)
model = Model(
    alpha * content + beta * style,
    [X],
    where=[
        Eq(F1[l, i, j], relu(Sum(X[c, i + p, j + q] * K1[l, c, p, q], c, p, q))),
        Eq(F2[m, u, v], relu(Sum(F1[l, u + p, v + q] * K2[m, l, p, q], l, p, q))),
        Eq(G1[l, a], Sum(F1[l, i, j] * F1[a, i, j], i, j)),
        Eq(G2[m, b], Sum(F2[m, u, v] * F2[b, u, v], u, v)),
    ],
    name="artistic style",
)
