"""Populations that are caught, counted and mapped, and fields over space: models of ecology and epidemiology."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, logsumexp
from sympy import (
    And,
    Eq,
    Idx,
    IndexedBase,
    KroneckerDelta,
    MatrixSymbol,
    Q,
    Sum,
    Trace,
    exp,
    log,
    loggamma,
    oo,
    pi,
    sqrt,
    symbols,
)

from symgrad import LogSumExp, Model, cholesky, if_else, sigmoid, softplus
from tests.real_models.record import Inputs, RealModel

N, T, J, K, E, D = symbols("N T J K E D", integer=True, positive=True)
n, t, j, k, e, d = symbols("n t j k e d", integer=True)
a, b, i, m = (Idx(name, N) for name in ("a", "b", "i", "m"))


# --- Cormack, Jolly and Seber (1965): survival phi and capture p from the histories of marked animals ----------------


def capture() -> Model:
    """`chi[t]` is the probability not to be seen after t, with which the last sighting ends a history."""
    logit_phi, logit_p = IndexedBase("logit_phi", shape=(T - 1,)), IndexedBase("logit_p", shape=(T,))
    phi, p, chi = IndexedBase("phi", shape=(T - 1,)), IndexedBase("p", shape=(T,)), IndexedBase("chi", shape=(T,))
    seen = IndexedBase("seen", shape=(N, T))
    first, last = (IndexedBase(name, shape=(N,), integer=True) for name in ("first", "last"))
    steps = log(phi[t - 1]) + seen[n, t] * log(p[t]) + (1 - seen[n, t]) * log(1 - p[t])
    history = Sum(if_else(And(t > first[n], t <= last[n]), steps, 0), (t, 1, T - 1))
    where = [
        Eq(phi[t], 1 / (1 + exp(-logit_phi[t]))),
        Eq(p[t], 1 / (1 + exp(-logit_p[t]))),
        Eq(chi[T - 1], 1),
        Eq(chi[t], 1 - phi[t] + phi[t] * (1 - p[t + 1]) * chi[t + 1]),
    ]
    loss = -Sum(history + log(chi[last[n]]), (n, 0, N - 1))
    return Model(loss, [logit_phi, logit_p], where=where)


def capture_inputs(size: int, rng: np.random.Generator) -> Inputs:
    seen = rng.integers(0, 2, (size, 6))
    seen[np.arange(size), rng.integers(0, 6, size)] = 1
    made = {"logit_phi": rng.normal(size=5), "logit_p": rng.normal(size=6), "seen": seen}
    return made | {"first": seen.argmax(1), "last": 5 - seen[:, ::-1].argmax(1)}


def capture_reference(logit_phi, logit_p, seen, first, last):
    phi, p = jax.nn.sigmoid(logit_phi), jax.nn.sigmoid(logit_p)
    chi = [1.0]
    for t in reversed(range(len(logit_phi))):
        chi.insert(0, 1 - phi[t] + phi[t] * (1 - p[t + 1]) * chi[0])
    time = jnp.arange(1, len(logit_p))
    steps = jnp.log(phi) + seen[:, 1:] * jnp.log(p[1:]) + (1 - seen[:, 1:]) * jnp.log(1 - p[1:])
    within = (time > first[:, None]) & (time <= last[:, None])
    return -jnp.sum(jnp.where(within, steps, 0.0)) - jnp.sum(jnp.log(jnp.stack(chi))[last])


# --- N-mixture: Royle (2004), repeated counts of a population whose number is summed out ------------------------------


def abundance() -> Model:
    """The number k at site n, Poisson; each of the J visits counts k with a probability of detection."""
    log_lam, logit_p = IndexedBase("log_lam", shape=(N,)), IndexedBase("logit_p", shape=(J,))
    y = IndexedBase("y", shape=(N, J), integer=True)
    choose = loggamma(k + 1) - loggamma(y[n, j] + 1) - loggamma(k - y[n, j] + 1)
    visit = choose - y[n, j] * softplus(-logit_p[j]) - (k - y[n, j]) * softplus(logit_p[j])
    visits = Sum(if_else(y[n, j] <= k, visit, -oo), (j, 0, J - 1))
    number = k * log_lam[n] - exp(log_lam[n]) - loggamma(k + 1)
    return Model(-Sum(LogSumExp(number + visits, (k, 0, K)), (n, 0, N - 1)), [log_lam, logit_p])


def abundance_inputs(size: int, rng: np.random.Generator) -> Inputs:
    number = rng.poisson(6.0, size)
    made = {"log_lam": 1.5 + 0.2 * rng.normal(size=size), "logit_p": rng.normal(size=3), "K": 40}
    return made | {"y": rng.binomial(number[:, None], 0.5, (size, 3))}


def abundance_reference(log_lam, logit_p, y, K):
    k = jnp.arange(int(K) + 1)[:, None]
    y = y[:, None, :]
    possible = y <= k
    left = jnp.where(possible, k - y, 0)
    choose = gammaln(k + 1.0) - gammaln(y + 1.0) - gammaln(left + 1.0)
    visit = choose + y * jax.nn.log_sigmoid(logit_p) + left * jax.nn.log_sigmoid(-logit_p)
    visits = jnp.sum(jnp.where(possible, visit, -1e9), axis=-1)
    k = k[:, 0]
    number = k * log_lam[:, None] - jnp.exp(log_lam)[:, None] - gammaln(k + 1.0)
    return -jnp.sum(logsumexp(number + visits, axis=1))


def none_seen() -> Inputs:
    return {"y": np.array([[0, 0], [3, 0], [40, 39]]), "K": 40, "logit_p": np.array([-30.0, 3.0])} | {
        "log_lam": np.array([-40.0, 0.5, 4.0])
    }


# --- occupancy with false absences: MacKenzie et al. (2002) ----------------------------------------------------------


def occupancy() -> Model:
    x, beta, p = IndexedBase("x", shape=(N, D)), IndexedBase("beta", shape=(D,)), symbols("p", positive=True)
    y, trials, psi = (IndexedBase(name, shape=(N,)) for name in ("y", "trials", "psi"))
    seen = psi[n] * p ** y[n] * (1 - p) ** (trials[n] - y[n])
    loss = -Sum(log(seen + if_else(Eq(y[n], 0), 1 - psi[n], 0)), (n, 0, N - 1))
    return Model(loss, [beta, p], where=[Eq(psi[n], sigmoid(Sum(x[n, d] * beta[d], (d, 0, D - 1))))])


def occupancy_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"x": rng.normal(size=(size, 2)), "beta": rng.normal(size=2), "p": 0.4, "trials": np.full(size, 6)}
    return made | {"y": rng.binomial(6, 0.4, size) * rng.integers(0, 2, size)}


def occupancy_reference(x, beta, p, trials, y):
    logit = x @ beta
    seen = jax.nn.log_sigmoid(logit) + y * jnp.log(p) + (trials - y) * jnp.log1p(-p)
    return -jnp.sum(jnp.where(y == 0, jnp.logaddexp(seen, jax.nn.log_sigmoid(-logit)), seen))


# --- counts in areas with neighbours: Riebler et al. (2016), as BYM2 --------------------------------------------------


def areas() -> Model:
    alpha, log_sigma, logit_rho, factor = symbols("alpha log_sigma logit_rho factor", real=True)
    phi, theta, y, expected = (IndexedBase(name, shape=(N,)) for name in ("phi", "theta", "y", "expected"))
    left, right = (IndexedBase(name, shape=(E,), integer=True) for name in ("left", "right"))
    rho = sigmoid(logit_rho)
    field = sqrt(1 - rho) * theta[n] + sqrt(rho / factor) * phi[n]
    eta = log(expected[n]) + alpha + exp(log_sigma) * field
    icar = Sum((phi[left[e]] - phi[right[e]]) ** 2, (e, 0, E - 1)) / 2
    centred = (Sum(phi[n], (n, 0, N - 1)) / (N / 1000)) ** 2 / 2
    prior = icar + centred + Sum(theta[n] ** 2, (n, 0, N - 1)) / 2 + exp(2 * log_sigma) / 2 - log_sigma
    loss = Sum(exp(eta) - y[n] * eta + loggamma(y[n] + 1), (n, 0, N - 1)) + prior - log(rho * (1 - rho)) / 2
    return Model(loss, [alpha, log_sigma, logit_rho, phi, theta])


def areas_inputs(size: int, rng: np.random.Generator) -> Inputs:
    phi = rng.normal(size=size)
    made = {"alpha": 0.1, "log_sigma": -0.7, "logit_rho": 0.3, "factor": 0.6, "phi": phi - phi.mean() + 1e-6}
    made |= {"theta": rng.normal(size=size), "y": rng.poisson(3.0, size), "expected": 0.5 + 3 * rng.random(size)}
    return made | {"left": np.arange(size), "right": (np.arange(size) + rng.integers(1, 4, size)) % size}


def areas_reference(alpha, log_sigma, logit_rho, factor, phi, theta, y, expected, left, right):
    rho = jax.nn.sigmoid(logit_rho)
    field = jnp.sqrt(jax.nn.sigmoid(-logit_rho)) * theta + jnp.sqrt(rho / factor) * phi
    eta = jnp.log(expected) + alpha + jnp.exp(log_sigma) * field
    prior = jnp.sum((phi[left] - phi[right]) ** 2) / 2 + (1000 * jnp.mean(phi)) ** 2 / 2 + jnp.sum(theta**2) / 2
    prior += jnp.exp(2 * log_sigma) / 2 - log_sigma
    prior -= (jax.nn.log_sigmoid(logit_rho) + jax.nn.log_sigmoid(-logit_rho)) / 2
    return jnp.sum(jnp.exp(eta) - y * eta + gammaln(y + 1.0)) + prior


# --- a Gaussian process, by the Cholesky factor as it is programmed: Rasmussen and Williams (2006), algorithm 2.1 -----


def distance(x, y):
    return Sum((x[a, d] - x[b, d]) ** 2, (d, 0, D - 1))


def kriging() -> Model:
    log_ell, log_s, log_noise = symbols("log_ell log_s log_noise", real=True)
    x, L = IndexedBase("x", shape=(N, D)), IndexedBase("L", shape=(N, N))
    y, S = MatrixSymbol("y", N, 1), MatrixSymbol("S", N, N)
    r = sqrt(3 * Sum((x[a, d] - x[b, d]) ** 2, (d, 0, D - 1)) + KroneckerDelta(a, b)) / exp(log_ell)
    matern = exp(2 * log_s) * (1 + r) * exp(-r)
    where = [
        Eq(S[a, b], if_else(Eq(a, b), exp(2 * log_s) + exp(2 * log_noise), matern)),
        Eq(L[a, b], cholesky(S[a, b], (a, 0, N - 1), (b, 0, N - 1))),
    ]
    loss = Trace(y.T * S.I * y) / 2 + Sum(log(L[i, i]), (i, 0, N - 1)) + N * log(2 * pi) / 2
    facts = [Q.positive_definite(S)]
    return Model(loss, [log_ell, log_s, log_noise], where=where, facts=facts)


def kriging_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"log_ell": 0.1, "log_s": 0.2, "log_noise": -0.5}
    return made | {"x": rng.normal(size=(size, 2)), "y": rng.normal(size=(size, 1))}


def kriging_reference(log_ell, log_s, log_noise, x, y):
    square = jnp.sum((x[:, None] - x) ** 2, axis=-1)
    same = jnp.eye(len(x))
    r = jnp.sqrt(3 * square + same) / jnp.exp(log_ell)
    matern = jnp.exp(2 * log_s) * (1 + r) * jnp.exp(-r)
    S = jnp.where(same > 0, jnp.exp(2 * log_s) + jnp.exp(2 * log_noise), matern)
    return (y.T @ jnp.linalg.solve(S, y))[0, 0] / 2 + jnp.linalg.slogdet(S)[1] / 2 + len(x) * jnp.log(2 * jnp.pi) / 2


# --- counts along a latent Gaussian process, not centred -------------------------------------------------------------


def latent_field() -> Model:
    log_ell, log_s = symbols("log_ell log_s", real=True)
    x, z, f, y = (IndexedBase(name, shape=(N,)) for name in ("x", "z", "f", "y"))
    kernel = exp(2 * log_s - (x[a] - x[b]) ** 2 / (2 * exp(2 * log_ell))) + KroneckerDelta(a, b) / 1000
    L = cholesky(kernel, (a, 0, N - 1), (b, 0, N - 1))
    where = [Eq(f[a], Sum(L * z[b], b))]
    loss = Sum(exp(f[n]) - y[n] * f[n] + z[n] ** 2 / 2, (n, 0, N - 1))
    return Model(loss + log_ell**2 / 2 + exp(2 * log_s) / 2 - log_s, [log_ell, log_s, z], where=where)


def latent_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = {"log_ell": -0.3, "log_s": -0.4, "z": rng.normal(size=size)}
    return made | {"x": rng.uniform(-3, 3, size), "y": rng.poisson(2.0, size)}


def latent_reference(log_ell, log_s, z, x, y):
    kernel = jnp.exp(2 * log_s - (x[:, None] - x) ** 2 / (2 * jnp.exp(2 * log_ell))) + jnp.eye(len(x)) / 1000
    f = jnp.linalg.cholesky(kernel) @ z
    return jnp.sum(jnp.exp(f) - y * f + z**2 / 2) + log_ell**2 / 2 + jnp.exp(2 * log_s) / 2 - log_s


MODELS = (
    RealModel("capture and recapture", capture, capture_inputs, capture_reference, (6, 1000)),
    RealModel("N-mixture", abundance, abundance_inputs, abundance_reference, (4, 200), {"none seen": none_seen}),
    RealModel("occupancy", occupancy, occupancy_inputs, occupancy_reference, (8, 1000)),
    RealModel("areas with neighbours", areas, areas_inputs, areas_reference, (7, 2000)),
    RealModel("Gaussian process", kriging, kriging_inputs, kriging_reference, (6, 60), tolerance=1e-9),
    RealModel("latent field", latent_field, latent_inputs, latent_reference, (6, 40), tolerance=1e-8),
)
