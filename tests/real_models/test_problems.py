"""Problems of several fields against what is known of them otherwise: closed forms, published minima, programs."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls, root
from scipy.sparse.linalg import spsolve

from symgrad import Problem
from tests.real_models import problems


def solved(problem: Problem, x0: Any, data: Any, method: str = "trust-constr", **options: Any) -> Any:
    found = problem.solve(x0, data, method=method, progress=False, check=False, **options)
    assert found.kkt_residual < 1e-5, found
    return found


def by_newton(problem: Problem, x0: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """A root of as many equations as there are variables, by the sparse Jacobian of the module."""
    module = problem.compile(check=False)
    x = {name: np.array(one, dtype=float) for name, one in x0.items()}
    for _ in range(20):
        values = np.concatenate([np.ravel(one) for one in module.constraints(**x, **data)])
        step = spsolve(module.jacobian(**x, **data).to_scipy().tocsc(), -values)
        parts = np.split(step, np.cumsum([one.size for one in x.values()])[:-1])
        x = {name: one + part.reshape(one.shape) for (name, one), part in zip(x.items(), parts, strict=True)}
        if np.max(np.abs(step)) < 1e-10:
            return x
    raise AssertionError(f"no root after 20 steps: {np.max(np.abs(step))}")


def test_chained_rosenbrock_has_its_minimum_at_ones() -> None:
    found = solved(problems.chained_rosenbrock(), np.full(8, 0.8), {})
    np.testing.assert_allclose(found.x.x, np.ones(8), atol=1e-6)


@pytest.mark.parametrize("count", [12, pytest.param(100_000, marks=pytest.mark.long)])
def test_broyden_tridiagonal_has_a_root(count: int) -> None:
    start = np.concatenate([[0], np.full(count, -1.0), [0]])
    found = by_newton(problems.broyden_tridiagonal(), {"x": start}, {})["x"]
    before, here, after = found[:-2], found[1:-1], found[2:]
    np.testing.assert_allclose((3 - 2 * here) * here, before + 2 * after - 1, atol=1e-8)
    if count == 12:
        other = root(lambda x: (3 - 2 * x) * x - np.append(0, x[:-1]) - 2 * np.append(x[1:], 0) + 1, -np.ones(count))
        np.testing.assert_allclose(here, other.x, atol=1e-8)


@pytest.mark.parametrize("count", [19, pytest.param(2_000, marks=pytest.mark.long)])
def test_the_boundary_value_problem_has_its_closed_form(count: int) -> None:
    """u = 2/(2 − t) − t − 1, up to an error that falls as the square of the distance."""
    step = 1 / (count + 1)
    t = np.linspace(0, 1, count + 2)
    found = by_newton(problems.discrete_boundary_value(), {"x": t * (t - 1)}, {"h": step})["x"]
    np.testing.assert_allclose(found, 2 / (2 - t) - t - 1, atol=0.2 * step**2)


@pytest.mark.parametrize("side", [9, pytest.param(316, marks=pytest.mark.long)])
def test_reaction_and_diffusion_give_the_solution_that_the_source_was_made_for(side: int) -> None:
    """−Δu = 2π² u for u = sin πx sin πy, and the source is 2π² u − exp(u)."""
    t, step = np.linspace(0, 1, side), 1 / (side - 1)
    exact = np.outer(np.sin(np.pi * t), np.sin(np.pi * t))
    data = {"h": step, "rate": 1.0, "source": 2 * np.pi**2 * exact - np.exp(exact)}
    found = by_newton(problems.reaction_and_diffusion(), {"u": np.zeros((side, side))}, data)["u"]
    assert 0.1 * step**2 < np.max(np.abs(found - exact)) < step**2


def _scherk(side: int) -> Any:
    """Scherk's minimal surface, log(cos x / cos y), over a square."""
    t = np.linspace(-0.5, 0.5, side)
    return np.log(np.cos(t))[None, :] - np.log(np.cos(t))[:, None]


@pytest.mark.long
def test_a_minimal_surface_is_that_of_scherk() -> None:
    exact = _scherk(7)
    found = solved(problems.minimal_surface(), np.zeros((7, 7)), {"edge": exact, "h": 1 / 6})
    np.testing.assert_allclose(found.x.u, exact, atol=2e-5)  # heights of up to 0.13


@pytest.mark.long
def test_a_minimal_surface_of_100_000_points_is_stationary_where_it_should_be() -> None:
    """Newton's steps by the sparse Hessian from Scherk's surface, over the inner points."""
    side = 317
    exact = _scherk(side)
    module = problems.minimal_surface().compile(check=False)
    data, u = {"edge": exact, "h": 1 / (side - 1)}, exact.copy()
    inner = np.flatnonzero(np.pad(np.ones((side - 2, side - 2)), 1))
    for _ in range(4):
        slope = module.gradient(u=u, **data).u.ravel()[inner]
        hessian = module.hessian_of_lagrangian(u=u, factor=1.0, **data).to_scipy()
        u.ravel()[inner] -= spsolve(hessian[inner][:, inner].tocsc(), slope)
    assert np.max(np.abs(module.gradient(u=u, **data).u.ravel()[inner])) < 1e-12
    assert np.max(np.abs(u - exact)) < 1e-6


