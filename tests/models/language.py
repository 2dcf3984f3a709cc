"""Models of every construct of subscripts, reductions, gathers and masks, by name."""

from sympy import *
from sympy import IndexedBase as A

from symgrad import *

N, M, K, C, O, H, W, P, R, V, D, T = symbols("N M K C O H W P R V D T", integer=True, positive=True)
n, m, k, c, o, i, j, p, q, u, r, d, t = symbols("n m k c o i j p q u r d t", integer=True)
s = symbols("s", real=True)
x, y, w = A("x", shape=(N,)), A("y", shape=(N,)), A("w", shape=(P,))
X, z = A("X", shape=(N, M)), A("z", shape=(N, K))
w3, w5, image = A("w3", shape=(3,)), A("w5", shape=(5,)), A("image", shape=(C, H, W))
E = A("E", shape=(V, D))
tok, lab, lab2 = (
    A("tok", shape=(N, T), integer=True),
    A("lab", shape=(N,), integer=True),
    A("lab2", shape=(N,), integer=True),
)
at, at2 = symbols("at at2", integer=True)  # numbers that are given
XM, wM = MatrixSymbol("XM", N, M), MatrixSymbol("wM", M, 1)
source, target = A("source", shape=(M,), integer=True), A("target", shape=(M,), integer=True)
S = Sum


def array(name, *shape, **options):
    return A(name, shape=shape, **options)


def inside(position, side):
    return And(position >= 0, position < side)


def over_n(body, *parameters, **options):
    return Model(S(body, (n, 0, N - 1)), list(parameters or (x, y)), **options)


long, volume, kernel = array("long", N, C, 3 * R + 2 * P), array("volume", C, R, H, W), array("kernel", O, C, P)
grid, packed = array("grid", C, H, W), array("packed", N * (N + 1) / 2)

