"""Times until an event: parametric, proportional hazards, cured, censored in an interval."""

import jax.numpy as jnp
import mpmath
import numpy as np
from jax.scipy import stats
from jax.scipy.special import gammaln
from sympy import And, Eq, IndexedBase, Max, Min, Sum, exp, log, loggamma, oo, symbols

from symgrad import LogSumExp, Model, if_else, log_ndtr
from tests.real_models.record import Inputs, RealModel

N, D, G, J = symbols("N D G J", integer=True, positive=True)
n, m, d, g, j = symbols("n m d g j", integer=True)
x, beta = IndexedBase("x", shape=(N, D)), IndexedBase("beta", shape=(D,))
eta, time, event = (IndexedBase(name, shape=(N,)) for name in ("eta", "time", "event"))
linear = Eq(eta[n], Sum(x[n, d] * beta[d], (d, 0, D - 1)))


def censored(size: int, rng: np.random.Generator) -> Inputs:
    made = {"x": rng.normal(size=(size, 2)), "beta": 0.5 * rng.normal(size=2)}
    return made | {"time": rng.exponential(2.0, size), "event": rng.integers(0, 2, size)}


# --- Weibull regression, censored on the right -----------------------------------------------------------------------


def weibull() -> Model:
    log_shape = symbols("log_shape", real=True)
    shape, scale = exp(log_shape), exp(eta[n])
    hazard = log(shape / scale * (time[n] / scale) ** (shape - 1))
    survival = -((time[n] / scale) ** shape)
    return Model(-Sum(event[n] * hazard + survival, (n, 0, N - 1)), [beta, log_shape], where=[linear])


def weibull_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return censored(size, rng) | {"log_shape": 0.4}


def weibull_reference(x, beta, time, event, log_shape):
    eta, shape = x @ beta, jnp.exp(log_shape)
    hazard = log_shape - eta + (shape - 1) * (jnp.log(time) - eta)
    return -jnp.sum(event * hazard - jnp.exp(shape * (jnp.log(time) - eta)))


# --- Cox's partial likelihood, ties as Efron (1977) ------------------------------------------------------------------


def efron() -> Model:
    rank, tied = IndexedBase("rank", shape=(N,)), IndexedBase("tied", shape=(N,))
    at_risk = Sum(if_else(time[m] >= time[n], exp(eta[m]), 0), (m, 0, N - 1))
    together = Sum(if_else(And(Eq(time[m], time[n]), event[m] > 0), exp(eta[m]), 0), (m, 0, N - 1))
    left = log(at_risk - rank[n] / tied[n] * together)
    return Model(-Sum(event[n] * (eta[n] - left), (n, 0, N - 1)), [beta], where=[linear])


def ties_of(time: np.ndarray, event: np.ndarray) -> Inputs:
    together = (time[:, None] == time) & (event[:, None] * event > 0)
    tied = np.maximum(1, together.sum(1))
    return {"time": time, "event": event, "rank": np.tril(together, -1).sum(1) * 1.0, "tied": tied * 1.0}


def efron_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = censored(size, rng)
    return made | ties_of(np.ceil(made["time"] * 3), made["event"])


def efron_reference(x, beta, time, event, rank, tied):
    eta = x @ beta
    largest = jnp.max(eta)
    at_risk = (time >= time[:, None]) * 1.0
    at_risk -= (rank / tied)[:, None] * (time == time[:, None]) * (event > 0)
    return -jnp.sum(event * (eta - largest - jnp.log(at_risk @ jnp.exp(eta - largest))))


def large_hazards() -> Inputs:
    x = np.array([[800.0, 0.3], [800.0, -1.0], [800.0, 0.5], [800.0, 1.2], [800.0, -0.4]])
    return {"x": x, "beta": np.ones(2)} | ties_of(np.array([1.0, 2, 2, 2, 3]), np.array([1.0, 1, 1, 0, 1]))


# --- Cox's partial likelihood in strata, ties as Breslow (1974) ------------------------------------------------------


def strata() -> Model:
    stratum = IndexedBase("stratum", shape=(N,), integer=True)
    same = And(Eq(stratum[m], stratum[n]), time[m] >= time[n])
    left = LogSumExp(if_else(same, eta[m], -oo), (m, 0, N - 1))
    return Model(-Sum(event[n] * (eta[n] - left), (n, 0, N - 1)), [beta], where=[linear])


def strata_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return censored(size, rng) | {"stratum": rng.integers(0, 3, size)}