def test_a_cable_hangs_as_a_catenary() -> None:
    """y = a cosh((x − ½)/a) + c, whose length is 2a sinh(1/(2a))."""
    count, a = 20, 0.4
    x = np.linspace(0, 1, count + 1)
    start = -x * (1 - x)
    found = solved(problems.catenary(), start, {"h": 1 / count, "length": 2 * a * np.sinh(0.5 / a)})
    exact = a * (np.cosh((x - 0.5) / a) - np.cosh(0.5 / a))
    np.testing.assert_allclose(found.x.y, exact, atol=2e-3)


@pytest.mark.long
def test_the_graphical_lasso_is_that_of_scikit_learn() -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    rng = np.random.default_rng(3)
    sample = np.cov(rng.normal(size=(40, 4)) @ (np.eye(4) + 0.4 * np.eye(4, k=1)), rowvar=False)
    start = {"X": np.eye(4), "U": np.full((4, 4), 2.0)}
    found = solved(problems.graphical_lasso(), start, {"S": sample, "penalty": 0.2}, "SLSQP")
    _, expected = covariance.graphical_lasso(sample, 0.2)
    np.testing.assert_allclose(found.x.X, expected, atol=2e-4)  # as far as its coordinate descent gets
    slope, zero = np.linalg.inv(found.x.X) - sample, np.abs(found.x.X) < 1e-9
    np.testing.assert_allclose(slope, np.where(zero, slope, 0.2 * np.sign(found.x.X) * (1 - np.eye(4))), atol=1e-5)
    assert np.all(np.abs(slope) < 0.2 + 1e-5) and np.sum(zero) == 6


def test_each_factor_is_the_best_one_beside_the_other() -> None:
    """Columns of H by non-negative least squares (Lawson and Hanson 1974) with W, and rows of W with H."""
    rng = np.random.default_rng(0)
    a = rng.uniform(size=(6, 5))
    found = solved(problems.factorisation(), (rng.uniform(size=(6, 2)), rng.uniform(size=(2, 5))), {"A": a})
    w, h = found.x
    np.testing.assert_allclose(h, np.transpose([nnls(w, column)[0] for column in a.T]), atol=1e-4)
    np.testing.assert_allclose(w, [nnls(h.T, row)[0] for row in a], atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
def test_the_cheapest_power_flow_costs_what_is_published(method: str) -> None:
    """5296.69 an hour with 89.80, 134.32 and 94.19 MW, by MATPOWER's `runopf` of `case9`."""
    start = {"v": np.ones(9), "angle": np.zeros(9), "p": np.ones(3), "q": np.zeros(3)}
    found = solved(problems.power_flow(), start, problems.NINE_BUSES, method)
    assert abs(found.objective + problems.FIXED_COSTS - 5296.69) < 0.01
    np.testing.assert_allclose(found.x.p, [0.8980, 1.3432, 0.9419], atol=1e-4)
    # what is fed in goes to the loads or is lost in the lines, by complex arithmetic
    voltage = found.x.v * np.exp(1j * found.x.angle)
    power = voltage * np.conj(problems.admittances() @ voltage)
    np.testing.assert_allclose(power.real[:3], found.x.p, atol=1e-6)
    np.testing.assert_allclose(power.imag[3:], -problems.NINE_BUSES["need_q"][3:], atol=1e-6)


def test_power_flow_by_pairs_has_the_published_voltages() -> None:
    """Anderson and Fouad (1977), figure 2.19."""
    network = problems.admittances()
    needs = problems.NINE_BUSES
    given = {"p": -needs["need_p"], "q": -needs["need_q"], "size": np.append([1.04, 1.025, 1.025], np.ones(6)), "G": 3}
    given["p"][1:3] = 1.63, 0.85
    start = {"e": np.append([1.04, 1.025, 1.025], np.ones(6)), "f": np.zeros(9)}
    found = by_newton(problems.power_flow_of_pairs(), start, {**given, "real": network.real, "imaginary": network.imag})
    voltage = found["e"] + 1j * found["f"]
    sizes = [1.04, 1.025, 1.025, 1.026, 1.013, 1.032, 1.016, 1.026, 0.996]
    turns = [0.0, 9.3, 4.7, -2.2, -3.7, 2.0, 0.7, 3.7, -4.0]
    np.testing.assert_allclose(np.abs(voltage), sizes, atol=6e-4)
    np.testing.assert_allclose(np.degrees(np.angle(voltage)), turns, atol=0.06)


@pytest.mark.long
@pytest.mark.parametrize(
    ("stated", "sizes"),
    [
        (problems.power_flow, {"B": 3, "G": 2, "L": 4}),
        (problems.reaction_and_diffusion, {"N": 4, "M": 5}),
        (problems.minimal_surface, {"N": 4, "M": 5}),
    ],
)
def test_their_derivatives_pass_the_check(stated: Any, sizes: dict[str, int]) -> None:
    report = stated().check(chain=False, sizes=sizes)
    assert report.ok, report
