"""Models of statistics and machine learning that are linear algebra; `tests/test_statistics.py` has them in JAX."""

from sympy import (
    Determinant,
    DiagMatrix,
    Eq,
    HadamardProduct,
    Identity,
    IndexedBase,
    KroneckerDelta,
    MatrixSymbol,
    OneMatrix,
    Q,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    sqrt,
    symbols,
)

from symgrad import LogSumExp, Model, inverse, log_sigmoid, logdet, total

N, D, K, M, T = symbols("N D K M T", integer=True, positive=True)
i, j, k, d, t, a, b = symbols("i j k d t a b", integer=True)
X, Y, Z = MatrixSymbol("X", N, D), MatrixSymbol("Y", N, M), MatrixSymbol("Z", N, D)
w, mu, psi = MatrixSymbol("w", D, 1), MatrixSymbol("mu", D, 1), MatrixSymbol("psi", D, 1)
y = MatrixSymbol("y", N, 1)
S, V, G, R = (MatrixSymbol(name, D, D) for name in "SVGR")
W, L = MatrixSymbol("W", D, K), MatrixSymbol("L", K, D)
ones = OneMatrix(N, 1)


def gaussian():
    """-2 log-likelihood of a Gaussian with full covariance."""
    centred = X - ones * mu.T
    return Model(Trace(centred * S.I * centred.T) + N * logdet(S), [mu, S], facts=[Q.positive_definite(S)])


def wishart():
    """-2 log of a Wishart density with scale V and nu degrees of freedom, without the normalising gamma functions."""
    nu = Symbol("nu", positive=True)
    facts = [Q.positive_definite(S), Q.positive_definite(V)]
    return Model(Trace(V.I * S) - (nu - D - 1) * logdet(S) + nu * logdet(V), [V, S, nu], facts=facts)


def factor_analysis():
    """log det C + tr(C⁻¹ S) of the covariance C = W Wᵀ + diag(exp(psi))."""
    C = MatrixSymbol("C", D, D)
    where = [Eq(C, W * W.T + DiagMatrix(psi.applyfunc(exp)))]
    return Model(logdet(C) + Trace(C.I * S), [W, psi], where=where, facts=[Q.positive_definite(S)])


def gaussian_process():
    """Evidence of a Gaussian process: a squared-exponential kernel's amplitude and length, and the noise."""
    x = IndexedBase("X", shape=(N, D))
    kernel, C = MatrixSymbol("Kn", N, N), MatrixSymbol("C", N, N)
    amplitude, length, noise = symbols("amplitude length noise", real=True)
    distance = Sum((x[i, d] - x[j, d]) ** 2, (d, 0, D - 1))
    where = [
        Eq(kernel[i, j], exp(2 * amplitude - distance * exp(-2 * length) / 2)),
        Eq(C, kernel + exp(2 * noise) * Identity(N)),
    ]
    return Model((y.T * C.I * y)[0, 0] + logdet(C), [amplitude, length, noise], where=where)


def trace_ratio():
    """Linear discriminants: -tr((Wᵀ Sw W)⁻¹ Wᵀ Sb W)."""
    between, within = MatrixSymbol("Sb", D, D), MatrixSymbol("Sw", D, D)
    loss = -Trace((W.T * within * W).I * (W.T * between * W))
    return Model(loss, [W], facts=[Q.symmetric(between), Q.positive_definite(within)])


def independent_components():
    """-log-likelihood of independent sources with a logistic density, and the unmixing matrix G."""
    U = MatrixSymbol("U", N, D)
    loss = -total(log_sigmoid(U)) - total(log_sigmoid(-U)) - N * log(abs(Determinant(G)))
    return Model(loss, [G], where=[Eq(U, X * G.T)])


def canonical_correlation():
    """The correlation of X p and Y q, negative."""
    p, q = MatrixSymbol("p", D, 1), MatrixSymbol("q", M, 1)
    u, v = MatrixSymbol("u", N, 1), MatrixSymbol("v", N, 1)
    loss = -(u.T * v)[0, 0] / sqrt((u.T * u)[0, 0] * (v.T * v)[0, 0])
    return Model(loss, [p, q], where=[Eq(u, X * p), Eq(v, Y * q)])