def strata_reference(x, beta, time, event, stratum):
    eta = x @ beta
    at_risk = (time >= time[:, None]) & (stratum == stratum[:, None])
    largest = jnp.max(eta)
    return -jnp.sum(event * (eta - largest - jnp.log(at_risk @ jnp.exp(eta - largest))))


# --- Gompertz's hazard with a fraction that is cured -----------------------------------------------------------------


def cured() -> Model:
    rate, shape, logit = symbols("rate shape logit", real=True)
    fraction = 1 / (1 + exp(-logit))
    hazard = exp(rate + eta[n] + shape * time[n])
    survival = exp(-exp(rate + eta[n]) / shape * (exp(shape * time[n]) - 1))
    density = (1 - fraction) * hazard * survival
    alive = fraction + (1 - fraction) * survival
    loss = -Sum(event[n] * log(density) + (1 - event[n]) * log(alive), (n, 0, N - 1))
    return Model(loss, [beta, rate, shape, logit], where=[linear])


def cured_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return censored(size, rng) | {"rate": -1.0, "shape": 0.2, "logit": -0.5}


def cured_reference(x, beta, time, event, rate, shape, logit):
    log_hazard = rate + x @ beta
    log_survival = -jnp.exp(log_hazard) / shape * jnp.expm1(shape * time)
    density = -jnp.logaddexp(0.0, logit) + log_hazard + shape * time + log_survival
    alive = jnp.logaddexp(logit, log_survival) - jnp.logaddexp(0.0, logit)
    return -jnp.sum(event * density + (1 - event) * alive)


def cured_exact(x, beta, time, event, rate, shape, logit):
    loss, fraction = 0, 1 / (1 + mpmath.exp(-logit))
    for row, t, seen in zip(x, time, event, strict=True):
        base = mpmath.exp(rate + mpmath.fdot(row, beta))
        survival = mpmath.exp(-base / shape * mpmath.expm1(shape * t))
        density = (1 - fraction) * base * mpmath.exp(shape * t) * survival
        loss -= mpmath.log(density if seen else fraction + (1 - fraction) * survival)
    return loss


def nearly_exponential() -> Inputs:
    x = np.array([[0.3, 0.0], [0.0, 1.0], [6.0, 0.0], [0.1, 0.2]])
    return {"x": x, "beta": np.array([1.1, -0.5]), "time": np.array([1e-9, 3.0, 4.0, 5.0])} | {
        "event": np.array([1, 0, 1, 0]),
        "rate": -1.0,
        "shape": 1e-8,
        "logit": -45.0,
    }


# --- a log-logistic time known to an interval; where it is censored, the interval has no end --------------------------


def interval() -> Model:
    log_shape = symbols("log_shape", real=True)
    low, high = IndexedBase("low", shape=(N,)), IndexedBase("high", shape=(N,))

    def survival(t):
        return 1 / (1 + exp(exp(log_shape) * (log(t) - eta[n])))

    probability = survival(low[n]) - if_else(high[n] < oo, survival(high[n]), 0)
    return Model(-Sum(log(probability), (n, 0, N - 1)), [beta, log_shape], where=[linear])


def interval_inputs(size: int, rng: np.random.Generator) -> Inputs:
    made = censored(size, rng)
    low = made.pop("time")
    return made | {"low": low, "high": np.where(made.pop("event") > 0, low + 0.5, np.inf), "log_shape": 0.4}


def interval_reference(x, beta, low, high, log_shape):
    def survival(t):
        return 1 / (1 + jnp.exp(jnp.exp(log_shape) * (jnp.log(t) - x @ beta)))

    ends = jnp.isfinite(high)
    return -jnp.sum(jnp.log(survival(low) - jnp.where(ends, survival(jnp.where(ends, high, 1.0)), 0.0)))


# --- piecewise exponential: the time spent between cuts --------------------------------------------------------------


def piecewise() -> Model:
    log_hazard, cut = IndexedBase("log_hazard", shape=(J,)), IndexedBase("cut", shape=(J + 1,))
    spent = Max(0, Min(time[n], cut[j + 1]) - cut[j])
    died = if_else(And(cut[j] < time[n], time[n] <= cut[j + 1]), event[n] * (log_hazard[j] + eta[n]), 0)
    loss = Sum(exp(log_hazard[j] + eta[n]) * spent - died, (j, 0, J - 1), (n, 0, N - 1))
    walk = Sum((log_hazard[j] - log_hazard[j - 1]) ** 2, (j, 1, J - 1)) / 2
    return Model(loss + walk, [beta, log_hazard], where=[linear])