SUBSCRIPTS = {
    "stride 3, dilation 2": lambda: Model(
        S(
            sin(S(long[n, c, 3 * i + 2 * p] * kernel[o, c, p], (c, 0, C - 1), (p, 0, P - 1))),
            (n, 0, N - 1),
            (o, 0, O - 1),
            (i, 0, R - 1),
        ),
        [long, kernel],
    ),
    "three dimensions": lambda: Model(
        S(
            sin(
                S(
                    volume[c, r + p, i + q, j + p] * array("k3", O, C, 2, 3)[o, c, p, q],
                    (c, 0, C - 1),
                    (p, 0, 1),
                    (q, 0, 2),
                )
            ),
            (o, 0, O - 1),
            (r, 0, R - 2),
            (i, 0, H - 3),
            (j, 0, W - 2),
        ),
        [volume, array("k3", O, C, 2, 3)],
    ),
    "depthwise": lambda: Model(
        S(
            sin(S(grid[c, i + p, j + q] * array("kd", C, 2, 3)[c, p, q], (p, 0, 1), (q, 0, 2))),
            (c, 0, C - 1),
            (i, 0, H - 2),
            (j, 0, W - 3),
        ),
        [grid, array("kd", C, 2, 3)],
    ),
    "step of a size": lambda: Model(
        S(sin(S(array("xr", R * N + P)[R * i + p] * w[p], (p, 0, P - 1))), (i, 0, N - 1)), [array("xr", R * N + P), w]
    ),
    "dilation of a size": lambda: Model(
        S(sin(S(array("xd", R * P + N)[i + R * p] * w[p], (p, 0, P - 1))), (i, 0, N - 1)), [array("xd", R * P + N), w]
    ),
    "reversed": lambda: Model(S(sin(x[N - 1 - i] * x[i]), (i, 0, N - 1)), [x]),
    "negative stride": lambda: Model(
        S(sin(S(x[N - 1 - 2 * i - p] * w3[p], (p, 0, 2))), (i, 0, floor((N - 3) / 2))), [x, w3]
    ),
    "full convolution": lambda: Model(
        S(sin(S(if_else(inside(i - p, N), x[i - p], 0) * w[p], (p, 0, P - 1))), (i, 0, N + P - 2)), [x, w]
    ),
    "padding by And": lambda: Model(
        S(
            sin(
                S(
                    if_else(And(inside(i + p - 1, H), inside(j + q - 1, W)), grid[c, i + p - 1, j + q - 1], 0)
                    * array("k2", C, 3, 3)[c, p, q],
                    (c, 0, C - 1),
                    (p, 0, 2),
                    (q, 0, 2),
                )
            ),
            (i, 0, H - 1),
            (j, 0, W - 1),
        ),
        [grid, array("k2", C, 3, 3)],
    ),
    "padding by Or": lambda: Model(
        S(sin(S(if_else(Or(i + p - 1 < 0, i + p - 1 > N - 1), 0, x[i + p - 1]) * w3[p], (p, 0, 2))), (i, 0, N - 1)),
        [x, w3],
    ),
    "padding by Not": lambda: Model(
        S(
            sin(S(if_else(Not(Or(i + p - 1 < 0, i + p - 1 > N - 1)), x[i + p - 1], 0) * w3[p], (p, 0, 2))),
            (i, 0, N - 1),
        ),
        [x, w3],
    ),
    "padding by Piecewise": lambda: Model(
        S(sin(S(array("pad", N, 3)[i, p] * w3[p], (p, 0, 2))), (i, 0, N - 1)),
        [x, w3],
        where=[Eq(array("pad", N, 3)[i, p], Piecewise((0, i + p - 1 < 0), (0, i + p - 1 >= N), (x[i + p - 1], True)))],
    ),
    "edges repeated": lambda: Model(
        S(
            sin(S(if_else(i + p < 1, x[0], if_else(i + p > N, x[N - 1], x[i + p - 1])) * w3[p], (p, 0, 2))),
            (i, 0, N - 1),
        ),
        [x, w3],
    ),
    "reflected": lambda: Model(
        S(sin(S(x[Min(Abs(i + p - 2), 2 * (N - 1) - (i + p - 2))] * w5[p], (p, 0, 4))), (i, 0, N - 1)), [x, w5]
    ),
    "reflected by a size": lambda: Model(
        S(sin(S(x[N - 1 - Abs(N - 1 - Abs(i + p - P))] * array("wp", 2 * P + 1)[p], (p, 0, 2 * P))), (i, 0, N - 1)),
        [x, array("wp", 2 * P + 1)],
    ),
    "reflected by cases": lambda: Model(
        S(sin(x[if_else(i < 2, 2 - i, if_else(i - 2 > N - 1, 2 * N - i, i - 2))] * i), (i, 0, N + 3)), [x]
    ),
    "circular": lambda: Model(S(sin(S(x[Mod(i + p - 1, N)] * w3[p], (p, 0, 2))), (i, 0, N - 1)), [x, w3]),
    "causal, dilated": lambda: Model(
        S(sin(S(if_else(i - 4 * p >= 0, x[i - 4 * p], 0) * w[p], (p, 0, P - 1))), (i, 0, N - 1)), [x, w]
    ),
    "transposed": lambda: Model(
        S(sin(S(x[i] * w[p] * KroneckerDelta(o, 3 * i + p), (i, 0, N - 1), (p, 0, P - 1))) * o, (o, 0, 3 * N + P - 4)),
        [x, w],
    ),
    "transposed and cropped": lambda: Model(
        S(sin(S(x[i] * w[p] * KroneckerDelta(o, i + p - 2), (i, 0, N - 1), (p, 0, P - 1))) * (o + 1), (o, 0, N - 1)),
        [x, w],
    ),
    "max pooling with overlap": lambda: Model(
        S(
            sin(MaxOver(array("a", H, W)[2 * i + p, 2 * j + q], (p, 0, 2), (q, 0, 2))),
            (i, 0, floor((H - 3) / 2)),
            (j, 0, floor((W - 3) / 2)),
        ),
        [array("a", H, W)],
    ),
    "max pooling of a size": lambda: Model(
        S(sin(MaxOver(array("xp", N * P)[P * i + p], (p, 0, P - 1))), (i, 0, N - 1)), [array("xp", N * P)]
    ),
    "max pooling with padding": lambda: Model(
        S(
            sin(MaxOver(if_else(inside(2 * i + p - 1, 2 * N), array("x2", 2 * N)[2 * i + p - 1], -oo), (p, 0, 2))),
            (i, 0, N - 1),
        ),
        [array("x2", 2 * N)],
    ),
    "nearest neighbours": lambda: Model(
        S(
            sin(array("a", H, W)[floor(i / 2), floor(j / 2)] * array("b", 2 * H, 2 * W)[i, j]),
            (i, 0, 2 * H - 1),
            (j, 0, 2 * W - 1),
        ),
        [array("a", H, W)],
    ),
    "Hankel": lambda: Model(
        S(sin(S(array("h", N + M - 1)[i + j] * array("v", M)[j], (j, 0, M - 1))), (i, 0, N - 1)),
        [array("h", N + M - 1), array("v", M)],
    ),
    "Toeplitz": lambda: Model(
        S(sin(S(array("h", N + M - 1)[i - j + M - 1] * array("v", M)[j], (j, 0, M - 1))), (i, 0, N - 1)),
        [array("h", N + M - 1), array("v", M)],
    ),
    "distances": lambda: Model(
        S(sin(array("a", N)[Abs(i - j)] * x[i] * x[j]), (i, 0, N - 1), (j, 0, N - 1)), [array("a", N), x]
    ),
    "Laplacian": lambda: Model(
        S(
            (
                array("a", H, W)[i + 1, j]
                + array("a", H, W)[i - 1, j]
                + array("a", H, W)[i, j + 1]
                + array("a", H, W)[i, j - 1]
                - 4 * array("a", H, W)[i, j]
            )
            ** 2,
            (i, 1, H - 2),
            (j, 1, W - 2),
        ),
        [array("a", H, W)],
    ),
    "differences of differences": lambda: Model(
        S(array("v", N)[n] ** 2 * y[n], (n, 2, N - 1)),
        [x, y],
        where=[Eq(array("u", N)[n], x[n] - x[n - 1]), Eq(array("v", N)[n], array("u", N)[n] - array("u", N)[n - 1])],
    ),
    "Laplacian of a name": lambda: Model(
        S(sin(array("b", H, W)[i, j]), (i, 1, H - 2), (j, 1, W - 2)),
        [array("a", H, W)],
        where=[
            Eq(
                array("b", H, W)[i, j],
                S(array("a", H, W)[i + p, j] + array("a", H, W)[i, j + p], (p, -1, 1)).doit() - array("a", H, W)[i, j],
            )
        ],
    ),
    "fixed entries": lambda: Model(x[0] * x[N - 1] + x[1] ** 2 * sin(x[N - 2]), [x]),
}