def procrustes():
    """‖s X R - Z‖² with a rotation R."""
    residual = Symbol("s", real=True) * X * R - Z
    return Model(Trace(residual.T * residual), [R, Symbol("s", real=True)], facts=[Q.orthogonal(R)])


def metric_learning():
    """Pairs of rows at a Mahalanobis distance by Lᵀ L: alike (y = -1) are near, others (y = 1) far."""
    E, distance = MatrixSymbol("E", N, K), MatrixSymbol("q", N, 1)
    where = [Eq(E, (X - Z) * L.T), Eq(distance, HadamardProduct(E, E) * OneMatrix(K, 1))]
    return Model(-total(log_sigmoid(HadamardProduct(y, distance - ones))), [L], where=where)


def whitening():
    """‖G S Gᵀ - I‖²: a matrix that whitens, without a root of a matrix."""
    residual = G * S * G.T - Identity(D)
    return Model(Trace(residual.T * residual), [G], facts=[Q.positive_definite(S)])


def ridge_penalty():
    """The error on held-out rows of the ridge solution by its normal equations, as a function of the penalty."""
    P, v, penalty = MatrixSymbol("P", M, D), MatrixSymbol("v", M, 1), Symbol("penalty", real=True)
    residual = P * w - v
    where = [Eq(w, (X.T * X + exp(penalty) * Identity(D)).I * (X.T * y))]
    return Model(Trace(residual.T * residual), [penalty, X], where=where)


def kalman():
    """-2 log-likelihood of a linear state-space model with one observation c·x a step."""
    A, c = MatrixSymbol("A", D, D), IndexedBase("c", shape=(D,))
    q, r = Symbol("q", real=True), Symbol("r", real=True)
    z = IndexedBase("z", shape=(T,))
    state, before, gain = (IndexedBase(name, shape=(T + 1, D)) for name in ("m", "p", "g"))
    covariance, ahead = IndexedBase("C", shape=(T + 1, D, D)), IndexedBase("P", shape=(T + 1, D, D))
    spread, error = IndexedBase("s", shape=(T + 1,)), IndexedBase("e", shape=(T + 1,))
    over_a, over_b = (a, 0, D - 1), (b, 0, D - 1)
    moved = Sum(A[i, a] * covariance[t - 1, a, b] * A[j, b], over_a, over_b)
    where = [
        Eq(state[0, i], 0),
        Eq(covariance[0, i, j], KroneckerDelta(i, j)),
        Eq(before[t, i], Sum(A[i, a] * state[t - 1, a], over_a)),
        Eq(ahead[t, i, j], moved + exp(q) * KroneckerDelta(i, j)),
        Eq(spread[t], Sum(c[a] * ahead[t, a, b] * c[b], over_a, over_b) + exp(r)),
        Eq(error[t], z[t - 1] - Sum(c[a] * before[t, a], over_a)),
        Eq(gain[t, i], Sum(ahead[t, i, a] * c[a], over_a) / spread[t]),
        Eq(state[t, i], before[t, i] + gain[t, i] * error[t]),
        Eq(covariance[t, i, j], ahead[t, i, j] - gain[t, i] * spread[t] * gain[t, j]),
    ]
    return Model(Sum(error[t] ** 2 / spread[t] + log(spread[t]), (t, 1, T)), [A, c, q, r], where=where)


def mixture_of_full_gaussians():
    """-log-likelihood of a mixture with full covariances: a stack of matrices, factorised once."""
    x, m, s = IndexedBase("X", shape=(N, D)), IndexedBase("mu", shape=(K, D)), IndexedBase("S", shape=(K, D, D))
    logits, sides = IndexedBase("logits", shape=(K,)), ((a, 0, D - 1), (b, 0, D - 1))
    distance = Sum((x[i, a] - m[k, a]) * inverse(s[k, a, b], *sides) * (x[i, b] - m[k, b]), *sides)
    log_density = logits[k] - (distance + logdet(s[k, a, b], *sides)) / 2
    loss = -Sum(LogSumExp(log_density, (k, 0, K - 1)) - LogSumExp(logits[k], (k, 0, K - 1)), (i, 0, N - 1))
    return Model(loss, [logits, m, s], facts=[Q.positive_definite(s)])
