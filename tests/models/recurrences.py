"""Recurrences of every kind: `symgrad check tests/models/recurrences.py:lstm`.

T steps, N sequences, M inputs, K units. States of shape (T + 1, ...) have a base case at 0 and run t = 1 ... T.
"""

from sympy import Eq, IndexedBase, KroneckerDelta, MatrixSymbol, Max, Sum, Symbol, Trace, exp, log, sin, symbols, tanh

from symgrad import LogSumExp, Model, if_else, inverse, logdet, sigmoid, softmax

N, M, K, T = symbols("N M K T", integer=True, positive=True)
n, m, k, l, t, i, j = symbols("n m k l t i j", integer=True)  # noqa: E741


def array(name, *shape, **assumptions):
    return IndexedBase(name, shape=shape, **assumptions)


x, y, Y = array("x", T, N, M), array("y", N, K), array("Y", T, N, K)
U, W, V, b = array("U", K, K), array("W", M, K), array("V", K, K), array("b", K)
h, c, g = array("h", T + 1, N, K), array("c", T + 1, N, K), array("g", T + 1, N, K)
h0, c0 = array("h0", N, K), array("c0", N, K)


def affine(time, name="", state=None):
    """x W + h U + b of the input and the state of one time."""
    W, U, b = array(f"W{name}", M, K), array(f"U{name}", K, K), array(f"b{name}", K)
    state = h[time - 1, n, l] if state is None else state
    return Sum(x[time - 1, n, m] * W[m, k], (m, 0, M - 1)) + Sum(state * U[l, k], (l, 0, K - 1)) + b[k]


def weights(*names):
    return [array(f"{p}{name}", *s) for name in names for p, s in (("W", (M, K)), ("U", (K, K)), ("b", (K,)))]


def squares(difference):
    return Sum(difference**2, (n, 0, N - 1), (k, 0, K - 1))


last = squares(h[T, n, k] - y[n, k])
every = Sum((h[t + 1, n, k] - Y[t, n, k]) ** 2, (t, 0, T - 1), (n, 0, N - 1), (k, 0, K - 1))
started, zero = Eq(h[0, n, k], h0[n, k]), Eq(h[0, n, k], 0)

# --- networks ---------------------------------------------------------------------------------------------------------

rnn = Model(last, [U, W, b, h0], where=[started, Eq(h[t, n, k], tanh(affine(t)))], name="rnn")
rnn_ahead = Model(
    every, [U, W, b], where=[Eq(h[t + 1, n, k], tanh(affine(t + 1, state=h[t, n, l]))), zero], name="rnn_ahead"
)
a = array("a", T, N, K)
rnn_named = Model(
    every,
    [U, W, b],
    where=[Eq(h[t + 1, n, k], tanh(a[t, n, k])), zero, Eq(a[t, n, k], affine(t + 1, state=h[t, n, l]))],
    name="rnn_named",
)

z, r, q = (array(name, T + 1, N, K) for name in "zrq")
gru = Model(
    last,
    [*weights("z", "r", "q"), h0],
    where=[
        Eq(h[t, n, k], (1 - z[t, n, k]) * h[t - 1, n, k] + z[t, n, k] * q[t, n, k]),
        Eq(z[t, n, k], sigmoid(affine(t, "z"))),
        Eq(q[t, n, k], tanh(affine(t, "q", r[t, n, l] * h[t - 1, n, l]))),
        Eq(r[t, n, k], sigmoid(affine(t, "r"))),
        started,
    ],
    name="gru",
)

