"""Models in which rewrites fire: for each record one or more, small enough for 50 digits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sympy import (
    Abs,
    Determinant,
    Eq,
    Expr,
    Identity,
    IndexedBase,
    Inverse,
    KroneckerDelta,
    KroneckerProduct,
    MatrixSymbol,
    Mod,
    Ne,
    Product,
    Q,
    Sum,
    Symbol,
    Trace,
    besseli,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    gamma,
    log,
    loggamma,
    oo,
    sin,
    sinh,
    sqrt,
    symbols,
    tanh,
)
from sympy.codegen.cfunctions import expm1, log1p

from symgrad import LogSumExp, MaxOver, Model, if_else, logdet, ndtr, relu, sigmoid, softmax, softplus, total

N, M, K, T = symbols("N M K T", integer=True, positive=True)
n, m, k, j, p, q, s = symbols("n m k j p q s", integer=True)
x, t, v, u = IndexedBase("x", (N,)), IndexedBase("t", (N,)), IndexedBase("v", (M,)), IndexedBase("u", (M,))
y, z, L3 = IndexedBase("y", (N,)), IndexedBase("z", (N, K)), IndexedBase("L", (K, M, M))
c, P, D2 = IndexedBase("c", (N, K)), IndexedBase("P", (N, K)), IndexedBase("X", (N, M))
label = IndexedBase("label", (N,), integer=True)
A, B, S, R = MatrixSymbol("A", M, M), MatrixSymbol("B", K, K), MatrixSymbol("S", M, M), MatrixSymbol("R", M, M)
L, X, w = MatrixSymbol("L", M, M), MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1)
P1 = IndexedBase("P1", (N,))
d, g = Symbol("d", positive=True), Symbol("g", real=True)
a, b = Symbol("a", positive=True), Symbol("b", real=True)

rows, classes, columns = (n, 0, N - 1), (k, 0, K - 1), (m, 0, M - 1)
others = (j, 0, N - 1)
logits = Sum(exp(z[n, k]), classes)
_MEAN = Eq(b, Sum(x[n], rows) / N)
_OF_CLASSES = [Eq(P[n, k], softmax(z[n, k], classes))]
one_hot = Eq(Sum(P[n, k], classes), 1)


class Sample(NamedTuple):
    """A model, what its module is asked for, and sizes and inputs that its facts hold for to all digits."""

    model: Callable[[], Model]
    request: dict[str, Any] = {}  # noqa: RUF012
    sizes: dict[str, int] = {}  # noqa: RUF012
    inputs: dict[str, Any] = {}  # noqa: RUF012


def _sum(term: Expr, parameters: list[Any], *, over: Any = (rows,), **options: Any) -> Model:
    return Model(Sum(term, *over), parameters, **options)


def _at_labels(value: Expr) -> Model:
    return Model(Sum(sin(Sum(if_else(Eq(label[n], j), value, 0), rows)), others), [x, y])


def _balance() -> Model:
    flows = x[n] ** 2 * KroneckerDelta(label[n], j) - if_else(Eq(label[n] - 1, j), 3 * x[n], 0)
    return Model(Sum(y[j] * sin(Sum(flows, rows)), others), [x, y])


def _ring() -> Model:
    return _sum((x[Mod(n + 1, N)] - 2 * x[n] + x[Mod(n - 1, N)] - t[n]) ** 2, [x])


def _ranking() -> Model:
    return _sum(x[n] - log(Sum(exp(x[j]), (j, n, N - 1))), [x])


def _cross_entropy() -> Model:
    loss = Sum(LogSumExp(z[n, k], classes), rows) - Sum(P[n, k] * z[n, k], rows, classes)
    return Model(loss, [z], facts=[one_hot])


def _labelled() -> Model:
    scores = [Sum(D2[n, m] * L3[0, m, which], columns) for which in (label[n], k)]
    return _sum(scores[0] - LogSumExp(scores[1], (k, 0, M - 1)), [L3])


_WEIGHTS = {"P": np.array([[0.25, 0.5, 0.25], [0.0, 1.0, 0.0], [0.5, 0.375, 0.125], [0.75, 0.0, 0.25]])}
_CROSS_ENTROPY = Sample(_cross_entropy, sizes={"N": 4, "K": 3}, inputs=_WEIGHTS)
_HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
_ORTHOGONAL = Sample(
    lambda: Model(Trace(R.T * A * R * R.T * A.T * R) + Trace(R.I * A), [A], facts=[Q.orthogonal(R)]),
    sizes={"M": 4},
    inputs={"R": _HADAMARD},
)
_DETERMINANT_OF_ORTHOGONAL = _ORTHOGONAL._replace(
    model=lambda: Model(log(abs(R.det())) + Trace(A * R), [R], facts=[Q.orthogonal(R)])
)


# a weight of 1e300 would bring back what is nothing beside the largest exponential
_SHARES: dict[str, Any] = {"sizes": {"N": 1, "K": 2}, "inputs": {"c": np.array([[0.25, 3.0]])}}


def _likelihood() -> Model:
    return _sum(-(t[n] * log(sigmoid(x[n])) + (1 - t[n]) * log(1 - sigmoid(x[n]))), [x])


def _softmax_loss(term: Expr) -> Model:
    return _sum(term, [z], over=(rows, classes), where=[Eq(P[n, k], softmax(z[n, k], classes))])


def _mixture() -> Model:
    """r, needed for its sum only with m: Σ_nk r[n,k]·(X[n,m] - M[k,m])."""
    centre = IndexedBase("C", (K, M))
    loss = Sum(c[n, k] ** 3 * (D2[n, m] - centre[k, m]) * v[m], rows, classes, columns)
    return Model(loss, [c, v])


def _distances() -> Model:
    """The adjoint by the difference is needed for its sum over n only."""
    data, centre = IndexedBase("X", (N, M)), IndexedBase("C", (K, M))
    gap, far = IndexedBase("g", (K, N, M)), IndexedBase("f", (K, N, M))
    where = [
        Eq(gap[k, n, m], data[n, m] - centre[k, m]),
        Eq(far[k, n, m], Sum(L3[k, m, j] * gap[k, n, j], (j, 0, M - 1))),
    ]
    return Model(Sum(far[k, n, m] ** 4, classes, rows, columns), [centre], where=where)


def _recurrence() -> Model:
    h, d = IndexedBase("h", (T + 1, N)), IndexedBase("d", (T, N))
    where = [Eq(h[0, n], 0), Eq(h[s, n], tanh(b * h[s - 1, n] + d[s - 1, n]) + h[s - 1, n])]
    return Model(Sum(h[T, n] ** 2, rows), [b, d], where=where)


def _logistic() -> Model:
    score = Sum(D2[n, m] * v[m], columns)
    return _sum(-(t[n] * log(y[n]) + (1 - t[n]) * log(1 - y[n])), [v], where=[Eq(y[n], sigmoid(score))])


def _two_blocks() -> Model:
    score = Sum(D2[n, m] * v[m], columns)
    return _sum((t[n] - y[n]) ** 2, [v], where=[Eq(x[n], score), Eq(y[n], sigmoid(x[n]))])


def _softmax_regression() -> Model:
    weights = IndexedBase("W", (M, K))
    score = Sum(D2[n, m] * weights[m, k], columns)
    return _sum(LogSumExp(score, classes) - score.subs(k, label[n]), [weights])


def _gaussian() -> Model:
    mean, noise = MatrixSymbol("y", N, 1), X * X.T + a**2 * Identity(N)
    return Model(Trace(mean.T * noise.I * mean) + logdet(noise), [X, a])


SAMPLES: dict[str, tuple[Sample, ...]] = {
    # rewrite.axes
    "log_sum_exp": (Sample(lambda: _sum(log(logits), [z])),),
    "softmax": (Sample(lambda: _sum(log(1 + exp(z[n, k]) / logits) * c[n, k], [z], over=(rows, classes))),),
    "shift_invariance": (
        Sample(lambda: _sum(softmax(z[n, k] + x[n], classes) * c[n, k], [z, x], over=(rows, classes))),
        Sample(lambda: _sum(LogSumExp(z[n, k] + x[n], classes), [z, x])),
    ),
    "log_softmax": (
        Sample(lambda: _sum(c[n, k] * log(softmax(z[n, k], classes)), [z], over=(rows, classes))),
        Sample(lambda: _sum(log(c[n, label[n]]), [z], where=[Eq(c[n, k], softmax(z[n, k], classes))])),
    ),
    "log_softmax_of_difference": (
        Sample(lambda: _sum(exp(z[n, k] - LogSumExp(z[n, k], classes)) * c[n, k], [z], over=(rows, classes))),
        Sample(lambda: _sum(z[n, label[n]] - LogSumExp(z[n, k], classes), [z])),
    ),
    "log_softmax_at_label": (Sample(_labelled),),
    "complement": (Sample(lambda: _sum(sigmoid(-x[n]) * t[n], [x])),),
    "merge_conditions": (
        Sample(lambda: _sum(if_else(x[n] > 0, sin(x[n]), x[n]) + 2 * if_else(x[n] > 0, t[n], x[n] ** 2), [x, t])),
        Sample(lambda: _sum(sin(if_else(x[n] > 0, y[n], x[n]) - 3 * if_else(x[n] > 0, t[n], 5)) ** 2, [y, t])),
        Sample(lambda: _sum(if_else(Abs(x[n] - t[n]) < 1, (x[n] - t[n]) ** 2 / 2, Abs(x[n] - t[n])), [x])),
    ),
    "share_of_two": (
        Sample(lambda: _sum(log(exp(x[n]) + exp(t[n])) * y[n], [x, t])),
        Sample(lambda: _sum(log(exp(x[n]) + exp(2 * t[n])) ** 2, [x, t]), {"hessian": True}),
    ),
    "hoist_mask": (Sample(lambda: _sum(if_else(t[n] > 0, x[n], 0) * exp(x[n]), [x])),),
    # rewrite.logarithms, signs, powers
    "log_of_mixture": (
        Sample(lambda: _sum(log(Sum(softmax(z[n, k], classes) * exp(-P[n, k] ** 2), classes)), [z, P])),
        Sample(lambda: Model(log(2 * sigmoid(b) + sigmoid(-b) * exp(-d * 3)), [b, d])),
    ),
    "log_of_inflated": (
        Sample(lambda: Model(log(sigmoid(b) + sigmoid(-b) * exp(-d * 3)), [b, d])),
        Sample(lambda: _sum(log(1 - sigmoid(x[n]) + sigmoid(x[n]) * (a / (a + d)) ** a), [x, a, d])),
    ),
    "log_near_certainty": (
        Sample(lambda: _sum(log(sigmoid(b) + (1 - sigmoid(b)) * ndtr(x[n])), [x, b])),
        Sample(lambda: Model(log(b**2 + (1 - b**2) * exp(-d)), [b, d])),
    ),
    "log_of_product": (
        Sample(lambda: Model(log(Product(sigmoid(x[n]) ** t[n], rows)), [x])),
        Sample(lambda: Model(log(Abs(Product(x[n], rows))), [x])),
        Sample(lambda: _sum(log(x[n] ** 2 * exp(t[n])), [x, t])),
        Sample(lambda: _sum(log(cosh(x[n]) * sinh(a) / sinh(2 * a) * (exp(d) - 1)), [x, a, d])),
    ),
    # rewrite.gamma
    "gamma_sums": (
        Sample(lambda: _sum(loggamma(abs(x[n]) + 2 + a) - loggamma(a + abs(x[n])), [a])),
        Sample(lambda: Model(loggamma(a + d) - loggamma(a) - loggamma(d), [a])),
        Sample(lambda: Model(loggamma(a + d + 1) - loggamma(a + 1) - loggamma(d + 1) + loggamma(a + 2 * d), [d])),
    ),
    "bessel_quotient": (Sample(lambda: Model(a * besseli(3, d) / besseli(2, d), [a, d])),),
    "product_with_gammas": (Sample(lambda: Model(a**d * exp(-a) / gamma(d + 1) + b * gamma(a) / gamma(d), [a, d])),),
    # rewrite.probabilities
    "product_of_growths": (
        Sample(lambda: _sum(cosh(x[n]) * exp(t[n]) / sinh(y[n]), [x, t, y])),
        Sample(lambda: Model(sinh(a * (1 - b)) / sinh(a), [a, b])),
    ),
    "power_of_probability": (
        Sample(lambda: _sum(sigmoid(x[n]) ** a, [x])),
        Sample(lambda: _sum((1 + exp(x[n])) ** (-a), [x])),
        Sample(lambda: _sum(sqrt(ndtr(x[n])), [x])),
    ),
    "log_between_asymptotes": (
        Sample(lambda: _sum(log(1 - d / 8 - (a / 8 - d / 8) * sigmoid(x[n])), [x])),
        Sample(lambda: Model(log(1 - a - (d - a) * sigmoid(b)), [b])),
    ),
    "log_of_hyperbolic_cosines": (Sample(lambda: _sum(log(cosh(x[n]) + cosh(b)), [x, b])),),
    # rewrite.complements
    "complement_of_softmax": (
        Sample(lambda: _sum(log(1 - P[n, label[n]]), [z], where=[Eq(P[n, k], softmax(z[n, k], classes))])),
        Sample(lambda: _sum(1 - exp(z[n, label[n]]) / logits, [z])),
    ),
    "log_of_shares": (
        Sample(
            lambda: _sum(log(3 * P[n, 0] + 3 * P[n, 1]), [z], where=[Eq(P[n, k], softmax(z[n, k], classes))]),
        ),
    ),
    "complement_of_shares": (
        Sample(lambda: _sum(log(1 - P[n, k]) * c[n, k], [z], over=(rows, classes), where=_OF_CLASSES)),
        Sample(lambda: _sum(Sum(c[n, k], classes) - Sum(c[n, k] * P[n, k], classes), [z], where=_OF_CLASSES)),
    ),
    "complement_of_powers": (Sample(lambda: _sum(1 - Sum(P[n, k] ** 3, classes), [z], where=_OF_CLASSES)),),
    "shares_by_odds": (
        Sample(lambda: _sum((1 - P[n, label[n]]) ** 2 * log(P[n, label[n]]), [z], where=_OF_CLASSES)),
        Sample(lambda: _sum((1 - P[n, label[n]]) ** b * P[n, label[n]], [z], where=_OF_CLASSES)),
    ),
    "share_of_others": (Sample(lambda: _sum(log(1 - P[n, label[n]]), [z], where=_OF_CLASSES)),),
    "complement_of_share_of_exponentials": (
        Sample(lambda: Model(3 - 3 * a * exp(b) / (a * exp(b) + exp(2 * g) + 1), [a, b, g])),
        Sample(lambda: Model(log(1 - exp(b) / (exp(b) + Sum(exp(x[n]), (n, 0, N - 1)))), [b, x])),
    ),
    "share_of_exponentials": (
        Sample(lambda: Model((exp(b) + 2 * exp(g)) / (exp(b) + 2 * exp(g) + exp(2 * b)), [b, g])),
    ),
    # rewrite.logarithms
    "log_of_distance": (Sample(lambda: _sum(log((1 - x[n]) ** label[n] * exp(x[n])), [x])),),
    "log_of_complement": (
        Sample(lambda: _sum(y[n] * log(1 - t[n]), [x, a], where=[Eq(t[n], a + (1 - a) * sigmoid(x[n]))])),
        Sample(lambda: _sum(log(1 - b - (1 - b) * ndtr(x[n])), [x])),
    ),
    "log_of_share": (Sample(lambda: Model(b * log(a / (a + d)) + log((3 * a + d) / d), [a, d])),),
    # rewrite.roots
    "root_of_squares": (
        Sample(lambda: Model(sqrt(b**2 + 2 * a**2) + 1 / sqrt(1 + d**2), [a, d])),
        Sample(lambda: Model(d * sqrt(a**2 + d**2), [a, d])),
    ),
    "over_squares": (
        Sample(lambda: Model(d / (d**2 + a**2) + d / (1 + b**2 / a**2), [a, b, d])),
        Sample(lambda: Model(d / (1 + d**2), [d])),
    ),
    "difference_of_squares": (Sample(lambda: Model((d**2 - a**2) / b, [a, b, d])),),
    "difference_of_roots": (
        Sample(lambda: Model(sqrt(b**2 + a**2) - a, [a, b])),
        Sample(lambda: Model(sqrt(a + d) - sqrt(a), [a, d])),
        Sample(lambda: _sum(sqrt(x[n] ** 2 + a**2) - a, [x, a])),
    ),
    "share_of_root": (Sample(lambda: Model(a * sqrt(b**2 + 2 * g**2), [a, b, g])),),
    # rewrite.normal
    "normal_cdf": (
        Sample(lambda: _sum(x[n] * (1 + erf((y[n] - t[n]) / sqrt(2))) / 2, [x])),
        Sample(lambda: _sum(x[n] * (1 - erf(y[n])) + 3 * y[n] + 2 - erfc(a * y[n]), [x])),
    ),
    "log_normal_cdf": (
        Sample(lambda: _sum(log((1 + erf((y[n] - t[n]) / sqrt(2))) / 2), [y])),
        Sample(lambda: _sum(log(erfc(y[n])) + log(3 * erfc(-t[n])), [y])),
        Sample(lambda: _sum(log(erf(y[n] / sqrt(2)) - erf(t[n] / sqrt(2))), [y, t])),
    ),
    "density_over_cdf": (Sample(lambda: _sum(exp(-y[n] ** 2 / 2) / (1 + erf(y[n] / sqrt(2))), [y])),),
    "exponential_of_cdf": (Sample(lambda: _sum(exp(x[n] - t[n]) * erfc(t[n]) * y[n], [y])),),
    "excess_of_mills": (Sample(lambda: _sum(t[n] * y[n] + y[n] ** 2 / 2 + log(erfc(-(t[n] + y[n]) / sqrt(2))), [y])),),
    "difference_of_cdfs": (
        Sample(lambda: _sum(x[n] * (erf(y[n]) - erf(t[n])), [x])),
        Sample(lambda: _sum(x[n] * (1 - P1[n]), [x], where=[Eq(P1[n], ndtr(t[n]))])),
    ),
    "positive_part": (Sample(lambda: Model(total(A.applyfunc(Abs).applyfunc(relu)), [A])),),
    "times_its_sign": (
        Sample(lambda: Model(g / (1 + abs(g)), [g])),
        Sample(lambda: _sum(t[n] * g * x[n] / (1 + abs(g * x[n])), [x])),
    ),
    "absolute_value": (
        Sample(lambda: _sum(abs(exp(t[n]) * x[n] * sin(x[n]) ** 2 / (2 + t[n])), [x, t])),
        Sample(lambda: _sum(abs(x[n] ** 2 / t[n] ** 3), [x])),
        Sample(lambda: Model(total((-3 * X).applyfunc(Abs)), [X])),
    ),
    "power_at_zero": (
        Sample(lambda: _sum(abs(x[n]) ** t[n], [t])),
        Sample(lambda: _sum(a ** t[n] * x[n], [a])),
        Sample(lambda: _sum((1 + x[n] ** 2) ** t[n], [x, t])),
    ),
    # rewrite.univariate
    "one_argument": (
        Sample(lambda: _sum(t[n] * (exp(x[n]) - x[n] - 1), [x])),
        Sample(lambda: _sum(log(1 - exp(-exp(x[n]))), [x])),
        Sample(lambda: Model((1 - cos(b)) / b**2, [b])),
    ),
    "quotient": (
        Sample(lambda: Model(Sum(1 - exp(-a * t[n]), rows) / a, [a, t])),
        Sample(lambda: _sum((a ** t[n] - 1) / t[n], [a, t])),
        Sample(lambda: _sum((exp(-a * t[n]) - exp(-b * t[n])) / (b - a), [a, b, t])),
    ),
    "merged_sum": (Sample(lambda: _sum((1 - exp(-a * t[n])) / a, [t])),),
    "positive_share": (
        Sample(lambda: _sum(if_else(softmax(x[n], rows) > 0, x[n] * t[n], 0), [x])),
        Sample(lambda: _sum(if_else(Ne(softmax(x[n], rows), 0), x[n] * t[n], 0), [x])),
    ),
    "merged_roots": (Sample(lambda: _sum(a * (sqrt(1 + 2 * t[n] / a) - 1) - t[n], [t])),),
    "merged_product": (
        Sample(lambda: _sum(log(1 - exp(-exp(x[n]))) * t[n] - (1 - t[n]) * exp(x[n]), [x])),
        Sample(lambda: Model(log(1 - exp(-(a**b))), [b])),
    ),
    "log_of_choice": (
        Sample(lambda: _sum(log(if_else(x[n] > t[n], 3 + x[n] ** 2, 2 + t[n] ** 2)), [x])),
        Sample(lambda: _sum(log(if_else(t[n] > 0, exp(x[n]), sigmoid(x[n]))), [x])),
        Sample(lambda: _sum(log(if_else(t[n] > 0, sigmoid(x[n] + 1), 2) - sigmoid(x[n])), [x])),
    ),
    "of_exponential": (
        Sample(lambda: _sum(log(1 - exp(-exp(x[n]))), [x])),
        Sample(lambda: Model(log(1 - exp(-(a**b))), [a, b])),
    ),
    "difference_of_exponentials": (Sample(lambda: _sum((exp(x[n]) - exp(y[n])) * t[n], [x])),),
    "difference_of_logarithms": (Sample(lambda: Model((a + d) * log(a + d) - a * log(a), [a, d])),),
    "leading_terms": (
        Sample(lambda: Model(loggamma(a + d) - loggamma(a) + a * log(a / (a + 3)) + d * log(3 / (a + 3)), [a])),
        Sample(
            lambda: _sum(loggamma(a + t[n] ** 2) - loggamma(a) + a * log(a / (a + d)) - t[n] ** 2 * log(a + d), [a])
        ),
    ),
    "multiplied_by_divisor": (Sample(lambda: Model(d * log(1 / (a * (exp(g) + 1 / a))), [a, g])),),
    "divided_in_turn": (Sample(lambda: Model(b / a + d * log(a) * g, [a])),),
    "complement_of_share": (Sample(lambda: Model(1 - d / (d + a) + a**3, [a, d])),),
    "log_of_growth": (
        Sample(lambda: Model(log(1 + d / a) * b - a, [a, d])),
        Sample(lambda: _sum(log(1 + (x[n] - b) ** 2 / d**2) + log(1 + y[n] ** 4), [b, d])),
    ),
    "share_of_sum": (
        Sample(lambda: Model(b + a * d / (a + d), [a, d])),
        Sample(lambda: _sum(d * abs(y[n]) / (a + abs(y[n])), [a, d])),
        Sample(lambda: Model((b - a * b / (a + d)) ** 2, [a, d])),
        Sample(lambda: _sum(t[n] ** 2 / (a + x[n] ** 2) ** 2 * a, [a])),
    ),
    "power_of_quotient": (Sample(lambda: _sum((y[n] / d) ** a, [d], over=(rows,))),),
    "norms": (
        Sample(lambda: _sum(sqrt(Sum((z[n, k] - c[n, k]) ** 2, classes)), [z])),
        Sample(lambda: Model(log(Sum(x[n] ** 2, rows)) + b / sqrt(Sum(x[n] ** 2, rows)), [x, b])),
    ),
    "running_largest": (Sample(_ranking),),
    "running_sum": (Sample(_ranking),),
    "quotient_in_sum": (Sample(lambda: _sum((1 + 1 / b) * log(1 + b * y[n]), [b])),),
    "over_small_exponent": (
        Sample(lambda: _sum((exp(b * y[n]) + exp(b * t[n]) - 2) / b, [b])),
        Sample(lambda: Model(log(exp(b) / 4 + 3 * a**b / 4) / b, [a, b])),
    ),
    "power_near_one": (Sample(lambda: _sum((1 + b * y[n]) ** (-1 / b), [b])),),
    "part_of_sum": (
        Sample(lambda: Model(exp(b - d) - b + d - 1 + d**2, [b, d])),
        Sample(lambda: _sum(a * sqrt(1 + x[n] ** 2) - a, [x])),
    ),
    "near_one": (
        Sample(lambda: Model(exp(b) - 1 + d, [b, d])),
        Sample(lambda: _sum(1 - cos(x[n]) + t[n], [x])),
        Sample(lambda: Model(N - Sum(cos(x[n] - t[n]), rows), [x])),
        Sample(lambda: Model(1 - Sum(exp(-x[n]), rows) / N, [x])),
        Sample(lambda: _sum(log(1 + a - a * sigmoid(x[n])), [x, a])),
        Sample(lambda: _sum(x[n] - b + 2 * log(1 + exp(b - x[n])), [b])),
    ),
    "decay_of_exponential": (Sample(lambda: Model(exp(-exp(b)), [b]), {"hessian": True}),),
    "function_beside_exponential": (
        Sample(lambda: _sum(log(1 - exp(-exp(x[n]))), [x]), {"hessian": True}),
        Sample(lambda: _sum(log(1 - exp(-a * exp(x[n]))), [x, a])),
    ),
    "difference_of_neighbours": (
        Sample(lambda: Model(cosh(b) - cosh(g), [b])),
        Sample(lambda: Model(softplus(b) - softplus(g), [b])),
        Sample(lambda: Model(tanh(b) - tanh(g), [b])),
        Sample(lambda: Model(1 / (a + b) ** 2 - a**-2, [a, b])),
        Sample(lambda: Model(log(a + b) - log(a), [a, b])),
    ),
    "slope_of_tanh": (
        Sample(lambda: _sum(t[n] * tanh(x[n]), [x]), {"hessian": True}),
        Sample(lambda: _sum(tanh(x[n]) ** 2 * tanh(x[n] - v[m]), [x, v], over=(rows, columns))),
    ),
    "divergence": (
        Sample(lambda: Model(a * log(a / d) - a + d, [a, d])),
        Sample(lambda: Model(a / d - log(a) + log(d) - 1, [a, d])),
        Sample(lambda: Model(exp(b) - exp(g) - (b - g) * exp(g), [b])),
    ),
    "increment_of_power": (
        Sample(lambda: _sum(1 - (1 - x[n]) ** b, [x, b])),
        Sample(lambda: _sum(t[n] * (1 + x[n]) ** 3 - t[n], [x])),
        Sample(lambda: _sum(a - a * sigmoid(x[n]) ** 7, [x])),
    ),
    "log_of_increment": (
        Sample(lambda: _sum(log(1 - (1 - x[n]) ** 6), [x])),
        Sample(lambda: _sum(log((1 + x[n]) ** 6 - 1), [x])),
    ),
    "others_first": (Sample(lambda: _sum(t[n] * log(1 - exp(-exp(x[n]))) - (1 - t[n]) * exp(x[n]), [x])),),
    "complement_in_sum": (Sample(lambda: _sum(log(sigmoid(x[n]) - sigmoid(t[n])), [x, t])),),
    "log_beside_one": (
        Sample(lambda: _sum(log(2 - P[n, k]) * c[n, k], [z], over=(rows, classes), where=_OF_CLASSES)),
    ),
    "textbook_spelling": (Sample(lambda: _sum(expm1(x[n]) * t[n] + log1p(x[n] ** 2), [x])),),
    # rewrite.linear_algebra
    "log_determinant": (
        Sample(lambda: Model(log(S.det()) + log(abs(A.det())), [S, A], facts=[Q.positive_definite(S)])),
        Sample(lambda: Model(log(3 * A.det() ** 2 * a), [A, a])),
        Sample(lambda: Model(log(abs(A.det()) * B.det() ** 2), [A, B])),
    ),
    "log_determinant_of_square": (Sample(lambda: Model(logdet(A.T * A), [A])),),
    "determinant_of_triangular": (
        Sample(lambda: Model(log(L.det() ** 2), [L], facts=[Q.lower_triangular(L)])),
        Sample(lambda: Model(L.det() ** 2, [L], facts=[Q.upper_triangular(L)])),
    ),
    "inverse_of_orthogonal": (_ORTHOGONAL,),
    "determinant_of_orthogonal": (_DETERMINANT_OF_ORTHOGONAL,),
    "orthogonal": (_ORTHOGONAL,),
    "cancel_inverse": (
        Sample(lambda: Model(Trace(S.I * A * A * S), [A, S], facts=[Q.positive_definite(S)])),
        Sample(lambda: Model(logdet(A * S * A.T), [A])),
    ),
    "sum_over_merged": (
        Sample(lambda: Model(Trace(KroneckerProduct(A, B) * KroneckerProduct(A, B)), [A, B])),
        Sample(lambda: Model(total(KroneckerProduct(A, B).applyfunc(sin)), [A, B])),
    ),
    "lift_merged": (Sample(lambda: Model(total(KroneckerProduct(A, B).applyfunc(sin)), [A, B])),),
    "of_kronecker": (
        Sample(lambda: Model(logdet(KroneckerProduct(A.T * A, B.T * B)), [A, B])),
        Sample(lambda: Model(log(abs(Determinant(KroneckerProduct(A, B)))) + Trace(A), [A, B])),
        Sample(lambda: Model(total(Inverse(KroneckerProduct(A, B)).applyfunc(sin)), [A, B])),
    ),
    "softmax_on_diagonal": (
        Sample(lambda: Model(Sum(exp(A[m, m]) / Sum(exp(A[m, n]), (n, 0, M - 1)), (m, 0, M - 1)), [A])),
    ),
    "minus_the_others": (Sample(lambda: _softmax_loss((P[n, k] - c[n, k]) ** 2), {"hessian": True}),),
    "common_difference": (Sample(lambda: _softmax_loss(c[n, k] * P[n, k]), {"hessian": True}),),
    "diagonal": (Sample(lambda: Model(Trace((A * A).applyfunc(exp)), [A])),),
    "use_diagonals": (
        Sample(lambda: Model(Trace(S * A * S * A) + total(S * A), [A, S], facts=[Q.diagonal(S)]), sizes={"M": 3}),
    ),
    "turned_back": (Sample(lambda: _sum(sin(x[Mod(n - 1, N)]) * x[n] + x[Mod(2 - n, N)] ** 2 * t[n], [x])),),
    # rewrite.facts, local, association, cross_entropy
    "cross_entropy": (_CROSS_ENTROPY,),
    "fact": (_CROSS_ENTROPY, _CROSS_ENTROPY._replace(model=lambda: Model(
        Sum(P[n, k] * x[n] ** 2, rows, classes), [x], facts=[one_hot]
    ))),
    "name": (Sample(_logistic), Sample(lambda: Model(Trace(w.T * X.T * X * w) + total(
        MatrixSymbol("g", N, 1).applyfunc(sin)), [w], where=[Eq(MatrixSymbol("g", N, 1), X * w)]))),
    "definition": (Sample(_two_blocks),),
    "cancel": (Sample(_logistic),
               Sample(lambda: _sum((x[n] ** 2 - 1) / (x[n] + 1) * (1 / x[n] + t[n]), [x]))),
    "cancel between sums": (
        Sample(lambda: Model(Sum(-t[n] * log(y[n]) - (1 - t[n]) * log(1 - y[n]), rows) / N, [b],
                             where=[Eq(y[n], sigmoid(x[n] + b))])),
        Sample(lambda: Model(Sum(a * (x[n] - b) ** 2 / (b**2 * x[n]), rows), [b])),
        Sample(lambda: Model(N * b**2 - Sum((b - t[n]) ** 2, rows), [b])),
    ),
    "sum of differences": (
        Sample(lambda: _sum((x[n] - b) ** 2, [x], where=[_MEAN])),
        Sample(lambda: Model(sin(b) * Sum((x[n] - b) * (x[n] - b + y[n]), rows), [x], where=[_MEAN])),
    ),
    "flatten_products": (
        Sample(lambda: _sum(D2[n, m] * Sum(D2[n, j] * v[j], (j, 0, M - 1)), [v], over=(rows, columns))),
    ),
    "binary_cross_entropy": (Sample(_likelihood), Sample(_logistic)),
    # schedule
    "accumulate": (
        Sample(lambda: _sum(sin(Sum(x[k], (k, 0, n))) * y[n], [x, y])),
        Sample(lambda: _sum(exp(-Sum(x[k] ** 2 * t[k] + y[k], (k, n, N - 1))) * y[n], [x, y])),
    ),
    "split_masks": (
        Sample(lambda: _sum(Sum(D2[n, m] * D2[s, m] * z[s, k], (s, 0, n), columns) ** 2, [z], over=(rows, classes))),
    ),
    "shift_exponentials": (
        Sample(lambda: _sum(log(Sum(c[n, k] * exp(z[n, k]), classes)), [z]), **_SHARES),
        Sample(lambda: _sum(Sum(c[n, k] * exp(z[n, k]), classes) / logits, [z, c]), **_SHARES),
        Sample(lambda: _sum(Sum(exp(2 * z[n, k]), classes) / logits**2, [z])),
        Sample(lambda: _sum(log(1 + logits), [z])),
        Sample(lambda: _sum(log(exp(x[n]) + exp(y[n])), [x])),
    ),
    "place_labels": (
        Sample(lambda: Model(Sum(sin(Sum(x[n] * KroneckerDelta(label[n], j), rows)) * y[j], others), [x, y])),
        Sample(lambda: _sum(y[j] ** 2 * x[n] * KroneckerDelta(j, label[n]), [x, y], over=(rows, others))),
        Sample(_balance),
        Sample(lambda: _at_labels(exp(x[n]) * (t[n] - y[j]) ** 3)),
        Sample(lambda: _at_labels(y[j] * if_else(x[n] > 0, sqrt(x[n]), y[label[n]]))),
    ),
    "guard": (
        Sample(lambda: _sum(if_else(x[n] > 0, log(x[n]) * t[n], 0), [x])),
        Sample(lambda: _sum(if_else(x[n] > 0, 1, 0) * exp(t[n] / x[n]), [x, t])),
        Sample(lambda: _sum(if_else(t[n] > 0, 1 / LogSumExp(z[n, k], classes), x[n]), [z, x])),
    ),
    "spell_log_sum_exp": (Sample(lambda: _sum(LogSumExp(z[n, k], classes), [z])),),
    "spell_softmax": (
        Sample(lambda: _sum(softmax(z[n, k], classes) * c[n, k], [z], over=(rows, classes))),
        Sample(lambda: _sum(softmax(if_else(c[n, k] > 0, z[n, k], -oo), classes) * z[n, k], [z], over=(rows, classes))),
    ),
    "spell_log_softmax": (
        Sample(lambda: _sum(log(softmax(z[n, k], classes)) * c[n, k], [z], over=(rows, classes))),
    ),
    "balance": (_CROSS_ENTROPY, Sample(_labelled)),
    "spell_balanced": (Sample(_labelled),),
    "count_at_least_one": (Sample(lambda: _sum(exp(MaxOver(x[n], (n, 0, s - 1))), [x], over=((s, 0, N - 1),))),),
    "weigh_logarithms": (
        Sample(lambda: _sum(y[n] * log(x[n]), [x])),
        Sample(lambda: _sum(x[n] * (log(x[n]) - log(t[n])), [x])),
        Sample(lambda: _sum(y[n] * log(x[n]) * t[n], [y])),
        Sample(lambda: _sum((1 - y[n]) * log(1 - x[n]), [x])),
    ),
    "parts_by_weights": (Sample(lambda: _sum(y[n] * log(x[n]) + (1 - y[n]) * log(1 - x[n]), [x])),),
    "zero_probabilities": (
        Sample(lambda: _sum(LogSumExp(log(c[n, k]) + z[n, k], classes), [z])),
        Sample(
            lambda: _sum(
                softmax(z[n, k], classes) * log(softmax(z[n, k], classes)) * c[n, k], [z], over=(rows, classes)
            )
        ),
    ),
    "centre": (
        Sample(lambda: _softmax_loss(c[n, k] * P[n, k])),
        Sample(lambda: _softmax_loss(P[n, k] ** 2)),
        Sample(lambda: _softmax_loss(c[n, k] * P[n, k]), {"hessian": True}),
    ),
    "spell_share": (Sample(lambda: _sum(log(exp(x[n]) + exp(t[n])) * y[n], [x, t])),),
    "spell_softplus": (Sample(lambda: _sum(softplus(x[n]) * t[n], [x])),),
    "product_of_sigmoids": (Sample(lambda: _sum(y[n] * t[n], [x], where=[Eq(y[n], sigmoid(x[n]))])),),
    "residual_of_sigmoid": (Sample(_likelihood), Sample(_logistic)),
    "sums_of_cross_entropy": (Sample(_likelihood), Sample(_logistic)),
    "spell_sigmoid": (
        Sample(lambda: _sum(y[n] ** 2, [x], where=[Eq(y[n], sigmoid(x[n]))])),
        Sample(lambda: _sum(softplus(x[n]) ** 2, [x])),
        Sample(lambda: _sum(softplus(-x[n]) ** 2, [x])),
    ),
    "logdet_of_triangular": (Sample(lambda: Model(logdet(L), [L], facts=[Q.lower_triangular(L)])),),
    "share_cholesky": (Sample(_gaussian),),
    "solve_first": (Sample(lambda: Model(Trace(w.T * A.I * w) ** 2, [w, A])), Sample(_gaussian)),
    "adjugates": (Sample(lambda: Model(A.det() ** 2, [A])), Sample(lambda: Model((A * S).det() * b, [A, b]))),
    "distribute": (Sample(_mixture), _CROSS_ENTROPY._replace(model=lambda: Model(
        -Sum(P[n, k] * log(softmax(z[n, k] ** 2, classes)), rows, classes), [z], facts=[one_hot]))),
    "take_out": (Sample(lambda: _sum(sin(a) + b * sin(x[n]) + exp(y[n]), [a, b, x])),),
    "sum_first": (Sample(_distances),),
    "share": (Sample(lambda: _sum(t[n] * sin(x[n]) * exp(y[n]) + t[n] * exp(y[n]) * x[n] ** 2, [x, t, y])),),
    "add_first": (Sample(lambda: _sum(t[n] * sin(x[label[n]] * y[label[n]]), [x, y]), {"hessian": True}),),
    "share_sums": (Sample(_ring),),
    "keep_steps": (Sample(_recurrence),),
    "row_plan": (Sample(_logistic, sizes={"N": 3, "M": 2}),),
    "leading": (Sample(_softmax_regression, sizes={"N": 3, "M": 2, "K": 3}),),
    "share_vectors": (
        Sample(lambda: Model((w.T * A * S * A.T * w)[0, 0], [A, S, w])),
        Sample(lambda: Model((w.T * A * w)[0, 0], [w])),
    ),
    "squares": (
        Sample(lambda: _sum(log(1 + exp(Sum(D2[n, m] * v[m], columns))), [v]), {"hessian": True}),
        Sample(lambda: _sum(Sum(D2[n, m] * v[m], columns) ** 4 * a, [v]), {"hessian": True}),
    ),
}  # fmt: skip
