"""Problems of several fields against what is known of them otherwise: closed forms, other programs and algorithms."""

from typing import Any

import numpy as np
import pytest
from sympy import Eq, Ge, IndexedBase, Le, MatrixSymbol, OneMatrix, Sum, Symbol, cos, log, sin, symbols

from symgrad import Problem, quad, total
from tests.families import one_in

N, M, T = symbols("N M T", integer=True, positive=True)
i, j, k, t = symbols("i j k t", integer=True)
METHODS = ("trust-constr", "SLSQP")
rng = np.random.default_rng(0)


def solved(problem: Problem, x0: Any, data: Any, method: str, **options: Any) -> Any:
    found = problem.solve(x0, data, method=method, progress=False, **options)
    assert found.kkt_residual < 1e-5, found
    return found


def held(*ends: tuple[Any, float]) -> list[tuple[str, Any]]:
    """Entries that have given values."""
    return [(f"end{number}", Eq(entry, value)) for number, (entry, value) in enumerate(ends)]


@pytest.mark.parametrize("method", METHODS)
def test_a_portfolio_is_the_solution_of_its_linear_system(method: str) -> None:
    w, mu = MatrixSymbol("w", N, 1), MatrixSymbol("mu", N, 1)
    S = MatrixSymbol("S", N, N)
    ones = OneMatrix(N, 1)
    problem = Problem(
        quad(w, S), [w], subject_to={"budget": Eq((ones.T * w)[0, 0], 1), "gain": Eq((mu.T * w)[0, 0], 0.1)}
    )
    root, m = rng.normal(size=(5, 5)), rng.normal(0.1, 0.1, 5)
    s = root @ root.T + np.eye(5)
    found = solved(problem, np.full(5, 0.2), {S: s, mu: m}, method)
    system = np.block([[2 * s, np.ones((5, 1)), m[:, None]], [np.ones(5), 0, 0], [m, 0, 0]])
    expected = np.linalg.solve(system, [0] * 5 + [1, 0.1])
    np.testing.assert_allclose(np.ravel(found.x.w), expected[:5], atol=1e-6)
    np.testing.assert_allclose([found.multipliers["budget"], found.multipliers["gain"]], expected[5:], atol=1e-5)


@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_the_dual_of_a_support_vector_machine_is_that_of_libsvm(method: str) -> None:
    svm = pytest.importorskip("sklearn.svm")
    a, y = IndexedBase("a", (N,)), IndexedBase("y", (N,))
    K = IndexedBase("K", (N, N))
    C = Symbol("C", real=True)
    pairs = Sum(a[i] * a[j] * y[i] * y[j] * K[i, j], (i, 0, N - 1), (j, 0, N - 1))
    problem = Problem(
        pairs / 2 - Sum(a[i], (i, 0, N - 1)), [a], subject_to={"balance": Eq(Sum(a[i] * y[i], (i, 0, N - 1)), 0)},
        bounds={a: (0, C)},
    )  # fmt: skip
    points = np.concatenate([rng.normal(-1, 1, (8, 2)), rng.normal(1, 1, (8, 2))])
    labels = np.repeat([-1.0, 1.0], 8)
    found = solved(problem, np.full(16, 0.1), {"y": labels, "K": points @ points.T, "C": 1.0}, method)
    machine = svm.SVC(C=1.0, kernel="linear", tol=1e-10).fit(points, labels)
    dual = np.zeros(16)
    dual[machine.support_] = np.abs(machine.dual_coef_[0])
    np.testing.assert_allclose((found.x.a * labels) @ points, (dual * labels) @ points, atol=1e-5)


