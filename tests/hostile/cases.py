"""The losses of the table, each as a symgrad model and once in the words of its peers, and where they are taken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Eq, IndexedBase, MatrixSymbol, Q, Sum, exp, log, sqrt, symbols, tanh

from symgrad import Model, if_else, logdet, sigmoid, softmax

Inputs = dict[str, Any]

N, M, K, T = symbols("N M K T", integer=True, positive=True)
n, m, k, l, s = symbols("n m k l s", integer=True)  # noqa: E741
rows, columns, classes = (n, 0, N - 1), (m, 0, M - 1), (k, 0, K - 1)


@dataclass(frozen=True, eq=False)
class Case:
    """One loss.

    Attributes
    ----------
    name, model : what it is called, and the model that symgrad compiles.
    loss : the same in the words of a peer, the first argument.
    points : the inputs it is taken at, by what is special about them.
    kept : inputs that are exact (classes, exponents) and are not moved to find the condition.
    data : the array that the table of infinite and missing data spoils.
    """

    name: str
    model: Callable[[], Model]
    loss: Callable[..., Any]
    points: Mapping[str, Inputs]
    kept: frozenset[str] = frozenset()
    data: str | None = None


def _logits(size: float) -> Any:
    return np.array([size, -size, 0.75 * size, -0.5 * size])


# --- logistic regression ----------------------------------------------------------------------------------------------


def _logistic() -> Model:
    X, w, t, y = IndexedBase("X", (N, M)), IndexedBase("w", (M,)), IndexedBase("t", (N,)), IndexedBase("y", (N,))
    loss = -Sum(t[n] * log(y[n]) + (1 - t[n]) * log(1 - y[n]), rows)
    return Model(loss, [w], where=[Eq(y[n], sigmoid(Sum(X[n, m] * w[m], columns)))], name="logistic")


def _logistic_at(size: float, right: bool) -> Inputs:
    z = _logits(size)
    X = np.stack([z, np.full(4, 0.5 * (size > 0))], axis=1)
    return {"w": np.array([1.0, -0.25]), "X": X, "t": ((z > 0) == right).astype(float)}


LOGISTIC = Case(
    "logistic regression",
    _logistic,
    lambda xp, w, X, t: xp.cross_entropy(X @ w, t),
    {
        "logits 0": _logistic_at(0.0, True),
        "logits ±1e-300": _logistic_at(1e-300, True),
        "logits ±1": _logistic_at(1.0, True),
        "logits ±40, right": _logistic_at(40.0, True),
        "logits ±40, wrong": _logistic_at(40.0, False),
        "logits ±710, right": _logistic_at(710.0, True),
        "logits ±1e4, right": _logistic_at(1e4, True),
        "logits ±1e4, wrong": _logistic_at(1e4, False),
        "one row": {"w": np.array([1.0, -0.25]), "X": np.array([[3.0, 0.5]]), "t": np.array([1.0])},
        "no rows": {"w": np.array([1.0, -0.25]), "X": np.zeros((0, 2)), "t": np.zeros(0)},
    },
    frozenset({"t"}),
    "X",
)

# --- softmax ----------------------------------------------------------------------------------------------------------


def _softmax() -> Model:
    z, t, p = IndexedBase("z", (N, K)), IndexedBase("t", (N, K)), IndexedBase("p", (N, K))
    loss = -Sum(t[n, k] * log(p[n, k]), rows, classes)
    return Model(loss, [z], where=[Eq(p[n, k], softmax(z[n, k], (k, 0, K - 1)))], name="softmax")


def _softmax_at(size: float, right: bool, soft: float = 0.0) -> Inputs:
    z = size * np.array([[1.0, 0.25, -1.0], [-1.0, 0.5, 0.125], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    t = np.eye(3)[np.argmax(z, axis=1) if right else np.argmin(z, axis=1)]
    return {"z": z, "t": np.where(t == 1, 1.0 - soft, soft / 2)}


SOFTMAX = Case(
    "softmax regression",
    _softmax,
    lambda xp, z, t: -xp.sum(t * xp.log_softmax(z)),
    {
        "logits 0": _softmax_at(0.0, True),
        "logits ±1": _softmax_at(1.0, True),
        "logits ±40, right": _softmax_at(40.0, True),
        "logits ±40, wrong": _softmax_at(40.0, False),
        "logits ±710, right": _softmax_at(710.0, True),
        "logits ±1e4, right": _softmax_at(1e4, True),
        "logits ±1e4, wrong": _softmax_at(1e4, False),
        "targets of 1e-310": _softmax_at(1.0, True, 1e-310),
        "one row": {name: value[:1] for name, value in _softmax_at(1.0, True).items()},
        "no rows": {"z": np.zeros((0, 3)), "t": np.zeros((0, 3))},
    },
    frozenset({"t"}),
    "z",
)

# --- probabilities ----------------------------------------------------------------------------------------------------


def _probabilities() -> Model:
    p, t = IndexedBase("p", (N,)), IndexedBase("t", (N,))
    return Model(-Sum(t[n] * log(p[n]) + (1 - t[n]) * log(1 - p[n]), rows), [p], name="probabilities")


def _guarded() -> Model:
    p, t = IndexedBase("p", (N,)), IndexedBase("t", (N,))
    terms = if_else(t[n] > 0, t[n] * log(p[n]), 0) + if_else(t[n] < 1, (1 - t[n]) * log(1 - p[n]), 0)
    return Model(-Sum(terms, rows), [p], name="probabilities with conditions")


def _probabilities_at(p: list[float], t: list[float]) -> Inputs:
    return {"p": np.array(p), "t": np.array(t)}


PROBABILITIES = Case(
    "cross-entropy of probabilities",
    _probabilities,
    lambda xp, p, t: -xp.sum(xp.xlogy(t, p) + xp.xlogy(1 - t, 1 - p)),
    {
        "p = 1e-308, 1e-20, 1/2": _probabilities_at([1e-308, 1e-20, 0.5, 1e-308], [1.0, 1.0, 0.0, 0.5]),
        "p = 5e-39": _probabilities_at([5e-39, 0.5], [1.0, 0.0]),  # denormal in float32, where 1/p is finite
        "p = 1 - 1e-16": _probabilities_at([1 - 2.0**-53, 1 - 2.0**-53], [1.0, 0.0]),
        "p = t = 0 and 1": _probabilities_at([0.0, 1.0, 0.25], [0.0, 1.0, 1.0]),
    },
    frozenset({"t"}),
)

GUARDED = replace(PROBABILITIES, name="the same with conditions", model=_guarded)

# --- a mixture of Gaussians -------------------------------------------------------------------------------------------


def _mixture() -> Model:
    x, mu, ell, a = IndexedBase("x", (N,)), IndexedBase("mu", (K,)), IndexedBase("ell", (K,)), IndexedBase("a", (K,))
    density = exp(a[k] - ell[k] - (x[n] - mu[k]) ** 2 * exp(-2 * ell[k]) / 2)
    return Model(-Sum(log(Sum(density, classes)), rows), [mu, ell, a], name="mixture of Gaussians")


def _mixture_at(x: list[float], ell: list[float]) -> Inputs:
    return {"mu": np.array([-1.0, 0.5, 2.0]), "ell": np.array(ell), "a": np.array([0.1, -0.7, 0.3]), "x": np.array(x)}


MIXTURE = Case(
    "mixture of Gaussians",
    _mixture,
    lambda xp, mu, ell, a, x: -xp.sum(xp.logsumexp(a - ell - (x[:, None] - mu) ** 2 * xp.exp(-2 * ell) / 2)),
    {
        "points within": _mixture_at([0.3, -1.2, 2.5], [0.0, -0.5, 0.25]),
        "points at 40": _mixture_at([40.0, -40.0], [0.0, -0.5, 0.25]),
        "points at 1e4": _mixture_at([1e4, -1e4], [0.0, -0.5, 0.25]),
        "widths of exp(-20)": _mixture_at([0.3, -1.2, 2.5], [-20.0, -20.0, -20.0]),
        "one point": _mixture_at([0.3], [0.0, -0.5, 0.25]),
        "no points": _mixture_at([], [0.0, -0.5, 0.25]),
    },
    data="x",
)

# --- LSTM -------------------------------------------------------------------------------------------------------------

GATES = ("i", "f", "o", "g")


def _lstm() -> Model:
    x, y = IndexedBase("x", (T,)), IndexedBase("y", (K,))
    h, c = IndexedBase("h", (T + 1, K)), IndexedBase("c", (T + 1, K))
    W = {g: IndexedBase(f"W{g}", (K,)) for g in GATES}
    U = {g: IndexedBase(f"U{g}", (K, K)) for g in GATES}
    gate = {g: x[s - 1] * W[g][k] + Sum(h[s - 1, l] * U[g][l, k], (l, 0, K - 1)) for g in GATES}
    memory = sigmoid(gate["f"]) * c[s - 1, k] + sigmoid(gate["i"]) * tanh(gate["g"])
    where = [
        Eq(h[0, k], 0),
        Eq(c[0, k], 0),
        Eq(c[s, k], memory),
        Eq(h[s, k], sigmoid(gate["o"]) * tanh(c[s, k])),
    ]
    loss = Sum((h[T, k] - y[k]) ** 2, classes)
    return Model(loss, [*W.values(), *U.values()], where=where, name="LSTM")


def _lstm_loss(xp: Any, x: Any, y: Any, **weights: Any) -> Any:
    h = c = 0 * y
    for value in x:
        gate = {g: value * weights[f"W{g}"] + h @ weights[f"U{g}"] for g in GATES}
        c = xp.sigmoid(gate["f"]) * c + xp.sigmoid(gate["i"]) * xp.tanh(gate["g"])
        h = xp.sigmoid(gate["o"]) * xp.tanh(c)
    return xp.sum((h - y) ** 2)


def _lstm_at(x: list[float]) -> Inputs:
    rng = np.random.default_rng(5)
    W = {f"W{g}": rng.normal(size=2) for g in GATES}
    U = {f"U{g}": rng.normal(size=(2, 2)) for g in GATES}
    return {**W, **U, "x": np.array(x), "y": np.array([0.3, -0.2])}


LSTM = Case(
    "LSTM",
    _lstm,
    _lstm_loss,
    {
        "inputs of 1": _lstm_at([0.5, -1.0, 0.25, 1.0]),
        "inputs of 40": _lstm_at([40.0, -25.0, 3.0]),
        "inputs of 1e4": _lstm_at([1e4, -1e4, 0.5]),
        "inputs of 1e-300": _lstm_at([1e-300, -1e-300]),
        "one step": _lstm_at([0.5]),
        "no steps": _lstm_at([]),
    },
    data="x",
)

# --- norms, roots, powers ---------------------------------------------------------------------------------------------


def _norms() -> Model:
    x = IndexedBase("x", (N, M))
    return Model(Sum(sqrt(Sum(x[n, m] ** 2, columns)), rows), [x], name="norms")


NORMS = Case(
    "Σ ‖xₙ‖",
    _norms,
    lambda xp, x: xp.sum(xp.norm(x)),
    {
        "entries of 1": {"x": np.array([[3.0, 4.0], [-1.0, 0.1]])},
        "a row of 0": {"x": np.array([[3.0, 4.0], [0.0, 0.0]])},
        "entries of 1e-200": {"x": np.array([[3e-200, 4e-200], [1.0, 2.0]])},
        "entries of 1e200": {"x": np.array([[3e200, 4e200], [1.0, 2.0]])},
        "one row": {"x": np.array([[3.0, 4.0]])},
        "no rows": {"x": np.zeros((0, 2))},
    },
    data="x",
)


def _roots() -> Model:
    x = IndexedBase("x", (N,))
    return Model(Sum(sqrt(x[n]), rows), [x], name="roots")


ROOTS = Case(
    "Σ √xₙ",
    _roots,
    lambda xp, x: xp.sum(xp.sqrt(x)),
    {
        "1e-310 … 1e300": {"x": np.array([1e-310, 1e-300, 2.0, 1e300])},
        "one number": {"x": np.array([2.0])},
        "no numbers": {"x": np.zeros(0)},
    },
    data="x",
)


def _powers() -> Model:
    x, y = IndexedBase("x", (N,)), IndexedBase("y", (N,))
    return Model(Sum(x[n] ** y[n], rows), [x, y], name="powers")


def _base() -> Model:
    x, y = IndexedBase("x", (N,)), IndexedBase("y", (N,))
    return Model(Sum(x[n] ** y[n], rows), [x], name="powers, by the base")


POWERS = Case(
    "Σ xₙ**yₙ",
    _powers,
    lambda xp, x, y: xp.sum(xp.power(x, y)),
    {
        "ordinary": {"x": np.array([0.5, 2.0, 3.0]), "y": np.array([2.5, -1.5, 0.25])},
        "1e±100 and exponents ±2": {"x": np.array([1e-100, 1e100, 1e-100]), "y": np.array([2.0, 2.0, -2.0])},
        "0**2.5, 0**1": {"x": np.array([0.0, 0.0]), "y": np.array([2.5, 1.0])},
        "one number": {"x": np.array([2.0]), "y": np.array([0.5])},
        "no numbers": {"x": np.zeros(0), "y": np.zeros(0)},
    },
    data="x",
)

BASE = Case(
    "Σ xₙ**yₙ by x",
    _base,
    lambda xp, x, y: xp.sum(xp.power(x, y)),
    {
        "negative base": {"x": np.array([-2.0, -0.5, -3.0]), "y": np.array([3.0, -2.0, 2.0])},
        "0**0, 0**1, 0**2": {"x": np.array([0.0, 0.0, 0.0]), "y": np.array([0.0, 1.0, 2.0])},
        "0**3, 0**1.5": {"x": np.array([0.0, 0.0]), "y": np.array([3.0, 1.5])},
    },
    frozenset({"y"}),
)

# --- log-determinants -------------------------------------------------------------------------------------------------


def _definite() -> Model:
    S = MatrixSymbol("S", M, M)
    return Model(logdet(S), [S], facts=[Q.positive_definite(S)], name="log-determinant")


def _general() -> Model:
    S = MatrixSymbol("S", M, M)
    return Model(logdet(S), [S], name="log-determinant")


def _nearly_singular(smallest: float, symmetric: bool) -> Inputs:
    rng = np.random.default_rng(8)
    left, right = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    left[:, 0] *= np.sign(np.linalg.det(left))
    right[:, 0] *= np.sign(np.linalg.det(right))
    made = (left * np.array([1.0, 0.5, smallest])) @ (left if symmetric else right).T
    return {"S": (made + made.T) / 2 if symmetric else made}


SMALL = {"one row": {"S": np.array([[0.3]])}, "no rows": {"S": np.zeros((0, 0))}}

DEFINITE = Case(
    "log-determinant, definite",
    _definite,
    lambda xp, S: xp.logdet((S + S.T) / 2),
    {f"condition {1 / e:.0e}": _nearly_singular(e, True) for e in (0.1, 1e-4, 1e-8, 1e-12)} | SMALL,
    data="S",
)

GENERAL = Case(
    "log-determinant, general",
    _general,
    lambda xp, S: xp.logdet(S),
    {f"condition {1 / e:.0e}": _nearly_singular(e, False) for e in (0.1, 1e-4, 1e-8, 1e-12)} | SMALL,
    data="S",
)

CASES = (LOGISTIC, SOFTMAX, PROBABILITIES, GUARDED, MIXTURE, LSTM, NORMS, ROOTS, POWERS, BASE, DEFINITE, GENERAL)
