"""Losses of textbooks, one function each, as set there; `tests/test_textbook_formulas.py` has their formulas."""

from sympy import (
    Abs,
    Eq,
    HadamardProduct,
    Identity,
    IndexedBase,
    MatrixSymbol,
    Max,
    OneMatrix,
    Q,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
    loggamma,
    pi,
    sqrt,
    symbols,
    tanh,
)

from symgrad import (
    LogSumExp,
    Model,
    dot,
    if_else,
    log_ndtr,
    logdet,
    norm1,
    norm2,
    quad,
    sigmoid,
    softmax,
    sumsq,
    total,
)

N, M, K, D = symbols("N M K D", integer=True, positive=True)
i, j, k, n, m = symbols("i j k n m", integer=True)
mu, tau, alpha, beta, sigma, delta, kappa = symbols("mu tau alpha beta sigma delta kappa", positive=True)
lam = Symbol("lambda", positive=True)
X, w, y, b = MatrixSymbol("X", N, D), MatrixSymbol("w", D, 1), MatrixSymbol("y", N, 1), Symbol("b", real=True)
A, S, P, v = MatrixSymbol("A", D, D), MatrixSymbol("S", D, D), MatrixSymbol("P", N, N), MatrixSymbol("v", D, 1)
U, V, R = MatrixSymbol("U", N, K), MatrixSymbol("V", M, K), MatrixSymbol("R", N, M)
ones = OneMatrix(N, 1)
squares = sumsq(X * w - y) / (2 * N)


def vector(name, length=N, **assumptions):
    return IndexedBase(name, shape=(length,), **assumptions)


def logistic():
    z, p = MatrixSymbol("z", N, 1), MatrixSymbol("p", N, 1)
    loss = -(dot(y, p.applyfunc(log)) + dot(ones - y, (ones - p).applyfunc(log))) / N
    return Model(loss, [w, b], where=[Eq(z, X * w + b * ones), Eq(p, sigmoid(z))])


def ridge():
    return Model(squares + lam * sumsq(w) / 2, [w])


def lasso():
    return Model(squares + lam * norm1(w), [w])


def elastic_net():
    return Model(squares + lam * (mu * norm1(w) + (1 - mu) * sumsq(w) / 2), [w])


def group_lasso():
    return Model(norm2(X * w - y) + lam * norm2(w), [w])


def huber():
    return Model(
        total((X * w - y).applyfunc(lambda r: if_else(Abs(r) <= delta, r**2 / 2, delta * (Abs(r) - delta / 2)))), [w]
    )


def hinge():
    margins = ones - HadamardProduct(y, X * w)
    return Model(total(margins.applyfunc(lambda u: Max(0, u))) / N + lam * sumsq(w) / 2, [w])


def probit():
    return Model(-total(HadamardProduct(y, X * w).applyfunc(log_ndtr)), [w])


def poisson():
    return Model(total((X * w).applyfunc(exp)) - dot(y, X * w), [w])


def barrier():
    c = MatrixSymbol("c", D, 1)
    return Model(dot(c, w) - mu * total((y - X * w).applyfunc(log)), [w])


def marginal_likelihood():
    """Of a Gaussian process with noise."""
    noisy = P + sigma**2 * Identity(N)
    return Model(quad(y, noisy.I) / 2 + logdet(noisy) / 2 + N * log(2 * pi) / 2, [sigma])


def covariance():
    return Model(logdet(S) + quad(v, S.I), [S])


def graphical_lasso():
    return Model(-logdet(S) + Trace(A * S) + lam * norm1(S), [S])


def mahalanobis():
    x, centre = MatrixSymbol("x", D, 1), MatrixSymbol("mu", D, 1)
    return Model(quad(x - centre, S.I) / 2, [centre, S])


def gaussian_rows():
    centred = X - ones * MatrixSymbol("mu", D, 1).T
    return Model(Trace(centred * S.I * centred.T) / 2 + N * logdet(S) / 2, [MatrixSymbol("mu", D, 1), S])


