"""Problems of optimisation as people of several fields write them; what is known of each is in `test_problems.py`."""

from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
from sympy import (
    Determinant,
    Eq,
    Ge,
    IndexedBase,
    KroneckerDelta,
    Le,
    MatrixSymbol,
    Sum,
    Symbol,
    Trace,
    cos,
    exp,
    log,
    sin,
    sqrt,
    symbols,
)

from symgrad import Problem, sumsq, total

N, M, K, B, G, L = symbols("N M K B G L", integer=True, positive=True)
i, j, k, g, n = symbols("i j k g n", integer=True)
h = Symbol("h", real=True)


def chained_rosenbrock() -> Problem:
    """The least value is 0, where all entries are 1."""
    x = IndexedBase("x", (N,))
    return Problem(Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, N - 2)), [x])


def broyden_tridiagonal() -> Problem:
    """Equations; problem 30 of Moré, Garbow and Hillstrom (1981)."""
    x = IndexedBase("x", (N + 2,))
    inside = Eq((3 - 2 * x[n]) * x[n] - x[n - 1] - 2 * x[n + 1] + 1, 0)
    return Problem(0, [x], subject_to={"inside": inside, "first": Eq(x[0], 0), "last": Eq(x[N + 1], 0)})


def discrete_boundary_value() -> Problem:
    """u″ = (u + t + 1)³/2 with u = 0 at both ends; problem 28 of Moré, Garbow and Hillstrom (1981)."""
    x = IndexedBase("x", (N + 2,))
    inside = Eq(2 * x[n] - x[n - 1] - x[n + 1] + h**2 * (x[n] + n * h + 1) ** 3 / 2, 0)
    return Problem(0, [x], subject_to={"inside": inside, "first": Eq(x[0], 0), "last": Eq(x[N + 1], 0)})


def _edges(u: Any, value: Any, rows: Any, columns: Any) -> dict[str, Any]:
    """Given values around an array, each once."""
    return {
        "left": Eq(u[0, j], value(0, j)),
        "right": Eq(u[rows - 1, j], value(rows - 1, j)),
        "bottom": (Eq(u[i, 0], value(i, 0)), (i, 1, rows - 2)),
        "top": (Eq(u[i, columns - 1], value(i, columns - 1)), (i, 1, rows - 2)),
    }


def reaction_and_diffusion() -> Problem:
    """−Δu = λ exp(u) + source on a square, by the stencil of five points (Bratu's problem where there is no source)."""
    u, source = IndexedBase("u", (N, M)), IndexedBase("source", (N, M))
    rate = Symbol("rate", real=True)
    stencil = 4 * u[i, j] - u[i - 1, j] - u[i + 1, j] - u[i, j - 1] - u[i, j + 1]
    inside = Eq(stencil, h**2 * (rate * exp(u[i, j]) + source[i, j]))
    return Problem(0, [u], subject_to={"inside": inside, **_edges(u, lambda *at: 0, N, M)})


def minimal_surface() -> Problem:
    """The area over a square with given values around it, by triangles."""
    u, edge = IndexedBase("u", (N, M)), IndexedBase("edge", (N, M))

    def triangle(a: Any, b: Any) -> Any:
        return sqrt(1 + (a / h) ** 2 + (b / h) ** 2)

    low = triangle(u[i + 1, j] - u[i, j], u[i, j + 1] - u[i, j])
    high = triangle(u[i + 1, j + 1] - u[i, j + 1], u[i + 1, j + 1] - u[i + 1, j])
    area = h**2 / 2 * Sum(low + high, (i, 0, N - 2), (j, 0, M - 2))
    return Problem(area, [u], subject_to=_edges(u, lambda *at: edge[at], N, M))


def catenary() -> Problem:
    """A cable of given length between two poles of the same height, as heights at equal distances h."""
    y = IndexedBase("y", (N + 1,))
    length = Symbol("length", real=True)
    piece = sqrt(h**2 + (y[i + 1] - y[i]) ** 2)
    return Problem(
        Sum((y[i] + y[i + 1]) / 2 * piece, (i, 0, N - 1)),
        [y],
        subject_to={"taut": Eq(Sum(piece, (i, 0, N - 1)), length), "left": Eq(y[0], 0), "right": Eq(y[N], 0)},
    )


def graphical_lasso() -> Problem:
    """A sparse inverse covariance matrix X (Friedman, Hastie and Tibshirani 2008), |X| ≤ U off the diagonal."""
    X, U, S = (MatrixSymbol(name, N, N) for name in "XUS")
    penalty = Symbol("penalty", positive=True)
    return Problem(
        -log(Determinant(X)) + Trace(S * X) + penalty * (total(U) - Trace(U)),
        [X, U],
        subject_to={"above": Le(X, U, evaluate=False), "below": Ge(X, -U, evaluate=False)},
    )


def factorisation() -> Problem:
    """A matrix as the product of two that have no negative entries (Lee and Seung 2001)."""
    A, W, H = MatrixSymbol("A", N, M), MatrixSymbol("W", N, K), MatrixSymbol("H", K, M)
    return Problem(sumsq(A - W * H), [W, H], bounds={W: (0, None), H: (0, None)})


