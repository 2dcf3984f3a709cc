"""Recurrences of few numbers at a step: hidden Markov models, GARCH, hares and lynxes."""

from typing import Any

import numpy as np
from cases import Arrays, Case
from sympy import Eq, IndexedBase, Sum, log, symbols

from symgrad import LogSumExp, Model

T, K = symbols("T K", integer=True, positive=True)
i, j, k, t = symbols("i j k t", integer=True)


def array(name: str, *shape: Any) -> Any:
    return IndexedBase(name, shape=shape)


# --- hidden Markov model: the forward algorithm in logarithms (Rabiner 1989) ------------------------------------------


def _hmm_model() -> Model:
    A, B, start, alpha = array("A", K, K), array("B", T, K), array("start", K), array("alpha", T, K)
    step = B[t, j] + LogSumExp(alpha[t - 1, i] + A[i, j], (i, 0, K - 1))
    where = [Eq(alpha[0, j], start[j] + B[0, j]), Eq(alpha[t, j], step)]
    return Model(-LogSumExp(alpha[T - 1, k], (k, 0, K - 1)), [A, B, start], where=where, name="hidden Markov model")


def _hmm_loss(xp: Any, A: Any, B: Any, start: Any) -> Any:
    (last,) = xp.scan(lambda now, alpha, A: (now + xp.logsumexp(alpha[:, None] + A, 0),), B[1:], (start + B[0],), A)
    return -xp.logsumexp(last, 0)


def _hmm_expert(A: np.ndarray, B: np.ndarray, start: np.ndarray) -> tuple[Any, ...]:
    steps, count = B.shape
    alpha, shares = np.empty_like(B), np.empty((steps, count, count), B.dtype)
    alpha[0] = start + B[0]
    for s in range(1, steps):
        scores = alpha[s - 1, :, None] + A
        top = scores.max(axis=0)
        np.exp(np.subtract(scores, top, out=scores), out=scores)
        total = scores.sum(axis=0)
        np.divide(scores, total, out=shares[s])
        np.add(np.log(total) + top, B[s], out=alpha[s])
    top = alpha[-1].max()
    last = np.exp(alpha[-1] - top)
    slope = np.empty_like(B)
    slope[-1] = -last / last.sum()
    for s in range(steps - 1, 0, -1):
        np.matmul(shares[s], slope[s], out=slope[s - 1])
    return -top - np.log(last.sum()), np.einsum("tij,tj->ij", shares[1:], slope[1:]), slope, slope[0]


def hidden_markov(steps: int, states: int) -> Case:
    def arrays(rng: np.random.Generator) -> Arrays:
        sides = {"A": (states, states), "B": (steps, states), "start": (states,)}
        return {name: rng.normal(size=side) for name, side in sides.items()}

    return Case(f"hmm-{steps}x{states}", _hmm_model, arrays, ("A", "B", "start"), _hmm_expert, _hmm_loss)


# --- GARCH(1, 1): Bollerslev (1986) -----------------------------------------------------------------------------------

_GARCH = ("omega", "alpha", "beta")


def _garch_model() -> Model:
    omega, alpha, beta = symbols("omega alpha beta", positive=True)
    r, v = array("r", T), array("v", T)
    where = [Eq(v[0], omega), Eq(v[t], omega + alpha * r[t - 1] ** 2 + beta * v[t - 1])]
    loss = Sum(log(v[t]) + r[t] ** 2 / v[t], (t, 0, T - 1)) / 2
    return Model(loss, [omega, alpha, beta], where=where, name="GARCH")


def _garch_loss(xp: Any, omega: Any, alpha: Any, beta: Any, r: Any) -> Any:
    def step(now: Any, before: Any, v: Any, total: Any, omega: Any, alpha: Any, beta: Any) -> tuple[Any, ...]:
        v = omega + alpha * before + beta * v
        return now, v, total + xp.log(v) + now / v

    squares = r * r
    start = squares[0], omega, xp.log(omega) + squares[0] / omega
    return xp.scan(step, squares[1:], start, omega, alpha, beta)[2] / 2


def _garch_expert(omega: np.ndarray, alpha: np.ndarray, beta: np.ndarray, r: np.ndarray) -> tuple[Any, ...]:
    squares = r * r
    inputs = (omega + alpha * squares[:-1]).tolist()
    path, share = [float(omega)], float(beta)
    for given in inputs:
        path.append(given + share * path[-1])
    v = np.array(path, r.dtype)
    slopes = (0.5 * (1 - squares / v) / v).tolist()
    for s in range(len(slopes) - 1, 0, -1):
        slopes[s - 1] += share * slopes[s]
    slope = np.array(slopes, r.dtype)
    later = slope[1:]
    return (np.log(v) + squares / v).sum() / 2, slope.sum(), later @ squares[:-1], later @ v[:-1]


GARCH = Case(
    "garch-1000",
    _garch_model,
    lambda rng: {
        "omega": np.array(0.1),
        "alpha": np.array(0.1),
        "beta": np.array(0.8),
        "r": rng.standard_t(4.0, 1000),
    },
    _GARCH,
    _garch_expert,
    _garch_loss,
)


# --- hares and lynxes: Lotka (1925) and Volterra (1926), by Runge and Kutta's method of order four --------------------

