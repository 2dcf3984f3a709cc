"""What changes with time: differential equations whose coefficients are fitted, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
from sympy import Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import Model, if_else
from tests.real_models.record import Inputs, RealModel

T, N = symbols("T N", integer=True, positive=True)
t, i = symbols("t i", integer=True)

# --- heat in a rod, forward in time ----------------------------------------------------------------------------------


def heat() -> Model:
    """The conductivity along a rod, from temperatures at its end of time; the ends are isolated."""
    u, kappa = IndexedBase("u", shape=(T + 1, N)), IndexedBase("kappa", shape=(N - 1,))
    start, seen, dt = IndexedBase("start", shape=(N,)), IndexedBase("seen", shape=(N,)), symbols("dt", positive=True)
    right = if_else(i < N - 1, exp(kappa[i]) * (u[t - 1, i + 1] - u[t - 1, i]), 0)
    left = if_else(i > 0, exp(kappa[i - 1]) * (u[t - 1, i] - u[t - 1, i - 1]), 0)
    where = [Eq(u[0, i], start[i]), Eq(u[t, i], u[t - 1, i] + dt * (right - left))]
    steps = IndexedBase("clock", shape=(T,))
    error = Sum((u[T, i] - seen[i]) ** 2, (i, 0, N - 1)) + Sum(steps[t] * u[t + 1, 0] ** 2, (t, 0, T - 1))
    return Model(error, [kappa, start], where=where)


def heat_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "kappa": 0.3 * rng.normal(size=6),
        "start": rng.normal(size=7),
        "seen": rng.normal(size=7),
        "dt": 0.1,
        "clock": rng.random(size),
    }


def heat_reference(kappa, start, seen, dt, clock):
    def step(u, weight):
        flow = jnp.exp(kappa) * jnp.diff(u)
        u = u + dt * jnp.diff(jnp.concatenate([jnp.zeros(1), flow, jnp.zeros(1)]))
        return u, weight * u[0] ** 2

    u, first = jax.lax.scan(step, start, clock)
    return jnp.sum((u - seen) ** 2) + jnp.sum(first)


# --- hares and lynxes: Lotka (1925) and Volterra (1926), by Runge and Kutta's method of order four --------------------


def predators() -> Model:
    prey, hunters = IndexedBase("prey", shape=(T,)), IndexedBase("hunters", shape=(T,))
    seen, log_start, h = (
        IndexedBase("seen", shape=(T, 2)),
        IndexedBase("log_start", shape=(2,)),
        symbols("h", positive=True),
    )
    logs = symbols("log_alpha log_beta log_gamma log_delta", real=True)
    alpha, beta, gamma, delta = (exp(q) for q in logs)

    def slope(x, y):
        return alpha * x - beta * x * y, delta * x * y - gamma * y

    stages = [[IndexedBase(f"k{q}{of}", shape=(T,)) for of in "xy"] for q in range(1, 5)]
    where = [Eq(prey[0], exp(log_start[0])), Eq(hunters[0], exp(log_start[1]))]
    x, y = prey[t - 1], hunters[t - 1]
    for part, (kx, ky) in zip((0, h / 2, h / 2, h), stages, strict=True):
        before = stages[stages.index([kx, ky]) - 1]
        at = slope(x + part * before[0][t], y + part * before[1][t]) if part else slope(x, y)
        where += [Eq(kx[t], at[0]), Eq(ky[t], at[1])]
    for state, of in ((prey, 0), (hunters, 1)):
        k1, k2, k3, k4 = (stage[of][t] for stage in stages)
        where.append(Eq(state[t], state[t - 1] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)))
    error = (log(prey[t]) - log(seen[t, 0])) ** 2 + (log(hunters[t]) - log(seen[t, 1])) ** 2
    return Model(Sum(error, (t, 0, T - 1)), [*logs, log_start], where=where)


def predators_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "log_alpha": -0.6,
        "log_beta": -3.5,
        "log_gamma": -0.2,
        "log_delta": -3.7,
        "log_start": np.log([33.0, 6.0]),
        "h": 0.1,
        "seen": 5 + 30 * rng.random((size, 2)),
    }


def predators_reference(log_alpha, log_beta, log_gamma, log_delta, log_start, h, seen):
    alpha, beta, gamma, delta = (jnp.exp(q) for q in (log_alpha, log_beta, log_gamma, log_delta))

    def slope(s):
        return jnp.array([alpha * s[0] - beta * s[0] * s[1], delta * s[0] * s[1] - gamma * s[1]])

    def step(s, _):
        k1 = slope(s)
        k2 = slope(s + h / 2 * k1)
        k3 = slope(s + h / 2 * k2)
        k4 = slope(s + h * k3)
        return s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), s

    _, path = jax.lax.scan(step, jnp.exp(log_start), None, length=len(seen))
    return jnp.sum((jnp.log(path) - jnp.log(seen)) ** 2)


# --- an epidemic: Kermack and McKendrick (1927), with counts of days, some of which are missing ----------------------


def epidemic() -> Model:
    S, infected, reported = (
        IndexedBase("S", shape=(T + 1,)),
        IndexedBase("I", shape=(T + 1,)),
        IndexedBase("y", shape=(T,)),
    )
    contact, recovery, first = symbols("contact recovery first", real=True)
    new, known = IndexedBase("new", shape=(T + 1,)), IndexedBase("known", shape=(T,))
    where = [
        Eq(infected[0], exp(first)),
        Eq(S[0], 1 - exp(first)),
        Eq(new[t], S[t - 1] * (1 - exp(-exp(contact) * infected[t - 1]))),
        Eq(S[t], S[t - 1] - new[t]),
        Eq(infected[t], infected[t - 1] * (1 - exp(-exp(recovery))) + new[t]),
    ]
    expected = 10**6 * new[t + 1]
    loss = Sum(if_else(known[t] > 0, expected - reported[t] * log(expected), 0), (t, 0, T - 1))
    return Model(loss, [contact, recovery, first], where=where)


def epidemic_inputs(size: int, rng: np.random.Generator) -> Inputs:
    known = rng.random(size) < 0.7
    counts = rng.integers(0, 50, size).astype(float)
    return {
        "contact": -1.0,
        "recovery": -1.5,
        "first": -9.0,
        "known": known.astype(float),
        "y": np.where(known, counts, np.nan),
    }


def epidemic_reference(contact, recovery, first, known, y):
    y = jnp.where(known > 0, y, 0)

    def step(state, _):
        susceptible, infected = state
        new = susceptible * -jnp.expm1(-jnp.exp(contact) * infected)
        return (susceptible - new, infected * -jnp.expm1(-jnp.exp(recovery)) + new), new

    _, new = jax.lax.scan(step, (1 - jnp.exp(first), jnp.exp(first)), y)
    return jnp.sum(jnp.where(known > 0, 1e6 * new - y * jnp.log(1e6 * new), 0))


MODELS = (
    RealModel("heat", heat, heat_inputs, heat_reference, (4, 200)),
    RealModel("predators and prey", predators, predators_inputs, predators_reference, (5, 200)),
    RealModel("epidemic", epidemic, epidemic_inputs, epidemic_reference, (8, 100)),
)