@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_a_hanging_chain_hangs_as_its_forces_say(method: str) -> None:
    x, y = IndexedBase("x", (N + 1,)), IndexedBase("y", (N + 1,))
    length = Symbol("length", real=True)
    problem = Problem(
        Sum((y[i] + y[i + 1]) / 2, (i, 0, N - 1)),
        [x, y],
        subject_to=[
            ("link", Eq((x[i + 1] - x[i]) ** 2 + (y[i + 1] - y[i]) ** 2, length**2)),
            *held((x[0], 0), (y[0], 0), (x[N], 2), (y[N], 0)),
        ],
    )
    count = 10
    line = np.linspace(0, 2, count + 1)
    start = {x: line, y: -line * (2 - line) / 2}
    found = solved(problem, start, {length: 2.6 / count}, method)
    dx, dy = np.diff(found.x.x), np.diff(found.x.y)
    # at rest the horizontal force is the same in all links, and the vertical one grows by a link's weight
    slopes = dy / dx
    np.testing.assert_allclose(np.diff(slopes), np.full(count - 1, np.diff(slopes)[0]), rtol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_a_pendulum_swings_up_by_collocation(method: str) -> None:
    angle, speed, torque = (IndexedBase(name, (T + 1,)) for name in ("angle", "speed", "torque"))
    h = Symbol("h", real=True)
    force = {n: torque[n] - sin(angle[n]) for n in (t, t + 1)}
    problem = Problem(
        h * Sum(torque[t] ** 2, (t, 0, T)),
        [angle, speed, torque],
        subject_to=[
            ("turn", Eq(angle[t + 1], angle[t] + h * (speed[t] + speed[t + 1]) / 2)),
            ("push", Eq(speed[t + 1], speed[t] + h * (force[t] + force[t + 1]) / 2)),
            *held((angle[0], 0), (speed[0], 0), (angle[T], 3), (speed[T], 0)),
        ],
        bounds={torque: (-1.5, 1.5)},
    )
    steps = 24
    start = (np.linspace(0, 3, steps + 1), np.zeros(steps + 1), np.zeros(steps + 1))
    found = solved(problem, start, {h: 6.0 / steps}, method)
    # the same control drives the pendulum there by another method of integration, as far as the steps are small
    from scipy.integrate import solve_ivp

    times = np.linspace(0, 6, steps + 1)

    def motion(time: float, state: Any) -> Any:
        return state[1], np.interp(time, times, found.x.torque) - np.sin(state[0])

    end = solve_ivp(motion, (0, 6), (0, 0), rtol=1e-9, max_step=0.05).y[:, -1]
    np.testing.assert_allclose(end, (3, 0), atol=0.15)
    assert abs(found.objective - solved(problem, start, {h: 6.0 / steps}, "SLSQP").objective) < 1e-5


@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_a_membrane_over_an_obstacle_is_that_of_projected_relaxation(method: str) -> None:
    u, floor = IndexedBase("u", (N, M)), IndexedBase("floor", (N, M))
    problem = Problem(
        Sum((u[i + 1, j] - u[i, j]) ** 2, (i, 0, N - 2), (j, 0, M - 1))
        + Sum((u[i, j + 1] - u[i, j]) ** 2, (i, 0, N - 1), (j, 0, M - 2)),
        [u],
        subject_to={
            "left": Eq(u[0, j], 0),
            "right": Eq(u[N - 1, j], 0),
            "bottom": (Eq(u[i, 0], 0), (i, 1, N - 2)),
            "top": (Eq(u[i, M - 1], 0), (i, 1, N - 2)),
        },
        bounds={u: (floor, None)},
    )
    n, m = 7, 6
    obstacle = 1.0 - 0.4 * ((np.arange(n)[:, None] - 3) ** 2 + (np.arange(m) - 2.5) ** 2)
    found = solved(problem, np.zeros((n, m)), {floor: obstacle}, method, check=False)
    expected = np.zeros((n, m))
    for _ in range(300):
        for a in range(1, n - 1):
            for b in range(1, m - 1):
                mean = (expected[a - 1, b] + expected[a + 1, b] + expected[a, b - 1] + expected[a, b + 1]) / 4
                expected[a, b] = max(obstacle[a, b], mean)
    np.testing.assert_allclose(found.x.u, expected, atol=1e-5)


def test_a_budget_of_a_total_and_an_angle() -> None:
    w = MatrixSymbol("w", N, 1)
    a = Symbol("a", real=True)
    problem = Problem(-cos(a) * total(w), [a, w], subject_to={"budget": Le((w.T * w)[0, 0], 1), "up": Ge(a, 1)})
    found = solved(problem, (1.5, np.ones(4) / 4), {}, "trust-constr")
    np.testing.assert_allclose(np.ravel(found.x.w), np.full(4, 0.5), atol=1e-5)
    assert abs(found.x.a - 1) < 1e-5


def test_entropy_is_largest_where_its_dual_is_least() -> None:
    """Of a distribution with given moments; steps beyond p = 0 have no logarithm."""
    optimize, special = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.special")
    p, F, b = IndexedBase("p", (N,)), IndexedBase("F", (M, N)), IndexedBase("b", (M,))
    problem = Problem(
        Sum(p[i] * log(p[i]), (i, 0, N - 1)),
        [p],
        subject_to={
            "moments": Eq(Sum(F[j, i] * p[i], (i, 0, N - 1)), b[j]),
            "one": Eq(Sum(p[i], (i, 0, N - 1)), 1),
        },
        bounds={p: (1e-9, 1)},
    )
    points = np.linspace(-2, 2, 30)
    features, moments = np.stack([points, points**2, np.sin(points)]), np.array([0.3, 0.8, 0.2])
    found = solved(problem, np.full(30, 1 / 30), {F: features, b: moments}, "trust-constr", check=False)
    dual = optimize.minimize(lambda y: special.logsumexp(y @ features) - y @ moments, np.zeros(3), tol=1e-12)
    assert found.success and abs(found.objective + dual.fun) < 1e-8


@pytest.mark.long
def test_a_truss_is_as_light_as_its_compliance_allows() -> None:
    """Rods of negative area make no sense, and steps that stay within bounds find the minimum."""
    optimize = pytest.importorskip("scipy.optimize")
    points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    rods = [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    spans = np.array([points[b] - points[a] for a, b in rods])
    lengths = np.hypot(*spans.T)
    pull = np.zeros((5, 4))
    for row, (rod, span) in enumerate(zip(rods, spans / lengths[:, None], strict=True)):
        for joint, sign in zip(rod, (-1, 1), strict=True):
            if joint >= 2:
                pull[row, 2 * joint - 4 : 2 * joint - 2] += sign * span
    force = np.array([0.0, 0.0, 0.0, -1.0])

    area, u, stretch = IndexedBase("area", (M,)), IndexedBase("u", (N,)), IndexedBase("stretch", (M,))
    g, length, load = IndexedBase("g", (M, N)), IndexedBase("length", (M,)), IndexedBase("load", (N,))
    work, limit = Sum(load[k] * u[k], (k, 0, N - 1)), Symbol("limit", real=True)
    held = Sum(area[j] / length[j] * g[j, i] * stretch[j], (j, 0, M - 1))
    problem = Problem(
        Sum(length[j] * area[j], (j, 0, M - 1)),
        [area, u],
        subject_to={"equilibrium": Eq(held, load[i]), "compliance": Le(work, limit)},
        where=[Eq(stretch[j], Sum(g[j, k] * u[k], (k, 0, N - 1)))],
        bounds={area: (0.01, 2)},
    )

    def bent(areas: Any) -> Any:
        return np.linalg.solve(pull.T @ np.diag(areas / lengths) @ pull, force)

    start = np.ones(5)
    most = 1.5 * force @ bent(start)
    given = {g: pull, length: lengths, load: force, limit: most}
    found = solved(problem, {area: start, u: bent(start)}, given, "trust-constr", options={"maxiter": 200})
    expected = optimize.minimize(
        lambda areas: lengths @ areas, start, method="SLSQP", bounds=[(0.01, 2)] * 5, options={"ftol": 1e-13},
        constraints=[{"type": "ineq", "fun": lambda areas: most - force @ bent(areas)}],
    )  # fmt: skip
    assert found.success and abs(found.objective - expected.fun) < 1e-6