def matrix_normal():
    M, U = MatrixSymbol("M", N, D), MatrixSymbol("U", N, N)
    return Model(Trace(S.I * (X - M).T * U.I * (X - M)) / 2 + D * logdet(U) / 2 + N * logdet(S) / 2, [M, U])


def innovations():
    """The step of a Kalman filter."""
    F, H, Q, x, z = (
        MatrixSymbol(name, *shape) for name, *shape in [("F", D, D), ("H", K, D), ("P", D, D), ("x", D, 1), ("z", K, 1)]
    )
    r, S = MatrixSymbol("r", K, 1), MatrixSymbol("S", K, K)
    noise = MatrixSymbol("R", K, K)
    return Model(logdet(S) / 2 + quad(r, S.I) / 2, [F, H], where=[Eq(r, z - H * F * x), Eq(S, H * Q * H.T + noise)])


def autoencoder():
    """A linear one with tied weights: principal components."""
    U = MatrixSymbol("U", D, K)
    return Model(sumsq(X - X * U * U.T), [U])


def factorisation():
    return Model(sumsq(R - U * V.T) / 2 + lam * (sumsq(U) + sumsq(V)) / 2, [U, V])


def completion():
    """Factorisation of the entries that O keeps."""
    kept = MatrixSymbol("O", N, M)
    return Model(sumsq(HadamardProduct(kept, R - U * V.T)) / 2, [U, V])


def attention():
    queries, keys, values, target, out = (MatrixSymbol(name, N, D) for name in ("Q", "K", "V", "T", "O"))
    weights = MatrixSymbol("A", N, N)
    where = [Eq(weights, softmax(queries * keys.T / sqrt(D))), Eq(out, weights * values)]
    return Model(sumsq(out - target) / 2, [queries, keys, values], where=where)


def rayleigh():
    return Model(quad(v, A) / sumsq(v), [v])


def discriminant():
    return Model(-quad(v, A) / quad(v, S), [v])


def cosine():
    a, c = MatrixSymbol("a", D, 1), MatrixSymbol("c", D, 1)
    return Model(1 - dot(a, c) / (norm2(a) * norm2(c)), [a])


def smoothing():
    """Of a signal on a graph with Laplacian L."""
    f, g, L = MatrixSymbol("f", N, 1), MatrixSymbol("g", N, 1), MatrixSymbol("L", N, N)
    return Model(sumsq(f - g) / 2 + lam * quad(f, L) / 2, [f])


def perceptron():
    W1, W2, H, out = (
        MatrixSymbol(name, *shape) for name, *shape in [("W1", D, K), ("W2", K, 1), ("H", N, K), ("yhat", N, 1)]
    )
    return Model(sumsq(out - y) / (2 * N), [W1, W2], where=[Eq(H, (X * W1).applyfunc(tanh)), Eq(out, H * W2)])


def rectified():
    W1, W2, H, b1 = (
        MatrixSymbol(name, *shape) for name, *shape in [("W1", D, K), ("W2", K, 1), ("H", N, K), ("b1", 1, K)]
    )
    layer = (X * W1 + ones * b1).applyfunc(lambda u: Max(0, u))
    return Model(sumsq(H * W2 - y) / 2, [W1, W2, b1], where=[Eq(H, layer)])


def negative_sampling():
    c, o, B = MatrixSymbol("c", D, 1), MatrixSymbol("o", D, 1), MatrixSymbol("V", K, D)
    return Model(-log(sigmoid(dot(o, c))) - total((-B * c).applyfunc(sigmoid).applyfunc(log)), [c])