def piecewise_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return censored(size, rng) | {"log_hazard": rng.normal(size=4), "cut": np.array([0.0, 0.5, 1.0, 3.0, 99.0])}


def piecewise_reference(x, beta, time, event, log_hazard, cut):
    eta = (x @ beta)[:, None]
    spent = jnp.clip(jnp.minimum(time[:, None], cut[1:]) - cut[:-1], 0.0)
    died = ((cut[:-1] < time[:, None]) & (time[:, None] <= cut[1:])) * event[:, None]
    loss = jnp.sum(jnp.exp(log_hazard + eta) * spent - died * (log_hazard + eta))
    return loss + jnp.sum(jnp.diff(log_hazard) ** 2) / 2


# --- frailty that a group shares, gamma distributed and integrated out: Clayton (1978) --------------------------------


def frailty() -> Model:
    log_theta, base = symbols("log_theta base", real=True)
    group = IndexedBase("group", shape=(N,), integer=True)
    hazard, events = IndexedBase("hazard", shape=(G,)), IndexedBase("events", shape=(G,))
    a = exp(-log_theta)
    inside = Sum(if_else(Eq(group[n], g), exp(base + eta[n]) * time[n], 0), (n, 0, N - 1))
    seen = Sum(if_else(Eq(group[n], g), event[n], 0), (n, 0, N - 1))
    gamma = loggamma(a + events[g]) - loggamma(a) + a * log(a) - (a + events[g]) * log(a + hazard[g])
    loss = -Sum(event[n] * (base + eta[n]), (n, 0, N - 1)) - Sum(gamma, (g, 0, G - 1))
    where = [linear, Eq(hazard[g], inside), Eq(events[g], seen)]
    return Model(loss, [beta, base, log_theta], where=where)


def frailty_inputs(size: int, rng: np.random.Generator) -> Inputs:
    groups = max(2, size // 5)
    made = {"base": -0.5, "log_theta": -0.3, "group": rng.integers(0, groups, size), "G": groups}
    return censored(size, rng) | made


def frailty_reference(x, beta, time, event, group, base, log_theta, G):
    eta, a = base + x @ beta, jnp.exp(-log_theta)
    hazard = jnp.zeros(int(G)).at[group].add(jnp.exp(eta) * time)
    events = jnp.zeros(int(G)).at[group].add(event)
    gamma = gammaln(a + events) - gammaln(a) + a * jnp.log(a) - (a + events) * jnp.log(a + hazard)
    return -jnp.sum(event * eta) - jnp.sum(gamma)


# --- accelerated failure with normal errors of the logarithm ---------------------------------------------------------


def accelerated() -> Model:
    log_sigma = symbols("log_sigma", real=True)
    z = IndexedBase("z", shape=(N,))
    died = -(z[n] ** 2) / 2 - log_sigma - log(time[n])
    loss = -Sum(if_else(event[n] > 0, died, log_ndtr(-z[n])), (n, 0, N - 1))
    return Model(loss, [beta, log_sigma], where=[linear, Eq(z[n], (log(time[n]) - eta[n]) / exp(log_sigma))])


def accelerated_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return censored(size, rng) | {"log_sigma": 0.2}


def accelerated_reference(x, beta, time, event, log_sigma):
    z = (jnp.log(time) - x @ beta) / jnp.exp(log_sigma)
    return -jnp.sum(jnp.where(event > 0, -(z**2) / 2 - log_sigma - jnp.log(time), stats.norm.logcdf(-z)))


MODELS = (
    RealModel("Weibull survival", weibull, weibull_inputs, weibull_reference, (6, 2000)),
    RealModel("Cox with Efron's ties", efron, efron_inputs, efron_reference, (8, 400), {"large": large_hazards}),
    RealModel("Cox in strata", strata, strata_inputs, strata_reference, (8, 400)),
    RealModel(
        "Gompertz with cure",
        cured,
        cured_inputs,
        cured_reference,
        (6, 1000),
        {"nearly exponential": nearly_exponential},
        cured_exact,
    ),
    RealModel("interval censoring", interval, interval_inputs, interval_reference, (6, 1000)),
    RealModel("piecewise exponential", piecewise, piecewise_inputs, piecewise_reference, (6, 1000)),
    RealModel("shared frailty", frailty, frailty_inputs, frailty_reference, (10, 1000)),
    RealModel("accelerated failure", accelerated, accelerated_inputs, accelerated_reference, (6, 1000)),
)