REDUCTIONS = {
    "maximum over three axes": lambda: Model(
        MaxOver(array("a", N, M, K)[n, m, k], (k, 0, K - 1), (m, 0, M - 1), (n, 0, N - 1)) ** 2, [array("a", N, M, K)]
    ),
    "sums up to i": lambda: Model(S(sin(S(x[j] * y[j], (j, 0, i))), (i, 0, N - 1)), [x, y]),
    "sums from i": lambda: Model(S(sin(S(x[j], (j, i, N - 1))), (i, 0, N - 1)), [x]),
    "sums below i": lambda: Model(S(sin(S(x[j], (j, 0, i - 1))) * x[i], (i, 0, N - 1)), [x]),
    "products up to i": lambda: Model(S(Product(x[j], (j, 0, i)), (i, 0, N - 1)), [x]),
    "maxima up to i": lambda: Model(S(MaxOver(x[j], (j, 0, i)) * y[i], (i, 0, N - 1)), [x, y]),
    "minima from i": lambda: Model(S(MinOver(x[j] ** 2, (j, i, N - 1)) * y[i], (i, 0, N - 1)), [x, y]),
    "logsumexp up to i": lambda: Model(S(LogSumExp(x[j], (j, 0, i)) * y[i], (i, 0, N - 1)), [x, y]),
    "maxima below i": lambda: Model(S(x[i] * MaxOver(sin(x[j] * x[i]), (j, 0, i - 1)), (i, 1, N - 1)), [x]),
    "minima below i": lambda: Model(S(x[i] * MinOver(sin(x[j] * x[i]), (j, 0, i - 1)), (i, 1, N - 1)), [x]),
    "logsumexp below i": lambda: Model(S(x[i] * LogSumExp(sin(x[j] * x[i]), (j, 0, i - 1)), (i, 1, N - 1)), [x]),
    "maxima below i, of none": lambda: Model(S(if_else(i > 0, MaxOver(x[j], (j, 0, i - 1)), 0), (i, 0, N - 1)), [x]),
    "exp of logsumexp below i, of none": lambda: Model(
        S(exp(LogSumExp(x[j], (j, 0, i - 1))) * x[i], (i, 0, N - 1)), [x]
    ),
    "triples": lambda: Model(S(sin(x[i] * x[j] * x[k]), (k, 0, j - 1), (j, 0, i - 1), (i, 0, N - 1)), [x]),
    "bands": lambda: Model(
        S(array("q", N, N)[i, j] ** 2, (j, Max(0, i - 2), Min(N - 1, i + 2)), (i, 0, N - 1)), [array("q", N, N)]
    ),
    "moving maxima": lambda: Model(S(MaxOver(x[j], (j, Max(0, i - 2), Min(i + 2, N - 1))) ** 2, (i, 0, N - 1)), [x]),
    "sums of rectangles": lambda: Model(S(sin(S(X[i, j], (i, 0, n), (j, 0, m))), (n, 0, N - 1), (m, 0, M - 1)), [X]),
    "maxima over half": lambda: Model(MaxOver(sin(x[2 * i]), (i, 0, floor((N - 1) / 2))) ** 2, [x]),
    "minimum of maxima": lambda: Model(MinOver(MaxOver(X[n, m], (m, 0, M - 1)), (n, 0, N - 1)), [X]),
    "Vandermonde": lambda: Model(Product(Product(x[j] - x[i], (j, i + 1, N - 1)), (i, 0, N - 1)), [x]),
    "stick breaking": lambda: Model(
        S(array("g", N)[n] * y[n], (n, 0, N - 1)),
        [x],
        where=[Eq(array("g", N)[n], sigmoid(x[n]) * Product(1 - sigmoid(x[j]), (j, 0, n - 1)))],
    ),
}