def power_flow() -> Problem:
    """The cheapest way to feed a network of alternating current: polar voltages, branches between buses.

    Branch l goes from `start[l]` to `end[l]` and has a series admittance and a charging susceptance; generator g stands
    at bus `at[g]`.
    """
    v, angle = IndexedBase("v", (B,)), IndexedBase("angle", (B,))
    p, q = IndexedBase("p", (G,)), IndexedBase("q", (G,))
    start, end = (IndexedBase(name, (L,), integer=True) for name in ("start", "end"))
    at = IndexedBase("at", (G,), integer=True)
    conductance, susceptance, charging = (
        IndexedBase(name, (L,)) for name in ("conductance", "susceptance", "charging")
    )
    need_p, need_q = IndexedBase("need_p", (B,)), IndexedBase("need_q", (B,))
    square, linear = IndexedBase("square", (G,)), IndexedBase("linear", (G,))
    least, most = IndexedBase("least", (G,)), IndexedBase("most", (G,))
    flows = {name: IndexedBase(name, (L,)) for name in ("p_out", "p_back", "q_out", "q_back")}

    def flow(a: Any, b: Any) -> tuple[Any, Any]:
        """Active and reactive power that leaves bus a for bus b along branch k."""
        turn, both, own = angle[a] - angle[b], v[a] * v[b], v[a] ** 2
        c, s = conductance[k], susceptance[k]
        active = c * own - both * (c * cos(turn) + s * sin(turn))
        return active, -(s + charging[k] / 2) * own - both * (c * sin(turn) - s * cos(turn))

    def leaving(out: Any, back: Any) -> Any:
        there = KroneckerDelta(start[k], i) * out[k] + KroneckerDelta(end[k], i) * back[k]
        return Sum(there, (k, 0, L - 1))

    def fed(made: Any) -> Any:
        return Sum(KroneckerDelta(at[g], i) * made[g], (g, 0, G - 1))

    out, back = flow(start[k], end[k]), flow(end[k], start[k])
    values = dict(zip(("p_out", "q_out", "p_back", "q_back"), (*out, *back), strict=True))
    return Problem(
        Sum(square[g] * p[g] ** 2 + linear[g] * p[g], (g, 0, G - 1)),
        [v, angle, p, q],
        subject_to={
            "active": Eq(fed(p) - need_p[i], leaving(flows["p_out"], flows["p_back"])),
            "reactive": Eq(fed(q) - need_q[i], leaving(flows["q_out"], flows["q_back"])),
            "reference": Eq(angle[0], 0),
        },
        where=[Eq(one[k], values[name]) for name, one in flows.items()],
        bounds={v: (0.9, 1.1), p: (least, most), q: (-3, 3)},
    )


# The network of nine buses, in the names of these problems.
_EXAMPLE = run_path(str(Path(__file__).parents[2] / "examples" / "power_flow.py"))
_NAMES = {"g": "conductance", "b": "susceptance", "load_p": "need_p", "load_q": "need_q"}
NINE_BUSES: dict[str, Any] = {_NAMES.get(name, name): array for name, array in _EXAMPLE["NETWORK"].items()}
FIXED_COSTS = float(_EXAMPLE["FIXED"])  # of the three generators together


def power_flow_of_pairs() -> Problem:
    """Given power at some buses, and given voltages: complex voltages e + i·f and admittances as pairs of numbers.

    The first bus has a given voltage and angle, the others given power; the size of the voltage is given at the first
    G buses, reactive power at the others.
    """
    e, f = IndexedBase("e", (B,)), IndexedBase("f", (B,))
    real, imaginary = IndexedBase("real", (B, B)), IndexedBase("imaginary", (B, B))
    p, q, size = (IndexedBase(name, (B,)) for name in ("p", "q", "size"))

    def current(a: Any) -> tuple[Any, Any]:
        return (
            Sum(real[a, k] * e[k] - imaginary[a, k] * f[k], (k, 0, B - 1)),
            Sum(real[a, k] * f[k] + imaginary[a, k] * e[k], (k, 0, B - 1)),
        )

    across, up = current(i)
    return Problem(
        0,
        [e, f],
        subject_to={
            "active": (Eq(p[i], e[i] * across + f[i] * up), (i, 1, B - 1)),
            "reactive": (Eq(q[i], f[i] * across - e[i] * up), (i, G, B - 1)),
            "held": (Eq(e[i] ** 2 + f[i] ** 2, size[i] ** 2), (i, 0, G - 1)),
            "reference": Eq(f[0], 0),
        },
        facts=[Le(G, B)],
    )


def admittances() -> Any:
    """The matrix of the network of nine buses: currents by voltages."""
    found = np.zeros((9, 9), dtype=complex)
    ends = zip(NINE_BUSES["start"], NINE_BUSES["end"], strict=True)
    for (a, b), series, charging in zip(ends, _EXAMPLE["ADMITTANCES"], NINE_BUSES["charging"], strict=True):
        found[[a, b], [a, b]] += series + 0.5j * charging
        found[[a, b], [b, a]] -= series
    return found