gates = f, o, u, v = [array(name, T + 1, N, K) for name in ("f", "o", "u", "v")]
begun = [started, Eq(c[0, n, k], c0[n, k])]
lstm = Model(
    last,
    [*weights("f", "o", "u", "v"), h0, c0],
    where=[
        *begun,
        *(Eq(gate[t, n, k], sigmoid(affine(t, name))) for gate, name in zip(gates[:3], "fou", strict=True)),
        Eq(v[t, n, k], tanh(affine(t, "v"))),
        Eq(c[t, n, k], f[t, n, k] * c[t - 1, n, k] + u[t, n, k] * v[t, n, k]),
        Eq(h[t, n, k], o[t, n, k] * tanh(c[t, n, k])),
    ],
    name="lstm",
)
memory = sigmoid(affine(t, "f")) * c[t - 1, n, k] + sigmoid(affine(t, "u")) * tanh(affine(t, "v"))
lstm_inline = Model(
    last,
    [*weights("f", "o", "u", "v"), h0, c0],
    where=[Eq(h[t, n, k], sigmoid(affine(t, "o")) * tanh(c[t, n, k])), Eq(c[t, n, k], memory), *begun],
    name="lstm_inline",
)

stacked = Model(
    Sum((g[t, n, k] - Y[t - 1, n, k]) ** 2, (t, 1, T), (n, 0, N - 1), (k, 0, K - 1)),
    [U, W, b, V],
    where=[
        Eq(g[t, n, k], tanh(h[t, n, k] + Sum(g[t - 1, n, l] * V[l, k], (l, 0, K - 1)))),
        Eq(h[t, n, k], tanh(affine(t))),
        zero,
        Eq(g[0, n, k], 0),
    ],
    name="stacked",
)
back = tanh(Sum(x[t, n, m] * W[m, k], (m, 0, M - 1)) + Sum(g[t + 1, n, l] * V[l, k], (l, 0, K - 1)))
bidirectional = Model(
    Sum((h[t + 1, n, k] * g[t, n, k] - Y[t, n, k]) ** 2, (t, 0, T - 1), (n, 0, N - 1), (k, 0, K - 1)),
    [U, W, b, V],
    where=[zero, Eq(h[t, n, k], tanh(affine(t))), Eq(g[T, n, k], 0), Eq(g[t, n, k], back)],
    name="bidirectional",
)
rectified = Model(last, [U, W, b], where=[Eq(h[0, n, k], 1), Eq(h[t, n, k], Max(0, affine(t)))], name="rectified")
length = array("length", N, integer=True)
masked = Model(
    last,
    [U, W, b],
    where=[zero, Eq(h[t, n, k], if_else(t <= length[n], tanh(affine(t)), h[t - 1, n, k]))],
    name="masked",
)
attending = Model(
    -Sum(Y[t, n, k] * log(softmax(h[t + 1, n, k], (k, 0, K - 1))), (t, 0, T - 1), (n, 0, N - 1), (k, 0, K - 1)),
    [U, b],
    where=[zero, Eq(h[t, n, k], softmax(Sum(h[t - 1, n, l] * U[l, k], (l, 0, K - 1)) + b[k], (k, 0, K - 1)))],
    name="attending",
)

HS, CS, US, XS, WS = (  # states as matrices, and equations with entries of matrix products
    MatrixSymbol(*one) for one in (("H", T + 1, K), ("C", T + 1, K), ("U", K, K), ("X", T, M), ("W", M, K))
)
matrix_states = Model(
    Trace(HS.T * HS) + (CS * US)[T, 0],
    [US, WS],
    where=[
        Eq(HS[0, k], 0),
        Eq(HS[t, k], tanh(CS[t, k])),
        Eq(CS[t, k], sigmoid((HS * US)[t - 1, k]) * CS[t - 1, k] + (XS * WS)[t - 1, k]),
        Eq(CS[0, k], 1),
    ],
    name="matrix_states",
)
column, pushed, start0 = MatrixSymbol("v", T + 1, 1), MatrixSymbol("e", T, 1), Symbol("start0")
column_state = Model(
    (column.T * column)[0, 0],
    [pushed, start0],
    where=[Eq(column[0, 0], start0), Eq(column[t, 0], tanh(start0 * column[t - 1, 0] + pushed[t - 1, 0]))],
    name="column_state",
)
skipping = Model(  # every step sees the first state
    last,
    [U, V, h0],
    where=[
        Eq(h[0, n, k], sin(h0[n, k])),
        Eq(
            h[t, n, k],
            tanh(Sum(h[t - 1, n, l] * U[l, k] + h[0, n, l] * V[l, k], (l, 0, K - 1))) + h[0, n, 0] * h[0, n, k],
        ),
    ],
    name="skipping",
)