GATHERS = {
    "two tables": lambda: Model(
        -S(log_sigmoid(S(E[lab[n], d] * array("F", V, D)[lab2[n], d], (d, 0, D - 1))), (n, 0, N - 1)),
        [E, array("F", V, D)],
    ),
    "one table twice": lambda: Model(
        -S(log_sigmoid(S(E[lab[n], d] * E[lab2[n], d], (d, 0, D - 1))), (n, 0, N - 1)), [E]
    ),
    "bags of words": lambda: Model(S(sin(S(E[tok[n, t], d], (t, 0, T - 1))), (n, 0, N - 1), (d, 0, D - 1)), [E]),
    "two labels of one array": lambda: Model(
        S(sin(array("a", V, D, K)[lab[n], d, lab2[n]]), (n, 0, N - 1), (d, 0, D - 1)), [array("a", V, D, K)]
    ),
    "hinge": lambda: Model(S(Max(0, 1 + z[n, k] - z[n, lab[n]]), (n, 0, N - 1), (k, 0, K - 1)), [z]),
    "packed triangle": lambda: Model(
        S(array("a", N, N)[i, j] * sin(packed[i * (i + 1) / 2 + j]), (j, 0, i), (i, 0, N - 1)), [packed]
    ),
    "packed symmetric": lambda: Model(
        S(array("b", N, N)[i, j] ** 2 * x[i] * x[j], (i, 0, N - 1), (j, 0, N - 1)),
        [packed],
        where=[Eq(array("b", N, N)[i, j], if_else(j <= i, packed[i * (i + 1) / 2 + j], packed[j * (j + 1) / 2 + i]))],
    ),
    "entry at a number": lambda: Model(LogSumExp(x[n], (n, 0, N - 1)) - x[at], [x]),
    "row at a number": lambda: Model(S(sin(X[at, m]), (m, 0, M - 1)), [X]),
    "entry of a matrix at a number": lambda: Model(sin((XM * wM)[at, 0]) + XM[at, 0] ** 2, [XM, wM]),
    "row of the label at a number": lambda: Model(S(sin(E[lab[at], d]), (d, 0, D - 1)), [E]),
    "two numbers": lambda: Model(x[at] * x[at2] * X[at2, 0], [x, X]),
    "name at a number": lambda: Model(
        array("g", N)[at] ** 2, [X], where=[Eq(array("g", N)[n], S(sin(X[n, m]), (m, 0, M - 1)))]
    ),
    "shifted by a number": lambda: Model(
        S(if_else(inside(n + at, N), x[n + at], 0) ** 2 * y[n], (n, 0, N - 1)), [x, y]
    ),
    "landing beside a number": lambda: Model(
        S(sin(S(KroneckerDelta(n, i + at) * x[i], (i, 0, N - 1))), (n, 0, N - 1)), [x]
    ),
    "gather of a gather": lambda: Model(
        S(sin(E[array("map", K, integer=True)[lab[n]], d]), (n, 0, N - 1), (d, 0, D - 1)), [E]
    ),
    "graph": lambda: Model(
        S(
            sin(
                S(array("a", N, D)[array("near", N, P, integer=True)[n, p], d], (p, 0, P - 1)) * array("a", N, D)[n, d]
            ),
            (n, 0, N - 1),
            (d, 0, D - 1),
        ),
        [array("a", N, D)],
    ),
    "segments": lambda: Model(S(sin(S(x[n] * KroneckerDelta(lab[n], k), (n, 0, N - 1))), (k, 0, K - 1)), [x]),
    "messages along edges": lambda: Model(
        S(sin(array("ms", N, D)[n, d]), (n, 0, N - 1), (d, 0, D - 1)),
        [array("a", N, K), array("b", K, D)],
        where=[
            Eq(
                array("ms", N, D)[n, d],
                S(
                    KroneckerDelta(target[m], n)
                    * S(array("a", N, K)[source[m], k] * array("b", K, D)[k, d], (k, 0, K - 1)),
                    (m, 0, M - 1),
                ),
            )
        ],
    ),
    "pixels at labels": lambda: Model(
        S(
            sin(S(x[n] * KroneckerDelta(lab[n], i) * KroneckerDelta(lab2[n], j), (n, 0, N - 1))),
            (i, 0, H - 1),
            (j, 0, W - 1),
        ),
        [x],
    ),
    "means of classes": lambda: Model(
        S((X[n, m] - array("mu", K, M)[lab[n], m]) ** 2, (n, 0, N - 1), (m, 0, M - 1)),
        [X],
        where=[
            Eq(
                array("mu", K, M)[k, m],
                S(KroneckerDelta(lab[n], k) * X[n, m], (n, 0, N - 1))
                / (1 + S(KroneckerDelta(lab[n], k), (n, 0, N - 1))),
            )
        ],
    ),
    "ordinal regression": lambda: Model(
        -S(
            log(sigmoid(array("b", K + 1)[lab[n] + 1] - x[n]) - sigmoid(array("b", K + 1)[lab[n]] - x[n])),
            (n, 0, N - 1),
        ),
        [x, array("b", K + 1)],
        facts=[lab[n] >= 0, lab[n] < K],
    ),
    "window at a label": lambda: Model(
        S(sin(array("a", V + P)[lab[n] + p]) * w[p], (n, 0, N - 1), (p, 0, P - 1)),
        [array("a", V + P), w],
        facts=[lab[n] >= 0, lab[n] < V],
    ),
}