def autoencoder_bound():
    """The ELBO of a variational autoencoder with a linear decoder."""
    x, W = IndexedBase("x", shape=(N, M)), IndexedBase("W", shape=(D, M))
    mean, s, noise, z = (IndexedBase(name, shape=(N, D)) for name in ("mu", "s", "epsilon", "z"))
    error = Sum((x[n, m] - Sum(z[n, j] * W[j, m], (j, 0, D - 1))) ** 2, (n, 0, N - 1), (m, 0, M - 1)) / 2
    divergence = Sum(exp(s[n, j]) + mean[n, j] ** 2 - 1 - s[n, j], (n, 0, N - 1), (j, 0, D - 1)) / 2
    return Model(error + divergence, [mean, s], where=[Eq(z[n, j], mean[n, j] + exp(s[n, j] / 2) * noise[n, j])])


def hawkes():
    t, rate, T = vector("t"), vector("lambda"), Symbol("T", positive=True)
    compensator = mu * T + alpha * Sum(1 - exp(-beta * (T - t[i])), (i, 0, N - 1)) / beta
    intensity = Eq(rate[i], mu + alpha * Sum(exp(-beta * (t[i] - t[j])), (j, 0, i - 1)))
    return Model(compensator - Sum(log(rate[i]), (i, 0, N - 1)), [mu, alpha], where=[intensity])


def gamma_family():
    x = vector("x", positive=True)
    terms = alpha * log(beta) - loggamma(alpha) + (alpha - 1) * log(x[i]) - beta * x[i]
    return Model(-Sum(terms, (i, 0, N - 1)), [alpha, beta])


def weibull_survival():
    times, dies = vector("t", positive=True), vector("d")
    terms = dies[i] * (log(kappa) - log(lam) + (kappa - 1) * log(times[i] / lam)) - (times[i] / lam) ** kappa
    return Model(-Sum(terms, (i, 0, N - 1)), [lam, kappa])


def frechet():
    x = vector("x", positive=True)
    terms = log(sigma) - log(alpha) + (1 + alpha) * log(x[i] / sigma) + (x[i] / sigma) ** (-alpha)
    return Model(Sum(terms, (i, 0, N - 1)), [sigma])


def inverse_gaussian():
    x = vector("x", positive=True)
    return Model(Sum(lam * (x[i] - mu) ** 2 / (2 * mu**2 * x[i]) - log(lam) / 2, (i, 0, N - 1)), [mu, lam])


def saturation():
    x, t = vector("x", positive=True), vector("t")
    return Model(Sum((t[i] - alpha * x[i] / (beta + x[i])) ** 2, (i, 0, N - 1)), [alpha, beta])


def normal_mixture():
    x, centre, weight = vector("x"), vector("m", K), vector("w", K, positive=True)
    density = exp(-((x[n] - centre[k]) ** 2) / (2 * sigma**2)) / (sqrt(2 * pi) * sigma)
    return Model(-Sum(log(Sum(weight[k] * density, (k, 0, K - 1))), (n, 0, N - 1)), [centre])


def layer_norm():
    x, out, t, centred = (IndexedBase(name, shape=(N, D)) for name in ("x", "y", "t", "h"))
    scale, mean, spread, floor = vector("gamma", D), vector("mu"), vector("sigma"), Symbol("epsilon", positive=True)
    deviation = sqrt(Sum((x[n, j] - mean[n]) ** 2, (j, 0, D - 1)) / D + floor)
    where = [
        Eq(mean[n], Sum(x[n, j], (j, 0, D - 1)) / D),
        Eq(spread[n], deviation),
        Eq(centred[n, j], (x[n, j] - mean[n]) / spread[n]),
        Eq(out[n, j], scale[j] * centred[n, j]),
    ]
    return Model(Sum((out[n, j] - t[n, j]) ** 2, (n, 0, N - 1), (j, 0, D - 1)) / 2, [x, scale], where=where)


def autoregression():
    x, phi, step = vector("x"), vector("phi", K), Symbol("t", integer=True)
    predicted = Sum(phi[k] * x[step - k - 1], (k, 0, K - 1))
    return Model(Sum((x[step] - predicted) ** 2, (step, K, N - 1)) / 2, [phi])