# --- other recurrences ------------------------------------------------------------------------------------------------

s, s0, s1 = Symbol("s"), Symbol("s0"), Symbol("s1")
p, p2, e, w = array("p", T + 1), array("p", T + 2), array("e", T), array("w", 2)
second_order = Model(
    Sum((p2[t + 2] - e[t]) ** 2, (t, 0, T - 1)),
    [w, s0, s1],
    where=[Eq(p2[0], s0), Eq(p2[t], w[0] * p2[t - 1] + w[1] * sin(p2[t - 2])), Eq(p2[1], s1)],
    name="second_order",
)
product = Model(
    p[T] ** 2 + Sum(p[t], (t, 0, T)), [e], where=[Eq(p[t], p[t - 1] * e[t - 1]), Eq(p[0], 1)], name="product"
)
timed = Model(p[T], [s], where=[Eq(p[0], s), Eq(p[t], sin(p[t - 1] * s) + t * s)], name="timed")
unlooped = Model(Sum(p[t] ** 2, (t, 0, T)), [e, s], where=[Eq(p[0], s), Eq(p[t], e[t - 1] * s)], name="unlooped")
fed, wave = array("fed", T + 1), array("wave", T + 1)
unread_base = Model(  # the base case of fed is read by nothing
    Sum(wave[t] ** 2, (t, 1, T)),
    [e, s, s0],
    where=[Eq(fed[0], s0), Eq(wave[0], s), Eq(fed[t], e[t - 1] + wave[t - 1]), Eq(wave[t], sin(fed[t]))],
    name="unread_base",
)
forget = array("forget", T + 1)
gated_by_data = Model(  # a gate that is no state has no entry 0, where it would read e[-1]
    Sum(p[t] ** 2, (t, 0, T)),
    [e, s, s0],
    where=[Eq(forget[t], sigmoid(s * e[t - 1])), Eq(p[0], s0), Eq(p[t], forget[t] * p[t - 1] + sin(e[t - 1]))],
    name="gated_by_data",
)
first_p, first_q = array("P", T + 1), array("Q", T + 1)
chained_bases = Model(  # a base case refers to another, and steps to base cases of one another's states
    first_p[T] * first_q[T] + Sum(first_p[t] ** 2, (t, 0, T)),
    [s, s0, e],
    where=[
        Eq(first_q[0], first_p[0] ** 2 * s0),
        Eq(first_p[0], s),
        Eq(first_p[t], sin(first_p[t - 1] * first_q[t - 1]) + first_q[0] * e[t - 1]),
        Eq(first_q[t], first_p[0] * first_q[t - 1]),
    ],
    name="chained_bases",
)
d, D = array("d", N, K, T + 1), array("D", N, K, T)
time_last = Model(
    Sum((d[n, k, t] - 1) ** 2, (t, 0, T), (n, 0, N - 1), (k, 0, K - 1)),
    [U, h0],
    where=[
        Eq(d[n, k, 0], h0[n, k]),
        Eq(d[n, k, t], sin(Sum(d[n, l, t - 1] * U[l, k], (l, 0, K - 1)) + D[n, k, t - 1])),
    ],
    name="time_last",
)

A, B, start, alpha = array("A", K, K), array("B", T, K), array("start", K), array("alpha", T, K)
first = Eq(alpha[0, j], start[j] + B[0, j])
hmm = Model(
    -LogSumExp(alpha[T - 1, k], (k, 0, K - 1)),
    [A, B, start],
    where=[first, Eq(alpha[t, j], B[t, j] + LogSumExp(alpha[t - 1, i] + A[i, j], (i, 0, K - 1)))],
    name="hmm",
)
transition = log(exp(A[i, j]) / Sum(exp(A[i, l]), (l, 0, K - 1)))
hmm_spelled_out = Model(
    -log(Sum(exp(alpha[T - 1, k]), (k, 0, K - 1))),
    [A, B, start],
    where=[first, Eq(alpha[t, j], B[t, j] + log(Sum(exp(alpha[t - 1, i] + transition), (i, 0, K - 1))))],
    name="hmm_spelled_out",
)

