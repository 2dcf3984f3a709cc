"""Object detection's loss of several parts: which object each region shows, and where its box is (Girshick 2015).

C = 1/N Σₙ [−log p(n, uₙ) + λ [uₙ ≥ 1] Σᵢ smooth(t(n, uₙ, i) − v(n, i))]

smooth(x) = ½x² where |x| < 1, |x| − ½ elsewhere

p are the probabilities of the K classes for each region, class 0 the background, which has no box; t are the boxes'
four coordinates as predicted for each class, u and v the true classes and boxes.
"""

from sympy import Abs, Eq, Idx, IndexedBase, Rational, Sum, log, symbols

from symgrad import Model, if_else, softmax

N, M, K = symbols("N M K", integer=True, positive=True)  # regions, features, classes
n, j, k, i = Idx("n", N), Idx("j", M), Idx("k", K), Idx("i", 4)
lam = symbols("lam", positive=True)
x = IndexedBase("x", shape=(N, M))  # the features of each region
u, v = IndexedBase("u", shape=(N,), integer=True), IndexedBase("v", shape=(N, 4))
W, b = IndexedBase("W", shape=(M, K)), IndexedBase("b", shape=(K,))
B, c = IndexedBase("B", shape=(M, K, 4)), IndexedBase("c", shape=(K, 4))
p, t = IndexedBase("p", shape=(N, K)), IndexedBase("t", shape=(N, K, 4))


def smooth(d):
    """The smooth L₁ distance."""
    return if_else(Abs(d) < 1, d**2 / 2, Abs(d) - Rational(1, 2))


classes = -Sum(log(p[n, u[n]]), n)
boxes = Sum(if_else(u[n] >= 1, Sum(smooth(t[n, u[n], i] - v[n, i]), i), 0), n)
model = Model(
    (classes + lam * boxes) / N,
    [W, b, B, c],
    where=[
        Eq(p[n, k], softmax(Sum(x[n, j] * W[j, k], j) + b[k], k)),
        Eq(t[n, k, i], Sum(x[n, j] * B[j, k, i], j) + c[k, i]),
    ],
    name="object detection",
)
