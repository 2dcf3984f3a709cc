"""Models of the corpus in the hands of those that they are written for: optimisers and a sampler.

Each takes `flat_value_and_gradient` as it is.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from tests.real_models.comparison import module_of
from tests.real_models.corpus import CORPUS


def generated(name: str) -> Any:
    (record,) = (one for one in CORPUS if one.name == name)
    return module_of(record)


def test_poses_of_a_loop_are_found_by_an_optimiser() -> None:
    """Where all measurements agree, the minimum is 0 and at the poses that they were made of."""
    module = generated("pose graph")
    rng = np.random.default_rng(0)
    turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    at = np.stack([4 * np.sin(turns), 4 - 4 * np.cos(turns)], axis=1)
    start, end = np.arange(20), np.roll(np.arange(20), -1)
    apart = at[end] - at[start]
    cosine, sine = np.cos(turns), np.sin(turns)
    moved = np.stack([cosine * apart[:, 0] + sine * apart[:, 1], cosine * apart[:, 1] - sine * apart[:, 0]], axis=1)
    data = {"start": start, "end": end, "moved": moved, "turned": turns[end] - turns[start]}
    begin = module.pack(at + 0.2 * rng.normal(size=at.shape), turns + 0.2 * rng.normal(size=20))
    best = minimize(partial(module.flat_value_and_gradient, **data), begin, jac=True, method="BFGS")
    found = module.unpack(best.x, T=20)
    assert best.fun == pytest.approx(0, abs=1e-10)
    assert found.at == pytest.approx(at, abs=1e-4)
    assert found.heading == pytest.approx(turns, abs=1e-4)


def test_worths_are_found_by_newton_and_conjugate_gradients() -> None:
    """Of two items, one of which is the better p times of n, where the derivative of the loss is 0 by hand."""
    module = generated("orders")
    order = np.array([[0, 1]] * 7 + [[1, 0]] * 3)
    data = {"order": order, "length": np.full(10, 2)}
    flat = partial(module.flat_value_and_gradient, **data)
    product = partial(module.flat_hessian_vector_product, **data)
    best = minimize(
        flat, module.pack(np.zeros(2)), jac=True, hessp=product, method="trust-ncg", options={"gtol": 1e-10}
    )
    # a = −b, and a + 10·expit(2a) = 7
    a, b = best.x
    assert a == pytest.approx(-b, abs=1e-9)
    assert a + 10 * expit(a - b) == pytest.approx(7, abs=1e-8)


def leapfrog(potential: Callable[[Any], Any], theta: Any, momentum: Any, step: float, steps: int) -> tuple[Any, Any]:
    """Hamilton's equations in half steps of the momentum and whole ones of the place."""
    momentum = momentum - step / 2 * potential(theta)[1]
    for k in range(steps):
        theta = theta + step * momentum
        momentum = momentum - (step if k < steps - 1 else step / 2) * potential(theta)[1]
    return theta, momentum


@pytest.mark.long
def test_a_sampler_finds_the_mean_of_a_posterior() -> None:
    """Hamiltonian Monte Carlo (Neal 2011) on the eight schools, against the posterior by quadrature."""
    module = generated("eight schools")
    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    potential = partial(module.flat_value_and_gradient, y=y, sigma=sigma)
    rng = np.random.default_rng(1)
    theta = module.pack(0.0, 0.0, np.zeros(8))
    now, drawn = potential(theta)[0], []
    accepted = 0
    for _ in range(1000):
        momentum = rng.normal(size=theta.size)
        moved, after = leapfrog(potential, theta, momentum, rng.uniform(0.15, 0.35), 10)
        then = potential(moved)[0]
        if np.log(rng.random()) < now + momentum @ momentum / 2 - then - after @ after / 2:
            theta, now = moved, then
            accepted += 1
        drawn.append(theta)
    kept = np.array(drawn[100:])
    mean, spread = posterior_of_mu(y, sigma)
    assert accepted > 0.6 * 1000
    assert kept[:, 0].mean() == pytest.approx(mean, abs=1)  # some 200 draws count, so that 0.25 is usual
    assert kept[:, 0].std() == pytest.approx(spread, abs=0.8)


def posterior_of_mu(y: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of mu on a grid, with the effects of schools integrated out by hand."""
    mu = np.linspace(-25, 35, 401)[:, None, None]
    tau = np.exp(np.linspace(-8, 6, 401))[None, :, None]
    variance = sigma**2 + tau**2
    log_density = -np.sum(np.log(variance) + (y - mu) ** 2 / variance, axis=2) / 2
    log_density += -(mu[..., 0] ** 2) / 50 - np.log1p((tau[..., 0] / 5) ** 2) + np.log(tau[..., 0])
    weight = np.exp(log_density - log_density.max()).sum(axis=1)
    weight /= weight.sum()
    at = mu[:, 0, 0]
    mean = float(weight @ at)
    return mean, float(np.sqrt(weight @ (at - mean) ** 2))