F, H, R, m0 = array("F", K, K), array("H", K), Symbol("R"), array("m0", K)
mean, covariance = array("mean", T + 1, K), array("P", T + 1, K, K)
ahead, spread, S = array("ahead", T + 1, K), array("Q", T + 1, K, K), array("S", T + 1)
gain, error, observed = array("G", T + 1, K), array("error", T + 1), array("observed", T)
kalman = Model(
    Sum(log(S[t]) + error[t] ** 2 / S[t], (t, 1, T)) / 2,
    [F, H, R, m0],
    where=[
        Eq(mean[0, i], m0[i]),
        Eq(covariance[0, i, j], KroneckerDelta(i, j)),
        Eq(ahead[t, i], Sum(F[i, k] * mean[t - 1, k], (k, 0, K - 1))),
        Eq(
            spread[t, i, j],
            Sum(F[i, k] * covariance[t - 1, k, l] * F[j, l], (k, 0, K - 1), (l, 0, K - 1)) + KroneckerDelta(i, j) / 10,
        ),
        Eq(S[t], R**2 + Sum(H[i] * spread[t, i, j] * H[j], (i, 0, K - 1), (j, 0, K - 1))),
        Eq(error[t], observed[t - 1] - Sum(H[i] * ahead[t, i], (i, 0, K - 1))),
        Eq(gain[t, i], Sum(spread[t, i, j] * H[j], (j, 0, K - 1)) / S[t]),
        Eq(mean[t, i], ahead[t, i] + gain[t, i] * error[t]),
        Eq(covariance[t, i, j], spread[t, i, j] - gain[t, i] * Sum(H[l] * spread[t, l, j], (l, 0, K - 1))),
    ],
    name="kalman",
)

# several observations at a time: M of them
HM, RM, SM = array("H", M, K), array("R", M, M), array("S", T + 1, M, M)
inverted, gains, errors = array("V", T + 1, M, M), array("G", T + 1, K, M), array("error", T + 1, M)
seen = array("seen", T, M)
kalman_many = Model(
    Sum(
        logdet(SM[t, i, j], (i, 0, M - 1), (j, 0, M - 1))
        + Sum(errors[t, i] * inverted[t, i, j] * errors[t, j], (i, 0, M - 1), (j, 0, M - 1)),
        (t, 1, T),
    )
    / 2,
    [F, HM, RM, m0],
    where=[
        *kalman.where[:4],
        Eq(
            SM[t, i, j],
            KroneckerDelta(i, j)
            + Sum(RM[i, n] * RM[j, n], (n, 0, M - 1))
            + Sum(HM[i, k] * spread[t, k, l] * HM[j, l], (k, 0, K - 1), (l, 0, K - 1)),
        ),
        Eq(inverted[t, i, j], inverse(SM[t, i, j], (i, 0, M - 1), (j, 0, M - 1))),
        Eq(errors[t, i], seen[t - 1, i] - Sum(HM[i, k] * ahead[t, k], (k, 0, K - 1))),
        Eq(gains[t, k, i], Sum(spread[t, k, l] * HM[j, l] * inverted[t, j, i], (l, 0, K - 1), (j, 0, M - 1))),
        Eq(mean[t, k], ahead[t, k] + Sum(gains[t, k, i] * errors[t, i], (i, 0, M - 1))),
        Eq(
            covariance[t, k, l],
            spread[t, k, l] - Sum(gains[t, k, i] * HM[i, j] * spread[t, j, l], (i, 0, M - 1), (j, 0, K - 1)),
        ),
    ],
    name="kalman_many",
)

model = rnn
