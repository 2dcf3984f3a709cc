"""Classes that are chosen or ranked, and numbers known to an interval: regressions by distribution functions."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy import stats
from sympy import Eq, Idx, IndexedBase, Piecewise, Sum, exp, log, pi, sqrt, symbols

from symgrad import Model, if_else, log_ndtr, ndtr, sigmoid, softmax
from tests.real_models.record import Inputs, RealModel
from tests.real_models.regression import design

N, D, K = symbols("N D K", integer=True, positive=True)
n, d, k = Idx("n", N), Idx("d", D), Idx("k", K)
x, beta, eta, y = (
    IndexedBase(name, shape=shape) for name, shape in {"x": (N, D), "beta": (D,), "eta": (N,), "y": (N,)}.items()
)
linear = Eq(eta[n], Sum(x[n, d] * beta[d], d))


# --- tobit: Tobin (1958), censored at zero from below ----------------------------------------------------------------


def tobit() -> Model:
    log_sigma = symbols("log_sigma", real=True)
    sigma = exp(log_sigma)
    seen = -log(sigma * sqrt(2 * pi)) - ((y[n] - eta[n]) / sigma) ** 2 / 2
    terms = Sum(Piecewise((log_ndtr(-eta[n] / sigma), y[n] <= 0), (seen, True)), n)
    return Model(-terms, [beta, log_sigma], where=[linear])


def tobit_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"y": np.maximum(0.0, rng.normal(size=size)), "log_sigma": 0.3}


def tobit_reference(x, beta, y, log_sigma):
    eta, sigma = x @ beta, jnp.exp(log_sigma)
    return -jnp.sum(jnp.where(y <= 0, stats.norm.logcdf(-eta / sigma), stats.norm.logpdf(y, eta, sigma)))


def tobit_exact(x, beta, y, log_sigma):
    loss, sigma = 0, mpmath.exp(log_sigma)
    for row, number in zip(x, y, strict=True):
        z = (number - mpmath.fdot(row, beta)) / sigma
        loss += log_sigma + mpmath.log(2 * mpmath.pi) / 2 + z**2 / 2 if number > 0 else -mpmath.log(mpmath.ncdf(z))
    return loss


def far_from_the_limit() -> Inputs:
    x = np.array([[1.0, 60.0], [1.0, -60.0], [1.0, 0.0], [0.0, 0.0]])
    return {"x": x, "beta": np.array([1.0, 1.0]), "y": np.array([0.0, 0, 0, 3]), "log_sigma": 0.0}


# --- ordered logit and probit: McCullagh (1980), cut points that ascend ----------------------------------------------


def ordered(cumulative) -> Model:
    rank, raw = IndexedBase("rank", shape=(N,), integer=True), IndexedBase("raw", shape=(K,))
    cut = IndexedBase("cut", shape=(K,))
    below = if_else(Eq(rank[n], 0), 0, cumulative(cut[rank[n] - 1] - eta[n]))
    upto = if_else(Eq(rank[n], K), 1, cumulative(cut[rank[n]] - eta[n]))
    cuts = [Eq(cut[0], raw[0]), Eq(cut[k], cut[k - 1] + exp(raw[k]))]
    return Model(-Sum(log(upto - below), n), [beta, raw], where=[linear, *cuts])


def ordered_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"raw": np.array([-1.0, 0.1, -0.2]), "rank": rng.integers(0, 4, size)}


def ordered_reference(cdf):
    def reference(x, beta, raw, rank):
        cut = jnp.cumsum(jnp.concatenate([raw[:1], jnp.exp(raw[1:])]))
        z = cut - (x @ beta)[:, None]
        edges = jnp.pad(cdf(z), ((0, 0), (1, 1)), constant_values=(0.0, 1.0))
        return -jnp.sum(jnp.log(jnp.take_along_axis(jnp.diff(edges), rank[:, None], 1)))

    return reference


def ordered_exact(cdf):
    def exact(x, beta, raw, rank):
        cut, loss = [raw[0]], 0
        for step in raw[1:]:
            cut.append(cut[-1] + mpmath.exp(step))
        for row, place in zip(x, rank, strict=True):
            eta = mpmath.fdot(row, beta)
            side = 1 if cut[min(place, len(raw) - 1)] < eta else -1  # the tail that loses no digits
            low = cdf(side * (cut[place - 1] - eta)) if place else (1 - side) // 2
            high = cdf(side * (cut[place] - eta)) if place < len(raw) else (1 + side) // 2
            loss -= mpmath.log(side * (high - low))
        return loss

    return exact


def far_ranks() -> Inputs:
    x = np.array([[30.0], [-30.0], [25.0], [-12.0]])
    return {"x": x, "beta": np.ones(1), "raw": np.array([-1.0, 0.1, -8.0]), "rank": np.array([0, 3, 2, 1])}


# --- choices among alternatives with features: McFadden (1974) -------------------------------------------------------


def choices() -> Model:
    z, weight = IndexedBase("z", shape=(N, K, D)), IndexedBase("weight", shape=(D,))
    chosen, offered = IndexedBase("chosen", shape=(N,), integer=True), IndexedBase("offered", shape=(N, K))
    utility = IndexedBase("utility", shape=(N, K))
    probability = IndexedBase("probability", shape=(N, K))
    where = [
        Eq(utility[n, k], Sum(z[n, k, d] * weight[d], d) + log(offered[n, k])),
        Eq(probability[n, k], softmax(utility[n, k], k)),
    ]
    return Model(-Sum(log(probability[n, chosen[n]]), n), [weight], where=where)


def choices_inputs(size: int, rng: np.random.Generator) -> Inputs:
    chosen = rng.integers(0, 4, size)
    offered = 1.0 * (rng.random((size, 4)) < 0.8)
    offered[np.arange(size), chosen] = 1.0
    return {"z": rng.normal(size=(size, 4, 3)), "weight": rng.normal(size=3), "chosen": chosen, "offered": offered}


def choices_reference(z, weight, chosen, offered):
    utility = jnp.where(offered > 0, z @ weight, -1e6)
    return -jnp.sum(jnp.take_along_axis(jax.nn.log_softmax(utility), chosen[:, None], 1))


# --- a normal regression of a sample truncated to an interval --------------------------------------------------------


def truncated() -> Model:
    low, high, log_sigma = symbols("low high log_sigma", real=True)
    sigma = exp(log_sigma)
    kept = ndtr((high - eta[n]) / sigma) - ndtr((low - eta[n]) / sigma)
    square = ((y[n] - eta[n]) / sigma) ** 2
    return Model(Sum(square / 2 + log_sigma + log(kept), n), [beta, log_sigma], where=[linear])


def truncated_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return design(size, rng) | {"y": rng.uniform(-1, 2, size), "low": -1.0, "high": 2.0, "log_sigma": 0.1}


def truncated_reference(x, beta, y, low, high, log_sigma):
    sigma = jnp.exp(log_sigma)
    a, b, z = ((edge - x @ beta) / sigma for edge in (low, high, y))
    return jnp.sum(z**2 / 2 + log_sigma + jnp.log(stats.norm.cdf(b) - stats.norm.cdf(a)))


def truncated_exact(x, beta, y, low, high, log_sigma):
    loss = 0
    for row, number in zip(x, y, strict=True):
        a, b, z = ((edge - mpmath.fdot(row, beta)) / mpmath.exp(log_sigma) for edge in (low, high, number))
        a, b = (a, b) if a < 0 else (-b, -a)  # the tail that loses no digits
        loss += z**2 / 2 + log_sigma + mpmath.log(mpmath.ncdf(b) - mpmath.ncdf(a))
    return loss


def far_outside() -> Inputs:
    return {"x": np.array([[40.0], [-40.0], [0.5]]), "beta": np.ones(1), "y": np.array([0.5, 0.1, 1.0])} | {
        "low": 0.0,
        "high": 1.5,
        "log_sigma": 0.0,
    }


MODELS = (
    RealModel(
        "tobit",
        tobit,
        tobit_inputs,
        tobit_reference,
        (6, 2000),
        {"far from the limit": far_from_the_limit},
        tobit_exact,
    ),
    RealModel(
        "ordered logit",
        lambda: ordered(sigmoid),
        ordered_inputs,
        ordered_reference(jax.nn.sigmoid),
        (8, 1000),
        {"far ranks": far_ranks},
        ordered_exact(lambda z: 1 / (1 + mpmath.exp(-z))),
    ),
    RealModel(
        "ordered probit",
        lambda: ordered(ndtr),
        ordered_inputs,
        ordered_reference(stats.norm.cdf),
        (8, 1000),
        {"far ranks": far_ranks},
        ordered_exact(mpmath.ncdf),
    ),
    RealModel("discrete choice", choices, choices_inputs, choices_reference, (6, 2000)),
    RealModel(
        "truncated regression",
        truncated,
        truncated_inputs,
        truncated_reference,
        (6, 1000),
        {"far outside": far_outside},
        truncated_exact,
    ),
)