_RATES = ("birth", "eaten", "fed", "death")


def _slope(x: Any, y: Any, birth: Any, eaten: Any, fed: Any, death: Any) -> tuple[Any, Any]:
    return birth * x - eaten * x * y, fed * x * y - death * y


def _predators_model() -> Model:
    rates, start = symbols(" ".join(_RATES), positive=True), array("start", 2)
    x, y, seen, h = array("x", T), array("y", T), array("seen", T, 2), symbols("h", positive=True)
    stages = [(array(f"kx{q}", T), array(f"ky{q}", T)) for q in range(4)]
    where = [Eq(x[0], start[0]), Eq(y[0], start[1])]
    for q, part in enumerate((0, h / 2, h / 2, h)):
        at = [state[t - 1] + (part * stages[q - 1][of][t] if q else 0) for of, state in enumerate((x, y))]
        where += [Eq(k[t], now) for k, now in zip(stages[q], _slope(*at, *rates), strict=True)]
    for of, state in enumerate((x, y)):
        k1, k2, k3, k4 = (stage[of][t] for stage in stages)
        where.append(Eq(state[t], state[t - 1] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)))
    error = (x[t] - seen[t, 0]) ** 2 + (y[t] - seen[t, 1]) ** 2
    return Model(Sum(error, (t, 0, T - 1)), [*rates, start], where=where, name="hares and lynxes")


def _predators_loss(xp: Any, birth: Any, eaten: Any, fed: Any, death: Any, start: Any, seen: Any, h: Any) -> Any:
    rates = birth, eaten, fed, death

    def step(now: Any, x: Any, y: Any, total: Any, h: Any, *rates: Any) -> tuple[Any, ...]:
        k1 = _slope(x, y, *rates)
        k2 = _slope(x + h / 2 * k1[0], y + h / 2 * k1[1], *rates)
        k3 = _slope(x + h / 2 * k2[0], y + h / 2 * k2[1], *rates)
        k4 = _slope(x + h * k3[0], y + h * k3[1], *rates)
        x, y = (s + h / 6 * (p + 2 * q + 2 * r + u) for s, p, q, r, u in zip((x, y), k1, k2, k3, k4, strict=True))
        return x, y, total + (x - now[0]) ** 2 + (y - now[1]) ** 2

    first = (start[0] - seen[0, 0]) ** 2 + (start[1] - seen[0, 1]) ** 2
    return xp.scan(step, seen[1:], (start[0], start[1], first), h, *rates)[2]


def _predators_expert(start: np.ndarray, seen: np.ndarray, h: np.ndarray, **rates: np.ndarray) -> tuple[Any, ...]:
    """Step by step in Python's numbers, and back again."""
    birth, eaten, fed, death = given = [float(rates[name]) for name in _RATES]
    step, wanted = float(h), seen.tolist()
    parts = 0.0, step / 2, step / 2, step
    at, places = tuple(start.tolist()), []
    loss = sum((one - other) ** 2 for one, other in zip(at, wanted[0], strict=True))
    states = [at]
    for now in wanted[1:]:
        stages, k = [], (0.0, 0.0)
        slopes = []
        for part in parts:
            stages.append((at[0] + part * k[0], at[1] + part * k[1]))
            k = _slope(*stages[-1], *given)
            slopes.append(k)
        places.append(stages)
        at = tuple(at[q] + step / 6 * sum(w * k[q] for w, k in zip((1, 2, 2, 1), slopes, strict=True)) for q in (0, 1))
        states.append(at)
        loss += (at[0] - now[0]) ** 2 + (at[1] - now[1]) ** 2
    back, sums = (0.0, 0.0), [0.0] * 4
    for number in range(len(wanted) - 1, 0, -1):
        back = tuple(back[q] + 2 * (states[number][q] - wanted[number][q]) for q in (0, 1))
        total, slope, part = back, (0.0, 0.0), 0.0
        for (x, y), share, following in zip(places[number - 1][::-1], (1, 2, 2, 1), (*parts[:0:-1], 0.0), strict=True):
            u, v = (step / 6 * share * back[q] + part * slope[q] for q in (0, 1))
            slope = u * (birth - eaten * y) + v * fed * y, v * (fed * x - death) - u * eaten * x
            sums = [one + more for one, more in zip(sums, (u * x, -u * x * y, v * x * y, -v * y), strict=True)]
            total = total[0] + slope[0], total[1] + slope[1]
            part = following
        back = total
    back = tuple(back[q] + 2 * (states[0][q] - wanted[0][q]) for q in (0, 1))
    return np.array(loss), *map(np.array, sums), np.array(back)


PREDATORS = Case(
    "lotka-volterra-200",
    _predators_model,
    lambda rng: {
        **{name: np.array(value) for name, value in zip(_RATES, (0.55, 0.03, 0.025, 0.8), strict=True)},
        "start": np.array([33.0, 6.0]),
        "seen": 5 + 30 * rng.random((200, 2)),
        "h": np.array(0.1),
    },
    (*_RATES, "start"),
    _predators_expert,
    _predators_loss,
)


CASES = [*(hidden_markov(200, states) for states in (2, 8, 32)), GARCH, PREDATORS]