MASKS = {
    "log of zero": lambda: over_n(if_else(x[n] > 0, log(x[n]), 0) * y[n]),
    "division by zero": lambda: over_n(if_else(Ne(x[n], 0), 1 / x[n], 0) * y[n]),
    "root of negatives": lambda: over_n(Piecewise((log(x[n]), x[n] > 1), (sqrt(1 - x[n]), x[n] <= 1)) * y[n]),
    "powers": lambda: over_n(if_else(x[n] > 0, x[n] ** y[n], 0)),
    "area functions": lambda: over_n(if_else(And(x[n] > -1, x[n] < 1), atanh(x[n]), x[n]) * y[n]),
    "Huber": lambda: over_n(if_else(Abs(x[n] - y[n]) <= 1, (x[n] - y[n]) ** 2 / 2, Abs(x[n] - y[n]) - Rational(1, 2))),
    "exclusive or": lambda: over_n(if_else(Xor(x[n] > 0, y[n] > 0), x[n] ** 2, y[n])),
    "pairs": lambda: Model(
        S(if_else(i < j, 1 / sqrt(S((X[i, m] - X[j, m]) ** 2, (m, 0, M - 1))), 0), (i, 0, N - 1), (j, 0, N - 1)), [X]
    ),
    "named pairs": lambda: Model(
        S(if_else(Ne(i, j), 1 / array("b", N, N)[i, j], 0), (i, 0, N - 1), (j, 0, N - 1)),
        [X],
        where=[Eq(array("b", N, N)[i, j], sqrt(S((X[i, m] - X[j, m]) ** 2, (m, 0, M - 1))))],
    ),
    "a scalar's condition": lambda: Model(if_else(s > 0, S(Abs(x[n]) ** s / s, (n, 0, N - 1)), s), [x, s]),
    "a row's condition": lambda: Model(
        S(if_else(x[n] > 0, X[n, m] * log(x[n]), 0), (n, 0, N - 1), (m, 0, M - 1)), [X, x]
    ),
    "at a number": lambda: over_n(if_else(Eq(n, at), sin(x[n]), x[n] * y[n])),
    "delta at a number": lambda: over_n(KroneckerDelta(n, at) * x[n] ** 2 + y[n]),
    "deltas": lambda: Model(
        S(KroneckerDelta(i, j + 1) * x[i] * y[j], (i, 0, N - 1), (j, 0, N - 1))
        + S(KroneckerDelta(i, 0) * x[i] ** 2, (i, 0, N - 1)),
        [x, y],
    ),
}
