"""Posteriors as people write them for samplers: the negative logarithm of the joint density."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import stats
from jax.scipy.special import gammaln, logsumexp
from sympy import (
    Eq,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Sum,
    Trace,
    exp,
    gamma,
    log,
    loggamma,
    pi,
    sqrt,
    symbols,
    tanh,
)

from symgrad import Model, if_else, sigmoid, softmax, softplus
from tests.real_models.record import Inputs, RealModel

J, N, K, V, C = symbols("J N K V C", integer=True, positive=True)
j, k, n, v, c, m = symbols("j k n v c m", integer=True)


def normal(x, mean, scale):
    """The negative log-density of a normal distribution."""
    return log(scale) + log(2 * pi) / 2 + ((x - mean) / scale) ** 2 / 2


# --- eight schools: Rubin (1981), not centred -------------------------------------------------------------------------


def eight_schools() -> Model:
    mu, log_tau = symbols("mu log_tau", real=True)
    eta, y, sigma = (IndexedBase(name, shape=(J,)) for name in ("eta", "y", "sigma"))
    theta = mu + exp(log_tau) * eta[j]
    prior = normal(mu, 0, 5) + log(1 + (exp(log_tau) / 5) ** 2) - log_tau
    return Model(prior + Sum(normal(eta[j], 0, 1) + normal(y[j], theta, sigma[j]), (j, 0, J - 1)), [mu, log_tau, eta])


def eight_schools_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "mu": 4.0,
        "log_tau": 0.5,
        "eta": rng.normal(size=size),
        "y": 10 * rng.normal(size=size),
        "sigma": 10 + 5 * rng.random(size),
    }


def eight_schools_reference(mu, log_tau, eta, y, sigma):
    tau = jnp.exp(log_tau)
    prior = -stats.norm.logpdf(mu, 0, 5) + jnp.log1p((tau / 5) ** 2) - log_tau
    theta = mu + tau * eta
    return prior - jnp.sum(stats.norm.logpdf(eta)) - jnp.sum(stats.norm.logpdf(y, theta, sigma))


# --- item response with two parameters: Birnbaum (1968), in long form ------------------------------------------------


def item_response() -> Model:
    ability, hardness, sharpness = (IndexedBase(name, shape=(size,)) for name, size in {"a": J, "b": K, "g": K}.items())
    student, item, right = (IndexedBase(name, shape=(N,), integer=True) for name in ("student", "item", "right"))
    logit = exp(sharpness[item[n]]) * (ability[student[n]] - hardness[item[n]])
    prior = Sum(ability[j] ** 2, (j, 0, J - 1)) / 2
    prior += Sum(hardness[k] ** 2 * Rational(1, 8) + sharpness[k] ** 2, (k, 0, K - 1))
    return Model(prior + Sum(softplus(logit) - right[n] * logit, (n, 0, N - 1)), [ability, hardness, sharpness])


def item_response_inputs(size: int, rng: np.random.Generator) -> Inputs:
    students, items = max(2, size // 3), max(2, size // 10)
    return {
        "a": rng.normal(size=students),
        "b": rng.normal(size=items),
        "g": 0.3 * rng.normal(size=items),
        "student": rng.integers(0, students, size),
        "item": rng.integers(0, items, size),
        "right": rng.integers(0, 2, size),
    }


def item_response_reference(a, b, g, student, item, right):
    logit = jnp.exp(g[item]) * (a[student] - b[item])
    loss = jnp.sum(jnp.logaddexp(0.0, logit) - right * logit)
    return loss + jnp.sum(a**2) / 2 + jnp.sum(b**2) / 8 + jnp.sum(g**2)


# --- Rasch (1960), a table with answers that are missing --------------------------------------------------------------


def rasch() -> Model:
    ability, hardness, asked = (MatrixSymbol(*given) for given in (("a", J, 1), ("b", K, 1), ("asked", J, K)))
    answer = MatrixSymbol("answer", J, K)
    logit = ability * OneMatrix(1, K) - OneMatrix(J, 1) * hardness.T
    terms = if_else(Eq(asked[j, k], 1), softplus(logit[j, k]) - answer[j, k] * logit[j, k], 0)
    loss = Sum(terms, (j, 0, J - 1), (k, 0, K - 1))
    prior = Trace(ability.T * ability) / 2 + Trace(hardness.T * hardness) / 8
    return Model(loss + prior, [ability, hardness])


def rasch_inputs(size: int, rng: np.random.Generator) -> Inputs:
    asked = 1.0 * (rng.random((size, 6)) < 0.7)
    answer = np.where(asked > 0, rng.integers(0, 2, (size, 6)), np.nan)
    return {"a": rng.normal(size=(size, 1)), "b": rng.normal(size=(6, 1)), "asked": asked, "answer": answer}


def rasch_reference(a, b, asked, answer):
    logit = a - b.T
    terms = jnp.where(asked > 0, jax.nn.softplus(logit) - jnp.where(asked > 0, answer, 0.0) * logit, 0.0)
    return jnp.sum(terms) + jnp.sum(a**2) / 2 + jnp.sum(b**2) / 8


# --- graded responses: Samejima (1969) -------------------------------------------------------------------------------


def graded() -> Model:
    ability, sharpness, first = (
        IndexedBase(name, shape=(size,)) for name, size in {"a": J, "g": K, "first": K}.items()
    )
    gap, cut = IndexedBase("gap", shape=(K, C)), IndexedBase("cut", shape=(K, C + 1))
    student, item, grade = (IndexedBase(name, shape=(N,), integer=True) for name in ("student", "item", "grade"))

    def above(level):
        return sigmoid(exp(sharpness[item[n]]) * (ability[student[n]] - cut[item[n], level]))

    upper = if_else(grade[n] < C + 1, above(grade[n]), 0)
    lower = if_else(grade[n] > 0, above(grade[n] - 1), 1)
    prior = Sum(ability[j] ** 2, (j, 0, J - 1)) / 2 + Sum(sharpness[k] ** 2 + first[k] ** 2, (k, 0, K - 1))
    steps = Eq(cut[k, c], first[k] + Sum(exp(gap[k, m]), (m, 0, c - 1)))
    return Model(prior - Sum(log(lower - upper), (n, 0, N - 1)), [ability, sharpness, first, gap], where=[steps])


def graded_inputs(size: int, rng: np.random.Generator) -> Inputs:
    students = max(2, size // 5)
    made = {"a": rng.normal(size=students), "g": 0.2 * rng.normal(size=3), "first": rng.normal(size=3) - 1}
    made |= {"student": rng.integers(0, students, size), "item": rng.integers(0, 3, size)}
    return made | {"gap": 0.3 * rng.normal(size=(3, 2)), "grade": rng.integers(0, 4, size)}


def graded_reference(a, g, first, gap, student, item, grade):
    cut = first[:, None] + jnp.pad(jnp.cumsum(jnp.exp(gap), axis=1), ((0, 0), (1, 0)))
    above = jax.nn.sigmoid(jnp.exp(g)[item][:, None] * (a[student][:, None] - cut[item]))
    edges = jnp.pad(jnp.pad(above, ((0, 0), (1, 0)), constant_values=1.0), ((0, 0), (0, 1)))
    at = jnp.take_along_axis(-jnp.diff(edges), grade[:, None], 1)
    return jnp.sum(a**2) / 2 + jnp.sum(g**2 + first**2) - jnp.sum(jnp.log(at))


# --- radon: slopes and levels by county, correlated, not centred: Gelman and Hill (2007) ------------------------------


def radon() -> Model:
    log_sigma, raw = symbols("log_sigma raw", real=True)
    mu, log_tau = IndexedBase("mu", shape=(2,)), IndexedBase("log_tau", shape=(2,))
    z, b = IndexedBase("z", shape=(J, 2)), IndexedBase("b", shape=(J, 2))
    y, floor = IndexedBase("y", shape=(N,)), IndexedBase("floor", shape=(N,))
    county = IndexedBase("county", shape=(N,), integer=True)
    rho = tanh(raw)
    where = [
        Eq(b[j, 0], mu[0] + exp(log_tau[0]) * z[j, 0]),
        Eq(b[j, 1], mu[1] + exp(log_tau[1]) * (rho * z[j, 0] + sqrt(1 - rho**2) * z[j, 1])),
    ]
    mean = b[county[n], 0] + b[county[n], 1] * floor[n]
    prior = Sum(normal(z[j, k], 0, 1), (j, 0, J - 1), (k, 0, 1)) + Sum(normal(mu[k], 0, 10), (k, 0, 1))
    prior += Sum(exp(log_tau[k]) - log_tau[k], (k, 0, 1)) + exp(log_sigma) - log_sigma - 2 * log(1 - rho**2)
    loss = prior + Sum(normal(y[n], mean, exp(log_sigma)), (n, 0, N - 1))
    return Model(loss, [mu, log_tau, raw, z, log_sigma], where=where)


def radon_inputs(size: int, rng: np.random.Generator) -> Inputs:
    counties = max(2, size // 10)
    made = {"mu": rng.normal(size=2), "log_tau": rng.normal(size=2), "raw": 0.4, "log_sigma": -0.2}
    made |= {"z": rng.normal(size=(counties, 2)), "county": rng.integers(0, counties, size)}
    return made | {"y": rng.normal(size=size), "floor": rng.integers(0, 2, size)}


def radon_reference(mu, log_tau, raw, z, log_sigma, y, floor, county):
    rho, tau = jnp.tanh(raw), jnp.exp(log_tau)
    slope = mu[1] + tau[1] * (rho * z[:, 0] + jnp.sqrt(1 - rho**2) * z[:, 1])
    mean = (mu[0] + tau[0] * z[:, 0])[county] + slope[county] * floor
    prior = -jnp.sum(stats.norm.logpdf(z)) - jnp.sum(stats.norm.logpdf(mu, 0, 10)) + jnp.sum(tau - log_tau)
    prior += jnp.exp(log_sigma) - log_sigma - 2 * jnp.log(1 - rho**2)
    return prior - jnp.sum(stats.norm.logpdf(y, mean, jnp.exp(log_sigma)))


# --- the horseshoe, regularised: Piironen and Vehtari (2017) ---------------------------------------------------------


def horseshoe() -> Model:
    log_tau, log_sigma, log_c = symbols("log_tau log_sigma log_c", real=True)
    X, y = MatrixSymbol("X", N, K), MatrixSymbol("y", N, 1)
    z, log_lam = IndexedBase("z", shape=(K,)), IndexedBase("log_lam", shape=(K,))
    w = MatrixSymbol("w", K, 1)
    local, slab = exp(2 * log_lam[k]), exp(2 * log_c)
    scale = exp(log_tau) * sqrt(slab * local / (slab + exp(2 * log_tau) * local))
    residual = y - X * w
    prior = Sum(z[k] ** 2 / 2 + log(1 + local) - log_lam[k], (k, 0, K - 1))
    prior += log(1 + exp(2 * log_tau)) - log_tau + 4 * log_c + 8 / slab
    loss = prior + N * log_sigma + (residual.T * residual)[0, 0] / exp(2 * log_sigma) / 2
    return Model(loss, [z, log_lam, log_tau, log_sigma, log_c], where=[Eq(w[k, 0], z[k] * scale)])


def horseshoe_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"X": rng.normal(size=(size, 8)), "y": rng.normal(size=(size, 1))}
    made |= {"z": rng.normal(size=8), "log_lam": rng.standard_cauchy(8)}
    return made | {"log_tau": -1.0, "log_sigma": 0.1, "log_c": 0.5}


def horseshoe_reference(X, y, z, log_lam, log_tau, log_sigma, log_c):
    scale = jnp.exp(log_tau + log_lam + log_c - jnp.logaddexp(2 * log_c, 2 * (log_tau + log_lam)) / 2)
    prior = jnp.sum(z**2 / 2 + jnp.logaddexp(0.0, 2 * log_lam) - log_lam)
    prior += jnp.logaddexp(0.0, 2 * log_tau) - log_tau + 4 * log_c + 8 * jnp.exp(-2 * log_c)
    residual = y - X @ (z * scale)[:, None]
    return prior + len(y) * log_sigma + jnp.sum(residual**2) * jnp.exp(-2 * log_sigma) / 2


# --- a mixture of normals in one dimension, means in order -----------------------------------------------------------


def mixture() -> Model:
    y, logit = IndexedBase("y", shape=(N,)), IndexedBase("logit", shape=(K,))
    first, gap, log_s = symbols("first", real=True), IndexedBase("gap", shape=(K,)), IndexedBase("log_s", shape=(K,))
    mean = first + Sum(exp(gap[m]), (m, 1, k))
    weight = softmax(logit[k], (k, 0, K - 1))
    density = exp(-(((y[n] - mean) / exp(log_s[k])) ** 2) / 2) / sqrt(2 * pi * exp(2 * log_s[k]))
    loss = -Sum(log(Sum(weight * density, (k, 0, K - 1))), (n, 0, N - 1))
    return Model(loss + Sum(log_s[k] ** 2, (k, 0, K - 1)), [logit, first, gap, log_s])


def mixture_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"y": 3 * rng.normal(size=size), "logit": rng.normal(size=3), "first": -1.5, "gap": rng.normal(size=3)}
    return made | {"log_s": 0.3 * rng.normal(size=3)}


def mixture_reference(y, logit, first, gap, log_s):
    mean = first + jnp.concatenate([jnp.zeros(1), jnp.cumsum(jnp.exp(gap[1:]))])
    density = stats.norm.logpdf(y[:, None], mean, jnp.exp(log_s))
    return -jnp.sum(logsumexp(jax.nn.log_softmax(logit) + density, axis=1)) + jnp.sum(log_s**2)


# --- topics: Blei, Ng and Jordan (2003), words with their topics summed out -------------------------------------------


def topics() -> Model:
    theta, phi = IndexedBase("theta", shape=(J, K)), IndexedBase("phi", shape=(K, V))
    a, b = IndexedBase("a", shape=(J, K)), IndexedBase("b", shape=(K, V))
    document, word = (IndexedBase(name, shape=(N,), integer=True) for name in ("document", "word"))
    alpha, eta = symbols("alpha eta", positive=True)
    likelihood = Sum(log(Sum(theta[document[n], k] * phi[k, word[n]], (k, 0, K - 1))), (n, 0, N - 1))
    prior = alpha * Sum(log(theta[j, k]), (k, 0, K - 1), (j, 0, J - 1))
    prior += eta * Sum(log(phi[k, v]), (v, 0, V - 1), (k, 0, K - 1))
    where = [Eq(theta[j, k], softmax(a[j, k], (k, 0, K - 1))), Eq(phi[k, v], softmax(b[k, v], (v, 0, V - 1)))]
    return Model(-likelihood - prior, [a, b], where=where)


def topics_inputs(size: int, rng: np.random.Generator) -> Inputs:
    documents = max(2, size // 20)
    made = {"a": rng.normal(size=(documents, 3)), "b": rng.normal(size=(3, 12)), "alpha": 0.1, "eta": 0.05}
    return made | {"document": rng.integers(0, documents, size), "word": rng.integers(0, 12, size)}


def topics_reference(a, b, alpha, eta, document, word):
    theta, phi = jax.nn.log_softmax(a), jax.nn.log_softmax(b)
    likelihood = jnp.sum(logsumexp(theta[document] + phi[:, word].T, axis=1))
    return -likelihood - alpha * jnp.sum(theta) - eta * jnp.sum(phi)


# --- counts in categories with overdispersion: the Dirichlet-multinomial distribution ---------------------------------


def dirichlet_multinomial() -> Model:
    count, x = IndexedBase("count", shape=(N, K)), IndexedBase("x", shape=(N, V))
    weight, log_phi = IndexedBase("weight", shape=(V, K)), symbols("log_phi", real=True)
    share, alpha = IndexedBase("share", shape=(N, K)), IndexedBase("alpha", shape=(N, K))
    trials = Sum(count[n, k], (k, 0, K - 1))
    term = loggamma(exp(log_phi)) - loggamma(exp(log_phi) + trials) + loggamma(trials + 1)
    term += Sum(
        loggamma(alpha[n, k] + count[n, k]) - loggamma(alpha[n, k]) - log(gamma(count[n, k] + 1)), (k, 0, K - 1)
    )
    where = [
        Eq(share[n, k], softmax(Sum(x[n, v] * weight[v, k], (v, 0, V - 1)), (k, 0, K - 1))),
        Eq(alpha[n, k], exp(log_phi) * share[n, k]),
    ]
    return Model(-Sum(term, (n, 0, N - 1)), [weight, log_phi], where=where)


def dirichlet_multinomial_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"x": rng.normal(size=(size, 2)), "weight": rng.normal(size=(2, 4)), "log_phi": 1.2}
    return made | {"count": rng.poisson(3, (size, 4)) * rng.integers(0, 2, (size, 4))}


def dirichlet_multinomial_reference(x, weight, log_phi, count):
    phi, trials = jnp.exp(log_phi), jnp.sum(count, axis=1) * 1.0
    alpha = phi * jax.nn.softmax(x @ weight)
    each = jnp.sum(gammaln(alpha + count) - gammaln(alpha) - gammaln(count + 1.0), axis=1)
    return -jnp.sum(gammaln(phi) - gammaln(phi + trials) + gammaln(trials + 1) + each)


MODELS = (
    RealModel("eight schools", eight_schools, eight_schools_inputs, eight_schools_reference, (8, 1000)),
    RealModel("item response", item_response, item_response_inputs, item_response_reference, (30, 3000)),
    RealModel("Rasch", rasch, rasch_inputs, rasch_reference, (5, 500)),
    RealModel("graded response", graded, graded_inputs, graded_reference, (10, 500)),
    RealModel("radon", radon, radon_inputs, radon_reference, (12, 2000)),
    RealModel("horseshoe", horseshoe, horseshoe_inputs, horseshoe_reference, (6, 500)),
    RealModel("ordered mixture", mixture, mixture_inputs, mixture_reference, (6, 2000)),
    RealModel("topics", topics, topics_inputs, topics_reference, (20, 2000)),
    RealModel(
        "Dirichlet-multinomial",
        dirichlet_multinomial,
        dirichlet_multinomial_inputs,
        dirichlet_multinomial_reference,
        (5, 500),
    ),
)