def convolution():
    x, kernel, target = vector("x"), vector("f", K), vector("y", N - K + 1)
    return Model(Sum((Sum(kernel[k] * x[i + k], (k, 0, K - 1)) - target[i]) ** 2, (i, 0, N - K)) / 2, [kernel, x])


def lennard_jones():
    x, r, epsilon = IndexedBase("x", shape=(N, 3)), IndexedBase("r", shape=(N, N)), Symbol("epsilon", positive=True)
    pairs = Sum((sigma / r[i, j]) ** 12 - (sigma / r[i, j]) ** 6, (j, 0, i - 1), (i, 0, N - 1))
    return Model(4 * epsilon * pairs, [x, sigma], where=[Eq(r[i, j], sqrt(Sum((x[i, k] - x[j, k]) ** 2, (k, 0, 2))))])


def huber_by_sign():
    """The Huber loss in three pieces."""
    x, t, slope, r = IndexedBase("x", shape=(N, D)), vector("y"), vector("w", D), vector("r")
    outside = if_else(r[n] > 0, delta * (r[n] - delta / 2), -delta * (r[n] + delta / 2))
    loss = Sum(if_else(Abs(r[n]) <= delta, r[n] ** 2 / 2, outside), (n, 0, N - 1))
    return Model(loss, [slope], where=[Eq(r[n], t[n] - Sum(x[n, j] * slope[j], (j, 0, D - 1)))])


def markowitz():
    mean = MatrixSymbol("mu", D, 1)
    return Model(lam * quad(w, S) / 2 - dot(mean, w), [w], facts=[Q.positive_definite(S)])


def sharpe():
    return Model(-dot(MatrixSymbol("mu", D, 1), w) / sqrt(quad(w, S)), [w], facts=[Q.positive_definite(S)])


def risk_parity():
    return Model(sqrt(quad(w, S)) - Sum(log(w[j, 0]), (j, 0, D - 1)) / D, [w], facts=[Q.positive_definite(S)])


def procrustes():
    """With a penalty in place of the constraint."""
    Z = MatrixSymbol("Z", N, D)
    return Model(sumsq(X * A - Z) / 2 + beta * sumsq(A.T * A - Identity(D)) / 4, [A])


def generalised_least_squares():
    return Model(quad(y - X * w, P.I) / 2, [w], facts=[Q.positive_definite(P)])


def cox():
    x, slope, eta, event = IndexedBase("x", shape=(N, D)), vector("w", D), vector("eta"), vector("d")
    at_risk = Sum(exp(eta[j]), (j, i, N - 1))
    loss = -Sum(event[i] * (eta[i] - log(at_risk)), (i, 0, N - 1))
    return Model(loss, [slope], where=[Eq(eta[i], Sum(x[i, j] * slope[j], (j, 0, D - 1)))])


def bradley_terry():
    strength, wins = vector("theta"), IndexedBase("c", shape=(N, N))
    loss = -Sum(wins[i, j] * log(sigmoid(strength[i] - strength[j])), (i, 0, N - 1), (j, 0, N - 1))
    return Model(loss, [strength])


def contrastive():
    a, c, similarity = MatrixSymbol("U", N, D), MatrixSymbol("V", N, D), MatrixSymbol("Z", N, N)
    normaliser = Sum(LogSumExp(similarity[i, j], (j, 0, N - 1)), (i, 0, N - 1))
    return Model(normaliser - Trace(similarity), [a, c], where=[Eq(similarity, a * c.T / tau)])


def garch():
    r, h, omega, step = vector("r"), vector("h"), Symbol("omega", positive=True), Symbol("t", integer=True)
    variance = if_else(step > 0, omega + alpha * r[step - 1] ** 2 + beta * h[step - 1], omega)
    loss = Sum(log(h[step]) + r[step] ** 2 / h[step], (step, 0, N - 1)) / 2
    return Model(loss, [omega, alpha, beta], where=[Eq(h[step], variance)])
